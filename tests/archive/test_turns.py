"""Group commit: one thread does what all that wait want done."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from samples import wait_until

from pyconquest_rt.archive.turns import Job, Turns


def test_jobs_that_wait_are_done_together_but_never_two_of_one_key() -> None:
    batches: list[list[str]] = []

    def do(batch: list[Job]) -> None:
        batches.append(sorted(job.key for job in batch))
        for job in batch:
            job.end()

    turns = Turns(do)
    with ThreadPoolExecutor(5) as pool:
        with turns.alone():
            done = []
            for number, key in enumerate("abcad", 1):  # in this order
                done.append(pool.submit(turns.run, Job(key=key)))
                wait_until(lambda number=number: turns.waiting() == number)
        assert [future.result(10) for future in done] == [None] * 5
    assert batches == [["a", "b", "c"], ["a", "d"]]
    assert not turns.waiting()


def test_what_stops_one_job_reaches_its_thread_only() -> None:
    def do(batch: list[Job]) -> None:
        for job in batch:
            job.end(ValueError(job.key) if job.key == "b" else None)

    turns = Turns(do)
    turns.run(Job(key="a"))
    with pytest.raises(ValueError, match="b"):
        turns.run(Job(key="b"))
    turns.run(Job(key="c"))


def test_a_batch_that_raises_ends_the_jobs_left_over_and_the_next_goes_on() -> None:
    is_broken = True

    def do(batch: list[Job]) -> None:
        batch[0].end()
        if is_broken:
            raise RuntimeError("broken")
        for job in batch[1:]:
            job.end()

    turns, errors = Turns(do), []

    def run(key: str) -> None:
        try:
            turns.run(Job(key=key))
        except RuntimeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run, args=(key,), daemon=True) for key in "abc"]
    with turns.alone():
        for number, thread in enumerate(threads, 1):
            thread.start()
            wait_until(lambda number=number: turns.waiting() == number)
    for thread in threads:
        thread.join(10)
    assert errors == ["broken"] * 3  # also to the thread that did the work, whose own job was done
    is_broken = False
    turns.run(Job(key="d"))
