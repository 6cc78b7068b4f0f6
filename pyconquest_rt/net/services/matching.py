"""One query key → an SQL condition, by the kinds of matching of DICOM PS3.4 section C.2.2.2.

Single values, lists (of UIDs, and of any other values as well), wild cards (in dates and times too, which the
standard does not have), and ranges of dates and times.
Person names match whatever their case and with trailing carets left out: one component group by any of the name's,
several each by its own, where an empty one is matched by all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from pyconquest_rt.database.backends.dialect import Dialect

_UNIVERSAL: Final = re.compile(r"\**")
_NUMERIC_VRS: Final = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "FL", "FD"})
_TEXT_VRS: Final = frozenset({"ST", "LT", "UT"})
_MOMENT_VRS: Final = frozenset({"DA", "TM", "DT"})
_GROUP: Final = 500
_TEXT_FUNCTION: Final = "dicom_text_matches"
_NAME_FUNCTION: Final = "dicom_name_matches"
_ANY_FUNCTION: Final = "dicom_any_matches"


class Condition(NamedTuple):
    """A piece of an SQL WHERE clause with its parameters."""

    sql: str
    parameters: tuple[Any, ...]


def condition(
    dialect: Dialect, column: str, vr: str, value: str, *, several: bool = False, fold: bool = False
) -> Condition | None:
    """Return the condition that a key puts on a column, or None where it matches everything.

    `column` is an SQL expression whose names are quoted already; `several` says that it holds backslash
    lists, of which one member must match, `fold` that case makes no difference.
    """
    values = _values(vr, value)
    if not values:
        return None
    if vr == "UI":
        return exactly(dialect, column, values)
    if fold:
        column, values = f"upper({column})", [part.upper() for part in values]
    match = _several if several else _MATCHERS.get(vr)
    if match is None or (vr in _MOMENT_VRS and any(map(_has_wild_card, values))):
        return _texts(dialect, column, values)  # dates with wild cards too, which the standard does not have
    return _any_of([match(column, part) for part in values])


def _values(vr: str, value: str) -> list[str]:
    """The values of which one must match; none where the key matches everything."""
    value = value.strip(" \0")
    values = [value] if vr in _TEXT_VRS else [part.strip(" \0") for part in value.split("\\")]
    matches_all = _UNIVERSAL.fullmatch(value) or (vr != "UI" and any(map(_UNIVERSAL.fullmatch, values)))
    return [] if matches_all else values


def _texts(dialect: Dialect, column: str, values: list[str]) -> Condition:
    exact = [part for part in values if not _has_wild_card(part)]
    parts = [Condition(f"{_TEXT_FUNCTION}(?, {column})", (part,)) for part in values if _has_wild_card(part)]
    return _any_of([unpadded(dialect, column, exact), *parts] if exact else parts)


def _any_of(parts: list[Condition]) -> Condition:
    """Return the condition that one of the parts holds, at few levels: SQLite's expressions are 1,000 deep at most."""
    groups = (parts[first : first + _GROUP] for first in range(0, len(parts), _GROUP))
    sql = " OR ".join(f"({' OR '.join(part.sql for part in group)})" for group in groups)
    return Condition(f"({sql})", tuple(parameter for part in parts for parameter in part.parameters))


def exactly(dialect: Dialect, column: str, values: Sequence[str]) -> Condition:
    """Return the condition that a column holds one of the values as they stand."""
    if len(values) == 1:
        return Condition(f"{column} = ?", (values[0],))
    return Condition(dialect.one_of(column), (dialect.listed(values),))


def unpadded(dialect: Dialect, column: str, values: Sequence[str]) -> Condition:
    """Return the condition that a column holds one of the values, blanks before it not counted.

    They are padding (PS3.5 section 6.2), but stand in the index as in the file. An index is used for both cases.
    """
    plain, trimmed = exactly(dialect, column, values), exactly(dialect, f"ltrim({column}, ' ')", values)
    return Condition(
        f"({plain.sql} OR ({column} >= ' ' AND {column} < '!' AND {trimmed.sql}))",
        (*plain.parameters, *trimmed.parameters),
    )


def _has_wild_card(value: str) -> bool:
    return "*" in value or "?" in value


def _number(column: str, value: str) -> Condition:
    try:
        number = float(value)
    except ValueError:
        return Condition(f"{_TEXT_FUNCTION}(?, {column})", (value,))
    return Condition(f"({column} = ? OR CAST({column} AS REAL) = CAST(? AS REAL))", (value, str(number)))


