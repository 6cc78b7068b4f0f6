"""The class keeps PyConquest's interface: names, arguments, defaults, and what each method returns."""

import inspect
import logging
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from samples import count, make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.demo import make_patient
from pyconquest_rt.errors import DatabaseError, ObjectError, StorageError

BIG = "character varying(128)"
# PyConquest 0.1.12: method → its arguments in order, with their defaults (... where there is none).
SIGNATURES: dict[str, dict[str, Any]] = {
    "__init__": {
        "data_directory": "data",
        "sql_inifile_name": "dicom.sql",
        "database_filename": "conquest.db",
        "connect_and_read_sql": True,
        "loglevel": "ERROR",
        "compute_hash": False,
    },
    "connect_db": {},
    "close_db": {},
    "execute_db_query": {"query": ..., "return_list_from_col": None},
    "insert_dict": {"tablename": ..., "datadict": ..., "exceptions": {}, "default_format": BIG},
    "load_csv_to_table": {
        "filename": ...,
        "tablename": ...,
        "first_row_are_columnnames": True,
        "key_translation": {},
        "delimiter": ";",
    },
    "create_insertquery": {"table": ..., "myDict": ...},
    "create_buildquery": {"table": ..., "mydict": ..., "exceptions": {}, "default_format": BIG},
    "add_column_to_database": {"tablename": ..., "column_definition": ...},
    "write_tags": {"ds": ..., "filename": "", "check_existing": True},
    "create_standard_dicom_tables": {},
    "rebuild_database_from_dicom": {"mrn": None, "compute_only_missing": True, "check_existing": True},
    "store_dicom_file": {
        "filename": ...,
        "remove_after_store": False,
        "sopinstance_as_filename": False,
        "force_patientid": None,
    },
    "store_dicom_files_from_directory": {
        "directory_name": ...,
        "remove_after_store": False,
        "sopinstance_as_filename": False,
        "unzip": True,
        "unzipdir": "./unpack",
        "force_patientid": None,
    },
    "calculate_robust_hash": {"seriesuid": ""},
    "read_single_tag": {"filename": "", "tag": None},
    "delete_series": {
        "seriesuid": "",
        "query": None,
        "delete_files": False,
        "delete_only_files": False,
        "mrn": None,
    },
    "copy_dicom_files_to_dest": {
        "seriesuid": None,
        "query": None,
        "destination": "",
        "CreateDir": True,
        "UseSubDirectories": False,
    },
    "dicom_series_summary": {"orderby": "nrCT", "print_summary": True},
    "dump_data_to_csv": {
        "query": None,
        "table": "dicomseries",
        "filename_dict": None,
        "filename": "query_dump.csv",
        "delimiter": ",",
    },
    "analyse_images": {"list_of_seriesuid": None},
    "set_roi_filter": {"exclude": [""], "include": [""], "roi_filter_flags": re.IGNORECASE},
    "filter_roinames": {"roinames": ...},
    "database_postprocessing": {},
    "change_tag": {"filename": ..., "tag": "PatientBirthDate", "new_value": "19000101", "create": False},
    "get_list_of_filenames": {"filename": None, "seriesuid": None, "studyuid": None},
    "change_all_tags": {
        "filename": None,
        "seriesuid": None,
        "studyuid": None,
        "tag": "PatientBirthDate",
        "new_value": "19000101",
        "create": False,
    },
    "modify_rtstruct": {
        "filename": ...,
        "mode": ...,
        "roiname": ...,
        "newname": "",
        "write_file": False,
        "delete_points": False,
    },
}
pytestmark = pytest.mark.usefixtures("in_folder")

CT_SERIES = "1.2.826.0.1.3680043.10.1.1.1"


# -- signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", SIGNATURES)
def test_arguments_are_pyconquests(method: str) -> None:
    parameters = list(inspect.signature(getattr(pyconquest, method)).parameters.values())[1:]
    found = {
        p.name: ... if p.default is p.empty else p.default
        for p in parameters
        if p.kind is p.POSITIONAL_OR_KEYWORD
    }
    expected = SIGNATURES[method]
    assert list(found) == list(expected)
    for name, default in found.items():
        as_expected = list(default) if isinstance(default, tuple) else default
        assert as_expected == expected[name], name
    added = [p for p in parameters if p.kind is not p.POSITIONAL_OR_KEYWORD]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in added)


