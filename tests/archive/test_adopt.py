"""An archive that a Conquest server or PyConquest has made is taken over where it is, end to end."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import ImplicitVRLittleEndian
from samples import make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.archive.adopt import adopt, find_archive
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import fix, verify
from pyconquest_rt.cli.main import main
from pyconquest_rt.database import schema
from pyconquest_rt.database.schema import Definition, Table
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.net.services.peers import known_peers
from pyconquest_rt.settings.file import load

ROOT = "1.2.826.0.1.3680043.10.1"
HOUSEKEEPING = ["AccessTime int", "qTimeStamp int", "qFlags int", "qSpare varchar(64)"]
INI = """[sscscp]
MicroPACS = sscscp
MyACRNema = CONQUESTSRV1
SQLite = 1
SQLServer = ./dbase/conquest.db3
MAGDevices = 2
MAGDevice0 = .\\MAG0\\
MAGDevice1 = .\\MAG1\\
kFactorFile = dicom.sql
"""


def conquest_table(table: Table) -> str:
    """The CREATE statement of a Conquest server (mode 0: with a primary key)."""
    columns = [
        f"{column.name} {'char(8)' if column.sql_type == 'SQL_C_DATE' else f'varchar({column.length})'}"
        for column in table.columns
    ]
    columns[0] += " PRIMARY KEY not null"
    if table.level == "Image":
        return ", ".join([*columns, *HOUSEKEEPING, "ObjectFile varchar(255)", "DeviceName varchar(32)"])
    return ", ".join([*columns, *HOUSEKEEPING])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder: its own definition, raw Latin-1 in the rows, two devices, bare .v2 files, NULLs."""
    folder = tmp_path / "server"
    (folder / "dbase").mkdir(parents=True)
    (folder / "dicom.ini").write_text(INI)
    own = {"ModelName", "QRows", "QColumns"}
    only = {"Rows", "Colums", "SliceThick", "KVP", "Referenced"}
    plain = schema.default()
    conquest = Definition(
        *(
            Table(table.level, tuple(column for column in table.columns if column.name not in only))
            for table in plain.tables
        )
    )
    assert own <= {column.name for table in conquest.tables for column in table.columns}
    (folder / "dicom.sql").write_text(schema.render(conquest))
    connection = sqlite3.connect(folder / "dbase" / "conquest.db3")
    for table in conquest.tables:
        connection.execute(f"CREATE TABLE {table.name} ({conquest_table(table)})")
    connection.execute("CREATE INDEX idx_patientid ON DICOMPatients(PatientSex)")  # as Conquest errs
    raw = "Müller".encode("latin-1")
    connection.execute("INSERT INTO DICOMPatients(PatientID) VALUES (CAST(? AS TEXT))", (raw,))
    connection.execute(
        "INSERT INTO DICOMStudies(StudyInsta, PatientID) VALUES (?, CAST(? AS TEXT))", (f"{ROOT}.1", raw)
    )
    connection.execute(
        "INSERT INTO DICOMSeries(SeriesInst, StudyInsta) VALUES (?, ?)", (f"{ROOT}.1.1", f"{ROOT}.1")
    )
    files = [
        (1, "MAG0", "P\\1.2.3_0001_000001.dcm", True),
        (2, "MAG0", "P\\2.v2", True),
        (3, "MAG1", "P\\3.dcm", True),
        (4, "MAG0", "P\\gone.dcm", False),
    ]
    for number, device, name, exists in files:
        connection.execute(
            "INSERT INTO DICOMImages(SOPInstanc, SeriesInst, ObjectFile, DeviceName) VALUES (?, ?, ?, ?)",
            (f"{ROOT}.1.1.{number}", f"{ROOT}.1.1", name, device),
        )
        if exists:
            put(folder / device / name.replace("\\", "/"), number)
    put(folder / "MAG0" / "P" / "never_indexed.dcm", 5)
    connection.commit()
    connection.close()
    monkeypatch.chdir(tmp_path)
    return folder


def put(path: Path, number: int) -> None:
    data_set = make_object(patient="Müller", instance=number, SpecificCharacterSet="ISO_IR 100")
    if path.suffix == ".dcm":
        save(data_set, path)
        return
    del data_set.file_meta
    data_set.save_as(path, implicit_vr=ImplicitVRLittleEndian.is_implicit_VR, little_endian=True)


