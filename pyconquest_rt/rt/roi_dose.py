"""The dose in an ROI: its slabs cut into cells, the dose grid interpolated in each, and the cells summed up.

Where the contours' planes are parallel to planes of the dose grid (transverse, sagittal or coronal), cells end at
voxel centres on all three axes, so that the trilinear dose has one formula within each. Otherwise (an oblique grid)
cells of half a voxel are used. The method is told in docs/dvh.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.coverage import Coverage, Polygons, cover
from pyconquest_rt.rt.dose_grid import DoseGrid
from pyconquest_rt.rt.histogram import HistogramSum
from pyconquest_rt.rt.slabs import Planes, Slabs, slabs_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

CELLS_PER_ROI = 60_000
"""Voxels are subdivided in the plane until an ROI has about this many cells."""
MAX_SUBDIVISION = 16
CELLS_AT_ONCE = 200_000
"""Cells held in memory at the same time; larger ROIs are done in portions of slabs."""
PARALLEL = 1.0 - 1e-8
"""Cosine above which contour planes count as parallel to planes of the dose grid."""
CANDIDATES = 8
"""Cells whose corners are searched for the least and the greatest dose."""
THINNEST_MM = 1e-6


@dataclass(frozen=True)
class RoiDose:
    """What the dose grid gives to one ROI.

    ``covered`` and ``uncovered`` are volumes in cc within and outside the dose grid; doses are in Gy; ``dose`` and
    ``share`` are the cumulative curve: ascending doses and the share of the covered volume that gets at least each.
    """

    covered: float
    uncovered: float
    low: float
    mean: float
    high: float
    dose: Floats
    share: Floats


@dataclass(frozen=True)
class _Frame:
    """Directions of an ROI in grid coordinates: rows w (across the contour planes), v and u (within them)."""

    basis: Floats
    axes: tuple[int, int, int] | None

    @classmethod
    def of(cls, grid: DoseGrid, normal: Floats) -> "_Frame":
        across = grid.axes @ normal
        main = int(np.argmax(np.abs(across)))
        if abs(across[main]) > PARALLEL:
            second, third = (axis for axis in range(3) if axis != main)
            return cls(np.eye(3)[[main, second, third]], (main, second, third))
        v = np.cross(across, np.eye(3)[int(np.argmin(np.abs(across)))])
        v = v / np.linalg.norm(v)
        return cls(np.array([across, v, np.cross(v, across)]), None)


@dataclass(frozen=True)
class _Cuts:
    """Intervals along one direction: ascending ``edges`` (mm) and, for parallel frames, where they lie in voxels.

    Interval ``i`` starts at the part ``start[i]`` of the way from voxel centre ``index[i]`` to the next and spans the
    part ``size[i]`` of it.
    """

    edges: Floats
    index: Ints
    start: Floats
    size: Floats


@dataclass(frozen=True)
class _Pieces:
    """Slabs cut across: piece ``i`` belongs to the slab ``slab[i]``, from ``low[i]`` to ``high[i]`` mm."""

    slab: Ints
    low: Floats
    high: Floats


@dataclass(frozen=True)
class _Cells:
    """Cells of ``volume`` mm3 with mean ``dose`` and the doses' ``width`` within them, all in Gy."""

    volume: Floats
    dose: Floats
    width: Floats
    low: float
    high: float


def roi_dose(planes: Planes, grid: DoseGrid, end_cap: str, lone_thickness: float | None) -> RoiDose:
    """Return the dose in the ROI whose contours ``planes`` holds.

    ``end_cap`` is one of slabs.END_CAPS, ``lone_thickness`` the thickness (mm) of an ROI on one plane. Raises
    ContourError and TooManyCrossingsError when there is no volume to be had.
    """
    frame = _Frame.of(grid, planes.normal)
    in_frame = grid.to_grid(planes.points) @ frame.basis.T
    slabs = _turn(slabs_of(planes, in_frame[:, :0:-1], end_cap, lone_thickness), grid, planes.normal, frame)
    pieces = _pieces(slabs, grid, frame)
    areas = np.zeros(slabs.low.size)
    total = [0.0, 0.0]
    low, high = np.inf, -np.inf
    columns, rows = _cell_cuts(slabs.polygons, pieces, grid, frame)
    histogram: HistogramSum | None = None
    portions = list(_portions(slabs.low.size, (rows.edges.size - 1) * (columns.edges.size - 1), pieces))
    for first, last in portions:
        polygons = _select(slabs.polygons, first, last)
        coverage = cover(polygons, columns.edges, rows.edges)
        areas[first:last] = coverage.area
        cells = _cells(coverage, _within(pieces, first, last), columns, rows, grid, frame, polygons)
        if cells is None:
            continue
        low, high = min(low, cells.low), max(high, cells.high)
        total[0] += float(cells.volume.sum())
        total[1] += float(cells.volume @ cells.dose)
        if histogram is None:
            bounds = (
                (low, high) if len(portions) == 1 else (float(grid.values.min()), float(grid.values.max()))
            )
            histogram = HistogramSum(*bounds)
        histogram.add(cells.volume, cells.dose, cells.width)
    whole = float(areas @ (slabs.high - slabs.low))
    if histogram is None or total[0] <= 0:
        return RoiDose(0.0, whole / 1e3, np.nan, np.nan, np.nan, np.empty(0), np.empty(0))
    dose, share = histogram.curve(low, high)
    uncovered = max(whole - total[0], 0.0)
    if uncovered < 1e-6 * whole:
        uncovered = 0.0
    return RoiDose((whole - uncovered) / 1e3, uncovered / 1e3, low, total[1] / total[0], high, dose, share)


