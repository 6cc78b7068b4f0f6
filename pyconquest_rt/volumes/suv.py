"""Standardised uptake value by body weight, from what a PET image says of itself.

SUVbw = activity concentration (Bq/ml) × body weight (g) / dose at the time the image is corrected to (Bq): the
definition of the Quantitative Imaging Biomarkers Alliance (QIBA, FDG-PET/CT Profile, SUV calculation).
"""

from collections.abc import Sequence
from math import exp, log

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.fields import Fields, opened_head
from pyconquest_rt.volumes.frames import Frame
from pyconquest_rt.volumes.keys import DAY, seconds

_LONGEST = 30 * DAY  # nobody scans later after an injection


def suv_problem(unit: str) -> str:
    """The code for a unit that values cannot be given in."""
    return "suv_incomplete" if unit.lower().startswith("suv") else "not_scalar"


def suv_factor(frames: Sequence[Frame]) -> float:
    """The number that makes SUVbw of the values of a PET series.

    Raises VolumeError `suv_incomplete` with what is missing.
    """
    if any(frame.common.modality != "PT" for frame in frames):
        raise VolumeError("suv_incomplete", "not a PET series")
    earliest = min(frames, key=lambda frame: _scan_order(frame))
    try:
        with opened_head(earliest.source) as head:
            return _factor(head.fields, earliest.mapping.unit)
    except UnreadableError as error:
        raise VolumeError("unreadable", f"{earliest.source.name}: {error}") from error


def _scan_order(frame: Frame) -> float:
    from pyconquest_rt.volumes.keys import NAMES

    found = frame.keys[NAMES.index("acquisition_time")]
    return float("inf") if found is None else float(found)


def _factor(fields: Fields, unit: str) -> float:
    unit = unit.upper()
    if unit == "GML":
        if fields.text(0x00541006) not in ("", "BW"):
            raise VolumeError(
                "suv_incomplete", f"the images hold SUV of type {fields.text(0x00541006)}, not by weight"
            )
        return 1.0
    if unit == "CNTS":
        return _philips(fields)
    if unit != "BQML":
        raise VolumeError("suv_incomplete", f"units {unit or 'missing'} are not Bq/ml")
    return _by_weight(fields)


def _philips(fields: Fields) -> float:
    """Counts of Philips scanners, which give the factor to SUV, or that to Bq/ml, in private elements."""
    if fields.text(0x70530010).upper().startswith("PHILIPS PET"):
        if (factor := fields.number(0x70531000)) is not None and factor > 0:
            return factor
        if (factor := fields.number(0x70531009)) is not None and factor > 0:
            return factor * _by_weight(fields)
    raise VolumeError("suv_incomplete", "counts without a factor to Bq/ml")


def _by_weight(fields: Fields) -> float:
    """Grams of weight for each Bq that is left of the dose at the time the images are corrected to."""
    weight = _positive(fields, 0x00101030, "PatientWeight")
    if not {"DECY", "ATTN"} <= set(fields.texts(0x00280051)):
        raise VolumeError("suv_incomplete", "not corrected for attenuation and decay (CorrectedImage)")
    item = fields.first(0x00540016)
    if item is None:
        raise VolumeError("suv_incomplete", "RadiopharmaceuticalInformationSequence is missing")
    dose = _positive(item, 0x00181074, "RadionuclideTotalDose")
    return weight * 1000 / (dose * _left(fields, item))


def _positive(fields: Fields, tag: int, name: str) -> float:
    found = fields.number(tag)
    if found is None or found <= 0:
        raise VolumeError("suv_incomplete", f"{name} is missing")
    return found


def _left(fields: Fields, item: Fields) -> float:
    """The part of the dose that is left at the time the images are corrected to."""
    correction = fields.text(0x00541102)
    if correction == "ADMIN":
        return 1.0
    if correction != "START":
        raise VolumeError("suv_incomplete", f"DecayCorrection is {correction or 'missing'}")
    half_life = _positive(item, 0x00181075, "RadionuclideHalfLife")
    scan = _scan_start(fields, half_life)
    wait = scan - _injection(fields, item, scan)
    if not 0 <= wait <= _LONGEST:
        raise VolumeError("suv_incomplete", f"the scan starts {wait:g} s after the injection")
    return float(2 ** (-wait / half_life))


def _injection(fields: Fields, item: Fields, scan: float) -> float:
    """When the dose was given, in seconds; where only a time of day is known, on the last such time before the scan."""
    whole = item.text(0x00181078)
    if whole and (found := seconds(whole[:8], whole[8:])) is not None:
        return found
    time = seconds("", item.text(0x00181072))
    if time is None:
        raise VolumeError("suv_incomplete", "the time of the injection is missing")
    found = scan // DAY * DAY + time
    return found if found <= scan else found - DAY


def _scan_start(fields: Fields, half_life: float) -> float:
    """The time that values are corrected to: that of the series, unless it was set anew by later processing."""
    acquired = seconds(fields.text(0x00080022), fields.text(0x00080032))
    series = seconds(fields.text(0x00080021), fields.text(0x00080031))
    if series is not None and (acquired is None or series <= acquired):
        return series
    scan = fields.text(0x0009100D) if fields.text(0x00090010) == "GEMS_PETD_01" else ""
    if (found := seconds(scan[:8], scan[8:])) is not None:
        return found
    if acquired is None:
        raise VolumeError("suv_incomplete", "the time of the scan is missing")
    return acquired - _into_series(fields, half_life)


def _into_series(fields: Fields, half_life: float) -> float:
    """How long after the time of correction an image was begun: from its frame's reference time, which is that of
    its mean count rate."""
    reference, duration = fields.number(0x00541300), fields.number(0x00181242)
    if reference is None or duration is None or duration <= 0:
        raise VolumeError(
            "suv_incomplete", "the series' time is later than its images', FrameReferenceTime is missing"
        )
    decay = log(2) / half_life
    lost = decay * duration / 1000
    mean_time = log(lost / (1 - exp(-lost))) / decay
    return reference / 1000 - mean_time
