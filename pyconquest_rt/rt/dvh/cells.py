"""How an ROI is cut into cells: columns and rows in the contour planes, pieces across them, and work in
portions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.coverage import Polygons
from pyconquest_rt.rt.dvh.dose_grid import Cuts, DoseGrid, turned
from pyconquest_rt.rt.dvh.slabs import Slabs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

CELLS_PER_ROI = 7_000
"""Voxels are subdivided in the plane until an ROI has about this many cells (the least for the accuracy
table)."""
CELLS_PER_PIECE = 240
"""The same for each piece of a slab."""
PIECES_PER_ROI = 16
"""Slabs are subdivided until an ROI has at least this many pieces across its planes."""
THIN_MM = 1e-3
"""No piece is thinner than this."""
MAX_SUBDIVISION = 16
CELLS_AT_ONCE = 200_000
"""Cells held in memory at the same time; larger ROIs are done in portions of slabs."""
PARALLEL = 1.0 - 1e-8
"""Cosine above which contour planes count as parallel to planes of the dose grid."""


@dataclass(frozen=True)
class Frame:
    """Directions of an ROI in grid coordinates: the rows of ``basis`` are w (across its planes), v and u (in
    them).

    ``axes`` names the axes of the dose grid that w, v and u follow, and is None for a grid that lies
    obliquely.
    """

    basis: Floats
    axes: tuple[int, int, int] | None

    @classmethod
    def of(cls, grid: DoseGrid, normal: Floats) -> "Frame":
        """Return the frame of planes with this normal (patient coordinates)."""
        across = grid.axes @ normal
        main = int(np.argmax(np.abs(across)))
        if abs(across[main]) > PARALLEL:
            v, u = (axis for axis in range(3) if axis != main)
            return cls(np.eye(3)[[main, v, u]], (main, v, u))
        in_plane = np.cross(across, np.eye(3)[int(np.argmin(np.abs(across)))])
        in_plane = in_plane / np.linalg.norm(in_plane)
        return cls(np.array([across, in_plane, np.cross(in_plane, across)]), None)

    def from_grid(self, points: Floats) -> Floats:
        """Return grid coordinates (n, 3) as (w, v, u)."""
        return points[:, self.axes] if self.axes is not None else turned(points, self.basis)

    def to_grid(self, points: Floats) -> Floats:
        """Return (w, v, u), shape (n, 3), as grid coordinates."""
        return turned(points, self.basis.T)

    def faces(self, slabs: Slabs, grid: DoseGrid, normal: Floats) -> tuple[Floats, Floats]:
        """Return lower and upper faces of slabs, given in mm along the planes' normal, in mm along w."""
        base = float(grid.origin @ normal)
        if self.basis[0] @ (grid.axes @ normal) > 0:
            return slabs.low - base, slabs.high - base
        return base - slabs.high, base - slabs.low


@dataclass(frozen=True)
class Pieces:
    """Slabs cut across: piece ``i`` is the part from ``low[i]`` to ``high[i]`` (mm along w) of slab
    ``slab[i]``."""

    slab: Ints
    low: Floats
    high: Floats

    def of_slabs(self, first: int, last: int) -> "Pieces":
        """Return the pieces of the slabs ``first`` to ``last - 1``, numbered from 0."""
        a, b = np.searchsorted(self.slab, (first, last))
        return Pieces(self.slab[a:b] - first, self.low[a:b], self.high[a:b])

    def of_planes(self, plane: Ints) -> tuple[Ints | slice, Ints]:
        """Pair each member of a list of slab numbers with each piece of its slab.

        Return what picks the members (all of them, once, where every slab is one piece), and the pieces.
        """
        if self.slab.size == 0 or plane.size == 0:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        counts = np.bincount(self.slab, minlength=int(plane.max()) + 1)
        if (counts == 1).all():
            return slice(None), plane
        count = counts[plane]
        member = np.repeat(np.arange(plane.size), count)
        first = (np.cumsum(counts) - counts)[plane]
        return member, np.arange(member.size) - np.repeat(np.cumsum(count) - count - first, count)


def cell_cuts(polygons: Polygons, pieces: Pieces, grid: DoseGrid, frame: Frame) -> tuple[Cuts, Cuts]:
    """Return columns (u) and rows (v) fine enough that the ROI has about CELLS_PER_ROI cells."""
    low, high = polygons.points.min(axis=0), polygons.points.max(axis=0)
    area = float(_outlined_area(polygons)[pieces.slab].sum())
    if frame.axes is None:
        step = min(grid.spacing)
        step = step / max(_subdivision(area / step**2, pieces.slab.size), 2)
        return _even_cuts(low[0], high[0], step), _even_cuts(low[1], high[1], step)
    _, v, u = frame.axes
    parts = _subdivision(area / (grid.spacing[v] * grid.spacing[u]), pieces.slab.size)
    return _grid_cuts(grid, u, low[0], high[0], parts), _grid_cuts(grid, v, low[1], high[1], parts)


