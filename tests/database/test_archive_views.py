"""The views for people: made in the database, remade with their tables, never over what a user made."""

import re
import sqlite3
from pathlib import Path

import pytest

from pyconquest_rt import pyconquest
from pyconquest_rt.database import archive_views, schema
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.rt_views import RT_VIEWS
from pyconquest_rt.demo import make_patient, make_patients
from pyconquest_rt.service.doctor import examine
from pyconquest_rt.settings.sections import ArchiveSettings, Settings

ALL = sorted((*archive_views.VIEWS, *RT_VIEWS))


def test_each_view_answers_before_anything_came(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", schema.default()).close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        for name in ALL:
            assert connection.execute(f"SELECT * FROM {name}").fetchall() == []
    assert len(ALL) == 8


def test_rows_are_what_the_catalogue_and_the_tables_say(archive: pyconquest) -> None:
    make_patients("data", count=2)
    archive.rebuild_database_from_dicom()
    archive.derive()
    query = archive.execute_db_query
    for level in ("patients", "studies", "series", "objects"):
        order = next(iter(getattr(archive, level)()[0]))
        rows = query(f"SELECT * FROM archive_{level} ORDER BY {order}")
        assert rows == sorted(getattr(archive, level)(), key=lambda row: row[order])
    plans = query("SELECT patient_id, prescription_gy, fractions, plan_date FROM archive_plans ORDER BY 1")
    assert [tuple(row.values()) for row in plans] == [
        (name, 60.0, 30, "2024-01-15") for name in ("DEMO001", "DEMO002")
    ]
    rois = query(
        "SELECT roi_name, tg263_name FROM archive_rois WHERE patient_id = 'DEMO001' AND volume_cc > 0"
    )
    assert {"roi_name": "BODY", "tg263_name": "Body"} in rois and len(rois) == 6
    (dose,) = query("SELECT * FROM archive_doses WHERE patient_id = 'DEMO001'")
    assert (dose["summation_type"], dose["structure_set_link"], dose["dvhs"]) == ("PLAN", "reference", 6)
    (value,) = query(
        "SELECT value, unit, plan_label FROM archive_metrics "
        "WHERE patient_id = 'DEMO001' AND roi_name = 'PTV_6000' AND metric = 'D95%[Gy]'"
    )
    (stored,) = query(
        "SELECT m.value FROM dvh_metrics m JOIN v_dvh v USING (SOPInstanceUID, structure_set_uid, roi_number) "
        "WHERE v.patient_id = 'DEMO001' AND v.roi_name = 'PTV_6000' AND m.metric = 'D95%[Gy]'"
    )
    assert (value["value"], value["unit"]) == (stored["value"], "Gy") and value["plan_label"]


def test_an_opened_archive_is_not_written_again(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", schema.default()).close()
    database = Database(tmp_path / "a.db", schema.default())
    assert database.is_complete() and database.connection.total_changes == 0
    database.close()


def test_a_view_of_an_older_text_or_definition_is_made_anew(tmp_path: Path) -> None:
    text = re.sub(
        r"\{ 0x0008, 0x103e, [^}]*\},\n",
        "",
        Path(schema.__file__).parents[1].joinpath("dicom.sql").read_text(),
    )
    database = Database(tmp_path / "a.db", schema.parse(text, "dicom.sql"))
    database.connection.execute("INSERT INTO DICOMSeries(SeriesInst) VALUES ('1.2')")
    assert database.query("SELECT series_description AS d FROM archive_series") == [{"d": None}]
    assert (
        '"SeriesDesc"'
        not in database.query("SELECT sql FROM sqlite_master WHERE name = 'archive_series'")[0]["sql"]
    )
    database.close()
    database = Database(tmp_path / "a.db", schema.default())
    database.connection.execute("UPDATE DICOMSeries SET SeriesDesc = 'thorax'")
    assert database.query("SELECT series_description AS d FROM archive_series") == [{"d": "thorax"}]
    database.close()


@pytest.mark.parametrize(
    "made", ["CREATE TABLE archive_patients(x)", "CREATE VIEW Archive_Patients AS SELECT 1 AS x"]
)
def test_a_users_own_stays_and_doctor_names_it(tmp_path: Path, made: str) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute(made)
    database = Database(tmp_path / "a.db", schema.default())
    assert database.columns("archive_patients") == ["x"]
    assert archive_views.names_of_others(database) == ["archive_patients"]
    assert database.has("archive_metrics") and database.is_complete()
    database.close()
    settings = Settings(ArchiveSettings(str(tmp_path), str(tmp_path / "a.db"), "none.sql"))
    (found,) = [one for one in examine(settings) if one.check == "views"]
    assert found.state == "warning" and "archive_patients" in found.detail and "rename" in found.remedy


def test_without_strangers_doctor_says_nothing_of_views(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", schema.default()).close()
    settings = Settings(ArchiveSettings(str(tmp_path), str(tmp_path / "a.db"), "none.sql"))
    assert not [one for one in examine(settings) if one.check == "views"]


def test_the_tables_can_be_made_anew_under_the_views(archive: pyconquest) -> None:
    make_patient("data", "P1", slices=2, pixels=16)
    archive.rebuild_database_from_dicom()
    archive.create_standard_dicom_tables()
    assert archive.execute_db_query("SELECT * FROM archive_patients") == []
    archive.rebuild_database_from_dicom()
    assert [row["patient_id"] for row in archive.execute_db_query("SELECT * FROM archive_patients")] == ["P1"]
