"""Distances, overlap and OVHs of pairs with known answers, in every direction that contours are drawn in."""

import io

import numpy as np
import pytest
from rt_objects import as_bytes, contour, polygon, rectangle, structure_set

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.geometry import compare_directions, emd, relate

TURNS = {
    "transverse": lambda p: p,
    "sagittal": lambda p: p[:, [2, 0, 1]],
    "coronal": lambda p: p[:, [0, 2, 1]] * (1, 1, -1),
    "mirrored": lambda p: p * (-1, 1, 1),
    "feet first": lambda p: p * (-1, 1, -1),
}
DISTANCES = ["min_mm", "p25_mm", "median_mm", "mean_mm", "p75_mm", "max_mm", "centroid_mm"]
NUMBERS = [*DISTANCES, "organ_cc", "target_cc", "overlap_cc"]


def box(x, y, positions, turn=TURNS["transverse"]):
    return [contour(turn(np.array(rectangle(x, y, z), float))) for z in positions]


def ball(radius, centre, step=1.0, turn=TURNS["transverse"]):
    count = int(radius / step)
    heights = [k * step for k in range(-count, count + 1) if abs(k * step) < radius - 0.01]
    return [contour(turn(polygon(np.sqrt(radius**2 - z**2), centre[2] + z, 72, centre[:2]))) for z in heights]


def pair(organ, target, **more):
    rois = {1: ("Organ", organ), 2: ("PTV", target)}
    return structure_set(rois | {int(number[1:]): (number, drawn) for number, drawn in more.items()})


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_boxes_apart_have_the_distances_of_arithmetic(turn):
    organ = box((-10, 10), (-20, 20), range(-10, 11, 2), turn)
    target = box((30, 50), (-40, 40), range(-30, 31, 2), turn)
    found = relate(pair(organ, target), organ=1, target=2)
    assert (found.status, found.reason) == ("ok", "")
    assert found.min_mm == pytest.approx(20.0, abs=0.01)
    assert found.max_mm == pytest.approx(40.0, abs=0.01)
    assert found.median_mm == pytest.approx(30.0, abs=0.02)
    assert found.mean_mm == pytest.approx(30.0, abs=0.02)
    assert (found.p25_mm, found.p75_mm) == pytest.approx((25.0, 35.0), abs=0.02)
    assert found.organ_cc == pytest.approx(20 * 40 * 22 / 1e3, rel=1e-6)
    assert found.target_cc == pytest.approx(20 * 80 * 62 / 1e3, rel=1e-6)
    assert found.overlap_cc == 0.0
    assert found.centroid_mm == pytest.approx(40.0, abs=1e-6)
    assert found.fraction_within([20.0, 22.0, 30.0, 40.0]) == pytest.approx([0.0, 0.1, 0.5, 1.0], abs=0.005)


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_every_direction_gives_the_same_numbers(turn):
    def of(turned):
        organ, target = ball(12, (3, 1, 2), 2.0, turned), ball(10, (14, -2, 4), 2.0, turned)
        return relate(pair(organ, target), 1, 2)

    found, expected = of(turn), of(TURNS["transverse"])
    for name in NUMBERS:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=0.02), name


def test_concentric_spheres():
    found = relate(pair(ball(30, (0, 0, 0)), ball(12, (0, 0, 0))), 1, 2)
    at = np.arange(-8.0, 18.0, 2.0)
    fraction = found.fraction_within(at)
    assert (fraction >= ((11.5 + at) / 30) ** 3 - 0.005).all()  # within half a slice of the ideal solids
    assert (fraction <= ((12.5 + at) / 30) ** 3 + 0.005).all()
    assert found.overlap_cc == pytest.approx(found.target_cc, rel=1e-3)
    assert found.min_mm == pytest.approx(-12.0, abs=0.7)  # half a slice, and corners of polygons
    assert found.centroid_mm == pytest.approx(0.0, abs=1e-3)


def lens(one, other, apart):
    """The volume that two spheres share."""
    if apart >= one + other:
        return 0.0
    if apart <= abs(one - other):
        return 4 / 3 * np.pi * min(one, other) ** 3
    square = apart**2 + 2 * apart * (one + other) - 3 * (one - other) ** 2
    return np.pi * (one + other - apart) ** 2 * square / (12 * apart)


def test_separate_spheres_follow_the_lens_formula():
    found = relate(pair(ball(20, (0, 0, 0)), ball(15, (40, 0, 0))), 1, 2)
    at = np.arange(6.0, 45.0, 3.0)
    expected = [lens(20, 15 + t, 40) / (4 / 3 * np.pi * 20**3) for t in at]
    assert found.fraction_within(at) == pytest.approx(expected, abs=0.005)
    assert found.min_mm == pytest.approx(5.0, abs=0.1)
    assert found.max_mm == pytest.approx(45.0, abs=0.1)


