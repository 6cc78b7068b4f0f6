"""DICOM files as networking sees them: identity and whereabouts of the data set, and headers for new ones.

A stored object is sent as the bytes that follow its file meta information, and a received one is written
after a file meta information that is built here (DICOM PS3.10 section 7.1).
"""

import re
import struct
from pathlib import Path
from typing import Final, NamedTuple

from pyconquest_rt.dicom import elements
from pyconquest_rt.dicom.completeness import check_complete
from pyconquest_rt.dicom.elements import end_of_value, read_header
from pyconquest_rt.dicom.part10 import DEFLATED, FileSource, Start, begin, read_prefix
from pyconquest_rt.errors import TruncatedError, UnreadableError
from pyconquest_rt.net.protocol.negotiation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
NATIVE: Final = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG)
"""The transfer syntaxes that do not encapsulate pixel data, the most useful first."""

COMPRESSED: Final = (
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.201",
)
"""The transfer syntaxes of compressed images that are offered to a peer; those without loss first."""

_NATIVE_SYNTAXES: Final = {
    elements.IMPLICIT_LITTLE: IMPLICIT_LITTLE,
    elements.EXPLICIT_LITTLE: EXPLICIT_LITTLE,
    elements.EXPLICIT_BIG: EXPLICIT_BIG,
}
_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_MEDIA_SOP_CLASS_UID: Final = 0x00020002
_MEDIA_SOP_INSTANCE_UID: Final = 0x00020003
_LONGEST: Final = 66


class StoredObject(NamedTuple):
    """A DICOM file that can be sent: what it is, and which of its bytes are the data set."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    size: int
    encoding: elements.Encoding


def read_stored_object(path: str | Path, sop_instance_uid: str | None = None) -> StoredObject:
    """Read a file's identity from its first bytes, with or without preamble and file meta information.

    The UIDs are the data set's own, else those of the file meta information; the transfer syntax is the one
    that the bytes are in, whatever the file says.

    Args:
        path: the file.
        sop_instance_uid: the instance that the file is to hold, by its row in the index.

    Raises:
        UnreadableError: it cannot be read, is cut off, or holds another instance; with path and reason.
    """
    path = Path(path)
    try:
        prefix = read_prefix(path)
        with FileSource(prefix) as source:
            start = begin(source)
            meta = {header[0]: source.read(header[2], header[2] + header[3]) for _, header in start.meta}
            own = _identity(start)
            _require_complete(start)
    except UnreadableError as error:
        raise UnreadableError(f"{path} cannot be sent: {error}") from error
    sop_class = _text(own.get(_SOP_CLASS_UID) or meta.get(_MEDIA_SOP_CLASS_UID, b""))
    sop_instance = _text(own.get(_SOP_INSTANCE_UID) or meta.get(_MEDIA_SOP_INSTANCE_UID, b""))
    _require_identity(path, sop_class, sop_instance, sop_instance_uid)
    offset = start.position if start.transfer_syntax != DEFLATED else _end_of_meta(start)
    return StoredObject(
        path, sop_class, sop_instance, _syntax(start), offset, prefix.size - offset, start.encoding
    )


def _require_identity(path: Path, sop_class: str, sop_instance: str, expected: str | None) -> None:
    """Raise UnreadableError if an object has no UIDs, or not that of its row (whose ``~`` marks one cut to fit)."""
    if not sop_class or not sop_instance:
        raise UnreadableError(f"{path} cannot be sent: it has no SOPClassUID or no SOPInstanceUID")
    if expected and expected.strip() != sop_instance and "~" not in expected:
        raise UnreadableError(f"{path} cannot be sent: it holds another object now; rebuild the index")


def _identity(start: Start) -> dict[int, bytes]:
    """Read SOPClassUID and SOPInstanceUID, as far as the elements up to them can be walked."""
    source, position = start.source, start.position
    found: dict[int, bytes] = {}
    try:
        while position + 8 <= source.size:
            tag, _, value, length = header = read_header(source, position, start.encoding)
            if tag > _SOP_INSTANCE_UID:
                break
            end, position = end_of_value(source, header, source.size, start.encoding)
            if tag in (_SOP_CLASS_UID, _SOP_INSTANCE_UID) and length <= _LONGEST:
                found[tag] = source.read(value, end)
    except UnreadableError:
        pass  # a damaged object is the receiver's to refuse; its file meta information may name it
    return found


def _require_complete(start: Start) -> None:
    """Raise TruncatedError if an object is cut off; one that is malformed is the receiver's to refuse."""
    try:
        if start.is_whole:
            check_complete(start.source, start.position, start.encoding)
    except TruncatedError:
        raise
    except UnreadableError:
        return


def _end_of_meta(start: Start) -> int:
    _, (_, _, value, length) = start.meta[-1]
    return value + length


def _syntax(start: Start) -> str:
    """Return the transfer syntax that the encoding of the bytes bears out."""
    stated = start.transfer_syntax
    bytes_say = _NATIVE_SYNTAXES[start.encoding]
    return bytes_say if stated in _NATIVE_SYNTAXES.values() else stated


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0")


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
    body = b"".join(
        (
            _element(0x0001, b"OB", b"\0\1"),
            _element(0x0002, b"UI", sop_class_uid.encode("ascii", "replace")),
            _element(0x0003, b"UI", sop_instance_uid.encode("ascii", "replace")),
            _element(0x0010, b"UI", transfer_syntax_uid.encode()),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
            _element(0x0017, b"AE", _title(calling_aet)) if calling_aet else b"",
            _element(0x0018, b"AE", _title(called_aet)) if called_aet else b"",
        )
    )
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<I", len(body))) + body


def _title(aet: str) -> bytes:
    """Return a peer's AE title as VR AE can hold it (PS3.5 table 6.2-1); what it cannot hold becomes a ``?``."""
    return re.sub(rb"[^ -~]|\\", b"?", aet.encode("ascii", "replace"))


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr == b"OB":
        return struct.pack("<HH2sxxI", 2, number, vr, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
