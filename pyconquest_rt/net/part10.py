"""The little of a DICOM file that networking needs: its identity, and where its data set begins.

A stored object is sent as the bytes that follow its file meta information, and a received one is written
after a file meta information that is built here (DICOM PS3.10 section 7.1).
"""

import struct
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.net.negotiation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
NATIVE: Final = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG)
"""The transfer syntaxes that do not encapsulate pixel data, the most useful first."""

_HEAD_BYTES: Final = 16384
_INFLATED_BYTES: Final = 1 << 16
_LONG_VRS: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_UNDEFINED: Final = 0xFFFFFFFF


class StoredObject(NamedTuple):
    """A DICOM file that can be sent: what it is, and which of its bytes are the data set."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    size: int


def read_stored_object(path: str | Path) -> StoredObject:
    """Read a file's identity from its first bytes, with or without preamble and file meta information.

    The UIDs are the data set's own; those of the file meta information stand in where the data set does not
    show them within its first kilobytes. Raises UnreadableError, with the reason, for anything else.
    """
    path = Path(path)
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_HEAD_BYTES)
            size = path.stat().st_size
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}.") from error
    offset = 132 if head[128:132] == b"DICM" else 0
    try:
        meta, offset = _walk(head, offset, EXPLICIT_LITTLE, 0x0002)
        if head[offset : offset + 2] == b"\2\0":
            raise UnreadableError(f"{path} has file meta information of more than {_HEAD_BYTES} bytes.")
        syntax = meta.get(0x0010) or _guess_syntax(head[offset : offset + 6])
        data = _inflate(head[offset:]) if syntax == DEFLATED else head[offset:]
        identity, _ = _walk(data, 0, syntax, 0x0008, last=0x0018)
    except (struct.error, zlib.error) as error:
        raise UnreadableError(f"{path} is no DICOM file: {error}.") from error
    sop_class = identity.get(0x0016) or meta.get(0x0002)
    sop_instance = identity.get(0x0018) or meta.get(0x0003)
    if not sop_class or not sop_instance or offset >= size:
        raise UnreadableError(f"{path} is no DICOM object: it has no SOPClassUID or no SOPInstanceUID.")
    return StoredObject(path, sop_class, sop_instance, syntax, offset, size - offset)


def _guess_syntax(start: bytes) -> str:
    return EXPLICIT_LITTLE if start[4:6].isalpha() and start[4:6].isupper() else IMPLICIT_LITTLE


def _inflate(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _INFLATED_BYTES)


def _walk(
    data: bytes, position: int, syntax: str, group: int, last: int = 0xFFFF
) -> tuple[dict[int, str], int]:
    """Read the UIDs of one group's elements up to number `last`; return them with the position after it."""
    order = ">" if syntax == EXPLICIT_BIG else "<"
    found: dict[int, str] = {}
    while position + 8 <= len(data):
        this_group, number = struct.unpack_from(order + "HH", data, position)
        if this_group != group or number > last:
            break
        if syntax == IMPLICIT_LITTLE:
            (length,) = struct.unpack_from("<I", data, position + 4)
            start = position + 8
        elif data[position + 4 : position + 6] in _LONG_VRS:
            (length,) = struct.unpack_from(order + "I", data, position + 8)
            start = position + 12
        else:
            (length,) = struct.unpack_from(order + "H", data, position + 6)
            start = position + 8
        if length == _UNDEFINED or start + length > len(data):
            break
        if length <= 66:
            found[number] = data[start : start + length].decode("latin-1").strip(" \0")
        position = start + length
    return found, position


def file_header(
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    *,
    calling_aet: str = "",
    called_aet: str = "",
) -> bytes:
    """Return a zeroed preamble, ``DICM`` and the file meta information of an object from the network.

    Sending and receiving application entity titles are those of the association (PS3.10 table 7.1-1).
    """
    body = (
        _element(0x0001, b"OB", b"\0\1")
        + _element(0x0002, b"UI", sop_class_uid.encode())
        + _element(0x0003, b"UI", sop_instance_uid.encode())
        + _element(0x0010, b"UI", transfer_syntax_uid.encode())
        + _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode())
        + _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode())
    )
    if calling_aet:
        body += _element(0x0017, b"AE", calling_aet.encode())
    if called_aet:
        body += _element(0x0018, b"AE", called_aet.encode())
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<I", len(body))) + body


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr == b"OB":
        return struct.pack("<HH2sxxI", 2, number, vr, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
