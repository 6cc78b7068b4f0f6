"""Headers of the files below the data directory; an unreadable file gives a reason instead."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.ingest import Found
from pyconquest_rt.archive.listing import Span, spans
from pyconquest_rt.archive.names import disk_name
from pyconquest_rt.database.rows import RowLayout
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.dicom.header import HeaderReader
from pyconquest_rt.dicom.part10 import PREFIX_BYTES, Prefix, read_prefix
from pyconquest_rt.errors import DirectoryError, UnreadableError

UNKNOWN = (-1, -1)
"""Size and modification time of a file that the system could not read: it is tried again each time."""


def spans_of(archive: Archive, under: str = "") -> Iterator[Span]:
    """Yield the files below the data directory, or a folder of it, but for the database's own."""
    return spans(archive.storage.root, under, skip=_own_files(archive))


def _own_files(archive: Archive) -> list[str]:
    """Return the paths of the database's own files, which may lie below the data directory."""
    database = os.path.realpath(archive.database.path)
    return [f"{database}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]


def read_one(reader: HeaderReader, root: str, path: str) -> Found:
    """Read the header of one file below a root; a fault becomes a reason, never an exception."""
    return _parsed(reader, path, _prefix(root, path, reader.prefix_bytes))


def _prefix(root: str, path: str, count: int = PREFIX_BYTES) -> Prefix | Found:
    """The first bytes of one file, or the reason why there are none."""
    full = f"{root}/{disk_name(path)}"
    try:
        return read_prefix(full, count)
    except UnreadableError as error:
        reason, is_transient = str(error), isinstance(error.__cause__, OSError)
    try:
        status = Path(full).stat()
    except OSError:
        is_transient = True
    if is_transient:
        return Found(path, *UNKNOWN, None, reason)
    return Found(path, status.st_size, status.st_mtime_ns, None, reason)


def _parsed(reader: HeaderReader, path: str, prefix: Prefix | Found) -> Found:
    if isinstance(prefix, Found):
        return prefix
    try:
        return Found(path, prefix.size, prefix.mtime_ns, reader.parse(prefix))
    except UnreadableError as error:
        seen_as = UNKNOWN if isinstance(error.__cause__, OSError) else (prefix.size, prefix.mtime_ns)
        return Found(path, *seen_as, None, str(error), is_skipped=isinstance(error, DirectoryError))


class _Readers(threading.local):
    """One thread's header readers; the layouts they remember serve every rebuild."""

    def __init__(self) -> None:
        self.by_definition: dict[Definition, HeaderReader] = {}


_readers = _Readers()


def reader_of(definition: Definition) -> HeaderReader:
    """Return this thread's reader of the headers that a definition wants."""
    reader = _readers.by_definition.get(definition)
    if reader is None:
        reader = _readers.by_definition[definition] = RowLayout(definition).reader()
    return reader
