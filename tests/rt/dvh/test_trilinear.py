"""Curved doses against brute force: the trilinear dose at many points of each prism."""

import numpy as np
import pytest
from phantoms import circle, dose_object, structure_set

from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.rt.dvh.dose_reading import read_dose_grid

SPACING = np.array((2.5, 2.0, 3.0))  # plane, row, column
ORIGIN = np.array((-25.0, -21.0, -24.0))
SHAPE = (20, 22, 18)


def hot_spot(points):
    x, y, z = points.T
    return 5 + 55 * np.exp(-(((x - 3) / 9) ** 2 + ((y + 2) / 7) ** 2 + ((z - 1) / 8) ** 2)) + 0.2 * x


def noise(points):
    return np.random.default_rng(3).uniform(10, 40, len(points))


def trilinear(values, points):
    place = (points - ORIGIN)[:, ::-1] / SPACING
    low = np.floor(place).astype(int)
    part = place - low
    total = np.zeros(len(points))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        total += weight * values[tuple((low + corner).T)]
    return total


def brute_force(values, radius, faces, step=0.25):
    """Doses at the points of a fine lattice inside a cylinder."""
    axis = np.arange(-14, 14, step) + step / 2
    x, y = (a.ravel() for a in np.meshgrid(axis, axis))
    x, y = x[np.hypot(x, y) < radius], y[np.hypot(x, y) < radius]
    z = np.arange(faces[0], faces[1], step) + step / 2
    return trilinear(values, np.column_stack((np.tile(x, z.size), np.tile(y, z.size), np.repeat(z, x.size))))


@pytest.mark.parametrize(("dose", "tolerance"), [(hot_spot, 0.006), (noise, 0.02)])
@pytest.mark.parametrize("slices", [1.0, 2.5, 5.0])
def test_curved_doses(dose, tolerance, slices):
    rd = dose_object(dose, SHAPE, SPACING, ORIGIN)
    values = np.frombuffer(rd.PixelData, "<u4").reshape(SHAPE) * float(rd.DoseGridScaling)
    z = np.arange(-10 + slices / 2, 10, slices)
    polygon = circle(11.0, 360)
    rs = structure_set({1: [np.column_stack((polygon, np.full(360, h))) for h in z]})
    dvh = calculate_dvhs(rs, rd)[1]
    doses = brute_force(values, 11.0, (-10, 10))
    assert dvh.mean_gy == pytest.approx(doses.mean(), rel=1e-3)
    span = doses.max() - doses.min()
    for percent in (99, 95, 80, 50, 20, 5, 1):
        wanted = np.percentile(doses, 100 - percent)
        assert dvh.dose_at_volume(percent) == pytest.approx(wanted, abs=tolerance * span), percent
    # the points miss the very extremes; those lie within the grid's
    assert values.min() * (1 - 1e-6) <= dvh.min_gy <= doses.min() + 0.002 * span
    assert values.max() * (1 + 1e-6) >= dvh.max_gy >= doses.max() - 0.002 * span


def test_the_volume_of_an_isodose():
    def cone(points):
        return 120 - 2 * np.linalg.norm(points, axis=1)

    rd = dose_object(cone, SHAPE, SPACING, ORIGIN)
    grid = read_dose_grid(rd)
    values = np.frombuffer(rd.PixelData, "<u4").reshape(SHAPE) * float(rd.DoseGridScaling)
    size = (np.array(SHAPE) - 1) * SPACING
    points = ORIGIN + np.random.default_rng(5).uniform(0, 1, (200_000, 3)) * size[::-1]
    doses = trilinear(values, points)
    for radius, tolerance in ((9.0, 0.04), (14.0, 0.02), (19.0, 0.02)):
        level = 120 - 2 * radius
        assert grid.volume_above(level) == pytest.approx(
            (doses > level).mean() * size.prod() / 1e3, rel=tolerance
        )
    assert grid.volume_above(121) == 0
    assert grid.volume_above(-1e3) == pytest.approx(size.prod() / 1e3)
