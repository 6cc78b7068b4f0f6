"""Objects as bytes, encoded by pydicom or by hand, and what a reader makes of them."""

import warnings
import zlib
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import UnreadableError

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = (
    UID("1.2.840.10008.1.2"),
    UID("1.2.840.10008.1.2.1"),
    UID("1.2.840.10008.1.2.2"),
    UID("1.2.840.10008.1.2.1.99"),
)
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
