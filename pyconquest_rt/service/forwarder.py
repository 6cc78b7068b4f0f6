"""Sends the outgoing queue: in batches, one association per rule, retried until each object is delivered.

Each rule is sent by itself, so that a peer that hangs holds up no other. A peer that cannot be reached, or answers
nothing within 30 seconds, is tried after 1, 2, 4 ... up to 30 minutes; the queue waits and loses nothing. An
object that a reachable peer does not take waits by itself in the same way and holds up no other; after fifty
attempts, about a day, it has failed. What is sent is noted object by object, so a restart goes on where it was.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.archive.names import folder_name
from pyconquest_rt.archive.outbox import Rule, rules
from pyconquest_rt.errors import BusyError, NetworkError, PyconquestError, SettingsError, StorageError
from pyconquest_rt.net.protocol.association import Association, request_association
from pyconquest_rt.net.protocol.negotiation import Proposal
from pyconquest_rt.net.services.peers import Peers
from pyconquest_rt.net.services.send import send_all
from pyconquest_rt.settings.sections import ArchiveSettings

FIRST_PAUSE_S = 60.0
LONGEST_PAUSE_S = 1800.0
MAX_ATTEMPTS = 50
ANSWER_S = 30.0
_BATCH = 500
_GATHER_S = 2.0  # from an arrival to the sending, so that one association carries what comes together
_STOP_S = 10.0
_LOG = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(slots=True)
class Summary:
    """Result of one pass over the queue: objects sent, not sent this time, and dropped because they were deleted."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0


class _Queued(NamedTuple):
    """One object that is due, with the fingerprint of its file when it was queued."""

    number: int
    sop: str
    size: int | None
    mtime_ns: int | None
    attempts: int
    object_file: str | None
    device: str | None


def send_due(
    archive: Archive,
    clock: Clock = time.time,
    *,
    peers: Peers | None = None,
    stopped: Callable[[], bool] = lambda: False,
    only: str | None = None,
) -> Summary:
    """Send everything that is due to its peers; returns when nothing more is due or reachable.

    Several processes may call it: a rule that one is at is passed over by the others.

    Args:
        peers: who is known; a rule whose AE title is that of a peer with TLS sends over TLS.
        stopped: asked before each object whether to leave the rest for later.
        only: the name of the one rule that counts; None: all, one after the other.

    Raises:
        DatabaseError: the database cannot be written.
    """
    summary = Summary()
    for rule in rules(archive.database):
        if only not in (None, rule.name):
            continue
        delivery = _Delivery(archive, rule, clock, summary, peers or Peers(), stopped)
        if delivery.claim():
            try:
                while not stopped() and delivery.send_batch():
                    pass
            finally:
                delivery.release()
    return summary


def due_rules(archive: Archive, clock: Clock = time.time) -> list[str]:
    """Return the names of the rules that have something to send and whose pause, if any, is over."""
    now = clock()
    rows = archive.database.connection.execute(
        "SELECT name FROM forward_rules r WHERE NOT (r.next_try > :now AND r.next_try <= :latest) AND EXISTS("
        "SELECT 1 FROM forward_queue q WHERE q.rule = r.name AND q.state = 'queued' "
        "AND NOT (q.next_try > :now AND q.next_try <= :latest))",
        {
            "now": now,
            "latest": now + LONGEST_PAUSE_S,
        },  # what lies later was written before a clock was put back
    )
    return [name for (name,) in rows]


def retry_failed(archive: Archive) -> int:
    """Queue what has failed for good once more, and try every peer at once; returns how many objects."""
    with archive.database.transaction() as connection:
        connection.execute("UPDATE forward_rules SET attempts = 0, next_try = 0")
        connection.execute("UPDATE forward_queue SET next_try = 0 WHERE state = 'queued'")
        return connection.execute(
            "UPDATE forward_queue SET state = 'queued', attempts = 0, next_try = 0 WHERE state = 'failed'"
        ).rowcount


