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
    "dlp": "mGycm",
    "ctdivol": "mGy",
    "dap": "Gym2",
    "dose_rp": "Gy",
    "fluoro_time": "s",
    "agd": "mGy",
    "activity": "MBq",
}
"""Name → its unit."""


_STUDY_VIEWS = (
    "dose_study",
    "v_dose_object",
    "v_dose_ct",
    "v_dose_projection",
    "v_dose_mammography",
    "v_dose_nm",
)


class ProtocolDose(NamedTuple):
    """The doses of one kind of examination on one scanner: how many, their median and 75th percentile.

    ``quantity`` ends with the unit. ``part`` is the phantom of a CTDIvol, the breast of a glandular dose.
    """

    scanner: str
    protocol: str
    standard_name: str | None
    quantity: str
    part: str
    examinations: int
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


Kind = tuple[str, str, str | None, str]  #: scanner, protocol, standard name and part


def examination_doses(connection: sqlite3.Connection, quantity: str) -> dict[Kind, list[float]]:
    """Return every examination's dose by its kind, each list in ascending order.

    The scanner is manufacturer, model and station as the objects name them; the protocol is that of the exposures
    that gave the most, or else the study's description.

    Raises:
        KeyError: the quantity is not one of :data:`QUANTITIES`.
    """
    if quantity not in QUANTITIES:
        raise KeyError(quantity)
    sql = """
        SELECT scanner, coalesce(nullif(protocol, ''), StudyDescription, ''), standard_name, part, value
        FROM v_dose_examination WHERE quantity = ? ORDER BY 1, 2, 3, 4, 5
    """
    doses: dict[Kind, list[float]] = {}
    for *kind, dose in connection.execute(sql, (quantity,)):
        doses.setdefault((kind[0], kind[1], kind[2], kind[3]), []).append(dose)
    return doses


def protocol_summary(connection: sqlite3.Connection, quantity: str | None = None) -> list[ProtocolDose]:
    """Return count, median and 75th percentile of a quantity for every kind of examination on every scanner.

    One value an examination, as reference levels want it (ICRP Publication 135): the DLP of all its acquisitions, the
    CTDIvol of its scans by phantom without localizers, the kerma-area product of a procedure. Zero doses are left
    out. The percentile is interpolated linearly between the two nearest values, as ``numpy.percentile`` does.
    Without a quantity: of all.

    Raises:
        KeyError: the quantity is not one of :data:`QUANTITIES`.
    """
    summary = []
    for name in QUANTITIES if quantity is None else (quantity,):
        for (scanner, protocol, standard, part), values in examination_doses(connection, name).items():
            upper = statistics.quantiles(values, n=4, method="inclusive")[2] if len(values) > 1 else values[0]
            column = f"{name}_{QUANTITIES[name]}"
            found = (len(values), statistics.median(values), upper, values[0], values[-1])
            summary.append(ProtocolDose(scanner, protocol, standard, column, part, *found))
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


IDENTIFIERS = frozenset(
    {
        *("PatientID", "PatientBirthDate", "AccessionNumber", "alert_person", "notification_person"),
        "calibration_responsible_party",
    }
)
"""Columns that tell who a patient or a person is; so do the values of ``dose_item``."""


def export_csv(
    connection: sqlite3.Connection, name: str, file: TextIO, *, identifiers: bool = False, bom: bool = False
) -> int:
    """Write one of the dose tables or views as CSV (RFC 4180) and return the number of rows.

    Identifiers of patients and names of persons are left out unless they are asked for. With ``bom`` the text begins
    with a byte order mark, by which Excel knows UTF-8.

    Raises:
        KeyError: there is no dose table or view of that name.
        ValueError: ``dose_item`` without ``identifiers``: all that a report says may stand in its values.
    """
    if name == "dose_item" and not identifiers:
        raise ValueError(
            "dose_item holds all that reports say, names of persons too: it is written with identifiers only"
        )
    rows = export_rows(connection, name)
    head = next(rows)
    kept = [place for place, column in enumerate(head) if identifiers or column not in IDENTIFIERS]
    if bom:
        file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow([head[place] for place in kept])
    count = 0
    for row in rows:
        writer.writerow([row[place] for place in kept])
        count += 1
    return count
