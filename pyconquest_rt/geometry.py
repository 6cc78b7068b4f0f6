"""Geometry of targets and organs: distances, overlap-volume histograms, directions, and isodoses.

``relate("rs.dcm", organ=3, target=10)`` says how an organ lies to a target; ``isodose("rd.dcm", 30.0)`` gives the
lines of a dose. Objects that cannot give numbers do not raise: the status is then ``failed``, with the reason.
"""

import math
from collections.abc import Iterable, Sequence

from pyconquest_rt.dicom.access import Source, has, read_objects, text, view_object
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.contours import read_rois
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid
from pyconquest_rt.rt.dvh.slabs import END_CAPS
from pyconquest_rt.rt.relations.directions import Directions
from pyconquest_rt.rt.relations.isodoses import Isodose, isodose_of
from pyconquest_rt.rt.relations.pairs import Pairs, RoiSet
from pyconquest_rt.rt.relations.relation import Relation
from pyconquest_rt.rt.relations.similarity import DirectionDistances, compare_directions, emd

__all__ = [
    "DirectionDistances",
    "Directions",
    "Isodose",
    "Relation",
    "compare_directions",
    "emd",
    "isodose",
    "relate",
]

Numbers = float | Iterable[float]
"""One ROI number or several."""


def relate(
    structure_set: Source,
    organ: Numbers,
    target: Numbers,
    end_cap: str = "half",
    *,
    slice_spacing_mm: float | None = None,
) -> Relation:
    """Return how an organ lies to a target of the same RTSTRUCT.

    ``structure_set`` is a path, bytes, a byte stream or a pydicom data set; ``organ`` and ``target`` are ROI numbers,
    or lists of them, whose union is meant. ``end_cap`` and ``slice_spacing_mm`` are as for
    :func:`pyconquest_rt.dvh.calculate_dvhs`. Distances in mm are to the surface of the slabs that the contours stand
    for, negative within the target.

    Raises UnreadableError for what is not DICOM, ObjectError for an object that is no structure set, and ValueError
    for an unknown option. ROIs that are not there or enclose nothing give a relation that ``failed``.
    """
    if end_cap not in END_CAPS:
        raise ValueError(f"end_cap is {end_cap!r}; use one of {', '.join(END_CAPS)}")
    record = view_object(structure_set)
    if not (has(record, "StructureSetROISequence") or has(record, "ROIContourSequence")):
        modality = text(record, "Modality") or "missing"
        raise ObjectError(f"the object is no RTSTRUCT with ROIs (its Modality is {modality})")
    pairs = Pairs(RoiSet.of(read_rois(record), slice_spacing_mm), end_cap)
    return pairs.relate(_numbers(organ), _numbers(target))


def isodose(dose: Source | Sequence[Source], dose_gy: float) -> Isodose:
    """Return the isodose of ``dose_gy`` Gy: its lines on every plane of the dose, and the volume within.

    ``dose`` is an RTDOSE as a path, bytes, a byte stream or a data set, or a list of doses of one plane each. Raises
    UnreadableError for what is not DICOM; an object without a dose grid gives an isodose that ``failed``.
    """
    dose_gy = float(dose_gy)
    if not math.isfinite(dose_gy) or dose_gy <= 0:
        return Isodose(dose_gy, status="failed", reason="an isodose needs a dose above 0 Gy")
    try:
        return isodose_of(read_dose_grid(read_objects(dose)), dose_gy)
    except DoseError as error:
        return Isodose(dose_gy, status="failed", reason=str(error))


def _numbers(numbers: Numbers) -> tuple[int, ...]:
    """Return ROI numbers as integers; what is no whole number is the number of no ROI."""
    several = [numbers] if isinstance(numbers, str) or not isinstance(numbers, Iterable) else list(numbers)
    return tuple(dict.fromkeys(_number(one) for one in several))


def _number(value: float) -> int:
    try:
        number = float(value)
        return int(number) if number == int(number) else NO_ROI
    except (TypeError, ValueError, OverflowError):
        return NO_ROI


NO_ROI = -(1 << 31) - 1
"""Beyond what an IS can hold."""
