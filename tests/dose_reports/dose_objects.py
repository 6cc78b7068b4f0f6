"""Dose objects made with pydicom for the tests: content items, reports and images, and their bytes."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHARED_DATA = Path(
    os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
DOSE_FOLDER = SHARED_DATA / "dose"
needs_dose_files = pytest.mark.skipif(not DOSE_FOLDER.is_dir(), reason="the shared dose objects are not here")

CT_DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DX_IMAGE = "1.2.840.10008.5.1.4.1.1.1.1"
MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
MG_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PET_IMAGE = "1.2.840.10008.5.1.4.1.1.128"
NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"


def dose_files() -> list[Path]:
    return sorted(DOSE_FOLDER.rglob("*.dcm"))


def code_item(code: str, meaning: str = "any words") -> Dataset:
    """``code`` is value^scheme."""
    value, _, scheme = code.rpartition("^")
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _item(value_type: str, concept: str, children: tuple[Dataset, ...], relationship: str) -> Dataset:
    item = Dataset()
    item.RelationshipType = relationship
    item.ValueType = value_type
    item.ConceptNameCodeSequence = Sequence([code_item(concept)])
    if children:
        item.ContentSequence = Sequence(children)
    return item


def container(concept: str, *children: Dataset) -> Dataset:
    return _item("CONTAINER", concept, children, "CONTAINS")


def num(concept: str, value: Any, unit: str | None = "1", *children: Dataset) -> Dataset:
    """A NUM item; a value that pydicom would refuse is written as it is."""
    item = _item("NUM", concept, children, "CONTAINS")
    measured = Dataset()
    if unit is not None:
        measured.MeasurementUnitsCodeSequence = Sequence([code_item(f"{unit}^UCUM")])
    written = f"{value:.12g}" if isinstance(value, float) else str(value)
    measured.add_new(0x0040A30A, "LO", written)  # LO takes any text; the VR is put right in `encode`
    item.MeasuredValueSequence = Sequence([measured])
    return item


def empty_num(concept: str) -> Dataset:
    item = _item("NUM", concept, (), "CONTAINS")
    item.MeasuredValueSequence = Sequence()
    return item


def coded(concept: str, code: str, meaning: str = "any words", *children: Dataset) -> Dataset:
    item = _item("CODE", concept, children, "CONTAINS")
    item.ConceptCodeSequence = Sequence([code_item(code, meaning)])
    return item


def text(concept: str, value: str, *children: Dataset) -> Dataset:
    item = _item("TEXT", concept, children, "CONTAINS")
    item.TextValue = value
    return item


def table(concept: str, columns: list[tuple[str, str | None, str, list[Any]]]) -> Dataset:
    """A TABLE item (PS3.3 C.18.10) of whole columns: (concept, unit, VR of the values, values) of each."""
    item, tabulated = _item("TABLE", concept, (), "CONTAINS"), Dataset()
    tabulated.NumberOfTableRows, tabulated.NumberOfTableColumns = len(columns[0][3]), len(columns)
    tabulated.TableColumnDefinitionSequence, tabulated.CellValuesSequence = Sequence(), Sequence()
    for number, (column, unit, vr, values) in enumerate(columns, 1):
        definition, cells = Dataset(), Dataset()
        definition.TableColumnNumber = cells.TableColumnNumber = number
        definition.ConceptNameCodeSequence = Sequence([code_item(column)])
        if unit is not None:
            definition.MeasurementUnitsCodeSequence = Sequence([code_item(f"{unit}^UCUM")])
        cells.SelectorAttributeVR = vr
        setattr(cells, f"Selector{vr}Value", values)
        tabulated.TableColumnDefinitionSequence.append(definition)
        tabulated.CellValuesSequence.append(cells)
    item.TabulatedValuesSequence = Sequence([tabulated])
    return item


def uidref(concept: str, value: str) -> Dataset:
    item = _item("UIDREF", concept, (), "HAS PROPERTIES")
    item.UID = value
    return item


def moment(concept: str, value: str) -> Dataset:
    item = _item("DATETIME", concept, (), "CONTAINS")
    item.DateTime = value
    return item


def person(concept: str, value: str, *children: Dataset) -> Dataset:
    item = _item("PNAME", concept, children, "CONTAINS")
    item.PersonName = value
    return item


def image_reference(concept: str, sop_instance_uid: str) -> Dataset:
    item = _item("IMAGE", concept, (), "CONTAINS")
    reference = Dataset()
    reference.ReferencedSOPClassUID = DX_IMAGE
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    item.ReferencedSOPSequence = Sequence([reference])
    return item


def instance(sop_class: str, **attributes: Any) -> Dataset:
    """A data set with its identifiers, a study of its own unless told, and further attributes."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = "2.25.1"
    dataset.SeriesInstanceUID = "2.25.2"
    dataset.PatientID = "P1"
    dataset.StudyDate = "20250102"
    dataset.StudyTime = "080000"
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def report(
    *children: Dataset, title: str = "113701^DCM", sop_class: str = CT_DOSE_SR, **attributes: Any
) -> Dataset:
    dataset = instance(sop_class, Modality="SR", **attributes)
    dataset.ValueType = "CONTAINER"
    dataset.ConceptNameCodeSequence = Sequence([code_item(title)])
    dataset.ContentSequence = Sequence(children)
    return dataset


def ct_event(uid: str | None, dlp: float, ctdivol: float = 5.0, *more: Dataset) -> Dataset:
    children = [
        coded("113820^DCM", "P5-08001^SRT", "spiral"),
        container("113829^DCM", num("113830^DCM", ctdivol, "mGy"), num("113838^DCM", dlp, "mGy.cm")),
    ]
    if uid is not None:
        children.append(uidref("113769^DCM", uid))
    return container("113819^DCM", *children, *more)


def ct_report(events: dict[str, float], content_time: str = "090000", **attributes: Any) -> Dataset:
    """A CT report with the DLP of each event by its UID, and their total."""
    total = container(
        "113811^DCM",
        num("113812^DCM", len(events), "{events}"),
        num("113813^DCM", sum(events.values()), "mGy.cm"),
    )
    rows = [ct_event(uid, dlp) for uid, dlp in events.items()]
    return report(total, *rows, ContentDate="20250102", ContentTime=content_time, **attributes)


def xray_event(uid: str | None, *more: Dataset, plane: str = "113622^DCM") -> Dataset:
    children = [coded("113764^DCM", plane)]
    if uid is not None:
        children.append(uidref("113769^DCM", uid))
    return container("113706^DCM", *children, *more)


def radiograph(**attributes: Any) -> Dataset:
    """A DX image with 100 kVp and 2 dGy.cm2, unless told otherwise."""
    values: dict[str, Any] = {
        "Modality": "DX",
        "AcquisitionDate": "20250102",
        "AcquisitionTime": "081500",
        "DeviceSerialNumber": "77",
        "KVP": "100",
        "ImageAndFluoroscopyAreaDoseProduct": "2",
    }
    return instance(DX_IMAGE, **{**values, **attributes})


def encode(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian, undefined: bool = False) -> bytes:
    """The object as the bytes of a file; with ``undefined`` its sequences and items have undefined length."""
    for item in dataset.iterall():
        if item.tag == 0x0040A30A:
            item.VR = "DS" if item.VR == "LO" and _is_ds(item.value) else item.VR
        if undefined and item.VR == "SQ":
            item.is_undefined_length = True
            for entry in item.value:
                entry.is_undefined_length_sequence_item = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _is_ds(value: Any) -> bool:
    try:
        return all(len(str(part)) <= 16 and float(part) is not None for part in str(value).split("\\"))
    except ValueError:
        return False
