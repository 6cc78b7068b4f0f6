"""Short ways to write DICOM data sets: items, references, and what every object of a patient shares."""

from collections.abc import Iterable
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from pyconquest_rt.demo.phantom import Patient

DATE = "20240115"


def put(dataset: Dataset, **values: Any) -> None:
    """Set elements by keyword."""
    for keyword, value in values.items():
        setattr(dataset, keyword, value)


def item(**values: Any) -> Dataset:
    """A sequence item with these elements."""
    dataset = Dataset()
    put(dataset, **values)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def reference(dataset: Dataset) -> Dataset:
    """A reference to an instance by class and UID (PS3.3 10.8)."""
    return item(ReferencedSOPClassUID=dataset.SOPClassUID, ReferencedSOPInstanceUID=dataset.SOPInstanceUID)


def decimal(value: float) -> str:
    """A number as a decimal string (PS3.5 6.2) with up to 4 decimals, and no minus before a zero."""
    return f"{round(value, 4) + 0.0:.10g}"


def decimals(values: Iterable[float]) -> list[str]:
    """Several numbers as decimal strings."""
    return [decimal(value) for value in values]


def _identity(patient: Patient) -> dict[str, Any]:
    """The patient and patient study modules (PS3.3 C.7.1.1, C.7.2.2)."""
    return {
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "PatientBirthDate": "19570305",
        "PatientSex": "O",
        "PatientAge": "066Y",
        "PatientWeight": "72",
    }


def new_object(
    patient: Patient,
    sop_class: UID,
    modality: str,
    series: int,
    description: str,
    time: int,
    instance: int = 1,
) -> Dataset:
    """An object with its patient, study, series, equipment and SOP common modules; ``time`` is HHMMSS."""
    uid = patient.uid(modality, instance)
    dataset = item(
        SpecificCharacterSet="ISO_IR 192",
        InstanceCreationDate=DATE,
        InstanceCreationTime=f"{time:06d}",
        SOPClassUID=sop_class,
        SOPInstanceUID=uid,
        StudyDate=DATE,
        SeriesDate=DATE,
        StudyTime="090000",
        SeriesTime=f"{time:06d}",
        AccessionNumber="",
        Modality=modality,
        Manufacturer="pyconquest_rt",
        InstitutionName="Demo Hospital",
        ReferringPhysicianName="Demo^Physician",
        StudyDescription="Radiotherapy of the lung",
        SeriesDescription=description,
        OperatorsName="Demo^Operator",
        ManufacturerModelName="Demo generator",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        StudyInstanceUID=patient.uid("study"),
        SeriesInstanceUID=patient.uid("series", modality),
        StudyID="1",
        SeriesNumber=series,
        InstanceNumber=instance,
        **_identity(patient),
    )
    dataset.file_meta = FileMetaDataset()
    put(
        dataset.file_meta,
        MediaStorageSOPClassUID=sop_class,
        MediaStorageSOPInstanceUID=uid,
        TransferSyntaxUID=ExplicitVRLittleEndian,
    )
    return dataset
