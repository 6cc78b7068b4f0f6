"""The dose grid of an RTDOSE, or of several of one plane each (DICOM PS3.3 C.8.8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    RLELossless,
)

from pyconquest_rt.dicom.access import number, numbers, raw_value, text, value
from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.dose_grid import DoseGrid

Floats = npt.NDArray[np.float64]

MAX_VOXELS = 1 << 28
"""Larger dose grids are refused: 268 million voxels, 1 GiB of single precision."""

MAX_EXPANSION = {RLELossless: 64}
OTHER_EXPANSION = 10_000
"""How many bytes one byte of compressed PixelData can stand for: two bytes of RLE are at most 128; the
others' best case is a frame of one value."""

MISSING_STEP = 1.6
"""Doses of one plane each that lie this many times the usual distance apart lack a plane between them."""

LOSSY_SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K)

IMAGE_POSITION, IMAGE_ORIENTATION, PIXEL_SPACING, SLICE_THICKNESS = (
    0x00200032,
    0x00200037,
    0x00280030,
    0x00180050,
)
GRID_FRAME_OFFSET_VECTOR, DOSE_GRID_SCALING, PIXEL_DATA = 0x3004000C, 0x3004000E, 0x7FE00010


class DoseError(ObjectError):
    """An RTDOSE has no dose grid that can be used; the message is the reason."""


@dataclass(frozen=True)
class _Plane:
    """Where an RTDOSE lies: number of planes, rows and columns, directions, first voxel and distances in mm."""

    shape: tuple[int, int, int]
    axes: Floats
    origin: Floats
    spacing: Floats
    scaling: float


def read_dose_grid(dose: Dataset | Sequence[Dataset]) -> DoseGrid:
    """Return the dose grid of an RTDOSE in Gy; raises DoseError with the reason where it has none to use.

    Both forms of GridFrameOffsetVector are read (C.8.8.3.2), planes in falling order, any orientation, 8, 16
    and 32 bits, signed and unsigned, native of either byte order and compressed as far as pydicom has a
    decoder. Several objects are the planes of one grid, in any order.
    """
    if not isinstance(dose, Dataset):
        return _stacked(list(dose)) if len(dose) != 1 else read_dose_grid(dose[0])
    plane = _plane(dose)
    offsets = _offsets(dose, plane.shape[0], plane.axes[0], plane.origin)
    stored = _stored_values(dose, plane.shape)
    if plane.scaling * max(-float(stored.min()), float(stored.max())) > np.finfo(np.float32).max:
        raise DoseError("the dose grid holds values that are not finite")
    return _grid(stored, plane, offsets, _plane_thickness(dose, plane.spacing))


def _plane(dose: Dataset) -> _Plane:
    _require_gray(dose)
    shape = _shape(dose)
    axes = _axes(dose)
    origin = numbers(dose, IMAGE_POSITION)
    if origin.size != 3 or not np.isfinite(origin).all():
        raise DoseError("ImagePositionPatient is missing or not three numbers")
    spacing = numbers(dose, PIXEL_SPACING)
    if spacing.size != 2 or not np.all((spacing > 0) & (spacing < 1e4)):
        raise DoseError("PixelSpacing is missing or not two positive numbers")
    scaling = number(dose, DOSE_GRID_SCALING)
    if scaling is None or scaling <= 0:
        raise DoseError("DoseGridScaling is missing or not a positive number")
    return _Plane(shape, axes, origin, spacing, scaling)


def _stacked(doses: list[Dataset]) -> DoseGrid:
    """Return the grid of doses of one plane each, which may differ in scaling alone."""
    planes = [_plane(dose) for dose in doses]
    if not planes:
        raise DoseError("there is no dose")
    first = min(planes, key=lambda plane: float(plane.origin @ planes[0].axes[0]))
    steps = np.array([plane.origin - first.origin for plane in planes])
    offsets = steps @ first.axes[0]
    order = np.argsort(offsets)
    _require_stack(planes, first, steps, offsets)
    gray = np.empty((len(planes), *first.shape[1:]), np.float32)
    with np.errstate(over="ignore"):
        for place, number_of in enumerate(order):
            values = _stored_values(doses[number_of], planes[number_of].shape)
            gray[place] = values[0] * planes[number_of].scaling
    if not np.isfinite(gray).all():
        raise DoseError("the dose grid holds values that are not finite")
    grid = _grid(gray, replace(first, scaling=1.0), offsets[order], 0.0)
    thickness = number(doses[0], SLICE_THICKNESS)
    return replace(grid, notes=_missing_planes(offsets[order], first, thickness))


