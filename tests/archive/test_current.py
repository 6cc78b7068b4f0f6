"""current.py, and whoever asks it: a file is handed out, edited or deleted only as the object of its row."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_file
from pyconquest_rt.archive.delete import delete_series
from pyconquest_rt.archive.selection import Image, select_images
from pyconquest_rt.archive.verify import Problem, verify
from pyconquest_rt.errors import ConflictError, StorageError, TruncatedError, UnreadableError
from pyconquest_rt.exports.files import copy_series
from pyconquest_rt.exports.objects import Pseudonymisation, export, select
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.services.stored import read_stored_object

Put = Callable[..., Path]
SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def image(ingest: Archive) -> Image:
    return select_images(ingest.database, "series", SERIES)[0]


def test_an_unchanged_or_touched_file_is_its_own(ingest: Archive, put: Put) -> None:
    path = put("a.dcm")
    rebuild(ingest)
    assert current_file(ingest, image(ingest)) == path
    os.utime(path, (5, 5))
    assert current_file(ingest, image(ingest)) == path
    assert rebuild(ingest, only="missing").read == 0


def test_an_overwritten_file_is_refused_and_becomes_due(ingest: Archive, put: Put, tmp_path: Path) -> None:
    put("a.dcm")
    rebuild(ingest)
    other = make_object(patient="P2", study=2)
    save(other, tmp_path / "data" / "a.dcm")
    with pytest.raises(ConflictError, match="another object"):
        current_file(ingest, image(ingest))
    assert copy_series(ingest, SERIES, str(tmp_path / "out")).names == []
    for how in (None, Pseudonymisation()):
        exported = export(ingest, select(ingest, patients=["P1"]), tmp_path / "out", pseudonymise=how)
        assert exported.files == [] and "another object" in exported.refused[0][1]
    deleted = delete_series(ingest, SERIES, files=True)
    assert len(deleted.failures) == 1 and (tmp_path / "data" / "a.dcm").exists()
    with pytest.raises(UnreadableError, match="another object"):
        read_stored_object(tmp_path / "data" / "a.dcm", f"{SERIES}.1")
    assert Problem.CHANGED in {finding.problem for finding in verify(ingest)}
    assert rebuild(ingest, only="missing").indexed == 1  # it was marked
    assert ingest.database.query("SELECT PatientID FROM DICOMPatients") == [{"PatientID": "P2"}]
    assert list(verify(ingest)) == []


def test_a_file_cut_off_in_its_pixels_is_indexed_named_and_refused(
    ingest: Archive, put: Put, tmp_path: Path
) -> None:
    path = put("a.dcm", PixelData=bytes(1000), BitsAllocated=8)
    path.write_bytes(path.read_bytes()[:-500])
    report = rebuild(ingest)
    assert report.indexed == 1 and "cut off" in dict(report.faulty)["a.dcm"]
    assert "1 of them faulty" in str(report)
    with pytest.raises(TruncatedError, match="cut off"):
        current_file(ingest, image(ingest))
    assert copy_series(ingest, SERIES, str(tmp_path / "out")).refused[0][0] == f"{SERIES}.1"
    with pytest.raises(UnreadableError, match="cut off"):
        read_stored_object(path)
    assert [finding.problem for finding in verify(ingest)] == [Problem.TRUNCATED]
    put("a.dcm", PixelData=bytes(1000), BitsAllocated=8)
    assert rebuild(ingest, only="missing").updated == 1
    assert list(verify(ingest)) == []
    assert current_file(ingest, image(ingest)) == path


def test_a_file_cut_off_before_its_identifiers_is_rejected(ingest: Archive, put: Put) -> None:
    path = put("a.dcm")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\x10\0\x20\0LO")])
    report = rebuild(ingest)
    assert report.indexed == 0 and "breaks before (0010,0020)" in report.rejected[0][1]
    path.write_bytes(whole)
    assert rebuild(ingest, only="missing").indexed == 1


def test_a_missing_file_is_told(ingest: Archive, put: Put) -> None:
    path = put("a.dcm")
    rebuild(ingest)
    path.unlink()
    with pytest.raises(StorageError, match="not there"):
        current_file(ingest, image(ingest))


def test_a_dicomdir_is_skipped(ingest: Archive, data: Path) -> None:
    directory = make_object()
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    save(directory, data / "DICOMDIR")
    report = rebuild(ingest)
    assert (report.skipped, report.rejected) == (1, []) and "1 skipped (DICOMDIR)" in str(report)
    assert rebuild(ingest, only="changed").read == 0 and list(verify(ingest)) == []


@pytest.mark.parametrize("content", [None, b"x" * 900])
def test_the_copy_of_an_overwritten_original_is_taken_up_at_once(
    ingest: Archive, put: Put, content: bytes | None
) -> None:
    put("a.dcm")
    put("b.dcm")
    rebuild(ingest)
    original = current_file(ingest, image(ingest))
    if content is None:
        put(original.name, instance=2)
    else:
        original.write_bytes(content)
    rebuild(ingest, only="changed")
    found = {row.sop: row.object_file for row in select_images(ingest.database, "series", SERIES)}
    assert found[f"{SERIES}.1"] == ("b.dcm" if original.name == "a.dcm" else "a.dcm")
    assert len(found) == (2 if content is None else 1)


def test_swapped_files_are_put_right_by_one_rebuild(ingest: Archive, put: Put, data: Path) -> None:
    put("a.dcm")
    put("b.dcm", patient="P2", study=2)
    rebuild(ingest)
    os.rename(data / "a.dcm", data / "c.dcm")
    os.rename(data / "b.dcm", data / "a.dcm")
    os.rename(data / "c.dcm", data / "b.dcm")
    os.utime(data / "a.dcm")
    os.utime(data / "b.dcm")
    rebuild(ingest, only="changed")
    rows = ingest.database.query("SELECT ObjectFile, ImagePat FROM DICOMImages ORDER BY 1")
    assert [(row["ObjectFile"], row["ImagePat"]) for row in rows] == [("a.dcm", "P2"), ("b.dcm", "P1")]
    assert all(dcmread(data / row["ObjectFile"]).PatientID == row["ImagePat"] for row in rows)
    assert list(verify(ingest)) == []
