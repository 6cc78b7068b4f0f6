"""The evidence that two rows are one, for CT acquisitions and for administrations of radiopharmaceuticals."""

import re

from pyconquest_rt.dose_reports.counting.evidence import SECONDS, agree, contradict, differ
from pyconquest_rt.dose_reports.counting.exposures import Exposure, same_device
from pyconquest_rt.dose_reports.moments import apart

_TEXTS = ("acquisition_protocol", "ct_acquisition_type", "ctdiw_phantom_type", "target_region")
_PAGES = {"report", "page", "screen"}
_SLICES_S = 15.0  # between images of one acquisition that two series were reconstructed from
_MASS = re.compile(r"\d+")
_INJECTION_S = 900.0  # by which the times of one injection differ between its image and its report
_ROUNDED_MBQ = 0.55  # whole MBq, and a little


def ct_strength(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    """Return how strong the evidence is that two rows are one CT acquisition; None: there is none."""
    if one.uid and other.uid:
        return (0, abs(one.nth - other.nth) + 10.0 * contradict(one, other)) if one.uid == other.uid else None
    kinds = {one.told.kind, other.told.kind}
    if kinds == {"image"}:
        return _of_images(one, other)
    if "image" in kinds or same_device(one.told, other.told) is False or _differ(one, other):
        return None
    return _of_reports(one, other)


def _of_reports(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    seconds = apart(one.started, other.started)
    if seconds is not None:
        return (2, seconds) if seconds <= SECONDS else None
    return (5, abs(one.event - other.event)) if agree(one, other) else None


def _differ(one: Exposure, other: Exposure) -> bool:
    return contradict(one, other) or any(differ(one.text(column), other.text(column)) for column in _TEXTS)


def _of_images(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    """Images are of one acquisition by its UID, or by their series and its number; two series by their time too.

    Two series with one acquisition number are two phases, unless they begin in one second, or are reconstructed
    with two kernels and begin within a few seconds (each is told by one of its slices).
    """
    if one.row["event_key"] != other.row["event_key"] or same_device(one.told, other.told) is False:
        return None
    if not str(one.row["event_key"]).startswith("acquisition "):
        return (0, 0.0)
    if one.told.row["SeriesInstanceUID"] == other.told.row["SeriesInstanceUID"]:
        return (0, 0.0)
    seconds = apart(one.started, other.started)
    if seconds is None or contradict(one, other):
        return None
    within = _SLICES_S if _two_reconstructions(one, other) else 1.0
    return (3, seconds) if seconds <= within else None


def _two_reconstructions(one: Exposure, other: Exposure) -> bool:
    kernels = one.text("convolution_kernel"), other.text("convolution_kernel")
    return kernels[0] != kernels[1] or one.told.derived or other.told.derived


def administration_strength(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    """Return how strong the evidence is that two rows are one administration; None: there is none.

    The activity is the same but for rounding, the radionuclide is not another, and so is the time: a second
    injection of the same activity is its own.
    """
    if one.uid and one.uid == other.uid:
        return (0, abs(one.nth - other.nth))
    if one.uid and other.uid and one.told.kind == other.told.kind:
        return None  # images and reports do not share their UIDs (Siemens)
    if not _same_activity(one, other) or _other_nuclide(one, other):
        return None
    seconds = apart(one.started, other.started)
    if seconds is None:
        return (3, 0.0)
    return (2, seconds) if seconds <= _INJECTION_S else None


def _same_activity(one: Exposure, other: Exposure) -> bool:
    activities = one.values.get("activity"), other.values.get("activity")
    if activities[0] is None or activities[1] is None:
        return False
    return abs(activities[0] - activities[1]) <= max(_ROUNDED_MBQ, 0.005 * max(activities[0], activities[1]))


def _other_nuclide(one: Exposure, other: Exposure) -> bool:
    masses = [_MASS.search(exposure.text("radionuclide")) for exposure in (one, other)]
    return masses[0] is not None and masses[1] is not None and masses[0][0] != masses[1][0]
