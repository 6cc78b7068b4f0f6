"""A second process that decodes frames while this one does: decoders of JPEG 2000 hold Python's lock, threads wait.

The helper (``decoding``) is handed frames by their files and writes what it decodes into memory that both share; only
short messages go through its pipes. It is worth its start for large series of single images in files, on systems with
`select` and inherited file descriptors (POSIX); elsewhere everything is decoded here.
"""

import mmap
import os
import pickle
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.codes import CODES, VolumeError
from pyconquest_rt.volumes.frames import RLE, Frame

Array = npt.NDArray[Any]

SLOTS = 4  #: frames that may be with the helper at one time
WORTH = 40 << 20  #: decoded bytes from which on a helper is started
SIZE = 4  # bytes of a message's length


def is_worth(frames: Sequence[Frame]) -> bool:
    """Whether a helper would make the decoding of these frames quicker."""
    if os.name != "posix" or (os.cpu_count() or 1) < 2:
        return False
    slow = sum(frame.common.stored.frame_bytes for frame in frames if can_help(frame))
    return slow > WORTH


def can_help(frame: Frame) -> bool:
    """Whether a frame is one that a helper decodes: the only one of its file, compressed by other than RLE."""
    stored = frame.common.stored
    is_slow = stored.encapsulated and stored.syntax != RLE and stored.frames == 1
    return is_slow and isinstance(frame.source.origin, str | os.PathLike)


class Helper:
    """The helper process; a context manager, which ends it."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self._room = max(2 * int(frame.common.stored.frame_bytes) for frame in frames) + 64
        self._free = list(range(SLOTS))
        self._with_helper: dict[int, int] = {}

    def __enter__(self) -> "Helper":
        self._file = tempfile.TemporaryFile()
        self._file.truncate(self._room * SLOTS)
        self._memory = mmap.mmap(self._file.fileno(), self._room * SLOTS)
        number = self._file.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyconquest_rt.volumes.decoding", str(number), str(self._room)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[number],
            bufsize=0,  # what is read ahead would not be seen by select
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._memory.close()
        self._file.close()

    @property
    def has_room(self) -> bool:
        """Whether it can be handed another frame."""
        return bool(self._free)

    @property
    def is_busy(self) -> bool:
        """Whether it has frames that have not come back."""
        return bool(self._with_helper)

    def submit(self, index: int) -> None:
        """Hand over one of the frames, by its index."""
        slot = self._free.pop()
        self._with_helper[slot] = index
        send(self._process.stdin, (slot, self._frames[index]))

    def results(self, *, wait: bool) -> Iterator[tuple[int, Array]]:
        """The indices and stored values of frames that are ready; with ``wait`` one at least.

        The array is valid until the next one is asked for. Raises VolumeError.
        """
        timeout = None if wait else 0.0
        while self._with_helper and _is_ready(self._process.stdout, timeout):
            timeout = 0.0
            slot, *found = receive(self._process.stdout)
            kind, shape = found
            if kind in CODES:
                raise VolumeError(kind, shape)
            index = self._with_helper.pop(slot)
            view = memoryview(self._memory)[slot * self._room : (slot + 1) * self._room]
            array = np.frombuffer(view, kind, int(np.prod(shape))).reshape(shape)
            yield index, array
            del array, view
            self._free.append(slot)


def _is_ready(stream: Any, timeout: float | None) -> bool:
    return bool(select.select([stream], [], [], timeout)[0])


def send(stream: Any, message: object) -> None:
    """Send a message through a pipe. Raises VolumeError where the other end is gone."""
    data = pickle.dumps(message)
    try:
        stream.write(len(data).to_bytes(SIZE, "little") + data)
        stream.flush()
    except OSError as error:
        raise VolumeError("unreadable", f"the process that decodes has ended: {error}") from error


def receive(stream: Any) -> tuple[Any, ...]:
    """The next message from a pipe that is not buffered. Raises VolumeError where the other end is gone."""
    data = _exactly(stream, int.from_bytes(_exactly(stream, SIZE), "little"))
    return cast(tuple[Any, ...], pickle.loads(data))  # of our own process


def _exactly(stream: Any, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = stream.read(count - len(found))
        if not more:
            raise VolumeError("unreadable", "the process that decodes has ended")
        found += more
    return found
