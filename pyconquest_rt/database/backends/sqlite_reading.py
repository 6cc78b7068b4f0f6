"""Connections that only read: for users without write permission, from read-only media, beside a service.

A WAL database at rest in a folder that cannot be written cannot be opened in the usual way, since SQLite needs a
shared-memory file beside it. SQLite then reads it only as a file that never changes (``immutable=1``), and gives old
or mixed rows if it does. So of such a connection a statement's rows are believed only if size, time and write-ahead
log are the same after it as before; otherwise it is repeated on a connection opened anew.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote as percent_encoded

from pyconquest_rt.database.backends import sqlite
from pyconquest_rt.errors import DatabaseError

_TRIES = 100
_LOOK_AGAIN_S = 0.02
_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def connect(path: str, timeout_s: float) -> sqlite.Connection:
    """Return a connection that reads a database and writes nothing, whatever statement it is given.

    Raises:
        DatabaseError: there is no such database, it cannot be read, or its last changes can be read only by a user
            who may write.
    """
    if not Path(path).is_file():
        raise DatabaseError(f"there is no database {path}")
    try:
        connection = _ReadingConnection(path, timeout_s)
    except sqlite3.Error as error:
        raise sqlite.translated(error) from error
    connection.text_factory = sqlite.text
    return connection


def may_write(path: str) -> bool:
    """Whether this user may write a database: its file, if there is one, and files beside it."""
    file = Path(path).absolute()
    return os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))


def _mode(path: str) -> str:
    """The mode that sees writers at work. A user who may not write the database makes no shared-memory file either:
    it would be that user's, and the database's owner could not write any more."""
    return "mode=ro" if may_write(path) else "mode=ro&readonly_shm=1"


def _fingerprint(path: str) -> tuple[int, ...]:
    """Inode, size and modification time of a database, and size and time of its write-ahead log."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, *_log(path)


def _log(path: str) -> tuple[int, int]:
    try:
        found = os.stat(f"{path}-wal")
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns if found.st_size else 0


class _ReadingConnection(sqlite.Connection):
    """A connection that sees writers at work where it can, and reads a file at rest where it cannot."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path, self._timeout_s = os.path.abspath(path), timeout_s
        self._at_rest: tuple[int, ...] | None = None
        """The fingerprint of a file that is read as one at rest."""
        self._functions: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._open()

    def _open(self) -> None:
        """Open the file, for the first time or anew."""
        try:
            self._begin(_mode(self._path))
            self._at_rest = None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE:
                raise
            self._at_rest = _fingerprint(self._path)
            if _log(self._path)[0]:
                raise DatabaseError(
                    f"the last changes of {self._path} are still in {self._path}-wal, which only a user who may write "
                    "that folder can read now; have one open the database (pyconquest-rt status)"
                ) from None
            self._begin("immutable=1")

    def _begin(self, mode: str) -> None:
        own = dict(vars(self))  # which sqlite3 clears when it opens a connection anew
        super().__init__(
            f"file:{percent_encoded(self._path)}?{mode}",
            timeout=self._timeout_s,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        vars(self).update(own)
        sqlite3.Connection.execute(
            self, "SELECT count(*) FROM sqlite_master"
        )  # opening alone reads nothing yet
        self.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # ATTACH would make a file that is not there
        for positional, named in self._functions:
            super().create_function(*positional, **named)

    def create_function(self, *positional: Any, **named: Any) -> None:
        self._functions.append((positional, named))
        super().create_function(*positional, **named)

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor whose rows are those of one state of the database."""
        return super().cursor(factory or _ReadingCursor)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite.Cursor:
        """Run one statement."""
        cursor: _ReadingCursor = self.cursor()
        try:
            return cursor.execute(sql, parameters)
        except sqlite.SQL_ERROR as error:
            raise sqlite.translated(error) from error

    def is_at_rest(self) -> bool:
        """Whether the file is read as one that does not change, so that :meth:`has_changed` must be asked."""
        return self._at_rest is not None

    def has_changed(self) -> bool:
        """Whether the file is another one than when it was opened."""
        return _fingerprint(self._path) != self._at_rest

    def reopen(self) -> None:
        """Open the file anew, with writers seen if there are any by now."""
        text_factory, row_factory = self.text_factory, self.row_factory
        self._open()
        self.text_factory, self.row_factory = text_factory, row_factory


class _ReadingCursor(sqlite.Cursor):
    """A cursor that repeats a statement during which a file that is read as one at rest has changed."""

    connection: _ReadingConnection
    _rows: Iterator[Any] | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        self._rows = None
        for _ in range(_TRIES):
            if not self.connection.is_at_rest():
                return super().execute(sql, parameters)
            try:
                super().execute(sql, parameters)
                rows = sqlite3.Cursor.fetchall(self)
            except sqlite3.DatabaseError:  # pages of two states do not fit together
                if not self.connection.has_changed():
                    raise
            else:
                if not self.connection.has_changed():
                    self._rows = iter(rows)
                    return self
            time.sleep(_LOOK_AGAIN_S)
            self.connection.reopen()
        raise sqlite3.OperationalError(
            "the database changes all the time, and cannot be read beside its writer"
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return super().__iter__() if self._rows is None else self._rows

    def fetchone(self) -> Any:
        return super().fetchone() if self._rows is None else next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return super().fetchall() if self._rows is None else list(self._rows)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        return super().fetchmany(size) if self._rows is None else list(islice(self._rows, size))
