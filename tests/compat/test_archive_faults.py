"""What goes wrong in PyConquest 0.1.12 and does not here; each test is named after what goes wrong there."""

import logging
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from samples import make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.archive import rebuild as indexer

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("in_folder")

SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def put(name: str, **keywords: Any) -> Path:
    return save(make_object(**keywords), Path(name))


def values(archive: pyconquest, query: str) -> list[Any]:
    """The first column of a query."""
    return [next(iter(row.values())) for row in archive.execute_db_query(query)]


def counts(archive: pyconquest) -> list[int]:
    """Rows of patients, studies, series and images."""
    return [
        values(archive, f"SELECT count(*) FROM DICOM{level}")[0]
        for level in ("Patients", "Studies", "Series", "Images")
    ]


def items(*data_sets: dict[str, Any]) -> list[Dataset]:
    made = []
    for keywords in data_sets:
        item = Dataset()
        for keyword, value in keywords.items():
            setattr(item, keyword, value)
        made.append(item)
    return made


def structure_set(rois: dict[int, str], contour_order: list[int], **keywords: Any) -> Dataset:
    """A structure set whose contours are stored in an order of their own."""
    return make_object(
        Modality="RTSTRUCT",
        StructureSetROISequence=items(
            *({"ROINumber": number, "ROIName": name, "ReferencedFrameOfReferenceUID": "1.2.3"}
              for number, name in rois.items())
        ),
        ROIContourSequence=items(
            *({"ReferencedROINumber": number,
               "ContourSequence": items({"ContourGeometricType": "CLOSED_PLANAR",
                                         "ContourData": [number, 0, 0, number, 1, 0, 0, 0, number]})}
              for number in contour_order)
        ),
        RTROIObservationsSequence=items(
            *({"ObservationNumber": n, "ReferencedROINumber": number}
              for n, number in enumerate(reversed(contour_order), start=1))
        ),
        **keywords,
    )  # fmt: skip


def plan(beams: list[tuple[int, str]], meterset: dict[int, str], **keywords: Any) -> Dataset:
    """A plan with beams as (number, name) in their order, and number → MU in the fraction group's."""
    return make_object(
        Modality="RTPLAN",
        FractionGroupSequence=items(
            {
                "FractionGroupNumber": 1,
                "NumberOfFractionsPlanned": 25,
                "NumberOfBeams": len(beams),
                "ReferencedBeamSequence": items(
                    *({"ReferencedBeamNumber": n, "BeamDose": "1.0", "BeamMeterset": mu}
                      for n, mu in meterset.items())
                ),
            }
        ),
        BeamSequence=items(
            *({"BeamNumber": number, "BeamName": name, "BeamType": "STATIC", "RadiationType": "PHOTON",
               "NumberOfWedges": 0, "NumberOfControlPoints": 2,
               "ControlPointSequence": items({"NominalBeamEnergy": "6", "GantryAngle": "180",
                                              "IsocenterPosition": [0, 0, 0]})}
              for number, name in beams)
        ),
        **keywords,
    )  # fmt: skip


# -- loss or corruption of data -----------------------------------------------------------------------------


@pytest.mark.parametrize("remove", [False, True])
def test_01_two_files_of_the_same_name_overwrite_each_other(archive: pyconquest, remove: bool) -> None:
    first, second = put("in/a/IM1", instance=1), put("in/b/IM1", instance=2)
    archive.store_dicom_files_from_directory("in", remove_after_store=remove)
    stored = [path for path in Path("data").rglob("*") if path.is_file()]
    assert {dcmread(path).SOPInstanceUID for path in stored} == {f"{SERIES}.1", f"{SERIES}.2"}
    assert sorted(archive.get_list_of_filenames(seriesuid=SERIES) or []) == sorted(map(str, stored))
    assert first.exists() == second.exists() == (not remove)


