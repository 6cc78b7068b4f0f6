"""A picture of the doses: how CTDIvol, DLP, DAP ... are distributed over the examinations of each protocol."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports.dose import QUANTITIES, examination_doses

_TITLES = {
    "ctdivol": "Mean CTDIvol",
    "dlp": "DLP",
    "dap": "Dose area product",
    "dose_rp": "Dose at the reference point",
    "fluoro_time": "Fluoroscopy time",
    "agd": "Average glandular dose",
    "activity": "Administered activity",
}
_UNITS = {"mGy": "mGy", "mGycm": "mGy·cm", "Gym2": "Gy·m²", "Gy": "Gy", "MBq": "MBq", "s": "s"}
_FORMATS = ("png", "svg", "pdf")


class Plotted(NamedTuple):
    """How many protocols a picture shows, and how many of the less frequent ones it leaves out."""

    drawn: int
    left_out: int


def plot_distribution(
    connection: sqlite3.Connection,
    path: str | os.PathLike[str],
    quantity: str = "ctdivol",
    most: int = 40,
) -> Plotted:
    """Write a PNG, SVG or PDF (by the file's ending) with one box for each protocol, the most frequent ones.

    A box spans the quartiles with the median in it, the whiskers reach to the farthest event within 1.5 of
    its width; every examination is drawn as a point. The axis is logarithmic where the doses span more than a
    factor of 50. Zero doses are left out.

    Raises:
        KeyError: the quantity is not one of ``QUANTITIES``.
        SettingsError: the file has another ending.
        ValueError: no examination has such a dose.
    """
    form = _format(path)
    from matplotlib import __version_info__ as version
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pooled = _pooled(connection, quantity)
    groups = sorted(pooled.items(), key=lambda group: (-len(group[1]), group[0]))[:most][::-1]
    if not groups:
        raise ValueError(f"no examination has a {_TITLES[quantity]} above zero")
    figure = Figure(figsize=(9, 1.6 + 0.4 * len(groups)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    lying = {"orientation": "horizontal"} if version >= (3, 10) else {"vert": False}
    axes.boxplot([doses for _, doses in groups], widths=0.6, showfliers=False, **lying)
    for place, (_, doses) in enumerate(groups, 1):
        axes.plot(doses, [place] * len(doses), ".", color="tab:blue", alpha=0.4, markersize=5)
    labels = [f"{_label(name)} (n = {len(doses)})" for name, doses in groups]
    axes.set_yticks(range(1, len(groups) + 1), labels)
    axes.set_xlabel(f"{_TITLES[quantity]} ({_UNITS[QUANTITIES[quantity]]})")
    axes.set_title(f"{_TITLES[quantity]} by protocol")
    if _spread(groups) > 50:
        axes.set_xscale("log")
    axes.grid(axis="x", alpha=0.3)
    with rc_context({"svg.fonttype": "none"}):  # names stay text
        figure.savefig(path, format=form, dpi=120)
    return Plotted(len(groups), len(pooled) - len(groups))


def _pooled(connection: sqlite3.Connection, quantity: str) -> dict[str, list[float]]:
    """The doses of each protocol (and phantom, or breast) over all scanners."""
    pooled: dict[str, list[float]] = {}
    for (_, protocol, standard, part), doses in examination_doses(connection, quantity).items():
        name = " ".join(filter(None, (standard or protocol or "(no protocol)", part)))
        pooled.setdefault(name, []).extend(doses)
    return pooled


def _format(path: str | os.PathLike[str]) -> str:
    form = Path(path).suffix.lower().lstrip(".") or "png"
    if form not in _FORMATS:
        raise SettingsError(f"{os.fspath(path)}: a picture is written as {', '.join(_FORMATS)}")
    return form


def _spread(groups: Iterable[tuple[str, list[float]]]) -> float:
    """How many times the greatest dose is the least; none is zero."""
    values = [dose for _, doses in groups for dose in doses]
    return max(values) / min(values)


def _label(name: str) -> str:
    """The name of a protocol as plain text: matplotlib takes what stands between dollar signs as a formula."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name[:40])
    return printable.replace("$", r"\$")