def _turn(slabs: Slabs, grid: DoseGrid, normal: Floats, frame: _Frame) -> Slabs:
    """Return the slabs with their faces measured along the frame's first direction from the grid's origin."""
    base = float(grid.origin @ normal)
    if frame.basis[0] @ (grid.axes @ normal) > 0:
        return Slabs(slabs.polygons, slabs.low - base, slabs.high - base)
    return Slabs(slabs.polygons, base - slabs.high, base - slabs.low)


def _voxel_borders(grid: DoseGrid, axis: int) -> tuple[Floats, Ints, Floats, Floats]:
    """Return voxel centres and outer borders of an axis, and for each interval between them its place in voxels."""
    nodes = grid.nodes[axis]
    low, high = grid.extents[axis]
    last = max(nodes.size - 2, 0)
    index = np.clip(np.arange(-1, nodes.size), 0, last)
    start = np.zeros(nodes.size + 1)
    size = np.ones(nodes.size + 1)
    start[-1] = float(nodes.size > 1)
    size[[0, -1]] = 0.0
    return np.concatenate(([low], nodes, [high])), index, start, size


def _parallel_cuts(grid: DoseGrid, axis: int, low: float, high: float, parts: int) -> _Cuts:
    """Return cells along an axis of the grid, ``parts`` to a voxel, that hold what of [low, high] lies within it."""
    borders, index, start, size = _voxel_borders(grid, axis)
    first = int(np.clip(np.searchsorted(borders, low, side="right") - 1, 0, index.size - 1))
    last = int(np.clip(np.searchsorted(borders, high, side="left"), first + 1, index.size))
    step = np.arange(parts) / parts
    chosen = slice(first, last)
    edges = (borders[first:last, None] + np.diff(borders)[chosen, None] * step).ravel()
    return _Cuts(
        np.append(edges, borders[last]),
        np.repeat(index[chosen], parts),
        (start[chosen, None] + size[chosen, None] * step).ravel(),
        np.repeat(size[chosen] / parts, parts),
    )


def _cell_cuts(polygons: Polygons, pieces: _Pieces, grid: DoseGrid, frame: _Frame) -> tuple[_Cuts, _Cuts]:
    """Return the columns (u) and rows (v) of cells, fine enough that the ROI has about CELLS_PER_ROI of them."""
    low, high = polygons.points.min(axis=0), polygons.points.max(axis=0)
    area = _outlined_area(polygons)[pieces.slab].sum()
    if frame.axes is not None:
        voxel = float(np.prod([_spacing(grid, axis) for axis in frame.axes[1:]]))
        parts = _parts(area / voxel, 1)
        v, u = frame.axes[1:]
        return (
            _parallel_cuts(grid, u, low[0], high[0], parts),
            _parallel_cuts(grid, v, low[1], high[1], parts),
        )
    step = min(_spacing(grid, axis) for axis in range(3))
    step = step / _parts(area / step**2, 2)
    return _even_cuts(low[0], high[0], step), _even_cuts(low[1], high[1], step)


def _even_cuts(low: float, high: float, step: float) -> _Cuts:
    edges = np.linspace(low, high, max(int(np.ceil((high - low) / step)), 1) + 1)
    none = np.empty(0)
    return _Cuts(edges, np.empty(0, np.intp), none, none)


def _parts(voxels: float, least: int) -> int:
    return int(np.clip(np.ceil(np.sqrt(CELLS_PER_ROI / max(voxels, 1.0))), least, MAX_SUBDIVISION))


def _spacing(grid: DoseGrid, axis: int) -> float:
    nodes = grid.nodes[axis]
    low, high = grid.extents[axis]
    return float(np.median(np.diff(nodes))) if nodes.size > 1 else high - low


