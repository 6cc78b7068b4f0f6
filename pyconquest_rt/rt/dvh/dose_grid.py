"""The dose grid in patient coordinates, and its trilinear interpolation."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Cuts:
    """Cells along one direction between ascending ``edges`` (mm), and their place on an axis of the dose
    grid.

    Cell ``i`` starts at the part ``start[i]`` of the way from voxel centre ``index[i]`` to the next, and
    spans the part ``size[i]`` of it (0 in the outer half voxels, where the dose is level). For an oblique
    grid these three are empty.
    """

    edges: Floats
    index: Ints
    start: Floats
    size: Floats

    @cached_property
    def widths(self) -> Floats:
        """The widths of the cells in mm."""
        return self.edges[1:] - self.edges[:-1]


@dataclass(frozen=True)
class DoseGrid:
    """Doses on a rectangular grid.

    ``stored`` has the shape (planes, rows, columns); times ``scaling`` it is the dose in Gy, which
    :meth:`gray` gives for any part of it. ``axes[i]`` (i = 0 plane, 1 row, 2 column) is the unit vector
    along which index i grows, in patient coordinates; ``nodes[i]`` are the ascending positions of the voxel
    centres along it in mm from ``origin``, and ``extents[i]`` the outer borders of its voxels. ``notes`` are what a
    reader of doses from it must know.
    """

    stored: npt.NDArray[Any]
    scaling: float
    origin: Floats
    axes: Floats
    nodes: tuple[Floats, Floats, Floats]
    extents: tuple[tuple[float, float], ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """The usual distance of voxel centres along each axis in mm."""
        plane, row, column = (float(np.median(np.diff(nodes))) for nodes in self.nodes)
        return plane, row, column

    @cached_property
    def intervals(self) -> tuple[Cuts, ...]:
        """The intervals between voxel centres along each axis, and the outer halves of the outermost voxels."""
        found = []
        for nodes, (low, high) in zip(self.nodes, self.extents, strict=True):
            edges = np.concatenate(([low], nodes, [high]))
            index = np.clip(np.arange(-1, nodes.size), 0, nodes.size - 2)
            start, size = np.zeros(index.size), np.ones(index.size)
            start[-1] = 1.0
            size[[0, -1]] = 0.0
            kept = slice(int(edges[1] <= edges[0]), index.size - int(edges[-1] <= edges[-2]))
            edges = edges[kept.start : kept.stop + 1]
            found.append(Cuts(edges, index[kept], start[kept], size[kept]))
        return tuple(found)

    @cached_property
    def range(self) -> tuple[float, float]:
        """The least and the greatest dose of the grid in Gy."""
        low, high = self.gray(np.array((self.stored.min(), self.stored.max())))
        return float(low), float(high)

    def gray(self, stored: npt.NDArray[Any]) -> Singles:
        """Return stored values as doses in Gy, in single precision."""
        return np.asarray(np.multiply(stored, self.scaling, dtype=np.float32, casting="unsafe"))

    def to_grid(self, points: Floats) -> Floats:
        """Return patient coordinates (n, 3) as coordinates along the three axes of the grid, in mm."""
        return turned(points - self.origin, self.axes)

    def contains(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Tell which points (n, 3) in grid coordinates lie within the voxels of the grid."""
        low = np.array([extent[0] for extent in self.extents])
        high = np.array([extent[1] for extent in self.extents])
        return np.asarray(((points >= low - 1e-6) & (points <= high + 1e-6)).all(axis=1))

    def locate(self, axis: int, positions: Floats) -> tuple[Ints, Floats]:
        """Return the voxel centre below each position (mm) on an axis and the part of the way to the next."""
        return locate(self.nodes[axis], positions)

    def volume_above(self, level: float) -> float:
        """Return the volume in cc between the voxel centres of the grid that gets at least ``level`` Gy.

        Between eight neighbouring centres the dose is taken as evenly spread about their mean, as in the
        cells of an ROI.
        """
        area = np.outer(*(np.diff(nodes) for nodes in self.nodes[1:]))
        total = 0.0
        for plane, height in enumerate(np.diff(self.nodes[0])):
            corners = self.gray(self.stored[plane : plane + 2]).astype(np.float64)
            if corners.max() < level:
                continue
            mean = _halfway(_halfway(_halfway(corners, 0), 1), 2)[0]
            width = np.zeros(area.shape)
            for axis, one, other in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
                width += _halfway(_halfway(np.diff(corners, axis=axis), one), other)[0] ** 2
            width = np.maximum(np.sqrt(width), 1e-9)
            share = np.clip((mean - level) / width + 0.5, 0.0, 1.0)
            total += float((share * area).sum()) * height
        return total / 1e3

    def interpolate(self, points: Floats) -> Floats:
        """Return the trilinear dose in Gy at points (n, 3) in grid coordinates."""
        corners, parts, _ = self._around(points)
        return _blend(corners, *parts)

    def interpolate_with_slope(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the trilinear dose in Gy at points (n, 3) in grid coordinates, and its slope (n, 3) in
        Gy/mm."""
        corners, (p, q, r), gaps = self._around(points)
        changes = (
            _blend(corners[1] - corners[0], q, r),
            _blend(corners[:, 1] - corners[:, 0], p, r),
            _blend(corners[:, :, 1] - corners[:, :, 0], p, q),
        )
        slope = np.stack([change / gap for change, gap in zip(changes, gaps, strict=True)], axis=1)
        return _blend(corners, p, q, r), slope

    def _around(self, points: Floats) -> tuple[Singles, list[Floats], list[Floats]]:
        """Return the doses of the eight voxels around each point, shape (2, 2, 2, n), and along each axis the
        part of the way from the first to the second, and their distance."""
        places = [self.locate(axis, points[:, axis]) for axis in range(3)]
        (i, _), (j, _), (k, _) = places
        strides = (self.stored.shape[1] * self.stored.shape[2], self.stored.shape[2], 1)
        offsets = np.indices((2, 2, 2)).T.dot(strides).T[..., None]
        corners = self.gray(self.stored.reshape(-1).take(offsets + (i * strides[0] + j * strides[1] + k)))
        gaps = [nodes[index + 1] - nodes[index] for nodes, (index, _) in zip(self.nodes, places, strict=True)]
        return corners, [part for _, part in places], gaps


def _blend(corners: Singles, *parts: Floats) -> Floats:
    """Interpolate between the two halves of the first axis, then of the next, as many as there are parts."""
    values: npt.NDArray[np.floating] = corners
    for part in parts:
        values = values[0] + part * (values[1] - values[0])
    return np.asarray(values, np.float64)


def _halfway(values: Floats, axis: int) -> Floats:
    """Return the means of neighbours along an axis."""
    return np.asarray(0.5 * (np.delete(values, 0, axis) + np.delete(values, -1, axis)))


def locate(nodes: Floats, positions: Floats) -> tuple[Ints, Floats]:
    """Return the node below each position and the part (0 to 1) of the way to the next.

    Positions beyond the outermost nodes are moved onto them: the dose is level in the outer half voxel.
    """
    index = np.minimum(np.maximum(nodes.searchsorted(positions, side="right") - 1, 0), nodes.size - 2)
    below = nodes[index]
    part = (positions - below) / (nodes[index + 1] - below)
    return index, np.minimum(np.maximum(part, 0.0), 1.0)


def turned(points: Floats, matrix: Floats) -> Floats:
    """Return ``points`` (n, 3) multiplied by the rows of ``matrix``; not by BLAS, whose threads cost more
    here."""
    return np.asarray(np.einsum("ni,ji->nj", points, matrix))