def test_attributes_are_pyconquests() -> None:
    archive = pyconquest(connect_and_read_sql=False)
    assert archive.data_directory == "data"
    assert archive.sql_inifile_name == "dicom.sql"
    assert archive.database_filename == "conquest.db"
    assert archive.conn_pacs == ""
    assert archive.exclude_filter == [r"^Z\d", r"^Ext", "ISOC", "QME", "NP"]
    assert archive.include_filter == [""]
    assert archive.roi_filter_flags == re.IGNORECASE
    assert archive.last_seriesuid_loaded == ""


def test_importing_writes_nothing(in_folder: Path) -> None:
    code = "from pyconquest_rt import pyconquest; pyconquest(connect_and_read_sql=False)"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    assert list(in_folder.iterdir()) == []


# -- the database -------------------------------------------------------------------------------------------


def test_connection_is_sqlite3s_and_goes_with_close(archive: pyconquest) -> None:
    assert isinstance(archive.conn_pacs, sqlite3.Connection)
    assert archive.conn_pacs.execute("SELECT count(*) FROM dicomseries").fetchone() == (0,)
    archive.close_db()
    assert archive.conn_pacs == ""
    assert archive.execute_db_query("SELECT 1") is None


def test_queries_return_dictionaries_lists_or_none(indexed: pyconquest) -> None:
    query = "select seriesinst, imagenumbe from dicomimages where imagepat='P2'"
    assert indexed.execute_db_query(query) == [
        {"SeriesInst": "1.2.826.0.1.3680043.10.1.2.1", "ImageNumbe": "1"}
    ]
    assert indexed.execute_db_query(query, return_list_from_col="ImageNumbe") == ["1"]
    assert indexed.execute_db_query("UPDATE DICOMPatients SET PatientSex = 'O'") == []
    assert indexed.execute_db_query("SELECT nothing FROM nowhere") is None
    assert indexed.execute_db_query("SELECT nothing FROM nowhere", return_list_from_col="x") == []


def test_tables_are_made_anew(indexed: pyconquest) -> None:
    indexed.create_standard_dicom_tables()
    assert count(indexed) == 0
    assert indexed.rebuild_database_from_dicom() == 4


def test_columns_are_added(archive: pyconquest) -> None:
    save(make_object(Manufacturer="Maker", SoftwareVersions="7"), Path("data/P1/1.dcm"))
    archive.add_column_to_database("DICOMpatients", ["0x0020", "0x000d", "StudyInst"])
    archive.add_column_to_database(
        "DICOMimages", [["0x0018", "0x1020", "Software"], ["0x0008", "0x0070", "Maker"]]
    )
    archive.add_column_to_database("DICOMnothing", ["0x0008", "0x0070", "Maker"])  # only logged
    archive.rebuild_database_from_dicom()
    assert archive.execute_db_query("SELECT Software, Maker FROM DICOMImages") == [
        {"Software": "7", "Maker": "Maker"}
    ]
    assert archive.execute_db_query("SELECT StudyInst FROM DICOMPatients", "StudyInst") == [
        "1.2.826.0.1.3680043.10.1.1"
    ]


def test_nested_columns_are_filled(archive: pyconquest) -> None:
    make_patient("data", slices=3, pixels=16)
    (plan,) = Path("data").rglob("RTPLAN*")
    beams = dcmread(plan).FractionGroupSequence[0].ReferencedBeamSequence
    archive.add_column_to_database(
        "DICOMimages", ["0x300a", "0x0070", "BeamDose0", 0, "0x300c", "0x0004", 0, "0x300a", "0x0084"]
    )
    archive.create_standard_dicom_tables()
    archive.rebuild_database_from_dicom()
    query = "SELECT BeamDose0 FROM DICOMImages WHERE Modality = 'RTPLAN'"
    assert archive.execute_db_query(query, "BeamDose0") == [str(beams[0].BeamDose)]


# -- objects in ---------------------------------------------------------------------------------------------


def test_rebuild_counts_the_files_it_read(archive: pyconquest) -> None:
    save(make_object(), Path("data/P1/1.dcm"))
    Path("data/P1/note.txt").write_text("not an object")
    assert archive.rebuild_database_from_dicom() == 2
    assert archive.rebuild_database_from_dicom() == 0
    assert archive.rebuild_database_from_dicom(compute_only_missing=False) == 2


