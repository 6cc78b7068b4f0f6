"""How many series of each modality a patient has."""

import re
from typing import Any

from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import DatabaseError

MODALITIES = ("CT", "MR", "PT", "RTSTRUCT", "RTDOSE", "RTPLAN")
_COLUMNS = ("PatientID", *(f"nr{modality}" for modality in MODALITIES))
_HEADING = "    PatientID    nrCT nrMR  nrPT nrRTSTRUCT nrRTDOSE nrRTPLAN"
_WIDTHS = (14, 5, 5, 8, 10, 10, 8)
_COUNTS = ", ".join(f"COALESCE(SUM(s.Modality = '{name}'), 0) AS nr{name}" for name in MODALITIES)
_SUMMARY = (
    f"SELECT p.PatientID AS PatientID, {_COUNTS} "  # noqa: S608
    "FROM (SELECT DISTINCT PatientID FROM DICOMPatients) p "
    "LEFT JOIN DICOMStudies t ON t.PatientID = p.PatientID "
    "LEFT JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta GROUP BY 1 ORDER BY "
)
_ORDER = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)


def series_summary(database: Database, orderby: str = "nrCT") -> list[dict[str, Any]]:
    """Return one row per patient: PatientID, nrCT, nrMR, nrPT, nrRTSTRUCT, nrRTDOSE, nrRTPLAN.

    Args:
        orderby: one of these names, or several with commas, each with ``asc`` or ``desc`` if wanted.

    Raises:
        DatabaseError: ``orderby`` is something else, or the index has no series modality.
    """
    if "Modality" not in database.columns("DICOMSeries"):
        raise DatabaseError("the series table has no column Modality; add (0008,0060) to the definition")
    return database.query(_SUMMARY + _order(orderby))


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
