"""The tables, importing, summaries, CSV, the plot and the documentation of the columns."""

import csv
import io
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dose_objects import coded, ct_event, ct_report, encode, instance, radiograph, report, text

from pyconquest_rt import dose_reports
from pyconquest_rt.dose_reports import documentation
from pyconquest_rt.dose_reports.tables import TABLES
from pyconquest_rt.dose_reports.units import unit_of
from pyconquest_rt.dose_reports.views import VIEWS
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports import dose as exported
from pyconquest_rt.exports import dose_levels, dose_plot


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    return connection


def count(connection: sqlite3.Connection, table: str) -> int:
    found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def test_columns_are_typed_and_numbers_have_their_unit_in_the_name() -> None:
    unitless = {
        "ctdifreeair_calculation_factor",
        "calibration_factor",
        "exposure_index",
        "target_exposure_index",
        "deviation_index",
        "pitch_factor",
        "percent_fibroglandular_tissue",
        "relative_xray_exposure",
        "sensitivity",
        "magnification_factor",
        "value_num",
    }
    for table in TABLES.values():
        for column in table.columns:
            assert column.sql_type in ("TEXT", "REAL", "INTEGER") and column.meaning
            if column.sql_type == "REAL":
                assert unit_of(column.name) != "count" or column.name in unitless, column.name


def test_write_replaces_and_delete_removes_exactly_one_object(connection: sqlite3.Connection) -> None:
    first = dose_reports.extract(encode(ct_report({"2.25.11": 1.0, "2.25.12": 2.0}, SOPInstanceUID="2.25.1")))
    second = dose_reports.extract(encode(ct_report({"2.25.13": 3.0}, SOPInstanceUID="2.25.2")))
    assert first and second
    for rows in (first, second, first):
        dose_reports.write(connection, rows)
    assert count(connection, "dose_event") == 3
    dose_reports.delete(connection, "2.25.1")
    for table in TABLES:
        assert connection.execute(f"SELECT DISTINCT SOPInstanceUID FROM {table}").fetchall() in (
            [("2.25.2",)],
            [],
        )


def test_write_leaves_the_transaction_to_the_caller(connection: sqlite3.Connection) -> None:
    rows = dose_reports.extract(encode(ct_report({"2.25.11": 1.0})))
    assert rows
    dose_reports.write(connection, rows)
    connection.rollback()
    assert [count(connection, table) for table in TABLES] == [0] * 6


def test_values_are_bound_and_never_sql(connection: sqlite3.Connection) -> None:
    evil = "x'); DROP TABLE dose_event; --"
    rows = dose_reports.extract(
        encode(report(text("121106^DCM", evil), ct_event("2.25.1", 1.0), PatientID=evil))
    )
    assert rows
    dose_reports.write(connection, rows)
    assert connection.execute("SELECT comment, PatientID FROM dose_object").fetchone() == (evil, evil)
    assert count(connection, "dose_event") == 1


@pytest.mark.parametrize("isolation", ["DEFERRED", None])
def test_import_of_a_folder(tmp_path: Path, isolation: str | None) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "report").write_bytes(encode(ct_report({"2.25.11": 1.0})))
    (tmp_path / "image.dcm").write_bytes(encode(radiograph()))
    (tmp_path / "mr.dcm").write_bytes(encode(instance("1.2.840.10008.5.1.4.1.1.4")))
    (tmp_path / "note.txt").write_text("no DICOM")
    connection = sqlite3.connect(tmp_path / "dose.db", isolation_level=isolation)  # type: ignore[arg-type]
    assert dose_reports.import_paths(connection, [tmp_path / "a", tmp_path / "image.dcm"]) == (2, 0, 0, 0)
    assert dose_reports.import_paths(connection, [tmp_path / "mr.dcm", tmp_path / "note.txt"]) == (0, 1, 0, 1)
    (tmp_path / "broken.dcm").write_bytes(encode(ct_report({"2.25.11": 1.0}))[:-20])
    assert dose_reports.import_paths(connection, [tmp_path / "broken.dcm"]) == (0, 0, 1, 0)
    assert {path.name for path in tmp_path.rglob("*")} >= {"a", "report", "image.dcm", "mr.dcm", "note.txt"}
    with sqlite3.connect(tmp_path / "dose.db") as other:
        assert other.execute("SELECT status FROM dose_object ORDER BY status").fetchall() == [
            ("failed",),
            ("ok",),
            ("ok",),
        ]
    report_of_study = exported.study_report(connection, "2.25.1")
    assert len(report_of_study["dose_study"]) == 1
    assert len(report_of_study["v_dose_ct"]) == 1
    assert len(report_of_study["v_dose_projection"]) == 1


