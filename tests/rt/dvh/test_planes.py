"""What contours stand for: copies, overlaps, outlines that cross themselves, jitter and gaps of planes."""

import numpy as np
import pytest
from phantoms import circle, dose_object, rectangle, shifted, structure_set

from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.rt.dvh.contours import read_rois
from pyconquest_rt.rt.dvh.planes import planes_of_set
from pyconquest_rt.rt.objects import structures

Z = np.arange(-9, 10, 3.0)
BOX = rectangle(10, 10)  # on Z: 20 x 20 x 21 mm, 8.4 cc


def at(polygon, z):
    return np.column_stack((polygon, np.full(len(polygon), z)))


def stack(*polygons, z=Z):
    return [at(polygon, h) for h in z for polygon in polygons]


def dose(slope=0.1):
    return dose_object(lambda p: 20 + slope * p[:, 0], (30, 24, 24), (2.5,) * 3, (-29.0, -29.0, -36.0))


def one(contours, others=(), **options):
    rois = {1: contours} | dict(enumerate(others, 2))
    return calculate_dvhs(structure_set(rois), dose(), **options)[1]


COPIES = {
    "the same": BOX,
    "the other way": BOX[::-1],
    "another start": np.roll(BOX, 1, axis=0),
    "closed": np.vstack((BOX, BOX[:1])),
    "0.01 mm larger": BOX * 1.001,
    "more points": np.repeat(BOX, 2, axis=0) + np.tile([[0.0, 0.0], [0.001, 0.0]], (4, 1)),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("everywhere", [False, True])
def test_an_outline_drawn_twice_counts_once(copy, everywhere):
    more = stack(COPIES[copy]) if everywhere else [at(COPIES[copy], 0.0)]
    dvh = one(stack(BOX) + more)
    assert dvh.volume_cc == pytest.approx(8.4, rel=2e-3)
    assert dvh.status == "warning" and "drawn twice" in dvh.reason


def test_overlapping_outlines_say_what_they_cut_out():
    dvh = one(stack(shifted(BOX, (-2.5, 0)), shifted(BOX, (2.5, 0))))
    # each 20 mm wide, 15 mm of it shared: 10 mm is left, 15 x 20 x 21 mm is counted out
    assert dvh.volume_cc == pytest.approx(4.2, rel=1e-3)
    assert dvh.status == "warning" and "overlapping contours: 6.3 cm³ counted out" in dvh.reason


@pytest.mark.parametrize(
    "polygons",
    [
        (BOX, rectangle(5, 5)),
        (BOX, rectangle(6, 6), rectangle(2, 2)),
        (shifted(rectangle(5, 10), (-5, 0)), shifted(rectangle(5, 10), (5, 0))),
    ],
    ids=["hole", "island in a hole", "side by side"],
)
def test_what_is_nested_or_apart_is_no_overlap(polygons):
    assert one(stack(*polygons)).status == "ok"


def test_a_bow_tie_is_taken_by_its_area():
    bow_tie = np.array([(-10, -10), (10, 10), (10, -10), (-10, 10)], float)
    dvh = one(stack(bow_tie))
    assert dvh.volume_cc == pytest.approx(4.2, rel=1e-2)
    assert dvh.status == "warning" and "cross themselves" in dvh.reason


@pytest.mark.parametrize("second", [BOX, np.vstack((BOX[:1], BOX[:0:-1]))], ids=["again", "and back"])
def test_an_outline_run_twice_is_one(second):
    dvh = one(stack(np.vstack((BOX, second))))
    assert dvh.volume_cc == pytest.approx(8.4, rel=1e-3)
    assert dvh.status == "warning"


def test_an_outline_without_area_sets_no_greatest_dose():
    line = np.array([(-20, 0), (20, 0), (0, 0)], float)
    dvh = one([*stack(BOX), at(line, 0.0)])
    assert dvh.max_gy == pytest.approx(21, rel=1e-5)
    assert dvh.status == "warning" and "1 contour(s) without area" in dvh.reason


@pytest.mark.parametrize("off", [0.04, 0.06, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("kind", ["islands", "hole", "thin wall"])
def test_parts_of_one_slice_are_one_plane(kind, off):
    first, second, volume = {
        "islands": (shifted(rectangle(2.5, 10), (-7.5, 0)), shifted(rectangle(2.5, 10), (7.5, 0)), 4.2),
        "hole": (BOX, rectangle(5, 5), 6.3),
        "thin wall": (BOX, rectangle(9, 9), 21 * (400 - 324) / 1e3),
    }[kind]
    dvh = one(stack(first) + stack(second, z=Z + off))
    assert dvh.volume_cc == pytest.approx(volume, rel=0.01) and dvh.status == "ok"


def test_two_islands_of_one_slice_take_its_thickness_from_the_other_rois():
    islands = [
        at(shifted(rectangle(2.5, 10), (-7.5, 0)), 0.0),
        at(shifted(rectangle(2.5, 10), (7.5, 0)), 0.4),
    ]
    assert one(islands, [stack(BOX)]).volume_cc == pytest.approx(0.6, rel=1e-3)


def test_thin_slices_of_a_sphere_are_no_jitter():
    z = np.arange(-11.9, 12, 0.2)
    polygons = [circle(np.sqrt(144 - h * h)) for h in z]
    dvh = one([at(polygon, h) for polygon, h in zip(polygons, z, strict=True)], [stack(BOX)])
    assert dvh.volume_cc == pytest.approx(4 / 3 * np.pi * 12**3 / 1e3, rel=2e-3) and dvh.status == "ok"


@pytest.mark.parametrize("seed", range(6))
def test_uneven_planes_throughout_are_one_piece(seed):
    z = np.sort(np.random.default_rng(seed).uniform(-12, 12, 20))
    edges = np.concatenate(([1.5 * z[0] - z[1] / 2], (z[1:] + z[:-1]) / 2, [1.5 * z[-1] - z[-2] / 2]))
    radius = np.sqrt(150 - z**2)
    dvh = one([at(circle(r, 180), h) for r, h in zip(radius, z, strict=True)])
    wanted = (np.pi * radius**2 * np.diff(edges)).sum() / 1e3
    assert dvh.volume_cc == pytest.approx(wanted, rel=0.03)


def test_gaps_are_judged_by_the_other_rois():
    dvh = one([at(BOX, -15.0), at(BOX, 15.0)], [stack(BOX)])
    assert (
        dvh.volume_cc == pytest.approx(2.4) and "interrupted between the planes at -15 and 15" in dvh.reason
    )
    dvh = one([at(BOX, z) for z in (-15.0, -12.0, 15.0)], [stack(BOX)])
    assert dvh.volume_cc == pytest.approx(3.6) and dvh.status == "warning"


def test_gaps_are_judged_by_the_images():
    alone = one([at(BOX, -15.0), at(BOX, 15.0)])
    assert alone.volume_cc == pytest.approx(24) and "taken as whole" in alone.reason
    dvh = one([at(BOX, -15.0), at(BOX, 15.0)], slice_spacing_mm=3.0)
    assert dvh.volume_cc == pytest.approx(2.4) and "interrupted" in dvh.reason


def test_one_wide_gap_among_even_planes_has_a_remark():
    dvh = one([at(BOX, z) for z in (0, 1, 2, 3, 4, 5, 6, 7, 8, 12.0)])
    assert dvh.status == "warning" and "interrupted between the planes at 8 and 12" in dvh.reason
    assert dvh.volume_cc == pytest.approx(0.4 * 10)  # nine slices of 1 mm, and one as thick as they are


@pytest.mark.parametrize("spacing", [None, 2.0])
def test_rows_and_dvhs_have_one_volume(spacing):
    rois = {
        1: stack(BOX) + [at(BOX[::-1], 0.0)],
        2: [at(BOX, 0.0)],
        3: [at(BOX, -15.0), at(BOX, 15.0)],
        4: stack(shifted(BOX, (-2.5, 0)), shifted(BOX, (2.5, 0))),
    }
    rs = structure_set(rois)
    dvhs = calculate_dvhs(rs, dose(), slice_spacing_mm=spacing)
    for row in structures.extract(rs, spacing).rois:
        assert row["volume_cc"] == pytest.approx(dvhs[row["roi_number"]].volume_cc, rel=1e-6)
        assert row["status"] == dvhs[row["roi_number"]].status == "warning"


def test_few_planes_ask_for_the_images():
    few = planes_of_set(
        read_rois(structure_set({1: [at(BOX, 0.0)], 2: [at(BOX, 0.0), at(BOX, 3.0)]})).values()
    )
    assert few.needs_images and few.spacing == pytest.approx(3)
    assert not planes_of_set(read_rois(structure_set({1: stack(BOX)})).values()).needs_images


def test_a_missing_plane_of_single_doses_is_named():
    whole = dose()
    size, planes = whole.Rows * whole.Columns * 4, []
    for number in range(whole.NumberOfFrames):
        plane = dose_object(
            lambda p: 20 + 0.1 * p[:, 0], (1, 24, 24), (2.5,) * 3, (-29.0, -29.0, -36.0 + 2.5 * number)
        )
        plane.PixelData, plane.DoseGridScaling = (
            whole.PixelData[number * size :][:size],
            whole.DoseGridScaling,
        )
        planes.append(plane)
    rs = structure_set({1: stack(BOX)})
    assert calculate_dvhs(rs, planes)[1].status == "ok"
    dvh = calculate_dvhs(rs, planes[:14] + planes[16:])[1]
    assert dvh.status == "warning" and "lacks 2 plane(s), at z = -1, 1.5 mm" in dvh.reason


def test_a_level_dose_gets_itself():
    rs = structure_set({1: stack(BOX)})
    for bits in (16, 32):
        rd = dose_object(
            lambda p: np.full(len(p), 20.0), (30, 24, 24), (2.5,) * 3, (-29.0, -29.0, -36.0), bits=bits
        )
        dvh = calculate_dvhs(rs, rd)[1]
        assert dvh.volume_at_dose(20, "Gy", "%") == pytest.approx(100)
        assert dvh.volume_at_dose(20.001) == 0 and dvh.dose_at_volume(50) == pytest.approx(20, rel=1e-5)
