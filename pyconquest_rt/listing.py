"""The files below a data directory, in the order of their paths, and how they differ from what was seen.

Both sides come sorted by path, so that they are compared as they stream by, in constant memory.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from operator import itemgetter
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


_as_seen = partial(tuple.__new__, Seen)  # as Seen._make, at a third of its time


def walk(root: Path, under: str = "", skip: Collection[str] = ()) -> Iterator[Listed]:
    """Yield the files below ``root/under`` in the order of their paths.

    Hidden names and the folders that Conquest passes over are left out, and the files whose resolved paths are in
    ``skip``. Links to folders are followed, but never back into a folder that is being walked.
    """
    skipped = {os.path.basename(path): path for path in skip}
    yield from _walk(os.fspath(root / under), f"{under}/" if under else "", skipped, ())


def _walk(folder: str, prefix: str, skipped: Mapping[str, str], above: tuple[str, ...]) -> Iterator[Listed]:
    try:
        with os.scandir(folder) as entries:
            listed = [(f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in entries]
    except OSError:
        return
    listed.sort(key=itemgetter(0))
    within = (*above, folder)
    for name, entry in listed:
        if name[0] == "." or (not prefix and name[:-1].lower() in _SKIPPED_AT_ROOT):
            continue
        if name[-1] == "/":
            if not (entry.is_symlink() and _leads_back(entry.path, within)):
                yield from _walk(entry.path, prefix + name, skipped, within)
        elif name not in skipped or os.path.realpath(entry.path) != skipped[name]:
            yield Listed(prefix + name, entry)


def _leads_back(link: str, folders: tuple[str, ...]) -> bool:
    """Whether a link leads to one of these folders; what cannot be told is not followed."""
    try:
        return any(os.path.samefile(link, folder) for folder in folders)
    except OSError:
        return True


def seen(database: Database, under: str = "") -> Iterator[Seen]:
    """Yield what is remembered of the files below ``under``, in the order of their paths, page by page."""
    last, end = (f"{under}/", f"{under}0") if under else ("", "\U0010ffff")
    while True:
        rows = database.connection.execute(
            "SELECT path, size, mtime_ns, state FROM files WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
            (last, end, _PAGE),
        ).fetchall()
        yield from map(_as_seen, rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]


def differences(
    listed: Iterator[Listed], remembered: Iterator[Seen]
) -> Iterator[tuple[Listed | None, Seen | None]]:
    """Merge both sides: (file, None) is new, (None, seen) has gone, (file, seen) is there as before."""
    file, known = next(listed, None), next(remembered, None)
    while file is not None or known is not None:
        if file is not None and known is not None and file.path == known.path:
            yield file, known
            file, known = next(listed, None), next(remembered, None)
        elif known is None or (file is not None and file.path < known.path):
            yield file, None
            file = next(listed, None)
        else:
            yield None, known
            known = next(remembered, None)
