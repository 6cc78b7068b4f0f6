"""Dates and times as objects write them, on one scale: seconds, of the device's own clock and of UTC.

``101112``, ``101112.000`` and ``10:11:12`` are one time (PS3.5 section 6.2, VR TM and DT; the colons are those of
ACR-NEMA). The offset from UTC stands in the value itself (DT) or in (0008,0201) of the object.
"""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:\.(\d*))?(?:([+-])(\d\d)(\d\d))?")
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


class Moment(NamedTuple):
    """One point in time in seconds: ``local`` of the clock that wrote it, ``utc`` where its offset is known."""

    local: float
    utc: float | None

    def distance(self, other: "Moment") -> float:
        """Return the seconds between two moments, by UTC or by the clocks, whichever is the less."""
        local = abs(self.local - other.local)
        if self.utc is None or other.utc is None:
            return local
        return min(local, abs(self.utc - other.utc))


@lru_cache(maxsize=4096)
def moment(text: str | None, offset: str | None = None) -> Moment | None:
    """Return a DICOM DT as a moment; None where it has no hour, or is no date and time at all.

    ``offset`` is the object's Timezone Offset From UTC (+0100), used where the value has none of its own.
    """
    found = _DATE_TIME.fullmatch(text.replace(":", "").replace(" ", "")) if text else None
    local = None if found is None else _local(found)
    if found is None or local is None:
        return None
    zone = found[0][found.start(8) :] if found[8] else (offset or "")
    return Moment(local, _utc(local, zone))


def _local(found: re.Match[str]) -> float | None:
    """The seconds that a date and time tells; None where it is no day of any calendar."""
    year, month, day, *time = found.groups()[:6]
    try:
        days = date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None
    hour, minute, second = (int(part or 0) for part in time)
    fraction = float(f"0.{found[7] or 0}")
    return days * 86400.0 + hour * 3600 + minute * 60 + second + fraction


def _utc(local: float, zone: str) -> float | None:
    shift = _OFFSET.fullmatch(zone)
    if shift is None:
        return None
    seconds = int(shift[2]) * 3600 + int(shift[3]) * 60
    return local + (seconds if shift[1] == "-" else -seconds)


def apart(one: Moment | None, other: Moment | None) -> float | None:
    """Return the seconds between two moments; None where one of them is not known."""
    return None if one is None or other is None else one.distance(other)


def day_before(text: str) -> str:
    """Return the date (DICOM DA) before another one; what is no date comes back as it is."""
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8])) - timedelta(days=1)
    except ValueError:
        return text
    return day.strftime("%Y%m%d")
