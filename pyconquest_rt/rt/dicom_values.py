"""Numbers out of DICOM data sets that are not trusted: raw bytes in, finite floats or a reason out."""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from pyconquest_rt.errors import UnreadableError

Source = str | os.PathLike[str] | bytes | BinaryIO | Dataset
"""Where an object may come from: a path, its bytes, a byte stream, or a pydicom data set."""


def read_object(source: Source) -> Dataset:
    """Return the data set of a path, bytes or byte stream; a data set is handed back as it is.

    Raises UnreadableError when it is not there or not DICOM.
    """
    if isinstance(source, Dataset):
        return source
    name = str(source) if isinstance(source, str | os.PathLike) else "the byte stream"
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        if not isinstance(stream, str | os.PathLike):
            dataset = pydicom.dcmread(stream, force=True)
        else:
            dataset = pydicom.dcmread(Path(stream), force=True)
        known = "SOPClassUID" in dataset
    except Exception as error:  # pydicom raises many kinds on damaged objects
        raise UnreadableError(f"{name} cannot be read as DICOM: {error}") from error
    if not known:
        raise UnreadableError(f"{name} is not a DICOM object: it has no SOPClassUID")
    return dataset


def raw_value(dataset: Dataset, tag: int) -> Any:
    """Return an element's value as it stands: bytes where pydicom has not converted it yet, None if
    absent."""
    return getattr(dataset.get_item(tag), "value", None)


def numbers(dataset: Dataset, tag: int) -> npt.NDArray[np.float64]:
    """Return the numbers of an element as a one-dimensional array; empty when absent, empty or not
    numeric."""
    value = raw_value(dataset, tag)
    if value is None:
        return np.empty(0)
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement) and element.VR not in (None, "DS", "IS", "UN", "OB"):
        value = dataset[tag].value
    try:
        if isinstance(value, bytes):
            value = value.rstrip(b"\0 ").split(b"\\")
        return np.array(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return np.empty(0)


def number(dataset: Dataset, tag: int) -> float | None:
    """Return the single finite number of an element, or None."""
    found = numbers(dataset, tag)
    return float(found[0]) if found.size == 1 and np.isfinite(found[0]) else None


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element's value as text, empty where absent or unreadable."""
    try:
        value = dataset.get(keyword)
    except Exception:  # a damaged element of any kind is no value
        return ""
    return "" if value is None else str(value).strip()


def code(dataset: Dataset, tag: int) -> str:
    """Return a code string as it stands in the file (quicker than ``text``); empty where it is absent."""
    value = raw_value(dataset, tag)
    if isinstance(value, bytes):
        return value.decode("ascii", "replace").strip(" \0")
    return "" if value is None else str(value)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none where it is absent or not a sequence."""
    try:
        value = dataset.get(keyword)
    except Exception:  # a damaged element of any kind is no value
        return []
    return (
        [item for item in value if isinstance(item, Dataset)] if isinstance(value, pydicom.Sequence) else []
    )
