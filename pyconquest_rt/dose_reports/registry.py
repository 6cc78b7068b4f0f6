"""Which extractor reads which object: by SOP class, and where that does not tell by content."""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import opened
from pyconquest_rt.dose_reports.header_row import SOP_INSTANCE_UID
from pyconquest_rt.dose_reports.images.ct_image import extract_ct_image
from pyconquest_rt.dose_reports.images.mammography import extract_mammography
from pyconquest_rt.dose_reports.images.nuclear_medicine import extract_nuclear
from pyconquest_rt.dose_reports.images.radiography import extract_radiograph
from pyconquest_rt.dose_reports.pages.ct_philips import extract_dose_page, is_dose_page
from pyconquest_rt.dose_reports.pages.ct_screen import extract_screen, is_screen
from pyconquest_rt.dose_reports.pages.ocr import read_words
from pyconquest_rt.dose_reports.reports.structured_report import extract_report, is_dose_report
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.errors import NotDicomError, UnreadableError

Extractor = Callable[[Item, str], Rows | None]


def _report(item: Item, sop_instance_uid: str) -> Rows | None:
    return extract_report(item, sop_instance_uid) if is_dose_report(item) else None


def _secondary_capture(item: Item, sop_instance_uid: str) -> Rows | None:
    if is_dose_page(item):
        return extract_dose_page(item, sop_instance_uid)
    if item.text(0x00080060) == "MG" and "ORIGINAL" in item.values(0x00080008):
        return extract_mammography(item, sop_instance_uid)  # Hologic's projections of a tomosynthesis
    return None


_STORAGE = "1.2.840.10008.5.1.4.1.1."
SECONDARY_CAPTURE = f"{_STORAGE}7"
EXTRACTORS: dict[str, Extractor] = {
    f"{_STORAGE}{suffix}": extractor
    for extractor, suffixes in (
        (_report, "88.11 88.22 88.33 88.34 88.67 88.68 88.73 88.76"),
        (extract_mammography, "1.2 1.2.1 13.1.3 13.1.4 13.1.5"),
        (extract_radiograph, "1 1.1 1.1.1 1.3 1.3.1 12.1 12.1.1 12.2 12.2.1 12.3"),
        (extract_ct_image, "2 2.1"),
        (extract_nuclear, "20 128 130"),
        (_secondary_capture, "7"),
    )
    for suffix in suffixes.split()
}
"""SOP Class UID → extractor. An extractor returns None for an object that holds no dose."""


def extract(origin: str | os.PathLike[str] | bytes, *, ocr_seconds: float | None = None) -> Rows | None:
    """Return the rows of one object, a file or its bytes; None where it holds no dose.

    With ``ocr_seconds`` CT dose pages that have their values only in the pixels are read by Tesseract, each for
    so many seconds at most (ct_screen.py).

    Bad input raises nothing: an object that cannot be read, or whose report breaks off, gives one
    ``dose_object`` row with the status ``failed`` and the reason in ``warnings``, under its SOP Instance UID
    or, where that cannot be read, under ``unreadable:`` and the SHA-256 of its bytes.

    Raises:
        SettingsError: ``ocr_seconds`` is given, there is such a page, and Tesseract is not installed.
    """
    row: dict[str, str | None] = {}
    try:
        with opened(origin) as item:
            row = {"SOPInstanceUID": item.text(SOP_INSTANCE_UID), "SOPClassUID": item.text(0x00080016)}
            row["StudyInstanceUID"] = item.text(0x0020000D)
            row["SeriesInstanceUID"] = item.text(0x0020000E)
            row["PatientID"] = item.text(0x00100020)
            extractor = EXTRACTORS.get(row["SOPClassUID"] or "")
            if extractor is None:
                return None
            if not row["SOPInstanceUID"]:
                raise UnreadableError("the object has no SOP Instance UID")
            rows = extractor(item, row["SOPInstanceUID"])
            if rows is None and ocr_seconds and row["SOPClassUID"] == SECONDARY_CAPTURE and is_screen(item):
                return extract_screen(item, row["SOPInstanceUID"], partial(read_words, origin, ocr_seconds))
            return rows
    except UnreadableError as error:
        return _failed(row, origin, error)


def _failed(
    row: dict[str, str | None], origin: str | os.PathLike[str] | bytes, error: UnreadableError
) -> Rows:
    reason = str(error)
    rows = Rows(row.get("SOPInstanceUID") or f"unreadable:{_digest(origin)}")
    if not row.get("SOPInstanceUID") and not isinstance(origin, bytes):
        reason = f"{os.fspath(origin)}: {reason}"
    rows.object.update({column: value for column, value in row.items() if column != "SOPInstanceUID"})
    rows.object.update(status="failed", warnings=reason)
    rows.is_dicom = not isinstance(error, NotDicomError)
    return rows


def _digest(origin: str | os.PathLike[str] | bytes) -> str:
    if isinstance(origin, bytes):
        return hashlib.sha256(origin).hexdigest()
    try:
        with Path(origin).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(os.fsencode(origin)).hexdigest()