def test_an_object_is_written_as_a_whole_or_not_at_all(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    (tmp_path / "report").write_bytes(encode(ct_report({"2.25.11": 1.0})))
    connection.execute("CREATE TRIGGER no BEFORE INSERT ON dose_item BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(sqlite3.IntegrityError):
        dose_reports.import_paths(connection, [tmp_path])
    assert not connection.in_transaction
    assert count(connection, "dose_object") == count(connection, "dose_event") == 0


def _fill(
    connection: sqlite3.Connection, doses: list[float], model: str = "M1", protocol: str = "Thorax"
) -> None:
    """An examination for each dose, with a scan of twice that CTDIvol in the head phantom and a localizer beside it."""
    for number, dose in enumerate(doses):
        uid, protocols = f"2.25.{model[1:]}{number}", text("125203^DCM", protocol)
        scout = coded("113820^DCM", "113805^DCM")
        events = [
            ct_event(f"{uid}.1", dose, dose / 40, protocols),
            ct_event(f"{uid}.2", dose / 10, 0.1, scout),
        ]
        dataset = report(
            *events,
            StudyInstanceUID=uid,
            Manufacturer="ACME",
            ManufacturerModelName=model,
            StationName="CT1",
            PatientAge="045Y",
        )
        del dataset.ContentSequence[1].ContentSequence[0]  # the acquisition type of the helper
        rows = dose_reports.extract(encode(dataset))
        assert rows
        dose_reports.write(connection, rows)


def test_summary_by_protocol_and_scanner(connection: sqlite3.Connection) -> None:
    doses = [120.5, 99.0, 310.25, 250.0, 0.0]
    _fill(connection, doses)
    _fill(connection, [5.0], "M2", "Topogram")
    first, second = exported.protocol_summary(connection, "dlp")
    positive = [1.1 * dose for dose in doses[:4]]  # the scan and the localizer of each
    assert (first.scanner, first.protocol, first.examinations) == ("ACME M1 CT1", "Thorax", 4)
    assert first.median == pytest.approx(np.median(positive))
    assert first.percentile_75 == pytest.approx(np.percentile(positive, 75))
    assert (first.minimum, first.maximum) == pytest.approx((108.9, 341.275))
    assert second == ("ACME M2 CT1", "Topogram", None, "dlp_mGycm", "", 1, 5.5, 5.5, 5.5, 5.5)
    scans = exported.protocol_summary(connection, "ctdivol")  # of scans, the localizer is none
    assert [(row.protocol, row.examinations, row.maximum) for row in scans] == [
        ("Thorax", 4, 310.25 / 40),
        ("Topogram", 1, 0.125),
    ]
    assert {row.quantity for row in exported.protocol_summary(connection)} == {"dlp_mGycm", "ctdivol_mGy"}
    with pytest.raises(KeyError):
        exported.protocol_summary(connection, "nonsense")


def test_csv_has_every_row_and_a_header(connection: sqlite3.Connection) -> None:
    _fill(connection, [120.5, 99.0])
    file = io.StringIO(newline="")
    assert exported.export_csv(connection, "v_dose_ct", file) == 4
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert sorted(float(row["dlp_mGycm"]) for row in rows) == pytest.approx([9.9, 12.05, 99.0, 120.5])
    assert "PatientID" not in rows[0]
    with_them = io.StringIO(newline="")
    exported.export_csv(connection, "v_dose_ct", with_them, identifiers=True, bom=True)
    assert with_them.getvalue()[0] == "\ufeff" and "PatientID" in with_them.getvalue()
    with pytest.raises(ValueError, match="identifiers"):
        exported.export_csv(connection, "dose_item", file)
    with pytest.raises(KeyError):
        exported.export_csv(connection, "sqlite_master", file)


@pytest.mark.parametrize("quantity", ["dlp", "ctdivol"])
def test_plot_writes_a_picture(connection: sqlite3.Connection, tmp_path: Path, quantity: str) -> None:
    _fill(connection, [120.5, 99.0, 310.25, 250.0])
    _fill(connection, [1.0, 1.5], "M2", r"cost $\frac{$ and \x07")  # no formula for matplotlib
    path = tmp_path / "dose.png"
    assert dose_plot.plot_distribution(connection, path, quantity) == (2, 0)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 5000
    with pytest.raises(ValueError, match="no examination"):
        dose_plot.plot_distribution(connection, path, "dap")


def test_importing_the_package_loads_neither_matplotlib_nor_pydicom() -> None:
    script = (
        "import sys, pyconquest_rt.dose_reports; print({'matplotlib', 'pydicom', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_view_can_be_read_when_nothing_is_there(connection: sqlite3.Connection) -> None:
    for view in VIEWS:
        assert connection.execute(f"SELECT * FROM {view}").fetchall() == []


def test_the_documentation_names_every_table_view_and_column() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "dose_reports.md").read_text(encoding="utf-8")
    assert documentation.tables_as_markdown() in page
    for view in VIEWS:
        assert f"`{view}`" in page


def test_intent_and_procedure_are_words_of_the_standard(connection: sqlite3.Connection) -> None:
    procedure = coded("121058^DCM", "P5-08000^SRT", "CT", coded("G-C0E8^SRT", "R-408C3^SRT", "diag"))
    rows = dose_reports.extract(encode(report(procedure, coded("113705^DCM", "113014^DCM", "study"))))
    assert rows
    assert rows.object["procedure_reported"] == "P5-08000^SRT"
    assert rows.object["procedure_reported_meaning"] == "Computed tomography"
    assert rows.object["has_intent"] == "Diagnostic Intent"
    assert rows.object["scope_of_accumulation"] == "Study"


def test_standard_names_and_reference_levels(connection: sqlite3.Connection, tmp_path: Path) -> None:
    _fill(connection, [100.0, 200.0, 300.0, 400.0])
    _fill(connection, [900.0], "M2", "Chest low dose")
    assert [(row["name"], row["examinations"]) for row in dose_levels.unnamed(connection)] == [
        ("Thorax", 4),
        ("Chest low dose", 1),
    ]
    (tmp_path / "names.csv").write_text(
        "\ufeffname;scanner;standard_name\nTHORAX;;CT chest\nchest low dose;ACME M2 CT1;CT chest\n",
        encoding="utf-8",
    )
    assert dose_levels.import_names(connection, tmp_path / "names.csv") == 2
    assert dose_levels.unnamed(connection) == []
    assert {row.standard_name for row in exported.protocol_summary(connection, "dlp")} == {"CT chest"}
    (tmp_path / "drl.csv").write_text(
        "standard_name,quantity,value,source,from_years,to_years\nCT chest,dlp,350,national,15,\nCT chest,dlp,1,x,,15\n"
    )
    assert dose_levels.import_levels(connection, tmp_path / "drl.csv") == 2
    above = dose_levels.above_levels(connection)
    assert sorted((row["value"], row["reference"]) for row in above) == [
        (440.0, "national"),
        (990.0, "national"),
    ]
    assert dose_levels.set_local_levels(connection, fewest=5) == 1  # of CTDIvol: DLP has one from the file
    (local,) = connection.execute("SELECT value, source FROM dose_drl WHERE quantity = 'ctdivol'").fetchall()
    assert local[0] == 10.0 and local[1].startswith("local: 75th percentile of 5 examinations")
    assert dose_levels.set_local_levels(connection, fewest=6) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("standard_name,value\nx,1\n", "no column quantity"),
        ("standard_name,quantity,value\nx,dlpp,1\n", "line 2: quantity 'dlpp'"),
        ("standard_name,quantity,value\nx,dlp,1 mGy\n", "line 2: could not convert"),
    ],
)
def test_a_table_of_levels_that_is_wrong_changes_nothing(
    connection: sqlite3.Connection, tmp_path: Path, text: str, reason: str
) -> None:
    connection.execute("INSERT INTO dose_drl VALUES ('a', 'dlp', '', 0, NULL, 1, 's')")
    (tmp_path / "drl.csv").write_text(text)
    with pytest.raises(SettingsError, match=reason):
        dose_levels.import_levels(connection, tmp_path / "drl.csv")
    assert count(connection, "dose_drl") == 1
