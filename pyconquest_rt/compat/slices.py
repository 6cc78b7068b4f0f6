"""Where the slices of CT, MR and PET series lie, and whether they are evenly spaced."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Any, NamedTuple

from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import DatabaseError

_COLUMNS = ("SliceLocat", "SliceThick", "ImagePosit", "ImageOrien")
TOLERANCE_MM = 0.1  # distances that differ by less count as even; PyConquest rounds to this


class SliceInfo(NamedTuple):
    """What a series row gains, under the names of the columns; positions and distances in mm."""

    N_slices: int
    min_sliceposition: float
    max_sliceposition: float
    ScanRange: float
    SliceThickness: float
    UniqueSliceDistance: float | str
    """The distance between neighbouring slices; empty where they are not evenly spaced, or only one."""


_UPDATE = f"UPDATE DICOMSeries SET {', '.join(f'{n} = ?' for n in SliceInfo._fields)} WHERE SeriesInst = ?"  # noqa: S608


def analyse(database: Database, series: Iterable[str] | None = None) -> tuple[list[str], list[str]]:
    """Write the slice positions of series into their rows.

    The columns of :class:`SliceInfo` are added to DICOMSeries where they are missing. A slice without
    SliceLocation is placed by its ImagePositionPatient along the normal of its plane (PS3.3 C.7.6.2.1.1).

    Args:
        series: SeriesInstanceUIDs; None: all series of CT, MR and PT images.

    Returns:
        the series that are not evenly spaced, and those of which no image is indexed.

    Raises:
        DatabaseError: no series are named, and the index has no column for the modality.
    """
    uneven, empty = [], []
    with database.transaction() as connection:
        _add_columns(database)
        for uid in _image_series(database) if series is None else series:
            info = slice_info(_slices(database, uid))
            if info is None:
                empty.append(uid)
                continue
            if info.UniqueSliceDistance == "":
                uneven.append(uid)
            connection.execute(_UPDATE, (*info, uid))
    return uneven, empty


def slice_info(slices: Sequence[tuple[float, float]]) -> SliceInfo | None:
    """Return what is to be said of slices given as (position, thickness) in mm; None where there are none."""
    if not slices:
        return None
    positions = sorted({position for position, _ in slices})
    distances = [after - before for before, after in pairwise(positions)]
    even = bool(distances) and max(distances) - min(distances) < TOLERANCE_MM
    return SliceInfo(
        N_slices=len(slices),
        min_sliceposition=positions[0],
        max_sliceposition=positions[-1],
        ScanRange=positions[-1] - positions[0],
        SliceThickness=max(thickness for _, thickness in slices),
        UniqueSliceDistance=round(median(distances), 2) if even else "",
    )


def _add_columns(database: Database) -> None:
    present = {name.lower() for name in database.columns("DICOMSeries")}
    for name in SliceInfo._fields:
        if name.lower() not in present:
            database.connection.execute(f"ALTER TABLE DICOMSeries ADD COLUMN {name} character varying(128)")


def _image_series(database: Database) -> list[str]:
    if "Modality" not in database.columns("DICOMSeries"):
        raise DatabaseError("the series table has no column Modality; add (0008,0060), or name the series")
    rows = database.connection.execute(
        "SELECT SeriesInst FROM DICOMSeries WHERE Modality IN ('CT', 'MR', 'PT')"
    )
    return [row[0] for row in rows.fetchall()]


def _slices(database: Database, series: str) -> list[tuple[float, float]]:
    """Return (position, thickness) in mm of each image of a series; what is missing counts as 0."""
    slices = []
    for row in database.query("SELECT * FROM DICOMImages WHERE SeriesInst = ?", (series,)):
        location, thickness, position, orientation = (_numbers(row.get(name)) for name in _COLUMNS)
        slices.append((_first(location, _along_normal(position, orientation)), _first(thickness)))
    return slices


def _along_normal(point: list[float], cosines: list[float]) -> list[float]:
    if len(point) != 3 or len(cosines) != 6:
        return []
    (rx, ry, rz), (cx, cy, cz) = cosines[:3], cosines[3:]
    normal = (ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx)
    return [sum(a * b for a, b in zip(point, normal, strict=True))]


def _numbers(text: Any) -> list[float]:
    try:
        numbers = [float(part) for part in str(text).split("\\")] if text is not None else []
    except ValueError:
        return []
    return numbers if all(map(isfinite, numbers)) else []


def _first(*candidates: list[float]) -> float:
    return next((numbers[0] for numbers in candidates if numbers), 0.0)