def status(archive: Archive) -> list[dict[str, Any]]:
    """Return per rule how many objects are queued, sent, failed and dropped, the next try and the last error."""
    return archive.database.query(
        """
        SELECT r.name, r.aet || '@' || r.host || ':' || r.port AS peer,
            count(CASE q.state WHEN 'queued' THEN 1 END) AS queued,
            count(CASE q.state WHEN 'sent' THEN 1 END) AS sent,
            count(CASE q.state WHEN 'failed' THEN 1 END) AS failed,
            count(CASE q.state WHEN 'dropped' THEN 1 END) AS dropped,
            datetime(max(r.next_try, min(CASE q.state WHEN 'queued' THEN q.next_try END)), 'unixepoch')
                AS next_try,
            coalesce(r.error, (SELECT error FROM forward_queue e WHERE e.rule = r.name AND e.error IS NOT NULL
                ORDER BY e.next_try DESC, e.id DESC LIMIT 1)) AS last_error
        FROM forward_rules r LEFT JOIN forward_queue q ON q.rule = r.name GROUP BY r.name ORDER BY r.name
        """
    )


class _Delivery:
    """One rule's objects on their way to its peer."""

    def __init__(
        self,
        archive: Archive,
        rule: Rule,
        clock: Clock,
        summary: Summary,
        peers: Peers,
        stopped: Callable[[], bool],
    ) -> None:
        self._archive, self._rule, self._clock, self._summary = archive, rule, clock, summary
        self._peers, self._stopped = peers, stopped
        self._lock = Lock(
            beside(archive.database.path, f"forward.{folder_name(rule.name)}.lock"),
            f"{rule.name} is being sent",
        )

    def claim(self) -> bool:
        """Claim the rule, unless it is paused or another process has it."""
        if self._rule.name not in due_rules(self._archive, self._clock):
            return False
        try:
            self._lock.acquire()
        except BusyError:
            return False
        return True

    def release(self) -> None:
        """Give the rule back."""
        self._lock.release()

    def send_batch(self) -> bool:
        """Send the next objects that are due; returns whether it is worth going on."""
        due = self._due()
        files = self._files(due)
        failed: dict[Path, str] = {}

        def note(path: Path, error: str | None) -> None:
            if error is None:
                self._sent(files[path])
            else:
                failed[path] = error

        result = send_all(
            files,
            self._connect,
            progress=note,
            answer_seconds=ANSWER_S,
            stopped=self._stopped,
            instances={path: queued.sop for path, queued in files.items()},
        )
        for path, reason in failed.items():
            if path in result.lost:
                self._summary.failed += 1  # it is the peer that waits, not the object
            else:
                self._fail(files[path], reason)
        if result.sent or (files and not result.gave_up):
            self._resume()
        if result.gave_up:
            self._pause(result.gave_up)
        return bool(due) and not result.gave_up

    def _files(self, due: list[_Queued]) -> dict[Path, _Queued]:
        """The files of objects that are due; those that are not there any more are settled."""
        files: dict[Path, _Queued] = {}
        for queued in due:
            if queued.object_file is None:
                self._drop(queued)
                continue
            try:
                files[self._archive.storage.path_of(queued.object_file, queued.device)] = queued
            except StorageError as error:
                self._fail(queued, str(error))
        return files

    def _connect(self, proposals: list[Proposal]) -> Association:
        rule = self._rule
        try:
            peer = self._peers.find(rule.aet)
            return request_association(
                rule.host, rule.port, rule.aet, rule.calling_aet, proposals, tls=peer.tls if peer else None
            )
        except SettingsError as error:
            raise NetworkError(str(error)) from error

    def _due(self) -> list[_Queued]:
        now = self._clock()
        rows = self._archive.database.connection.execute(
            "SELECT q.id, q.sop, q.size, q.mtime_ns, q.attempts, i.ObjectFile, i.DeviceName "
            "FROM forward_queue q LEFT JOIN DICOMImages i ON i.SOPInstanc = q.sop "
            "WHERE q.rule = ? AND q.state = 'queued' AND NOT (q.next_try > ? AND q.next_try <= ?) "
            "ORDER BY q.next_try, q.id LIMIT ?",
            (self._rule.name, now, now + LONGEST_PAUSE_S, _BATCH),
        )
        return [_Queued(*row) for row in rows]

    def _sent(self, queued: _Queued) -> None:
        self._summary.sent += 1
        self._set(queued, "sent", queued.attempts + 1, 0, None)

    def _fail(self, queued: _Queued, error: str) -> None:
        self._summary.failed += 1
        attempts = queued.attempts + 1
        state = "failed" if attempts >= MAX_ATTEMPTS else "queued"
        self._set(queued, state, attempts, self._clock() + pause_s(attempts), error)

    def _drop(self, queued: _Queued) -> None:
        self._summary.dropped += 1
        self._set(queued, "dropped", queued.attempts, 0, "the object was deleted before it was sent")

    def _set(self, queued: _Queued, state: str, attempts: int, next_try: float, error: str | None) -> None:
        """Write the state, unless the object has been queued anew meanwhile with other content."""
        self._write(
            "UPDATE forward_queue SET state = ?, attempts = ?, next_try = ?, error = ? "
            "WHERE id = ? AND size IS ? AND mtime_ns IS ?",
            (state, attempts, next_try, error, queued.number, queued.size, queued.mtime_ns),
        )

    def _resume(self) -> None:
        """The peer answers: what failed before is forgotten."""
        self._write(
            "UPDATE forward_rules SET attempts = 0, next_try = 0, error = NULL WHERE name = ?",
            (self._rule.name,),
        )

    def _pause(self, error: str) -> None:
        """The peer cannot be reached: nothing goes to it for a while."""
        with self._archive.database.transaction() as connection:
            row = connection.execute(
                "SELECT attempts FROM forward_rules WHERE name = ?", (self._rule.name,)
            ).fetchone()
            attempts = (row[0] if row else 0) + 1
            connection.execute(
                "UPDATE forward_rules SET attempts = ?, next_try = ?, error = ? WHERE name = ?",
                (attempts, self._clock() + pause_s(attempts), error, self._rule.name),
            )

    def _write(self, sql: str, parameters: tuple[Any, ...]) -> None:
        with self._archive.database.transaction() as connection:
            connection.execute(sql, parameters)


