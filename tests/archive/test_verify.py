"""What other programs leave behind is found, and healing never takes what only seems to be gone."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import Problem, fix, verify
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings

Put = Callable[..., Path]
SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def found(ingest: Archive) -> list[tuple[str, str]]:
    return sorted((finding.problem.name, finding.subject) for finding in verify(ingest))


def images(ingest: Archive) -> int:
    return int(ingest.database.query("SELECT count(*) AS n FROM DICOMImages")[0]["n"])


def test_parents_without_children_and_rows_without_a_name(ingest: Archive, put: Put) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    execute = ingest.database.connection.execute
    execute("INSERT INTO DICOMPatients(PatientID) VALUES ('M' || CAST(x'fc' AS TEXT) || 'ller')")
    execute("INSERT INTO DICOMStudies(StudyInsta, PatientID) VALUES ('9.9', 'P1')")
    execute("INSERT INTO DICOMImages(SOPInstanc, SeriesInst) VALUES ('7.7', ?)", (SERIES,))
    assert found(ingest) == [("NO_CHILD", "9.9"), ("NO_CHILD", "Müller"), ("NO_FILE", "7.7")]
    fix(ingest)
    assert found(ingest) == []
    assert images(ingest) == 1


def test_rows_of_a_device_whose_folder_is_not_there_stay(tmp_path: Path, put: Put, data: Path) -> None:
    put("P1/1.dcm")
    other = tmp_path / "mag1"
    save(make_object(instance=2), other / "P1" / "1.dcm")  # the same name as on the first device
    settings = ArchiveSettings(str(data), str(tmp_path / "c.db"), "none.sql")
    ingest = Archive.open(replace(settings, devices={"MAG1": str(other)}))
    rebuild(ingest)
    for sop, device in (("2", "MAG1"), ("3", "MAG2")):
        ingest.database.connection.execute(
            "INSERT INTO DICOMImages(SOPInstanc, SeriesInst, ObjectFile, DeviceName) VALUES (?, ?, ?, ?)",
            (sop, SERIES, f"P1\\{int(sop) - 1}.dcm", device),
        )
    other.rename(tmp_path / "unmounted")
    assert found(ingest) == [
        ("NO_DEVICE", f"MAG1 ({other})"),
        ("NO_DEVICE", "MAG2 (not in the settings)"),
    ]
    fix(ingest)
    assert images(ingest) == 4
    (tmp_path / "unmounted").rename(other)
    (other / "P1" / "1.dcm").unlink()
    fix(ingest)
    rows = ingest.database.query("SELECT DeviceName FROM DICOMImages ORDER BY 1")
    assert [row["DeviceName"] for row in rows] == ["MAG0", "MAG2"]
    (row,) = ingest.database.query("SELECT action, subject, detail FROM audit")
    assert (row["action"], row["subject"]) == ("rebuild", "2 images")
    assert row["detail"].startswith("rows without a file on MAG1: ")
    ingest.close()


@pytest.mark.parametrize("is_known", [False, True])
def test_an_empty_data_directory_is_no_reason_to_remove_all(
    ingest: Archive, put: Put, data: Path, is_known: bool
) -> None:
    put("P1/1.dcm").rename(data.parent / "1.dcm")
    (data / "P1").rmdir()
    (data / "1.dcm").write_bytes((data.parent / "1.dcm").read_bytes())
    rebuild(ingest)
    if not is_known:  # as in a database that another program made
        ingest.database.connection.execute("DELETE FROM files")
    (data / "1.dcm").unlink()
    assert [finding.problem for finding in verify(ingest)] == [Problem.NO_FILE]
    with pytest.raises(DatabaseError, match="holds no files"):
        fix(ingest)
    data.rmdir()
    assert found(ingest) == [("NO_DEVICE", f"MAG0 ({data})")]
    with pytest.raises(DatabaseError, match="holds no files"):
        fix(ingest)
    assert images(ingest) == 1


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of files and folders that the system refuses, whoever asks, as a failing disk does."""
    refused: set[str] = set()
    for name in ("scandir", "open", "stat"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name), refused))
    return refused


def refusing(call: Any, refused: set[str]) -> Any:
    def guarded(path: Any, *arguments: Any, **keywords: Any) -> Any:
        if not isinstance(path, int) and refused & set(Path(path).parts):
            raise OSError(errno.EIO, "Input/output error", os.fspath(path))
        return call(path, *arguments, **keywords)

    return guarded


def test_a_folder_that_cannot_be_listed_keeps_its_rows(
    ingest: Archive, put: Put, unreachable: set[str]
) -> None:
    put("P1/1.dcm")
    put("P2/1.dcm", patient="P2", study=2)
    rebuild(ingest)
    unreachable.add("P2")
    report = rebuild(ingest)
    assert (report.unchanged, report.removed, report.unreachable) == (1, 0, 1)
    assert "1 cannot be reached" in str(report)
    assert found(ingest) == [("UNREADABLE", "P2/1.dcm")]
    fix(ingest)
    assert images(ingest) == 2
    unreachable.clear()
    assert str(rebuild(ingest)).startswith(
        "0 files read (0 indexed, 0 updated, 0 moved, 0 duplicates, 0 rejected), 2"
    )
    assert found(ingest) == []


