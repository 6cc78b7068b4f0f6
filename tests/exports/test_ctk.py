"""The ctkDICOM database: its schema, its rows against what pydicom reads, and what an update leaves alone."""

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.exports.ctk import update
from pyconquest_rt.exports.ctk.rows import date, displayed_name, integer
from pyconquest_rt.exports.ctk.rows import time as ctk_time
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings import ArchiveSettings

CACHED = {"0008,0060": "Modality", "0020,0032": "ImagePositionPatient", "0010,0010": "PatientName"}


@pytest.fixture
def demo(in_folder: Path) -> Archive:
    make_patients("data", count=2)
    archive = Archive.open(ArchiveSettings("data", "a.db", "none.sql"))
    rebuild(archive)
    return archive


def rows(sql: str, name: str = "ctkDICOM.sql") -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(name)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_rows_are_what_pydicom_reads(demo: Archive) -> None:
    done = update(demo, ".")
    assert (done.added, done.left_out) == (88, [])
    assert rows("SELECT Version FROM SchemaInfo") == [("0.8.1",)]
    assert rows("SELECT count(*) FROM ColumnDisplayProperties") == [(47,)]
    images = rows("SELECT SOPInstanceUID, Filename, URL, SeriesInstanceUID FROM Images")
    assert len(images) == 88
    for sop, name, url, series in images:
        data_set = dcmread(name, stop_before_pixels=True)
        assert (data_set.SOPInstanceUID, url, data_set.SeriesInstanceUID) == (sop, "", series)
        cached = dict(
            rows(f"SELECT Tag, Value FROM TagCache WHERE SOPInstanceUID = '{sop}'", "ctkDICOMTagCache.sql")
        )
        for tag, keyword in (
            ("0008,0060", "Modality"),
            ("0020,0032", "ImagePositionPatient"),
            ("0010,0010", "PatientName"),
        ):
            value = data_set.get(keyword)
            text = (
                "\\".join(map(str, value))
                if keyword == "ImagePositionPatient" and value
                else str(value or "")
            )
            assert cached[tag] == (text or "__TAG_NOT_IN_INSTANCE__"), (name, tag)
        has_pixels = "PixelData" in dcmread(name)
        assert (cached["7FE0,0010"] == "__VALUE_IS_NOT_STORED__") == has_pixels
    ((number, shown, count, last),) = rows(
        "SELECT UID, DisplayedPatientsName, DisplayedNumberOfStudies, DisplayedLastStudyDate FROM Patients "
        "WHERE PatientID = 'DEMO001'"
    )
    assert (shown, count, last) == ("Demo, Patient One", 1, "2024-01-15")
    ((study, in_study),) = rows(
        f"SELECT StudyDate, DisplayedNumberOfSeries FROM Studies WHERE PatientsUID = {number}"
    )
    assert (study, in_study) == ("2024-01-15", 5)
    described = dict(rows("SELECT Modality, SeriesDescription FROM Series"))
    assert described["RTPLAN"] == "Lung 60 Gy"  # the plan's name, as CTK's rule for radiotherapy has it
    assert dict(rows("SELECT Modality, DisplayedCount FROM Series"))["CT"] == 40
    assert dict(rows("SELECT Modality, DisplayedSize FROM Series"))["CT"] == "128x128"


def test_an_update_touches_what_has_changed_alone(demo: Archive) -> None:
    update(demo, ".")
    before = dict(rows("SELECT SOPInstanceUID, InsertTimestamp FROM Images"))
    again = update(demo, ".")
    assert (again.added, again.replaced, again.removed, again.unchanged) == (0, 0, 0, 88)
    plan, dose = (dcmread(f"data/DEMO001/{kind}.dcm").SOPInstanceUID for kind in ("RTPLAN", "RTDOSE"))
    os.unlink("data/DEMO001/RTPLAN.dcm")
    changed = dcmread("data/DEMO001/RTDOSE.dcm")
    changed.SeriesDescription = "another"
    changed.save_as("data/DEMO001/RTDOSE.dcm")
    os.utime("data/DEMO001/RTDOSE.dcm", (time.time() + 5, time.time() + 5))
    rebuild(demo, only="changed")
    done = update(demo, ".")
    assert (done.added, done.replaced, done.removed, done.unchanged) == (0, 1, 1, 86)
    after = dict(rows("SELECT SOPInstanceUID, InsertTimestamp FROM Images"))
    assert {sop for sop in before if before[sop] != after.get(sop)} == {plan, dose}
    assert not rows(f"SELECT 1 FROM TagCache WHERE SOPInstanceUID = '{plan}'", "ctkDICOMTagCache.sql")
    assert rows("SELECT Modality FROM Series WHERE Modality = 'RTPLAN'") == [
        ("RTPLAN",)
    ]  # of the other patient


