"""An archive on the network: one listener with all its services, and the workers that derive what arrives."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from pyconquest_rt import schema
from pyconquest_rt.config import ArchiveSettings, ListenerSettings
from pyconquest_rt.naming import naming
from pyconquest_rt.net.admission import LOOPBACK, Access, Policy
from pyconquest_rt.net.commitment import CommitmentService
from pyconquest_rt.net.finding import FindService
from pyconquest_rt.net.index import Index
from pyconquest_rt.net.peers import Peers
from pyconquest_rt.net.retrieving import RetrieveService
from pyconquest_rt.net.serving import Counters
from pyconquest_rt.reception import NameOf, Reception
from pyconquest_rt.reception import Policy as Replacement
from pyconquest_rt.scp import Listener

PEERS_FILE = "acrnema.map"


class Node:
    """One archive that listens on a port: it stores and indexes, answers queries, and sends what is asked for.

    Args:
        archive: where files and index are.
        listener: address, port and AE title.
        write_to_database: False stores files only; a later rebuild finds them.
        workers: processes that derive DVHs and dose tables from what arrives; 0 leaves that due.
        peers: who may query from elsewhere, and where objects can be moved to; None: those of ``acrnema.map``
            in the working directory, if there is one.
        replacement: what becomes of an object that is there already with other content.
        name_of: names files, in place of ``listener.file_names``.

    Raises:
        SettingsError: ``listener.file_names`` cannot be used.
        NetworkError: the port cannot be had.
        DatabaseError, SchemaError: the index cannot be opened.
    """

    def __init__(
        self,
        archive: ArchiveSettings,
        listener: ListenerSettings,
        *,
        write_to_database: bool = True,
        workers: int = 1,
        peers: Peers | None = None,
        replacement: Replacement = "replace",
        name_of: NameOf | None = None,
    ) -> None:
        definition = schema.load(archive.sql) if Path(archive.sql).is_file() else schema.default()
        name_of = name_of or naming(listener.file_names, archive.data)
        known = _peers() if peers is None else peers
        index = Index(archive, definition)
        self._workers = Workers(archive, workers)
        self._reception = Reception(
            archive,
            write_to_database=write_to_database,
            policy=replacement,
            name_of=name_of,
            on_stored=lambda names: self._workers.wake(),
        )
        self._listener = Listener(
            self._reception,
            host=listener.host,
            port=listener.port,
            aet=listener.ae_title,
            policy=Policy(query=Access(hosts=LOOPBACK, pairs=known.pairs())),
            services={
                **FindService(index, listener.ae_title).handlers(),
                **RetrieveService(index, listener.ae_title, known.find).handlers(),
                **CommitmentService(index, listener.ae_title, known.find).handlers(),
            },
        )
        try:
            self._listener.start()
        except BaseException:
            self._reception.close()
            raise
        self._workers.start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._listener.port

    @property
    def counters(self) -> Counters:
        """What has been received so far."""
        return self._listener.counters

    def wake(self) -> None:
        """Tell the workers that there may be something to derive."""
        self._workers.wake()

    def wait(self) -> None:
        """Block until the node is stopped by another thread, or KeyboardInterrupt comes."""
        self._listener.wait()

    def stop(self) -> None:
        """Let operations in progress end, write what is waiting, and stop the workers; may be called twice."""
        self._listener.stop()
        self._reception.close()
        self._workers.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _peers() -> Peers:
    return Peers.read(PEERS_FILE) if Path(PEERS_FILE).is_file() else Peers()


class Workers:
    """Processes that derive (``python -m pyconquest_rt.worker``); each ends when this process does."""

    def __init__(self, archive: ArchiveSettings, count: int) -> None:
        self._command = [sys.executable, "-m", "pyconquest_rt.worker", *_arguments(archive)]
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start them; each begins with what is due already."""
        self._processes = [self._start_one() for _ in range(self._count)]

    def _start_one(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)
        assert process.stdin is not None
        os.set_blocking(
            process.stdin.fileno(), False
        )  # a worker that reads no more must not stop the archive
        return process

    def wake(self) -> None:
        """Tell them that something has come; one that has died is started anew."""
        with self._lock:
            for place, process in enumerate(self._processes):
                if process.poll() is not None:
                    self._processes[place] = process = self._start_one()
                with contextlib.suppress(BrokenPipeError, BlockingIOError):
                    assert process.stdin is not None
                    os.write(process.stdin.fileno(), b"\n")

    def stop(self, grace_s: float = 10.0) -> None:
        """Let each finish the object that it is at, then stop it; none is started or woken any more."""
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
    command = [sys.executable, "-m", "pyconquest_rt.worker", "--once", *_arguments(archive)]
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]
    for process in processes:
        process.wait()
