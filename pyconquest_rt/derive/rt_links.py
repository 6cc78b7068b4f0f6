"""Which plans, structure sets and further doses the DVHs of a dose rest on, as the index has them."""

from collections.abc import Sequence
from typing import Any

from pyconquest_rt.database.connection import Database
from pyconquest_rt.derive.extractor import Source, Waiting
from pyconquest_rt.rt.objects.relations import CHAIN_VIEW, FRAMED_SQL

REFERENCE, FRAME = "reference", "frame of reference"
LINKED = (REFERENCE, FRAME)
"""Links of a plan that is there."""
LINK_STATE = "rt:link"


def set_link(database: Database, link: str) -> int:
    """Say how doses of this index find their structure sets; returns how many are due again.

    It stands above ``link`` of the section ``[rt]``. Doses that wait are due again, and those whose structure set was
    found by frame of reference.

    Args:
        database: the index.
        link: ``reference`` or ``frame of reference``.

    Raises:
        ValueError: ``link`` is neither.
    """
    if link not in LINKED:
        raise ValueError(f"link is {link!r}; use one of {', '.join(LINKED)}")
    with database.transaction() as connection:
        database.set_state(LINK_STATE, link)
        if not (database.has("derivations") and database.has("dvh")):
            return 0
        return connection.execute(
            "UPDATE derivations SET state = 'due', attempts = 0, version = -1 WHERE extractor = 'dvh' AND "
            "(result = 'waiting' OR sop IN (SELECT SOPInstanceUID FROM dvh WHERE structure_set_link = ?))",
            (FRAME,),
        ).rowcount


def _links_frames(source: Source, usual: bool) -> bool:
    """Whether structure sets may be found by frame of reference though another one is referred to."""
    rows = source.query("SELECT value FROM archive_state WHERE name = ?", (LINK_STATE,))
    return rows[0]["value"] == FRAME if rows else usual


def chain(source: Source, links_frames: bool) -> list[dict[str, Any]]:
    """The dose's rows of the chain view, one for each structure set.

    Where the structure set that is referred to has not come, all those of the dose's frame of reference and patient
    stand in for it, if ``set_link`` said so for this index, else if ``links_frames``.

    Raises:
        Waiting: there is no structure set yet; says what is missing.
    """
    rows = source.query(f"SELECT * FROM {CHAIN_VIEW} WHERE dose_uid = ?", (source.sop,))  # noqa: S608
    if not rows:
        raise Waiting("its own row in rt_dose")
    if not all(row["has_structures"] for row in rows):
        framed = source.query(FRAMED_SQL, (source.sop,)) if _links_frames(source, links_frames) else []
        if not framed:
            raise Waiting(rows[0]["reason"])
        said = {"reason": f"{rows[0]['reason']}; meanwhile structure set by frame of reference only"}
        return [rows[0] | row | said for row in framed]
    return rows


def plan_uids(source: Source, row: dict[str, Any]) -> list[str]:
    """The plans of a dose, whether they are there or not: those that it refers to, else the one of its frame."""
    (dose,) = source.query("SELECT plan_uids FROM rt_dose WHERE SOPInstanceUID = ?", (source.sop,))
    named: list[str] = (dose["plan_uids"] or "").split("\\") if dose["plan_uids"] else []
    return named or ([row["plan_uid"]] if row["plan_link"] == "frame of reference" else [])


def plans_of(source: Source, uids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The rows of plans that are there, by SOPInstanceUID."""
    marks = ", ".join("?" * len(uids))
    rows = source.query(f"SELECT * FROM rt_plan WHERE SOPInstanceUID IN ({marks})", tuple(uids))  # noqa: S608
    return {row["SOPInstanceUID"]: row for row in rows}


def own_doses(source: Source, uids: Sequence[str]) -> dict[str, str]:
    """The doses of the plans of a sum, by the plan's SOPInstanceUID: none unless each plan has just one.

    They have one grid in one object, and the frame of reference, patient and DoseType of the sum.
    """
    if len(uids) < 2:
        return {}
    same = " AND ".join(
        f"other.{name} IS this.{name}" for name in ("frame_of_reference_uid", "patient_id", "dose_type")
    )
    found = {}
    for uid in uids:
        rows = source.query(
            f"SELECT other.SOPInstanceUID AS sop FROM rt_dose this JOIN rt_dose other ON {same} "  # noqa: S608
            "WHERE this.SOPInstanceUID = ? AND other.plan_uids = ? AND other.summation_type = 'PLAN' "
            "AND other.dose_units = 'GY' AND other.planes > 1",
            (source.sop, uid),
        )
        if len(rows) != 1:
            return {}
        found[uid] = rows[0]["sop"]
    return found


_SAME = (
    *("series_instance_uid", "frame_of_reference_uid", "plan_uids", "structure_set_uid", "summation_type"),
    *("fraction_group_number", "beam_numbers", "dose_type", "dose_units"),
)


def planes_of(source: Source) -> list[str]:
    """The doses that make one grid with this one, by SOPInstanceUID: a series with a single plane in each object."""
    same = " AND ".join(f"other.{name} IS this.{name}" for name in _SAME)
    rows = source.query(
        f"SELECT other.SOPInstanceUID FROM rt_dose this JOIN rt_dose other ON {same} "  # noqa: S608
        "WHERE this.SOPInstanceUID = ? AND this.planes = 1 AND other.planes = 1 "
        "AND this.series_instance_uid IS NOT NULL ORDER BY other.SOPInstanceUID",
        (source.sop,),
    )
    return [row["SOPInstanceUID"] for row in rows] or [source.sop]
