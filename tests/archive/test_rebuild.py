"""Rebuilding: the index says what the disk says, whatever happens to the files."""

import gc
import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from samples import make_object, save

from pyconquest_rt.archive import rebuild as indexer
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.corrections import correct
from pyconquest_rt.archive.current import current_file
from pyconquest_rt.archive.delete import delete_series
from pyconquest_rt.archive.rebuild import rebuild
from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.archive.verify import Problem, fix, verify
from pyconquest_rt.errors import DatabaseError

Put = Callable[..., Path]
ROOT = "1.2.826.0.1.3680043.10.1"


def rows(ingest: Archive, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in ingest.database.query(sql)]


def test_every_image_has_its_series_study_and_patient(ingest: Archive, put: Put) -> None:
    for number in range(1, 4):
        put(f"P1/{number}.dcm", instance=number)
    put("P2/1.dcm", patient="P2", study=2)
    report = rebuild(ingest)
    assert (report.read, report.indexed, report.rejected) == (4, 4, [])
    assert rows(ingest, "SELECT PatientID, PatientNam FROM DICOMPatients ORDER BY 1") == [
        ("P1", "Name^P1"),
        ("P2", "Name^P2"),
    ]
    assert rows(
        ingest, "SELECT count(*) FROM DICOMSeries s JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta"
    ) == [(2,)]
    assert rows(
        ingest, "SELECT ObjectFile, DeviceName, SliceLocat FROM DICOMImages WHERE ImageNumbe = '2'"
    ) == [("P1/2.dcm", "MAG0", "5")]
    assert list(verify(ingest)) == []


