"""Files from elsewhere: ZIP files are not trusted, failures leave sources and index as they were."""

import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from samples import make_object, save

from pyconquest_rt.archive import store
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.judging import Fate
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.dicom.objects import read_object
from pyconquest_rt.errors import DatabaseError, ObjectError, TruncatedError
from pyconquest_rt.indexer import rebuild


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_zip_bomb_is_stopped(ingest: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_UNZIPPED", 1 << 20)
    good = save(make_object(), tmp_path / "good.dcm").read_bytes()
    zipped(tmp_path / "in" / "bomb.zip", {"1.dcm": good, "2.dcm": bytes(300 << 20)})
    results = list(store.Storer(ingest, store.Options()).store_directory(tmp_path / "in"))
    assert [result.series is not None for result in results] == [True, False]
    assert isinstance(results[1].error, ObjectError)


@pytest.mark.parametrize("damage", ["cut", "encrypted", "crc"])
def test_damaged_zip_files_are_reported(ingest: Archive, tmp_path: Path, damage: str) -> None:
    good = save(make_object(), tmp_path / "good.dcm").read_bytes()
    path = zipped(tmp_path / "in" / "x.zip", {"1.dcm": good})
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content[40:60] = bytes(20)
    elif damage == "encrypted":
        content[content.index(b"PK\1\2") + 8] |= 1
        content[6] |= 1
    else:
        content[content.index(b"PK\1\2") + 16] ^= 0xFF
        content[14] ^= 0xFF
    path.write_bytes(content)
    save(make_object(instance=2), tmp_path / "in" / "y.dcm")
    results = list(store.Storer(ingest, store.Options()).store_directory(tmp_path / "in"))
    assert [result.series is not None for result in results] == [False, True]


def test_an_object_is_no_zip_file(ingest: Archive, tmp_path: Path) -> None:
    path = save(make_object(), tmp_path / "in" / "x.dcm")
    with zipfile.ZipFile(path, "a") as file:  # what follows the object reads as a ZIP file
        file.writestr("y", "z")
    (result,) = store.Storer(ingest, store.Options()).store_directory(tmp_path / "in")
    assert result.series is not None


def test_a_locked_database_keeps_the_source(
    ingest: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_object(), tmp_path / "in" / "x.dcm")
    ingest.database.connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(ingest.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        store.Storer(ingest, store.Options(remove_after_store=True)).store(path)
    other.execute("ROLLBACK")
    other.close()
    assert path.exists()
    rebuild(ingest)
    assert list(verify(ingest)) == []


def test_an_instance_stored_again_replaces_its_file(ingest: Archive, tmp_path: Path, data: Path) -> None:
    storer = store.Storer(ingest, store.Options())
    storer.store(save(make_object(), tmp_path / "a.dcm"))
    storer.store(save(make_object(SliceLocation="99"), tmp_path / "b.dcm"))
    assert dcmread(data / "P1" / "a.dcm").SliceLocation == 99
    assert not (data / "P1" / "b.dcm").exists()
    assert ingest.database.query("SELECT SliceLocat FROM DICOMImages") == [{"SliceLocat": "99"}]
    assert list(verify(ingest)) == []


def test_hidden_and_reserved_names_are_made_visible(ingest: Archive, tmp_path: Path, data: Path) -> None:
    path = save(make_object(), tmp_path / ".hidden")
    store.Storer(ingest, store.Options()).store(path)
    assert (data / "P1" / "%2Ehidden").is_file()
    assert rebuild(ingest).unchanged == 1


def test_a_forced_patient_of_a_file_in_the_archive(ingest: Archive, put: Callable[..., Path]) -> None:
    path = put("P1/1.dcm")
    rebuild(ingest)
    stored = store.Storer(ingest, store.Options(True, False, "P2")).store(path)
    assert stored.error is None
    assert dcmread(path).PatientID == "P2"
    assert ingest.database.query("SELECT PatientID FROM DICOMPatients") == [{"PatientID": "P2"}]


def test_objects_in_memory_have_the_rows_of_their_files(tmp_path: Path) -> None:
    """Every object that pydicom ships with is indexed alike from its file and from pydicom's data set."""
    from pyconquest_rt.settings.sections import ArchiveSettings

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    ignored = {"DatabaseTimeStamp", "AccessTime", "AccessTime:1", "AccessTime:2"}
    compared = 0
    for path in sorted(folder.glob("*.dcm")):
        settings = ArchiveSettings(str(folder), ":memory:", str(tmp_path / "none.sql"))
        rows = []
        for index in (by_file, in_memory):
            opened = Archive.open(settings)
            index(opened, path)
            rows.append(opened.database.query("SELECT * FROM v_series, DICOMImages"))
            opened.close()
        if path.name == "rtplan_truncated.dcm":  # pydicom reads on where a sequence is cut off
            continue
        assert len(rows[0]) == len(rows[1]), path.name
        for one, other in zip(*rows, strict=True):
            for name in one.keys() - ignored:
                assert (one[name] or "").rstrip("=") == (other[name] or "").rstrip("="), (path.name, name)
        compared += len(rows[0])
    assert compared > 60


def by_file(ingest: Archive, path: Path) -> None:
    store.reindex(ingest, [path.name])


def in_memory(ingest: Archive, path: Path) -> None:
    try:
        store.index_data_set(ingest, read_object(path), path.name)
    except ObjectError:
        assert ingest.database.query("SELECT * FROM DICOMImages") == []


def test_what_becomes_of_another_object_with_a_known_uid(ingest: Archive, tmp_path: Path, data: Path) -> None:
    first = save(make_object(), tmp_path / "a.dcm")
    again = save(make_object(), tmp_path / "b.dcm")
    dataset = make_object()
    dataset.file_meta.SourceApplicationEntityTitle = "OTHER"
    by_another = save(dataset, tmp_path / "c.dcm")
    changed = save(make_object(SliceLocation="99"), tmp_path / "d.dcm")
    storer = store.Storer(ingest, store.Options())
    fates = [storer.store(path).fate for path in (first, again, by_another, changed)]
    assert fates == [Fate.STORED, Fate.IDENTICAL, Fate.IDENTICAL, Fate.REPLACED]
    (record,) = ingest.database.query("SELECT * FROM audit WHERE action = 'replace'")
    assert record["detail"].count("SHA-256 ") == 2 and record["subject"] == make_object().SOPInstanceUID
    for policy in ("keep", "refuse"):
        refused = store.Storer(ingest, store.Options(replacement=policy)).store(first)
        assert refused.fate is Fate.REFUSED and "other content" in str(refused.error)
    assert dcmread(data / "P1" / "a.dcm").SliceLocation == 99


def test_moving_two_objects_with_one_uid_loses_none(ingest: Archive, tmp_path: Path) -> None:
    save(make_object(), tmp_path / "in" / "1.dcm")
    other = save(make_object(SliceLocation="99"), tmp_path / "in" / "2.dcm")
    results = list(store.Storer(ingest, store.Options(remove_after_store=True)).store_directory(other.parent))
    assert [result.fate for result in results] == [Fate.STORED, Fate.REFUSED]
    assert list(other.parent.iterdir()) == [other]


@pytest.mark.parametrize("cut", [b"\x10\0\x20\0LO", b"\xe0\x7f\x10\0"])
def test_the_source_of_an_object_that_is_cut_off_stays(
    ingest: Archive, tmp_path: Path, data: Path, cut: bytes
) -> None:
    path = save(make_object(PixelData=bytes(100), BitsAllocated=8), tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(cut) + 20])
    stored = store.Storer(ingest, store.Options(remove_after_store=True)).store(path)
    assert isinstance(stored.error, TruncatedError) and path.exists()
    assert ingest.database.query("SELECT * FROM DICOMImages") == [] and list(data.glob("*/*")) == []


@pytest.mark.parametrize("is_new", [False, True])
def test_rows_that_cannot_be_written_leave_the_files_as_they_were(
    ingest: Archive, tmp_path: Path, data: Path, *, is_new: bool
) -> None:
    storer = store.Storer(ingest, store.Options(remove_after_store=True, sopinstance_as_filename=True))
    if not is_new:
        storer = store.Storer(ingest, store.Options(sopinstance_as_filename=True))
        storer.store(save(make_object(SeriesDescription="old"), tmp_path / "old.dcm"))
        storer = store.Storer(ingest, store.Options(remove_after_store=True, sopinstance_as_filename=True))
    before = {path: path.read_bytes() for path in data.rglob("*.dcm")}
    for event in ("INSERT", "UPDATE"):
        ingest.database.connection.execute(
            f"CREATE TRIGGER stop_{event} BEFORE {event} ON DICOMImages "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    newer = save(make_object(SeriesDescription="new", SliceLocation="7"), tmp_path / "new.dcm")
    with pytest.raises(DatabaseError, match="disk full"):
        storer.store(newer)
    assert {path: path.read_bytes() for path in data.rglob("*.dcm")} == before
    assert [path for path in data.rglob("*") if path.is_file()] == list(before)
    assert newer.exists()
    for event in ("INSERT", "UPDATE"):
        ingest.database.connection.execute(f"DROP TRIGGER stop_{event}")
    assert storer.store(newer).error is None
    assert ingest.database.query("SELECT SeriesDesc FROM DICOMSeries") == [{"SeriesDesc": "new"}]
    assert list(verify(ingest)) == []
    assert not newer.exists()
