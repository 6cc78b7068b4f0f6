"""Dose grids as they are stored: sizes, signs, byte orders, compression, and what is refused."""

import io

import numpy as np
import pydicom
import pytest
from phantoms import Case, dose_object, structure_set, written
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.rt.dose_grid import DoseError, read_dose_grid

CASE = Case("sphere", "AP", True, 3.0, 2.0)


def dose(bits=32, signed=False, sign=1.0):
    return dose_object(
        lambda p: sign * CASE.dose(p[:, 1]),
        (12, 12, 12),
        (3.0,) * 3,
        (-16.1, -16.2, -16.3),
        bits=bits,
        signed=signed,
    )


@pytest.mark.parametrize(("bits", "tolerance"), [(8, 0.01), (16, 1e-4), (32, 1e-5)])
@pytest.mark.parametrize("signed", [False, True])
def test_bits_and_signs(bits, signed, tolerance):
    rs, rd = CASE.objects()
    reference = calculate_dvhs(rs, rd)[1]
    dvh = calculate_dvhs(rs, dose(bits, signed))[1]
    for name in ("mean_gy", "min_gy", "max_gy"):
        assert getattr(dvh, name) == pytest.approx(getattr(reference, name), rel=tolerance)


def test_negative_doses():
    rs, _ = CASE.objects()
    dvh = calculate_dvhs(rs, dose(32, True, sign=-1.0))[1]
    assert dvh.mean_gy == pytest.approx(-20, rel=1e-3) and dvh.min_gy == pytest.approx(-32, rel=2e-3)
    assert dvh.dose_gy[0] <= dvh.min_gy and dvh.cumulative_cc[0] == pytest.approx(dvh.volume_cc)


def test_compressed_and_big_endian_grids_are_the_same():
    plain = read_dose_grid(dose(16))
    packed = dose(16)
    packed.compress(RLELossless)
    assert (read_dose_grid(pydicom.dcmread(io.BytesIO(written(packed)))).stored == plain.stored).all()
    swapped = dose(16)
    swapped.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    swapped.PixelData = np.frombuffer(swapped.PixelData, "<u2").astype(">u2").tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, swapped, enforce_file_format=True)
    again = read_dose_grid(pydicom.dcmread(io.BytesIO(buffer.getvalue())))
    assert (again.stored == plain.stored).all()


@pytest.mark.parametrize(
    "name", ["rtdose.dcm", "rtdose_1frame.dcm", "rtdose_expb.dcm", "rtdose_expb_1frame.dcm", "rtdose_rle.dcm"]
)
def test_values_are_pydicoms(name):
    ds = pydicom.dcmread(get_testdata_file(name))
    ds.DoseUnits = "GY"
    expected = ds.pixel_array * float(ds.DoseGridScaling)
    grid = read_dose_grid(ds)
    if expected.ndim == 2:
        expected = np.stack((expected, expected))
    assert grid.gray(grid.stored) == pytest.approx(expected.astype(np.float32), rel=1e-6)


def test_a_single_frame_is_a_slab():
    rd = dose_object(lambda p: 20 + p[:, 1], (1, 20, 20), (1.0, 2.0, 2.0), (-19.0, -19.0, 0.0))
    rd.SliceThickness = "4"
    z = np.arange(-2.0, 3.0, 1.0)
    square = np.array([(-5, -5), (5, -5), (5, 5), (-5, 5)], float)
    rs = structure_set({1: [np.column_stack((square, np.full(4, h))) for h in z]})
    dvh = calculate_dvhs(rs, rd)[1]
    assert dvh.volume_cc == pytest.approx(0.5) and dvh.uncovered_cc == pytest.approx(0.1)
    assert dvh.mean_gy == pytest.approx(20) and dvh.max_gy == pytest.approx(25)
    del rd.NumberOfFrames, rd.GridFrameOffsetVector
    assert calculate_dvhs(rs, rd)[1].mean_gy == pytest.approx(20)


def change(name, value):
    def apply(ds):
        if value is None:
            del ds[name]
        else:
            setattr(ds, name, value)

    return apply


REFUSED = {
    "no pixel data": (change("PixelData", None), "no PixelData"),
    "empty pixel data": (change("PixelData", b""), "no PixelData"),
    "relative": (change("DoseUnits", "RELATIVE"), "RELATIVE"),
    "no units": (change("DoseUnits", None), "missing"),
    "differences": (change("DoseType", "ERROR"), "ERROR"),
    "frames": (change("NumberOfFrames", 2_000_000_000), "voxels"),
    "rows": (change("Rows", 60_000), "need"),
    "no rows": (change("Rows", None), "Rows"),
    "no scaling": (change("DoseGridScaling", None), "DoseGridScaling"),
    "scaling 0": (change("DoseGridScaling", 0), "DoseGridScaling"),
    "offsets missing": (change("GridFrameOffsetVector", None), "GridFrameOffsetVector"),
    "offsets short": (change("GridFrameOffsetVector", [0, 3, 6]), "3 usable values"),
    "offsets folded": (
        change("GridFrameOffsetVector", [0, 3, 6, 9, 12, 15, 12, 9, 6, 3, 1, 2]),
        "neither rises",
    ),
    "offsets elsewhere": (change("GridFrameOffsetVector", list(range(500, 512))), "starts with 500"),
    "position": (change("ImagePositionPatient", None), "ImagePositionPatient"),
    "orientation": (change("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "perpendicular"),
    "spacing": (change("PixelSpacing", [0, 3]), "PixelSpacing"),
    "bits": (change("BitsAllocated", 12), "BitsAllocated"),
    "colour": (change("SamplesPerPixel", 3), "SamplesPerPixel"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name_and_the_volume_still_stated(what):
    apply, reason = REFUSED[what]
    rs, _ = CASE.objects()
    ds = dose()
    apply(ds)
    with pytest.raises(DoseError, match=reason):
        read_dose_grid(ds)
    dvh = calculate_dvhs(rs, ds)[1]
    assert dvh.status == "failed" and reason in dvh.reason
    assert dvh.volume_cc == pytest.approx(7.24, rel=0.01)
    assert np.isnan(dvh.mean_gy) and dvh.dose_gy.size == 0 and np.isnan(dvh.dose_at_volume(95))


@pytest.mark.parametrize("value", ["NaN", "inf", "-1", "1e400", "abc"])
def test_damaged_scaling(value):
    good = str(dose().DoseGridScaling).encode()
    bad = written(dose()).replace(good, value.encode().ljust(len(good)))
    dvh = calculate_dvhs(CASE.objects()[0], bad)[1]
    assert dvh.status == "failed" and "DoseGridScaling" in dvh.reason


def test_a_small_file_cannot_ask_for_much_memory():
    packed = dose(16)
    packed.compress(RLELossless)
    packed.Rows, packed.Columns = 16_000, 1_000
    with pytest.raises(DoseError, match="need"):
        read_dose_grid(packed)
