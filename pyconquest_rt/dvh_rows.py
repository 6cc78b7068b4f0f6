"""DVHs of one dose and one structure set as rows of ``dvh`` and ``dvh_metrics``, and rows as DVHs again."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyconquest_rt.dvh import DVH, calculate_dvhs, read_vendor_dvhs
from pyconquest_rt.rt.dicom_values import read_object

DEFAULT_METRICS = (
    "D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D5%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "D1cc[Gy]",
    "V5Gy[%]", "V10Gy[%]", "V20Gy[%]", "V30Gy[%]", "V40Gy[%]", "V50Gy[%]", "V60Gy[%]", "V95%[%]", "V107%[%]",
)  # fmt: skip


class DvhRows(NamedTuple):
    """The rows of both tables, without the keys of dose and structure set."""

    dvhs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


def dvh_rows(
    dose: Path,
    structure_set: Path,
    metrics: Sequence[str],
    end_cap: str,
    *,
    prescription_gy: float | None = None,
    slice_spacing_mm: float | None = None,
) -> DvhRows:
    """Calculate the DVHs of all ROIs, and read those that the sender put into the dose.

    ``metrics`` are in the syntax of TG-263; one that has no value for an ROI is NULL.
    """
    dose_object = read_object(dose)
    own = calculate_dvhs(
        structure_set,
        dose_object,
        end_cap=end_cap,
        prescription_gy=prescription_gy,
        slice_spacing_mm=slice_spacing_mm,
    )
    volumes = {number: dvh.volume_cc for number, dvh in own.items()}
    vendor = read_vendor_dvhs(dose_object, prescription_gy=prescription_gy, volumes_cc=volumes)
    rows = DvhRows([], [])
    for number, dvh in [*own.items(), *((n, d) for n, d in vendor.items() if n in own)]:
        key = {
            "roi_number": number,
            "source": dvh.source,
            "end_cap": dvh.end_cap if dvh.source == "pyconquest" else "",
        }
        rows.dvhs.append(key | _dvh_row(dvh, own[number]))
        if dvh.status != "failed":
            rows.metrics.extend(key | {"metric": name, "value": _metric(dvh, name)} for name in metrics)
    return rows


def _dvh_row(dvh: DVH, own: DVH) -> dict[str, Any]:
    doses, volumes = dvh.dose_gy, dvh.cumulative_cc
    has_curve = doses.size > 1 and bool(np.isfinite(volumes).all())
    return {
        "roi_name": dvh.roi_name or own.roi_name,
        "roi_type": dvh.roi_type or own.roi_type,
        "volume_cc": _finite(dvh.volume_cc),
        "uncovered_cc": _finite(dvh.uncovered_cc),
        "min_gy": _finite(dvh.min_gy),
        "mean_gy": _finite(dvh.mean_gy),
        "max_gy": _finite(dvh.max_gy),
        "prescription_gy": dvh.prescription_gy,
        "first_dose_gy": float(doses[0]) if has_curve else None,
        "bin_gy": float(doses[1] - doses[0]) if has_curve else None,
        "curve_cc": volumes.astype("<f4").tobytes() if has_curve else None,
        "status": dvh.status,
        "reason": dvh.reason or None,
    }


def _metric(dvh: DVH, name: str) -> float | None:
    """The value of a metric; None where it has none (such as a dose in % without prescription)."""
    try:
        return _finite(dvh.metric(name))
    except ValueError:
        return None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


class Curve(NamedTuple):
    """The cumulative curve of a row: doses in Gy, ascending, and the volume in cc that gets at least each."""

    dose_gy: np.ndarray[Any, np.dtype[np.float64]]
    volume_cc: np.ndarray[Any, np.dtype[np.float64]]


def curve_of(row: dict[str, Any]) -> Curve | None:
    """Return the curve that a row of ``dvh`` holds; None where it holds none."""
    if row["curve_cc"] is None:
        return None
    volumes = np.frombuffer(row["curve_cc"], "<f4").astype(float)
    return Curve(row["first_dose_gy"] + row["bin_gy"] * np.arange(volumes.size), volumes)
