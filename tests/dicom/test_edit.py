"""Changes to objects: complete or not at all, and true to the object's encoding."""

import os
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from samples import make_object, save

from pyconquest_rt.dicom import objects
from pyconquest_rt.dicom.edit import NoSuchElementError, change_tag, delete_rois, modify_structure_set
from pyconquest_rt.errors import ObjectError, StorageError, UnreadableError


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "image_dfl.dcm",
        "JPEG2000.dcm",
        "rtplan.dcm",
    ],
)
def test_only_the_element_changes(tmp_path: Path, name: str) -> None:
    source = get_testdata_file(name)
    assert source is not None
    path = tmp_path / name
    path.write_bytes(Path(str(source)).read_bytes())
    path.chmod(0o640)
    before = dcmread(path)
    change_tag(path, "PatientName", "New^Name")
    after = dcmread(path)
    assert after.PatientName == "New^Name"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == [name]
    before.PatientName = "New^Name"
    assert after == before
    assert after.file_meta == before.file_meta


def test_the_file_meta_information_follows(tmp_path: Path) -> None:
    path = save(make_object(), tmp_path / "1.dcm")
    change_tag(path, "SOPInstanceUID", "1.2.3.4")
    assert dcmread(path).file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"


def test_new_elements_have_the_dictionarys_vr(tmp_path: Path) -> None:
    path = save(make_object(), tmp_path / "1.dcm")
    change_tag(path, ("0x0010", "0x0030"), "19000101", create=True)
    change_tag(path, ("0x0009", "0x1001"), "private", create=True)
    after = dcmread(path)
    assert (after[0x00100030].VR, after[0x00091001].VR) == ("DA", "LT")
    with pytest.raises(NoSuchElementError, match="0018,0015"):
        change_tag(path, "BodyPartExamined", "HEAD")


def test_a_value_that_does_not_fit_leaves_the_file(tmp_path: Path) -> None:
    path = save(make_object(Rows=5), tmp_path / "1.dcm")
    before = path.read_bytes()
    with pytest.raises(ObjectError, match="SpecificCharacterSet"):
        change_tag(path, "PatientName", "Müller^Ü")
    with pytest.raises(ObjectError, match="cannot be encoded"):
        change_tag(path, "Rows", "70000")
    with pytest.raises(ObjectError, match="does not fit"):
        change_tag(path, "Rows", "many")
    with pytest.raises(ObjectError, match="does not fit"):
        change_tag(path, "SliceLocation", "a secret")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["1.dcm"]
    change_tag(path, "SpecificCharacterSet", "ISO_IR 192", create=True)
    change_tag(path, "PatientName", "Müller^Ü")
    assert dcmread(path).PatientName == "Müller^Ü"


def test_text_stands_for_binary_numbers_and_for_tags(tmp_path: Path) -> None:
    path = save(make_object(Rows=5), tmp_path / "1.dcm")
    change_tag(path, "0028,0010", "512")
    change_tag(path, "(0018,9087)", "1.5", create=True)
    change_tag(path, "ReferencedFrameNumbers", "1\\2", create=True)
    found = dcmread(path)
    assert (found.Rows, found.DiffusionBValue, list(found.ReferencedFrameNumbers)) == (512, 1.5, [1, 2])
    with pytest.raises(ValueError, match="neither a DICOM keyword nor a tag"):
        change_tag(path, "Nope", "1")


def test_a_full_disk_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(make_object(), tmp_path / "1.dcm")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(objects.os, "fsync", full)
    with pytest.raises(StorageError, match="No space"):
        change_tag(path, "PatientName", "New^Name")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["1.dcm"]


def test_what_is_no_object_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no object at all, but long enough to look at")
    with pytest.raises(UnreadableError):
        change_tag(tmp_path / "x", "PatientName", "x", create=True)


def structure_set() -> Dataset:
    """Three ROIs, the last one a point; contours in another order, and a relation between two ROIs."""
    data_set = make_object(Modality="RTSTRUCT")
    rois, contours, observations = [], [], []
    for number, name in ((3, "BODY"), (1, "PTV"), (2, "Marker")):
        roi, contour, drawn, observation, related = (Dataset() for _ in range(5))
        roi.ROINumber, roi.ROIName = number, name
        contour.ContourGeometricType = "POINT" if name == "Marker" else "CLOSED_PLANAR"
        contour.ContourData = [0, 0, number]
        drawn.ReferencedROINumber, drawn.ContourSequence = number, [contour]
        related.ReferencedROINumber = 3
        observation.ReferencedROINumber, observation.RTRelatedROISequence = number, [related]
        rois.append(roi)
        contours.insert(0, drawn)
        observations.append(observation)
    data_set.StructureSetROISequence = rois
    data_set.ROIContourSequence = contours
    data_set.RTROIObservationsSequence = observations
    return data_set


def names(data_set: Dataset) -> list[str]:
    return [str(roi.ROIName) for roi in data_set.StructureSetROISequence]


def test_rois_are_renamed_all_at_once() -> None:
    data_set = structure_set()
    modify_structure_set(data_set, "change", ["BODY", "PTV"], ["PTV", "BODY"])
    assert names(data_set) == ["PTV", "BODY", "Marker"]


@pytest.mark.parametrize(("delete_points", "left"), [(False, ["PTV", "Marker"]), (True, ["PTV"])])
def test_points_stay_unless_asked(delete_points: bool, left: list[str]) -> None:
    data_set = structure_set()
    modify_structure_set(data_set, "leave", ["PTV"], delete_points=delete_points)
    assert names(data_set) == left


def test_points_are_deleted_by_name() -> None:
    data_set = structure_set()
    modify_structure_set(data_set, "delete", ["Marker"])
    assert names(data_set) == ["BODY", "PTV"]


def test_nothing_refers_to_a_deleted_roi() -> None:
    data_set = structure_set()
    delete_rois(data_set, [3])
    assert "ReferencedROINumber: '3'" not in str(data_set)
    for observation in data_set.RTROIObservationsSequence:
        assert list(observation.RTRelatedROISequence) == []


def test_a_broken_structure_set_is_refused() -> None:
    data_set = structure_set()
    del data_set.StructureSetROISequence[1].ROINumber
    with pytest.raises(ObjectError, match="ROIs"):
        modify_structure_set(data_set, "delete", ["PTV"])


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="mode"):
        modify_structure_set(structure_set(), "swap", ["BODY"])
    with pytest.raises(ValueError, match="1 names, but 0"):
        modify_structure_set(structure_set(), "change", ["BODY"], [])
    with pytest.raises(ObjectError, match="RTSTRUCT"):
        modify_structure_set(make_object(), "delete", ["BODY"])
