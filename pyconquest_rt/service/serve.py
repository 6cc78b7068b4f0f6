"""The service of one archive: listener, workers, schedule, watch folder and figures, under one lock."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyconquest_rt.dicom.quiet import Seldom
from pyconquest_rt.dicom.system import on_termination
from pyconquest_rt.errors import PyconquestError, reason
from pyconquest_rt.service import forwarder as forward
from pyconquest_rt.service import logs
from pyconquest_rt.service.node import Node, make_folders
from pyconquest_rt.service.status import LEVELS, counted, counts, publish, service_lock, status, withdraw
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.service.schedule import Schedule
    from pyconquest_rt.service.watch import Watcher

_LOG = logging.getLogger(__name__)
_REFRESH_S = 2.0


class Service:
    """One archive's service, from the start until :meth:`stop`.

    The listener answers first; what takes longer to load follows. Whatever was started is stopped again when a
    later part cannot start.

    Args:
        settings: all of them count.

    Raises:
        BusyError: another service runs on this database.
        NetworkError: a port cannot be had.
        SettingsError, StorageError, DatabaseError, SchemaError: something that is set cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._start = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._before = (self._start, 0)
        self._rate = 0.0
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise

    def _begin(self) -> None:
        settings = self.settings
        make_folders(settings.archive)
        self._stack.enter_context(service_lock(settings.archive))
        self._watcher = (
            self._watch()
        )  # what it needs of the disk it takes before anybody is told that all is well
        self._node = Node(settings)
        self._stack.callback(self._node.stop)
        if self._watcher:
            self._stack.callback(self._watcher.stop)
            self._watcher.start()
        self._schedule = self._plan()
        if settings.metrics.port:
            from pyconquest_rt.service.metrics import MetricsServer

            metrics = MetricsServer(settings.metrics.port, lambda: status(settings.archive))
            metrics.start()
            self._stack.callback(metrics.stop)
        self._stack.callback(withdraw, settings.archive)
        self.refresh()

    def _watch(self) -> "Watcher | None":
        if not self.settings.watch.folder:
            return None
        from pyconquest_rt.service.watch import Watcher

        watcher = Watcher(self.settings.archive, self.settings.watch, on_stored=self._stored)
        self._stack.callback(
            watcher.stop
        )  # so it is closed also where the rest cannot start; it may be stopped twice
        return watcher

    def _stored(self, names: list[str]) -> None:
        self._node.stored(names)

    def _plan(self) -> "Schedule":
        from pyconquest_rt.service.schedule import Schedule

        schedule = Schedule(self.settings, on_swept=self._node.wake)
        self._stack.callback(schedule.stop)
        schedule.start()
        return schedule

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._node.port

    def wait(self, stop: threading.Event) -> None:
        """Keep the published figures fresh until ``stop`` is set."""
        seldom = Seldom()
        while not stop.wait(_REFRESH_S):
            try:
                self._schedule.follow_clock()
                self.refresh()
            except (PyconquestError, OSError) as error:  # such as a full disk; it may have room again
                if seldom(reason(error)):
                    _LOG.error("the figures of the service were not refreshed: %s", reason(error))

    def refresh(self) -> None:
        """Publish what the service is doing now."""
        publish(self.settings.archive, self.figures())

    def figures(self) -> dict[str, Any]:
        """Return what the service has done and will do."""
        counters, now = self._node.counters, time.monotonic()
        then, stored = self._before
        if now - then >= _REFRESH_S:
            self._rate = (counters.stored - stored) / (now - then)
            self._before = (now, counters.stored)
        names = ("associations", "rejected", "stored", "failed", "bytes")
        return {
            "pid": os.getpid(),
            "started": self._started,
            "seconds": round(now - self._start, 1),
            "addresses": self._node.addresses,
            **{name: getattr(counters, name) for name in names},
            "objects_per_s": round(self._rate, 1),
            "watch": self._watcher and {"stored": self._watcher.stored, "refused": self._watcher.refused},
            "next_jobs": {name: when.isoformat() for name, when in self._schedule.next_runs().items()},
        }

    def screen(self) -> Iterator[str]:
        """Yield the lines that say what runs here."""
        from pyconquest_rt.archive.archive import Archive

        settings = self.settings
        archive = Archive.read(settings)
        try:
            held, forwards = counts(archive.database), forward.status(archive)
        finally:
            archive.close()
        for address in self._node.addresses:
            yield f"DICOM      {address}"
        yield f"data       {Path(settings.archive.data).absolute()}"
        yield f"database   {Path(settings.archive.database).absolute()}"
        yield "holds      " + ", ".join(counted(held[name], name) for name in LEVELS)
        yield f"derives    in {settings.derive.workers} processes"
        for rule in forwards:
            yield f"forwards   {rule['name']} to {rule['peer']}, {rule['queued']} waiting"
        if settings.watch.folder:
            yield f"watches    {Path(settings.watch.folder).absolute()}"
        if settings.metrics.port:
            yield f"figures    http://127.0.0.1:{settings.metrics.port}/metrics"
        for name, when in self._schedule.next_runs().items():
            yield f"scheduled  {name:<10} {when:%Y-%m-%d %H:%M:%S %Z}"

    def stop(self) -> None:
        """Stop everything, the last begun first: associations may end what they are at; may be called twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(settings: Settings, show: Callable[[str], object]) -> None:
    """Run the service until SIGTERM or SIGINT; ``show`` receives the lines of the first screen.

    Raises what :class:`Service` raises.
    """
    stop = threading.Event()
    on_termination(stop.set, interrupt=True)
    handlers = logs.configure(settings.log)
    try:
        with Service(settings) as service:
            for line in service.screen():
                show(line)
            service.wait(stop)
            _LOG.info("stopping")
        _LOG.info("stopped")
    finally:
        logs.release(handlers)
