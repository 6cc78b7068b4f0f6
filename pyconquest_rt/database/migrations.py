"""The tables of our own beside Conquest's, as changes with names; a database remembers which it has seen.

A change that has been in a commit stays as it is; a further one is appended, which must do for every database that ran
those before. Only syntax that SQLite 3.8.5 reads may go into tables, indices and views.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from pyconquest_rt.database.backends import sqlite

if TYPE_CHECKING:
    from pyconquest_rt.database.connection import Database

APPLIED = "archive_migrations"


class Migration(NamedTuple):
    """One change: a name that no other has and that stays for ever, and its statements, each ended by ``;``."""

    name: str
    script: str


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "forward.queue",
        """
        CREATE TABLE forward_rules(
            name TEXT PRIMARY KEY NOT NULL, aet TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
            calling_aet TEXT NOT NULL, condition TEXT,
            attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, lease REAL, error TEXT
        );
        CREATE TABLE forward_queue(
            id INTEGER PRIMARY KEY, rule TEXT NOT NULL, sop TEXT NOT NULL, size INTEGER, mtime_ns INTEGER,
            state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, error TEXT,
            UNIQUE(rule, sop)
        );
        CREATE INDEX forward_queue_due ON forward_queue(rule, state, next_try);
        """,
    ),
    Migration(
        "archive.files",
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
    ),
    # PyConquest's indices; those that nothing else does for are made again (conquest_tables.INDICES).
    Migration(
        "archive.fewer_indices",
        """
        DROP INDEX IF EXISTS index_dicomimages;
        DROP INDEX IF EXISTS index_dicomimages_seriesinst;
        DROP INDEX IF EXISTS index_dicomseries;
        """,
    ),
    Migration(
        "derivations.account",
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
    ),
    # The change before was once without "awaited"; what waited then is tried again.
    Migration(
        "derivations.awaited",
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
    ),
    Migration(
        "jobs.runs",
        """
        CREATE TABLE job_runs(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, started TEXT NOT NULL, seconds REAL,
            state TEXT NOT NULL, result TEXT
        );
        CREATE INDEX job_runs_name ON job_runs(name, id);
        """,
    ),
    Migration(
        "watch.kept_files",
        """
        CREATE TABLE watched(
            path TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
        ) WITHOUT ROWID;
        """,
    ),
    Migration(
        "derivations.due_with_arrival",
        """
        ALTER TABLE derivations ADD COLUMN unit TEXT;
        ALTER TABLE derivations ADD COLUMN token TEXT;
        CREATE INDEX derivations_unit ON derivations(extractor, unit) WHERE unit IS NOT NULL;
        CREATE INDEX derivations_awaited ON derivations(awaited) WHERE awaited IS NOT NULL;
        CREATE TABLE due_classes(
            sop_class TEXT NOT NULL, extractor TEXT NOT NULL, version INTEGER NOT NULL,
            alike TEXT NOT NULL, tables TEXT NOT NULL, PRIMARY KEY(sop_class, extractor)
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS archive_state(name TEXT PRIMARY KEY, value TEXT);
        DELETE FROM archive_state WHERE name LIKE 'enqueued:%';
        """,
    ),
    Migration(
        "derivations.gathers",
        """
        ALTER TABLE due_classes ADD COLUMN gathers INTEGER NOT NULL DEFAULT 0;
        """,
    ),
    Migration(
        "pseudonyms.map",
        """
        CREATE TABLE pseudonyms(
            kind TEXT NOT NULL, original TEXT NOT NULL, pseudonym TEXT NOT NULL,
            PRIMARY KEY(kind, original, pseudonym)
        ) WITHOUT ROWID;
        CREATE INDEX pseudonyms_back ON pseudonyms(pseudonym);
        """,
    ),
    Migration(
        "archive.corrections",
        """
        CREATE TABLE corrections(
            id INTEGER PRIMARY KEY, level TEXT NOT NULL, uid TEXT NOT NULL, tag INTEGER NOT NULL,
            former TEXT NOT NULL, value TEXT NOT NULL, time TEXT NOT NULL
        );
        CREATE UNIQUE INDEX corrections_of ON corrections(level, uid, tag, former);
        CREATE TABLE contested(
            path TEXT PRIMARY KEY NOT NULL, sop TEXT NOT NULL, series TEXT NOT NULL, study TEXT NOT NULL,
            patient TEXT NOT NULL
        ) WITHOUT ROWID;
        """,
    ),
)

# Before changes had names, a database remembered how many of each component it had seen.
_NUMBERED: dict[str, tuple[str, ...]] = {
    "forward": ("forward.queue",),
    "archive": ("archive.files", "archive.fewer_indices"),
    "derivations": ("derivations.account", "derivations.awaited"),
    "jobs": ("jobs.runs",),
    "watch": ("watch.kept_files",),
    "pseudonyms": ("pseudonyms.map",),
}
_FORMER = "schema:"
_FORMER_EXTRACTOR = "extractor:"


def of_extractor(extractor: str, scripts: Iterable[str]) -> list[Migration]:
    """Return the scripts of an extractor as changes, named by its name and their place."""
    return [Migration(f"extractor.{extractor}.{number}", script) for number, script in enumerate(scripts, 1)]


def missing(database: "Database", migrations: Iterable[Migration]) -> list[Migration]:
    """Return the changes that a database has not seen, in their order."""
    seen = _seen(database)
    return [migration for migration in migrations if migration.name not in seen]


def are_complete(database: "Database", migrations: Iterable[Migration]) -> bool:
    """Return whether a database remembers by name that it has seen all of some changes."""
    return database.has(APPLIED) and not missing(database, migrations)


def apply(database: "Database", migrations: Iterable[Migration]) -> None:
    """Make the changes that a database has not seen, in one transaction; without any nothing is written.

    Raises:
        DatabaseError: a change cannot be made; then none is.
    """
    migrations = list(migrations)
    if are_complete(database, migrations):
        return
    with database.transaction() as connection:
        _take_over_numbers(database)
        for migration in missing(database, migrations):  # another process may just have made some
            for statement in _statements(migration.script):
                connection.execute(statement)
            _remember(database, migration.name)


def _seen(database: "Database") -> set[str]:
    if not database.has(APPLIED):
        return set(_numbered(database))
    return {name for (name,) in database.connection.execute(f"SELECT name FROM {APPLIED}")}


def _numbered(database: "Database") -> Iterator[str]:
    """The names of the changes that a database of former days has counted."""
    if not database.has("archive_state"):
        return
    rows = database.connection.execute("SELECT name, value FROM archive_state").fetchall()
    for component, count in (
        (name.removeprefix(_FORMER), int(value)) for name, value in rows if name.startswith(_FORMER)
    ):
        if component.startswith(_FORMER_EXTRACTOR):
            extractor = component.removeprefix(_FORMER_EXTRACTOR)
            yield from (f"extractor.{extractor}.{number}" for number in range(1, count + 1))
        else:
            yield from _NUMBERED.get(component, ())[:count]


def _take_over_numbers(database: "Database") -> None:
    if database.has(APPLIED):
        return
    names = list(_numbered(database))
    database.connection.execute(f"CREATE TABLE {APPLIED}(name TEXT PRIMARY KEY NOT NULL, time TEXT NOT NULL)")
    for name in names:
        _remember(database, name)


def _remember(database: "Database", name: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    database.connection.execute(f"INSERT INTO {APPLIED}(name, time) VALUES (?, ?)", (name, now))


def _statements(script: str) -> Iterator[str]:
    """Split a script at the semicolons that end a statement."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite.complete(statement):
            yield statement
            statement = ""
