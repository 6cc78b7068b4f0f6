"""Damaged and unusual structure sets: a DVH with a status and a reason, never a crash."""

import io

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import Case, circle, contour, dose_object, rectangle, structure_set, written
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from pyconquest_rt.dvh import DVH, calculate_dvhs
from pyconquest_rt.errors import ObjectError, UnreadableError

Z = np.arange(-6, 7, 2.0)


def stack(polygon=None):
    polygon = rectangle(5, 5) if polygon is None else polygon
    return [np.column_stack((polygon, np.full(len(polygon), z))) for z in Z]


@pytest.fixture(scope="module")
def rd():
    return dose_object(lambda p: 20 + 0.3 * p[:, 0], (16, 16, 16), (2.0,) * 3, (-15.0, -15.0, -15.0))


def one(rs, rd, **options):
    return calculate_dvhs(written(rs), rd, **options)[1]


def test_no_contours(rd):
    rs = structure_set({1: [], 2: stack()})
    dvhs = calculate_dvhs(rs, rd)
    assert (dvhs[1].status, dvhs[1].reason, dvhs[1].volume_cc) == ("failed", "no contours", 0.0)
    assert dvhs[2].status == "ok"
    del rs.ROIContourSequence[0].ContourSequence
    del rs.ROIContourSequence[1]
    assert {dvh.reason for dvh in calculate_dvhs(rs, rd).values()} == {"no contours"}


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"])
def test_contours_that_enclose_nothing(rd, kind):
    rs = structure_set({1: []})
    rs.ROIContourSequence[0].ContourSequence = [
        contour(stack()[0][:1] if kind == "POINT" else stack()[0], kind)
    ]
    dvh = one(rs, rd)
    assert dvh.status == "failed" and kind in dvh.reason
    rs.ROIContourSequence[0].ContourSequence += [contour(points) for points in stack()]
    dvh = one(rs, rd)
    assert dvh.status == "warning" and f"1 {kind}" in dvh.reason
    assert dvh.volume_cc == pytest.approx(1.4)


def damaged(text):
    """A structure set whose fourth contour has this ContourData."""
    rs = structure_set({1: stack()})
    value = rs.ROIContourSequence[0].ContourSequence[3]
    value[0x30060050] = RawDataElement(pydicom.tag.Tag(0x30060050), "DS", len(text), text, 0, False, True)
    return rs


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"1\\2\\3\\4", "unreadable"),
        (b"a\\b\\c\\1\\2\\3\\4\\5\\6", "unreadable"),
        (b"", "unreadable"),
        (b"nan\\1\\-4\\2\\2\\-4\\3\\1\\-4\\1\\1\\-4 ", "not finite"),
        (b"1e300\\1\\-4\\2\\2\\-4\\3\\1\\-4\\1\\1\\-4", "not finite"),
        (b"1\\1\\-4\\2\\2\\-4 ", "fewer than three"),
    ],
)
def test_damaged_contour_data(rd, text, note):
    dvh = calculate_dvhs(damaged(text), rd)[1]
    assert dvh.status == "warning" and note in dvh.reason
    assert dvh.volume_cc == pytest.approx(1.4, rel=0.02)


def test_a_contour_drawn_twice_counts_once(rd):
    rs = structure_set({1: stack() + stack()[:1]})
    dvh = one(rs, rd)
    assert dvh.volume_cc == pytest.approx(1.4) and "drawn twice" in dvh.reason


def test_a_line_encloses_nothing(rd):
    line = np.array([(-5, 0), (5, 0), (0, 0)], float)
    dvh = one(structure_set({1: stack(line)}), rd)
    assert dvh.status == "failed" and "no area" in dvh.reason


def test_contours_in_different_directions(rd):
    turned = [points[:, [2, 0, 1]] for points in stack()]
    dvh = one(structure_set({1: stack() + turned}), rd)
    assert dvh.status == "failed" and "parallel planes" in dvh.reason


def test_unknown_rois_and_options(rd):
    rs = structure_set({1: stack(), 2: stack()}, {1: "Rückenmark"})
    found = calculate_dvhs(rs, rd, rois=[2, 9, 1])
    assert list(found) == [2, 9, 1] and found[9].status == "failed" and "no ROI" in found[9].reason
    assert found[1].roi_name == "Rückenmark" and found[1].roi_type == "PTV" and found[1].color == (255, 0, 0)
    with pytest.raises(ValueError, match="half, none, taper"):
        calculate_dvhs(rs, rd, end_cap="round")
    with pytest.raises(ValueError, match="pyconquest, dicompyler"):
        calculate_dvhs(rs, rd, engine="other")


