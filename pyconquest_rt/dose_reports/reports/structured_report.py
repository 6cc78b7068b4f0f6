"""Structured reports that tell of dose → rows.

Which reports do is told by the title (the root's concept) or the SOP class: reports of the dose templates
are also met as Enhanced SR (GE) and as Comprehensive SR. Which template it is follows from the containers
themselves, so a report that names none, or a wrong one, is read all the same.
"""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.activity import plausible_activity
from pyconquest_rt.dose_reports.header_row import start_rows
from pyconquest_rt.dose_reports.reports import (
    enhanced_report,
    patient_dose,
    radiopharmaceutical,
    rdsr_ct,
    rdsr_projection,
)
from pyconquest_rt.dose_reports.reports.report import CLOSED, Event, Frame, fill_rows
from pyconquest_rt.dose_reports.reports.sr import content, name
from pyconquest_rt.dose_reports.rows import Rows

DOSE_REPORT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.88.67",  # X-Ray Radiation Dose SR
    "1.2.840.10008.5.1.4.1.1.88.68",  # Radiopharmaceutical Radiation Dose SR
    "1.2.840.10008.5.1.4.1.1.88.73",  # Patient Radiation Dose SR
    "1.2.840.10008.5.1.4.1.1.88.76",  # Enhanced X-Ray Radiation Dose SR
}
DOSE_REPORT_TITLES = {"113701^DCM", "113500^DCM", "128401^DCM", "C-10^99SMS_RADSUM"}

_ROOT = Frame(
    "dose_object",
    {
        "121058^DCM": "procedure_reported_meaning",
        "363703001^SCT": "has_intent",
        "113705^DCM": "scope_of_accumulation",
        "110180^DCM": "scope_uid",
        "121126^DCM": "scope_uid",
        "113854^DCM": "source_of_dose_information",
        "122142^DCM": "acquisition_device_type",
        "113809^DCM": "start_of_xray_irradiation",
        "113810^DCM": "end_of_xray_irradiation",
        "121106^DCM": "comment",
        "121012^DCM": "device_observer_uid",
        "121013^DCM": "device_observer_name",
    },
)

FRAMES = {
    "113701^DCM": _ROOT,
    "113500^DCM": _ROOT,
    "128401^DCM": _ROOT,
    # Not containers, yet what stands below them is theirs alone: a device in its role, a person.
    "113876^DCM": CLOSED,
    "113870^DCM": CLOSED,
    **rdsr_ct.FRAMES,
    **rdsr_projection.FRAMES,
    **radiopharmaceutical.FRAMES,
    **patient_dose.PATIENT_FRAMES,
    **enhanced_report.FRAMES,
    **patient_dose.ARCADIS_FRAMES,
}

_FINISH = {
    "CT": (rdsr_ct.modulation_from_comment,),
    "projection": (
        rdsr_projection.private_concepts,
        rdsr_projection.siemens_comment,
        rdsr_projection.exposure_time,
        rdsr_projection.field_area,
        rdsr_projection.take_side,
    ),
    "administration": (lambda event, rows: plausible_activity(event.row, rows),),
}


def is_dose_report(item: Item) -> bool:
    """Tell whether a structured report is one of dose."""
    return item.text(0x00080016) in DOSE_REPORT_CLASSES or name(item)[0] in DOSE_REPORT_TITLES


def extract_report(item: Item, sop_instance_uid: str) -> Rows:
    """Return the rows of a dose report (TID 10001, 10011, 10021, 10030, 10040, Siemens Arcadis)."""
    rows = start_rows(item, "report", sop_instance_uid)
    title = name(item)[0]
    rows.object["ConceptNameCode"] = title or None
    for template in item.items(0x0040A504)[:1]:
        rows.object["TemplateIdentifier"] = template.text(0x0040DB00)
    if title not in DOSE_REPORT_TITLES:
        rows.warn(f"title '{title}' is not that of a dose report; only known containers are read")
    items = list(content(item))
    fill_rows(items, FRAMES, _finish, rows)
    if enhanced_report.is_enhanced(items):
        enhanced_report.fill_from_details(items, rows)
    _conclude(rows)
    return rows


def _finish(event: Event, rows: Rows) -> None:
    row = event.row
    for step in _FINISH[str(row["event_kind"])]:
        step(event, rows)
    uid = row.get("irradiation_event_uid")
    if uid is None:
        rows.warn(f"event {row['event']} has no irradiation event UID")
    row["event_key"] = uid or row.get("date_time_started") or f"{rows.sop_instance_uid}#{row['event']}"


def _conclude(rows: Rows) -> None:
    """Fill what follows from the report as a whole: procedure, kind of modality, Arcadis' times."""
    under_root = {item["concept"]: item for item in rows["dose_item"] if item["parent"] == 1}
    if "121058^DCM" in under_root:
        rows.object["procedure_reported"] = under_root["121058^DCM"]["value_code"]
    for column, concept in patient_dose.ARCADIS_TIMES.items():
        if concept in under_root:
            rows.object[column] = under_root[concept]["value_text"]
    rows.object["modality_type"] = _modality(rows)
    rdsr_projection.filter_limits(rows)


def _modality(rows: Rows) -> str | None:
    kinds = {row.get("event_kind") for row in rows["dose_event"]}
    kinds |= {row.get("kind") for row in rows["dose_accumulated"]}
    if "projection" in kinds and rows.object.get("procedure_reported_meaning") == "Mammography":
        return "mammography"
    named = (("administration", "NM"), ("CT", "CT"), ("projection", "projection"))
    return next((modality for kind, modality in named if kind in kinds), None)
