"""Patients merged and values put right: in the rows, on request in the files, and always on record."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.corrections import correct, merge_patient
from pyconquest_rt.archive.delete import delete_series
from pyconquest_rt.archive.files.placement import Placement
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.demo import make_patients
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.errors import DatabaseError, ObjectError, StorageError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings

Put = Callable[..., Path]
ROOT = "1.2.826.0.1.3680043.10.1"
PATIENTS = "SELECT PatientID, PatientNam, PatientBir FROM DICOMPatients ORDER BY 1"
STUDIES = "SELECT DISTINCT PatientID, PatientNam, PatientBir FROM DICOMStudies ORDER BY 1 DESC"


def rows(ingest: Archive, sql: str) -> list[tuple[Any, ...]]:
    return ingest.database.connection.execute(sql).fetchall()


@pytest.fixture
def two(ingest: Archive, put: Put) -> Archive:
    """One patient under two PatientIDs, with a study each."""
    put("OLD/1.dcm", patient="OLD", study=1, PatientBirthDate="19500101")
    put("OLD/2.dcm", patient="OLD", study=1, instance=2, PatientBirthDate="19500101")
    put("NEW/1.dcm", patient="NEW", study=2, PatientBirthDate="19600101")
    rebuild(ingest)
    return ingest


# -- merging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [False, True])
def test_the_patient_that_stays_keeps_its_name_in_all_rows(two: Archive, data: Path, files: bool) -> None:
    assert merge_patient(two, "OLD", "NEW", files=files) == (2, 2 * files, [])
    assert rows(two, PATIENTS) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, STUDIES) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, "SELECT DISTINCT SeriesPat FROM DICOMSeries") == [("NEW",)]
    assert rows(two, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("NEW",)]
    found = dcmread(data / "OLD" / "1.dcm")
    expected = ("NEW", "Name^NEW", "19600101") if files else ("OLD", "Name^OLD", "19500101")
    assert (found.PatientID, found.PatientName, found.PatientBirthDate) == expected
    assert list(verify(two)) == []
    rebuild(two, only="all" if files else "changed")
    assert rows(two, PATIENTS) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, "SELECT action, subject FROM audit") == [
        ("move-study", f"{ROOT}.1"),
        ("merge-patient", "NEW"),
    ]


def test_further_copies_of_an_instance_are_changed_too(two: Archive, data: Path) -> None:
    (data / "COPY").mkdir()
    (data / "COPY" / "1.dcm").write_bytes((data / "OLD" / "1.dcm").read_bytes())
    assert rebuild(two).duplicates == 1
    assert merge_patient(two, "OLD", "NEW", files=True) == (2, 3, [])
    assert dcmread(data / "COPY" / "1.dcm").PatientID == "NEW"
    assert rebuild(two, only="changed").read == 0


def test_what_was_derived_goes_to_the_patient_that_stays(ingest: Archive, data: Path) -> None:
    make_patients(data, count=2)
    rebuild(ingest)
    derive(ingest)
    merge_patient(ingest, "DEMO002", "DEMO001")
    for table, column in (("rt_dose", "patient_id"), ("rt_plan", "patient_id"), ("dose_object", "PatientID")):
        assert rows(ingest, f"SELECT DISTINCT {column} FROM {table}") == [("DEMO001",)]
    ingest.database.connection.execute("UPDATE derivations SET state = 'due', version = 0")
    derive(ingest)
    assert rows(ingest, "SELECT DISTINCT patient_id FROM rt_dose") == [("DEMO001",)]


@pytest.mark.parametrize(("old", "new"), [("OLD", "OLD"), ("OLD", "NOBODY"), ("NOBODY", "NEW")])
def test_patients_that_cannot_be_merged(two: Archive, old: str, new: str) -> None:
    with pytest.raises(DatabaseError):
        merge_patient(two, old, new)
    assert rows(two, "SELECT count(*) FROM audit") == [(0,)]


# -- correcting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "uid", "values", "query", "expected"),
    [
        ("patient", "OLD", {"PatientName": "Right^Name"}, PATIENTS, ("OLD", "Right^Name", "19500101")),
        ("patient", "OLD", {"PatientName": ""}, PATIENTS, ("OLD", None, "19500101")),
        ("study", f"{ROOT}.1", {"StudyID": "7"}, "SELECT StudyID FROM DICOMStudies", ("7",)),
        (
            "series",
            f"{ROOT}.1.1",
            {"SeriesDescription": "O'Brien  "},
            "SELECT SeriesDesc FROM DICOMSeries",
            ("O'Brien",),
        ),
        ("series", f"{ROOT}.1.1", {"Modality": "MR"}, "SELECT StudyModal FROM DICOMStudies", ("MR",)),
        ("image", f"{ROOT}.1.1.1", {"InstanceNumber": "9"}, "SELECT ImageNumbe FROM DICOMImages", ("9",)),
        (
            "image",
            f"{ROOT}.1.1.1",
            {"ImageType": "\\".join(["DERIVED"] * 17)},
            "SELECT length(ImageType) FROM DICOMImages",
            (128,),
        ),
    ],
)
def test_values_stand_in_the_rows_as_indexing_would_write_them(
    two: Archive, level: Any, uid: str, values: dict[str, str], query: str, expected: tuple[Any, ...]
) -> None:
    assert correct(two, level, uid, values).rows >= 1
    assert expected in rows(two, query)


def test_a_name_is_corrected_in_every_table_and_file(two: Archive, data: Path) -> None:
    assert correct(two, "patient", "OLD", {"PatientName": "Right^Name"}, files=True) == (2, 2, [])
    assert rows(two, STUDIES)[0] == ("OLD", "Right^Name", "19500101")
    assert {str(dcmread(path).PatientName) for path in (data / "OLD").iterdir()} == {"Right^Name"}
    assert list(verify(two)) == []
    assert rows(two, "SELECT action, subject, detail FROM audit") == [
        ("correct-patient", "OLD", "PatientName from Name^OLD to Right^Name, files too")
    ]


def test_a_correction_of_files_does_not_undo_a_merge_in_the_rows_alone(two: Archive, data: Path) -> None:
    merge_patient(two, "OLD", "NEW")
    assert correct(two, "study", f"{ROOT}.1", {"StudyDescription": "Planning"}, files=True).failures == []
    assert rows(two, PATIENTS) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, STUDIES) == [("NEW", "Name^NEW", "19600101")]
    changed = dcmread(data / "OLD/1.dcm")
    assert (changed.PatientID, changed.PatientName, changed.StudyDescription) == (
        "NEW",
        "Name^NEW",
        "Planning",
    )


@pytest.mark.parametrize(
    ("level", "uid", "values", "error"),
    [
        ("patient", "NOBODY", {"PatientName": "A"}, DatabaseError),
        ("patient", "OLD", {"BitsAllocated": "16"}, DatabaseError),  # no column holds it
        ("image", f"{ROOT}.1.1.1", {"PatientName": "A"}, DatabaseError),
        ("patient", "OLD", {"PatientBirthDate": "yesterday"}, ObjectError),
        ("image", f"{ROOT}.1.1.1", {"Rows": "many"}, ObjectError),
        ("patient", "OLD", {"PatientID": "A"}, ObjectError),
        ("patient", "OLD", {"NoSuchKeyword": "A"}, ObjectError),
    ],
)
def test_what_cannot_be_corrected_changes_nothing(
    two: Archive, level: Any, uid: str, values: dict[str, str], error: type[Exception]
) -> None:
    before = list(two.database.connection.iterdump())
    with pytest.raises(error):
        correct(two, level, uid, values)
    assert list(two.database.connection.iterdump()) == before


def test_binary_numbers_are_corrected_in_rows_and_files(ingest: Archive, put: Put) -> None:
    path = put("P1/1.dcm", Rows=2)
    rebuild(ingest)
    assert correct(ingest, "image", f"{ROOT}.1.1.1", {"Rows": "4"}, files=True) == (2, 1, [])
    assert dcmread(path).Rows == 4
    assert rows(ingest, "SELECT Rows, QRows FROM DICOMImages") == [("4", "4")]


def test_files_that_cannot_be_changed_are_told(two: Archive, data: Path) -> None:
    (data / "OLD" / "1.dcm").unlink()
    found = correct(two, "patient", "OLD", {"PatientName": "Zoë"}, files=True)
    assert found.files == 0
    assert [path for path, _ in found.failures] == ["OLD/1.dcm", "OLD/2.dcm"]
    assert "its file is not there" in found.failures[0][1]
    assert "SpecificCharacterSet" in found.failures[1][1]


def test_files_on_other_devices_are_changed_and_their_rows_stay(tmp_path: Path, put: Put, data: Path) -> None:
    """As a Conquest server writes them: further devices, backslashes."""
    put("P1/1.dcm")
    save(make_object(instance=2), tmp_path / "mag1" / "P1" / "2.dcm")
    settings = ArchiveSettings(str(data), str(tmp_path / "c.db"), "none.sql")
    ingest = Archive.open(replace(settings, devices={"MAG1": str(tmp_path / "mag1")}))
    rebuild(ingest)
    execute = ingest.database.connection.execute
    execute("DELETE FROM files")
    execute("UPDATE DICOMImages SET ObjectFile = replace(ObjectFile, '/', '\\')")
    assert correct(ingest, "patient", "P1", {"PatientName": "Right^Name"}, files=True) == (2, 2, [])
    assert dcmread(tmp_path / "mag1" / "P1" / "2.dcm").PatientName == "Right^Name"
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(2,)]
    assert rows(ingest, "SELECT count(*) FROM rejected") == [(0,)]
    ingest.close()


# -- on record ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", ["all", "anew", "touched"])
def test_corrections_of_the_rows_alone_survive_every_rebuild(
    two: Archive, data: Path, put: Put, again: str
) -> None:
    merge_patient(two, "OLD", "NEW")
    correct(two, "study", f"{ROOT}.1", {"StudyDescription": "Planning"})
    correct(two, "series", f"{ROOT}.1.1", {"Modality": "MR"})
    if again == "anew":
        two.database.drop_tables()
    if again == "touched":
        put("OLD/1.dcm", patient="OLD", study=1, PatientBirthDate="19500101", InstanceNumber=7)
    assert rebuild(two, only="changed" if again == "touched" else "all").rejected == []
    assert rows(two, PATIENTS) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, STUDIES) == [("NEW", "Name^NEW", "19600101")]
    assert rows(two, "SELECT StudyDescr, StudyModal FROM DICOMStudies WHERE StudyDescr IS NOT NULL") == [
        ("Planning", "MR")
    ]
    assert list(verify(two, deep=True)) == []


def test_the_next_images_of_a_merged_study_follow_it(two: Archive, put: Put) -> None:
    merge_patient(two, "OLD", "NEW")
    put("OLD/3.dcm", patient="OLD", study=1, instance=3, PatientBirthDate="19500101")
    assert rebuild(two).rejected == []
    assert rows(two, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("NEW",)]


def test_what_all_files_hold_is_on_record_no_more(two: Archive) -> None:
    correct(two, "image", f"{ROOT}.1.1.1", {"PatientName": "First^Name"}, files=True)
    correct(two, "study", f"{ROOT}.1", {"PatientName": "Rows^Alone"})
    assert correct(two, "patient", "OLD", {"PatientName": "Right^Name"}, files=True).failures == []
    assert merge_patient(two, "OLD", "NEW", files=True).failures == []
    assert rows(two, "SELECT * FROM corrections") == []
    assert rebuild(two, only="all").rejected == []
    assert rows(two, STUDIES) == [("NEW", "Name^NEW", "19600101")]


def test_all_files_of_a_study_are_changed_or_none_and_the_same_call_goes_on(two: Archive, data: Path) -> None:
    """A file that holds another object now is neither changed nor does it cost the rest of its study."""
    right, before = (data / "OLD/1.dcm").read_bytes(), (data / "OLD/2.dcm").read_bytes()
    (data / "OLD/1.dcm").write_bytes((data / "NEW/1.dcm").read_bytes())
    merged = merge_patient(two, "OLD", "NEW", files=True)
    assert (merged.rows, merged.files) == (2, 0)
    ((path, why),) = merged.failures
    assert path == "OLD/1.dcm" and "another object" in why
    assert (data / "OLD/2.dcm").read_bytes() == before
    assert rows(two, STUDIES) == [("NEW", "Name^NEW", "19600101")]  # it is on record
    (data / "OLD/1.dcm").write_bytes(right)
    rebuild(two, only="all")
    assert merge_patient(two, "OLD", "NEW", files=True) == (0, 2, [])
    assert {dcmread(path).PatientID for path in data.rglob("*.dcm")} == {"NEW"}
    assert not list((data / ".incoming").iterdir())


def test_when_a_file_cannot_be_replaced_those_before_it_are_as_they_were(
    two: Archive, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in data.rglob("*.dcm")}
    place, names = Placement.place, list[str]()

    def fail_at_the_second(self: Placement, staged: Path, target: Path, *, replaces: bool) -> None:
        names.append(target.name)
        if len(names) == 2:
            raise StorageError("no space is left")
        place(self, staged, target, replaces=replaces)

    monkeypatch.setattr(Placement, "place", fail_at_the_second)
    found = correct(two, "patient", "OLD", {"PatientName": "Right^Name"}, files=True)
    assert (found.files, [why for _, why in found.failures]) == (0, ["no space is left"])
    assert {path: path.read_bytes() for path in data.rglob("*.dcm")} == before
    assert rows(two, STUDIES)[0] == ("OLD", "Right^Name", "19500101")
    monkeypatch.undo()
    assert rebuild(two, only="all").rejected == [] and rows(two, STUDIES)[0][1] == "Right^Name"
    assert correct(two, "patient", "OLD", {"PatientName": "Right^Name"}, files=True) == (2, 2, [])


def test_what_is_derived_follows_a_correction_of_the_rows_alone(ingest: Archive, data: Path) -> None:
    make_patients(data, count=1)
    rebuild(ingest)
    derive(ingest)
    query = "SELECT DISTINCT InstitutionName FROM dose_object"
    (series,) = rows(ingest, "SELECT SeriesInst FROM DICOMSeries WHERE Modality = 'SR'")[0]
    files = {path: path.read_bytes() for path in data.rglob("*.dcm")}
    correct(ingest, "series", series, {"InstitutionName": "Right Place"})
    assert rows(ingest, query) != [("Right Place",)]
    derive(ingest)
    assert ("Right Place",) in rows(ingest, query)
    assert rows(ingest, "SELECT count(*) FROM derivations WHERE state IN ('due', 'failed')") == [(0,)]
    assert {path: path.read_bytes() for path in data.rglob("*.dcm")} == files


def test_merging_takes_in_refused_files(two: Archive, put: Put) -> None:
    put("OLD/9.dcm", patient="THIRD", study=1, instance=9)
    assert len(rebuild(two).rejected) == 1
    merge_patient(two, "THIRD", "OLD")
    assert rows(two, "SELECT count(*) FROM DICOMImages WHERE ImagePat = 'OLD'") == [(3,)]
    assert rows(two, "SELECT * FROM rejected") == []
    assert rebuild(two, only="all").rejected == []


@pytest.mark.parametrize("files", [True, False])
def test_corrections_go_with_the_last_file(two: Archive, files: bool) -> None:
    correct(two, "patient", "OLD", {"PatientName": "Right^Name"})
    correct(two, "patient", "NEW", {"PatientName": "Other^Name"})
    delete_series(two, f"{ROOT}.1.1", files=files)
    names = [("NEW",)] if files else [("NEW",), ("OLD",)]
    assert rows(two, "SELECT uid FROM corrections ORDER BY 1") == names
