"""Plots of DVHs: the curves of a patient or an object, and the statistics of a cohort."""

from collections import Counter
from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np

from pyconquest_rt.exports.dvh import NamedCurve

MAX_LEGEND = 40
"""A plot of more curves has no legend."""
MAX_NOTES = 4
LONGEST_NOTE = 160
_LINES = {"pyconquest": "-"}


def labels(curves: Sequence[NamedCurve]) -> list[str]:
    """Return the name of each curve in a plot.

    It holds patient and plan (or the end of the dose's UID) only where curves differ in them, the source where it is
    not ours, DoseSummationType where it is not PLAN, and ``!`` where something must be said of the curve.
    """
    doses = Counter(patient for patient, _ in {(one.patient_id, one.dose_uid) for one in curves})
    found = [_label(one, len(doses) > 1, doses[one.patient_id] > 1) for one in curves]
    counts = Counter(found)
    return [
        label + (f" ..{one.dose_uid[-6:]}" if counts[label] > 1 else "") + (" !" if one.reason else "")
        for label, one in zip(found, curves, strict=True)
    ]


def _label(one: NamedCurve, is_cohort: bool, is_of_several: bool) -> str:
    said = ", ".join(_notes(one, is_of_several))
    name = f"{one.patient_id} {one.roi_name}" if is_cohort else one.roi_name
    return f"{name} ({said})" if said else name


def _notes(one: NamedCurve, is_of_several: bool) -> list[str]:
    """What stands in brackets behind a name: plan, kind and source, as far as they say something."""
    plan = (one.plan_label or f"..{one.dose_uid[-6:]}") if is_of_several else ""
    kind = "" if one.kind == "PLAN" else one.kind or "kind not said"
    source = "" if one.source == "pyconquest" else one.source
    return [note for note in (plan, kind, source) if note]


def plot_dvhs(curves: Sequence[NamedCurve], path: str, title: str = "") -> None:
    """Draw cumulative DVHs in % of volume over Gy to a PNG or SVG file; a sender's own are dashed.

    Raises:
        ValueError: the file's ending names no format that matplotlib writes.
    """
    figure, axes = _axes()
    is_cohort = len({one.patient_id for one in curves}) > 1
    for number, (one, label) in enumerate(zip(curves, labels(curves), strict=True)):
        axes.plot(
            one.curve.dose_gy,
            100.0 * one.curve.volume_cc / one.curve.volume_cc[0],
            color=f"C{number % 10}" if is_cohort or not one.colour else one.colour,
            linestyle=_LINES.get(one.source, "--"),
            linewidth=1.6,
            label=label,
        )
    for dose in sorted({one.prescription_gy for one in curves if one.prescription_gy}):
        axes.axvline(dose, color="0.4", linestyle=":", label=f"prescription {dose:g} Gy")
    if len(curves) <= MAX_LEGEND:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    _note(figure, [one.reason for one in curves])
    _save(figure, axes, path, title)


def _note(figure: Any, reasons: Sequence[str]) -> None:
    """Say below the figure what must be said of its curves, the commonest first."""
    counts = Counter(reason for reason in reasons if reason)
    if not counts:
        return
    lines = [
        f"! {shorten(reason, LONGEST_NOTE)} ({count} of {len(reasons)})"
        for reason, count in counts.most_common(MAX_NOTES)
    ]
    if len(counts) > MAX_NOTES:
        lines.append(f"! {len(counts) - MAX_NOTES} further reasons: see the table")
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color="0.3", parse_math=False)


def plot_cohort(rows: Sequence[dict[str, float]], path: str, title: str = "") -> None:
    """Draw what ``cohort.cohort_dvh`` returns: median, mean, and the bands between quantiles; raises as plot_dvhs."""
    figure, axes = _axes()
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    for low, high, shade in (("p10", "p90", 0.15), ("p25", "p75", 0.3)):
        axes.fill_between(
            column["dose_gy"], column[low], column[high], color="C0", alpha=shade, label=f"{low} to {high}"
        )
    axes.plot(column["dose_gy"], column["p50"], color="C0", label="median")
    axes.plot(column["dose_gy"], column["mean"], color="C1", linestyle="-.", label="mean")
    axes.legend(frameon=False, title=f"{rows[0]['n']:g} DVHs of {rows[0]['patients']:g} patients")
    _save(figure, axes, path, title)


def _axes() -> tuple[Any, Any]:
    """An empty figure and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Any, axes: Any, path: str, title: str) -> None:
    """Label the axes, volume in % over dose in Gy, and write the figure; limits are set once all is drawn."""
    axes.set(xlabel="dose in Gy", ylabel="volume in %", xlim=(0, None), ylim=(0, 102), title=title)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
