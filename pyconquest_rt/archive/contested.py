"""Files that contradict one another: which of them the index holds, whatever the order in which they came.

A study belongs to the PatientID that most of its files name; of as many, the smaller text has it. All files count:
those with a row, their copies, and the refused ones, which the table ``contested`` tells. Of the files that name that
patient most say to which study a series belongs. Of an instance that stands in several places so settled, the first
file holds. What is not so in the index is judged again, from the files.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.headers import read_one, reader_of
from pyconquest_rt.archive.ingest import Outcome, State
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.removal import copies, mark_mixed, remove_images
from pyconquest_rt.database.rows import Parents

_ROUNDS = 5  # that a chain of contradictions may take, each a study further
_CHUNK = 1000


class _Named(NamedTuple):
    """A file and what it names; its place is the rank of its device and its path."""

    place: tuple[int, str]
    sop: str
    series: str
    study: str
    patient: str


class _Owners:
    """Whose each study and series is, by all files that name it.

    Args:
        refused: the refused files.
        indexed: series, study, patient and number of files of what has rows beside them.
    """

    def __init__(self, refused: Collection[_Named], indexed: Collection[tuple[str, str, str, int]]) -> None:
        self.study_of = {series: study for series, study, _, _ in indexed}
        """Series to study as the index has it now."""
        self.patient_of = {study: patient for _, study, patient, _ in indexed}
        """Study to patient, likewise."""
        named = [*indexed, *((file.series, file.study, file.patient, 1) for file in refused)]
        patients: dict[str, Counter[str]] = defaultdict(Counter)
        for _, study, patient, files in named:
            patients[study][patient] += files
        self._patients = {study: _first(votes) for study, votes in patients.items()}
        studies: dict[str, Counter[str]] = defaultdict(Counter)
        for series, study, patient, files in named:
            if self._patients[study] == patient:  # the others say nothing of series that will be theirs
                studies[series][study] += files
        self._studies = {series: _first(votes) for series, votes in studies.items()}

    def objection(self, parents: Parents) -> str | None:
        """Say why an object that names these is wrong; None where it is right."""
        patient, study, series = parents
        if (owner := self._patients.get(study, patient)) != patient:
            return f"study {study} is indexed for another patient: most of its files name {owner}, it names {patient}"
        if (home := self._studies.get(series, study)) != study:
            return f"series {series} is indexed in study {home}, not {study}: most of its files name that one"
        return None

    def unsettled(self) -> Iterator[str]:
        """Yield the studies that the index gives to another patient, or from which a series goes to another one."""
        for study, patient in self.patient_of.items():
            if self._patients[study] != patient:
                yield study
        for series, study in self.study_of.items():
            if (home := self._studies.get(series, study)) != study:
                yield from (study, home)


def _first(votes: Counter[str]) -> str:
    return min(votes, key=lambda name: (-votes[name], name))


def settle(archive: Archive, report: Report) -> None:
    """Bring the rows of files that contradict one another into line with all of these.

    Args:
        archive: the archive.
        report: takes up what was refused, and what is so no longer.

    Raises:
        DatabaseError: the database cannot be written.
    """
    for _ in range(_ROUNDS):
        refused = _refused(archive)
        if not refused:
            return
        owners = _Owners(refused, _indexed(archive, refused))
        studies = {*owners.unsettled(), *_wrongly_refused(archive, refused, owners)}
        studies = {study for study in studies if _is_there(archive, study)}
        if not studies:
            return
        _judge_again(archive, studies, refused, owners, report)


def _is_there(archive: Archive, study: str) -> bool:
    """Whether all files of a study can be read again, so that no row goes because a disk is not there."""
    sops = [row[0] for row in archive.database.select_in(_IMAGES_OF_STUDIES, [study])]
    found = copies(archive.database, sops)
    return all(archive.storage.status(copy.path, copy.device) is not None for copy in found)


def _refused(archive: Archive) -> list[_Named]:
    """The files that were refused for what they name."""
    rows = archive.database.connection.execute(
        "SELECT path, sop, series, study, patient FROM contested c "
        "WHERE EXISTS (SELECT 1 FROM rejected r WHERE r.path = c.path) ORDER BY path"
    )
    return [_Named(_place(archive, path), *rest) for path, *rest in rows]


def _place(archive: Archive, path: str) -> tuple[int, str]:
    """The rank of a refused file's device and its path there: before those of further devices stands their name."""
    device, _, rest = path.partition(":")
    return (archive.storage.rank(device), rest) if device in archive.storage.devices else (0, path)


def _indexed(archive: Archive, refused: Collection[_Named]) -> list[tuple[str, str, str, int]]:
    """Series, study, patient and number of files (copies too) of the series beside refused files."""
    database = archive.database
    studies = {file.study for file in refused}
    studies |= {row[0] for row in database.select_in(_STUDIES_OF_SERIES, {file.series for file in refused})}
    rows = list(database.select_in(_FILES_OF_STUDIES, studies))
    further = dict(database.select_in(_COPIES_OF_SERIES, [row[0] for row in rows]))
    return [
        (series, study, patient, files + further.get(series, 0)) for series, study, patient, files in rows
    ]


