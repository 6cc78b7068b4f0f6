"""Isodoses of doses with a closed form."""

import numpy as np
import pytest
from rt_objects import RTDOSE, item, rt_object

from pyconquest_rt.geometry import isodose


def gaussian(sigma=20.0, spacing=2.5, turn=(1, 0, 0, 0, 1, 0), size=61):
    place = (np.arange(size) - size // 2) * spacing
    z, y, x = np.meshgrid(place, place, place, indexing="ij")
    dose = 60.0 * np.exp(-(x**2 + y**2 + z**2) / (2 * sigma**2))
    axes = np.array([turn[:3], turn[3:], np.cross(turn[:3], turn[3:])], float)
    dataset = rt_object(
        RTDOSE,
        "RTDOSE",
        DoseUnits="GY",
        DoseType="PHYSICAL",
        Rows=size,
        Columns=size,
        NumberOfFrames=size,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        PixelRepresentation=0,
        PixelSpacing=[spacing, spacing],
        ImageOrientationPatient=list(turn),
        ImagePositionPatient=list(np.array([7.0, -3.0, 11.0]) + place[0] * axes.sum(axis=0)),
        GridFrameOffsetVector=list(place - place[0]),
        DoseGridScaling=1e-6,
    )
    dataset.PixelData = np.rint(dose / 1e-6).astype("<u4").tobytes()
    return dataset


@pytest.mark.parametrize("turn", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, 1, 0)])
@pytest.mark.parametrize("level", [50.0, 30.0, 12.0])
def test_isodose_of_a_gaussian_is_a_sphere(turn, level):
    radius = 20.0 * np.sqrt(2 * np.log(60.0 / level))
    found = isodose(gaussian(turn=turn), level)
    assert (found.status, found.reason) == ("ok", "")
    for line in found.lines:
        assert line.shape[1] == 3 and (line[0] == line[-1]).all()
        away = np.linalg.norm(line - (7.0, -3.0, 11.0), axis=1)
        assert away == pytest.approx(radius, abs=0.2)
    volume = 4 / 3 * np.pi * radius**3 / 1e3
    assert found.volume_cc == pytest.approx(volume, rel=0.005 + 3 / (radius / 2.5) ** 2)


def test_isodose_that_leaves_the_grid_is_closed_along_its_border():
    found = isodose(gaussian(size=11), 30.0)
    assert found.status == "warning" and "border" in found.reason
    assert len(found.lines) == 11
    corners = np.abs(np.concatenate(found.lines) - (7.0, -3.0, 11.0)).max(axis=0)
    assert corners == pytest.approx((12.5, 12.5, 12.5))


def test_nothing_gets_so_much():
    found = isodose(gaussian(size=11), 61.0)
    assert (found.status, found.lines, found.volume_cc) == ("ok", [], 0.0)


@pytest.mark.parametrize("level", [0.0, -1.0, float("nan")])
def test_no_dose_no_isodose(level):
    found = isodose(gaussian(size=11), level)
    assert found.status == "failed" and found.lines is None and found.volume_cc is None


def test_what_has_no_dose_grid_failed():
    dataset = gaussian(size=5)
    dataset.DoseUnits = "RELATIVE"
    found = isodose(dataset, 30.0)
    assert found.status == "failed" and "GY" in found.reason
    assert isodose(item(SOPClassUID="1.2.3"), 30.0).status == "failed"
