"""DVHs for people, of a patient, study or object, or of many: tables, curves, treatment sites."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.exports import dvh_values
from pyconquest_rt.rt.dvh.curve import Curve, curve_of
from pyconquest_rt.rt.names.roi_tokens import clean

METRICS = ("D95%[Gy]", "D2%[Gy]", "V20Gy[%]")

Range = tuple[float | None, float | None]
"""From, to; None: no bound."""


@dataclass(frozen=True)
class DvhQuery:
    """Which DVHs are wanted; what is None does not matter.

    Texts are matched whole, in any case, with ``*`` for any characters and ``?`` for one. ``key`` is a PatientID, a
    StudyInstanceUID, or the SOPInstanceUID of a dose, plan or structure set (without wildcards). ``roi`` is a raw
    name, or that of TG-263, the institution or the physician; ``since`` and ``until`` are dates (YYYYMMDD or
    YYYY-MM-DD); ``rx_gy``, ``mean_gy`` and ``max_gy`` are ranges of doses in Gy, ``source`` is ``pyconquest`` or
    ``vendor``, ``kind`` DoseSummationType (``PLAN``, ``MULTI_PLAN``, ``FRACTION`` ...; ``*``: any). ``guessed`` False
    leaves out DVHs whose structure set was found by frame of reference or in the plan's place.
    """

    key: str | None = None
    roi: str | None = None
    physician: str | None = None
    site: str | None = None
    since: str | None = None
    until: str | None = None
    rx_gy: Range | None = None
    mean_gy: Range | None = None
    max_gy: Range | None = None
    source: str | None = None
    kind: str | None = None
    guessed: bool | None = None

    def __str__(self) -> str:
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        return (
            ", ".join(f"{name} {value}" for name, value in given.items() if value is not None) or "any kind"
        )

    def parameters(self) -> dict[str, str | float]:
        """The values to be bound, by name; those that matter only."""
        found: dict[str, str | float | None] = {
            "key": self.key,
            "roi": _like(self.roi),
            "physician": _like(self.physician),
            "site": _like(self.site and _cleaned(self.site)),
            "since": self.since and self.since.replace("-", ""),
            "until": self.until and self.until.replace("-", ""),
            "source": self.source,
            "kind": None if self.kind == "*" else _like(self.kind),
            "guessed": 0 if self.guessed is False else None,
        }
        for name in ("rx_gy", "mean_gy", "max_gy"):
            found[f"{name}_from"], found[f"{name}_to"] = getattr(self, name) or (None, None)
        return {name: value for name, value in found.items() if value is not None}


_CONDITIONS = {
    "key": ":key IN (v.patient_id, v.study_instance_uid, v.SOPInstanceUID, v.plan_uid, v.structure_set_uid)",
    "roi": "(v.roi_name LIKE :roi ESCAPE '~' OR EXISTS (SELECT 1 FROM roi_name m WHERE m.raw_name = v.roi_name AND "
    "(m.tg263_name LIKE :roi ESCAPE '~' OR m.institutional_name LIKE :roi ESCAPE '~' "
    "OR m.physician_name LIKE :roi ESCAPE '~')))",
    "physician": "v.physician LIKE :physician ESCAPE '~'",
    "site": "v.site LIKE :site ESCAPE '~'",
    "since": "v.date >= :since",
    "until": "v.date <= :until",
    "source": "v.source = :source",
    "kind": "v.summation_type LIKE :kind ESCAPE '~'",
    "guessed": "(v.structure_set_link = 'reference') > :guessed",
    "rx_gy_from": "v.prescription_gy >= :rx_gy_from",
    "rx_gy_to": "v.prescription_gy <= :rx_gy_to",
    "mean_gy_from": "v.mean_gy >= :mean_gy_from",
    "mean_gy_to": "v.mean_gy <= :mean_gy_to",
    "max_gy_from": "v.max_gy >= :max_gy_from",
    "max_gy_to": "v.max_gy <= :max_gy_to",
}
_COLUMNS = (
    *("patient_id", "SOPInstanceUID", "structure_set_uid", "plan_label", "physician", "site", "date"),
    *("summation_type", "structure_set_link", "prescription_gy", "fractions"),
    *("roi_number", "source", "end_cap", "roi_name", "tg263_name"),
    *("volume_cc", "min_gy", "mean_gy", "max_gy", "status"),
)
_OF_EFFECTS = ("alpha_beta_gy", "alpha_beta_method")
_VALUE = (
    "SELECT m.value FROM dvh_metrics m WHERE m.SOPInstanceUID = v.SOPInstanceUID AND m.roi_number = v.roi_number AND "
    "m.structure_set_uid = v.structure_set_uid AND m.source = v.source AND m.end_cap = v.end_cap AND m.metric"
)
_TABLES = ("dvh", "roi_name", "rt_plan", "rt_site", "rt_structure_set", "v_dvh")


def _like(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    for special in "~%_":
        pattern = pattern.replace(special, f"~{special}")
    return pattern.replace("*", "%").replace("?", "_")


def _cleaned(site: str) -> str:
    """A site as it stands in the index; wildcards stay."""
    return clean(site) if not set(site) & set("*?") else site


def _select(
    database: Database, query: DvhQuery, columns: Sequence[str], metrics: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Rows of v_dvh that are asked for: some of its columns, and metrics by their names."""
    if not _has_dvhs(database):
        return []
    parameters = query.parameters()
    conditions = " AND ".join(_CONDITIONS[name] for name in parameters) or "1"
    values = {f"metric_{number}": metric for number, metric in enumerate(metrics)}
    chosen = [f"v.{name}" for name in columns]
    chosen += [f"({_VALUE} = :{name}) AS {quote(metric)}" for name, metric in values.items()]
    return database.query(
        f"SELECT {', '.join(chosen)}, v.reason FROM v_dvh v WHERE {conditions} "  # noqa: S608 - words of this module
        "ORDER BY v.patient_id, v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source",
        parameters | values,
    )


