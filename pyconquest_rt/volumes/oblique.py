"""Contours on planes that are not the slices of a volume: which voxel centres lie inside."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pyconquest_rt.volumes.polygon import Bools, Floats, inside


def oblique_mask(contours: Sequence[Floats], affine: Floats, shape: Sequence[int]) -> Bools | None:
    """The voxels (k, j, i) whose centre is inside the contours (n, 3) of the nearest plane, in mm.

    A plane reaches half way to its neighbours. None where the contours do not lie in parallel planes, or all in one.
    """
    axes = _axes(contours)
    if axes is None:
        return None
    planes: dict[float, list[Floats]] = defaultdict(list)
    for points in contours:
        flat = points @ axes.T
        planes[round(float(flat[:, 0].mean()), 2)].append(np.round(flat[:, 1:], 6))
    heights = np.array(sorted(planes))
    if heights.size < 2:
        return None
    reach = np.diff(heights).min() / 2
    mask = np.zeros(tuple(shape), bool)
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in shape[1:]), indexing="ij"), -1).reshape(-1, 2)
    for k in range(shape[0]):
        places = affine[:3, 3] + k * affine[:3, 0] + grid @ affine[:3, 1:3].T
        flat = np.round(places @ axes.T, 6)
        nearest = np.abs(flat[:, :1] - heights).argmin(axis=1)
        within = np.abs(flat[:, 0] - heights[nearest]) <= reach
        for number in np.unique(nearest[within]):
            these = np.flatnonzero(within & (nearest == number))
            found = inside(flat[these, 1:], planes[float(heights[number])])
            mask[k].reshape(-1)[these[found]] = True
    return mask


def _axes(contours: Sequence[Floats]) -> Floats | None:
    """The normal of the planes and two directions within, as rows."""
    largest = max(contours, key=lambda points: float(np.linalg.norm(_area(points))))
    normal = _area(largest)
    length = np.linalg.norm(normal)
    if length < 1e-6:
        return None
    normal = normal / length
    if any(np.ptp(points @ normal) > 0.1 for points in contours):
        return None
    side = np.eye(3)[np.abs(normal).argmin()]
    first = np.cross(normal, side)
    first /= np.linalg.norm(first)
    return np.array([normal, first, np.cross(normal, first)])


def _area(points: Floats) -> Floats:
    """The area vector of a polygon (Newell)."""
    moved = points - points[0]
    return np.asarray(np.cross(moved, np.roll(moved, -1, axis=0)).sum(axis=0) / 2)
