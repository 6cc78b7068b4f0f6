"""What happens when processes are killed, or work at once on one database."""

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import make_object, save

from pyconquest_rt import indexer
from pyconquest_rt.config import ArchiveSettings
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.verify import verify

FORK = multiprocessing.get_context("fork") if sys.platform == "linux" else None
needs_fork = pytest.mark.skipif(FORK is None, reason="kills forked processes; Linux only")
ROUNDS = 50


def settings_of(folder: Path) -> ArchiveSettings:
    return ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))


def rebuild_in_small_steps(settings: ArchiveSettings) -> None:
    indexer.CHUNK = 10
    ingest = Ingest.open(settings)
    indexer.rebuild(ingest, only="changed")
    ingest.close()


def start(work: Callable[..., None], *arguments: object) -> multiprocessing.Process:
    assert FORK is not None
    process = FORK.Process(target=work, args=arguments)
    process.start()
    return process  # type: ignore[return-value]


@needs_fork
def test_a_killed_rebuild_leaves_nothing_that_the_next_one_does_not_mend(tmp_path: Path) -> None:
    generator = random.Random(7)
    settings = settings_of(tmp_path)
    data = tmp_path / "data"
    files = [
        save(make_object(f"P{n % 9}", n % 9, n % 18, n), data / f"P{n % 9}" / f"{n}.dcm") for n in range(300)
    ]
    killed = 0
    for number in range(ROUNDS):
        process = start(rebuild_in_small_steps, settings)
        time.sleep(generator.uniform(0.0, 0.08))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        ingest = Ingest.open(settings)
        indexer.rebuild(ingest, only="changed")
        assert list(verify(ingest)) == []
        assert ingest.database.query("SELECT count(*) AS n FROM DICOMImages") == [{"n": len(files)}]
        ingest.close()
        moved = generator.sample(range(len(files)), 60)
        for index in moved:  # something to do for the next round
            renamed = files[index].with_name(f"{index}-{number}.dcm")
            files[index] = files[index].rename(renamed)
        if number % 3 == 0:
            for suffix in ("", "-wal", "-shm"):
                Path(settings.database + suffix).unlink(missing_ok=True)
    assert killed > ROUNDS / 3


def read_counts(settings: ArchiveSettings, seconds: float) -> None:
    ingest = Ingest.open(settings)
    end, last = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        count = ingest.database.query("SELECT count(*) AS n FROM v_series")[0]["n"]
        assert count >= last
        last = count
    ingest.close()


@needs_fork
def test_two_rebuilds_and_a_reader_at_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    for n in range(400):
        save(make_object(f"P{n % 9}", n % 9, n % 18, n), tmp_path / "data" / f"P{n % 9}" / f"{n}.dcm")
    Ingest.open(settings).close()
    processes = [start(rebuild_in_small_steps, settings) for _ in range(2)]
    processes.append(start(read_counts, settings, 0.5))
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    ingest = Ingest.open(settings)
    assert list(verify(ingest)) == []
    assert ingest.database.query("SELECT count(*) AS n FROM DICOMImages") == [{"n": 400}]
    ingest.close()
