"""The database: Conquest's tables made from a definition, the tables of our own beside them, one connection.

The four DICOM tables are Conquest's to the letter (10-character names, first column the key, last column the
link to the parent, then AccessTime ... qSpare, ObjectFile and DeviceName of an image), followed by the image
columns that PyConquest adds. Only syntax that SQLite 3.8.5 reads goes into the schema, since that is what a
Conquest server ships.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pyconquest_rt.database import forward_tables
from pyconquest_rt.database.schema import Definition, Table
from pyconquest_rt.errors import DatabaseError

BUSY_TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 0.0005
CACHE_KB = 65_536
SERVICE_CACHE_KB = 8_192  # of connections that stay open for months and write little at a time
_ROWS = 20  # that are inserted by one statement: with more of them its preparation costs what it saves
_MANY = 200  # from so many rows on that pays
_VARIABLES = 999  # that a statement of any SQLite may have
HOUSEKEEPING = ("AccessTime", "qTimeStamp", "qFlags", "qSpare")
FILE_COLUMNS = ("ObjectFile", "DeviceName")
EXTRA_IMAGE_COLUMNS = (
    "ElementCount",
    "ElementList",
    "Nfractions",
    "UniqueFOR_UID",
    "ReferencedSeriesUID",
    "ReferencedSOPUID",
    "DatabaseTimeStamp",
    "hash",
)
_TYPES = {
    "AccessTime": "int",
    "qTimeStamp": "int",
    "qFlags": "int",
    "qSpare": "varchar(64)",
    "ObjectFile": "varchar(255)",
    "DeviceName": "varchar(32)",
} | dict.fromkeys(EXTRA_IMAGE_COLUMNS, "text")

# One list of scripts per component; a database remembers how many of each it has run.
MIGRATIONS: dict[str, list[str]] = {
    "forward": forward_tables.SCRIPTS,
    "archive": [
        """
        CREATE TABLE files(
            path TEXT PRIMARY KEY NOT NULL, size INTEGER, mtime_ns INTEGER, sop TEXT, state TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX files_not_indexed ON files(sop) WHERE state <> 'indexed';
        CREATE TABLE rejected(
            id INTEGER PRIMARY KEY, path TEXT, SOPInstanceUID TEXT, reason TEXT NOT NULL, time TEXT NOT NULL
        );
        CREATE INDEX rejected_path ON rejected(path);
        CREATE TABLE audit(
            id INTEGER PRIMARY KEY, time TEXT NOT NULL, action TEXT NOT NULL, subject TEXT, detail TEXT
        );
        """,
        # PyConquest's indices; those that nothing else does for are made again (see _INDICES)
        """
        DROP INDEX IF EXISTS index_dicomimages;
        DROP INDEX IF EXISTS index_dicomimages_seriesinst;
        DROP INDEX IF EXISTS index_dicomseries;
        """,
    ],
    "derivations": [
        """
        CREATE TABLE derivations(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            state TEXT NOT NULL, result TEXT, reason TEXT, awaited TEXT, worker TEXT, lease REAL,
            attempts INTEGER NOT NULL DEFAULT 0, time TEXT, seconds REAL,
            PRIMARY KEY(sop, extractor)
        ) WITHOUT ROWID;
        CREATE INDEX derivations_unfinished ON derivations(extractor, state) WHERE state <> 'done';
        CREATE TABLE derivation_inputs(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, input_sop TEXT NOT NULL, fingerprint TEXT NOT NULL,
            PRIMARY KEY(sop, extractor, input_sop)
        ) WITHOUT ROWID;
        CREATE INDEX derivation_inputs_of ON derivation_inputs(input_sop);
        CREATE TABLE derived_tables(name TEXT PRIMARY KEY NOT NULL, extractor TEXT NOT NULL) WITHOUT ROWID;
        """,
        # The first script was once without "awaited"; what waited then is tried again.
        """
        DROP INDEX IF EXISTS derivations_unfinished;
        ALTER TABLE derivations RENAME TO derivations_before;
        CREATE TABLE derivations(
            sop TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            state TEXT NOT NULL, result TEXT, reason TEXT, awaited TEXT, worker TEXT, lease REAL,
            attempts INTEGER NOT NULL DEFAULT 0, time TEXT, seconds REAL,
            PRIMARY KEY(sop, extractor)
        ) WITHOUT ROWID;
        INSERT INTO derivations(sop, extractor, version, state, result, reason, attempts, time, seconds)
            SELECT sop, extractor, version, CASE WHEN state IN ('waiting', 'running') THEN 'due' ELSE state END,
            result, reason, attempts, time, seconds FROM derivations_before;
        DROP TABLE derivations_before;
        CREATE INDEX derivations_unfinished ON derivations(extractor, state) WHERE state <> 'done';
        """,
    ],
}


def quote(identifier: str) -> str:
    """Return an SQL identifier in double quotes; the only way a name gets into a statement.

    Raises:
        DatabaseError: the name is empty or holds a NUL character.
    """
    if not identifier or "\0" in identifier:
        raise DatabaseError(f"{identifier!r} cannot be a name in the database")
    return '"' + identifier.replace('"', '""') + '"'


class Database:
    """One connection to an index, with Conquest's tables in it.

    Args:
        path: the database file, or ``:memory:``.
        definition: the tables and columns that the four DICOM tables have at least.
        durable: whether a commit must survive a power failure (synchronous=FULL).
        timeout_s: how long to wait for another writer.

    Raises:
        DatabaseError: the file cannot be opened, or is not a database.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        definition: Definition,
        *,
        durable: bool = False,
        timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path = os.fspath(path)
        self.definition = definition
        self.rollbacks = 0
        """How often a transaction of this connection was taken back."""
        self._lock = threading.RLock()
        self._timeout_s = timeout_s
        try:
            self.connection = sqlite3.connect(
                self.path, timeout=timeout_s, isolation_level=None, check_same_thread=False
            )
            self.connection.text_factory = _text
            self.journal_mode = self._begin(durable)
            self._prepare()
        except sqlite3.Error as error:
            raise DatabaseError(f"cannot use the database {self.path}: {error}") from error

    def _begin(self, durable: bool) -> str:
        mode: str = self.connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode not in {"wal", "memory"}:
            mode = self.connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        self.connection.execute(f"PRAGMA synchronous={'FULL' if durable or mode == 'delete' else 'NORMAL'}")
        self.connection.execute(f"PRAGMA cache_size=-{SERVICE_CACHE_KB if durable else CACHE_KB}")
        return mode

    def _prepare(self) -> None:
        if self._is_complete():
            return
        with self.transaction():
            for component, scripts in MIGRATIONS.items():
                self.migrate(component, scripts)
            for table in _tables(self.definition):
                self._ensure_table(table)
            self._ensure_indices()
            for statement in _views(self.definition):
                self.connection.execute(statement)

    def extend(self, definition: Definition) -> None:
        """Take a definition with further columns, and add these to the tables."""
        self.definition = definition
        self._prepare()

    def _is_complete(self) -> bool:
        """Whether nothing has to be made or added, so that opening needs no write."""
        return (
            all(self.state(f"schema:{name}") == str(len(scripts)) for name, scripts in MIGRATIONS.items())
            and not any(self._missing_columns(table) for table in _tables(self.definition))
            and self.has("v_series")
        )

    # -- tables ---------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether there is a table, view or index of this name (in any case)."""
        return bool(
            self.connection.execute(
                "SELECT 1 FROM sqlite_master WHERE lower(name)=lower(?)", (name,)
            ).fetchone()
        )

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in their order; empty where there is no such table."""
        return [row[1] for row in self.connection.execute(f"PRAGMA table_info({quote(table)})")]

    def has_key(self, table: str) -> bool:
        """Whether a table has a primary key; databases that PyConquest made have none."""
        return any(row[5] for row in self.connection.execute(f"PRAGMA table_info({quote(table)})"))

    def _missing_columns(self, table: Table) -> list[str]:
        present = {name.lower() for name in self.columns(table.name)}
        return [line for name, line in _column_lines(table).items() if name.lower() not in present]

    def _ensure_table(self, table: Table) -> None:
        if not self.columns(table.name):
            lines = ", ".join(_column_lines(table).values())
            self.connection.execute(f"CREATE TABLE {quote(table.name)} ({lines})")
            return
        for line in self._missing_columns(table):
            self.connection.execute(f"ALTER TABLE {quote(table.name)} ADD COLUMN {line}")
            self.set_state("refill", "1")

    def _ensure_indices(self) -> None:
        """Index what no index begins with yet; those of a primary key and of a foreign database serve as well."""
        for name, table, column in _INDICES:
            present = {known.lower() for known in self.columns(table)}
            if column.lower() in present - self._indexed(table):
                self.connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({column})")

    def _indexed(self, table: str) -> set[str]:
        """Return the columns, in small letters, with which some index of a table begins."""
        names = [
            row[1] for row in self.connection.execute(f"PRAGMA index_list({quote(table)})") if not row[4]
        ]
        firsts = [self.connection.execute(f"PRAGMA index_info({quote(name)})").fetchone() for name in names]
        return {first[2].lower() for first in firsts if first[2]}

    def drop_tables(self) -> None:
        """Drop what the index holds (the four tables, their views, what was seen of the files) and make it anew.

        Tables of results stay: they are keyed by SOPInstanceUID, and are swept when their object does not return.
        """
        with self.transaction():
            for view in ("v_series", "v_seriesRT"):
                self.connection.execute(f"DROP VIEW IF EXISTS {quote(view)}")
            for table in _tables(self.definition):
                self.connection.execute(f"DROP TABLE IF EXISTS {quote(table.name)}")
            for name in ("files", "rejected"):
                if self.has(name):
                    self.connection.execute(f"DELETE FROM {quote(name)}")
        self._prepare()

    def migrate(self, component: str, scripts: Sequence[str]) -> None:
        """Run the scripts of a component that this database has not run yet, each in one transaction."""
        for number in range(int(self.state(f"schema:{component}") or 0), len(scripts)):
            with self.transaction():
                if int(self.state(f"schema:{component}") or 0) > number:
                    continue  # another process has just done it
                for statement in _statements(scripts[number]):
                    self.connection.execute(statement)
                self.set_state(f"schema:{component}", str(number + 1))

    def state(self, name: str) -> str | None:
        """Return a remembered value (schema versions, what the next rebuild has to do)."""
        try:
            row = self.connection.execute("SELECT value FROM archive_state WHERE name=?", (name,)).fetchone()
        except sqlite3.OperationalError:
            if self.has("archive_state"):
                raise
            return None
        return row and str(row[0])

    def set_state(self, name: str, value: str | None) -> None:
        """Remember a value, or forget it (None)."""
        self.connection.execute("CREATE TABLE IF NOT EXISTS archive_state(name TEXT PRIMARY KEY, value TEXT)")
        if value is None:
            self.connection.execute("DELETE FROM archive_state WHERE name=?", (name,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO archive_state VALUES (?, ?)", (name, value))

    # -- reading and writing --------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, begun IMMEDIATE so that it cannot fail half-way for a lock; may be nested."""
        with self._lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            self._begin_writing()
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self.rollbacks += 1
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def _begin_writing(self) -> None:
        """Begin a transaction as the only writer, as soon as no other is at it.

        SQLite by itself would look again after 1, 2, 5, 10 and up to 100 ms, so that processes that write small
        batches in turn spend most of their time asleep.
        """
        deadline = time.monotonic() + self._timeout_s
        self.connection.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    self.connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not is_busy or time.monotonic() >= deadline:
                        raise
                time.sleep(_LOOK_AGAIN_S)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout={round(1000 * self._timeout_s)}")

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dictionaries; a statement without rows gives [].

        Raises:
            sqlite3.Error: as sqlite3 raises it.
        """
        cursor = self.connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def select_in(self, sql: str, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Run ``sql``, whose ``(?)`` stands for a list of keys, in portions of a fixed size."""
        keys = list(keys)
        for start in range(0, len(keys), 500):
            portion = keys[start : start + 500]
            if len(keys) > 500:
                portion += [portion[-1]] * (500 - len(portion))  # one prepared statement for all portions
            yield from self.connection.execute(
                sql.replace("(?)", f"({','.join('?' * len(portion))})"), portion
            )

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
    ) -> None:
        """Insert rows within a transaction, many of them a good number by one statement.

        To bind a value costs more than to write it. So what all rows share is bound once for a statement, and columns
        that all leave empty not at all.
        """
        if not rows:
            return
        shared, own = _shared_and_own(columns, rows)
        at_once = max(1, min(_ROWS, (_VARIABLES - len(shared)) // len(own))) if len(rows) >= _MANY else 1
        times, rest = divmod(len(rows), at_once)
        fields = chain.from_iterable(zip(*own.values(), strict=True))
        for size, repeats in ((at_once, times), (1, rest)):
            if repeats:
                statement = _insert_statement(table, tuple(own), tuple(shared), size, on_conflict)
                bound = ((*islice(fields, size * len(own)), *shared.values()) for _ in range(repeats))
                self.connection.executemany(statement, bound)

    def close(self) -> None:
        """Close the connection; what a busy reader prevents from being tidied stays for the next user."""
        self.connection.close()


def _text(raw: bytes) -> str:
    """Text of a row: UTF-8 as written here; Conquest keeps the file's bytes, so other ones pass as Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _shared_and_own(
    columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """The values that all of many rows have in common, and those that each has of its own, by their columns.

    The first column, the key, is never in common. Of few rows only the empty columns are left out, so that there are
    not many statements.
    """
    shared: dict[str, Any] = {}
    own: dict[str, tuple[Any, ...]] = {}
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        first = values[0]
        if name == columns[0] or first != values[-1] or values.count(first) < len(values):
            own[name] = values
        elif first is not None:
            if len(rows) < _MANY:
                own[name] = values
            else:
                shared[name] = first
    return shared, own


@lru_cache(maxsize=64)
def _insert_statement(
    table: str, own: Sequence[str], shared: Sequence[str], rows: int, on_conflict: str
) -> str:
    """INSERT of some rows, to which are bound what each has of its own, and then what all share.

    OR FAIL, since by default SQLite would keep a copy of all pages that such a statement changes, to undo it alone.
    """
    names = ", ".join(map(quote, (*own, *shared)))
    row = f"({', '.join('?' * len(own))})"
    values = f"VALUES {', '.join([row] * rows)}"
    if shared:
        values = f"WITH own AS ({values}) SELECT *{', ?' * len(shared)} FROM own WHERE true"
    return f"INSERT OR FAIL INTO {quote(table)} ({names}) {values} {on_conflict}"


def _column_lines(table: Table) -> dict[str, str]:
    """Return column name → its text in CREATE TABLE, in order."""
    lines = {}
    for number, column in enumerate(table.columns):
        kind = "char(8)" if column.sql_type == "SQL_C_DATE" else f"varchar({column.length})"
        is_key = number == 0 and table.level != "WorkList"
        lines[column.name] = f"{quote(column.name)} {kind}{' PRIMARY KEY not null' if is_key else ''}"
    extra = HOUSEKEEPING if table.level != "Image" else HOUSEKEEPING + FILE_COLUMNS + EXTRA_IMAGE_COLUMNS
    return lines | {name: f"{name} {_TYPES[name]}" for name in extra if name not in lines}


def _tables(definition: Definition) -> tuple[Table, ...]:
    return (*definition.tables, definition.worklist) if definition.worklist else definition.tables


# Every key and every link is found by one index, of the name that Conquest or else PyConquest gives it. Theirs that
# repeat a primary key or begin with the column of another are not made: each costs a page written per new image.
_INDICES = (
    ("idx_patientid", "DICOMPatients", "PatientID"),
    ("index_dicomstudies", "DICOMStudies", "StudyInsta"),
    ("study_lnk", "DICOMStudies", "PatientID"),
    ("index_dicomseries", "DICOMSeries", "SeriesInst"),
    ("series_lnk", "DICOMSeries", "StudyInsta"),
    ("series_pat", "DICOMSeries", "SeriesPat"),
    ("index_dicomimages", "DICOMImages", "SOPInstanc"),
    ("images_lnk", "DICOMImages", "SeriesInst"),
    ("images_pat", "DICOMImages", "ImagePat"),
)

_V_SERIES = """
CREATE VIEW IF NOT EXISTS v_series AS
SELECT series.*, studies.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
"""
_V_SERIES_RT = """
CREATE VIEW IF NOT EXISTS v_seriesRT AS
SELECT series.*, studies.*, images.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
JOIN DICOMImages images ON images.SeriesInst = series.SeriesInst
WHERE series.Modality IN ('RTSTRUCT', 'RTDOSE', 'RTPLAN')
"""


def _views(definition: Definition) -> Iterator[str]:
    """Statements for the views that the definition's columns allow."""
    yield _V_SERIES
    if any(column.name.lower() == "modality" for column in definition.series.columns):
        yield _V_SERIES_RT


def _statements(script: str) -> Iterator[str]:
    """Split a script at the semicolons that end a statement."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def file_size(path: str) -> int:
    """Return the size in bytes of a database file with its journal; 0 for ``:memory:``."""
    return sum(
        Path(path + suffix).stat().st_size for suffix in ("", "-wal", "-shm") if Path(path + suffix).is_file()
    )
