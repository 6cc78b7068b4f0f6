"""Values out of DICOM objects that are not trusted: raw bytes in, text, finite numbers or nothing out.

The package's one reader of attributes that are no columns; rooms above make their rows of what it gives.
An object is at hand as a :data:`Record`: a data set of pydicom, or a view of encoded bytes (``elements.Item``),
which is quicker where an object has many items. The functions here read both alike.
"""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dicom.elements import Source as EncodedSource
from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.dicom.part10 import DEFLATED, FileSource, Start, read_prefix, view_of, whole_object
from pyconquest_rt.errors import UnreadableError

Source = str | os.PathLike[str] | bytes | BinaryIO | Dataset
"""Where an object may come from: a path, its bytes, a byte stream, or a pydicom data set."""

Record = Dataset | Item
"""An object, or an item of a sequence in it."""

_Found = TypeVar("_Found")

SOP_CLASS_UID = 0x00080016


def read_object(source: Source, defer_size: int | None = None) -> Dataset:
    """Return the data set of a path, bytes or byte stream; a data set is handed back as it is.

    Of a file that is not deflated, values of more than ``defer_size`` bytes stay unread until they are asked
    for. A deflated object is inflated, up to part10.MAX_WHOLE bytes. Raises UnreadableError when it is not
    there, not DICOM, or larger than that.
    """
    if isinstance(source, Dataset):
        return source
    name = _name(source)
    try:
        with content_errors("pydicom", UnreadableError, quoted=True):
            dataset = _read(source, defer_size)
            known = "SOPClassUID" in dataset
    except (OSError, UnreadableError) as error:
        raise UnreadableError(f"{name} cannot be read as DICOM: {error}") from error
    if not known:
        raise UnreadableError(f"{name} is not a DICOM object: it has no SOPClassUID")
    return dataset


def read_objects(source: Source | Sequence[Source]) -> list[Dataset]:
    """Return the data sets of a source, or of several in a list or tuple; raises as read_object does."""
    if isinstance(source, list | tuple):
        return [read_object(one) for one in source]
    return [read_object(cast(Source, source))]


def _name(source: Source) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else "the byte stream"


def _read(source: str | os.PathLike[str] | bytes | BinaryIO, defer_size: int | None) -> Dataset:
    stream: Path | io.BytesIO
    if isinstance(source, str | os.PathLike):
        with FileSource(read_prefix(source)) as file:
            start, stream = whole_object(file), Path(source)
    else:
        data = source if isinstance(source, bytes) else source.read()
        start, stream, defer_size = whole_object(EncodedSource(data)), io.BytesIO(data), None
    if start.transfer_syntax == DEFLATED:
        return _inflated(start)
    return pydicom.dcmread(stream, force=True, defer_size=defer_size)


def _inflated(start: Start) -> Dataset:
    """Return the data set that was inflated, as one of explicit VR little endian."""
    found = read_dataset(io.BytesIO(start.source.data), is_implicit_VR=False, is_little_endian=True)
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return found


def view_object(source: Source) -> Record:
    """Return a view of a path, bytes or byte stream; a data set is handed back as it is.

    Raises UnreadableError as :func:`read_object` does, and later where malformed parts are come upon.
    """
    if isinstance(source, Dataset):
        return source
    try:
        if not isinstance(source, bytes):
            source = Path(source).read_bytes() if isinstance(source, str | os.PathLike) else source.read()
        view = view_of(whole_object(EncodedSource(source)))
        known = SOP_CLASS_UID in view
    except (OSError, UnreadableError) as error:
        raise UnreadableError(f"{_name(source)} cannot be read as DICOM: {error}") from error
    if not known:
        raise UnreadableError(f"{_name(source)} is not a DICOM object: it has no SOPClassUID")
    return view


def _or_none(read: Callable[..., _Found], *arguments: Any) -> _Found | None:
    """Return what pydicom or a view reads, None where that fails: a damaged element of any kind is no value."""
    try:
        return read(*arguments)
    except Exception:  # boundary to pydicom, which raises many kinds; the file may be gone by now
        return None


def value(record: Dataset, tag: int | str) -> Any:
    """Return an element's value as pydicom converts it, by tag or keyword; None where it is absent or damaged."""
    element = _or_none(record.get, tag_of(tag) if isinstance(tag, str) else tag)
    return _or_none(getattr, element, "value", None)


def raw_value(record: Record, tag: int) -> Any:
    """Return an element's value as it stands: bytes where it has not been converted yet, None if absent."""
    if isinstance(record, Item):
        return record.raw(tag)
    return getattr(_or_none(record.get_item, tag), "value", None)


def numbers(record: Record, tag: int) -> npt.NDArray[np.float64]:
    """Return the numbers of an element as a one-dimensional array; empty when absent, empty or not
    numeric."""
    try:
        if isinstance(record, Item):
            return np.array(record.values(tag), dtype=np.float64)
        element = _or_none(record.get_item, tag)
        if isinstance(element, RawDataElement) and element.VR not in (None, "DS", "IS", "UN", "OB"):
            found = value(record, tag)
        else:
            found = getattr(element, "value", None)
        if found is None:
            return np.empty(0)
        if isinstance(found, bytes):
            found = found.rstrip(b"\0 ").split(b"\\")
        return np.array(found, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return np.empty(0)


def number(record: Record, tag: int) -> float | None:
    """Return the single finite number of an element, or None."""
    found = numbers(record, tag)
    return float(found[0]) if found.size == 1 and np.isfinite(found[0]) else None


def text(record: Record, keyword: str) -> str:
    """Return an element's value as text, empty where absent or unreadable; several values keep their backslashes."""
    found = _or_none(record.text, tag_of(keyword)) if isinstance(record, Item) else value(record, keyword)
    if isinstance(found, MultiValue):
        return "\\".join(map(str, found)).strip()
    return "" if found is None else str(found).strip()


def code(record: Record, tag: int) -> str:
    """Return a code string as it stands in the file (quicker than ``text``); empty where it is absent."""
    found = raw_value(record, tag)
    if isinstance(found, bytes):
        return found.decode("ascii", "replace").strip(" \0")
    return "" if found is None else str(found)


def items(record: Record, keyword: str) -> list[Any]:
    """Return the items of a sequence, of the kind that the record is; none where it is absent or not a sequence.

    Raises UnreadableError where a view comes upon malformed items.
    """
    if isinstance(record, Item):
        return record.items(tag_of(keyword))
    found = value(record, keyword)
    return list(found) if isinstance(found, pydicom.Sequence) else []


def has(record: Record, keyword: str) -> bool:
    """Tell whether an element is there."""
    return tag_of(keyword) in record


def tag_of(keyword: str) -> int:
    """Return the tag of a keyword of the dictionary."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag
