"""The trilinear dose in the cells of an ROI: its mean and its spread in each cell, and the extremes.

Two ways, by how the contour planes lie to the dose grid. ``parallel`` is for transverse, sagittal and
coronal contours: the dose is integrated exactly across every piece of slab at the voxel centres, and
interpolated in the plane. ``oblique`` interpolates at the centroid of every cell.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.cells import Frame, Pieces
from pyconquest_rt.rt.dvh.coverage import Coverage, Polygons
from pyconquest_rt.rt.dvh.dose_grid import Cuts, DoseGrid, locate
from pyconquest_rt.rt.dvh.steep import Boxes, divided, wide_cells

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.floating]
Ints = npt.NDArray[np.intp]

CANDIDATES = 8
"""Cells whose corners are searched for the least and for the greatest dose."""
SAME = 1e-12
"""Lengths that differ by less than this part are the same."""
FARTHEST = 0.5 * 3**0.5
"""A corner's dose differs from the cell's mean by at most this part of the cell's width (if the dose is
linear)."""


@dataclass(frozen=True)
class Portion:
    """A portion of an ROI: its polygons, what they cover of the cells between the cuts, and its pieces of
    slabs."""

    polygons: Polygons
    coverage: Coverage
    pieces: Pieces
    columns: Cuts
    rows: Cuts
    frame: Frame


@dataclass(frozen=True)
class CellDoses:
    """Cells with ``volume`` (mm3), mean ``dose`` (Gy) and the ``width`` (Gy) over which it spreads within
    the cell.

    ``low`` and ``high`` are the least and the greatest dose that were found in the portion, ``steep`` is the volume of
    the cells that were divided because the dose is far from linear in them.
    """

    volume: Floats
    dose: Singles
    width: Singles
    low: float
    high: float
    steep: float = 0.0


def cell_doses(portion: Portion, grid: DoseGrid) -> CellDoses | None:
    """Return the doses of a portion of an ROI, or None where the grid does not reach it."""
    if portion.pieces.slab.size == 0 or portion.coverage.plane.size == 0:
        return None
    return _parallel(portion, grid, portion.frame.axes) if portion.frame.axes else _oblique(portion, grid)


def _parallel(portion: Portion, grid: DoseGrid, axes: tuple[int, int, int]) -> CellDoses:
    pieces, columns, rows = portion.pieces, portion.columns, portion.rows
    chosen, piece = pieces.of_planes(portion.coverage.plane)
    is_all = isinstance(chosen, slice)
    cells = portion.coverage if is_all else portion.coverage.pick(chosen)
    row, column = cells.row, cells.column
    window = (slice(rows.index[0], rows.index[-1] + 2), slice(columns.index[0], columns.index[-1] + 2))
    reached = grid.locate(axes[0], np.array((pieces.low.min(), pieces.high.max())))[0]
    across = slice(reached[0], reached[1] + 2)
    layers = np.ascontiguousarray(grid.gray(grid.stored.transpose(axes)[across, window[0], window[1]]))
    points = _Points.inside(portion, grid, axes, layers.shape)
    mean, spread, low, high = _integrate(layers, grid.nodes[axes[0]][across], pieces, points)

    fields = _Fields(mean, spread)
    spot = _Spot(piece, _voxels(rows, row), _voxels(columns, column))
    parts = _whole_and_partly(columns, rows, cells)
    if parts is None:
        dose, width = fields.in_parts(spot, cells, columns, rows)
    else:
        dose, width = np.empty(row.size, np.float32), np.empty(row.size, np.float32)
        whole, partly = parts
        dose[whole], width[whole] = fields.in_whole(spot.pick(whole))
        dose[partly], width[partly] = fields.in_parts(spot.pick(partly), cells.pick(partly), columns, rows)
    volume = cells.fraction * _of_each(columns.widths, column)
    volume *= _of_each(rows.widths, row)
    volume *= _of_each(pieces.high - pieces.low, piece)
    return _finished(portion, grid, CellDoses(volume, dose, width, low, high), cells, piece)


def _of_each(values: Floats, place: Ints) -> Floats | np.float64:
    """Return the values at places, or the one value that all have but for rounding."""
    first = values[0]
    return first if (np.abs(values - first) <= SAME * first).all() else values.take(place)


def _voxels(cuts: Cuts, place: Ints) -> Ints:
    """Return the voxel below each cell, counted from that of the first cell."""
    index = cuts.index - cuts.index[0]
    return place if index[-1] == index.size - 1 else index.take(place)


def _whole_and_partly(columns: Cuts, rows: Cuts, cells: Coverage) -> tuple[Ints | slice, Ints | slice] | None:
    """Return which cells are whole squares between four voxel centres, and which are not; None where voxels are
    subdivided."""
    square_u, square_v = columns.size == 1.0, rows.size == 1.0
    if not (square_u.any() and square_v.any()):
        return None
    if square_u.all() and square_v.all() and cells.whole_from is not None:
        return slice(cells.whole_from, None), slice(cells.whole_from)
    found = cells.fraction == 1.0
    found &= square_u.take(cells.column)
    found &= square_v.take(cells.row)
    return np.flatnonzero(found), np.flatnonzero(~found)


class _Spot(NamedTuple):
    """Where cells lie in the fields: the piece, and the voxels below along v and u."""

    piece: Ints
    v: Ints
    u: Ints

    def pick(self, chosen: Ints | slice) -> "_Spot":
        return _Spot(*(one[chosen] for one in self))


class _Fields(NamedTuple):
    """Mean and range of the dose across each piece at the voxel centres, shape (piece, v, u)."""

    mean: Singles
    spread: Singles

    def in_whole(self, spot: _Spot) -> tuple[Singles, Singles]:
        """Return dose and width of cells between four voxel centres, calculated for all of the fields at once."""
        v_pairs = self.mean[:, 1:] + self.mean[:, :-1]
        dose = v_pairs[:, :, 1:] + v_pairs[:, :, :-1]
        change = v_pairs[:, :, 1:] - v_pairs[:, :, :-1]
        change *= change
        u_pairs = self.mean[:, :, 1:] + self.mean[:, :, :-1]
        change_v = u_pairs[:, 1:] - u_pairs[:, :-1]
        change_v *= change_v
        change += change_v
        pairs = self.spread[:, 1:] + self.spread[:, :-1]
        change_w = pairs[:, :, 1:] + pairs[:, :, :-1]
        change_w *= 0.5
        change_w *= change_w
        change += change_w
        place = (spot.piece * dose.shape[1] + spot.v) * dose.shape[2] + spot.u
        width = change.reshape(-1).take(place)
        np.sqrt(width, out=width)
        width *= np.float32(0.5)
        return dose.reshape(-1).take(place) * np.float32(0.25), width

    def in_parts(self, spot: _Spot, cells: Coverage, columns: Cuts, rows: Cuts) -> tuple[Singles, Singles]:
        """Return dose and width of cells, at the centroids of their covered parts."""
        u, v = cells.u.astype(np.float32), cells.v.astype(np.float32)
        along_u = columns.size.astype(np.float32).take(cells.column)
        along_v = rows.size.astype(np.float32).take(cells.row)
        part_u = columns.start.astype(np.float32).take(cells.column) + along_u * u
        part_v = rows.start.astype(np.float32).take(cells.row) + along_v * v
        base = (spot.piece * self.mean.shape[1] + spot.v) * self.mean.shape[2] + spot.u
        dose, change_u, change_v = _bilinear(self.mean, base, part_u, part_v)
        change_u *= along_u
        change_v *= along_v
        partial = np.flatnonzero(cells.fraction < 1.0)
        change_u[partial] *= _extent(u[partial])
        change_v[partial] *= _extent(v[partial])
        change_w = _value(self.spread, base, part_u, part_v)
        change_u *= change_u
        change_v *= change_v
        change_w *= change_w
        change_u += change_v
        return dose, np.sqrt(np.add(change_u, change_w, out=change_u), out=change_u)


@dataclass(frozen=True)
class _Points:
    """Contour points within the grid, each with every piece of its slab: where they lie in the layers of
    doses."""

    base: Ints
    u: Singles
    v: Singles

    @classmethod
    def inside(
        cls, portion: Portion, grid: DoseGrid, axes: tuple[int, int, int], shape: tuple[int, ...]
    ) -> "_Points":
        polygons = portion.polygons
        plane = np.repeat(polygons.plane, np.diff(polygons.starts))
        inside = np.ones(plane.size, bool)
        place: list[tuple[Ints, Singles]] = []
        for coordinate, axis, cuts in zip(
            polygons.points.T, axes[:0:-1], (portion.columns, portion.rows), strict=True
        ):
            low, high = grid.extents[axis]
            inside &= (coordinate >= low) & (coordinate <= high)
            index, part = grid.locate(axis, coordinate)
            last = cuts.index[-1]  # a point on the last border lies at the end of the voxel before
            single = np.where(index > last, 1.0, part).astype(np.float32)
            place.append((np.minimum(index, last) - cuts.index[0], single))
        (index_u, u), (index_v, v) = ((index[inside], part[inside]) for index, part in place)
        point, piece = portion.pieces.of_planes(plane[inside])
        base = (piece * shape[1] + index_v[point]) * shape[2] + index_u[point]
        return cls(base, u[point], v[point])


def _integrate(
    layers: Singles, nodes: Floats, pieces: Pieces, points: _Points
) -> tuple[Singles, Singles, float, float]:
    """Return mean and range of the dose across each piece at the voxel centres, and the extremes at the
    points.

    ``layers`` are the doses with shape (w, v, u), ``nodes`` their positions along w. Between the faces of a
    piece and the voxel centres in it the dose is linear in w, so that the mean over those intervals is exact
    and the extremes lie at their ends.
    """
    first = np.searchsorted(nodes, pieces.low, side="right")
    inner = np.searchsorted(nodes, pieces.high, side="left") - first
    levels = [*_faces(layers, nodes, pieces)]
    positions = [pieces.low, pieces.high]
    for number in range(int(inner.max())):
        # a piece with fewer voxel centres in it has its upper face once more, over no distance
        node = np.minimum(first + number, nodes.size - 1)
        is_inner = inner > number
        level = layers[node]
        level[~is_inner] = levels[-1][~is_inner]
        levels.insert(-1, level)
        positions.insert(-1, np.where(is_inner, nodes[node], pieces.high))
    mean = np.zeros_like(levels[0])
    height = pieces.high - pieces.low
    least = most = levels[0]
    low, high = np.inf, -np.inf
    for number, level in enumerate(levels):
        if number:
            share = (0.5 * (positions[number] - positions[number - 1]) / height).astype(np.float32)
            part = levels[number - 1] + level
            part *= share[:, None, None]
            mean += part
            least, most = np.minimum(least, level), np.maximum(most, level)
        if points.base.size:
            found = _value(level, points.base, points.u, points.v)
            low, high = min(low, float(found.min())), max(high, float(found.max()))
    return mean, most - least, low, high


def _faces(layers: Singles, nodes: Floats, pieces: Pieces) -> tuple[Singles, Singles]:
    """Return the dose at lower and upper faces of pieces; faces that pieces share are interpolated once."""
    if not (pieces.low[1:] == pieces.high[:-1]).all():
        return _at(layers, nodes, pieces.low), _at(layers, nodes, pieces.high)
    both = _at(layers, nodes, np.append(pieces.low, pieces.high[-1]))
    return both[:-1], both[1:]


def _at(layers: Singles, nodes: Floats, positions: Floats) -> Singles:
    """Return the dose at positions along w."""
    index, part = locate(nodes, positions)
    here, step = layers[index], layers[index + 1]
    step -= here
    step *= part.astype(np.float32)[:, None, None]
    here += step
    return here


def _value(field: Singles, base: Ints, u: Singles, v: Singles) -> Singles:
    """Return the value at (u, v) within the voxel whose first corner is ``base``."""
    flat, width = np.ascontiguousarray(field).reshape(-1), field.shape[2]
    lower, upper = flat.take(base), flat.take(base + width)
    lower += u * (flat.take(base + 1) - lower)
    upper += u * (flat.take(base + (width + 1)) - upper)
    return np.asarray(lower + v * (upper - lower))


def _extent(centroid: Numbers) -> Numbers:
    """Return how much of a cell's side its covered part takes, from the part's centroid on that side (0 to
    1)."""
    return np.asarray(1 - np.abs(2 * centroid - 1))


def _bilinear(field: Singles, base: Ints, u: Singles, v: Singles) -> tuple[Singles, Singles, Singles]:
    """Return the value at (u, v) within the voxel whose first corner is ``base``, and its changes along u
    and v."""
    flat, width = field.reshape(-1), field.shape[2]
    first = flat.take(base)
    along_u = flat.take(base + 1) - first
    along_v = flat.take(base + width) - first
    twist = flat.take(base + (width + 1)) - first - along_u - along_v
    along_v += u * twist
    return first + u * along_u + v * along_v, along_u + v * twist, along_v


def _oblique(portion: Portion, grid: DoseGrid) -> CellDoses | None:
    pieces, columns, rows = portion.pieces, portion.columns, portion.rows
    chosen, piece = pieces.of_planes(portion.coverage.plane)
    cells = portion.coverage.pick(chosen)
    row, column, u, v = cells.row, cells.column, cells.u, cells.v
    size = np.stack(((pieces.high - pieces.low)[piece], rows.widths[row], columns.widths[column]), axis=1)
    at = np.stack((pieces.low[piece], rows.edges[row], columns.edges[column]), axis=1)
    at = portion.frame.to_grid(at + size * np.stack((np.full(u.shape, 0.5), v, u), axis=1))
    inside = grid.contains(at)
    if not inside.any():
        return None
    dose, slope = grid.interpolate_with_slope(at[inside])
    extent = np.stack((np.ones(u.shape), _extent(v), _extent(u)), axis=1)
    span = portion.frame.from_grid(slope) * (size * extent)[inside]
    volume = (cells.fraction * size.prod(axis=1))[inside]
    low, high = _surface_extremes(portion, grid)
    width = np.sqrt((span * span).sum(axis=1))
    doses = CellDoses(volume, dose.astype(np.float32), width.astype(np.float32), low, high)
    return _finished(portion, grid, doses, cells.pick(inside), piece[inside])


def _surface_extremes(portion: Portion, grid: DoseGrid) -> tuple[float, float]:
    """Return least and greatest dose at the contour points on both faces of every piece."""
    polygons, pieces = portion.polygons, portion.pieces
    point, piece = pieces.of_planes(np.repeat(polygons.plane, np.diff(polygons.starts)))
    in_plane = polygons.points[point][:, ::-1]
    low, high = np.inf, -np.inf
    for face in (pieces.low, pieces.high):
        at = portion.frame.to_grid(np.column_stack((face[piece], in_plane)))
        at = at[grid.contains(at)]
        if at.size:
            doses = grid.interpolate(at)
            low, high = min(low, float(doses.min())), max(high, float(doses.max()))
    return low, high


def _finished(portion: Portion, grid: DoseGrid, doses: CellDoses, cells: Coverage, piece: Ints) -> CellDoses:
    """Return the doses with their extremes, and with steep cells divided."""
    doses = _inner_extremes(portion, grid, doses, cells, piece)
    steep = wide_cells(doses.dose, doses.width)
    if steep.size == 0:
        return doses
    pieces, frame = portion.pieces, portion.frame
    low, high = pieces.low[piece[steep]], pieces.high[piece[steep]]
    boxes = Boxes.of(cells.pick(steep), low, high, portion.rows, portion.columns)
    parts = divided(boxes.cut_at(grid.nodes[frame.axes[0]]) if frame.axes else boxes, grid, frame)
    kept = np.ones(doses.dose.size, bool)
    kept[steep] = False
    return CellDoses(
        np.append(doses.volume[kept], doses.volume[steep[parts.cell]] * parts.share),
        np.append(doses.dose[kept], parts.dose.astype(np.float32)),
        np.append(doses.width[kept], parts.width.astype(np.float32)),
        min(doses.low, float(parts.dose.min())),
        max(doses.high, float(parts.dose.max())),
        float((doses.volume[steep[parts.cell]] * parts.share)[parts.is_bent].sum()),
    )


def _inner_extremes(
    portion: Portion, grid: DoseGrid, doses: CellDoses, cells: Coverage, piece: Ints
) -> CellDoses:
    """Return the doses with their extremes widened by the cells' means and by the corners of whole cells.

    Only cells are searched whose mean and width promise more than is known.
    """
    low, high = min(doses.low, float(doses.dose.min())), max(doses.high, float(doses.dose.max()))
    half = FARTHEST * doses.width
    lower, upper = doses.dose - half, doses.dose + half
    promising = np.flatnonzero((cells.fraction == 1.0) & ((lower < low) | (upper > high)))
    if promising.size > 2 * CANDIDATES:
        lowest = np.argpartition(lower[promising], CANDIDATES)[:CANDIDATES]
        highest = np.argpartition(upper[promising], -CANDIDATES)[-CANDIDATES:]
        promising = promising[np.concatenate((lowest, highest))]
    if promising.size:
        w = _levels(portion.pieces, piece[promising], grid, portion.frame)[:, :, None, None]
        v = portion.rows.edges[cells.row[promising][:, None] + (0, 1)][:, None, :, None]
        u = portion.columns.edges[cells.column[promising][:, None] + (0, 1)][:, None, None, :]
        corners = np.stack(np.broadcast_arrays(w, v, u), axis=-1).reshape(-1, 3)
        found = grid.interpolate(portion.frame.to_grid(corners))
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    return replace(doses, low=low, high=high)


def _levels(pieces: Pieces, chosen: Ints, grid: DoseGrid, frame: Frame) -> Floats:
    """Return for each chosen piece its faces and the voxel centres between them, repeated to one length."""
    low, high = pieces.low[chosen, None], pieces.high[chosen, None]
    if frame.axes is None:
        return np.concatenate((low, high), axis=1)
    nodes = grid.nodes[frame.axes[0]]
    first, last = np.searchsorted(nodes, low), np.searchsorted(nodes, high)
    between = np.minimum(first + np.arange(int((last - first).max())), nodes.size - 1)
    return np.concatenate((low, np.clip(nodes[between], low, high), high), axis=1)
