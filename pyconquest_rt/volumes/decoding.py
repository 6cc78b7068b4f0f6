"""The program of the helper process: decode the frames that are handed over, until the pipe is closed."""

import mmap
import pickle
import sys
from typing import Any

import numpy as np

from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.helper import SIZE, SLOTS, send
from pyconquest_rt.volumes.pixels import stored_values


def serve(number: int, room: int) -> None:
    """Answer each frame from standard input with its values in the shared memory of a file descriptor.

    ``room`` is the size in bytes of each place in that memory.
    """
    memory = mmap.mmap(number, room * SLOTS)
    while size := sys.stdin.buffer.read(SIZE):
        slot, frame = pickle.loads(sys.stdin.buffer.read(int.from_bytes(size, "little")))  # of our own parent
        try:
            array = stored_values(frame)
            data = np.ascontiguousarray(array).tobytes()
            memory[slot * room : slot * room + len(data)] = data
            answer: tuple[Any, ...] = (slot, array.dtype.str, array.shape)
        except VolumeError as error:
            answer = (slot, error.code, str(error))
        send(sys.stdout.buffer, answer)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
