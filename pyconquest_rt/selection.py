"""Which images a patient, a study or a series has, and where their files are."""

from typing import Literal, NamedTuple

from pyconquest_rt.database import Database, quote

Level = Literal["patient", "study", "series"]


class Image(NamedTuple):
    """An image row: its key, its file as the row names it below its device's folder, and whose it is."""

    sop: str
    object_file: str
    device: str | None
    patient_id: str | None


def select_images(database: Database, level: Level, uid: str) -> list[Image]:
    """Return the images of a patient, study or series, ordered by their files.

    Args:
        level: what ``uid`` names.
        uid: a PatientID, StudyInstanceUID or SeriesInstanceUID.
    """
    definition = database.definition
    i, s, t = definition.images, definition.series, definition.studies
    column = {
        "series": f"i.{quote(i.link.name)}",
        "study": f"s.{quote(s.link.name)}",
        "patient": f"t.{quote(t.link.name)}",
    }[level]
    rows = database.connection.execute(
        f"SELECT i.{quote(i.key.name)}, i.ObjectFile, i.DeviceName, t.{quote(t.link.name)} "
        f"FROM {quote(i.name)} i "
        f"LEFT JOIN {quote(s.name)} s ON s.{quote(s.key.name)} = i.{quote(i.link.name)} "
        f"LEFT JOIN {quote(t.name)} t ON t.{quote(t.key.name)} = s.{quote(s.link.name)} "
        f"WHERE {column} = ? ORDER BY i.ObjectFile",
        (uid,),
    )
    return [Image(sop, object_file or "", device, patient) for sop, object_file, device, patient in rows]
