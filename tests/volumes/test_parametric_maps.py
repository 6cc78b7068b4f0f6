"""Parametric maps as highdicom writes them: real values by their map, in floating point or whole numbers."""

import numpy as np
import pytest
from made import SHAPE, error, stack, truth
from test_segments import images as images  # a fixture

from pyconquest_rt.volumes import examine, load

highdicom = pytest.importorskip("highdicom")

from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.sr.coding import CodedConcept
from pydicom.uid import generate_uid


def made(path, sources, values, unit, slope, intercept, value_range):
    mapping = RealWorldValueMapping(
        lut_label="1",
        lut_explanation="a map",
        unit=unit,
        value_range=value_range,
        slope=slope,
        intercept=intercept,
    )
    found = ParametricMap(
        source_images=sources,
        pixel_array=values,
        series_instance_uid=generate_uid(),
        series_number=7,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=0,
        window_width=100,
    )
    found.save_as(path)
    return path


def values_at(sources):
    from made import places_of

    return np.stack([truth(places_of(np.array(one.ImagePositionPatient, float))) for one in sources])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point(tmp_path, images, kind):
    values = values_at(images).astype(kind) + kind(0.125)
    unit = CodedConcept("um2/s", "UCUM", "um2/s")
    path = made(tmp_path / "map.dcm", images, values, unit, 1.0, 0.0, (-1000.0, 1000.0))
    (candidate,) = examine(path)
    assert candidate.kind == "parametric"
    volume = load(candidate)
    assert volume.unit == "um2/s"
    assert volume.array.dtype == np.float32
    assert volume.array.shape == (7, *SHAPE)
    assert error(volume.array, volume.affine, lambda places: truth(places) + 0.125) == 0


def test_whole_numbers_are_mapped(tmp_path, images):
    stored = np.rint((values_at(images) + 200) / 0.5).astype(np.uint16)
    unit = CodedConcept("ms", "UCUM", "ms")
    path = made(tmp_path / "map.dcm", images, stored, unit, 0.5, -200.0, (0, 4000))
    volume = load(examine(path)[0])
    assert volume.unit == "ms"
    assert error(volume.array, volume.affine) <= 0.26


def test_two_maps_of_one_series_are_two_volumes(tmp_path, images):
    unit = CodedConcept("ms", "UCUM", "ms")
    values = values_at(images).astype(np.float32)
    for number in range(2):
        made(tmp_path / f"{number}.dcm", images, values + number, unit, 1.0, 0.0, (-1000.0, 1000.0))
    candidates = examine(tmp_path)
    assert [one.kind for one in candidates] == ["parametric"] * 2
    offsets = {round(float((load(one).array - values).mean())) for one in candidates}
    assert offsets == {0, 1}


def test_source_images_are_no_map(tmp_path):
    (one,) = stack(1)
    one.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    assert examine(tmp_path)[0].kind == "scalar"
