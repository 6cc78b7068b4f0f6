"""Where the slices of CT, MR and PET series lie, and whether they are evenly spaced."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from pyconquest_rt.database import Database, quote
from pyconquest_rt.removal import column_of
from pyconquest_rt.rows import MODALITY

SLICE_LOCATION = (0x00201041,)
SLICE_THICKNESS = (0x00180050,)
IMAGE_POSITION = (0x00200032,)
IMAGE_ORIENTATION = (0x00200037,)
TOLERANCE_MM = 0.1  # distances that differ by less count as even; PyConquest rounds to this

_FORMAT = "character varying(128)"


class SliceInfo(NamedTuple):
    """What is added to a series row, under the names of the columns; positions and distances in mm."""

    N_slices: int
    min_sliceposition: float
    max_sliceposition: float
    ScanRange: float
    SliceThickness: float
    UniqueSliceDistance: float | str
    """The distance between neighbouring slices; empty where they are not evenly spaced, or only one."""


def analyse(database: Database, series: Iterable[str] | None = None) -> tuple[list[str], list[str]]:
    """Write the slice positions of series into their rows.

    The columns of :class:`SliceInfo` are added to DICOMSeries where they are missing. A slice without
    SliceLocation is placed by its ImagePositionPatient along the normal of its plane (PS3.3 C.7.6.2.1.1).

    Args:
        series: SeriesInstanceUIDs; None: all series of CT, MR and PT images.

    Returns:
        the series that are not evenly spaced, and those of which no image is indexed.
    """
    table = database.definition.series
    uneven, empty = [], []
    with database.transaction() as connection:
        _add_columns(database)
        assignments = ", ".join(f"{quote(name)} = ?" for name in SliceInfo._fields)
        for uid in _image_series(database) if series is None else series:
            info = slice_info(_slices(database, uid))
            if info is None:
                empty.append(uid)
                continue
            if info.UniqueSliceDistance == "":
                uneven.append(uid)
            connection.execute(
                f"UPDATE {quote(table.name)} SET {assignments} WHERE {quote(table.key.name)} = ?",
                (*info, uid),
            )
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
    table = database.definition.series.name
    present = {name.lower() for name in database.columns(table)}
    for name in SliceInfo._fields:
        if name.lower() not in present:
            database.connection.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(name)} {_FORMAT}")


def _image_series(database: Database) -> list[str]:
    series = database.definition.series
    modality = column_of(series, MODALITY)
    where = f"WHERE {modality} IN ('CT', 'MR', 'PT')" if modality else ""
    rows = database.connection.execute(f"SELECT {quote(series.key.name)} FROM {quote(series.name)} {where}")
    return [row[0] for row in rows.fetchall()]


def _slices(database: Database, series: str) -> list[tuple[float, float]]:
    """Return (position, thickness) of each image of a series; what is missing counts as 0."""
    images = database.definition.images
    wanted = (SLICE_LOCATION, SLICE_THICKNESS, IMAGE_POSITION, IMAGE_ORIENTATION)
    columns = ", ".join(column_of(images, path) or "NULL" for path in wanted)
    rows = database.connection.execute(
        f"SELECT {columns} FROM {quote(images.name)} WHERE {quote(images.link.name)} = ?", (series,)
    )
    return [
        (_first(_numbers(location), _along_normal(position, orientation)), _first(_numbers(thickness)))
        for location, thickness, position, orientation in rows
    ]


def _along_normal(position: Any, orientation: Any) -> list[float]:
    point, cosines = _numbers(position), _numbers(orientation)
    if len(point) != 3 or len(cosines) != 6:
        return []
    (rx, ry, rz), (cx, cy, cz) = cosines[:3], cosines[3:]
    normal = (ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx)
    return [sum(a * b for a, b in zip(point, normal, strict=True))]


def _numbers(text: Any) -> list[float]:
    try:
        return [float(part) for part in str(text).split("\\")] if text is not None else []
    except ValueError:
        return []


def _first(*candidates: list[float]) -> float:
    return next((numbers[0] for numbers in candidates if numbers), 0.0)
