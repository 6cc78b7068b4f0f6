"""Plots of DVHs: the curves of a patient or an object, and the statistics of a cohort."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import cycle
from textwrap import wrap
from typing import Any

import numpy as np

from pyconquest_rt.exports.dvh import NamedCurve

MAX_LEGEND = 80
"""A plot of more curves has no legend."""
_DIFFERENTIAL_BINS = 100
LEGEND_ROWS = 22
MAX_OBJECTS = 2
MAX_NOTES = 4
LONGEST_NOTE = 150


def labels(curves: Sequence[NamedCurve]) -> list[str]:
    """Return the name of each curve in a plot.

    It holds patient and plan (or the end of the dose's UID) only where curves differ in them, the source where it is
    not ours, DoseSummationType where it is not PLAN, the end of the structure set's UID where the dose has several,
    and ``!`` where something must be said of the curve.
    """
    doses = Counter(patient for patient, _ in {(one.patient_id, one.dose_uid) for one in curves})
    found = [_label(one, len(doses) > 1, doses[one.patient_id] > 1) for one in curves]
    counts = Counter(found)
    sets = Counter(dose for dose, _ in {(one.dose_uid, one.structure_set_uid) for one in curves})
    return [
        _marked(label, one, names_set=counts[label] > 1 or sets[one.dose_uid] > 1)
        for label, one in zip(found, curves, strict=True)
    ]


def _marked(label: str, one: NamedCurve, *, names_set: bool) -> str:
    """A name with the end of its structure set's UID where that is needed, and the mark of a remark."""
    end = f" ..{one.structure_set_uid[-6:] or one.dose_uid[-6:]}" if names_set else ""
    return f"{label}{end}{' !' if one.reason else ''}"


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


def plot_dvhs(
    curves: Sequence[NamedCurve],
    path: str,
    title: str = "",
    *,
    relative: bool = False,
    differential: bool = False,
) -> None:
    """Draw DVHs in % of volume over Gy to a PNG, SVG or PDF file; a sender's own are dashed.

    Args:
        curves: what is drawn, each in a style of its own.
        path: the file; its ending names the format.
        title: what stands above.
        relative: draw doses in % of the prescription.
        differential: draw volume per dose in place of the volume that gets at least a dose.

    Raises:
        ValueError: the ending names no format that matplotlib writes, or relative doses are wanted of a dose without
            prescription.
    """
    if relative and (without := [one.roi_name for one in curves if not one.prescription_gy]):
        raise ValueError(f"no prescription is known for {', '.join(without[:3])}; draw it without --relative")
    names = labels(curves)
    columns = -(-(len(curves) + 1) // LEGEND_ROWS) if len(curves) <= MAX_LEGEND else 0
    figure, axes = _axes(columns * (1.0 + 0.085 * max(map(len, names), default=0)))
    _draw_curves(axes, curves, names, relative=relative, differential=differential)
    _draw_prescriptions(axes, curves, relative=relative)
    if columns:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, ncols=columns, fontsize=9)
    _note(figure, [one.reason for one in curves])
    title = "\n".join(filter(None, (title, _drawn_of(curves))))
    of_dose, per_dose = ("% of the prescription", "%") if relative else ("Gy", "Gy")
    volume, top = (f"volume in % per {per_dose}", None) if differential else ("volume in %", 102)
    _save(figure, axes, path, title, xlabel=f"dose in {of_dose}", ylabel=volume, top=top)


def _draw_curves(
    axes: Any, curves: Sequence[NamedCurve], names: Sequence[str], *, relative: bool, differential: bool
) -> None:
    is_cohort = len({one.patient_id for one in curves}) > 1
    for one, label, style in zip(curves, names, styles(curves, own_colours=not is_cohort), strict=True):
        dose, share = _points(one, differential=differential)
        unit = 100.0 / one.prescription_gy if relative and one.prescription_gy else 1.0
        axes.plot(dose * unit, share / (unit if differential else 1.0), linewidth=1.6, label=label, **style)


def _draw_prescriptions(axes: Any, curves: Sequence[NamedCurve], *, relative: bool) -> None:
    for gray in sorted({one.prescription_gy for one in curves if one.prescription_gy}):
        place = 100.0 if relative else gray
        axes.axvline(place, color="0.4", linestyle=":", label=f"prescription {gray:g} Gy")


def _drawn_of(curves: Sequence[NamedCurve]) -> str:
    """Say of which plan, dose and structure set the curves are, where they are of one or two."""
    found = dict.fromkeys(
        f"plan {one.plan_label or 'not known'}, dose {one.kind or 'of unknown kind'} ..{one.dose_uid[-6:]}, "
        f"structure set ..{one.structure_set_uid[-6:]}"
        for one in curves
    )
    return "\n".join(found) if len(found) <= MAX_OBJECTS else f"{len(found)} pairs of dose and structure set"


def _points(one: NamedCurve, *, differential: bool) -> tuple[Any, Any]:
    """Return doses in Gy and volumes in %, or volumes in % per Gy at the middles between doses."""
    dose, share = one.curve.dose_gy, 100.0 * one.curve.volume_cc / one.curve.volume_cc[0]
    if not differential:
        return np.append(min(0.0, dose[0]), dose), np.append(share[0], share)  # all gets at least no dose
    edges = np.linspace(dose[0], dose[-1], _DIFFERENTIAL_BINS + 1)
    falling = np.interp(edges, dose, share)
    width = max(float(edges[1] - edges[0]), 1e-9)
    return (edges[:-1] + edges[1:]) / 2, -np.diff(falling) / width


def _note(figure: Any, reasons: Sequence[str]) -> None:
    """Say below the figure what must be said of its curves, the commonest first."""
    counts = Counter(reason for reason in reasons if reason)
    if not counts:
        return
    lines = [
        line
        for reason, count in counts.most_common(MAX_NOTES)
        for line in wrap(f"! {reason} ({count} of {len(reasons)})", LONGEST_NOTE, subsequent_indent="  ")
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


def styles(curves: Sequence[NamedCurve], *, own_colours: bool = True) -> list[dict[str, Any]]:
    """Return colour and line style of each curve so that no two look alike.

    A colour is that of the ROI (ROIDisplayColor) where it can be seen on white and is not like another's, else the
    next of a list of colours that are told apart well; a sender's own curve is dashed; then come other dash patterns.
    """
    of_roi = _own_colours(curves) if own_colours else {}
    palette = [colour for colour in _PALETTE if not _is_like(colour, of_roi.values())] or _PALETTE
    following = cycle(palette)
    found, used = [], Counter[tuple[str, str]]()
    for one in curves:
        colour = of_roi.get(_roi(one)) or of_roi.setdefault(_roi(one), next(following))
        kind = "own" if one.source == "pyconquest" else "vendor"
        dashes = _DASHES[kind]
        found.append({"color": colour, "linestyle": dashes[used[colour, kind] % len(dashes)]})
        used[colour, kind] += 1
    return found


def _own_colours(curves: Sequence[NamedCurve]) -> dict[tuple[str, ...], str]:
    """The colours of ROIs that can be seen and told apart, first come first served."""
    found: dict[tuple[str, ...], str] = {}
    for one in curves:
        is_seen = one.colour and _luminance(one.colour) < BRIGHTEST
        if one.colour and is_seen and not _is_like(one.colour, found.values()):
            found.setdefault(_roi(one), one.colour)
    return found


def _roi(one: NamedCurve) -> tuple[str, ...]:
    return one.patient_id, one.dose_uid, one.structure_set_uid, one.roi_name


def _is_like(colour: str, others: Iterable[str]) -> bool:
    """Whether a colour is hard to tell from one of others."""
    return any(
        sum((a - b) ** 2 for a, b in zip(_rgb(colour), _rgb(one), strict=True)) < ALIKE**2 for one in others
    )


ALIKE = 0.4
"""Colours that are nearer than this in RGB (0 to 1 each) are hard to tell apart."""
BRIGHTEST = 0.75
"""A colour of a greater relative luminance is hardly seen on white."""
_PALETTE = (
    *(
        "#1f77b4",
        "#d62728",
        "#2ca02c",
        "#9467bd",
        "#ff7f0e",
        "#8c564b",
        "#e377c2",
        "#17becf",
        "#7f7f7f",
        "#bcbd22",
    ),
    *("#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173"),
)
_DASHES: dict[str, tuple[Any, ...]] = {
    "own": ("-", (0, (6, 1, 1, 1)), (0, (1, 1)), (0, (10, 2, 3, 2))),
    "vendor": ("--", (0, (3, 3)), (0, (8, 4)), (0, (2, 1))),
}


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0 to 1 (ITU-R BT.709 weights)."""
    red, green, blue = _rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _axes(legend_inches: float = 0.0) -> tuple[Any, Any]:
    """An empty figure and its axes; the figure has room for a legend beside axes of the usual size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8 + legend_inches, 6), layout="constrained")
    return figure, figure.add_subplot()


def _save(
    figure: Any,
    axes: Any,
    path: str,
    title: str,
    *,
    xlabel: str = "dose in Gy",
    ylabel: str = "volume in %",
    top: float | None = 102,
) -> None:
    """Label the axes and write the figure; limits are set once all is drawn."""
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, None), ylim=(0, top))
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
