"""What an archive holds and what its service is doing, as figures."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.database.connection import Database, file_size
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.service.jobs import last_runs
from pyconquest_rt.settings.sections import ArchiveSettings

LEVELS = {
    "patients": "DICOMPatients",
    "studies": "DICOMStudies",
    "series": "DICOMSeries",
    "images": "DICOMImages",
}
_SINGULARS = {"studies": "study", "series": "series"}


def service_lock(settings: ArchiveSettings) -> Lock:
    """Return the lock that the service of an archive holds while it runs."""
    return Lock(
        beside(settings.database, "serve.lock"),
        f"another service runs on {settings.database}; stop it, or give this one a database of its own",
    )


def status(settings: ArchiveSettings) -> dict[str, Any]:
    """Return the figures of an archive.

    ``truncated`` names the first hundred files that are cut off.
    ``service`` is what the running service published last; None where none runs.

    Raises:
        DatabaseError: there is no such database, or it cannot be opened.
    """
    if not Path(settings.database).is_file():
        raise DatabaseError(
            f"{settings.database}: there is no such database; `pyconquest-rt rebuild` makes it"
        )
    archive = Archive.read(settings)
    try:
        return counts(archive.database) | {
            "truncated": truncated(archive.database),
            "jobs": {name: run._asdict() for name, run in last_runs(archive.database).items()},
            "disk": disk(settings.data),
            "database_bytes": file_size(settings.database),
            "service": published(settings),
        }
    finally:
        archive.close()


def counts(database: Database) -> dict[str, Any]:
    """Return how many patients, studies, series, images, refused objects and derivations by state there are."""
    found = {name: _count(database, table) for name, table in LEVELS.items()}
    rows = database.query("SELECT state, count(*) AS n FROM derivations GROUP BY state ORDER BY state")
    return {
        **found,
        "rejected": _count(database, "rejected"),
        "derivations": {row["state"]: row["n"] for row in rows},
    }


def truncated(database: Database) -> list[str]:
    """Return the files that are indexed though they are cut off, the first hundred by their paths."""
    rows = database.query(
        "SELECT path FROM files WHERE state <> 'indexed' AND state = 'truncated' ORDER BY path LIMIT 100"
    )
    return [row["path"] for row in rows]


def _count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])  # noqa: S608 - a name from above


def counted(number: int, what: str) -> str:
    """Return a number with its noun: ``1 patient``, ``2 patients``, ``2 studies``."""
    if number == 1:
        return f"1 {_SINGULARS.get(what, what.removesuffix('s'))}"
    return f"{number} {what}"


def disk(data: str) -> dict[str, int]:
    """Return size and free space, in bytes, of the disk that a folder is on or will be on."""
    folder = Path(data).absolute()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return {"total": usage.total, "free": usage.free}


# -- what a service says of itself --------------------------------------------------------------------------


def publish(settings: ArchiveSettings, figures: Mapping[str, Any]) -> None:
    """Publish a running service's figures in a file; a full disk is ignored."""
    path = beside(settings.database, "serve.json")
    staged = path.with_suffix(".tmp")
    with suppress(OSError):
        staged.write_text(json.dumps(figures), "utf-8")
        staged.replace(path)


def withdraw(settings: ArchiveSettings) -> None:
    """Remove what :func:`publish` wrote."""
    with suppress(OSError):
        beside(settings.database, "serve.json").unlink(missing_ok=True)


def published(settings: ArchiveSettings) -> dict[str, Any] | None:
    """Return the figures of the service that runs on an archive; None if none does."""
    if service_lock(settings).is_free:
        return None
    try:
        figures: dict[str, Any] = json.loads(beside(settings.database, "serve.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return figures
