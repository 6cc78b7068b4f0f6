"""Scheduled jobs, each a function, and the record of their runs.

``python -m pyconquest_rt.service.jobs NAME`` runs one job in a process of its own, with the settings on its standard
input. A job never runs twice at once, in whatever processes; a run that broke off is on record as interrupted.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.database.connection import Database, file_size
from pyconquest_rt.errors import PyconquestError, SettingsError, reason
from pyconquest_rt.service.backup import backup
from pyconquest_rt.settings.file import parse
from pyconquest_rt.settings.sections import Settings

_KEPT_RUNS = 1000
_NAMED = 100  # findings that a result names; of further ones it gives the number

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its name (also that of its key in [schedule]), what it does, and how.

    ``light`` ones may run in a thread of the service; the others have a process of their own.
    """

    name: str
    summary: str
    work: Callable[[Archive, Settings], Result]
    light: bool = False


class Run(NamedTuple):
    """One run of a job: its name, when it started (UTC), how long it took, its state and result.

    The state is running, done, failed or interrupted.
    """

    name: str
    started: str
    seconds: float | None
    state: str
    result: Any


def _rebuild(archive: Archive, settings: Settings) -> Result:
    """Index what is missing; files that have grown or changed since they were seen are read again."""
    from pyconquest_rt.archive.rebuild import rebuild

    return rebuild(archive, only="changed").as_dict()


