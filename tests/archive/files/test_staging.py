"""Staged files: every byte arrives, whatever the system can do; the name comes last, and nothing else stays."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pyconquest_rt.archive.files import staging as staged
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.dicom import system as the_system
from pyconquest_rt.dicom.part10 import PREFIX_BYTES

MB = 1 << 20
SIZES = (0, 1, 4095, 65535, 65536, 65537, MB - 1, MB, MB + 1, 3 * MB + 4097)


@pytest.fixture(params=["all", "cache", "named", "neither"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system that can write past its cache and have files without a name, or cannot."""
    if request.param in ("cache", "neither"):
        monkeypatch.setattr(the_system, "_DIRECT", 0)
    if request.param in ("named", "neither"):
        monkeypatch.setattr(the_system, "_NAMELESS", 0)
    return str(request.param)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [130_999, 4 * MB])
def test_every_byte_is_in_the_file(tmp_path: Path, system: str, size: int, piece: int) -> None:
    data = os.urandom(size)
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        for start in range(0, size, piece):
            assert file.write(data[start : start + piece]) == len(data[start : start + piece])
        file.flush()
        file.link(str(tmp_path / "final"))
        assert file.head == data[:PREFIX_BYTES]
    assert (tmp_path / "final").read_bytes() == data
    assert os.listdir(tmp_path) == ["final"]
    assert (tmp_path / "final").stat().st_nlink == 1


def test_what_is_written_after_a_flush_follows(tmp_path: Path, system: str) -> None:
    parts = [os.urandom(size) for size in (100_001, 5, 200_000)]
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        for part in parts:
            file.write(part)
            file.flush()
        file.link(str(tmp_path / "final"))
    assert (tmp_path / "final").read_bytes() == b"".join(parts)


def test_a_name_is_there_once_it_is_asked_for(tmp_path: Path, system: str) -> None:
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(b"content")
        file.flush()
        assert Path(file.name).read_bytes() == b"content"
        assert Path(file.name) == tmp_path / "a.tmp"
    assert os.listdir(tmp_path) == []


def test_it_can_be_read_without_a_name(tmp_path: Path, system: str) -> None:
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(b"content")
        file.flush()
        assert Path(file).read_bytes() == b"content"
        assert os.listdir(tmp_path) == ([] if file._is_nameless else ["a.tmp"])


def test_a_name_for_a_file_that_has_lost_the_one_it_had(tmp_path: Path, system: str) -> None:
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(b"content")
        file.flush()
        file.link(str(tmp_path / "final"))
        os.utime(file.fileno(), ns=(5, 123_456_789))
        (tmp_path / "final").unlink()
        assert Path(file.name).read_bytes() == b"content"
        assert os.stat(file.name).st_mtime_ns == 123_456_789
    assert os.listdir(tmp_path) == []


def test_no_other_file_is_replaced(tmp_path: Path, system: str) -> None:
    (tmp_path / "final").write_bytes(b"other")
    with StagedFile(str(tmp_path / "a.tmp")) as file, pytest.raises(FileExistsError):
        file.link(str(tmp_path / "final"))
    assert (tmp_path / "final").read_bytes() == b"other"


def test_what_is_not_flushed_is_not_written(tmp_path: Path, system: str) -> None:
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(b"half")
        name = file.name
    assert not Path(name).exists()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_disk_that_cannot_be_written_past_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    if not the_system._DIRECT:
        pytest.skip("this system has no O_DIRECT")
    data, original = os.urandom(200_000), the_system.fcntl.fcntl

    def refusing(descriptor: int, command: int, flags: int) -> Any:
        if flags & the_system._DIRECT:
            raise OSError(number, os.strerror(number))
        return original(descriptor, command, flags)

    monkeypatch.setattr(the_system.fcntl, "fcntl", refusing)
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(data)
        if number == errno.EIO:
            with pytest.raises(OSError, match="Input/output"):
                file.flush()
        else:
            file.flush()
            assert Path(file.name).read_bytes() == data


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, original = os.urandom(300_000), os.write
    monkeypatch.setattr(staged.os, "write", lambda descriptor, part: original(descriptor, part[:65536]))
    with StagedFile(str(tmp_path / "a.tmp")) as file:
        file.write(data)
        file.flush()
        assert Path(file.name).read_bytes() == data


def test_the_memory_of_closed_files_is_used_again_and_bounded(tmp_path: Path) -> None:
    files = [StagedFile(str(tmp_path / f"{number}.tmp")) for number in range(20)]
    for file in files:
        file.write(b"x")
        file.close()
        file.close()
    assert len(staged._rooms) == staged._rooms.maxlen
    before = staged._rooms[-1]
    with StagedFile(str(tmp_path / "next.tmp")) as file:
        assert file._room is before
