"""Statements that write the rows of objects: composed once from the definition, run with tuples."""

from typing import Final, NamedTuple

from pyconquest_rt.database.connection import EXTRA_IMAGE_COLUMNS, quote
from pyconquest_rt.database.schema import Definition, Table

FILES_COLUMNS: Final = ("path", "size", "mtime_ns", "sop", "state")
FILE_SEEN_AGAIN: Final = """ON CONFLICT(path) DO UPDATE SET
size = excluded.size, mtime_ns = excluded.mtime_ns, sop = excluded.sop, state = excluded.state"""
CONTESTED_COLUMNS: Final = ("path", "sop", "series", "study", "patient")
# That the state is not 'indexed' is said too, since SQLite uses a partial index only where its condition stands.
_COPY_OF = "state <> 'indexed' AND state = 'duplicate' AND sop"
COPIES_OF: Final = f"SELECT path FROM files WHERE {_COPY_OF} IN (?)"
FORGET_COPIES_OF: Final = f"DELETE FROM files WHERE {_COPY_OF} = ?"
COPY: Final = "UPDATE files SET state = 'duplicate' WHERE path = ?"
FILE_OF_INSTANCE: Final = "SELECT size, mtime_ns, sop FROM files WHERE path = ? AND state = 'indexed'"
REJECT: Final = "INSERT INTO rejected(path, SOPInstanceUID, reason, time) VALUES (?, ?, ?, ?)"
IMAGES_BY_UID: Final = (
    "SELECT SOPInstanc, ObjectFile, DeviceName, SeriesInst FROM DICOMImages WHERE SOPInstanc IN (?)"
)
PATHS_SEEN: Final = """
SELECT group_concat(CASE WHEN state IN ('rejected', 'truncated', 'stale') THEN '//' ELSE path END, '//') FROM files
WHERE path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT)
"""
"""The paths in a span that need not be read again, joined by ``//``, which no path contains."""
FINGERPRINTS_SEEN: Final = """
SELECT size, mtime_ns FROM files WHERE path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT) ORDER BY path
"""
FILES_SEEN: Final = """
SELECT path, size, mtime_ns, state FROM files
WHERE path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT) ORDER BY path
"""
IMAGES_OF_STUDY: Final = (
    "SELECT count(*) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
    "WHERE s.StudyInsta = ?"
)


class ParentStatements(NamedTuple):
    """SELECT of the rows that are there, UPDATE that keeps what it is not given, and the columns of both."""

    select: str
    update: str
    columns: list[str]


class IndexStatements:
    """Statements for one definition: an image's columns and UPDATE, and those of each parent table by its name."""

    def __init__(self, definition: Definition) -> None:
        self.image_columns = [
            *(column.name for column in definition.images.columns),
            "AccessTime",
            "ObjectFile",
            "DeviceName",
            *EXTRA_IMAGE_COLUMNS,
        ]
        self.update_image = _update(definition.images, self.image_columns)
        self.parents = {table.name: _of_parent(table) for table in definition.tables[:3]}


def _of_parent(table: Table) -> ParentStatements:
    columns = [*(column.name for column in table.columns), "AccessTime"]
    kept = ", ".join(f"{quote(name)} = COALESCE(?, NULLIF({quote(name)}, ''))" for name in columns)
    name, key = quote(table.name), quote(table.key.name)
    return ParentStatements(
        f"SELECT {', '.join(map(quote, columns))} FROM {name} WHERE {key} IN (?)",
        f"UPDATE {name} SET {kept} WHERE {key} = ?",
        columns,
    )


def _update(table: Table, columns: list[str]) -> str:
    values = ", ".join(f"{quote(name)} = ?" for name in columns)
    return f"UPDATE {quote(table.name)} SET {values} WHERE {quote(table.key.name)} = ?"