def _require_stack(planes: list[_Plane], first: _Plane, steps: Floats, offsets: Floats) -> None:
    """Raise DoseError unless the planes, ``steps`` (n, 3) and ``offsets`` (mm) from the first, make one grid."""
    if any(plane.shape != (1, *first.shape[1:]) for plane in planes):
        raise DoseError(f"the {len(planes)} doses are not planes of the same number of rows and columns")
    are_alike = all(
        np.allclose(plane.axes, first.axes, atol=1e-4)
        and np.allclose(plane.spacing, first.spacing, atol=1e-4)
        for plane in planes
    )
    if not are_alike or (np.abs(steps - np.outer(offsets, first.axes[0])) > 0.01).any():
        raise DoseError(f"the {len(planes)} doses do not lie above each other on one grid")
    if (np.diff(np.sort(offsets)) < 1e-3).any():
        raise DoseError("two of the doses are of the same plane")
    if len(planes) * first.shape[1] * first.shape[2] > MAX_VOXELS:
        raise DoseError(f"the {len(planes)} doses have more than {MAX_VOXELS} voxels together")


def _missing_planes(offsets: Floats, plane: _Plane, thickness: float | None) -> tuple[str, ...]:
    """Return a note that names the planes that are missing among doses of one plane each, by their distances.

    The usual distance is the lower median; of two planes it is their SliceThickness where that is less.
    """
    steps = np.diff(offsets)
    usual = float(np.sort(steps)[(steps.size - 1) // 2])
    if steps.size == 1 and thickness is not None and thickness > 0:
        usual = min(usual, thickness)
    axis = int(np.argmax(np.abs(plane.axes[0])))
    places = [
        f"{plane.origin[axis] + offset * plane.axes[0, axis]:g}"
        for index in np.flatnonzero(steps > MISSING_STEP * usual)
        for offset in np.linspace(offsets[index], offsets[index + 1], round(steps[index] / usual) + 1)[1:-1]
    ]
    if not places:
        return ()
    shown = ", ".join(places[:5]) + (", ..." if len(places) > 5 else "")
    return (f"the dose lacks {len(places)} plane(s), at {'xyz'[axis]} = {shown} mm, which were interpolated",)


def _grid(stored: npt.NDArray[Any], plane: _Plane, offsets: Floats, thickness: float) -> DoseGrid:
    """Put a grid together; ``thickness`` in mm is that of a lone plane."""
    if offsets[-1] < offsets[0]:
        offsets, stored = offsets[::-1], stored[::-1]
    nodes: list[Floats] = []
    extents = []
    for axis, step in enumerate((thickness, float(plane.spacing[0]), float(plane.spacing[1]))):
        centres: Floats = offsets if axis == 0 else step * np.arange(float(stored.shape[axis]))
        if centres.size == 1:
            centres = float(centres[0]) + 0.5 * step * np.array([-1.0, 1.0])
            stored = np.repeat(stored, 2, axis=axis)
            extents.append((float(centres[0]), float(centres[1])))
        else:
            half = 0.5 * (centres[1] - centres[0]), 0.5 * (centres[-1] - centres[-2])
            extents.append((float(centres[0] - half[0]), float(centres[-1] + half[1])))
        nodes.append(np.asarray(centres))
    w, v, u = nodes
    stored = np.ascontiguousarray(stored)
    return DoseGrid(stored, plane.scaling, plane.origin, plane.axes, (w, v, u), tuple(extents))


def is_lossy(dose: Dataset) -> bool:
    """Tell whether the stored values were, or for all that is said may have been, compressed with loss (PS3.3
    C.7.6.1.1.5, PS3.5 section 8.2)."""
    said = text(dose, "LossyImageCompression")
    return said == "01" or (said != "00" and _transfer_syntax(dose) in LOSSY_SYNTAXES)


def _require_gray(dose: Dataset) -> None:
    units, kind = text(dose, "DoseUnits").upper(), text(dose, "DoseType").upper()
    if units != "GY":
        raise DoseError(f"DoseUnits is {units or 'missing'}, not GY: the dose in Gy is not known")
    if kind == "ERROR":
        raise DoseError("DoseType is ERROR: the grid holds dose differences, not doses")


def _shape(dose: Dataset) -> tuple[int, int, int]:
    """Return planes, rows and columns after a check that the bytes for them are there."""
    frames = number(dose, 0x00280008)
    sizes = [1.0 if frames is None else frames]
    for tag, keyword in ((0x00280010, "Rows"), (0x00280011, "Columns")):
        size = _unsigned_short(dose, tag)
        if not size:
            raise DoseError(f"{keyword} is missing or zero")
        sizes.append(size)
    planes, rows, columns = (int(size) for size in sizes)
    if planes < 1 or planes * rows * columns > MAX_VOXELS:
        raise DoseError(f"{planes} x {rows} x {columns} voxels are none, or more than {MAX_VOXELS}")
    return planes, rows, columns


def _unsigned_short(dose: Dataset, tag: int) -> int:
    try:
        return int(value(dose, tag))
    except (TypeError, ValueError, ArithmeticError):  # absent, empty, several values, or damaged
        return 0


def _axes(dose: Dataset) -> Floats:
    orientation = numbers(dose, IMAGE_ORIENTATION)
    if orientation.size != 6 or not np.isfinite(orientation).all():
        raise DoseError("ImageOrientationPatient is missing or not six numbers")
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if not np.allclose(lengths, 1.0, atol=1e-3) or abs(along_row @ along_column) > 1e-3:
        raise DoseError("ImageOrientationPatient is not two perpendicular unit vectors")
    along_row = along_row / lengths[0]
    along_column = along_column - (along_column @ along_row) * along_row
    along_column = along_column / np.linalg.norm(along_column)
    return np.array([np.cross(along_row, along_column), along_column, along_row])


def _offsets(dose: Dataset, planes: int, normal: Floats, origin: Floats) -> Floats:
    """Return the positions of the planes along the normal, in mm from the first."""
    if planes == 1:
        return np.zeros(1)
    offsets = numbers(dose, GRID_FRAME_OFFSET_VECTOR)
    if offsets.size != planes or not np.isfinite(offsets).all():
        raise DoseError(f"GridFrameOffsetVector has {offsets.size} usable values for {planes} frames")
    steps = np.diff(offsets)
    if not (np.all(steps > 1e-6) or np.all(steps < -1e-6)):
        raise DoseError("GridFrameOffsetVector neither rises nor falls throughout")
    if abs(offsets[0]) < 1e-6:
        return offsets
    if abs(offsets[0] - origin[2]) < 0.01 and abs(abs(normal[2]) - 1.0) < 1e-6:
        return np.asarray((offsets - offsets[0]) * np.sign(normal[2]))
    raise DoseError(
        f"GridFrameOffsetVector starts with {offsets[0]:g}, neither 0 nor the z of ImagePositionPatient"
        f" of a transverse grid ({origin[2]:g})"
    )


def _plane_thickness(dose: Dataset, spacing: Floats) -> float:
    """Return the thickness of a single plane: SliceThickness, or the smaller PixelSpacing where that is
    missing."""
    thickness = number(dose, SLICE_THICKNESS)
    return thickness if thickness is not None and 0 < thickness < 1e3 else float(spacing.min())


def _stored_values(dose: Dataset, shape: tuple[int, int, int]) -> npt.NDArray[Any]:
    """Return the stored values, shape (planes, rows, columns), after checks that they can be there at all."""
    bits, data = _bits_and_data(dose)
    syntax = _transfer_syntax(dose) or ExplicitVRLittleEndian
    voxels = shape[0] * shape[1] * shape[2]
    needed = voxels * bits // 8
    expansion = MAX_EXPANSION.get(syntax, OTHER_EXPANSION if syntax.is_encapsulated else 1)
    if needed > expansion * len(data):
        raise DoseError(
            f"PixelData has {len(data)} bytes; {shape[0]} frames of {shape[1]} x {shape[2]} need {needed}"
        )
    if syntax.is_encapsulated or syntax == ExplicitVRBigEndian:
        return _decoded(dose, shape)
    kind = "i" if _unsigned_short(dose, 0x00280103) == 1 else "u"
    return np.frombuffer(data, f"<{kind}{bits // 8}", voxels).reshape(shape)


def _bits_and_data(dose: Dataset) -> tuple[int, bytes | bytearray]:
    """Return BitsAllocated and the bytes of PixelData."""
    bits = _unsigned_short(dose, 0x00280100)
    if bits not in (8, 16, 32):
        raise DoseError(f"BitsAllocated is {bits or 'missing'}, not 8, 16 or 32")
    if _unsigned_short(dose, 0x00280002) not in (0, 1):
        raise DoseError("SamplesPerPixel is not 1")
    data = raw_value(dose, PIXEL_DATA)
    if not isinstance(data, bytes | bytearray) or not data:
        raise DoseError("there is no PixelData")
    return bits, data


def _transfer_syntax(dose: Dataset) -> UID | None:
    syntax = getattr(getattr(dose, "file_meta", None), "TransferSyntaxUID", None)
    return UID(syntax) if syntax else None


def _decoded(dose: Dataset, shape: tuple[int, int, int]) -> npt.NDArray[Any]:
    with content_errors("the compressed PixelData cannot be decoded", DoseError, quoted=True):
        return np.asarray(pixel_array(dose)).reshape(shape)