def test_a_file_that_cannot_be_read_now_keeps_its_row_and_is_tried_again(
    ingest: Archive, put: Put, unreachable: set[str]
) -> None:
    put("P1/known.dcm")
    rebuild(ingest)
    put("P1/new.dcm", instance=2)
    unreachable |= {"known.dcm", "new.dcm"}
    for only in ("missing", "all", "changed"):
        report = rebuild(ingest, only=only)
        assert {reason for _, reason in report.rejected} == {"cannot be read: Input/output error"}
        assert images(ingest) == 1
    unreachable.remove("known.dcm")
    assert found(ingest) == [("UNREADABLE", "P1/new.dcm")]
    unreachable.clear()
    assert rebuild(ingest).indexed == 1
    assert found(ingest) == []
    assert ingest.database.query("SELECT * FROM rejected") == []


@pytest.mark.parametrize("name", ["P1/1.dcm", "P1\\1.dcm"])
def test_what_a_running_conquest_has_stored_has_its_row(ingest: Archive, put: Put, name: str) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    ingest.database.connection.execute("DELETE FROM files")  # a Conquest knows nothing of this table
    ingest.database.connection.execute("UPDATE DICOMImages SET ObjectFile = ?", (name,))
    assert found(ingest) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE DICOMImages SET ImagePat = 'P2' WHERE ObjectFile = 'a/1.dcm'",
        "UPDATE DICOMSeries SET SeriesPat = 'P2' WHERE SeriesPat = 'P1'",
        "UPDATE DICOMStudies SET PatientID = 'P2' WHERE PatientID = 'P1'",
        "UPDATE DICOMImages SET SeriesInst = '1.2.826.0.1.3680043.10.1.2.1' WHERE ObjectFile = 'a/1.dcm'",
    ],
)
def test_rows_that_contradict_their_parents_are_found_and_healed(
    ingest: Archive, put: Callable[..., Path], damage: str
) -> None:
    put("a/1.dcm")
    put("a/2.dcm", instance=2)
    put("b/1.dcm", patient="P2", study=2)
    rebuild(ingest)
    before = dump(ingest)
    ingest.database.connection.execute(damage)
    assert Problem.CONTRADICTION in {finding.problem for finding in verify(ingest)}
    fix(ingest)
    assert list(verify(ingest, deep=True)) == [] and dump(ingest) == before


def dump(ingest: Archive) -> list[dict[str, object]]:
    return ingest.database.query(
        "SELECT i.ObjectFile, i.SOPInstanc, i.ImagePat, s.SeriesInst, s.SeriesPat, t.StudyInsta, t.PatientID "
        "FROM DICOMImages i JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
        "JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta ORDER BY 1"
    )


def test_a_deep_look_sees_what_size_and_time_do_not(ingest: Archive, put: Callable[..., Path]) -> None:
    path = put("a.dcm")
    rebuild(ingest)
    status = path.stat()
    put("a.dcm", patient="P9")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(verify(ingest)) == []
    (finding,) = verify(ingest, deep=True)
    assert finding.problem is Problem.OTHER_OBJECT and "PatientID" in finding.subject
    fix(ingest, deep=True)
    assert list(verify(ingest, deep=True)) == []
    assert ingest.database.query("SELECT PatientID FROM DICOMPatients") == [{"PatientID": "P9"}]


def test_one_patient_id_of_two_persons_is_listed(ingest: Archive, put: Callable[..., Path]) -> None:
    put("a.dcm", PatientName="Alfa", PatientBirthDate="19500101")
    put("b.dcm", study=2, PatientName="Alfa^A", PatientBirthDate="19500101")
    rebuild(ingest)
    assert list(verify(ingest)) == []
    put("c.dcm", study=3, PatientName="Beta", PatientBirthDate="19801231")
    rebuild(ingest)
    assert list(verify(ingest)) == [(Problem.TWO_PERSONS, "P1")]


def test_more_than_a_tenth_of_the_rows_goes_only_by_force(
    ingest: Archive, put: Callable[..., Path], data: Path
) -> None:
    for number in range(30):
        put(f"{number}.dcm", instance=number)
    rebuild(ingest)
    for number in range(20):
        (data / f"{number}.dcm").unlink()
    report = rebuild(ingest, only="changed")
    assert (report.withheld, report.removed) == (20, 0) and "--force" in str(report)
    assert fix(ingest).withheld == 40  # rows of files and of images
    assert len(list(verify(ingest))) == 20
    assert fix(ingest, force=True).removed == 20
    assert list(verify(ingest)) == []


def test_a_moved_tree_needs_no_force(ingest: Archive, put: Callable[..., Path], data: Path) -> None:
    for number in range(30):
        put(f"a/{number}.dcm", instance=number)
    rebuild(ingest)
    (data / "a").rename(data / "b")
    report = rebuild(ingest, only="changed")
    assert (report.moved, report.withheld) == (30, 0)
    assert list(verify(ingest)) == []
