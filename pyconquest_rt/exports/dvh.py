"""DVHs for people, of a patient, study or object, or of a cohort: tables, curves, statistics, treatment sites."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.rt.dvh.curve import Curve, curve_of
from pyconquest_rt.rt.names.roi_tokens import clean

METRICS = ("D95%[Gy]", "D2%[Gy]", "V20Gy[%]")
QUANTILES = (10, 25, 50, 75, 90)
MAX_LEGEND = 40
"""A plot of more curves has no legend."""

Range = tuple[float | None, float | None]
"""From, to; None: no bound."""


@dataclass(frozen=True)
class DvhQuery:
    """Which DVHs are wanted; what is None does not matter.

    Texts are matched whole, in any case, with ``*`` for any characters and ``?`` for one. ``key`` is a PatientID, a
    StudyInstanceUID, or the SOPInstanceUID of a dose, plan or structure set (without wildcards). ``roi`` is a raw
    name, or that of TG-263, the institution or the physician; ``since`` and ``until`` are dates (YYYYMMDD or
    YYYY-MM-DD); ``rx_gy``, ``mean_gy`` and ``max_gy`` are ranges of doses in Gy, ``source`` is ``pyconquest`` or
    ``vendor``.
    """

    key: str | None = None
    roi: str | None = None
    physician: str | None = None
    site: str | None = None
    since: str | None = None
    until: str | None = None
    rx_gy: Range | None = None
    mean_gy: Range | None = None
    max_gy: Range | None = None
    source: str | None = None

    def __str__(self) -> str:
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        return (
            ", ".join(f"{name} {value}" for name, value in given.items() if value is not None) or "any kind"
        )

    def parameters(self) -> dict[str, str | float]:
        """The values to be bound, by name; those that matter only."""
        found: dict[str, str | float | None] = {
            "key": self.key,
            "roi": _like(self.roi),
            "physician": _like(self.physician),
            "site": _like(self.site and _cleaned(self.site)),
            "since": self.since and self.since.replace("-", ""),
            "until": self.until and self.until.replace("-", ""),
            "source": self.source,
        }
        for name in ("rx_gy", "mean_gy", "max_gy"):
            found[f"{name}_from"], found[f"{name}_to"] = getattr(self, name) or (None, None)
        return {name: value for name, value in found.items() if value is not None}


_CONDITIONS = {
    "key": ":key IN (v.patient_id, v.study_instance_uid, v.SOPInstanceUID, v.plan_uid, v.structure_set_uid)",
    "roi": "(v.roi_name LIKE :roi ESCAPE '~' OR EXISTS (SELECT 1 FROM roi_name m WHERE m.raw_name = v.roi_name AND "
    "(m.tg263_name LIKE :roi ESCAPE '~' OR m.institutional_name LIKE :roi ESCAPE '~' "
    "OR m.physician_name LIKE :roi ESCAPE '~')))",
    "physician": "v.physician LIKE :physician ESCAPE '~'",
    "site": "v.site LIKE :site ESCAPE '~'",
    "since": "v.date >= :since",
    "until": "v.date <= :until",
    "source": "v.source = :source",
    "rx_gy_from": "v.prescription_gy >= :rx_gy_from",
    "rx_gy_to": "v.prescription_gy <= :rx_gy_to",
    "mean_gy_from": "v.mean_gy >= :mean_gy_from",
    "mean_gy_to": "v.mean_gy <= :mean_gy_to",
    "max_gy_from": "v.max_gy >= :max_gy_from",
    "max_gy_to": "v.max_gy <= :max_gy_to",
}
_COLUMNS = (
    *("patient_id", "SOPInstanceUID", "structure_set_uid", "plan_label", "physician", "site", "date"),
    *("prescription_gy", "roi_number", "source", "end_cap", "roi_name", "tg263_name"),
    *("volume_cc", "min_gy", "mean_gy", "max_gy", "status"),
)
_VALUE = (
    "SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = v.SOPInstanceUID AND m.roi_number = v.roi_number AND "
    "m.structure_set_uid = v.structure_set_uid AND m.source = v.source AND m.end_cap = v.end_cap AND m.metric"
)
_TABLES = ("dvh", "roi_name", "rt_plan", "rt_site", "rt_structure_set", "v_dvh")


def _like(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    for special in "~%_":
        pattern = pattern.replace(special, f"~{special}")
    return pattern.replace("*", "%").replace("?", "_")


def _cleaned(site: str) -> str:
    """A site as it stands in the index; wildcards stay."""
    return clean(site) if not set(site) & set("*?") else site


def _select(
    database: Database, query: DvhQuery, columns: Sequence[str], metrics: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Rows of v_dvh that are asked for: some of its columns, and metrics by their names."""
    if not all(database.has(table) for table in _TABLES):
        return []
    parameters = query.parameters()
    conditions = " AND ".join(_CONDITIONS[name] for name in parameters) or "1"
    values = {f"metric_{number}": metric for number, metric in enumerate(metrics)}
    chosen = [f"v.{name}" for name in columns]
    chosen += [f"({_VALUE} = :{name}) AS {quote(metric)}" for name, metric in values.items()]
    return database.query(
        f"SELECT {', '.join(chosen)}, v.reason FROM v_dvh v WHERE {conditions} "  # noqa: S608 - words of this module
        "ORDER BY v.patient_id, v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source",
        parameters | values,
    )