def _subdivision(voxels: float, pieces: int) -> int:
    """Return into how many parts a voxel's side is divided, of an ROI of so many voxels in so many pieces."""
    wanted = max(CELLS_PER_ROI, CELLS_PER_PIECE * pieces) / max(voxels, 1.0)
    return int(np.clip(np.rint(np.sqrt(wanted)), 1, MAX_SUBDIVISION))


def _even_cuts(low: float, high: float, step: float) -> Cuts:
    count = min(max(int(np.ceil((high - low) / step)), 1), CELLS_AT_ONCE)
    return Cuts(np.linspace(low, high, count + 1), np.empty(0, np.intp), np.empty(0), np.empty(0))


def _grid_cuts(grid: DoseGrid, axis: int, low: float, high: float, parts: int) -> Cuts:
    """Return cells along an axis of the grid, ``parts`` to a voxel, that hold what of [low, high] it
    reaches."""
    whole = grid.intervals[axis]
    borders = whole.edges
    first = int(borders[1:].searchsorted(low, side="right"))
    last = int(borders[:-1].searchsorted(high, side="left"))
    if first >= last:
        first, last = 0, 1
    kept = slice(first, last)
    lower, size, step = borders[kept], whole.size[kept], np.arange(parts) / parts
    edges = np.empty(parts * lower.size + 1)
    edges[:-1] = (lower[:, None] + (borders[first + 1 : last + 1] - lower)[:, None] * step).ravel()
    edges[-1] = borders[last]
    return Cuts(
        edges,
        whole.index[kept].repeat(parts),
        (whole.start[kept, None] + size[:, None] * step).ravel(),
        (size / parts).repeat(parts),
    )


def _outlined_area(polygons: Polygons) -> Floats:
    """Return the area in mm2 that the contours of each plane enclose, holes counted as filled."""
    x, y = polygons.points.T
    following = np.arange(x.size) + 1
    following[polygons.starts[1:] - 1] = polygons.starts[:-1]
    twice = np.add.reduceat(x * y[following] - x[following] * y, polygons.starts[:-1])
    return np.bincount(polygons.plane, 0.5 * np.abs(twice), polygons.planes).astype(np.float64, copy=False)


def cut_across(low: Floats, high: Floats, grid: DoseGrid, frame: Frame) -> Pieces:
    """Cut slabs with the faces ``low`` and ``high`` (mm along w) into pieces, without what the grid cannot
    reach."""
    parts = np.full(low.size, -(-PIECES_PER_ROI // low.size))
    if frame.axes is None:
        parts = np.maximum(parts, np.ceil(2 * (high - low) / min(grid.spacing)).astype(np.intp))
    else:
        bottom, top = grid.extents[frame.axes[0]]
        low, high = np.clip(low, bottom, top), np.clip(high, bottom, top)
    parts[high <= low] = 0
    slab = np.repeat(np.arange(low.size), parts)
    number = np.arange(slab.size) - np.repeat(np.cumsum(parts) - parts, parts)
    height = ((high - low) / np.maximum(parts, 1))[slab]
    return Pieces(slab, low[slab] + number * height, low[slab] + (number + 1) * height)


def cut_at(nodes: Floats, low: Floats, high: Floats) -> tuple[Ints, Floats, Floats]:
    """Return slabs cut at ``nodes``, the positions of voxel centres: which slab each part is of, and its faces."""
    first, last = np.searchsorted(nodes, low + THIN_MM), np.searchsorted(nodes, high - THIN_MM)
    counts = np.maximum(last - first, 0) + 1
    slab = np.repeat(np.arange(low.size), counts)
    number = np.arange(slab.size) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.append(nodes, nodes[-1])
    above = padded[np.minimum(first[slab] + number, nodes.size)]
    upper = np.where(number + 1 < counts[slab], above, high[slab])
    lower = np.where(number > 0, padded[np.maximum(first[slab] + number - 1, 0)], low[slab])
    return slab, lower, upper


def portions(slabs: int, cells_per_slab: int, pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Yield ranges (first, last) of slabs whose cells fit into memory together."""
    work = np.cumsum(np.maximum(np.bincount(pieces.slab, minlength=slabs), 1)) * cells_per_slab
    first = 0
    while first < slabs:
        done = work[first - 1] if first else 0
        last = max(int(np.searchsorted(work, done + CELLS_AT_ONCE, side="right")), first + 1)
        yield first, last
        first = last
