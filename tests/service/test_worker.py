"""The calls that a worker is woken by."""

import os
import sys
from collections.abc import Iterator

import pytest

from pyconquest_rt.service import worker


class Line:
    """A standard input that the test writes to."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        return self._read

    def call(self) -> None:
        os.write(self._write, b"\n")

    def end(self) -> None:
        if self._write >= 0:
            os.close(self._write)
            self._write = -1


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    found = Line()
    monkeypatch.setattr(sys, "stdin", found)
    yield found
    found.end()


def test_a_flock_of_calls_wakes_once(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = worker._Calls()
    left = [3]

    def sleep(seconds: float) -> None:
        """While the worker waits for quiet, three more come, each of them seen by the next round."""
        if left[0]:
            left[0] -= 1
            line.call()
            assert calls._called.wait(10)

    monkeypatch.setattr(worker.time, "sleep", sleep)
    line.call()
    calls.wait(10)
    assert left == [0]
    assert not calls._called.is_set()


def test_a_stream_without_end_does_not_keep_the_work_off(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = worker._Calls()
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        calls._called.set()

    monkeypatch.setattr(worker.time, "sleep", sleep)
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    line.call()
    calls.wait(10)
    assert worker._LATEST_S <= now[0] < worker._LATEST_S + worker._QUIET_S + 0.01


def test_the_end_of_the_input_is_seen(line: Line) -> None:
    calls = worker._Calls()
    line.end()
    calls.wait(10)
    assert calls.ended
