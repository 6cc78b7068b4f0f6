"""Doses as rows: the maximum against pydicom and numpy, references, grids, and damaged objects."""

import tracemalloc

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless
from rt_objects import SHARED, as_bytes, dose, item

from pyconquest_rt.rt.objects import doses
from pyconquest_rt.rt.objects.doses import extract
from pyconquest_rt.rt.tables import TABLES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RAMP = np.arange(4 * 5 * 6).reshape(4, 5, 6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int16, np.int32])
@pytest.mark.parametrize("kind", ["path", "bytes", "data set"])
def test_maximum_in_gray_from_any_source(tmp_path, dtype, kind):
    made = dose(RAMP.astype(dtype) - (100 if np.dtype(dtype).kind == "i" else 0))
    path = tmp_path / "dose.dcm"
    path.write_bytes(as_bytes(made))
    row = extract({"path": path, "bytes": path.read_bytes(), "data set": made}[kind])
    assert row["maximum_gy"] == pytest.approx((19 if np.dtype(dtype).kind == "i" else 119) / 1000)
    assert (row["status"], row["reason"]) == ("ok", None)


def test_maximum_is_sought_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(doses, "PIECE_BYTES", 64)
    monkeypatch.setattr(doses, "DEFERRED_BYTES", 16)
    values = np.zeros((9, 20, 30), np.uint32)
    values[7, 3, 2] = 70_123
    path = tmp_path / "dose.dcm"
    path.write_bytes(as_bytes(dose(values)))
    assert extract(path)["maximum_gy"] == pytest.approx(70.123)
    assert extract(path.read_bytes())["maximum_gy"] == pytest.approx(70.123)


def test_a_large_dose_is_not_held_in_memory(tmp_path):
    path = tmp_path / "dose.dcm"
    path.write_bytes(as_bytes(dose(np.ones((40, 500, 500), np.uint32))))
    tracemalloc.start()
    row = extract(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row["maximum_gy"] == pytest.approx(0.001)
    assert peak < 3 * doses.PIECE_BYTES < path.stat().st_size / 3


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, RLELossless])
def test_maximum_in_other_transfer_syntaxes(tmp_path, syntax):
    made = dose(RAMP.astype(np.uint16))
    if syntax == RLELossless:
        made.compress(syntax)
        source = as_bytes(made)
    else:
        source = dcmread(get_testdata_file("rtdose_expb.dcm"))
        source.DoseUnits = "GY"
        made = source
    expected = float(made.pixel_array.max()) * float(made.DoseGridScaling)
    assert extract(source)["maximum_gy"] == pytest.approx(expected)


def test_maximum_of_a_deflated_file(tmp_path):
    values = np.random.default_rng(5).integers(0, 5000, (40, 50, 60)).astype(np.uint32)
    made = dose(values)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "dose.dcm"
    made.save_as(path, enforce_file_format=True)
    assert extract(path)["maximum_gy"] == pytest.approx(values.max() / 1000)


def test_grid_columns():
    row = extract(dose(RAMP.astype(np.uint16), GridFrameOffsetVector=[0, 3, 6, 10]))
    assert [row[f"origin_{axis}_mm"] for axis in "xyz"] == [-10, -20, 30]
    assert (row["planes"], row["rows"], row["columns"]) == (4, 5, 6)
    assert (row["plane_spacing_mm"], row["row_spacing_mm"], row["column_spacing_mm"]) == (3, 2.5, 2)
    assert (row["is_even_spacing"], row["orientation"]) == (0, "1\\0\\0\\0\\1\\0")
    assert set(row) == {column.name for column in TABLES["rt_dose"].columns}


def test_references():
    beams = [item(ReferencedBeamNumber=n) for n in (2, 5)]
    groups = [item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=beams)]
    plans = [item(ReferencedSOPInstanceUID="1.7.1", ReferencedFractionGroupSequence=groups)]
    plans.append(item(ReferencedSOPInstanceUID="1.7.2"))
    sets = [item(ReferencedSOPInstanceUID="1.8")]
    row = extract(
        dose(RAMP.astype(np.uint16), ReferencedRTPlanSequence=plans, ReferencedStructureSetSequence=sets)
    )
    assert (row["plan_uid"], row["plan_uids"], row["structure_set_uid"]) == ("1.7.1", "1.7.1\\1.7.2", "1.8")
    assert (row["fraction_group_number"], row["beam_numbers"]) == (1, "2\\5")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"DoseUnits": "RELATIVE"}, "DoseUnits is RELATIVE"),
        ({"DoseGridScaling": None}, "DoseGridScaling is missing"),
        ({"DoseGridScaling": "-1"}, "DoseGridScaling is missing or not a positive number"),
        ({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 65535}, "no dose grid that can be read"),
        ({"Rows": 50}, "PixelData has 240 bytes of the 2400"),
        ({"PixelSpacing": None}, "PixelSpacing is missing"),
        ({"ImageOrientationPatient": [1, 0, 0]}, "ImageOrientationPatient is missing"),
        ({"GridFrameOffsetVector": [0, 3]}, "GridFrameOffsetVector does not have"),
        ({"PixelData": None}, "PixelData has 0 bytes"),
    ],
)
def test_what_is_wrong_is_told(change, reason):
    row = extract(dose(RAMP.astype(np.uint16), **change))
    assert row["status"] == "warning"
    assert reason in row["reason"]


def test_a_dose_without_pixels_is_told():
    made = dose(RAMP.astype(np.uint16))
    del made.PixelData
    assert extract(made)["reason"] == "there is no PixelData"


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_1frame.dcm", "rtdose_rle.dcm", "rtdose_expb.dcm"])
def test_bundled_doses(name):
    row = extract(get_testdata_file(name))
    assert (row["status"], row["rows"], row["columns"], row["dose_units"]) == ("warning", 10, 10, "RELATIVE")


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize(
    "path", sorted((SHARED / "rt").rglob("*dose*.dcm")), ids=lambda path: path.parent.name
)
def test_real_doses_have_the_maximum_of_pydicom(path):
    row = extract(path)
    dataset = dcmread(path)
    if dataset.DoseUnits == "GY":
        assert row["maximum_gy"] == pytest.approx(
            float(dataset.pixel_array.max()) * float(dataset.DoseGridScaling)
        )
    else:
        assert row["maximum_gy"] is None


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize(
    "path", sorted((SHARED / "broken" / "own").glob("*.dcm")), ids=lambda path: path.name
)
def test_damaged_objects_give_a_row(path):
    row = extract(path)
    assert row["status"] in ("warning", "failed")
    assert row["reason"]
