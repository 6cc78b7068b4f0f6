"""Candidate keys: attributes that may tell apart images of one position (echo, direction, phase, time ...)."""

import math
from datetime import date as day
from functools import lru_cache
from typing import Any

from pyconquest_rt.volumes.fields import Fields

NAMES = (
    *("echo", "diffusion", "type", "cardiac", "temporal", "frame_time", "acquisition_time", "acquisition"),
    *("content_time", "inversion", "flip", "repetition", "segment"),
)
"""All candidate keys; each is a value in ``Frame.keys`` at the same place, None where the object has none."""

DAY = 86400.0  #: seconds

TIMES = frozenset({"cardiac", "temporal", "frame_time", "acquisition_time", "content_time"})
"""Keys that grow with time, by which images may also be ranked."""

SPLITS = frozenset({"type", "acquisition"})
"""Keys whose values are volumes of their own, not places on an axis of one."""

SETTINGS = frozenset({"echo", "diffusion", "cardiac", "inversion", "flip", "repetition"})
"""Keys that say what was set or waited for; acquisitions that differ in one are places on its axis."""

QUANTITIES = frozenset({"P", "PHASE", "R", "REAL", "I", "IMAGINARY", "ADC", "FA"})
"""Values of an image type that say what is shown, where it is not a magnitude."""


def of_object(fields: Fields) -> dict[str, Any]:
    """The keys of a single image by name, without those it has not."""
    return steady(fields) | moving(fields)


def moving(fields: Fields) -> dict[str, Any]:
    """Those keys that differ from slice to slice in the series of most scanners."""
    found = {
        "cardiac": _first(fields, 0x00209241, 0x00181060, 0x00209153),
        "frame_time": fields.number(0x00541300),
        "acquisition_time": _moment(fields, (0x0008002A,), (0x00080022, 0x00080032)),
        "content_time": _moment(fields, (), (0x00080023, 0x00080033)),
    }
    return {name: value for name, value in found.items() if value is not None}


MOVING = (
    0x00209241,
    0x00181060,
    0x00209153,
    0x00541300,
    0x0008002A,
    0x00080022,
    0x00080032,
    0x00080023,
    0x00080033,
)
"""The elements that :func:`moving` reads."""


def steady(fields: Fields) -> dict[str, Any]:
    """All other keys."""
    found = {
        "echo": _echo(fields),
        "diffusion": _diffusion(fields),
        "type": _type(fields),
        "temporal": _first(fields, 0x00200100, 0x00209128),
        "acquisition": fields.number(0x00200012),
        "inversion": fields.number(0x00180082),
        "flip": fields.number(0x00181314),
        "repetition": fields.number(0x00180080),
    }
    return {name: value for name, value in found.items() if value is not None}


def as_tuple(keys: dict[str, Any]) -> tuple[Any, ...]:
    """Keys by name as ``Frame.keys`` has them."""
    return tuple([keys.get(name) for name in NAMES])


def _first(fields: Fields, *tags: int) -> float | None:
    return next((value for tag in tags if (value := fields.number(tag)) is not None), None)


def _echo(fields: Fields) -> tuple[float | None, float | None] | None:
    found = fields.number(0x00180081), fields.number(0x00180086)
    return None if found == (None, None) else found


def _type(fields: Fields) -> tuple[str, ...] | None:
    component = fields.text(0x00089208)
    kind = fields.texts(0x00080008) + ((component,) if component else ())
    if fields.text(0x00430010).startswith("GEMS_PARM") and (ge := fields.text(0x0043102F)):
        kind += (f"GE {ge}",)  # 0 magnitude, 1 phase, 2 real, 3 imaginary
    return kind or None


def _diffusion(fields: Fields) -> tuple[float, tuple[float, ...] | None] | None:
    """b-value in s/mm² and direction in LPS (PS3.3 C.8.13.5.9, and private ones of Siemens and Philips).

    Directions of GE are relative to the image's own axes in a way that depends on the plane: left out.
    """
    for b_tag, direction_tags in (
        (0x00189087, (0x00189089,)),
        (0x0019100C, (0x0019100E,)),
        (0x20011003, (0x200510B0, 0x200510B1, 0x200510B2)),
        (0x00431039, ()),
    ):
        value = fields.number(b_tag) if _is_known(fields, b_tag) else None
        if value is not None:
            direction = tuple([number for tag in direction_tags for number in fields.numbers(tag)])
            is_whole = len(direction) == 3 and all(map(math.isfinite, direction)) and any(direction)
            return value % 1e9 if b_tag == 0x00431039 else value, direction if is_whole else None
    return None


_CREATORS = {0x0019: "SIEMENS MR HEADER", 0x2001: "PHILIPS IMAGING DD 001", 0x0043: "GEMS_PARM_01"}


def _is_known(fields: Fields, tag: int) -> bool:
    """Whether a tag is standard, or its private block is that of the creator which is meant."""
    creator = _CREATORS.get(tag >> 16)
    return creator is None or fields.text((tag & 0xFFFF0000) | 0x10).upper() == creator


def is_mosaic(fields: Fields) -> bool:
    """Whether a private element of Siemens counts several slices in the image, whatever its image type says."""
    return _is_known(fields, 0x0019100A) and (fields.number(0x0019100A) or 0) > 1


def _moment(fields: Fields, whole: tuple[int, ...], parts: tuple[int, int]) -> float | None:
    for tag in whole:
        if (text := fields.text(tag)) and (found := seconds(text[:8], text[8:])) is not None:
            return found
    return seconds(fields.text(parts[0]), fields.text(parts[1]))


@lru_cache(256)
def seconds(date: str, time: str) -> float | None:
    """Seconds of a date (YYYYMMDD, may be empty) and a time (HHMMSS.FFFFFF, may be cut off); None without time.

    Dates count from the year 1; a zone behind the time is left out.
    """
    time = time.split("+")[0].split("-")[0].replace(":", "").strip()
    if not time:
        return None
    try:
        hours, minutes = int(time[:2]), int(time[2:4] or 0)
        return _days(date) * DAY + hours * 3600 + minutes * 60 + float(time[4:] or 0)
    except ValueError:
        return None


@lru_cache(64)
def _days(date: str) -> int:
    """Days up to a date, 0 without one. Raises ValueError."""
    date = date.replace(".", "").strip()
    return day(int(date[:4]), int(date[4:6]), int(date[6:8])).toordinal() if date else 0
