"""Verdicts of series in the index: made from all their headers, and made anew when an image comes, changes or goes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.derive.volume_verdict import VOLUME_VERDICT, verdict_row
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.volumes import examine

ONLY = [VOLUME_VERDICT.name]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    (tmp_path / "data").mkdir()
    found = Archive.open(
        ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "x.db"), str(tmp_path / "none.sql"))
    )
    yield found
    found.close()


def ct_slice(number: int, z: float, series: str = "1.2.3.4") -> Dataset:
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = CTImageStorage
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = f"{series}.{number}"
    found.PatientID, found.StudyInstanceUID, found.SeriesInstanceUID = "P1", "1.2.3", series
    found.Modality, found.InstanceNumber = "CT", number
    found.ImagePositionPatient, found.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    found.PixelSpacing, found.FrameOfReferenceUID = [2, 1], "1.2.9"
    found.Rows, found.Columns, found.SamplesPerPixel = 4, 5, 1
    found.PhotometricInterpretation = "MONOCHROME2"
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 16, 15, 1
    found.PixelData = np.zeros((4, 5), np.int16).tobytes()
    return found


def put(archive: Archive, *slices: Dataset) -> None:
    for one in slices:
        one.save_as(archive.storage.root / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
    rebuild(archive, only="changed")


def verdicts(archive: Archive) -> list[dict[str, Any]]:
    derive(archive, only=ONLY)
    return archive.database.query("SELECT * FROM volume_verdict ORDER BY series_instance_uid")


def verdict(archive: Archive) -> tuple[str, str, int | None, int]:
    (row,) = verdicts(archive)
    return row["status"], row["codes"], row["slices"], row["images"]


def test_a_series_has_one_row_with_its_size_and_spacing(archive: Archive) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in range(4)))
    (row,) = verdicts(archive)
    assert (row["SOPInstanceUID"], row["series_instance_uid"], row["patient_id"]) == (
        "1.2.3.4.0",
        "1.2.3.4",
        "P1",
    )
    assert (row["kind"], row["status"], row["reason"], row["codes"], row["refusal"]) == (
        "scalar",
        "ok",
        None,
        "",
        None,
    )
    assert [
        row[name] for name in ("volumes", "images", "stacks", "slices", "image_rows", "image_columns")
    ] == [*(1, 4, 1, 4, 4, 5)]
    assert [row[f"spacing_{axis}_mm"] for axis in "kji"] == [3, 2, 1]


def test_an_image_that_comes_later_makes_the_series_due_again(archive: Archive) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in (1, 2, 3, 5, 6)))
    assert verdict(archive) == ("failed", "gap", 5, 5)
    put(archive, ct_slice(4, 12.0))
    assert verdict(archive) == ("ok", "", 6, 6)
    put(archive, ct_slice(0, 0.0))  # the least UID: the row is another one's now
    assert verdict(archive) == ("ok", "", 7, 7)
    assert len(archive.database.query("SELECT * FROM derivations WHERE extractor = 'volume_verdict'")) == 1


@pytest.mark.parametrize("gone", [0, 3])
def test_an_image_that_goes_makes_the_series_due_again(archive: Archive, gone: int) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in range(7)))
    assert verdict(archive) == ("ok", "", 7, 7)
    remove_images(archive.database, [f"1.2.3.4.{gone}"])
    assert verdict(archive) == (("ok", "", 6, 6) if gone == 0 else ("failed", "gap", 6, 6))
    remove_images(archive.database, [f"1.2.3.4.{n}" for n in range(7) if n != gone])
    assert verdicts(archive) == []


def test_an_image_that_is_another_now_makes_the_series_due_again(archive: Archive) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in range(7)))
    assert verdict(archive)[0] == "ok"
    put(archive, ct_slice(3, 10.5))
    assert verdict(archive)[:2] == ("failed", "spacing_nonuniform")


def test_an_image_whose_row_another_program_wrote_is_found(archive: Archive) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in range(5)))
    (archive.storage.root / "1.2.3.4.2.dcm").rename(archive.storage.root.parent / "away.dcm")
    rebuild(archive)
    remove_images(archive.database, ["1.2.3.4.2"])
    assert verdict(archive)[1] == "gap"
    (archive.storage.root.parent / "away.dcm").rename(archive.storage.root / "1.2.3.4.2.dcm")
    state = archive.database.query("SELECT * FROM due_classes")
    with archive.database.transaction() as connection:
        connection.execute("DELETE FROM due_classes")  # the rows come without what is due being written
    rebuild(archive)
    with archive.database.transaction():
        archive.database.put("due_classes", tuple(state[0]), [tuple(row.values()) for row in state])
    assert verdict(archive) == ("ok", "", 5, 5)


def test_series_that_are_not_clean_volumes_are_a_query(archive: Archive) -> None:
    make_patient(archive.storage.root, "DEMO001", slices=5, pixels=16)
    put(
        archive,
        *(ct_slice(n, 3.0 * n) for n in range(5)),
        *(ct_slice(n, z, "1.2.3.5") for n, z in enumerate((0, 3, 6, 12, 15))),
        ct_slice(1, 0, "1.2.3.6"),
    )
    found = {row["series_instance_uid"]: row for row in verdicts(archive)}
    bad = archive.database.query(
        "SELECT series_instance_uid AS uid, codes FROM volume_verdict WHERE status <> 'ok' ORDER BY uid"
    )
    assert {row["uid"]: row["codes"] for row in bad} == {"1.2.3.5": "gap", "1.2.3.6": "single_slice"}
    assert {row["kind"] for row in found.values()} == {"scalar", "dose"}
    assert len(found) == 5


def test_a_verdict_says_what_examine_says(tmp_path: Path) -> None:
    slices = [ct_slice(n, 3.0 * n) for n in range(4)]
    slices[2].ImagePositionPatient = [0, 0, 7.5]
    for one in slices:
        one.save_as(tmp_path / f"{one.InstanceNumber}.dcm", enforce_file_format=True)
    candidates = examine(tmp_path)
    row = verdict_row(candidates)
    assert row["codes"].split() == candidates[0].codes
    assert row["refusal"] == candidates[0].refusal == "spacing_nonuniform"
    assert row["reason"] == "the slices are not equally spaced"


def test_headers_are_read_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    put(archive, *(ct_slice(n, 3.0 * n) for n in range(6)))
    read: list[str] = []
    module = sys.modules["pyconquest_rt.volumes.sources"]
    original = module.read_prefix

    def noted(path: Any) -> Any:
        read.append(str(path))
        return original(path)

    monkeypatch.setattr(module, "read_prefix", noted)
    verdicts(archive)
    verdicts(archive)
    assert len(read) == len(set(read)) == 6
    assert dcmread(read[0]).SeriesInstanceUID == "1.2.3.4"
