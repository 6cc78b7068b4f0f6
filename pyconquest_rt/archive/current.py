"""Check that a file still holds the object of its row, before it is sent, edited or deleted."""

from contextlib import suppress
from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.archive.selection import Image
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.rows import SOP_UID
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import ConflictError, DatabaseError, StorageError, TruncatedError, UnreadableError

STALE = "stale"
"""State in ``files`` of a file that was found to hold another object: the next rebuild of any kind reads it."""


def current_file(archive: Archive, image: Image) -> Path:
    """Return the path of an image's file; see :func:`current_path`."""
    return current_path(archive, image.sop, image.object_file, image.device)


def current_path(archive: Archive, sop: str, object_file: str, device: str | None) -> Path:
    """Return the path of an instance's file after checking that it still holds the whole instance.

    It does if size and modification time are those that it was indexed with, else if its header says so.

    Raises:
        StorageError: there is no such file.
        ConflictError: it holds another object; it is marked as due for indexing.
        UnreadableError: it cannot be read, or is cut off.
    """
    path = archive.storage.path_of(object_file, device)
    if not object_file or not path.is_file():
        raise StorageError("its file is not there")
    key = file_key(object_file)
    seen = None
    if device in (None, DEFAULT_DEVICE):
        seen = archive.database.connection.execute(
            "SELECT size, mtime_ns, sop, state FROM files WHERE path = ?", (key,)
        ).fetchone()
    found = path.stat()
    if seen and tuple(seen[:3]) == (found.st_size, found.st_mtime_ns, sop) and seen[3] != "truncated":
        return path
    try:
        header = HeaderReader([Field(SOP_UID, 64, "key")], remember=False).read_file(path)
    except UnreadableError:
        mark_stale(archive.database, key)
        raise
    if header.is_truncated:
        raise TruncatedError(header.fault)
    if header.values != (sop,):
        mark_stale(archive.database, key)
        raise ConflictError("its file holds another object now; rebuild the index")
    return path


def mark_stale(database: Database, path: str) -> None:
    """Mark a file to be read by the next rebuild; does nothing for a read-only database."""
    with suppress(DatabaseError), database.transaction() as connection:
        connection.execute("UPDATE files SET mtime_ns = -1, state = ? WHERE path = ?", (STALE, path))
