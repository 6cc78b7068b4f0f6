"""Values of RT objects as they go into rows: text, numbers or None; nothing here raises on odd content."""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ImplicitVRLittleEndian

from pyconquest_rt.dicom import access
from pyconquest_rt.dicom.access import Source, items, number, numbers, read_object, tag_of
from pyconquest_rt.errors import UnreadableError

Row = dict[str, Any]
Number = TypeVar("Number", int, float)

OK, WARNING, FAILED = "ok", "warning", "failed"
MAX_WHOLE = 2**53


def value(dataset: Dataset, keyword: str) -> str | None:
    r"""The element as text, several values joined by ``\``; None where absent, empty or damaged."""
    found = access.value(dataset, keyword)
    if not isinstance(found, MultiValue):
        return None if found is None else str(found).strip() or None
    return "\\".join(str(part).strip() for part in found) or None


def real(dataset: Dataset, keyword: str) -> float | None:
    """The single finite number of an element, or None."""
    return number(dataset, tag_of(keyword))


def reals(dataset: Dataset, keyword: str, count: int | None = None) -> list[float]:
    """The finite numbers of an element; none where one is not finite or there are not ``count``."""
    found = numbers(dataset, tag_of(keyword))
    usable = np.isfinite(found).all() and count in (None, found.size)
    return [float(one) for one in found] if usable else []


def whole(dataset: Dataset, keyword: str) -> int | None:
    """The single whole number of an element, or None."""
    found = access.value(dataset, keyword)
    try:
        one = None if found is None else int(found)
    except (ArithmeticError, TypeError, ValueError):  # several values, text, an infinite number
        return None
    return one if one is not None and abs(one) < MAX_WHOLE else None


def first(dataset: Dataset, *keywords: str) -> Dataset:
    """The first item of a sequence, of a sequence in it, and so on; an empty data set where there is none."""
    for keyword in keywords:
        dataset = next(iter(items(dataset, keyword)), Dataset())
    return dataset


def transfer_syntax(dataset: Dataset) -> UID:
    """The transfer syntax of an object; implicit VR little endian where it does not say."""
    return UID(str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ImplicitVRLittleEndian)))


def total(numbers: Iterable[Number | None]) -> Number | None:
    """The sum of the numbers that are there; None if there are none."""
    known = [number for number in numbers if number is not None]
    return sum(known[1:], known[0]) if known else None


def joined(values: Iterable[Any]) -> str | None:
    r"""Distinct values in their order, joined by ``\``; None where there are none."""
    found = dict.fromkeys(str(one) for one in values if one is not None)
    return "\\".join(found) or None


def identity(dataset: Dataset) -> Row:
    """The columns that all objects share."""
    return {
        "SOPInstanceUID": value(dataset, "SOPInstanceUID"),
        "patient_id": value(dataset, "PatientID"),
        "study_instance_uid": value(dataset, "StudyInstanceUID"),
        "series_instance_uid": value(dataset, "SeriesInstanceUID"),
        "manufacturer": value(dataset, "Manufacturer"),
        "model": value(dataset, "ManufacturerModelName"),
        "software_version": value(dataset, "SoftwareVersions"),
    }


def verdict(failed: str | None, warnings: Iterable[str]) -> Row:
    """The columns status and reason."""
    reasons = [failed] if failed else list(dict.fromkeys(warnings))
    status = FAILED if failed else WARNING if reasons else OK
    return {"status": status, "reason": "; ".join(reasons) or None}


def open_object(source: Source, modality: str, defer_size: int | None = None) -> tuple[Dataset, str | None]:
    """The data set of a source, and why it cannot be used, if so: unreadable, or not of this modality.

    ``defer_size`` is that of dicom.access.read_object.
    """
    try:
        dataset = read_object(source, defer_size)
    except UnreadableError as error:
        return Dataset(), str(error)
    found = value(dataset, "Modality")
    if found != modality:
        return dataset, f"Modality is {found or 'missing'}, not {modality}"
    if value(dataset, "SOPInstanceUID") is None:
        return dataset, "SOPInstanceUID is missing"
    return dataset, None
