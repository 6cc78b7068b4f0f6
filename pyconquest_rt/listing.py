"""The files below a data directory, in the order of their paths, and how they differ from what was seen.

Both sides come sorted by path, so that they are compared as they stream by, in constant memory.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.database import Database
from pyconquest_rt.storage import INCOMING

# Folders that Conquest passes over when it regenerates, and that hold no objects.
_SKIPPED_AT_ROOT = frozenset({"printer_files", "incoming", "bin", INCOMING})
_PAGE = 5000


class Listed(NamedTuple):
    """A file on disk; ``path`` is relative to the root, with ``/``."""

    path: str
    entry: "os.DirEntry[str]"

    def fingerprint(self) -> tuple[int, int]:
        """Return size in bytes and modification time in nanoseconds; (-1, -1) where it has gone meanwhile."""
        try:
            found = self.entry.stat()
        except OSError:
            return -1, -1
        return found.st_size, found.st_mtime_ns


class Seen(NamedTuple):
    """A file as it was when it was read."""

    path: str
    size: int
    mtime_ns: int
    state: str


def walk(root: Path, under: str = "", skip: Callable[[str], bool] = lambda path: False) -> Iterator[Listed]:
    """Yield the files below ``root/under`` in the order of their paths.

    Hidden names and the folders that Conquest passes over are left out. Links to folders are followed, but never
    back into a folder that is being walked.
    """
    yield from _walk(root / under, f"{under}/" if under else "", skip, ())


def _walk(
    folder: Path | str, prefix: str, skip: Callable[[str], bool], above: tuple[tuple[int, int], ...]
) -> Iterator[Listed]:
    try:
        with os.scandir(folder) as entries:
            listed = [(f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in entries]
        if any(entry.is_symlink() for name, entry in listed if name[-1] == "/"):
            status = os.stat(folder)
            above = (*above, (status.st_dev, status.st_ino))
    except OSError:
        return
    listed.sort(key=_by_name)
    for name, entry in listed:
        if name[0] == "." or (not prefix and name[:-1].lower() in _SKIPPED_AT_ROOT):
            continue
        if name[-1] != "/":
            if not skip(entry.path):
                yield Listed(prefix + name, entry)
        elif not (entry.is_symlink() and _identity(entry) in above):
            yield from _walk(entry.path, prefix + name, skip, above)


def _by_name(listed: tuple[str, "os.DirEntry[str]"]) -> str:
    return listed[0]


def _identity(entry: "os.DirEntry[str]") -> tuple[int, int] | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def seen(database: Database, under: str = "") -> Iterator[Seen]:
    """Yield what is remembered of the files below ``under``, in the order of their paths, page by page."""
    last, end = (f"{under}/", f"{under}0") if under else ("", "\U0010ffff")
    while True:
        rows = database.connection.execute(
            "SELECT path, size, mtime_ns, state FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
            (last, end, _PAGE),
        ).fetchall()
        yield from map(Seen._make, rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]


def differences(
    listed: Iterator[Listed], remembered: Iterator[Seen]
) -> Iterator[tuple[Listed | None, Seen | None]]:
    """Merge both sides: (file, None) is new, (None, seen) has gone, (file, seen) is there as before."""
    file, known = next(listed, None), next(remembered, None)
    while file is not None or known is not None:
        if known is None or (file is not None and file.path < known.path):
            yield file, None
            file = next(listed, None)
        elif file is None or known.path < file.path:
            yield None, known
            known = next(remembered, None)
        else:
            yield file, known
            file, known = next(listed, None), next(remembered, None)
