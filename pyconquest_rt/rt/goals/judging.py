"""What the DVHs of one dose and structure set come to by a list of goals: a verdict for each, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyconquest_rt.rt.goals.lists import Goal, GoalList

MET, ACCEPTABLE, NOT_MET, UNJUDGED = "met", "acceptable", "not met", "cannot be judged"
VERDICTS = (MET, ACCEPTABLE, NOT_MET, UNJUDGED)
_SAME = 1e-9  # of rounding in the last digits of a sum


@dataclass(frozen=True)
class Judged:
    """A DVH that is judged: whose it is, its prescription in Gy, what must be said of it, and its metrics by name.

    ``value`` gives None for a metric that the DVH has no value of.
    """

    roi_number: int
    roi_name: str | None
    tg263_name: str | None
    prescription_gy: float | None
    status: str
    reason: str | None
    value: Callable[[str], float | None]


def judge(goals: GoalList, dvhs: Sequence[Judged], prescription_gy: float | None) -> list[dict[str, Any]]:
    """Return one row for each goal and ROI that it is about; a goal without an ROI has a row too.

    Rows have ``goal_list``, ``goal``, ``priority``, ``roi_number``, ``roi_name``, ``value``, ``unit``, ``limit_value``,
    ``variation_value`` (in ``unit``), ``verdict`` (one of :data:`VERDICTS`) and ``reason``.
    """
    rows = []
    for goal in goals.goals:
        about = [dvh for dvh in dvhs if goal.is_for(dvh.tg263_name, dvh.roi_name)]
        found = [_verdict(goal, dvh) for dvh in about] or [_missing(goal, prescription_gy)]
        rows += [{"goal_list": goals.name} | row for row in found]
    return rows


def _row(goal: Goal, prescription_gy: float | None) -> dict[str, Any]:
    unit = goal.metric.out
    return {
        "goal": goal.text,
        "priority": goal.priority,
        "roi_number": None,
        "roi_name": goal.roi,
        "value": None,
        "unit": unit,
        "limit_value": goal.limit.in_unit(unit, prescription_gy),
        "variation_value": goal.variation and goal.variation.in_unit(unit, prescription_gy),
        "verdict": UNJUDGED,
        "reason": None,
    }


def _missing(goal: Goal, prescription_gy: float | None) -> dict[str, Any]:
    return _row(goal, prescription_gy) | {"reason": f"the structure set has no ROI {goal.roi} with a DVH"}


def _verdict(goal: Goal, dvh: Judged) -> dict[str, Any]:
    row = _row(goal, dvh.prescription_gy) | {"roi_number": dvh.roi_number, "roi_name": dvh.roi_name}
    if dvh.status == "failed":
        return row | {"reason": f"there is no DVH: {dvh.reason or 'it failed'}"}
    if row["limit_value"] is None:
        return row | {"reason": "the prescription is not known"}
    value = dvh.value(str(goal.metric))
    if value is None:
        return row | {"reason": _without_value(goal, dvh)}
    limits = {MET: row["limit_value"], ACCEPTABLE: row["variation_value"]}
    verdict = next((word for word, limit in limits.items() if _holds(goal, value, limit)), NOT_MET)
    return row | {"value": value, "verdict": verdict, "reason": dvh.reason}


def _without_value(goal: Goal, dvh: Judged) -> str:
    if goal.metric.effect or goal.metric.kind in ("CI", "CN"):
        return f"{goal.metric} is not calculated: add it to metrics in [rt] of the settings"
    if dvh.prescription_gy is None and "%" in (goal.metric.out, goal.metric.unit):
        return "the prescription is not known"
    return f"the DVH has no value of {goal.metric}"


def _holds(goal: Goal, value: float, limit: float | None) -> bool:
    if limit is None:
        return False
    slack = _SAME * max(abs(limit), 1.0)
    comparisons = {
        "<=": value <= limit + slack,
        "<": value < limit - slack,
        ">=": value >= limit - slack,
        ">": value > limit + slack,
    }
    return comparisons[goal.sign]
