"""Whether two rows may tell of one exposure, and how strong the evidence is that they do.

An event is known by its UID, else by device, time and what was exposed. What is told of both and differs (dose,
kV, side, view, detector) keeps two exposures of one second apart; what is told of one only does not.
"""

from pyconquest_rt.dose_reports.counting.exposures import Exposure, same_device
from pyconquest_rt.dose_reports.moments import apart

# Relative and absolute differences that rounding, nominal and measured values explain.
_TOLERANCES = {
    "dap": (0.05, 0.0),
    "agd": (0.05, 0.006),
    "ctdivol": (0.02, 0.006),
    "dlp": (0.02, 0.06),
    "kvp": (0.02, 1.5),
    "uas": (0.15, 60.0),
}
_DOSES = ("dap", "agd", "ctdivol", "dlp")
SECONDS = 2.0  # by which the clocks of an image and of its report may differ
_ZONE_STEP = 1800.0  # clocks of other time zones differ by whole half hours
_MOST_ZONES = 14 * 3600.0
_OF_IMAGES = ("laterality", "image_view", "target_region")  # attributes that images write alike
_ROUNDED_UAS = 600.0  # Exposure (0018,1152) is in whole mAs
_ANGLES = ("positioner_primary_angle_deg", "positioner_secondary_angle_deg", "column_angulation_deg")


def close(name: str, one: float, other: float) -> bool:
    """Return whether two values of a quantity are one but for rounding."""
    relative, absolute = _TOLERANCES[name]
    return abs(one - other) <= max(absolute, relative * max(abs(one), abs(other)))


def contradict(one: Exposure, other: Exposure) -> bool:
    """Return whether something that both tell differs, so that they cannot be one exposure."""
    if differ(one.plane, other.plane) or _other_side(one, other):
        return True
    both_images = one.told.kind == other.told.kind == "image"
    if both_images and _images_differ(one, other):
        return True
    return any(
        both_images or not _explained(name, value, other.values[name])
        for name, value in one.values.items()
        if name in _TOLERANCES and name in other.values and not close(name, value, other.values[name])
    )


def differ(one: str | None, other: str | None) -> bool:
    """Return whether two texts are both told, and not the same."""
    return bool(one and other and one != other)


def _other_side(one: Exposure, other: Exposure) -> bool:
    return {text[:4] for text in (one.text("laterality"), other.text("laterality"))} == {"left", "righ"}


def _explained(name: str, one: float, other: float) -> bool:
    """Whether a difference between an image and a report is one of a unit, or of mAs that images round."""
    return (name == "dap" and _power_of_ten(one, other)) or (
        name == "uas" and abs(one - other) <= _ROUNDED_UAS
    )


def _images_differ(one: Exposure, other: Exposure) -> bool:
    if differ(one.told.text("DetectorID"), other.told.text("DetectorID")):
        return True
    if any(differ(one.text(column), other.text(column)) for column in _OF_IMAGES):
        return True
    for column in _ANGLES:
        angles = one.row.get(column), other.row.get(column)
        if all(isinstance(angle, (int, float)) for angle in angles) and abs(angles[0] - angles[1]) > 1:  # type: ignore[operator]
            return True
    return False


def _power_of_ten(one: float, other: float) -> bool:
    """Whether two doses of one second differ by a unit alone: by ten, a hundred or a thousand, to the digit."""
    ratio = max(one, other) / min(one, other) if min(one, other) > 0 else 0.0
    return any(abs(ratio / power - 1) < 0.001 for power in (10, 100, 1000))


def agree(one: Exposure, other: Exposure, doses_only: bool = False) -> bool:
    """Return whether something that both tell is the same: a dose above zero, or (unless ``doses_only``) kV or mAs."""
    names = _DOSES if doses_only else (*_DOSES, "kvp", "uas")
    return any(
        one.values[name] > 0 and close(name, one.values[name], other.values[name])
        for name in names
        if name in one.values and name in other.values
    )


def strength(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    """Return how strong the evidence is that two projection exposures of two objects are one; None: there is none.

    The pair sorts: first the kind of evidence (0 the strongest), then the distance in seconds.
    """
    if one.uid and other.uid and one.uid == other.uid:
        return None if _uid_misused(one, other) else (0, abs(one.nth - other.nth))
    if other.told.sop in one.images or one.told.sop in other.images:
        return (1, 0.0)
    if same_device(one.told, other.told) is False or contradict(one, other):
        return None
    return _by_time(one, other)


def _uid_misused(one: Exposure, other: Exposure) -> bool:
    """Whether one UID stands for two exposures: of two planes, or two original images of other kV and other dose."""
    if differ(one.plane, other.plane):
        return True
    originals = one.told.kind == other.told.kind == "image" and not (one.told.derived or other.told.derived)
    return originals and one.row["event_kind"] != "CT" and contradict(one, other)


def _by_time(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    image_and_report = {one.told.kind, other.told.kind} == {"report", "image"}
    if _two_uids(one, other) and not (image_and_report and agree(one, other)):
        return None
    seconds = apart(one.started, other.started)
    if seconds is None:
        return (5, 0.0) if _copies(one, other) else None
    if _same_second(one, other):
        return (2, seconds)
    if seconds <= SECONDS and _alike(one, other):
        return (3, seconds)
    return _in_another_zone(one, other) if image_and_report else None


def _in_another_zone(one: Exposure, other: Exposure) -> tuple[int, float] | None:
    zone = _zone_distance(one, other)
    return (4, zone) if zone is not None and agree(one, other, doses_only=True) else None


def _two_uids(one: Exposure, other: Exposure) -> bool:
    return bool(one.uid and other.uid)


def _alike(one: Exposure, other: Exposure) -> bool:
    """Whether what two tell agrees; two images must be copies besides."""
    both_images = one.told.kind == other.told.kind == "image"
    return agree(one, other) and (not both_images or _copies(one, other))


def _same_second(one: Exposure, other: Exposure) -> bool:
    """Whether two begin in one second as written, or less than half a second apart."""
    assert one.started is not None and other.started is not None
    if int(one.started.local) == int(other.started.local) or one.started.distance(other.started) < 0.5:
        return True
    if one.started.utc is None or other.started.utc is None:
        return False
    return int(one.started.utc) == int(other.started.utc)


def _copies(one: Exposure, other: Exposure) -> bool:
    """Whether two images are copies of one: the same dose, and one of them derived or of another SOP class."""
    classes = {exposure.told.row["SOPClassUID"] for exposure in (one, other)}
    made = one.told.derived or other.told.derived or len(classes) > 1
    return one.told.kind == other.told.kind == "image" and made and agree(one, other, doses_only=True)


def _zone_distance(one: Exposure, other: Exposure) -> float | None:
    """The seconds that are left between two times once whole half hours are taken off; None: no such pair."""
    assert one.started is not None and other.started is not None
    if one.started.utc is not None and other.started.utc is not None:
        return None
    if same_device(one.told, other.told) is not True:
        return None
    between = abs(one.started.local - other.started.local)
    rest = min(between % _ZONE_STEP, -between % _ZONE_STEP)
    return rest if _ZONE_STEP - SECONDS <= between <= _MOST_ZONES and rest <= SECONDS else None
