"""An ROI, or the union of several, as layers: prisms that do not overlap each other, along one normal.

Every ROI is the stack of slabs that the DVH engine makes of its contours. All their faces together cut the union into
layers; in each layer the region is the union of the slabs that reach through it, each by the even-odd rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.planes import Planes, in_plane, projected
from pyconquest_rt.rt.dvh.slabs import Slabs, slabs_of
from pyconquest_rt.rt.relations.outline import outline
from pyconquest_rt.rt.relations.ragged import in_portions, ragged
from pyconquest_rt.rt.relations.strips import Edges, Stretches, stretches

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

THIN_MM = 1e-4
"""No layer is thinner than this."""
STRIP_MM = 0.5
"""Layers are measured in strips of at most this height."""
SAME_DIRECTION = 1.0 - 1e-8


class Moments(NamedTuple):
    """Volume in cc and centre of gravity in patient coordinates, mm."""

    volume_cc: float
    centre: Floats


@dataclass(frozen=True)
class Region:
    """Layers along ``normal``: layer ``i`` from ``low[i]`` to ``high[i]`` mm.

    ``edges`` are the contours' edges in the plane, as (u, v) in the directions ``axes`` (2, 3); each is of a slab of
    one layer. ``border`` holds for each layer the pieces of edges (n, 4) with the region on one side only.
    """

    normal: Floats
    low: Floats
    high: Floats
    edges: Edges

    @property
    def axes(self) -> Floats:
        """The directions of u and v, shape (2, 3)."""
        return in_plane(self.normal)

    @cached_property
    def border(self) -> list[Floats]:
        """The region's true border in each layer, pieces of edges as (u, v, u, v)."""
        first = np.searchsorted(self.edges.layer, np.arange(self.low.size + 1))
        return [outline(self.edges.ends[a:b], self.edges.part[a:b]) for a, b in pairwise(first)]

    @cached_property
    def box(self) -> tuple[Floats, Floats]:
        """The least and the greatest (u, v, w) of the region."""
        ends = self.edges.ends.reshape(-1, 2)
        return (
            np.append(ends.min(axis=0), self.low[0]),
            np.append(ends.max(axis=0), self.high[-1]),
        )

    def inward(self, points: Floats) -> Floats:
        """Return patient coordinates (n, 3) as (u, v, w)."""
        return np.asarray(np.einsum("ni,ji->nj", points, np.vstack((self.axes, self.normal))))

    def outward(self, points: Floats) -> Floats:
        """Return (u, v, w), shape (n, 3), as patient coordinates."""
        return np.asarray(np.einsum("ni,ij->nj", points, np.vstack((self.axes, self.normal))))

    @cached_property
    def pieces(self) -> tuple[Floats, Ints]:
        """All pieces of the border (n, 4), those of layer ``i`` from ``starts[i]`` to ``starts[i + 1]``, and starts."""
        return np.concatenate(self.border), np.append(0, np.cumsum([len(one) for one in self.border]))

    @cached_property
    def boxes(self) -> tuple[Floats, Floats]:
        """The least and the greatest (u, v) of each layer."""
        first = np.searchsorted(self.edges.layer, np.arange(self.low.size))
        start, end = self.edges.ends[:, :2], self.edges.ends[:, 2:]
        return (
            np.minimum.reduceat(np.minimum(start, end), first),
            np.maximum.reduceat(np.maximum(start, end), first),
        )

    @cached_property
    def _runs(self) -> tuple[Ints, Ints]:
        """Where the edges of each part of a layer begin, and where the parts of each layer do."""
        changes = (np.diff(self.edges.layer) != 0) | (np.diff(self.edges.part) != 0)
        begins = np.append(0, np.flatnonzero(changes) + 1)
        of_layer = np.searchsorted(self.edges.layer[begins], np.arange(self.low.size + 1))
        return np.append(begins, self.edges.layer.size), of_layer

    def contains(self, points: Floats, layer: Ints) -> Flags:
        """Tell which points (n, 2) lie within the region in the layer of each."""
        begins, of_layer = self._runs
        pair, run = ragged(of_layer[layer], np.diff(of_layer)[layer])
        counts = np.diff(begins)[run]
        inside = np.zeros(len(points), bool)
        for some in in_portions(counts):
            member, edge = ragged(begins[run[some]], counts[some])
            if edge.size == 0:
                continue
            u, v = points[pair[some][member]].T
            u0, v0, u1, v1 = self.edges.ends[edge].T
            crosses = np.flatnonzero((v0 <= v) != (v1 <= v))
            rise = (v1 - v0)[crosses]
            right = u0[crosses] + (v - v0)[crosses] * ((u1 - u0)[crosses] / rise) > u[crosses]
            odd = np.bincount(member[crosses], right, minlength=counts[some].size) % 2 == 1
            inside[pair[some][odd]] = True
        return inside

    def stretches(self, strip_mm: float = STRIP_MM) -> Stretches:
        """Return the region as stretches along u in strips of v."""
        return stretches([self.edges], self.low.size, strip_mm)

    @cached_property
    def moments(self) -> Moments:
        """The region's volume and its centre of gravity."""
        found = self.stretches()
        heights = (self.high - self.low)[found.layer]
        volume = found.area * heights
        whole = float(volume.sum())
        if whole <= 0:
            return Moments(0.0, np.full(3, np.nan))
        middle = 0.5 * (self.low + self.high)
        at = np.stack((0.5 * (found.start + found.end), found.middle, middle[found.layer]), axis=1)
        return Moments(whole / 1e3, self.outward((volume @ at / whole)[None])[0])


