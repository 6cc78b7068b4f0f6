"""How much of each cell of a plane lies inside a set of closed polygons.

The even-odd rule decides what is inside, so contours drawn within contours are holes, holes may hold
islands, and the two coincident edges of a keyhole cancel. Every plane is cut into horizontal strips at each
polygon vertex and at each row border; within such a strip all edges are straight lines from its lower to its
upper side, so the mid-line of the strip gives the exact area (where edges cross each other, to the height of
a strip). The planes are laid above each other on one long axis, which turns any number of them into one
sorted list of crossings.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LEAST_FRACTION = 1e-9
"""Cells covered by less, or lacking less, are empty, or whole."""

STRIPS_PER_ROW = 1
"""Cuts per row of cells beside those at vertices; more lay a slanted edge more exactly into its columns."""

MAX_CROSSINGS = 4_000_000
"""Upper bound of edge crossings held at once (about 300 MB would be needed for ten times as many)."""


class TooManyCrossingsError(ValueError):
    """The polygons of one plane cross its strips more often than memory and time allow."""


@dataclass(frozen=True)
class Polygons:
    """Closed polygons on numbered planes.

    ``points`` holds the (u, v) vertices in mm of all polygons, shape (n, 2); polygon ``i`` has the vertices
    ``starts[i]:starts[i + 1]`` and lies on the plane ``plane[i]``, one of ``planes`` planes.
    """

    points: Floats
    starts: Ints
    plane: Ints
    planes: int

    def on_planes(self, first: int, last: int) -> "Polygons":
        """Return the polygons of the planes ``first`` to ``last - 1``, numbered from 0."""
        chosen = (self.plane >= first) & (self.plane < last)
        if chosen.all():
            return Polygons(self.points, self.starts, self.plane - first, last - first)
        counts = np.diff(self.starts)
        starts = np.append(0, np.cumsum(counts[chosen]))
        points = self.points[np.repeat(chosen, counts)]
        return Polygons(points, starts, self.plane[chosen] - first, last - first)


@dataclass(frozen=True)
class Coverage:
    """The cells that are at least partly inside, and the whole area of each plane.

    ``plane``, ``row`` and ``column`` name the cells; ``fraction`` is the covered part of a cell (0 to 1),
    and (``u``, ``v``) is the centroid of the covered part, measured within the cell from 0 to 1. ``area`` is
    the exact area per plane in mm2, with what lies outside the cells. All cells from ``whole_from`` on are whole
    (others may be too); None where cells were chosen.
    """

    plane: Ints
    row: Ints
    column: Ints
    fraction: Floats
    u: Floats
    v: Floats
    area: Floats
    whole_from: int | None = None

    def pick(self, cells: "Ints | slice | npt.NDArray[np.bool_]") -> "Coverage":
        """Return the chosen cells, in the order given and as often as given."""
        plane, row, column = self.plane[cells], self.row[cells], self.column[cells]
        return Coverage(plane, row, column, self.fraction[cells], self.u[cells], self.v[cells], self.area)


@dataclass(frozen=True)
class _Crossings:
    """Where edges cross the mid-lines of strips: entering and leaving crossings alternate."""

    x: Floats
    strip: Ints
    height: Floats
    middle: Floats
    plane: Ints


def cover(polygons: Polygons, u_edges: Floats, v_edges: Floats) -> Coverage:
    """Return the cells between the ascending borders ``u_edges`` and ``v_edges`` (mm) that polygons cover.

    Raises TooManyCrossingsError where the polygons are too tangled to be held in bounded memory.
    """
    crossings = _crossings(polygons, v_edges)
    sign = np.ones(crossings.x.size)
    sign[1::2] = -1.0
    weight = sign * crossings.height[crossings.strip]
    plane = crossings.plane[crossings.strip]
    area = np.bincount(plane, -weight * crossings.x, polygons.planes).astype(np.float64, copy=False)

    middle = crossings.middle[crossings.strip]
    inside = (middle > v_edges[0]) & (middle < v_edges[-1])
    row = _place(v_edges, middle[inside])
    height = (v_edges[1:] - v_edges[:-1]).take(row)
    x = np.minimum(np.maximum(crossings.x[inside], u_edges[0]), u_edges[-1])
    column = _place(u_edges, x)
    shape = (polygons.planes, v_edges.size - 1, u_edges.size - 1)
    cell = (plane[inside] * shape[1] + row) * shape[2] + column
    u = (x - u_edges.take(column)) / (u_edges[1:] - u_edges[:-1]).take(column)
    v = (middle[inside] - v_edges.take(row)) / height
    return _filled(cell, weight[inside] / height, u, v, shape, area)


def _place(edges: Floats, positions: Floats) -> Ints:
    """Return the cells between ``edges`` in which positions lie, those on the last edge in the last.

    Edges are nearly even but for the outermost: a guess and its correction are quicker than a search.
    """
    last = edges.size - 2
    if last < 4:
        return np.clip(np.searchsorted(edges, positions, side="right") - 1, 0, last)
    step = float(edges[-2] - edges[1]) / (last - 1)
    found = np.clip(((positions - edges[1]) * (1.0 / step)).astype(np.intp) + 1, 0, last)
    found -= positions < edges.take(found)
    found += positions >= edges.take(found + 1)
    found = np.clip(found, 0, last)
    off = np.flatnonzero((positions < edges.take(found)) | (positions >= edges.take(found + 1)))
    if off.size:
        found[off] = np.searchsorted(edges[1:-1], positions[off], side="right")
    return np.asarray(found)


def _filled(
    cell: Ints, weight: Floats, u: Floats, v: Floats, shape: tuple[int, int, int], area: Floats
) -> Coverage:
    """Return the cells that crossings fill; ``weight`` is the height of a strip in rows, negative where it
    ends.

    A crossing at (u, v) in a cell fills the cell's part right of it and all cells further right. So the
    cells with crossings have sums of their own, and those between two of them are alike. What enters a row
    leaves it again, so that one running sum serves all rows.
    """
    if cell.size == 0:
        none, nothing = np.empty(0, np.intp), np.empty(0)
        return Coverage(none, none, none, nothing, nothing, nothing, area)
    order = np.argsort(cell)
    cell, weight, u, v = cell[order], weight[order], u[order], v[order]
    first = np.concatenate(([0], np.flatnonzero(cell[1:] != cell[:-1]) + 1))
    right = weight * (1.0 - u)
    own, own_u, own_v, passed, passed_v = (
        np.add.reduceat(values, first)
        for values in (right, 0.5 * right * (1.0 + u), right * v, weight, weight * v)
    )
    after, after_v = np.cumsum(passed), np.cumsum(passed_v)
    before, before_v = after - passed, after_v - passed_v
    cell = cell[first]
    run = np.zeros_like(cell)
    np.subtract(cell[1:], cell[:-1] + 1, out=run[:-1])
    run[after <= LEAST_FRACTION] = 0
    held = before + own
    touched = np.flatnonzero(held > LEAST_FRACTION)
    held, before, own_u = held.take(touched), before.take(touched), own_u.take(touched)

    whole = 1.0 - LEAST_FRACTION
    is_full = after > whole
    last = np.argsort(is_full, kind="stable")  # runs of whole cells come last
    is_full, run, begin = is_full.take(last), run.take(last), cell.take(last)
    ends = np.cumsum(run)
    runs = int(ends[-1])
    column = np.arange(runs) + np.repeat(begin % shape[2] + 1 + run - ends, run)
    planes, rows, columns = _places(cell.take(touched), shape)
    run_planes, run_rows, _ = _places(begin, shape)
    filled = after.take(last)
    middle = after_v.take(last) / np.where(run > 0, filled, 1.0)
    return Coverage(
        plane=np.concatenate((planes, np.repeat(run_planes, run))),
        row=np.concatenate((rows, np.repeat(run_rows, run))),
        column=np.concatenate((columns, column)),
        fraction=np.concatenate(
            (np.where(held > whole, 1.0, held), np.repeat(np.where(is_full, 1.0, filled), run))
        ),
        u=np.concatenate(((0.5 * before + own_u) / held, np.full(runs, 0.5))),
        v=np.concatenate(((before_v + own_v).take(touched) / held, np.repeat(middle, run))),
        area=area,
        whole_from=touched.size + int(run[~is_full].sum()),
    )


def _places(cell: Ints, shape: tuple[int, int, int]) -> tuple[Ints, Ints, Ints]:
    """Return plane, row and column of cells that are numbered through."""
    rows = cell // shape[2]
    planes = rows // shape[1]
    return planes, rows - planes * shape[1], cell - rows * shape[2]


def _crossings(polygons: Polygons, v_edges: Floats) -> _Crossings:
    x, y = polygons.points[:, 0], polygons.points[:, 1]
    low, high = float(y.min()), float(y.max())
    pitch = high - low + 1.0
    lift = np.repeat(polygons.plane, np.diff(polygons.starts)) * pitch - low
    tall = y + lift

    rows = _row_cuts(v_edges, low, high) - low
    cuts = (rows + (np.arange(polygons.planes) * pitch)[:, None]).ravel()
    levels = np.unique(np.concatenate((tall, cuts)))
    bottom, top, first, last = _edges(polygons, tall, levels)
    if int((last - first).sum()) > MAX_CROSSINGS:
        levels = np.unique(cuts)
        bottom, top, first, last = _edges(polygons, tall, levels)
    count = last - first
    total = int(count.sum())
    if total > MAX_CROSSINGS:
        raise TooManyCrossingsError(f"contours cross the cell rows {total} times, more than {MAX_CROSSINGS}")

    middle = 0.5 * (levels[1:] + levels[:-1])
    edge = np.repeat(np.arange(count.size), count)
    strip = np.arange(total) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    slope = (x[top] - x[bottom]) / (tall[top] - tall[bottom])
    where = x[bottom][edge] + (middle[strip] - tall[bottom][edge]) * slope[edge]

    left = float(x.min())
    width = float(x.max()) - left + 1.0
    key = np.sort(strip * width + (where - left))
    strip = np.sort(strip)
    plane = (middle / pitch).astype(np.intp)
    return _Crossings(
        x=key - strip * width + left,
        strip=strip,
        height=np.diff(levels),
        middle=middle - plane * pitch + low,
        plane=plane,
    )


def _row_cuts(v_edges: Floats, low: float, high: float) -> Floats:
    """Return the row borders and their subdivisions that lie within the polygons' extent."""
    steps = np.arange(STRIPS_PER_ROW) / STRIPS_PER_ROW
    cuts = (v_edges[:-1, None] + np.diff(v_edges)[:, None] * steps).ravel()
    cuts = np.append(cuts, v_edges[-1])
    return np.concatenate(([low], cuts[(cuts > low) & (cuts < high)], [high]))


def _edges(polygons: Polygons, tall: Floats, levels: Floats) -> tuple[Ints, Ints, Ints, Ints]:
    """Return bottom and top vertex of each edge that is not level, and the strips that it crosses.

    A strip belongs to an edge when its mid-line lies between the edge's ends, which both neighbours of a
    vertex decide alike: so every polygon crosses every mid-line an even number of times.
    """
    here = np.arange(tall.size)
    there = here + 1
    there[polygons.starts[1:] - 1] = polygons.starts[:-1]
    rank = np.searchsorted(0.5 * (levels[1:] + levels[:-1]), tall)
    rising = rank[there] > rank[here]
    bottom = np.where(rising, here, there)
    top = np.where(rising, there, here)
    crossing = rank[top] > rank[bottom]
    bottom, top = bottom[crossing], top[crossing]
    return bottom, top, rank[bottom], rank[top]
