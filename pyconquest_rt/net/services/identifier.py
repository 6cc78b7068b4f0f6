"""Identifiers of C-FIND, C-MOVE and C-GET: data sets in memory, to bytes and back (DICOM PS3.4 Annex C)."""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pyconquest_rt.errors import NetworkError

PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_STUDY_FIND: Final = "1.2.840.10008.5.1.4.1.2.3.1"
PATIENT_STUDY_MOVE: Final = "1.2.840.10008.5.1.4.1.2.3.2"
PATIENT_STUDY_GET: Final = "1.2.840.10008.5.1.4.1.2.3.3"

Keys = Mapping[str, object] | Dataset
"""DICOM keywords with the values to match; an empty value only asks for the attribute."""


def make_identifier(level: str, keys: Keys) -> Dataset:
    """Return the identifier of a query at a level (PATIENT, STUDY, SERIES or IMAGE) with the given keys.

    Raises NetworkError for a name that is no DICOM keyword.
    """
    identifier = Dataset()
    if isinstance(keys, Dataset):
        identifier.update(keys)
    else:
        for keyword, value in keys.items():
            if tag_for_keyword(keyword) is None:
                raise NetworkError(f"{keyword!r} is no keyword of the DICOM dictionary.")
            setattr(identifier, keyword, None if value == "" else value)  # empty: the attribute is asked for
    identifier.QueryRetrieveLevel = level.upper()
    if not all(str(element.value).isascii() for element in identifier):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    return identifier


def encode_identifier(identifier: Dataset, transfer_syntax_uid: str) -> bytes:
    """Encode a data set in an uncompressed transfer syntax. Raises NetworkError if a value does not fit."""
    syntax = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax.is_implicit_VR
    buffer.is_little_endian = syntax.is_little_endian
    try:
        write_dataset(buffer, identifier)
    except (ValueError, TypeError, AttributeError, struct.error) as error:
        raise NetworkError(f"The identifier cannot be encoded: {error}.") from error
    return buffer.getvalue()


def decode_identifier(data: bytes, transfer_syntax_uid: str) -> Dataset:
    """Decode a data set. Raises NetworkError if it cannot be read."""
    syntax = UID(transfer_syntax_uid)
    try:
        data_set = read_dataset(BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian)
        data_set.decode()
        for element in data_set:  # pydicom converts values when they are looked at
            _ = element.value
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        NotImplementedError,
        EOFError,
        OSError,
        RecursionError,
        struct.error,
        BytesLengthException,
    ) as error:
        raise NetworkError(f"The identifier cannot be read: {error!r}.") from error
    return data_set
