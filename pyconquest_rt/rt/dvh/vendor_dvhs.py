"""The DVHs that the sender put into an RTDOSE, as DVH objects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pyconquest_rt.dicom.access import Source, read_objects, text
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid
from pyconquest_rt.rt.dvh.dvh_object import DVH, NAN, from_curve
from pyconquest_rt.rt.dvh.dvh_sequence import SentDvh, read_dvh_sequence

STATED_DIFFERENCE = 0.02
"""A sender's own statistics may differ from its curve by this part of the greatest dose (and a bin)."""
VOLUME_RATIO = 3.0
"""A sender's volume may differ from that of the contours by this factor: so much end caps make of three slices."""
_OTHER_UNITS = {"mm3": 1e3, "dm3 (litres)": 1e-3}


def read_vendor_dvhs(
    dose: Source | Sequence[Source],
    *,
    prescription_gy: float | None = None,
    volumes_cc: Mapping[int, float] | None = None,
) -> dict[int, DVH]:
    """Return the DVHs that the sender put into an RTDOSE (DVHSequence), by ROI number; ``source`` is
    ``vendor``.

    Cumulative and differential DVHs are read. Relative doses become Gy by DVHNormalizationDoseValue or else
    by ``prescription_gy``; relative volumes become cc by ``volumes_cc`` (cc by ROI number), and without that
    the volume is NaN and only statistics in % have values. Of several objects, the planes of one grid, those
    of the first that has any are read. Raises UnreadableError for what is not DICOM.
    """
    doses = read_objects(dose)
    sequence: list[SentDvh] = next(filter(None, (list(read_dvh_sequence(one)) for one in doses)), [])
    if not sequence:
        return {}
    try:
        highest = read_dose_grid(doses).range[1]
    except DoseError:
        highest = NAN
    found: dict[int, tuple[tuple[int, ...], DVH]] = {}
    for sent in sequence:
        if not sent.included:
            continue
        number = sent.included[0]
        dvh = _vendor(sent, number, prescription_gy, (volumes_cc or {}).get(number, NAN), highest)
        rank = _rank(sent, dvh, text(doses[0], "DoseType"))
        if number not in found or rank > found[number][0]:
            found[number] = rank, replace(dvh, prescription_gy=prescription_gy)
    return {number: dvh for number, (_, dvh) in found.items()}


def _rank(sent: SentDvh, dvh: DVH, dose_type: str) -> tuple[int, ...]:
    """Which of several DVHs of one ROI is kept, the greatest; of equals the first.

    One that can be used goes before one that cannot, an ROI's own before that of ROIs together, one of the grid's own
    DoseType before others, cumulative before differential, Gy before percent.
    """
    return (
        dvh.status != "failed",
        len(sent.included) == 1 and not sent.excluded,
        sent.dose_type == dose_type.upper(),
        sent.kind == "CUMULATIVE",
        sent.dose_unit == "GY",
    )


def _vendor(
    sent: SentDvh, number: int, prescription_gy: float | None, volume_cc: float, highest: float
) -> DVH:
    frame = DVH(number, source="vendor")
    reference = 100.0 if sent.dose_unit != "RELATIVE" else sent.normalization or prescription_gy
    if problem := _problem(sent, reference):
        return replace(frame, status="failed", reason=problem)
    factor = (reference or 0.0) / 100.0
    whole = volume_cc if sent.volume_unit == "PERCENT" else sent.volume[0]
    dvh = from_curve(frame, sent.dose * factor, sent.volume, whole)
    dvh, remarks = _with_stated(dvh, sent, factor)
    remarks += _remarks(sent, dvh, volume_cc, highest)
    return replace(dvh, status="warning" if remarks else "ok", reason="; ".join(remarks))


def _problem(sent: SentDvh, reference: float | None) -> str:
    """Why a DVH cannot be used; empty where it can. ``reference`` is the dose in Gy that 100 % stands for."""
    if not reference:
        return "the dose is in %, and no prescription is known"
    if sent.problem:
        return sent.problem
    if sent.volume[0] <= 0:
        return "DVHData holds no volume"
    return "DoseType is ERROR: a histogram of dose differences" if sent.dose_type == "ERROR" else ""


def _remarks(sent: SentDvh, dvh: DVH, volume_cc: float, highest: float) -> list[str]:
    """What a reader of a sender's DVH must know; ``volume_cc`` is that of the contours, ``highest`` the grid's dose."""
    remarks = []
    if len(sent.included) > 1 or sent.excluded:
        rois = ", ".join(map(str, sent.included)) + "".join(f", without {roi}" for roi in sent.excluded)
        remarks.append(f"of the ROIs {rois} together")
    if sent.normalization is not None:
        remarks.append(f"normalised to {sent.normalization:g} Gy")
    if sent.volume_unit != "PERCENT" and (remark := _volume_remark(dvh.volume_cc, volume_cc)):
        remarks.append(remark)
    if dvh.max_gy > 1.1 * highest:
        remarks.append(
            f"its greatest dose is {dvh.max_gy / highest:.3g} times that of the dose grid: normalised?"
        )
    return remarks


def _volume_remark(theirs: float, ours: float) -> str:
    """What is odd about the volume (cc) of a sender's DVH beside that of the contours; empty where nothing is."""
    ratio = theirs / ours if ours > 0 else NAN
    if not (ratio > VOLUME_RATIO or ratio < 1 / VOLUME_RATIO):
        return ""
    unit = next((name for name, factor in _OTHER_UNITS.items() if abs(ratio / factor - 1) < 0.5), "")
    guess = f": {unit} written as cm3?" if unit else ""
    return f"its volume is {ratio:.3g} times that of the contours{guess}"


def _with_stated(dvh: DVH, sent: SentDvh, factor: float) -> tuple[DVH, list[str]]:
    """Return the DVH with the sender's own least, mean and greatest dose where its curve allows them, and
    remarks.

    Some senders give the curve in Gy and these three in percent of a prescription.
    """
    allowed = STATED_DIFFERENCE * dvh.max_gy + float(np.diff(sent.dose).max()) * factor
    stated = [NAN if value is None else value * factor for value in (sent.low, sent.mean, sent.high)]
    own = (dvh.min_gy, dvh.mean_gy, dvh.max_gy)
    if any(abs(value - curve) > allowed for value, curve in zip(stated, own, strict=True)):
        remark = f"the stated doses (mean {stated[1]:.4g}) contradict the curve (mean {dvh.mean_gy:.4g} Gy)"
        return dvh, [remark]
    low, mean, high = (o if np.isnan(value) else value for value, o in zip(stated, own, strict=True))
    return replace(dvh, min_gy=low, mean_gy=mean, max_gy=high), []