def find_dvhs(database: Database, query: DvhQuery, metrics: Sequence[str] = METRICS) -> list[dict[str, Any]]:
    """Return one row for each DVH that is asked for, volumes in cc, doses in Gy.

    Args:
        database: the index.
        query: which DVHs.
        metrics: names of metrics that become columns, among those that were calculated.
    """
    return _select(database, query, _COLUMNS, metrics)


class NamedCurve(NamedTuple):
    """One curve to draw: whose it is, who calculated it, its colour (``#rrggbb``) and the prescribed dose in Gy."""

    patient_id: str
    roi_name: str
    source: str
    colour: str | None
    prescription_gy: float | None
    curve: Curve


def find_curves(database: Database, query: DvhQuery) -> list[NamedCurve]:
    """Return the curves of the DVHs that are asked for."""
    names = ("roi_number", "roi_name", "source", "prescription_gy", "first_dose_gy", "bin_gy", "curve_cc")
    curves = []
    for row in _select(database, query, ("patient_id", *names, "volume_cc", "colour")):
        curve = curve_of(row)
        if curve is not None and row["volume_cc"]:
            name = row["roi_name"] or f"ROI {row['roi_number']}"
            whose = (row["patient_id"] or "", name, row["source"])
            curves.append(NamedCurve(*whose, row["colour"], row["prescription_gy"], curve))
    return curves


def cohort_dvh(curves: Sequence[NamedCurve], step_gy: float = 0.1) -> list[dict[str, float]]:
    """Return the mean and the quantiles of several DVHs: in % of volume, for doses ``step_gy`` apart.

    Every DVH counts alike. Quantiles are those of the volumes at one dose, by linear interpolation.
    """
    if not curves:
        return []
    top = max(float(one.curve.dose_gy[-1]) for one in curves)
    doses = step_gy * np.arange(int(np.ceil(top / step_gy)) + 1)
    volumes = np.array(
        [
            np.interp(
                doses, one.curve.dose_gy, 100.0 * one.curve.volume_cc / one.curve.volume_cc[0], right=0.0
            )
            for one in curves
        ]
    )
    columns = {"dose_gy": doses, "mean": volumes.mean(axis=0)}
    columns |= {f"p{one}": np.percentile(volumes, one, axis=0) for one in QUANTILES}
    return [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)]


def set_site(database: Database, key: str, site: str | None) -> int:
    """Say what the treatment site of plans is, whatever they say themselves; returns how many plans these are.

    Args:
        database: the index.
        key: a PatientID, a StudyInstanceUID or a plan's SOPInstanceUID.
        site: free text, kept in lower case without accents and double blanks; None: what the plan itself says.
    """
    if not (database.has("rt_plan") and database.has("rt_site")):
        return 0
    plans = database.query(
        "SELECT SOPInstanceUID FROM rt_plan WHERE ? IN (patient_id, study_instance_uid, SOPInstanceUID)",
        (key,),
    )
    uids = [(row["SOPInstanceUID"],) for row in plans]
    with database.transaction() as connection:
        connection.executemany("DELETE FROM rt_site WHERE plan_uid = ?", uids)
        if site:
            connection.executemany(
                "INSERT INTO rt_site VALUES (?, ?)", [(uid, clean(site)) for (uid,) in uids]
            )
    return len(uids)


def plot_dvhs(curves: Sequence[NamedCurve], path: str, title: str = "") -> None:
    """Draw cumulative DVHs in % of volume over Gy to a PNG or SVG file; a sender's own are dashed.

    Raises:
        ValueError: the file's ending names no format that matplotlib writes.
    """
    figure, axes = _axes()
    is_cohort = len({one.patient_id for one in curves}) > 1
    for number, one in enumerate(curves):
        own = one.source == "pyconquest"
        name = f"{one.patient_id} {one.roi_name}" if is_cohort else one.roi_name
        axes.plot(
            one.curve.dose_gy,
            100.0 * one.curve.volume_cc / one.curve.volume_cc[0],
            color=f"C{number % 10}" if is_cohort or not one.colour else one.colour,
            linestyle="-" if own else "--",
            linewidth=1.6,
            label=name if own else f"{name} ({one.source})",
        )
    for dose in sorted({one.prescription_gy for one in curves if one.prescription_gy}):
        axes.axvline(dose, color="0.4", linestyle=":", label=f"prescription {dose:g} Gy")
    if len(curves) <= MAX_LEGEND:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    _save(figure, axes, path, title)


def plot_cohort(rows: Sequence[dict[str, float]], path: str, title: str = "") -> None:
    """Draw what :func:`cohort_dvh` returns: median, mean, and the bands between quantiles; raises as plot_dvhs."""
    figure, axes = _axes()
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    for low, high, shade in (("p10", "p90", 0.15), ("p25", "p75", 0.3)):
        axes.fill_between(
            column["dose_gy"], column[low], column[high], color="C0", alpha=shade, label=f"{low} to {high}"
        )
    axes.plot(column["dose_gy"], column["p50"], color="C0", label="median")
    axes.plot(column["dose_gy"], column["mean"], color="C1", linestyle="-.", label="mean")
    axes.legend(frameon=False)
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
