"""Tables of the user's own: names and values are never SQL, a file is loaded whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyconquest_rt.compat.user_tables import build_query, insert, insert_query, load_csv
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.schema import default
from pyconquest_rt.errors import DatabaseError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(":memory:", default())
    yield opened
    opened.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.dictionaries(TEXT.filter(lambda name: bool(name) and "-" not in name), TEXT, min_size=1, max_size=4)
)
def test_any_name_and_text_comes_back(database: Database, row: dict[str, str]) -> None:
    if len({name.lower() for name in row}) < len(row):
        return  # SQL folds the case of names
    database.connection.execute('DROP TABLE IF EXISTS "t"')
    insert(database, "t", row)
    database.connection.execute(insert_query("t", row))
    assert database.query("SELECT * FROM t") == [row, row]


def test_names_that_are_words_of_sql(database: Database) -> None:
    insert(database, "order", {"group": "1", "a b": "2"})
    assert database.query('SELECT * FROM "order"') == [{"group": "1", "a b": "2"}]
    assert insert_query("order", {"group": 1}) == 'INSERT INTO "order" ("group") VALUES ("1")'
    assert build_query("my table", {"a-b": 1, "x y": 2}, {"a-b": "int"}, "text") == (
        'CREATE TABLE "my table" (a_b int,"x y" text)'
    )


def test_numbers_keep_every_digit(database: Database) -> None:
    insert(database, "t", {"a": 0.1 + 0.2, "b": 0.1 + 0.2}, exceptions={"b": "double"})
    assert database.query("SELECT * FROM t") == [{"a": "0.30000000000000004", "b": 0.1 + 0.2}]


def test_a_file_with_a_bad_line_loads_nothing(database: Database, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b\n1;2\n3;4;5\n")
    with pytest.raises(DatabaseError, match=r"line 3 .* 3 fields for 2 columns"):
        load_csv(database, str(tmp_path / "x.csv"), "t")
    assert not database.has("t")


def test_files_in_latin_1_and_without_names(database: Database, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("Müller,1\r\n\r\nSmith\r\n".encode("latin-1"))
    path = str(tmp_path / "x.csv")
    assert load_csv(database, path, "t", first_row_are_columnnames=False, delimiter=",") == 2
    assert database.query("SELECT * FROM t") == [
        {"column1": "Müller", "column2": "1"},
        {"column1": "Smith", "column2": None},
    ]


def test_every_word_of_sql_can_be_a_name(database: Database) -> None:
    words = """
    abort action add after all alter always analyze and as asc attach autoincrement before begin between
    by cascade case cast check collate column commit conflict constraint create cross current current_date
    current_time current_timestamp database default deferrable deferred delete desc detach distinct do drop each
    else end escape except exclude exclusive exists explain fail filter first following for foreign from full
    generated glob group groups having if ignore immediate in index indexed initially inner insert instead
    intersect into is isnull join key last left like limit match materialized natural no not nothing notnull null
    nulls of offset on or order others outer over partition plan pragma preceding primary query raise range
    recursive references regexp reindex release rename replace restrict returning right rollback row rows
    savepoint select set table temp temporary then ties to transaction trigger unbounded union unique update using
    vacuum values view virtual when where window with without"""
    for word in words.split():
        database.connection.execute(build_query(word, {word: 1}))
        database.connection.execute(insert_query(word, {word: 1}))
