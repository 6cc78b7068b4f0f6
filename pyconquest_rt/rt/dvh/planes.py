"""The contours of an ROI by the planes they are drawn on, as the structure set as a whole tells what a plane is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.contours import Roi
from pyconquest_rt.rt.dvh.coverage import TooManyCrossingsError
from pyconquest_rt.rt.dvh.outlines import Outlines, Repaired, odd_outlines, relations, repaired

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SAME_PLANE_MM = 0.05
"""Contours nearer to each other than this lie on one plane."""
JITTER_MM = 0.6
JITTER_PART = 1 / 3
"""Planes that lie together within both (the latter as a part of the slices' distance) may be one slice, written
with different rounding."""
MAX_BENT_MM = 0.5
"""Contour points may lie this far from their plane."""
GAP_FACTOR = 3.0
"""A distance this many times the slices' distance (and the neighbouring ones) separates two pieces of an ROI."""
WIDE_GAP_MM = 10.0
"""A distance of planes that deserves a remark, whatever the slices' distance."""
UNEVEN_PERCENTILE = 75
EVEN = 0.25
"""Distances that differ from the median by less than this part of it are even."""

FEW_GAPS = 3
"""Fewer distances of planes in a whole structure set do not tell how far the slices are apart."""


class ContourError(ObjectError):
    """The contours of an ROI cannot be made into a volume; the message is the reason."""


@dataclass(frozen=True)
class Planes:
    """The contours of an ROI sorted by plane along ``normal`` (a unit vector of the patient coordinate
    system).

    ``points`` (n, 3) are in patient coordinates, contour ``i`` has the points ``starts[i]:starts[i + 1]``
    and lies on plane ``plane[i]``, whose position along the normal is ``positions[plane[i]]`` mm. ``spacing`` is the
    distance of the slices in mm where it is known, ``overlap`` the area in mm2 by plane that overlapping contours cut
    out of each other, and ``notes`` say what was done to the contours.
    """

    normal: Floats
    points: Floats
    starts: Ints
    plane: Ints
    positions: Floats
    overlap: Floats
    spacing: float | None = None
    notes: tuple[str, ...] = ()

    def breaks(self) -> Ints:
        """Return the indices i where the ROI is interrupted between the planes i and i + 1.

        A gap interrupts that is more than GAP_FACTOR times the distance of the slices and the gaps beside it. Where
        an ROI's gaps are uneven throughout, the slices' distance is at least a large one of them (three quarters of the
        larger ones of two neighbours are smaller).
        """
        return np.flatnonzero(self._are_wide())

    def wide_gaps(self) -> Ints:
        """Return the indices i of gaps that are wide for the slices' distance, but do not interrupt the ROI."""
        gaps = np.diff(self.positions)
        usual = WIDE_GAP_MM if self.spacing is None else 1.01 * GAP_FACTOR * self.spacing
        return np.flatnonzero((gaps > min(usual, WIDE_GAP_MM)) & ~self._are_wide())

    def _are_wide(self) -> npt.NDArray[np.bool_]:
        gaps = np.diff(self.positions)
        usual = self.spacing
        if gaps.size == 0 or (usual is not None and gaps.max() <= 1.01 * GAP_FACTOR * usual):
            return np.zeros(gaps.size, bool)
        if gaps.size > 2:
            median = float(np.median(gaps))
            larger = np.maximum(gaps[1:], gaps[:-1])
            is_uneven = (np.abs(gaps - median) <= EVEN * median).mean() < 0.5
            own = float(np.percentile(larger, UNEVEN_PERCENTILE)) if is_uneven else median
            usual = own if usual is None else max(usual, own) if is_uneven else usual
        if usual is None:
            return np.zeros(gaps.size, bool)
        beside = np.maximum(np.append(gaps[1:], 0.0), np.append(0.0, gaps[:-1]))
        return np.asarray(gaps > 1.01 * GAP_FACTOR * np.maximum(beside, usual))

    def outlines(self) -> Outlines:
        """Return the contours in a plane of theirs, in mm."""
        return Outlines(projected(self.points, self.normal), self.starts)


@dataclass(frozen=True)
class PlanesOfSet:
    """The planes of the ROIs of a structure set by ROI number, why others have none, and the distance of the slices
    in mm, None where nothing tells it. ``needs_images`` says that the ROIs have too few planes to tell it."""

    planes: Mapping[int, Planes]
    problems: Mapping[int, str]
    spacing: float | None
    needs_images: bool


def planes_of_set(rois: Iterable[Roi], slice_spacing_mm: float | None = None) -> PlanesOfSet:
    """Return the contours of all ROIs by plane.

    ``slice_spacing_mm`` is the distance of the images they were drawn on; without it the usual distance of all ROIs'
    planes is.
    """
    found, problems = _by_plane(rois)
    about = slice_spacing_mm or _about(found.values())
    for number, planes in found.items():
        found[number] = _one_slice_one_plane(planes, about)
    spacing = slice_spacing_mm or usual_distance(found.values())
    gaps = sum(planes.positions.size - 1 for planes in found.values())
    return PlanesOfSet(
        {number: _related(replace(planes, spacing=spacing)) for number, planes in found.items()},
        problems,
        spacing,
        slice_spacing_mm is None and bool(found) and gaps < FEW_GAPS,
    )


def _by_plane(rois: Iterable[Roi]) -> tuple[dict[int, Planes], dict[int, str]]:
    """Return the contours of each ROI by plane, and why others have no planes, both by ROI number."""
    drawn: dict[int, _Drawn] = {}
    found: dict[int, Planes] = {}
    problems: dict[int, str] = {}
    for roi in rois:
        try:
            drawn[roi.number] = _drawn(roi)
        except ContourError as error:
            problems[roi.number] = str(error)
    for number, odd in _odd_of_all(drawn).items():
        try:
            found[number] = _planes(drawn[number], odd)
        except (ContourError, TooManyCrossingsError) as error:
            problems[number] = str(error)
    return found, problems


def in_plane(normal: Floats) -> Floats:
    """Return two unit vectors in the plane, shape (2, 3); patient axes where the plane is one of theirs."""
    across = np.eye(3)[int(np.argmin(np.abs(normal)))]
    one = across - (across @ normal) * normal
    one = one / np.linalg.norm(one)
    return np.array([one, np.cross(normal, one)])


def projected(points: Floats, normal: Floats) -> Floats:
    """Return points (n, 3) in the directions of :func:`in_plane`, shape (n, 2) in mm."""
    if normal[2] == 1.0:
        return points[:, :2]
    return np.asarray(np.einsum("ni,ji->nj", points, in_plane(normal)))


@dataclass(frozen=True)
class _Drawn:
    """The contours of an ROI as they were drawn, and the direction across them."""

    normal: Floats
    points: Floats
    starts: Ints


def planes_of(roi: Roi) -> Planes:
    """Return the contours of an ROI by plane; raises ContourError where there are none or they are not
    parallel."""
    drawn = _drawn(roi)
    return _planes(drawn, odd_outlines(Outlines(projected(drawn.points, drawn.normal), drawn.starts)))


def _drawn(roi: Roi) -> _Drawn:
    if not roi.contours:
        kinds = ", ".join(sorted(roi.others))
        raise ContourError(f"only contours that enclose no volume ({kinds})" if kinds else "no contours")
    starts = np.append(0, np.cumsum([len(contour) for contour in roi.contours]))
    points = np.concatenate(roi.contours)
    return _Drawn(_normal(points, starts), points, starts)


def _planes(drawn: _Drawn, odd: npt.NDArray[np.bool_]) -> Planes:
    """Return contours by plane; those that are ``odd`` are looked at and repaired."""
    normal, points, starts = drawn.normal, drawn.points, drawn.starts
    middle, bend = _heights(points, starts, normal)
    if bend > MAX_BENT_MM:
        raise ContourError(f"the contours do not lie in parallel planes (points are up to {bend:.1f} mm off)")
    repeated = np.zeros(middle.size)
    notes: tuple[str, ...] = ()
    if odd.any():
        fixed = repaired(Outlines(projected(points, normal), starts), odd)
        points, starts, repeated, notes = _parts(points, fixed)
        middle, _ = _heights(points, starts, normal)
    plane = _numbered(middle, SAME_PLANE_MM)
    positions = np.bincount(plane, middle) / np.bincount(plane)
    overlap = np.bincount(plane, repeated).astype(np.float64)
    return Planes(normal, points, starts, plane, positions, overlap, notes=notes)


def _odd_of_all(drawn: Mapping[int, _Drawn]) -> dict[int, npt.NDArray[np.bool_]]:
    """Return which outlines of each ROI are odd, all ROIs looked at together."""
    if not drawn:
        return {}
    points = [projected(one.points, one.normal) for one in drawn.values()]
    counts = [one.starts.size - 1 for one in drawn.values()]
    lengths = np.concatenate([np.diff(one.starts) for one in drawn.values()])
    odd = odd_outlines(Outlines(np.concatenate(points), np.append(0, np.cumsum(lengths))))
    return dict(zip(drawn, np.split(odd, np.cumsum(counts)[:-1]), strict=True))


def _heights(points: Floats, starts: Ints, normal: Floats) -> tuple[Floats, float]:
    """Return the mean position of each contour along the normal, and how far a point is off it at most, in mm."""
    counts = np.diff(starts)
    heights = points[:, 2] if normal[2] == 1.0 else np.einsum("ni,i->n", points, normal)
    middle = np.add.reduceat(heights, starts[:-1]) / counts
    return middle, float(np.abs(heights - np.repeat(middle, counts)).max())


def _parts(points: Floats, found: Repaired) -> tuple[Floats, Ints, Floats, tuple[str, ...]]:
    """Return points and starts of the outlines that can be used, the area that each encloses twice, and remarks."""
    if not found.loops:
        raise ContourError("the contours enclose no area")
    notes = [f"{found.dropped} contour(s) without area"] if found.dropped else []
    crossing = sum(loop.crosses for loop in found.loops)
    if crossing:
        notes.append(f"{crossing} contour(s) cross themselves (taken by the area of their loops)")
    parts = [points[loop.first : loop.first + loop.points] for loop in found.loops]
    starts = np.append(0, np.cumsum([len(part) for part in parts]))
    return np.concatenate(parts), starts, np.array([loop.twice for loop in found.loops]), tuple(notes)


def _numbered(positions: Floats, apart: float) -> Ints:
    """Return ascending numbers of groups of positions; a step of more than ``apart`` mm begins the next."""
    order = np.argsort(positions, kind="stable")
    number = np.empty(positions.size, np.intp)
    number[order] = np.cumsum(np.diff(positions[order], prepend=positions[order[0]]) > apart)
    return number


def _normal(points: Floats, starts: Ints) -> Floats:
    """Return the normal of the largest contour; exactly the patient axis that it follows, where it does."""
    size = np.maximum.reduceat(points, starts[:-1]) - np.minimum.reduceat(points, starts[:-1])
    extent = np.sort(size, axis=1)[:, 1:].prod(axis=1)
    largest = int(np.argmax(extent))
    contour = points[starts[largest] : starts[largest + 1]]
    spokes = contour - contour.mean(axis=0)
    x, y, z = spokes.T
    next_x, next_y, next_z = np.concatenate((spokes[1:], spokes[:1])).T
    normal = np.array(
        [(y * next_z - z * next_y).sum(), (z * next_x - x * next_z).sum(), (x * next_y - y * next_x).sum()]
    )
    length = float(np.linalg.norm(normal))
    if length < 1e-2 * extent[largest] or length < 1e-6:  # its loops may have taken each other away
        _, sizes, axes = np.linalg.svd(spokes, full_matrices=False)
        if sizes[1] < 1e-3 * sizes[0] or sizes[1] < 1e-6:
            raise ContourError("the contours enclose no area")
        normal, length = axes[2], 1.0
    normal = normal / length
    main = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[main])
    return np.eye(3)[main] if normal[main] > 1.0 - 1e-8 else np.asarray(normal)


