"""The dose in an ROI: its contours made into slabs, the slabs cut into cells, and the cells' doses summed
up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.cell_doses import Portion, cell_doses
from pyconquest_rt.rt.dvh.cells import Frame, cell_cuts, cut_across, portions
from pyconquest_rt.rt.dvh.coverage import cover
from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.histogram import Curve, curve_of, merged, thinned
from pyconquest_rt.rt.dvh.planes import Planes
from pyconquest_rt.rt.dvh.slabs import slabs_of

Floats = npt.NDArray[np.float64]

NEGLIGIBLE = 1e-6
"""A part of the volume outside the dose grid that is only rounding."""


@dataclass(frozen=True)
class RoiDose:
    """What the dose grid gives to one ROI.

    ``covered`` and ``uncovered`` are the volumes in cc within and outside the dose grid; ``low``, ``mean``
    and ``high`` are doses in Gy. ``dose`` and ``share`` are the cumulative curve: ascending doses in Gy and
    the share of the covered volume that gets at least each. Without a covered volume the doses are NaN and
    the curve is empty. ``steep`` is
    the part of the covered volume where the dose of neighbouring voxels differs so much that it is far from linear.
    """

    covered: float
    uncovered: float
    low: float
    mean: float
    high: float
    dose: Floats
    share: Floats
    steep: float = 0.0


def roi_dose(planes: Planes, grid: DoseGrid, end_cap: str) -> RoiDose:
    """Return the dose in the ROI whose contours are ``planes``.

    ``end_cap`` is one of slabs.END_CAPS. Raises ContourError and TooManyCrossingsError when the contours make no
    volume.
    """
    frame = Frame.of(grid, planes.normal)
    slabs = slabs_of(planes, frame.from_grid(grid.to_grid(planes.points))[:, :0:-1], end_cap)
    low_faces, high_faces = frame.faces(slabs, grid, planes.normal)
    pieces = cut_across(low_faces, high_faces, grid, frame)
    columns, rows = cell_cuts(slabs.polygons, pieces, grid, frame)
    ranges = list(portions(slabs.low.size, rows.widths.size * columns.widths.size, pieces))
    areas = np.zeros(slabs.low.size)
    curve: Curve | None = None
    low, high, covered, integral, steep = np.inf, -np.inf, 0.0, 0.0, 0.0
    for first, last in ranges:
        polygons = slabs.polygons.on_planes(first, last)
        coverage = cover(polygons, columns.edges, rows.edges)
        areas[first:last] = coverage.area
        cells = cell_doses(
            Portion(polygons, coverage, pieces.of_slabs(first, last), columns, rows, frame), grid
        )
        if cells is None:
            continue
        low, high = min(low, cells.low), max(high, cells.high)
        part = curve_of(cells.volume, cells.dose, cells.width, cells.low, cells.high)
        curve = part if curve is None else thinned(merged((curve, part)))
        covered += float(cells.volume.sum())
        steep += cells.steep
        integral += float((cells.volume * cells.dose).sum())
    whole = float((areas * (slabs.high - slabs.low)).sum())
    if curve is None or covered <= 0:
        return RoiDose(0.0, whole / 1e3, np.nan, np.nan, np.nan, np.empty(0), np.empty(0))
    uncovered = whole - covered if whole - covered > NEGLIGIBLE * whole else 0.0
    mean = min(max(integral / covered, low), high)
    dose, share = _shares(curve, low, high)
    volumes = (whole - uncovered) / 1e3, uncovered / 1e3
    return RoiDose(*volumes, low, mean, high, dose, share, steep / covered)


def _shares(curve: Curve, low: float, high: float) -> tuple[Floats, Floats]:
    """Return the doses of a curve from ``low`` to ``high``, and the share (1 to 0) of the volume at or above each."""
    dose = np.concatenate(([low], curve.dose, [max(high, float(curve.dose[-1]))]))
    share = np.concatenate(([1.0], curve.volume / curve.volume[0], [0.0]))
    return dose, share
