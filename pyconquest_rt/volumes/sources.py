"""Where objects come from: paths, folders, bytes, streams, or functions that open a stream."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from pyconquest_rt.dicom.part10 import FileSource, Prefix, read_prefix
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.codes import VolumeError

PathLike = str | os.PathLike[str]

Opener = PathLike | bytes | BinaryIO | Callable[[], Any]
"""A path, a folder, the bytes of an object, a stream, or a function that gives one of these."""


class Source:
    """One object that can be opened again and again; ``origin`` is what the caller named it by.

    ``explicit`` says that the caller named it, not only its folder.
    """

    __slots__ = ("explicit", "mtime_ns", "origin", "size")

    def __init__(self, origin: Opener, explicit: bool = True) -> None:
        self.origin = origin
        self.explicit = explicit
        self.size = self.mtime_ns = -1  # not read yet

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.origin) if isinstance(self.origin, str | os.PathLike) else "an opened object"

    def prefix(self) -> Prefix:
        """Its first bytes, or all where it is no file of its own; notes its size and time of change.

        Raises UnreadableError.
        """
        if isinstance(self.origin, str | os.PathLike):
            found = read_prefix(self.origin)
        else:
            data = self._bytes()
            found = Prefix(None, len(data), 0, data)
        if self.size >= 0 and (found.size, found.mtime_ns) != (self.size, self.mtime_ns):
            raise UnreadableError(f"{self.name} was changed meanwhile")
        self.size, self.mtime_ns = found.size, found.mtime_ns
        return found

    @contextmanager
    def opened(self, prefix: Prefix | None = None) -> Iterator[FileSource]:
        """Its bytes by position, from its prefix where that was read already; raises UnreadableError."""
        with FileSource(prefix or self.prefix()) as source:
            yield source

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """A stream of its bytes; raises VolumeError where it is another object than the one examined."""
        if not isinstance(self.origin, str | os.PathLike):
            yield BytesIO(self._bytes())
            return
        try:
            with Path(self.origin).open("rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                if self.size >= 0 and (found.st_size, found.st_mtime_ns) != (self.size, self.mtime_ns):
                    raise VolumeError("unreadable", f"{self.name} was changed after it was examined")
                yield cast(BinaryIO, file)
        except OSError as error:
            raise VolumeError("unreadable", f"{self.name}: {error.strerror}") from error

    def _bytes(self) -> bytes:
        found: Any = self.origin
        if callable(found):
            found = found()
        if isinstance(found, str | os.PathLike):
            return Path(found).read_bytes()
        if isinstance(found, bytes | bytearray | memoryview):
            return bytes(found)
        found.seek(0)
        return cast(bytes, found.read())


def sources(paths: "Opener | Iterable[Opener | Source]") -> list[Source]:
    """The objects of paths, of all files below folders, and of openers, in their order; none twice."""
    given: Iterable[Any] = [paths] if _is_one(paths) else cast(Iterable[Any], paths)
    found: list[Source] = []
    seen: set[str] = set()
    for one in given:
        if isinstance(one, Source):
            found.append(one)
        elif isinstance(one, str | os.PathLike):
            found += [source for source in _files(one) if _is_new(source, seen)]
        else:
            found.append(Source(one))
    return found


def _is_one(paths: object) -> bool:
    return isinstance(paths, str | os.PathLike | bytes | Source) or callable(paths) or hasattr(paths, "read")


def _is_new(source: Source, seen: set[str]) -> bool:
    name = os.path.abspath(cast(PathLike, source.origin))
    known = name in seen
    seen.add(name)
    return not known


def _files(path: PathLike) -> Iterator[Source]:
    if not os.path.isdir(path):
        yield Source(path)
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield Source(os.path.join(folder, name), explicit=False)
