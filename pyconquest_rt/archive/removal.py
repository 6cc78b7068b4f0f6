"""Removing rows and moving studies to another patient, without leaving empty parents or orphans."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.due import assign_patient, objects_removed
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.index_statements import COPIES_OF, FORGET_COPIES_OF
from pyconquest_rt.dicom.same import file_hash


class Copy(NamedTuple):
    """A file of an instance, relative to its device's folder."""

    path: str
    device: str | None


def copies(database: Database, sops: Collection[str]) -> list[Copy]:
    """Return every known file of some instances: those that the image rows name, and further copies."""
    named = database.select_in("SELECT ObjectFile, DeviceName FROM DICOMImages WHERE SOPInstanc IN (?)", sops)
    found = {Copy(file_key(path), device) for path, device in named if path}
    more = database.select_in(COPIES_OF, sops)
    return sorted(found | {Copy(path, None) for (path,) in more}, key=lambda copy: copy.path)


_FEW = 10  # so many rows go with their files in any case,
_SHARE = 0.1  # and more as long as they are no larger part of all


def is_too_much(gone: int, rows: int) -> bool:
    """Return whether so many of a device's rows have lost their files that rather its disk is not there."""
    return gone > max(_FEW, rows * _SHARE)


def count_by_device(database: Database, device_of: Callable[[str | None], str]) -> Counter[str]:
    """Return how many image rows each device has; ``device_of`` says which one a row's DeviceName means."""
    rows = database.connection.execute("SELECT DeviceName, count(*) FROM DICOMImages GROUP BY DeviceName")
    found: Counter[str] = Counter()
    for name, count in rows:
        found[device_of(name)] += count
    return found


def remove_images(database: Database, sops: Collection[str], *, forget_files: bool = True) -> int:
    """Remove image rows and every series, study and patient row that this leaves empty.

    Args:
        database: the index.
        sops: SOPInstanceUIDs.
        forget_files: also forget that the ObjectFiles were seen, so that a rebuild reads those still on disk.

    Returns:
        how many further copies of these instances are known on disk; the next rebuild takes them up.
    """
    keys = [(sop,) for sop in sops]
    with database.transaction() as connection:
        rows = list(
            database.select_in("SELECT SeriesInst, ObjectFile FROM DICOMImages WHERE SOPInstanc IN (?)", sops)
        )
        if forget_files:
            names = [(file_key(path),) for _, path in rows if path]
            connection.executemany("DELETE FROM files WHERE path = ?", names)
        connection.executemany("DELETE FROM DICOMImages WHERE SOPInstanc = ?", keys)
        released = connection.executemany(FORGET_COPIES_OF, keys)
        objects_removed(database, sops)
        tidy(database, {series for series, _ in rows if series is not None})
    return released.rowcount if keys else 0


def tidy(database: Database, series: Iterable[str]) -> None:
    """Remove those of some series that are empty, then their empty studies and patients."""
    series = list(series)
    studies = _column(database, "SELECT DISTINCT StudyInsta FROM DICOMSeries WHERE SeriesInst IN (?)", series)
    patients = _column(
        database, "SELECT DISTINCT PatientID FROM DICOMStudies WHERE StudyInsta IN (?)", studies
    )
    for statement, keys in zip(_REMOVE_IF_EMPTY, (series, studies, patients), strict=True):
        database.connection.executemany(statement, [(key, key) for key in keys])
    update_modalities(database, studies)
    mark_mixed(database, patients)


MIXED = "mixed:"


def mark_mixed(database: Database, patients: Iterable[str]) -> None:
    """Have the next rebuild write what the rows of patients say anew from all of their files (see :mod:`~.mixed`)."""
    database.put("archive_state", ("name", "value"), [(f"{MIXED}{patient}", "1") for patient in patients])


