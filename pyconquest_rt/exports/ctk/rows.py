"""One header → rows of a ctkDICOM database, with the values that CTK's own program writes there."""

import re
from collections.abc import Callable
from typing import Any

Get = Callable[[str], str]
"""Gives the text of an element by its keyword; '' where the header lacks it."""

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_RT_NAMES = {
    "RTPLAN": ("RTPlanName", "RTPlanLabel"),
    "RTSTRUCT": ("StructureSetName", "StructureSetLabel"),
    "RTIMAGE": ("RTImageName", "RTImageLabel"),
}


def patient_key(get: Get) -> tuple[str, str]:
    """Return PatientID and PatientName as CTK tells patients apart: a missing one is taken from what is there."""
    patient_id = get("PatientID") or get("StudyInstanceUID")
    return patient_id, get("PatientName") or patient_id


def patient_row(get: Get) -> dict[str, Any]:
    """Return a row of Patients, without its UID and what counts its studies."""
    patient_id, name = patient_key(get)
    return {
        "PatientsName": name,
        "PatientID": patient_id,
        "PatientsBirthDate": date(get("PatientBirthDate")),
        "PatientsBirthTime": time(get("PatientBirthTime")),
        "PatientsSex": get("PatientSex"),
        "PatientsComments": get("PatientComments"),
        "DisplayedPatientsName": displayed_name(name),
    }


def study_row(get: Get) -> dict[str, Any]:
    """Return a row of Studies, without its patient and what counts its series."""
    return {
        "StudyInstanceUID": get("StudyInstanceUID"),
        "StudyID": get("StudyID"),
        "StudyDate": date(get("StudyDate")),
        "StudyTime": time(get("StudyTime")),
        "StudyDescription": get("StudyDescription"),
        "AccessionNumber": get("AccessionNumber"),
        "ModalitiesInStudy": get("ModalitiesInStudy"),
        "InstitutionName": get("InstitutionName"),
        "ReferringPhysician": get("ReferringPhysicianName"),
        "PerformingPhysiciansName": get("PerformingPhysicianName"),
    }


def series_row(get: Get) -> dict[str, Any]:
    """Return a row of Series, without what counts its images."""
    names = _RT_NAMES.get(get("Modality"), ())
    description = next((name for name in map(get, names) if name), "") or get("SeriesDescription")
    return {
        "SeriesInstanceUID": get("SeriesInstanceUID"),
        "StudyInstanceUID": get("StudyInstanceUID"),
        "SeriesNumber": integer(get("SeriesNumber")),
        "SeriesDate": date(get("SeriesDate")),
        "SeriesTime": time(get("SeriesTime")),
        "SeriesDescription": description,
        "Modality": get("Modality"),
        "BodyPartExamined": get("BodyPartExamined"),
        "FrameOfReferenceUID": get("FrameOfReferenceUID"),
        "AcquisitionNumber": integer(get("AcquisitionNumber")),
        "ContrastAgent": get("ContrastBolusAgent"),
        "ScanningSequence": get("ScanningSequence"),
        "EchoNumber": integer(get("EchoNumbers")),
        "TemporalPosition": integer(get("TemporalPositionIdentifier")),
        "DisplayedSize": size(get),
    }


def size(get: Get) -> str:
    """Return ``COLUMNSxROWS``; '' for what has no image."""
    return f"{get('Columns')}x{get('Rows')}" if get("Columns") and get("Rows") else ""


def date(text: str) -> str | None:
    """Return a date as Qt binds it, ``yyyy-MM-dd``; None where it is no date."""
    match = _DATE.match(text)
    return "-".join(match.groups()) if match else None


def time(text: str) -> str | None:
    """Return a time as CTK writes it, ``HH:mm:ss``; None where there is none."""
    digits = text.replace(":", "")
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}" if re.match(r"\d{6}", digits) else None


def integer(text: str) -> int:
    """Return the first of several numbers; 0 where there is none, as CTK has it."""
    match = re.match(r"\s*([+-]?\d+)", text)
    return int(match[1]) if match else 0


def displayed_name(name: str) -> str:
    """Return a person's name as ``Last, First Middle, Suffix (Prefix)``, of its first component group (PS3.5 6.2.1)."""
    last, first, middle, prefix, suffix = (*name.split("=")[0].split("^"), "", "", "", "", "")[:5]
    given = " ".join(part for part in (first, middle) if part)
    text = ", ".join(part for part in (last, given, suffix) if part)
    return f"{text} ({prefix})" if prefix else text
