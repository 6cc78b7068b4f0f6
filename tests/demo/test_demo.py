"""The synthetic patients: whole, consistent, the same at every run, and readable by others."""

import math
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pydicom.dicomio
import pytest
from pydicom import Dataset

from pyconquest_rt.demo import make_patient, make_patients

FEW = {"slices": 12, "pixels": 64}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_patient(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def objects(files: list[Path]) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in files]


@pytest.fixture(scope="module")
def ct(objects: list[Dataset]) -> list[Dataset]:
    return [one for one in objects if one.Modality == "CT"]


def the(objects: list[Dataset], modality: str) -> Dataset:
    (found,) = [one for one in objects if one.Modality == modality]
    return found


@pytest.fixture(scope="module")
def structures(objects: list[Dataset]) -> Dataset:
    return the(objects, "RTSTRUCT")


@pytest.fixture(scope="module")
def plan(objects: list[Dataset]) -> Dataset:
    return the(objects, "RTPLAN")


@pytest.fixture(scope="module")
def dose(objects: list[Dataset]) -> Dataset:
    return the(objects, "RTDOSE")


def contours(structures: Dataset, name: str) -> list[np.ndarray]:
    """The outlines of one ROI, each of shape (points, 3)."""
    number = {roi.ROIName: roi.ROINumber for roi in structures.StructureSetROISequence}[name]
    (found,) = [one for one in structures.ROIContourSequence if one.ReferencedROINumber == number]
    return [
        np.reshape(np.asarray(one.ContourData, float), (-1, 3)) for one in found.get("ContourSequence", [])
    ]


def hounsfield(image: Dataset, x: float, y: float) -> float:
    first = image.ImagePositionPatient
    row, column = (y - first[1]) / image.PixelSpacing[0], (x - first[0]) / image.PixelSpacing[1]
    value = image.pixel_array[round(row), round(column)]
    return float(value * image.RescaleSlope + image.RescaleIntercept)


# ---------------------------------------------------------------------------------------------- the whole


def test_one_study_of_five_series(files: list[Path], objects: list[Dataset]) -> None:
    assert Counter(one.Modality for one in objects) == {
        "CT": 40, "SR": 1, "RTSTRUCT": 1, "RTPLAN": 1, "RTDOSE": 1,
    }  # fmt: skip
    assert len({one.SOPInstanceUID for one in objects}) == len(files) == len(set(files)) == 44
    assert len({one.SeriesInstanceUID for one in objects}) == 5
    assert {(one.PatientID, str(one.PatientName), one.StudyInstanceUID) for one in objects} == {
        ("DEMO001", "Demo^Patient One", objects[0].StudyInstanceUID)
    }
    for path, one in zip(files, objects, strict=True):
        assert path.parent.name == "DEMO001"
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
        assert pydicom.uid.UID(one.SOPInstanceUID).is_valid


def test_the_chain_of_references(
    objects: list[Dataset], ct: list[Dataset], structures: Dataset, plan: Dataset, dose: Dataset
) -> None:
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
    frame = structures.ReferencedFrameOfReferenceSequence[0]
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    images = {one.SOPInstanceUID for one in ct}
    assert series.SeriesInstanceUID == ct[0].SeriesInstanceUID
    assert {one.ReferencedSOPInstanceUID for one in series.ContourImageSequence} == images
    assert {one.ReferencedSOPClassUID for one in series.ContourImageSequence} == {ct[0].SOPClassUID}
    spatial = [*ct, structures, plan, dose]
    assert {one.FrameOfReferenceUID for one in spatial} == {frame.FrameOfReferenceUID}
    place = {one.SOPInstanceUID: float(one.ImagePositionPatient[2]) for one in ct}
    for roi in structures.ROIContourSequence:
        for contour in roi.get("ContourSequence", []):
            (image,) = contour.ContourImageSequence
            assert set(contour.ContourData[2::3]) == {place[image.ReferencedSOPInstanceUID]}


def test_the_same_at_every_run_and_another_for_another_patient(tmp_path: Path) -> None:
    first = make_patient(tmp_path / "a", "P1", **FEW)
    again = make_patient(tmp_path / "b", "P1", **FEW)
    other = make_patient(tmp_path / "a", "P2", **FEW)
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in again]
    uids = [{pydicom.dcmread(one).SOPInstanceUID for one in paths} for paths in (first, other)]
    assert uids[0].isdisjoint(uids[1])
    targets = [
        contours(pydicom.dcmread(folder / "RTSTRUCT.dcm"), "PTV_6000")[0]
        for folder in (tmp_path / "a/P1", tmp_path / "a/P2")
    ]
    assert targets[0].shape == targets[1].shape
    assert not np.allclose(targets[0], targets[1], atol=0.1)