def find_dvhs(database: Database, query: DvhQuery, metrics: Sequence[str] = METRICS) -> list[dict[str, Any]]:
    """Return one row for each DVH that is asked for, volumes in cc, doses in Gy.

    Args:
        database: the index.
        query: which DVHs.
        metrics: names of metrics that become columns. Those that were not calculated on arrival are taken from the
            curves, which are right to 0.1 %.

    Raises:
        ValueError: a name is no metric, or one that has to be calculated first (BED, EQD2, CI, CN).
    """
    if not _has_dvhs(database):
        return []
    later = dvh_values.not_calculated(database, metrics)
    columns = [*_COLUMNS, *(_OF_EFFECTS if any(_has_effect(name) for name in metrics) else ())]
    rows = _select(database, query, [*columns, *(dvh_values.COLUMNS if later else ())], metrics)
    for row in rows if later else ():
        row.update({name: dvh_values.value_of(row, name) for name in later})
        for name in dvh_values.COLUMNS:
            del row[name]
    return rows


def _has_dvhs(database: Database) -> bool:
    return all(database.has(table) for table in _TABLES)


def _has_effect(name: str) -> bool:
    """Whether a metric is taken of BED or EQD2."""
    return name.strip().upper().startswith(("BED", "EQD2"))


class NamedCurve(NamedTuple):
    """One curve to draw: whose it is and of which dose, who calculated it, its colour (``#rrggbb``), the prescribed
    dose in Gy, and what must be said of it."""

    patient_id: str
    roi_name: str
    source: str
    colour: str | None
    prescription_gy: float | None
    curve: Curve
    dose_uid: str = ""
    plan_label: str = ""
    kind: str = ""
    reason: str = ""
    structure_set_uid: str = ""


def find_curves(database: Database, query: DvhQuery) -> list[NamedCurve]:
    """Return the curves of the DVHs that are asked for."""
    names = ("roi_number", "roi_name", "source", "prescription_gy", "curve_gy", "curve_cc")
    more = (
        "patient_id",
        "SOPInstanceUID",
        "structure_set_uid",
        "plan_label",
        "summation_type",
        "volume_cc",
        "colour",
    )
    curves = []
    for row in _select(database, query, (*names, *more)):
        curve = curve_of(row)
        if curve is not None and row["volume_cc"]:
            name = row["roi_name"] or f"ROI {row['roi_number']}"
            whose = (row["patient_id"] or "", name, row["source"])
            keys = ("SOPInstanceUID", "plan_label", "summation_type", "reason", "structure_set_uid")
            of_dose = (row[key] or "" for key in keys)
            curves.append(NamedCurve(*whose, row["colour"], row["prescription_gy"], curve, *of_dose))
    return curves


def curve_rows(database: Database, query: DvhQuery) -> list[dict[str, Any]]:
    """Return the points of the curves that are asked for, one row each: dose in Gy, volume in cc and in %."""
    return [
        {
            "patient_id": one.patient_id,
            "dose_uid": one.dose_uid,
            "plan_label": one.plan_label,
            "roi_name": one.roi_name,
            "source": one.source,
            "dose_gy": float(dose),
            "volume_cc": float(volume),
            "volume_percent": 100.0 * float(volume) / float(one.curve.volume_cc[0]),
            "reason": one.reason or None,
        }
        for one in find_curves(database, query)
        for dose, volume in zip(one.curve.dose_gy, one.curve.volume_cc, strict=True)
    ]


_JUDGE_AGAIN = (
    "UPDATE derivations SET state = 'due', attempts = 0 WHERE extractor = 'goals' "
    "AND sop IN (SELECT SOPInstanceUID FROM dvh WHERE plan_uid = ?)"
)
"""Goals are chosen by the site of a plan."""


def set_site(database: Database, key: str, site: str | None) -> int:
    """Say what the treatment site of plans is, whatever they say themselves; returns how many plans these are.

    Args:
        database: the index.
        key: a PatientID, a StudyInstanceUID or a plan's SOPInstanceUID.
        site: free text, kept in lower case without accents and double blanks; None: what the plan itself says.
    """
    if not (database.has("rt_plan") and database.has("rt_site")):
        return 0
    plans = database.query(
        "SELECT SOPInstanceUID FROM rt_plan WHERE ? IN (patient_id, study_instance_uid, SOPInstanceUID)",
        (key,),
    )
    uids = [(row["SOPInstanceUID"],) for row in plans]
    with database.transaction() as connection:
        connection.executemany("DELETE FROM rt_site WHERE plan_uid = ?", uids)
        if site:
            connection.executemany(
                "INSERT INTO rt_site VALUES (?, ?)", [(uid, clean(site)) for (uid,) in uids]
            )
        connection.executemany(_JUDGE_AGAIN, uids)
    return len(uids)
