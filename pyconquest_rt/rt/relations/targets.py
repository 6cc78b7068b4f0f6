"""Which ROIs of a structure set are targets, and by what rule that is known.

Types alone do not tell: some systems type every ROI ORGAN, others type 'Breast' as CTV. So what a site says comes
first, then the name, then the prescription, then the type. Helper structures (z...) and isodoses are never targets.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from pyconquest_rt.rt.names.tg263 import is_target

SETTING, NAME, PRESCRIPTION, TYPE, NONE = "setting", "name", "prescription", "type", "none"
TARGET_TYPES = frozenset({"GTV", "CTV", "PTV", "ITV"})
_NO_TARGET = re.compile(r"[zZ_~]|(iso)?dose\b|iso\W|\d+([.,]\d+)?\s*(%|c?gy)", re.IGNORECASE)


class RoiFacts(NamedTuple):
    """What is known of an ROI: its number, raw name, mapped (TG-263) name and interpreted type."""

    number: int
    name: str
    mapped: str | None
    interpreted_type: str


class Targets(NamedTuple):
    """The numbers of the ROIs that are targets, in ascending order, and the rule that told them."""

    numbers: tuple[int, ...]
    rule: str


def targets_of(rois: Iterable[RoiFacts], patterns: Sequence[str], prescribed: Iterable[int]) -> Targets:
    """Return the targets by the first rule that finds any.

    ``patterns`` are the site's (with ``*`` and ``?``, in any case, of raw or mapped names); ``prescribed`` the numbers
    of ROIs that prescriptions refer to.
    """
    usable = [roi for roi in rois if not _NO_TARGET.match(roi.name.strip())]
    meant = set(prescribed)
    rules: dict[str, Callable[[RoiFacts], bool]] = {
        SETTING: lambda roi: _matches(roi, patterns),
        NAME: lambda roi: bool(roi.mapped and is_target(roi.mapped)),
        PRESCRIPTION: lambda roi: roi.number in meant,
        TYPE: lambda roi: roi.interpreted_type.strip().upper() in TARGET_TYPES,
    }
    for rule, test in rules.items():
        found = tuple(sorted(roi.number for roi in usable if test(roi)))
        if found:
            return Targets(found, rule)
    return Targets((), NONE)


def _matches(roi: RoiFacts, patterns: Sequence[str]) -> bool:
    names = [name.casefold() for name in (roi.name, roi.mapped) if name]
    return any(fnmatchcase(name, pattern.casefold()) for name in names for pattern in patterns)


def facts_of(rows: Iterable[Mapping[str, object]]) -> list[RoiFacts]:
    """Return the facts of rows with roi_number, raw_name, tg263_name and interpreted_type."""
    return [
        RoiFacts(
            int(str(row["roi_number"])),
            str(row["raw_name"] or ""),
            str(row["tg263_name"]) if row["tg263_name"] else None,
            str(row["interpreted_type"] or ""),
        )
        for row in rows
    ]
