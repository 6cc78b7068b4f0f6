"""Objects as bytes, encoded by pydicom or by hand, and what a reader makes of them."""

import struct
import warnings
import zlib
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pyconquest_rt.dicom.elements import Encoding
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.dicom.values import LONG_VRS, UNDEFINED_LENGTH
from pyconquest_rt.errors import UnreadableError

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = (
    UID("1.2.840.10008.1.2"),
    UID("1.2.840.10008.1.2.1"),
    UID("1.2.840.10008.1.2.2"),
    UID("1.2.840.10008.1.2.1.99"),
)
Element = tuple[int, str, Any]
"""Tag, VR and value: bytes, a list of items (each a list of elements), or a tuple of fragments."""

SYNTAXES = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]


def bare(dataset: Dataset, syntax: UID) -> bytes:
    """A data set encoded by pydicom, without preamble and file meta information."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_dataset(buffer, dataset)
    if not syntax.is_deflated:
        return buffer.getvalue()
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(buffer.getvalue()) + deflater.flush()


def file_of(dataset: Dataset, syntax: UID, preamble: bool = True) -> bytes:
    """A whole file: preamble, file meta information, data set."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\2\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    meta = b"\2\0\0\0UL\4\0" + len(element).to_bytes(4, "little") + element
    return (bytes(128) + b"DICM" if preamble else b"") + meta + bare(dataset, syntax)


def small(**keywords: Any) -> Dataset:
    """A small image."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "CT"
    dataset.PatientID = "1234"
    dataset.Rows = 4
    for keyword, value in keywords.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = bytes(32)
    dataset["PixelData"].VR = "OW"
    return dataset


def fields(*tags: int) -> list[Field]:
    return [Field((tag,)) for tag in tags]


def nest(depth: int, defined: bool) -> bytes:
    """A sequence in a sequence in a sequence ..., implicit little endian."""
    if not defined:
        opening = bytes.fromhex("0a304000 ffffffff feff00e0 ffffffff")
        return opening * depth + bytes.fromhex("feff0de0 00000000 feffdde0 00000000") * depth
    openings = []
    for inner in range(depth):
        size = 16 * inner
        openings.append(b"\x0a\x30\x40\x00" + (size + 8).to_bytes(4, "little"))
        openings.append(b"\xfe\xff\x00\xe0" + size.to_bytes(4, "little"))
    return b"".join(
        opening for pair in zip(openings[-2::-2], openings[::-2], strict=True) for opening in pair
    )


def bomb() -> bytes:
    """60 KB that inflate to 60 MB of one value, after a few good elements."""
    dataset = small()
    dataset.add_new(0x00091010, "OB", bytes(60 << 20))
    return file_of(dataset, DEFLATED)


def outcome(reader: HeaderReader, data: bytes) -> object:
    try:
        return reader.read_bytes(data)
    except UnreadableError as error:
        return str(error)


def by_hand(dataset: list[Element], encoding: Encoding, defined: bool, pad: bool) -> bytes:
    """A data set as it is, or with all values padded; its sequences of known or of undefined length."""
    return b"".join(_element(*element, encoding, defined, pad) for element in dataset)


def _element(tag: int, vr: str, value: Any, encoding: Encoding, defined: bool, pad: bool) -> bytes:
    if isinstance(value, tuple):  # fragments
        body = b"".join(
            header_by_hand(0xFFFEE000, "", len(one), encoding) + one
            for one in (_even(v, vr, pad) for v in value)
        )
        return (
            header_by_hand(tag, vr, UNDEFINED_LENGTH, encoding)
            + body
            + header_by_hand(0xFFFEE0DD, "", 0, encoding)
        )
    if isinstance(value, bytes):
        value = _even(value, vr, pad)
        return header_by_hand(tag, vr, len(value), encoding) + value
    items = [by_hand(item, encoding, defined, pad) for item in value]
    if defined:
        body = b"".join(header_by_hand(0xFFFEE000, "", len(item), encoding) + item for item in items)
        return header_by_hand(tag, vr, len(body), encoding) + body
    start, end = (
        header_by_hand(0xFFFEE000, "", UNDEFINED_LENGTH, encoding),
        header_by_hand(0xFFFEE00D, "", 0, encoding),
    )
    body = b"".join(start + item + end for item in items)
    return (
        header_by_hand(tag, vr, UNDEFINED_LENGTH, encoding)
        + body
        + header_by_hand(0xFFFEE0DD, "", 0, encoding)
    )


def _even(value: bytes, vr: str, pad: bool) -> bytes:
    return value + (b"\0" if vr in ("UI", "US", "OB") else b" ") if pad and len(value) % 2 else value


def header_by_hand(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """The header of an element, or without a VR of an item or delimiter."""
    order = ">" if encoding.big_endian else "<"
    if encoding.implicit or not vr:
        return struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length)
    if vr in LONG_VRS:
        return struct.pack(order + "HH2sxxI", tag >> 16, tag & 0xFFFF, vr.encode(), length)
    return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)
