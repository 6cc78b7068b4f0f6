"""The outlines of an ROI before they are used: those that enclose nothing, run twice, or are drawn twice.

The even-odd rule makes holes of contours within contours. It would also cut out what was merely drawn twice, so
copies go first, and what is cut out because outlines overlap without being nested is measured (DICOM PS3.3 C.8.8.6
does not say what such an overlap is).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.coverage import Polygons, cover

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SAME_OUTLINE_MM = 0.1
"""Outlines nearer to each other than this on average are the same."""
SAME_POINT_MM = 0.05
LEAST_WIDTH_MM = 0.01
"""An outline that is narrower than this on average encloses no area."""
WHOLE = 0.99
"""An outline of which more than this part lies within another is nested, one of which less than the rest does lies
beside it."""


@dataclass(frozen=True)
class Outlines:
    """Closed polygons in one projection: ``points`` (n, 2) in mm, polygon ``i`` has ``starts[i]:starts[i + 1]``."""

    points: Floats
    starts: Ints

    @classmethod
    def of(cls, polygons: Sequence[Floats]) -> "Outlines":
        """Return polygons (n, 2) as one object."""
        return cls(np.concatenate(polygons), np.append(0, np.cumsum([len(polygon) for polygon in polygons])))

    def steps(self) -> Floats:
        """Return for each point the way to the next one of its polygon, shape (n, 2)."""
        following = np.arange(len(self.points)) + 1
        following[self.starts[1:] - 1] = self.starts[:-1]
        return np.asarray(self.points[following] - self.points)

    def signed_areas(self) -> Floats:
        """Return the area of each polygon, negative where it runs clockwise, regions run twice counted twice."""
        (x, y), (dx, dy) = self.points.T, self.steps().T
        return np.asarray(0.5 * np.add.reduceat(x * dy - y * dx, self.starts[:-1]))

    def perimeters(self) -> Floats:
        """Return the length of each polygon in mm."""
        return np.asarray(np.add.reduceat(np.hypot(*self.steps().T), self.starts[:-1]))

    def turns(self, steps: Floats) -> Floats:
        """Return how often each polygon turns about itself; 1 or -1 for one that does not cross itself.

        ``steps`` are those of :meth:`steps`.
        """
        moved = np.flatnonzero(np.abs(steps).max(axis=1) > 1e-9)
        if moved.size < len(steps):
            polygon = np.searchsorted(self.starts, moved, side="right") - 1
            counts = np.bincount(polygon, minlength=self.starts.size - 1)
            if counts.min() == 0:
                return np.zeros(self.starts.size - 1)
            others = Outlines(self.points[moved], np.append(0, np.cumsum(counts)))
            return others.turns(others.steps())
        before = np.roll(steps, 1, axis=0)
        before[self.starts[:-1]] = steps[self.starts[1:] - 1]
        cross = before[:, 0] * steps[:, 1] - before[:, 1] * steps[:, 0]
        along = before[:, 0] * steps[:, 0] + before[:, 1] * steps[:, 1]
        angle = np.arctan2(cross, along)
        return np.asarray(np.add.reduceat(angle, self.starts[:-1]) / (2 * np.pi))

    def areas(self, groups: Sequence[Sequence[int] | Ints]) -> Floats:
        """Return the area in mm2 of each group of polygons by the even-odd rule."""
        members = [int(polygon) for group in groups for polygon in group]
        group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        parts = [self.points[self.starts[i] : self.starts[i + 1]] for i in members]
        chosen = Outlines.of(parts)
        far = chosen.points.max(axis=0) + 1.0
        polygons = Polygons(chosen.points, chosen.starts, group, len(groups))
        return cover(polygons, far[:1] + (0.0, 1.0), far[1:] + (0.0, 1.0)).area


class Loop(NamedTuple):
    """A part of an outline: its first point, how many it has, the area in mm2 that it encloses twice, and
    whether it crosses itself."""

    first: int
    points: int
    twice: float = 0.0
    crosses: bool = False


@dataclass(frozen=True)
class Repaired:
    """The outlines that can be used, as parts of the points given; ``dropped`` counts those without area."""

    loops: list[Loop]
    dropped: int


def odd_outlines(outlines: Outlines) -> npt.NDArray[np.bool_]:
    """Return which outlines may cross themselves, run twice or enclose nothing."""
    steps = outlines.steps()
    (x, y), (dx, dy) = outlines.points.T, steps.T
    twice = np.abs(np.add.reduceat(x * dy - y * dx, outlines.starts[:-1]))
    lengths = np.add.reduceat(np.hypot(dx, dy), outlines.starts[:-1])
    is_thin = twice < LEAST_WIDTH_MM * np.maximum(lengths, 1e-9)
    return np.asarray((np.abs(np.abs(outlines.turns(steps)) - 1.0) > 0.25) | is_thin)


def repaired(outlines: Outlines, odd: npt.NDArray[np.bool_]) -> Repaired:
    """Return what outlines can be used; those that are not ``odd`` can as they are."""
    loops: list[Loop] = []
    dropped = 0
    for number, is_odd in enumerate(odd):
        first, last = int(outlines.starts[number]), int(outlines.starts[number + 1])
        found = _loops(outlines.points[first:last]) if is_odd else [Loop(0, last - first)]
        loops += [loop._replace(first=first + loop.first) for loop in found]
        dropped += not found
    return Repaired(loops, dropped)


def _loops(points: Floats) -> list[Loop]:
    """Return the loops with an area that one outline consists of: itself, or the runs that it makes of its shape."""
    one = Outlines.of([points])
    turned, area = abs(float(one.signed_areas()[0])), float(one.areas([[0]])[0])
    has_area = 2.0 * area >= LEAST_WIDTH_MM * float(one.perimeters()[0])
    if abs(turned - area) <= 0.01 * area and has_area:
        return [Loop(0, len(points))]
    if turned > area or not has_area:
        back = np.flatnonzero(np.abs(points - points[0]).max(axis=1) < SAME_POINT_MM)
        back = back[(back >= 3) & (back <= len(points) - 3)]
        if back.size:
            cut = int(back[0])
            others = _loops(points[cut:])
            return [*_loops(points[:cut]), *(loop._replace(first=cut + loop.first) for loop in others)]
    return [Loop(0, len(points), max(turned - area, 0.0) / 2, True)] if has_area else []


@dataclass(frozen=True)
class Relations:
    """How the outlines of each plane lie to each other: ``copies`` are outlines that another one repeats, and
    ``overlap`` is the area in mm2 by plane that outlines share without being nested."""

    copies: Ints
    overlap: Floats


def relations(outlines: Outlines, plane: Ints, planes: int) -> Relations:
    """Return copies and overlaps among the outlines of each of the ``planes`` planes; ``plane`` tells which each is
    on."""
    overlap = np.zeros(planes)
    first, second = _near_pairs(outlines, plane, planes)
    if first.size == 0:
        return Relations(np.empty(0, np.intp), overlap)
    alone = outlines.areas([[i] for i in range(plane.size)])
    apart = outlines.areas([[int(i), int(j)] for i, j in zip(first, second, strict=True)])
    shared = 0.5 * (alone[first] + alone[second] - apart)
    smaller = np.minimum(alone[first], alone[second])
    perimeters = outlines.perimeters()
    longest = np.maximum(perimeters[first], perimeters[second])
    same = (apart <= SAME_OUTLINE_MM * longest) & (shared > 0.5 * smaller)
    copies = np.unique(second[same])
    gone = np.isin(first, copies) | np.isin(second, copies)
    slack = (1.0 - WHOLE) * smaller + LEAST_WIDTH_MM * longest
    partly = ~gone & (shared > slack) & (shared < smaller - slack)
    np.add.at(overlap, plane[first[partly]], shared[partly])
    return Relations(copies, overlap)


def _near_pairs(outlines: Outlines, plane: Ints, planes: int) -> tuple[Ints, Ints]:
    """Return the pairs of outlines of one plane whose boxes overlap."""
    counts = np.bincount(plane, minlength=planes)
    low = np.minimum.reduceat(outlines.points, outlines.starts[:-1])
    high = np.maximum.reduceat(outlines.points, outlines.starts[:-1])
    pairs: list[Ints] = []
    order = np.argsort(plane, kind="stable")
    ends = np.cumsum(counts)
    for number in np.flatnonzero(counts > 1):
        members = order[ends[number] - counts[number] : ends[number]]
        meet = (
            (low[members][:, None] < high[members][None]) & (high[members][:, None] > low[members][None])
        ).all(axis=2)
        one, other = np.nonzero(np.triu(meet, 1))
        pairs.append(np.stack((members[one], members[other])))
    if not pairs:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    both = np.concatenate(pairs, axis=1)
    return both[0], both[1]
