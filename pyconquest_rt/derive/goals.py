"""The extractor of clinical goals: the DVHs of a dose judged by the lists of the site, made anew as they are."""

from pathlib import Path
from typing import Any

from pyconquest_rt.derive.extractor import Extractor, Rows, Source, version_of
from pyconquest_rt.dicom.tables import columns
from pyconquest_rt.exports import dvh_values
from pyconquest_rt.rt.dvh.metrics import parse_metric
from pyconquest_rt.rt.goals.judging import UNJUDGED, Judged, judge
from pyconquest_rt.rt.goals.lists import GoalList, parse

NAME = "goals"
TABLE = "rt_goal_result"
_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_VERSION = 1
_WHOLE_PLANS = ("PLAN", "MULTI_PLAN", "PLAN_OVERVIEW")
COLUMNS = columns("""
    SOPInstanceUID    | TEXT NOT NULL | | SOPInstanceUID of the RTDOSE
    dose_uid          | TEXT NOT NULL | | the same
    patient_id        | TEXT          | | PatientID of the dose
    structure_set_uid | TEXT          | | SOPInstanceUID of the structure set
    plan_uid          | TEXT          | | SOPInstanceUID of the plan
    roi_number        | INTEGER       | | ROINumber; NULL where no ROI is there
    roi_name          | TEXT          | | ROIName, or that of the goal where no ROI is there
    goal_list         | TEXT          | | name of the list
    goal              | TEXT          | | the goal as the list has it; NULL where the whole dose cannot be judged
    priority          | INTEGER       | | its priority
    value             | REAL          | | the metric's value, in unit
    unit              | TEXT          | | Gy, cGy, cc, J, % or empty
    limit_value       | REAL          | | the limit, in unit
    variation_value   | REAL          | | the acceptable variation, in unit
    verdict           | TEXT NOT NULL | | met, acceptable, not met, cannot be judged
    reason            | TEXT          | | why it cannot be judged, or what must be said of the DVH
""")


def _script() -> str:
    lines = ",\n  ".join(f"{column.name} {column.sql_type}" for column in COLUMNS)
    return (
        f"CREATE TABLE {TABLE} (\n  {lines}\n);\n"
        f"CREATE INDEX index_{TABLE}_sop ON {TABLE} (SOPInstanceUID);\n"
        f"CREATE INDEX index_{TABLE}_patient ON {TABLE} (patient_id);"
    )


def goal_extractor(path: str) -> Extractor:
    """Return the extractor of goals with a site's lists; other lists make all doses due again.

    A file that cannot be understood is the reason of each failure; without a file there are no goals.
    """
    try:
        text = Path(path).read_text("utf-8", errors="replace")
    except OSError:
        text = ""

    def extract(source: Source) -> Rows:
        lists = parse(text, path) if text else ()
        return {TABLE: _rows(source, lists) if lists else []}

    return Extractor(
        name=NAME,
        version=version_of(_VERSION, text),
        sop_classes=(_RT_DOSE,),
        tables=(TABLE,),
        scripts=(_script(),),
        extract=extract,
    )


def _rows(source: Source, lists: tuple[GoalList, ...]) -> list[dict[str, Any]]:
    dvhs = source.query(
        "SELECT * FROM v_dvh WHERE SOPInstanceUID = ? AND source = 'pyconquest'", (source.sop,)
    )
    (dose,) = source.query(
        "SELECT patient_id, plan_uid, summation_type AS kind FROM rt_dose WHERE SOPInstanceUID = ?",
        (source.sop,),
    ) or [{"patient_id": None, "plan_uid": None, "kind": None}]
    whose = {"SOPInstanceUID": source.sop, "dose_uid": source.sop, "patient_id": dose["patient_id"]}
    whose["plan_uid"] = dose["plan_uid"]
    if dose["kind"] not in _WHOLE_PLANS:
        reason = f"it is a dose of {dose['kind'] or 'unknown kind'}, not of whole plans"
        return [whose | {"verdict": UNJUDGED, "reason": reason}]
    if not dvhs:
        return [whose | {"verdict": UNJUDGED, "reason": _why_no_dvhs(source)}]
    found = []
    for structure_set in dict.fromkeys(row["structure_set_uid"] for row in dvhs):
        of_set = [row for row in dvhs if row["structure_set_uid"] == structure_set]
        whose |= {"structure_set_uid": structure_set, "plan_uid": of_set[0]["plan_uid"]}
        found += [whose | row for row in _judged(source, of_set, lists)]
    return found


def _why_no_dvhs(source: Source) -> str:
    rows = source.query("SELECT reason FROM derivations WHERE sop = ? AND extractor = 'dvh'", (source.sop,))
    reason = rows[0]["reason"] if rows else None
    return f"there are no DVHs: {reason}" if reason else "there are no DVHs"


def _judged(source: Source, rows: list[dict[str, Any]], lists: tuple[GoalList, ...]) -> list[dict[str, Any]]:
    """The verdicts of the lists that are for a plan; one that may be for it, or not, is named."""
    first = rows[0]
    known = (first["prescription_gy"], first["fractions"])
    stored = _stored(source, first["structure_set_uid"])
    dvhs = [_of_row(row, stored.get((row["roi_number"], row["end_cap"]), {})) for row in rows]
    found: list[dict[str, Any]] = []
    for goals in lists:
        if not goals.is_for(first["site"], first["plan_label"], *known):
            continue
        if unknown := goals.unknown(*known):
            reason = f"{' and '.join(unknown)} not known, so whether the list is for this plan is not either"
            found.append({"goal_list": goals.name, "verdict": UNJUDGED, "reason": reason})
        else:
            found += judge(goals, dvhs, first["prescription_gy"])
    return found


def _stored(source: Source, structure_set: str) -> dict[tuple[int, str], dict[str, float | None]]:
    """ROI and end cap → the metrics that were calculated with the DVHs, by their names in one form."""
    rows = source.query(
        "SELECT roi_number, end_cap, metric, value FROM dvh_metrics WHERE SOPInstanceUID = ? AND structure_set_uid = ? "
        "AND source = 'pyconquest'",
        (source.sop, structure_set),
    )
    names = {row["metric"]: str(parse_metric(row["metric"])) for row in rows}
    found: dict[tuple[int, str], dict[str, float | None]] = {}
    for row in rows:
        found.setdefault((row["roi_number"], row["end_cap"]), {})[names[row["metric"]]] = row["value"]
    return found


def _of_row(row: dict[str, Any], stored: dict[str, float | None]) -> Judged:
    def value(name: str) -> float | None:
        """As calculated with the DVH, else from its curve; what a curve alone does not give is None."""
        if name in stored:
            return stored[name]
        return None if parse_metric(name).effect else dvh_values.value_of(row, name)

    return Judged(
        row["roi_number"],
        row["roi_name"],
        row["tg263_name"],
        row["prescription_gy"],
        row["status"],
        row["reason"],
        value,
    )
