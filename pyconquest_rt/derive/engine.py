"""Derivations: what is due is a query; a result is committed only while everything it rests on is as it was read.

An :class:`~pyconquest_rt.derive.extractor.Extractor` turns one object into rows of its own tables. Objects of its SOP
classes without a result of its version are due; so are those whose inputs have changed. Work is claimed with a
lease, computed outside any transaction, and committed only if the fingerprints of its inputs still hold. A failing
extractor records its error and costs nothing else.
"""

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive import due as derived
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.due import assign_patient
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.database.migrations import of_extractor
from pyconquest_rt.derive.extractor import Extractor, Rows, Source, Waiting
from pyconquest_rt.dicom import system
from pyconquest_rt.settings.sections import Settings

ENTRY_POINTS = "pyconquest_rt.extractors"
LEASE_S = 900.0
MAX_ATTEMPTS = 3
_RESULTS = frozenset({"done", "waiting", "failed"})


class Claim(NamedTuple):
    """One object that this process derives from now on."""

    sop: str
    extractor: Extractor


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

    def __str__(self) -> str:
        return (
            ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items())) or "nothing was due"
        )


def extractors(settings: Settings) -> tuple[Extractor, ...]:
    """Return all extractors, in the order in which they work: the package's own, then those of other packages.

    The archive's settings say which metrics DVHs have and which map ROI names.
    """
    from pyconquest_rt.derive.dose import extractors as of_doses
    from pyconquest_rt.derive.rt import extractors as of_rt_objects

    return (*of_rt_objects(settings.rt), *of_doses(settings.dose), *_others())


@cache
def _others() -> tuple[Extractor, ...]:
    """The extractors of other packages."""
    found = [extractor for point in entry_points(group=ENTRY_POINTS) for extractor in _as_list(point.load())]
    return tuple(sorted(found, key=lambda extractor: extractor.name))


def _as_list(loaded: Extractor | Iterable[Extractor]) -> list[Extractor]:
    return [loaded] if isinstance(loaded, Extractor) else list(loaded)


def prepare(database: Database, wanted: Sequence[Extractor]) -> None:
    """Make the tables of extractors, and the index by which their objects are found."""
    for extractor in wanted:
        database.migrate(of_extractor(extractor.name, extractor.scripts))
        if extractor.version_before is not None:
            _adopt_results(database, extractor)
        known = {row["name"] for row in database.query("SELECT name FROM derived_tables")}
        if not set(extractor.tables) <= known:
            with database.transaction() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO derived_tables(name, extractor) VALUES (?, ?)",
                    [(table, extractor.name) for table in extractor.tables],
                )
    if not database.has("images_sop_class"):
        database.connection.execute("CREATE INDEX IF NOT EXISTS images_sop_class ON DICOMImages(SOPClassUI)")


def _adopt_results(database: Database, extractor: Extractor) -> None:
    """Take results from before settings were part of the version for results of the settings of today, once."""
    mark = f"settings:{extractor.name}"
    if database.state(mark):
        return
    with database.transaction() as connection:
        connection.execute(
            "UPDATE derivations SET version = ? WHERE extractor = ? AND version = ?",
            (extractor.version, extractor.name, extractor.version_before),
        )
        database.set_state(mark, "1")


# -- what is due --------------------------------------------------------------------------------------------


def enqueue(database: Database, wanted: Sequence[Extractor], *, all_rows: bool = True) -> int:
    """Put every object that is due into the account; returns how many are due now.

    Args:
        database: the index.
        wanted: the extractors concerned.
        all_rows: False looks only at image rows that have come since the last call, which costs next to nothing;
            what changed otherwise is found by the next call with True.
    """
    due = 0
    for extractor in wanted:
        with database.transaction() as connection:
            _enqueue_new(database, extractor, all_rows)
            connection.execute(
                "UPDATE derivations SET state = 'due', attempts = 0 WHERE extractor = ? AND state = 'waiting' AND "
                "(awaited IN (SELECT SeriesInst FROM DICOMSeries) OR awaited IN (SELECT SOPInstanc FROM DICOMImages))",
                (extractor.name,),
            )
            row = connection.execute(
                "SELECT count(*) FROM derivations WHERE extractor = ? AND state = 'due'", (extractor.name,)
            ).fetchone()
        due += row[0]
    return due