def test_rebuild_of_one_patient(archive: pyconquest) -> None:
    save(make_object(), Path("data/P1/1.dcm"))
    save(make_object(patient="P2", study=2), Path("data/P2/1.dcm"))
    assert archive.rebuild_database_from_dicom(mrn="P2") == 1
    assert archive.execute_db_query("SELECT PatientID FROM DICOMPatients", "PatientID") == ["P2"]
    assert archive.rebuild_database_from_dicom(mrn="../elsewhere") == 0
    save(make_object(patient="P2", study=2, instance=2), Path("data/P2/deep/2.dcm"))
    save(make_object(patient="P2", study=2, instance=3), Path("data/elsewhere/3.dcm"))
    assert archive.rebuild_database_from_dicom(mrn="P2", compute_only_missing=False) == 2
    archive.rebuild_database_from_dicom()
    assert archive.rebuild_database_from_dicom(mrn="P2", compute_only_missing=False) == 3


def test_write_tags_indexes_an_object_in_memory(archive: pyconquest) -> None:
    archive.write_tags(make_object(PatientName="Müller^Ü", SpecificCharacterSet="ISO_IR 192"))
    archive.write_tags(make_object(instance=2))
    rows = archive.execute_db_query("SELECT PatientNam, ObjectFile FROM v_series, DICOMImages")
    assert [row["ObjectFile"] for row in rows] == ["", ""]
    broken = make_object(instance=3, StudyDescription="kept")
    broken.add_new(0x00280010, "US", "no number")
    archive.write_tags(broken)
    assert (
        archive.execute_db_query("SELECT Rows, StudyDescr FROM DICOMImages, DICOMStudies")
        == [{"Rows": None, "StudyDescr": "kept"}] * 3
    )
    with pytest.raises(ObjectError, match="SOPInstanceUID"):
        archive.write_tags(make_object(SOPInstanceUID=None))


def test_write_tags_names_the_file_given(archive: pyconquest) -> None:
    path = save(make_object(PatientName="Müller^Ü", SpecificCharacterSet="ISO_IR 192"), Path("data/x/1.dcm"))
    archive.write_tags(dcmread(path), "x/1.dcm")
    assert archive.execute_db_query("SELECT ObjectFile FROM DICOMImages", "ObjectFile") == ["x/1.dcm"]
    assert archive.execute_db_query("SELECT PatientNam FROM DICOMPatients", "PatientNam") == ["Müller^Ü"]
    assert archive.rebuild_database_from_dicom() == 0


def test_store_copies_below_the_patient(archive: pyconquest) -> None:
    path = save(make_object(), Path("in/IM1"))
    assert archive.store_dicom_file(str(path)) is None  # type: ignore[func-returns-value]
    assert Path("data/P1/IM1").read_bytes() == path.read_bytes()
    assert archive.last_seriesuid_loaded == CT_SERIES
    archive.store_dicom_file(str(path), remove_after_store=True)
    assert not path.exists()
    assert count(archive) == 1


def test_store_names_by_instance_if_asked(archive: pyconquest) -> None:
    path = save(make_object(), Path("in/IM1"))
    archive.store_dicom_file(str(path), sopinstance_as_filename=True)
    assert Path("data/P1/1.2.826.0.1.3680043.10.1.1.1.1.dcm").is_file()


def test_store_forces_the_patient(archive: pyconquest) -> None:
    archive.add_column_to_database("DICOMimages", ["0x0011", "0x0020", "OLDMRN"])
    path = save(make_object(), Path("in/IM1"))
    archive.store_dicom_file(str(path), force_patientid="NEW")
    stored = dcmread("data/NEW/IM1")
    assert stored.PatientID == "NEW"
    assert (0x0011, 0x0020) not in stored
    assert dcmread(path).PatientID == "P1"
    assert archive.execute_db_query("SELECT ImagePat, OLDMRN FROM DICOMImages") == [
        {"ImagePat": "NEW", "OLDMRN": "P1"}
    ]


def test_store_directory_returns_1_or_minus_1(archive: pyconquest) -> None:
    save(make_object(), Path("in/a/IM1"))
    Path("in/note.txt").write_text("not an object")
    assert archive.store_dicom_files_from_directory("in") == 1
    assert count(archive) == 1
    assert archive.store_dicom_files_from_directory("nowhere") == -1


# -- objects out --------------------------------------------------------------------------------------------


