"""Exact areas of polygons in cells, against polygon clipping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import circle, rectangle, shifted

from pyconquest_rt.rt.dvh import coverage
from pyconquest_rt.rt.dvh.coverage import Polygons, TooManyCrossingsError, cover

U, V = np.linspace(-10, 10, 9), np.array([-10, -7, -6.5, -2, 0, 1, 4, 8, 10.0])


def polygons(*planes):
    """Polygons of several planes, each a list of (n, 2) arrays."""
    flat = [(number, p) for number, plane in enumerate(planes) for p in plane]
    starts = np.append(0, np.cumsum([len(p) for _, p in flat]))
    return Polygons(
        np.concatenate([p for _, p in flat]), starts, np.array([number for number, _ in flat]), len(planes)
    )


def shoelace(p):
    x, y = p.T
    return 0.5 * float(x @ np.roll(y, -1) - np.roll(x, -1) @ y)


def clipped(p, low, high):
    """A convex polygon cut to a box (Sutherland and Hodgman)."""
    for axis, sign, limit in ((0, 1, low[0]), (0, -1, -high[0]), (1, 1, low[1]), (1, -1, -high[1])):
        inside = sign * p[:, axis] - limit
        kept = []
        for i in range(len(p)):
            a, b = inside[i - 1], inside[i]
            if a * b < 0:
                kept.append(p[i - 1] + (p[i] - p[i - 1]) * a / (a - b))
            if b >= 0:
                kept.append(p[i])
        if len(kept) < 3:
            return None
        p = np.array(kept)
    return p


def centroid(p):
    x, y = p.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    return ((p + np.roll(p, -1, axis=0)) * cross[:, None]).sum(axis=0) / (3 * cross.sum())


@pytest.mark.parametrize(
    "polygon", [circle(7.3, 90, (0.4, -0.9)), rectangle(6.1, 3.3) @ [[0.8, 0.6], [-0.6, 0.8]]]
)
def test_fractions_and_centroids_of_a_convex_polygon(polygon, monkeypatch):
    monkeypatch.setattr(coverage, "STRIPS_PER_ROW", 200)
    found = cover(polygons([polygon]), U, V)
    assert found.area[0] == pytest.approx(shoelace(polygon), rel=1e-12)
    seen = np.zeros((len(V) - 1, len(U) - 1))
    for i, (row, column) in enumerate(zip(found.row, found.column, strict=True)):
        low, high = np.array((U[column], V[row])), np.array((U[column + 1], V[row + 1]))
        part = clipped(polygon, low, high)
        fraction = abs(shoelace(part)) / np.prod(high - low)
        assert found.fraction[i] == pytest.approx(fraction, abs=2e-4)
        if fraction > 0.01:
            assert (found.u[i], found.v[i]) == pytest.approx((centroid(part) - low) / (high - low), abs=0.02)
        seen[row, column] = fraction
    assert (seen * np.outer(np.diff(V), np.diff(U))).sum() == pytest.approx(shoelace(polygon), abs=1e-3)


points = st.tuples(*[st.floats(-9.5, 9.5, allow_nan=False)] * 2)


@settings(deadline=None, max_examples=60)
@given(st.lists(points, min_size=3, max_size=12), st.lists(points, min_size=3, max_size=12))
def test_any_polygons_fill_cells_consistently(one, two):
    a, b = np.array(one), np.array(two)
    found = cover(polygons([a], [b], [a, b], [a, a], [a[::-1]]), U, V)
    size = np.diff(U)[found.column] * np.diff(V)[found.row]
    inside = np.bincount(found.plane, found.fraction * size, minlength=5)
    assert inside == pytest.approx(found.area, abs=1e-6)
    assert found.area[3] == pytest.approx(0, abs=1e-9)
    assert found.area[4] == pytest.approx(found.area[0], rel=1e-6, abs=1e-6)
    assert ((found.fraction > 0) & (found.fraction <= 1)).all()
    assert ((found.u >= -1e-6) & (found.u <= 1 + 1e-6)).all()
    assert ((found.v >= -1e-6) & (found.v <= 1 + 1e-6)).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.5, 9.0), min_size=3, max_size=40), st.floats(0, 6))
def test_the_area_of_a_star_shaped_polygon_is_exact(radii, turn):
    angle = turn + 2 * np.pi * np.arange(len(radii)) / len(radii)
    polygon = np.array(radii)[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    found = cover(
        polygons([polygon], [polygon, 0.6 * polygon], [polygon, 0.6 * polygon[::-1], 0.2 * polygon]), U, V
    )
    whole = shoelace(polygon)
    assert found.area == pytest.approx([whole, 0.64 * whole, 0.68 * whole], rel=1e-9)


def test_what_lies_outside_the_cells_counts_in_the_area_only():
    found = cover(polygons([rectangle(20, 1)], [shifted(rectangle(2, 3), (40, 0))]), U, V)
    assert found.area == pytest.approx([80, 24])
    size = np.diff(U)[found.column] * np.diff(V)[found.row]
    assert np.bincount(found.plane, found.fraction * size, minlength=2) == pytest.approx([40, 0])


def test_tangled_contours_are_refused(monkeypatch):
    monkeypatch.setattr(coverage, "MAX_CROSSINGS", 1000)
    rng = np.random.default_rng(1)
    with pytest.raises(TooManyCrossingsError, match="cross"):
        cover(polygons([rng.uniform(-9, 9, (500, 2))]), U, V)
    fine = cover(polygons([circle(8, 400)]), U, V)
    assert fine.area[0] == pytest.approx(np.pi * 64, rel=1e-2)
