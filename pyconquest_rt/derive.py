"""Derivations: what is due is a query; a result is committed only while everything it rests on is as it was read.

An :class:`~pyconquest_rt.extractor.Extractor` turns one object into rows of its own tables. Objects of its SOP
classes without a result of its version are due; so are those whose inputs have changed. Work is claimed with a
lease, computed outside any transaction, and committed only if the fingerprints of its inputs still hold. A failing
extractor records its error and costs nothing else.
"""

import itertools
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

from pyconquest_rt import derived
from pyconquest_rt.database import Database, quote
from pyconquest_rt.extractor import Extractor, Rows, Source, Waiting
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.storage import Storage

ENTRY_POINTS = "pyconquest_rt.extractors"
LEASE_S = 900.0
MAX_ATTEMPTS = 3


class Claim(NamedTuple):
    """One object that this process derives from now on."""

    sop: str
    extractor: Extractor


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


@cache
def extractors() -> tuple[Extractor, ...]:
    """Return all extractors, in the order in which they work: the package's own, then those of other packages."""
    others = [extractor for point in entry_points(group=ENTRY_POINTS) for extractor in _as_list(point.load())]
    return (*_own_extractors(), *sorted(others, key=lambda extractor: extractor.name))


def _own_extractors() -> tuple[Extractor, ...]:
    return ()


def _as_list(loaded: Extractor | Iterable[Extractor]) -> list[Extractor]:
    return [loaded] if isinstance(loaded, Extractor) else list(loaded)


def prepare(database: Database, wanted: Sequence[Extractor]) -> None:
    """Make the tables of extractors, and the index by which their objects are found."""
    for extractor in wanted:
        database.migrate(f"extractor:{extractor.name}", extractor.scripts)
        known = {row["name"] for row in database.query("SELECT name FROM derived_tables")}
        if not set(extractor.tables) <= known:
            with database.transaction() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO derived_tables(name, extractor) VALUES (?, ?)",
                    [(table, extractor.name) for table in extractor.tables],
                )
    if not database.has("images_sop_class"):
        database.connection.execute("CREATE INDEX IF NOT EXISTS images_sop_class ON DICOMImages(SOPClassUI)")


# -- what is due --------------------------------------------------------------------------------------------


def enqueue(database: Database, wanted: Sequence[Extractor], patient: str | None = None) -> int:
    """Put every object that is due into the account; returns how many are due now."""
    due = 0
    for extractor in wanted:
        marks = ", ".join("?" * len(extractor.sop_classes))
        of_patient = "" if patient is None else "AND i.ImagePat = ? "
        parameters = (*extractor.sop_classes, *(() if patient is None else (patient,)))
        with database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO derivations(sop, extractor, version, state) "
                f"SELECT i.SOPInstanc, ?, ?, 'due' FROM DICOMImages i WHERE i.SOPClassUI IN ({marks}) {of_patient}"
                "AND NOT EXISTS (SELECT 1 FROM derivations d WHERE d.sop = i.SOPInstanc AND d.extractor = ? "
                "AND d.version = ?)",
                (extractor.name, extractor.version, *parameters, extractor.name, extractor.version),
            )
            row = connection.execute(
                "SELECT count(*) FROM derivations WHERE extractor = ? AND state = 'due'", (extractor.name,)
            ).fetchone()
        due += row[0]
    return due


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
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True


