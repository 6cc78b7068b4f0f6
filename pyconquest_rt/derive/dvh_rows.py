"""DVHs of one dose and one structure set as rows of ``dvh`` and ``dvh_metrics``, and rows as DVHs again."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import read_object
from pyconquest_rt.dvh import DVH, calculate_dvhs, read_vendor_dvhs
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.rt.dvh.curve import columns_of
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid
from pyconquest_rt.rt.dvh.metrics import TARGET_KINDS, Isodose, parse_metric
from pyconquest_rt.rt.dvh.plan_sum import Part, SumOfPlans
from pyconquest_rt.rt.dvh.tissue import Tissue, tissue_of
from pyconquest_rt.rt.objects.dose_basis import Basis

DEFAULT_METRICS = (
    "D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D5%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "D1cc[Gy]",
    "V5Gy[%]", "V10Gy[%]", "V20Gy[%]", "V30Gy[%]", "V40Gy[%]", "V50Gy[%]", "V60Gy[%]", "V95%[%]", "V107%[%]",
)  # fmt: skip
_BODY_NAMES = ("External", "Body")


Beds = Callable[[float], dict[int, DVH]]
"""The DVHs of BED by ROI number, for an alpha/beta in Gy."""


class DvhRows(NamedTuple):
    """The rows of both tables, without the keys of dose and structure set."""

    dvhs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


class Setting(NamedTuple):
    """How DVHs and their metrics are made: names of metrics, end cap, and alpha/beta in Gy and gEUD's parameter ``a``
    by ROI name or type (``*``: all others). ``takes_parts``, ``links_frames`` and ``other_frame_of_reference`` are
    ``partial_doses``, ``link`` and the last itself of the section ``[rt]``."""

    metrics: Sequence[str] = DEFAULT_METRICS
    end_cap: str = "half"
    alpha_beta: Mapping[str, float] = MappingProxyType({})
    geud_a: Mapping[str, float] = MappingProxyType({})
    takes_parts: bool = False
    links_frames: bool = False
    other_frame_of_reference: bool = False

    @property
    def has_effects(self) -> bool:
        """Whether some metric is of BED or EQD2."""
        return any(parse_metric(name).effect for name in self.metrics)


class Given(NamedTuple):
    """What the index knows of one dose and one structure set.

    ``tg263`` gives the TG-263 names of ROI names, ``remarks`` what must be said of every DVH, and ``vendor_remarks`` of
    the sender's; ``has_vendor`` says whether these are of this structure set. ``parts`` are the files of the plans' own
    doses of a sum with their fractions, where all are there.
    """

    basis: Basis = Basis()
    plan_uid: str | None = None
    plan_link: str = "none"
    structure_set_link: str = "reference"
    summation_type: str | None = None
    tg263: Mapping[str, str | None] = MappingProxyType({})
    remarks: Sequence[str] = ()
    vendor_remarks: Sequence[str] = ()
    has_vendor: bool = True
    parts: Sequence[tuple[Path, int]] = ()

    def columns(self) -> dict[str, Any]:
        """The columns of ``dvh`` that all ROIs share."""
        return {
            "plan_uid": self.plan_uid,
            "plan_link": self.plan_link,
            "structure_set_link": self.structure_set_link,
            "summation_type": self.summation_type,
            "prescription_gy": self.basis.prescription_gy,
            "fractions": self.basis.fractions,
        }


def dvh_rows(
    doses: Sequence[Path],
    structure_set: Path,
    setting: Setting,
    given: Given,
    slice_spacing_mm: float | None,
) -> DvhRows:
    """Calculate the DVHs of all ROIs, and read those that the sender put into the dose.

    Several doses are the planes of one grid. A metric that has no value for an ROI is NULL.
    """
    dose = [read_object(path) for path in doses]
    rx = given.basis.prescription_gy

    def calculated(of: Dataset | list[Dataset]) -> dict[int, DVH]:
        return calculate_dvhs(
            structure_set,
            of,
            end_cap=setting.end_cap,
            prescription_gy=rx,
            slice_spacing_mm=slice_spacing_mm,
            other_frame_of_reference=setting.other_frame_of_reference,
        )

    own = calculated(dose)
    effects, given = _effects(dose, given, setting, calculated)
    volumes = {number: dvh.volume_cc for number, dvh in own.items()}
    vendor = read_vendor_dvhs(dose, prescription_gy=rx, volumes_cc=volumes) if given.has_vendor else {}
    isodose = _isodose(own.values(), given, dose)
    rows = DvhRows([], [])
    for number, found in [*own.items(), *((n, d) for n, d in vendor.items() if n in own)]:
        dvh, tissue = _of_tissue(found, own[number], setting, given)
        key = {
            "roi_number": number,
            "source": dvh.source,
            "end_cap": dvh.end_cap if dvh.source == "pyconquest" else "",
        }
        rows.dvhs.append(key | _dvh_row(dvh) | _tissue_row(tissue) | given.columns())
        if dvh.status != "failed":
            rows.metrics.extend(
                key
                | {
                    "metric": name,
                    "value": _metric(dvh, tissue, name, isodose, effects),
                    "unit": parse_metric(name).out,
                }
                for name in setting.metrics
            )
    return rows


def _effects(
    dose: Sequence[Dataset],
    given: Given,
    setting: Setting,
    calculated: Callable[[Dataset | list[Dataset]], dict[int, DVH]],
) -> tuple[Beds | None, Given]:
    """The DVHs of BED by alpha/beta, of a sum whose plans' own doses are there; and what must be said of them."""
    if not given.parts or not setting.has_effects or len(dose) != 1:
        return None, given
    try:
        parts = [Part(read_object(path), fractions) for path, fractions in given.parts]
        plans = SumOfPlans(dose[0], parts)
    except (DoseError, UnreadableError) as error:
        remark = f"{given.basis.effect_remark} or cannot be used: {error}"
        return None, given._replace(basis=replace(given.basis, effect_remark=remark))

    @cache
    def beds(alpha_beta_gy: float) -> dict[int, DVH]:
        return calculated(plans.bed(alpha_beta_gy))

    return beds, given._replace(basis=replace(given.basis, effect_remark=""))


