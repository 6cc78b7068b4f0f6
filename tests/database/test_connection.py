"""The tables: Conquest's to the letter, PyConquest's additions, foreign databases in place, columns added."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import Problem, fix, verify
from pyconquest_rt.database import connection as database_module
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import EXTRA_IMAGE_COLUMNS, Database, quote
from pyconquest_rt.database.migrations import Migration
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings

Put = Callable[..., Path]


@pytest.fixture
def database() -> Database:
    return Database(":memory:", schema.default())


def test_tables_are_laid_out_as_conquest_lays_them_out(database: Database) -> None:
    housekeeping = ["AccessTime", "qTimeStamp", "qFlags", "qSpare"]
    assert database.columns("DICOMPatients") == [
        "PatientID",
        "PatientNam",
        "PatientBir",
        "PatientSex",
        *housekeeping,
    ]
    images = database.columns("DICOMImages")
    end = images.index("SeriesInst")
    assert images[end - 2 : end] == ["QRows", "QColumns"]
    assert images[end + 1 :] == [*housekeeping, "ObjectFile", "DeviceName", *EXTRA_IMAGE_COLUMNS]
    assert all(database.has_key(table.name) for table in database.definition.tables)
    assert not database.has_key("DICOMWorkList")


LINKS = {"study_lnk", "series_lnk", "series_pat", "images_lnk", "images_pat"}
KEYS = {"idx_patientid", "index_dicomstudies", "index_dicomseries", "index_dicomimages"}


def indices(database: Database) -> set[str]:
    rows = database.query("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX % ON DICOM%'")
    return {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("DICOMPatients", "PatientID"),
        ("DICOMStudies", "StudyInsta"),
        ("DICOMStudies", "PatientID"),
        ("DICOMSeries", "SeriesInst"),
        ("DICOMSeries", "StudyInsta"),
        ("DICOMSeries", "SeriesPat"),
        ("DICOMImages", "SOPInstanc"),
        ("DICOMImages", "SeriesInst"),
        ("DICOMImages", "ImagePat"),
    ],
)
def test_every_key_and_link_is_found_by_one_index(database: Database, table: str, column: str) -> None:
    plan = database.query(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = 'x'")
    assert [row["detail"].split()[0] for row in plan] == ["SEARCH"], plan
    begin_with_it = [
        name
        for (name,) in database.connection.execute("SELECT name FROM pragma_index_list(?)", (table,))
        if database.query(f"PRAGMA index_info({quote(name)})")[0]["name"] == column
    ]
    assert len(begin_with_it) == 1


def test_indices_have_the_names_of_conquest_and_views_those_of_pyconquest(database: Database) -> None:
    assert indices(database) == LINKS  # the keys are PRIMARY KEYs
    assert database.has("v_series")
    assert database.has("v_seriesRT")


def test_doubled_names_in_views_are_numbered_as_with_pyconquest(database: Database) -> None:
    names = [column[0] for column in database.connection.execute("SELECT * FROM v_series").description]
    assert {"StudyInsta", "StudyInsta:1", "OperatorsN:1"} <= set(names)


def test_the_schema_uses_no_syntax_that_sqlite_3_8_5_cannot_read(database: Database) -> None:
    for row in database.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        text = row["sql"].upper()
        assert not any(
            word in text for word in ("GENERATED", "STRICT", "OVER (", "ON CONFLICT", "REFERENCES")
        ), row


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    with pytest.raises(DatabaseError, match=r"notes\.txt"):
        Database(tmp_path / "notes.txt", schema.default())


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_names_that_cannot_be_quoted(name: str) -> None:
    with pytest.raises(DatabaseError):
        quote(name)


def test_quoting() -> None:
    connection = sqlite3.connect(":memory:")
    for name in ('a"b', "x; DROP TABLE y", "select", "[z]", "`"):
        connection.execute(f"CREATE TABLE {quote(name)}({quote(name)} int)")
    assert len(connection.execute("SELECT * FROM sqlite_master").fetchall()) == 5


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute("INSERT INTO rejected(reason, time) VALUES ('r', 't')")
        with database.transaction():
            raise ZeroDivisionError
    assert database.query("SELECT * FROM rejected") == []


ROW = st.tuples(
    st.sampled_from([None, "", "a", "é\0"]),
    st.sampled_from([None, 7]),
    st.sampled_from(["x", "y"]),
    st.none(),
)


@given(st.one_of(st.lists(ROW, max_size=4), st.lists(ROW, min_size=15, max_size=65)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_rows_are_inserted_as_one_by_one(rows: list[tuple[object, ...]], is_wide: bool) -> None:
    """Many by one statement, with what they share bound once; also where a statement has no room for many."""
    database = Database(":memory:", schema.default())
    width = 300 if is_wide else 0
    columns = ["k", "a", "b", "c", "d", *(f"w{number}" for number in range(width))]
    wanted = [(key, *row, *(f"{key}.{w}" for w in range(width))) for key, row in enumerate(rows)]
    for table in ("at_once", "one_by_one"):
        database.connection.execute(f"CREATE TABLE {table}({', '.join(columns)})")
    with patch.object(database_module, "_MANY", 20), database.transaction():
        database.insert("at_once", columns, wanted)
    database.connection.executemany(
        f"INSERT INTO one_by_one VALUES ({', '.join('?' * len(columns))})", wanted
    )
    expected, found = (
        database.connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
        for table in ("one_by_one", "at_once")
    )
    assert found == expected == wanted
    database.close()


@pytest.mark.parametrize("count", [2, 205])
def test_a_row_that_is_there_already_stops_an_insert_or_is_replaced(database: Database, count: int) -> None:
    columns = ("path", "size", "mtime_ns", "sop", "state")
    rows = [(f"P/{number}", 1, 1, None, "indexed") for number in range(count)]
    with database.transaction():
        database.insert("files", columns, rows[-1:])
    with pytest.raises(sqlite3.IntegrityError), database.transaction():
        database.insert("files", columns, rows)
    assert database.query("SELECT count(*) AS n FROM files") == [{"n": 1}]
    again = [(path, 2, *rest) for path, _, *rest in [*rows, *rows]]
    with database.transaction():
        database.insert("files", columns, again, "ON CONFLICT(path) DO UPDATE SET size = excluded.size")
    assert database.query("SELECT count(*) AS n, sum(size) AS size FROM files") == [
        {"n": count, "size": 2 * count}
    ]


def test_a_writer_waits_for_another_up_to_its_patience(tmp_path: Path) -> None:
    path = tmp_path / "conquest.db"
    other, patient = Database(path, schema.default()), Database(path, schema.default(), timeout_s=60.0)
    hasty = Database(path, schema.default(), timeout_s=0.05)
    other.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"), hasty.transaction():
        pytest.fail("two writers at once")
    release = threading.Timer(0.1, lambda: other.connection.execute("ROLLBACK"))
    release.start()
    with patient.transaction() as connection:
        assert release.finished.is_set()
        connection.execute("INSERT INTO rejected(reason, time) VALUES ('r', 't')")
    assert patient.query("PRAGMA busy_timeout") == [{"timeout": 60_000}]
    assert other.query("SELECT reason FROM rejected") == [{"reason": "r"}]
    for database in (other, patient, hasty):
        database.close()


def test_migrations_run_once_each(database: Database) -> None:
    first = Migration("part.table", "CREATE TABLE one(a);")
    second = Migration("part.rows", "INSERT INTO one VALUES (1); INSERT INTO one VALUES (2);")
    database.migrate([first])
    database.migrate([first, second])
    database.migrate([first, second])
    assert database.query("SELECT a FROM one") == [{"a": 1}, {"a": 2}]


def test_a_column_that_the_definition_gains_is_added_and_filled(
    ingest: Archive, put: Put, tmp_path: Path
) -> None:
    put("P1/1.dcm", StudyDescription="head", BodyPartExamined="BRAIN", KVP="120")
    rebuild(ingest)
    wider = ingest.database.definition.with_column("DICOMimages", ["0x0018", "0x0015", "BodyPart"])
    settings = ArchiveSettings(str(ingest.storage.root), ingest.database.path, str(tmp_path / "wider.sql"))
    (tmp_path / "wider.sql").write_text(schema.render(wider))
    again = Archive.open(settings)
    assert rebuild(again).updated == 1
    assert again.database.query("SELECT BodyPart, KVP FROM DICOMImages") == [
        {"BodyPart": "BRAIN", "KVP": "120"}
    ]
    assert rebuild(again).read == 0
    again.close()


PYCONQUEST_INDICES = (
    ("index_dicomimages", "DICOMimages", "SOPInstanc"),
    ("index_dicomseries", "DICOMseries", "SeriesInst"),
    ("index_dicomimages_seriesinst", "DICOMimages", "SeriesInst"),
)


def make_pyconquest_database(path: Path) -> None:
    """The tables as PyConquest 0.1.12 makes them: no keys, and here a doubled patient."""
    connection = sqlite3.connect(path)
    for table in schema.default().tables:
        names = [
            column.name for column in table.columns if column.name not in ("ModelName", "QRows", "QColumns")
        ]
        if table.level == "Image":
            names += ["ObjectFile", *EXTRA_IMAGE_COLUMNS]
        columns = ", ".join(f"{name} character varying(128)" for name in names)
        connection.execute(f"CREATE TABLE {table.name.replace('DICOMP', 'DICOMp')} ({columns})")
    for name, table, column in PYCONQUEST_INDICES:
        connection.execute(f"CREATE INDEX {name} ON {table} ({column})")
    for _ in range(2):
        connection.execute("INSERT INTO DICOMpatients(PatientID, PatientNam) VALUES ('P1', 'Old^Name')")
    connection.execute(
        "INSERT INTO DICOMstudies(StudyInsta, PatientID) VALUES ('1.2.826.0.1.3680043.10.1.1', 'P1')"
    )
    connection.commit()
    connection.close()


def test_doubled_indices_of_an_older_database_go(tmp_path: Path) -> None:
    older = Database(tmp_path / "conquest.db", schema.default())
    for name, table, column in PYCONQUEST_INDICES:
        older.connection.execute(f"CREATE INDEX {name} ON {table} ({column})")
    older.connection.execute("DELETE FROM archive_migrations WHERE name = 'archive.fewer_indices'")
    older.close()
    newer = Database(tmp_path / "conquest.db", schema.default())
    assert indices(newer) == LINKS
    newer.close()


def test_a_database_of_pyconquest_is_extended_in_place(tmp_path: Path, put: Put, data: Path) -> None:
    make_pyconquest_database(tmp_path / "conquest.db")
    put("P1/1.dcm")
    ingest = Archive.open(ArchiveSettings(str(data), str(tmp_path / "conquest.db"), "none.sql"))
    assert "DeviceName" in ingest.database.columns("DICOMImages")
    assert indices(ingest.database) == KEYS | LINKS
    assert rebuild(ingest).indexed == 1
    assert [f.subject for f in verify(ingest) if f.problem is Problem.DOUBLED_ROW] == ["DICOMPatients P1"]
    rebuild(ingest, only="all")
    assert ingest.database.query("SELECT count(*) AS n FROM DICOMImages") == [{"n": 1}]
    fix(ingest)
    assert list(verify(ingest)) == []
    assert ingest.database.query("SELECT PatientNam FROM DICOMPatients") == [{"PatientNam": "Name^P1"}]
    ingest.close()


def test_a_database_and_tree_of_conquest_are_used_in_place(tmp_path: Path, put: Put, data: Path) -> None:
    """Backslashes, raw bytes in another character set, a second device, no table of ours."""
    other = tmp_path / "mag1"
    put("P1/1.2.3_0001_000001.dcm", instance=1)
    put("../mag1/P1/2.dcm", instance=2)
    plain = schema.default()
    database = tmp_path / "conquest.db3"
    connection = sqlite3.connect(database)
    for table in plain.tables:
        columns = ", ".join(f"{column.name} varchar({column.length})" for column in table.columns)
        tail = ", ObjectFile varchar(255), DeviceName varchar(32)" if table.level == "Image" else ""
        connection.execute(
            f"CREATE TABLE {table.name} ({columns}, AccessTime int, qTimeStamp int, qFlags int, qSpare text{tail})"
        )
    root = "1.2.826.0.1.3680043.10.1"
    connection.execute(
        "INSERT INTO DICOMPatients(PatientID, PatientNam) VALUES ('P1', CAST(x'4dfc6c6c6572' AS TEXT))"
    )
    connection.execute("INSERT INTO DICOMStudies(StudyInsta, PatientID) VALUES (?, 'P1')", (f"{root}.1",))
    connection.execute(
        "INSERT INTO DICOMSeries(SeriesInst, StudyInsta) VALUES (?, ?)", (f"{root}.1.1", f"{root}.1")
    )
    connection.executemany(
        "INSERT INTO DICOMImages(SOPInstanc, SeriesInst, ObjectFile, DeviceName) VALUES (?, ?, ?, ?)",
        [
            (f"{root}.1.1.1", f"{root}.1.1", "P1\\1.2.3_0001_000001.dcm", "MAG0"),
            (f"{root}.1.1.2", f"{root}.1.1", "P1\\2.dcm", "MAG1"),
        ],
    )
    connection.execute("CREATE INDEX idx_seriesinst_sopinstanc ON DICOMImages (SeriesInst, SOPInstanc)")
    connection.commit()
    connection.close()
    settings = replace(
        ArchiveSettings(str(data), str(database), str(tmp_path / "none.sql")), devices={"MAG1": str(other)}
    )
    ingest = Archive.open(settings)
    own = {"idx_seriesinst_sopinstanc"}
    assert indices(ingest.database) == KEYS | LINKS - {"images_lnk"} | own, (
        "an index that serves is left as it is"
    )
    assert ingest.database.query("SELECT PatientNam FROM DICOMPatients") == [{"PatientNam": "Müller"}]
    assert rebuild(ingest).updated == 2  # further devices are walked too
    assert list(verify(ingest)) == []
    rows = ingest.database.query("SELECT ObjectFile, DeviceName FROM DICOMImages ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        ("P1/1.2.3_0001_000001.dcm", "MAG0"),
        ("P1/2.dcm", "MAG1"),
    ]
    ingest.close()
