"""Derivations: claimed, computed, and committed only while everything they rest on is as it was read.

An :class:`~pyconquest_rt.derive.extractor.Extractor` turns one object into rows of its own tables. What is due stands
in the account (account.py). Work is claimed with a token and a lease, computed outside any transaction, and committed
only if the claim and the fingerprints of its inputs still hold. A failing extractor records its error and costs
nothing else.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.due import assign_patient
from pyconquest_rt.archive.editing import CorrectedFiles
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE, STUDIES_DOWN
from pyconquest_rt.derive.account import Claim, Held, claims, enqueue, held, is_ours, prepare, sweep
from pyconquest_rt.derive.extractor import Extractor, Rows, Source, Waiting
from pyconquest_rt.errors import DatabaseError, SettingsError
from pyconquest_rt.settings.sections import Settings

ENTRY_POINTS = "pyconquest_rt.extractors"
_RESULTS = frozenset({"done", "waiting", "failed"})


class Derived(NamedTuple):
    """What became of one object that was derived: its state is done, waiting (and for what) or failed (and why)."""

    sop_instance_uid: str
    extractor: str
    state: str
    reason: str | None


@dataclass
class Summary:
    """What one run did: counts by state, and the reasons of failures and waits."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: list[tuple[str, str, str]] = field(default_factory=list)
    """(extractor, SOPInstanceUID, reason)"""
    held: list[Held] = field(default_factory=list)
    """What other processes have claimed; its results are not there yet."""

    def __str__(self) -> str:
        return (
            ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items())) or "nothing was due"
        )


def extractors(settings: Settings) -> tuple[Extractor, ...]:
    """Return all extractors, in the order in which they work: the package's own, then those of other packages.

    The archive's settings say which metrics DVHs have and which map ROI names.
    """
    from pyconquest_rt.derive.dose import extractors as of_doses
    from pyconquest_rt.derive.goals import goal_extractor
    from pyconquest_rt.derive.rt import extractors as of_rt_objects
    from pyconquest_rt.derive.volume_verdict import VOLUME_VERDICT

    return (
        *of_rt_objects(settings.rt),
        goal_extractor(settings.rt.goals),
        *of_doses(settings.dose),
        VOLUME_VERDICT,
        *_others(),
    )


@cache
def _others() -> tuple[Extractor, ...]:
    """The extractors of other packages."""
    found = [extractor for point in entry_points(group=ENTRY_POINTS) for extractor in _as_list(point.load())]
    return tuple(sorted(found, key=lambda extractor: extractor.name))


def _as_list(loaded: Extractor | Iterable[Extractor]) -> list[Extractor]:
    return [loaded] if isinstance(loaded, Extractor) else list(loaded)


# -- deriving -----------------------------------------------------------------------------------------------


def derive(
    archive: Archive,
    *,
    patient: str | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_derived: Callable[[Derived], object] = lambda event: None,
) -> Summary:
    """Derive everything that is due, in this process.

    Args:
        archive: the archive.
        patient: only objects of this PatientID.
        only: names of extractors; None: all.
        progress: called with how many are done and how many were due at the start.
        on_derived: called with each result that is committed.

    Raises:
        SettingsError: there is no extractor of a name.
        DatabaseError: there is no such patient, or the database cannot be written.
    """
    known = extractors(archive.settings)
    _refuse_unknown(archive, known, patient, only)
    wanted = [extractor for extractor in known if only is None or extractor.name in only]
    prepare(archive.database, known)  # all: some share their tables
    sweep(archive.database)
    total = enqueue(archive.database, wanted)
    summary = work_off(
        archive,
        wanted,
        patient=patient,
        progress=lambda done: progress and progress(done, total),
        on_derived=on_derived,
    )
    summary.held = held(archive.database, [extractor.name for extractor in wanted], patient)
    return summary