def _of_tissue(dvh: DVH, own: DVH, setting: Setting, given: Given) -> tuple[DVH, Tissue]:
    """The DVH with what our own knows of its ROI, with its fractions and tissue, and all that must be said of it."""
    name, roi_type = dvh.roi_name or own.roi_name, dvh.roi_type or own.roi_type
    tissue = tissue_of(name, roi_type, given.tg263.get(name), setting.alpha_beta, setting.geud_a)
    remarks = [*given.basis.remarks, *given.remarks]
    if dvh.source == "vendor":
        remarks += given.vendor_remarks
    if setting.has_effects:
        remarks += filter(None, (given.basis.effect_remark, tissue.remark))
    found = replace(
        dvh,
        roi_name=name,
        roi_type=roi_type,
        fractions=given.basis.equal_fractions,
        alpha_beta_gy=tissue.alpha_beta_gy,
        geud_a=tissue.geud_a,
    )
    if not remarks or dvh.status == "failed":
        return found, tissue
    return replace(found, status="warning", reason="; ".join(filter(None, (dvh.reason, *remarks)))), tissue


def _tissue_row(tissue: Tissue) -> dict[str, Any]:
    return {
        "is_target": int(tissue.is_target),
        "alpha_beta_gy": tissue.alpha_beta_gy,
        "alpha_beta_method": tissue.method,
    }


def _isodose(dvhs: Iterable[DVH], given: Given, dose: Sequence[Dataset]) -> Isodose:
    """The volume within an isodose: in the ROI that is the body (type EXTERNAL), else in the whole dose grid."""
    body = next((dvh for dvh in dvhs if dvh.status != "failed" and _is_body(dvh, given)), None)

    @cache
    def volume_cc(dose_gy: float) -> float:
        return read_dose_grid(dose).volume_above(dose_gy) if body is None else body.volume_at_dose(dose_gy)

    return volume_cc


def _is_body(dvh: DVH, given: Given) -> bool:
    return dvh.roi_type == "EXTERNAL" or (not dvh.roi_type and given.tg263.get(dvh.roi_name) in _BODY_NAMES)


def _dvh_row(dvh: DVH) -> dict[str, Any]:
    return {
        "roi_name": dvh.roi_name,
        "roi_type": dvh.roi_type,
        "volume_cc": _finite(dvh.volume_cc),
        "uncovered_cc": _finite(dvh.uncovered_cc),
        "min_gy": _finite(dvh.min_gy),
        "mean_gy": _finite(dvh.mean_gy),
        "max_gy": _finite(dvh.max_gy),
        **columns_of(dvh.dose, dvh.covered_cc * dvh.share),
        "status": dvh.status,
        "reason": dvh.reason or None,
    }


def _metric(dvh: DVH, tissue: Tissue, name: str, isodose: Isodose, effects: Beds | None) -> float | None:
    """The value of a metric; None where it has none (a dose in % without prescription, an index of targets for
    another ROI)."""
    metric = parse_metric(name)
    if metric.kind in TARGET_KINDS and not tissue.is_target:
        return None
    try:
        if metric.effect and effects is not None and dvh.source != "vendor":
            ratio = metric.alpha_beta or tissue.alpha_beta_gy
            found = _scaled(effects(ratio)[dvh.roi_number], 1.0 if metric.effect == "BED" else 1 + 2 / ratio)
            dvh = replace(found, geud_a=dvh.geud_a)
            name = str(replace(metric, effect="", alpha_beta=None))
        return _finite(dvh.metric(name, isodose))
    except (ValueError, DoseError):
        return None


def _scaled(bed: DVH, divisor: float) -> DVH:
    """The DVH with all doses divided: BED becomes EQD2 by 1 + 2 / (alpha/beta)."""
    return replace(
        bed,
        min_gy=bed.min_gy / divisor,
        mean_gy=bed.mean_gy / divisor,
        max_gy=bed.max_gy / divisor,
        dose=bed.dose / divisor,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
