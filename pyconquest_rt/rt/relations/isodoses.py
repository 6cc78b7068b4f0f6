"""Isodoses: the lines of one dose on the planes of a dose grid, and the volume within."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from contourpy import LineType, contour_generator

from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.dose_reading import DoseError

Floats = npt.NDArray[np.float64]

AT_BORDER = "the isodose reaches the border of the dose grid, where it is cut off"


@dataclass(frozen=True)
class Isodose:
    """The isodose of ``dose_gy``: ``lines`` are closed (n, 3) polylines in patient coordinates (mm), the first point
    repeated at the end, and ``volume_cc`` is the volume that gets at least that dose.

    Both are None where ``status`` is ``failed``; ``reason`` says why, or what to know of a ``warning``.
    """

    dose_gy: float
    lines: list[Floats] | None = None
    volume_cc: float | None = None
    status: str = "ok"
    reason: str = ""


def isodose_of(grid: DoseGrid, dose_gy: float) -> Isodose:
    """Return the isodose of a grid, on every plane of voxel centres."""
    lines = [line for plane in range(grid.stored.shape[0]) for line in plane_lines(grid, plane, dose_gy)]
    notes = [*grid.notes, *reaches_border(grid, dose_gy)]
    return Isodose(dose_gy, lines, grid.volume_above(dose_gy), "warning" if notes else "ok", "; ".join(notes))


def plane_lines(grid: DoseGrid, plane: int, dose_gy: float) -> Iterator[Floats]:
    """Yield the isodose's lines on one plane of voxel centres."""
    dose = grid.gray(grid.stored[plane]).astype(np.float64)
    yield from _lines(grid, dose, float(grid.nodes[0][plane]), dose_gy)


def plane_lines_at(grid: DoseGrid, z: float, dose_gy: float) -> list[Floats]:
    """Return the isodose's lines in the transverse plane at ``z`` mm, interpolated between the grid's planes.

    Raises DoseError for a grid that does not lie transversely.
    """
    if abs(grid.axes[0, 2]) < 1.0 - 1e-6:
        raise DoseError("isodoses are drawn for transverse dose grids only")
    at = (z - float(grid.origin[2])) * float(np.sign(grid.axes[0, 2]))
    low, high = grid.extents[0]
    if not low <= at <= high:
        return []
    index, part = grid.locate(0, np.array([at]))
    below, above = (grid.gray(grid.stored[int(index[0]) + k]).astype(np.float64) for k in (0, 1))
    return list(_lines(grid, below + float(part[0]) * (above - below), at, dose_gy))


def _lines(grid: DoseGrid, dose: Floats, at: float, dose_gy: float) -> Iterator[Floats]:
    if dose.max() < dose_gy:
        return
    # a frame of no dose at the outermost centres closes the lines that would leave the grid there
    framed = np.pad(dose, 1, constant_values=min(0.0, float(dose.min()), dose_gy) - 1e6)
    v, u = (np.pad(nodes, 1, mode="edge") for nodes in grid.nodes[1:])
    for line in contour_generator(u, v, framed, line_type=LineType.Separate).lines(dose_gy):
        flat = np.asarray(line, np.float64)
        if len(flat) < 4:
            continue
        placed = np.column_stack((np.full(len(flat), at), flat[:, 1], flat[:, 0]))
        yield grid.origin + np.einsum("ni,ij->nj", placed, grid.axes)


def reaches_border(grid: DoseGrid, dose_gy: float) -> list[str]:
    """Return a remark where a voxel centre on the outside of the grid gets that dose."""
    stored = grid.stored
    faces = [stored.take(place, axis) for axis in range(3) for place in (0, -1)]
    return [AT_BORDER] if any(float(grid.gray(face.max())) >= dose_gy for face in faces) else []