def _verify(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.archive.verify import HARMLESS, verify

    findings = list(verify(archive))
    harmful = [finding for finding in findings if finding.problem not in HARMLESS]
    return {"counts": Counter(finding.problem for finding in findings), "findings": harmful[:_NAMED]}


def _upkeep(archive: Archive, settings: Settings) -> Result:
    is_complete = archive.database.dialect.upkeep(archive.database.connection)
    return {
        "checkpoint": "complete" if is_complete else "a reader kept part of it back",
        "database_bytes": file_size(archive.database.path),
        "left_overs_removed": archive.storage.clear_incoming(),
    }


def _backup(archive: Archive, settings: Settings) -> Result:
    copy = backup(settings.archive.database, settings.backup.folder, settings.backup.count)
    return {"file": str(copy), "bytes": copy.stat().st_size}


def _retention(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.service.retention import retain

    return retain(archive, settings.retention).as_dict()


def _ctk(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.exports.ctk import update

    if not settings.ctk.folder:
        return {"folder": "none is set"}
    done = asdict(update(archive, settings.ctk.folder, absolute=settings.ctk.absolute))
    return done | {"left_out": done["left_out"][:_NAMED]}


def _forward(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.net.services.peers import known_peers
    from pyconquest_rt.service.forwarder import send_due

    return asdict(send_due(archive, peers=known_peers(settings)))


def _dose_pull(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.net.services.peers import known_peers
    from pyconquest_rt.service.dose_pull import pull

    if not settings.dose.pull_peer:
        return {"left_out": "[dose] pull_peer names no peer"}
    peer = known_peers(settings).find(settings.dose.pull_peer)
    if peer is None:
        raise SettingsError(f"[dose] pull_peer: no peer {settings.dose.pull_peer} is known")
    done = asdict(pull(archive, peer, settings.listener.ae_title, days=settings.dose.pull_days))
    return done | {"problems": done["problems"][:_NAMED]}


def _sources(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.sources.known import sources
    from pyconquest_rt.sources.sync import sync

    return {row["name"]: str(sync(archive, row["name"])) for row in sources(archive)}


def _sweep(archive: Archive, settings: Settings) -> Result:
    from pyconquest_rt.derive.account import sweep

    sweep(archive.database)
    rows = archive.database.query("SELECT state, count(*) AS n FROM derivations GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


JOBS = {
    job.name: job
    for job in (
        Job("rebuild", "index what is missing or has changed in the data directory", _rebuild),
        Job("backup", "copy the database and keep the newest copies", _backup),
        Job("verify", "compare the index with the files", _verify),
        Job("upkeep", "checkpoint, statistics, left-overs of broken-off receptions", _upkeep),
        Job("retention", "compare the archive with its quota and the free space", _retention),
        Job("ctk", "bring the ctkDICOM database into line with the archive", _ctk),
        Job("dose_pull", "fetch dose objects that are not held yet from a peer", _dose_pull),
        Job("sources", "bring the rows of all sources into line with them", _sources),
        Job("forward", "send what waits in the outgoing queue", _forward, light=True),
        Job("sweep", "find derivations that are due again or were broken off", _sweep, light=True),
    )
}


def times(settings: Settings) -> dict[str, str]:
    """Return the cron expression of each job that the settings want to run by one."""
    found = {name: getattr(settings.schedule, name, "") for name in JOBS}
    if not (settings.retention.quota_gb or settings.retention.min_free_gb):
        found["retention"] = ""
    if not settings.dose.pull_peer:
        found["dose_pull"] = ""
    if not settings.ctk.folder:
        found["ctk"] = ""
    return {name: text for name, text in found.items() if text}


def run(settings: Settings, name: str) -> Run:
    """Run a job now and put it on record.

    Raises:
        BusyError: it is running already.
        SettingsError: there is no such job.
        DatabaseError: the database cannot be opened. A job that fails otherwise is a run of state ``failed``.
    """
    if name not in JOBS:
        raise SettingsError(f"there is no job {name!r}; known are {', '.join(JOBS)}")
    with Lock(beside(settings.archive.database, f"{name}.lock"), f"the job {name} is running already"):
        archive = Archive.open(settings)
        try:
            return _run(archive, settings, JOBS[name])
        finally:
            archive.close()


def _run(archive: Archive, settings: Settings, job: Job) -> Run:
    start, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    number = _begin(archive.database, job.name, started)
    try:
        result, state = job.work(archive, settings), "done"
    except (PyconquestError, OSError) as error:
        result, state = {"error": reason(error)}, "failed"
    seconds = time.monotonic() - start
    text = json.dumps(result, default=str)
    with archive.database.transaction() as connection:
        connection.execute(
            "UPDATE job_runs SET seconds = ?, state = ?, result = ? WHERE id = ?",
            (seconds, state, text, number),
        )
    return Run(job.name, started, seconds, state, json.loads(text))


def _begin(database: Database, name: str, started: str) -> int:
    """Record the start. A run still recorded as running, while the lock is ours, was interrupted."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE job_runs SET state = 'interrupted' WHERE name = ? AND state = 'running'", (name,)
        )
        connection.execute(
            "DELETE FROM job_runs WHERE name = ? AND id NOT IN "
            "(SELECT id FROM job_runs WHERE name = ? ORDER BY id DESC LIMIT ?)",
            (name, name, _KEPT_RUNS - 1),
        )
        cursor = connection.execute(
            "INSERT INTO job_runs(name, started, state) VALUES (?, ?, 'running')", (name, started)
        )
    return int(cursor.lastrowid or 0)


def last_runs(database: Database) -> dict[str, Run]:
    """Return the last run of each job that has run."""
    if not database.has("job_runs"):
        return {}
    rows = database.connection.execute(
        "SELECT name, started, seconds, state, result FROM job_runs "
        "WHERE id IN (SELECT max(id) FROM job_runs GROUP BY name) ORDER BY id DESC"
    )
    return {
        name: Run(name, started, seconds, state, json.loads(result) if result else None)
        for name, started, seconds, state, result in rows
    }


def main() -> None:
    """Run the job that the command line names, with the settings on the standard input."""
    settings, problems = parse(sys.stdin.read())
    if problems:
        raise SystemExit("\n".join(problem.text for problem in problems))
    try:
        outcome = run(settings, sys.argv[1])
    except PyconquestError as error:
        raise SystemExit(str(error)) from error
    raise SystemExit(0 if outcome.state == "done" else 1)


if __name__ == "__main__":
    main()
