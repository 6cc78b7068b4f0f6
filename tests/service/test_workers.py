"""The workers of a node: started anew when they die, left alone once the node has stopped."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconquest_rt.service.node import Workers
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    folder = str(tmp_path)
    made = Workers(ArchiveSettings(f"{folder}/data", f"{folder}/conquest.db", f"{folder}/none.sql"), 1)
    made.start()
    yield made
    made.stop()


def test_a_worker_that_has_died_is_started_anew(workers: Workers) -> None:
    (first,) = workers._processes
    first.kill()
    first.wait()
    workers.wake()
    (second,) = workers._processes
    assert second.pid != first.pid
    assert second.poll() is None


def test_a_call_that_comes_while_they_stop_starts_nothing(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (process,) = workers._processes
    wait = subprocess.Popen.wait

    def called_meanwhile(self: "subprocess.Popen[bytes]", timeout: float | None = None) -> int:
        workers.wake()
        return wait(self, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", called_meanwhile)
    workers.stop()
    assert process.poll() is not None
    assert workers._processes == []
