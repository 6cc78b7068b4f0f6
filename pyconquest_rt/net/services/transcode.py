"""A stored object in another transfer syntax than its own, for a peer that refuses the stored one."""

from array import array
from io import BytesIO
from math import prod
from typing import Final

from pydicom import DataElement, Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, JPEG2000TransferSyntaxes, RLELossless

from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, Source
from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.dicom.padding import edited, paddings
from pyconquest_rt.dicom.part10 import DEFLATED, FileSource, read_prefix, whole_object
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.net.services.stored import EXPLICIT_BIG, StoredObject

_MAX_PIXEL_BYTES: Final = 1 << 31
_WORDS: Final = {"OW": "H", "OF": "I", "OL": "I", "OD": "Q", "OV": "Q"}
"""The VRs of words that pydicom hands on as bytes, and the words' codes in the array module."""


def encode_as(stored: StoredObject, transfer_syntax_uid: str) -> bytes:
    """Return the object's data set in implicit or explicit VR little endian; pixel data are decompressed for it.

    The identifiers stay. Raises UnreadableError where pydicom and the extras ``[pixels]`` and ``[gdcm]`` cannot do it,
    and for an object that would become unreasonably large: 2 GB of pixels, 256 MB of what is deflated.
    """
    target = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = target.is_implicit_VR
    buffer.is_little_endian = target.is_little_endian
    try:
        with content_errors("pydicom", UnreadableError, quoted=True):
            data_set = _read(stored)
            if stored.transfer_syntax_uid == EXPLICIT_BIG:
                data_set.walk(_swap_words)
            elif UID(stored.transfer_syntax_uid).is_encapsulated:
                _check_size(data_set)
                data_set.decompress(generate_instance_uid=False)
            write_dataset(buffer, data_set)
    except (OSError, UnreadableError) as error:
        raise UnreadableError(
            f"{stored.path} cannot be changed from {UID(stored.transfer_syntax_uid).name} to {target.name}: "
            f"{_missing_decoder(stored.transfer_syntax_uid) or error}"
        ) from error
    return _padded(buffer.getvalue(), IMPLICIT_LITTLE if target.is_implicit_VR else EXPLICIT_LITTLE)


def _padded(data: bytes, encoding: Encoding) -> bytes:
    """Return a data set with all lengths made even."""
    edits = paddings(Source(data), 0, encoding)
    return b"".join(edited((data,), 0, edits)) if edits else data


def _missing_decoder(transfer_syntax_uid: str) -> str:
    """Return which extra of this package brings the decoder that is missing for a syntax; empty if none is."""
    from pydicom.pixels.decoders.base import get_decoder

    if not UID(transfer_syntax_uid).is_encapsulated:
        return ""
    try:
        if get_decoder(transfer_syntax_uid).is_available:
            return ""
    except NotImplementedError:
        return "nothing decodes it"
    extra = "pixels" if transfer_syntax_uid in (*JPEG2000TransferSyntaxes, RLELossless) else "gdcm"
    return f"its decoder is not installed; pip install 'pyconquest_rt[{extra}]' brings it"


def _read(stored: StoredObject) -> Dataset:
    if stored.transfer_syntax_uid != DEFLATED:
        return dcmread(stored.path, force=True)
    with FileSource(read_prefix(stored.path)) as file:
        inflated = whole_object(file).source.data
    return read_dataset(BytesIO(inflated), is_implicit_VR=False, is_little_endian=True)


def _swap_words(_: Dataset, element: DataElement) -> None:
    """Turn the bytes of each word of a big endian value round (PS3.5 section 7.3)."""
    if element.VR in _WORDS and element.value:
        words = array(_WORDS[element.VR], element.value)
        words.byteswap()
        element.value = words.tobytes()


def _check_size(data_set: Dataset) -> None:
    names = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames")
    size = prod(int(data_set.get(name) or 1) for name in names) // 8
    if size > _MAX_PIXEL_BYTES:
        raise UnreadableError(f"its pixels would take {size >> 20} MB")
