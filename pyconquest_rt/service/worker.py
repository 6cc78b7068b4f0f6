"""``python -m pyconquest_rt.worker``: one process that derives whatever is due, until its standard input ends.

Each line on the standard input says that something has come. Without one it looks again every few minutes, and
mends the account then (work of other processes that were broken off, objects that others changed).
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.derive.account import enqueue, prepare, sweep
from pyconquest_rt.derive.engine import Derived, derive, extractors, settle, work_off
from pyconquest_rt.dicom.quiet import Seldom, silence_pydicom
from pyconquest_rt.dicom.system import lower_priority
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.service.hooks import Caller, load
from pyconquest_rt.settings.file import load as load_settings

SWEEP_S = 300.0
_QUIET_S = 0.2  # objects come in flocks; the work begins when nothing has come for so long ...
_LATEST_S = 1.0  # ... but so long after the first of a flock at the latest

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Run one worker."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for option, default in (("--data", "data"), ("--database", "conquest.db"), ("--sql", "dicom.sql")):
        parser.add_argument(option, default=default)
    parser.add_argument("--once", action="store_true", help="derive what is due now, then end")
    arguments = parser.parse_args()
    silence_pydicom()
    lower_priority()  # receiving comes first
    found = load_settings(database=arguments.database)
    where = replace(found.archive, data=arguments.data, sql=arguments.sql)
    archive = Archive.open(replace(found, archive=where))
    hooks: Caller[Derived] = Caller(load(found.hooks.derived))
    try:
        if arguments.once:
            derive(archive, on_derived=hooks.tell)
        else:
            run(archive, hooks.tell)
    finally:
        hooks.close()
        archive.close()


def run(archive: Archive, on_derived: Callable[[Derived], object] = lambda event: None) -> None:
    """Derive until the standard input ends."""
    wanted = extractors(archive.settings)
    calls, seldom = _Calls(), Seldom()
    swept = -SWEEP_S
    while not calls.ended:
        is_due = time.monotonic() - swept >= SWEEP_S
        try:
            prepare(archive.database, wanted)
            if is_due:
                sweep(archive.database)
                swept = time.monotonic()
            if enqueue(archive.database, wanted, all_rows=is_due):
                summary = work_off(archive, wanted, go_on=lambda: not calls.ended, on_derived=on_derived)
                _LOG.info("derived: %s", summary)
            elif is_due:
                settle(archive.database, wanted)  # what was deleted since
        except DatabaseError as error:
            if seldom(str(error)):
                _LOG.warning("the index cannot be written now, trying again: %s", error)
            time.sleep(1.0)
            continue
        calls.wait(SWEEP_S)


class _Calls:
    """Lines on the standard input, read in a thread of their own so that its end is seen at once."""

    def __init__(self) -> None:
        self.ended = False
        self._called = threading.Event()
        threading.Thread(target=self._read, name="calls", daemon=True).start()

    def _read(self) -> None:
        descriptor = sys.stdin.fileno()
        while os.read(descriptor, 65536):
            self._called.set()
        self.ended = True
        self._called.set()

    def wait(self, seconds: float) -> None:
        """Block until lines have come and no more do, the input ends or the time is over."""
        if not self._called.wait(seconds):
            return
        latest = time.monotonic() + _LATEST_S
        while not self.ended and time.monotonic() < latest:
            self._called.clear()
            time.sleep(_QUIET_S)
            if not self._called.is_set():
                break
        self._called.clear()
