"""Segmentations as highdicom writes them: overlap, planes left out, label maps, fractions."""

import numpy as np
import pytest
from made import SHAPE, image, save, stack

from pyconquest_rt.volumes import VolumeError, examine, load, mask

highdicom = pytest.importorskip("highdicom")

from highdicom.content import AlgorithmIdentificationSequence
from highdicom.sr.coding import CodedConcept
from pydicom.uid import generate_uid

TISSUE = CodedConcept("85756007", "SCT", "Tissue")


def description(number, label):
    algorithm = AlgorithmIdentificationSequence(
        name="by hand", version="1", family=CodedConcept("123110", "DCM", "Artificial Intelligence")
    )
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=TISSUE,
        segmented_property_type=TISSUE,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )


@pytest.fixture
def images():
    found = stack(7)
    for number, one in enumerate(found):
        one.PatientID, one.PatientName, one.PatientBirthDate, one.PatientSex = "1", "A^B", "", "O"
        one.StudyID, one.StudyDate, one.StudyTime, one.AccessionNumber = "1", "20260101", "100000", "1"
        one.ReferringPhysicianName, one.InstanceNumber, one.SliceThickness = "", number + 1, 3
    return found


@pytest.fixture
def volume(images, tmp_path):
    (candidate,) = examine(save(tmp_path / "images", images))
    return load(candidate)


def made(path, images, array, kind, names, **more):
    found = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=array,
        segmentation_type=kind,
        segment_descriptions=[description(number, name) for number, name in names.items()],
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
        **more,
    )
    found.save_as(path)
    return path


@pytest.fixture
def overlapping():
    rng = np.random.default_rng(5)
    found = (rng.random((7, *SHAPE, 2)) > 0.5).astype(np.uint8)
    found[:2] = found[4] = 0  # planes that are left out
    return found


def test_binary_with_overlap_and_planes_left_out(tmp_path, images, volume, overlapping):
    path = made(tmp_path / "s.dcm", images, overlapping, "BINARY", {1: "liver", 2: "tumour"})
    found = mask(path, volume)
    assert list(found) == ["liver", "tumour"]
    for number, name in enumerate(found):
        assert found[name].dtype == bool
        assert np.array_equal(found[name], overlapping[..., number] > 0)
    assert found.codes == []


def test_own_grid(tmp_path, images, volume, overlapping):
    path = made(tmp_path / "s.dcm", images, overlapping, "BINARY", {1: "liver", 2: "tumour"})
    (candidate,) = examine(path)
    assert candidate.kind == "seg"
    own = load(candidate)
    assert own.axes["segment"] == ["liver", "tumour"]
    first = (np.linalg.inv(volume.affine) @ own.affine)[:3, 3]
    assert np.allclose(first, [2, 0, 0])
    assert np.array_equal(own.array, np.moveaxis(overlapping[2:], -1, 0))


def test_own_grid_has_the_planes_between_those_that_are_kept(tmp_path, images, volume):
    array = np.zeros((7, *SHAPE), np.uint8)
    array[1, 2:5], array[5, 3:7] = 1, 1
    path = made(tmp_path / "s.dcm", images, array, "BINARY", {1: "liver"})
    own = load(examine(path)[0])
    assert np.allclose(own.affine[:3, 0], volume.affine[:3, 0])
    assert np.array_equal(own.array, array[None, 1:6])
    assert np.array_equal(mask(path, volume)["liver"], array > 0)


def test_another_frame_of_reference_is_refused(tmp_path, images, volume):
    array = np.ones((7, *SHAPE), np.uint8)
    for one in images:
        one.FrameOfReferenceUID = "1.2.3.99"
    path = made(tmp_path / "s.dcm", images, array, "BINARY", {1: "liver"})
    with pytest.raises(VolumeError) as caught:
        mask(path, volume)
    assert caught.value.code == "mixed_frame_of_reference"


def test_label_map_with_gaps_in_its_numbers(tmp_path, images, volume):
    array = np.random.default_rng(6).choice([0, 3, 7], (7, *SHAPE)).astype(np.uint8)
    path = made(tmp_path / "s.dcm", images, array, "LABELMAP", {3: "lung", 7: "heart"})
    found = mask(path, volume)
    assert list(found) == ["lung", "heart"]
    assert np.array_equal(found["lung"], array == 3)
    assert np.array_equal(found["heart"], array == 7)


def test_fractions(tmp_path, images, volume):
    array = np.random.default_rng(7).integers(0, 256, (7, *SHAPE)) / 255
    path = made(tmp_path / "s.dcm", images, array, "FRACTIONAL", {1: "lung"}, max_fractional_value=255)
    found = mask(path, volume)
    assert found["lung"].dtype == np.float32
    assert np.allclose(found["lung"], array, atol=1e-6)


def test_on_another_grid(tmp_path, images, overlapping):
    """Images of half the distance of slices: each slice as the nearest one of the segmentation."""
    path = made(tmp_path / "s.dcm", images, overlapping, "BINARY", {1: "liver", 2: "tumour"})
    (candidate,) = examine(save(tmp_path / "fine", stack(13, 1.5)))
    found = mask(path, load(candidate))
    assert found.codes == ["resampled"]
    assert np.array_equal(found["liver"][::2], overlapping[..., 0] > 0)


def test_other_type(tmp_path, images, volume, overlapping):
    path = made(tmp_path / "s.dcm", images, overlapping, "BINARY", {1: "liver", 2: "tumour"})
    from pydicom import dcmread

    changed = dcmread(path)
    changed.SegmentationType = "SURFACE"
    changed.save_as(path)
    with pytest.raises(VolumeError) as caught:
        mask(path, volume)
    assert caught.value.code == "seg_type"


def test_an_image_is_no_segmentation(tmp_path, volume):
    image((0, 0, 0)).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    with pytest.raises(VolumeError) as caught:
        mask(tmp_path / "one.dcm", volume)
    assert caught.value.code == "seg_type"
