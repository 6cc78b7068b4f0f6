"""Lists of clinical goals as a site writes them in ``goals.toml``: for which plans they are, and what they demand.

::

    [[list]]
    name = "Lung, conventional"
    source = "where the limits are from"
    site = "lung*"            # treatment site; for which plans the list is: all that is given must hold
    prescription = "50:70"    # Gy
    goals = [
        { roi = "PTV*", goal = "D95%[Gy] >= 95%Rx ~ 90%Rx", priority = 1 },
        { roi = "Heart", goal = "Mean[Gy] <= 20 ~ 26", priority = 2 },
    ]

``roi`` is a TG-263 name, or else the raw name in any case; ``*`` and ``?`` are allowed. Behind ``~`` stands the
acceptable variation. ``%Rx`` is a part of the prescribed dose.
"""

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.rt.dvh.metrics import Metric, parse_metric

Range = tuple[float | None, float | None]
EXAMPLES = ("quantec", "breast")
_GOAL = re.compile(
    r"(?P<metric>[^<>=~]+?)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>[\d.]+)\s*(?P<unit>%Rx|%|cGy|Gy|cc|J)?"
    r"(?:\s*~\s*(?P<variation>[\d.]+)\s*(?P<unit2>%Rx|%|cGy|Gy|cc|J)?)?",
    re.IGNORECASE,
)
_LIST_KEYS = {"name", "source", "site", "plan", "prescription", "fractions", "goals"}
_GOAL_KEYS = {"roi", "goal", "priority", "note"}


@dataclass(frozen=True)
class Limit:
    """A value that a metric is compared with, in the metric's unit or in % of the prescribed dose."""

    value: float
    is_of_prescription: bool = False

    def in_unit(self, unit: str, prescription_gy: float | None) -> float | None:
        """Return the value in the unit of the metric; None where the prescription that it rests on is not known."""
        if not self.is_of_prescription:
            return self.value
        if not prescription_gy:
            return None
        return self.value / 100.0 * prescription_gy * (100.0 if unit == "cGy" else 1.0)


@dataclass(frozen=True)
class Goal:
    """One demand: the ROI, the metric, its limit and, where there is one, the acceptable variation."""

    roi: str
    text: str
    metric: Metric
    sign: str
    limit: Limit
    variation: Limit | None = None
    priority: int | None = None

    @property
    def is_upper(self) -> bool:
        """Whether the metric shall be at most the limit."""
        return self.sign.startswith("<")

    def is_for(self, tg263_name: str | None, roi_name: str | None) -> bool:
        """Whether it is about an ROI: by its TG-263 name, or by its own in any case where it has none."""
        if tg263_name:
            return fnmatchcase(tg263_name, self.roi)
        return fnmatchcase((roi_name or "").lower(), self.roi.lower())


@dataclass(frozen=True)
class GoalList:
    """Goals for some plans: those whose site, label, prescription in Gy and fractions are as given; None: any."""

    name: str
    goals: tuple[Goal, ...]
    source: str = ""
    site: str | None = None
    plan: str | None = None
    prescription: Range | None = None
    fractions: Range | None = None

    def unknown(self, prescription_gy: float | None, fractions: int | None) -> list[str]:
        """Return what must be known to say whether the list is for a plan, and is not."""
        found = {
            "prescription": (self.prescription, prescription_gy),
            "fractions": (self.fractions, fractions),
        }
        return [name for name, (wanted, value) in found.items() if wanted is not None and value is None]

    def is_for(
        self, site: str | None, plan: str | None, prescription_gy: float | None, fractions: int | None
    ) -> bool:
        """Whether the list is for a plan; a prescription or fractions that are not known do not speak against it."""
        texts = ((self.site, site), (self.plan, plan))
        ranges = ((self.prescription, prescription_gy), (self.fractions, fractions))
        return all(_is_like(value, wanted) for wanted, value in texts) and all(
            _is_within(value, wanted) for wanted, value in ranges
        )


def _is_like(value: str | None, wanted: str | None) -> bool:
    return wanted is None or fnmatchcase((value or "").lower(), wanted.lower())


def _is_within(value: float | None, wanted: Range | None) -> bool:
    if wanted is None or value is None:
        return True
    low, high = wanted
    return (low is None or value >= low - 1e-6) and (high is None or value <= high + 1e-6)


