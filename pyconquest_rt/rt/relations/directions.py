"""Where a target lies as seen from an organ: the spatial target signature (STS) of RTDS, in mm and degrees.

RTDS calls acos(z / r) the azimuth, which is the polar angle, counts in voxels, and rounds the centre to whole ones up
to 255; here azimuth is atan2(y, x) and elevation asin(z / r) in patient coordinates (x to the left, y to the back, z
to the head), so that its numbers cannot be compared with these.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.ragged import counted
from pyconquest_rt.rt.relations.region import Region

Floats = npt.NDArray[np.float64]

SAMPLE_MM = 1.0
MOST_SAMPLES = 300_000


class Directions(NamedTuple):
    """The part of a target's volume by distance, azimuth and elevation; all four are None where there is none.

    The first three are the edges of the bins (azimuth from -180 to 180, elevation from -90 to 90), ``fraction`` has
    the shape (distance, azimuth, elevation) and the sum 1.
    """

    distance_mm: Floats | None
    azimuth_deg: Floats | None
    elevation_deg: Floats | None
    fraction: Floats | None

    def along(self, axis: int) -> Floats:
        """Return the fractions by distance (0), azimuth (1) or elevation (2) alone; raises ValueError without any."""
        if self.fraction is None:
            raise ValueError("there are no directions of a relation that failed")
        return np.asarray(self.fraction.sum(axis=tuple({0, 1, 2} - {axis})))


def directions_of(
    targets: Sequence[Region], centre: Floats, widths: tuple[float, float, float]
) -> Directions:
    """Return the directions in which regions lie as seen from ``centre`` (patient coordinates)."""
    points, weight = volume_samples(targets)
    x, y, z = (points - centre).T
    r = np.sqrt(x * x + y * y + z * z)
    azimuth = np.degrees(np.arctan2(y, x))
    elevation = np.degrees(np.arcsin(np.clip(z / np.where(r > 0, r, 1.0), -1.0, 1.0)))
    distance_width, azimuth_width, elevation_width = widths
    edges = (
        np.asarray(np.arange(int(r.max() // distance_width) + 2) * distance_width, np.float64),
        _edges(-180.0, 180.0, azimuth_width),
        _edges(-90.0, 90.0, elevation_width),
    )
    fraction, _ = np.histogramdd((r, azimuth, elevation), bins=edges, weights=weight)
    return Directions(*edges, fraction / fraction.sum())


def _edges(low: float, high: float, width: float) -> Floats:
    return np.linspace(low, high, max(round((high - low) / width), 1) + 1)


def volume_samples(regions: Sequence[Region]) -> tuple[Floats, Floats]:
    """Return points of the union of regions in patient coordinates, shape (n, 3), and the volume of each in mm3."""
    found, weights = [], []
    for number, region in enumerate(regions):
        step = max(SAMPLE_MM, (1e3 * region.moments.volume_cc / MOST_SAMPLES) ** (1 / 3))
        points, weight = _samples(region, step)
        points = region.outward(points)
        for other in regions[:number]:
            apart = ~_holds(other, points)
            points, weight = points[apart], weight[apart]
        found.append(points)
        weights.append(weight)
    return np.concatenate(found), np.concatenate(weights)


def _holds(region: Region, points: Floats) -> npt.NDArray[np.bool_]:
    at = region.inward(points)
    layer = np.searchsorted(region.high, at[:, 2])
    held = layer < region.low.size
    held[held] = at[held, 2] >= region.low[layer[held]]
    held[held] = region.contains(at[held, :2], layer[held])
    return held


def _samples(region: Region, step: float) -> tuple[Floats, Floats]:
    """Return points (u, v, w) of a region about ``step`` mm apart, with the volume that each stands for."""
    strips = region.stretches(step)
    parts = np.maximum(np.ceil((strips.end - strips.start) / step), 1.0).astype(np.intp)
    one, number = counted(parts)
    width = ((strips.end - strips.start) / parts)[one]
    u = strips.start[one] + (number + 0.5) * width
    layer = strips.layer[one]
    height = region.high - region.low
    levels = np.maximum(np.ceil(height / step), 1.0).astype(np.intp)
    cell, level = counted(levels[layer])
    thick = (height / levels)[layer[cell]]
    w = region.low[layer[cell]] + (level + 0.5) * thick
    points = np.stack((u[cell], strips.middle[one][cell], w), axis=1)
    return points, (width * strips.height[one])[cell] * thick
