"""Metrics of DVHs that were not calculated on arrival, taken from the curves that the rows hold."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pyconquest_rt.database.connection import Database
from pyconquest_rt.rt.dvh.curve import curve_of
from pyconquest_rt.rt.dvh.dvh_object import DVH, from_curve
from pyconquest_rt.rt.dvh.metrics import parse_metric

COLUMNS = ("curve_gy", "curve_cc", "uncovered_cc", "roi_type")
"""What :func:`value_of` needs of a row beside volume, doses and prescription."""
_OF_ISODOSE = ("CI", "CN")


def not_calculated(database: Database, metrics: Sequence[str]) -> list[str]:
    """Return those of some metrics that no row of ``dvh_metrics`` has.

    Raises:
        ValueError: a name is no metric, or it is one that a curve alone does not give (BED, EQD2, CI, CN).
    """
    stored = {row["metric"] for row in database.query("SELECT DISTINCT metric FROM dvh_metrics")}
    missing = [name for name in metrics if name not in stored]
    for name in missing:
        metric = parse_metric(name)
        if metric.effect or metric.kind in _OF_ISODOSE:
            raise ValueError(
                f"{name} is not calculated yet: add it to metrics in [rt] of the settings, then derive"
            )
    return missing


def value_of(row: dict[str, Any], name: str) -> float | None:
    """Return the value of a metric of the DVH of a row; None where it has none (no curve, no prescription)."""
    curve = curve_of(row)
    if curve is None or not row["volume_cc"]:
        return None
    covered = row["volume_cc"] - (row["uncovered_cc"] or 0.0)
    frame = DVH(row["roi_number"], roi_type=row["roi_type"] or "", prescription_gy=row["prescription_gy"])
    found = replace(
        from_curve(frame, curve.dose_gy, curve.volume_cc, covered),
        min_gy=row["min_gy"],
        mean_gy=row["mean_gy"],
        max_gy=row["max_gy"],
    )
    try:
        value = found.metric(name)
    except ValueError:  # no prescription, no volume parameter
        return None
    return value if math.isfinite(value) else None
