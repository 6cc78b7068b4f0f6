"""Corrections by an archive's keeper: patients merged, values changed; each is audited.

A correction is made in the rows and put on record, so that it holds whenever files are read again (see
:mod:`~.recorded`); on request it is written into the files too, into all of a study or none. What failed there can be
done again by the same call.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.contested import settle
from pyconquest_rt.archive.due import objects_corrected
from pyconquest_rt.archive.editing import edit_files
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.recorded import LEVELS, MERGED, Correction, drop, record, recorded
from pyconquest_rt.archive.removal import audit, move_study, update_modalities
from pyconquest_rt.archive.selection import Level, select_images
from pyconquest_rt.database.connection import quote
from pyconquest_rt.database.rows import MODALITY, PATIENT_ID, SERIES_UID, SOP_UID, STUDY_UID, cell
from pyconquest_rt.database.schema import Column, Table
from pyconquest_rt.dicom.edit import checked_text
from pyconquest_rt.errors import DatabaseError, ObjectError


class Corrected(NamedTuple):
    """How many rows and files were changed, and the files that could not be (with the reason)."""

    rows: int
    files: int
    failures: list[tuple[str, str]]


def merge_patient(archive: Archive, old: str, new: str, *, files: bool = False) -> Corrected:
    """Give all studies of one patient to another one, who must be indexed; the old patient's row goes.

    Refused files that name the old patient in these studies, or in one of the new patient's, are taken in. Files that
    could not be changed are changed by the same call, made again.

    Args:
        archive: the archive.
        old: the PatientID that goes.
        new: the PatientID that stays; its name and birth date stand from then on in the study rows too.
        files: write the new PatientID, name and birth date into the files as well. They keep their names.

    Raises:
        DatabaseError: the new one is not indexed, nothing is known of the old one, or both are the same.
    """
    database = archive.database
    if old == new:
        raise DatabaseError(f"{old!r} cannot be merged with itself")
    _require(archive, "patient", new)
    studies = _studies_to_merge(archive, old, new)
    identity = _patient_values(archive, new)
    with database.transaction():
        count = len(select_images(database, "patient", old))
        moved = [study for study in studies if _move(archive, study, old, new, identity)]
        audit(database, "merge-patient", new, f"{len(moved)} studies of {old}, {count} images")
    settle(archive, Report())  # files of the patient who goes that were refused until now
    if not files:
        return Corrected(count, 0, [])
    changed, failures = 0, []
    for study in studies:
        done, failed = edit_files(
            archive, select_images(database, "study", study), {PATIENT_ID[0]: new, **identity}
        )
        changed += done
        failures += failed
        if not failed:
            drop(
                database,
                [c for c in recorded(database) if c.uid == study and c.tag in {PATIENT_ID[0], *identity}],
            )
    return Corrected(count, changed, failures)


def _studies_to_merge(archive: Archive, old: str, new: str) -> list[str]:
    """The studies of a patient who goes: indexed, named by refused files, or moved by a merge whose files are not done.

    Raises:
        DatabaseError: there is none.
    """
    found = archive.database.connection.execute(_STUDIES_TO_MERGE, {"old": old, "new": new}).fetchall()
    if not found:
        _require(archive, "patient", old)
    return [row[0] for row in found]


_STUDIES_TO_MERGE = f"""
SELECT StudyInsta FROM DICOMStudies WHERE PatientID = :old
UNION SELECT study FROM contested WHERE patient = :old AND NOT EXISTS
(SELECT 1 FROM DICOMStudies WHERE StudyInsta = study AND PatientID NOT IN (:old, :new))
UNION SELECT uid FROM corrections WHERE tag = {PATIENT_ID[0]} AND former = :old AND value = :new
ORDER BY 1
"""


def _move(archive: Archive, study: str, old: str, new: str, identity: Mapping[int, str]) -> bool:
    """Give one study to another patient, on record; returns whether it was indexed for the former one."""
    database = archive.database
    record(database, "study", study, {PATIENT_ID[0]: new}, former=old)
    for level in ("study", MERGED):
        record(database, level, study, identity)
    database.connection.execute(
        "UPDATE contested SET patient = ? WHERE study = ? AND patient = ?", (new, study, old)
    )
    if not database.query("SELECT 1 FROM DICOMStudies WHERE StudyInsta = ? AND PatientID = ?", (study, old)):
        return False
    move_study(database, study, new)
    for tag, value in identity.items():
        for table, column in _columns_of(archive, "study", tag):
            _update(archive, table, column, "study", study, value)
    objects_corrected(database, [image.sop for image in select_images(database, "study", study)])
    return True


def correct(
    archive: Archive, level: Level, uid: str, values: Mapping[str, str], *, files: bool = False
) -> Corrected:
    """Put values of a patient, study, series or image right in every row that holds them.

    Files that could not be changed are changed by the same call, made again.

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
    database = archive.database
    with database.transaction():
        record(database, level, uid, tags)
        rows, detail = _write_rows(archive, level, uid, tags, places)
        if MODALITY[0] in tags:
            update_modalities(database, _studies(archive, level, uid))
        objects_corrected(database, [image.sop for image in select_images(database, level, uid)])
        audit(database, f"correct-{level}", uid, detail + ", files too" * files)
    changed, failures = _correct_files(archive, level, uid, tags) if files else (0, [])
    return Corrected(rows, changed, failures)


