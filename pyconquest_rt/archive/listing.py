"""Files below a data directory in path order, compared with the ``files`` table.

Both sides are cut at the same paths into spans and compared span by span: in bounded memory, and by one comparison
where a span is as it was.
"""

import os
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.files.storage import INCOMING
from pyconquest_rt.archive.names import disk_name, path_text
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.index_statements import FILES_SEEN, FINGERPRINTS_SEEN, PATHS_SEEN

# Folders that Conquest passes over when it regenerates, and that hold no objects.
_SKIPPED_AT_ROOT = frozenset({"printer_files", "incoming", "bin", INCOMING})
_PAGE = 1000


class Listed(NamedTuple):
    """A file on disk; ``path`` is relative to the root, with ``/``."""

    path: str
    root: str

    def fingerprint(self) -> tuple[int, int]:
        """Return size in bytes and modification time in nanoseconds; (-1, -1) where it has gone meanwhile."""
        try:
            found = os.stat(f"{self.root}/{disk_name(self.path)}")
        except OSError:
            return -1, -1
        return found.st_size, found.st_mtime_ns


class Seen(NamedTuple):
    """A file's size and time when it was last read."""

    path: str
    size: int
    mtime_ns: int
    state: str


_as_listed = partial(tuple.__new__, Listed)  # as Listed._make, at a third of its time
_as_seen = partial(tuple.__new__, Seen)


_Names = tuple[str, Sequence[str]]
"""A folder, relative to the root with ``/`` at its end or empty, and the names of files in it, sorted."""


class Span(NamedTuple):
    """Files that follow one another, and the paths up to where the next span starts.

    The spans of a tree cover all paths, each once: what was seen between ``start`` and ``end`` and is not among
    ``files`` has gone. Between the files of one entry there is no subfolder.
    """

    root: str
    start: str
    end: str
    files: Sequence[_Names]

    def size(self) -> int:
        """Return the number of files."""
        return sum([len(names) for _, names in self.files])

    def is_as_seen(self, database: Database) -> bool:
        """Return whether the files equal those seen before, with none marked to be read again."""
        (seen,) = database.connection.execute(PATHS_SEEN, self._bounds()).fetchone()
        # no path has two slashes together, so the text stands for these paths only
        return bool(seen == "//".join([folder + f"//{folder}".join(names) for folder, names in self.files]))

    def is_unchanged(self, database: Database) -> bool:
        """Whether these are the files that were seen, of the same sizes and modification times."""
        if not self.is_as_seen(database):
            return False
        seen = database.connection.execute(FINGERPRINTS_SEEN, self._bounds()).fetchall()
        return bool(seen == list(self._fingerprints()))

    def _fingerprints(self) -> Iterator[tuple[int, int]]:
        for folder, names in self.files:
            base = f"{self.root}/{disk_name(folder)}"
            for name in names:
                try:
                    found = os.stat(base + disk_name(name))
                except OSError:
                    yield -1, -1
                else:
                    yield found.st_size, found.st_mtime_ns

    def differences(self, database: Database) -> Iterator[tuple[Listed | None, Seen | None]]:
        """Merge both sides: (file, None) is new, (None, seen) is missing, (file, seen) exists in both."""
        seen = database.connection.execute(FILES_SEEN, self._bounds()).fetchall()
        files = [(folder + name, self.root) for folder, names in self.files for name in names]
        listed = map(_as_listed, files)
        return _merged(listed, map(_as_seen, seen)) if seen else zip(listed, repeat(None))

    def _bounds(self) -> tuple[bytes, bytes]:
        """As bytes, since a name on disk may be no UTF-8; these keep the order of Python's strings."""
        return self.start.encode("utf-8", "surrogatepass"), self.end.encode("utf-8", "surrogatepass")


def spans(root: Path, under: str = "", skip: Collection[str] = ()) -> Iterator[Span]:
    """Yield the files below ``root/under`` in the order of their paths, in spans that cover all paths there.

    Hidden names and the folders that Conquest passes over are left out, and the files whose resolved paths are in
    ``skip``. Links to folders are followed, but never back into a folder that is being walked.
    """
    skipped = {path_text(os.path.basename(path)): path for path in skip}
    start, end = (f"{under}/", f"{under}0") if under else ("", "\U0010ffff")
    files: list[_Names] = []
    room = _PAGE
    for folder, names in _runs(os.fspath(root / disk_name(under)), f"{under}/" if under else "", skipped, ()):
        if len(names) > room:
            next_start = folder + names[0]
            yield Span(os.fspath(root), start, next_start, files)
            start, files, room = next_start, [], _PAGE
        files.append((folder, names))
        room -= len(names)
    yield Span(os.fspath(root), start, end, files)


def _runs(path: str, folder: str, skipped: Mapping[str, str], above: tuple[str, ...]) -> Iterator[_Names]:
    """Yield the files of a folder and those below it: each time a folder and files of it, at most a page."""
    try:
        folders, names = _entries(path)
    except OSError:
        return
    files, within, start = _visible(path, names, skipped), (*above, path), 0
    for name, entry in sorted(folders.items()):
        if name[0] == "." or (not folder and entry.name.lower() in _SKIPPED_AT_ROOT):
            continue
        if entry.is_symlink() and _leads_back(entry.path, within):
            continue
        stop = bisect_left(files, name)
        yield from _pages(folder, files[start:stop])
        yield from _runs(entry.path, folder + name, skipped, within)
        start = stop
    yield from _pages(folder, files[start:])


def _entries(path: str) -> tuple[dict[str, os.DirEntry[str]], list[str]]:
    """Return the folders in a folder, by name and slash, and the names of its files."""
    folders: dict[str, os.DirEntry[str]] = {}
    names: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False  # such as a link to itself, of which reading it will tell
            if is_folder:
                folders[f"{path_text(entry.name)}/"] = entry
            else:
                names.append(entry.name)
    return folders, list(map(path_text, names))


def _visible(path: str, names: list[str], skipped: Mapping[str, str]) -> list[str]:
    """Sort the names of a folder's files, and leave out the hidden ones, which then stand together, and the skipped."""
    names.sort()
    del names[bisect_left(names, ".") : bisect_left(names, "/")]
    for name, resolved in skipped.items():
        at = bisect_left(names, name)
        if names[at : at + 1] == [name] and os.path.realpath(os.path.join(path, disk_name(name))) == resolved:
            del names[at]
    return names


def _pages(folder: str, files: Sequence[str]) -> Iterator[_Names]:
    for start in range(0, len(files), _PAGE):
        yield folder, files[start : start + _PAGE]


def _leads_back(link: str, folders: tuple[str, ...]) -> bool:
    """Return whether a link leads to one of these folders; an unreadable link is not followed."""
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
