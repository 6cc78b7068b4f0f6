"""CSV files of tables: any text survives, formulas can be kept from running."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.schema import default
from pyconquest_rt.exports.csv import dump


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = Database(":memory:", default())
    opened.connection.execute("CREATE TABLE t(a TEXT, b)")
    yield opened
    opened.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(-9, 9)
        ),
        max_size=5,
    )
)
def test_what_is_written_reads_back(database: Database, tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    path = tmp_path / "x.csv"
    path.unlink(missing_ok=True)
    database.connection.execute("DELETE FROM t")
    database.connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    assert dump(database, "SELECT a, b FROM t ORDER BY rowid", path) == len(rows)
    if not rows:
        assert not path.exists()
        return
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], *([a, str(b)] for a, b in rows)]


def test_formulas_are_guarded_and_numbers_are_not(database: Database, tmp_path: Path) -> None:
    database.connection.execute("DELETE FROM t")
    texts = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2.5", "+1e3", "\t=1", "Name^A", "-x"]
    database.connection.executemany("INSERT INTO t VALUES (?, 1)", [(text,) for text in texts])
    dump(database, "SELECT a FROM t ORDER BY rowid", tmp_path / "x.csv", guard_formulas=True)
    with (tmp_path / "x.csv").open(newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells == ["'=1+1", "'+cmd|' /C calc'!A0", "'@SUM(A1)", "-2.5", "+1e3", "'\t=1", "Name^A", "'-x"]
