"""One archive's network node: listeners, workers and the outgoing queue."""

import contextlib
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.contracts import Received
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.naming import naming
from pyconquest_rt.database import schema
from pyconquest_rt.dicom import system
from pyconquest_rt.errors import SettingsError, StorageError
from pyconquest_rt.net.protocol import tls
from pyconquest_rt.net.protocol.guard import DEFAULT_LIMITS
from pyconquest_rt.net.services.admission import Access, AccessRules
from pyconquest_rt.net.services.commit import CommitmentService
from pyconquest_rt.net.services.find import FindService
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peers, known_peers
from pyconquest_rt.net.services.retrieve import RetrieveService
from pyconquest_rt.net.services.serving import Counters
from pyconquest_rt.scp import Listener
from pyconquest_rt.service import processes
from pyconquest_rt.service.forwarder import Forwarder
from pyconquest_rt.service.hooks import Hook, load, stored_caller
from pyconquest_rt.settings.options import PEERS, caller
from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, Settings

_IDLE_S = 1.0
_LATEST_START_S = 10.0
_LOOK_S = 0.1


class Node:
    """One archive that listens on its ports: it stores and indexes, answers queries, sends and forwards.

    Args:
        settings: the sections archive, listener, peer, receive and derive count, and how often the outgoing
            queue is looked at.
        write_to_database: False stores files only; a later rebuild finds them.
        on_stored: functions that are called with each :class:`~pyconquest_rt.service.hooks.Stored`, beside those
            that the section hooks names.

    Raises:
        SettingsError: a certificate, a peer, a hook, or ``receive.file_names`` cannot be used.
        NetworkError: a port cannot be had.
        StorageError, DatabaseError, SchemaError: the archive cannot be opened.
    """

    def __init__(
        self, settings: Settings, *, write_to_database: bool = True, on_stored: Sequence[Hook] = ()
    ) -> None:
        archive = settings.archive
        definition = schema.load(archive.sql) if Path(archive.sql).is_file() else schema.default()
        peers = known_peers(settings)
        make_folders(archive)
        self._settings = settings
        self._hooks = stored_caller(archive, [*load(settings.hooks.stored), *on_stored])
        load(settings.hooks.derived)  # the workers call them; a name that leads nowhere is told here
        self._workers = Workers(archive, settings.derive.workers)
        self._forwarder = Forwarder(archive, peers, settings.schedule.forward_minutes * 60)
        self._reception = open_reception(settings, write_to_database=write_to_database, on_stored=self.stored)
        self.counters = Counters()
        """What all listeners together have received so far."""
        self._listeners: list[Listener] = []
        index = Index(archive, definition)
        try:
            for each in settings.all_listeners:
                listener = _listener(each, self._reception, index, peers, self.counters)
                self._listeners.append(listener.start())
        except BaseException:
            self.stop()
            raise
        self._workers.start()
        self._forwarder.start()

    @property
    def port(self) -> int:
        """The port that is listened on, of several listeners that of the first."""
        return self._listeners[0].port

    @property
    def addresses(self) -> list[str]:
        """Where each listener is, as peers are configured with it: ``AET@host:port``, and whether it speaks TLS."""
        return [
            f"{each.ae_title}@{each.host}:{listener.port}{' (TLS)' if each.tls_certificate else ''}"
            for each, listener in zip(self._settings.all_listeners, self._listeners, strict=True)
        ]

    def stored(self, names: list[str]) -> None:
        """Note that objects were stored and indexed, under these names below the data directory."""
        self.wake()
        self._hooks.tell(names)

    def wake(self) -> None:
        """Wake the workers and the forwarder."""
        self._workers.wake()
        self._forwarder.wake()

    def wait(self) -> None:
        """Block until the node is stopped by another thread, or KeyboardInterrupt comes."""
        self._listeners[0].wait()

    def stop(self) -> None:
        """Let operations in progress end, write what is waiting, and stop the workers; may be called twice."""
        for listener in self._listeners:
            listener.stop()
        self._forwarder.stop()
        self._reception.close()
        self._workers.stop()
        self._hooks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def open_reception(settings: Settings, **options: Any) -> Reception:
    """Open an archive for objects of the network, as the section receive says; `options` are those of Reception."""
    return Reception(
        settings.archive,
        policy=settings.receive.replacement,  # type: ignore[arg-type]  # the settings allow no other
        name_of=naming(settings.receive.file_names, settings.archive.data),
        **options,
    )


