"""SQLite files in the schema of another program, read and written beside the archive's own database."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Self

from pyconquest_rt.errors import DatabaseError

_BUSY_TIMEOUT_S = 30.0


class ForeignFile:
    """One connection to a SQLite file of another program; its journal is a rollback journal, SQLite's default.

    Args:
        path: the file; it is made if it is not there.

    Raises:
        DatabaseError: the file cannot be opened; so does every method where a statement fails.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with self._errors():
            self._connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DatabaseError(f"cannot use the database {self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Write in one transaction; another program that has the file open waits meanwhile, so keep it short."""
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    def tables(self) -> set[str]:
        """Return the names of its tables."""
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        with self._errors(), closing(self._connection.execute(sql, parameters)) as cursor:
            return cursor.fetchall()

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of some rows."""
        with self._errors():
            self._connection.executemany(sql, rows)

    def insert(self, table: str, values: dict[str, Any]) -> int:
        """Insert a row; returns its rowid. ``table`` and the names of columns are the caller's own words."""
        names = ", ".join(f'"{name}"' for name in values)
        sql = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(values))})'
        with self._errors():
            return int(self._connection.execute(sql, tuple(values.values())).lastrowid or 0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
