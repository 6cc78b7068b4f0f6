"""Schedule of the jobs: APScheduler triggers them, each heavy one in a process of its own."""

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from pyconquest_rt.errors import PyconquestError, reason
from pyconquest_rt.service import jobs, processes
from pyconquest_rt.settings.file import render
from pyconquest_rt.settings.sections import Settings

_LOG = logging.getLogger(__name__)
_CLOCK_TOLERANCE_S = 30.0
_STOP_S = 10.0


class Schedule:
    """The jobs of one archive, started when their time comes.

    A job that is still running is not started again; starts that were missed (the machine slept, the service was
    busy) become one.

    Args:
        settings: whose section ``schedule`` says when.
        on_swept: called after each sweep of derivations, when there may be something to derive.
    """

    def __init__(self, settings: Settings, on_swept: Callable[[], object] = lambda: None) -> None:
        self._settings, self._on_swept = settings, on_swept
        late = int(settings.schedule.late_hours * 3600)
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": late}
        )
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._offset = _clock_offset()
        for name, trigger in _triggers(settings).items():
            self._scheduler.add_job(self._run, trigger, (name,), id=name, name=name)

    def start(self) -> None:
        """Begin; derivations are swept at once."""
        self._scheduler.start()
        if job := self._scheduler.get_job("sweep"):
            job.modify(next_run_time=datetime.now(self._scheduler.timezone))

    def stop(self) -> None:
        """Start nothing more; jobs that are running are broken off, their finished transactions stay."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._lock:
            processes, self._processes = self._processes, set()
            self._stopped = True
        for process in processes:
            process.terminate()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)

    def next_runs(self) -> dict[str, datetime]:
        """Return when each job runs next, in the order of these times."""
        pending = {job.id: job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time}
        return dict(sorted(pending.items(), key=lambda item: item[1]))

    def follow_clock(self) -> bool:
        """Recompute the next runs if the clock was set; call it now and then.

        Jobs wait for a time of the clock. One that was set back would leave them waiting for as long again, one
        that was set forward would find them late.
        """
        offset = _clock_offset()
        if abs(offset - self._offset) < _CLOCK_TOLERANCE_S:
            return False
        _LOG.warning("the clock was set by %+.0f s; the schedule follows", offset - self._offset)
        self._offset = offset
        for name, trigger in _triggers(self._settings).items():
            self._scheduler.reschedule_job(name, trigger=trigger)
        return True

    # -- running --------------------------------------------------------------------------------------------

    def _run(self, name: str) -> None:
        """Run a job, in a process of its own unless it is a light one."""
        if jobs.JOBS[name].light:
            try:
                jobs.run(self._settings, name)
            except PyconquestError as error:
                _LOG.warning("job %s: %s", name, reason(error))
            self._on_swept()
            return
        start = time.monotonic()
        status = self._run_process(name)
        level = logging.INFO if status == 0 else logging.WARNING
        _LOG.log(level, "job %s ended with status %s after %.1f s", name, status, time.monotonic() - start)
        self._on_swept()

    def _run_process(self, name: str) -> int:
        with self._lock:
            if self._stopped:
                return -1
            process = processes.start("service.jobs", name, stdin=subprocess.PIPE, start_new_session=True)
            self._processes.add(process)
        process.communicate(render(self._settings).encode())
        with self._lock:
            self._processes.discard(process)
        return process.returncode


def _triggers(settings: Settings) -> dict[str, Any]:
    """Return the trigger of each job that the settings want to run."""
    triggers: dict[str, Any] = {
        name: CronTrigger.from_crontab(text) for name, text in jobs.times(settings).items()
    }
    if minutes := settings.schedule.sweep_minutes:
        triggers["sweep"] = IntervalTrigger(seconds=max(1, round(minutes * 60)))
    return triggers


def check(settings: Settings) -> list[str]:
    """Return what is wrong with the times in the settings."""
    wrong = []
    for name, text in jobs.times(settings).items():
        try:
            CronTrigger.from_crontab(text)
        except ValueError as error:
            wrong.append(f"[schedule] {name} = {text!r}: {error}")
    return wrong


def _clock_offset() -> float:
    """Return wall clock minus monotonic clock, in seconds."""
    return time.time() - time.monotonic()
