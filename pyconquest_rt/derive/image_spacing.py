"""The distance of the slices of an image series, from the rows of its images."""

from typing import Any

import numpy as np

from pyconquest_rt.derive.extractor import Source

SAME_MM = 0.05
"""Positions nearer to each other than this are one, and so are distances."""


def image_spacing(source: Source, series_uid: str) -> float | None:
    """Return the distance in mm of the neighbouring slices of a series, None where fewer than two tell it.

    It is that of ImagePositionPatient along the normal (SliceThickness says how thick a slice is, not how far the
    next one lies: DICOM PS3.3 C.7.6.2.1.1); of a series that is not whole yet the least one, where the others are its
    multiples.
    """
    rows = source.query("SELECT * FROM DICOMImages WHERE SeriesInst = ?", (series_uid,))
    found = sorted(position for row in rows if (position := _position(row)) is not None)
    gaps = np.diff(found)
    gaps = gaps[gaps > SAME_MM]
    if gaps.size == 0:
        return None
    least = float(gaps.min())
    multiples = np.abs(gaps - least * np.rint(gaps / least)) < SAME_MM
    return round(least if multiples.all() else float(np.median(gaps)), 4)


def _position(row: dict[str, Any]) -> float | None:
    """Where an image lies along the normal of its plane, in mm."""
    position, orientation = _numbers(row.get("ImagePosit"), 3), _numbers(row.get("ImageOrien"), 6)
    if position is None or orientation is None:
        return None
    return float(np.cross(orientation[:3], orientation[3:]) @ position)


def _numbers(text: str | None, count: int) -> list[float] | None:
    try:
        values = [float(part) for part in (text or "").split("\\")]
    except ValueError:
        return None
    return values if len(values) == count and bool(np.isfinite(values).all()) else None
