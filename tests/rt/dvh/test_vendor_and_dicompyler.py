"""DVHs that others calculated: the sender's DVHSequence, dicompyler-core, and what real cases say."""

import os
from pathlib import Path

import numpy as np
import pytest
from phantoms import Case, circle, structure_set, written
from pydicom.dataset import Dataset
from test_geometry import grid, stack

from pyconquest_rt.dvh import calculate_dvhs, read_vendor_dvhs

DATA = Path(os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data")) / "rt"
real_data = pytest.mark.skipif(not (DATA / "slicerrt").is_dir(), reason="the shared data are not here")


def sent(data, kind="CUMULATIVE", units="GY", volumes="CM3", scaling="1", rois=((5, "INCLUDED"),), **stated):
    item = Dataset()
    item.DVHType, item.DoseUnits, item.DVHVolumeUnits, item.DVHDoseScaling = kind, units, volumes, scaling
    item.DVHNumberOfBins = len(data) // 2
    item.add_new(0x30040058, "DS", [f"{v:g}" for v in data])
    item.DVHReferencedROISequence = []
    for number, contribution in rois:
        reference = Dataset()
        reference.ReferencedROINumber, reference.DVHROIContributionType = number, contribution
        item.DVHReferencedROISequence.append(reference)
    for name, value in stated.items():
        setattr(item, name, value)
    return item


def rtdose(*items):
    _, ds = Case("sphere", "AP", True, 3.0, 3.0).objects()
    ds.DVHSequence = list(items)
    return ds


@pytest.mark.parametrize(
    "item",
    [
        sent([5, 20, 5, 20, 5, 16, 5, 8, 5, 0]),
        sent([0, 20, 5, 20, 5, 16, 5, 8, 5, 0]),
        sent([0.5, 20, 0.5, 20, 0.5, 16, 0.5, 8], scaling="10"),
        sent([5, 0, 5, 4, 5, 8, 5, 8], kind="DIFFERENTIAL"),
        sent([5, 0, 5, 4, 5, 8, 5, 8], kind="DIFFERENTIAL", rois=((5, "INCLUDED"),)),
    ],
)
def test_forms_of_dvh_data(item):
    dvh = read_vendor_dvhs(written(rtdose(item)))[5]
    assert (dvh.source, dvh.status, dvh.volume_cc) == ("vendor", "ok", 20)
    assert [dvh.volume_at_dose(d) for d in (0, 5, 10, 15, 20)] == pytest.approx([20, 20, 16, 8, 0])
    assert (dvh.min_gy, dvh.max_gy) == (5, 20) and dvh.mean_gy == pytest.approx(
        (7.5 * 4 + 12.5 * 8 + 17.5 * 8) / 20
    )
    assert dvh.metric("D50%[Gy]") == pytest.approx(13.75)


def test_relative_units():
    percent = sent([10, 100, 10, 100, 10, 80, 10, 40, 10, 0], units="RELATIVE", volumes="PERCENT")
    ds = rtdose(percent)
    assert "prescription" in read_vendor_dvhs(ds)[5].reason
    dvh = read_vendor_dvhs(ds, prescription_gy=50.0)[5]
    assert dvh.max_gy == pytest.approx(20) and dvh.metric("V10Gy[%]") == pytest.approx(80)
    assert np.isnan(dvh.volume_cc) and np.isnan(dvh.metric("V10Gy[cc]"))
    ds.DVHNormalizationDoseValue = "50"
    dvh = read_vendor_dvhs(ds, volumes_cc={5: 20.0})[5]
    assert dvh.metric("V10Gy[cc]") == pytest.approx(16) and "normalised to 50 Gy" in dvh.reason


def test_the_senders_own_statistics():
    stated = {"DVHMinimumDose": 5.1, "DVHMeanDose": 13.3, "DVHMaximumDose": 19.9}
    dvh = read_vendor_dvhs(rtdose(sent([5, 20, 5, 20, 5, 16, 5, 8, 5, 0], **stated)))[5]
    assert (dvh.min_gy, dvh.mean_gy, dvh.max_gy, dvh.status) == (5.1, 13.3, 19.9, "ok")
    stated["DVHMeanDose"] = 95.0
    dvh = read_vendor_dvhs(rtdose(sent([5, 20, 5, 20, 5, 16, 5, 8, 5, 0], **stated)))[5]
    assert dvh.status == "warning" and "contradict" in dvh.reason and dvh.mean_gy == pytest.approx(13.5)
    dvh = read_vendor_dvhs(rtdose(sent([50, 20, 50, 20, 50, 16])))[5]
    assert dvh.status == "warning" and "times that of the dose grid" in dvh.reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (sent([]), "missing"),
        (sent([1, 2, 3]), "pairs"),
        (sent([1, 5, -1, 4]), "negative"),
        (sent([0, 5, 0, 4]), "negative"),
        (sent([1, 5, 1, 4], kind="NATURAL"), "NATURAL"),
        (sent([1, 0, 1, 0]), "no volume"),
        (sent([1, 5, 1, 4], scaling="0"), "DVHDoseScaling"),
    ],
)
def test_damaged_dvhs(item, reason):
    dvh = read_vendor_dvhs(rtdose(item))[5]
    assert dvh.status == "failed" and reason in dvh.reason


