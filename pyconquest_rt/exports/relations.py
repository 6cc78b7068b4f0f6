"""Pairs of organ and target for people: their table, plans alike, and what earlier plans achieved.

An organ can be spared the better the farther it lies from the target. So of earlier plans whose organ is not farther
from the target than ours at some part of its volume, the least dose at that volume is one that ours can be expected to
reach (Wu et al. 2009, Med Phys 36:5497; Oncospace).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.rt.dvh.curve import Curve, curve_of
from pyconquest_rt.rt.relations.rows import ovh_of
from pyconquest_rt.rt.relations.similarity import circular_distance, curve_distance

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

SAME_RX = 0.1
"""Prescriptions that differ by at most this part are similar."""
FEW_PLANS = 5
"""Fewer plans than this are said to be few."""

_RELATIONS = """
SELECT s.patient_id, r.*, n.tg263_name FROM rt_relation r
JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID
LEFT JOIN roi_name n ON n.raw_name = r.organ_name AND n.physician = 'DEFAULT'
WHERE :key IN (s.patient_id, s.study_instance_uid, r.SOPInstanceUID)
OR r.SOPInstanceUID IN (SELECT structure_set_uid FROM rt_plan WHERE SOPInstanceUID = :key)
ORDER BY s.patient_id, r.SOPInstanceUID, r.is_union, r.targets, r.min_mm, r.organ_name"""

# The plan of a dose that stands for a whole plan, each with one pair of organ and target.
_PLANS = """
SELECT d.SOPInstanceUID AS dose_uid, d.structure_set_uid, d.plan_uid, o.patient_id, o.study_instance_uid,
    p.label AS plan_label, coalesce(p.date, o.date) AS date, coalesce(t.site, p.treatment_site_key) AS site,
    d.prescription_gy, d.curve_gy, d.curve_cc, d.status AS dvh_status, d.reason AS dvh_reason,
    r.organ_number, r.targets, r.end_cap, r.organ_name, r.target_name, r.is_union, r.ovh, r.ovh_first_mm,
    r.ovh_width_mm, r.status, r.reason, n.tg263_name AS organ_tg263, m.tg263_name AS target_tg263
FROM rt_relation r
JOIN dvh d ON d.structure_set_uid = r.SOPInstanceUID AND d.roi_number = r.organ_number AND d.source = 'pyconquest'
JOIN rt_dose o ON o.SOPInstanceUID = d.SOPInstanceUID
LEFT JOIN rt_plan p ON p.SOPInstanceUID = d.plan_uid
LEFT JOIN rt_site t ON t.plan_uid = d.plan_uid
LEFT JOIN roi_name n ON n.raw_name = r.organ_name AND n.physician = 'DEFAULT'
LEFT JOIN roi_name m ON m.raw_name = r.target_name AND m.physician = 'DEFAULT'
WHERE d.summation_type = 'PLAN' AND r.ovh IS NOT NULL"""
_OURS = f"""{_PLANS}
AND :key IN (o.patient_id, o.study_instance_uid, o.SOPInstanceUID, d.plan_uid, d.structure_set_uid)
AND lower(:organ) IN (lower(r.organ_name), lower(n.tg263_name))
AND ((:target IS NULL AND r.is_union = 1) OR lower(:target) IN (lower(r.target_name), lower(m.tg263_name)))"""
_OTHERS = f"""{_PLANS}
AND o.patient_id <> :patient_id
AND CASE WHEN :organ_tg263 IS NULL THEN n.tg263_name IS NULL AND lower(r.organ_name) = lower(:organ_name)
    ELSE n.tg263_name = :organ_tg263 END
AND CASE WHEN :is_union THEN r.is_union = 1 WHEN :target_tg263 IS NULL THEN lower(r.target_name) = lower(:target_name)
    ELSE m.tg263_name = :target_tg263 END
