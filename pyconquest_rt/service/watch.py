"""The watch folder: files that are dropped there come into the archive once they are complete."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.store import Options, Storer, StoreResult
from pyconquest_rt.dicom.quiet import Seldom
from pyconquest_rt.dicom.system import is_locked
from pyconquest_rt.errors import DatabaseError, ObjectError, SettingsError, StorageError, reason
from pyconquest_rt.settings.sections import ArchiveSettings, WatchSettings

_REASON = ".reason.txt"
_COLUMNS = ("path", "size", "mtime_ns")
_LOG = logging.getLogger(__name__)

Fingerprint = tuple[int, int]


class Look(NamedTuple):
    """Result of one look at the folder: objects stored and files refused."""

    stored: int
    refused: int


class Watch:
    """Takes files out of a folder into an archive, whenever :meth:`look` is called.

    A file is complete when two looks find it with the same size and modification time and nobody has it locked.
    Once its objects are safe and indexed it is removed, or remembered where files are kept. What cannot be stored
    goes to the folder of rejects, with a text file beside it that says why.

    Raises:
        SettingsError: the folder is no folder of its own: it is the data directory, or holds it or lies in it.
    """

    def __init__(
        self,
        archive: Archive,
        settings: WatchSettings,
        on_stored: Callable[[list[str]], object] = lambda names: None,
    ) -> None:
        self._archive, self._settings, self._on_stored = archive, settings, on_stored
        self._folder = Path(settings.folder).absolute()
        self._rejects = Path(settings.rejects).absolute()
        data = archive.storage.root.absolute()
        for other, what in ((data, "the data directory"), (self._rejects, "the folder of rejects")):
            if self._folder == other or self._folder in other.parents or other in self._folder.parents:
                raise SettingsError(
                    f"[watch] folder: {self._folder} and {what} {other} must lie side by side"
                )
        self._storer = Storer(archive, Options())
        self._before: dict[str, Fingerprint] = {}
        self._seldom = Seldom()

    def look(self) -> Look:
        """Store the files that are complete; returns the counts.

        Where the disk is full or the database cannot be written now, files that were not taken stay, and one of
        them is named in the log once a minute.
        """
        now = dict(_files(self._folder))
        stable = [path for path, found in now.items() if self._before.get(path) == found]
        self._before = now
        stored = refused = 0
        for path in stable:
            try:
                if self._is_known(path, now[path]) or is_locked(self._folder / path):
                    continue
                good, reasons = self._take(path)
            except DatabaseError as error:
                self._say_that_it_stays(path, error)
                break
            stored += good
            if reasons is None:
                continue
            refused += bool(reasons)
            self._finish(path, now[path], reasons)
        if self._settings.keep:
            self._forget(now)
        return Look(stored, refused)

    def _take(self, path: str) -> tuple[int, list[str] | None]:
        """Store a file, or what a ZIP file holds; returns how many objects, and why others could not be.

        There is no list of reasons when the fault is not the file's (the disk is full); it is for a later look.
        """
        results = list(self._storer.store_tree(self._folder / path)) or [_empty(self._folder / path)]
        names = [result.name for result in results if result.name is not None]
        if names:
            self._on_stored(names)
        refused = [(result.path.name, result.error) for result in results if result.error is not None]
        if passing := [error for _, error in refused if _is_passing(error)]:
            self._say_that_it_stays(path, passing[0])
            return len(names), None
        return len(names), _reasons(refused, alone=len(results) == 1)

    def _say_that_it_stays(self, path: str, error: Exception) -> None:
        why = reason(error)
        if self._seldom(why):
            _LOG.error("%s of the watch folder stays, it cannot be stored now: %s", path, why)

    def _finish(self, path: str, fingerprint: Fingerprint, reasons: list[str]) -> None:
        """Remove, remember or reject a file that was taken, unless it has changed meanwhile."""
        source = self._folder / path
        try:
            if _fingerprint(source.stat()) != fingerprint:
                return
            if reasons:
                self._reject(source, path, reasons)
            elif self._settings.keep:
                self._remember(path, fingerprint)
            else:
                source.unlink()
            if not self._settings.keep:
                _remove_empty(source.parent, self._folder)
        except OSError as error:
            self._remember(path, fingerprint)  # it stays, but need not be stored again and again
            _LOG.error("a file in the watch folder cannot be moved or removed: %s", error.strerror)
            _LOG.debug("it is %s", source)

    def _reject(self, source: Path, path: str, reasons: list[str]) -> None:
        """Move a file to the rejects, under its own name or the next free one, with the reason beside it."""
        target = _free_name(self._rejects / path)
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{target}{_REASON}").write_text("\n".join(reasons) + "\n", "utf-8")
        shutil.move(source, target)
        _LOG.warning("a file of the watch folder was not stored; see %s", self._rejects)
        _LOG.debug("%s: %s", source, "; ".join(reasons))

    # -- files that stay ------------------------------------------------------------------------------------

    def _is_known(self, path: str, fingerprint: Fingerprint) -> bool:
        row = self._archive.database.connection.execute(
            "SELECT size, mtime_ns FROM watched WHERE path = ?", (_key(path),)
        ).fetchone()
        return row is not None and tuple(row) == fingerprint

    def _remember(self, path: str, fingerprint: Fingerprint) -> None:
        with self._archive.database.transaction():
            self._archive.database.put("watched", _COLUMNS, [(_key(path), *fingerprint)])

    def _forget(self, present: dict[str, Fingerprint]) -> None:
        rows = self._archive.database.connection.execute("SELECT path FROM watched").fetchall()
        keys = {_key(path) for path in present}
        gone = [row for row in rows if row[0] not in keys]
        if gone:
            with self._archive.database.transaction() as connection:
                connection.executemany("DELETE FROM watched WHERE path = ?", gone)


class Watcher:
    """A thread that looks at the watch folder again and again, with a connection of its own."""

    def __init__(
        self,
        where: ArchiveSettings,
        settings: WatchSettings,
        on_stored: Callable[[list[str]], object] = lambda names: None,
    ) -> None:
        self._archive = Archive.open(where, durable=True)
        try:
            self._watch = Watch(self._archive, settings, on_stored)
            Path(settings.folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._archive.close()
            raise StorageError(f"cannot make the watch folder {settings.folder}: {error.strerror}") from error
        except BaseException:
            self._archive.close()
            raise
        self._seconds = settings.seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.stored = self.refused = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the present look, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._archive.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                look = self._watch.look()
                self.stored += look.stored
                self.refused += look.refused
            except (DatabaseError, OSError) as error:
                _LOG.warning("the watch folder was not read to its end: %s", reason(error))
            except Exception:  # boundary of a thread: one look fails, the next is made
                _LOG.exception("a look at the watch folder ended by a fault of this program")
            self._stopping.wait(self._seconds)


def _files(folder: Path) -> Iterator[tuple[str, Fingerprint]]:
    """Yield the files of a folder and of the folders in it; hidden ones belong to programs that still copy."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in sorted(names):
            path = Path(place, name)
            with suppress(OSError):
                if name[0] != "." and path.is_file():
                    yield str(path.relative_to(folder)), _fingerprint(path.stat())


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return status.st_size, status.st_mtime_ns


def _key(path: str) -> str:
    """A path as text that a database takes; its bytes may be no UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def _empty(path: Path) -> StoreResult:
    return StoreResult(path, None, ObjectError("there is nothing in it"))


def _reasons(refused: list[tuple[str, Exception]], *, alone: bool) -> list[str]:
    """Why objects were refused, each with its name unless it was alone in its file."""
    return [str(error) if alone else f"{name}: {error}" for name, error in refused]


def _is_passing(error: Exception) -> bool:
    """Return whether an error is passing: the archive, not the file, is at fault."""
    mine = isinstance(error, StorageError | OSError)
    return mine and not isinstance(error, PermissionError | FileNotFoundError)


def _free_name(path: Path) -> Path:
    return next(name for name in _numbered(path) if not name.exists())


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove folders that are empty now, but never the watch folder itself."""
    with suppress(OSError):
        while folder != top:
            folder.rmdir()
            folder = folder.parent
