"""What one transaction knows of parents serves the next, and never longer than it is true."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import make_object, save

from pyconquest_rt.archive import parents as known
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.delete import delete_series
from pyconquest_rt.archive.ingest import Found, State, Writer
from pyconquest_rt.errors import ConflictError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def settings(tmp_path: Path) -> ArchiveSettings:
    return ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), str(tmp_path / "none.sql"))


@pytest.fixture
def ingest(settings: ArchiveSettings) -> Iterator[Writer]:
    archive = Archive.open(settings)
    yield archive.writer(private=True)
    archive.close()


def add(ingest: Writer, patient: str = "P", study: int = 1, series: int = 1, instance: int = 1) -> State:
    data_set = make_object(patient, study, series, instance)
    name = f"{patient}/{data_set.SOPInstanceUID}.dcm"
    path = save(data_set, ingest.storage.root / name)
    header = ingest.layout.reader().read_file(path)
    (outcome,) = ingest.add([Found(name, header.size, header.mtime_ns, header)])
    return outcome.state


def statements(ingest: Writer, instance: int) -> list[str]:
    seen: list[str] = []
    ingest.database.connection.set_trace_callback(seen.append)
    add(ingest, instance=instance)
    ingest.database.connection.set_trace_callback(None)
    return seen


def parents(ingest: Writer | Archive) -> tuple[int, ...]:
    count = ingest.database.connection.execute
    return tuple(
        count(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("DICOMPatients", "DICOMStudies", "DICOMSeries", "DICOMImages")
    )


def test_the_next_object_of_a_series_does_not_ask_for_its_parents(
    ingest: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pyconquest_rt.archive.pending.access_time", lambda: 32
    )  # a parent's changes each 32 s
    add(ingest, instance=1)
    asked = [line for line in statements(ingest, 2) if "DICOMSeries" in line or "DICOMPatients" in line]
    assert asked == []
    assert parents(ingest) == (1, 1, 1, 2)


def test_what_another_connection_removes_is_made_again(ingest: Writer, settings: ArchiveSettings) -> None:
    add(ingest, instance=1)
    other = Archive.open(settings)
    delete_series(other, str(make_object("P").SeriesInstanceUID))
    assert parents(other) == (0, 0, 0, 0)
    other.close()
    add(ingest, instance=2)
    assert parents(ingest) == (1, 1, 1, 1)


def test_what_is_taken_back_is_not_believed(ingest: Writer) -> None:
    add(ingest, instance=1)
    with pytest.raises(sqlite3.Error), ingest.database.transaction() as connection:
        add(ingest, study=2, series=2, instance=2)
        connection.execute("an error")
    assert parents(ingest) == (1, 1, 1, 1)
    add(ingest, study=2, series=2, instance=3)
    assert parents(ingest) == (1, 2, 2, 2)


def test_a_series_of_another_study_is_refused_from_memory(ingest: Writer) -> None:
    add(ingest, instance=1)
    stray = make_object("P", 2, 1, 2)
    stray.SeriesInstanceUID = make_object("P", 1, 1, 1).SeriesInstanceUID
    path = save(stray, ingest.storage.root / "P/stray.dcm")
    values = ingest.layout.complete(ingest.layout.reader().read_file(path).values)
    with ingest.database.transaction(), pytest.raises(ConflictError, match="is indexed in study"):
        ingest.batch([values]).known_file(values)


def test_a_corrected_patient_is_known_by_the_new_name(ingest: Writer) -> None:
    add(ingest, "P", instance=1)
    assert add(ingest, "Q", instance=1) is State.REJECTED  # while the first file is there
    (ingest.storage.root / "P" / f"{make_object('P').SOPInstanceUID}.dcm").unlink()
    assert add(ingest, "Q", instance=1) is State.MOVED
    add(ingest, "Q", instance=2)
    assert parents(ingest) == (1, 1, 1, 2)
    assert ingest.database.connection.execute("SELECT PatientID FROM DICOMStudies").fetchall() == [("Q",)]


def test_memory_is_bounded(ingest: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_MAX_ROWS", 3)
    for number in range(8):
        add(ingest, f"P{number}", number, number, number)
        assert len(ingest.known.study_of) <= 4
    assert parents(ingest) == (8, 8, 8, 8)
    assert rebuild(Archive(ingest.database, ingest.storage)).read == 0
