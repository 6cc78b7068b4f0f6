"""A picture of the doses: how CTDIvol, DLP, DAP ... are distributed over the events of each protocol."""

import os
import sqlite3

from pyconquest_rt.dose_reports.units import unit_of
from pyconquest_rt.exports.dose import QUANTITIES, event_doses

_TITLES = {
    "ctdivol": "Mean CTDIvol",
    "dlp": "DLP",
    "dap": "Dose area product",
    "dose_rp": "Dose at the reference point",
    "agd": "Average glandular dose",
    "activity": "Administered activity",
}
_UNITS = {"mGy": "mGy", "mGycm": "mGy·cm", "Gym2": "Gy·m²", "Gy": "Gy", "MBq": "MBq"}


def plot_distribution(
    connection: sqlite3.Connection,
    path: str | os.PathLike[str],
    quantity: str = "ctdivol",
    most: int = 20,
) -> int:
    """Write a PNG with one box for each protocol, the most frequent ones, and return how many there are.

    A box spans the quartiles with the median in it, the whiskers reach to the farthest event within 1.5 of
    its width; every event is drawn as a point. The axis is logarithmic where the doses span more than a
    factor of 50. Zero doses are left out.

    Raises:
        KeyError: the quantity is not one of ``summary.QUANTITIES``.
        ValueError: no event has such a dose.
    """
    from matplotlib import __version_info__ as version
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pooled: dict[str, list[float]] = {}
    for (_, protocol), doses in event_doses(connection, quantity).items():
        pooled.setdefault(protocol or "(no protocol)", []).extend(dose for dose in doses if dose > 0)
    groups = [(name, doses) for name, doses in pooled.items() if doses]
    groups = sorted(groups, key=lambda group: (-len(group[1]), group[0]))[:most][::-1]
    if not groups:
        raise ValueError(f"no event has a {_TITLES[quantity]} above zero")
    figure = Figure(figsize=(9, 1.6 + 0.4 * len(groups)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    lying = {"orientation": "horizontal"} if version >= (3, 10) else {"vert": False}
    axes.boxplot([doses for _, doses in groups], widths=0.6, showfliers=False, **lying)
    for place, (_, doses) in enumerate(groups, 1):
        axes.plot(doses, [place] * len(doses), ".", color="tab:blue", alpha=0.4, markersize=5)
    axes.set_yticks(
        range(1, len(groups) + 1), [f"{_label(name)} (n = {len(doses)})" for name, doses in groups]
    )
    unit = _UNITS[unit_of(QUANTITIES[quantity][1])]
    axes.set_xlabel(f"{_TITLES[quantity]} ({unit})")
    axes.set_title(f"{_TITLES[quantity]} by protocol")
    values = [dose for _, doses in groups for dose in doses]
    if max(values) > 50 * min(values):
        axes.set_xscale("log")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, format="png", dpi=120)
    return len(groups)


def _label(name: str) -> str:
    """The name of a protocol as plain text: matplotlib takes what stands between dollar signs as a formula."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name[:40])
    return printable.replace("$", r"\$")
