import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.errors import BusyError, DatabaseError, StorageError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.service.backup import backup, copies, restore
from pyconquest_rt.settings.sections import ArchiveSettings


def count(path: str | Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM DICOMImages").fetchone()[0])
    finally:
        connection.close()


def test_a_copy_is_one_sound_file_and_only_the_newest_stay(ingest: Archive, put: Callable[..., Path]) -> None:
    folder = Path(ingest.database.path).parent / "backups"
    made = []
    for instance in range(1, 5):
        put(f"P1/{instance}.dcm", instance=instance)
        rebuild(ingest)
        made.append(backup(ingest.database.path, str(folder), 3))
    (folder / "conquest-other.db").write_text("not ours to remove")
    assert copies(ingest.database.path, str(folder)) == made[:0:-1]
    assert [count(path) for path in made[1:]] == [2, 3, 4]
    assert sorted(os.listdir(folder)) == sorted(["conquest-other.db", *(path.name for path in made[1:])])


def test_a_database_that_is_written_meanwhile_gives_a_consistent_copy(
    ingest: Archive, put: Callable[..., Path], tmp_path: Path
) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    stop = threading.Event()

    def write() -> None:
        connection = sqlite3.connect(ingest.database.path, timeout=30, isolation_level=None)
        number = 0
        while not stop.is_set():
            number += 1
            connection.execute("BEGIN IMMEDIATE")
            for table in ("audit", "rejected"):  # always as many rows in both
                column = "action" if table == "audit" else "reason"
                connection.execute(f"INSERT INTO {table}({column}, time) VALUES (?, ?)", (str(number), ""))
            connection.execute("COMMIT")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backup(ingest.database.path, str(tmp_path / "backups"), 9) for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    for path in made:
        connection = sqlite3.connect(path)
        (pair,) = connection.execute("SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM rejected)")
        connection.close()
        assert pair[0] == pair[1]


def test_a_restored_database_verifies(tmp_path: Path) -> None:
    settings = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql"))
    for instance in range(1, 4):
        save(make_object(instance=instance), tmp_path / f"data/P1/{instance}.dcm")
    ingest = Archive.open(settings)
    rebuild(ingest)
    copy = backup(settings.database, str(tmp_path / "backups"), 3)
    save(make_object(instance=4), tmp_path / "data/P1/4.dcm")
    (tmp_path / "data/P1/1.dcm").unlink()
    rebuild(ingest)
    ingest.close()
    former = restore(settings.database, copy)
    assert former is not None
    assert (count(settings.database), count(former)) == (3, 3)
    ingest = Archive.open(settings)
    assert {finding.subject for finding in verify(ingest)} == {"P1/1.dcm", "P1/4.dcm"}
    rebuild(ingest)
    assert list(verify(ingest)) == []
    ingest.close()


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None])
def test_a_damaged_database_is_put_aside(
    ingest: Archive, put: Callable[..., Path], damage: bytes | None
) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    database = Path(ingest.database.path)
    copy = backup(str(database), str(database.parent / "backups"), 3)
    ingest.close()
    if damage is None:
        database.unlink()
    else:
        database.write_bytes(damage)
    former = restore(str(database), copy)
    assert count(database) == 1
    assert (former and former.read_bytes()) == damage
    assert not [name for name in os.listdir(database.parent) if name.endswith((".tmp", ".restoring"))]


def test_what_is_no_sound_index_is_not_restored(
    ingest: Archive, put: Callable[..., Path], tmp_path: Path
) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    copy = backup(ingest.database.path, str(tmp_path / "backups"), 3)
    raw = bytearray(copy.read_bytes())
    raw[4096 * 2 : 4096 * 20] = b"\xff" * 4096 * 18
    copy.write_bytes(raw)
    other = tmp_path / "other.db"
    sqlite3.connect(other).execute("CREATE TABLE t(x)").connection.close()
    ingest.close()
    for bad in (copy, other):
        with pytest.raises(DatabaseError):
            restore(ingest.database.path, bad)
    with pytest.raises(StorageError):
        restore(ingest.database.path, tmp_path / "none.db")
    assert count(ingest.database.path) == 1


def test_a_running_service_refuses_a_restore(ingest: Archive, tmp_path: Path) -> None:
    copy = backup(ingest.database.path, str(tmp_path / "backups"), 3)
    with (
        Lock(beside(ingest.database.path, "serve.lock"), "the service runs"),
        pytest.raises(BusyError, match=str(os.getpid())),
    ):
        restore(ingest.database.path, copy)


def test_a_folder_that_cannot_be_written_is_named(ingest: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        backup(ingest.database.path, str(tmp_path / "file"), 3)