def test_delete_returns_what_pyconquest_does(indexed: pyconquest) -> None:
    assert indexed.delete_series(CT_SERIES) is None
    assert Path("data/P1/1.dcm").exists()
    assert indexed.delete_series(["1.2.826.0.1.3680043.10.1.2.1"], delete_files=True) == ()
    assert not Path("data/P2").exists()
    assert [count(indexed, f"DICOM{table}") for table in ("Patients", "Studies", "Series", "Images")] == [
        0
    ] * 4
    indexed.rebuild_database_from_dicom()
    assert indexed.delete_series(query="select seriesinst from dicomseries") == ()
    assert count(indexed) == 0
    indexed.rebuild_database_from_dicom()
    assert indexed.delete_series(mrn="P1", delete_files=True) == -1
    assert indexed.delete_series(mrn="P1") == 1
    assert count(indexed) == 0
    assert indexed.delete_series("1.2.3") is None


def test_delete_of_files_alone_keeps_the_rows(indexed: pyconquest) -> None:
    indexed.delete_series(CT_SERIES, delete_only_files=True)
    assert not Path("data/P1").exists()
    indexed.rebuild_database_from_dicom()
    assert count(indexed) == 4


def test_deletions_are_on_record(indexed: pyconquest) -> None:
    indexed.delete_series(CT_SERIES, delete_files=True)
    assert indexed.execute_db_query("SELECT action, subject, detail FROM audit") == [
        {"action": "delete-series", "subject": CT_SERIES, "detail": "rows and files of 3 images"}
    ]


def test_copy_returns_what_pyconquest_does(indexed: pyconquest) -> None:
    assert indexed.copy_dicom_files_to_dest(seriesuid=CT_SERIES, destination="out") == [
        "out/1.dcm",
        "out/2.dcm",
        "out/3.dcm",
    ]
    assert indexed.copy_dicom_files_to_dest(CT_SERIES, destination="sub", UseSubDirectories=True) == []
    assert sorted(path.name for path in Path("sub/P1").iterdir()) == ["1.dcm", "2.dcm", "3.dcm"]
    assert indexed.copy_dicom_files_to_dest([CT_SERIES], destination="list") is None
    query = "select SeriesInst from dicomseries"
    assert indexed.copy_dicom_files_to_dest(query=query, destination="query") is None
    assert len(list(Path("query").iterdir())) == 4
    assert indexed.copy_dicom_files_to_dest(destination="out") == -1
    with pytest.raises(StorageError, match="CreateDir"):
        indexed.copy_dicom_files_to_dest(CT_SERIES, destination="nowhere", CreateDir=False)


def test_files_of_series_and_studies(indexed: pyconquest) -> None:
    names = ["data/P1/1.dcm", "data/P1/2.dcm", "data/P1/3.dcm"]
    assert indexed.get_list_of_filenames("a") == ["a"]
    assert indexed.get_list_of_filenames(["a", "b"]) == ["a", "b"]
    assert indexed.get_list_of_filenames(seriesuid=CT_SERIES) == names
    assert indexed.get_list_of_filenames(studyuid=["1.2.826.0.1.3680043.10.1.1"]) == names
    assert indexed.get_list_of_filenames() is None


# -- tables -------------------------------------------------------------------------------------------------


def test_summary_is_printed_as_pyconquest_does(indexed: pyconquest, capsys: Any) -> None:
    rows = indexed.dicom_series_summary(orderby="PatientID")
    zeros = dict.fromkeys(("nrMR", "nrPT", "nrRTSTRUCT", "nrRTDOSE", "nrRTPLAN"), 0)
    assert rows == [{"PatientID": patient, "nrCT": 1, **zeros} for patient in ("P1", "P2")]
    assert capsys.readouterr().out == (
        "    PatientID    nrCT nrMR  nrPT nrRTSTRUCT nrRTDOSE nrRTPLAN\n"
        "1    P1            1    0    0       0         0         0       \n"
        "2    P2            1    0    0       0         0         0       \n"
    )
    indexed.dicom_series_summary(orderby="nrCT desc, PatientID desc", print_summary=False)
    assert capsys.readouterr().out == ""
    with pytest.raises(DatabaseError, match="order"):
        indexed.dicom_series_summary(orderby="(SELECT 1)")


