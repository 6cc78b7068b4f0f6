"""From the contours of an ROI to slabs: every plane of contours stands for the tissue up to half way to the
next.

The outermost slabs are closed in one of three ways (``END_CAPS``): ``half`` lets them reach half a plane
distance beyond the last contours, ``none`` ends them at the contours, and ``taper`` closes that half
distance with a cone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.coverage import Polygons, cover
from pyconquest_rt.rt.dvh.planes import ContourError, Planes, projected

Floats = npt.NDArray[np.float64]

END_CAPS = ("half", "none", "taper")
OVERLAP_PART = 1e-3
"""Overlaps of less than this part of the volume are not worth a word."""
TAPER_STEPS = 4
"""Slabs that make the cone of a tapered end."""


@dataclass(frozen=True)
class Slabs:
    """Prisms over the polygons of each plane, from ``low`` to ``high`` (mm along the planes' normal)."""

    polygons: Polygons
    low: Floats
    high: Floats


def slabs_of(planes: Planes, points: Floats, end_cap: str) -> Slabs:
    """Return the slabs of an ROI, with ``points`` (n, 2) the contour points in the plane, in mm.

    A plane without neighbours is as thick as the slices are apart; raises ContourError where nothing tells that.
    """
    low, high = _faces(planes)
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


def volume_cc(planes: Planes, end_cap: str) -> float:
    """Return the volume that an ROI's contours enclose; raises as slabs_of and coverage.cover do."""
    points = projected(planes.points, planes.normal)
    slabs = slabs_of(planes, points, end_cap)
    far = np.array([points.max(axis=0) + 1.0, points.max(axis=0) + 2.0])
    area = cover(slabs.polygons, far[:, 0], far[:, 1]).area
    return float((area * (slabs.high - slabs.low)).sum()) / 1e3


def thickness(planes: Planes) -> Floats:
    """Return the thickness in mm of each plane's slab, with half a plane distance beyond the outermost ones."""
    low, high = _faces(planes)
    return high - low


def remarks(planes: Planes, volume_cc: float) -> list[str]:
    """Return what a reader of the ROI's volume must know."""
    found = list(planes.notes)
    if planes.positions.size == 1:
        found.append(f"all contours lie on one plane, taken as {planes.spacing:g} mm thick")
    for index in planes.breaks():
        low, high = planes.positions[index : index + 2]
        found.append(f"taken as interrupted between the planes at {low:g} and {high:g} mm")
    wide = planes.wide_gaps()
    if wide.size:
        low, high = planes.positions[wide[0] : wide[0] + 2]
        more = f" and at {wide.size - 1} other place(s)" if wide.size > 1 else ""
        found.append(
            f"taken as whole between the planes at {low:g} and {high:g} mm{more}, wide as the gap is"
        )
    cut_out = float((planes.overlap * thickness(planes)).sum()) / 1e3 if planes.overlap.any() else 0.0
    if cut_out > OVERLAP_PART * volume_cc:
        found.append(f"overlapping contours: {cut_out:.3g} cm³ counted out")
    return found


def _faces(planes: Planes) -> tuple[Floats, Floats]:
    """Return lower and upper face of each slab: half way to the neighbours, as far beyond an outermost
    plane."""
    positions, gaps = planes.positions, np.diff(planes.positions)
    cut = np.zeros(positions.size + 1, bool)
    cut[[0, -1]] = True
    cut[planes.breaks() + 1] = True
    below = np.where(cut[:-1], np.nan, np.append(np.nan, gaps) / 2)
    above = np.where(cut[1:], np.nan, np.append(gaps, np.nan) / 2)
    below, above = np.where(np.isnan(below), above, below), np.where(np.isnan(above), below, above)
    alone = np.isnan(below)
    if alone.any():
        if planes.spacing is None:
            raise ContourError("all contours lie on one plane, and nothing tells how thick it is")
        below[alone] = above[alone] = planes.spacing / 2
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
