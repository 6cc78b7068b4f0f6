"""What is in a folder or an archive, looked at before anybody relies on it: what is missing, doubled, contradictory.

A folder is indexed and derived in an index of its own, in a temporary folder; nothing is written beside its files, and
nothing is stored. Findings have a severity: ``error`` (objects that cannot be used, or that contradict each other),
``warning`` (something is missing, guessed or doubled) and ``note`` (to be known).
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.rebuild import rebuild
from pyconquest_rt.archive.verify import Problem, verify
from pyconquest_rt.database.connection import Database
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.exports.catalog import listed
from pyconquest_rt.exports.chain import Node, chains
from pyconquest_rt.settings.sections import Settings

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SCHEMA = 1
_NO_DICOM = "not a DICOM file"
_INDEX = "index.db"


class Finding(NamedTuple):
    """One thing to look at: how bad, its kind, whose, of which object or file, and in words."""

    severity: Severity
    kind: str
    patient_id: str | None
    subject: str
    text: str


class Checked(NamedTuple):
    """What was looked at: where, its patients with their chains, and all findings, the worst first."""

    where: str
    patients: list[dict[str, Any]]
    findings: list[Finding]

    @property
    def worst(self) -> Severity | None:
        """The greatest severity, None without findings."""
        return self.findings[0].severity if self.findings else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; ``schema`` is raised when a key changes its meaning."""
        return {
            "schema": SCHEMA,
            "where": self.where,
            "worst": self.worst,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "patients": self.patients,
            "findings": [finding._asdict() for finding in self.findings],
        }

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check_folder(
    folder: Path, settings: Settings, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> Checked:
    """Look at the files of a folder before they are imported.

    Raises:
        ObjectError: there is no DICOM object below it.
    """
    with tempfile.TemporaryDirectory(prefix="pyconquest-rt-check-") as name:
        place = replace(settings.archive, data=str(folder), database=str(Path(name) / _INDEX), devices={})
        with closing(Archive.open(replace(settings, archive=place))) as archive:
            report = rebuild(archive, progress=lambda done, rate: progress(done, None))
            refused = [_refused(path, reason) for path, reason in report.rejected]
            if not report.indexed:
                reasons = Counter(finding.text for finding in refused)
                said = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
                raise ObjectError(f"there is no DICOM object in {folder} ({said or 'no files'})")
            refused += [Finding("warning", "faulty file", None, *it) for it in report.faulty]
            derive(archive, progress=progress)
            return _checked(str(folder), archive, refused)


def check_archive(archive: Archive) -> Checked:
    """Look at what an archive holds and has derived.

    Raises:
        ObjectError: it holds no object.
    """
    if not archive.database.query("SELECT 1 FROM DICOMImages LIMIT 1"):
        raise ObjectError("the archive holds no object")
    rows = archive.database.query("SELECT path, reason FROM rejected ORDER BY id")
    refused = [_refused(row["path"] or "", row["reason"]) for row in rows]
    return _checked(archive.database.path, archive, refused)


def _refused(path: str, reason: str) -> Finding:
    severity: Severity = "note" if reason.startswith(_NO_DICOM) else "error"
    return Finding(severity, "refused file", None, path, reason)


def _checked(where: str, archive: Archive, refused: list[Finding]) -> Checked:
    database = archive.database
    patients = [dict(row) for row in listed(archive, "patients")]
    findings = [*refused, *_of_index(archive)]
    for patient in patients:
        trees = chains(archive, patient["patient_id"]) if database.has("v_rt_chain") else []
        patient["chains"] = [tree.as_dict() for tree in trees]
        for tree in trees:
            findings += _of_chain(tree, patient["patient_id"])
    for kind, (severity, tables, statement) in _QUESTIONS.items():
        if all(map(database.has, tables)):
            findings += _answers(database, kind, severity, statement)
    findings.sort(key=lambda it: (SEVERITIES.index(it.severity), it.patient_id or "", it.kind, it.subject))
    return Checked(where, patients, findings)


def _of_index(archive: Archive) -> Iterator[Finding]:
    for problem, subject in verify(archive):
        if problem == Problem.SAME_INSTANCE:
            yield Finding("warning", "doubled", None, subject, str(problem.value))
        elif problem != Problem.OTHER_TIME:
            yield Finding("error", "index", None, subject, str(problem.value))


_OF_STATE: dict[str, Severity] = {"missing": "error", "guessed": "warning", "none": "warning"}


def _of_chain(node: Node, patient: str, above: str = "") -> Iterator[Finding]:
    """What is missing or guessed in a chain, from the dose down; behind a gap nothing more is said."""
    if severity := _OF_STATE.get(node.state):
        words = {"missing": "is referred to and not there", "guessed": "was found by frame of reference only"}
        is_unused = not above
        text = f"the {node.kind} {words.get(node.state, 'is not known')}" if above else f"{node}"
        yield Finding("note" if is_unused else severity, "chain", patient, above or node.uid or "", text)
        if node.state != "guessed":
            return
    for below in node.below:
        yield from _of_chain(below, patient, above or node.uid or "")


def _answers(database: Database, kind: str, severity: str, statement: str) -> Iterator[Finding]:
    for row in database.query(statement):
        found: Any = row.get("severity") or severity
        yield Finding(found, kind, row["patient_id"], row["subject"] or "", row["text"] or "")


def _verdicts(table: str) -> str:
    return (
        f"SELECT patient_id, SOPInstanceUID AS subject, reason AS text, "  # noqa: S608 - tables of this module
        f"CASE status WHEN 'failed' THEN 'error' END AS severity FROM {table} WHERE status <> 'ok'"
    )


_SERIES = (
    "SELECT t.PatientID AS patient_id, v.series_instance_uid AS subject, v.images || ' images: ' || "
    "coalesce(v.reason, v.refusal) AS text FROM volume_verdict v JOIN DICOMSeries s ON s.SeriesInst = "
    "v.series_instance_uid LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta "
    "WHERE v.status <> 'ok' AND v.images > 1"
)
_WITHOUT_DVH = (
    "SELECT r.patient_id, a.sop AS subject, a.state || ': ' || coalesce(a.reason, 'derive has not run') AS text, "
    "CASE a.state WHEN 'failed' THEN 'error' END AS severity "
    "FROM derivations a JOIN rt_dose r ON r.SOPInstanceUID = a.sop WHERE a.extractor = 'dvh' AND a.state <> 'done'"
)
_DVHS = (
    "SELECT d.patient_id, v.SOPInstanceUID AS subject, count(*) || ' of ' || (SELECT count(*) FROM dvh w WHERE "
    "w.SOPInstanceUID = v.SOPInstanceUID AND w.structure_set_uid = v.structure_set_uid AND w.source = v.source) || "
    "' ROIs (' || min(v.roi_name) || ' ...): ' || v.reason AS text, "
    "CASE WHEN v.status = 'failed' AND v.reason <> 'no contours' THEN 'warning' END AS severity "
    "FROM dvh v JOIN rt_dose d ON d.SOPInstanceUID = v.SOPInstanceUID WHERE v.status <> 'ok' AND "
    "v.source = 'pyconquest' GROUP BY d.patient_id, v.SOPInstanceUID, v.structure_set_uid, v.status, v.reason"
)
_UNMAPPED = (
    "SELECT s.patient_id, s.SOPInstanceUID AS subject, count(*) || ' ROI names without a standard name, such as ' || "
    "min(r.raw_name) AS text FROM rt_roi r JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID "
    "JOIN roi_name n ON n.raw_name = r.raw_name AND n.physician = 'DEFAULT' WHERE n.tg263_name IS NULL "
    "GROUP BY s.patient_id, s.SOPInstanceUID"
)
_QUESTIONS: dict[str, tuple[Severity, tuple[str, ...], str]] = {
    "structure set": ("warning", ("rt_structure_set",), _verdicts("rt_structure_set")),
    "plan": ("warning", ("rt_plan",), _verdicts("rt_plan")),
    "dose": ("warning", ("rt_dose",), _verdicts("rt_dose")),
    "volume": ("warning", ("volume_verdict",), _SERIES),
    "no DVH": ("warning", ("rt_dose",), _WITHOUT_DVH),
    "DVH": ("note", ("dvh", "rt_dose"), _DVHS),
    "ROI names": ("note", ("rt_roi", "roi_name"), _UNMAPPED),
}
"""Kind → severity unless the row says otherwise, the tables that it needs, and its statement."""