def test_overlap_of_spheres_is_their_lens():
    found = relate(pair(ball(20, (0, 0, 0)), ball(15, (25, 0, 0))), 1, 2)
    assert found.overlap_cc == pytest.approx(lens(20, 15, 25) / 1e3, rel=0.01)
    assert found.fraction_within(0.0) == pytest.approx(found.overlap_cc / found.organ_cc, abs=0.003)


def test_organ_inside_the_target():
    target = box((-30, 30), (-30, 30), range(-30, 31, 3))
    organ = box((-5, 5), (-5, 5), range(-3, 4, 3))
    found = relate(pair(organ, target), 1, 2)
    assert found.max_mm == pytest.approx(-25.0, abs=0.05)
    assert found.min_mm == pytest.approx(-30.0, abs=0.1)
    assert found.overlap_cc == pytest.approx(found.organ_cc, rel=1e-6)
    assert found.fraction_within(-20.0) == 1.0


def test_organ_over_the_middle_of_a_flat_face():
    """The nearest point lies within a face, far from any contour."""
    found = relate(pair(box((-30, 30), (-30, 30), range(20, 30, 3)), ball(7, (3.3, 2.2, 0), 1.0)), 1, 2)
    assert found.min_mm == pytest.approx(18.5 - 6.5, abs=0.05)


def test_hole_and_keyhole_are_outside_and_a_seam_is_no_surface():
    ring = [contour(points) for z in range(-9, 10, 3) for points in (polygon(20, z), polygon(8, z))]
    found = relate(pair(ball(4, (0, 0, 0)), ring), 1, 2)
    assert found.min_mm == pytest.approx(4.0, abs=0.1)
    assert found.overlap_cc == 0.0
    outline = [(-20, -20), (20, -20), (20, 20), (-20, 20), (-20, 0), (-4, 0), (-4, 4), (4, 4), (4, -4)]
    keyhole = [contour([(*p, z) for p in [*outline, (-4, -4), (-4, 0), (-20, 0)]]) for z in range(-30, 31, 3)]
    organ = box((-14, -10), (-2, 2), range(-3, 4, 3))
    found = relate(pair(organ, keyhole), 1, 2)
    assert found.max_mm == pytest.approx(-6.0, abs=0.02)
    assert found.min_mm == pytest.approx(-8.0, abs=0.1)


def test_target_of_two_parts_and_their_union():
    left, right = box((-40, -30), (-10, 10), range(-9, 10, 3)), box((30, 40), (-10, 10), range(-9, 10, 3))
    organ = box((-5, 5), (-5, 5), range(-6, 7, 3))
    objects = pair(organ, [*left, *right], r3=left, r4=right)
    one, both = relate(objects, 1, 2), relate(objects, 1, [3, 4])
    assert one.max_mm == pytest.approx(30.0, abs=0.05)
    assert one.min_mm == pytest.approx(25.0, abs=0.01)
    for name in NUMBERS:
        assert getattr(both, name) == pytest.approx(getattr(one, name), abs=0.01), name


def test_a_union_counts_what_its_parts_share_once():
    one, other = box((-20, 5), (-10, 10), range(-9, 10, 3)), box((-5, 20), (-10, 10), range(-9, 10, 3))
    whole = box((-20, 20), (-10, 10), range(-9, 10, 3))
    objects = pair(box((-3, 3), (-3, 3), range(-3, 4, 3)), whole, r3=one, r4=other)
    of_whole, of_union = relate(objects, 1, 2), relate(objects, 1, [3, 4])
    for name in NUMBERS:
        assert getattr(of_union, name) == pytest.approx(getattr(of_whole, name), abs=0.02), name
    back = relate(objects, [3, 4], 1)
    assert back.organ_cc == pytest.approx(of_whole.target_cc, rel=1e-6)
    assert back.mean_mm == pytest.approx(relate(objects, 2, 1).mean_mm, abs=0.1)


def test_uneven_and_single_planes():
    heights = (-12, -9, -7, -3, 0, 1, 4, 8, 12)
    found = relate(pair(box((0, 10), (0, 10), heights), box((20, 30), (0, 10), heights)), 1, 2)
    assert found.organ_cc == pytest.approx(100 * (24 + 1.5 + 2) / 1e3, rel=1e-6)
    assert (found.min_mm, found.max_mm) == pytest.approx((10.0, 20.0), abs=0.01)
    found = relate(pair(box((0, 10), (0, 10), [0]), box((20, 30), (0, 10), heights)), 1, 2)
    assert found.status == "warning"
    assert "one plane" in found.reason