_REMOVE_IF_EMPTY = (
    "DELETE FROM DICOMSeries WHERE SeriesInst = ? AND NOT EXISTS "
    "(SELECT 1 FROM DICOMImages WHERE SeriesInst = ?)",
    "DELETE FROM DICOMStudies WHERE StudyInsta = ? AND NOT EXISTS "
    "(SELECT 1 FROM DICOMSeries WHERE StudyInsta = ?)",
    "DELETE FROM DICOMPatients WHERE PatientID = ? AND NOT EXISTS "
    "(SELECT 1 FROM DICOMStudies WHERE PatientID = ?)",
)


def remove_empty_parents(database: Database) -> None:
    """Remove every series without image, every study without series, every patient without study."""
    with database.transaction() as connection:
        connection.execute(
            "DELETE FROM DICOMSeries WHERE NOT EXISTS "
            "(SELECT 1 FROM DICOMImages i WHERE i.SeriesInst = DICOMSeries.SeriesInst)"
        )
        connection.execute(
            "DELETE FROM DICOMStudies WHERE NOT EXISTS "
            "(SELECT 1 FROM DICOMSeries s WHERE s.StudyInsta = DICOMStudies.StudyInsta)"
        )
        connection.execute(
            "DELETE FROM DICOMPatients WHERE NOT EXISTS "
            "(SELECT 1 FROM DICOMStudies t WHERE t.PatientID = DICOMPatients.PatientID)"
        )


def update_modalities(database: Database, studies: Iterable[str]) -> None:
    """Make StudyModal anew: the sorted modalities of the study's series, joined by backslashes."""
    if "StudyModal" not in database.columns("DICOMStudies") or "Modality" not in database.columns(
        "DICOMSeries"
    ):
        return
    for study in studies:
        rows = database.connection.execute(
            "SELECT DISTINCT Modality FROM DICOMSeries WHERE StudyInsta = ? AND Modality IS NOT NULL ORDER BY 1",
            (study,),
        )
        merged = "\\".join(row[0] for row in rows)
        database.connection.execute(
            "UPDATE DICOMStudies SET StudyModal = ? WHERE StudyInsta = ?", (merged, study)
        )


def move_study(database: Database, study: str, patient: str) -> None:
    """Give a study with its series and images to another patient; a patient row left empty goes.

    The patient's own row is the caller's to write.
    """
    with database.transaction() as connection:
        before = _column(database, "SELECT PatientID FROM DICOMStudies WHERE StudyInsta IN (?)", [study])
        connection.execute("UPDATE DICOMStudies SET PatientID = ? WHERE StudyInsta = ?", (patient, study))
        if "SeriesPat" in database.columns("DICOMSeries"):
            connection.execute("UPDATE DICOMSeries SET SeriesPat = ? WHERE StudyInsta = ?", (patient, study))
        if "ImagePat" in database.columns("DICOMImages"):
            connection.execute(
                "UPDATE DICOMImages SET ImagePat = ? WHERE SeriesInst IN "
                "(SELECT SeriesInst FROM DICOMSeries WHERE StudyInsta = ?)",
                (patient, study),
            )
        connection.executemany(_REMOVE_IF_EMPTY[2], [(key, key) for key in before])
        assign_patient(database, _column(database, _IMAGES_OF_STUDY, [study]))
        audit(database, "move-study", study, f"from {', '.join(before)} to {patient}")


_IMAGES_OF_STUDY = (
    "SELECT i.SOPInstanc FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
    "WHERE s.StudyInsta IN (?)"
)


def audit(database: Database, action: str, subject: str, detail: str) -> None:
    """Put a deletion, move, correction or export on record."""
    database.connection.execute(
        "INSERT INTO audit(time, action, subject, detail) VALUES (?, ?, ?, ?)",
        (datetime.now(UTC).isoformat(timespec="seconds"), action, subject, detail),
    )


def audit_replacement(database: Database, sop: str, name: str, old: Path, new: Path) -> None:
    """Put on record that a file of an instance is replaced by another object, with the hashes of both."""
    audit(database, "replace", sop, f"{name}: SHA-256 {file_hash(old)} replaced by SHA-256 {file_hash(new)}")


def _column(database: Database, sql: str, keys: Collection[str]) -> list[str]:
    return [row[0] for row in database.select_in(sql, keys) if row[0] is not None]
