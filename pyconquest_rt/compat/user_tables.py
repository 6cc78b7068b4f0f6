"""Tables of the user's own beside the index: rows from dictionaries and from CSV files."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.errors import DatabaseError

DEFAULT_FORMAT = "character varying(128)"
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_KEYWORD = re.compile(  # words that SQLite takes for names only in quotes
    "ADD|ALL|ALTER|AND|AS|AUTOINCREMENT|BETWEEN|CASE|CHECK|COLLATE|COMMIT|CONSTRAINT|"
    "CREATE|DEFAULT|DEFERRABLE|DELETE|DISTINCT|DROP|ELSE|ESCAPE|EXISTS|FOREIGN|FROM|GROUP|"
    "HAVING|IN|INDEX|INSERT|INTO|IS|ISNULL|JOIN|LIMIT|NOT|NOTHING|NOTNULL|NULL|ON|OR|"
    "ORDER|PRIMARY|REFERENCES|RETURNING|SELECT|SET|TABLE|THEN|TO|TRANSACTION|UNION|UNIQUE|"
    "UPDATE|USING|VALUES|WHEN|WHERE|EXCEPT|IF|INTERSECT",
    re.IGNORECASE,
)


def insert_query(table: str, row: Mapping[str, Any]) -> str:
    """Return the text of an INSERT in PyConquest's form: values in double quotes, quotes in them doubled.

    It is for people to read, or to run on an SQLite that takes such quotes; :func:`insert` binds parameters.
    """
    columns = ",".join(_plain(name) for name in map(column_name, row))
    values = ",".join('"' + str(_text(value, "\\ ")).replace('"', '""') + '"' for value in row.values())
    return f"INSERT INTO {_plain(table)} ({columns}) VALUES ({values})"  # noqa: S608


def build_query(
    table: str,
    row: Mapping[str, Any],
    exceptions: Mapping[str, str] | None = None,
    default_format: str = DEFAULT_FORMAT,
) -> str:
    """Return the text of a CREATE TABLE with one column per key of ``row``.

    Args:
        exceptions: column → its SQL type, where that is not ``default_format``; taken as it is.
    """
    return _build_query(table, row, exceptions or {}, default_format, _plain)


def insert(
    database: Database,
    table: str,
    row: Mapping[str, Any],
    exceptions: Mapping[str, str] | None = None,
    default_format: str = DEFAULT_FORMAT,
) -> None:
    """Insert one row, and make the table first where there is none.

    Raises:
        DatabaseError: a column is missing from the table, or the database cannot be written.
    """
    with database.transaction() as connection:
        if not database.has(table):
            connection.execute(_build_query(table, row, exceptions or {}, default_format, quote))
        columns = ", ".join(quote(column_name(name)) for name in row)
        marks = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO {quote(table)} ({columns}) VALUES ({marks})",  # noqa: S608
            [_bound(value) for value in row.values()],
        )


def load_csv(
    database: Database,
    filename: str,
    table: str,
    *,
    first_row_are_columnnames: bool = True,
    key_translation: Mapping[str, str] | None = None,
    delimiter: str = ";",
) -> int:
    """Load a CSV file (UTF-8, otherwise Latin-1) into a table, all of it or nothing.

    Args:
        first_row_are_columnnames: otherwise the columns are named ``column1``, ``column2`` and so on.
        key_translation: name in the file → name of the column.

    Returns:
        the number of rows.

    Raises:
        FileNotFoundError: there is no such file.
        DatabaseError: a row has more fields than there are columns.
        DatabaseError: the table lacks a column, or the database cannot be written.
    """
    rows = 0
    with database.transaction():
        for row in _csv_rows(filename, delimiter, named=first_row_are_columnnames):
            translated = {(key_translation or {}).get(name, name): value for name, value in row.items()}
            insert(database, table, translated)
            rows += 1
    return rows


def column_name(name: str) -> str:
    """Return the name of a column as it is made from a key: dashes become underscores."""
    return str(name).replace("-", "_")


def _build_query(
    table: str,
    row: Mapping[str, Any],
    exceptions: Mapping[str, str],
    default_format: str,
    quoted: Callable[[str], str],
) -> str:
    columns = (f"{quoted(column_name(name))} {exceptions.get(name, default_format)}" for name in row)
    return f"CREATE TABLE {quoted(table)} ({','.join(columns)})"


def _csv_rows(filename: str, delimiter: str, *, named: bool) -> Iterator[dict[str, str | None]]:
    with Path(filename).open(encoding=_encoding(filename), newline="") as file:
        lines = csv.reader(file, delimiter=delimiter)
        names = next(lines, []) if named else []
        for fields in lines:
            if not fields:
                continue
            if not named and not names:
                names = [f"column{number}" for number in range(1, len(fields) + 1)]
            if len(fields) > len(names):
                raise DatabaseError(
                    f"line {lines.line_num} of the CSV file has {len(fields)} fields for {len(names)} columns"
                )
            values = [field.replace('"', "") for field in fields]
            yield dict(zip(names, [*values, *[None] * (len(names) - len(values))], strict=True))


def _encoding(filename: str) -> str:
    try:
        with Path(filename).open(encoding="utf-8-sig") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _plain(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) and not _KEYWORD.fullmatch(name) else quote(name)


def _text(value: Any, joint: str) -> Any:
    """Several values as one text, in Conquest's way."""
    return joint.join(map(str, value)) if isinstance(value, list | tuple) else value


def _bound(value: Any) -> Any:
    """A value as it is bound: text, so that the column's type alone decides; None and bytes as they are."""
    return value if value is None or isinstance(value, bytes) else str(_text(value, "\\"))
