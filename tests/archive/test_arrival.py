"""Objects from the network: acknowledged means on disk and indexed; anything else leaves nothing behind."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from samples import make_object, save, wait_until

from pyconquest_rt.archive import arrival as module
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.files.intents import Intents
from pyconquest_rt.archive.files.placement import Placement
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.archive.ingest import Batch
from pyconquest_rt.archive.locks import beside, in_use
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.dicom import part10, system
from pyconquest_rt.errors import BusyError, ConflictError, DatabaseError, ObjectError, StorageError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


@dataclass
class Received:
    file: BinaryIO
    sop_instance_uid: str


@pytest.fixture
def settings(tmp_path: Path) -> ArchiveSettings:
    return ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), str(tmp_path / "none.sql"))


@pytest.fixture
def reception(settings: ArchiveSettings) -> Iterator[Reception]:
    opened = Reception(settings)
    yield opened
    opened.close()


def send(reception: Reception, data_set: Dataset, sender: str = "") -> None:
    """What the network does with one object."""
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID") or "1.2.3"
    buffer = BytesIO()
    data_set.save_as(buffer, enforce_file_format=True)
    uid = data_set.get("SOPInstanceUID") or ""
    with reception.stage(uid, sender) as file:
        file.write(buffer.getvalue())
        file.flush()
        reception.accept(Received(file, uid))


def at_once(count: int, task: Callable[[int], None]) -> None:
    """Run a task in several threads that start together, each with its number; raises what one of them does."""
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        task(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def no_links(*_: object, **__: object) -> None:
    """What a file system without hard links says."""
    raise OSError(1, "Operation not permitted")


def query(settings: ArchiveSettings, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(settings.database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def files(settings: ArchiveSettings) -> list[str]:
    root = Path(settings.data)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_an_accepted_object_is_on_disk_and_indexed(reception: Reception, settings: ArchiveSettings) -> None:
    image = make_object("PAT/1")
    send(reception, image)
    name = f"PAT%2F1/{image.SOPInstanceUID}.dcm"
    assert files(settings) == [name]
    assert query(settings, "SELECT ObjectFile, ImagePat FROM DICOMImages") == [(name, "PAT/1")]
    ingest = Archive.open(settings)
    assert list(verify(ingest)) == []
    assert rebuild(ingest).read == 0
    ingest.close()


def test_many_associations_at_once(reception: Reception, settings: ArchiveSettings) -> None:
    def sender(number: int) -> None:
        for instance in range(25):
            send(reception, make_object(f"P{number % 2}", number % 2, number, instance))

    at_once(6, sender)
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(150,)]
    assert query(settings, "SELECT count(*) FROM DICOMPatients") == [(2,)]
    assert query(settings, "SELECT count(*) FROM DICOMStudies") == [(2,)]


@pytest.mark.parametrize("archives", [1, 2])
@pytest.mark.parametrize("same", [True, False])
def test_one_instance_from_many_associations_at_once(
    settings: ArchiveSettings, archives: int, same: bool
) -> None:
    """By one process or by two that share an archive: one file and one row, of the same object."""
    receptions = [Reception(settings) for _ in range(archives)]

    def sender(number: int) -> None:
        for instance in range(10):
            text = "same" if same else f"from {number}"
            image = make_object(instance=instance, ImageComments=text, SeriesDescription=text)
            send(receptions[number % archives], image)

    at_once(6, sender)
    for opened in receptions:
        opened.close()
    assert len(files(settings)) == 10
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(10,)]
    ingest = Archive.open(settings)
    assert list(verify(ingest)) == []
    report = rebuild(ingest)
    ingest.close()
    assert (report.read, report.indexed) == (0, 0)


def test_a_file_has_no_name_before_its_final_one(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while its header is read, which for the third is longer than the part in memory."""
    if not system._NAMELESS:
        pytest.skip("this system has no files without a name")
    reception, names = Reception(settings), list[str]()
    incoming = Path(settings.data) / ".incoming"

    def flush(descriptor: int) -> None:
        names.extend(os.listdir(incoming))

    monkeypatch.setattr(module.os, "fsync", flush)
    for instance, text in enumerate(("", "short", "x" * 10_000)):
        send(reception, make_object(instance=instance, PatientComments=text, AdditionalPatientHistory=text))
    reception.close()
    assert names == []
    assert len(files(settings)) == 3


