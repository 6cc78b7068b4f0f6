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

from pyconquest_rt.archive import rebuild as indexer
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import ArchiveSettings, DeriveSettings, ListenerSettings, Settings

FORK = multiprocessing.get_context("fork") if sys.platform == "linux" else None
needs_fork = pytest.mark.skipif(FORK is None, reason="kills forked processes; Linux only")
ROUNDS = 50


def settings_of(folder: Path) -> ArchiveSettings:
    return ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))


def rebuild_in_small_steps(settings: ArchiveSettings) -> None:
    indexer.CHUNK = 10
    ingest = Archive.open(settings)
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
        ingest = Archive.open(settings)
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


def until_enough(work: Callable[[Archive], None], settings: ArchiveSettings) -> None:
    """Do some work again and again, at least once, until there is a file ``enough`` beside the database."""
    ingest = Archive.open(settings)
    enough = Path(settings.database).with_name("enough")
    is_last = False
    while not is_last:
        is_last = enough.exists()
        work(ingest)
    ingest.close()


def rebuild_all(ingest: Archive) -> None:
    indexer.CHUNK = 10
    indexer.rebuild(ingest, only="all")


def read(ingest: Archive) -> None:
    rows = ingest.database.query("SELECT SOPInstanc, SeriesInst FROM DICOMImages")
    series = {row["SeriesInst"] for row in ingest.database.query("SELECT SeriesInst FROM DICOMSeries")}
    assert len(rows) >= 400 and {row["SeriesInst"] for row in rows} <= series


@needs_fork
def test_two_rebuilds_a_listener_and_a_reader_at_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    for n in range(400):
        save(make_object(f"P{n % 9}", n % 9, n % 18, n), tmp_path / "data" / f"P{n % 9}" / f"{n}.dcm")
    outside = [
        save(make_object(f"P{n % 9}", n % 9, n % 18, n), tmp_path / f"out/{n}.dcm") for n in range(400, 700)
    ]
    ingest = Archive.open(settings)
    indexer.rebuild(ingest)
    processes = [start(until_enough, work, settings) for work in (rebuild_all, rebuild_all, read)]
    node = Node(Settings(settings, ListenerSettings(port=0), derive=DeriveSettings(workers=0)))
    with node:
        result = send_files(outside, "127.0.0.1", node.port, "ANY", parallel=2)
        assert [process.is_alive() for process in processes] == [True] * 3
        (tmp_path / "enough").touch()
        for process in processes:
            process.join(60)
    assert (result.sent, result.failed, node.counters.failed) == (300, [], 0)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert list(verify(ingest)) == []
    assert ingest.database.query("SELECT count(*) AS n FROM DICOMImages") == [{"n": 700}]
    ingest.close()
