"""The class as notebooks use it: queries that raise, data frames, Parquet, what is shown of an archive."""

import sqlite3
from pathlib import Path

import pandas
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients
from pyconquest_rt.dvh import DVH, calculate_dvhs
from pyconquest_rt.errors import DatabaseError, SettingsError


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patients("data", count=1)
    archive.rebuild_database_from_dicom()
    archive.derive()
    return archive


def test_a_query_reads_or_raises(demo: pyconquest) -> None:
    assert demo.query("SELECT patient_id AS p FROM archive_patients WHERE objects = ?", (44,)) == [
        {"p": "DEMO001"}
    ]
    assert demo.query("SELECT :a + 1 AS b", {"a": 1}) == [{"b": 2}]
    for statement, why in (
        ("SELECT missing", "no such column: missing"),
        ("DELETE FROM audit", "more than read"),
    ):
        with pytest.raises(DatabaseError, match=why):
            demo.query(statement)
    with pytest.raises(DatabaseError, match="in: SELEC"):
        demo.query("SELEC 1")


def test_data_frames_of_tables_and_statements(demo: pyconquest) -> None:
    frame = demo.dataframe("archive_metrics")
    assert list(frame.value) == [row["value"] for row in demo.query("SELECT value FROM archive_metrics")]
    assert list(demo.dataframe("rejected").columns) == ["id", "path", "SOPInstanceUID", "reason", "time"]
    heart = demo.dataframe("SELECT roi_name, value FROM archive_metrics WHERE roi_name = ?", ("Heart",))
    assert set(heart.roi_name) == {"Heart"} and list(heart.columns) == ["roi_name", "value"]
    with pytest.raises(DatabaseError, match="in: no_table"):
        demo.dataframe("no_table")


def test_parquet_holds_what_the_archive_holds(demo: pyconquest) -> None:
    written = demo.to_parquet("tables")
    for name, count in written.items():
        frame = pandas.read_parquet(f"tables/{name}.parquet")
        assert len(frame) == count
    metrics = pandas.read_parquet("tables/archive_metrics.parquet")
    assert list(metrics.value.dropna()) == [
        row["value"] for row in demo.query("SELECT value FROM archive_metrics WHERE value IS NOT NULL")
    ]
    schema = pyarrow.parquet.read_schema("tables/dvh.parquet")
    units = {field.name: (field.metadata or {}).get(b"unit") for field in schema}
    assert (units["mean_gy"], units["volume_cc"], units["curve_gy"], units["roi_name"]) == (
        b"Gy",
        b"cm3",
        b"Gy",
        None,
    )
    dvhs = pandas.read_parquet("tables/dvh.parquet").set_index("roi_name")
    row = dvhs.loc["PTV_6000"]
    assert row.curve_cc[0] == pytest.approx(row.volume_cc, rel=1e-3) and row.curve_gy[-1] == pytest.approx(
        row.max_gy
    )
    assert len(row.curve_gy) == len(row.curve_cc) > 10
    assert not list(Path("tables").glob(".*"))


def test_types_do_not_depend_on_what_is_there(archive: pyconquest, demo: pyconquest) -> None:
    empty = pyconquest(database_filename="empty.db")
    assert set(empty.to_parquet("none").values()) == {0}
    demo.to_parquet("some")
    for file in Path("none").glob("*.parquet"):
        assert pyarrow.parquet.read_schema(file).equals(pyarrow.parquet.read_schema(Path("some") / file.name))
    empty.close_db()


def test_the_verb_writes_the_same(demo: pyconquest) -> None:
    done = CliRunner().invoke(main, ["dump", "--parquet", "tables"])
    assert done.exit_code == 0 and f"tables/dvh.parquet: {len(demo.dvhs())} rows" in done.output


def test_without_pyarrow_it_says_what_to_install(demo: pyconquest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"pyconquest_rt\[parquet\]"):
        demo.to_parquet("tables")


def test_what_is_shown_of_an_archive(demo: pyconquest) -> None:
    assert repr(demo) == "pyconquest('conquest.db', data 'data'): 1 patients, 1 studies, 5 series, 44 objects"
    assert "44 objects" in demo._repr_html_()
    closed = pyconquest(connect_and_read_sql=False, data_directory="<b>")
    assert repr(closed).endswith("not open") and "&lt;b&gt;" in closed._repr_html_()


def test_what_is_shown_of_a_dvh(in_folder: Path) -> None:
    make_patients("export", count=1)
    dvhs = calculate_dvhs("export/DEMO001/RTSTRUCT.dcm", "export/DEMO001/RTDOSE.dcm")
    target = next(one for one in dvhs.values() if one.roi_name == "PTV_6000")
    assert repr(target).startswith("<DVH of PTV_6000: 47.02 cc, min ") and "polyline" in target._repr_html_()
    hostile = DVH(3, "<script>", status="failed", reason="no contours")
    assert "<script>" not in hostile._repr_html_() and "polyline" not in hostile._repr_html_()
    assert repr(hostile).endswith("failed: no contours>")


def test_pyconquests_way_stays(demo: pyconquest) -> None:
    assert demo.execute_db_query("SELECT missing") is None
    assert isinstance(demo.conn_pacs, sqlite3.Connection)
