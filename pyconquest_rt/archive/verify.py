"""Compare the index with the disk; most differences are healed by reading files again."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.devices import named, without_row
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.headers import read_one, reader_of, spans_of
from pyconquest_rt.archive.listing import Listed, Seen
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.archive.rebuild import rebuild
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.recorded import Corrections
from pyconquest_rt.archive.removal import (
    audit,
    count_by_device,
    is_too_much,
    remove_empty_parents,
    remove_images,
)
from pyconquest_rt.archive.verify_deep import stale_files
from pyconquest_rt.database.connection import quote
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE, PATIENT_OF_STUDY
from pyconquest_rt.dicom.completeness import check_complete
from pyconquest_rt.dicom.part10 import FileSource, begin, read_prefix
from pyconquest_rt.errors import DatabaseError, NkiError, UnreadableError


class Problem(StrEnum):
    """What can be wrong."""

    NO_FILE = "row without a file"
    NO_ROW = "file without a row"
    CHANGED = "file changed since it was indexed"
    OTHER_TIME = "file with another time of change, whose header is that of its rows"
    SAME_INSTANCE = "two files with one SOPInstanceUID"
    DOUBLED_ROW = "two rows with one key"
    UNREADABLE = "file that cannot be read now"
    TRUNCATED = "file that is cut off"
    NKI = "file whose pixels only a Conquest can read (NKI compression)"
    NO_PARENT = "row without its parent"
    NO_CHILD = "row without children"
    CONTRADICTION = "row that contradicts its parents"
    OTHER_OBJECT = "rows that are not those of the file"
    TWO_PERSONS = "one PatientID with different names and birth dates"
    NO_DEVICE = "folder of a device not there"


class Finding(NamedTuple):
    """One difference: what, and the file or key concerned."""

    problem: Problem
    subject: str


HARMLESS = frozenset({Problem.SAME_INSTANCE, Problem.OTHER_TIME})
"""Findings that are on record but are no fault of the index."""


def verify(archive: Archive, *, deep: bool = False) -> Iterator[Finding]:
    """Yield every difference between rows, the ``files`` table and the disk.

    Args:
        deep: read the header of every file too, and compare identifiers and links.
    """
    yield from _files(archive)
    yield from _rows(archive)
    yield from _doubles(archive)
    yield from _parents(archive)
    yield from _childless(archive)
    yield from (Finding(Problem.CONTRADICTION, sop) for sop, _ in _contradictions(archive))
    yield from _persons(archive)
    if deep:
        yield from (Finding(Problem.OTHER_OBJECT, f"{path}: {why}") for path, why in stale_files(archive))


def compared(archive: Archive, *, deep: bool = False) -> str:
    """Say in a few words what :func:`verify` compares."""
    count = archive.database.connection.execute("SELECT count(*) FROM files").fetchone()[0]
    images = archive.database.connection.execute("SELECT count(*) FROM DICOMImages").fetchone()[0]
    how = "size and modification time" + (", identifiers and links by their headers" if deep else "")
    return f"{count} files by {how}, {images} image rows with their parents"


def fix(archive: Archive, *, deep: bool = False, force: bool = False) -> Report:
    """Repair: remove rows without a file, and read files with wrong rows again.

    A moved folder heals because its files are known instances under new names. Rows of a device that is not known
    or whose folder is not there stay, and all rows without a file where these are more than a tenth.

    Args:
        deep: read the header of every file, and read those again whose rows are not theirs.
        force: remove rows without a file, however many they are.

    Raises:
        DatabaseError: there are no files at all but many rows (an unmounted disk?); nothing is removed then.
    """
    database = archive.database
    for finding in list(_doubles(archive)):
        _remove_doubles(archive, finding.subject)
    stale = {(path,) for path in _to_be_read_again(archive, deep=deep)}
    with database.transaction() as connection:
        connection.executemany("DELETE FROM files WHERE path = ?", stale)
    report = rebuild(archive, only="changed", force=force)
    if not (report.read or report.unchanged) and next(_without_file(archive), None):
        raise DatabaseError(
            f"{archive.storage.root} holds no files, but images are indexed. Is its disk mounted? Nothing was removed."
        )
    _remove_lost(archive, report, force=force)
    return report


def _to_be_read_again(archive: Archive, *, deep: bool) -> Iterator[str]:
    """Files whose rows are missing, or contradict others."""
    yield from _paths_without_row(archive)
    yield from _orphans(archive)
    yield from (file_key(path) for _, path in _contradictions(archive) if path)
    if deep:
        yield from (path for path, _ in stale_files(archive))


def _remove_lost(archive: Archive, report: Report, *, force: bool) -> None:
    """Remove rows without a file; those of a device of which more than a tenth is gone stay."""
    database, storage = archive.database, archive.storage
    lost: dict[str, list[str]] = defaultdict(list)
    for sop, name, device in _without_file(archive):
        if storage.holds(device) and (not name or storage.is_gone(name, device)):
            lost[storage.device_of(device)].append(sop)
    rows = count_by_device(database, storage.device_of)
    for device, sops in lost.items():
        if not force and is_too_much(len(sops), rows[device]):
            report.withheld += len(sops)
            continue
        with database.transaction():
            remove_images(database, sops)
            detail = f"rows without a file: {', '.join(sops[:100])}"
            audit(database, "verify-fix", f"{len(sops)} images", detail)
    remove_empty_parents(database)


def _files(archive: Archive) -> Iterator[Finding]:
    """Files that were never seen, have changed, are further copies, or whose row is missing."""
    unseen: list[str] = []
    for span in spans_of(archive):
        for file, known in span.differences(archive.database):
            if file is None:
                continue  # the row that names it is found by _rows
            if known is None:
                unseen.append(file.path)
            elif problem := _problem_of(archive, file, known):
                yield Finding(problem, file.path)
    without = sorted(set(unseen) - _named_by_rows(archive, unseen))
    yield from (Finding(Problem.NO_ROW, path) for path in (*without, *_paths_without_row(archive)))
    for device, path, has_row in without_row(archive):
        yield Finding(Problem.SAME_INSTANCE if has_row else Problem.NO_ROW, named(device, path))


def _problem_of(archive: Archive, file: Listed, known: Seen) -> Problem | None:
    """Return what is wrong with a file that was read, by what it was then and is now."""
    if known.state == "stale":
        return Problem.CHANGED
    if known.size < 0:
        return Problem.UNREADABLE
    now = file.fingerprint()
    if now != (known.size, known.mtime_ns):
        is_same = now[0] == known.size and _has_header_of_rows(archive, file.path)
        return Problem.OTHER_TIME if is_same else Problem.CHANGED
    if known.state == "truncated":
        return _why_not_whole(archive, file.path)
    return Problem.SAME_INSTANCE if known.state == "duplicate" else None


def _why_not_whole(archive: Archive, path: str) -> Problem:
    """Return the fault of a file whose header alone was indexed."""
    try:
        with FileSource(read_prefix(archive.storage.path_of(path))) as source:
            start = begin(source)
            check_complete(source, start.position, start.encoding)
    except NkiError:
        return Problem.NKI
    except UnreadableError:
        pass
    return Problem.TRUNCATED


def _has_header_of_rows(archive: Archive, path: str) -> bool:
    """Whether the header of a file says just what its rows say, as that of a copied tree's files does."""
    layout, database = archive.layout, archive.database
    header = read_one(reader_of(database.definition), os.fspath(archive.storage.root), path).header
    if header is None:
        return False
    values = Corrections(database, layout).apply(layout.complete(header.values))
    for table, part in zip(
        database.definition.tables, (layout.patient, layout.study, layout.series, layout.image), strict=True
    ):
        own = values[part]
        columns = ", ".join(quote(column.name) for column in table.columns)
        row = database.connection.execute(
            f"SELECT {columns} FROM {quote(table.name)} WHERE {quote(table.key.name)} = ?", own[:1]
        ).fetchone()
        if row is None or any(value not in (None, known) for value, known in zip(own, row, strict=True)):
            return False
    return True