def _enqueue_new(database: Database, extractor: Extractor, all_rows: bool) -> None:
    """Enter image rows of the extractor's classes that have no result of its version."""
    mark = f"enqueued:{extractor.name}:{extractor.version}"
    since = 0 if all_rows else int(database.state(mark) or 0)
    (last,) = database.connection.execute("SELECT max(rowid) FROM DICOMImages").fetchone()
    classes = ", ".join("?" * len(extractor.sop_classes))
    of_class = f"SOPClassUI IN ({classes})"
    chosen = f"SELECT i.SOPInstanc AS sop FROM DICOMImages i WHERE i.{of_class} AND i.rowid > ?"
    values: tuple[str | int, ...] = (*extractor.sop_classes, since)
    columns = _columns_alike(database, extractor)
    if columns:
        alike = f"SELECT DISTINCT {', '.join(columns)} FROM DICOMImages i WHERE i.{of_class} AND i.rowid > ?"
        same = " AND ".join(f"j.{column} IS c.{column}" for column in columns)
        least = f"SELECT min(j.SOPInstanc) FROM DICOMImages j WHERE {same} AND j.{of_class}"
        chosen = f"SELECT ({least}) AS sop FROM ({alike}) c"
        values = (*extractor.sop_classes, *values)
        _remove_all_but_one(database, extractor, columns, since)
    database.connection.execute(
        "INSERT OR REPLACE INTO derivations(sop, extractor, version, state) "
        f"SELECT c.sop, ?, ?, 'due' FROM ({chosen}) c WHERE NOT EXISTS "
        "(SELECT 1 FROM derivations d WHERE d.sop = c.sop AND d.extractor = ? AND d.version = ?)",
        (extractor.name, extractor.version, *values, extractor.name, extractor.version),
    )
    database.set_state(mark, str(last or 0))


def _columns_alike(database: Database, extractor: Extractor) -> list[str]:
    present = {name.lower() for name in database.columns("DICOMImages")}
    return [column for column in extractor.one_per or () if column.lower() in present]


def _remove_all_but_one(database: Database, extractor: Extractor, columns: Sequence[str], since: int) -> None:
    """Remove results of images beside which one with a lesser UID has come: which one is read rests on no order."""
    same = " AND ".join(f"j.{column} IS i.{column}" for column in columns)
    classes = ", ".join("?" * len(extractor.sop_classes))
    come = "SELECT DISTINCT SeriesInst FROM DICOMImages WHERE rowid > ?"
    late = database.connection.execute(
        "SELECT d.sop FROM derivations d JOIN DICOMImages i ON i.SOPInstanc = d.sop WHERE d.extractor = ? "
        f"AND (? = 0 OR i.SeriesInst IN ({come})) AND EXISTS (SELECT 1 FROM DICOMImages j "
        f"WHERE {same} AND j.SOPInstanc < i.SOPInstanc AND j.SOPClassUI IN ({classes}))",
        (extractor.name, since, since, *extractor.sop_classes),
    ).fetchall()
    for (sop,) in late:
        for table in extractor.tables:
            database.connection.execute(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", (sop,))
        for table in ("derivations", "derivation_inputs"):
            database.connection.execute(
                f"DELETE FROM {table} WHERE sop = ? AND extractor = ?", (sop, extractor.name)
            )


def sweep(database: Database) -> None:
    """Mend the account: results of objects that have gone go, changed inputs and broken-off work are due again."""
    with database.transaction() as connection:
        gone = connection.execute(
            "SELECT DISTINCT sop FROM derivations WHERE NOT EXISTS "
            "(SELECT 1 FROM DICOMImages i WHERE i.SOPInstanc = derivations.sop)"
        ).fetchall()
        derived.objects_removed(database, [row[0] for row in gone])
        connection.execute(
            "UPDATE derivations SET state = 'due', attempts = 0 WHERE state <> 'due' AND (sop, extractor) IN "
            "(SELECT d.sop, d.extractor FROM derivation_inputs d LEFT JOIN DICOMImages i ON i.SOPInstanc = d.input_sop "
            "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/') "
            "WHERE coalesce(f.size || ':' || f.mtime_ns, '') <> d.fingerprint)"
        )
        connection.execute(
            "UPDATE derivations SET state = 'due' WHERE state = 'running' AND lease < ?", (time.time(),)
        )
        for (worker,) in connection.execute(
            "SELECT DISTINCT worker FROM derivations WHERE state = 'running'"
        ).fetchall():
            if not _is_alive(worker):
                connection.execute(
                    "UPDATE derivations SET state = 'due' WHERE state = 'running' AND worker = ?", (worker,)
                )


def _is_alive(worker: str) -> bool:
    """Whether a worker may still be at work; those of other machines are judged by their lease alone."""
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname():
        return True
    return pid.isdecimal() and system.is_alive(int(pid))


def claims(
    database: Database,
    wanted: Sequence[Extractor],
    patient: str | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Claim]:
    """Claim one due object after the other, extractors in the order given, until none is due."""
    while go_on() and (claim := _claim(database, wanted, patient)) is not None:
        yield claim


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


_OF_PATIENT = (
    " AND sop IN (SELECT i.SOPInstanc FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta "
    "JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst WHERE t.PatientID = ?)"
)


def _claim(database: Database, wanted: Sequence[Extractor], patient: str | None) -> Claim | None:
    with database.transaction() as connection:
        for extractor in wanted:
            connection.execute(
                "UPDATE derivations SET state = 'failed', reason = ? WHERE extractor = ? AND state = 'due' "
                "AND attempts >= ?",
                (f"the worker died {MAX_ATTEMPTS} times at it", extractor.name, MAX_ATTEMPTS),
            )
            row = connection.execute(
                "SELECT sop FROM derivations WHERE extractor = ? AND state = 'due'"
                f"{'' if patient is None else _OF_PATIENT} LIMIT 1",
                (extractor.name, *(() if patient is None else (patient,))),
            ).fetchone()
            if row is not None:
                connection.execute(
                    "UPDATE derivations SET state = 'running', worker = ?, lease = ?, attempts = attempts + 1 "
                    "WHERE sop = ? AND extractor = ?",
                    (_worker(), time.time() + LEASE_S, row[0], extractor.name),
                )
                return Claim(row[0], extractor)
    return None


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
    """
    known = extractors(archive.settings)
    wanted = [extractor for extractor in known if only is None or extractor.name in only]
    prepare(archive.database, known)  # all: some share their tables
    sweep(archive.database)
    total = enqueue(archive.database, wanted)
    return work_off(
        archive,
        wanted,
        patient=patient,
        progress=lambda done: progress and progress(done, total),
        on_derived=on_derived,
    )


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


def derive_one(archive: Archive, claim: Claim) -> tuple[str, str | None]:
    """Derive one claimed object; returns its state (done, waiting, failed or due again) and the reason."""
    database, start = archive.database, time.monotonic()
    inputs: dict[str, str] = {}

    def file_of(sop: str) -> Path:
        path, inputs[sop] = _file(database, archive.storage, sop)
        return path

    rows: Rows | None = None
    state, reason, awaited = "done", None, None
    try:
        source = Source(claim.sop, file_of(claim.sop), database.query, file_of)
        if _is_as_before(archive, claim, source):
            return _keep(database, claim)
        rows = claim.extractor.extract(source)
    except Waiting as waiting:
        state, reason, awaited, rows = "waiting", str(waiting), waiting.uid, waiting.rows
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {error}"
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
    return before == {sop: _file(archive.database, archive.storage, sop)[1] for sop in now}


def _keep(database: Database, claim: Claim) -> tuple[str, str | None]:
    """Leave a result as it is."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE derivations SET state = result, worker = NULL, lease = NULL, attempts = 0 "
            "WHERE sop = ? AND extractor = ? AND state = 'running' AND worker = ?",
            (claim.sop, claim.extractor.name, _worker()),
        )
    return "unchanged", None


