"""The files below a data directory, in the order of their paths, and how they differ from what was seen.

Both sides are cut at the same paths into spans, mostly one per folder, and compared span by span: in bounded memory,
and by one comparison where a span is as it was.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
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
_Files = Sequence[tuple[str, "os.DirEntry[str]"]]  # by name


class Span(NamedTuple):
    """Files of one folder without a subfolder between them, and the paths up to where the next span starts.

    The spans of a tree cover all paths, each once: what was seen between ``start`` and ``end`` and is not among
    ``files`` has gone. ``folder`` is relative to the root, with ``/`` at its end, or empty.
    """

    start: str
    end: str
    folder: str
    files: _Files

    def is_as_seen(self, database: Database) -> bool:
        """Whether the names are those that were seen, and none of these files was rejected."""
        seen = database.connection.execute(_NAMES_SEEN, self._bounds()).fetchone()
        between = (
            f"//{self.folder}"  # no path has two slashes together, so the text stands for these paths only
        )
        return bool(seen == (self.folder + between.join([name for name, _ in self.files]), 0))

    def differences(self, database: Database) -> Iterator[tuple[Listed | None, Seen | None]]:
        """Merge both sides: (file, None) is new, (None, seen) has gone, (file, seen) is there as before."""
        seen = database.connection.execute(_SEEN, self._bounds()).fetchall()
        return _merged((Listed(self.folder + name, entry) for name, entry in self.files), map(_as_seen, seen))

    def _bounds(self) -> tuple[bytes, bytes]:
        """As bytes, since a name on disk may be no UTF-8; these keep the order of Python's strings."""
        return self.start.encode("utf-8", "surrogatepass"), self.end.encode("utf-8", "surrogatepass")


_NAMES_SEEN = """
SELECT group_concat(path, '//'), max(state = 'rejected') FROM files
WHERE path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT)
"""
_SEEN = """
SELECT path, size, mtime_ns, state FROM files
WHERE path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT) ORDER BY path
"""


def spans(root: Path, under: str = "", skip: Collection[str] = ()) -> Iterator[Span]:
    """Yield the files below ``root/under`` in the order of their paths, in spans that cover all paths there.

    Hidden names and the folders that Conquest passes over are left out, and the files whose resolved paths are in
    ``skip``. Links to folders are followed, but never back into a folder that is being walked.
    """
    skipped = {os.path.basename(path): path for path in skip}
    folder, files = f"{under}/" if under else "", _NO_FILES
    start, end = (folder, f"{under}0") if under else ("", "\U0010ffff")
    for next_folder, next_files in _runs(os.fspath(root / under), folder, skipped, ()):
        if files:
            next_start = next_folder + next_files[0][0]
            yield Span(start, next_start, folder, files)
            start = next_start
        folder, files = next_folder, next_files
    yield Span(start, end, folder, files)


_NO_FILES: _Files = ()


def _runs(
    path: str, folder: str, skipped: Mapping[str, str], above: tuple[str, ...]
) -> Iterator[tuple[str, _Files]]:
    """Yield the files of a folder and those below it: each time a folder and files of it, at most a page."""
    try:
        with os.scandir(path) as entries:
            listed = [(f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in entries]
    except OSError:
        return
    listed.sort(key=itemgetter(0))
    within, files = (*above, path), []
    for name, entry in listed:
        if name[0] == "." or (not folder and name[:-1].lower() in _SKIPPED_AT_ROOT):
            continue
        if name[-1] != "/":
            if name not in skipped or os.path.realpath(entry.path) != skipped[name]:
                files.append((name, entry))
            continue
        if entry.is_symlink() and _leads_back(entry.path, within):
            continue
        yield from _pages(folder, files)
        files = []
        yield from _runs(entry.path, folder + name, skipped, within)
    yield from _pages(folder, files)


def _pages(folder: str, files: _Files) -> Iterator[tuple[str, _Files]]:
    for start in range(0, len(files), _PAGE):
        yield folder, files[start : start + _PAGE]


def _leads_back(link: str, folders: tuple[str, ...]) -> bool:
    """Whether a link leads to one of these folders; what cannot be told is not followed."""
    try:
        return any(os.path.samefile(link, folder) for folder in folders)
    except OSError:
        return True


def _merged(
    listed: Iterator[Listed], remembered: Iterator[Seen]
) -> Iterator[tuple[Listed | None, Seen | None]]:
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