def pause_s(attempts: int) -> float:
    """Seconds to wait after this many attempts: 1, 2, 4 ... up to 30 minutes."""
    return min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30), LONGEST_PAUSE_S)


class Forwarder:
    """Sends what waits in the outgoing queue of one archive: after each arrival, and again and again.

    One thread looks at the queue; each rule that is due has a thread of its own until it has nothing more to send.

    Args:
        settings: the archive whose queue it is.
        peers: who is known, as :func:`send_due` takes it.
        every_s: seconds from one look at the queue to the next while nothing arrives; 0: nothing is ever sent.
    """

    def __init__(self, settings: ArchiveSettings, peers: Peers, every_s: float) -> None:
        self._settings, self._peers, self._every_s = settings, peers, every_s
        self._arrived, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)
        self._sending: dict[str, threading.Thread] = {}

    def start(self) -> None:
        """Begin, with what waits already."""
        if self._every_s:
            self._thread.start()

    def wake(self) -> None:
        """Signal that something may have been queued."""
        self._arrived.set()

    def stop(self) -> None:
        """Let the objects that are on their way arrive; the others stay in the queue. May be called twice."""
        self._stopping.set()
        self._arrived.set()
        end = time.monotonic() + _STOP_S
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        for thread in list(self._sending.values()):
            thread.join(max(end - time.monotonic(), 0))

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._telling():
                self._begin_due()
            self._arrived.wait(self._every_s)
            self._stopping.wait(_GATHER_S)
            self._arrived.clear()

    def _begin_due(self) -> None:
        """Begin with each rule that is due and not being sent."""
        archive = Archive.open(self._settings)
        try:
            names = due_rules(archive)
        finally:
            archive.close()
        self._sending = {name: thread for name, thread in self._sending.items() if thread.is_alive()}
        for name in names:
            if name not in self._sending:
                thread = threading.Thread(
                    target=self._send, args=(name,), name=f"forward-{name}", daemon=True
                )
                self._sending[name] = thread
                thread.start()

    def _send(self, name: str) -> None:
        """Send what one rule has queued."""
        with self._telling():
            archive = Archive.open(self._settings)
            try:
                done = send_due(archive, peers=self._peers, stopped=self._stopping.is_set, only=name)
            finally:
                archive.close()
            if done != Summary():
                self._arrived.set()  # for what has come since it looked last
                _LOG.info(
                    "forwarded %d objects by the rule %s, %d not this time, %d gone meanwhile",
                    done.sent,
                    name,
                    done.failed,
                    done.dropped,
                )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (PyconquestError, OSError) as error:
            _LOG.error("the outgoing queue was not sent: %s", error)
