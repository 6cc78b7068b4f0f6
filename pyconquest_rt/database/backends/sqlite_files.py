"""Database files of SQLite as a whole: copied while in use, checked, brought to rest."""

from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.database.backends import sqlite
from pyconquest_rt.errors import DatabaseError

_TIMEOUT_S = 5.0


class Health(NamedTuple):
    """What a check found: None or what is damaged; and the journal mode."""

    damage: str | None
    journal_mode: str


def check(path: Path, *needed: str) -> Health:
    """Read all of a database file and compare its parts with each other; nothing is written.

    Args:
        path: the file.
        needed: tables that must be there.

    Raises:
        DatabaseError: it cannot be read, is no database, or lacks a table.
    """
    with closing(sqlite.connect(f"{path.absolute().as_uri()}?mode=ro", _TIMEOUT_S, uri=True)) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        for table in needed:
            connection.execute(f"SELECT 1 FROM {sqlite.quote(table)} LIMIT 1")
    return Health(None if found == "ok" else found, mode)


def snapshot(database: str, target: Path) -> None:
    """Copy a database that may be in use to a new file, in one read transaction, which hinders no writer.

    Raises:
        DatabaseError: it cannot be read, or the copy cannot be written.
    """
    with (
        closing(sqlite.connect(database, _TIMEOUT_S)) as source,
        closing(sqlite.connect(str(target), _TIMEOUT_S)) as copy,
    ):
        try:
            source.backup(copy)
        except sqlite.SQL_ERROR as error:
            raise sqlite.translated(error) from error
        copy.execute("PRAGMA journal_mode=DELETE")  # a copy is one file


def settle(database: Path) -> None:
    """Bring the journal of a database that nobody uses into its file, if it is sound."""
    with suppress(DatabaseError), closing(sqlite.connect(str(database), _TIMEOUT_S)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
