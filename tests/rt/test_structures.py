"""Structure sets as rows: geometry against closed forms and the DVH engine, flags, and damaged objects."""

import math

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from rt_objects import SHARED, as_bytes, contour, dose, item, polygon, rectangle, structure_set

from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.rt.objects.structures import extract
from pyconquest_rt.rt.tables import TABLES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def only_roi(*contours):
    return extract(structure_set({1: ("x", list(contours))})).rois[0]


def test_a_box_has_the_volume_surface_and_centre_of_its_slabs():
    roi = only_roi(*(contour(rectangle((10, 50), (-5, 15), z)) for z in range(0, 31, 3)))
    assert roi["volume_cc"] == pytest.approx(40 * 20 * 33 / 1e3, rel=1e-9)
    assert roi["surface_area_cm2"] == pytest.approx((2 * 40 * 20 + 2 * (40 + 20) * 33) / 1e2, rel=1e-9)
    assert [roi[f"centroid_{axis}_mm"] for axis in "xyz"] == pytest.approx([30, 5, 15], abs=1e-6)
    assert [roi[f"low_{axis}_mm"] for axis in "xyz"] == [10, -5, 0]
    assert [roi[f"spread_{axis}_mm"] for axis in "xyz"] == [40, 20, 30]
    assert roi["max_cross_section_cm2"] == pytest.approx(8, rel=1e-9)
    assert (roi["plane_count"], roi["plane_spacing_mm"], roi["contour_count"]) == (11, 3, 11)
    assert (roi["status"], roi["end_cap"]) == ("ok", "half")


def test_a_sphere_comes_near_its_closed_forms():
    radius = 30.0
    heights = np.arange(-29.5, 30, 1.0)
    planes = (contour(polygon(math.sqrt(radius**2 - z**2), z, centre=(5, -7))) for z in heights)
    roi = only_roi(*planes)
    assert roi["volume_cc"] == pytest.approx(4 / 3 * math.pi * radius**3 / 1e3, rel=1e-3)
    assert roi["surface_area_cm2"] == pytest.approx(4 * math.pi * radius**2 / 1e2, rel=0.02)
    assert [roi[f"centroid_{axis}_mm"] for axis in "xyz"] == pytest.approx([5, -7, 0], abs=1e-3)


def test_holes_islands_and_the_inner_surface():
    box = rectangle((0, 40), (0, 40), 0), rectangle((10, 30), (10, 30), 0)
    planes = [contour([(x, y, z) for x, y, _ in ring]) for z in (0, 5, 10) for ring in box]
    roi = only_roi(*planes)
    assert roi["volume_cc"] == pytest.approx((1600 - 400) * 15 / 1e3, rel=1e-9)
    assert roi["surface_area_cm2"] == pytest.approx((2 * 1200 + (160 + 80) * 15) / 1e2, rel=1e-9)


def test_centroid_of_a_lopsided_area():
    triangle = [(0.0, 0.0), (30.0, 0.0), (0.0, 60.0)]
    roi = only_roi(*(contour([(x, y, z) for x, y in triangle]) for z in (0, 2, 4)))
    assert [roi[f"centroid_{axis}_mm"] for axis in "xyz"] == pytest.approx([10, 20, 2], abs=0.02)


def test_sagittal_contours_have_their_volume_and_centre():
    planes = [contour([(x, a, b) for a, b in ((0, 0), (20, 0), (20, 30), (0, 30))]) for x in (2, 4, 6)]
    roi = only_roi(*planes)
    assert roi["volume_cc"] == pytest.approx(20 * 30 * 6 / 1e3, rel=1e-9)
    assert [roi[f"centroid_{axis}_mm"] for axis in "xyz"] == pytest.approx([4, 10, 15], abs=1e-6)


def test_volumes_are_those_of_the_dvh_engine():
    rng = np.random.default_rng(4)
    radii = 20 + 5 * rng.random(12)
    z = np.cumsum(2 + rng.random(12))
    rois = {
        1: ("uneven", [contour(polygon(r, h, 50)) for r, h in zip(radii, z, strict=True)]),
        2: ("one slice", [contour(polygon(10, z[3], 40))]),
        3: ("two pieces", [contour(polygon(8, h, 40)) for h in (*z[:4], *z[9:])]),
    }
    structures = structure_set(rois)
    grid = np.full((20, 40, 40), 5, np.uint16)
    dvhs = calculate_dvhs(as_bytes(structures), as_bytes(dose(grid, ImagePositionPatient=[-40, -50, -10])))
    for row in extract(structures).rois:
        assert row["volume_cc"] == pytest.approx(dvhs[row["roi_number"]].volume_cc, rel=1e-6), row["raw_name"]


