"""From the contours of an ROI to slabs: every plane of contours stands for the tissue up to half way to the
next.

The outermost slabs are closed in one of three ways (``END_CAPS``): ``half`` lets them reach half a plane
distance beyond the last contours, ``none`` ends them at the contours, and ``taper`` closes that half
distance with a cone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.contours import Roi
from pyconquest_rt.rt.dvh.coverage import Polygons, cover

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
    """The contours of an ROI sorted by plane along ``normal`` (a unit vector of the patient coordinate
    system).

    ``points`` (n, 3) are in patient coordinates, contour ``i`` has the points ``starts[i]:starts[i + 1]``
    and lies on plane ``plane[i]``, whose position along the normal is ``positions[plane[i]]`` mm.
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
    """Return the contours of an ROI by plane; raises ContourError where there are none or they are not
    parallel."""
    if not roi.contours:
        kinds = ", ".join(sorted(roi.others))
        raise ContourError(f"only contours that enclose no volume ({kinds})" if kinds else "no contours")
    counts = np.array([len(contour) for contour in roi.contours])
    starts = np.append(0, np.cumsum(counts))
    points = np.concatenate(roi.contours)
    normal = _normal(points, starts)
    heights = np.einsum("ni,i->n", points, normal)
    middle = np.add.reduceat(heights, starts[:-1]) / counts
    bend = float(np.abs(heights - np.repeat(middle, counts)).max())
    if bend > MAX_BENT_MM:
        raise ContourError(f"the contours do not lie in parallel planes (points are up to {bend:.1f} mm off)")
    order = np.argsort(middle, kind="stable")
    plane = np.empty(middle.size, np.intp)
    plane[order] = np.cumsum(np.diff(middle[order], prepend=middle[order[0]]) > SAME_PLANE_MM)
    positions = np.bincount(plane, middle) / np.bincount(plane)
    return Planes(normal, points, starts, plane, positions)


def _normal(points: Floats, starts: Ints) -> Floats:
    """Return the normal of the largest contour; exactly the patient axis that it follows, where it does."""
    size = np.maximum.reduceat(points, starts[:-1]) - np.minimum.reduceat(points, starts[:-1])
    largest = int(np.argmax(np.sort(size, axis=1)[:, 1:].prod(axis=1)))
    contour = points[starts[largest] : starts[largest + 1]]
    spokes = contour - contour.mean(axis=0)
    normal = np.cross(spokes, np.roll(spokes, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        raise ContourError("the contours enclose no area")
    normal = normal / length
    main = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[main])
    return np.eye(3)[main] if normal[main] > 1.0 - 1e-8 else np.asarray(normal)


def usual_distance(all_planes: Iterable[Planes]) -> float | None:
    """Return the median distance of neighbouring planes over many ROIs, or None where no ROI has two
    planes."""
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

    ``lone_thickness`` is the thickness in mm of a plane without neighbours. Raises ContourError when it is
    needed and None.
    """
    low, high = _faces(planes.positions, lone_thickness)
    polygons = Polygons(points, planes.starts, planes.plane, planes.positions.size)
    if end_cap == "half":
        return Slabs(polygons, low, high)
    # a plane is a lower (upper) end where the piece below (above) it is missing
    apart = np.concatenate(([True], low[1:] > high[:-1] + 1e-9, [True]))
    lower_end, upper_end = np.flatnonzero(apart[:-1]), np.flatnonzero(apart[1:])
    outer_low, outer_high = low[lower_end], high[upper_end]
    alone = np.intersect1d(lower_end, upper_end)
    lower, upper = np.setdiff1d(lower_end, alone), np.setdiff1d(upper_end, alone)
    low[lower], high[upper] = planes.positions[lower], planes.positions[upper]
    if end_cap == "none":
        return Slabs(polygons, low, high)
    bases = np.concatenate((low[lower_end], high[upper_end]))
    ends = zip(np.append(lower_end, upper_end), bases, np.append(outer_low, outer_high), strict=True)
    cones = [(int(end), float(base), float(tip)) for end, base, tip in ends if base != tip]
    return _with_cones(Slabs(polygons, low, high), cones)


def volume_cc(planes: Planes, end_cap: str, lone_thickness: float | None) -> float:
    """Return the volume that an ROI's contours enclose; raises as slabs_of and coverage.cover do."""
    across = np.argmax(np.abs(planes.normal))
    u = np.cross(planes.normal, np.eye(3)[(across + 1) % 3])
    u = u / np.linalg.norm(u)
    in_plane = np.einsum("ni,ji->nj", planes.points, np.array([u, np.cross(planes.normal, u)]))
    slabs = slabs_of(planes, in_plane, end_cap, lone_thickness)
    far = np.array([in_plane.max(axis=0) + 1.0, in_plane.max(axis=0) + 2.0])
    area = cover(slabs.polygons, far[:, 0], far[:, 1]).area
    return float((area * (slabs.high - slabs.low)).sum()) / 1e3


def _faces(positions: Floats, lone_thickness: float | None) -> tuple[Floats, Floats]:
    """Return lower and upper face of each slab: half way to the neighbours, as far beyond an outermost
    plane."""
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
    """Add thin slabs that shrink the polygons of a plane towards their centre: (plane, from, to) for each
    cone."""
    polygons = slabs.polygons
    points, counts, plane = [polygons.points], [np.diff(polygons.starts)], [polygons.plane]
    low, high = list(slabs.low), list(slabs.high)
    step = np.linspace(0.0, 1.0, TAPER_STEPS + 1)
    scales = np.sqrt(-np.diff((1.0 - step) ** 3) / np.diff(step) / 3.0)
    for end, base, tip in cones:
        contours = np.flatnonzero(polygons.plane == end)
        corners = [polygons.points[polygons.starts[i] : polygons.starts[i + 1]] for i in contours]
        centres = np.repeat(_centres(corners), [len(points) for points in corners], axis=0)
        for number, scale in enumerate(scales):
            points.append(centres + scale * (np.concatenate(corners) - centres))
            counts.append(np.array([len(contour) for contour in corners]))
            plane.append(np.full(len(corners), len(low)))
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


def _centres(contours: list[Floats]) -> Floats:
    """Return for each contour of a plane the centre of the largest contour whose box holds it (a hole's
    owner)."""
    low = np.array([contour.min(axis=0) for contour in contours])
    high = np.array([contour.max(axis=0) for contour in contours])
    holds = ((low[None] <= low[:, None]) & (high[None] >= high[:, None])).all(axis=2)
    owner = np.argmax(holds * (high - low).prod(axis=1), axis=1)
    return np.asarray(0.5 * (low + high)[owner])
