"""Where slices lie: directions of an image, positions along its normal, and whether they make one grid."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.frames import Vector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ABSOLUTE, RELATIVE = 0.01, 0.001  #: tolerance of positions: mm, and part of the distance of slices
LATERAL = 0.02  #: tolerance in mm of the place within the plane
ORIENTATION = 1e-4  #: orientations that differ less in each number are one, printed with noise
SEPARATE = 5.0  #: stacks this many times the distance of their slices apart are stacks of their own


@dataclass
class Grid:
    """Slices as a grid, or the reason why they are none.

    Args:
        origin: place of the first pixel of the first slice, LPS in mm.
        step: from one slice to the next.
        places: of each slice, in steps from the first; whole numbers unless ``uneven``.
        codes: what is to be said.
        refusal: the code for which there is no volume as it stands.
    """

    origin: Floats
    step: Floats
    places: Floats
    codes: list[str] = field(default_factory=list)
    refusal: str | None = None


@lru_cache(64)
def unit_axes(orientation: Vector) -> Floats | None:
    """Directions along a row, along a column, and their normal, as rows; None unless they are perpendicular.

    They are shared: nobody may write into them.
    """
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if abs(lengths[0] - 1) > 1e-3 or abs(lengths[1] - 1) > 1e-3 or abs(row @ column) > 1e-3:
        return None
    row, column = row / lengths[0], column / lengths[1]
    normal = np.cross(row, column)
    return np.array([row, column, normal / np.linalg.norm(normal)])


def tolerance(gap: float) -> float:
    """Tolerance in mm of positions that far apart."""
    return max(ABSOLUTE, RELATIVE * abs(gap))


def cluster(values: Floats, limit: float) -> Ints:
    """The number of the cluster of each value; clusters are apart by more than the limit, in rising order."""
    order = np.argsort(values, kind="stable")
    labels = np.zeros(values.size, np.intp)
    labels[order[1:]] = np.cumsum(np.diff(values[order]) > limit)
    return labels


def same_place_limit(heights: Floats) -> float:
    """Up to which distance two heights are one: the tolerance, never more than a fifth of the usual gap."""
    gaps = np.diff(np.sort(heights))
    wide = gaps[gaps > 1e-4]
    usual = float(np.median(wide)) if wide.size else 1.0
    return min(tolerance(usual), max(0.2 * usual, 1e-4))


def with_step(points: Floats, axes: Floats, step: float | None) -> Grid | None:
    """The grid of slices some of which may have been left out, by the step in mm that their object says; None where
    they do not lie on such a grid."""
    heights = points @ axes[2]
    if not step or len(points) < 2:
        return None
    places = np.rint((heights - heights[0]) / step)
    line = points[0] + np.outer(places * step, axes[2])
    if (np.diff(places) < 1).any() or np.abs(points - line).max() > max(LATERAL, tolerance(step)):
        return None
    return Grid(points[0], step * axes[2], places)


def make_grid(points: Floats, axes: Floats, thickness: float | None = None) -> Grid:
    """The grid of slices at points (n, 3), which rise along the normal ``axes[2]`` and lie at places of their own.

    ``thickness`` is the step in mm of a slice that is alone.
    """
    count = len(points)
    if count == 1:
        step = axes[2] * (thickness or 1.0)
        return Grid(points[0], step, np.zeros(1), ["single_slice"])
    heights = points @ axes[2]
    gaps = np.diff(heights)
    grid = _even(points, heights) or _gapped(points, heights, gaps) or _uneven(points, heights, gaps)
    lateral = points - grid.origin - np.outer(grid.places, grid.step)
    lateral -= np.outer(lateral @ axes[2], axes[2])
    if np.abs(lateral).max() > max(LATERAL, tolerance(float(gaps.min()))):
        grid.codes.append("in_plane_drift")
        grid.refusal = "in_plane_drift"
    across = grid.step - (grid.step @ axes[2]) * axes[2]
    if grid.refusal != "in_plane_drift" and np.linalg.norm(across) * grid.places[-1] > 2 * LATERAL:
        grid.codes.append("tilt")
    return grid


def _line(points: Floats, places: Floats) -> tuple[Floats, Floats]:
    """The line through points at places by least squares: origin and step; exact where they are."""
    step = (points[-1] - points[0]) / (places[-1] - places[0])
    if np.abs(points - points[0] - np.outer(places, step)).max() < 1e-4:
        return points[0], step
    middle = places - places.mean()
    step = (middle @ (points - points.mean(axis=0))) / (middle @ middle)
    return points.mean(axis=0) - places.mean() * step, step


def _is_on(points_height: Floats, places: Floats, gap: float) -> bool:
    """Whether heights lie on a line (that of least squares) over their places, within the tolerance."""
    middle, rise = places - places.mean(), points_height - points_height.mean()
    slope = (middle @ rise) / (middle @ middle)
    return bool(np.abs(rise - slope * middle).max() <= tolerance(gap))


def _even(points: Floats, heights: Floats) -> Grid | None:
    places = np.arange(float(len(points)))
    gap = (heights[-1] - heights[0]) / places[-1]
    gaps = np.diff(heights)
    if np.abs(gaps - gap).max() > tolerance(gap) or not _is_on(heights, places, gap):
        return None
    return Grid(*_line(points, places), places)


def _gapped(points: Floats, heights: Floats, gaps: Floats) -> Grid | None:
    """Slices that would be even if others were not missing."""
    least = float(gaps.min())
    base = float(np.median(gaps[gaps <= least + 2 * tolerance(least)]))
    counts = np.rint(gaps / base)
    places = np.concatenate([[0.0], np.cumsum(counts)])
    if (counts < 1).any() or places[-1] > 20 * len(points) or not _are_missing(counts):
        return None
    if np.abs(gaps - counts * base).max() > 2 * tolerance(base) or not _is_on(heights, places, base):
        return None
    return Grid(*_line(points, places), places, ["gap"], "gap")


def _are_missing(counts: Floats) -> bool:
    """Whether gaps, in numbers of the least, look like missing slices, not like slices that were meant to be wider."""
    wide = counts > 1
    in_a_row = any(width > 1 and sum(1 for _ in run) > 2 for width, run in groupby(counts.tolist()))
    return not in_a_row and (wide.sum() * 2 < wide.size or wide.size == 2)


def _uneven(points: Floats, heights: Floats, gaps: Floats) -> Grid:
    """Slices at uneven places, in steps of the smallest gap."""
    places = (heights - heights[0]) / float(gaps.min())
    step = (points[-1] - points[0]) / places[-1]
    return Grid(points[0], step, places, ["spacing_nonuniform"], "spacing_nonuniform")


def separate(heights: Floats) -> list[slice]:
    """Runs of rising heights that lie so far from one another that they are stacks of their own.

    One run where a part would be of fewer than three slices, or is not even.
    """
    gaps = np.diff(heights)
    usual = float(np.median(gaps)) if gaps.size else 0.0
    cuts = [0, *(np.flatnonzero(gaps > SEPARATE * usual) + 1).tolist(), len(heights)]
    runs = [slice(start, stop) for start, stop in pairwise(cuts)]
    if all(run.stop - run.start >= 3 and _is_even_run(heights[run]) for run in runs):
        return runs
    return [slice(0, len(heights))]


def _is_even_run(heights: Floats) -> bool:
    gaps = np.diff(heights)
    return bool(np.ptp(gaps) <= 2 * tolerance(float(gaps.mean())))


def affine_of(grid: Grid, axes: Floats, spacing: Vector) -> Floats:
    """Indices (k, j, i, 1) → LPS in mm; ``spacing`` is that of rows and of columns (PS3.3 C.7.6.2.1.1)."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = grid.step, axes[1] * spacing[0], axes[0] * spacing[1]
    affine[:3, 3] = grid.origin
    return affine