def test_flags_and_reasons():
    square = rectangle((0, 10), (0, 10), 5)
    rows = extract(
        structure_set(
            {
                1: ("Heart", [contour(square), contour(rectangle((0, 10), (0, 10), 8))]),
                2: ("heart", []),
                3: ("iso", [contour([(1, 2, 3)], "POINT")]),
                4: ("slice", [contour(square)]),
                5: ("bent", [contour([(0, 0, 0), (10, 0, 9), (10, 10, 0), (0, 10, 9)])]),
            }
        )
    )
    flags = {
        row["roi_number"]: (row["is_empty"], row["is_duplicate_name"], row["is_one_slice"], row["status"])
        for row in rows.rois
    }
    assert flags == {
        1: (0, 1, 0, "ok"),
        2: (1, 1, 0, "failed"),
        3: (1, 0, 0, "failed"),
        4: (0, 0, 1, "warning"),
        5: (0, 0, 0, "failed"),
    }
    reasons = [row["reason"] for row in rows.rois]
    assert reasons[1] == "no contours"
    assert reasons[2] == "only contours that enclose no volume (POINT)"
    assert "parallel planes" in reasons[4]
    assert rows.rois[3]["volume_cc"] == pytest.approx(
        0.3
    )  # as thick as the planes of the other ROI are apart
    assert rows.rois[0]["colour"] == "#ff8000"


def test_an_roi_on_one_plane_takes_the_thickness_that_is_given():
    dataset = structure_set({1: ("x", [contour(rectangle((0, 10), (0, 10), 5))])})
    alone, given = extract(dataset).rois[0], extract(dataset, slice_spacing_mm=2.5).rois[0]
    assert (alone["volume_cc"], alone["status"]) == (None, "failed")
    assert "nothing tells how thick" in alone["reason"]
    assert given["volume_cc"] == pytest.approx(0.25)


def test_structure_set_row():
    row = extract(
        structure_set({7: ("a", [])}, StructureSetLabel="Plan A", StructureSetDate="20260101")
    ).structure_set
    assert (row["label"], row["date"], row["roi_count"], row["status"]) == ("Plan A", "20260101", 1, "ok")
    assert (row["frame_of_reference_uid"], row["image_series_uid"]) == ("1.9", "1.5.5")
    assert (row["patient_id"], row["study_instance_uid"]) == ("P1", "1.2.3")


def test_doubled_and_missing_numbers_are_told():
    dataset = structure_set({1: ("a", []), 2: ("b", [])})
    dataset.StructureSetROISequence[1].ROINumber = 1
    dataset.StructureSetROISequence.append(item(ROIName="c"))
    found = extract(dataset)
    assert found.structure_set["status"] == "warning"
    assert "ROI number 1 is given 2 times" in found.structure_set["reason"]
    assert "1 ROI(s) without number" in found.structure_set["reason"]
    assert "contours of 1 ROI(s) that are not described" in found.structure_set["reason"]


def test_every_column_is_given_and_no_other():
    rows = extract(structure_set({1: ("a", [contour(rectangle((0, 1), (0, 1), 0))]), 2: ("b", [])}))
    assert set(rows.structure_set) == {column.name for column in TABLES["rt_structure_set"].columns}
    for roi in rows.rois:
        assert set(roi) == {column.name for column in TABLES["rt_roi"].columns}


@pytest.mark.parametrize("source", [b"", b"no DICOM at all", b"\0" * 500])
def test_what_is_no_dicom_gives_a_row_with_the_reason(source):
    rows = extract(source)
    assert (rows.structure_set["status"], rows.rois) == ("failed", [])
    assert rows.structure_set["reason"]


def test_another_modality_and_a_missing_file_are_told(tmp_path):
    assert (
        extract(dose(np.ones((1, 2, 2), np.uint16))).structure_set["reason"]
        == "Modality is RTDOSE, not RTSTRUCT"
    )
    assert "cannot be read" in extract(tmp_path / "none.dcm").structure_set["reason"]


def test_a_file_without_dicom_header_is_read():
    rows = extract(get_testdata_file("rtstruct.dcm"))
    assert rows.structure_set["status"] == "ok"
    assert [row["raw_name"] for row in rows.rois] == ["patient", "Isocenter 1", "Isocenter 2"]


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize("path", sorted((SHARED / "rt").rglob("*.dcm")), ids=lambda path: path.name)
def test_real_objects(path):
    rows = extract(path)
    assert rows.structure_set["status"] in ("ok", "warning") or not rows.rois
    for roi in rows.rois:
        assert roi["volume_cc"] is None or 0 < roi["volume_cc"] < 1e5


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize(
    "path", sorted((SHARED / "broken" / "own").glob("*.dcm")), ids=lambda path: path.name
)
def test_damaged_objects_give_rows(path):
    rows = extract(path)
    assert all(roi["status"] == "failed" and roi["reason"] for roi in rows.rois)
