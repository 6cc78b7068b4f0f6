"""Journal of file names about to change, so that the next start can repair what a kill left half done.

A received file has its final name before its rows are committed. A process that is killed between the two leaves a
file without a row, or new bytes under an old row. The names are noted in a small file beside the database, which its
process holds locked; whoever starts later finds it unlocked, and reads these files anew. The note is not flushed: it
is there after any kill, and after a power failure ``verify`` finds what it would have named.
"""

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.errors import BusyError

_SUFFIX: Final = "arriving"
_END: Final = b"\0"
_LARGE: Final = 1 << 18


class Intents:
    """Journal of the names that this process's files are about to get. Thread-safe.

    Args:
        database: the archive's database, beside which the note is kept while something is under way.

    Raises:
        StorageError: the note cannot be written.
    """

    def __init__(self, database: str) -> None:
        self._path = beside(database, f"{_SUFFIX}.{secrets.token_hex(8)}")
        self._lock = Lock(self._path, "objects arrive")
        self._lock.acquire()
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND)
        os.ftruncate(self._file, 0)
        self._guard = threading.Lock()
        self._open = self._size = 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Keep the names noted inside this block; the journal is emptied once nothing is under way."""
        with self._guard:
            self._open += 1
        try:
            yield
        finally:
            with self._guard:
                self._open -= 1
                if not self._open and self._size > _LARGE:
                    os.ftruncate(self._file, 0)
                    self._size = 0

    def note(self, name: str) -> None:
        """Note that a file below the data directory is about to appear under a name, or to change."""
        self._size += os.write(self._file, os.fsencode(name) + _END)

    def close(self) -> None:
        """Remove the note: nothing is under way any more."""
        os.close(self._file)
        with suppress(OSError):
            self._path.unlink()
        self._lock.release()


@contextmanager
def intents_of(database: str) -> Iterator[Intents]:
    """Yield a journal for one arrival; it is removed when the arrival ends."""
    intents = Intents(database)
    try:
        yield intents
    finally:
        intents.close()


@contextmanager
def left_behind(database: str) -> Iterator[list[str]]:
    """Yield the names in journals of ended processes; the journals are removed afterwards unless an error is raised."""
    with _Taken() as taken:
        pattern = beside(database, f"{_SUFFIX}.*")
        for path in sorted(pattern.parent.glob(pattern.name)):
            taken.take(path)
        yield sorted({os.fsdecode(name) for name in taken.names})
        taken.remove()


class _Taken:
    """Journals of ended processes, locked against other processes."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self._held: list[tuple[Path, Lock]] = []

    def take(self, path: Path) -> None:
        """Take a note whose process has ended; one that is in use stays."""
        lock = Lock(path, "objects arrive")
        try:
            content = path.read_bytes()
            lock.acquire(sign=False)
        except (BusyError, OSError):
            return
        self.names.update(name for name in content.split(_END)[:-1] if name)
        self._held.append((path, lock))

    def remove(self) -> None:
        """Remove the notes."""
        for path, _ in self._held:
            with suppress(OSError):
                path.unlink()

    def __enter__(self) -> "_Taken":
        return self

    def __exit__(self, *_: object) -> None:
        for _path, lock in self._held:
            lock.release()
