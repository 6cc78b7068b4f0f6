"""Files of further devices: walked by every rebuild, compared by verify, and never taken for gone with their disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.rebuild import Only
from pyconquest_rt.archive.verify import Finding, Problem, fix, verify
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """MAG0 with one image of P0, MAG1 with three of P1."""
    save(make_object("P0", study=9), tmp_path / "mag0/P0/0.dcm")
    for number in (1, 2, 3):
        save(make_object("P1", instance=number), tmp_path / f"mag1/P1/{number}.dcm")
    devices = {"MAG1": str(tmp_path / "mag1")}
    opened = Archive.open(ArchiveSettings(str(tmp_path / "mag0"), str(tmp_path / "i.db"), "", devices))
    yield opened
    opened.close()


def rows(archive: Archive) -> list[tuple[str, str]]:
    sql = "SELECT DeviceName, ObjectFile FROM DICOMImages ORDER BY 1, 2"
    return archive.database.connection.execute(sql).fetchall()


STUDY = "1.2.826.0.1.3680043.10.1.1"
ALL = [("MAG0", "P0/0.dcm"), *(("MAG1", f"P1/{number}.dcm") for number in (1, 2, 3))]


@pytest.mark.parametrize("only", ["missing", "changed", "all"])
def test_all_devices_are_walked(archive: Archive, only: Only) -> None:
    assert {(found.problem, found.subject) for found in verify(archive)} == {
        (Problem.NO_ROW, "P0/0.dcm"),
        *((Problem.NO_ROW, f"MAG1:P1/{number}.dcm") for number in (1, 2, 3)),
    }
    assert rebuild(archive, only=only).indexed == 4
    assert rows(archive) == ALL
    assert list(verify(archive)) == []
    again = rebuild(archive, only=only)
    assert (again.unchanged, again.updated) == ((0, 4) if only == "all" else (4, 0))


def test_a_copy_junk_and_a_file_that_goes(archive: Archive, tmp_path: Path) -> None:
    save(make_object("P1", instance=1), tmp_path / "mag0/P1/copy.dcm")
    (tmp_path / "mag1/junk").write_bytes(b"no DICOM")
    report = rebuild(archive)
    assert (report.indexed, report.duplicates, len(report.rejected)) == (4, 1, 1)
    assert Finding(Problem.SAME_INSTANCE, "MAG1:P1/1.dcm") in list(verify(archive))
    reasons = archive.database.connection.execute("SELECT path FROM rejected").fetchall()
    assert reasons == [("MAG1:junk",)]
    (tmp_path / "mag1/junk").unlink()
    (tmp_path / "mag1/P1/3.dcm").unlink()
    assert rebuild(archive).removed == 1
    assert ("MAG1", "P1/3.dcm") not in rows(archive)
    assert archive.database.connection.execute("SELECT path FROM rejected").fetchall() == []


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_a_disk_that_is_not_there_costs_no_rows(
    archive: Archive, tmp_path: Path, is_mount_point: bool
) -> None:
    rebuild(archive)
    (tmp_path / "mag1").rename(tmp_path / "away")
    if is_mount_point:
        (tmp_path / "mag1").mkdir()
    rebuild(archive, only="all")
    fix(archive)
    assert rows(archive) == ALL
    assert [found.problem for found in verify(archive)] == [Problem.NO_DEVICE]


def test_files_of_a_disk_that_is_not_there_hold_their_study_until_they_can_be_read(
    archive: Archive, tmp_path: Path
) -> None:
    """Most files that can be read name another patient; but the rows of the others are not given up for that."""
    rebuild(archive)
    (tmp_path / "mag1").rename(tmp_path / "away")
    for number in range(4, 9):
        save(make_object("P9", instance=number, StudyInstanceUID=STUDY), tmp_path / f"mag0/P9/{number}.dcm")
    assert len(rebuild(archive).rejected) == 5
    assert rows(archive) == ALL
    (tmp_path / "away").rename(tmp_path / "mag1")
    report = rebuild(archive)
    assert sorted(path for path, _ in report.rejected) == [f"MAG1:P1/{number}.dcm" for number in (1, 2, 3)]
    assert rows(archive) == [ALL[0], *(("MAG0", f"P9/{number}.dcm") for number in range(4, 9))]
    assert list(verify(archive)) == []
