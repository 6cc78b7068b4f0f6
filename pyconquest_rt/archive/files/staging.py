"""Staged files: nameless until a name is needed, written past the page cache.

Who flushes a file before he answers gains nothing by the system's cache: a page has to be found and filled for every
4 KB, is written at once, and is mostly not read again. Without it there is a copy less, what the memory holds of other
files stays there, and a virtual machine that has not used all of its memory yet is not asked for more of it. And of a
file without a name nothing is left when the program is killed.

Both are Linux's; elsewhere, and on file systems that cannot do it, this is a file like any other.
"""

import io
import mmap
import os
import shutil
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pyconquest_rt.dicom import system
from pyconquest_rt.dicom.part10 import PREFIX_BYTES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BLOCK: Final = 4096
_ROOM: Final = 1 << 20
_rooms: Final[deque[mmap.mmap]] = deque(maxlen=8)
"""Memory of closed files, which the next ones use."""


class StagedFile(io.FileIO):
    """A new file that is written once from start to end, through 1 MB of memory; its first bytes stay there.

    Args:
        path: the name that it has, or gets when it is asked for its name; no file has it yet.

    Raises:
        OSError: as :func:`open` and :func:`os.write` raise it.
    """

    def __init__(self, path: str) -> None:
        self._path, self._is_nameless = path, False
        super().__init__(path, "x+", opener=self._open)
        self._room = _rooms.pop() if _rooms else mmap.mmap(-1, _ROOM)
        self._used = self._written = 0
        self.head = b""
        """The first PREFIX_BYTES (16 KB), once the file is flushed."""

    def _open(self, path: str, flags: int) -> int:
        descriptor = system.open_nameless(os.path.dirname(path))
        self._is_nameless = descriptor is not None
        return os.open(path, flags, 0o666) if descriptor is None else descriptor

    @property
    def planned_name(self) -> str:
        """The path that the file has, or gets when it is asked for its name."""
        return self._path

    @property
    def name(self) -> str:
        """Return the path of the file; the first call gives the file a name."""
        if self._is_nameless:
            try:
                self.link(self._path)
            except OSError:  # it has lost the only name that it had, or the system gives it none
                copy_durably(self, self._path)
            self._is_nameless = False
        return self._path

    @name.setter
    def name(self, path: str) -> None:
        self._path = path  # FileIO gives it itself

    def __fspath__(self) -> str:
        """Return a path for reading the open file; the file stays nameless."""
        return system.path_of_descriptor(self.fileno()) if self._is_nameless else self._path

    def link(self, target: str | os.PathLike[str]) -> None:
        """Give the file one more name. Raises FileExistsError if there is a file of this name."""
        if self._is_nameless:
            system.name_nameless(self.fileno(), target)
        else:
            system.link(self._path, target)

    def write(self, data: "ReadableBuffer") -> int:
        """Write at the end; what does not fill the memory waits there for :meth:`flush`."""
        rest = memoryview(data)
        size = len(rest)
        while len(rest) > _ROOM - self._used:
            fits = _ROOM - self._used
            self._room[self._used :] = rest[:fits]
            self._used, rest = _ROOM, rest[fits:]
            self.flush()
        end = self._used + len(rest)
        self._room[self._used : end] = rest
        self._used = end
        return size

    def flush(self) -> None:
        """Write the buffer: whole blocks to the disk, the rest to the page cache."""
        used, self._used = self._used, 0
        if not used:
            return
        with memoryview(self._room) as room:
            if not self._written:
                self.head = bytes(room[: min(used, PREFIX_BYTES)])
            whole = used - used % _BLOCK if self._written % _BLOCK == 0 else 0
            done = system.write_past_cache(self.fileno(), room[:whole])
            while done < used:
                done += os.write(self.fileno(), room[done:used])
        self._written += used

    def close(self) -> None:
        """Close the file and remove the name of its staging; what was not flushed is dropped."""
        if not self.closed:
            self._used = 0
            _rooms.append(self._room)
            super().close()
            if not self._is_nameless:
                with suppress(FileNotFoundError):
                    os.unlink(self._path)


def copy_durably(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copy a file, with its times, and flush the copy; of one that fails nothing stays.

    Raises:
        OSError: it cannot be read or written.
    """
    try:
        shutil.copy2(source, target)
        with open(target, "rb+") as copy:
            os.fsync(copy.fileno())
    except OSError:
        with suppress(OSError):
            os.unlink(target)
        raise
