"""Dose grids as they are stored: sizes, signs, byte orders, compression, and what is refused."""

import copy
import io
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from phantoms import Case, dose_object, structure_set, written
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid
from pyconquest_rt.rt.objects.doses import extract

CASE = Case("sphere", "AP", True, 3.0, 2.0)


def dose(bits=32, signed=False, sign=1.0, side=12):
    return dose_object(
        lambda p: sign * CASE.dose(p[:, 1]),
        (12, side, side),
        (3.0, 36.0 / side, 36.0 / side),
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


def planes_of(rd, order, scalings=()):
    """A dose grid as one object for each plane, in some order, each with its own scaling."""
    frames = np.frombuffer(rd.PixelData, "<u4").reshape(rd.NumberOfFrames, rd.Rows, rd.Columns)
    found = []
    for place, number in enumerate(order):
        one = copy.deepcopy(rd)
        z = float(rd.ImagePositionPatient[2]) + float(rd.GridFrameOffsetVector[number])
        one.ImagePositionPatient = [*rd.ImagePositionPatient[:2], z]
        factor = scalings[place] if scalings else 1
        one.DoseGridScaling = float(rd.DoseGridScaling) * factor
        one.PixelData = (frames[number] // factor).astype("<u4").tobytes()
        del one.NumberOfFrames, one.GridFrameOffsetVector, one.FrameIncrementPointer
        one.SOPInstanceUID = f"1.2.3.{number + 1}"
        found.append(one)
    return found


def test_single_planes_make_one_grid_in_any_order():
    rs, rd = CASE.objects()
    reference = calculate_dvhs(rs, rd)[1]
    order = list(range(rd.NumberOfFrames))
    for planes in (order, order[::-1], order[1::2] + order[::2]):
        dvh = calculate_dvhs(rs, planes_of(rd, planes))[1]
        assert (dvh.status, dvh.volume_cc) == (reference.status, reference.volume_cc)
        for name in ("min_gy", "mean_gy", "max_gy"):
            assert getattr(dvh, name) == pytest.approx(getattr(reference, name), rel=1e-6)
    scaled = calculate_dvhs(rs, planes_of(rd, order, [1 + number % 3 for number in order]))[1]
    assert scaled.mean_gy == pytest.approx(reference.mean_gy, rel=1e-6)
    as_files = [written(plane) for plane in planes_of(rd, order)]
    assert calculate_dvhs(rs, as_files)[1].mean_gy == pytest.approx(reference.mean_gy, rel=1e-6)


def test_uneven_planes_lie_where_they_say():
    rs, rd = CASE.objects()
    order = [number for number in range(rd.NumberOfFrames) if number % 5]
    grid = read_dose_grid(planes_of(rd, order))
    assert grid.nodes[0] == pytest.approx(
        float(rd.GridFrameOffsetVector[1]) * (np.array(order) - 1), abs=1e-6
    )


def damaged_plane(change):
    planes = planes_of(dose(), range(12))
    change(planes)
    return planes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.append(copy.deepcopy(p[3])), "same plane"),
        (lambda p: setattr(p[2], "PixelSpacing", [2.0, 3.0]), "above each other"),
        (lambda p: setattr(p[2], "ImageOrientationPatient", [0, 1, 0, 1, 0, 0]), "above each other"),
        (lambda p: setattr(p[4], "ImagePositionPatient", [-10.0, -16.2, 7.0]), "above each other"),
        (lambda p: setattr(p[4], "Rows", 6), "rows and columns"),
        (lambda p: p.append(dose()), "rows and columns"),
        (lambda p: setattr(p[0], "DoseUnits", "RELATIVE"), "RELATIVE"),
        (lambda p: p[5].__delattr__("PixelData"), "no PixelData"),
        (lambda p: p.clear(), "there is no dose"),
    ],
)
def test_planes_that_are_no_grid_are_refused(change, reason):
    with pytest.raises(DoseError, match=reason):
        read_dose_grid(damaged_plane(change))


def test_dicompyler_takes_one_dose():
    rs, rd = CASE.objects()
    with pytest.raises(ValueError, match="single RTDOSE"):
        calculate_dvhs(rs, planes_of(rd, range(3)), engine="dicompyler")
    with pytest.raises(ValueError, match="no dose"):
        calculate_dvhs(rs, [])


@pytest.mark.parametrize(
    ("program", "options", "syntax"),
    [
        ("dcmcjpeg", ["+e1"], JPEGLosslessSV1),
        ("dcmcjpeg", ["+el"], JPEGLossless),
        ("dcmcjpls", ["+el"], JPEGLSLossless),
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_grids_that_dcmtk_compressed(program, options, syntax, bits, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"{program} of DCMTK is not installed")
    if not get_decoder(syntax).is_available:
        pytest.skip(f"pydicom has no decoder for {syntax.name} here")
    plain, packed = tmp_path / "plain.dcm", tmp_path / "packed.dcm"
    plain.write_bytes(written(dose(bits)))
    subprocess.run([program, *options, str(plain), str(packed)], check=True, timeout=60)
    found = pydicom.dcmread(packed)
    assert found.file_meta.TransferSyntaxUID == syntax
    assert (read_dose_grid(found).stored == read_dose_grid(dose(bits)).stored).all()
    dvh = calculate_dvhs(CASE.objects()[0], found)[1]
    assert "loss" not in dvh.reason


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("bits", [8, 16])
def test_grids_that_pydicom_compressed(syntax, bits):
    packed = dose(bits, side=48)
    packed.compress(syntax)
    packed = pydicom.dcmread(io.BytesIO(written(packed)))
    assert (read_dose_grid(packed).stored == read_dose_grid(dose(bits, side=48)).stored).all()
    assert "loss" not in calculate_dvhs(CASE.objects()[0], packed)[1].reason


def test_a_dose_compressed_with_loss_is_told_of():
    packed = dose(16, side=48)
    packed.compress(JPEG2000, j2k_cr=[4])
    packed = pydicom.dcmread(io.BytesIO(written(packed)))
    rs, _ = CASE.objects()
    dvh, exact = calculate_dvhs(rs, packed)[1], calculate_dvhs(rs, dose(16, side=48))[1]
    assert dvh.status == "warning" and "compressed with loss" in dvh.reason
    assert dvh.mean_gy == pytest.approx(exact.mean_gy, rel=0.01) and dvh.mean_gy != exact.mean_gy
    row = extract(packed)
    assert row["status"] == "warning" and "compressed with loss" in row["reason"]
    exact_again = dose(16, side=48)
    exact_again.LossyImageCompression = "01"
    assert "compressed with loss" in calculate_dvhs(rs, exact_again)[1].reason
