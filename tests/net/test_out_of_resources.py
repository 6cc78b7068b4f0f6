"""A listener whose index is locked or whose disk is full: 0xA700, nothing half-written, and well again by itself."""

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from pyconquest_rt.archive import arrival as module
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import send_files
from pyconquest_rt.settings.sections import ArchiveSettings

MakeCT = Callable[..., list[Path]]
REFUSED = "The peer answered out of resources (0xA700) out of resources."


def settings_in(folder: Path) -> ArchiveSettings:
    return ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))


@contextmanager
def listening(folder: Path, min_free: int | None = None) -> Iterator[Listener]:
    reception = Reception(settings_in(folder), min_free=min_free)
    try:
        with Listener(reception, port=0) as listener:
            yield listener
    finally:
        reception.close()


def stored(folder: Path) -> dict[str, str]:
    """SOPInstanceUID → file of every row."""
    with closing(sqlite3.connect(folder / "conquest.db")) as connection:
        return dict(connection.execute("SELECT SOPInstanc, ObjectFile FROM DICOMImages"))


def check(folder: Path, sent: list[Path]) -> None:
    """Rows and whole files are those of the objects that were acknowledged, and nothing else is there."""
    originals = {str(data_set.SOPInstanceUID): data_set for data_set in map(dcmread, sent)}
    rows = stored(folder)
    assert rows.keys() == originals.keys()
    files = {path for path in (folder / "data").rglob("*") if path.is_file()}
    assert files == {folder / "data" / name for name in rows.values()}
    for uid, name in rows.items():
        assert dcmread(folder / "data" / name).PixelData == originals[uid].PixelData
    ingest = Archive.open(settings_in(folder))
    assert list(verify(ingest)) == []
    ingest.close()


def test_a_database_locked_for_longer_than_the_patience(
    make_ct: MakeCT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 0.3)
    early, late = make_ct(2), make_ct(3)
    with listening(tmp_path) as listener:
        other = sqlite3.connect(tmp_path / "conquest.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        refused = send_files(early, "127.0.0.1", listener.port, "ANY", parallel=2)
        waited = time.monotonic() - started
        assert [reason for _, reason in refused.failed] == [REFUSED] * 2
        assert waited >= 0.3  # it did wait for the other writer
        assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
        other.execute("ROLLBACK")
        other.close()
        assert send_files(late + early, "127.0.0.1", listener.port, "ANY").ok
        assert listener.counters.failed == 2
    check(tmp_path, late + early)


def test_a_lock_that_is_given_up_in_time_costs_nothing(make_ct: MakeCT, tmp_path: Path) -> None:
    paths = make_ct(4)
    with listening(tmp_path) as listener:
        other = sqlite3.connect(tmp_path / "conquest.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
        release.start()
        assert send_files(paths, "127.0.0.1", listener.port, "ANY", parallel=2).ok
        release.join()
        other.close()
    check(tmp_path, paths)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("min_free", [None, 0], ids=["floor", "no floor"])
def test_a_disk_that_is_full(make_ct: MakeCT, small_disk: Path, min_free: int | None) -> None:
    """Files and index on one small disk; without a floor every kind of write may be the one that fails."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 << 20))
    paths = make_ct(30, 256)
    with listening(small_disk, min_free) as listener:
        first = send_files(paths, "127.0.0.1", listener.port, "ANY", parallel=2)
        failed = [path for path, _ in first.failed]
        assert 0 < len(failed) < len(paths)
        assert {reason for _, reason in first.failed} == {REFUSED}
        ballast.unlink()
        check(small_disk, [path for path in paths if path not in failed])
        assert send_files(failed, "127.0.0.1", listener.port, "ANY", parallel=2).ok
    check(small_disk, paths)
