"""Group commit: one thread at a time does the work of all that wait.

A thread that finds nobody working takes the turn, does its own job with those that wait, and leaves the turn to the
one that has waited longest. A commit's flush is the dearest step of an object, and so is shared.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

_MAX_BATCH: Final = 200


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, kw_only=True)
class Job:
    """One thread's work; two jobs of one key are never in the same batch."""

    key: str
    error: Exception | None = None
    done: bool = False
    wait: threading.Lock = field(default_factory=_taken)
    """Can be taken when the job is done, or when its thread has to do the waiting ones."""

    def end(self, error: Exception | None = None) -> None:
        """Let its thread go on, with the error that stopped it if there is one."""
        # Error and mark come before the release: the thread reads both as soon as it runs.
        self.error, self.done = error, True
        self.wait.release()


J = TypeVar("J", bound=Job)


class Turns(Generic[J]):
    """Has jobs done in batches.

    Args:
        do: does a batch; it ends every job, or raises, which ends those left over with what it raised.
    """

    def __init__(self, do: Callable[[list[J]], None]) -> None:
        self._do = do
        self._waiting: deque[J] = deque()
        self._turn = threading.Lock()
        self._queue = threading.Lock()
        self._is_taken = False

    def alone(self) -> AbstractContextManager[object]:
        """Keep every batch waiting while this lasts."""
        return self._turn

    def waiting(self) -> int:
        """Return how many jobs wait."""
        return len(self._waiting)

    def run(self, job: J) -> None:
        """Do a job, in this thread or another's batch; returns when it is done. Raises the job's error."""
        with self._queue:
            self._waiting.append(job)
            must_wait, self._is_taken = self._is_taken, True
        if must_wait:
            job.wait.acquire()
        # Either another thread has done it, or that thread has passed the turn on to this one.
        if not job.done:
            try:
                with self._turn:
                    self._do_batch(self._next_batch())
            finally:
                self._pass_on()
        if job.error is not None:
            raise job.error

    def _do_batch(self, batch: list[J]) -> None:
        try:
            self._do(batch)
        except Exception as error:  # whatever it is, nobody may wait for ever, nor be told that all is well
            for job in batch:
                if not job.done:
                    job.end(error)
            raise

    def _pass_on(self) -> None:
        """Leave the turn to the thread that has waited longest."""
        with self._queue:
            self._is_taken = bool(self._waiting)
            if self._waiting:
                self._waiting[0].wait.release()

    def _next_batch(self) -> list[J]:
        """Take what waits off the queue, up to a second job of a key that is in the batch already."""
        batch: dict[str, J] = {}
        # Only the thread whose turn it is takes from the left; others append meanwhile, which a deque allows.
        while self._waiting and len(batch) < _MAX_BATCH and self._waiting[0].key not in batch:
            job = self._waiting.popleft()
            batch[job.key] = job
        return list(batch.values())