def _write_rows(
    archive: Archive,
    level: Level,
    uid: str,
    tags: Mapping[int, str],
    places: Mapping[int, list[tuple[Table, Column]]],
) -> tuple[int, str]:
    """Write values into every row that holds them; returns how many were written, and what was there before."""
    from pydicom.datadict import keyword_for_tag

    rows, details = 0, []
    for tag, value in tags.items():
        before: set[str] = set()
        for table, column in places[tag]:
            before |= _values(archive, table, column, level, uid)
            rows += _update(archive, table, column, level, uid, value)
        was = " or ".join(sorted(before)) or "nothing"
        details.append(f"{keyword_for_tag(tag)} from {was} to {value or 'nothing'}")
    return rows, ", ".join(details)


def _correct_files(
    archive: Archive, level: Level, uid: str, tags: Mapping[int, str]
) -> tuple[int, list[tuple[str, str]]]:
    """Write values into the files of an entity, study by study; what they all hold need not be on record."""
    changed, failures = 0, []
    own = {image.sop: image for image in select_images(archive.database, level, uid)}
    for study in _studies(archive, level, uid):
        images = [image for image in select_images(archive.database, "study", study) if image.sop in own]
        done, failed = edit_files(archive, images, tags)
        changed += done
        failures += failed
    if not failures:
        _drop_what_files_hold(archive, level, uid, tags)
    return changed, failures


def _drop_what_files_hold(archive: Archive, level: Level, uid: str, tags: Collection[int]) -> None:
    """Take values off the record that all files of an entity hold, unless others of these tags go before or after."""
    found = [correction for correction in recorded(archive.database) if correction.tag in tags]
    mine = [correction for correction in found if _is_within(archive, correction, level, uid)]
    others = {correction.tag for correction in found if correction not in mine}
    drop(archive.database, [correction for correction in mine if correction.tag not in others])


def _is_within(archive: Archive, correction: Correction, level: Level, uid: str) -> bool:
    """Whether a correction on record is one of an entity, or of what it has below it."""
    if correction.level == MERGED or LEVELS.index(correction.level) < LEVELS.index(level):
        return False
    if correction.level == level:
        return correction.uid == uid
    table = archive.database.definition.tables[LEVELS.index(correction.level)]
    sql = f"SELECT 1 FROM {quote(table.name)} WHERE {quote(table.key.name)} = ? AND {_rows_of(table, level)}"
    return bool(archive.database.query(sql, (correction.uid, uid)))


def _require(archive: Archive, level: Level, uid: str) -> None:
    """Raise DatabaseError if there is no such patient, study, series or image."""
    table = archive.database.definition.tables[LEVELS.index(level)]
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
    tables = archive.database.definition.tables[LEVELS.index(level) :]
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
    where = _STUDIES_OF[level]
    rows = archive.database.connection.execute(f"SELECT StudyInsta FROM DICOMStudies WHERE {where}", (uid,))
    return [row[0] for row in rows.fetchall()]


_STUDIES_OF: dict[Level, str] = {
    "patient": _ROWS["study", "patient"],
    "study": _ROWS["study", "study"],
    "series": "StudyInsta IN (SELECT StudyInsta FROM DICOMSeries WHERE SeriesInst = ?)",
    "image": "StudyInsta IN (SELECT s.StudyInsta FROM DICOMImages i JOIN DICOMSeries s "
    "ON s.SeriesInst = i.SeriesInst WHERE i.SOPInstanc = ?)",
}


def _rows_of(table: Table, level: Level) -> str:
    return _ROWS[table.level.lower(), level]
