"""How many series of each modality a patient has."""

import re
from typing import Any

from pyconquest_rt.database import Database, quote
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.removal import column_of
from pyconquest_rt.rows import MODALITY

MODALITIES = ("CT", "MR", "PT", "RTSTRUCT", "RTDOSE", "RTPLAN")
_COLUMNS = ("PatientID", *(f"nr{modality}" for modality in MODALITIES))
_HEADING = "    PatientID    nrCT nrMR  nrPT nrRTSTRUCT nrRTDOSE nrRTPLAN"
_WIDTHS = (14, 5, 5, 8, 10, 10, 8)
_ORDER = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)


def series_summary(database: Database, orderby: str = "nrCT") -> list[dict[str, Any]]:
    """Return one row per patient: PatientID, nrCT, nrMR, nrPT, nrRTSTRUCT, nrRTDOSE, nrRTPLAN.

    Args:
        orderby: one of these names, or several with commas, each with ``asc`` or ``desc`` if wanted.

    Raises:
        DatabaseError: ``orderby`` is something else, or the index has no series modality.
    """
    definition = database.definition
    patients, studies, series = definition.patients, definition.studies, definition.series
    modality = column_of(series, MODALITY)
    if modality is None or studies.link is None or series.link is None:
        raise DatabaseError(
            "the series table has no column for the modality (0008,0060); add it to dicom.sql"
        )
    counts = ", ".join(f"COALESCE(SUM(series.{modality} = '{name}'), 0) AS nr{name}" for name in MODALITIES)
    return database.query(
        f"SELECT patients.{quote(patients.key.name)} AS PatientID, {counts} "
        f"FROM (SELECT DISTINCT {quote(patients.key.name)} FROM {quote(patients.name)}) patients "
        f"LEFT JOIN {quote(studies.name)} studies "
        f"ON studies.{quote(studies.link.name)} = patients.{quote(patients.key.name)} "
        f"LEFT JOIN {quote(series.name)} series "
        f"ON series.{quote(series.link.name)} = studies.{quote(studies.key.name)} "
        f"GROUP BY 1 ORDER BY {_order(orderby)}"
    )


def as_table(rows: list[dict[str, Any]]) -> str:
    """Return the rows of :func:`series_summary` as PyConquest prints them."""
    lines = [_HEADING]
    for number, row in enumerate(rows, start=1):
        cells = (str(value or 0 if name != "PatientID" else value or "") for name, value in row.items())
        lines.append(
            str(number).ljust(5)
            + "".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
        )
    return "\n".join(lines)


def _order(orderby: str) -> str:
    names = {name.lower(): name for name in _COLUMNS}
    terms = []
    for part in orderby.split(","):
        match = _ORDER.fullmatch(part.strip())
        if match is None or match[1].lower() not in names:
            raise DatabaseError(f"cannot order by {orderby!r}; the columns are {', '.join(_COLUMNS)}")
        terms.append(f"{names[match[1].lower()]} {(match[2] or 'asc').upper()}")
    return ", ".join([*terms, "PatientID"])
