"""The ROIs of an RTSTRUCT and their contours, read from the raw bytes of ContourData (DICOM PS3.3 C.8.8.5,
C.8.8.6)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pyconquest_rt.dicom.access import Record, code, items, number, numbers, raw_value, text

Floats = npt.NDArray[np.float64]

CONTOUR_DATA, CONTOUR_GEOMETRIC_TYPE = 0x30060050, 0x30060042
ROI_NUMBER, REFERENCED_ROI_NUMBER, ROI_DISPLAY_COLOR = 0x30060022, 0x30060084, 0x3006002A
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
MAX_COORDINATE = 1e5
"""A contour point farther than 100 m from the origin is a damaged value."""


@dataclass(frozen=True)
class Roi:
    """One ROI of a structure set.

    ``contours`` are its closed contours, each an array of shape (n, 3) in mm of the patient coordinate
    system; ``others`` counts the contours of other types, and ``notes`` tells what could not be used.
    """

    number: int
    name: str
    interpreted_type: str = ""
    color: tuple[int, int, int] | None = None
    frame_of_reference: str = ""
    contours: tuple[Floats, ...] = ()
    others: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_rois(structure_set: Record, wanted: Iterable[int] | None = None) -> dict[int, Roi]:
    """Return the ROIs of an RTSTRUCT by ROI number, in the order of StructureSetROISequence.

    ``wanted`` limits which ROIs have their contours read (all when None). Nothing is raised for damaged
    ROIs: what is unusable is left out and told in ``Roi.notes``.
    """
    selected = None if wanted is None else set(wanted)
    contours = {
        _roi_number(item, REFERENCED_ROI_NUMBER): item for item in items(structure_set, "ROIContourSequence")
    }
    types = {
        _roi_number(item, REFERENCED_ROI_NUMBER): text(item, "RTROIInterpretedType")
        for item in items(structure_set, "RTROIObservationsSequence")
    }
    rois: dict[int, Roi] = {}
    for item in items(structure_set, "StructureSetROISequence"):
        roi_number = _roi_number(item, ROI_NUMBER)
        if roi_number is None or (selected is not None and roi_number not in selected):
            continue
        rois[roi_number] = _read_roi(roi_number, item, contours.get(roi_number), types.get(roi_number, ""))
    return rois


def _roi_number(item: Record, tag: int) -> int | None:
    value = number(item, tag)
    return None if value is None else int(value)


def _read_roi(roi_number: int, item: Record, contour_item: Record | None, interpreted_type: str) -> Roi:
    closed: list[Record] = []
    others: Counter[str] = Counter()
    color = None
    if contour_item is not None:
        rgb = numbers(contour_item, ROI_DISPLAY_COLOR)
        if rgb.size == 3 and np.all((rgb >= 0) & (rgb <= 255)):
            color = (int(rgb[0]), int(rgb[1]), int(rgb[2]))
        for contour in items(contour_item, "ContourSequence"):
            kind = code(contour, CONTOUR_GEOMETRIC_TYPE)
            if kind in CLOSED:
                closed.append(contour)
            else:
                others[kind or "untyped"] += 1
    contours, notes = _usable(_coordinates(closed))
    return Roi(
        number=roi_number,
        name=text(item, "ROIName"),
        interpreted_type=interpreted_type,
        color=color,
        frame_of_reference=text(item, "ReferencedFrameOfReferenceUID"),
        contours=contours,
        others=dict(others),
        notes=notes,
    )


def _coordinates(contours: list[Record]) -> list[Floats]:
    """Return the numbers of each ContourData; all raw values of an ROI are converted in one go."""
    values = [raw_value(contour, CONTOUR_DATA) for contour in contours]
    if values and all(isinstance(value, bytes) and value for value in values):
        counts = [value.count(b"\\") + 1 for value in values]
        try:
            together = np.array(b"\\".join(values).split(b"\\"), dtype=np.float64)
        except ValueError:
            pass
        else:
            return np.split(together, np.cumsum(counts)[:-1])
    return [numbers(contour, CONTOUR_DATA) for contour in contours]


def _usable(coordinates: list[Floats]) -> tuple[tuple[Floats, ...], tuple[str, ...]]:
    """Return the contours that enclose something as (n, 3) arrays, and notes about the rest."""
    found: list[Floats] = []
    seen: set[bytes] = set()
    reasons: Counter[str] = Counter()
    sound = not coordinates or bool((np.abs(np.concatenate(coordinates)) < MAX_COORDINATE).all())
    for values in coordinates:
        if values.size == 0 or values.size % 3:
            reasons["unreadable"] += 1
        elif not (sound or (np.abs(values) < MAX_COORDINATE).all()):
            reasons["with coordinates that are not finite or beyond 100 m"] += 1
        elif values.size < 9:
            reasons["with fewer than three points"] += 1
        elif (key := values.tobytes()) in seen:
            reasons["drawn twice (counted once)"] += 1
        else:
            seen.add(key)
            found.append(values.reshape(-1, 3))
    return tuple(found), tuple(f"{count} contour(s) {reason}" for reason, count in reasons.items())
