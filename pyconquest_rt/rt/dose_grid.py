"""The dose grid of an RTDOSE in patient coordinates, and its trilinear interpolation (DICOM PS3.3
C.8.8.3)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, RLELossless

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dicom_values import number, numbers, raw_value, text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MAX_VOXELS = 1 << 28
"""Larger dose grids are refused: 268 million voxels, 1 GiB of single precision."""

MAX_EXPANSION = {RLELossless: 64}
OTHER_EXPANSION = 10_000
"""How many bytes one byte of compressed PixelData can stand for: two bytes of RLE are at most 128; the
others' best case is a frame of one value."""

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
class DoseGrid:
    """Doses in Gy on a rectangular grid.

    ``values`` has the shape (planes, rows, columns) in single precision. ``axes[i]`` (i = 0 plane, 1 row, 2
    column) is the unit vector along which index i grows, in patient coordinates; ``nodes[i]`` are the
    ascending positions of the voxel centres along it in mm from ``origin``, and ``extents[i]`` the outer
    borders of its voxels.
    """

    values: npt.NDArray[np.float32]
    origin: Floats
    axes: Floats
    nodes: tuple[Floats, Floats, Floats]
    extents: tuple[tuple[float, float], ...]

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """The usual distance of voxel centres along each axis in mm."""
        plane, row, column = (float(np.median(np.diff(nodes))) for nodes in self.nodes)
        return plane, row, column

    @cached_property
    def range(self) -> tuple[float, float]:
        """The least and the greatest dose of the grid in Gy."""
        return float(self.values.min()), float(self.values.max())

    def to_grid(self, points: Floats) -> Floats:
        """Return patient coordinates (n, 3) as coordinates along the three axes of the grid, in mm."""
        return turned(points - self.origin, self.axes)

    def contains(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Tell which points (n, 3) in grid coordinates lie within the voxels of the grid."""
        low = np.array([extent[0] for extent in self.extents])
        high = np.array([extent[1] for extent in self.extents])
        return np.asarray(((points >= low - 1e-6) & (points <= high + 1e-6)).all(axis=1))

    def locate(self, axis: int, positions: Floats) -> tuple[Ints, Floats]:
        """Return the voxel centre below each position (mm) on an axis and the part of the way to the next."""
        return locate(self.nodes[axis], positions)

    def volume_above(self, level: float) -> float:
        """Return the volume in cc between the voxel centres of the grid that gets at least ``level`` Gy.

        Between eight neighbouring centres the dose is taken as evenly spread about their mean, as in the
        cells of an ROI.
        """
        area = np.outer(*(np.diff(nodes) for nodes in self.nodes[1:]))
        total = 0.0
        for plane, height in enumerate(np.diff(self.nodes[0])):
            block = self.values[plane : plane + 2]
            if block.max() < level:
                continue
            corners = block.astype(np.float64)
            mean = _halfway(_halfway(_halfway(corners, 0), 1), 2)[0]
            width = np.zeros(area.shape)
            for axis, one, other in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
                width += _halfway(_halfway(np.diff(corners, axis=axis), one), other)[0] ** 2
            width = np.maximum(np.sqrt(width), 1e-9)
            share = np.clip((mean - level) / width + 0.5, 0.0, 1.0)
            total += float((share * area).sum()) * height
        return total / 1e3

    def interpolate(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the trilinear dose in Gy at points (n, 3) in grid coordinates, and its slope (n, 3) in
        Gy/mm."""
        (i, p), (j, q), (k, r) = (self.locate(axis, points[:, axis]) for axis in range(3))
        corner = [[[self.values[i + a, j + b, k + c] for c in (0, 1)] for b in (0, 1)] for a in (0, 1)]
        lines = [[(line[0] + r * (line[1] - line[0]), line[1] - line[0]) for line in face] for face in corner]
        faces = [
            (one[0] + q * (two[0] - one[0]), two[0] - one[0], one[1] + q * (two[1] - one[1]))
            for one, two in lines
        ]
        dose, along_row, along_column = (
            below + p * (above - below) for below, above in zip(*faces, strict=True)
        )
        changes = (faces[1][0] - faces[0][0], along_row, along_column)
        gaps = (np.diff(nodes)[index] for nodes, index in zip(self.nodes, (i, j, k), strict=True))
        return dose, np.stack([change / gap for change, gap in zip(changes, gaps, strict=True)], axis=1)


def _halfway(values: Floats, axis: int) -> Floats:
    """Return the means of neighbours along an axis."""
    return np.asarray(0.5 * (np.delete(values, 0, axis) + np.delete(values, -1, axis)))


def locate(nodes: Floats, positions: Floats) -> tuple[Ints, Floats]:
    """Return the node below each position and the part (0 to 1) of the way to the next.

    Positions beyond the outermost nodes are moved onto them: the dose is level in the outer half voxel.
    """
    index = np.clip(np.searchsorted(nodes, positions, side="right") - 1, 0, nodes.size - 2)
    part = (positions - nodes[index]) / (nodes[index + 1] - nodes[index])
    return index, np.clip(part, 0.0, 1.0)


def turned(points: Floats, matrix: Floats) -> Floats:
    """Return ``points`` (n, 3) multiplied by the rows of ``matrix``; not by BLAS, whose threads cost more
    here."""
    return np.asarray(np.einsum("ni,ji->nj", points, matrix))


def read_dose_grid(dose: Dataset) -> DoseGrid:
    """Return the dose grid of an RTDOSE in Gy; raises DoseError with the reason where it has none to use.

    Both forms of GridFrameOffsetVector are read (C.8.8.3.2), planes in falling order, any orientation, 8, 16
    and 32 bits, signed and unsigned, native of either byte order and compressed as far as pydicom has a
    decoder.
    """
    _require_gray(dose)
    shape = _shape(dose)
    axes = _axes(dose)
    origin = numbers(dose, IMAGE_POSITION)
    if origin.size != 3 or not np.isfinite(origin).all():
        raise DoseError("ImagePositionPatient is missing or not three numbers")
    spacing = numbers(dose, PIXEL_SPACING)
    if spacing.size != 2 or not np.all((spacing > 0) & (spacing < 1e4)):
        raise DoseError("PixelSpacing is missing or not two positive numbers")
    offsets = _offsets(dose, shape[0], axes[0], origin)
    scaling = number(dose, DOSE_GRID_SCALING)
    if scaling is None or scaling <= 0:
        raise DoseError("DoseGridScaling is missing or not a positive number")
    with np.errstate(over="ignore"):
        values = np.multiply(_stored_values(dose, shape), scaling, dtype=np.float32, casting="unsafe")
    if not np.isfinite(values).all():
        raise DoseError("the dose grid holds values that are not finite")
    if offsets[-1] < offsets[0]:
        offsets, values = offsets[::-1], values[::-1]
    nodes, extents = [], []
    steps = (_plane_thickness(dose, spacing), spacing[0], spacing[1])
    for axis, centres in enumerate(
        (offsets, spacing[0] * np.arange(shape[1]), spacing[1] * np.arange(shape[2]))
    ):
        if centres.size == 1:
            centres = centres + 0.5 * steps[axis] * np.array([-1.0, 1.0])
            values = np.repeat(values, 2, axis=axis)
            extents.append((float(centres[0]), float(centres[1])))
        else:
            half = 0.5 * (centres[1] - centres[0]), 0.5 * (centres[-1] - centres[-2])
            extents.append((float(centres[0] - half[0]), float(centres[-1] + half[1])))
        nodes.append(centres)
    return DoseGrid(np.ascontiguousarray(values), origin, axes, tuple(nodes), tuple(extents))


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
        value = dose[tag].value
        return int(value)
    except Exception:  # absent, empty, several values, or damaged
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


def _stored_values(dose: Dataset, shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    """Return the stored values, shape (planes, rows, columns), after checks that they can be there at all."""
    bits = _unsigned_short(dose, 0x00280100)
    if bits not in (8, 16, 32):
        raise DoseError(f"BitsAllocated is {bits or 'missing'}, not 8, 16 or 32")
    if _unsigned_short(dose, 0x00280002) not in (0, 1):
        raise DoseError("SamplesPerPixel is not 1")
    data = raw_value(dose, PIXEL_DATA)
    if not isinstance(data, bytes | bytearray) or not data:
        raise DoseError("there is no PixelData")
    syntax = _transfer_syntax(dose)
    voxels = shape[0] * shape[1] * shape[2]
    needed = voxels * bits // 8
    expansion = (
        1 if syntax is None else MAX_EXPANSION.get(syntax, OTHER_EXPANSION if syntax.is_encapsulated else 1)
    )
    if needed > expansion * len(data):
        raise DoseError(
            f"PixelData has {len(data)} bytes; {shape[0]} frames of {shape[1]} x {shape[2]} need {needed}"
        )
    if syntax is not None and (syntax.is_encapsulated or syntax == ExplicitVRBigEndian):
        return _decoded(dose, shape)
    kind = "i" if _unsigned_short(dose, 0x00280103) == 1 else "u"
    return np.frombuffer(data, f"<{kind}{bits // 8}", voxels).reshape(shape)


def _transfer_syntax(dose: Dataset) -> UID | None:
    syntax = getattr(getattr(dose, "file_meta", None), "TransferSyntaxUID", None)
    return UID(syntax) if syntax else None


def _decoded(dose: Dataset, shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    try:
        return np.asarray(pixel_array(dose)).reshape(shape)
    except Exception as error:  # the decoders raise many kinds
        raise DoseError(f"the compressed PixelData cannot be decoded: {error}") from error
