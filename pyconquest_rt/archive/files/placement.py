"""Final names of received files: given in steps that are taken back unless the rows are committed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pyconquest_rt.archive.files.staging import StagedFile, copy_durably
from pyconquest_rt.archive.files.storage import make_folders
from pyconquest_rt.dicom import system
from pyconquest_rt.dicom.system import sync_folder
from pyconquest_rt.errors import StorageError


class EarlyName:
    """The final name of a flushed file, given before its rows are written.

    Each association can give one by itself, at the same time as others, since no file is replaced.
    """

    def __init__(self, file: StagedFile, name: str, target: Path, changed: list[Path]) -> None:
        self.name = name
        self._file, self._target, self._changed = file, target, changed

    @classmethod
    def give(cls, file: StagedFile, name: str, target: Path) -> "EarlyName | None":
        """Give a file its name, durably; None if that must wait for its rows.

        So it is if there is a file of this name, and where a file cannot have two names.

        Raises:
            StorageError: the folder cannot be flushed; the file does not have the name then.
        """
        changed: list[Path] = []
        try:
            try:
                file.link(target)
            except FileNotFoundError:
                changed = make_folders(target.parent)
                file.link(target)
        except OSError:
            return None
        early = cls(file, name, target, changed)
        try:
            sync_folder(target.parent)
            for folder in changed:
                sync_folder(folder)
        except OSError as error:
            early.take_back()
            raise StorageError(f"cannot write {target}: {error.strerror}") from error
        return early

    def holds(self) -> bool:
        """Return whether the name still refers to our file; another process may have replaced it."""
        try:
            return os.path.samestat(os.stat(self._target), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False

    def take_back(self) -> None:
        """Take the name back, and the folders that were made for it."""
        with contextlib.suppress(OSError):
            if self.holds():
                self._target.unlink()
            for folder, _ in zip(self._target.parents, self._changed, strict=False):
                folder.rmdir()


class Placement:
    """Files that have got their final names in one transaction, and how to take that back."""

    def __init__(self) -> None:
        self._placed: list[tuple[Path, Path, Path | None]] = []
        self._folders: set[Path] = set()

    def place(self, staged: Path, target: Path, *, replaces: bool) -> None:
        """Move a flushed file to its final name; a replaced file is kept until the batch ends."""
        backup = staged.with_suffix(".before") if replaces else None
        try:
            if backup:
                _keep(target, backup)
            self._move(staged, target)
        except OSError as error:
            _drop(backup)
            raise StorageError(f"cannot write {target}: {error.strerror}") from error
        self._placed.append((staged, target, backup))

    def _move(self, staged: Path, target: Path) -> None:
        self._folders.add(target.parent)
        try:
            staged.replace(target)
        except FileNotFoundError:
            self._folders.update(make_folders(target.parent))
            staged.replace(target)

    def sync(self) -> None:
        """Make the new names durable."""
        for folder in self._folders:
            sync_folder(folder)

    def undo(self) -> None:
        """Give the files of the batch their staged names back; where that cannot be, a rebuild finds them."""
        for staged, target, backup in self._placed:
            with contextlib.suppress(OSError):
                if backup is None:
                    target.replace(staged)
                    continue
                try:
                    _keep(target, staged)
                finally:
                    backup.replace(target)
        self._placed.clear()

    def finish(self) -> None:
        """Drop what was kept of replaced files."""
        for _, _, backup in self._placed:
            _drop(backup)


@contextlib.contextmanager
def placed_with(transaction: contextlib.AbstractContextManager[object]) -> Iterator[Placement]:
    """Yield a placement: its files and the transaction's rows are both committed or both undone.

    Names are made durable before the commit: rows never name a file that a power failure could take. When the commit
    fails, or anything before it, the files that were replaced are back under the rows that stayed.
    """
    placement = Placement()
    try:
        with transaction:
            yield placement
            placement.sync()
    except BaseException:
        placement.undo()
        raise
    finally:
        placement.finish()


def _keep(path: Path, backup: Path) -> None:
    """Give a file's content a second name, by a copy where a file cannot have two."""
    try:
        system.link(path, backup)
    except OSError:
        copy_durably(path, backup)


def _drop(backup: Path | None) -> None:
    """Remove what was kept; what stays is cleared at a later start."""
    if backup:
        with contextlib.suppress(OSError):
            backup.unlink()