_STUDIES_OF_SERIES = "SELECT StudyInsta FROM DICOMSeries WHERE SeriesInst IN (?)"
_FILES_OF_STUDIES = (
    "SELECT s.SeriesInst, t.StudyInsta, t.PatientID, count(*) FROM DICOMStudies t "
    "JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
    "WHERE t.StudyInsta IN (?) GROUP BY 1, 2, 3"
)
_COPIES_OF_SERIES = (
    "SELECT i.SeriesInst, count(*) FROM DICOMImages i JOIN files f ON f.sop = i.SOPInstanc "
    "AND f.state <> 'indexed' AND f.state = 'duplicate' WHERE i.SeriesInst IN (?) GROUP BY 1"
)
_FORGET = (
    "DELETE FROM files WHERE path = ?",
    "DELETE FROM rejected WHERE path = ?",
    "DELETE FROM contested WHERE path = ?",
)
_ROWS_OF_INSTANCES = (
    "SELECT i.SOPInstanc, i.SeriesInst, s.StudyInsta, i.ObjectFile, i.DeviceName FROM DICOMImages i "
    "JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst WHERE i.SOPInstanc IN (?)"
)
_IMAGES_OF_STUDIES = (
    "SELECT i.SOPInstanc FROM DICOMSeries s "
    "JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE s.StudyInsta IN (?)"
)


def _wrongly_refused(archive: Archive, refused: Collection[_Named], owners: _Owners) -> Iterator[str]:
    """Yield the studies of refused files that are right, and whose instance no earlier file holds."""
    right = [file for file in refused if not owners.objection((file.patient, file.study, file.series))]
    rank, device_of = archive.storage.rank, archive.storage.device_of
    rows = archive.database.select_in(_ROWS_OF_INSTANCES, {file.sop for file in right})
    holders = {
        sop: (series, study, (rank(device_of(device)), file_key(path or "")))
        for sop, series, study, path, device in rows
    }
    for file in right:
        series, study, place = holders.get(file.sop, (file.series, file.study, file.place))
        if file.series == series or file.place < place:  # it is a copy of that one by now, or goes before it
            yield from (file.study, study)


def _judge_again(
    archive: Archive, studies: Collection[str], refused: Collection[_Named], owners: _Owners, report: Report
) -> None:
    """Remove the rows of some studies and make them anew, from all files that name them."""
    database, storage = archive.database, archive.storage
    sops = [row[0] for row in database.select_in(_IMAGES_OF_STUDIES, studies)]
    named = _named_with(refused, studies, set(sops), owners)
    again = {file.place for file in named}
    places = {(storage.rank(storage.device_of(copy.device)), copy.path) for copy in copies(database, sops)}
    names = {_name(archive, place) for place in again}
    with database.transaction() as connection:
        remove_images(database, sops)
        for statement in _FORGET:
            connection.executemany(statement, [(name,) for name in names])
        outcomes = list(_taken(archive, sorted(places | again), owners))
        mark_mixed(database, {file.patient for file in named})
    _count(report, outcomes, names)


def _named_with(
    refused: Collection[_Named], studies: Collection[str], sops: Collection[str], owners: _Owners
) -> list[_Named]:
    """The refused files that name some studies, a series in them, or one of their instances."""
    return [
        file
        for file in refused
        if file.study in studies or owners.study_of.get(file.series) in studies or file.sop in sops
    ]


def _name(archive: Archive, place: tuple[int, str]) -> str:
    """How a refused file is called on record."""
    rank, path = place
    return path if not rank else f"{_device(archive, rank)}:{path}"


def _device(archive: Archive, rank: int) -> str:
    return next(
        (name for name in archive.storage.devices if archive.storage.rank(name) == rank), DEFAULT_DEVICE
    )


def _taken(archive: Archive, places: list[tuple[int, str]], owners: _Owners) -> Iterator[tuple[str, Outcome]]:
    """Read files and take those that are right; yields how each is called, and what became of it."""
    reader = reader_of(archive.database.definition)
    for rank, group in groupby(places, key=lambda place: place[0]):
        device, paths = _device(archive, rank), [path for _, path in group]
        writer, root = archive.writer(device=device), os.fspath(archive.storage.folder_of(device) or "")
        for start in range(0, len(paths), _CHUNK):
            found = [read_one(reader, root, path) for path in paths[start : start + _CHUNK]]
            for outcome in writer.add(found, owners.objection):
                yield _name(archive, (rank, outcome.path)), outcome


def _count(report: Report, outcomes: Collection[tuple[str, Outcome]], refused: set[str]) -> None:
    """Put into a report what is refused now and was not, and the reverse."""
    report.judged_again += len(outcomes)
    wrong = {name: outcome.reason or "" for name, outcome in outcomes if outcome.state is State.REJECTED}
    right = {name for name, _ in outcomes} - wrong.keys()
    kept = {name: why for name, why in report.rejected if name not in right}
    news = {name: why for name, why in wrong.items() if name not in refused}
    report.rejected = list((news | kept).items())
