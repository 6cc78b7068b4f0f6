"""Rows of objects into the six tables."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.dose_reports.counting.store import SCRIPTS as COUNTING
from pyconquest_rt.dose_reports.counting.store import count_due
from pyconquest_rt.dose_reports.reference_levels import SCRIPTS as REFERENCE_LEVELS
from pyconquest_rt.dose_reports.registry import extract
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.dose_reports.tables import INDEXES, TABLES
from pyconquest_rt.dose_reports.views import VIEWS


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the dose tables, their indexes, triggers and views where they are not there yet."""
    for statement in definitions():
        connection.execute(statement)


def definitions() -> list[str]:
    """Return the statements that create all, each a no-op where its thing is there already."""
    return [
        *(table.create_sql() for table in TABLES.values()),
        *INDEXES,
        *COUNTING,
        *REFERENCE_LEVELS,
        *(f"CREATE VIEW IF NOT EXISTS {name} AS {select}" for name, select in VIEWS.items()),
    ]


_DELETE = {name: f"DELETE FROM {name} WHERE SOPInstanceUID = ?" for name in TABLES}  # noqa: S608
COLUMNS = {name: tuple(column.name for column in table.columns) for name, table in TABLES.items()}


@lru_cache(maxsize=256)
def insert(table: str, columns: tuple[str, ...]) -> str:
    """Return the INSERT statement for some columns of a table."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def delete(connection: sqlite3.Connection, sop_instance_uid: str, *, count: bool = True) -> None:
    """Delete all rows of one object and count its study again (``count=False`` leaves that to :func:`count_due`)."""
    if connection.execute(_DELETE["dose_object"], (sop_instance_uid,)).rowcount:
        for name in TABLES:
            connection.execute(_DELETE[name], (sop_instance_uid,))
        if count:
            count_due(connection)


def write(connection: sqlite3.Connection, rows: Rows, *, count: bool = True) -> None:
    """Put the rows of one object in the place of those that were there and count its study again.

    With ``count=False`` that is left to :func:`count_due`: of many objects each study is then counted once.
    """
    delete(connection, rows.sop_instance_uid, count=False)
    for name, table in rows.items():
        if table:
            columns = tuple(sorted(set().union(*table)))  # of the many columns of an event most are empty
            connection.executemany(insert(name, columns), [tuple(map(row.get, columns)) for row in table])
    if count:
        count_due(connection)


class Imported(NamedTuple):
    """How many files :func:`import_paths` read: with dose, without, failed, and those that are no DICOM files."""

    written: int
    without_dose: int
    failed: int
    no_dicom: int


def import_paths(
    connection: sqlite3.Connection,
    paths: Iterable[str | os.PathLike[str]],
    *,
    ocr_seconds: float | None = None,
) -> Imported:
    """Read files, and all files below folders, into the dose tables; each object in a transaction of its own.

    The connection must not be inside a transaction. A file that cannot be read becomes a row with the status
    ``failed`` and stops nothing; what is no DICOM file is counted and leaves none. The files themselves are never
    changed. ``ocr_seconds`` is that of
    :func:`~pyconquest_rt.dose_reports.extract`.
    """
    with connection:
        create_tables(connection)
    counts = [0, 0, 0, 0]
    for path in _files(paths):
        rows = extract(path, ocr_seconds=ocr_seconds)
        if rows is None:
            counts[1] += 1
            continue
        if not rows.is_dicom:
            counts[3] += 1
            continue
        counts[2 if rows.object["status"] == "failed" else 0] += 1
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            write(connection, rows, count=False)
    with connection:
        count_due(connection)
    return Imported(*counts)


def _files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        else:
            yield path