def _holds(archive: Archive, claim: Claim, inputs: dict[str, str]) -> bool:
    """Whether the claim is still ours and everything that was read is still as it was; else it is due again."""
    database = archive.database
    mine = database.connection.execute(
        "SELECT 1 FROM derivations WHERE sop = ? AND extractor = ? AND state = 'running' AND worker = ?",
        (claim.sop, claim.extractor.name, _worker()),
    ).fetchone()
    if mine and all(_file(database, archive.storage, sop)[1] == before for sop, before in inputs.items()):
        return True
    if mine:
        _record(database, claim, "due", None, 0.0)
    return False


def _file(database: Database, storage: Storage, sop: str) -> tuple[Path, str]:
    """The file of an object and its fingerprint; that of an object that is not indexed is ``gone``."""
    row = database.connection.execute(
        "SELECT i.ObjectFile, i.DeviceName, f.size || ':' || f.mtime_ns FROM DICOMImages i "
        "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/') WHERE i.SOPInstanc = ?",
        (sop,),
    ).fetchone()
    if row is None or not row[0]:
        return Path(), "gone"
    return storage.path_of(row[0], row[1]), row[2] or ""


def _write(database: Database, claim: Claim, rows: Rows, inputs: dict[str, str]) -> None:
    """Put the rows of a result in the place of those before, and what it rests on."""
    connection, name = database.connection, claim.extractor.name
    for table in claim.extractor.tables:
        connection.execute(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", (claim.sop,))
    connection.execute("DELETE FROM derivation_inputs WHERE sop = ? AND extractor = ?", (claim.sop, name))
    for table, table_rows in rows.items():
        for row in table_rows:
            columns = ", ".join(quote(column) for column in row)
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT OR REPLACE INTO {quote(table)} ({columns}) VALUES ({marks})", tuple(row.values())
            )
    assign_patient(database, [claim.sop])
    connection.executemany(
        "INSERT OR REPLACE INTO derivation_inputs VALUES (?, ?, ?, ?)",
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
        "lease = NULL, time = ?, seconds = ?, attempts = CASE WHEN ? = 'due' THEN attempts ELSE 0 END "
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
            "SELECT i.SOPInstanc FROM DICOMImages own JOIN DICOMSeries s ON s.SeriesInst = own.SeriesInst "
            "JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta JOIN DICOMStudies t2 ON t2.PatientID = t.PatientID "
            "JOIN DICOMSeries s2 ON s2.StudyInsta = t2.StudyInsta JOIN DICOMImages i ON i.SeriesInst = s2.SeriesInst "
            "WHERE own.SOPInstanc = ?)",
            (name, claim.sop),
        )
