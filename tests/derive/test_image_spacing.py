"""The distance of the slices of a few contours is that of their images, whenever these come, change and go."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from rt_cases import FRAME, _object, dose, put, structures

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.settings.sections import ArchiveSettings


def image(z: float, series: str = "1.2.9") -> Dataset:
    made = _object(f"{series}.{int(z) + 100}", "2", "CT", "RT1")
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = CTImageStorage
    made.SeriesInstanceUID = series
    made.ImagePositionPatient, made.ImageOrientationPatient = [-50, -50, z], [1, 0, 0, 0, 1, 0]
    made.SliceThickness = 1
    return made


def one_plane() -> Dataset:
    """A structure set that names no images, of one ROI of 20 x 20 mm on one plane."""
    made = structures("1.2.1", {"Node": "CTV"})
    contours = made.ROIContourSequence[0].ContourSequence
    made.ROIContourSequence[0].ContourSequence = contours[len(contours) // 2 :][:1]
    return made


PARTS = {
    "structure set": [one_plane()],
    "dose": [dose("1.2.3", 20, structure_set="1.2.1")],
    "every other image": [image(-6), image(0), image(6)],
    "the images between": [image(-3), image(3)],
}


def remove(archive: Archive, *objects: Dataset) -> None:
    for one in objects:
        (Path(archive.storage.root) / "RT" / f"{one.SOPInstanceUID}.dcm").unlink()
    remove_images(archive.database, [one.SOPInstanceUID for one in objects])
    derive(archive)


def rows(archive: Archive) -> list[dict[str, Any]]:
    names = ("rt_structure_set", "rt_roi", "dvh", "dvh_metrics")
    return [row for name in names for row in archive.database.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3")]


def volume(archive: Archive) -> tuple[str, float | None]:
    ((status, cc),) = archive.database.connection.execute("SELECT status, volume_cc FROM dvh").fetchall()
    return status, cc


def opened(folder: Path) -> Archive:
    folder.mkdir()
    return Archive.open(ArchiveSettings(str(folder / "data"), str(folder / "x.db"), "none.sql"))


def test_all_orders_of_images_structures_and_dose_give_the_same_rows(tmp_path: Path) -> None:
    expected = None
    for number, order in enumerate(itertools.permutations(PARTS)):
        archive = opened(tmp_path / str(number))
        for part in order:
            put(archive, *PARTS[part])
            derive(archive)
        found = rows(archive)
        expected = expected or found
        assert found == expected, order
        assert volume(archive) == ("warning", pytest.approx(1.2))
        assert archive.database.query("SELECT * FROM derivations WHERE state <> 'done'") == []
        archive.close()


def test_images_that_go_or_of_a_second_series_take_their_spacing_back(tmp_path: Path) -> None:
    archive = opened(tmp_path / "a")
    for objects in PARTS.values():
        put(archive, *objects)
    derive(archive)
    remove(archive, *PARTS["the images between"])
    assert volume(archive) == ("warning", pytest.approx(2.4))
    put(archive, image(0, "1.2.8"), image(1, "1.2.8"))  # now nothing tells which series it was drawn on
    derive(archive)
    assert volume(archive)[0] == "failed"
    remove(archive, image(0, "1.2.8"), image(1, "1.2.8"))
    assert volume(archive) == ("warning", pytest.approx(2.4))
    archive.close()


def test_structure_sets_that_need_no_images_are_not_read_again(tmp_path: Path) -> None:
    archive = opened(tmp_path / "a")
    put(archive, structures("1.2.1", {"Node": "CTV"}), dose("1.2.3", 20, structure_set="1.2.1"))
    derive(archive)
    put(archive, *PARTS["every other image"])
    summary = derive(archive)
    assert summary.counts["unchanged"] >= 1
    inputs = archive.database.query(
        "SELECT input_sop FROM derivation_inputs WHERE extractor = 'structure_set'"
    )
    assert [row["input_sop"] for row in inputs] == ["1.2.1"]
    archive.close()


def test_the_objects_share_a_frame_of_reference() -> None:
    assert {one.FrameOfReferenceUID for objects in PARTS.values() for one in objects} == {FRAME}
