"""Each dose of a patient with its plan, structure set and images as a tree; what is missing is named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.errors import DatabaseError, ObjectError

_CHAINS = """
SELECT c.*, p.label AS plan_label, s.label AS structure_set_label, d.summation_type AS kind,
    (SELECT count(*) FROM dvh h WHERE h.SOPInstanceUID = c.dose_uid AND h.structure_set_uid = c.structure_set_uid
        AND h.source = 'pyconquest' AND h.status <> 'failed') AS dvhs,
    (SELECT count(*) FROM DICOMImages i WHERE i.SeriesInst = c.image_series_uid) AS images
FROM v_rt_chain c JOIN rt_dose d ON d.SOPInstanceUID = c.dose_uid
LEFT JOIN rt_plan p ON p.SOPInstanceUID = c.plan_uid
LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = c.structure_set_uid
WHERE c.patient_id = ? ORDER BY c.study_instance_uid, c.dose_uid, c.structure_set_uid"""
_UNUSED = """
SELECT 'plan' AS kind, p.SOPInstanceUID AS uid, p.label AS label FROM rt_plan p WHERE p.patient_id = :patient
    AND NOT EXISTS (SELECT 1 FROM v_rt_chain c WHERE c.patient_id = :patient AND c.plan_uid = p.SOPInstanceUID)
UNION ALL
SELECT 'structure set', s.SOPInstanceUID, s.label FROM rt_structure_set s WHERE s.patient_id = :patient
    AND NOT EXISTS (SELECT 1 FROM v_rt_chain c WHERE c.patient_id = :patient
        AND c.structure_set_uid = s.SOPInstanceUID)
ORDER BY 1, 2"""


@dataclass
class Node:
    """An object of a chain: what it is, its UID, a label, its state and what hangs on it.

    ``state`` is ``ok``, ``missing`` (something refers to it, and it is not there), ``guessed`` (found by frame of
    reference, not by reference) or ``none`` (nothing refers to one); ``reason`` says more.
    """

    kind: str
    uid: str | None = None
    label: str = ""
    state: str = "ok"
    reason: str = ""
    below: list["Node"] = field(default_factory=list)

    def __str__(self) -> str:
        text = " ".join(part for part in (self.kind, self.label, self.uid and f"…{self.uid[-8:]}") if part)
        said = ": ".join(part for part in ("" if self.state == "ok" else self.state, self.reason) if part)
        return f"{text} ({said})" if said else text

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {**vars(self), "below": [node.as_dict() for node in self.below]}

    @classmethod
    def of_dict(cls, given: dict[str, Any]) -> "Node":
        """Return the node that :meth:`as_dict` was made of."""
        return cls(**{**given, "below": [cls.of_dict(below) for below in given["below"]]})


_STATES = {
    "reference": "ok",
    "plan": "guessed",
    "frame of reference": "guessed",
    "missing": "missing",
    "none": "none",
}


def chains(archive: Archive, patient_id: str) -> list[Node]:
    """Return the doses of a patient, each with its plan, structure set and image series below it.

    Plans and structure sets that no dose rests on stand last, each by itself.

    Raises:
        ObjectError: the archive has no such patient.
        DatabaseError: nothing was derived yet, so that links between objects are not known.
    """
    database = archive.database
    if not database.query("SELECT 1 FROM DICOMPatients WHERE PatientID = ?", (patient_id,)):
        raise ObjectError(f"the archive has no patient {patient_id!r}")
    if not database.has("v_rt_chain"):
        raise DatabaseError(
            "nothing was derived yet; 'pyconquest-rt derive' finds how RT objects belong together"
        )
    found = [_dose(row) for row in database.query(_CHAINS, (patient_id,))]
    unused = database.query(_UNUSED, {"patient": patient_id})
    return found + [
        Node(row["kind"], row["uid"], row["label"] or "", "none", "no dose rests on it") for row in unused
    ]


def _dose(row: dict[str, Any]) -> Node:
    images = Node("images", row["image_series_uid"], state=_STATES[row["image_series_link"]])
    images.label = f"{row['images']} of series" if row["images"] else ""
    structures = Node("structure set", row["structure_set_uid"], row["structure_set_label"] or "")
    structures.state, structures.below = _STATES[row["structure_set_link"]], [images]
    plan = Node(
        "plan", row["plan_uid"], row["plan_label"] or "", _STATES[row["plan_link"]], below=[structures]
    )
    made = f"{row['dvhs']} DVHs" if row["dvhs"] else "no DVHs"
    return Node(
        "dose",
        row["dose_uid"],
        row["kind"] or "",
        reason=": ".join(filter(None, (made, row["reason"]))),
        below=[plan],
    )


def drawn(nodes: list[Node], indent: str = "") -> Iterator[str]:
    """Yield the lines of a tree: each object under the one that rests on it."""
    for node in nodes:
        yield f"{indent}{'└─ ' if indent else ''}{node}"
        yield from drawn(node.below, indent + "   ")