def _name(column: str, value: str) -> Condition:
    return Condition(f"{_NAME_FUNCTION}(?, {column})", (value,))


def _several(column: str, value: str) -> Condition:
    return Condition(f"{_ANY_FUNCTION}(?, {column})", (value,))


def _date(column: str, value: str) -> Condition:
    low, high = _bounds(value.replace(".", "").replace("/", ""))
    return _between(column, low, high)


def _time(column: str, value: str) -> Condition:
    low, high = _bounds(value.replace(":", ""))
    return _between(f"replace({column}, ':', '')", _least(low), high)


def _moment(column: str, value: str) -> Condition:
    low, high = _bounds(value)
    return _between(column, _least(low), high)


def _least(time: str) -> str:
    """Return the shortest text of a time: 120000.000 is not after 120000."""
    return time.rstrip("0").rstrip(".") if "." in time else time


def _bounds(value: str) -> tuple[str, str]:
    """Split ``a-b``, ``a-`` or ``-b``; a single value is a range from itself to itself."""
    low, dash, high = value.partition("-")
    return (low.strip(), high.strip()) if dash else (value, value)


def _between(column: str, low: str, high: str) -> Condition:
    """Compare as text; the upper bound takes in all that begins with it, such as 125959.5 in 12."""
    parts = [Condition(f"{column} >= ?", (low,))] if low else []
    parts += [Condition(f"{column} < ? || ':'", (high,))] if high else []
    if not parts:
        return Condition(f"{column} IS NOT NULL", ())
    return Condition(
        " AND ".join(part.sql for part in parts), tuple(p for part in parts for p in part.parameters)
    )


def combined_range(date_column: str, time_column: str, dates: str, times: str) -> Condition | None:
    """Return the condition of one range of date and time together (PS3.4 section C.2.2.2.5).

    Both keys must be ranges; a missing end of the time takes in the whole of that day.
    """
    if "-" not in dates or "-" not in times:
        return None
    first_day, last_day = _bounds(dates.strip(" \0").replace(".", ""))
    first_time, last_time = _bounds(times.strip(" \0").replace(":", ""))
    first_time = _least(first_time)
    moment = f"{date_column} || coalesce(replace({time_column}, ':', ''), '')"
    return _between(moment, first_day and first_day + first_time, last_day and last_day + last_time)


_Matcher = Callable[[str, str], Condition]
_MATCHERS: Final[dict[str, _Matcher]] = {
    "DA": _date,
    "DT": _moment,
    "TM": _time,
    "PN": _name,
    **dict.fromkeys(_NUMERIC_VRS, _number),
}


def _text_matches(pattern: str, value: str | None) -> bool:
    return value is not None and _regex(pattern).fullmatch(value.lstrip(" ")) is not None


def _name_matches(pattern: str, value: str | None) -> bool:
    if value is None:
        return False
    name, wanted = _plain_name(value), _plain_name(pattern).split("=")
    groups = name.split("=")
    if len(wanted) == 1:
        return any(_regex(wanted[0]).fullmatch(text) for text in (name, *groups))
    pairs = zip_longest(wanted, groups[: len(wanted)], fillvalue="")
    return all(not group or _regex(group).fullmatch(text) for group, text in pairs)


def _plain_name(name: str) -> str:
    """Return a name for comparison: without trailing delimiters and blanks, and without case."""
    return "=".join(group.rstrip("^ ").strip() for group in name.casefold().split("=")).rstrip("=")


def _any_matches(pattern: str, value: str | None) -> bool:
    if value is None:
        return False
    regex = _regex(pattern)
    return any(regex.fullmatch(part.strip()) for part in value.split("\\"))


FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., bool]]]] = {
    _TEXT_FUNCTION: (2, _text_matches),
    _NAME_FUNCTION: (2, _name_matches),
    _ANY_FUNCTION: (2, _any_matches),
}
"""What a connection must have been given, for the conditions call it: name → number of arguments, function."""


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    """Compile a wild card pattern; it is matched in linear time, whatever its stars.

    Between two stars the first place where a text fits is as good as any, so each is an atomic group and
    nothing is ever tried twice.
    """
    first, *rest = ("".join("." if c == "?" else re.escape(c) for c in part) for part in pattern.split("*"))
    if rest:
        first += "".join(f"(?>.*?{part})" for part in rest[:-1] if part) + f".*{rest[-1]}"
    return re.compile(first, re.DOTALL)
