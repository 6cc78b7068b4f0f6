"""An RTDOSE as a row: what it is, what it refers to, its grid, and its maximum (DICOM PS3.3 A.18, C.8.8.3).

The maximum is sought in pieces: native PixelData of a file is never held in memory as a whole, and compressed
frames are decoded one by one.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian

from pyconquest_rt.dicom.access import Source, items
from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.dose_reading import is_lossy
from pyconquest_rt.rt.objects.prescription import one_fraction_dose
from pyconquest_rt.rt.objects.rows import (
    Row,
    first,
    identity,
    joined,
    open_object,
    real,
    reals,
    total,
    transfer_syntax,
    value,
    verdict,
    whole,
)

PIXEL_DATA = 0x7FE00010
PIECE_BYTES = 1 << 22
DEFERRED_BYTES = 1 << 16
"""Values of a file that are larger, as PixelData is, are left where they are."""
MAX_VOXELS = 1 << 28
MAX_FRAME = 1 << 24
"""Voxels of one frame: more than 4096 rows of 4096 columns are no dose plane."""


class _NoMaximumError(ObjectError):
    """Why there is no maximum; the message is the reason."""


def extract(source: Source) -> Row:
    """The row of ``rt_dose`` for one RTDOSE, given as path, bytes, stream or data set.

    An object that cannot be used gives a row with the status ``failed`` and the reason; nothing is raised.
    """
    dataset, failure = open_object(source, "RTDOSE", DEFERRED_BYTES)
    parts = (_references, _description, _overview, _grid)
    row = identity(dataset) | {name: value for part in parts for name, value in part(dataset).items()}
    warnings = _grid_warnings(dataset, row)
    row["maximum_gy"] = None
    if not failure:
        try:
            row["maximum_gy"] = _maximum(dataset, row, source)
        except (_NoMaximumError, OSError) as error:
            warnings.append(str(error))
    return row | verdict(failure, warnings)


def _references(dataset: Dataset) -> Row:
    plans = items(dataset, "ReferencedRTPlanSequence")
    group = first(dataset, "ReferencedRTPlanSequence", "ReferencedFractionGroupSequence")
    uids = [value(plan, "ReferencedSOPInstanceUID") for plan in plans]
    beams = [whole(beam, "ReferencedBeamNumber") for beam in items(group, "ReferencedBeamSequence")]
    structure_set = first(dataset, "ReferencedStructureSetSequence") or first(
        dataset, "PlanOverviewSequence", "ReferencedStructureSetSequence"
    )
    return {
        "frame_of_reference_uid": value(dataset, "FrameOfReferenceUID"),
        "plan_uid": next((uid for uid in uids if uid), None),
        "plan_uids": joined(uids),
        "structure_set_uid": value(structure_set, "ReferencedSOPInstanceUID"),
        "fraction_group_number": whole(group, "ReferencedFractionGroupNumber"),
        "beam_numbers": joined(beams),
    }


def _description(dataset: Dataset) -> Row:
    point = reals(dataset, "NormalizationPoint", 3)
    return {
        "date": value(dataset, "InstanceCreationDate") or value(dataset, "ContentDate"),
        "time": value(dataset, "InstanceCreationTime") or value(dataset, "ContentTime"),
        "summation_type": value(dataset, "DoseSummationType"),
        "dose_type": value(dataset, "DoseType"),
        "dose_units": value(dataset, "DoseUnits"),
        "comment": value(dataset, "DoseComment"),
        "heterogeneity_correction": value(dataset, "TissueHeterogeneityCorrection"),
        **{f"normalisation_{axis}_mm": point[i] if point else None for i, axis in enumerate("xyz")},
        "dvh_count": len(items(dataset, "DVHSequence")),
    }


def _overview(dataset: Dataset) -> Row:
    """What PlanOverviewSequence says of the plans of a dose: prescriptions and fractions of all of them together.

    Of several prescriptions of one plan (for several targets) the highest counts.
    """
    plans = items(dataset, "PlanOverviewSequence")
    doses = [
        max(
            filter(
                None,
                (real(it, "TotalPrescriptionDose") for it in items(plan, "PrescriptionOverviewSequence")),
            ),
            default=None,
        )
        for plan in plans
    ]
    fractions = [whole(plan, "NumberOfFractionsIncluded") for plan in plans]
    each = [dose / count if dose and count else None for dose, count in zip(doses, fractions, strict=True)]
    return {
        "overview_plans": len(plans),
        "overview_rx_gy": None if None in doses else total(doses),
        "overview_fractions": None if None in fractions else total(fractions),
        "overview_is_even": int(len(plans) == 1 or one_fraction_dose(each)),
    }


def _grid(dataset: Dataset) -> Row:
    spacing: list[float | None] = [*reals(dataset, "PixelSpacing", 2)] or [None, None]
    origin: list[float | None] = [*reals(dataset, "ImagePositionPatient", 3)] or [None, None, None]
    orientation = reals(dataset, "ImageOrientationPatient", 6)
    steps = np.abs(np.diff(reals(dataset, "GridFrameOffsetVector")))
    return {
        "rows": whole(dataset, "Rows"),
        "columns": whole(dataset, "Columns"),
        "planes": whole(dataset, "NumberOfFrames") or (1 if "Rows" in dataset else None),
        "row_spacing_mm": spacing[0],
        "column_spacing_mm": spacing[1],
        "plane_spacing_mm": float(np.median(steps)) if steps.size else None,
        "is_even_spacing": int(np.ptp(steps) < 0.01) if steps.size else None,
        **{f"origin_{axis}_mm": origin[i] for i, axis in enumerate("xyz")},
        "orientation": "\\".join(f"{cosine:g}" for cosine in orientation) or None,
        "bits": whole(dataset, "BitsAllocated"),
        "dose_grid_scaling": real(dataset, "DoseGridScaling"),
    }


def _grid_warnings(dataset: Dataset, row: Row) -> list[str]:
    checks = [
        (row["orientation"] is None, "ImageOrientationPatient is missing or not six numbers"),
        (row["origin_x_mm"] is None, "ImagePositionPatient is missing or not three numbers"),
        (is_lossy(dataset), "the dose was compressed with loss"),
        (row["row_spacing_mm"] is None, "PixelSpacing is missing or not two numbers"),
        (
            (row["planes"] or 0) > 1 and len(reals(dataset, "GridFrameOffsetVector")) != row["planes"],
            "GridFrameOffsetVector does not have one number for each frame",
        ),
    ]
    return [reason for is_so, reason in checks if is_so]


def _maximum(dataset: Dataset, row: Row, source: Source) -> float:
    """The greatest dose in Gy."""
    if (row["dose_units"] or "").upper() != "GY":
        raise _NoMaximumError(f"DoseUnits is {row['dose_units'] or 'missing'}, not GY: no maximum in Gy")
    scaling = row["dose_grid_scaling"]
    if scaling is None or scaling <= 0:
        raise _NoMaximumError("DoseGridScaling is missing or not a positive number")
    return float(scaling * max(int(piece.max()) for piece in _pieces(dataset, source)))


def _pieces(dataset: Dataset, source: Source) -> Iterator[npt.NDArray[Any]]:
    """The stored values, a few MB at a time."""
    voxels, bits = _voxels_and_bits(dataset)
    if PIXEL_DATA not in dataset:
        raise _NoMaximumError("there is no PixelData")
    syntax = transfer_syntax(dataset)
    if syntax.is_encapsulated:
        yield from _decoded_frames(dataset)
        return
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    kind = "i" if whole(dataset, "PixelRepresentation") == 1 else "u"
    dtype = np.dtype(f"{order}{kind}{bits // 8}")
    wanted = voxels * dtype.itemsize
    got = 0
    for data in _native_bytes(dataset, source, wanted):
        got += len(data)
        if found := len(data) // dtype.itemsize:
            yield np.frombuffer(data, dtype, found)
    if got < wanted:
        raise _NoMaximumError(f"PixelData has {got} bytes of the {wanted} that its dimensions need")


def _voxels_and_bits(dataset: Dataset) -> tuple[int, int]:
    """The number of voxels and the bits of each, after a check that both can be those of a dose grid."""
    frame = (whole(dataset, "Rows") or 0) * (whole(dataset, "Columns") or 0)
    voxels = frame * (whole(dataset, "NumberOfFrames") or 1)
    bits = whole(dataset, "BitsAllocated")
    if not 0 < voxels <= MAX_VOXELS or frame > MAX_FRAME or bits not in (8, 16, 32):
        raise _NoMaximumError(f"{voxels} voxels of {bits} bits are no dose grid that can be read")
    return voxels, bits


def _native_bytes(dataset: Dataset, source: Source, wanted: int) -> Iterator[bytes]:
    element = dict(dataset.items())[Tag(PIXEL_DATA)]  # get_item would read a deferred value
    if (
        isinstance(element, RawDataElement)
        and element.value is None
        and isinstance(source, str | os.PathLike)
    ):
        with Path(source).open("rb") as file:
            file.seek(element.value_tell)
            left = min(wanted, element.length)
            while left > 0 and (data := file.read(min(left, PIECE_BYTES))):
                left -= len(data)
                yield data
        return
    data = element.value or b""
    for start in range(0, min(wanted, len(data)), PIECE_BYTES):
        yield data[start : min(start + PIECE_BYTES, wanted)]


def _decoded_frames(dataset: Dataset) -> Iterator[npt.NDArray[Any]]:
    with content_errors("the compressed PixelData cannot be decoded", _NoMaximumError, quoted=True):
        yield from iter_pixels(dataset)
