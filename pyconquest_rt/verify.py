"""Does the index say what the disk says? Every difference is a finding; most heal by reading files again."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pyconquest_rt.database import quote
from pyconquest_rt.indexer import Report, rebuild
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.listing import differences, seen, walk
from pyconquest_rt.removal import remove_empty_parents, remove_images


class Problem(StrEnum):
    """What can be wrong."""

    NO_FILE = "row without a file"
    NO_ROW = "file without a row"
    CHANGED = "file changed since it was indexed"
    SAME_INSTANCE = "two files with one SOPInstanceUID"
    DOUBLED_ROW = "two rows with one key"
    NO_PARENT = "row without its parent"


class Finding(NamedTuple):
    """One difference: what, and the file or key concerned."""

    problem: Problem
    subject: str


HARMLESS = frozenset({Problem.SAME_INSTANCE})
"""Findings that are on record but are no fault of the index."""


def verify(ingest: Ingest) -> Iterator[Finding]:
    """Yield every difference between the rows, what was seen of the files, and the files themselves."""
    yield from _files(ingest)
    yield from _rows(ingest)
    yield from _doubles(ingest)
    yield from _parents(ingest)


def fix(ingest: Ingest) -> Report:
    """Heal what can be healed: rows without a file go, and files are read again whose rows are not right.

    A moved folder heals because its files are known instances under new names.
    """
    database = ingest.database
    images = database.definition.images
    for finding in list(_doubles(ingest)):
        _remove_doubles(ingest, finding.subject)
    with database.transaction() as connection:
        connection.executemany(
            "DELETE FROM files WHERE path = ?", [(path,) for path in (*_paths_without_row(ingest), *_orphans(ingest))]
        )
    report = rebuild(ingest, only="changed")
    lost = [finding.subject for finding in _rows(ingest)]
    with database.transaction():
        key = quote(images.key.name)
        rows = database.select_in(f"SELECT {key} FROM {quote(images.name)} WHERE ObjectFile IN (?)", lost)
        remove_images(database, [row[0] for row in rows])
        remove_empty_parents(database)
    return report


def _files(ingest: Ingest) -> Iterator[Finding]:
    """Files that were never seen, have changed, are further copies, or whose row is missing."""
    database = ingest.database
    own = {database.path + suffix for suffix in ("", "-wal", "-shm", "-journal")}
    listed = walk(ingest.storage.root, skip=lambda path: path in own)
    for file, known in differences(listed, seen(database)):
        if file is None:
            continue  # the row that names it is found by _rows
        if known is None:
            yield Finding(Problem.NO_ROW, file.path)
        elif file.fingerprint() != (known.size, known.mtime_ns):
            yield Finding(Problem.CHANGED, file.path)
        elif known.state == "duplicate":
            yield Finding(Problem.SAME_INSTANCE, file.path)
    yield from (Finding(Problem.NO_ROW, path) for path in _paths_without_row(ingest))


def _paths_without_row(ingest: Ingest) -> list[str]:
    """Files that are on record as indexed, though no image row is there."""
    images = ingest.database.definition.images
    rows = ingest.database.connection.execute(
        f"SELECT path FROM files WHERE state = 'indexed' AND NOT EXISTS (SELECT 1 FROM {quote(images.name)} i "
        f"WHERE i.{quote(images.key.name)} = files.sop)"
    )
    return [row[0] for row in rows]


def _rows(ingest: Ingest) -> Iterator[Finding]:
    """Image rows whose file is not there."""
    images = ingest.database.definition.images
    rows = ingest.database.connection.execute(f"SELECT ObjectFile, DeviceName FROM {quote(images.name)}")
    for object_file, device in rows:
        if not object_file or ingest.storage.status(object_file, device) is None:
            yield Finding(Problem.NO_FILE, object_file or "")


def _doubles(ingest: Ingest) -> Iterator[Finding]:
    """Keys that have several rows, as databases without primary keys may hold them."""
    definition = ingest.database.definition
    for table in (definition.patients, definition.studies, definition.series, definition.images):
        if ingest.database.has_key(table):
            continue
        key = quote(table.key.name)
        rows = ingest.database.connection.execute(
            f"SELECT {key} FROM {quote(table.name)} GROUP BY {key} HAVING count(*) > 1"
        )
        yield from (Finding(Problem.DOUBLED_ROW, f"{table.name} {row[0]}") for row in rows.fetchall())


def _remove_doubles(ingest: Ingest, subject: str) -> None:
    name, key = subject.split(" ", 1)
    table = next(table for table in ingest.database.definition.tables if table.name == name)
    with ingest.database.transaction() as connection:
        connection.execute(
            f"DELETE FROM {quote(name)} WHERE {quote(table.key.name)} = ? AND rowid < "
            f"(SELECT max(rowid) FROM {quote(name)} WHERE {quote(table.key.name)} = ?)",
            (key, key),
        )


def _parents(ingest: Ingest) -> Iterator[Finding]:
    """Image, series and study rows whose parent row is missing; the subject is the parent's key."""
    definition = ingest.database.definition
    chain = (definition.images, definition.series, definition.studies, definition.patients)
    for child, parent in zip(chain, chain[1:], strict=False):
        link = quote(child.link.name)
        rows = ingest.database.connection.execute(
            f"SELECT DISTINCT c.{link} FROM {quote(child.name)} c WHERE NOT EXISTS (SELECT 1 FROM "
            f"{quote(parent.name)} p WHERE p.{quote(parent.key.name)} = c.{link})"
        )
        yield from (Finding(Problem.NO_PARENT, row[0] or "") for row in rows.fetchall())


def _orphans(ingest: Ingest) -> list[str]:
    """Files of images that lack a parent at any level."""
    definition = ingest.database.definition
    i, s, t, p = definition.images, definition.series, definition.studies, definition.patients
    rows = ingest.database.connection.execute(
        f"SELECT i.ObjectFile FROM {quote(i.name)} i "
        f"LEFT JOIN {quote(s.name)} s ON s.{quote(s.key.name)} = i.{quote(i.link.name)} "
        f"LEFT JOIN {quote(t.name)} t ON t.{quote(t.key.name)} = s.{quote(s.link.name)} "
        f"LEFT JOIN {quote(p.name)} p ON p.{quote(p.key.name)} = t.{quote(t.link.name)} "
        f"WHERE p.{quote(p.key.name)} IS NULL AND i.ObjectFile IS NOT NULL"
    )
    return [row[0].replace("\\", "/") for row in rows]
