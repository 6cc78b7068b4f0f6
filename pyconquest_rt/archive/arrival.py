"""Objects from the network: durable on disk and in the index before they are acknowledged.

Each association's thread stages and flushes its own file, and gives it a name that is free. Then one of them at a
time judges the objects of all that wait, replaces files, and writes the rows in one transaction. Only after the commit
do the associations go on.
"""

import contextlib
import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.contracts import Policy, Received
from pyconquest_rt.archive.files.intents import Intents
from pyconquest_rt.archive.files.placement import EarlyName, Placement, placed_with
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.files.storage import Storage, standard_name
from pyconquest_rt.archive.heal import heal
from pyconquest_rt.archive.ingest import Batch, Found, State
from pyconquest_rt.archive.judging import Fate, fate_of, note_staged, put_in_place
from pyconquest_rt.archive.locks import in_use
from pyconquest_rt.archive.turns import Job, Turns
from pyconquest_rt.database.index_statements import REJECT
from pyconquest_rt.database.rows import Values
from pyconquest_rt.dicom.header import Header, HeaderReader
from pyconquest_rt.dicom.part10 import DEFLATED, Prefix, check_inflated
from pyconquest_rt.errors import ConflictError, DatabaseError, ObjectError, StorageError, TruncatedError
from pyconquest_rt.settings.sections import ArchiveSettings

NameOf = Callable[[str, str, os.PathLike[str]], str]
"""(patient ID, SOPInstanceUID, staged file) → the name below the data directory."""

_LOG = logging.getLogger(__name__)
_LOCK_TIMEOUT_S = 10.0
_MAX_REFUSALS = 100_000
_SPACE_S = 0.1
_MAX_UID = 64  # PS3.5 table 6.2-1


def standard(patient_id: str, sop_instance_uid: str, staged: os.PathLike[str]) -> str:
    """Name a file ``PatientID/SOPInstanceUID.dcm``."""
    return standard_name(patient_id, sop_instance_uid)


@dataclass(slots=True)
class _Job(Job):
    """One staged object that waits to be indexed; its key is its SOPInstanceUID."""

    file: StagedFile
    header: Header
    values: Values
    patient: str
    early: EarlyName | None = None

    @property
    def sop(self) -> str:
        return self.key

    @property
    def staged(self) -> Path:
        """The file's path; it has a name from now on."""
        return Path(self.file.name)

    def found(self, name: str) -> Found:
        """Return what is indexed, under a name of the file."""
        return Found(name, self.header.size, self.header.mtime_ns, self.header)

    def drop_early_name(self) -> None:
        if self.early:
            self.early.take_back()
        self.early = None

    def end(self, error: Exception | None = None) -> None:
        """Let its thread go on, with the error that stopped it if there is one; then it has no early name."""
        if error:
            self.drop_early_name()
        Job.end(self, error)


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
        self._turns: Turns[_Job] = Turns(self._take)
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
        with self._turns.alone():
            if not self._closed:
                self._closed = True
                self._archive.close()
                self._intents.close()
                self._lock.release()

    @contextmanager
    def stage(self, sop_instance_uid: str, sender: str = "") -> Iterator[StagedFile]:
        """Yield a temporary file for an announced object; it is removed at the end unless it was accepted.

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
        """Accept a staged file; returns once it is durable under its final name and indexed.

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
            self._turns.run(job)

    def _check_space(self) -> None:
        """Check free disk space, at most ten times a second."""
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
        return _Job(file, header, values, patient, key=sop)

    def _read_header(self, file: StagedFile) -> Header:
        """Read a header with an idle reader from the pool; each reader remembers layouts it has seen."""
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

    def _take(self, batch: list[_Job]) -> None:
        """Place and index a batch; every job of it is ended."""
        if not self._take_together(batch):
            for job in batch:
                self._take_together([job])

    def _take_together(self, batch: list[_Job]) -> bool:
        """Take a batch in one transaction; False, with nothing written, if its jobs contradict one another."""
        failed: dict[int, Exception] = {}
        try:
            with placed_with(self._transaction()) as placement:
                placed = self._place_all(batch, placement, failed)
        except ConflictError as error:
            if len(batch) > 1:
                return False
            failed, placed = {0: error}, []
        except Exception as error:  # whatever it is, the peers must be told that nothing is safe
            failed, placed = dict.fromkeys(range(len(batch)), _explained(error)), []
        for number, job in enumerate(batch):
            job.end(failed.get(number))
        if placed and self._on_stored:
            self._on_stored([found.path for found in placed])
        return True

    def _place_all(
        self, batch: list[_Job], placement: Placement, failed: dict[int, Exception]
    ) -> list[Found]:
        """Place a batch's files and write their rows; puts those that cannot be taken into ``failed``.

        Raises:
            ConflictError: an object contradicts the index, or one of the others.
        """
        index = self._writer.batch([job.values for job in batch]) if self._indexing else None
        placed: list[Found] = []
        values: list[Values] = []
        for number, job in enumerate(batch):
            try:
                found = self._place(job, placement, index)
            except (ObjectError, StorageError, OSError) as error:
                failed[number] = error
                continue
            if found:
                placed.append(found)
                values.append(job.values)
        if index:
            _index(index, placed, values)
        return placed

    def _check_database(self) -> None:
        """Check that the database file is still the one that was opened.

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
        """Give one file its final name; returns what is to be indexed, None if the archive is unchanged."""
        known = index.known_file(job.values) if index else None
        if job.early and known in (None, job.early.name) and job.early.holds():
            return job.found(job.early.name)
        note_staged(self._intents, Path(job.file.planned_name))
        staged = job.staged  # it gets a name to keep: a file that has lost its early one gets no other
        job.drop_early_name()
        name = known or self._final_name(job)
        fate = self._fate(job, staged, name, is_indexed=index is not None)
        if not fate.is_placed:
            return self._as_it_is(job, name, index)
        replaced = job.sop if index and fate is Fate.REPLACED else ""
        put_in_place(self._archive, self._intents, placement, staged, name, replaced=replaced)
        return job.found(name)

    def _fate(self, job: _Job, staged: Path, name: str, *, is_indexed: bool) -> Fate:
        target = self._storage.path_of(name)
        if not is_indexed and self._policy != "replace" and target.exists():
            raise ConflictError("there is a file of this instance already")
        return fate_of(job.sop, staged, target, self._policy)

    def _as_it_is(self, job: _Job, name: str, index: Batch | None) -> Found | None:
        """Return the stored file if its rows are older than it (as after a kill); else None."""
        status = self._storage.status(name)
        if index is None or status is None or index.holds(name, status, job.sop):
            return None
        return Found(name, status.size, status.mtime_ns, job.header)

    def _final_name(self, job: _Job) -> str:
        return self._name_of(job.patient, job.sop, job.file)

    def _record_refusal(self, sop: str, reason: str) -> None:
        """Record a refused object; the record is bounded, and its failure does not change the answer."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.suppress(DatabaseError), self._archive.database.transaction() as connection:
            connection.execute(REJECT, (None, sop[:_MAX_UID], reason, now))  # a peer may send anything as UID
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


def _explained(error: Exception) -> Exception:
    """Return the error that is reported to the peer."""
    return (
        DatabaseError(f"the index cannot be written: {error}") if isinstance(error, DatabaseError) else error
    )
