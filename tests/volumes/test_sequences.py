"""Images in time, plans, openers, writers and adaptors of others."""

import io

import numpy as np
import pytest
from made import SHAPE, STORAGE, error, image, item, pixels, plain, save, stack

import pyconquest_rt.volumes.registry as registry
from pyconquest_rt.volumes import Candidate, Volume, VolumeError, examine, load


def ultrasound(frames=6, samples=1):
    found = plain(f"{STORAGE}3.1", "US")
    rng = np.random.default_rng(2)
    raw = rng.integers(0, 255, (frames, *SHAPE), dtype=np.uint8)
    pixels(found, raw, signed=False)
    if samples == 3:
        raw = rng.integers(0, 255, (frames, *SHAPE, 3), dtype=np.uint8)
        found.SamplesPerPixel, found.PhotometricInterpretation, found.PlanarConfiguration = 3, "RGB", 0
        found.PixelData = raw.tobytes()
    found.FrameTime, found.FrameIncrementPointer = 40, 0x00181063
    return found, raw


@pytest.mark.parametrize("samples", [1, 3])
def test_frames_and_times(tmp_path, samples):
    made, raw = ultrasound(samples=samples)
    (candidate,) = examine(save(tmp_path, [made]))
    assert candidate.kind == "sequence"
    volume = load(candidate)
    assert np.array_equal(volume.array, raw)
    assert volume.axes["time"] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2])
    with pytest.raises(VolumeError) as caught:
        volume.to_nrrd(tmp_path / "x.nrrd")
    assert caught.value.code == ("not_scalar" if samples == 3 else "missing_geometry")


def test_times_of_each_frame(tmp_path):
    made, _ = ultrasound(3)
    del made.FrameTime
    made.FrameTimeVector, made.FrameIncrementPointer = [0, 30, 50], 0x00181065
    (candidate,) = examine(save(tmp_path, [made]))
    assert load(candidate).axes["time"] == pytest.approx([0, 0.03, 0.08])


def test_plan_gives_the_rows_of_its_beams(tmp_path):
    made = plain(f"{STORAGE}481.5", "RTPLAN")
    point = item(GantryAngle=90, IsocenterPosition=[1, 2, 3])
    beam = item(
        BeamNumber=4, BeamName="LAT", BeamType="STATIC", RadiationType="PHOTON", NumberOfControlPoints=2
    )
    beam.ControlPointSequence = [point]
    made.BeamSequence = [beam]
    (candidate,) = examine(save(tmp_path, [made]))
    assert candidate.kind == "rtplan"
    assert candidate.plan[0]["name"] == "LAT"
    assert candidate.plan[0]["isocentre"] == (1, 2, 3)
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "no_pixels"


@pytest.mark.parametrize("kind", ["bytes", "streams", "functions", "paths"])
def test_openers(tmp_path, kind):
    paths = sorted(save(tmp_path, stack(5)).iterdir())
    given = {
        "bytes": [path.read_bytes() for path in paths],
        "streams": [io.BytesIO(path.read_bytes()) for path in paths],
        "functions": [lambda path=path: path.open("rb") for path in paths],
        "paths": [str(path) for path in paths],
    }[kind]
    (candidate,) = examine(given)
    volume = load(candidate)
    assert volume.array.shape == (5, *SHAPE)
    assert error(volume.array, volume.affine) <= 0.51


def test_other_files_of_a_folder_are_passed_over(tmp_path):
    save(tmp_path, stack(5))
    (tmp_path / "notes.txt").write_text("not DICOM")
    (candidate,) = examine(tmp_path)
    assert candidate.codes == []


def test_a_file_that_was_named_is_said_to_be_unreadable(tmp_path):
    (tmp_path / "notes.txt").write_text("not DICOM")
    (candidate,) = examine(tmp_path / "notes.txt")
    assert candidate.codes == ["unreadable"]
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"


def test_a_file_that_changed_after_it_was_examined(tmp_path):
    (candidate,) = examine(save(tmp_path, stack(5)))
    image((0, 0, 0), shape=(4, 4)).save_as(candidate.files[2], enforce_file_format=True)
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"


def test_gap_is_filled_when_asked(tmp_path):
    made = [one for k, one in enumerate(stack(9)) if k not in (3, 4)]
    (candidate,) = examine(save(tmp_path, made))
    volume = load(candidate, fill=True)
    assert {"gap", "filled"} <= set(volume.codes)
    assert volume.array.shape == (9, *SHAPE)
    assert error(volume.array, volume.affine) <= 0.51


def test_uneven_slices_are_resampled_when_asked(tmp_path):
    made = [image((-20, 10, z)) for z in (0, 3, 6, 9, 14, 19, 24)]
    (candidate,) = examine(save(tmp_path, made))
    volume = load(candidate, resample=True)
    assert "resampled" in volume.codes
    assert volume.array.shape == (9, *SHAPE)
    assert error(volume.array, volume.affine) <= 0.51


def tilted():
    step = np.array([0, 3 * np.tan(np.radians(15)), 3.0])
    return [image(np.array([-20, 10, -6]) + k * step) for k in range(7)]


def test_tilt_is_taken_out_when_asked(tmp_path):
    (candidate,) = examine(save(tmp_path, tilted()))
    volume = load(candidate, resample=True)
    assert volume.codes == ["resampled"]
    assert np.allclose(np.cross(volume.affine[:3, 2], volume.affine[:3, 1])[:2], 0)
    assert error(volume.array, volume.affine) <= 1.01


class Ours:
    """An adaptor of another package: objects of one private class."""

    name = "ours"

    def examine(self, objects):
        return [
            Candidate("ours", "scalar", 1.0, [], [one.source.origin for one in objects], adaptor=self.name)
            for _ in [0]
            if objects[0].series_uid == "1.2.3.4"
        ]

    def load(self, candidate, unit, options):
        return Volume(np.zeros((1, 2, 3)), np.eye(4), unit or "")


def test_adaptor_of_another_package(tmp_path, monkeypatch):
    class Point:
        def load(self):
            return Ours

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()] if group == registry.GROUP else [])
    registry.adaptors.cache_clear()
    try:
        candidates = examine(save(tmp_path, stack(3)))
        assert [one.adaptor for one in candidates] == ["ours", "images"]
        assert load(candidates[0], unit="x").array.shape == (1, 2, 3)
    finally:
        registry.adaptors.cache_clear()
