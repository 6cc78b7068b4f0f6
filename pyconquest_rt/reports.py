"""DVHs for people: a table of a patient's, study's or object's DVHs, and their curves."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyconquest_rt.database import Database
from pyconquest_rt.dvh_rows import Curve, curve_of

METRICS = ("D95%[Gy]", "D2%[Gy]", "V20Gy[%]")

_CHOSEN = """
FROM dvh v
JOIN rt_dose d ON d.SOPInstanceUID = v.SOPInstanceUID
LEFT JOIN roi_name n ON n.raw_name = v.roi_name AND n.physician = 'DEFAULT'
WHERE ? IN (d.patient_id, d.study_instance_uid, v.SOPInstanceUID, v.structure_set_uid)
ORDER BY v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source
"""
_TABLE = f"""
SELECT v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source, v.end_cap, v.roi_name,
    n.tg263_name, v.volume_cc, v.min_gy, v.mean_gy, v.max_gy, v.status, v.reason
{_CHOSEN}"""
_CURVES = f"""
SELECT v.roi_number, v.roi_name, v.source, v.prescription_gy, v.first_dose_gy, v.bin_gy, v.curve_cc,
    v.volume_cc, r.colour
{
    _CHOSEN.replace(
        "LEFT JOIN roi_name n ON n.raw_name = v.roi_name AND n.physician = 'DEFAULT'",
        "LEFT JOIN rt_roi r ON r.SOPInstanceUID = v.structure_set_uid AND r.roi_number = v.roi_number",
    )
}
"""
_METRICS = """
SELECT m.metric, m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = ? AND m.structure_set_uid = ?
AND m.roi_number = ? AND m.source = ? AND m.end_cap = ?
"""
_KEY = ("SOPInstanceUID", "structure_set_uid", "roi_number", "source", "end_cap")


class NamedCurve(NamedTuple):
    """One curve to draw: whose it is, who calculated it, its colour (``#rrggbb``) and the prescribed dose in Gy."""

    roi_name: str
    source: str
    colour: str | None
    prescription_gy: float | None
    curve: Curve


def dvh_table(database: Database, key: str, metrics: Sequence[str] = METRICS) -> list[dict[str, Any]]:
    """Return one row for each DVH of a patient, study, dose or structure set, volumes in cc, doses in Gy.

    Args:
        database: the index.
        key: a PatientID, StudyInstanceUID, or the SOPInstanceUID of a dose or structure set.
        metrics: names of metrics that become columns.
    """
    if not (database.has("dvh") and database.has("roi_name")):
        return []
    rows = database.query(_TABLE, (key,))
    for row in rows:
        found = {m["metric"]: m["value"] for m in database.query(_METRICS, [row[name] for name in _KEY])}
        reason = row.pop("reason")
        row |= {metric: found.get(metric) for metric in metrics} | {"reason": reason}
    return rows


def dvh_curves(database: Database, key: str) -> list[NamedCurve]:
    """Return the curves of a patient, study, dose or structure set."""
    if not database.has("dvh"):
        return []
    curves = []
    for row in database.query(_CURVES, (key,)):
        curve = curve_of(row)
        if curve is not None and row["volume_cc"]:
            name = row["roi_name"] or f"ROI {row['roi_number']}"
            curves.append(NamedCurve(name, row["source"], row["colour"], row["prescription_gy"], curve))
    return curves


def plot_dvhs(curves: Sequence[NamedCurve], path: str, title: str = "") -> None:
    """Draw cumulative DVHs in % of volume over Gy to a PNG or SVG file; a sender's own are dashed.

    Raises:
        ValueError: the file's ending names no format that matplotlib writes.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.add_subplot()
    for number, one in enumerate(curves):
        own = one.source == "pyconquest"
        axes.plot(
            one.curve.dose_gy,
            100.0 * one.curve.volume_cc / one.curve.volume_cc[0],
            color=one.colour or f"C{number % 10}",
            linestyle="-" if own else "--",
            linewidth=1.6,
            label=one.roi_name if own else f"{one.roi_name} ({one.source})",
        )
    for dose in sorted({one.prescription_gy for one in curves if one.prescription_gy}):
        axes.axvline(dose, color="0.4", linestyle=":", label=f"prescription {dose:g} Gy")
    axes.set(xlabel="dose in Gy", ylabel="volume in %", xlim=(0, None), ylim=(0, 102), title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=130)