def work_off(
    archive: Archive,
    wanted: Sequence[Extractor],
    *,
    patient: str | None = None,
    progress: Callable[[int], object] = lambda done: None,
    go_on: Callable[[], bool] = lambda: True,
    on_derived: Callable[[Derived], object] = lambda event: None,
) -> Summary:
    """Derive what stands in the account as due, one object after the other, until none is left.

    ``progress`` is called with how many are done; ``go_on`` is asked before each object.
    """
    summary = Summary()
    for number, claim in enumerate(claims(archive.database, wanted, patient, go_on), 1):
        state, reason = derive_one(archive, claim)
        summary.counts[state] += 1
        if reason:
            summary.reasons.append((claim.extractor.name, claim.sop, reason))
        if state in _RESULTS:
            on_derived(Derived(claim.sop, claim.extractor.name, state, reason))
        progress(number)
    settle(archive.database, wanted)
    return summary


def settle(database: Database, wanted: Sequence[Extractor]) -> None:
    """Make what rests on the rows of several objects anew where these have changed."""
    for work in dict.fromkeys(extractor.settle for extractor in wanted if extractor.settle is not None):
        with database.transaction() as connection:
            work(connection)


def _refuse_unknown(
    archive: Archive, known: Sequence[Extractor], patient: str | None, only: Collection[str] | None
) -> None:
    names = [extractor.name for extractor in known]
    unknown = sorted(set(only or ()) - set(names))
    if unknown:
        raise SettingsError(f"there is no extractor {', '.join(unknown)}; there are {', '.join(names)}")
    if patient is not None and not archive.database.query(
        "SELECT 1 FROM DICOMPatients WHERE PatientID = ?", (patient,)
    ):
        raise DatabaseError(f"the archive has no patient {patient!r}")


def derive_one(archive: Archive, claim: Claim) -> tuple[str, str | None]:
    """Derive one claimed object; returns its state (done, waiting, failed or due again) and the reason."""
    database, start = archive.database, time.monotonic()
    inputs: dict[str, str] = {}
    corrected = CorrectedFiles(archive)

    def files_of(sops: Collection[str]) -> list[Path]:
        found = _files(database, archive.storage, sops)
        inputs.update({sop: fingerprint for sop, (_, fingerprint) in found.items()})
        return [corrected.path_of(sop, found[sop][0]) for sop in sops]

    def file_of(sop: str) -> Path:
        return files_of([sop])[0]

    rows: Rows | None = None
    state, reason, awaited = "done", None, None
    try:
        source = Source(claim.sop, file_of(claim.sop), database.query, file_of, files_of)
        if _is_as_before(archive, claim, source):
            return _keep(database, claim)
        rows = claim.extractor.extract(source)
    except Waiting as waiting:
        state, reason, awaited, rows = "waiting", str(waiting), waiting.uid, waiting.rows
    except Exception as error:  # boundary to extractors: one object fails, the others are derived
        state, reason = "failed", f"{type(error).__name__}: {error}"
    finally:
        corrected.remove()
    with database.transaction():
        if not _holds(archive, claim, inputs):
            return "due", None
        _write(database, claim, rows or {}, inputs)
        _record(database, claim, state, reason, time.monotonic() - start, awaited)
        _awake(database, claim)
    return state, reason


def _is_as_before(archive: Archive, claim: Claim, source: Source) -> bool:
    """Whether there is a result of this version that rests on just what a new one would rest on."""
    if claim.extractor.inputs is None:
        return False
    row = archive.database.connection.execute(
        "SELECT version, result FROM derivations WHERE sop = ? AND extractor = ?",
        (claim.sop, claim.extractor.name),
    ).fetchone()
    if row is None or row[0] != claim.extractor.version or row[1] not in {"done", "failed"}:
        return False
    before = dict(
        archive.database.connection.execute(
            "SELECT input_sop, fingerprint FROM derivation_inputs WHERE sop = ? AND extractor = ?",
            (claim.sop, claim.extractor.name),
        )
    )
    now = {claim.sop, *claim.extractor.inputs(source)}
    return before == _fingerprints(archive, now)


