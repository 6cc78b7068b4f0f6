"""What plans come to by clinical goals, for people: verdict, value, limit and margin, and counts over many plans."""

from collections import Counter
from typing import Any

from pyconquest_rt.database.connection import Database
from pyconquest_rt.rt.goals.judging import VERDICTS

_SELECT = """
SELECT g.patient_id, p.label AS plan_label, g.dose_uid, g.structure_set_uid, g.goal_list, g.priority, g.roi_name,
    g.goal, g.verdict, g.value, g.unit, g.limit_value, g.variation_value,
    CASE WHEN instr(g.goal, '<') THEN g.limit_value - g.value ELSE g.value - g.limit_value END AS margin, g.reason
FROM rt_goal_result g LEFT JOIN rt_plan p ON p.SOPInstanceUID = g.plan_uid
LEFT JOIN rt_dose d ON d.SOPInstanceUID = g.dose_uid
WHERE :key IS NULL OR :key IN (g.patient_id, d.study_instance_uid, g.dose_uid, g.plan_uid, g.structure_set_uid)
ORDER BY g.patient_id, g.dose_uid, g.structure_set_uid, g.goal_list, coalesce(g.priority, 999), g.roi_name, g.goal"""


def find_goals(database: Database, key: str | None = None) -> list[dict[str, Any]]:
    """Return one row for each goal and ROI: verdict, value, limit, variation and margin in ``unit``, and the reason.

    ``margin`` is how far the value is on the good side of the limit, negative where it is on the other.

    Args:
        database: the index.
        key: a PatientID, StudyInstanceUID, or SOPInstanceUID of a dose, plan or structure set; None: all.
    """
    return database.query(_SELECT, {"key": key}) if database.has("rt_goal_result") else []


def counted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each goal of many plans: how many are met, acceptable, not met, or cannot be judged."""
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        name = (row["goal_list"], row["priority"], row["roi_name"], row["goal"])
        counts.setdefault(name, Counter())[row["verdict"]] += 1
    return [
        dict(zip(("goal_list", "priority", "roi_name", "goal"), name, strict=True))
        | {verdict: count[verdict] for verdict in VERDICTS}
        for name, count in counts.items()
    ]
