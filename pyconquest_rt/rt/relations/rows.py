"""Relations as rows of ``rt_relation`` and ``rt_sts``, and back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.relation import Relation
from pyconquest_rt.rt.relations.tables import MARGINS_MM, RELATION

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

_NUMBERS = (
    *("organ_cc", "target_cc", "overlap_cc", "min_mm", "p25_mm", "median_mm", "mean_mm", "p75_mm", "max_mm"),
    "centroid_mm",
)
OVH_WIDTH_MM = 1.0
OVH_DIGITS = 5


def joined(numbers: Sequence[int]) -> str:
    """Return ROI numbers as the column ``targets`` has them."""
    return "\\".join(str(number) for number in numbers)


def key_of(found: Relation) -> Row:
    """Return the key of a relation's rows, but for the structure set."""
    return {"organ_number": found.organ[0], "targets": joined(found.target), "end_cap": found.end_cap}


def relation_row(found: Relation, rule: str, is_union: bool) -> Row:
    """Return the row of a relation; its numbers are NULL where it failed."""
    row: Row = dict.fromkeys(column.name for column in RELATION.columns)
    del row["SOPInstanceUID"]
    row |= key_of(found) | {
        "organ_name": found.organ_name or None,
        "target_name": found.target_name or None,
        "is_union": int(is_union),
        "target_rule": rule,
        "status": found.status,
        "reason": found.reason or None,
    }
    if found.ovh_mm is None or found.centre is None:
        return row
    distances = np.arange(found.ovh_mm[0], found.ovh_mm[-1] + 0.5 * OVH_WIDTH_MM, OVH_WIDTH_MM)
    row |= {name: float(getattr(found, name)) for name in _NUMBERS}
    row |= {f"organ_{axis}_mm": float(value) for axis, value in zip("xyz", found.centre, strict=True)}
    row |= {
        "ovh_first_mm": float(distances[0]),
        "ovh_width_mm": OVH_WIDTH_MM,
        "ovh": _json(found.fraction_within(distances)),
    }
    return row | {f"within_{mm}mm": float(np.asarray(found.fraction_within(mm))) for mm in MARGINS_MM}


def no_targets_row(end_cap: str, reason: str) -> Row:
    """Return the row of a structure set without targets."""
    return relation_row(Relation((0,), (), status="failed", reason=reason, end_cap=end_cap), "none", False)


def sts_row(found: Relation) -> Row | None:
    """Return the row of a relation's directions; None where it failed."""
    sts = found.sts()
    if (
        sts.distance_mm is None
        or sts.azimuth_deg is None
        or sts.elevation_deg is None
        or sts.fraction is None
    ):
        return None
    filled = np.argwhere(sts.fraction > 0)
    sparse = [[*map(int, at), round(float(sts.fraction[tuple(at)]), 6)] for at in filled]
    return key_of(found) | {
        "distance_width_mm": float(sts.distance_mm[1] - sts.distance_mm[0]),
        "azimuth_width_deg": float(sts.azimuth_deg[1] - sts.azimuth_deg[0]),
        "elevation_width_deg": float(sts.elevation_deg[1] - sts.elevation_deg[0]),
        "distance": _json(sts.along(0)),
        "azimuth": _json(sts.along(1)),
        "elevation": _json(sts.along(2)),
        "fraction": json.dumps(sparse, separators=(",", ":")),
    }


def ovh_of(row: Mapping[str, Any]) -> tuple[Floats, Floats] | None:
    """Return distances in mm and parts of the volume of a row's OVH; None where it has none."""
    if row["ovh"] is None:
        return None
    fraction = np.array(json.loads(row["ovh"]), float)
    return row["ovh_first_mm"] + row["ovh_width_mm"] * np.arange(fraction.size), fraction


def _json(values: Floats | None) -> str:
    numbers = [round(float(value), OVH_DIGITS) for value in np.asarray(values)]
    return json.dumps(numbers, separators=(",", ":"))