def test_emd_of_a_shift_is_the_shift():
    organ = ball(15, (0, 0, 0), 2.0)
    wall = [box((25 + shift, 60), (-80, 80), range(-80, 81, 4)) for shift in (0.0, 3.0)]
    near, far = (relate(pair(organ, target), 1, 2) for target in wall)
    assert emd(near, far) == pytest.approx(3.0, abs=0.05)
    assert emd(near, near) == 0.0


def test_directions_are_those_of_the_patient():
    """A small ball 50 mm away to the left and back, 30 degrees up: one bin in each direction."""
    azimuth, elevation = np.radians(50.0), np.radians(35.0)
    away = 55 * np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    found = relate(pair(ball(10, (5, 5, 5)), ball(2, 5 + away, 0.5)), 1, 2).sts()
    assert found.fraction.sum() == pytest.approx(1.0)
    assert found.fraction.shape == tuple(len(edges) - 1 for edges in found[:3])
    d, a, e = np.unravel_index(found.fraction.argmax(), found.fraction.shape)
    assert found.fraction[d, a, e] > 0.999
    assert found.distance_mm[d] == 50 and found.azimuth_deg[a] == 40 and found.elevation_deg[e] == 30


def test_directions_of_a_shell_and_their_distances():
    shell = [contour(points) for z in (-1.5, 1.5) for points in (polygon(25, z), polygon(22, z))]
    found = relate(pair(ball(5, (0, 0, 0)), shell), 1, 2).sts()
    assert found.along(0)[2] == pytest.approx(1.0)
    assert found.along(1) == pytest.approx(np.full(18, 1 / 18), abs=0.003)
    one, other = (
        relate(pair(ball(5, (0, 0, 0)), ball(2, (40 * np.cos(a), 40 * np.sin(a), 0), 0.5)), 1, 2).sts()
        for a in np.radians((170.0, -170.0))
    )
    apart = compare_directions(one, other)
    assert apart.azimuth_deg == pytest.approx(20.0, abs=0.5)
    assert apart.distance_mm == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("organ, target", [(99, 2), (1, 99), (1, []), (2.5, 1), (1, 5), (float("nan"), 2)])
def test_what_cannot_be_measured_failed_and_has_no_numbers(organ, target):
    objects = pair(box((0, 10), (0, 10), range(0, 9, 3)), box((20, 30), (0, 10), range(0, 9, 3)), r5=[])
    found = relate(objects, organ, target)
    assert found.status == "failed" and found.reason
    assert all(getattr(found, name) is None for name in [*NUMBERS, "ovh_mm", "ovh_fraction"])
    assert found.sts() == (None, None, None, None)
    assert emd(found, found) is None


def test_an_empty_part_of_a_union_is_said():
    objects = pair(box((0, 10), (0, 10), range(0, 9, 3)), box((20, 30), (0, 10), range(0, 9, 3)), r5=[])
    found = relate(objects, 1, [2, 5])
    assert found.status == "warning" and "r5" in found.reason
    assert found.min_mm == pytest.approx(10.0, abs=0.01)


def test_sources_and_float_numbers(tmp_path):
    objects = pair(box((0, 10), (0, 10), range(0, 9, 3)), box((20, 30), (0, 10), range(0, 9, 3)))
    (tmp_path / "rs.dcm").write_bytes(as_bytes(objects))
    for source in (objects, as_bytes(objects), io.BytesIO(as_bytes(objects)), tmp_path / "rs.dcm"):
        assert relate(source, 1.0, np.int64(2)).min_mm == pytest.approx(10.0, abs=0.01)
    del objects.StructureSetROISequence, objects.ROIContourSequence
    with pytest.raises(ObjectError):
        relate(objects, 1, 2)
    with pytest.raises(ValueError, match="end_cap"):
        relate(objects, 1, 2, end_cap="round")


def test_rois_of_different_frames_of_reference_are_not_compared():
    objects = pair(box((0, 10), (0, 10), range(0, 9, 3)), box((20, 30), (0, 10), range(0, 9, 3)))
    objects.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.10"
    assert "frames of reference" in relate(objects, 1, 2).reason


def test_contours_of_two_directions():
    sagittal = box((-10, 10), (-10, 10), range(-10, 11, 2), TURNS["sagittal"])
    transverse = box((5, 30), (-10, 10), range(-9, 10, 3))
    found = relate(pair(sagittal, transverse), 1, 2)
    # sagittal slabs reach from x = -11 to 11, transverse ones from z = -10.5 to 10.5
    assert found.overlap_cc == pytest.approx(6 * 20 * 20 / 1e3, rel=0.005)
    assert found.max_mm == pytest.approx(16.0, abs=0.05)
    assert found.min_mm == pytest.approx(-6.0, abs=0.05)
