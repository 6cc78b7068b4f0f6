"""The index as query and retrieve see it: rows to read, and the files that rows name."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pyconquest_rt.archive.access import note_access
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.net.services.matching import FUNCTIONS
from pyconquest_rt.settings.sections import ArchiveSettings

_LOG = logging.getLogger(__name__)
_NOTE_TIMEOUT_S = 5.0


class Rows(Protocol):
    """An open view of the index, for one thread."""

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a statement and yield its rows. Raises DatabaseError."""


class Index:
    """Opens the index anew for each request, so that requests do not wait for one another or for writers."""

    def __init__(self, settings: ArchiveSettings, definition: Definition) -> None:
        self.definition = definition
        self._database = settings.database
        self._storage = Storage(settings.data, settings.devices)

    @contextmanager
    def open(self) -> Iterator["_Reader"]:
        """Give a view of the index. Raises DatabaseError."""
        database = Database(self._database, self.definition, writes=False)
        try:
            database.register(FUNCTIONS)
            yield _Reader(database)
        finally:
            database.close()

    def path_of(self, object_file: str, device: str | None) -> Path:
        """Return the path of a row's file. Raises StorageError for a name that leads out of the archive."""
        return self._storage.path_of(object_file, device)

    def note_access(self, sops: Collection[str]) -> None:
        """Note that objects were retrieved; where that cannot be written now, only the log says so."""
        try:
            database = Database(self._database, self.definition, timeout_s=_NOTE_TIMEOUT_S)
            try:
                note_access(database, sops)
            finally:
                database.close()
        except DatabaseError as error:
            _LOG.warning("The time of access to %d objects was not noted: %s", len(sops), error)


class _Reader:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._database.connection.execute(sql, parameters)
        except DatabaseError as error:
            raise DatabaseError(f"The index cannot be read: {error}") from error
