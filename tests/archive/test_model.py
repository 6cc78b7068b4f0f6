"""The index against a model: whatever happens to the files, its rows follow from the files and from what is on record.

The model reads every file with pydicom. Short by default; as many minutes as the environment variable
PYCONQUEST_RT_MODEL_MINUTES says for the long form.
"""

import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from pydicom import dcmread
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.corrections import correct, merge_patient
from pyconquest_rt.archive.heal import heal
from pyconquest_rt.archive.rebuild import Only, rebuild
from pyconquest_rt.archive.selection import Level
from pyconquest_rt.archive.store import Options, Storer
from pyconquest_rt.archive.verify import HARMLESS, Problem, verify
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.settings.sections import ArchiveSettings

MINUTES = float(os.environ.get("PYCONQUEST_RT_MODEL_MINUTES", "0"))
PATIENT_ID, INSTANCE_NUMBER = 0x00100020, 0x00200013
LEVELS: tuple[Level, ...] = ("patient", "study", "series", "image")


# -- the model ----------------------------------------------------------------------------------------------


class Named(NamedTuple):
    """What one file says."""

    patient: str
    study: str
    series: str
    sop: str
    number: str


class Index(NamedTuple):
    """What the tables ought to hold: SOPInstanceUID to series, file and number; series to study; study to patient."""

    images: dict[str, tuple[str, str, str]]
    series: dict[str, str]
    studies: dict[str, str]
    refused: set[str]


def read(path: Path) -> Named | None:
    try:
        found = dcmread(path)
    except Exception:  # whatever pydicom says of what is no DICOM file
        return None
    return Named(
        found.PatientID,
        found.StudyInstanceUID,
        found.SeriesInstanceUID,
        found.SOPInstanceUID,
        str(found.InstanceNumber),
    )


def corrected(named: Named, record: list[tuple[str, str, int, str, str]]) -> Named:
    """What a file says with the corrections on record: level, UID, tag, former and new value, in their order."""
    for _, uid, tag, former, value in record:
        if tag == PATIENT_ID and uid == named.study and former == named.patient:
            named = named._replace(patient=value)
    for level, uid, tag, _, value in record:
        if tag == INSTANCE_NUMBER and uid == dict(zip(LEVELS, named, strict=False))[level]:
            named = named._replace(number=value)
    return named


def winners(votes: list[tuple[str, str]]) -> dict[str, str]:
    """For each key the value that most pairs give it; of as many the smaller text."""
    counts = Counter(votes)
    return {
        key: min((-count, value) for (other, value), count in counts.items() if other == key)[1]
        for key, _ in votes
    }


def model(root: Path, record: list[tuple[str, str, int, str, str]]) -> Index:
    files: dict[str, Named] = {}
    refused = set()
    for path in root.rglob("*"):
        if path.is_file() and not path.relative_to(root).parts[0].startswith("."):
            name = path.relative_to(root).as_posix().replace("\\", "\uf05c")
            named = read(path)
            if named is None:
                refused.add(name)
            else:
                files[name] = corrected(named, record)
    owner = winners([(named.study, named.patient) for named in files.values()])
    rightful = {name: named for name, named in files.items() if owner[named.study] == named.patient}
    home = winners([(named.series, named.study) for named in rightful.values()])
    index = Index({}, {}, {}, refused | files.keys() - rightful.keys())
    for name, named in sorted(rightful.items()):
        held = index.images.get(named.sop)
        if home[named.series] != named.study or (held and held[0] != named.series):
            index.refused.add(name)
        elif not held:
            index.images[named.sop] = named.series, name, named.number
            index.series[named.series] = named.study
            index.studies[named.study] = named.patient
    return index


def rows(archive: Archive) -> Index:
    def select(sql: str) -> list[tuple[Any, ...]]:
        return archive.database.connection.execute(sql).fetchall()

    links = select(
        "SELECT i.ImagePat, s.SeriesPat, t.PatientID, p.PatientID FROM DICOMImages i "
        "LEFT JOIN DICOMSeries s USING (SeriesInst) LEFT JOIN DICOMStudies t USING (StudyInsta) "
        "LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID"
    )
    assert all(len(set(patients)) == 1 for patients in links)
    images = select("SELECT SOPInstanc, SeriesInst, ObjectFile, ImageNumbe FROM DICOMImages")
    return Index(
        {sop: (series, path, number) for sop, series, path, number in images},
        dict(select("SELECT SeriesInst, StudyInsta FROM DICOMSeries")),
        dict(select("SELECT StudyInsta, PatientID FROM DICOMStudies")),
        {path for (path,) in select("SELECT path FROM rejected WHERE path IS NOT NULL")},
    )


