"""Names given early: never another file's, durable, and taken back without a trace."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconquest_rt.archive.files import placement as placing
from pyconquest_rt.archive.files.placement import EarlyName, Placement
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.errors import StorageError


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StagedFile]:
    (tmp_path / ".incoming").mkdir()
    with StagedFile(str(tmp_path / ".incoming" / "a.tmp")) as opened:
        opened.write(b"content")
        opened.flush()
        yield opened


def test_a_free_name_is_given_and_its_folders_are_made(tmp_path: Path, file: StagedFile) -> None:
    target = tmp_path / "P1" / "S1" / "a.dcm"
    early = EarlyName.give(file, "P1/S1/a.dcm", target)
    assert early is not None
    assert early.holds()
    assert target.read_bytes() == b"content"
    early.take_back()
    assert not early.holds()
    assert os.listdir(tmp_path) == [".incoming"]


def test_the_folders_of_others_stay(tmp_path: Path, file: StagedFile) -> None:
    target = tmp_path / "P1" / "a.dcm"
    early = EarlyName.give(file, "P1/a.dcm", target)
    assert early is not None
    (tmp_path / "P1" / "b.dcm").write_bytes(b"other")
    early.take_back()
    assert os.listdir(tmp_path / "P1") == ["b.dcm"]


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path, file: StagedFile) -> None:
    target = tmp_path / "a.dcm"
    target.write_bytes(b"other")
    assert EarlyName.give(file, "a.dcm", target) is None
    assert target.read_bytes() == b"other"


def test_a_file_that_came_later_under_the_name_is_left_alone(tmp_path: Path, file: StagedFile) -> None:
    target = tmp_path / "a.dcm"
    early = EarlyName.give(file, "a.dcm", target)
    assert early is not None
    (tmp_path / "later").write_bytes(b"later")
    (tmp_path / "later").replace(target)
    assert not early.holds()
    early.take_back()
    assert target.read_bytes() == b"later"


def test_a_folder_that_cannot_be_flushed_takes_the_name_back(
    tmp_path: Path, file: StagedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(folder: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(placing, "sync_folder", failing)
    with pytest.raises(StorageError, match="Input/output"):
        EarlyName.give(file, "P1/a.dcm", tmp_path / "P1" / "a.dcm")
    assert os.listdir(tmp_path) == [".incoming"]


@pytest.mark.parametrize("room", [True, False])
def test_a_replacement_is_taken_back_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    """By copies, which are flushed; where the disk is full then, no half of the new file is taken for it."""
    old, new = tmp_path / "final.dcm", tmp_path / "staged.tmp"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    copy, flushed = shutil.copy2, list[str]()

    def no_links(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1])
        raise OSError(28, "No space left on device")

    def flush(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "link", no_links)
    placement = Placement()
    placement.place(new, old, replaces=True)
    assert old.read_bytes() == b"new"
    if os.path.isdir("/proc/self/fd"):
        monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(shutil, "copy2", copy if room else full)
    placement.undo()
    assert old.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == (["final.dcm", "staged.tmp"] if room else ["final.dcm"])
    if room:
        assert new.read_bytes() == b"new"
        assert not os.path.isdir("/proc/self/fd") or str(new) in flushed