def test_a_conquest_server(server: Path) -> None:
    adopted = adopt(server)
    assert adopted.settings.devices == {"MAG1": str(server / "MAG1")}
    assert (adopted.rows_before, adopted.report.updated, adopted.report.indexed) == (4, 3, 1)
    assert sorted((finding.problem.name, finding.subject) for finding in adopted.findings) == [
        ("NO_CHILD", "Müller"),  # the row with the name's raw bytes; that of the study's is another
        ("NO_FILE", "P\\gone.dcm"),
    ]
    ingest = Archive.open(load().archive)  # the settings that were written
    fix(ingest)
    assert list(verify(ingest)) == []
    rows = ingest.database.query("SELECT ObjectFile, DeviceName, ElementCount FROM DICOMImages ORDER BY 1")
    assert [(row["ObjectFile"], row["DeviceName"]) for row in rows] == [
        ("P/1.2.3_0001_000001.dcm", "MAG0"),
        ("P/2.v2", "MAG0"),
        ("P/3.dcm", "MAG1"),
        ("P/never_indexed.dcm", "MAG0"),
    ]
    assert ingest.database.query("SELECT PatientID, PatientNam FROM DICOMPatients") == [
        {"PatientID": "Müller", "PatientNam": "Name^Müller"}
    ]
    ingest.close()
    with pyconquest(
        str(server / "MAG0"),
        str(server / "dicom.sql"),
        str(server / "dbase" / "conquest.db3"),
        devices={"MAG1": str(server / "MAG1")},
    ) as archive:
        assert len(archive.copy_dicom_files_to_dest(f"{ROOT}.1.1", destination="copies")) == 4
        archive.delete_series(f"{ROOT}.1.1", delete_files=True)
    assert [path for path in server.glob("MAG*/**/*") if path.is_file()] == []


def test_what_is_found_otherwise_can_be_named(server: Path, tmp_path: Path) -> None:
    (server / "dicom.ini").unlink()
    with pytest.raises(SettingsError, match="Name yours by --database"):
        find_archive(server)
    shutil.move(server / "dbase" / "conquest.db3", tmp_path / "mine.sqlite")
    with pytest.raises(SettingsError, match="name yours by --data"):
        find_archive(server, database="mine.sqlite")
    adopted = adopt(server, database="mine.sqlite", data="server/MAG0")
    assert adopted.settings.database == str(tmp_path / "mine.sqlite")
    assert adopted.settings.sql == str(server / "dicom.sql")
    assert adopted.rows_before == 4


def test_a_folder_that_holds_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="holds no archive"):
        adopt(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_empty_texts_of_pyconquest_become_null(tmp_path: Path, put: Callable[..., Path]) -> None:
    """PyConquest writes '' where a value is absent."""
    put("P1/1.dcm")
    connection = sqlite3.connect(tmp_path / "conquest.db")
    for table in schema.default().tables:
        names = [column.name for column in table.columns]
        columns = ", ".join(f"{name} character varying(128)" for name in names)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
        keys = {"PatientID": "P1", "StudyInsta": f"{ROOT}.1", "SeriesInst": f"{ROOT}.1.1", "Modality": "CT"}
        values = [keys.get(name, "") for name in names]
        connection.execute(f"INSERT INTO {table.name} VALUES ({','.join('?' * len(names))})", values)
    connection.execute("DELETE FROM DICOMImages")
    connection.commit()
    connection.close()
    with pyconquest(str(tmp_path / "data"), database_filename=str(tmp_path / "conquest.db")) as archive:
        archive.rebuild_database_from_dicom()
        for table in ("DICOMPatients", "DICOMStudies", "DICOMSeries", "DICOMImages"):
            (row,) = archive.execute_db_query(f"SELECT * FROM {table}")
            assert "" not in row.values()
            assert row["PatientID" if "PatientID" in row else "SeriesInst"]


def test_how_the_server_listens_names_files_and_whom_it_knows_is_taken_over(server: Path) -> None:
    with (server / "dicom.ini").open("a") as ini:
        ini.write("\nTCPPort = 11112\nFileNameSyntax = 6\n")
    (server / "acrnema.map").write_text("CT1 192.0.2.1 104 un\n")
    (server / "MAG0" / "junk.dcm").write_bytes(b"no DICOM")
    result = CliRunner().invoke(main, ["adopt", str(server)])
    assert result.exit_code == 1
    assert "junk.dcm: not a DICOM file" in result.output
    settings = load()
    assert (settings.listener.port, settings.listener.ae_title) == (11112, "CONQUESTSRV1")
    assert settings.receive.file_names == "6"
    peer = known_peers(settings).find("CT1")
    assert peer is not None
    assert peer.host == "192.0.2.1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [("MySQL = 1", "MySQL"), ("Postgres = 1", "PostgreSQL"), ("TruncateFieldNames = 0", "ten characters")],
)
def test_an_index_that_cannot_be_opened_is_refused_with_the_way_out(
    server: Path, line: str, reason: str
) -> None:
    with (server / "dicom.ini").open("a") as ini:
        ini.write(f"\n{line}\n")
    with pytest.raises(SettingsError, match=f"{reason}.*rebuild --data"):
        adopt(server)
