"""From the contours of an ROI to slabs: every plane of contours stands for the tissue up to half way to the next.

The outermost slabs are closed in one of three ways (``END_CAPS``): ``half`` lets them reach half a plane distance
beyond the last contours, ``none`` ends them at the contours, and ``taper`` closes that half distance with a cone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.contours import Roi
from pyconquest_rt.rt.coverage import Polygons

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

END_CAPS = ("half", "none", "taper")
SAME_PLANE_MM = 0.05
"""Contours nearer to each other than this lie on one plane."""
MAX_BENT_MM = 0.5
"""Contour points may lie this far from their plane."""
GAP_FACTOR = 3.0
"""A distance this many times the neighbouring ones (and the median) separates two pieces of an ROI."""
TAPER_STEPS = 4
"""Slabs that make the cone of a tapered end."""


class ContourError(ObjectError):
    """The contours of an ROI cannot be made into a volume; the message is the reason."""


@dataclass(frozen=True)
class Planes:
    """The contours of an ROI sorted by plane along ``normal`` (a unit vector of the patient coordinate system).

    ``points`` (n, 3) are in patient coordinates, contour ``i`` has the points ``starts[i]:starts[i + 1]`` and lies
    on plane ``plane[i]``, whose position along the normal is ``positions[plane[i]]`` mm.
    """

    normal: Floats
    points: Floats
    starts: Ints
    plane: Ints
    positions: Floats


@dataclass(frozen=True)
class Slabs:
    """Prisms over the polygons of each plane, from ``low`` to ``high`` (mm along the planes' normal)."""

    polygons: Polygons
    low: Floats
    high: Floats


def planes_of(roi: Roi) -> Planes:
    """Return the contours of an ROI by plane; raises ContourError where they have no common direction."""
    starts = np.cumsum([0] + [len(contour) for contour in roi.contours])
    points = np.concatenate(roi.contours)
    normal = _normal(roi.contours)
    heights = points @ normal
    counts = np.diff(starts)
    middle = np.add.reduceat(heights, starts[:-1]) / counts
    bend = float(np.abs(heights - np.repeat(middle, counts)).max())
    if bend > MAX_BENT_MM:
        raise ContourError(f"the contours do not lie in parallel planes (points are up to {bend:.1f} mm off)")
    order = np.argsort(middle, kind="stable")
    plane = np.empty(middle.size, np.intp)
    plane[order] = np.cumsum(np.diff(middle[order], prepend=middle[order[0]]) > SAME_PLANE_MM)
    positions = np.bincount(plane, middle) / np.bincount(plane)
    return Planes(normal, points, starts, plane, positions)


def _normal(contours: Sequence[Floats]) -> Floats:
    """Return the normal of the largest contour, on the patient axis that it nearly follows, pointing upwards."""
    largest = max(contours, key=lambda contour: float(np.prod(np.sort(np.ptp(contour, axis=0))[1:])))
    spokes = largest - largest.mean(axis=0)
    normal = np.cross(spokes, np.roll(spokes, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    if length < 1e-9:
        raise ContourError("the contours enclose no area")
    normal = normal / length
    main = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[main])
    if normal[main] > 1.0 - 1e-8:
        normal = np.eye(3)[main]
    return np.asarray(normal)


def usual_distance(all_planes: Iterable[Planes]) -> float | None:
    """Return the median distance of neighbouring planes over many ROIs, or None where no ROI has two planes."""
    distances = [np.diff(planes.positions) for planes in all_planes if planes.positions.size > 1]
    return float(np.median(np.concatenate(distances))) if distances else None


def breaks(positions: Floats) -> Ints:
    """Return the indices i where the ROI is interrupted between the planes i and i + 1."""
    gaps = np.diff(positions)
    if gaps.size < 3:
        return np.empty(0, np.intp)
    beside = np.maximum(np.append(gaps[1:], 0.0), np.append(0.0, gaps[:-1]))
    return np.flatnonzero(gaps > 1.01 * GAP_FACTOR * np.maximum(beside, np.median(gaps)))


def slabs_of(planes: Planes, points: Floats, end_cap: str, lone_thickness: float | None) -> Slabs:
    """Return the slabs of an ROI, with ``points`` (n, 2) the contour points in the plane, in mm.

    ``lone_thickness`` is the thickness in mm of a plane without neighbours. Raises ContourError when it is needed
    and None.
    """
    low, high = _faces(planes.positions, lone_thickness)
    polygons = Polygons(points, planes.starts, planes.plane, planes.positions.size)
    if end_cap == "half":
        return Slabs(polygons, low, high)
    # a plane is a lower (upper) end where the piece below (above) it is missing
    apart = np.concatenate(([True], low[1:] > high[:-1] + 1e-9, [True]))
    lower_end, upper_end = np.flatnonzero(apart[:-1]), np.flatnonzero(apart[1:])
    outer_low, outer_high = low[lower_end].copy(), high[upper_end].copy()
    if planes.positions.size > 1:
        lone = np.intersect1d(lower_end, upper_end)
        low[np.setdiff1d(lower_end, lone)] = planes.positions[np.setdiff1d(lower_end, lone)]
        high[np.setdiff1d(upper_end, lone)] = planes.positions[np.setdiff1d(upper_end, lone)]
    if end_cap == "none":
        return Slabs(polygons, low, high)
    cones = [(p, low[p], bottom) for p, bottom in zip(lower_end, outer_low, strict=True) if bottom < low[p]]
    cones += [(p, high[p], top) for p, top in zip(upper_end, outer_high, strict=True) if top > high[p]]
    return _with_cones(Slabs(polygons, low, high), cones)


def _faces(positions: Floats, lone_thickness: float | None) -> tuple[Floats, Floats]:
    """Return lower and upper face of each slab: half way to the neighbours, as far beyond an outermost plane."""
    gaps = np.diff(positions)
    cut = np.zeros(positions.size + 1, bool)
    cut[[0, -1]] = True
    cut[breaks(positions) + 1] = True
    below = np.where(cut[:-1], np.nan, np.append(np.nan, gaps) / 2)
    above = np.where(cut[1:], np.nan, np.append(gaps, np.nan) / 2)
    below, above = np.where(np.isnan(below), above, below), np.where(np.isnan(above), below, above)
    alone = np.isnan(below)
    if alone.any():
        lone = float(np.median(gaps)) if gaps.size > 1 else lone_thickness
        if lone is None:
            raise ContourError("all contours lie on one plane, and nothing tells how thick it is")
        below[alone] = above[alone] = lone / 2
    return positions - below, positions + above


def _with_cones(slabs: Slabs, cones: list[tuple[int, float, float]]) -> Slabs:
    """Add thin slabs that shrink the polygons of a plane towards their centre: (plane, from, to) for each cone."""
    polygons = slabs.polygons
    points, counts, plane = [polygons.points], [np.diff(polygons.starts)], [polygons.plane]
    low, high = list(slabs.low), list(slabs.high)
    step = np.linspace(0.0, 1.0, TAPER_STEPS + 1)
    scales = np.sqrt(-np.diff((1.0 - step) ** 3) / np.diff(step) / 3.0)
    for end, base, tip in cones:
        for number, scale in enumerate(scales):
            for contour in np.flatnonzero(polygons.plane == end):
                corners = polygons.points[polygons.starts[contour] : polygons.starts[contour + 1]]
                middle = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
                points.append(middle + scale * (corners - middle))
                counts.append(np.array([len(corners)]))
                plane.append(np.array([len(low)]))
            faces = base + (tip - base) * step[number : number + 2]
            low.append(float(faces.min()))
            high.append(float(faces.max()))
    starts = np.append(0, np.cumsum(np.concatenate(counts)))
    order = np.argsort(low)
    rank = np.argsort(order)
    return Slabs(
        Polygons(np.concatenate(points), starts, rank[np.concatenate(plane)], len(low)),
        np.array(low)[order],
        np.array(high)[order],
    )
