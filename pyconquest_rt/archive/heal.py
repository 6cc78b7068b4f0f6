"""Repair after a kill: rows and files agree again, ``.incoming`` is emptied."""

import logging
import os
from contextlib import suppress

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.intents import left_behind
from pyconquest_rt.archive.files.storage import INCOMING
from pyconquest_rt.archive.headers import read_one, reader_of

_LOG = logging.getLogger(__name__)
_CHUNK = 500


def heal(archive: Archive) -> int:
    """Index files that a killed process had placed without committing rows; returns their number.

    Raises:
        DatabaseError: the database cannot be written; it is tried again at the next start.
    """
    with left_behind(archive.database.path) as names:
        staged = [name for name in names if name.startswith(f"{INCOMING}/")]
        for name in staged:
            with suppress(OSError):
                (archive.storage.root / name).unlink()
        due = [name for name in names if name not in staged and _is_due(archive, name)]
        reader, root = reader_of(archive.database.definition), os.fspath(archive.storage.root)
        writer = archive.writer()
        for start in range(0, len(due), _CHUNK):
            writer.add([read_one(reader, root, name) for name in due[start : start + _CHUNK]])
    if due:
        _LOG.warning("%d files were indexed that a process had stored when it was killed", len(due))
    return len(due)


def _is_due(archive: Archive, name: str) -> bool:
    """Whether a file is there and was not seen as it is now."""
    status = archive.storage.status(name)
    if status is None:
        return False
    row = archive.database.connection.execute(
        "SELECT size, mtime_ns FROM files WHERE path = ?", (name,)
    ).fetchone()
    return row is None or tuple(row) != (status.size, status.mtime_ns)