def usual_distance(all_planes: Iterable[Planes]) -> float | None:
    """Return the median distance of neighbouring planes over many ROIs, or None where no ROI has two
    planes."""
    distances = [np.diff(planes.positions) for planes in all_planes if planes.positions.size > 1]
    return float(np.median(np.concatenate(distances))) if distances else None


def _about(all_planes: Iterable[Planes]) -> float | None:
    """Return the median over many ROIs of the larger one of two neighbouring distances: small ones may be jitter."""
    gaps = [np.diff(planes.positions) for planes in all_planes]
    larger = [np.maximum(gap[1:], gap[:-1]) if gap.size > 1 else gap for gap in gaps]
    return float(np.median(np.concatenate(larger))) if any(one.size for one in larger) else None


def _one_slice_one_plane(planes: Planes, spacing: float | None) -> Planes:
    """Return the planes with those made one that hold parts of one slice (islands, outline and hole)."""
    gaps = np.diff(planes.positions)
    if spacing is None or not (gaps <= min(JITTER_MM, JITTER_PART * spacing)).any():
        return planes
    cluster = _numbered(planes.positions, JITTER_MM)
    first = np.flatnonzero(np.diff(cluster, prepend=-1))
    last = np.append(first[1:], cluster.size) - 1
    extent = planes.positions[last] - planes.positions[first]
    tried = np.flatnonzero((last > first) & (extent <= min(JITTER_MM, JITTER_PART * spacing)))
    if tried.size == 0:
        return planes
    outlines = planes.outlines()
    members = [np.flatnonzero(planes.plane == number) for number in range(planes.positions.size)]
    area = outlines.areas(members)
    greatest = np.maximum.reduceat(area, first)
    number = np.arange(planes.positions.size)
    for one in tried:
        a, b = int(first[one]), int(last[one])
        trend = _trend(int(one), 0.5 * (planes.positions[first] + planes.positions[last]), greatest)
        if _is_one_slice(outlines, members[a : b + 1], area[a : b + 1], trend * extent[one]):
            number[a : b + 1] = a
    _, number = np.unique(number, return_inverse=True)
    counts = np.bincount(planes.plane).astype(np.float64)
    positions = np.bincount(number, planes.positions * counts) / np.bincount(number, counts)
    return replace(
        planes,
        plane=number[planes.plane],
        positions=positions,
        overlap=np.bincount(number, planes.overlap).astype(np.float64),
    )


