"""The workers of a node: started anew when they die, left alone once the node has stopped."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import wait_until

from pyconquest_rt.service.node import Workers
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    folder = str(tmp_path)
    made = Workers(ArchiveSettings(f"{folder}/data", f"{folder}/conquest.db", f"{folder}/none.sql"), 1)
    made.start()
    wait_until(lambda: bool(made._processes), seconds=15)
    yield made
    made.stop()


def test_they_start_once_nothing_arrives(tmp_path: Path) -> None:
    made = Workers(ArchiveSettings(f"{tmp_path}/data", f"{tmp_path}/conquest.db", f"{tmp_path}/none.sql"), 1)
    made.start()
    for _ in range(8):
        time.sleep(0.2)
        made.wake()
        assert made._processes == []
    wait_until(lambda: bool(made._processes), seconds=15)
    made.stop()
    idle = Workers(ArchiveSettings(f"{tmp_path}/data", f"{tmp_path}/conquest.db", f"{tmp_path}/none.sql"), 1)
    idle.start()
    idle.stop()
    time.sleep(1.5)
    assert idle._processes == []


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
