"""What every part of the class needs: its attributes, the database, the log."""

import re
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.compat.roi_filter import DEFAULT_EXCLUDE, DEFAULT_INCLUDE
from pyconquest_rt.database import schema
from pyconquest_rt.database.backends.sqlite_reading import may_write
from pyconquest_rt.database.connection import Connection, Database
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.errors import DatabaseError, PyconquestError
from pyconquest_rt.service import logs

RAISED = (PyconquestError, OSError)
"""What is logged where PyConquest logs and does not raise."""


class Base:
    """The database of an archive: opened, queried, given tables, closed."""

    data_directory: str = ""
    sql_inifile_name: str = ""
    database_filename: str = ""
    conn_pacs: "Connection | str" = ""
    roi_filter_flags: int = re.IGNORECASE
    exclude_filter: Sequence[str] = DEFAULT_EXCLUDE
    include_filter: Sequence[str] = DEFAULT_INCLUDE
    last_seriesuid_loaded: str = ""

    def __init__(
        self,
        data_directory: str = "data",
        sql_inifile_name: str = "dicom.sql",
        database_filename: str = "conquest.db",
        connect_and_read_sql: bool = True,
        loglevel: str = "ERROR",
        compute_hash: bool = False,
        *,
        devices: Mapping[str, str] | None = None,
    ) -> None:
        self.data_directory = data_directory
        self.sql_inifile_name = sql_inifile_name
        self.database_filename = database_filename
        self.exclude_filter = list(self.exclude_filter)
        self.include_filter = list(self.include_filter)
        self._devices = dict(devices or {})
        self._compute_hash = compute_hash
        self._log = logs.start(loglevel)
        self._created = time.monotonic()
        self._layout: Definition | None = None
        self._database: Database | None = None
        if connect_and_read_sql:
            self.connect_db()

    def __enter__(self) -> Self:
        if self._database is None:
            self.connect_db()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            self.close_db()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.database_filename!r}, data {self.data_directory!r}): {self._held()}"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows of an archive: where it is, and how much it holds."""
        where = f"{escape(self.database_filename)}, data {escape(self.data_directory)}"
        return f"<b>{type(self).__name__}</b> <code>{where}</code><br>{escape(self._held())}"

    def _held(self) -> str:
        """How many rows there are of each level, in words."""
        if self._database is None:
            return "not open"
        count = "SELECT count(*) AS n FROM DICOM"
        levels = {"patients": "Patients", "studies": "Studies", "series": "Series", "objects": "Images"}
        held = {what: self._database.query(f"{count}{table}")[0]["n"] for what, table in levels.items()}
        return ", ".join(f"{number} {what}" for what, number in held.items())

    def connect_db(self) -> None:
        """Open the database and make the tables that it lacks; an open one stays open.

        One that this user may not write is opened as it is, for reading alone.
        """
        if self._database is None:
            writes = self.database_filename == ":memory:" or may_write(self.database_filename)
            if not writes:
                self._log.warning("the database cannot be written; it is opened for reading alone")
            self._database = Database(self.database_filename, self._definition, writes=writes)
            self.conn_pacs = self._database.connection
            self._log.info("connected to the database")

    def close_db(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()
        self._database, self.conn_pacs = None, ""
        self._log.info("closed the database after %.1f seconds", time.monotonic() - self._created)

    def execute_db_query(self, query: str, return_list_from_col: str | None = None) -> Any:
        """Run an SQL statement.

        Returns:
            its rows as dictionaries, or the values of the one column named; for a statement that failed, None
            (or an empty list where a column is named) and a line in the log.
        """
        try:
            rows = self._open_database.query(query)
        except DatabaseError as error:
            self._log.error("%s, in the query: %s", error, logs.masked(query))
            self._log.debug("the query in full: %s", query)
            return None if return_list_from_col is None else []
        self._log.debug("%d rows from: %s", len(rows), query)
        return rows if return_list_from_col is None else [row[return_list_from_col] for row in rows]

    def create_standard_dicom_tables(self) -> None:
        """Drop the tables of the index and make them anew, empty."""
        self._open_database.drop_tables()

    def add_column_to_database(self, tablename: str, column_definition: Sequence[Any]) -> None:
        """Add a column, or a list of columns, to a table.

        Args:
            tablename: the table; an unknown one is only logged.
            column_definition: ``[group, element, name]``, or for an element inside sequences
                ``[group, element, name, item, group, element]`` and so on.

        The column is filled for objects that come in from now on, and for all by the next rebuild.
        """
        try:
            self._layout = self._definition.with_column(tablename, column_definition)
        except PyconquestError as error:
            self._log.error("%s", error)
            return
        if self._database is not None:
            self._database.extend(self._layout)

    # -- for the other parts ------------------------------------------------------------------------------

    @property
    def _definition(self) -> Definition:
        """The definition, read when it is first needed."""
        if self._layout is None:
            is_there = Path(self.sql_inifile_name).is_file()
            self._layout = schema.load(self.sql_inifile_name) if is_there else schema.default()
            self._log.info(
                "the definition is %s", "that of the file named" if is_there else "the built-in one"
            )
        return self._layout

    @property
    def _open_database(self) -> Database:
        if self._database is None:
            raise DatabaseError("the database is not open; call connect_db()")
        return self._database

    @property
    def _archive(self) -> Archive:
        return Archive(self._open_database, Storage(self.data_directory, self._devices))

    def _log_count(self, count: int, what: str) -> None:
        if count:
            self._log.error("%d %s", count, what)