def test_dvhs_of_several_rois():
    both = sent([5, 30, 5, 10], rois=((5, "INCLUDED"), (6, "INCLUDED"), (7, "EXCLUDED")))
    found = read_vendor_dvhs(rtdose(both))
    assert list(found) == [5] and "5, 6, without 7" in found[5].reason
    assert read_vendor_dvhs(rtdose(both, sent([5, 20, 5, 10])))[5].volume_cc == 20
    assert read_vendor_dvhs(rtdose(sent([5, 20, 5, 10]), both))[5].volume_cc == 20
    assert read_vendor_dvhs(rtdose(sent([5, 20], rois=()))) == {}
    assert read_vendor_dvhs(rtdose()) == {}


def test_the_dicompyler_engine():
    case = Case("sphere", "AP", True, 1.0, 1.0)
    rs, rd = case.objects()
    ours = calculate_dvhs(rs, rd)[1]
    theirs = calculate_dvhs(written(rs), written(rd), engine="dicompyler")[1]
    assert theirs.source == "dicompyler" and theirs.status == "ok" and theirs.roi_name == ours.roi_name
    assert theirs.volume_cc == pytest.approx(ours.volume_cc, rel=0.03)
    assert theirs.mean_gy == pytest.approx(ours.mean_gy, rel=0.005)
    assert theirs.dose_at_volume(50) == pytest.approx(ours.dose_at_volume(50), rel=0.02)
    del rs.file_meta, rd.file_meta  # as they come from pynetdicom's event.dataset
    bare = calculate_dvhs(rs, rd, engine="dicompyler")[1]
    assert bare.mean_gy == theirs.mean_gy and not hasattr(rs, "file_meta")
    rd.PixelData = rd.PixelData[:-4000]
    assert calculate_dvhs(rs, rd, engine="dicompyler")[1].status == "failed"


def test_the_dicompyler_engines_crash_is_a_reason():
    oblique = grid(orientation=(0.8, 0.6, 0, -0.6, 0.8, 0))
    rs = structure_set({1: stack([circle(8)] * 3, [-2, 0, 2])})
    dvh = calculate_dvhs(rs, oblique, engine="dicompyler")[1]
    assert dvh.status == "failed" and dvh.reason.startswith("dicompyler-core: ")
    assert calculate_dvhs(rs, oblique)[1].status == "ok"


def test_to_dicompyler():
    case = Case("cylinder SI", "SI", True, 2.0, 1.0)
    dvh = calculate_dvhs(*case.objects(), prescription_gy=30.0)[1]
    theirs = dvh.to_dicompyler()
    assert theirs.volume == pytest.approx(dvh.volume_cc) and theirs.mean == pytest.approx(
        dvh.mean_gy, abs=0.005
    )
    assert theirs.max == pytest.approx(dvh.max_gy, abs=0.011) and theirs.min == pytest.approx(
        dvh.min_gy, abs=0.011
    )
    assert theirs.D95.value == pytest.approx(dvh.metric("D95%[Gy]"), abs=0.011)
    assert theirs.V20Gy.value == pytest.approx(dvh.metric("V20Gy[cc]"), abs=0.05)
    assert theirs.name == "ROI 1" and theirs.rx_dose == 30 and list(theirs.color) == [255, 0, 0]


@real_data
def test_a_real_case_against_the_planning_system():
    folder = DATA / "dicompyler-core"
    ours = calculate_dvhs(folder / "rtss.dcm", folder / "rtdose.dcm")
    vendor = read_vendor_dvhs(folder / "rtdose.dcm")
    assert len(ours) == 10 and len(vendor) == 9
    for number, name in ((9, "Tumor Bed"), (6, "Lt Lung"), (5, "Heart")):
        assert ours[number].roi_name == name
        assert ours[number].mean_gy == pytest.approx(vendor[number].mean_gy, rel=0.01)
        median = vendor[number].dose_at_volume(50)
        assert ours[number].dose_at_volume(50) == pytest.approx(median, abs=0.005 * vendor[number].max_gy)
        assert ours[number].volume_cc == pytest.approx(vendor[number].volume_cc, rel=0.03)
    assert all("contradict" in dvh.reason for dvh in vendor.values())


@real_data
@pytest.mark.parametrize(
    "name", ["pydicom/rtstruct.dcm", "rt-utils/tests_mock_data_rt.dcm", "cerr/DCM_RS_00060.dcm"]
)
def test_real_structure_sets_far_from_the_dose(name):
    dvhs = calculate_dvhs(DATA / name, DATA / "dicompyler-core" / "rtdose.dcm")
    assert dvhs and all(dvh.status in ("ok", "warning", "failed") for dvh in dvhs.values())
    assert all(dvh.reason for dvh in dvhs.values() if dvh.status != "ok")