def test_what_cannot_be_shown_is_named(demo: Archive, tmp_path: Path) -> None:
    os.rename("data/DEMO001/CT_001.dcm", "data/away")
    os.replace("data/DEMO001/CT_003.dcm", "data/DEMO001/CT_002.dcm")
    done = update(demo, tmp_path / "shown")
    reasons = " ".join(reason for _, reason in done.left_out)
    assert len(done.left_out) == 3 and "another object" in reasons and "cannot be reached" in reasons
    assert rows("SELECT count(*) FROM Images", "shown/ctkDICOM.sql") == [(85,)]


def test_relative_and_absolute_names(demo: Archive, tmp_path: Path) -> None:
    update(demo, ".", absolute=True)
    assert all(os.path.isabs(name) for (name,) in rows("SELECT Filename FROM Images"))
    done = update(demo, ".")
    assert done.replaced == 88  # named anew
    assert not any(os.path.isabs(name) for (name,) in rows("SELECT Filename FROM Images"))


def test_another_version_is_refused(demo: Archive) -> None:
    update(demo, ".")
    connection = sqlite3.connect("ctkDICOM.sql")
    connection.execute("UPDATE SchemaInfo SET Version = '0.7.0'")
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseError, match=r"0\.7\.0"):
        update(demo, ".")


def test_the_verbs(demo: Archive, in_folder: Path) -> None:
    archive = ["--data", "data", "--database", "a.db"]
    assert CliRunner().invoke(main, ["ctk", "update", "data", *archive]).exit_code == 1
    assert CliRunner().invoke(main, ["ctk", "export", "data", *archive]).exit_code == 0
    indexed = CliRunner().invoke(main, ["ctk", "index", "data", "--database", "b.db", "--json"])
    assert indexed.exit_code == 0 and json.loads(indexed.output)["indexed"] == 88, indexed.output


def test_values_as_ctk_writes_them() -> None:
    assert [date("20240115"), date("2024.01.15"), date("")] == ["2024-01-15", "2024-01-15", None]
    assert [ctk_time("090000.5"), ctk_time("09")] == ["09:00:00", None]
    assert [integer("12\\13"), integer("")] == [12, 0]
    assert displayed_name("Doe^Jane^Ann^Dr^PhD=x") == "Doe, Jane Ann, PhD (Dr)"


def test_qt_opens_it(demo: Archive) -> None:
    """CTK reads by Qt's SQL driver: what it asks for is there, and of the types that it expects."""
    core = pytest.importorskip("PySide6.QtCore")
    sql = pytest.importorskip("PySide6.QtSql")
    update(demo, ".")
    application = core.QCoreApplication.instance() or core.QCoreApplication([])
    assert application is not None
    found = {}
    for name in ("ctkDICOM.sql", "ctkDICOMTagCache.sql"):
        database = sql.QSqlDatabase.addDatabase("QSQLITE", name)
        database.setDatabaseName(name)
        assert database.open(), database.lastError().text()
        found[name] = database
    tables = set(found["ctkDICOM.sql"].tables())
    assert {"SchemaInfo", "Images", "Patients", "Series", "Studies", "ColumnDisplayProperties"} <= tables
    query = sql.QSqlQuery(found["ctkDICOM.sql"])
    assert query.exec(
        "SELECT i.Filename, i.InsertTimestamp, i.DisplayedFieldsUpdatedTimestamp, t.StudyDate FROM Images i "
        "JOIN Series s ON s.SeriesInstanceUID = i.SeriesInstanceUID "
        "JOIN Studies t ON t.StudyInstanceUID = s.StudyInstanceUID"
    ), query.lastError().text()
    count = 0
    while query.next():
        count += 1
        name, inserted = (
            query.value(0),
            core.QDateTime.fromString(query.value(1), core.Qt.DateFormat.ISODateWithMs),
        )
        assert inserted.isValid()
        assert inserted.toMSecsSinceEpoch() / 1000 > os.stat(name).st_mtime
        assert core.QDateTime.fromString(query.value(2), "yyyy-MM-dd HH:mm:ss").isValid()
        assert core.QDate.fromString(query.value(3), "yyyy-MM-dd").isValid()
    assert count == 88
    cached = sql.QSqlQuery(found["ctkDICOMTagCache.sql"])
    cached.prepare("SELECT Value FROM TagCache WHERE Tag = ? AND Value = ?")
    cached.addBindValue("0008,0060")
    cached.addBindValue("CT")
    assert cached.exec() and cached.next() and cached.value(0) == "CT"
    del query, cached
    for database in found.values():
        database.close()