def test_dump_writes_tables_views_and_queries(indexed: pyconquest, capsys: Any) -> None:
    indexed.dump_data_to_csv(table=["dicompatients", "v_series"], filename_dict={"v_series": "view"})
    assert capsys.readouterr().out == "view.csv\n"
    lines = Path("dicompatients.csv").read_bytes().split(b"\r\n")
    assert lines[0].startswith(b"PatientID,PatientNam,PatientBir,PatientSex")
    assert lines[1].startswith(b"P1,Name^P1")
    assert Path("view.csv").is_file()
    indexed.dump_data_to_csv(query="select PatientID p, 1 one from dicompatients", delimiter=";")
    assert Path("query_dump.csv").read_text().splitlines() == ["p;one", "P1;1", "P2;1"]
    indexed.dump_data_to_csv(query="select * from dicompatients where 0", filename="none.csv")
    assert not Path("none.csv").exists()


def test_text_of_queries_is_pyconquests(archive: pyconquest) -> None:
    row = {"a": [1, 2], "b-c": "x y"}
    assert archive.create_insertquery("t", row) == 'INSERT INTO t (a,b_c) VALUES ("1\\ 2","x y")'
    assert archive.create_buildquery("t", row, exceptions={"a": "int"}, default_format="text") == (
        "CREATE TABLE t (a int,b_c text)"
    )
    assert archive.create_buildquery("t", {"a": 1}) == f"CREATE TABLE t (a {BIG})"


def test_insert_dict_makes_the_table(archive: pyconquest) -> None:
    archive.insert_dict("mine", {"name": "x", "dose-1": 60, "list": [1, 2]}, exceptions={"dose-1": "int"})
    archive.insert_dict("mine", {"name": None, "dose-1": "61", "list": 'O\'Brien "5"'})
    archive.insert_dict("mine", {"other": 1})  # only logged
    assert archive.execute_db_query("SELECT * FROM mine") == [
        {"name": "x", "dose_1": 60, "list": "1\\2"},
        {"name": None, "dose_1": 61, "list": 'O\'Brien "5"'},
    ]


def test_csv_is_loaded(archive: pyconquest) -> None:
    Path("plans.csv").write_text('aantal fracties;naam\n"25";"Müller"\n33;\n', encoding="utf-8-sig")
    archive.load_csv_to_table("plans.csv", "plans", key_translation={"aantal fracties": "fracties"})
    assert archive.execute_db_query("SELECT * FROM plans") == [
        {"fracties": "25", "naam": "Müller"},
        {"fracties": "33", "naam": ""},
    ]
    archive.load_csv_to_table("nowhere.csv", "plans")  # only logged
    assert count(archive, "plans") == 2


# -- instances and their logs -------------------------------------------------------------------------------


def test_instances_do_not_share_definitions(in_folder: Path) -> None:
    save(make_object(Manufacturer="Maker"), Path("data/P1/1.dcm"))
    with pyconquest(database_filename="a.db") as first, pyconquest(database_filename="b.db") as second:
        first.add_column_to_database("DICOMImages", ["0x0008", "0x0070", "Maker"])
        for archive in (first, second):
            archive.rebuild_database_from_dicom()
        assert first.execute_db_query("SELECT Maker FROM DICOMImages") == [{"Maker": "Maker"}]
        assert second.execute_db_query("SELECT Maker FROM DICOMImages") is None


def test_subclasses_may_bring_their_own_filter() -> None:
    class Mine(pyconquest):
        exclude_filter = ("Heart",)

    assert Mine(connect_and_read_sql=False).filter_roinames(["Heart", "NP"]) == ["NP"]


def test_nothing_above_debug_names_a_patient(in_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    secret = make_object(patient="SECRET7", PatientName="Secret7^Name")
    path = save(secret, Path("SECRET7/SECRET7.dcm"))
    save(make_object(patient="SECRET7", SOPInstanceUID=None), Path("SECRET7/broken.dcm"))
    with pyconquest(loglevel="INFO") as archive:
        archive.store_dicom_files_from_directory("SECRET7")
        archive.store_dicom_file("SECRET7/nowhere.dcm")
        archive.rebuild_database_from_dicom(mrn="SECRET7")
        archive.execute_db_query("SELECT * FROM nowhere WHERE PatientID='SECRET7' OR x=\"SECRET7\"")
        archive.change_tag(str(path), "PatientComments")
        archive.change_tag("SECRET7/nowhere.dcm")
        archive.modify_rtstruct(str(path), "delete", ["x"])
        archive.copy_dicom_files_to_dest(CT_SERIES, destination="SECRET7")
        archive.delete_series(mrn="SECRET7")
    assert len(caplog.records) > 10
    assert "secret7" not in caplog.text.lower()