def test_several_patients(tmp_path: Path) -> None:
    paths = make_patients(tmp_path, 2)
    people = {(one.PatientID, str(one.PatientName)) for one in map(pydicom.dcmread, paths)}
    assert people == {("DEMO001", "Demo^Patient One"), ("DEMO002", "Demo^Patient Two")}
    assert len(paths) == 88


@pytest.mark.parametrize("patient_id", ["", "../up", "a/b", "a b", "x" * 65])
def test_a_patient_id_that_is_no_folder_name(tmp_path: Path, patient_id: str) -> None:
    with pytest.raises(ValueError, match="patient id of 1 to 64"):
        make_patient(tmp_path, patient_id)
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------- each object


def test_ct_numbers_are_those_of_the_organs(ct: list[Dataset], structures: Dataset) -> None:
    image = ct[20]
    assert image.pixel_array.shape == (128, 128)
    assert hounsfield(image, 0, -120) < -950
    assert hounsfield(image, -78, -50) < -700
    assert 0 < hounsfield(image, 10, -30) < 90
    assert hounsfield(image, 12, 60) > 300
    assert 0 < hounsfield(image, 0, 60) < 80
    target = contours(structures, "PTV_6000")
    centre = target[len(target) // 2].mean(axis=0)
    (slice_of_target,) = [one for one in ct if one.ImagePositionPatient[2] == centre[2]]
    assert 0 < hounsfield(slice_of_target, centre[0], centre[1]) < 90
    heights = [float(one.ImagePositionPatient[2]) for one in ct]
    assert np.allclose(np.diff(heights), 3.0)
    assert [one.InstanceNumber for one in ct] == list(range(1, 41))


def test_outlines_have_the_volume_of_the_organs(structures: Dataset) -> None:
    def volume(name: str) -> float:
        total = 0.0
        for x, y, _ in (outline.T for outline in contours(structures, name)):
            total += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 * 3.0
        return total / 1000

    assert volume("BODY") == pytest.approx(math.pi * 14.5 * 9.5 * 12, rel=0.01)
    assert volume("SpinalCord") == pytest.approx(math.pi * 0.6**2 * 12, rel=0.01)
    assert volume("Heart") == pytest.approx(4 / 3 * math.pi * 2.8 * 3 * 4, rel=0.03)
    assert volume("Lung_L") == pytest.approx(volume("Lung_R"))
    radius = max(np.ptp(outline[:, 0]) for outline in contours(structures, "PTV_6000")) / 20
    assert 1.9 < radius < 2.7
    assert volume("PTV_6000") == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.05)


def test_rois_and_the_one_never_drawn(structures: Dataset) -> None:
    names = [roi.ROIName for roi in structures.StructureSetROISequence]
    assert names == ["BODY", "Lung_L", "Lung_R", "SpinalCord", "Heart", "PTV_6000", "Bolus"]
    assert len(structures.RTROIObservationsSequence) == len(structures.ROIContourSequence) == 7
    assert contours(structures, "Bolus") == []
    kinds = [one.RTROIInterpretedType for one in structures.RTROIObservationsSequence]
    assert kinds == ["EXTERNAL", "ORGAN", "ORGAN", "ORGAN", "ORGAN", "PTV", "BOLUS"]


