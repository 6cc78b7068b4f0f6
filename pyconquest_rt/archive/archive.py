"""One archive: its settings, its files, its database and the layout of its rows, in one object."""

from pathlib import Path
from typing import Self

from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE, Storage
from pyconquest_rt.archive.ingest import Writer
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import BUSY_TIMEOUT_S, Database
from pyconquest_rt.database.rows import RowLayout
from pyconquest_rt.settings.sections import ArchiveSettings


class Archive:
    """An open archive; everything that reads or writes one is handed this object.

    Args:
        database: its index.
        storage: its files.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage
        self._layout: RowLayout | None = None

    @classmethod
    def open(
        cls,
        settings: ArchiveSettings,
        *,
        durable: bool = False,
        timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the archive that settings name; a definition file that is not there means the default one.

        Raises:
            SchemaError: the definition cannot be used; nothing is opened or made then.
            DatabaseError: the database cannot be opened.
        """
        definition = schema.load(settings.sql) if Path(settings.sql).is_file() else schema.default()
        database = Database(settings.database, definition, durable=durable, timeout_s=timeout_s)
        return cls(database, Storage(settings.data, settings.devices))

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
