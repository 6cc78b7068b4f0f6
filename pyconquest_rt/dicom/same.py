"""Do two files hold the same data set? Group 0002 does not count: each receiver writes its own (PS3.10 section 7.1)."""

import filecmp
import hashlib
import os

from pyconquest_rt.dicom.part10 import FileSource, data_set_start, read_prefix
from pyconquest_rt.errors import UnreadableError

PathLike = str | os.PathLike[str]
_BLOCK = 1 << 20


def same_data_set(one: PathLike, other: PathLike) -> bool:
    """Whether two files hold the same encoded data set in the same transfer syntax.

    Raises:
        OSError: one cannot be read.
    """
    if filecmp.cmp(one, other, shallow=False):
        return True
    try:
        starts = [_start(path) for path in (one, other)]
    except UnreadableError:
        return False
    (first, first_syntax), (second, second_syntax) = starts
    if first_syntax != second_syntax or os.path.getsize(one) - first != os.path.getsize(other) - second:
        return False
    with open(one, "rb") as left, open(other, "rb") as right:
        left.seek(first)
        right.seek(second)
        while block := left.read(_BLOCK):
            if block != right.read(_BLOCK):
                return False
    return True


def _start(path: PathLike) -> tuple[int, str | None]:
    with FileSource(read_prefix(path)) as source:
        return data_set_start(source)


def file_hash(path: PathLike) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
