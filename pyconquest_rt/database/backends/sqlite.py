"""SQLite by the standard library's driver: its connection, and its words."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pyconquest_rt.database.backends.dialect import Index
from pyconquest_rt.errors import DatabaseError

VERSION = sqlite3.sqlite_version
SQL_ERROR = (sqlite3.Error, sqlite3.Warning)
CACHE_KB = 65_536
SERVICE_CACHE_KB = 8_192  # of connections that stay open for months and write little at a time
_LOOK_AGAIN_S = 0.0005

# Users' own scripts catch the driver's errors, so each of ours is one of these too.
_ERRORS: dict[type[BaseException], type[DatabaseError]] = {
    kind: type(kind.__name__, (DatabaseError, kind), {"__doc__": DatabaseError.__doc__})
    for kind in (
        *(sqlite3.Error, sqlite3.Warning, sqlite3.InterfaceError, sqlite3.DatabaseError, sqlite3.DataError),
        *(sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.InternalError),
        *(sqlite3.ProgrammingError, sqlite3.NotSupportedError),
    )
}


def quote(identifier: str) -> str:
    """Return an SQL identifier in double quotes; the only way a name gets into a statement.

    Raises:
        DatabaseError: the name is empty or holds a NUL character.
    """
    if not identifier or "\0" in identifier:
        raise DatabaseError(f"{identifier!r} cannot be a name in the database")
    return '"' + identifier.replace('"', '""') + '"'


def translated(error: BaseException, doing: str = "") -> DatabaseError:
    """Return an error of the driver as one of the package, with ``doing`` (what failed) before its text."""
    if isinstance(error, DatabaseError):
        return error
    made = _ERRORS.get(type(error), _ERRORS[sqlite3.Error])(f"{doing}: {error}" if doing else str(error))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    made.is_busy = code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    made.is_statement = code == sqlite3.SQLITE_ERROR
    made.__cause__ = error
    return made


class Cursor(sqlite3.Cursor):
    """The rows of a statement; what goes wrong while they are fetched is a DatabaseError."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from iter(super().fetchone, None)
        except SQL_ERROR as error:
            raise translated(error) from error

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        try:
            return super().fetchone()
        except SQL_ERROR as error:
            raise translated(error) from error

    def fetchall(self) -> list[Any]:
        """Return all further rows."""
        try:
            return super().fetchall()
        except SQL_ERROR as error:
            raise translated(error) from error


class Connection(sqlite3.Connection):
    """A connection whose errors are DatabaseErrors; where something must be fast it still is the driver's own."""

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Run one statement."""
        try:
            return self.cursor(Cursor).execute(sql, parameters)
        except SQL_ERROR as error:
            raise translated(error) from error

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        """Run one statement for each of several sets of parameters."""
        try:
            return self.cursor(Cursor).executemany(sql, parameters)
        except SQL_ERROR as error:
            raise translated(error) from error


def connect(path: str, timeout_s: float, *, uri: bool = False) -> Connection:
    """Open a database file.

    Raises:
        DatabaseError: it cannot be opened.
    """
    try:
        connection = sqlite3.connect(
            path,
            timeout=timeout_s,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
            uri=uri,
        )
    except sqlite3.Error as error:
        raise translated(error) from error
    connection.text_factory = text
    return connection


def configure(connection: Connection, *, durable: bool) -> str:
    """Set up a connection that writes; returns the journal mode, which is not WAL on some network shares."""
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode not in {"wal", "memory"}:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute(f"PRAGMA synchronous={'FULL' if durable or mode == 'delete' else 'NORMAL'}")
    connection.execute(f"PRAGMA cache_size=-{SERVICE_CACHE_KB if durable else CACHE_KB}")
    return mode


def complete(statement: str) -> bool:
    """Return whether a text ends where a statement does."""
    return sqlite3.complete_statement(statement)


def text(raw: bytes) -> str:
    """Text of a row: UTF-8 as written here; Conquest keeps the file's bytes, so other ones pass as Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@lru_cache(maxsize=64)
