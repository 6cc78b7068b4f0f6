"""Corrections by people who keep an archive: two patients made one, values put right; each is on record.

A correction is made in the rows, and on request in the files too. One that is made in the rows alone lasts until
the files concerned are read again.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pyconquest_rt.database import quote
from pyconquest_rt.edit import change_tag
from pyconquest_rt.errors import DatabaseError, ObjectError
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.removal import audit, move_study
from pyconquest_rt.rows import PATIENT_ID, SERIES_UID, SOP_UID, STUDY_UID
from pyconquest_rt.schema import Table
from pyconquest_rt.selection import Image, Level, select_images
from pyconquest_rt.store import reindex


class Corrected(NamedTuple):
    """How many rows and files were changed, and the files that could not be (with the reason)."""

    rows: int
    files: int
    failures: list[tuple[str, str]]


def merge_patient(ingest: Ingest, old: str, new: str, *, files: bool = False) -> Corrected:
    """Give all studies of one patient to another one, who must be indexed; the old patient's row goes.

    Args:
        ingest: the index.
        old: the PatientID that goes.
        new: the PatientID that stays; its name and birth date stand from then on in the study rows too.
        files: write the new PatientID into the files as well. They keep their names.

    Raises:
        DatabaseError: one of the two is not indexed.
    """
    database = ingest.database
    for patient in (old, new):
        if not database.query("SELECT 1 FROM DICOMPatients WHERE PatientID = ?", (patient,)):
            raise DatabaseError(f"there is no patient {patient!r} in the index")
    images = select_images(database, "patient", old)
    with database.transaction():
        studies = database.query("SELECT StudyInsta FROM DICOMStudies WHERE PatientID = ?", (old,))
        for row in studies:
            move_study(database, row["StudyInsta"], new)
        audit(database, "merge-patient", new, f"{len(studies)} studies of {old}, {len(images)} images")
    changed, failures = _change_files(ingest, images, {"PatientID": new}) if files else (0, [])
    return Corrected(len(images), changed, failures)


def correct(
    ingest: Ingest, level: Level, uid: str, values: Mapping[str, str], *, files: bool = False
) -> Corrected:
    """Put values of a patient, study, series or image right in every row that holds them.

    Args:
        ingest: the index.
        level: ``patient``, ``study``, ``series`` or ``image``.
        uid: the key of that level.
        values: DICOM keyword → new text; the identifiers themselves cannot be corrected here.
        files: write the values into the files as well.

    Raises:
        DatabaseError: there is no such entity.
        ObjectError: a keyword is unknown, or names an identifier.
    """
    tags = {keyword: _tag(keyword) for keyword in values}
    images = select_images(ingest.database, level, uid)
    if not images:
        raise DatabaseError(f"there is no {level} {uid!r} in the index")
    rows = 0
    with ingest.database.transaction():
        for keyword, tag in tags.items():
            for table in ingest.database.definition.tables:
                rows += _update(ingest, table, level, uid, tag, values[keyword])
        detail = ", ".join(f"{keyword}={value}" for keyword, value in values.items())
        audit(ingest.database, f"correct-{level}", uid, detail)
    changed, failures = _change_files(ingest, images, values) if files else (0, [])
    return Corrected(rows, changed, failures)


def _tag(keyword: str) -> int:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ObjectError(f"{keyword!r} is no DICOM keyword")
    if (tag,) in {PATIENT_ID, STUDY_UID, SERIES_UID, SOP_UID}:
        raise ObjectError(f"{keyword} is an identifier; use merge-patient, or change the file and rebuild")
    return tag


# Which rows of a table belong to an entity: by the table's level, then by that of the entity.
_KEYS = {"patient": "PatientID", "study": "StudyInsta", "series": "SeriesInst", "image": "SOPInstanc"}
_LEVELS = ("patient", "study", "series", "image")
_BELOW = {
    "study": "StudyInsta IN (SELECT StudyInsta FROM DICOMStudies WHERE {of_study})",
    "series": "SeriesInst IN (SELECT s.SeriesInst FROM DICOMSeries s JOIN DICOMStudies t "
    "ON t.StudyInsta = s.StudyInsta WHERE {of_series})",
    "image": "SeriesInst IN (SELECT s.SeriesInst FROM DICOMSeries s JOIN DICOMStudies t "
    "ON t.StudyInsta = s.StudyInsta WHERE {of_series})",
}


def _update(ingest: Ingest, table: Table, level: Level, uid: str, tag: int, value: str) -> int:
    """Update the column of a tag in those rows of a table that belong to an entity (or to its children)."""
    names = [column.name for column in table.columns if column.path == (tag,)]
    own = table.level.lower()
    if not names or _LEVELS.index(own) < _LEVELS.index(level):
        return 0
    if own == level:
        where = f"{_KEYS[level]} = ?"
    else:
        key = _KEYS[level]
        prefix = "s" if level == "series" else "t"
        where = _BELOW[own].format(of_study=f"{key} = ?", of_series=f"{prefix}.{key} = ?")
    changed = 0
    for name in names:
        statement = f"UPDATE {quote(table.name)} SET {quote(name)} = ? WHERE {where}"
        changed += ingest.database.connection.execute(statement, (value, uid)).rowcount
    return changed


def _change_files(
    ingest: Ingest, images: list[Image], values: Mapping[str, str]
) -> tuple[int, list[tuple[str, str]]]:
    """Write values into files and index those again; a file that cannot be changed is reported."""
    changed: list[str] = []
    failures: list[tuple[str, str]] = []
    for image in images:
        try:
            path = ingest.storage.path_of(image.object_file, image.device)
            for keyword, value in values.items():
                change_tag(path, keyword, value, create=True)
            changed.append(image.object_file)
        except Exception as error:
            failures.append((image.object_file, str(error)))
    reindex(ingest, changed)
    return len(changed), failures