def test_another_frame_of_reference(rd):
    rs = structure_set({1: stack()})
    rs.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3"
    dvh = one(rs, rd)
    assert dvh.status == "failed" and "frames of reference" in dvh.reason
    assert dvh.volume_cc == pytest.approx(1.4) and dvh.dose.size == 0
    allowed = one(rs, rd, other_frame_of_reference=True)
    assert allowed.status == "warning" and "frames of reference" in allowed.reason
    assert allowed.mean_gy == pytest.approx(20, rel=1e-3)


def test_what_is_not_dicom(rd, tmp_path):
    rs = structure_set({1: stack()})
    with pytest.raises(UnreadableError):
        calculate_dvhs(b"no DICOM at all", rd)
    with pytest.raises(UnreadableError, match=r"nothing\.dcm"):
        calculate_dvhs(rs, tmp_path / "nothing.dcm")
    with pytest.raises(ObjectError, match="RTDOSE"):
        calculate_dvhs(rd, rd)
    assert one(rs, rs).status == "failed"


def test_values_that_pydicom_already_converted(rd):
    rs = pydicom.dcmread(io.BytesIO(written(structure_set({1: stack()}))))
    assert len(rs.ROIContourSequence[0].ContourSequence[0].ContourData) == 12
    dose = pydicom.dcmread(io.BytesIO(written(rd)))
    assert dose.GridFrameOffsetVector and dose.DoseGridScaling
    assert calculate_dvhs(rs, dose)[1] == one(structure_set({1: stack()}), rd)


def test_bytes_cut_off_anywhere(rd):
    rs = written(structure_set({1: stack(circle(5, 12))}))
    for length in range(300, len(rs), 97):
        try:
            for dvh in calculate_dvhs(rs[:length], rd).values():
                assert dvh.status in ("ok", "warning", "failed")
        except ObjectError:
            pass


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(
            st.tuples(
                *[st.floats(-30, 30, width=16)] * 2, st.sampled_from([-4.0, -2.0, 0.0, 0.01, 2.0, 7.5])
            ),
            min_size=1,
            max_size=9,
        ),
        max_size=6,
    )
)
def test_any_contours_give_a_dvh(contours):
    dose = dose_object(lambda p: 20 + 0.3 * p[:, 0], (8, 8, 8), (4.0,) * 3, (-14.0, -14.0, -14.0))
    flat = [np.array([(x, y, points[0][2]) for x, y, _ in points], float) for points in contours]
    dvh = calculate_dvhs(structure_set({1: flat}), dose, end_cap="taper")[1]
    assert isinstance(dvh, DVH) and dvh.status in ("ok", "warning", "failed")
    if dvh.status == "failed":
        assert dvh.reason
    else:
        assert dvh.volume_cc > 0 and dvh.uncovered_cc >= 0
        assert dvh.min_gy - 1e-6 <= dvh.mean_gy <= dvh.max_gy + 1e-6
        assert (np.diff(dvh.cumulative_cc) <= 1e-12).all()
        assert dvh.min_gy - 1e-6 <= dvh.dose_at_volume(50) <= dvh.max_gy + 1e-6


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_dose_elements_give_a_dvh(data):
    rs, dose = Case("sphere", "AP", True, 3.0, 4.0).objects()
    keywords = [element.keyword for element in dose if element.keyword != "PixelData"]
    for keyword in data.draw(st.lists(st.sampled_from(keywords), min_size=1, max_size=3, unique=True)):
        value = data.draw(
            st.sampled_from([None, b"", b"0", b"-1", b"nan\\2\\3", b"7", b"1\\1\\1", b"\xff\xfe"])
        )
        dose[keyword] = RawDataElement(
            dose[keyword].tag, dose[keyword].VR, len(value or b""), value, 0, False, True
        )
    dvh = calculate_dvhs(rs, dose)[1]
    assert dvh.status in ("ok", "warning", "failed") and (dvh.reason or dvh.status == "ok")


def test_an_empty_structure_set(rd):
    empty = structure_set({})
    assert calculate_dvhs(empty, rd) == {}
    assert isinstance(empty, Dataset)
