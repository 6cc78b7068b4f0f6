"""Corrections by people who keep an archive: two patients made one, values put right; each is on record.

A correction is made in the rows, and on request in the files too. One that is made in the rows alone lasts until
the files concerned are read again; a later correction of these files writes the merged patient too.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.ingest import State
from pyconquest_rt.archive.removal import audit, copies, move_study, update_modalities
from pyconquest_rt.archive.selection import Image, Level, select_images
from pyconquest_rt.archive.store import reindex
from pyconquest_rt.database.connection import quote
from pyconquest_rt.database.rows import MODALITY, PATIENT_ID, SERIES_UID, SOP_UID, STUDY_UID, cell
from pyconquest_rt.database.schema import Column, Table
from pyconquest_rt.dicom.access import text, view_object
from pyconquest_rt.dicom.edit import change_tags, checked_text
from pyconquest_rt.errors import DatabaseError, ObjectError, PyconquestError, reason


class Corrected(NamedTuple):
    """How many rows and files were changed, and the files that could not be (with the reason)."""

    rows: int
    files: int
    failures: list[tuple[str, str]]


def merge_patient(archive: Archive, old: str, new: str, *, files: bool = False) -> Corrected:
    """Give all studies of one patient to another one, who must be indexed; the old patient's row goes.

    Args:
        archive: the archive.
        old: the PatientID that goes.
        new: the PatientID that stays; its name and birth date stand from then on in the study rows too.
        files: write the new PatientID, name and birth date into the files as well. They keep their names.

    Raises:
        DatabaseError: one of the two is not indexed, or both are the same.
    """
    database = archive.database
    if old == new:
        raise DatabaseError(f"{old!r} cannot be merged with itself")
    for patient in (old, new):
        _require(archive, "patient", patient)
    images = select_images(database, "patient", old)
    identity = _patient_values(archive, new)
    with database.transaction():
        studies = database.query("SELECT StudyInsta FROM DICOMStudies WHERE PatientID = ?", (old,))
        for row in studies:
            move_study(database, row["StudyInsta"], new)
            for tag, value in identity.items():
                for table, column in _columns_of(archive, "study", tag):
                    _update(archive, table, column, "study", row["StudyInsta"], value)
        audit(database, "merge-patient", new, f"{len(studies)} studies of {old}, {len(images)} images")
    changed, failures = _change_files(archive, images, {PATIENT_ID[0]: new, **identity}) if files else (0, [])
    return Corrected(len(images), changed, failures)


def correct(
    archive: Archive, level: Level, uid: str, values: Mapping[str, str], *, files: bool = False
) -> Corrected:
    """Put values of a patient, study, series or image right in every row that holds them.

    Args:
        archive: the archive.
        level: ``patient``, ``study``, ``series`` or ``image``.
        uid: the key of that level.
        values: DICOM keyword → new text, empty for none; the identifiers themselves cannot be corrected here.
        files: write the values into the files as well.

    Raises:
        DatabaseError: there is no such entity, or no column holds the value and ``files`` is not set.
        ObjectError: a keyword is unknown, names an identifier, or its value does not fit.
    """
    tags = {_tag(keyword, value): value for keyword, value in values.items()}
    _require(archive, level, uid)
    places = {tag: _columns_of(archive, level, tag) for tag in tags}
    for keyword, found in zip(values, places.values(), strict=True):
        if not found and not files:
            raise DatabaseError(
                f"no column of the {level} or below holds {keyword}; it can be set in the files"
            )
    images = select_images(archive.database, level, uid)
    rows, details = 0, []
    with archive.database.transaction():
        for keyword, (tag, value) in zip(values, tags.items(), strict=True):
            before: set[str] = set()
            for table, column in places[tag]:
                before |= _values(archive, table, column, level, uid)
                rows += _update(archive, table, column, level, uid, value)
            details.append(
                f"{keyword} from {' or '.join(sorted(before)) or 'nothing'} to {value or 'nothing'}"
            )
        if MODALITY[0] in tags:
            update_modalities(archive.database, _studies(archive, level, uid))
        audit(archive.database, f"correct-{level}", uid, ", ".join(details) + ", files too" * files)
    changed, failures = _change_files(archive, images, tags) if files else (0, [])
    return Corrected(rows, changed, failures)


def _require(archive: Archive, level: Level, uid: str) -> None:
    """Raise DatabaseError if there is no such patient, study, series or image."""
    table = archive.database.definition.tables[_LEVELS.index(level)]
    name, key = quote(table.name), quote(table.key.name)
    if not archive.database.query(f"SELECT 1 FROM {name} WHERE {key} = ?", (uid,)):
        raise DatabaseError(f"there is no {level} {uid!r} in the index")


def _patient_values(archive: Archive, patient: str) -> dict[int, str]:
    """Tag → text of what a patient's row says beside the key."""
    row = archive.database.query("SELECT * FROM DICOMPatients WHERE PatientID = ?", (patient,))[0]
    columns = archive.database.definition.patients.columns[1:]
    return {
        column.path[0]: row[column.name] for column in columns if len(column.path) == 1 and row[column.name]
    }


