"""How much of each cell of a plane lies inside a set of closed polygons.

The even-odd rule decides what is inside, so contours drawn within contours are holes, holes may hold
islands, and the two coincident edges of a keyhole cancel. Every plane is cut into horizontal strips at each
polygon vertex and at each row border; within such a strip all edges are straight lines from its lower to its
upper side, so the mid-line of the strip gives the exact area. The planes are laid above each other on one
long axis, which turns any number of them into one sorted list of crossings.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

STRIPS_PER_ROW = 2
"""Extra cuts per row of cells, so that a slanted edge is laid into the right columns."""

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
    the exact area per plane in mm2, with what lies outside the cells.
    """

    plane: Ints
    row: Ints
    column: Ints
    fraction: Floats
    u: Floats
    v: Floats
    area: Floats

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
    area = _summed(plane, -weight * crossings.x, polygons.planes)

    middle = crossings.middle[crossings.strip]
    inside = (middle > v_edges[0]) & (middle < v_edges[-1])
    row = np.searchsorted(v_edges, middle[inside], side="right") - 1
    height = np.diff(v_edges)[row]
    weight = weight[inside] / height
    x = np.clip(crossings.x[inside], u_edges[0], u_edges[-1])
    column = np.minimum(np.searchsorted(u_edges, x, side="right") - 1, u_edges.size - 2)
    f = (x - u_edges[column]) / np.diff(u_edges)[column]
    t = (middle[inside] - v_edges[row]) / height
    shape = (polygons.planes, v_edges.size - 1, u_edges.size - 1)
    cell = (plane[inside] * shape[1] + row) * shape[2] + column

    size = shape[0] * shape[1] * shape[2]
    passed = _summed(cell, weight, size)
    own = _summed(cell, weight * (1 - f), size)
    passed_v = _summed(cell, weight * t, size)
    entering = _left_of(passed)
    fraction = own + entering
    covered = np.flatnonzero(fraction > 1e-9)
    fraction = fraction[covered]
    # moments of the covered part: what enters from the left fills the cell's width, a crossing its right part
    u = 0.5 * entering[covered]
    u += _summed(cell, 0.5 * weight * (1 - f * f), size)[covered]
    v = _left_of(passed_v)[covered]
    v += _summed(cell, weight * t * (1 - f), size)[covered]
    planes, rows, columns = np.unravel_index(covered, shape)
    return Coverage(planes, rows, columns, np.minimum(fraction, 1.0), u / fraction, v / fraction, area)


def _summed(index: Ints, values: Floats, size: int) -> Floats:
    """Return the sums of the values of each index below ``size``."""
    return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)


def _left_of(values: Floats) -> Floats:
    """Return for every cell the sum over the cells left of it in its row.

    What enters a row leaves it again, so every row sums up to 0 and one running sum serves all rows.
    """
    return np.asarray(np.cumsum(values) - values)


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
