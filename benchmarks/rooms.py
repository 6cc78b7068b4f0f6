"""Rooms that one C-STORE of a CT image and ``dvh DEMO001 --plot`` cross, and statements that the verb prepares.

A room is a top-level name of the package. The server's threads are watched while a sender in another process sends one
image; imports have been done before by another image. The verb is watched as it runs in this process, and SQLite itself
tells by its authorizer what each statement that is prepared would do. The status is 1 if a limit is exceeded.

Run as ``python benchmarks/rooms.py``.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.cli.main import main as command
from pyconquest_rt.database.connection import Database
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.scp import Listener
from pyconquest_rt.settings.sections import ArchiveSettings

MOST_ROOMS = 9
PACKAGE = "pyconquest_rt."
WRITES = {
    sqlite3.SQLITE_INSERT: "INSERT",
    sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE",
    sqlite3.SQLITE_CREATE_TABLE: "CREATE TABLE",
    sqlite3.SQLITE_CREATE_INDEX: "CREATE INDEX",
}


class Watch:
    """Counts how often each room is entered from another one, while it is on."""

    def __init__(self) -> None:
        self.entered: Counter[str] = Counter()
        self.is_on = False
        self._here = threading.local()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and self.is_on:
            name = str(frame.f_globals.get("__name__"))
            if name.startswith(PACKAGE):
                room = name.split(".")[1]
                if room != getattr(self._here, "room", None):
                    self.entered[room] += 1
                    self._here.room = room


def c_store(folder: Path) -> Counter[str]:
    """Return the rooms that the server enters for one CT image in one association."""
    make_patient(folder / "sent", slices=2)
    images = sorted(path for path in (folder / "sent").rglob("*") if path.is_file())[:2]
    watch = Watch()
    settings = ArchiveSettings(str(folder / "stored"), str(folder / "stored.db"), str(folder / "none.sql"))
    threading.setprofile(watch)
    reception = Reception(settings)
    listener = Listener(reception, port=0).start()
    try:
        for image in images:  # the first one only loads what is loaded late
            watch.is_on = image == images[-1]
            send = ["send", "127.0.0.1", str(listener.port), str(image)]
            subprocess.run([sys.executable, "-m", "pyconquest_rt", *send], check=True, capture_output=True)
    finally:
        threading.setprofile(None)
        listener.stop()
        reception.close()
    return watch.entered


@contextmanager
def prepared(found: Counter[str]) -> Iterator[None]:
    """Count by what they do the writing statements that databases opened inside prepare."""
    opened = Database.__init__

    def note(action: int, *_: Any) -> int:
        found["statements"] += 1
        if action in WRITES:
            found[WRITES[action]] += 1
        return sqlite3.SQLITE_OK

    def initialise(self: Database, *arguments: Any, **named: Any) -> None:
        opened(self, *arguments, **named)
        self.connection.set_authorizer(note)

    Database.__init__ = initialise  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.__init__ = opened  # type: ignore[method-assign]


def verb(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Return the rooms that ``dvh DEMO001 --plot`` enters, and the statements that it prepares."""
    os.chdir(folder)
    make_patient("data", slices=4)
    archive = Archive.open(ArchiveSettings())
    rebuild(archive)
    derive(archive)
    archive.close()
    arguments = ["dvh", "DEMO001", "--plot", "dvh.png"]
    command(arguments, standalone_mode=False)  # loads what is loaded late
    watch, found = Watch(), Counter[str]()
    with prepared(found):
        watch.is_on = True
        sys.setprofile(watch)
        try:
            command(arguments, standalone_mode=False)
        finally:
            sys.setprofile(None)
    return watch.entered, found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = c_store(Path(folder))
        rooms, statements = verb(Path(folder))
        os.chdir("/")
    is_good = True
    for what, entered in (("C-STORE of a CT", store), ("dvh DEMO001 --plot", rooms)):
        is_good &= len(entered) <= MOST_ROOMS
        listed = ", ".join(f"{room} {count}" for room, count in entered.most_common())
        print(f"{what}: {len(entered)} rooms (at most {MOST_ROOMS}); entered: {listed}")
    writes = {name: count for name, count in statements.items() if name != "statements"}
    print(f"writing statements prepared by the verb: {writes or 'none'}")
    raise SystemExit(not (is_good and not writes))


if __name__ == "__main__":
    main()
