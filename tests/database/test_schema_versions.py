"""Databases that earlier commits wrote: opened and brought up to date, with nothing lost.

``data/schema_versions`` holds a dump for each schema that the history knows; ``make.py`` there makes them. A change of
the schema needs a further dump, of the last commit before it.
"""

import importlib.util
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.derive.account import prepare
from pyconquest_rt.derive.engine import derive, extractors
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings, Settings

DUMPS = sorted((Path(__file__).parents[1] / "data/schema_versions").glob("*.sql"))


def make_objects(data: Path) -> None:
    spec = importlib.util.spec_from_file_location("make", DUMPS[0].with_name("make.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.objects(data)


def opened(folder: Path) -> Archive:
    ingest = Archive.open(
        ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))
    )
    database = ingest.database
    prepare(database, extractors(Settings()))
    return ingest


def contents(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    """Every table with its rows."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for name in names:
        cursor = connection.execute(f"SELECT * FROM {quote(name)}")
        columns = [column[0] for column in cursor.description]
        found[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
    return found


def shape(database: Database) -> dict[str, list[str]]:
    """Tables and views with their columns; a view that no longer fits its tables would raise here."""
    rows = database.query(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name <> 'my_notes'"
    )
    found = {row["name"]: sorted(database.columns(row["name"])) for row in rows}
    for name in found:
        database.query(f"SELECT * FROM {quote(name)} LIMIT 1")
    return found


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive of today over the same objects."""
    folder = tmp_path_factory.mktemp("fresh")
    make_objects(folder / "data")
    ingest = opened(folder)
    rebuild(ingest)
    derive(ingest)
    return ingest


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.stem)
def test_a_database_of_each_version(dump: Path, tmp_path: Path, fresh: Archive) -> None:
    make_objects(tmp_path / "data")
    connection = sqlite3.connect(tmp_path / "conquest.db")
    connection.executescript(dump.read_text("utf-8"))
    before = contents(connection)
    connection.close()
    ingest = opened(tmp_path)
    assert shape(ingest.database) == shape(fresh.database)
    derived = {row["name"] for row in ingest.database.query("SELECT name FROM derived_tables")} - {"roi_name"}
    passing = derived | {"derivations", "derivation_inputs", "archive_state", "due_classes"}
    after = contents(ingest.database.connection)
    for table, rows in before.items():
        if table not in passing:
            kept = [{key: row[key] for key in rows[0]} for row in after[table]] if rows else []
            assert [row for row in rows if row not in kept] == [], table
    assert before["my_notes"] and before["rejected"] and len(before["DICOMImages"]) == 6

    report = rebuild(ingest, only="changed")
    assert (report.read, report.removed) == (0, 0)
    derive(ingest)
    findings = [finding.problem for finding in verify(ingest)]
    assert findings == [finding.problem for finding in verify(fresh)]
    again = contents(ingest.database.connection)
    expected = contents(fresh.database.connection)
    for table in derived - {"dvh"}:  # the dumps are without the curves
        assert rounded(again[table]) == rounded(expected[table]), table
    assert len(again["dvh"]) == len(expected["dvh"]) > 0
    assert states(again) == states(expected)
    mapped = {row["raw_name"]: row["institutional_name"] for row in again["roi_name"]}
    assert mapped["BODY"] == ("by a person" if "roi_name" in before else "Body")
    ingest.close()


def rounded(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in an order of their own; engines differ in the last digits."""
    return sorted(
        repr(
            [f"{round(value, 6) + 0.0:.6g}" if isinstance(value, float) else value for value in row.values()]
        )
        for row in rows
    )


def states(tables: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str, str]]:
    return sorted((row["sop"], row["extractor"], row["state"]) for row in tables["derivations"])


def test_there_is_a_dump_of_the_schema_of_today(fresh: Archive, tmp_path: Path) -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(DUMPS[-1].read_text("utf-8"))
    today = shape(fresh.database)
    then = {
        name: sorted(row[1] for row in database.execute(f"PRAGMA table_info({quote(name)})"))
        for name in today
    }
    assert then == today, "the schema has changed: make a dump with data/schema_versions/make.py"


def test_conquests_own_sqlite_can_read_the_whole_schema(fresh: Archive) -> None:
    """SQLite 3.8.5 reads a schema as a whole or not at all: nothing in it may be newer."""
    newer = {
        "a strict table": r"\)[^)]*\bSTRICT\b",
        "a generated column": r"\bGENERATED\s+ALWAYS\b|\bAS\s*\([^)]*\)\s*(STORED|VIRTUAL)",
        "an index of an expression": r"CREATE (UNIQUE )?INDEX [^(]*\([^)]*\(",
        "a window function": r"\bOVER\s*\(",
        "RETURNING": r"\bRETURNING\b",
        "an upsert": r"\bON\s+CONFLICT\b[^,)]*\bDO\b",
        "a row value": r"\)\s*(=|IN|<|>)\s*\(\s*(SELECT\b[^)]*,|[^)]*,[^)]*\)\s*(=|$))|\(\w+,\s*\w+\)\s*(IN|=)",
        "IS DISTINCT FROM": r"\bDISTINCT\s+FROM\b",
        "TRUE and FALSE": r"(?<![\w'\"])(TRUE|FALSE)(?![\w'\"])",
        "a FILTER": r"\bFILTER\s*\(",
        "NULLS FIRST": r"\bNULLS\s+(FIRST|LAST)\b",
        "a function of later versions": r"\b(json\w*|iif|printf|format|string_agg|concat|concat_ws|unixepoch)\s*\(",
        "a RIGHT or FULL join": r"\b(RIGHT|FULL)\s+(OUTER\s+)?JOIN\b",
        "a materialized table expression": r"\bMATERIALIZED\b",
        "an arrow": r"->",
    }
    objects = fresh.database.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    assert len(objects) > 40
    found = [
        (row["name"], what)
        for row in objects
        for what, pattern in newer.items()
        if re.search(pattern, row["sql"], re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x(a TEXT) STRICT",
        "CREATE TABLE x(a TEXT, b TEXT GENERATED ALWAYS AS (a))",
        "CREATE INDEX x_a ON x(lower(a))",
        "CREATE VIEW x AS SELECT row_number() OVER (ORDER BY a) FROM y",
        "CREATE VIEW x AS SELECT a FROM y WHERE (a, b) IN (SELECT a, b FROM z)",
    ],
)
def test_the_test_of_syntax_would_notice(statement: str, fresh: Archive) -> None:
    connection = fresh.database.connection
    connection.execute("SAVEPOINT tried")
    try:
        connection.execute("CREATE TABLE y(a, b)")
        if " INDEX " in statement:
            connection.execute("CREATE TABLE x(a)")
        connection.execute(statement)
        with pytest.raises(AssertionError):
            test_conquests_own_sqlite_can_read_the_whole_schema(fresh)
    finally:
        connection.execute("ROLLBACK TO tried")
        connection.execute("RELEASE tried")
