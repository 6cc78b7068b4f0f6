"""Masks of structure sets and segmentations: no voxel differs from the truth."""

import numpy as np
import pytest
from made import AXIAL, FRAME_OF_REFERENCE, RT_STRUCTURES, item, plain, save, stack

from pyconquest_rt.volumes import VolumeError, examine, load, mask

SHAPE = (40, 50)
OBLIQUE = (0.8, 0.6, 0, -0.48, 0.64, 0.6)
FEET_FIRST = (-1, 0, 0, 0, 1, 0)
CENTRE = np.array([19.3, 24.6])  # row, column


@pytest.fixture(params=[AXIAL, FEET_FIRST, OBLIQUE], ids=["axial", "feet first", "oblique"])
def volume(request, tmp_path):
    """Seven slices of pixels of 1 mm by 2 mm."""
    made = stack(
        7, orientation=request.param, shape=SHAPE, spacing=(1.0, 2.0), field=lambda places: 0 * places[0]
    )
    (candidate,) = examine(save(tmp_path / "images", made))
    return load(candidate)


def circle(radius, number=720, centre=CENTRE):
    """Rows and columns of a circle in mm about a centre in pixels."""
    angle = np.linspace(0, 2 * np.pi, number, endpoint=False)
    return centre + np.stack([radius * np.sin(angle), radius / 2 * np.cos(angle)], axis=1)


def disc(radius, centre=CENTRE):
    j, i = np.indices(SHAPE)
    return np.hypot(j - centre[0], 2 * (i - centre[1])) < radius


def structures(volume, rois, frame=FRAME_OF_REFERENCE):
    """A structure set; ``rois`` is name → list of (slice, rows and columns, type)."""
    found = plain(RT_STRUCTURES, "RTSTRUCT", "1.2.3.9")
    found.StructureSetROISequence, found.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), 1):
        found.StructureSetROISequence.append(
            item(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=frame)
        )
        made = []
        for k, points, kind in contours:
            indices = np.column_stack([np.full(len(points), float(k)), points, np.ones(len(points))])
            places = (volume.affine @ indices.T)[:3].T
            data = [f"{value:.9g}" for value in places.ravel()]
            made.append(item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=data))
        found.ROIContourSequence.append(item(ReferencedROINumber=number, ContourSequence=made))
    return found


def drawn(tmp_path, volume, rois, **more):
    path = tmp_path / "structures.dcm"
    structures(volume, rois).save_as(path, enforce_file_format=True)
    return mask(path, volume, **more)


CLOSED = "CLOSED_PLANAR"


def only(plane, slices):
    found = np.zeros((7, *SHAPE), bool)
    found[list(slices)] = plane
    return found


def test_disc_and_nested_ring(volume, tmp_path):
    rois = {
        "disc": [(k, circle(12), CLOSED) for k in (1, 2, 3)],
        "ring": [(k, circle(r), CLOSED) for k in (2, 4) for r in (12, 5)],
        "island": [(3, circle(r), CLOSED) for r in (14, 9, 4)],
    }
    found = drawn(tmp_path, volume, rois)
    assert np.array_equal(found["disc"], only(disc(12), (1, 2, 3)))
    assert np.array_equal(found["ring"], only(disc(12) & ~disc(5), (2, 4)))
    assert np.array_equal(found["island"], only(disc(14) & ~disc(9) | disc(4), (3,)))
    assert found.codes == []


def test_keyhole(volume, tmp_path):
    outer, inner = circle(12), circle(5)[::-1]
    keyhole = np.vstack([outer, outer[:1], inner[-1:], inner, outer[:1]])
    found = drawn(tmp_path, volume, {"keyhole": [(2, keyhole, CLOSED)]})
    assert np.array_equal(found["keyhole"], only(disc(12) & ~disc(5), (2,)))


def test_contour_that_is_drawn_twice_is_no_hole(volume, tmp_path):
    found = drawn(tmp_path, volume, {"twice": [(2, circle(12), CLOSED), (2, circle(12)[::-1], CLOSED)]})
    assert np.array_equal(found["twice"], only(disc(12), (2,)))


