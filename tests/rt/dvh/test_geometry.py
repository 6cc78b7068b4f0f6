"""Where dose and contours lie: patient positions, orientations, spacings, holes, ends, and what lies
outside."""

import numpy as np
import pytest
from phantoms import (
    Case,
    Truth,
    circle,
    dose_object,
    measured,
    rectangle,
    shifted,
    stack_above,
    structure_set,
    written,
)

from pyconquest_rt.dvh import calculate_dvhs

POSITIONS = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "HFDL": (0, 1, 0, -1, 0, 0),
    "HFDR": (0, -1, 0, 1, 0, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
}
SLOPE = np.array([0.31, -0.23, 0.17])


def plane_dose(points):
    """A linear dose along an oblique direction, in Gy."""
    return 20.0 + points @ SLOPE


def grid(dose=plane_dose, orientation=(1, 0, 0, 0, 1, 0), spacing=2.5, half=30.0, **options):
    """A dose grid of any orientation about the origin of the patient coordinate system."""
    axes = np.array([np.cross(orientation[:3], orientation[3:]), orientation[3:], orientation[:3]], float)
    count = int(2 * half / spacing) + 2
    origin = -half * axes.sum(axis=0) + spacing * np.array([0.3, 0.2, 0.1])
    return dose_object(dose, (count,) * 3, (spacing,) * 3, origin, orientation, **options)


def stack(polygons, positions, matrix=None):
    """Contours of polygons (n, 2) at positions along the third direction of ``matrix`` (rows u, v, w)."""
    basis = np.eye(3) if matrix is None else np.asarray(matrix, float)
    return [
        np.column_stack((p, np.full(len(p), z))) @ basis for p, z in zip(polygons, positions, strict=True)
    ]


def spread(low, high, polygon, direction=SLOPE, points=200_000):
    """Mean and percentiles of the linear dose in a prism, from many points in it (a rectangle or a
    circle)."""
    rng = np.random.default_rng(7)
    box_low, box_high = polygon.min(axis=0), polygon.max(axis=0)
    uv = rng.uniform(box_low, box_high, (points, 2))
    if len(polygon) > 8:
        radius = np.hypot(*(polygon - polygon.mean(axis=0)).T).mean()
        uv = uv[np.hypot(*(uv - polygon.mean(axis=0)).T) < radius]
    w = rng.uniform(low, high, len(uv))
    return 20.0 + np.column_stack((uv, w)) @ direction