def test_a_refused_object_leaves_no_folder(reception: Reception, settings: ArchiveSettings) -> None:
    send(reception, make_object())
    with pytest.raises(ConflictError):
        send(reception, make_object("P2", instance=2))
    assert sorted(os.listdir(settings.data)) == [".incoming", make_object().PatientID]
    assert os.listdir(Path(settings.data) / ".incoming") == []


def test_a_listener_to_arrivals_that_fails_stops_nobody(settings: ArchiveSettings) -> None:
    def failing(names: list[str]) -> None:
        raise RuntimeError("a hook")

    reception = Reception(settings, on_stored=failing)
    for instance in range(3):
        with pytest.raises(RuntimeError, match="a hook"):
            send(reception, make_object(instance=instance))
    reception.close()
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(3,)]


def test_a_fault_among_the_steps_back_keeps_nobody_waiting(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four wait for one that writes; then nothing can be written, nor be taken back."""
    reception = Reception(settings)
    errors: list[Exception] = []

    def failing(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    def sender(number: int) -> None:
        try:
            send(reception, make_object(instance=number))
        except Exception as error:
            errors.append(error)

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "write", failing)
        patch.setattr(Placement, "undo", failing)
        with reception._turns.alone():
            threads = [threading.Thread(target=sender, args=(number,), daemon=True) for number in range(5)]
            for thread in threads:
                thread.start()
            wait_until(lambda: reception._turns.waiting() == 5)
        for thread in threads:
            thread.join(10)
    assert [str(error) for error in errors] == ["[Errno 5] Input/output error"] * 5
    assert files(settings) == []
    send(reception, make_object())
    reception.close()
    assert len(files(settings)) == 1


def test_the_same_bytes_again_change_nothing(reception: Reception, settings: ArchiveSettings) -> None:
    send(reception, make_object())
    (name,) = files(settings)
    before = (Path(settings.data) / name).stat().st_mtime_ns
    send(reception, make_object())
    assert files(settings) == [name]
    assert (Path(settings.data) / name).stat().st_mtime_ns == before


@pytest.mark.parametrize(("policy", "kept"), [("replace", "new"), ("keep", "old"), ("refuse", "old")])
def test_other_bytes_of_a_known_instance(
    settings: ArchiveSettings, policy: Any, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "pyconquest_rt.archive.judging")
    reception = Reception(settings, policy=policy)
    send(reception, make_object(StudyDescription="old"))
    if policy == "refuse":
        with pytest.raises(ConflictError):
            send(reception, make_object(StudyDescription="new"))
    else:
        send(reception, make_object(StudyDescription="new"))
    reception.close()
    (name,) = files(settings)
    assert dcmread(Path(settings.data) / name).StudyDescription == kept
    assert query(settings, "SELECT StudyDescr FROM DICOMStudies") == [(kept,)]
    assert [record.getMessage() for record in caplog.records] == [
        f"{make_object().SOPInstanceUID} has come again with other content; what is done: {policy}"
    ]


@pytest.mark.parametrize("fault", [None, "index"])
@pytest.mark.parametrize("nameless", [0, system._NAMELESS])
def test_a_file_system_without_hard_links(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch, nameless: int, fault: str | None
) -> None:
    """Such as FAT, some shares, some sandboxes: new objects are stored and others replaced, or stay, all the same."""
    monkeypatch.setattr(system, "_NAMELESS", nameless)
    monkeypatch.setattr(os, "link", no_links)
    reception = Reception(settings)
    for instance in (1, 2):
        send(reception, make_object(instance=instance, StudyDescription="old"))
    if fault:
        monkeypatch.setattr(Batch, "write", no_links)
        with pytest.raises(OSError, match="permitted"):
            send(reception, make_object(StudyDescription="new"))
    else:
        send(reception, make_object(StudyDescription="new"))
    reception.close()
    assert len(files(settings)) == 2
    path = next(Path(settings.data).rglob(f"{make_object().SOPInstanceUID}.dcm"))
    assert dcmread(path).StudyDescription == ("old" if fault else "new")
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(2,)]


def test_a_contradicting_object_is_refused_and_not_kept(
    reception: Reception, settings: ArchiveSettings
) -> None:
    send(reception, make_object())
    with pytest.raises(ConflictError, match="another patient"):
        send(reception, make_object("P2", instance=2))
    assert len(files(settings)) == 1
    assert query(settings, "SELECT SOPInstanceUID, path FROM rejected")[0][1] is None


@pytest.mark.parametrize("links", [True, False])
def test_who_waits_beside_one_that_is_refused_is_taken(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Also if its file was in its place already when the other was found to contradict the index."""
    reception = Reception(settings)
    for instance in (1, 2):
        send(reception, make_object(instance=instance, StudyDescription="old"))
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    replacing = [make_object(instance=instance, StudyDescription="new") for instance in (1, 2)]
    contradicting = [make_object(f"P{number}", 2, 2, number) for number in (1, 2)]
    with ThreadPoolExecutor(4) as pool:
        with reception._turns.alone():
            futures = [pool.submit(send, reception, image) for image in (*replacing, *contradicting)]
            wait_until(lambda: reception._turns.waiting() == 4)
        errors = [future.exception(10) for future in futures]
    reception.close()
    assert errors[:2] == [None, None]
    assert sorted(type(error).__name__ for error in errors[2:]) == ["ConflictError", "NoneType"]
    found = {path.name: dcmread(path) for path in Path(settings.data).rglob("*.dcm")}
    assert {found[f"{image.SOPInstanceUID}.dcm"].StudyDescription for image in replacing} == {"new"}
    assert len(files(settings)) == 3
    ingest = Archive.open(settings)
    assert list(verify(ingest)) == []
    ingest.close()


def test_objects_that_cannot_be_used(reception: Reception, settings: ArchiveSettings) -> None:
    for data_set in (make_object(SOPInstanceUID=None), make_object(SOPInstanceUID="")):
        with pytest.raises(ObjectError):
            send(reception, data_set)
    assert files(settings) == []
    assert len(query(settings, "SELECT * FROM rejected")) == 2


def test_a_deflated_object_has_to_inflate_to_a_bounded_size(
    reception: Reception, settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part10, "MAX_WHOLE", 8 << 20)

    def deflated(size: int, instance: int) -> Dataset:
        data_set = make_object(instance=instance, PixelData=bytes(size))
        data_set["PixelData"].VR = "OB"
        data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        return data_set

    send(reception, deflated(7 << 20, 1))
    with pytest.raises(ObjectError, match="inflates to more than"):
        send(reception, deflated(9 << 20, 2))
    assert len(files(settings)) == 1
    assert [sop for (sop,) in query(settings, "SELECT SOPInstanceUID FROM rejected")] == [
        make_object(instance=2).SOPInstanceUID
    ]


def test_no_sender_moves_a_study_to_another_patient(reception: Reception, settings: ArchiveSettings) -> None:
    for instance in (1, 2):
        send(reception, make_object("TRUE", instance=instance))
    before = files(settings)
    with pytest.raises(ConflictError, match="indexed for another patient"):
        send(reception, make_object("TRUE", PatientID="WRONG"), sender="MR at 192.0.2.7")
    assert files(settings) == before
    assert query(settings, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("TRUE",)]
    ((reason,),) = query(settings, "SELECT reason FROM rejected")
    assert reason.endswith("is indexed for another patient; sent by MR at 192.0.2.7")
    send(reception, make_object("TRUE", instance=3))


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_database_that_was_replaced_or_deleted_is_refused_and_opened_anew(
    reception: Reception, settings: ArchiveSettings, tmp_path: Path, is_replaced: bool
) -> None:
    send(reception, make_object())
    with (
        closing(sqlite3.connect(settings.database)) as source,
        closing(sqlite3.connect(tmp_path / "b")) as copy,
    ):
        source.backup(copy)
    if is_replaced:
        os.replace(tmp_path / "b", settings.database)
    else:
        os.unlink(settings.database)
    with pytest.raises(DatabaseError, match="replaced or deleted"):
        send(reception, make_object(instance=2))
    assert len(files(settings)) == 1
    send(reception, make_object(instance=3))
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(1 + is_replaced,)]
    assert query(settings, "PRAGMA integrity_check") == [("ok",)]


