"""Statistics over the DVHs of many patients: one kind of dose, one source, and how many there are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pyconquest_rt.database.connection import Database
from pyconquest_rt.exports.dvh import DvhQuery, NamedCurve, find_curves

QUANTILES = (10, 25, 50, 75, 90)
KIND, SOURCE = "PLAN", "pyconquest"


class Cohort(NamedTuple):
    """The curves of a cohort, and what a reader must know of them, in words."""

    curves: list[NamedCurve]
    notes: list[str]


def find_cohort(database: Database, query: DvhQuery) -> Cohort:
    """Return the curves of a cohort: doses of whole plans, our own DVHs, none of a guessed structure set.

    What the query says itself (``kind``, ``source``, ``guessed``) stands. The notes say how many curves that leaves
    out, and how many of those that are left have a reason to be looked at.
    """
    chosen = replace(
        query,
        kind=query.kind or KIND,
        source=query.source or SOURCE,
        guessed=query.guessed is not None and query.guessed,
    )
    curves = find_curves(database, chosen)
    notes = _left_out(database, query, chosen)
    doubtful = sum(bool(one.reason) for one in curves)
    if doubtful:
        notes.append(f"{doubtful} of {len(curves)} have a reason to be looked at (see dvh without --cohort)")
    return Cohort(curves, notes)


def _left_out(database: Database, query: DvhQuery, chosen: DvhQuery) -> list[str]:
    """What the rules of a cohort leave out of a query, each rule by itself."""
    notes = []
    for name, option in (("kind", "--kind"), ("source", "--source"), ("guessed", "--guessed")):
        if getattr(query, name) is not None:
            continue
        kept = len(find_curves(database, chosen))
        wider = find_curves(database, replace(chosen, **{name: None}))
        if len(wider) > kept:
            notes.append(f"{len(wider) - kept} left out{_of_kinds(name, wider)}; {option} asks for them")
    return notes


def _of_kinds(name: str, curves: Sequence[NamedCurve]) -> str:
    if name == "guessed":
        return " whose structure set is guessed"
    values = Counter(one.kind or "kind not said" if name == "kind" else one.source for one in curves)
    others = [f"{count} {value}" for value, count in sorted(values.items()) if value not in (KIND, SOURCE)]
    return f" ({', '.join(others)})"


def cohort_dvh(curves: Sequence[NamedCurve], step_gy: float = 0.1) -> list[dict[str, float]]:
    """Return the mean and the quantiles of several DVHs: in % of volume, for doses ``step_gy`` apart.

    Every DVH counts alike; ``n`` says how many there are, ``patients`` of how many. Quantiles are those of the volumes
    at one dose, by linear interpolation.
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
    counts = {"n": len(curves), "patients": len({one.patient_id for one in curves})}
    return [
        dict(zip(columns, map(float, row), strict=True)) | counts
        for row in zip(*columns.values(), strict=True)
    ]