class ArchiveSink:
    """Accepts objects into an archive that is opened (or made) when the first one arrives."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reception: Reception | None = None

    def stage(self, sop_instance_uid: str, sender: str = "") -> AbstractContextManager[StagedFile]:
        """Give a new temporary file."""
        if self._reception is None:
            make_folders(self._settings.archive)
            self._reception = open_reception(self._settings)
        return self._reception.stage(sop_instance_uid, sender)

    def accept(self, received: Received) -> None:
        """Take a staged file over."""
        assert self._reception is not None  # it has staged the file
        self._reception.accept(received)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reception is not None:
            self._reception.close()


def make_folders(archive: ArchiveSettings) -> None:
    """Make the data directory and the folder of the database. Raises StorageError."""
    for folder in (Path(archive.data), Path(archive.database).parent):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the folder {folder}: {error.strerror}") from error


def _listener(
    settings: ListenerSettings, reception: Reception, index: Index, peers: Peers, counters: Counters
) -> Listener:
    """Make one listener with all services. Raises SettingsError."""
    return Listener(
        reception,
        host=settings.host,
        port=settings.port,
        aet=settings.ae_title,
        policy=AccessRules(
            settings.check_called, _access(settings.may_store, peers), _access(settings.may_query, peers)
        ),
        limits=replace(
            DEFAULT_LIMITS,
            associations=settings.associations,
            associations_per_host=settings.associations_per_host,
        ),
        tls=_tls(settings),
        services={
            **FindService(index, settings.ae_title, settings.max_matches or None).handlers(),
            **RetrieveService(index, settings.ae_title, peers).handlers(),
            **CommitmentService(index, settings.ae_title, peers).handlers(),
        },
        counters=counters,
    )


def _access(callers: tuple[str, ...], peers: Peers) -> Access:
    """Return the access rule of a list: its callers, and all peers where it contains ``peers``."""
    try:
        pairs = [caller(text) for text in callers if text != PEERS]
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return Access(pairs + (peers.pairs() if PEERS in callers else []))


def _tls(settings: ListenerSettings) -> ssl.SSLContext | None:
    for _, reason in settings.contradictions():
        raise SettingsError(reason)
    if not settings.tls_certificate:
        return None
    return tls.server_context(
        settings.tls_certificate, settings.tls_key, settings.tls_ca, required=settings.tls_required
    )


class Workers:
    """Derivation processes (``python -m pyconquest_rt.worker``), which end with this process.

    The start of a process takes half a second of a processor, so it waits until nothing arrives, some seconds at most.
    """

    def __init__(self, archive: ArchiveSettings, count: int) -> None:
        self._arguments = _arguments(archive)
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._woken = 0.0

    def start(self) -> None:
        """Start them once nothing arrives; each begins with what is due already."""
        if self._count:
            self._woken = time.monotonic()
            threading.Thread(target=self._start_when_idle, name="workers", daemon=True).start()

    def _start_when_idle(self) -> None:
        latest = time.monotonic() + _LATEST_START_S
        while time.monotonic() < min(self._woken + _IDLE_S, latest):
            if self._stopped.wait(_LOOK_S):
                return
        with self._lock:
            if not self._stopped.is_set():
                self._processes = [self._start_one() for _ in range(self._count)]

    def _start_one(self) -> subprocess.Popen[bytes]:
        process = processes.start("worker", *self._arguments, stdin=subprocess.PIPE, start_new_session=True)
        system.lower_priority(process.pid)  # receiving comes first, also before its start
        assert process.stdin is not None
        system.do_not_block(process.stdin.fileno())  # a worker that reads no more must not stop the archive
        return process

    def wake(self) -> None:
        """Wake them; one that has died is restarted."""
        self._woken = time.monotonic()
        with self._lock:
            for place, process in enumerate(self._processes):
                if process.poll() is not None:
                    self._processes[place] = process = self._start_one()
                with contextlib.suppress(BrokenPipeError, BlockingIOError):
                    assert process.stdin is not None
                    os.write(process.stdin.fileno(), b"\n")

    def stop(self, grace_s: float = 10.0) -> None:
        """Let each finish its present object, then stop it."""
        self._stopped.set()
        with self._lock:
            processes, self._processes = self._processes, []
        for process in processes:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        for process in processes:
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _arguments(archive: ArchiveSettings) -> list[str]:
    return ["--data", archive.data, "--database", archive.database, "--sql", archive.sql]


def derive_in_processes(archive: ArchiveSettings, count: int) -> None:
    """Derive everything that is due in several processes, and wait until they have nothing left to do."""
    started = [
        processes.start("worker", "--once", *_arguments(archive), stdin=subprocess.DEVNULL)
        for _ in range(count)
    ]
    for process in started:
        process.wait()
