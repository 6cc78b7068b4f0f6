"""Objects from the network: safe on disk and in the index before anybody is told so.

Each association's thread stages and flushes its own file, and gives it a name that is free. Then one of them at a
time judges the objects of all that wait, replaces files, and writes the rows in one transaction. Only after the commit
do the associations go on.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.intents import Intents
from pyconquest_rt.archive.files.placement import EarlyName, Placement, placed_with
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.files.storage import INCOMING, Storage, standard_name
from pyconquest_rt.archive.heal import heal
from pyconquest_rt.archive.ingest import Batch, Found, State
from pyconquest_rt.archive.locks import in_use
from pyconquest_rt.archive.removal import audit_replacement
from pyconquest_rt.database.rows import Values
from pyconquest_rt.dicom.header import Header, HeaderReader
from pyconquest_rt.dicom.part10 import DEFLATED, Prefix, check_inflated
from pyconquest_rt.dicom.same import same_data_set
from pyconquest_rt.errors import ConflictError, DatabaseError, ObjectError, StorageError, TruncatedError
from pyconquest_rt.settings.sections import ArchiveSettings

Policy = Literal["replace", "keep", "refuse"]
NameOf = Callable[[str, str, os.PathLike[str]], str]
"""(patient ID, SOPInstanceUID, staged file) → the name below the data directory."""

_LOG = logging.getLogger(__name__)
_MAX_BATCH = 200
_LOCK_TIMEOUT_S = 10.0
_MAX_REFUSALS = 100_000
_SPACE_S = 0.1
_MAX_UID = 64  # PS3.5 table 6.2-1


class Received(Protocol):
    """A staged file, flushed and open for reading from its start, and what its sender said of it."""

    @property
    def file(self) -> StagedFile: ...
    @property
    def sop_instance_uid(self) -> str: ...


def standard(patient_id: str, sop_instance_uid: str, staged: os.PathLike[str]) -> str:
    """Name a file ``PatientID/SOPInstanceUID.dcm``."""
    return standard_name(patient_id, sop_instance_uid)


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class _Job:
    """One staged object that waits to be indexed."""

    file: StagedFile
    header: Header
    values: Values
    patient: str
    sop: str
    early: EarlyName | None = None
    error: Exception | None = None
    done: bool = False
    wait: threading.Lock = field(default_factory=_taken)
    """Can be taken when the job is done, or when its thread has to do the waiting ones."""

    @property
    def staged(self) -> Path:
        """The file's path; it has a name from now on."""
        return Path(self.file.name)

    def end(self, error: Exception | None = None) -> None:
        """Let its thread go on, with the error that stopped it if there is one; then it has no early name."""
        if error and self.early:
            self.early.take_back()
        self.error, self.done = error, True
        self.wait.release()