def _named_by_rows(archive: Archive, paths: list[str]) -> set[str]:
    """Return the files that rows name but that were never read here: another program has stored them."""
    names = [*paths, *(path.replace("/", "\\") for path in paths)]
    rows = archive.database.select_in(
        "SELECT replace(ObjectFile, '\\', '/'), DeviceName FROM DICOMImages WHERE ObjectFile IN (?)", names
    )
    return {path for path, device in rows if archive.storage.device_of(device) == DEFAULT_DEVICE}


def _paths_without_row(archive: Archive) -> list[str]:
    """Files that are on record as indexed, though no image row is there."""
    rows = archive.database.connection.execute(
        "SELECT path FROM files WHERE state IN ('indexed', 'truncated') AND NOT EXISTS "
        "(SELECT 1 FROM DICOMImages i WHERE i.SOPInstanc = files.sop)"
    )
    return [row[0] for row in rows]


def _rows(archive: Archive) -> Iterator[Finding]:
    """Yield image rows without a file, and absent devices."""
    absent = set()
    for sop, object_file, device in _without_file(archive):
        if archive.storage.holds(device):
            is_gone = not object_file or archive.storage.is_gone(object_file, device)
            yield Finding(Problem.NO_FILE if is_gone else Problem.UNREADABLE, object_file or sop)
        else:
            name, folder = device or DEFAULT_DEVICE, archive.storage.folder_of(device)
            absent.add(f"{name} ({folder or 'not in the settings'})")
    yield from (Finding(Problem.NO_DEVICE, device) for device in sorted(absent))