def _trend(one: int, positions: Floats, area: Floats) -> float:
    """Return by how much the area of a group of planes changes towards its neighbours, in mm2/mm."""
    beside = [other for other in (one - 1, one + 1) if 0 <= other < area.size]
    return max(
        (abs(float((area[other] - area[one]) / (positions[other] - positions[one]))) for other in beside),
        default=0.0,
    )


def _is_one_slice(outlines: Outlines, members: list[Ints], area: Floats, change: float) -> bool:
    """Tell whether neighbouring planes hold parts of one slice: each pair lies apart, or one is a hole in the other.

    A hole is told from the next slice by its area, which differs by much more than ``change`` (mm2), what is to be
    expected over that distance.
    """
    pairs = [(i, j) for i in range(len(members)) for j in range(i + 1, len(members))]
    both = outlines.areas([np.append(members[i], members[j]) for i, j in pairs])
    for (i, j), apart in zip(pairs, both, strict=True):
        shared = 0.5 * (area[i] + area[j] - apart)
        smaller, larger = sorted((area[i], area[j]))
        is_hole = shared >= 0.98 * smaller and larger - smaller > 3.0 * change + 0.02 * larger
        if not (is_hole or shared <= 0.02 * smaller):
            return False
    return True


def _related(planes: Planes) -> Planes:
    """Return the planes without contours that are drawn twice, and with what overlapping ones cut out."""
    if planes.plane.size == planes.positions.size:
        return planes
    found = relations(planes.outlines(), planes.plane, planes.positions.size)
    overlap = planes.overlap + found.overlap
    if found.copies.size == 0:
        return replace(planes, overlap=overlap)
    counts = np.diff(planes.starts)
    kept = np.ones(counts.size, bool)
    kept[found.copies] = False
    return replace(
        planes,
        points=planes.points[np.repeat(kept, counts)],
        starts=np.append(0, np.cumsum(counts[kept])),
        plane=planes.plane[kept],
        overlap=overlap,
        notes=(*planes.notes, f"{found.copies.size} contour(s) drawn twice (counted once)"),
    )