def load(path: str | Path) -> tuple[GoalList, ...]:
    """Return the lists of a file.

    Raises:
        SettingsError: it cannot be read; says which list and goal, and what was expected.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return parse(text, str(path))


def example(name: str) -> str:
    """Return the text of a list that comes with the package, one of :data:`EXAMPLES`, with its sources."""
    return resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8")


def parse(text: str, where: str = "goals.toml") -> tuple[GoalList, ...]:
    """Return the lists of a text; raises as :func:`load`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: {error}") from error
    lists = content.get("list", [])
    if set(content) - {"list"} or not isinstance(lists, list):
        raise SettingsError(f"{where}: expected nothing but [[list]], found {', '.join(content)}")
    found = tuple(_list(one, f"{where}, list {number}") for number, one in enumerate(lists, 1))
    names = [one.name for one in found]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise SettingsError(f"{where}: more than one list has the name {', '.join(sorted(doubled))}")
    return found


def _list(given: dict[str, Any], where: str) -> GoalList:
    _refuse_unknown(given, _LIST_KEYS, where)
    name = _text(given, "name", where)
    if not name:
        raise SettingsError(f"{where}: expected a name")
    where = f"{where} ({name})"
    goals = [_goal(one, f"{where}, goal {number}") for number, one in enumerate(given.get("goals", []), 1)]
    if not goals:
        raise SettingsError(f"{where}: expected goals")
    return GoalList(
        name,
        tuple(goals),
        _text(given, "source", where) or "",
        _text(given, "site", where),
        _text(given, "plan", where),
        _range(given, "prescription", where),
        _range(given, "fractions", where),
    )


def _text(given: dict[str, Any], key: str, where: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{where}: {key}: expected a text")
    return value


def _goal(given: Any, where: str) -> Goal:
    if not isinstance(given, dict) or not all(isinstance(given.get(key), str) for key in ("roi", "goal")):
        raise SettingsError(f'{where}: expected {{ roi = "Heart", goal = "Mean[Gy] <= 4 ~ 5" }}')
    _refuse_unknown(given, _GOAL_KEYS, where)
    priority = given.get("priority")
    if priority is not None and not isinstance(priority, int):
        raise SettingsError(f"{where}: priority: expected a whole number")
    try:
        return parse_goal(given["roi"], given["goal"], priority)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error


def parse_goal(roi: str, text: str, priority: int | None = None) -> Goal:
    """Return the goal that a text such as ``D95%[Gy] >= 95%Rx ~ 90%Rx`` is.

    Raises:
        ValueError: it is none; says what was expected.
    """
    match = _GOAL.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no goal; write for example Mean[Gy] <= 4 ~ 5 or D95%[Gy] >= 95%Rx")
    metric = parse_metric(match["metric"])
    limit = _limit(match["limit"], match["unit"], metric, text)
    variation = _limit(match["variation"], match["unit2"], metric, text) if match["variation"] else None
    goal = Goal(roi, text.strip(), metric, match["sign"], limit, variation, priority)
    if variation is not None:
        if variation.is_of_prescription != limit.is_of_prescription:
            raise ValueError(f"{text!r}: limit and variation must both be in %Rx, or neither")
        if (variation.value < limit.value) == goal.is_upper:
            raise ValueError(f"{text!r}: the acceptable variation is stricter than the limit")
    return goal


def _limit(number: str, unit: str | None, metric: Metric, text: str) -> Limit:
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"{text!r}: {number!r} is no number") from None
    if (unit or "").lower() == "%rx":
        if metric.out not in ("Gy", "cGy"):
            raise ValueError(f"{text!r}: %Rx is for doses in Gy or cGy, not for an answer in {metric.out}")
        return Limit(value, is_of_prescription=True)
    if unit and unit.lower() != metric.out.lower():
        raise ValueError(f"{text!r}: the limit is in {unit}, the metric in {metric.out or 'no unit'}")
    return Limit(value)


def _range(given: dict[str, Any], key: str, where: str) -> Range | None:
    """``50:70``, ``50:``, ``:70`` or one number, as (from, to)."""
    if key not in given:
        return None
    low, separator, high = str(given[key]).partition(":")
    try:
        ends = [float(end) if end.strip() else None for end in (low, high if separator else low)]
    except ValueError:
        raise SettingsError(f"{where}: {key}: {given[key]!r} is no range; write 50:70, 50: or :70") from None
    return ends[0], ends[1]


def _refuse_unknown(given: dict[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(given) - known):
        raise SettingsError(f"{where}: unknown {', '.join(unknown)}; there are {', '.join(sorted(known))}")