def agree(dvh, doses, volume_cc, tolerance=0.004):
    assert dvh.status == "ok", dvh.reason
    assert dvh.volume_cc == pytest.approx(volume_cc, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(doses.mean(), rel=tolerance / 2)
    for percent in (98, 95, 50, 5, 2):
        wanted = np.percentile(doses, 100 - percent)
        assert dvh.dose_at_volume(percent) == pytest.approx(wanted, rel=tolerance), percent


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("falling", [False, True], ids=["offsets rise", "offsets fall"])
def test_patient_positions(position, falling):
    polygon = circle(11.0, centre=(3.0, -4.0))
    z = np.arange(-12, 13, 2.0)
    ds = grid(orientation=POSITIONS[position])
    if falling:
        offsets = [float(v) for v in ds.GridFrameOffsetVector]
        normal = np.cross(POSITIONS[position][:3], POSITIONS[position][3:])
        ds.ImagePositionPatient = [
            f"{v:.6f}" for v in np.array(ds.ImagePositionPatient, float) + offsets[-1] * normal
        ]
        ds.GridFrameOffsetVector = [-offset for offset in offsets]
        size = ds.Rows * ds.Columns * 4
        frames = [ds.PixelData[i : i + size] for i in range(0, len(ds.PixelData), size)]
        ds.PixelData = b"".join(frames[::-1])
    dvh = calculate_dvhs(structure_set({1: stack([polygon] * len(z), z)}), ds)[1]
    agree(dvh, spread(-13, 13, polygon), np.pi * 11.0**2 * 26 / 1e3)


@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_both_forms_of_grid_frame_offset_vector(absolute):
    case = Case("sphere", "SI", True, 2.0, 2.0)
    rs, _ = case.objects()
    origin = (-16.2, -16.4, -17.1)
    rd = dose_object(lambda p: case.dose(p[:, 2]), (18, 18, 18), (2.0,) * 3, origin, absolute=absolute)
    truth = case.stack_truth().values()
    found = measured(calculate_dvhs(rs, rd)[1], truth)
    assert all(found[name] == pytest.approx(truth[name], rel=0.006) for name in truth)


def test_uneven_planes_of_dose_and_of_contours():
    z = np.array([-11.0, -9.5, -9.0, -6.0, -2.0, -1.0, 1.5, 5.5, 7.0, 10.5])
    polygons = [circle(12 - abs(h) / 2) for h in z]
    low = np.append(z[0] - (z[1] - z[0]) / 2, (z[1:] + z[:-1]) / 2)
    high = np.append((z[1:] + z[:-1]) / 2, z[-1] + (z[-1] - z[-2]) / 2)
    offsets = np.cumsum([0, 1.0, 2.5, 3.0, 1.0, 0.7, 4.0, 3.0, 2.0, 3.0, 5.0, 6.0])
    rd = dose_object(lambda p: 20 + p[:, 2], (12, 20, 20), (1, 2.0, 2.0), (-19, -19, -15.3), offsets=offsets)
    dvh = calculate_dvhs(structure_set({1: stack(polygons, z)}), rd)[1]
    heights = np.linspace(low[0], high[-1], 4001)
    truth = Truth(heights, stack_above(polygons, low, high, "SI", heights), lambda t: 20 + t).values()
    found = measured(dvh, truth)
    assert dvh.status == "ok"
    assert all(found[name] == pytest.approx(truth[name], rel=0.005) for name in truth)


@pytest.mark.parametrize(
    "matrix",
    [
        ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
        ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    ],
    ids=["sagittal", "coronal", "sagittal, other sense"],
)
def test_sagittal_and_coronal_contours(matrix):
    polygon, w = shifted(rectangle(9.0, 7.0), (1.0, -2.0)), np.arange(-10, 11, 2.5)
    dvh = calculate_dvhs(structure_set({1: stack([polygon] * len(w), w, matrix)}), grid())[1]
    agree(dvh, spread(-11.25, 11.25, polygon, np.asarray(matrix) @ SLOPE), 18 * 14 * 22.5 / 1e3)


@pytest.mark.parametrize("degrees", [(17, 23), (40, 0), (0, 5)])
def test_oblique_dose_grids(degrees):
    a, b = np.radians(degrees)
    turn_z = np.array([(np.cos(a), np.sin(a), 0), (-np.sin(a), np.cos(a), 0), (0, 0, 1)])
    turn_x = np.array([(1, 0, 0), (0, np.cos(b), np.sin(b)), (0, -np.sin(b), np.cos(b))])
    axes = turn_x @ turn_z
    polygon, z = circle(11.0, centre=(3.0, -4.0)), np.arange(-12, 13, 2.0)
    dvh = calculate_dvhs(
        structure_set({1: stack([polygon] * len(z), z)}), grid(orientation=(*axes[0], *axes[1]), half=36)
    )[1]
    agree(dvh, spread(-13, 13, polygon), np.pi * 11.0**2 * 26 / 1e3, tolerance=0.005)


def test_oblique_contours():
    a = np.radians(12)
    matrix = ((1, 0, 0), (0, np.cos(a), np.sin(a)), (0, -np.sin(a), np.cos(a)))
    polygon, w = circle(10.0), np.arange(-9, 10, 3.0)
    dvh = calculate_dvhs(structure_set({1: stack([polygon] * len(w), w, matrix)}), grid())[1]
    agree(
        dvh, spread(-10.5, 10.5, polygon, np.asarray(matrix) @ SLOPE), np.pi * 100 * 21 / 1e3, tolerance=0.005
    )


def ring_truth(outer, inner, z):
    area = np.pi * (outer**2 - inner**2)
    return area * z / 1e3


@pytest.mark.parametrize("kind", ["nested", "keyhole"])
def test_holes(kind):
    outer, inner, z = circle(14.0, 400), circle(6.0, 400), np.arange(-9, 10, 2.0)
    if kind == "nested":
        contours = stack([p for _ in z for p in (outer, inner)], np.repeat(z, 2))
    else:
        ring = np.concatenate((outer, outer[:1], inner[::-1], inner[-1:]))
        contours = stack([np.roll(ring, 7, axis=0)] * len(z), z)
    dvh = calculate_dvhs(structure_set({1: contours}), grid(lambda p: 20 + p[:, 1]))[1]
    heights = np.linspace(-14, 14, 4001)
    above = stack_above([outer] * len(z), z - 1, z + 1, "AP", heights)
    above = above - stack_above([inner] * len(z), z - 1, z + 1, "AP", heights)
    truth = Truth(heights, above, lambda t: 20 + t).values()
    assert dvh.volume_cc == pytest.approx(ring_truth(14, 6, 20), rel=1e-3)
    found = measured(dvh, truth)
    assert all(found[name] == pytest.approx(truth[name], rel=0.005) for name in truth)


def test_an_island_in_a_hole_counts_again():
    z = np.arange(-4, 5, 2.0)
    contours = stack(
        [p for _ in z for p in (circle(14.0, 400), circle(9.0, 400), circle(4.0, 400))], np.repeat(z, 3)
    )
    dvh = calculate_dvhs(structure_set({1: contours}), grid())[1]
    assert dvh.volume_cc == pytest.approx(np.pi * (196 - 81 + 16) * 10 / 1e3, rel=1e-3)


def test_one_slice_gets_the_thickness_of_the_other_rois():
    z = np.arange(-9, 10, 3.0)
    rois = {1: stack([rectangle(5, 5)], [0.0]), 2: stack([circle(10)] * len(z), z)}
    dvh = calculate_dvhs(structure_set(rois), grid())[1]
    assert dvh.volume_cc == pytest.approx(100 * 3 / 1e3)
    assert dvh.status == "warning" and "3 mm thick" in dvh.reason
    assert dvh.mean_gy == pytest.approx(20, rel=1e-4)


def test_one_slice_gets_the_thickness_of_the_image_series():
    rs = structure_set({1: stack([rectangle(5, 5)], [0.0])})
    assert calculate_dvhs(rs, grid(), slice_spacing_mm=2.0)[1].volume_cc == pytest.approx(0.2)
    alone = calculate_dvhs(rs, grid())[1]
    assert alone.status == "failed" and "one plane" in alone.reason and np.isnan(alone.mean_gy)


def test_outside_the_grid():
    z = np.arange(-4, 5, 2.0)
    rois = {
        1: stack([shifted(rectangle(5, 5), (25.0, 0.0))] * 5, z),
        2: stack([shifted(rectangle(5, 5), (90.0, 0.0))] * 5, z),
        3: stack([rectangle(5, 5)] * 5, z + 200),
    }
    rd = dose_object(lambda p: 20 + p[:, 0], (20, 20, 20), (2.0,) * 3, (-13.0, -19.0, -19.0))
    dvhs = calculate_dvhs(structure_set(rois), rd)
    # the outer border of the last column is at -13 + 19 * 2 + 1 = 26 mm, its centre at 25 mm
    assert dvhs[1].status == "warning" and "outside the dose grid" in dvhs[1].reason
    assert dvhs[1].volume_cc == pytest.approx(1.0) and dvhs[1].uncovered_cc == pytest.approx(0.4)
    assert dvhs[1].cumulative_cc[0] == pytest.approx(0.6)
    assert dvhs[1].min_gy == pytest.approx(40) and dvhs[1].max_gy == pytest.approx(45)
    for number in (2, 3):
        assert dvhs[number].status == "failed" and "outside the dose grid" in dvhs[number].reason
        assert dvhs[number].uncovered_cc == pytest.approx(dvhs[number].volume_cc) == pytest.approx(1.0)


def test_an_interrupted_roi_is_not_filled_in():
    z = np.concatenate((np.arange(-20, -12, 2.0), np.arange(14, 22, 2.0)))
    dvh = calculate_dvhs(structure_set({1: stack([rectangle(5, 5)] * len(z), z)}), grid())[1]
    assert dvh.volume_cc == pytest.approx(8 * 2 * 100 / 1e3)
    assert dvh.status == "warning" and "interrupted between the planes at -14 and 14" in dvh.reason


@pytest.mark.parametrize(("end_cap", "slices"), [("half", 5.0), ("none", 4.0), ("taper", 4.0 + 1 / 3)])
def test_end_caps(end_cap, slices):
    z = np.arange(-4, 5, 2.0)
    dvh = calculate_dvhs(structure_set({1: stack([rectangle(5, 5)] * 5, z)}), grid(), end_cap=end_cap)[1]
    assert dvh.volume_cc == pytest.approx(100 * 2 * slices / 1e3, rel=1e-6)
    assert dvh.end_cap == end_cap
    assert dvh.mean_gy == pytest.approx(20, rel=1e-3)


def test_a_hole_tapers_with_its_owner():
    z = np.arange(-4, 5, 2.0)
    contours = stack(
        [p for _ in z for p in (rectangle(8, 8), shifted(rectangle(3, 3), (4.0, 4.0)))], np.repeat(z, 2)
    )
    dvh = calculate_dvhs(structure_set({1: contours}), grid(), end_cap="taper")[1]
    assert dvh.volume_cc == pytest.approx((256 - 36) * 2 * (4 + 1 / 3) / 1e3, rel=1e-6)


def test_the_bytes_of_a_file_and_a_data_set_give_the_same(tmp_path):
    case = Case("cone AP", "SI", True, 3.0, 3.0)
    rs, rd = case.objects()
    (tmp_path / "rs.dcm").write_bytes(written(rs))
    (tmp_path / "rd.dcm").write_bytes(written(rd))
    one = calculate_dvhs(rs, rd)[1]
    two = calculate_dvhs(tmp_path / "rs.dcm", str(tmp_path / "rd.dcm"))[1]
    with (tmp_path / "rs.dcm").open("rb") as first, (tmp_path / "rd.dcm").open("rb") as second:
        three = calculate_dvhs(first, second)[1]
    assert one == two == three
    assert (one.cumulative_cc == two.cumulative_cc).all()
