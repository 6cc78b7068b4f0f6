"""An X-Ray Radiation Dose SR (TID 10011) of what CT dose pages and images tell, for systems that take only these.

Source: PS3.16 TID 10011 to 10014, TID 1002, 1004; PS3.3 A.35.8. A value that nobody tells is written as not measured
(CID 42), never as a number of our own.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyconquest_rt.dose_reports.counting.exposures import DERIVED_FROM_PAGES
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.exports.dose import study_report
from pyconquest_rt.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.67"
Code = tuple[str, str, str]  #: value, scheme, meaning
_UNKNOWN: Code = ("261665006", "SCT", "Unknown")
_REGIONS: dict[str, Code] = {
    "HEAD": ("69536005", "SCT", "Head"),
    "BRAIN": ("12738006", "SCT", "Brain"),
    "NECK": ("45048000", "SCT", "Neck"),
    "CHEST": ("51185008", "SCT", "Chest"),
    "THORAX": ("51185008", "SCT", "Chest"),
    "ABDOMEN": ("818983003", "SCT", "Abdomen"),
    "PELVIS": ("816092008", "SCT", "Pelvis"),
    "SPINE": ("421060004", "SCT", "Spine"),
    "WHOLEBODY": ("38266002", "SCT", "Entire body"),
}
_TYPES: dict[str, Code] = {
    "Spiral Acquisition": ("116152004", "SCT", "Spiral Acquisition"),
    "Sequenced Acquisition": ("113804", "DCM", "Sequenced Acquisition"),
    "Constant Angle Acquisition": ("113805", "DCM", "Constant Angle Acquisition"),
    "Stationary Acquisition": ("113806", "DCM", "Stationary Acquisition"),
    "Free Acquisition": ("113807", "DCM", "Free Acquisition"),
}
_PHANTOMS: dict[str, Code] = {
    "head": ("113690", "DCM", "IEC Head Dosimetry Phantom"),
    "body": ("113691", "DCM", "IEC Body Dosimetry Phantom"),
}
_FROM_PAGES: Code = ("113868", "DCM", "Derived From Human-Readable Reports")
_FROM_IMAGES: Code = ("113866", "DCM", "Copied From Image Attributes")
_PARAMETERS = (
    ("exposure_time_s", "113824", "Exposure Time", "s"),
    ("scanning_length_mm", "113825", "Scanning Length", "mm"),
    ("nominal_single_collimation_width_mm", "113826", "Nominal Single Collimation Width", "mm"),
    ("nominal_total_collimation_width_mm", "113827", "Nominal Total Collimation Width", "mm"),
    ("pitch_factor", "113828", "Pitch Factor", "{ratio}"),
)
_TUBE = (
    ("kvp", "113733", "KVP", "kV"),
    ("xray_tube_current_mA", "113734", "X-Ray Tube Current", "mA"),
    ("exposure_time_per_rotation_s", "113834", "Exposure Time per Rotation", "s"),
)


def dose_sr(connection: sqlite3.Connection, study: str, patient_name: str | None = None) -> "Dataset":
    """Return a CT dose report made of what the dose pages and images of a study tell, its UIDs the same each time.

    It says so itself: its Source of Dose Information is 'Derived From Human-Readable Reports' where a page told, and
    'Copied From Image Attributes' where images did.

    Raises:
        ObjectError: the study has no CT dose, or a dose report of its own.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    found = study_report(connection, study)
    events = sorted(
        found["v_dose_ct"], key=lambda row: (str(row["date_time_started"] or ""), str(row["event"]))
    )
    objects = [row for row in found["v_dose_object"] if not _is_ours(row)]
    if not events:
        raise ObjectError(f"study {study} has no CT acquisition with a dose")
    if any(row["object_kind"] == "report" for row in objects):
        raise ObjectError(f"study {study} has a dose report of its own")
    told = [row for row in objects if row["superseded_by"] is None or row["object_kind"] != "image"]
    report = Dataset()
    _identify(report, found["dose_study"][0], told, study, patient_name)
    _equip(report, events, told)
    report.ContentSequence = _content(found["dose_study"][0], events, told, study)
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID = UID(_SOP_CLASS)
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    return report


def _is_ours(row: Mapping[str, Any]) -> bool:
    """Whether an object is a report that was itself made from pages, as an earlier one of ours."""
    return bool(row["object_kind"] == "report" and row["source_of_dose_information"] == DERIVED_FROM_PAGES)


