"""The distance to a target as a grid, on which the DVH engine reads what parts of an organ lie how far away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.planes import Planes
from pyconquest_rt.rt.dvh.roi_dose import roi_dose
from pyconquest_rt.rt.relations.distance import on_grid
from pyconquest_rt.rt.relations.region import Region

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

STEP_MM = 2.0
LEAST_STEP_MM = 0.5
FINE_NODES = 250_000
"""About the target the grid is finer than STEP_MM, as far as so many nodes allow."""
FINE_MARGIN_MM = 6.0
ZERO = 10_000.0
"""Added to distances, so that none is negative and the engine takes none for a steep dose."""
MAX_NODES = 12_000_000
"""Of larger grids the step is doubled."""


class Box(NamedTuple):
    """The least and the greatest patient coordinates in the directions of a region, (u, v, w)."""

    low: Floats
    high: Floats


def box_in(region: Region, regions: Sequence[Region]) -> Box:
    """Return the box about regions in the directions of ``region``."""
    corners = [
        region.inward(one.outward(np.array([np.where(bits, *one.box[::-1]) for bits in np.ndindex(2, 2, 2)])))
        for one in regions
    ]
    both = np.concatenate(corners)
    return Box(both.min(axis=0), both.max(axis=0))


@dataclass(frozen=True)
class Field:
    """The signed distance to a target in mm, at the nodes of ``grid`` (as doses, with ZERO added)."""

    grid: DoseGrid
    target: Box

    @classmethod
    def of(cls, regions: list[Region], box: Box) -> "Field":
        """Return the distance to the union of regions over a box in the directions of the first of them.

        The nodes are the same whatever the box, which tells only how far they go.
        """
        main = regions[0]
        low, high = main.box
        size = np.maximum(high - low, 1.0) + 2 * FINE_MARGIN_MM
        fine = float(np.clip((size.prod() / FINE_NODES) ** (1 / 3), LEAST_STEP_MM, STEP_MM))
        step = STEP_MM
        while True:
            nodes = [_nodes(low[i], high[i], fine, step, (box.low[i], box.high[i])) for i in (2, 1, 0)]
            if np.prod([float(one.size) for one in nodes]) <= MAX_NODES:
                break
            step, fine = 2.0 * step, 2.0 * fine
        w, v, u = nodes
        stored = on_grid(main, (w, v, u))
        axes = np.vstack((main.normal, main.axes[::-1]))
        extents = tuple((float(one[0]) - 0.5, float(one[-1]) + 0.5) for one in nodes)
        grid = DoseGrid(stored, 1.0, np.zeros(3), axes, (w, v, u), extents)
        for other in regions[1:]:
            grid = _united(grid, other)
        grid.stored.__iadd__(np.float32(ZERO))
        return cls(grid, box_in(main, regions))

    def at(self, points: Floats) -> Floats:
        """Return the interpolated distance in mm at patient coordinates (n, 3)."""
        return self.grid.interpolate(self.grid.to_grid(points)) - ZERO

    @cached_property
    def places(self) -> tuple[Floats, Floats]:
        """Nodes where the distance is least within the target, and greatest amid it, in patient coordinates.

        Both can only lie in the box about the target: the farthest point from all sides of it is amid these.
        """
        window = tuple(
            slice(max(int(np.searchsorted(nodes, low)) - 1, 0), int(np.searchsorted(nodes, high)) + 1)
            for nodes, low, high in zip(
                self.grid.nodes, self.target.low[::-1], self.target.high[::-1], strict=True
            )
        )
        distance = self.grid.stored[window] - np.float32(ZERO)
        nodes = [one[part] for one, part in zip(self.grid.nodes, window, strict=True)]
        found = []
        for sign in (1.0, -1.0):
            places = np.nonzero(_extreme(distance * np.float32(sign)))
            at = np.stack([one[index] for one, index in zip(nodes, places, strict=True)], axis=1)
            found.append(np.einsum("ni,ij->nj", at, self.grid.axes))
        return found[0], found[1]

    def curve(self, planes: Planes, end_cap: str) -> "Curve":
        """Return how much of an ROI lies within each distance."""
        found = roi_dose(planes, self.grid, end_cap)
        return Curve(found.dose - ZERO, 1.0 - found.share, found.mean - ZERO, found.covered + found.uncovered)


@dataclass(frozen=True)
class Curve:
    """Ascending distances in mm and the part of a volume within each, the mean distance, and the volume in cc."""

    distance: Floats
    fraction: Floats
    mean: float
    volume_cc: float

    def within(self, distance: Floats) -> Floats:
        """Return the part of the volume within the distances."""
        if self.distance.size == 0:
            return np.full(distance.shape, np.nan)
        return np.interp(distance, self.distance, self.fraction, left=0.0, right=1.0)

    def at(self, fraction: float) -> float:
        """Return the distance within which a part of the volume lies."""
        return float(np.interp(fraction, self.fraction, self.distance))


def _nodes(low: float, high: float, fine: float, step: float, box: tuple[float, float]) -> Floats:
    """Return nodes that have the target's faces among them, fine about it, and go as far as the box."""
    inner = np.linspace(low, high, max(int(np.ceil((high - low) / fine)), 1) + 1)
    beside = np.arange(1, int(FINE_MARGIN_MM / fine) + 1) * fine
    edge = float(beside[-1]) if beside.size else 0.0
    far = max(low - edge - box[0], box[1] - high - edge, 0.0)
    beyond = edge + np.arange(1, int(np.ceil(far / step)) + 2) * step
    nodes = np.concatenate((low - beyond[::-1], low - beside[::-1], inner, high + beside, high + beyond))
    first = max(int(np.searchsorted(nodes, box[0], side="right")) - 1, 0)
    last = min(int(np.searchsorted(nodes, box[1])), nodes.size - 1)
    return nodes[first : max(last, first + 1) + 1]


def _united(grid: DoseGrid, other: Region) -> DoseGrid:
    """Return the grid with the lesser of its distances and those to a region of another direction."""
    ends = np.array([(nodes[0], nodes[-1]) for nodes in grid.nodes])
    corners = np.array([ends[range(3), at] for at in np.ndindex(2, 2, 2)])
    placed = other.inward(np.einsum("ni,ij->nj", corners, grid.axes))
    second = Field.of([other], Box(placed.min(axis=0), placed.max(axis=0)))
    stored = grid.stored.copy()
    _, v, u = grid.nodes
    flat = np.stack([one.ravel() for one in np.meshgrid(v, u, indexing="ij")], axis=1)
    for plane, w in enumerate(grid.nodes[0]):
        points = np.einsum("ni,ij->nj", np.column_stack((np.full(len(flat), w), flat)), grid.axes)
        stored[plane] = np.minimum(stored[plane], second.at(points).reshape(stored[plane].shape))
    return replace(grid, stored=stored)


def _extreme(distance: Singles) -> npt.NDArray[np.bool_]:
    """Tell which nodes are below 0 and no greater than any of their six neighbours."""
    found = distance < 0
    for axis in range(3):
        one, other = np.moveaxis(found, axis, 0), np.moveaxis(distance, axis, 0)
        one[:-1] &= other[:-1] <= other[1:]
        one[1:] &= other[1:] <= other[:-1]
    return found