class Reception:
    """Takes objects over from the network, into one archive.

    Args:
        settings: the archive.
        write_to_database: False stores files only; a later rebuild finds them.
        policy: what becomes of an object that is there already with other bytes: ``replace`` it, ``keep`` it
            (the new one is acknowledged and dropped), or ``refuse`` the new one.
        name_of: names files; ``PatientID/SOPInstanceUID.dcm`` unless said otherwise.
        min_free: bytes that stay free on the disk; None: a hundredth of it, at most 1 GB.
        on_stored: called with the names of the files of each commit, by the thread that has written them.
    """

    def __init__(
        self,
        settings: ArchiveSettings,
        *,
        write_to_database: bool = True,
        policy: Policy = "replace",
        name_of: NameOf = standard,
        min_free: int | None = None,
        on_stored: Callable[[list[str]], None] | None = None,
    ) -> None:
        self._settings = settings
        self._lock = in_use(settings.database)
        self._lock.acquire()
        try:
            self._open()
            heal(self._archive)
            self._intents = Intents(settings.database)
        except BaseException:
            self._lock.release()
            raise
        self._storage = Storage(settings.data, settings.devices)
        self._layout = self._archive.layout
        self._indexing = write_to_database
        self._policy = policy
        self._name_of = name_of
        self._min_free = min_free
        self._on_stored = on_stored
        self._readers: deque[HeaderReader] = deque()
        self._waiting: deque[_Job] = deque()
        self._turn = threading.Lock()
        self._queue = threading.Lock()
        self._has_writer = False
        self._closed = False
        self._look_again = 0.0
        self._storage.clear_incoming()

    def _open(self) -> None:
        self._archive = Archive.open(self._settings, durable=True, timeout_s=_LOCK_TIMEOUT_S)
        self._writer = self._archive.writer(private=True)
        self._database_file = _file_id(self._settings.database)
        self._journal_file = _file_id(f"{self._settings.database}-wal")

    def close(self) -> None:
        """Close the database, once nobody writes; may be called twice. What comes later is refused."""
        with self._turn:
            if not self._closed:
                self._closed = True
                self._archive.close()
                self._intents.close()
                self._lock.release()

    @contextmanager
    def stage(self, sop_instance_uid: str, sender: str = "") -> Iterator[StagedFile]:
        """Give a new temporary file for an object that is announced; it is gone at the end unless it was accepted.

        An ObjectError that is raised inside is put on record, with the sender.

        Raises:
            StorageError: the disk is (nearly) full or cannot be written.
        """
        with self._storage.stage() as file:
            self._check_space()
            try:
                yield file
            except ObjectError as error:
                self._record_refusal(sop_instance_uid, f"{error}; sent by {sender}" if sender else str(error))
                raise

    def accept(self, received: Received) -> None:
        """Take a staged file over; returns when it is safe under its final name and indexed.

        Raises:
            ObjectError: the object cannot be used, or contradicts what is indexed.
            StorageError, DatabaseError: it cannot be written now; nothing of it is left behind.
        """
        job = self._read(received.file, received.sop_instance_uid)
        os.fsync(received.file.fileno())
        name = self._final_name(job)
        target = self._storage.path_of(name)
        with self._intents.under_way():
            self._intents.note(name)
            job.early = EarlyName.give(job.file, name, target)
            self._write(job)

    def _check_space(self) -> None:
        """See, ten times a second at most, that some space is left for other programs."""
        now = time.monotonic()
        if now < self._look_again:
            return
        usage = shutil.disk_usage(self._storage.incoming)
        floor = min(usage.total // 100, 1 << 30) if self._min_free is None else self._min_free
        if usage.free < floor:
            raise StorageError(
                f"only {usage.free >> 20} MB are free at {self._storage.root}; {floor >> 20} MB must stay so"
            )
        self._look_again = now + _SPACE_S

    def _read(self, file: StagedFile, sop_instance_uid: str) -> _Job:
        header = self._read_header(file)
        if header.is_truncated:
            raise TruncatedError(header.fault)
        if header.transfer_syntax == DEFLATED:
            check_inflated(file)
        values = self._layout.complete(header.values)
        sop, patient = values[self._layout.sop_key], values[self._layout.patient_key]
        if not sop or not patient:
            raise ObjectError("it has no SOPInstanceUID")
        if sop_instance_uid and sop != sop_instance_uid.rstrip("\0 ") and "~" not in sop:
            raise ObjectError("its SOPInstanceUID is not the one that it was announced with")
        return _Job(file, header, values, patient, sop)

    def _read_header(self, file: StagedFile) -> Header:
        """Read a header by one of the readers that no other association uses now; each knows what it has seen."""
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._layout.reader()
        try:
            found, head = os.fstat(file.fileno()), file.head[: reader.prefix_bytes]
            return reader.parse(Prefix(file, found.st_size, found.st_mtime_ns, head))
        finally:
            self._readers.append(reader)

    # -- writing, by one thread at a time -------------------------------------------------------------------

    def _write(self, job: _Job) -> None:
        """Have a job done, by this thread, with all that wait meanwhile, or by the one before it."""
        with self._queue:
            self._waiting.append(job)
            must_wait, self._has_writer = self._has_writer, True
        if must_wait:
            job.wait.acquire()
        if not job.done:
            try:
                with self._turn:
                    self._take(self._next_batch())
            finally:
                self._pass_on()
        if job.error is not None:
            raise job.error

    def _pass_on(self) -> None:
        """Leave the writing to the thread that has waited longest."""
        with self._queue:
            self._has_writer = bool(self._waiting)
            if self._waiting:
                self._waiting[0].wait.release()

    def _next_batch(self) -> list[_Job]:
        """Take what waits off the queue, up to a second object of an instance that is in the batch already."""
        batch: dict[str, _Job] = {}
        while self._waiting and len(batch) < _MAX_BATCH and self._waiting[0].sop not in batch:
            job = self._waiting.popleft()
            batch[job.sop] = job
        return list(batch.values())

    def _take(self, batch: list[_Job]) -> None:
        """Place and index a batch; every job of it is done then, or has the error that stopped it."""
        try:
            if not self._take_together(batch):
                for job in batch:
                    self._take_together([job])
        except Exception as error:  # a hook's, or a step back that cannot be done
            for job in batch:
                if not job.done:
                    job.end(error)
            raise

    def _take_together(self, batch: list[_Job]) -> bool:
        """Take a batch in one transaction; False, with nothing written, if its jobs contradict one another."""
        failed: dict[int, Exception] = {}
        placed: dict[int, Found] = {}
        try:
            with placed_with(self._transaction()) as placement:
                index = self._writer.batch([job.values for job in batch]) if self._indexing else None
                for number, job in enumerate(batch):
                    try:
                        if found := self._place(job, placement, index):
                            placed[number] = found
                    except (ObjectError, StorageError, OSError) as error:
                        failed[number] = error
                if index:
                    _index(index, list(placed.values()), [batch[number].values for number in placed])
        except Exception as error:  # whatever it is, the peers must be told that nothing is safe
            if isinstance(error, ConflictError) and len(batch) > 1:
                return False
            reason = DatabaseError(f"the index cannot be written: {error}") if _is_sql(error) else error
            failed = dict.fromkeys(range(len(batch)), reason)
            placed.clear()
        for number, job in enumerate(batch):
            job.end(failed.get(number))
        if placed and self._on_stored:
            self._on_stored([found.path for found in placed.values()])
        return True

    def _check_database(self) -> None:
        """See that what was committed stands in the file that everybody else opens.

        Raises:
            DatabaseError: the database was replaced or deleted meanwhile; it is opened anew, for what comes next.
        """
        path = self._settings.database
        journal = _file_id(f"{path}-wal")
        if not self._indexing or _file_id(path) == self._database_file:
            self._journal_file = journal
            return
        self._archive.close()
        if journal == self._journal_file:  # that of the former database, which must not be applied to another
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(f"{path}{suffix}")
        self._open()
        reason = "the database was replaced or deleted while it was open; it is opened anew"
        _LOG.error("%s. A rebuild finds what it lacks", reason)
        raise DatabaseError(reason)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._archive.database.transaction() if self._indexing else contextlib.nullcontext():
            yield
        self._check_database()

    def _place(self, job: _Job, placement: Placement, index: Batch | None) -> Found | None:
        """Give one file its name; returns what is to be indexed, or None where the archive stays as it is."""
        known = index.known_file(job.values) if index else None
        if job.early and known in (None, job.early.name) and job.early.holds():
            return Found(job.early.name, job.header.size, job.header.mtime_ns, job.header)
        planned = Path(job.file.planned_name)
        for kept in (planned, planned.with_suffix(".before")):
            self._intents.note(f"{INCOMING}/{kept.name}")
        staged = job.staged  # a name to keep: a file that has lost its early one gets no other
        if job.early:
            job.early.take_back()
            job.early = None
        name = known or self._final_name(job)
        target = self._storage.path_of(name)
        there = target.exists()
        if there and not index and self._policy != "replace":
            raise ConflictError("there is a file of this instance already")
        if there and not self._is_newer(job, target):
            status = self._storage.status(name)
            if index is None or status is None or index.holds(name, status, job.sop):
                return None
            return Found(name, status.size, status.mtime_ns, job.header)
        if there and index and self._policy == "replace":
            audit_replacement(self._archive.database, job.sop, name, target, job.staged)
        self._intents.note(name)
        placement.place(staged, target, replaces=there)
        return Found(name, job.header.size, job.header.mtime_ns, job.header)

    def _final_name(self, job: _Job) -> str:
        return self._name_of(job.patient, job.sop, job.file)

    def _is_newer(self, job: _Job, target: Path) -> bool:
        """Whether the object has to be written over the file that is there."""
        if same_data_set(job.staged, target):
            return False
        _LOG.debug("%s has come again with other content; what is done: %s", job.sop, self._policy)
        if self._policy == "refuse":
            raise ConflictError("it is stored already, with other content")
        return self._policy == "replace"

    def _record_refusal(self, sop: str, reason: str) -> None:
        """Put a refused object on record; the record is bounded, and never costs the answer."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.suppress(sqlite3.Error), self._archive.database.transaction() as connection:
            connection.execute(
                "INSERT INTO rejected(path, SOPInstanceUID, reason, time) VALUES (NULL, ?, ?, ?)",
                (sop[:_MAX_UID], reason, now),  # a peer may have sent anything as UID
            )
            connection.execute(
                "DELETE FROM rejected WHERE path IS NULL AND id <= (SELECT max(id) FROM rejected) - ?",
                (_MAX_REFUSALS,),
            )


def _index(index: Batch, found: list[Found], values: list[Values]) -> None:
    """Write the rows. Raises ConflictError for an object that contradicts the index, or one of the others."""
    for outcome in index.write(found, values):
        if outcome.state is State.REJECTED:
            raise ConflictError(outcome.reason or "it contradicts what is indexed")


def _file_id(path: str) -> tuple[int, int] | None:
    """Return which file stands under a name; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_sql(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error)
