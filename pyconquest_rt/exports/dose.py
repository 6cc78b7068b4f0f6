"""What is asked of the dose tables: one study, the usual dose of each protocol, all rows as CSV.

Every function takes a plain ``sqlite3.Connection`` on which :func:`store.create_tables` was called, and only
reads.
"""

import csv
import sqlite3
import statistics
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple, TextIO

from pyconquest_rt.dose_reports.counting.store import count_due
from pyconquest_rt.dose_reports.rows import Value
from pyconquest_rt.dose_reports.store import COLUMNS, create_tables, insert
from pyconquest_rt.dose_reports.tables import TABLES
from pyconquest_rt.dose_reports.views import VIEWS

QUANTITIES = {
    "ctdivol": ("v_dose_ct", "mean_ctdivol_mGy"),
    "dlp": ("v_dose_ct", "dlp_mGycm"),
    "dap": ("v_dose_projection", "dose_area_product_Gym2"),
    "dose_rp": ("v_dose_projection", "dose_rp_Gy"),
    "agd": ("v_dose_mammography", "average_glandular_dose_mGy"),
    "activity": ("v_dose_nm", "administered_activity_MBq"),
}
"""Name → the view and the column that hold the quantity; the column's name ends with its unit."""


_STUDY_VIEWS = (
    "dose_study",
    "v_dose_object",
    "v_dose_ct",
    "v_dose_projection",
    "v_dose_mammography",
    "v_dose_nm",
)


class ProtocolDose(NamedTuple):
    """The doses of one protocol on one scanner: the number of events, their median and 75th percentile.

    ``quantity`` is the name of the column that they stand in; it ends with their unit.
    """

    scanner: str
    protocol: str
    quantity: str
    events: int
    median: float
    percentile_75: float
    minimum: float
    maximum: float


def _rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, Value]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def study_report(connection: sqlite3.Connection, uid: str) -> dict[str, list[dict[str, Value]]]:
    """Return what is known of the study with this Study Instance UID: view name → rows.

    The views are ``dose_study`` (at most one row), ``v_dose_object`` (every object, and what supersedes it),
    ``v_dose_ct``, ``v_dose_projection``, ``v_dose_mammography`` and ``v_dose_nm`` (each event once).
    """
    with closing(sqlite3.connect(":memory:")) as study:
        _copy_study(connection, study, uid)
        return {view: _rows(study, f"SELECT * FROM {view}") for view in _STUDY_VIEWS}  # noqa: S608


def _copy_study(connection: sqlite3.Connection, study: sqlite3.Connection, uid: str) -> None:
    """Copy what the views need of one study: over that alone they are quick, however many there are."""
    create_tables(study)
    objects = "SELECT SOPInstanceUID FROM dose_object WHERE StudyInstanceUID = ?"
    for name in TABLES:
        needed = " AND concept = '113795^DCM'" if name == "dose_item" else ""
        columns = ", ".join(COLUMNS[name])
        select = f"SELECT {columns} FROM {name} WHERE SOPInstanceUID IN ({objects}){needed}"  # noqa: S608
        study.executemany(insert(name, COLUMNS[name]), connection.execute(select, (uid,)))
    count_due(study)


def event_doses(connection: sqlite3.Connection, quantity: str) -> dict[tuple[str, str], list[float]]:
    """Return every event's dose by (scanner, protocol), each list in ascending order.

    The scanner is manufacturer, model and station as the objects name them; the protocol is the acquisition
    protocol, or else the study's description.

    Raises:
        KeyError: the quantity is not one of :data:`QUANTITIES`.
    """
    view, column = QUANTITIES[quantity]
    sql = f"""
        SELECT trim(ifnull(Manufacturer, '') || ' ' || ifnull(ManufacturerModelName, '') || ' '
                    || ifnull(StationName, '')) AS scanner,
               coalesce(acquisition_protocol, StudyDescription, '') AS protocol, {column}
        FROM {view} WHERE {column} IS NOT NULL ORDER BY scanner, protocol, {column}
    """  # noqa: S608 - names from QUANTITIES
    doses: dict[tuple[str, str], list[float]] = {}
    for scanner, protocol, dose in connection.execute(sql):
        doses.setdefault((scanner, protocol), []).append(dose)
    return doses


def protocol_summary(connection: sqlite3.Connection, quantity: str = "dlp") -> list[ProtocolDose]:
    """Return count, median and 75th percentile of a quantity for every protocol on every scanner.

    Zero doses (localizers that report none) are left out. The percentile is interpolated linearly between
    the two nearest events, as ``numpy.percentile`` does; typical values and DRLs are compared with it
    (ICRP Publication 135).
    """
    summary = []
    for (scanner, protocol), doses in event_doses(connection, quantity).items():
        values = [dose for dose in doses if dose > 0]
        if not values:
            continue
        upper = statistics.quantiles(values, n=4, method="inclusive")[2] if len(values) > 1 else values[0]
        median = statistics.median(values)
        name, least, most = QUANTITIES[quantity][1], values[0], values[-1]
        summary.append(ProtocolDose(scanner, protocol, name, len(values), median, upper, least, most))
    return summary


def export_rows(connection: sqlite3.Connection, name: str) -> Iterator[tuple[Value, ...]]:
    """Yield the header and then the rows of one of the dose tables or views, in a fixed order.

    Raises:
        KeyError: there is no dose table or view of that name.
    """
    if name not in TABLES and name not in VIEWS:
        raise KeyError(f"no dose table or view '{name}'; there are {', '.join((*TABLES, *VIEWS))}")
    cursor = connection.execute(f"SELECT * FROM {name}")  # noqa: S608 - one of our own names
    yield tuple(column[0] for column in cursor.description)
    yield from sorted(
        map(tuple, cursor), key=lambda row: tuple((value is not None, str(value)) for value in row)
    )


def export_csv(connection: sqlite3.Connection, name: str, file: TextIO) -> int:
    """Write one of the dose tables or views as CSV (RFC 4180) and return the number of rows."""
    count = -1
    writer = csv.writer(file)
    for row in export_rows(connection, name):
        writer.writerow(row)
        count += 1
    return count
