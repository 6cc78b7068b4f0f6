"""Drawings of pairs of organ and target: overlap-volume histograms, and what earlier plans achieved."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pyconquest_rt.exports.relations import Achieved, Row
from pyconquest_rt.rt.dvh.curve import Curve, curve_of
from pyconquest_rt.rt.relations.rows import ovh_of

Floats = npt.NDArray[np.float64]

_DASHES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1)), (0, (1, 3)))
MAX_LEGEND = 60


def plot_relations(rows: Sequence[Row], path: str, title: str = "") -> None:
    """Draw the OVHs of rows to a PNG, SVG or PDF file; raises ValueError for another ending, or where none has one."""
    from matplotlib.figure import Figure

    drawn = [(row, found) for row in rows if (found := ovh_of(row)) is not None]
    if not drawn:
        raise ValueError("none of these pairs has an OVH to be drawn")
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.add_subplot()
    targets = list(dict.fromkeys(row["target_name"] for row, _ in drawn))
    organs = list(dict.fromkeys(row["organ_name"] for row, _ in drawn))
    for row, (distance, fraction) in drawn:
        organ = organs.index(row["organ_name"])
        dashes = _DASHES[(targets.index(row["target_name"]) + organ // 10) % len(_DASHES)]
        label = _label(row, with_target=len(targets) > 1)
        axes.plot(distance, 100 * fraction, color=f"C{organ % 10}", linestyle=dashes, label=label)
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set(xlabel="signed distance to the target in mm (negative: within)", ylabel="part of the organ in %")
    axes.set(ylim=(0, 102))
    axes.grid(alpha=0.3)
    if len(drawn) <= MAX_LEGEND:
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            fontsize=8,
            ncols=-(-len(drawn) // 30),
        )
    heading = title or (f"target {targets[0]}" if len(targets) == 1 else "")
    axes.set_title(heading, fontsize=10, parse_math=False)
    figure.savefig(path, dpi=130)


def _label(row: Row, *, with_target: bool) -> str:
    name = f"{row['organ_name']} to {row['target_name']}" if with_target else row["organ_name"]
    mark = " !" if row["status"] == "warning" else ""
    return f"{name}{mark}"[:60].replace("$", r"\$")


def plot_achievable(found: Achieved, path: str) -> None:
    """Draw our DVH before those of the plans that could be compared, to a PNG, SVG or PDF file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for number, curve in enumerate(found.curves):
        label = f"{found.count} earlier plans, organ no farther" if number == 0 else None
        axes.plot(*_percent(curve), color="0.7", linewidth=0.9, label=label)
    if found.curves and found.least_gy is not None and found.most_gy is not None:
        label = f"least: {found.least_gy:.1f} Gy, {found.plans[0]['plan_label'] or 'plan'}"
        axes.plot(*_percent(found.curves[0]), color="C2", linewidth=1.6, label=label)
        axes.plot(
            [found.least_gy, found.most_gy], [found.volume_percent] * 2, color="C1", linewidth=4, alpha=0.5
        )
    mine = curve_of(found.ours)
    assert mine is not None
    axes.plot(*_percent(mine), color="C0", linewidth=2.2, label=f"this plan: {found.dose_gy:.1f} Gy")
    axes.plot([found.dose_gy], [found.volume_percent], "o", color="C0")
    axes.set(xlabel="dose in Gy", ylabel="volume in %", xlim=(0, None), ylim=(0, 102))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    ours = found.ours
    axes.set_title(
        f"{ours['organ_name']} at {found.volume_percent:g} %, within {found.distance_mm:.1f} mm of "
        f"{ours['target_name']}; plan {ours['plan_label'] or 'not known'}",
        fontsize=10,
        parse_math=False,
    )
    if found.reason:
        figure.supxlabel(
            f"! {found.reason}"[:150], x=0.01, ha="left", fontsize=7, color="0.3", parse_math=False
        )
    figure.savefig(path, dpi=130)


def _percent(curve: Curve) -> tuple[Floats, Floats]:
    share = 100.0 * curve.volume_cc / curve.volume_cc[0]
    return np.append(min(0.0, curve.dose_gy[0]), curve.dose_gy), np.append(share[0], share)
