"""Statements of a user's that may read and do nothing else, whatever they say."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from pyconquest_rt.errors import DatabaseError

_READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_PRAGMAS = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "database_list", "user_version"}
)


class NotReadingError(DatabaseError):
    """A statement would do more than read, and was not run."""


@contextmanager
def only_reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Allow a connection nothing but reading, for the time of a ``with`` block.

    What would write, attach or detach a file, change a setting or begin a transaction is refused when its
    statement is prepared, so that not even a part of it runs.

    Raises:
        NotReadingError: a statement was refused.
    """
    refused: list[str] = []

    def judge(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        is_pragma = action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS
        is_loading = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension"
        if is_pragma or (action in _READING and not is_loading):
            return sqlite3.SQLITE_OK
        refused.append(first or "")
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(judge)
    try:
        yield
    except (sqlite3.DatabaseError, sqlite3.Warning) as error:
        if refused:
            raise NotReadingError("the statement does more than read, and was not run") from error
        raise
    finally:
        connection.set_authorizer(None)
