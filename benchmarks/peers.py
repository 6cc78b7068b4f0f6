"""What a rebuild is compared with: other ways to index the same files, and the limit.

Each contender is a function without arguments that does one run and returns its times. Peers that are not
installed are None; none of them is a dependency.
"""

import contextlib
import importlib
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pydicom
from common import Contender, Times, timed

from pyconquest_rt import indexer
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.rebuild import Only
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.settings.sections import ArchiveSettings

PREFIX = 16384


def remove_database(path: Path) -> None:
    """Remove a database file with its journals."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def files_of(tree: Path) -> list[str]:
    """The files of a tree, by path."""
    found = (Path(folder) / name for folder, _, names in os.walk(tree) for name in names if name[0] != ".")
    return sorted(map(str, found))


def ours(tree: Path, database: Path, files: int) -> Contender:
    """A rebuild into a new database, which stays."""

    def run() -> Times:
        remove_database(database)
        ingest = Archive.open(ArchiveSettings(str(tree), str(database), "none.sql"))
        reports: list[Report] = []
        times = timed(lambda: reports.append(indexer.rebuild(ingest)))
        ingest.close()
        assert reports[0].indexed == files, reports[0]
        return times

    return run


def again(tree: Path, database: Path, files: int, only: Only = "missing") -> Contender:
    """A rebuild when nothing has changed since the one that made the database."""

    def run() -> Times:
        ingest = Archive.open(ArchiveSettings(str(tree), str(database), "none.sql"))
        reports: list[Report] = []
        times = timed(lambda: reports.append(indexer.rebuild(ingest, only=only)))
        ingest.close()
        assert (reports[0].unchanged, reports[0].read) == (files, 0), reports[0]
        return times

    return run


def scandir_and_stat(tree: Path) -> int:
    """List a tree and ask for the state of each file, and no more; returns how many files there are."""
    count, folders = 0, [os.fspath(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    entry.stat()
                    count += 1
    return count


def limit(files: Sequence[str], database: Path, copy: Path) -> Contender:
    """Read 16 KB of each file and write the rows of ``database`` by one executemany per table.

    The tables of images and of what was seen of the files, with the same indices, in one transaction, under the
    pragmas with which a Database works. The parents, few, are not written.
    """
    tables = ("DICOMImages", "files")
    with contextlib.closing(sqlite3.connect(database)) as made:
        rows = {table: made.execute(f"SELECT * FROM {quote(table)}").fetchall() for table in tables}

    def write(connection: sqlite3.Connection) -> None:
        read_each(files)
        connection.execute("BEGIN IMMEDIATE")
        for table in tables:
            marks = ", ".join("?" * len(rows[table][0]))
            connection.executemany(f"INSERT INTO {quote(table)} VALUES ({marks})", rows[table])
        connection.execute("COMMIT")

    def run() -> Times:
        remove_database(copy)
        empty = Database(copy, schema.default())
        times = timed(lambda: write(empty.connection))
        empty.close()
        return times

    return run


def read_each(files: Sequence[str]) -> None:
    """Read the first 16 KB of each file."""
    for name in files:
        descriptor = os.open(name, os.O_RDONLY)
        os.read(descriptor, PREFIX)
        os.close(descriptor)


def pydicom_loop(files: Sequence[str], database: Path) -> Contender:
    """What one writes in an afternoon: pydicom with ``specific_tags``, and one insert of all rows at the end."""
    images = schema.default().images
    columns = [column.name for column in images.columns]
    paths = {column.name: column.path[0] for column in images.columns}
    wanted = sorted({tag for table in schema.default().tables for tag in (c.path[0] for c in table.columns)})
    statement = (
        f"INSERT INTO DICOMImages ({', '.join(map(quote, columns))}) VALUES ({', '.join('?' * len(columns))})"
    )

    def row(name: str) -> list[str | None]:
        dataset = pydicom.dcmread(name, stop_before_pixels=True, specific_tags=wanted)
        return [str(dataset[tag].value) if (tag := paths[name]) in dataset else None for name in columns]

    def write(connection: sqlite3.Connection) -> None:
        rows = [row(name) for name in files]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")

    def run() -> Times:
        remove_database(database)
        empty = Database(database, schema.default())
        times = timed(lambda: write(empty.connection))
        empty.close()
        return times

    return run


def gdcm_scanner(files: Sequence[str]) -> Contender | None:
    """gdcm.Scanner with the same tags, which reads and writes no rows. Private tags end its process: left out."""
    gdcm = _module("gdcm")
    if gdcm is None:
        return None
    tags = {column.path[0] for table in schema.default().tables for column in table.columns}

    def scan() -> None:
        scanner = gdcm.Scanner()
        for tag in tags:
            if tag >> 16 & 1 == 0:
                scanner.AddTag(gdcm.Tag(tag >> 16, tag & 0xFFFF))
        assert scanner.Scan(list(files))

    return lambda: timed(scan)


def pyconquest(source: str | None, work: Path) -> Callable[[Path, int], Contender] | None:
    """PyConquest's rebuild, from a folder or as installed; its import writes a log into ``work``."""
    with contextlib.chdir(work):
        module = _module("pyconquest", source)
    if module is None:
        return None

    def contender(tree: Path, files: int) -> Contender:
        database = work / "pyconquest.db"

        def run() -> Times:
            remove_database(database)
            archive = module.pyconquest(str(tree), str(work / "none.sql"), str(database))
            times = timed(archive.rebuild_database_from_dicom)
            indexed = archive.execute_db_query("SELECT count(*) AS n FROM DICOMimages")[0]["n"]
            archive.close_db()
            assert indexed == files, f"PyConquest indexed {indexed} of {files} files"
            return times

        return run

    return contender


def _module(name: str, folder: str | None = None) -> ModuleType | None:
    if folder:
        sys.path.insert(0, str(Path(folder).resolve()))
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