def _uid(*sources: object) -> str:
    """A UID that is the same for the same sources (PS3.5 B.2: 2.25 and a number of 128 bits)."""
    digest = hashlib.sha256("\n".join(map(str, ("dose_sr", *sources))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _first(rows: Iterable[Mapping[str, Any]], column: str) -> str:
    return next((str(row[column]) for row in rows if row.get(column) is not None), "")


def _identify(
    report: "Dataset",
    total: Mapping[str, Any],
    told: list[dict[str, Any]],
    study: str,
    patient_name: str | None,
) -> None:
    sops = sorted(str(row["SOPInstanceUID"]) for row in told)
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID, report.SOPInstanceUID = _SOP_CLASS, _uid(study, *sops)
    report.StudyInstanceUID, report.SeriesInstanceUID = study, _uid(study, "series")
    report.PatientName, report.PatientID = patient_name or "", total["PatientID"] or ""
    report.PatientBirthDate, report.PatientSex = _first(told, "PatientBirthDate"), _first(told, "PatientSex")
    report.StudyDate, report.StudyTime = total["StudyDate"] or "", _first(told, "StudyTime")
    report.StudyDescription, report.StudyID = total["StudyDescription"] or "", ""
    report.AccessionNumber, report.ReferringPhysicianName = total["AccessionNumber"] or "", ""
    now = datetime.now()
    report.ContentDate, report.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    report.Modality, report.SeriesNumber, report.InstanceNumber = "SR", "1", "1"
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.ReferencedPerformedProcedureStepSequence = []
    report.PerformedProcedureCodeSequence = []
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code(("113701", "DCM", "X-Ray Radiation Dose Report"))]
    report.ContentTemplateSequence = [_template()]


def _template() -> "Dataset":
    from pydicom.dataset import Dataset

    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "10011"
    return template


def _equip(report: "Dataset", events: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    """The scanner's names; software is ours beside the scanner's, since we wrote the report."""
    report.Manufacturer = _first([*events, *told], "Manufacturer") or "unknown"
    report.ManufacturerModelName = _first([*events, *told], "ManufacturerModelName") or "unknown"
    report.DeviceSerialNumber = _first([*events, *told], "DeviceSerialNumber") or "unknown"
    software = _first([*events, *told], "SoftwareVersions")
    report.SoftwareVersions = [*filter(None, software.split("\\")), f"pyconquest_rt {__version__}"]


# -- content --------------------------------------------------------------------------------------------------------


def _code(code: Code) -> "Dataset":
    from pydicom.dataset import Dataset

    entry = Dataset()
    entry.CodeValue, entry.CodingSchemeDesignator, entry.CodeMeaning = code
    return entry


def _item(value_type: str, concept: Code, relationship: str = "CONTAINS", **values: Any) -> "Dataset":
    from pydicom.dataset import Dataset

    item = Dataset()
    item.RelationshipType, item.ValueType = relationship, value_type
    item.ConceptNameCodeSequence = [_code(concept)]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _coded(concept: Code, value: Code, relationship: str = "CONTAINS", *children: "Dataset") -> "Dataset":
    item = _item("CODE", concept, relationship, ConceptCodeSequence=[_code(value)])
    if children:
        item.ContentSequence = list(children)
    return item


def _number(concept: str, meaning: str, value: object, unit: str) -> "Dataset":
    """A NUM item; without a value it says that this was not measured."""
    from pydicom.dataset import Dataset

    item = _item("NUM", (concept, "DCM", meaning), MeasuredValueSequence=[])
    if not isinstance(value, (int, float)):
        item.NumericValueQualifierCodeSequence = [_code(("114007", "DCM", "Measurement not attempted"))]
        return item
    measured = Dataset()
    measured.NumericValue = f"{value:.10g}"
    measured.MeasurementUnitsCodeSequence = [_code((unit, "UCUM", unit))]
    item.MeasuredValueSequence = [measured]
    return item


def _container(concept: str, meaning: str, *children: "Dataset") -> "Dataset":
    return _item(
        "CONTAINER", (concept, "DCM", meaning), ContinuityOfContent="SEPARATE", ContentSequence=list(children)
    )


def _content(
    total: Mapping[str, Any], events: list[dict[str, Any]], told: list[dict[str, Any]], study: str
) -> list["Dataset"]:
    intent = _coded(
        ("363703001", "SCT", "Has Intent"), ("261004008", "SCT", "Diagnostic Intent"), "HAS CONCEPT MOD"
    )
    procedure = ("121058", "DCM", "Procedure reported")
    times = sorted(str(row["date_time_started"]) for row in events if row["date_time_started"])
    accumulated = _container(
        *("113811", "CT Accumulated Dose Data"),
        _number("113812", "Total Number of Irradiation Events", len(events), "{events}"),
        _number("113813", "CT Dose Length Product Total", total["total_dlp_mGycm"], "mGy.cm"),
    )
    scope = _coded(("113705", "DCM", "Scope of Accumulation"), ("113014", "DCM", "Study"))
    scope.ContentSequence = [
        _item("UIDREF", ("110180", "DCM", "Study Instance UID"), "HAS PROPERTIES", UID=study)
    ]
    sources = [_coded(("113854", "DCM", "Source of Dose Information"), code) for code in _sources(told)]
    return [
        _coded(procedure, ("77477000", "SCT", "Computed Tomography X-Ray"), "HAS CONCEPT MOD", intent),
        *_observer(study, events),
        *_irradiation(times, total),
        scope,
        accumulated,
        *(_acquisition(row, study) for row in events),
        *sources,
    ]


def _sources(told: list[dict[str, Any]]) -> list[Code]:
    pages = any(row["object_kind"] != "image" for row in told)
    images = any(row["object_kind"] == "image" for row in told)
    return [code for code, there in ((_FROM_PAGES, pages), (_FROM_IMAGES, images)) if there]


def _observer(study: str, events: list[dict[str, Any]]) -> list["Dataset"]:
    context = "HAS OBS CONTEXT"
    device = _uid(
        "device",
        *(_first(events, c) for c in ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber")),
    )
    return [
        _coded(("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"), context),
        _item("UIDREF", ("121012", "DCM", "Device Observer UID"), context, UID=device),
        _item(
            "TEXT",
            ("121013", "DCM", "Device Observer Name"),
            context,
            TextValue=f"pyconquest_rt {__version__}",
        ),
    ]


def _irradiation(times: list[str], total: Mapping[str, Any]) -> list["Dataset"]:
    context, day = "HAS OBS CONTEXT", str(total["StudyDate"] or "")
    first, last = (times[0], times[-1]) if times else (day, day)
    if not first:
        return []
    return [
        _item("DATETIME", ("113809", "DCM", "Start of X-Ray Irradiation"), context, DateTime=first),
        _item("DATETIME", ("113810", "DCM", "End of X-Ray Irradiation"), context, DateTime=last),
    ]


def _acquisition(row: Mapping[str, Any], study: str) -> "Dataset":
    uid = row["irradiation_event_uid"] or _uid(study, row["SOPInstanceUID"], row["event"])
    children = [
        _item(
            "TEXT",
            ("125203", "DCM", "Acquisition Protocol"),
            TextValue=row["acquisition_protocol"] or "unknown",
        ),
        _coded(("123014", "DCM", "Target Region"), _region(row["target_region"])),
        _coded(("113820", "DCM", "CT Acquisition Type"), _TYPES.get(row["ct_acquisition_type"], _UNKNOWN)),
        _item("UIDREF", ("113769", "DCM", "Irradiation Event UID"), UID=uid),
    ]
    if row["date_time_started"]:
        started = ("111526", "DCM", "DateTime Started")
        children.append(_item("DATETIME", started, DateTime=row["date_time_started"]))
    children += [_parameters(row), _dose(row)]
    if row["xray_modulation_type"]:
        modulation = ("113842", "DCM", "X-Ray Modulation Type")
        children.append(_item("TEXT", modulation, TextValue=row["xray_modulation_type"]))
    return _container("113819", "CT Acquisition", *children)


def _region(text: object) -> Code:
    return _REGIONS.get(str(text or "").upper().replace(" ", ""), _UNKNOWN)


def _parameters(row: Mapping[str, Any]) -> "Dataset":
    source = _container(
        *("113831", "CT X-Ray Source Parameters"),
        _item("TEXT", ("113832", "DCM", "Identification of the X-Ray Source"), TextValue="1"),
        *(_number(concept, meaning, row[column], unit) for column, concept, meaning, unit in _TUBE),
    )
    return _container(
        *("113822", "CT Acquisition Parameters"),
        *(_number(concept, meaning, row[column], unit) for column, concept, meaning, unit in _PARAMETERS),
        _number("113823", "Number of X-Ray Sources", 1, "{X-Ray sources}"),
        source,
    )


def _dose(row: Mapping[str, Any]) -> "Dataset":
    children = [_number("113830", "Mean CTDIvol", row["mean_ctdivol_mGy"], "mGy")]
    phantom = next(
        (code for word, code in _PHANTOMS.items() if word in str(row["ctdiw_phantom_type"] or "").lower()),
        None,
    )
    if phantom is not None:
        children.append(_coded(("113835", "DCM", "CTDIw Phantom Type"), phantom))
    children.append(_number("113838", "DLP", row["dlp_mGycm"], "mGy.cm"))
    return _container("113829", "CT Dose", *children)
