"""Series and patients that leave the archive: their rows, their files, or both."""

from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_path
from pyconquest_rt.archive.recorded import MERGED, Correction, drop, recorded
from pyconquest_rt.archive.removal import Copy, audit, copies, remove_images, tidy
from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import ObjectError, StorageError, TruncatedError


class Deleted(NamedTuple):
    """How many images were found, how many files went, and why files could not be removed."""

    images: int
    files: int
    failures: list[StorageError]


def delete_series(archive: Archive, series: str, *, files: bool = False, rows: bool = True) -> Deleted:
    """Delete a series; study and patient rows that this leaves empty go too.

    Args:
        files: remove the files with every known copy. An image whose file cannot be removed keeps its row.
        rows: remove the rows. Without this the rows stay, also when a rebuild no longer finds the files.

    Raises:
        DatabaseError: the database cannot be written; then no row has gone.
    """
    database = archive.database
    failures: list[StorageError] = []
    count = 0
    with database.transaction():
        sops = [image.sop for image in select_images(database, "series", series)]
        of_deleted = _corrections_of(database, series) if files and rows else []
        done = []
        for sop in sops:
            try:
                count += _remove_files(archive, sop) if files else 0
                done.append(sop)
            except StorageError as error:
                failures.append(error)
        if rows:
            remove_images(database, done)
            tidy(database, [series])
            drop(database, [correction for correction in of_deleted if not _has_row(database, correction)])
        what = " and ".join(["rows"] * rows + ["files"] * files)
        audit(database, "delete-series", series, f"{what} of {len(done)} images")
    return Deleted(len(sops), count, failures)


_PARENTS = (
    "SELECT SeriesInst, s.StudyInsta, t.PatientID FROM DICOMSeries s "
    "LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta WHERE SeriesInst = ?"
)
_ROW = {
    "patient": "SELECT 1 FROM DICOMPatients WHERE PatientID = ?",
    "study": "SELECT 1 FROM DICOMStudies WHERE StudyInsta = ?",
    MERGED: "SELECT 1 FROM DICOMStudies WHERE StudyInsta = ?",
    "series": "SELECT 1 FROM DICOMSeries WHERE SeriesInst = ?",
    "image": "SELECT 1 FROM DICOMImages WHERE SOPInstanc = ?",
}


def _corrections_of(database: Database, series: str) -> list[Correction]:
    """The corrections on record of a series, of what it has below it, and of its study and patient.

    They go with the last file: a later object of this PatientID may be another person's.
    """
    keys = set(database.connection.execute(_PARENTS, (series,)).fetchone() or ())
    keys |= {image.sop for image in select_images(database, "series", series)}
    return [correction for correction in recorded(database) if correction.uid in keys]


def _has_row(database: Database, correction: Correction) -> bool:
    return bool(database.query(_ROW[correction.level], (correction.uid,)))


def delete_patient_rows(archive: Archive, patient_id: str) -> int:
    """Delete every row of a patient; the files stay, and a rebuild finds them again. Returns how many images.

    Raises:
        DatabaseError: the database cannot be written; then no row has gone.
    """
    database = archive.database
    with database.transaction() as connection:
        sops = [image.sop for image in select_images(database, "patient", patient_id)]
        remove_images(database, sops)
        for statement in _REMOVE_WITHOUT_IMAGES:
            connection.execute(statement, (patient_id,))
        audit(database, "delete-patient", patient_id, f"rows of {len(sops)} images")
    return len(sops)


_REMOVE_WITHOUT_IMAGES = (
    "DELETE FROM DICOMSeries WHERE StudyInsta IN (SELECT StudyInsta FROM DICOMStudies WHERE PatientID = ?)",
    "DELETE FROM DICOMStudies WHERE PatientID = ?",
    "DELETE FROM DICOMPatients WHERE PatientID = ?",
)


def _remove_files(archive: Archive, sop: str) -> int:
    """Remove every known copy of an instance and forget that it was seen; returns how many there were."""
    database = archive.database
    found = copies(database, [sop])
    for copy in found:
        if not archive.storage.is_gone(copy.path, copy.device):
            _require_own(archive, sop, copy)
    removed = sum(archive.storage.remove(copy.path, copy.device) for copy in found)
    database.connection.executemany("DELETE FROM files WHERE path = ?", [(copy.path,) for copy in found])
    return removed


def _require_own(archive: Archive, sop: str, copy: Copy) -> None:
    """Raise StorageError unless a file still is that of an instance, be it cut off."""
    try:
        current_path(archive, sop, copy.path, copy.device)
    except TruncatedError:
        return
    except ObjectError as error:
        raise StorageError(f"{copy.path} was not removed: {error}") from error
