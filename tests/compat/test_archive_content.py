"""What the class does with the content of objects: analyses, names of ROIs, hashes, tags."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from samples import count, make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.demo import make_patient

pytestmark = pytest.mark.usefixtures("in_folder")

CT_SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def test_images_are_analysed(indexed: pyconquest) -> None:
    assert indexed.analyse_images(CT_SERIES) == []
    assert indexed.analyse_images() == ["1.2.826.0.1.3680043.10.1.2.1"]  # one slice has no distance
    columns = "N_slices, min_sliceposition, max_sliceposition, ScanRange, UniqueSliceDistance"
    assert indexed.execute_db_query(f"SELECT {columns} FROM DICOMSeries ORDER BY SeriesInst") == [
        {
            "N_slices": "3",
            "min_sliceposition": "2.5",
            "max_sliceposition": "7.5",
            "ScanRange": "5.0",
            "UniqueSliceDistance": "2.5",
        },
        {
            "N_slices": "1",
            "min_sliceposition": "2.5",
            "max_sliceposition": "2.5",
            "ScanRange": "0.0",
            "UniqueSliceDistance": "",
        },
    ]


def test_roi_names_are_filtered(archive: pyconquest) -> None:
    names = ["BODY", "Z1 help", "PTV 60", "ptv 50", "External", "Heart"]
    assert archive.filter_roinames(names) == ["BODY", "PTV 60", "ptv 50", "Heart"]
    archive.set_roi_filter(exclude="BODY", include=["PTV", "Heart"])
    assert archive.filter_roinames(names) == ["PTV 60", "ptv 50", "Heart"]
    archive.set_roi_filter(include="PTV", roi_filter_flags=0)
    assert archive.filter_roinames(names) == ["PTV 60"]
    assert pyconquest(connect_and_read_sql=False).exclude_filter[0] == r"^Z\d"


def test_robust_hash_returns_what_pyconquest_does(indexed: pyconquest) -> None:
    make_patient("data", slices=3, pixels=16)
    indexed.rebuild_database_from_dicom()
    query = "SELECT SeriesInst FROM DICOMSeries WHERE Modality = 'RTSTRUCT'"
    (series,) = indexed.execute_db_query(query, "SeriesInst")
    found = indexed.calculate_robust_hash(series)
    assert indexed.execute_db_query("SELECT hash FROM DICOMImages WHERE Modality = 'RTSTRUCT'", "hash") == [
        found
    ]
    assert indexed.calculate_robust_hash(CT_SERIES) == ""
    assert indexed.calculate_robust_hash("1.2.3") is None


def test_hashes_are_computed_for_rt_objects_if_asked(in_folder: Path) -> None:
    make_patient("data", slices=3, pixels=16)
    query = "SELECT Modality, hash FROM DICOMImages WHERE hash IS NOT NULL ORDER BY Modality"
    with pyconquest(compute_hash=True) as archive:
        archive.rebuild_database_from_dicom()
        rebuilt = archive.execute_db_query(query)
    assert [row["Modality"] for row in rebuilt] == ["RTDOSE", "RTPLAN", "RTSTRUCT"]
    with pyconquest("copy", database_filename="copy.db", compute_hash=True) as archive:
        archive.store_dicom_files_from_directory("data")
        assert archive.execute_db_query(query) == rebuilt


def test_an_object_that_cannot_be_hashed_is_stored_all_the_same(in_folder: Path) -> None:
    plan, beam, group = make_object(Modality="RTPLAN"), Dataset(), Dataset()
    beam.add_new(0x300C0006, "LO", "one")
    beam.add_new(0x300A0084, "DS", "1")
    beam.add_new(0x300A0086, "DS", "1")
    group.ReferencedBeamSequence = [beam]
    plan.FractionGroupSequence = [group]
    path = save(plan, Path("in/plan"))
    with pyconquest(compute_hash=True) as archive:
        archive.store_dicom_file(str(path), remove_after_store=True)
        assert not path.exists()
        archive.rebuild_database_from_dicom(compute_only_missing=False)
        assert archive.execute_db_query("SELECT ObjectFile, hash FROM DICOMImages") == [
            {"ObjectFile": "P1/plan", "hash": None}
        ]


def test_hashes_follow_changes(in_folder: Path) -> None:
    make_patient("data", slices=3, pixels=16)
    (name,) = map(str, Path("data").rglob("RTSTRUCT*"))
    with pyconquest(compute_hash=True) as archive:
        archive.write_tags(dcmread(name))
        query = "SELECT hash FROM DICOMImages WHERE Modality = 'RTSTRUCT'"
        (before,) = archive.execute_db_query(query, "hash")
        archive.rebuild_database_from_dicom()
        assert archive.execute_db_query(query, "hash") == [before]
        archive.modify_rtstruct(name, "delete", ["BODY"], write_file=True)
        (after,) = archive.execute_db_query(query, "hash")
        assert after is not None
        assert after != before


def test_a_single_tag_is_read(indexed: pyconquest, capsys: Any) -> None:
    assert indexed.read_single_tag("data/P1/1.dcm", ("0x0010", "0x0020")) == "P1"
    assert indexed.read_single_tag("data/P1/1.dcm", "Modality") == "CT"
    assert capsys.readouterr().out == ""
    assert indexed.read_single_tag("data/P1/1.dcm") == ""
    assert capsys.readouterr().out.startswith("exception encountered:")


def test_change_tag_returns_what_pyconquest_does(indexed: pyconquest) -> None:
    name = "data/P1/1.dcm"
    assert indexed.change_tag(name) == -1  # no PatientBirthDate
    assert indexed.change_tag(name, create=True) == 1
    assert indexed.change_tag(name, ("0x0010", "0x0030"), "19500102") == 1
    (record,) = indexed.execute_db_query(
        "SELECT action, subject, detail FROM audit WHERE detail LIKE '%0102'"
    )
    assert list(record.values()) == ["change-file", "P1/1.dcm", "('0x0010', '0x0030') = 19500102"]
    assert dcmread(name).PatientBirthDate == "19500102"
    assert indexed.change_tag("nowhere.dcm") is None
    assert indexed.change_tag(name, "NoSuchKeyword") == -1


def test_the_row_follows_a_changed_file(indexed: pyconquest) -> None:
    indexed.change_all_tags(seriesuid=CT_SERIES, tag="SliceLocation", new_value="17")
    assert (
        indexed.execute_db_query("SELECT SliceLocat FROM DICOMImages WHERE ImagePat='P1'", "SliceLocat")
        == ["17"] * 3
    )
    assert indexed.rebuild_database_from_dicom() == 0


def test_the_whole_series_moves_to_another_study(indexed: pyconquest) -> None:
    indexed.change_all_tags(seriesuid=CT_SERIES, tag="StudyInstanceUID", new_value="1.2.3.99")
    assert indexed.execute_db_query("SELECT StudyInsta FROM DICOMSeries WHERE SeriesInst LIKE '%.1.1'") == [
        {"StudyInsta": "1.2.3.99"}
    ]
    assert count(indexed) == 4
    assert count(indexed, "rejected") == 0
    indexed.change_all_tags(studyuid="1.2.3.99", tag="PatientID", new_value="P9")
    assert indexed.execute_db_query("SELECT PatientID FROM DICOMPatients ORDER BY 1", "PatientID") == [
        "P2",
        "P9",
    ]
    assert indexed.get_list_of_filenames(studyuid="1.2.3.99") == [f"data/P1/{n}.dcm" for n in (1, 2, 3)]


def test_modify_rtstruct_returns_what_pyconquest_does(archive: pyconquest) -> None:
    make_patient("data", slices=3, pixels=16)
    archive.rebuild_database_from_dicom()
    (name,) = map(str, Path("data").rglob("RTSTRUCT*"))
    before = dcmread(name)
    first, second, *rest = (roi.ROIName for roi in before.StructureSetROISequence)
    assert archive.modify_rtstruct(name, "change", [first], ["new"], write_file=False) != before
    assert dcmread(name) == before
    assert archive.modify_rtstruct(name, "change", [first, second], ["new"]) == -1
    assert archive.modify_rtstruct(name, "swap", [first]) is None
    assert archive.modify_rtstruct([name], "change", [first], ["new"], write_file=True) == -1
    assert [roi.ROIName for roi in dcmread(name).StructureSetROISequence] == ["new", second, *rest]
    archive.modify_rtstruct(name, "leave", ["new"], write_file=True, delete_points=True)
    assert archive.execute_db_query("SELECT ElementList FROM DICOMImages WHERE Modality='RTSTRUCT'") == [
        {"ElementList": "[ new ]"}
    ]
    (image, *_) = Path("data").rglob("CT*")
    assert archive.modify_rtstruct(str(image), "delete", ["new"]) is None