def _insert(table: str, own: Sequence[str], shared: Sequence[str], rows: int, on_conflict: str) -> str:
    """OR FAIL, since by default SQLite would keep a copy of all pages that such a statement changes, to undo it
    alone."""
    names = ", ".join(map(quote, (*own, *shared)))
    row = f"({', '.join('?' * len(own))})"
    values = f"VALUES {', '.join([row] * rows)}"
    if shared:
        values = f"WITH own AS ({values}) SELECT *{', ?' * len(shared)} FROM own WHERE true"
    return f"INSERT OR FAIL INTO {quote(table)} ({names}) {values} {on_conflict}"


class SQLite:
    """SQLite's words (see :class:`~pyconquest_rt.database.backends.dialect.Dialect`)."""

    position = "rowid"
    now = "((julianday('now') - 2440587.5) * 86400.0)"
    translated = staticmethod(translated)

    def same(self, one: str, other: str) -> str:
        """``IS`` compares values too."""
        return f"{one} IS {other}"

    def joined(self, column: str, separator: str) -> str:
        """Texts in the order in which their rows come."""
        return f"group_concat({column}, '{separator}')"

    def one_of(self, column: str) -> str:
        """A list as JSON, since the number of parameters is bounded."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def listed(self, values: Sequence[str]) -> str:
        """JSON."""
        return json.dumps(list(values))

    def insert(
        self, table: str, own: Sequence[str], shared: Sequence[str], rows: int, on_conflict: str = ""
    ) -> str:
        """One statement for many rows: to bind a value costs more than to write it."""
        return _insert(table, tuple(own), tuple(shared), rows, on_conflict)

    def put(self, table: str, columns: Sequence[str], *, keep: bool = False) -> str:
        """OR REPLACE also takes away rows that stand in the way by another key than the primary one."""
        names = ", ".join(map(quote, columns))
        word = "IGNORE" if keep else "REPLACE"
        return f"INSERT OR {word} INTO {quote(table)} ({names}) VALUES ({', '.join('?' * len(columns))})"

    def columns(self, connection: Connection, table: str) -> list[str]:
        """From the catalogue."""
        return [row[1] for row in connection.execute(f"PRAGMA table_info({quote(table)})")]

    def has_key(self, connection: Connection, table: str) -> bool:
        """From the catalogue."""
        return any(row[5] for row in connection.execute(f"PRAGMA table_info({quote(table)})"))

    def has(self, connection: Connection, name: str) -> bool:
        """From the catalogue."""
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE lower(name)=lower(?)", (name,))
        return found.fetchone() is not None

    def catalogue(self, connection: Connection, prefix: str) -> dict[str, str]:
        """From the catalogue."""
        rows = connection.execute(
            "SELECT lower(name), sql FROM sqlite_master WHERE type IN ('table', 'view')"
        )
        return {name: text for name, text in rows if name.startswith(prefix)}

    def indices(self, connection: Connection, table: str) -> list[Index]:
        """Partial indices do not hold all rows; an index of an expression begins with no column."""
        listed = [row[1] for row in connection.execute(f"PRAGMA index_list({quote(table)})") if not row[4]]
        firsts = [
            (name, connection.execute(f"PRAGMA index_info({quote(name)})").fetchone()) for name in listed
        ]
        return [Index(name, first[2]) for name, first in firsts if first[2]]

    def state(self, connection: Connection) -> tuple[int, ...]:
        """The file's version as others write it, and the rows that this connection has changed."""
        return connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes

    def begin(self, connection: Connection, timeout_s: float) -> None:
        """Begin IMMEDIATE, so that a transaction cannot fail half-way for a lock, as soon as no other is at it.

        SQLite by itself would look again after 1, 2, 5, 10 and up to 100 ms, so that processes that write small
        batches in turn spend most of their time asleep.
        """
        deadline = time.monotonic() + timeout_s
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return
                except DatabaseError as error:
                    if not error.is_busy or time.monotonic() >= deadline:
                        raise
                time.sleep(_LOOK_AGAIN_S)
        finally:
            connection.execute(f"PRAGMA busy_timeout={round(1000 * timeout_s)}")

    def register(
        self, connection: Connection, functions: Mapping[str, tuple[int, Callable[..., Any]]]
    ) -> None:
        """Functions of Python; they must give the same for the same arguments."""
        for name, (arguments, function) in functions.items():
            connection.create_function(name, arguments, function, deterministic=True)

    def upkeep(self, connection: Connection) -> bool:
        """A reader may keep part of the journal back."""
        connection.execute("PRAGMA optimize")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
