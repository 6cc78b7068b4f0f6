"""Rows of one object into the six tables, and out of them; the caller holds the transaction."""

import sqlite3

from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.dose_reports.tables import INDEXES, TABLES
from pyconquest_rt.dose_reports.views import VIEWS


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the six tables, their indexes and the views where they are not there yet."""
    for table in TABLES.values():
        connection.execute(table.create())
    for index in INDEXES:
        connection.execute(index)
    for name, select in VIEWS.items():
        connection.execute(f"CREATE VIEW IF NOT EXISTS {name} AS {select}")


_DELETE = tuple(f"DELETE FROM {name} WHERE SOPInstanceUID = ?" for name in TABLES)  # noqa: S608 - our own names
_INSERT = {
    name: f"INSERT INTO {name} VALUES ({', '.join('?' * len(table.columns))})" for name, table in TABLES.items()
}
_COLUMNS = {name: tuple(column.name for column in table.columns) for name, table in TABLES.items()}


def delete(connection: sqlite3.Connection, sop_instance_uid: str) -> None:
    """Delete all rows of one object."""
    for statement in _DELETE:
        connection.execute(statement, (sop_instance_uid,))


def write(connection: sqlite3.Connection, rows: Rows) -> None:
    """Put the rows of one object in the place of those that were there."""
    delete(connection, rows.sop_instance_uid)
    for name, columns in _COLUMNS.items():
        connection.executemany(_INSERT[name], [tuple(map(row.get, columns)) for row in rows[name]])