def regions_of(parts: Sequence[Planes], end_cap: str) -> list[Region]:
    """Return the union of ROIs as regions, one for each direction that contours are drawn in.

    Raises ContourError for an ROI on one plane where nothing tells how thick that is.
    """
    groups: list[tuple[Floats, list[Slabs]]] = []
    for planes in parts:
        slabs = slabs_of(planes, projected(planes.points, planes.normal), end_cap)
        for normal, members in groups:
            if normal @ planes.normal > SAME_DIRECTION:
                members.append(slabs)
                break
        else:
            groups.append((planes.normal, [slabs]))
    return [_region(normal, members) for normal, members in groups]


def _region(normal: Floats, members: Sequence[Slabs]) -> Region:
    faces = np.unique(np.concatenate([face for slabs in members for face in (slabs.low, slabs.high)]))
    faces = faces[np.append(True, np.diff(faces) > THIN_MM)]
    middle = 0.5 * (faces[1:] + faces[:-1])
    ends: list[Floats] = []
    layer: list[Ints] = []
    part: list[Ints] = []
    number = 0
    for slabs in members:
        of_plane = _edges_by_plane(slabs)
        for plane, (low, high) in enumerate(zip(slabs.low, slabs.high, strict=True)):
            for reached in np.flatnonzero((middle > low) & (middle < high)):
                ends.append(of_plane[plane])
                layer.append(np.full(len(of_plane[plane]), reached))
                part.append(np.full(len(of_plane[plane]), number))
            number += 1
    layers = np.concatenate(layer)
    order = np.argsort(layers, kind="stable")  # the edges of a part stay together
    used, layers = np.unique(layers[order], return_inverse=True)
    edges = Edges(np.concatenate(ends)[order], layers, np.concatenate(part)[order])
    return Region(normal, faces[used], faces[used + 1], edges)


def _edges_by_plane(slabs: Slabs) -> list[Floats]:
    """Return the edges (n, 4) of the polygons of each slab."""
    polygons = slabs.polygons
    following = np.arange(len(polygons.points)) + 1
    following[polygons.starts[1:] - 1] = polygons.starts[:-1]
    ends = np.concatenate((polygons.points, polygons.points[following]), axis=1)
    plane = np.repeat(polygons.plane, np.diff(polygons.starts))
    return [ends[plane == number] for number in range(polygons.planes)]
