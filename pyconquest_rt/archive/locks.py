"""A lock that the system takes back when the process that holds it ends, however it ends."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pyconquest_rt.dicom import system
from pyconquest_rt.errors import BusyError, StorageError

_ATTEMPTS = 5
_PAUSE_S = 0.02


def beside(database: str, suffix: str) -> Path:
    """Return the path of a file of ours beside a database; its name is hidden, so that no rebuild reads it."""
    path = Path(database)
    return path.with_name(f".{path.name}.{suffix}")


def in_use(database: str, *, alone: bool = False) -> "Lock":
    """Return the lock that every listener and service of a database shares; `alone` is for who puts another in place.

    Its holders have the database open while they run, so that it must not be replaced.
    """
    what = "a listener or the service uses this archive; stop it first" if alone else "a restore goes on"
    return Lock(beside(database, "use.lock"), what, shared=not alone)


class Lock:
    """A lock on a file that only serves for this; it holds the id of the process that has it.

    Args:
        path: the file; it is made if need be, and stays.
        what: what the lock stands for, as the error names it.
        shared: any number of processes may have it together, as long as none has it alone.
    """

    def __init__(self, path: Path, what: str, *, shared: bool = False) -> None:
        self._path, self._what, self._shared = path, what, shared
        self._file: IO[str] | None = None

    @property
    def is_free(self) -> bool:
        """Return whether the lock is free; needs no write permission and makes no file."""
        try:
            with self._path.open(encoding="ascii", errors="replace") as file:
                self._take(file)
        except FileNotFoundError:
            return True
        except BusyError:
            return False
        return True

    def acquire(self, *, sign: bool = True) -> None:
        """Take the lock and write this process's id into its file.

        Raises:
            BusyError: another process has it; the message says which.
            StorageError: the file cannot be made.
        """
        self._file = self._open()
        if not sign:
            return
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def _open(self) -> IO[str]:
        """Return the file, locked."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+", encoding="ascii", errors="replace")
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror}") from error
        try:
            self._take(file)
        except BusyError:
            file.close()
            raise
        return file

    def _take(self, file: IO[str]) -> None:
        """Lock the file; retried because a process that only checks holds it for a moment."""
        for _ in range(_ATTEMPTS):
            try:
                system.lock(file, shared=self._shared)
                return
            except OSError:
                time.sleep(_PAUSE_S)
        file.seek(0)
        holder = file.read(20).strip()
        raise BusyError(f"{self._what} (process {holder or 'unknown'}, {self._path})")

    def release(self) -> None:
        """Give the lock back; does nothing without it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