# -- what happens -------------------------------------------------------------------------------------------

OBJECTS = st.fixed_dictionaries(
    {
        "PatientID": st.sampled_from(["P1", "P2", "P3"]),
        "StudyInstanceUID": st.sampled_from(["1.1", "1.2"]),
        "SeriesInstanceUID": st.sampled_from(["1.1.1", "1.1.2", "1.2.1"]),
        "SOPInstanceUID": st.sampled_from(["1.9.1", "1.9.2", "1.9.3", "1.9.4"]),
        "InstanceNumber": st.integers(1, 3),
    }
)
PATHS = st.sampled_from(["A/1.dcm", "A/2.dcm", "B/1.dcm", "B\\2", "C/1.dcm", "C/2.dcm", "P1/1.9.1.dcm"])
CHANCE = random.Random(14)


class Life(RuleBasedStateMachine):
    """An archive over a folder that people, programs and kills change."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="model-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.clock = time.time_ns() - 10**15
        self.archive = self.open("index.db")
        self.is_settled = True

    def open(self, name: str) -> Archive:
        return Archive.open(ArchiveSettings(str(self.data), str(self.folder / name), "none.sql"))

    def teardown(self) -> None:
        self.compare("changed")
        self.archive.close()
        shutil.rmtree(self.folder)

    def touch(self, path: Path) -> None:
        """No two states of a file have one time, as quick as a test may be."""
        self.clock += 10**9
        os.utime(path, ns=(self.clock, self.clock))
        self.is_settled = False

    def paths(self) -> list[Path]:
        return sorted(
            path
            for path in self.data.rglob("*")
            if path.is_file() and not path.relative_to(self.data).parts[0].startswith(".")
        )

    def choose(self, number: int) -> Path | None:
        paths = self.paths()
        return paths[number % len(paths)] if paths else None

    # by hand

    @rule(path=PATHS, values=OBJECTS)
    def write(self, path: str, values: dict[str, Any]) -> None:
        self.touch(save(make_object(**values), self.data / path))

    @rule(path=PATHS)
    def write_junk(self, path: str) -> None:
        (self.data / path).parent.mkdir(exist_ok=True)
        (self.data / path).write_bytes(b"no object")
        self.touch(self.data / path)

    @rule(number=st.integers(0, 9), path=PATHS, copy=st.booleans())
    def move_or_copy(self, number: int, path: str, copy: bool) -> None:
        source, target = self.choose(number), self.data / path
        if source is None or source == target:
            return
        target.parent.mkdir(exist_ok=True)
        (shutil.copy2 if copy else shutil.move)(source, target)
        self.is_settled = False

    @rule(first=st.integers(0, 9), second=st.integers(0, 9))
    def swap(self, first: int, second: int) -> None:
        one, other = self.choose(first), self.choose(second)
        if one is None or other is None:
            return
        content = one.read_bytes(), other.read_bytes()
        for path, raw in zip((other, one), content, strict=True):
            path.write_bytes(raw)
            self.touch(path)

    @rule(number=st.integers(0, 9))
    def delete(self, number: int) -> None:
        if path := self.choose(number):
            path.unlink()
        self.is_settled = False

    # by programs

    def as_process(self, work: Callable[[Archive], object], kill: bool) -> None:
        """Do some work, or have it done by a process that is killed meanwhile; the next start heals."""
        if not kill:
            work(self.archive)
            return
        self.compare("changed")
        self.archive.close()
        child = os.fork()
        if not child:
            try:
                archive = self.open("index.db")
                work(archive)
            finally:
                os._exit(0)
        time.sleep(CHANCE.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.archive = self.open("index.db")
        heal(self.archive)
        assert [found for found in verify(self.archive, deep=True) if found.problem not in HARMLESS] == []

    @rule(values=OBJECTS, kill=st.booleans())
    def store(self, values: dict[str, Any], kill: bool) -> None:
        source = save(make_object(**values), self.folder / "source.dcm")
        before = {path: read(path) for path in self.paths()}

        def work(archive: Archive) -> None:
            stored = Storer(archive, Options(sopinstance_as_filename=True)).store(source)
            assert stored.error is not None or read(archive.storage.path_of(stored.name or "")) == read(
                source
            )

        self.as_process(work, kill)
        for path, named in before.items():  # nothing but the same instance has taken the place of a file
            now = read(path)
            assert path.exists() and (named is None or (now is not None and now.sop == named.sop))
        self.is_settled = False

    @rule(
        old=st.sampled_from(["P1", "P2"]),
        new=st.sampled_from(["P2", "P3"]),
        files=st.booleans(),
        kill=st.booleans(),
    )
    def merge(self, old: str, new: str, files: bool, kill: bool) -> None:
        def work(archive: Archive) -> None:
            try:
                merge_patient(archive, old, new, files=files)
            except PyconquestError:
                return
            assert old not in rows(archive).studies.values()

        self.as_process(work, kill)
        self.is_settled = False

    @rule(level=st.sampled_from(LEVELS), values=OBJECTS, files=st.booleans(), kill=st.booleans())
    def correct(self, level: Level, values: dict[str, Any], files: bool, kill: bool) -> None:
        uid = list(values.values())[LEVELS.index(level)]

        def work(archive: Archive) -> None:
            try:
                correct(archive, level, uid, {"InstanceNumber": "7"}, files=files)
            except PyconquestError:
                return
            numbers = archive.database.query(
                "SELECT ImageNumbe FROM DICOMImages WHERE SOPInstanc = ?", (uid,)
            )
            assert level != "image" or numbers == [{"ImageNumbe": "7"}]

        self.as_process(work, kill)
        self.is_settled = False

    @rule(only=st.sampled_from(["missing", "changed", "all"]), kill=st.booleans())
    def rebuild(self, only: Only, kill: bool) -> None:
        self.archive.close()
        child = os.fork() if kill else 0
        if kill and not child:
            try:
                rebuild(self.open("index.db"), only=only, force=True)
            finally:
                os._exit(0)
        if child:
            time.sleep(CHANCE.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.archive = self.open("index.db")
        heal(self.archive)
        if not kill and only != "missing":
            self.compare(only)

    @rule(name=st.sampled_from(["changed", "all", "anew", "elsewhere"]))
    def compare(self, name: str) -> None:
        """Every kind of rebuild gives the rows of the model, and so does a new index of the same files."""
        archive = self.archive
        if name == "elsewhere":
            (self.folder / "other.db").unlink(missing_ok=True)
            archive = self.open("other.db")
        if name == "anew":
            archive.database.drop_tables()
        paths = self.paths()
        if not paths and not rows(archive).images:
            return
        if not paths:
            self.touch(
                save(make_object(), self.data / "A" / "1.dcm")
            )  # a folder without any file is taken for no disk
        rebuild(archive, only="changed" if name == "changed" else "all", force=True)
        record = [
            tuple(row.values())
            for row in archive.database.query(
                "SELECT level, uid, tag, former, value FROM corrections ORDER BY id"
            )
        ]
        assert rows(archive) == model(self.data, record)  # type: ignore[arg-type]
        expected_findings = {Problem.TWO_PERSONS, *HARMLESS}
        assert [found for found in verify(archive, deep=True) if found.problem not in expected_findings] == []
        before = rows(archive)
        rebuild(archive, only="all", force=True)
        assert rows(archive) == before
        if archive is not self.archive:
            archive.close()
        assert set(paths) <= set(self.paths())


def test_rows_follow_from_files_and_record() -> None:
    common = {"deadline": None, "suppress_health_check": list(HealthCheck), "stateful_step_count": 12}
    run_state_machine_as_test(Life, settings=settings(max_examples=25, **common))  # type: ignore[arg-type]


@pytest.mark.skipif(not MINUTES, reason="the long form: PYCONQUEST_RT_MODEL_MINUTES")
def test_rows_follow_for_long() -> None:
    end = time.monotonic() + 60 * MINUTES
    common: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
    common["phases"] = [Phase.generate]
    while time.monotonic() < end:
        run_state_machine_as_test(
            Life,
            settings=settings(max_examples=40, stateful_step_count=25, **common),
        )
