"""Files → rows: a rebuild of the index from disk, of all of it or of what is missing or has changed."""

import gc
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.contested import settle
from pyconquest_rt.archive.devices import index_devices
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.headers import _parsed, _prefix, read_one, reader_of, spans_of
from pyconquest_rt.archive.ingest import Found
from pyconquest_rt.archive.listing import Listed, Seen, Span
from pyconquest_rt.archive.mixed import settle_parents
from pyconquest_rt.archive.names import disk_name
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.removal import count_by_device, is_too_much, remove_images
from pyconquest_rt.database.schema import Definition
from pyconquest_rt.dicom.part10 import Prefix, announce
from pyconquest_rt.dicom.system import can_announce, waits
from pyconquest_rt.errors import DatabaseError

Only = Literal["all", "missing", "changed"]
Progress = Callable[[int, float], None]
"""Called with the number of files read so far and the seconds since the start."""


CHUNK = 1000
_PART = 100  # files that are read between two looks at how it goes
_SLOW_SHARE = 0.5  # where reading more than this share of the files had to wait it is worth reading ahead
_THREADS = 8

_Read = TypeVar("_Read")


def rebuild(
    archive: Archive,
    *,
    only: Only = "missing",
    under: str = "",
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Report:
    """Bring the index into line with the files below the data directory.

    Args:
        archive: the archive.
        only: ``missing`` reads the files that were never seen, and rejected ones that have changed (default),
            ``changed`` all whose size or modification time differs, ``all`` every file. Rows of files that have
            gone are removed in each.
        under: a folder below the data directory to which the rebuild is limited.
        jobs: threads that read ahead; None: as many as pay, judged by how long reading has to wait.
        executor: where headers are read instead, in chunks (a process pool, Dask, MPI).
        progress: called after each batch.
        force: remove the rows of files that are gone, even if they are more than a tenth of all.

    Returns:
        a :class:`Report`.

    Raises:
        DatabaseError: there are no files at all but many rows (an unmounted disk?); nothing is removed then.
        DatabaseError: the database cannot be written.
    """
    start = time.monotonic()
    report = Report()
    is_refill = archive.database.state("refill") is not None  # columns were added since the last rebuild
    if is_refill:
        only = "all"
    every_file = only == "all"
    for _ in range(3):  # an instance whose file has gone may have further copies, which are then taken up
        read = _reader(archive, jobs, executor)
        released = _pass(archive, only, under, read, report, progress, start, force=force)
        only = "missing"
        if not released:
            break
    if not under:
        index_devices(archive, report, every_file=every_file, force=force)
    settle(archive, report)
    settle_parents(archive)
    if is_refill and not under:
        archive.database.set_state("refill", None)
    report.seconds = time.monotonic() - start
    return report


def _pass(
    archive: Archive,
    only: Only,
    under: str,
    read: "Callable[[Iterator[str]], Iterator[list[Found]]]",
    report: Report,
    progress: Progress | None,
    start: float,
    *,
    force: bool,
) -> int:
    gone: list[str] = []
    report.unchanged = report.unreachable = report.withheld = 0
    writer = archive.writer()
    batches = read(_due(archive, only, under, report, gone))
    while True:
        with _collector_at_rest():
            if (found := next(batches, None)) is None:
                break
            report.count(writer.add(found))
        if progress:
            progress(report.read, time.monotonic() - start)
    if gone and not report.read and not report.unchanged and not under:
        raise DatabaseError(
            f"{archive.storage.root} holds no files, but {len(gone)} are indexed. Is its disk mounted? "
            "Nothing was removed; to begin anew, remove the database file."
        )
    return _remove_gone(archive, gone, report, force=force) + writer.released


def _due(archive: Archive, only: Only, under: str, report: Report, gone: list[str]) -> Iterator[str]:
    """Yield the paths of the files to read, in order; counts the unchanged ones and lists those that have gone."""
    as_before = {"missing": Span.is_as_seen, "changed": Span.is_unchanged}
    for span in spans_of(archive, under):
        if only in as_before and as_before[only](span, archive.database):
            report.unchanged += span.size()
            continue
        for file, known in span.differences(archive.database):
            if file is None:
                assert known is not None
                gone.append(known.path)
            elif _is_due(file, known, only):
                yield file.path
            else:
                report.unchanged += 1


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Pause the garbage collector: a batch makes many objects and no cycles.

    It goes on when the last of the threads that rebuild at a time is through.
    """
    with _resting.lock:
        if not _resting.threads:
            _resting.was_enabled = gc.isenabled()
        _resting.threads += 1
        gc.disable()
    try:
        yield
    finally:
        with _resting.lock:
            _resting.threads -= 1
            if not _resting.threads and _resting.was_enabled:
                gc.enable()


@dataclass
class _Resting:
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: int = 0
    was_enabled: bool = True


_resting = _Resting()


def count_due(archive: Archive, *, only: Only = "missing", under: str = "") -> int:
    """Return the number of files that a rebuild would read, by listing the tree."""
    if archive.database.state("refill"):
        only = "all"
    return sum(1 for _ in _due(archive, only, under, Report(), []))


def _is_due(file: Listed, known: Seen | None, only: Only) -> bool:
    if known is None or only == "all":
        return True
    # a rejected file may have been half written then, one that is cut off copied since
    may_have_changed = only == "changed" or known.state in ("rejected", "truncated", "stale")
    return may_have_changed and file.fingerprint() != (known.size, known.mtime_ns)


def _remove_gone(archive: Archive, gone: list[str], report: Report, *, force: bool) -> int:
    """Remove the rows of files that are no longer there; returns how many further copies that released."""
    if not force and (count := _too_many(archive, gone)):
        report.withheld = count
        return 0
    return sum(
        _remove_rows(archive, gone[start : start + CHUNK], report) for start in range(0, len(gone), CHUNK)
    )


def _too_many(archive: Archive, gone: list[str]) -> int:
    """How many rows would go, if they are so many that rather a disk is not there; else 0."""
    database, storage = archive.database, archive.storage
    if not is_too_much(len(gone), 0):
        return 0
    rows = count_by_device(database, storage.device_of)[DEFAULT_DEVICE]
    if not is_too_much(len(gone), rows):
        return 0
    known = database.select_in("SELECT path FROM files WHERE state <> 'rejected' AND path IN (?)", gone)
    count = sum(storage.is_gone(path) for (path,) in known)  # what was moved is known by its new name
    return count if is_too_much(count, rows) else 0


def _remove_rows(archive: Archive, listed: list[str], report: Report) -> int:
    database = archive.database
    paths = [path for path in listed if archive.storage.is_gone(path)]
    report.unreachable += len(listed) - len(paths)
    with database.transaction() as connection:
        rows = database.select_in(
            "SELECT i.SOPInstanc FROM files f JOIN DICOMImages i ON i.SOPInstanc = f.sop "
            "AND replace(i.ObjectFile, '\\', '/') = f.path WHERE f.path IN (?)",
            paths,
        )
        released = remove_images(database, [row[0] for row in rows], forget_files=False)
        keys = [(path,) for path in paths]
        known = database.select_in("SELECT path FROM files WHERE path IN (?)", paths)
        report.count_removed([path for (path,) in known])
        connection.executemany("DELETE FROM files WHERE path = ?", keys)
        connection.executemany("DELETE FROM rejected WHERE path = ?", keys)
    return released


# -- reading ------------------------------------------------------------------------------------------------


def read_chunk(definition: Definition, root: str, paths: Sequence[str]) -> list[Found]:
    """Read the headers of some files; a function of the module, so that it can be sent to other processes."""
    reader = reader_of(definition)
    return [read_one(reader, root, path) for path in paths]


def _prefixes(root: str, paths: Sequence[str]) -> list[tuple[str, Prefix | Found]]:
    return [(path, _prefix(root, path)) for path in paths]


def _reader(
    archive: Archive, jobs: int | None, executor: Executor | None
) -> Callable[[Iterator[str]], Iterator[list[Found]]]:
    definition, root = archive.database.definition, os.fspath(archive.storage.root)

    def read(paths: Iterator[str]) -> Iterator[list[Found]]:
        if executor is not None:
            yield from _ahead(
                executor, partial(read_chunk, definition, root), _chunks(paths, CHUNK), ahead=16
            )
        elif jobs is not None and jobs > 1:
            yield from _in_threads(jobs, definition, root, paths)
        else:
            yield from _adaptive(definition, root, paths, may_wait=jobs is None)

    return read


def _adaptive(
    definition: Definition, root: str, paths: Iterator[str], *, may_wait: bool
) -> Iterator[list[Found]]:
    """Read in this thread while files come from the page cache.

    Where reading waits, the system is told what is wanted next; where it waits all the same, as with a storage on
    which opening a file takes long, reading goes on in threads.
    """
    chunks, is_announced = _chunks(paths, CHUNK, first=min(_PART, CHUNK)), not can_announce()
    while chunk := next(chunks, None):
        before = waits()
        found = read_chunk(definition, root, chunk)
        is_slow = may_wait and waits() - before > _SLOW_SHARE * len(chunk)
        yield found
        if is_slow and is_announced:
            yield from _in_threads(_THREADS, definition, root, itertools.chain.from_iterable(chunks))
        elif is_slow:
            chunks, is_announced = _announced(root, chunks), True


def _announced(root: str, chunks: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield each chunk when the system has been told to read the first bytes of the next one."""
    before: list[str] = []
    for chunk in chunks:
        for path in chunk:
            announce(f"{root}/{disk_name(path)}")
        if before:
            yield before
        before = chunk
    if before:
        yield before


def _in_threads(jobs: int, definition: Definition, root: str, paths: Iterator[str]) -> Iterator[list[Found]]:
    """Read the first bytes in threads, which is what waits, and parse them in this one."""
    reader = reader_of(definition)
    with ThreadPoolExecutor(jobs, thread_name_prefix="read-ahead") as pool:
        found: list[Found] = []
        for part in _ahead(pool, partial(_prefixes, root), _chunks(paths, _PART), ahead=3 * jobs):
            found += [_parsed(reader, path, prefix) for path, prefix in part]
            if len(found) >= CHUNK:
                yield found
                found = []
        if found:
            yield found


def _chunks(paths: Iterator[str], size: int, first: int | None = None) -> Iterator[list[str]]:
    """Split paths into lists of one size, of which the first may have another."""
    chunk = list(itertools.islice(paths, first or size))
    while chunk:
        yield chunk
        chunk = list(itertools.islice(paths, size))


def _ahead(
    pool: Executor, work: Callable[[list[str]], list[_Read]], chunks: Iterator[list[str]], ahead: int
) -> Iterator[list[_Read]]:
    """Yield the results in the order of the chunks, with a bounded number of them under way."""
    waiting: deque[Future[list[_Read]]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()
