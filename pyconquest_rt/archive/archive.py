"""One archive: its settings, its files, its database and the layout of its rows, in one object."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Self

from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE, Storage
from pyconquest_rt.archive.ingest import Writer
from pyconquest_rt.database import schema
from pyconquest_rt.database.backends.sqlite_reading import may_write
from pyconquest_rt.database.connection import BUSY_TIMEOUT_S, Database
from pyconquest_rt.database.rows import RowLayout
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.settings.file import load
from pyconquest_rt.settings.sections import ArchiveSettings, Settings


class Archive:
    """An open archive; everything that reads or writes one is handed this object.

    Args:
        database: its index.
        storage: its files.
        settings: all of its settings; None: those of the file beside the database, or of the working directory.
    """

    def __init__(self, database: Database, storage: Storage, settings: Settings | None = None) -> None:
        self.database = database
        self.storage = storage
        self._settings = settings
        self._path = os.path.abspath(database.path)
        self._layout: RowLayout | None = None

    @classmethod
    def open(
        cls,
        settings: ArchiveSettings | Settings,
        *,
        durable: bool = False,
        timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the archive that settings name, and make or complete its database.

        Args:
            settings: of one section alone, the others are found when they are needed (see :attr:`settings`).
            durable: whether a commit must survive a power failure.
            timeout_s: how long to wait for another writer.

        Raises:
            SchemaError: the definition cannot be used; nothing is opened or made then.
            DatabaseError: the database cannot be opened.
        """
        where = _where(settings)
        database = Database(where.database, _definition(where), durable=durable, timeout_s=timeout_s)
        return cls._of(settings, database)

    @classmethod
    def read(cls, settings: ArchiveSettings | Settings, *, timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Open the archive that settings name for reading alone; the right to read its files is enough.

        A database that lacks tables or columns of today is completed first by users who may write it.

        Raises:
            SchemaError: the definition cannot be used.
            DatabaseError: there is no such database, or it cannot be opened.
        """
        where = _where(settings)
        definition = _definition(where)
        database = Database(where.database, definition, timeout_s=timeout_s, writes=False)
        if not database.is_complete() and may_write(where.database):
            database.close()
            Database(where.database, definition, timeout_s=timeout_s).close()
            database = Database(where.database, definition, timeout_s=timeout_s, writes=False)
        return cls._of(settings, database)

    @classmethod
    def _of(cls, settings: ArchiveSettings | Settings, database: Database) -> Self:
        where = _where(settings)
        whole = settings if isinstance(settings, Settings) else None
        return cls(database, Storage(where.data, where.devices), whole)

    @property
    def settings(self) -> Settings:
        """All settings of this archive, read when they are first asked for.

        Raises:
            SettingsError: the settings file cannot be used.
        """
        if self._settings is None:
            found = load(database=self._path)
            where = replace(found.archive, data=os.fspath(self.storage.root))
            self._settings = replace(found, archive=where)
        return self._settings

    @property
    def layout(self) -> RowLayout:
        """Which values of a header go into which column; made when it is first asked for."""
        if self._layout is None or self._layout.definition is not self.database.definition:
            self._layout = RowLayout(self.database.definition)
        return self._layout

    def writer(self, *, private: bool = False, device: str = DEFAULT_DEVICE) -> Writer:
        """Return what writes rows of objects; its statements are prepared now, so keep it for a run.

        Args:
            private: only this writer writes through this archive's connection, so that what it read for one
                transaction may serve the next.
            device: where the files are.
        """
        return Writer(self.database, self.storage, self.layout, private=private, device=device)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def _where(settings: ArchiveSettings | Settings) -> ArchiveSettings:
    return settings.archive if isinstance(settings, Settings) else settings


def _definition(where: ArchiveSettings) -> Definition:
    """The definition that settings name; a file that is not there means the default one."""
    return schema.load(where.sql) if Path(where.sql).is_file() else schema.default()