def _tag(keyword: str, value: str) -> int:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ObjectError(f"{keyword!r} is no DICOM keyword")
    if (tag,) in {PATIENT_ID, STUDY_UID, SERIES_UID, SOP_UID}:
        raise ObjectError(f"{keyword} is an identifier; use merge-patient, or change the file and rebuild")
    checked_text(tag, value)
    return tag


# Which rows of a table belong to an entity: by the table's level, then by that of the entity.
_LEVELS: tuple[Level, ...] = ("patient", "study", "series", "image")
_ROWS: dict[tuple[str, Level], str] = {
    ("patient", "patient"): "PatientID = ?",
    ("study", "patient"): "PatientID = ?",
    ("study", "study"): "StudyInsta = ?",
    ("series", "patient"): "StudyInsta IN (SELECT StudyInsta FROM DICOMStudies WHERE PatientID = ?)",
    ("series", "study"): "StudyInsta = ?",
    ("series", "series"): "SeriesInst = ?",
    ("image", "patient"): "SeriesInst IN (SELECT s.SeriesInst FROM DICOMSeries s JOIN DICOMStudies t "
    "ON t.StudyInsta = s.StudyInsta WHERE t.PatientID = ?)",
    ("image", "study"): "SeriesInst IN (SELECT SeriesInst FROM DICOMSeries WHERE StudyInsta = ?)",
    ("image", "series"): "SeriesInst = ?",
    ("image", "image"): "SOPInstanc = ?",
}


def _columns_of(archive: Archive, level: Level, tag: int) -> list[tuple[Table, Column]]:
    """Return the columns of a tag in the tables from a level down."""
    tables = archive.database.definition.tables[_LEVELS.index(level) :]
    return [(table, column) for table in tables for column in table.columns if column.path == (tag,)]


def _update(archive: Archive, table: Table, column: Column, level: Level, uid: str, value: str) -> int:
    """Write a value, as indexing would, into those rows of a table that belong to an entity; returns how many."""
    statement = f"UPDATE {quote(table.name)} SET {quote(column.name)} = ? WHERE {_rows_of(table, level)}"
    return archive.database.connection.execute(statement, (cell(column, value), uid)).rowcount


def _values(archive: Archive, table: Table, column: Column, level: Level, uid: str) -> set[str]:
    statement = (
        f"SELECT DISTINCT {quote(column.name)} FROM {quote(table.name)} WHERE {_rows_of(table, level)}"
    )
    return {str(row[0]) for row in archive.database.connection.execute(statement, (uid,)) if row[0]}


def _studies(archive: Archive, level: Level, uid: str) -> list[str]:
    """Return the studies that an entity has or lies in."""
    if level in ("patient", "study"):
        where = _ROWS["study", level]
    else:
        where = f"StudyInsta IN (SELECT StudyInsta FROM DICOMSeries WHERE {_ROWS['series', 'series']})"
    rows = archive.database.connection.execute(f"SELECT StudyInsta FROM DICOMStudies WHERE {where}", (uid,))
    return [row[0] for row in rows.fetchall()]


def _rows_of(table: Table, level: Level) -> str:
    return _ROWS[table.level.lower(), level]


def _merged_patient(archive: Archive, file: Path, image: Image) -> dict[int, str]:
    """The index's patient where the file has another: a merge in the rows alone, which reading the file would undo."""
    told = text(view_object(file), "PatientID").strip()
    if told and image.patient_id and told != image.patient_id:
        return {PATIENT_ID[0]: image.patient_id, **_patient_values(archive, image.patient_id)}
    return {}


def _change_files(
    archive: Archive, images: Iterable[Image], values: Mapping[int, str]
) -> tuple[int, list[tuple[str, str]]]:
    """Write values into every known file of images and index those again; what cannot be changed is reported."""
    changed: list[str] = []
    failures: list[tuple[str, str]] = []
    count = 0
    for image in images:
        found = copies(archive.database, [image.sop])
        if not found:
            failures.append((image.sop, "the row of this instance names no file"))
        for path, device in found:
            try:
                file = archive.storage.path_of(path, device)
                change_tags(file, {**_merged_patient(archive, file, image), **values}, create=True)
            except (PyconquestError, OSError) as error:
                failures.append((path, reason(error)))
                continue
            count += 1
            if device in (None, DEFAULT_DEVICE):  # what was seen of the others is not remembered
                changed.append(path)
    refused = [outcome for outcome in reindex(archive, changed) if outcome.state is State.REJECTED]
    failures += [(outcome.path, outcome.reason or "") for outcome in refused]
    return count, failures
