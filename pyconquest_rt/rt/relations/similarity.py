"""How alike two pairs of organ and target are: earth mover's distances of their OVHs and directions.

RTDS compares the texts of its histograms by their own bins, which differ from study to study, and calls the difference
of the mean target doses similarity. Here every distance is in the unit of what moves: mm, or degrees; 0 is equal.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.directions import Directions
from pyconquest_rt.rt.relations.relation import Relation

Floats = npt.NDArray[np.float64]


class DirectionDistances(NamedTuple):
    """Earth mover's distances of two targets' directions, each along one axis alone."""

    distance_mm: float
    azimuth_deg: float
    elevation_deg: float


def emd(one: Relation, other: Relation) -> float | None:
    """Return the earth mover's distance of two OVHs in mm: the area between them; None where one has failed.

    The OVH of a target that is farther by 3 mm throughout is 3 mm away.
    """
    if one.ovh_mm is None or other.ovh_mm is None or one.ovh_fraction is None or other.ovh_fraction is None:
        return None
    return curve_distance((one.ovh_mm, one.ovh_fraction), (other.ovh_mm, other.ovh_fraction))


def curve_distance(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """Return the area between two cumulative curves of ascending positions and fractions from 0 to 1."""
    at = np.union1d(one[0], other[0])
    apart = np.subtract(*(np.interp(at, *curve, left=0.0, right=1.0) for curve in (one, other)))
    before, after = apart[:-1], apart[1:]
    both = np.abs(before) + np.abs(after)
    crossed = before * after < 0
    # where the curves cross, two triangles in place of a trapezium
    height = np.where(crossed, (before**2 + after**2) / np.where(both > 0, both, 1.0), both)
    return float((0.5 * height * np.diff(at)).sum())


def compare_directions(one: Directions, other: Directions) -> DirectionDistances | None:
    """Return how far apart two targets' directions are; None where one has none. Azimuths lie on a circle."""
    if one.fraction is None or other.fraction is None:
        return None
    distance, elevation = (curve_distance(_cumulated(one, axis), _cumulated(other, axis)) for axis in (0, 2))
    return DirectionDistances(distance, circular_distance(one.along(1), other.along(1)), elevation)


def _cumulated(directions: Directions, axis: int) -> tuple[Floats, Floats]:
    return np.asarray(directions[axis]), np.append(0.0, np.cumsum(directions.along(axis)))


def circular_distance(one: Floats, other: Floats) -> float:
    """Return the earth mover's distance in degrees of two histograms on a circle (Werman et al. 1986).

    Both have the same number of equal bins; what is moved goes the shorter way round.
    """
    apart = np.cumsum(one / one.sum() - other / other.sum())
    return float(np.abs(apart - np.median(apart)).sum() * 360.0 / apart.size)