def test_partly_outside(volume, tmp_path):
    centre = np.array([2.3, 48.7])
    rois = {"edge": [(k, circle(12, centre=centre), CLOSED) for k in (-2, 0, 6, 8)]}
    found = drawn(tmp_path, volume, rois)
    assert np.array_equal(found["edge"], only(disc(12, centre), (0, 6)))


def test_contour_within_a_pixel(volume, tmp_path):
    rois = {"none": [(2, circle(0.3, 8, np.array([10.5, 10.5])), CLOSED)]}
    rois["one"] = [(2, circle(0.3, 8, np.array([10.0, 10.0])), CLOSED)]
    found = drawn(tmp_path, volume, rois)
    assert found["none"].sum() == 0
    assert found["one"].sum() == 1
    assert found["one"][2, 10, 10]


def test_points_and_lines_are_left_out_by_name(volume, tmp_path):
    rois = {
        "isocentre": [(3, CENTRE[None], "POINT")],
        "wire": [(3, circle(5)[:100], "OPEN_PLANAR")],
        "empty": [],
        "disc": [(3, circle(12), CLOSED)],
    }
    found = drawn(tmp_path, volume, rois)
    assert list(found) == ["disc"]
    assert found.left_out == {"isocentre": "POINT", "wire": "OPEN_PLANAR", "empty": "no contours"}


def test_missing_planes_stay_empty_unless_asked(volume, tmp_path):
    rois = {"organ": [(k, circle(12), CLOSED) for k in (1, 2, 5)]}
    assert np.array_equal(drawn(tmp_path, volume, rois)["organ"], only(disc(12), (1, 2, 5)))
    found = drawn(tmp_path, volume, rois, interpolate=True)
    assert np.array_equal(found["organ"], only(disc(12), (1, 2, 3, 4, 5)))
    assert found.codes == ["filled"]


def test_two_planes_of_contours_at_one_slice(volume, tmp_path):
    """Contours of finer images: the nearest plane is drawn, the other does not cut it out."""
    rois = {"organ": [(2.1, circle(12), CLOSED), (2.4, circle(12), CLOSED)]}
    found = drawn(tmp_path, volume, rois)
    assert np.array_equal(found["organ"], only(disc(12), (2,)))
    assert found.codes == ["resampled"]


def test_contours_across_the_slices(tmp_path):
    """Contours on sagittal planes over axial images: a box of 20 x 12 x 9 mm."""
    (candidate,) = examine(save(tmp_path / "images", stack(9, shape=(30, 30), spacing=(1.0, 1.0))))
    volume = load(candidate)
    box = np.array([[1.5, 4.5], [6.5, 4.5], [6.5, 16.5], [1.5, 16.5]])  # k, j
    made = plain(RT_STRUCTURES, "RTSTRUCT")
    contours = []
    for i in range(5, 15):
        indices = np.column_stack([box, np.full(4, float(i)), np.ones(4)])
        places = (volume.affine @ indices.T)[:3].T
        contours.append(item(ContourGeometricType=CLOSED, ContourData=places.ravel().tolist()))
    made.StructureSetROISequence = [item(ROINumber=1, ROIName="box")]
    made.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=contours)]
    path = tmp_path / "structures.dcm"
    made.save_as(path, enforce_file_format=True)
    found = mask(path, volume)
    wanted = np.zeros((9, 30, 30), bool)
    wanted[2:7, 5:17, 5:15] = True
    assert np.array_equal(found["box"], wanted)
    assert found.codes == ["resampled"]


def test_other_frame_of_reference(volume, tmp_path):
    path = tmp_path / "structures.dcm"
    structures(volume, {"disc": [(3, circle(12), CLOSED)]}, "1.2.3.999").save_as(
        path, enforce_file_format=True
    )
    with pytest.raises(VolumeError) as caught:
        mask(path, volume)
    assert caught.value.code == "mixed_frame_of_reference"


def test_a_structure_set_has_no_pixels(volume, tmp_path):
    path = tmp_path / "structures.dcm"
    structures(volume, {"disc": [(3, circle(12), CLOSED)]}).save_as(path, enforce_file_format=True)
    (candidate,) = examine(path)
    assert candidate.kind == "rtstruct"
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "no_pixels"
    assert np.array_equal(mask(candidate, volume)["disc"], only(disc(12), (3,)))
