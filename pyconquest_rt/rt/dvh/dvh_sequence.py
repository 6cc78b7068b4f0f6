"""The DVHs that a sender put into an RTDOSE (DVHSequence; DICOM PS3.3 C.8.8.4), as ascending cumulative
curves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import items, number, numbers, text

Floats = npt.NDArray[np.float64]

DVH_DATA, DVH_DOSE_SCALING = 0x30040058, 0x30040052
DVH_MINIMUM, DVH_MAXIMUM, DVH_MEAN = 0x30040070, 0x30040072, 0x30040074
NORMALIZATION_DOSE = 0x30040042
REFERENCED_ROI_NUMBER = 0x30060084


@dataclass(frozen=True)
class SentDvh:
    """One item of DVHSequence.

    ``included`` and ``excluded`` are ROI numbers. ``dose`` (ascending) and ``volume`` (that gets at least
    each) have the units ``dose_unit`` (``GY`` or ``RELATIVE``, then in %) and ``volume_unit`` (``CM3`` or
    ``PERCENT``). ``low``, ``mean`` and ``high`` are the sender's own statistics in the same unit as
    ``dose``, or None. ``normalization`` is the dose that 100 % stands for, in Gy, or None. ``problem`` tells
    why there is no curve. ``kind`` is DVHType, ``dose_type`` DoseType.
    """

    included: tuple[int, ...]
    excluded: tuple[int, ...]
    dose: Floats
    volume: Floats
    dose_unit: str
    volume_unit: str
    low: float | None
    mean: float | None
    high: float | None
    normalization: float | None
    problem: str
    kind: str = ""
    dose_type: str = ""


def read_dvh_sequence(dose: Dataset) -> Iterator[SentDvh]:
    """Yield the items of DVHSequence; what is damaged comes with its ``problem`` and an empty curve."""
    normalization = number(dose, NORMALIZATION_DOSE)
    for item in items(dose, "DVHSequence"):
        rois: dict[str, list[int]] = {"INCLUDED": [], "EXCLUDED": []}
        for reference in items(item, "DVHReferencedROISequence"):
            roi = number(reference, REFERENCED_ROI_NUMBER)
            if roi is not None:
                rois.setdefault(text(reference, "DVHROIContributionType") or "INCLUDED", []).append(int(roi))
        curve, volume, problem = _curve(item)
        scaling = number(item, DVH_DOSE_SCALING)
        yield SentDvh(
            included=tuple(rois["INCLUDED"]),
            excluded=tuple(rois["EXCLUDED"]),
            dose=curve * (1.0 if scaling is None else scaling),
            volume=volume,
            dose_unit=text(item, "DoseUnits").upper(),
            volume_unit=text(item, "DVHVolumeUnits").upper(),
            low=number(item, DVH_MINIMUM),
            mean=number(item, DVH_MEAN),
            high=number(item, DVH_MAXIMUM),
            normalization=normalization,
            problem=problem,
            kind=text(item, "DVHType").upper(),
            dose_type=text(item, "DoseType").upper(),
        )


def _curve(item: Dataset) -> tuple[Floats, Floats, str]:
    """Return ascending doses, before scaling, and the volume at or above each; or a problem.

    DVHData holds pairs of bin width and volume. The volume of a cumulative DVH belongs to the lower edge of
    its bin; senders that begin with a width of 0 name each edge by the width before it.
    """
    none = np.empty(0)
    data = numbers(item, DVH_DATA)
    if problem := _problem(item, data):
        return none, none, problem
    kind = text(item, "DVHType").upper()
    if kind not in _READ:
        return none, none, f"DVHType is {kind or 'missing'}, not CUMULATIVE or DIFFERENTIAL"
    return *_READ[kind](data[0::2], np.maximum(data[1::2], 0.0)), ""


def _problem(item: Dataset, data: Floats) -> str:
    """Return what is wrong with the numbers of a DVH, or nothing."""
    if data.size < 2 or data.size % 2:
        return "DVHData is missing or not made of pairs"
    widths = data[0::2]
    if not np.isfinite(data).all() or (widths < 0).any() or widths.sum() <= 0:
        return "DVHData holds values that are not finite, or bin widths that are negative"
    scaling = number(item, DVH_DOSE_SCALING)
    return "DVHDoseScaling is not positive" if scaling is not None and scaling <= 0 else ""


def _differential(widths: Floats, volumes: Floats) -> tuple[Floats, Floats]:
    return np.append(0.0, np.cumsum(widths)), np.append(np.cumsum(volumes[::-1])[::-1], 0.0)


def _cumulative(widths: Floats, volumes: Floats) -> tuple[Floats, Floats]:
    edges, volumes = np.append(0.0, np.cumsum(widths)), np.minimum.accumulate(volumes)
    return (edges[1:], volumes) if widths[0] == 0 else (edges, np.append(volumes, 0.0))


_READ = {"DIFFERENTIAL": _differential, "CUMULATIVE": _cumulative}
