"""Which images a patient, a study or a series has, and where their files are."""

from typing import Literal, NamedTuple

from pyconquest_rt.database import Database

Level = Literal["patient", "study", "series", "image"]


class Image(NamedTuple):
    """An image row: its key, its file as the row names it below its device's folder, and whose it is."""

    sop: str
    object_file: str
    device: str | None
    patient_id: str | None


def select_images(database: Database, level: Level, uid: str) -> list[Image]:
    """Return the images of a patient, study or series (or the one image), ordered by their files.

    Args:
        level: what ``uid`` names.
        uid: a PatientID, StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID.
    """
    rows = database.connection.execute(_IMAGES[level], (uid,))
    return [Image(sop, object_file or "", device, patient) for sop, object_file, device, patient in rows]


_JOIN = (
    "SELECT i.SOPInstanc, i.ObjectFile, i.DeviceName, t.PatientID FROM DICOMImages i "
    "LEFT JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
    "LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta WHERE "
)
_IMAGES: dict[Level, str] = {
    "image": _JOIN + "i.SOPInstanc = ?",
    "series": _JOIN + "i.SeriesInst = ? ORDER BY i.ObjectFile",
    "study": _JOIN + "s.StudyInsta = ? ORDER BY i.ObjectFile",
    "patient": _JOIN + "t.PatientID = ? ORDER BY i.ObjectFile",
}
