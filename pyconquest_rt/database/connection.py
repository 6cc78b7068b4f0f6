"""The database of an archive: one connection, its transactions, and what most statements need."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pyconquest_rt.database import archive_views, conquest_tables, migrations
from pyconquest_rt.database.backends import sqlite, sqlite_reading
from pyconquest_rt.database.backends.dialect import Dialect
from pyconquest_rt.database.backends.sqlite import Connection, quote
from pyconquest_rt.database.conquest_tables import EXTRA_IMAGE_COLUMNS
from pyconquest_rt.database.migrations import Migration
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.errors import DatabaseError

__all__ = ["BUSY_TIMEOUT_S", "EXTRA_IMAGE_COLUMNS", "Connection", "Database", "file_size", "quote"]

BUSY_TIMEOUT_S = 30.0
_ROWS = 20  # that are inserted by one statement: with more of them its preparation costs what it saves
_MANY = 200  # from so many rows on that pays
_VARIABLES = 999  # that a statement of any SQLite may have
_PORTION = 500  # keys of a list that are bound at once


class Database:
    """One connection to an index, with Conquest's tables in it.

    Args:
        path: the database file, or ``:memory:``.
        definition: the tables and columns that the four DICOM tables have at least.
        durable: whether a commit must survive a power failure (synchronous=FULL).
        timeout_s: how long to wait for another writer.
        writes: False opens the database as it is, for reading alone (see the module sqlite_reading of the back-end).

    Raises:
        DatabaseError: the file cannot be opened, or is not a database.
    """

    dialect: Dialect = sqlite.SQLite()
    """The words in which this database differs from others."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        definition: Definition,
        *,
        durable: bool = False,
        timeout_s: float = BUSY_TIMEOUT_S,
        writes: bool = True,
    ) -> None:
        self.path = os.fspath(path)
        self.definition = definition
        self.writes = writes
        self.rollbacks = 0
        """How often a transaction of this connection was taken back."""
        self._lock = threading.RLock()
        self._timeout_s = timeout_s
        try:
            self.connection = (
                sqlite.connect(self.path, timeout_s)
                if writes
                else sqlite_reading.connect(self.path, timeout_s)
            )
            if writes:
                self.journal_mode = sqlite.configure(self.connection, durable=durable)
                self._prepare()
        except DatabaseError as error:
            raise sqlite.translated(
                error.__cause__ or error, f"cannot use the database {self.path}"
            ) from error

    def is_complete(self) -> bool:
        """Whether nothing has to be made or added, so that opening needs no write."""
        return (
            migrations.are_complete(self, migrations.MIGRATIONS)
            and conquest_tables.are_complete(self)
            and archive_views.are_complete(self)
        )

    def _prepare(self) -> None:
        """Make what is missing."""
        if self.is_complete():
            return
        with self.transaction():
            self.migrate(migrations.MIGRATIONS)
            conquest_tables.ensure(self)
            archive_views.ensure(self)

    def extend(self, definition: Definition) -> None:
        """Take a definition with further columns, and add these to the tables."""
        self.definition = definition
        self._prepare()

    # -- tables ---------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Return whether there is a table, view or index of this name (in any case)."""
        return self.dialect.has(self.connection, name)

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in their order; empty where there is no such table."""
        return self.dialect.columns(self.connection, table)

    def has_key(self, table: str) -> bool:
        """Return whether a table has a primary key; databases that PyConquest made have none."""
        return self.dialect.has_key(self.connection, table)

    def drop_tables(self) -> None:
        """Drop what the index holds (the four tables, their views, what was seen of the files) and make it anew.

        Tables of results stay: they are keyed by SOPInstanceUID, and are swept when their object does not return.
        """
        with self.transaction():
            conquest_tables.drop(self)
            for name in ("files", "rejected"):
                if self.has(name):
                    self.connection.execute(f"DELETE FROM {quote(name)}")
        self._prepare()

    def migrate(self, wanted: Iterable[Migration]) -> None:
        """Make those of some changes that this database has not seen (see :mod:`~.migrations`)."""
        migrations.apply(self, wanted)

    def state(self, name: str) -> str | None:
        """Return a remembered value (what the next rebuild has to do, how far a look has come)."""
        try:
            row = self.connection.execute("SELECT value FROM archive_state WHERE name=?", (name,)).fetchone()
        except DatabaseError as error:
            if not error.is_statement or self.has("archive_state"):
                raise
            return None
        return row and str(row[0])

    def set_state(self, name: str, value: str | None) -> None:
        """Remember a value, or forget it (None)."""
        self.connection.execute("CREATE TABLE IF NOT EXISTS archive_state(name TEXT PRIMARY KEY, value TEXT)")
        if value is None:
            self.connection.execute("DELETE FROM archive_state WHERE name=?", (name,))
        else:
            self.put("archive_state", ("name", "value"), [(name, value)])

    # -- reading and writing --------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write in one transaction, as the only writer so that it cannot fail half-way for a lock; may be nested."""
        with self._lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            self.dialect.begin(self.connection, self._timeout_s)
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self.rollbacks += 1
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def version(self) -> tuple[int, ...]:
        """Return numbers that change when anybody commits, when this connection writes, and when it takes back."""
        return (*self.dialect.state(self.connection), self.rollbacks)

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dictionaries; a statement without rows gives [].

        Raises:
            DatabaseError: it cannot be run.
        """
        cursor = self.connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def select_in(
        self, sql: str, keys: Iterable[str], before: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Run ``sql``, whose ``(?)`` stands for a list of keys, in portions of a fixed size.

        ``before`` are the parameters of what stands before the list.
        """
        keys = list(keys)
        for start in range(0, len(keys), _PORTION):
            portion = keys[start : start + _PORTION]
            if len(keys) > _PORTION:
                portion += [portion[-1]] * (
                    _PORTION - len(portion)
                )  # one prepared statement for all portions
            yield from self.connection.execute(
                sql.replace("(?)", f"({','.join('?' * len(portion))})"), (*before, *portion)
            )

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
    ) -> None:
        """Insert rows within a transaction, many of them a good number by one statement.

        To bind a value costs more than to write it. So what all rows share is bound once for a statement, and columns
        that all leave empty not at all.
        """
        if not rows:
            return
        shared, own = _shared_and_own(columns, rows)
        at_once = max(1, min(_ROWS, (_VARIABLES - len(shared)) // len(own))) if len(rows) >= _MANY else 1
        times, rest = divmod(len(rows), at_once)
        fields = chain.from_iterable(zip(*own.values(), strict=True))
        for size, repeats in ((at_once, times), (1, rest)):
            if repeats:
                statement = self.dialect.insert(table, tuple(own), tuple(shared), size, on_conflict)
                bound = ((*islice(fields, size * len(own)), *shared.values()) for _ in range(repeats))
                self.connection.executemany(statement, bound)

    def put(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, keep: bool = False
    ) -> None:
        """Insert rows in the place of those with the same keys; with ``keep`` these stay as they are."""
        self.connection.executemany(self.dialect.put(table, columns, keep=keep), rows)

    def register(self, functions: Mapping[str, tuple[int, Callable[..., Any]]]) -> None:
        """Give the connection functions to be called in statements: name → number of arguments, function."""
        self.dialect.register(self.connection, functions)

    def close(self) -> None:
        """Close the connection; what a busy reader prevents from being tidied stays for the next user."""
        self.connection.close()


def _shared_and_own(
    columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """The values that all of many rows have in common, and those that each has of its own, by their columns.

    The first column, the key, is never in common. Of few rows only the empty columns are left out, so that there are
    not many statements.
    """
    shared: dict[str, Any] = {}
    own: dict[str, tuple[Any, ...]] = {}
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        first = values[0]
        if name == columns[0] or first != values[-1] or values.count(first) < len(values):
            own[name] = values
        elif first is not None:
            if len(rows) < _MANY:
                own[name] = values
            else:
                shared[name] = first
    return shared, own


def file_size(path: str) -> int:
    """Return the size in bytes of a database file with its journal; 0 for ``:memory:``."""
    return sum(
        Path(path + suffix).stat().st_size for suffix in ("", "-wal", "-shm") if Path(path + suffix).is_file()
    )
