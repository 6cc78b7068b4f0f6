"""Where the system lacks something, its fallback does: they run here as on Windows, or on a POSIX system without it."""

import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyconquest_rt.archive.locks import Lock
from pyconquest_rt.dicom import system
from pyconquest_rt.dicom.part10 import announce
from pyconquest_rt.errors import BusyError


class Msvcrt:
    """The one function of msvcrt that is used: it locks bytes of a file for one handle."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.locked: dict[tuple[int, int], int] = {}

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert mode == self.LK_NBLCK and count == system._SHARES
        place = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.locked.setdefault(place, descriptor) != descriptor:
            raise PermissionError(errno.EACCES, "locked")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without what only POSIX systems have."""
    for name in ("fcntl", "resource", "_advise", "_set_priority", "_set_blocking", "_quick_ack"):
        monkeypatch.setattr(system, name, None)
    monkeypatch.setattr(system, "_DIRECT", 0)
    monkeypatch.setattr(system, "_NAMELESS", 0)
    monkeypatch.setattr(system, "_TIMEVAL_IS_KNOWN", False)
    monkeypatch.setattr(system, "msvcrt", Msvcrt())


@pytest.mark.usefixtures("windows")
def test_a_lock_of_windows_keeps_others_out_and_lets_them_read(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with Lock(path, "it is busy"):
        assert path.read_text().strip() == str(os.getpid())
        with pytest.raises(BusyError, match=str(os.getpid())):
            Lock(path, "it is busy").acquire()


@pytest.mark.usefixtures("windows")
def test_what_cannot_be_done_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"x" * 5000)
    assert not system.can_announce()
    announce(path)
    system.lower_priority()
    assert system.open_nameless(str(tmp_path)) is None
    with path.open("rb+") as file:
        assert system.write_past_cache(file.fileno(), memoryview(bytes(4096))) == 0
    assert path.read_bytes() == b"x" * 5000
    assert system.waits() >= 0
    first = system.waits()
    while system.waits() <= first:
        os.sched_yield() if hasattr(os, "sched_yield") else None


def test_folders_that_cannot_be_opened_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "a folder")

    monkeypatch.setattr(system.os, "open", refused)
    system.sync_folder(tmp_path)
    with pytest.raises(PermissionError):
        system.sync_file(tmp_path / "a.dcm")


@pytest.mark.usefixtures("windows")
def test_a_file_that_windows_gives_to_one_program_alone_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"x")
    assert not system.is_locked(path)
    monkeypatch.setattr(
        Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EACCES, "in use"))
    )
    assert system.is_locked(path)


@pytest.mark.usefixtures("windows")
def test_sockets_without_options_of_linux() -> None:
    first, second = socket.socketpair()
    with first, second:
        system.set_tick(first, 1)
        assert first.gettimeout() == 1
        system.quick_ack(first)
        assert system.gathering(SimpleNamespace()) is None  # type: ignore[arg-type]


def test_processes_that_have_ended_are_known() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not system.is_alive(process.pid)
    assert system.is_alive(os.getpid())


def test_no_process_is_asked_by_a_signal_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.os, "name", "nt")
    monkeypatch.setattr(system.os, "kill", lambda *_: pytest.fail("it would end the process"))
    assert system.is_alive(1)


# -- one module alone ---------------------------------------------------------------------------------------

ONLY_HERE = re.compile(
    r"^\s*import (fcntl|resource|msvcrt|signal)\b|os\.(link|kill|fork|nice)\(|\bO_(DIRECT|TMPFILE)\b|posix_fadvise\("
    r"|TCP_QUICKACK|SO_RCVTIMEO|sys\.platform",
    re.MULTILINE,
)


def test_what_systems_differ_in_stands_in_one_module() -> None:
    package = Path(system.__file__).parents[1]
    others = [path for path in package.rglob("*.py") if path != Path(system.__file__)]
    assert {
        path.name: found[0] for path in others if (found := ONLY_HERE.search(path.read_text("utf-8")))
    } == {}
