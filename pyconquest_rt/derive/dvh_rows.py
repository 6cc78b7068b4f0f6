"""DVHs of one dose and one structure set as rows of ``dvh`` and ``dvh_metrics``, and rows as DVHs again."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import read_object
from pyconquest_rt.dvh import DVH, calculate_dvhs, read_vendor_dvhs
from pyconquest_rt.rt.dvh.biology import TUMOUR_TYPES, of_tissue
from pyconquest_rt.rt.dvh.dose_grid import DoseError, read_dose_grid
from pyconquest_rt.rt.dvh.metrics import TARGET_KINDS, Isodose, parse_metric

DEFAULT_METRICS = (
    "D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D5%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "D1cc[Gy]",
    "V5Gy[%]", "V10Gy[%]", "V20Gy[%]", "V30Gy[%]", "V40Gy[%]", "V50Gy[%]", "V60Gy[%]", "V95%[%]", "V107%[%]",
)  # fmt: skip


class DvhRows(NamedTuple):
    """The rows of both tables, without the keys of dose and structure set."""

    dvhs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


class Setting(NamedTuple):
    """How DVHs and their metrics are made: names of metrics, end cap, and alpha/beta in Gy and gEUD's parameter ``a``
    by ROI name or type (``*``: all others)."""

    metrics: Sequence[str] = DEFAULT_METRICS
    end_cap: str = "half"
    alpha_beta: Mapping[str, float] = MappingProxyType({})
    geud_a: Mapping[str, float] = MappingProxyType({})


class Plan(NamedTuple):
    """What the plan of a dose says: its SOPInstanceUID, the prescribed dose and the fractions planned."""

    uid: str | None = None
    prescription_gy: float | None = None
    fractions: int | None = None


def dvh_rows(
    doses: Sequence[Path],
    structure_set: Path,
    setting: Setting,
    plan: Plan,
    slice_spacing_mm: float | None,
) -> DvhRows:
    """Calculate the DVHs of all ROIs, and read those that the sender put into the dose.

    Several doses are the planes of one grid. A metric that has no value for an ROI is NULL.
    """
    dose = [read_object(path) for path in doses]
    own = calculate_dvhs(
        structure_set,
        dose,
        end_cap=setting.end_cap,
        prescription_gy=plan.prescription_gy,
        fractions=plan.fractions,
        slice_spacing_mm=slice_spacing_mm,
    )
    volumes = {number: dvh.volume_cc for number, dvh in own.items()}
    vendor = read_vendor_dvhs(dose, prescription_gy=plan.prescription_gy, volumes_cc=volumes)
    isodose = _isodose(own.values(), dose)
    rows = DvhRows([], [])
    for number, found in [*own.items(), *((n, d) for n, d in vendor.items() if n in own)]:
        dvh = _of_tissue(found, own[number], setting, plan)
        key = {
            "roi_number": number,
            "source": dvh.source,
            "end_cap": dvh.end_cap if dvh.source == "pyconquest" else "",
        }
        rows.dvhs.append(key | _dvh_row(dvh) | {"plan_uid": plan.uid})
        if dvh.status != "failed":
            rows.metrics.extend(
                key | {"metric": name, "value": _metric(dvh, name, isodose), "unit": parse_metric(name).out}
                for name in setting.metrics
            )
    return rows


def _of_tissue(dvh: DVH, own: DVH, setting: Setting, plan: Plan) -> DVH:
    """The DVH with what our own knows of its ROI, and with the tissue's parameters."""
    names = (dvh.roi_name or own.roi_name, dvh.roi_type or own.roi_type)
    return replace(
        dvh,
        roi_name=names[0],
        roi_type=names[1],
        fractions=plan.fractions,
        alpha_beta_gy=of_tissue(setting.alpha_beta, names),
        geud_a=of_tissue(setting.geud_a, names),
    )


def _isodose(dvhs: Iterable[DVH], dose: Sequence[Dataset]) -> Isodose:
    """The volume within an isodose: in the ROI that is the body (type EXTERNAL), else in the whole dose grid."""
    body = next((dvh for dvh in dvhs if dvh.roi_type == "EXTERNAL" and dvh.status != "failed"), None)

    @cache
    def volume_cc(dose_gy: float) -> float:
        return read_dose_grid(dose).volume_above(dose_gy) if body is None else body.volume_at_dose(dose_gy)

    return volume_cc


def _dvh_row(dvh: DVH) -> dict[str, Any]:
    doses, volumes = dvh.dose_gy, dvh.cumulative_cc
    has_curve = doses.size > 1 and bool(np.isfinite(volumes).all())
    return {
        "roi_name": dvh.roi_name,
        "roi_type": dvh.roi_type,
        "volume_cc": _finite(dvh.volume_cc),
        "uncovered_cc": _finite(dvh.uncovered_cc),
        "min_gy": _finite(dvh.min_gy),
        "mean_gy": _finite(dvh.mean_gy),
        "max_gy": _finite(dvh.max_gy),
        "prescription_gy": dvh.prescription_gy,
        "fractions": dvh.fractions,
        "first_dose_gy": float(doses[0]) if has_curve else None,
        "bin_gy": float(doses[1] - doses[0]) if has_curve else None,
        "curve_cc": volumes.astype("<f4").tobytes() if has_curve else None,
        "status": dvh.status,
        "reason": dvh.reason or None,
    }


def _metric(dvh: DVH, name: str, isodose: Isodose) -> float | None:
    """The value of a metric; None where it has none (a dose in % without prescription, an index of targets for
    another ROI)."""
    if parse_metric(name).kind in TARGET_KINDS and dvh.roi_type not in TUMOUR_TYPES:
        return None
    try:
        return _finite(dvh.metric(name, isodose))
    except (ValueError, DoseError):
        return None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
