"""Hashes of RT objects are those that PyConquest's definition gives."""

import hashlib
import pickle
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file

from pyconquest_rt.demo import make_patient
from pyconquest_rt.rt.objects.hashes import content_hash, plan_hash, structure_set_hash


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def by_definition(data_set: Dataset) -> str:
    """MD5 over the MD5s of the text of each ROI's contour data, with pydicom's own text of the values."""
    sums = ""
    for roi in data_set.ROIContourSequence:
        contours = roi.get("ContourSequence", [])
        sums += md5("".join(str(contour.ContourData) for contour in contours).encode())
    return md5(sums.encode())


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_patient(folder, slices=4, pixels=16)
    return folder


def test_structure_sets(patient: Path) -> None:
    (path,) = patient.rglob("RTSTRUCT*")
    assert structure_set_hash(dcmread(path)) == by_definition(dcmread(path))
    installed = get_testdata_file("rtstruct.dcm")
    assert installed is not None
    assert structure_set_hash(dcmread(installed, force=True)) == by_definition(dcmread(installed, force=True))


@given(
    st.lists(
        st.one_of(
            st.floats(-500, 500, allow_nan=False).map(lambda number: f"{number:.10g}"[:16]),
            st.sampled_from(["-0.0", "1e2", "+3.50", " 7 ", "", "00.5"]),
        ),
        max_size=9,
    )
)
def test_the_short_way_reads_as_pydicom_does(numbers: list[str]) -> None:
    contour, roi, data_set = Dataset(), Dataset(), Dataset()
    contour.add_new(0x30060050, "UN", "\\".join(numbers).encode())
    contour[0x30060050].VR = "DS"  # written as it stands, read as text
    roi.ContourSequence = [contour]
    data_set.ROIContourSequence = [roi]
    file = BytesIO()
    raw = "\\".join(numbers)
    contour.add_new(0x30060050, "LT", raw)
    dcmwrite(file, data_set, implicit_vr=True, little_endian=True)

    def read() -> Dataset:
        file.seek(0)
        return dcmread(file, force=True)

    assert structure_set_hash(read()) == by_definition(read())


def test_a_structure_set_without_contours() -> None:
    assert structure_set_hash(Dataset()) == md5(b"")


def test_plans_are_told_apart_by_units_and_angles(patient: Path) -> None:
    (path,) = patient.rglob("RTPLAN*")
    plan = dcmread(path)
    before = plan_hash(plan)
    assert before == content_hash(dcmread(path))
    plan.PatientName, plan.SOPInstanceUID = "Other^Name", "1.2.3"
    assert plan_hash(plan) == before
    plan.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset += 1
    units = plan_hash(plan)
    plan.BeamSequence[0].ControlPointSequence[0].GantryAngle += 1
    assert len({before, units, plan_hash(plan)}) == 3


def test_a_plan_hashes_the_text_that_pyconquest_makes() -> None:
    point, beam, referenced, group, plan = (Dataset() for _ in range(5))
    point.GantryAngle, point.NominalBeamEnergy, point.IsocenterPosition = "180", "6", [0, 0, 0]
    point.SourceToSurfaceDistance, point.CumulativeMetersetWeight = "900.5", "0"
    devices = []
    for positions in (["-50", "50"], ["-60", "60"], ["1.5", "2.5"]):
        device = Dataset()
        device.LeafJawPositions = positions
        devices.append(device)
    point.BeamLimitingDevicePositionSequence = devices
    beam.BeamNumber, beam.BeamName, beam.BeamType, beam.RadiationType = 1, "A", "STATIC", "PHOTON"
    beam.NumberOfWedges, beam.NumberOfControlPoints, beam.ControlPointSequence = 0, 1, [point]
    referenced.ReferencedBeamNumber, referenced.BeamDose, referenced.BeamMeterset = 1, "2.0", "210.5"
    group.ReferencedBeamSequence = [referenced]
    plan.Modality, plan.FractionGroupSequence, plan.BeamSequence = "RTPLAN", [group], [beam]
    text = "210.5_1_180_900.5_0_[-50, 50]_[-60, 60]_[1.5, 2.5]"
    assert content_hash(plan) == md5(pickle.dumps(text, protocol=4))


def test_doses_and_other_objects() -> None:
    dose = dcmread(str(get_testdata_file("rtdose.dcm")))
    assert content_hash(dose) == md5(pickle.dumps(dose.PixelData, protocol=4))
    del dose.PixelData
    assert content_hash(dose) is None
    assert content_hash(dcmread(str(get_testdata_file("CT_small.dcm")))) is None
