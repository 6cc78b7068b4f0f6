"""What a patient is called in an object: the words that must not be left in its texts."""

import re
from typing import Final

from pydicom import Dataset
from pydicom.multival import MultiValue

_IDENTIFIERS: Final = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "MedicalRecordLocator",
    "AdmissionID",
)
_NAMES: Final = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName")
_SHORTEST: Final = 3


def identity_of(data_set: Dataset, patient_id: str) -> re.Pattern[str] | None:
    """What the patient is called in this object, as a pattern of whole words of at least three characters."""
    words = {patient_id}
    for keyword in _NAMES:
        words |= set(re.split(r"[\^=\s\\,.-]+", text_of(data_set, keyword)))
    for keyword in _IDENTIFIERS:
        words |= set(text_of(data_set, keyword).split("\\"))
    for item in data_set.get("OtherPatientIDsSequence") or ():
        words.add(text_of(item, "PatientID"))
    wanted = sorted((word.strip() for word in words if len(word.strip()) >= _SHORTEST), key=len, reverse=True)
    if not wanted:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, wanted))})(?![^\W_])", re.IGNORECASE)


def text_of(data_set: Dataset, keyword: str) -> str:
    """Return the text of an element, several values joined by backslashes; an empty one where there is none."""
    value = data_set.get(keyword)
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)