def test_nothing_is_restored_while_anybody_receives(reception: Reception, settings: ArchiveSettings) -> None:
    second = Reception(settings)  # two listeners on one archive go on working
    with pytest.raises(BusyError):
        in_use(settings.database, alone=True).acquire()
    second.close()
    reception.close()
    with in_use(settings.database, alone=True), pytest.raises(BusyError):
        Reception(settings)


@pytest.mark.parametrize("name", ["P1/known.dcm", "P1/new.dcm"])
def test_what_a_kill_left_between_name_and_rows_is_put_right_at_the_next_start(
    settings: ArchiveSettings, name: str
) -> None:
    data = Path(settings.data)
    save(make_object(SliceThickness="1"), data / "P1/known.dcm")
    with closing(Archive.open(settings)) as archive:
        rebuild(archive)
    save(make_object(SliceThickness="2", instance=1 if "known" in name else 2), data / name)
    (data / ".incoming").mkdir()
    (data / ".incoming/left.before").touch()
    note = f"{name}\0.incoming/left.before\0P1/never_made.dcm\0cut o"
    beside(settings.database, "arriving.dead").write_text(note)
    alive = Intents(settings.database)
    alive.note("P1/of_another_process.dcm")
    Reception(settings).close()
    assert ("2",) in query(settings, "SELECT SliceThick FROM DICOMImages")
    assert os.listdir(data / ".incoming") == []
    with closing(Archive.open(settings)) as archive:
        assert list(verify(archive)) == []
    notes = beside(settings.database, "arriving.*")
    assert len(list(notes.parent.glob(notes.name))) == 1
    alive.close()
    assert list(notes.parent.glob(notes.name)) == []


