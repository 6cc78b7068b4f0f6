"""Objects that lie: refused by name, and no memory is taken for what they claim."""

import resource
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from made import ENHANCED_CT, RT_STRUCTURES, STORAGE, image, item, pixels, plain, save, stack
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from test_multiframe import dose

from pyconquest_rt.volumes import VolumeError, examine, load

MORE = 64 << 20


def verdict(path):
    """The code by which the first candidate is refused."""
    candidates = examine(path)
    assert candidates
    with pytest.raises(VolumeError) as caught:
        load(candidates[0])
    assert caught.value.code in candidates[0].codes or caught.value.code == "unreadable"
    return caught.value.code


def lying(**values):
    found = stack(3)
    for one in found:
        for name, value in values.items():
            setattr(one, name, value)
    return found


def many_frames(count):
    found = plain(ENHANCED_CT, "CT")
    pixels(found, np.zeros((2, 8, 8), np.int16))
    found.NumberOfFrames = count
    return [found]


def bomb(syntax, data, frames=1):
    found = plain(f"{STORAGE}7.3", "OT")
    pixels(found, np.zeros((2, 8, 8), np.uint16), signed=False)
    found.Rows = found.Columns = 20000
    found.NumberOfFrames = frames
    found.file_meta.TransferSyntaxUID = syntax
    found.PixelData = encapsulate([data] * frames)
    found["PixelData"].is_undefined_length = True
    return [found]


def deflated_bomb():
    (found,) = stack(1)
    found.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    found.Rows = found.Columns = 8000
    found.PixelData = bytes(2 * 8000 * 8000)
    found.add_new(0x00204000, "LT", "x")
    return [found]


def lying_dose(**values):
    found = dose([0, 3, 6])
    for name, value in values.items():
        setattr(found, name, value)
    return [found]


OBJECTS = {
    "dose of many frames": (lambda: lying_dose(NumberOfFrames=10**9), "unreadable"),
    "dose of many rows": (lambda: lying_dose(Rows=65535), "unreadable"),
    "dose with NaN offsets": (
        lambda: lying_dose(GridFrameOffsetVector=["nan", "3", "6"]),
        "missing_geometry",
    ),
    "dose with far offsets": (
        lambda: lying_dose(GridFrameOffsetVector=["0", "3", "1e12"]),
        "missing_geometry",
    ),
    "dose with infinite scaling": (lambda: lying_dose(DoseGridScaling="inf"), "unreadable"),
    "rows": (lambda: lying(Rows=60000), "unreadable"),
    "columns": (lambda: lying(Columns=65535), "unreadable"),
    "no rows": (lambda: lying(Rows=0), "unreadable"),
    "frames": (lambda: many_frames(2_000_000_000), "unreadable"),
    "negative frames": (lambda: many_frames(-5), "unreadable"),
    "bits": (lambda: lying(BitsAllocated=64, BitsStored=64, HighBit=63), "unreadable"),
    "bits stored": (lambda: lying(BitsStored=40), "unreadable"),
    "nan position": (lambda: lying(ImagePositionPatient=["nan", "0", "0"]), "missing_geometry"),
    "infinite position": (lambda: lying(ImagePositionPatient=["0", "inf", "0"]), "missing_geometry"),
    "far position": (lambda: lying(ImagePositionPatient=["0", "1e30", "0"]), "missing_geometry"),
    "nan orientation": (lambda: lying(ImageOrientationPatient=["nan"] * 6), "missing_geometry"),
    "zero orientation": (lambda: lying(ImageOrientationPatient=[0] * 6), "not_a_grid"),
    "parallel orientation": (lambda: lying(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "not_a_grid"),
    "zero spacing": (lambda: lying(PixelSpacing=[0, 1]), "missing_geometry"),
    "negative spacing": (lambda: lying(PixelSpacing=[-1, 1]), "missing_geometry"),
    "nan slope": (lambda: lying(RescaleSlope="nan"), "unreadable"),
    "slope 0": (lambda: lying(RescaleSlope="0"), "unreadable"),
    "rle bomb": (lambda: bomb(RLELossless, bytes(1000)), "too_large"),
    "j2k bomb": (lambda: bomb(JPEG2000Lossless, b"\xff\x4f\xff\x51" + bytes(1000), 40), "too_large"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OBJECTS)
def test_lies(name, tmp_path):
    make, code = OBJECTS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert verdict(save(tmp_path, make())) == code
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MORE


@pytest.mark.filterwarnings("ignore")
def test_a_deflated_bomb_is_not_inflated_to_be_examined(tmp_path):
    """128 MB in 130 KB: examining takes little; loading is allowed what the image itself takes."""
    path = save(tmp_path / "bomb", deflated_bomb())
    program = """
        import sys
        from pyconquest_rt.volumes import examine
        def peak():
            lines = open("/proc/self/status").read().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
        examine(sys.argv[1] + "/none")
        before = peak()
        examine(sys.argv[1])
        print(peak() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(found.stdout) < MORE


def test_every_cut_of_a_file_is_refused_or_right(tmp_path):
    whole = save(tmp_path / "whole", stack(1)).joinpath("0000.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(VolumeError) as caught:
            load(examine(path)[0])
        assert caught.value.code in ("unreadable", "no_pixels", "missing_geometry")


def test_every_byte_of_a_header_may_be_another(tmp_path):
    whole = bytearray(save(tmp_path / "whole", stack(1)).joinpath("0000.dcm").read_bytes())
    path = tmp_path / "changed.dcm"
    rng = np.random.default_rng(4)
    for place in range(132, len(whole) - 220, 3):
        changed = bytearray(whole)
        changed[place] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            for candidate in examine(path):
                load(candidate)
        except VolumeError:
            continue


def test_many_slices_take_little_memory(tmp_path):
    """The headers of 100,000 objects, here the same file again and again, under the 64 MB that are left for them."""
    image((0, 0, 0)).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    program = f"""
        from pyconquest_rt.volumes import examine, load, VolumeError
        def peak():  # of this program; ru_maxrss counts what its parent held too
            lines = open("/proc/self/status").read().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
        path = {str(tmp_path / "one.dcm")!r}
        examine([path])
        before = peak()
        data = open(path, "rb").read()
        (candidate,) = examine(iter([lambda: data] * 100_000))
        assert candidate.codes == ["too_large"], candidate.codes
        print(peak() - before)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < MORE


def test_a_structure_set_with_odd_contours(tmp_path):
    (candidate,) = examine(save(tmp_path / "images", stack(3)))
    volume = load(candidate)
    made = plain(RT_STRUCTURES, "RTSTRUCT")
    made.StructureSetROISequence = [item(ROINumber=1, ROIName="odd")]
    contours = [
        item(ContourGeometricType="CLOSED_PLANAR", ContourData=[1, 2]),
        item(ContourGeometricType="CLOSED_PLANAR", ContourData=["nan"] * 9),
        item(ContourGeometricType="CLOSED_PLANAR", ContourData=["1e30"] * 9),
        item(ContourGeometricType="CLOSED_PLANAR", ContourData=[]),
    ]
    made.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=contours)]
    from pyconquest_rt.volumes import mask

    path = tmp_path / "odd.dcm"
    made.save_as(path, enforce_file_format=True)
    found = mask(path, volume)
    assert all(not one.any() for one in found.values())
