import fcntl
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.placement import Placement
from pyconquest_rt.errors import SettingsError, StorageError
from pyconquest_rt.service.watch import Look, Watch, Watcher
from pyconquest_rt.settings.sections import ArchiveSettings, WatchSettings


@pytest.fixture
def settings(tmp_path: Path) -> WatchSettings:
    (tmp_path / "in").mkdir()
    return WatchSettings(folder=str(tmp_path / "in"), rejects=str(tmp_path / "rejects"))


def images(ingest: Archive) -> int:
    return int(ingest.database.query("SELECT count(*) AS n FROM DICOMImages")[0]["n"])


def files(folder: str | Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_a_file_is_taken_when_two_looks_find_it_the_same(ingest: Archive, settings: WatchSettings) -> None:
    whole = save(make_object(), Path(settings.folder, "sub", "deep", "a.dcm")).read_bytes()
    path = Path(settings.folder, "sub", "deep", "a.dcm")
    path.write_bytes(whole[:300])
    watch = Watch(ingest, settings)
    assert watch.look() == Look(0, 0)
    path.write_bytes(whole)  # it grew between the looks
    assert watch.look() == Look(0, 0)
    assert watch.look() == Look(1, 0)
    assert (images(ingest), files(settings.folder)) == (1, [])
    assert not Path(settings.folder, "sub").exists()
    assert Path(settings.folder).is_dir()
    (row,) = ingest.database.query("SELECT ObjectFile FROM DICOMImages")
    assert ingest.storage.path_of(row["ObjectFile"]).read_bytes() == whole


def test_a_file_that_somebody_has_locked_waits(ingest: Archive, settings: WatchSettings) -> None:
    path = save(make_object(), Path(settings.folder, "a.dcm"))
    watch = Watch(ingest, settings)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [watch.look() for _ in range(3)] == [Look(0, 0)] * 3
    assert watch.look() == Look(1, 0)


def test_what_cannot_be_stored_goes_to_the_rejects_with_its_reason(
    ingest: Archive, settings: WatchSettings
) -> None:
    watch = Watch(ingest, settings)
    for number in range(2):  # the same name twice
        Path(settings.folder, "sub").mkdir(exist_ok=True)
        Path(settings.folder, "sub", "note.txt").write_text(f"not DICOM {number}")
        watch.look()
        assert watch.look() == Look(0, 1)
    rejects = Path(settings.rejects, "sub")
    assert files(rejects) == [
        "note-2.txt",
        "note-2.txt.reason.txt",
        "note.txt",
        "note.txt.reason.txt",
    ]
    assert (rejects / "note-2.txt").read_text() == "not DICOM 1"
    assert "DICOM" in (rejects / "note.txt.reason.txt").read_text()
    assert files(settings.folder) == []


def test_zip_files_are_read(ingest: Archive, settings: WatchSettings, tmp_path: Path) -> None:
    good = [save(make_object(instance=number), tmp_path / f"{number}.dcm") for number in (1, 2)]
    with zipfile.ZipFile(Path(settings.folder, "good.zip"), "w") as archive:
        for path in good:
            archive.write(path, f"../{path.name}")
    with zipfile.ZipFile(Path(settings.folder, "mixed.zip"), "w") as archive:
        archive.write(good[0], "a")
        archive.writestr("readme", "no object")
    with zipfile.ZipFile(Path(settings.folder, "empty.zip"), "w"):
        pass
    watch = Watch(ingest, settings)
    watch.look()
    assert watch.look() == Look(3, 2)
    assert images(ingest) == 2
    assert files(settings.rejects) == [
        "empty.zip",
        "empty.zip.reason.txt",
        "mixed.zip",
        "mixed.zip.reason.txt",
    ]
    assert Path(settings.rejects, "mixed.zip.reason.txt").read_text().startswith("readme: ")


def test_kept_files_are_taken_once_also_after_a_restart(ingest: Archive, settings: WatchSettings) -> None:
    path = save(make_object(), Path(settings.folder, "a.dcm"))
    keeping = replace(settings, keep=True)
    watch = Watch(ingest, keeping)
    assert [watch.look(), watch.look(), watch.look()] == [Look(0, 0), Look(1, 0), Look(0, 0)]
    again = Watch(ingest, keeping)
    assert [again.look(), again.look()] == [Look(0, 0)] * 2
    save(make_object(StudyDate="20250101"), path)
    assert [again.look(), again.look()] == [Look(0, 0), Look(1, 0)]
    path.unlink()
    again.look()
    assert ingest.database.query("SELECT * FROM watched") == []


def test_a_full_disk_leaves_the_file_for_a_later_look(
    ingest: Archive, settings: WatchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_object(), Path(settings.folder, "a.dcm"))
    watch = Watch(ingest, settings)
    watch.look()

    def full(*_: object, **__: object) -> None:
        raise StorageError("cannot write: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Placement, "place", full)
        assert watch.look() == Look(0, 0)
    assert path.exists()
    assert images(ingest) == 0
    assert watch.look() == Look(1, 0)


def test_odd_names_are_taken_and_hidden_files_left(ingest: Archive, settings: WatchSettings) -> None:
    folder = Path(settings.folder)
    for number, name in enumerate(("incoming/a b.dcm", "bin/'; DROP.dcm", os.fsdecode(b"\xff\xfe.dcm"))):
        save(make_object(instance=number), folder / name)
    save(make_object(instance=9), folder / ".copying.dcm")
    os.symlink(folder, folder / "loop")
    watch = Watch(ingest, replace(settings, keep=True))
    assert [watch.look(), watch.look(), watch.look()] == [Look(0, 0), Look(3, 0), Look(0, 0)]
    removing = Watch(ingest, settings)
    ingest.database.connection.execute("DELETE FROM watched")
    assert [removing.look(), removing.look()] == [Look(0, 0), Look(3, 0)]
    assert files(folder) == [".copying.dcm"]


def test_a_file_that_changes_while_it_is_stored_stays(
    ingest: Archive, settings: WatchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_object(), Path(settings.folder, "a.dcm"))
    watch = Watch(ingest, settings)
    watch.look()
    placed = Placement.place

    def place(*arguments: Any, **named: Any) -> None:
        placed(*arguments, **named)
        save(make_object(PatientComments="added meanwhile"), path)

    with monkeypatch.context() as patched:
        patched.setattr(Placement, "place", place)
        assert watch.look() == Look(1, 0)
    assert path.exists()
    assert [watch.look(), watch.look()] == [Look(0, 0), Look(1, 0)]
    assert not path.exists()


@pytest.mark.parametrize("folder", ["data", "data/in", ".", "rejects", "rejects/in"])
def test_the_folder_must_be_one_of_its_own(ingest: Archive, tmp_path: Path, folder: str) -> None:
    settings = WatchSettings(folder=str(tmp_path / folder), rejects=str(tmp_path / "rejects"))
    with pytest.raises(SettingsError, match="side by side"):
        Watch(ingest, settings)


def test_the_thread_takes_what_is_dropped(tmp_path: Path, settings: WatchSettings) -> None:
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql"))
    path = save(make_object(), Path(settings.folder, "a.dcm"))
    watcher = Watcher(archive, replace(settings, seconds=0.05))
    watcher.start()
    for _ in range(200):
        if not path.exists():
            break
        watcher._stopping.wait(0.05)
    watcher.stop()
    assert (watcher.stored, watcher.refused) == (1, 0)
    assert os.listdir(settings.folder) == []
