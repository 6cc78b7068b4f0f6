"""Images of a patient, study or series, with their files."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pyconquest_rt.archive.names import file_key, folder_name
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE
from pyconquest_rt.errors import DatabaseError

Level = Literal["patient", "study", "series", "image"]


class Image(NamedTuple):
    """An image row: key, file (relative to its device's folder), and parents."""

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


def folders_of(database: Database, patient_id: str) -> list[str]:
    """Return the folders that may hold a patient's files; none contains another."""
    images = select_images(database, "patient", patient_id)
    known = {file_key(image.object_file).rpartition("/")[0] for image in images}
    outermost: list[str] = []
    for name in sorted({f"{folder}/" for folder in known | {folder_name(patient_id)} if folder}):
        if not (outermost and name.startswith(outermost[-1])):
            outermost.append(name)
    return [name.removesuffix("/") for name in outermost]


def series_in(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the column SeriesInst (in any case) of a query's rows.

    Raises:
        DatabaseError: there is no such column.
    """
    column = next((name for name in (rows[0] if rows else ()) if name.lower() == "seriesinst"), None)
    if rows and column is None:
        raise DatabaseError("the query has no column SeriesInst")
    return [row[column] for row in rows if column is not None]


_JOIN = f"SELECT i.SOPInstanc, i.ObjectFile, i.DeviceName, t.PatientID FROM DICOMImages i {PARENTS_OF_IMAGE} WHERE "
_IMAGES: dict[Level, str] = {
    "image": _JOIN + "i.SOPInstanc = ?",
    "series": _JOIN + "i.SeriesInst = ? ORDER BY i.ObjectFile",
    "study": _JOIN + "s.StudyInsta = ? ORDER BY i.ObjectFile",
    "patient": _JOIN + "t.PatientID = ? ORDER BY i.ObjectFile",
}