def _outlined_area(polygons: Polygons) -> Floats:
    """Return the area in mm2 that the contours of each plane enclose, holes counted too."""
    x, y = polygons.points.T
    following = np.arange(x.size) + 1
    following[polygons.starts[1:] - 1] = polygons.starts[:-1]
    twice = np.add.reduceat(x * y[following] - x[following] * y, polygons.starts[:-1])
    return np.bincount(polygons.plane, 0.5 * np.abs(twice), minlength=polygons.planes)


def _pieces(slabs: Slabs, grid: DoseGrid, frame: _Frame) -> _Pieces:
    """Cut the slabs at the voxel centres and outer borders across them (or evenly), without what lies outside."""
    if frame.axes is None:
        step = 0.5 * min(_spacing(grid, axis) for axis in range(3))
        counts = np.maximum(np.ceil((slabs.high - slabs.low) / step), 1).astype(np.intp)
        slab = np.repeat(np.arange(counts.size), counts)
        number = np.arange(slab.size) - np.repeat(np.cumsum(counts) - counts, counts)
        height = ((slabs.high - slabs.low) / counts)[slab]
        return _Pieces(slab, slabs.low[slab] + number * height, slabs.low[slab] + (number + 1) * height)
    borders = _voxel_borders(grid, frame.axes[0])[0]
    order = np.argsort(slabs.low)
    cuts = np.unique(np.concatenate((slabs.low, slabs.high, borders)))
    cuts = cuts[(cuts >= borders[0]) & (cuts <= borders[-1])]
    middle = 0.5 * (cuts[1:] + cuts[:-1])
    place = np.searchsorted(slabs.low[order], middle, side="right") - 1
    slab = order[np.maximum(place, 0)]
    inside = (place >= 0) & (middle < slabs.high[slab]) & (np.diff(cuts) > THINNEST_MM)
    pieces = _Pieces(slab[inside], cuts[:-1][inside], cuts[1:][inside])
    order = np.argsort(pieces.slab, kind="stable")
    return _Pieces(pieces.slab[order], pieces.low[order], pieces.high[order])


def _portions(slabs: int, cells_per_slab: int, pieces: _Pieces) -> Iterator[tuple[int, int]]:
    """Yield ranges of slabs whose cells fit into memory together."""
    work = np.cumsum(np.maximum(np.bincount(pieces.slab, minlength=slabs), 1)) * cells_per_slab
    first = 0
    while first < slabs:
        done = work[first - 1] if first else 0
        last = max(int(np.searchsorted(work, done + CELLS_AT_ONCE, side="right")), first + 1)
        yield first, last
        first = last


def _select(polygons: Polygons, first: int, last: int) -> Polygons:
    """Return the polygons of the planes ``first`` to ``last - 1``, numbered from 0."""
    chosen = (polygons.plane >= first) & (polygons.plane < last)
    if chosen.all():
        return Polygons(polygons.points, polygons.starts, polygons.plane - first, last - first)
    counts = np.diff(polygons.starts)
    starts = np.append(0, np.cumsum(counts[chosen]))
    points = polygons.points[np.repeat(chosen, counts)]
    return Polygons(points, starts, polygons.plane[chosen] - first, last - first)


def _within(pieces: _Pieces, first: int, last: int) -> _Pieces:
    a, b = np.searchsorted(pieces.slab, (first, last))
    return _Pieces(pieces.slab[a:b] - first, pieces.low[a:b], pieces.high[a:b])


