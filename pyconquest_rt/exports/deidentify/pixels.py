"""Objects whose content may show the patient, which no change of attributes takes away (DICOM PS3.15 E.1.1, E.3.1)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."
_OFTEN_BURNED_IN = {
    "1.2.840.10008.5.1.4.1.1.7": "a secondary capture",
    "1.2.840.10008.5.1.4.1.1.6": "an ultrasound image",
    "1.2.840.10008.5.1.4.1.1.3": "an ultrasound clip",
    "1.2.840.10008.5.1.4.1.1.77": "a photograph, a film or an endoscopy",
}
_SCREENS = {"SCREEN SAVE", "SCREEN", "DOSE_INFO", "PRINT"}


def what_may_show(data_set: "Dataset") -> str | None:
    """Return why an object may show its patient; None where nothing speaks for it.

    Judged by BurnedInAnnotation, and where that says nothing, by SOP class and ImageType. Faces that can be made out
    in a volume are not judged.
    """
    sop_class = str(data_set.get("SOPClassUID", ""))
    stated = str(data_set.get("BurnedInAnnotation", "")).upper()
    if sop_class.startswith(_DOCUMENTS):
        return "it is an encapsulated document"
    if stated == "YES":
        return "BurnedInAnnotation is YES"
    if stated == "NO":
        return None
    return _often_burned_in(sop_class) or _is_screen(data_set.get("ImageType") or ())


def _often_burned_in(sop_class: str) -> str | None:
    for uid, what in _OFTEN_BURNED_IN.items():
        if sop_class == uid or sop_class.startswith(f"{uid}."):
            return f"it is {what}, and does not say that nothing is burned in"
    return None


def _is_screen(image_type: str | Iterable[str]) -> str | None:
    values = [image_type] if isinstance(image_type, str) else image_type
    if _SCREENS & {str(value).upper() for value in values}:
        return "its ImageType is that of a screen capture"
    return None