AND coalesce(t.site, p.treatment_site_key, '') = coalesce(:site, '')
AND d.prescription_gy BETWEEN :rx_low AND :rx_high"""


def find_relations(database: Database, key: str) -> list[Row]:
    """Return the rows of ``rt_relation`` of a patient, study, structure set or plan, the union of targets last."""
    return database.query(_RELATIONS, {"key": key}) if database.has("rt_relation") else []


class Pair(NamedTuple):
    """An organ and a target (None: the union of all targets), each by its raw name or that of TG-263."""

    organ: str
    target: str | None = None


def _ours(database: Database, key: str, pair: Pair) -> Row:
    """Return the one plan that is meant; raises DatabaseError where there is none, or more than one."""
    given = {"key": key, "organ": pair.organ, "target": pair.target}
    rows = database.query(_OURS, given) if database.has("rt_relation") and database.has("dvh") else []
    if not rows:
        target = pair.target or "its targets"
        raise DatabaseError(
            f"{key} has no dose of a plan with {pair.organ} and {target}, or these are not derived yet: "
            "'pyconquest-rt relate' shows the pairs that are there"
        )
    if len(rows) > 1:
        several = ", ".join(f"{row['plan_label'] or 'a plan'} {row['dose_uid']}" for row in rows[:4])
        raise DatabaseError(f"{key} has {len(rows)} such plans; name one by the UID of its dose: {several}")
    return rows[0]


def _others(database: Database, ours: Row) -> list[Row]:
    """Return earlier plans of other patients: the same organ, target and site, a similar prescription."""
    rx = ours["prescription_gy"]
    given = {
        name: ours[name]
        for name in (
            "patient_id",
            "organ_tg263",
            "organ_name",
            "is_union",
            "target_tg263",
            "target_name",
            "site",
        )
    }
    found = database.query(_OTHERS, given | {"rx_low": rx * (1 - SAME_RX), "rx_high": rx * (1 + SAME_RX)})
    return [row for row in found if not (row["date"] and ours["date"] and row["date"] > ours["date"])]


NO_RX = "the plan has no prescription, so that no other plan is known to be like it"


def similar(database: Database, key: str, organ: str, target: str | None = None, top: int = 10) -> list[Row]:
    """Return the plans whose organ lies to the target most as in one plan, the nearest first.

    Only plans of other patients, not later, with the same organ (name of TG-263, with its side), target and site, and
    a prescription within a tenth of ours. Each row has the earth mover's distance of the OVHs (``ovh_mm``), those of
    the directions (``direction_mm``, ``azimuth_deg``, ``elevation_deg``), and the difference of the target's mean dose
    (``target_gy``, theirs minus ours).

    Args:
        database: the index.
        key: what the plan is of: a PatientID, StudyInstanceUID, or the SOPInstanceUID of dose, plan or structure set.
        organ: its raw name or that of TG-263.
        target: likewise; None: the union of all targets.
        top: so many rows at most.

    Raises:
        DatabaseError: there is no such plan, there are several, or it has no prescription.
    """
    ours = _ours(database, key, Pair(organ, target))
    if not ours["prescription_gy"]:
        raise DatabaseError(NO_RX)
    mine = ovh_of(ours)
    assert mine is not None
    near = []
    for row in _others(database, ours):
        theirs = ovh_of(row)
        if theirs is not None:
            near.append((curve_distance(mine, theirs), row))
    near.sort(key=lambda one: (one[0], one[1]["dose_uid"]))
    directions, dose = _directions(database, ours), _target_dose(database, ours)
    found = []
    for distance, row in near[:top]:
        of_target = _target_dose(database, row)
        found.append(
            {name: row[name] for name in ("patient_id", "plan_label", "date", "prescription_gy", "dose_uid")}
            | {"ovh_mm": distance}
            | _apart(directions, _directions(database, row))
            | {"target_gy": None if dose is None or of_target is None else of_target - dose}
            | {"reason": row["reason"]}
        )
    return found


def _directions(database: Database, row: Row) -> Row | None:
    rows = database.query(
        "SELECT * FROM rt_sts WHERE SOPInstanceUID = ? AND organ_number = ? AND targets = ? AND end_cap = ?",
        (row["structure_set_uid"], row["organ_number"], row["targets"], row["end_cap"]),
    )
    return rows[0] if rows else None


def _apart(one: Row | None, other: Row | None) -> Row:
    names = ("direction_mm", "azimuth_deg", "elevation_deg")
    if one is None or other is None:
        return dict.fromkeys(names)
    along = {
        axis: [np.array(json.loads(row[axis]), float) for row in (one, other)]
        for axis in ("distance", "azimuth", "elevation")
    }
    straight = [
        curve_distance(
            *((width * np.arange(part.size + 1), np.append(0.0, np.cumsum(part))) for part in along[axis])
        )
        for axis, width in (("distance", one["distance_width_mm"]), ("elevation", one["elevation_width_deg"]))
    ]
    return dict(zip(names, (straight[0], circular_distance(*along["azimuth"]), straight[1]), strict=True))


def _target_dose(database: Database, row: Row) -> float | None:
    """Return the mean dose of the targets in Gy, by volume; None where one is not known."""
    numbers = row["targets"].split("\\")
    marks = ", ".join("?" * len(numbers))
    (found,) = database.query(
        "SELECT sum(mean_gy * volume_cc) / sum(volume_cc) AS gy, count(mean_gy) AS n FROM dvh "  # noqa: S608
        f"WHERE SOPInstanceUID = ? AND structure_set_uid = ? AND source = 'pyconquest' AND roi_number IN ({marks})",
        (row["dose_uid"], row["structure_set_uid"], *map(int, numbers)),
    )
    return found["gy"] if found["n"] == len(numbers) else None


@dataclass(frozen=True)
class Achieved:
    """What earlier plans achieved for an organ, at the part ``volume_percent`` of its volume.

    ``distance_mm`` is the distance within which that part lies in our plan and ``dose_gy`` the least dose that this
    part gets. ``plans`` are the ``count`` plans whose organ is not farther from the target there, the least dose
    first, each with its ``dose_gy`` and ``distance_mm``; ``least_gy``, ``median_gy`` and ``most_gy`` are the band of
    their doses and ``gap_gy`` is ours less the least. None where there is no plan; ``reason`` says what to know.
    """

    volume_percent: float
    distance_mm: float
    dose_gy: float
    count: int
    compared: int
    least_gy: float | None
    median_gy: float | None
    most_gy: float | None
    gap_gy: float | None
    reason: str
    plans: tuple[Row, ...]
    ours: Row
    curves: tuple[Curve, ...] = ()


def achievable(
    database: Database, key: str, organ: str, target: str | None = None, volume_percent: float = 50.0
) -> Achieved:
    """Return the least dose to an organ among earlier plans in which it lies no farther from the target.

    The arguments are as for :func:`similar`; ``volume_percent`` is the part of the organ's volume that is looked at.

    Raises:
        DatabaseError: there is no such plan, there are several, or it has no prescription or no DVH.
        ValueError: ``volume_percent`` is not within 0 and 100.
    """
    if not 0 < volume_percent <= 100:
        raise ValueError(f"a volume of {volume_percent:g} % is not between 0 and 100 %")
    ours = _ours(database, key, Pair(organ, target))
    mine = _own_curve(ours)
    share = volume_percent / 100.0
    distance, dose = _distance_at(ours, share), _dose_at(mine, share)
    compared = [(row, curve) for row in _others(database, ours) if (curve := curve_of(row)) is not None]
    near = _no_farther(compared, distance, share)
    doses = np.array([row["dose_gy"] for row, _ in near])
    least, median, most = _band(doses)
    return Achieved(
        volume_percent,
        distance,
        dose,
        len(near),
        len(compared),
        least,
        median,
        most,
        None if least is None else dose - least,
        _remarks(len(near), len(compared), ours),
        tuple({name: row[name] for name in _OF_PLAN} for row, _ in near),
        ours,
        tuple(curve for _, curve in near),
    )


def _own_curve(ours: Row) -> Curve:
    """Return the curve of the plan that is looked at. Raises DatabaseError without one, or a prescription."""
    curve = curve_of(ours)
    if curve is None:
        raise DatabaseError(
            f"there is no DVH of {ours['organ_name']}: {ours['dvh_reason'] or 'it has no curve'}"
        )
    if not ours["prescription_gy"]:
        raise DatabaseError(NO_RX)
    return curve


_OF_PLAN = (
    "patient_id",
    "plan_label",
    "date",
    "prescription_gy",
    "distance_mm",
    "dose_gy",
    "dose_uid",
    "reason",
)


def _no_farther(
    compared: Sequence[tuple[Row, Curve]], distance: float, share: float
) -> list[tuple[Row, Curve]]:
    """Return the plans whose organ is not farther from the target than ``distance`` mm, the least dose first."""
    near = [
        (row | {"distance_mm": away, "dose_gy": _dose_at(curve, share)}, curve)
        for row, curve in compared
        if (away := _distance_at(row, share)) <= distance + 1e-9
    ]
    return sorted(near, key=lambda one: (one[0]["dose_gy"], one[0]["dose_uid"]))


def _band(doses: Floats) -> tuple[float | None, float | None, float | None]:
    if doses.size == 0:
        return None, None, None
    return float(doses.min()), float(np.median(doses)), float(doses.max())


def _remarks(near: int, compared: int, ours: Row) -> str:
    found = []
    if near == 0:
        found.append(f"none of {compared} earlier plans has the organ as near to the target")
    elif near < FEW_PLANS:
        found.append(f"only {near} of {compared} earlier plans have the organ as near to the target")
    found += [ours[name] for name in ("reason", "dvh_reason") if ours[name]]
    return "; ".join(found)


def _distance_at(row: Mapping[str, Any], share: float) -> float:
    """Return the distance in mm within which a part of an organ's volume lies."""
    found = ovh_of(row)
    assert found is not None
    distance, fraction = found
    place = int(np.searchsorted(fraction, share - 1e-9))
    if place == 0 or place >= fraction.size:
        return float(distance[min(place, fraction.size - 1)])
    low, high = fraction[place - 1], fraction[place]
    return float(distance[place - 1] + (share - low) / (high - low) * (distance[place] - distance[place - 1]))


def _dose_at(curve: Curve, share: float) -> float:
    """Return the least dose in Gy that the hottest part of the volume gets."""
    volume = curve.volume_cc / curve.volume_cc[0]
    return float(np.interp(share, volume[::-1], curve.dose_gy[::-1]))