def _cells(
    coverage: Coverage,
    pieces: _Pieces,
    columns: _Cuts,
    rows: _Cuts,
    grid: DoseGrid,
    frame: _Frame,
    polygons: Polygons,
) -> _Cells | None:
    """Return volume and dose of the covered cells of a portion of slabs; None where no dose reaches."""
    cell, piece = _pairs(coverage.plane, pieces.slab)
    column, row = coverage.column[cell], coverage.row[cell]
    fraction, u, v = coverage.fraction[cell], coverage.u[cell], coverage.v[cell]
    height = (pieces.high - pieces.low)[piece]
    volume = fraction * np.diff(columns.edges)[column] * np.diff(rows.edges)[row] * height
    reach_u, reach_v = 1 - np.abs(2 * u - 1), 1 - np.abs(2 * v - 1)
    if frame.axes is not None:
        index_w, start_w, size_w = _across(pieces, grid, frame.axes[0])
        place = dict(
            zip(
                frame.axes,
                (
                    (index_w[piece], start_w[piece], size_w[piece]),
                    (rows.index[row], rows.start[row] + rows.size[row] * v, rows.size[row] * reach_v),
                    (
                        columns.index[column],
                        columns.start[column] + columns.size[column] * u,
                        columns.size[column] * reach_u,
                    ),
                ),
                strict=True,
            )
        )
        index, part, size = (tuple(place[axis][i] for axis in range(3)) for i in range(3))
        dose, *change = grid.interpolate(index, part)
        width = np.sqrt(sum((c * s) ** 2 for c, s in zip(change, size, strict=True)))
        reach = sum(np.abs(c * s) for c, s in zip(change, size, strict=True))
    else:
        middle = 0.5 * (pieces.low + pieces.high)[piece]
        dv, du = np.diff(rows.edges)[row], np.diff(columns.edges)[column]
        at = (
            np.stack((middle, rows.edges[row] + v * dv, columns.edges[column] + u * du), axis=1) @ frame.basis
        )
        inside = grid.contains(at)
        at, volume, column, row, piece, fraction = (
            a[inside] for a in (at, volume, column, row, piece, fraction)
        )
        located = [grid.locate(axis, at[:, axis]) for axis in range(3)]
        dose, *change = grid.interpolate(tuple(i for i, _ in located), tuple(p for _, p in located))
        per_mm = [
            c / _gap(grid, axis, i) for axis, (c, (i, _)) in enumerate(zip(change, located, strict=True))
        ]
        slope = np.stack(per_mm, axis=1) @ frame.basis.T
        span = np.abs(slope * np.stack((height[inside], (dv * reach_v)[inside], (du * reach_u)[inside]), axis=1))
        width, reach = np.sqrt((span**2).sum(axis=1)), span.sum(axis=1)
    if volume.size == 0:
        return None
    low, high = _surface_doses(polygons, pieces, grid, frame)
    low, high = min(low, float(dose.min())), max(high, float(dose.max()))
    whole = np.flatnonzero(fraction > 1 - 1e-6)
    if whole.size:
        best = np.concatenate(
            (_most(dose[whole] + 0.5 * reach[whole]), _most(0.5 * reach[whole] - dose[whole]))
        )
        best = whole[best]
        corners = np.array(
            [
                (w, v, u)
                for b in best
                for w in (pieces.low[piece[b]], pieces.high[piece[b]])
                for v in rows.edges[row[b] : row[b] + 2]
                for u in columns.edges[column[b] : column[b] + 2]
            ]
        )
        found = grid.at(corners @ frame.basis)
        low, high = min(low, float(np.nanmin(found))), max(high, float(np.nanmax(found)))
    return _Cells(volume, dose, width, low, high)


def _most(values: Floats) -> Ints:
    """Return where the CANDIDATES greatest values stand."""
    kept = min(CANDIDATES, values.size)
    return np.argpartition(values, values.size - kept)[values.size - kept :]


def _pairs(plane: Ints, slab: Ints) -> tuple[Ints, Ints]:
    """Pair each member of a plane with each piece of the slab of that number; ``slab`` is ascending."""
    first = np.searchsorted(slab, plane, side="left")
    count = np.searchsorted(slab, plane, side="right") - first
    member = np.repeat(np.arange(plane.size), count)
    return member, first[member] + np.arange(member.size) - np.repeat(np.cumsum(count) - count, count)


def _gap(grid: DoseGrid, axis: int, index: Ints) -> Floats:
    nodes = grid.nodes[axis]
    return np.diff(nodes)[index] if nodes.size > 1 else np.ones(index.shape)


def _across(pieces: _Pieces, grid: DoseGrid, axis: int) -> tuple[Ints, Floats, Floats]:
    """Return voxel below, part of the way and size in voxels of each piece across the slabs."""
    middle = 0.5 * (pieces.low + pieces.high)
    index, part = grid.locate(axis, middle)
    size = (pieces.high - pieces.low) / _gap(grid, axis, index)
    nodes = grid.nodes[axis]
    return index, part, np.where((middle > nodes[0]) & (middle < nodes[-1]), size, 0.0)


def _surface_doses(polygons: Polygons, pieces: _Pieces, grid: DoseGrid, frame: _Frame) -> tuple[float, float]:
    """Return least and greatest dose at the contour points on both faces of every piece of slab."""
    plane = np.repeat(polygons.plane, np.diff(polygons.starts))
    point, piece = _pairs(plane, pieces.slab)
    in_plane = polygons.points[point][:, ::-1] @ frame.basis[1:]
    low, high = np.inf, -np.inf
    for face in (pieces.low, pieces.high):
        at = in_plane + face[piece][:, None] * frame.basis[0]
        doses = grid.at(at)
        doses = doses[~np.isnan(doses)]
        if doses.size:
            low, high = min(low, float(doses.min())), max(high, float(doses.max()))
    return low, high
