"""User's functions called after objects are stored or derived: after the commit, in a thread of their own.

A thread of its own calls them. What waits for it is bounded; where a function is too slow for what arrives, calls are
left out and counted in the log, and the archive goes on. Whatever a function raises is logged and costs nothing else.
"""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE
from pyconquest_rt.errors import PyconquestError, SettingsError
from pyconquest_rt.settings.sections import ArchiveSettings

_LOG = logging.getLogger(__name__)
LONGEST_QUEUE = 10_000
_GRACE_S = 5.0

_Item = TypeVar("_Item")
Hook = Callable[[Any], object]


class Stored(NamedTuple):
    """An object that is safe on disk and indexed."""

    path: Path
    patient_id: str | None
    study_instance_uid: str | None
    series_instance_uid: str | None
    sop_instance_uid: str
    sop_class_uid: str | None


class Caller(Generic[_Item]):
    """Calls functions with events, in a thread that starts with the first of them.

    Args:
        functions: each is called with each event.
        events: what makes events of what was told; it runs in that thread too.
        longest: how much may wait.
    """

    def __init__(
        self,
        functions: Sequence[Hook],
        events: Callable[[_Item], Iterable[Any]] = lambda item: (item,),
        longest: int = LONGEST_QUEUE,
    ) -> None:
        self._functions, self._events = functions, events
        self._waiting: queue.Queue[_Item | None] = queue.Queue(longest)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.lost = 0

    def tell(self, item: _Item) -> None:
        """Have the functions called; returns at once, whatever they do."""
        if not self._functions or self._closed:
            return
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self.lost += 1
            if self.lost & (self.lost - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                _LOG.warning("hooks are too slow: %d calls were left out so far", self.lost)
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hooks", daemon=True)
                self._thread.start()

    def close(self, grace_s: float = _GRACE_S) -> None:
        """Let what waits be done within a time, then leave the rest; may be called twice."""
        self._closed = True
        if self._thread is None:
            return
        try:
            self._waiting.put(None, timeout=grace_s)
        except queue.Full:
            pass
        else:
            self._thread.join(grace_s)
        if self._thread.is_alive():
            _LOG.warning("hooks did not end in time; %d calls were left out", self._waiting.qsize())
        self._thread = None

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                for event in self._events(item):
                    self._call(event)
            except PyconquestError as error:
                _LOG.error("hooks were not called: %s", error)

    def _call(self, event: Any) -> None:
        for function in self._functions:
            try:
                function(event)
            except Exception:  # boundary to the user's function
                _LOG.exception("the hook %s failed", getattr(function, "__qualname__", function))


def stored_caller(settings: ArchiveSettings, functions: Sequence[Hook]) -> Caller[Sequence[str]]:
    """Return what calls functions with :class:`Stored`; it is told the names of files below the data directory."""
    return Caller(functions, lambda names: _stored(settings, names))


_ROWS = (
    "SELECT f.path, t.PatientID, s.StudyInsta, i.SeriesInst, i.SOPInstanc, i.SOPClassUI FROM files f "
    f"JOIN DICOMImages i ON i.SOPInstanc = f.sop {PARENTS_OF_IMAGE} WHERE f.state = 'indexed' AND f.path IN (?)"
)


def _stored(settings: ArchiveSettings, names: Sequence[str]) -> Iterator[Stored]:
    archive = Archive.read(settings)
    try:
        rows = list(archive.database.select_in(_ROWS, names))
    finally:
        archive.close()
    for name, *keys in rows:
        yield Stored(archive.storage.path_of(name).absolute(), *keys)


def load(names: Iterable[str]) -> list[Hook]:
    """Return the functions that settings name as ``module:function``; modules may lie in the working directory.

    Raises:
        SettingsError: there is no such module or function, or it cannot be imported.
    """
    return [_load(name) for name in names]


def _load(name: str) -> Hook:
    module, _, function = name.partition(":")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(import_module(module), function)
    except Exception as error:  # boundary to the user's module
        raise SettingsError(f"[hooks] {name}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise SettingsError(f"[hooks] {name} is no function")
    hook: Hook = found
    return hook