def claims(database: Database, wanted: Sequence[Extractor]) -> Iterator[Claim]:
    """Claim one due object after the other, extractors in the order given, until none is due."""
    while (claim := _claim(database, wanted)) is not None:
        yield claim


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _claim(database: Database, wanted: Sequence[Extractor]) -> Claim | None:
    with database.transaction() as connection:
        for extractor in wanted:
            connection.execute(
                "UPDATE derivations SET state = 'failed', reason = ? WHERE extractor = ? AND state = 'due' "
                "AND attempts >= ?",
                (f"the worker died {MAX_ATTEMPTS} times at it", extractor.name, MAX_ATTEMPTS),
            )
            row = connection.execute(
                "SELECT sop FROM derivations WHERE extractor = ? AND state = 'due' LIMIT 1", (extractor.name,)
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
    ingest: Ingest,
    *,
    patient: str | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Derive everything that is due, in this process.

    Args:
        ingest: the index.
        patient: only objects of this PatientID.
        only: names of extractors; None: all.
        progress: called with how many are done and how many were due at the start.
    """
    wanted = [extractor for extractor in extractors() if only is None or extractor.name in only]
    prepare(ingest.database, wanted)
    sweep(ingest.database)
    summary = Summary()
    total = enqueue(ingest.database, wanted, patient)
    done = itertools.count(1)
    for claim in claims(ingest.database, wanted):
        state, reason = derive_one(ingest, claim)
        summary.counts[state] += 1
        if reason:
            summary.reasons.append((claim.extractor.name, claim.sop, reason))
        if progress:
            progress(next(done), total)
    return summary


def derive_one(ingest: Ingest, claim: Claim) -> tuple[str, str | None]:
    """Derive one claimed object; returns its state (done, waiting, failed or due again) and the reason."""
    database, start = ingest.database, time.monotonic()
    inputs: dict[str, str] = {}

    def file_of(sop: str) -> Path:
        path, inputs[sop] = _file(database, ingest.storage, sop)
        return path

    rows: Rows | None = None
    state, reason = "done", None
    try:
        source = Source(claim.sop, file_of(claim.sop), database.query, file_of)
        if _is_as_before(ingest, claim, source):
            return _keep(database, claim)
        rows = claim.extractor.extract(source)
    except Waiting as waiting:
        state, reason = "waiting", str(waiting)
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {error}"
    with database.transaction():
        if not _holds(ingest, claim, inputs):
            return "due", None
        _write(database, claim, rows or {}, inputs)
        _record(database, claim, state, reason, time.monotonic() - start)
        _awake(database, claim)
    return state, reason


def _is_as_before(ingest: Ingest, claim: Claim, source: Source) -> bool:
    """Whether there is a result of this version that rests on just what a new one would rest on."""
    if claim.extractor.inputs is None:
        return False
    row = ingest.database.connection.execute(
        "SELECT version, result FROM derivations WHERE sop = ? AND extractor = ?",
        (claim.sop, claim.extractor.name),
    ).fetchone()
    if row is None or row[0] != claim.extractor.version or row[1] not in {"done", "failed"}:
        return False
    before = dict(
        ingest.database.connection.execute(
            "SELECT input_sop, fingerprint FROM derivation_inputs WHERE sop = ? AND extractor = ?",
            (claim.sop, claim.extractor.name),
        )
    )
    now = {claim.sop, *claim.extractor.inputs(source)}
    return before == {sop: _file(ingest.database, ingest.storage, sop)[1] for sop in now}


def _keep(database: Database, claim: Claim) -> tuple[str, str | None]:
    """Leave a result as it is."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE derivations SET state = result, worker = NULL, lease = NULL, attempts = 0 "
            "WHERE sop = ? AND extractor = ? AND state = 'running' AND worker = ?",
            (claim.sop, claim.extractor.name, _worker()),
        )
    return "unchanged", None


def _holds(ingest: Ingest, claim: Claim, inputs: dict[str, str]) -> bool:
    """Whether the claim is still ours and everything that was read is still as it was; else it is due again."""
    database = ingest.database
    mine = database.connection.execute(
        "SELECT 1 FROM derivations WHERE sop = ? AND extractor = ? AND state = 'running' AND worker = ?",
        (claim.sop, claim.extractor.name, _worker()),
    ).fetchone()
    if mine and all(_file(database, ingest.storage, sop)[1] == before for sop, before in inputs.items()):
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
    connection.executemany(
        "INSERT OR REPLACE INTO derivation_inputs VALUES (?, ?, ?, ?)",
        [(claim.sop, name, sop, fingerprint) for sop, fingerprint in inputs.items()],
    )


def _record(database: Database, claim: Claim, state: str, reason: str | None, seconds: float) -> None:
    database.connection.execute(
        "UPDATE derivations SET state = ?, result = ?, reason = ?, version = ?, worker = NULL, lease = NULL, "
        "time = ?, seconds = ?, attempts = CASE WHEN ? = 'due' THEN attempts ELSE 0 END "
        "WHERE sop = ? AND extractor = ?",
        (
            state,
            state,
            reason,
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
