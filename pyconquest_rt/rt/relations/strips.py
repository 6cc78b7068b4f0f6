"""Regions of polygons cut into strips at every corner: exact areas of regions, of unions and of what they share.

As in the DVH engine's coverage all layers are laid above each other on one long axis, which makes one sorted list of
the crossings of edges with the strips' mid-lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Edges(NamedTuple):
    """Edges ``ends`` (n, 4) as (u, v, u, v) in mm, the ``layer`` of each, ascending, and the ``part`` that it bounds.

    A part is what its edges in one layer enclose by the even-odd rule; parts of a layer may overlap.
    """

    ends: Floats
    layer: Ints
    part: Ints


@dataclass(frozen=True)
class Stretches:
    """Pieces of strips within a region: from ``start`` to ``end`` mm along u, about ``middle`` mm along v, ``height``
    mm high, in ``layer``."""

    start: Floats
    end: Floats
    middle: Floats
    height: Floats
    layer: Ints

    @property
    def area(self) -> Floats:
        """The area of each in mm2."""
        return (self.end - self.start) * self.height


def stretches(groups: Sequence[Edges], layers: int, strip_mm: float) -> Stretches:
    """Return what lies in a part of every one of the groups, layer by layer, in strips of at most ``strip_mm`` mm."""
    ends = np.concatenate([edges.ends for edges in groups])
    if ends.size == 0:
        return Stretches(np.empty(0), np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.intp))
    layer = np.concatenate([edges.layer for edges in groups])
    sets = _labels(groups, layer)
    low = float(ends[:, 1::2].min())
    pitch = float(ends[:, 1::2].max()) - low + 1.0
    lift = layer * pitch - low
    bottom, top = np.minimum(ends[:, 1], ends[:, 3]) + lift, np.maximum(ends[:, 1], ends[:, 3]) + lift
    levels = _levels(bottom, top, layers, pitch, strip_mm)
    middles = 0.5 * (levels[1:] + levels[:-1])
    first, last = np.searchsorted(middles, bottom), np.searchsorted(middles, top)
    count = last - first
    edge = np.repeat(np.arange(count.size), count)
    strip = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    rise = ends[:, 3] - ends[:, 1]
    slope = (ends[:, 2] - ends[:, 0]) / np.where(rise != 0, rise, 1.0)
    where = ends[edge, 0] + (middles[strip] - lift[edge] - ends[edge, 1]) * slope[edge]
    order = np.lexsort((where, strip))
    edge, strip, where = edge[order], strip[order], where[order]
    inside = _inside(sets[:, edge])
    here = np.flatnonzero(inside)
    here = here[where[here + 1] > where[here]]
    lifted = middles[strip[here]]
    of = layer[edge[here]]
    return Stretches(
        where[here], where[here + 1], lifted - of * pitch + low, np.diff(levels)[strip[here]], of
    )


def _labels(groups: Sequence[Edges], layer: Ints) -> Ints:
    """Return which group each edge is of, and its part counted within its layer, shape (2, n)."""
    group = np.repeat(np.arange(len(groups)), [len(edges.layer) for edges in groups])
    part = np.concatenate([edges.part for edges in groups])
    together, number = np.unique(np.stack((layer, group, part)), axis=1, return_inverse=True)
    number = number.reshape(-1)
    first = np.append(True, (np.diff(together[:2], axis=1) != 0).any(axis=0))
    begins = np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
    return np.stack((group, (np.arange(first.size) - begins)[number]))


def _levels(bottom: Floats, top: Floats, layers: int, pitch: float, strip_mm: float) -> Floats:
    """Return the ascending borders of strips: every corner, and no two of a layer farther apart than ``strip_mm``."""
    corners = np.unique(np.concatenate((bottom, top)))
    gaps = np.diff(corners)
    gaps = np.where(np.floor(corners[1:] / pitch) == np.floor(corners[:-1] / pitch), gaps, 0.0)
    parts = np.maximum(np.ceil(gaps / strip_mm), 1.0).astype(np.intp)
    number = np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts)
    found = np.repeat(corners[:-1], parts) + number * np.repeat(np.diff(corners) / parts, parts)
    return np.append(found, corners[-1])


def _inside(sets: Ints) -> npt.NDArray[np.bool_]:
    """Tell after which crossings, sorted along all strips, a point lies in a part of every group.

    Each part is crossed an even number of times in each strip, so that one running count serves all.
    """
    group, part = sets
    inside = np.ones(group.size, bool)
    for one in range(int(group.max(initial=0)) + 1):
        members = group == one
        any_part = np.zeros(group.size, bool)
        for number in range(int(part[members].max(initial=-1)) + 1):
            any_part |= (np.cumsum(members & (part == number)) & 1).astype(bool)
        inside &= any_part
    return inside