def test_a_locked_database_is_an_error_and_heals(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 0.1)
    reception = Reception(settings)
    other = sqlite3.connect(settings.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="locked"):
        send(reception, make_object())
    assert files(settings) == []
    other.execute("ROLLBACK")
    other.close()
    send(reception, make_object())
    assert len(files(settings)) == 1
    reception.close()


def test_a_full_disk_is_an_error_before_anything_is_written(settings: ArchiveSettings) -> None:
    reception = Reception(settings, min_free=1 << 60)
    with pytest.raises(StorageError, match="free"):
        send(reception, make_object())
    assert files(settings) == []
    reception.close()


@pytest.mark.parametrize("step", ["replace", "link", "fsync"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_whichever_step_fails_nothing_half_done_is_left(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
) -> None:
    """The n-th call of a system function fails with EIO; afterwards the old state or the new one is there, whole."""
    reception = Reception(settings)
    send(reception, make_object(StudyDescription="old"))
    calls = 0
    original = getattr(module.os, step)

    def failing(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(5, "Input/output error")
        return original(*arguments, **keywords)

    monkeypatch.setattr(module.os, step, failing)
    outcome = "new"
    try:
        send(reception, make_object(StudyDescription="new"))
    except (StorageError, DatabaseError, OSError):
        outcome = "old"
    monkeypatch.undo()
    (name,) = files(settings)
    assert dcmread(Path(settings.data) / name).StudyDescription == outcome
    assert query(settings, "SELECT StudyDescr FROM DICOMStudies") == [(outcome,)]
    send(reception, make_object(StudyDescription="again"))
    reception.close()
    assert query(settings, "SELECT StudyDescr FROM DICOMStudies") == [("again",)]


def test_without_the_database_files_are_stored_and_a_rebuild_finds_them(settings: ArchiveSettings) -> None:
    reception = Reception(settings, write_to_database=False)
    for number in range(3):
        send(reception, make_object(instance=number))
    reception.close()
    assert query(settings, "SELECT count(*) FROM DICOMImages") == [(0,)]
    ingest = Archive.open(settings)
    assert rebuild(ingest).indexed == 3
    ingest.close()


def test_what_a_killed_reception_left_is_cleared_when_it_is_old(
    reception: Reception, settings: ArchiveSettings
) -> None:
    send(reception, make_object())
    (name,) = files(settings)
    os.utime(Path(settings.data) / name, (0, 0))
    storage = Storage(settings.data)
    (storage.incoming / "broken-off.tmp").write_bytes(b"half")
    os.link(Path(settings.data) / name, storage.incoming / "replaced.before")  # old content, kept just now
    assert storage.clear_incoming() == 0
    assert storage.clear_incoming(older_than_s=0) == 2
    assert files(settings) == [name]


@pytest.mark.parametrize("policy", ["replace", "keep", "refuse"])
def test_the_same_data_set_by_another_sender_is_the_same_object(
    settings: ArchiveSettings, policy: str
) -> None:
    first, second = make_object(), make_object()
    second.file_meta.SourceApplicationEntityTitle = "OTHER"
    reception = Reception(settings, policy=policy)  # type: ignore[arg-type]
    send(reception, first)
    before = query(settings, "SELECT * FROM DICOMImages"), query(settings, "SELECT * FROM files")
    send(reception, second)
    reception.close()
    assert before == (query(settings, "SELECT * FROM DICOMImages"), query(settings, "SELECT * FROM files"))


def test_a_replacement_is_on_record(reception: Reception, settings: ArchiveSettings) -> None:
    send(reception, make_object())
    send(reception, make_object(SliceLocation="99"))
    ((detail,),) = query(settings, "SELECT detail FROM audit WHERE action = 'replace'")
    assert detail.count("SHA-256 ") == 2


def test_objects_that_are_cut_off_are_refused(reception: Reception, settings: ArchiveSettings) -> None:
    with reception.stage("1.2") as file:
        whole = BytesIO()
        data_set = make_object(PixelData=bytes(100), BitsAllocated=8)
        data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
        data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
        data_set.save_as(whole, enforce_file_format=True)
        file.write(whole.getvalue()[:-10])
        file.flush()
        with pytest.raises(ObjectError, match="cut off"):
            reception.accept(Received(file, data_set.SOPInstanceUID))
    assert query(settings, "SELECT * FROM DICOMImages") == [] and files(settings) == []


def test_the_retry_after_a_kill_renews_an_older_row(reception: Reception, settings: ArchiveSettings) -> None:
    """The program was killed when the file was replaced, and its rows were not written yet."""
    send(reception, make_object())
    (name,) = files(settings)
    newer = make_object(SliceLocation="99")
    newer.file_meta.MediaStorageSOPClassUID = newer.SOPClassUID
    newer.file_meta.MediaStorageSOPInstanceUID = newer.SOPInstanceUID
    newer.save_as(Path(settings.data, name), enforce_file_format=True)
    send(reception, newer)
    assert query(settings, "SELECT SliceLocat FROM DICOMImages") == [("99",)]
