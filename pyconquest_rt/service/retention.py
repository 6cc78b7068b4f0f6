"""The archive's size against its limit, and which patients would have to be removed."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.delete import delete_series
from pyconquest_rt.archive.removal import audit
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.joins import SERIES_OF_PATIENT, STUDIES_DOWN
from pyconquest_rt.settings.sections import RetentionSettings

_GB = 1_000_000_000


class Patient(NamedTuple):
    """A patient's size in bytes, and the last AccessTime of its images (UTC).

    AccessTime is set when an object is indexed, retrieved (C-MOVE, C-GET), copied or exported, here or by a Conquest
    server on the same database.
    """

    patient_id: str
    size: int
    last_access: str


class Retention(NamedTuple):
    """What was found, and what was done about it."""

    size: int
    free: int
    excess: int
    patients: list[Patient]
    removed: int
    failures: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return self._asdict() | {"patients": [patient._asdict() for patient in self.patients]}


def retain(archive: Archive, settings: RetentionSettings) -> Retention:
    """Compare an archive with the room that it may take; remove the oldest patients if the settings say so.

    Each patient that goes is a row in ``audit``. What cannot be removed is reported and keeps its rows.
    """
    patients = by_last_access(archive.database)
    size = sum(patient.size for patient in patients)
    free = _free(archive.storage.root)
    excess = _excess(size, free, settings)
    chosen = _oldest(patients, excess)
    failures: list[str] = []
    for patient in chosen if settings.remove else ():
        failures += _remove(archive, patient)
    removed = len(chosen) if settings.remove else 0
    return Retention(size, free, excess, chosen, removed, failures)


def by_last_access(database: Database) -> list[Patient]:
    """Return every patient with the size of all its files, the longest unused first."""
    rows = database.connection.execute(
        f"SELECT t.PatientID, coalesce(sum(f.size), 0), coalesce(max(i.AccessTime), 0) FROM {STUDIES_DOWN} "
        "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/') "
        "GROUP BY t.PatientID ORDER BY 3, 1"
    )
    return [Patient(key, size, datetime.fromtimestamp(used, UTC).isoformat()) for key, size, used in rows]


def _excess(size: int, free: int, settings: RetentionSettings) -> int:
    over_quota = size - settings.quota_gb * _GB if settings.quota_gb else 0
    too_little_free = settings.min_free_gb * _GB - free if settings.min_free_gb else 0
    return max(0, int(over_quota), int(too_little_free))


def _oldest(patients: list[Patient], excess: int) -> list[Patient]:
    """Return the first patients whose files together take at least ``excess`` bytes."""
    chosen: list[Patient] = []
    for patient in patients:
        if excess <= 0:
            break
        chosen.append(patient)
        excess -= patient.size
    return chosen


def _remove(archive: Archive, patient: Patient) -> list[str]:
    rows = archive.database.query(SERIES_OF_PATIENT, (patient.patient_id,))
    failures: list[str] = []
    for row in rows:
        failures += map(str, delete_series(archive, row["SeriesInst"], files=True).failures)
    with archive.database.transaction():
        detail = f"{patient.size} bytes, last used {patient.last_access}, {len(failures)} files could not go"
        audit(archive.database, "retention", patient.patient_id, detail)
    return failures


def _free(root: Path) -> int:
    while not root.exists() and root != root.parent:
        root = root.parent
    return shutil.disk_usage(root).free