def test_the_plan_is_two_whole_arcs(plan: Dataset, structures: Dataset) -> None:
    (group,) = plan.FractionGroupSequence
    assert group.NumberOfFractionsPlanned == 30
    assert plan.DoseReferenceSequence[0].TargetPrescriptionDose == 60
    assert sum(beam.BeamDose for beam in group.ReferencedBeamSequence) == 2
    assert [beam.BeamMeterset for beam in group.ReferencedBeamSequence] == [231.4, 228.6]
    assert [beam.BeamNumber for beam in plan.BeamSequence] == [1, 2]
    middle = np.mean([outline.mean(axis=0) for outline in contours(structures, "PTV_6000")], axis=0)
    for beam, direction in zip(plan.BeamSequence, ("CW", "CC"), strict=True):
        points = beam.ControlPointSequence
        assert len(points) == beam.NumberOfControlPoints == 13
        weights = [float(point.CumulativeMetersetWeight) for point in points]
        assert weights[0] == 0 < weights[1]
        assert weights == sorted(weights)
        assert weights[-1] == beam.FinalCumulativeMetersetWeight
        assert [point.GantryRotationDirection for point in points] == [direction] * 12 + ["NONE"]
        assert {points[0].GantryAngle, points[-1].GantryAngle} == {181, 179}
        assert np.allclose(points[0].IsocenterPosition, middle, atol=3)
        edges = beam.BeamLimitingDeviceSequence[2].LeafPositionBoundaries
        assert len(edges) == 61
        assert np.all(np.diff(np.asarray(edges, float)) > 0)
        for point in points:
            leaves = np.reshape(point.BeamLimitingDevicePositionSequence[-1].LeafJawPositions, (2, 60))
            assert np.all(leaves[0] <= leaves[1])
            assert np.any(leaves[0] < leaves[1])


def test_the_dose_is_high_in_the_target_and_nought_in_the_air(dose: Dataset, structures: Dataset) -> None:
    gray = dose.pixel_array * float(dose.DoseGridScaling)
    assert dose.pixel_array.dtype == np.uint32
    assert gray.shape == (dose.NumberOfFrames, dose.Rows, dose.Columns)
    assert len(dose.GridFrameOffsetVector) == dose.NumberOfFrames

    def at(x: float, y: float, z: float) -> float:
        first = np.asarray(dose.ImagePositionPatient, float)
        column, row, frame = np.rint((np.array([x, y, z]) - first) / 3).astype(int)
        return float(gray[frame, row, column])

    target = contours(structures, "PTV_6000")
    x, y, z = target[len(target) // 2].mean(axis=0)
    inward = -math.copysign(1, x)
    away = [at(x + inward * distance, y, z) for distance in (0, 45, 60, 90)]
    assert 60 < away[0] < 63
    assert away == sorted(away, reverse=True)
    assert 0 < away[-1] < 10
    assert gray[:, 0, 0].max() == 0
    assert gray.max() < 63


def test_dicompyler_finds_the_prescription_in_the_target(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pydicom.dicomio, "read_file", pydicom.dcmread, raising=False)
    calculator = pytest.importorskip("dicompylercore.dvhcalc")
    folder = files[0].parent

    def dvh(number: int):
        return calculator.get_dvh(str(folder / "RTSTRUCT.dcm"), str(folder / "RTDOSE.dcm"), number)

    target, cord = dvh(6), dvh(4)
    assert target.name == "PTV_6000"
    assert 59 < target.statistic("D95").value < target.mean < target.max < 62.5
    assert 25 < target.volume < 80
    assert cord.max < 30


def test_the_dose_report_adds_up(objects: list[Dataset]) -> None:
    def numbers(container: Dataset, code: str) -> list[float]:
        found = []
        for one in container.get("ContentSequence", []):
            if one.ValueType == "NUM" and one.ConceptNameCodeSequence[0].CodeValue == code:
                found.append(float(one.MeasuredValueSequence[0].NumericValue))
            found += numbers(one, code)
        return found

    report = the(objects, "SR")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "10011"
    assert numbers(report, "113812") == [2]
    assert numbers(report, "113813") == [pytest.approx(sum(numbers(report, "113838")))]
    assert numbers(report, "113830") == [0.14, 9.5]


# ------------------------------------------------------------------------------------- read by other hands


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not shutil.which("dcmdump"), reason="DCMTK (dcmdump, dsrdump) is not installed")
def test_dcmtk_reads_every_object(files: list[Path]) -> None:
    done = run("dcmdump", "--quiet", "+E", *files)
    assert (done.returncode, done.stderr) == (0, "")
    report = run("dsrdump", files[0].parent / "SR.dcm")
    assert report.returncode == 0
    assert '"CT Dose Length Product Total")="116.52"' in report.stdout


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools (dciodvfy) is not installed")
@pytest.mark.parametrize("name", ["CT_001", "SR", "RTSTRUCT", "RTPLAN"])
def test_dciodvfy_finds_no_error(files: list[Path], name: str) -> None:
    # Not the RTDOSE: dciodvfy stops at an assertion of its own when words of pixel data have 32 bits.
    done = run("dciodvfy", "-new", files[0].parent / f"{name}.dcm")
    assert done.returncode == 0
    assert "Error" not in done.stdout + done.stderr