def test_01b_a_source_is_removed_though_its_copy_is_not_indexed(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    archive.rebuild_database_from_dicom()
    contradicting = put("in/x.dcm", study=2, SeriesInstanceUID=SERIES)
    archive.store_dicom_file(str(contradicting), remove_after_store=True)
    assert contradicting.exists()
    assert not Path("data/P1/x.dcm").exists()


def test_01c_a_file_of_the_archive_is_stored_onto_itself(archive: pyconquest) -> None:
    path = put("data/P1/1.dcm")
    archive.store_dicom_file("data/P1/1.dcm", remove_after_store=True)
    assert path.exists()
    assert values(archive, "SELECT ObjectFile FROM DICOMImages") == ["P1/1.dcm"]


def test_02_contours_are_deleted_by_position(archive: pyconquest) -> None:
    data_set = structure_set({1: "BODY", 7: "PTV", 13: "Heart"}, contour_order=[13, 1, 7])
    path = str(save(data_set, Path("rs.dcm")))
    archive.modify_rtstruct(path, "delete", ["BODY"], write_file=True)
    left = dcmread(path)
    assert [roi.ROINumber for roi in left.StructureSetROISequence] == [7, 13]
    assert [roi.ReferencedROINumber for roi in left.ROIContourSequence] == [13, 7]
    assert [roi.ReferencedROINumber for roi in left.RTROIObservationsSequence] == [7, 13]
    assert left.ROIContourSequence[0].ContourSequence[0].ContourData[0] == 13


def test_03_structure_sets_have_no_series_row_with_conquests_own_definition(in_folder: Path) -> None:
    columns = {  # without the column Referenced, as Conquest's are
        "Patient": ["0x0010, 0x0020, PatientID"],
        "Study": ["0x0020, 0x000d, StudyInsta", "0x0010, 0x0020, PatientID"],
        "Series": ["0x0020, 0x000e, SeriesInst", "0x0008, 0x0060, Modality", "0x0020, 0x000d, StudyInsta"],
        "Image": ["0x0008, 0x0018, SOPInstanc", "0x0020, 0x000e, SeriesInst"],
    }
    Path("dicom.sql").write_text(
        "".join(
            f"*{level}*\n{{\n" + "".join(f"\t{{ {line} }},\n" for line in lines) + "}\n"
            for level, lines in columns.items()
        )
    )
    save(structure_set({1: "BODY"}, [1]), Path("data/P1/rs.dcm"))
    with pyconquest() as archive:
        archive.rebuild_database_from_dicom()
        assert values(archive, "SELECT Modality FROM DICOMSeries") == ["RTSTRUCT"]


@pytest.mark.parametrize(
    "empty", [lambda archive: archive.create_standard_dicom_tables(), lambda a: a.delete_series(mrn="P1")]
)
def test_04_a_second_rebuild_loses_patient_and_study(
    archive: pyconquest, empty: Callable[[pyconquest], Any]
) -> None:
    put("data/P1/1.dcm")
    archive.rebuild_database_from_dicom()
    empty(archive)
    assert counts(archive) == [0, 0, 0, 0]
    archive.rebuild_database_from_dicom()
    assert counts(archive) == [1, 1, 1, 1]


def test_05_a_quote_in_a_tag_loses_the_row(archive: pyconquest) -> None:
    put("data/P1/1.dcm", StudyDescription='5" mask', PatientName='O\'Brien^"Sean"')
    archive.rebuild_database_from_dicom()
    assert values(archive, "SELECT StudyDescr FROM DICOMStudies") == ['5" mask']
    assert values(archive, "SELECT PatientNam FROM DICOMPatients") == ['O\'Brien^"Sean"']


def test_06_an_interrupted_rebuild_is_never_completed(
    archive: pyconquest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        put(f"data/P1/{number}.dcm", instance=number)
    read = indexer.read_chunk
    calls = iter((read, read))
    with monkeypatch.context() as patch:
        patch.setattr(indexer, "CHUNK", 2)
        patch.setattr(indexer, "read_chunk", lambda *arguments: next(calls)(*arguments))
        with pytest.raises(RuntimeError):  # the generator ends in the middle
            archive.rebuild_database_from_dicom()
    assert 0 < counts(archive)[3] < 5
    archive.rebuild_database_from_dicom()
    assert counts(archive) == [1, 1, 1, 5]


def test_07_new_removed_and_renamed_files_are_not_seen(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    put("data/P1/2.dcm", instance=2)
    archive.rebuild_database_from_dicom()
    put("data/P1/3.dcm", instance=3)
    Path("data/P1/1.dcm").unlink()
    archive.rebuild_database_from_dicom()
    assert values(archive, "SELECT ObjectFile FROM DICOMImages ORDER BY 1") == ["P1/2.dcm", "P1/3.dcm"]
    Path("data/P1").rename("data/renamed")
    archive.rebuild_database_from_dicom()
    assert archive.copy_dicom_files_to_dest(SERIES, destination="out") == ["out/2.dcm", "out/3.dcm"]


def test_07b_copying_stops_at_a_missing_file(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    put("data/P1/2.dcm", instance=2)
    archive.rebuild_database_from_dicom()
    Path("data/P1/1.dcm").unlink()
    assert archive.copy_dicom_files_to_dest(SERIES, destination="out") == ["out/2.dcm"]


@pytest.mark.parametrize(
    "data_set",
    [
        make_object(Modality="RTPLAN", IonBeamSequence=items({"BeamNumber": 1, "BeamName": "ion"})),
        make_object(Modality="RTPLAN", ApplicationSetupSequence=items({"ApplicationSetupNumber": 1})),
        make_object(Modality="RTSTRUCT"),
        make_object(Modality=None),
    ],
    ids=["ion plan", "brachy plan", "no ROIs", "no modality"],
)
def test_08_unusual_objects_are_not_indexed(archive: pyconquest, data_set: Dataset) -> None:
    save(data_set, Path("data/P1/1.dcm"))
    archive.rebuild_database_from_dicom()
    assert counts(archive) == [1, 1, 1, 1]


def test_09_beams_get_the_monitor_units_of_others(archive: pyconquest) -> None:
    save(plan([(12, "Arc2"), (11, "Arc1")], {11: "210.50", 12: "211.50"}), Path("data/P1/rp.dcm"))
    archive.rebuild_database_from_dicom()
    (beams,) = values(archive, "SELECT ElementList FROM DICOMImages")
    assert re.findall(r"\[ (Arc\d) .*? (21\d\.50) ", beams) == [("Arc2", "211.50"), ("Arc1", "210.50")]


def test_10_a_corrected_patient_id_is_ignored(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    archive.rebuild_database_from_dicom()
    archive.store_dicom_file(str(put("in/1.dcm", patient="P2")))
    assert values(archive, "SELECT ImagePat FROM DICOMImages") == ["P2"]
    assert values(archive, "SELECT PatientID FROM DICOMPatients") == ["P2"]


def test_10b_check_existing_false_doubles_the_rows(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    for _ in range(2):
        archive.rebuild_database_from_dicom(compute_only_missing=False, check_existing=False)
    assert counts(archive) == [1, 1, 1, 1]


def test_11_a_slash_at_the_end_of_data_directory_cuts_file_names(in_folder: Path) -> None:
    put("data/P1/1.dcm")
    with pyconquest(data_directory="data/") as archive:
        assert archive.rebuild_database_from_dicom() == 1
        assert values(archive, "SELECT ObjectFile FROM DICOMImages") == ["P1/1.dcm"]
        assert archive.rebuild_database_from_dicom() == 0


def test_12_several_writers_double_patients_and_studies(in_folder: Path) -> None:
    for worker in range(4):
        for number in range(10):
            put(f"in{worker}/{number}", series=worker, instance=number)
    pyconquest().close_db()

    def store(worker: int) -> None:
        with pyconquest() as archive:
            archive.store_dicom_files_from_directory(f"in{worker}")

    threads = [threading.Thread(target=store, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pyconquest() as archive:
        assert counts(archive) == [1, 1, 4, 40]
        assert values(archive, "SELECT count(*) FROM v_series") == [4]
        assert len([path for path in Path("data").rglob("*") if path.is_file()]) == 40


def test_13_an_instance_forgets_its_definition_when_another_is_made(in_folder: Path) -> None:
    put("in/1.dcm", Manufacturer="Maker")
    with pyconquest(database_filename="a.db") as first:
        first.add_column_to_database("DICOMimages", ["0x0008", "0x0070", "Maker"])
        pyconquest(database_filename="b.db", sql_inifile_name="none.sql").close_db()
        first.create_standard_dicom_tables()
        first.store_dicom_file("in/1.dcm")
        assert values(first, "SELECT Maker FROM DICOMImages") == ["Maker"]


# -- security -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keywords", [{"patient": "../../x"}, {"patient": "/x"}, {"SOPInstanceUID": "/../../../x"}], ids=str
)
@pytest.mark.filterwarnings("ignore:Invalid value")
def test_14_identifiers_lead_out_of_the_data_directory(
    archive: pyconquest, in_folder: Path, keywords: dict[str, str]
) -> None:
    put("in/1.dcm", **keywords)
    before = {path for path in in_folder.parent.rglob("*") if "data" not in path.parts}
    archive.store_dicom_file("in/1.dcm", sopinstance_as_filename=True)
    assert {path for path in in_folder.parent.rglob("*") if "data" not in path.parts} == before
    assert counts(archive)[3] == 1
    assert archive.copy_dicom_files_to_dest(SERIES, destination="data/out", UseSubDirectories=True) == []
    assert {path for path in in_folder.parent.rglob("*") if "data" not in path.parts} == before


def test_15_sql_in_a_tag_is_executed(archive: pyconquest) -> None:
    attack = '" || (select group_concat(PatientID) from DICOMpatients) || "'
    put("data/P1/1.dcm", SeriesDescription=attack)
    archive.rebuild_database_from_dicom()
    assert values(archive, "SELECT SeriesDesc FROM DICOMSeries") == [attack]


def test_15b_sql_in_an_mrn_empties_the_database(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    archive.rebuild_database_from_dicom()
    for mrn in ('x" or "1"="1', "x' or '1'='1", "PatientID", "ImagePat"):
        archive.delete_series(mrn=mrn)
    archive.delete_series('x" or "1"="1', delete_files=True)
    assert counts(archive) == [1, 1, 1, 1]


def test_15c_the_text_of_an_insert_can_be_escaped_from(archive: pyconquest) -> None:
    archive.create_standard_dicom_tables()
    row = {"a": '5" mask', "b": "O'Brien", "c": '"); DROP TABLE DICOMImages; --'}
    archive.execute_db_query(archive.create_buildquery("t", row))
    archive.execute_db_query(archive.create_insertquery("t", row))
    assert archive.execute_db_query("SELECT * FROM t") == [row]


# -- what does not work -------------------------------------------------------------------------------------


def test_17_files_of_a_series_are_named_with_backslashes(archive: pyconquest) -> None:
    put("data/P1/1.dcm")
    archive.rebuild_database_from_dicom()
    (name,) = archive.get_list_of_filenames(seriesuid=SERIES) or []
    assert Path(name).is_file()
    archive.change_all_tags(seriesuid=SERIES, tag="PatientBirthDate", new_value="19000102", create=True)
    assert dcmread(name).PatientBirthDate == "19000102"


def test_19_the_readmes_examples_do_not_run(in_folder: Path, capsys: Any) -> None:
    put("data2/1234567/1.dcm", patient="1234567")
    put("input/IM1", instance=2)
    with pyconquest(
        data_directory="data2",
        sql_inifile_name="dicom2.sql",
        database_filename="test.db",
        connect_and_read_sql=True,
    ) as c:
        c.create_standard_dicom_tables()
        assert c.rebuild_database_from_dicom(mrn="1234567") == 1
        c.dicom_series_summary()
        assert "1234567" in capsys.readouterr().out
        query = "select * from dicomseries where modality='CT'"
        assert c.execute_db_query(query, return_list_from_col="SeriesInst") == [SERIES]
        c.store_dicom_files_from_directory("input")
        c.dump_data_to_csv(query="select * from dicomstudies", filename="studies.csv", delimiter=";")
        assert Path("studies.csv").is_file()
        c.copy_dicom_files_to_dest(query=query, destination="CTdata", UseSubDirectories=True)
        assert len(list(Path("CTdata").rglob("*.dcm"))) == 1
        c.delete_series(
            query="select SeriesInst from dicomseries where seriespat='{}'".format("1234567"),
            delete_files=True,
        )
        assert not Path("data2/1234567").exists()


def run(code: str, cwd: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_20_importing_fails_where_nothing_can_be_written(in_folder: Path) -> None:
    folder = in_folder / "locked"
    folder.mkdir(mode=0o555)
    locked = "/proc" if os.access(folder, os.W_OK) else str(folder)  # nothing is locked for root
    code = f"""
from pyconquest_rt import pyconquest
with pyconquest(data_directory={str(in_folder)!r}, database_filename={str(in_folder / "a.db")!r}) as archive:
    archive.execute_db_query("SELECT 1 FROM nowhere")
"""
    done = run(code, locked)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("\n") == 1
    assert "no such table: nowhere" in done.stderr


def test_20b_an_error_file_is_made_by_importing(in_folder: Path) -> None:
    code = """
import pathlib
from pyconquest_rt import pyconquest
with pyconquest() as archive:
    assert not pathlib.Path("pyconquest_error.log").exists()
    for _ in range(1500):
        archive.execute_db_query("SELECT 1 FROM nowhere")
"""
    done = run(code, in_folder)
    assert done.returncode == 0, done.stderr
    logs = sorted(path for path in in_folder.iterdir() if path.name.startswith("pyconquest_error"))
    assert [path.name for path in logs] == ["pyconquest_error.log", "pyconquest_error.log.1"]
    assert all(path.stat().st_size <= 100_000 for path in logs)
    assert "no such table: nowhere" in logs[0].read_text("utf-8")


def test_20c_the_level_of_a_later_instance_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet = pyconquest(connect_and_read_sql=False)
    talking = pyconquest(connect_and_read_sql=False, loglevel="INFO")
    quiet.database_postprocessing()
    assert caplog.messages == []
    talking.database_postprocessing()
    assert len(caplog.messages) == 1
    quiet.database_postprocessing()
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("patient", [None, ""])
def test_21_objects_without_patient_id_are_lost(archive: pyconquest, patient: str | None) -> None:
    archive.store_dicom_file(str(put("in/1.dcm", PatientID=patient)))
    assert values(archive, "SELECT PatientID FROM DICOMPatients") == ["00000000"]
    assert Path("data/00000000/1.dcm").is_file()
    assert counts(archive) == [1, 1, 1, 1]


def test_21b_files_without_preamble_are_refused(archive: pyconquest) -> None:
    data_set = make_object()
    data_set.file_meta = FileMetaDataset()
    Path("in").mkdir()
    data_set.save_as("in/1.v2", implicit_vr=True, little_endian=True, enforce_file_format=False)
    archive.store_dicom_file("in/1.v2")
    assert values(archive, "SELECT ObjectFile FROM DICOMImages") == ["P1/1.v2"]
    assert archive.change_tag("data/P1/1.v2", "SliceLocation", "99") == 1
    assert Path("data/P1/1.v2").read_bytes()[:4] != b"\0\0\0\0"
    assert values(archive, "SELECT SliceLocat FROM DICOMImages") == ["99"]
    assert archive.read_single_tag("data/P1/1.v2", "PatientID") == "P1"


def test_22_csv_files_depend_on_the_locale(in_folder: Path) -> None:
    put("data/P1/1.dcm", PatientName="Müller^Ü", SpecificCharacterSet="ISO_IR 192")
    code = """
from pyconquest_rt import pyconquest
with pyconquest() as archive:
    archive.rebuild_database_from_dicom()
    archive.dump_data_to_csv(table="dicompatients")
    archive.load_csv_to_table("dicompatients.csv", "copied", delimiter=",")
"""
    done = run(code, in_folder, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Müller^Ü" in Path("dicompatients.csv").read_text("utf-8")
    with pyconquest() as archive:
        assert values(archive, "SELECT PatientNam FROM copied") == ["Müller^Ü"]


def test_22b_dumping_a_bad_query_raises(archive: pyconquest) -> None:
    archive.dump_data_to_csv(query="SELECT nothing FROM nowhere", filename="x.csv")
    archive.dump_data_to_csv(table="nowhere")
    assert list(Path().glob("*.csv")) == []


def test_22c_a_zip_file_ends_the_program(archive: pyconquest, capsys: Any) -> None:
    put("one.dcm")
    put("two.dcm", instance=2)
    Path("in").mkdir()
    with zipfile.ZipFile("in/x.zip", "w") as file:
        file.write("one.dcm", "../../one.dcm")
        file.write("two.dcm", "/two.dcm")
        file.writestr("folder/", "")
        file.writestr("note.txt", "not an object")
    assert archive.store_dicom_files_from_directory("in", remove_after_store=True) == 1
    assert capsys.readouterr().out == "this is a zipfile\n"
    assert values(archive, "SELECT ObjectFile FROM DICOMImages ORDER BY 1") == ["P1/one.dcm", "P1/two.dcm"]
    assert sorted(path.name for path in Path().iterdir() if path.suffix == ".dcm") == ["one.dcm", "two.dcm"]
    assert Path("in/x.zip").exists()


def test_22d_a_zip_file_empties_the_folder_for_unpacking(archive: pyconquest) -> None:
    put("one.dcm")
    for folder in ("in", "unpack"):
        Path(folder).mkdir()
    Path("unpack/mine.txt").write_text("mine")
    with zipfile.ZipFile("in/x.zip", "w") as file:
        file.write("one.dcm")
    archive.store_dicom_files_from_directory("in")
    assert counts(archive)[3] == 1
    assert [path.name for path in Path("unpack").iterdir()] == ["mine.txt"]


def test_22e_connecting_later_has_no_tables(in_folder: Path) -> None:
    archive = pyconquest(connect_and_read_sql=False)
    assert list(in_folder.iterdir()) == []
    archive.connect_db()
    assert counts(archive) == [0, 0, 0, 0]
    archive.close_db()


def test_24_a_roi_comes_twice_if_two_patterns_match(archive: pyconquest) -> None:
    archive.set_roi_filter(include=["P", "PTV"])
    assert archive.filter_roinames(["PTV", "Heart", "Parotid", "PTV"]) == ["PTV", "Parotid", "PTV"]


def test_24b_a_second_analysis_logs_errors(archive: pyconquest, caplog: pytest.LogCaptureFixture) -> None:
    put("data/P1/1.dcm")
    put("data/P1/2.dcm", instance=2)
    archive.rebuild_database_from_dicom()
    assert archive.analyse_images() == archive.analyse_images() == []
    assert caplog.messages == []
