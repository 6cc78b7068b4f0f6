"""The size that a compressed frame says of itself, compared with the header before it is decoded."""

import struct

from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.frames import RLE, RLE_RATIO, StoredPixels

_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def check_size(data: bytes, stored: StoredPixels, name: str) -> None:
    """Refuse a frame whose codestream has other rows and columns than its header, or too few bytes for RLE.

    Raises VolumeError `unreadable`.
    """
    if stored.syntax == RLE:
        if stored.frame_bytes > RLE_RATIO * len(data):
            raise VolumeError("unreadable", f"{name}: {len(data)} bytes of RLE are no frame of that size")
        return
    found = _jpeg_size(data) if data[:2] == b"\xff\xd8" else _jpeg2000_size(data)
    if found is not None and found != (stored.rows, stored.columns):
        raise VolumeError(
            "unreadable", f"{name}: a frame of {found} rows and columns, not {stored.rows, stored.columns}"
        )


def _jpeg2000_size(data: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG 2000 codestream (ISO 15444-1 A.5.1), also within a JP2 file."""
    at = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if at < 0 or len(data) < at + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
    return bottom - top, right - left


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG or JPEG-LS image, from its frame header (ISO 10918-1 B.2.2)."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in _JPEG_FRAMES:
            rows, columns = struct.unpack_from(">2H", data, at + 5)
            return rows, columns
        at += 2 + length
    return None
