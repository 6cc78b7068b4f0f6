"""The table ``roi_name``: one row for each distinct raw name and physician; ROI rows join it by raw name.

An edit of the site's map therefore never rewrites the rows of structure sets: the distinct names are mapped
anew and put in place by one statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pyconquest_rt.rt.names.roi_map import DEFAULT_PHYSICIAN, RoiMap, physician_key
from pyconquest_rt.rt.names.roi_names import UNCATEGORISED, classify, suggestions

MappingRow = tuple[str, str, str, str | None, str | None, str | None, str, float | None, str]

COLUMNS = (
    "physician",
    "raw_name",
    "cleaned_name",
    "physician_name",
    "institutional_name",
    "tg263_name",
    "method",
    "score",
    "detail",
)
"""The columns of ``roi_name``, as :func:`mapping_rows` gives them; its rows take the place of older ones."""


@dataclass(frozen=True)
class Unmapped:
    """A raw name without TG-263 name, how often it was given, why, and what it may be."""

    name: str
    count: int
    reason: str
    suggestions: tuple[str, ...]


def mapping_rows(
    roi_map: RoiMap | None, names: Iterable[str], physician: str = DEFAULT_PHYSICIAN
) -> list[MappingRow]:
    """Rows of ``roi_name`` (COLUMNS) for the distinct names, as one physician's map has them."""
    who = physician_key(physician)
    found = (classify(name, roi_map, who) for name in dict.fromkeys(names))
    return [
        (who, it.raw, it.cleaned, it.physician, it.institutional, it.tg263, it.method, it.score, it.detail)
        for it in found
    ]


def unmapped(roi_map: RoiMap | None, counts: dict[str, int], physician: str = "") -> list[Unmapped]:
    """The names that have neither an entry in the map nor a TG-263 name, most frequent first.

    ``counts`` gives how many ROI rows have each name. Suggestions are for a person to choose from; they are
    never used unasked.
    """
    found = []
    for name, count in counts.items():
        mapped = classify(name, roi_map, physician)
        if mapped.method == UNCATEGORISED and mapped.physician is None:
            found.append(Unmapped(name, count, mapped.detail, suggestions(name)))
    return sorted(found, key=lambda it: (-it.count, it.name))