def _without_file(archive: Archive) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield SOPInstanceUID, ObjectFile and DeviceName of the images whose file is not there."""
    rows = archive.database.connection.execute("SELECT SOPInstanc, ObjectFile, DeviceName FROM DICOMImages")
    for sop, object_file, device in rows:
        if not object_file or archive.storage.status(object_file, device) is None:
            yield sop, object_file, device


_KEYS = {
    "DICOMPatients": "PatientID",
    "DICOMStudies": "StudyInsta",
    "DICOMSeries": "SeriesInst",
    "DICOMImages": "SOPInstanc",
}


def _doubles(archive: Archive) -> Iterator[Finding]:
    """Yield keys with several rows, possible in databases without primary keys."""
    for table, key in _KEYS.items():
        if archive.database.has_key(table):
            continue
        rows = archive.database.connection.execute(
            f"SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1"
        )
        yield from (Finding(Problem.DOUBLED_ROW, f"{table} {row[0]}") for row in rows.fetchall())


def _remove_doubles(archive: Archive, subject: str) -> None:
    """Remove all rows of a key but the last one written."""
    table, value = subject.split(" ", 1)
    key, position = _KEYS[table], archive.database.dialect.position
    with archive.database.transaction() as connection:
        connection.execute(
            f"DELETE FROM {table} WHERE {key} = ? AND {position} < "
            f"(SELECT max({position}) FROM {table} WHERE {key} = ?)",
            (value, value),
        )


_ORPHANS = (
    "SELECT DISTINCT SeriesInst FROM DICOMImages c WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMSeries p WHERE p.SeriesInst = c.SeriesInst)",
    "SELECT DISTINCT StudyInsta FROM DICOMSeries c WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMStudies p WHERE p.StudyInsta = c.StudyInsta)",
    "SELECT DISTINCT PatientID FROM DICOMStudies c WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMPatients p WHERE p.PatientID = c.PatientID)",
)


_EMPTY = (
    "SELECT SeriesInst FROM DICOMSeries p WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMImages c WHERE c.SeriesInst = p.SeriesInst)",
    "SELECT StudyInsta FROM DICOMStudies p WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMSeries c WHERE c.StudyInsta = p.StudyInsta)",
    "SELECT PatientID FROM DICOMPatients p WHERE NOT EXISTS "
    "(SELECT 1 FROM DICOMStudies c WHERE c.PatientID = p.PatientID)",
)


def _parents(archive: Archive) -> Iterator[Finding]:
    """Yield missing parents, by key."""
    return _keys_found(archive, _ORPHANS, Problem.NO_PARENT)


_CONTRADICTIONS = f"SELECT i.SOPInstanc, i.ObjectFile FROM DICOMImages i {PARENTS_OF_IMAGE} WHERE {{differ}}"


def _contradictions(archive: Archive) -> list[tuple[str, str | None]]:
    """SOPInstanceUID and file of images that are said to be another patient's than their series or study is."""
    columns = [("DICOMSeries", "s", "SeriesPat"), ("DICOMImages", "i", "ImagePat")]
    differ = " OR ".join(
        f"{alias}.{column} <> t.PatientID"
        for table, alias, column in columns
        if column in archive.database.columns(table)
    )
    if not differ:
        return []
    return archive.database.connection.execute(_CONTRADICTIONS.format(differ=differ)).fetchall()


def _persons(archive: Archive) -> Iterator[Finding]:
    """PatientIDs whose studies name different persons: the patient's row is that of the last one that came."""
    if not {"PatientNam", "PatientBir"} <= set(archive.database.columns("DICOMStudies")):
        return
    rows = archive.database.connection.execute(
        "SELECT PatientID FROM DICOMStudies GROUP BY PatientID "
        "HAVING count(DISTINCT PatientNam) > 1 AND count(DISTINCT PatientBir) > 1 ORDER BY 1"
    )
    yield from (Finding(Problem.TWO_PERSONS, row[0] or "") for row in rows.fetchall())


def _childless(archive: Archive) -> Iterator[Finding]:
    """Yield series, studies and patients without children."""
    return _keys_found(archive, _EMPTY, Problem.NO_CHILD)


def _keys_found(archive: Archive, statements: Iterable[str], problem: Problem) -> Iterator[Finding]:
    for sql in statements:
        rows = archive.database.connection.execute(sql).fetchall()
        yield from (Finding(problem, row[0] or "") for row in rows)


def _orphans(archive: Archive) -> list[str]:
    """Files of images that lack a parent at any level."""
    rows = archive.database.connection.execute(
        f"SELECT i.ObjectFile FROM DICOMImages i {PARENTS_OF_IMAGE} {PATIENT_OF_STUDY} "
        "WHERE p.PatientID IS NULL AND i.ObjectFile IS NOT NULL"
    )
    return [file_key(row[0]) for row in rows]