def test_an_unchanged_tree_reads_nothing(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    report = rebuild(ingest)
    assert (report.read, report.unchanged) == (0, 1)


def test_new_files_of_a_known_patient_are_found(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    put("P1/2.dcm", instance=2)
    assert rebuild(ingest).indexed == 1


def test_removed_files_leave_the_index_with_their_parents(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    put("P2/1.dcm", patient="P2", study=2)
    rebuild(ingest)
    shutil.rmtree(data / "P2")
    report = rebuild(ingest)
    assert report.removed == 1
    assert rows(ingest, "SELECT PatientID FROM DICOMPatients") == [("P1",)]
    assert rows(ingest, "SELECT count(*) FROM DICOMStudies") == [(1,)]
    assert list(verify(ingest)) == []


def test_a_file_that_is_stored_while_a_rebuild_runs_is_not_taken_for_gone(
    ingest: Archive, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    listed = iter(list(indexer.spans_of(ingest)))
    put("P1/2.dcm", instance=2)
    rebuild(ingest)  # stands for the listener, another process
    monkeypatch.setattr(indexer, "spans_of", lambda *_: listed)
    report = rebuild(ingest)
    assert (report.removed, report.unchanged) == (0, 1)
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(2,)]


def test_a_file_that_became_a_folder_leaves_the_index(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1", instance=1)
    rebuild(ingest)
    (data / "P1/1").unlink()
    put("P1/1/2.dcm", instance=2)
    report = rebuild(ingest)
    assert (report.indexed, report.removed) == (1, 1)
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages") == [("P1/1/2.dcm",)]


def test_an_empty_data_directory_does_not_empty_the_index(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    shutil.rmtree(data / "P1")
    with pytest.raises(DatabaseError, match="mounted"):
        rebuild(ingest)
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(1,)]


def test_a_renamed_folder_heals(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    (data / "P1").rename(data / "renamed")
    report = rebuild(ingest)
    assert (report.moved, report.indexed, report.removed) == (2, 0, 0)
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages ORDER BY 1") == [
        ("renamed/1.dcm",),
        ("renamed/2.dcm",),
    ]
    assert list(verify(ingest)) == []


def test_the_first_copy_stays_until_it_goes(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/a.dcm")
    put("P1/b.dcm")
    put("P2/x.dcm", patient="P2", study=2)
    report = rebuild(ingest)
    assert (report.indexed, report.duplicates) == (2, 1)
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages WHERE ImagePat = 'P1'") == [("P1/a.dcm",)]
    (data / "P1" / "a.dcm").unlink()
    rebuild(ingest)
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages WHERE ImagePat = 'P1'") == [("P1/b.dcm",)]
    assert list(verify(ingest)) == []


def test_of_copies_the_first_holds_also_when_the_file_before_them_was_moved(
    ingest: Archive, put: Put, data: Path
) -> None:
    first = put("A/1.dcm")
    put("B/1.dcm")
    rebuild(ingest)
    (data / "C").mkdir()
    first.rename(data / "C" / "1.dcm")
    rebuild(ingest, only="changed")
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages") == [("B/1.dcm",)]
    assert list(verify(ingest)) != [] and {finding.problem for finding in verify(ingest)} == {
        Problem.SAME_INSTANCE
    }


def test_changed_files_are_read_again_when_asked(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    put("P1/1.dcm", PatientName="Other^Name", SliceLocation="1234.5", StudyDescription="new")
    assert rebuild(ingest).read == 0
    assert rebuild(ingest, only="changed").updated == 1
    assert rows(ingest, "SELECT SliceLocat FROM DICOMImages") == [("1234.5",)]
    assert rows(ingest, "SELECT PatientNam FROM DICOMPatients") == [("Other^Name",)]


def test_a_file_that_holds_another_instance_now(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    put("P1/1.dcm", patient="P3", study=3, instance=77)
    rebuild(ingest, only="changed")
    assert rows(ingest, "SELECT ObjectFile, ImagePat FROM DICOMImages ORDER BY 1") == [
        ("P1/1.dcm", "P3"),
        ("P1/2.dcm", "P1"),
    ]
    assert list(verify(ingest)) == []


def test_a_file_that_becomes_unreadable_loses_its_row(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    (data / "P1" / "1.dcm").write_bytes(b"overwritten")
    report = rebuild(ingest, only="changed")
    assert [path for path, _ in report.rejected] == ["P1/1.dcm"]
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages") == [("P1/2.dcm",)]


@pytest.mark.parametrize("name", [b"DICOM\\IM1", b"caf\xe9/\\1.dcm"])
def test_names_that_rows_cannot_hold_are_indexed_once_and_reached(
    ingest: Archive, put: Put, data: Path, tmp_path: Path, name: bytes
) -> None:
    source = put("P1/1.dcm")
    target = data / os.fsdecode(name)
    target.parent.mkdir(exist_ok=True)
    source.rename(target)
    assert rebuild(ingest).indexed == 1
    assert rebuild(ingest, only="changed").read == 0 and rebuild(ingest).read == 0
    assert list(verify(ingest)) == []
    (image,) = select_images(ingest.database, "patient", "P1")
    assert current_file(ingest, image) == target
    assert correct(ingest, "patient", "P1", {"PatientName": "New^Name"}, files=True).failures == []
    assert dcmread(target).PatientName == "New^Name"
    assert rebuild(ingest, only="changed").read == 0
    assert delete_series(ingest, f"{ROOT}.1.1", files=True).files == 1
    assert not target.exists() and rebuild(ingest).removed == 0


def test_junk_has_a_reason_and_stays(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    (data / "P1" / "notes.txt").write_text("not an image")
    (data / "empty").write_bytes(b"")
    report = rebuild(ingest)
    assert {path for path, _ in report.rejected} == {"P1/notes.txt", "empty"}
    assert all(reason for _, reason in report.rejected)
    assert rows(ingest, "SELECT path FROM rejected ORDER BY 1") == [("P1/notes.txt",), ("empty",)]
    assert (data / "P1" / "notes.txt").exists()
    assert rebuild(ingest).read == 0


def test_a_file_that_was_half_written_is_read_when_it_is_whole(ingest: Archive, put: Put, data: Path) -> None:
    whole = put("P1/1.dcm").read_bytes()
    (data / "P1" / "1.dcm").write_bytes(whole[:300])
    assert len(rebuild(ingest).rejected) == 1
    assert rebuild(ingest).read == 0
    (data / "P1" / "1.dcm").write_bytes(whole)
    assert rebuild(ingest).indexed == 1
    assert rows(ingest, "SELECT * FROM rejected") == []


def test_parents_are_written_only_when_an_object_says_something_new_of_them(
    ingest: Archive, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyconquest_rt.archive.pending.time.time", lambda: 1_700_000_000.0)
    statements: list[str] = []

    def parents_written(**values: Any) -> list[str]:
        put(f"P1/{values['instance']}.dcm", **values)
        statements.clear()
        assert rebuild(ingest).indexed == 1
        return sorted(
            {line.split('"')[1] for line in statements if line.startswith(("UPDATE", "INSERT"))}
            - {"files", "archive_state"}
        )

    ingest.database.connection.set_trace_callback(statements.append)
    assert parents_written(instance=1) == ["DICOMImages", "DICOMPatients", "DICOMSeries", "DICOMStudies"]
    assert parents_written(instance=2) == ["DICOMImages"]
    assert parents_written(instance=3, StudyDescription="new") == ["DICOMImages", "DICOMStudies"]
    assert parents_written(instance=4, StudyDescription="new", Modality="MR") == [
        "DICOMImages",
        "DICOMSeries",
        "DICOMStudies",
    ]
    assert rows(ingest, "SELECT StudyDescr, StudyModal FROM DICOMStudies") == [("new", "CT\\MR")]
    monkeypatch.setattr("pyconquest_rt.archive.pending.time.time", lambda: 1_700_000_064.0)
    assert len(parents_written(instance=5, StudyDescription="new", Modality="MR")) == 4
    assert len(rows(ingest, "SELECT DISTINCT AccessTime FROM DICOMSeries")) == 1


def test_missing_keys_are_put_into_the_rows_only(ingest: Archive, put: Put) -> None:
    path = put("a.dcm", PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None)
    before = path.read_bytes()
    put("b.dcm", PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None, instance=2)
    put("c.dcm", SOPInstanceUID=None)
    report = rebuild(ingest)
    assert [reason for _, reason in report.rejected] == ["it has no SOPInstanceUID"]
    assert rows(ingest, "SELECT PatientID FROM DICOMPatients") == [("00000000",)]
    series = rows(ingest, "SELECT SeriesInst, StudyInsta FROM DICOMSeries")
    assert len({study for _, study in series}) == len(series) == 2  # nothing says that they belong together
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in series[0])
    assert path.read_bytes() == before
    assert list(verify(ingest)) == []


def test_leading_blanks_of_a_patient_id_are_padding(ingest: Archive, put: Put) -> None:
    put("a.dcm", PatientID="  P1")
    put("b.dcm", instance=2, PatientID="P1 ")
    put("c.dcm", instance=3, study=2, PatientID="  ")
    assert rebuild(ingest).rejected == []
    assert rows(ingest, "SELECT DISTINCT PatientID FROM DICOMPatients ORDER BY 1") == [("00000000",), ("P1",)]
    assert rows(ingest, "SELECT DISTINCT ImagePat FROM DICOMImages ORDER BY 1") == [("00000000",), ("P1",)]
    assert list(verify(ingest, deep=True)) == []


KIND = {"Modality": "CT", "SeriesNumber": "1", "FrameOfReferenceUID": "1.2.3"}


@pytest.mark.parametrize(
    ("first", "second", "studies", "series"),
    [
        ({"StudyInstanceUID": None}, {"StudyInstanceUID": None}, 1, 1),  # they name one series
        ({"SeriesInstanceUID": None, **KIND}, {"SeriesInstanceUID": None, **KIND}, 1, 1),
        (
            {"SeriesInstanceUID": None, **KIND},
            {"SeriesInstanceUID": None, **KIND, "Modality": "RTDOSE"},
            1,
            2,
        ),
        (
            {"SeriesInstanceUID": None, **KIND},
            {"SeriesInstanceUID": None, **KIND, "SeriesNumber": None},
            1,
            2,
        ),
        ({"SeriesInstanceUID": None, "StudyInstanceUID": None, **KIND},) * 2 + (2, 2),
        ({"SeriesInstanceUID": None, "StudyInstanceUID": None, "PatientID": None, **KIND},) * 2 + (2, 2),
    ],
)
def test_made_up_keys_are_shared_only_by_what_belongs_together(
    ingest: Archive, put: Put, first: dict[str, Any], second: dict[str, Any], studies: int, series: int
) -> None:
    put("a.dcm", **first)
    put("b.dcm", instance=2, **second)
    assert rebuild(ingest).indexed == 2
    assert rows(ingest, "SELECT count(*) FROM DICOMStudies") == [(studies,)]
    assert rows(ingest, "SELECT count(*) FROM DICOMSeries") == [(series,)]


def test_one_edited_file_of_a_study_moves_nothing(ingest: Archive, put: Put) -> None:
    for number in (1, 2, 3):
        put(f"P1/{number}.dcm", instance=number)
    rebuild(ingest)
    put("P1/1.dcm", PatientID="P9", PatientName="Wrong^Name")
    ((path, why),) = rebuild(ingest, only="changed").rejected
    assert path == "P1/1.dcm" and "is indexed for another patient" in why
    assert rows(ingest, "SELECT PatientID FROM DICOMStudies") == [("P1",)]
    assert rows(ingest, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("P1",)]
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(2,)]


def test_a_study_moves_to_the_patient_that_most_of_its_files_name(ingest: Archive, put: Put) -> None:
    for number in (1, 2, 3):
        put(f"P1/{number}.dcm", instance=number)
    rebuild(ingest)
    for number in (1, 2, 3):
        put(f"P1/{number}.dcm", instance=number, PatientID="P9", PatientName="Right^Name")
    assert rebuild(ingest, only="changed").rejected == []
    assert rows(ingest, "SELECT PatientID, PatientNam FROM DICOMPatients") == [("P9", "Right^Name")]
    assert rows(ingest, "SELECT PatientID FROM DICOMStudies") == [("P9",)]
    assert rows(ingest, "SELECT SeriesPat FROM DICOMSeries") == [("P9",)]
    assert rows(ingest, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("P9",)]
    assert rows(ingest, "SELECT action FROM audit") == [("move-study",)]


@pytest.mark.parametrize("chunk", [2, 1000])
@pytest.mark.parametrize("only", ["missing", "changed", "all"])
def test_most_files_of_the_whole_tree_say_whose_a_study_is(
    ingest: Archive, put: Put, monkeypatch: pytest.MonkeyPatch, chunk: int, only: indexer.Only
) -> None:
    monkeypatch.setattr(indexer, "CHUNK", chunk)
    for number in range(1, 4):
        put(f"A/{number}.dcm", instance=number)
    rebuild(ingest)
    for number in range(4, 8):
        put(f"B/{number}.dcm", instance=number, PatientID="P9")
    report = rebuild(ingest, only=only)
    assert sorted(path for path, _ in report.rejected) == ["A/1.dcm", "A/2.dcm", "A/3.dcm"]
    assert all("is indexed for another patient" in why and "P9" in why for _, why in report.rejected)
    assert rows(ingest, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("P9",)]
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(4,)]
    assert list(verify(ingest, deep=True)) == []
    put("A/0.dcm", instance=10)
    rebuild(ingest, only="changed")  # four of each: the smaller text
    assert rows(ingest, "SELECT DISTINCT ImagePat FROM DICOMImages") == [("P1",)]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
@pytest.mark.parametrize("edited", [1, 2, 3])
def test_values_of_parents_do_not_hang_on_the_order(
    ingest: Archive, put: Put, order: tuple[int, ...], edited: int
) -> None:
    def values() -> list[list[tuple[Any, ...]]]:
        return [
            rows(ingest, "SELECT PatientID, PatientNam FROM DICOMPatients"),
            rows(ingest, "SELECT StudyInsta, PatientNam, StudyDescr, OperatorsN FROM DICOMStudies"),
            rows(ingest, "SELECT SeriesInst, SeriesDesc FROM DICOMSeries ORDER BY 1"),
        ]

    for number in order:
        put(
            f"P1/{number}.dcm",
            instance=number,
            series=number % 2,
            SeriesDescription=f"S{number}",
            OperatorsName="A",
        )
        rebuild(ingest)
    put(
        f"P1/{edited}.dcm",
        instance=edited,
        series=edited % 2,
        StudyDescription="new",
        PatientName="Other^Name",
    )
    rebuild(ingest, only="changed")
    found = values()
    rebuild(ingest, only="all")
    assert values() == found
    if edited == 3:  # what the others leave out stays as it was, which is all that a new index does not know
        ingest.database.drop_tables()
        rebuild(ingest)
        assert [row[:2] for row in values()[1]] == [row[:2] for row in found[1]] and values()[0] == found[0]


def test_one_instance_of_two_patients_is_named(ingest: Archive, put: Put) -> None:
    put("A/1.dcm")
    put("B/1.dcm", patient="P2", study=2, SOPInstanceUID=f"{ROOT}.1.1.1")
    ((path, why),) = rebuild(ingest).rejected
    assert path == "B/1.dcm" and f"instance {ROOT}.1.1.1 is indexed in series {ROOT}.1.1 by A/1.dcm" in why
    assert rows(ingest, "SELECT PatientID FROM DICOMPatients") == [("P1",)]


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"patient": "P2", "instance": 9}, "study 1.2.826.0.1.3680043.10.1.1 is indexed for another patient"),
        ({"StudyInstanceUID": "1.2.3.9", "instance": 9}, "is indexed in study"),
    ],
)
def test_contradicting_objects_are_refused(
    ingest: Archive, put: Put, data: Path, keywords: dict[str, Any], reason: str
) -> None:
    put("A/1.dcm")
    put("B/1.dcm", **keywords)
    report = rebuild(ingest)
    assert report.indexed == 1
    assert reason in report.rejected[0][1]
    assert rows(ingest, "SELECT SOPInstanceUID IS NOT NULL FROM rejected") == [(1,)]
    assert (data / "B" / "1.dcm").exists()
    assert list(verify(ingest)) == []


def test_modalities_in_study_are_merged_and_sorted(ingest: Archive, put: Put, data: Path) -> None:
    put("P1/1.dcm", Modality="RTSTRUCT", series=2)
    put("P1/2.dcm", series=1)
    put("P1/3.dcm", Modality="RTDOSE", series=3)
    rebuild(ingest)
    assert rows(ingest, "SELECT StudyModal FROM DICOMStudies") == [("CT\\RTDOSE\\RTSTRUCT",)]
    (data / "P1" / "3.dcm").unlink()
    rebuild(ingest)
    assert rows(ingest, "SELECT StudyModal FROM DICOMStudies") == [("CT\\RTSTRUCT",)]


def test_verify_names_each_difference_and_fix_heals(ingest: Archive, put: Put, data: Path) -> None:
    for number in range(1, 6):
        put(f"P1/{number}.dcm", instance=number)
    put("P2/1.dcm", patient="P2", study=2)
    rebuild(ingest)
    (data / "P1" / "1.dcm").unlink()
    put("P1/2.dcm", instance=2, SliceLocation="-77")
    put("P3/1.dcm", patient="P3", study=3)
    execute = ingest.database.connection.execute
    execute("DELETE FROM DICOMImages WHERE ObjectFile = 'P1/3.dcm'")
    execute("DELETE FROM DICOMPatients WHERE PatientID = 'P2'")
    assert sorted((f.problem.value, f.subject) for f in verify(ingest)) == [
        ("file changed since it was indexed", "P1/2.dcm"),
        ("file without a row", "P1/3.dcm"),
        ("file without a row", "P3/1.dcm"),
        ("row without a file", "P1/1.dcm"),
        ("row without its parent", "P2"),
    ]
    fix(ingest)
    assert list(verify(ingest)) == []
    assert rows(ingest, "SELECT count(*) FROM DICOMImages") == [(6,)]
    assert rows(ingest, "SELECT count(*) FROM DICOMPatients") == [(3,)]


def test_only_one_folder(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    put("P2/1.dcm", patient="P2", study=2)
    assert rebuild(ingest, under="P2").indexed == 1
    assert rows(ingest, "SELECT PatientID FROM DICOMPatients") == [("P2",)]


def test_links_to_folders_are_followed_but_never_back(ingest: Archive, put: Put, tmp_path: Path) -> None:
    put("A/B/1.dcm")
    outside = save(make_object(instance=2), tmp_path / "elsewhere" / "2.dcm")
    root = ingest.storage.root
    (root / "A" / "B" / "back").symlink_to(root / "A")
    (root / "linked").symlink_to(outside.parent)
    (root / "lost").symlink_to(root / "nowhere")
    report = rebuild(ingest)
    assert rows(ingest, "SELECT ObjectFile FROM DICOMImages ORDER BY 1") == [
        ("A/B/1.dcm",),
        ("linked/2.dcm",),
    ]
    assert (report.duplicates, [path for path, _ in report.rejected]) == (0, ["lost"])


@pytest.mark.parametrize("jobs", [1, 4])
def test_reading_ahead_gives_the_same_index(ingest: Archive, put: Put, jobs: int) -> None:
    for number in range(120):
        put(f"P{number % 7}/{number}.dcm", patient=f"P{number % 7}", study=number % 7, instance=number)
    assert rebuild(ingest, jobs=jobs).indexed == 120
    assert list(verify(ingest)) == []


def test_where_reading_waits_files_are_announced_then_read_in_threads(
    ingest: Archive, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        put(f"P{number % 3}/{number}.dcm", patient=f"P{number % 3}", study=number % 3, instance=number)
    (ingest.storage.root / "junk").write_text("junk")
    calls: Counter[str] = Counter()
    for name in ("announce", "_in_threads"):
        original = getattr(indexer, name)
        monkeypatch.setattr(indexer, name, lambda *a, n=name, f=original: (calls.update([n]), f(*a))[1])
    waits = itertools.count(0, 100)
    monkeypatch.setattr(indexer, "waits", lambda: next(waits))
    monkeypatch.setattr(indexer, "_PART", 2)
    monkeypatch.setattr(indexer, "CHUNK", 8)
    report = rebuild(ingest)
    assert (report.indexed, len(report.rejected)) == (40, 1)
    assert list(verify(ingest)) == []
    assert calls["_in_threads"] == 1
    assert calls["announce"] >= 8 or not hasattr(os, "posix_fadvise")


def test_a_column_that_only_one_object_fills_is_written(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm", instance=1)
    put("P1/2.dcm", instance=2, ReceiveCoilName="HEAD")
    put("P1/3.dcm", instance=3)
    rebuild(ingest)
    assert rows(ingest, "SELECT ImageNumbe, ReceivingC FROM DICOMImages ORDER BY 1") == [
        ("1", None),
        ("2", "HEAD"),
        ("3", None),
    ]


def test_the_same_through_an_executor(ingest: Archive, put: Put) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    put("P1/1.dcm")
    (ingest.storage.root / "junk").write_text("junk")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        report = rebuild(ingest, executor=pool)
    assert (report.indexed, len(report.rejected)) == (1, 1)


def test_own_files_below_the_data_directory_are_passed_over(tmp_path: Path) -> None:
    from pyconquest_rt.settings.sections import ArchiveSettings

    root = tmp_path / "all"
    save(make_object(), root / "P1" / "1.dcm")
    ingest = Archive.open(ArchiveSettings(str(root), str(root / "conquest.db"), str(root / "none.sql")))
    report = rebuild(ingest)
    assert (report.indexed, report.rejected) == (1, [])
    ingest.close()


def test_the_collector_goes_on_when_the_last_of_several_rebuilds_is_through() -> None:
    first, second = indexer._collector_at_rest(), indexer._collector_at_rest()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()