def _keep(database: Database, claim: Claim) -> tuple[str, str | None]:
    """Leave a result as it is."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE derivations SET state = result, worker = NULL, token = NULL, lease = NULL, attempts = 0 "
            "WHERE sop = ? AND extractor = ? AND state = 'running' AND token = ?",
            (claim.sop, claim.extractor.name, claim.token),
        )
    return "unchanged", None


def _holds(archive: Archive, claim: Claim, inputs: dict[str, str]) -> bool:
    """Whether the claim is still ours and everything that was read is still as it was; else it is due again."""
    database = archive.database
    mine = is_ours(database, claim)
    if mine and _fingerprints(archive, inputs) == inputs:
        return True
    if mine:
        _record(database, claim, "due", None, 0.0)
    return False


_FILES = (
    "SELECT i.SOPInstanc, f.size || ':' || f.mtime_ns, i.ObjectFile, i.DeviceName FROM DICOMImages i "
    "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/') WHERE i.SOPInstanc IN (?)"
)


def _fingerprints(archive: Archive, sops: Collection[str]) -> dict[str, str]:
    """The fingerprint of the file of each object; that of an object that is not indexed is ``gone``."""
    found = dict.fromkeys(sops, "gone")
    found |= {sop: mark or "" for sop, mark, path, _ in archive.database.select_in(_FILES, sops) if path}
    return found


def _files(database: Database, storage: Storage, sops: Collection[str]) -> dict[str, tuple[Path, str]]:
    """The file of each object and its fingerprint."""
    found = dict.fromkeys(sops, (Path(), "gone"))
    for sop, mark, path, device in database.select_in(_FILES, sops):
        if path:
            found[sop] = storage.path_of(path, device), mark or ""
    return found


def _write(database: Database, claim: Claim, rows: Rows, inputs: dict[str, str]) -> None:
    """Put the rows of a result in the place of those before, and what it rests on."""
    connection, name = database.connection, claim.extractor.name
    for table in claim.extractor.tables:
        connection.execute(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", (claim.sop,))
    connection.execute("DELETE FROM derivation_inputs WHERE sop = ? AND extractor = ?", (claim.sop, name))
    for table, table_rows in rows.items():
        for row in table_rows:
            database.put(table, tuple(row), [tuple(row.values())])
    assign_patient(database, [claim.sop], claim.extractor.tables)
    database.put(
        "derivation_inputs",
        ("sop", "extractor", "input_sop", "fingerprint"),
        [(claim.sop, name, sop, fingerprint) for sop, fingerprint in inputs.items()],
    )


def _record(
    database: Database,
    claim: Claim,
    state: str,
    reason: str | None,
    seconds: float,
    awaited: str | None = None,
) -> None:
    database.connection.execute(
        "UPDATE derivations SET state = ?, result = ?, reason = ?, awaited = ?, version = ?, worker = NULL, "
        "token = NULL, lease = NULL, time = ?, seconds = ?, attempts = CASE WHEN ? = 'due' THEN attempts ELSE 0 END "
        "WHERE sop = ? AND extractor = ?",
        (
            state,
            state,
            reason,
            awaited,
            claim.extractor.version,
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            seconds,
            state,
            claim.sop,
            claim.extractor.name,
        ),
    )


def _awake(database: Database, claim: Claim) -> None:
    """What this patient's other objects give may be another thing now; work on them is taken back."""
    for name in claim.extractor.awakes:
        database.connection.execute(
            "UPDATE derivations SET state = 'due', attempts = 0 WHERE extractor = ? AND sop IN ("
            f"SELECT i.SOPInstanc FROM {STUDIES_DOWN} WHERE t.PatientID = ("
            f"SELECT t.PatientID FROM DICOMImages i {PARENTS_OF_IMAGE} WHERE i.SOPInstanc = ?))",
            (name, claim.sop),
        )
