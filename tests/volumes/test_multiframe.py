"""Enhanced multi-frame objects, doses and nuclear medicine: many planes in one object."""

import numpy as np
import pytest
from made import (
    AXIAL,
    ENHANCED_CT,
    ENHANCED_MR,
    NM,
    RT_DOSE,
    SHAPE,
    SPACING,
    error,
    item,
    pixels,
    places_of,
    plain,
    save,
    truth,
)

from pyconquest_rt.volumes import VolumeError, examine, load

POSITIONS = [(-20.0, 10.0, 3.0 * k) for k in range(5)]


def enhanced(positions, sop_class=ENHANCED_CT, modality="CT", groups=None, slopes=None, offsets=None):
    """A multi-frame object; ``groups`` are further functional groups of each frame, ``offsets`` of its values."""
    found = plain(sop_class, modality)
    slopes = slopes or [1.0] * len(positions)
    offsets = offsets or [0] * len(positions)
    raw = [
        np.rint((truth(places_of(place)) + offset) / slope).astype(np.int16)
        for place, slope, offset in zip(positions, slopes, offsets, strict=True)
    ]
    pixels(found, np.stack(raw))
    found.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=list(AXIAL))],
            PixelMeasuresSequence=[item(PixelSpacing=list(SPACING), SliceThickness=9.0)],
        )
    ]
    frames = []
    for number, (place, slope) in enumerate(zip(positions, slopes, strict=True)):
        frame = item(
            PlanePositionSequence=[item(ImagePositionPatient=list(place))],
            PixelValueTransformationSequence=[item(RescaleIntercept=0, RescaleSlope=slope, RescaleType="HU")],
            # the dimension index says the opposite of the geometry, which wins
            FrameContentSequence=[item(DimensionIndexValues=[len(positions) - number])],
        )
        for name, value in (groups[number] if groups else {}).items():
            if name == "FrameContentSequence":
                value[0].DimensionIndexValues = [1]
            setattr(frame, name, value)
        frames.append(frame)
    found.PerFrameFunctionalGroupsSequence = frames
    return found


def shuffled(values, seed=3):
    return [values[int(place)] for place in np.random.default_rng(seed).permutation(len(values))]


def one(folder, made):
    (candidate,) = examine(save(folder, [made]))
    return candidate, load(candidate)


def test_frames_in_any_order_with_slopes_of_their_own(tmp_path):
    candidate, volume = one(tmp_path, enhanced(shuffled(POSITIONS), slopes=[0.5, 1, 0.25, 1, 2]))
    assert candidate.kind == "multiframe"
    assert volume.codes == ["rescale_varies"]
    assert error(volume.array, volume.affine) <= 1.01


def _echo(number):
    return {"MREchoSequence": [item(EffectiveEchoTime=10.0 * number)]}


def _direction(number):
    group = item(DiffusionBValue=800.0 * bool(number), DiffusionDirectionality="DIRECTIONAL")
    if number:
        vector = [[1.0, 0, 0], [0, 0.6, 0.8]][number - 1]
        group.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=vector)]
    return {"MRDiffusionSequence": [group]}


def _phase(number):
    return {"CardiacSynchronizationSequence": [item(NominalPercentageOfCardiacPhase=25.0 * number)]}


def _time(number):
    return {"FrameContentSequence": [item(TemporalPositionIndex=number)]}


@pytest.mark.parametrize(
    ("group", "axis", "values"),
    [
        (_echo, "echo_time", [0, 10, 20]),
        (_direction, "b_value", [0, 800, 800]),
        (_direction, "b_vector", [None, (0, 0.6, 0.8), (1, 0, 0)]),
        (_phase, "cardiac_phase", [0, 25, 50]),
        (_time, "time", [0, 1, 2]),
    ],
)
def test_further_axis(tmp_path, group, axis, values):
    frames = shuffled([(place, number) for number in range(3) for place in POSITIONS])
    made = enhanced(
        [place for place, _ in frames],
        ENHANCED_MR,
        "MR",
        [group(number) for _, number in frames],
        offsets=[1000 * number for _, number in frames],
    )
    _, volume = one(tmp_path, made)
    assert volume.array.shape == (3, 5, *SHAPE)
    assert volume.axes[axis] == values
    order = [0, 2, 1] if group is _direction else [0, 1, 2]  # directions are sorted by their numbers
    for stack, number in zip(volume.array, order, strict=True):
        assert (
            error(stack, volume.affine, lambda places, number=number: truth(places) + 1000 * number) <= 0.51
        )


def test_frames_without_groups_of_their_own(tmp_path):
    made = enhanced(POSITIONS)
    del made.PerFrameFunctionalGroupsSequence[-1]
    (candidate,) = examine(save(tmp_path, [made]))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"


SCALING = 1e-3


def dose(offsets, start=(-20.0, 10.0, 6.0), orientation=AXIAL, heights=None, **more):
    """A dose whose planes lie at ``heights`` along the normal from the first."""
    found = plain(RT_DOSE, "RTDOSE")
    normal = np.cross(orientation[:3], orientation[3:])
    heights = offsets if heights is None else heights
    values = [truth(places_of(np.array(start) + h * normal, orientation)) + 300 for h in heights]
    pixels(found, np.rint(np.stack(values) / SCALING).astype(more.pop("dtype", np.uint32)), signed=False)
    found.ImagePositionPatient, found.ImageOrientationPatient = list(start), list(orientation)
    found.PixelSpacing, found.GridFrameOffsetVector = list(SPACING), list(offsets)
    found.DoseGridScaling, found.DoseUnits, found.DoseType = SCALING, "GY", "PHYSICAL"
    found.FrameIncrementPointer = 0x3004000C
    for name, value in more.items():
        setattr(found, name, value)
    return found


def dose_error(volume):
    return error(volume.array, volume.affine, lambda places: truth(places) + 300)


FEET_FIRST = (1, 0, 0, 0, -1, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dose([0, 3, 6, 9]),
        lambda: dose([0, -3, -6, -9]),
        lambda: dose([6, 9, 12, 15], heights=[0, 3, 6, 9]),
        lambda: dose([6, 3, 0, -3], heights=[0, -3, -6, -9]),
        lambda: dose([0, 3, 6, 9], orientation=FEET_FIRST),
        lambda: dose([6, 9, 12, 15], orientation=FEET_FIRST, heights=[0, -3, -6, -9]),
        lambda: dose([0, 3, 6, 9], orientation=(0, 1, 0, 0, 0, -1)),
    ],
    ids=[
        "relative",
        "falling",
        "absolute",
        "absolute falling",
        "feet first",
        "feet first absolute",
        "sagittal",
    ],
)
def test_dose_in_gray(tmp_path, make):
    candidate, volume = one(tmp_path, make())
    assert candidate.kind == "dose"
    assert (volume.unit, volume.codes) == ("Gy", [])
    assert volume.array.shape == (4, *SHAPE)
    assert dose_error(volume) <= 0.6 * SCALING


def test_dose_of_all_32_bits_keeps_each_step(tmp_path):
    made = dose([0, 3, 6])
    raw = 4_000_000_000 + np.arange(3 * SHAPE[0] * SHAPE[1], dtype=np.uint32)
    made.PixelData = raw.tobytes()
    _, volume = one(tmp_path, made)
    assert volume.array.dtype == np.float64
    assert np.allclose(volume.array.ravel(), raw * SCALING, rtol=0, atol=SCALING / 100)


def test_signed_dose_differences(tmp_path):
    made = dose([0, 3, 6], DoseType="ERROR")
    raw = np.arange(3 * SHAPE[0] * SHAPE[1], dtype=np.int32) - 150
    made.PixelData, made.PixelRepresentation = raw.tobytes(), 1
    _, volume = one(tmp_path, made)
    assert np.allclose(volume.array.ravel(), raw * SCALING)


def test_relative_dose_says_so(tmp_path):
    candidate, volume = one(tmp_path, dose([0, 3, 6], DoseUnits="RELATIVE"))
    assert (volume.unit, volume.codes) == ("relative", ["dose_relative"])
    with pytest.raises(VolumeError) as caught:
        load(candidate, unit="Gy")
    assert caught.value.code == "dose_relative"


def test_uneven_dose_is_refused_and_resampled_when_asked(tmp_path):
    (candidate,) = examine(save(tmp_path, [dose([0, 3, 6, 11, 16])]))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "dose_nonuniform"
    volume = load(candidate, resample=True)
    assert {"dose_nonuniform", "resampled"} <= set(volume.codes)
    assert volume.array.shape == (6, *SHAPE)
    assert dose_error(volume) <= 1e-3


@pytest.mark.parametrize("offsets", [[1, 4, 7], [0, 3]])
def test_dose_with_offsets_that_do_not_fit(tmp_path, offsets):
    made = dose([0, 3, 6])
    made.GridFrameOffsetVector = offsets
    (candidate,) = examine(save(tmp_path, [made]))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "missing_geometry"


def test_planes_of_a_dose_in_one_object_each(tmp_path):
    made = []
    for k in range(4):
        plane = dose([0], start=(-20.0, 10.0, 3.0 * k))
        del plane.NumberOfFrames, plane.GridFrameOffsetVector
        plane.DoseGridScaling = SCALING
        made.append(plane)
    (candidate,) = examine(save(tmp_path, made))
    assert dose_error(load(candidate)) <= 0.6 * SCALING


@pytest.mark.parametrize("step", [3.0, -3.0])
def test_nuclear_slices_go_by_their_vector_and_spacing(tmp_path, step):
    made = plain(NM, "NM")
    slices = [3, 1, 2, 4]
    start = np.array([-20.0, 10.0, 6.0])
    values = [truth(places_of(start + [0, 0, (n - 1) * step])) for n in slices]
    pixels(made, np.rint(np.stack(values)).astype(np.int16))
    made.SpacingBetweenSlices, made.PixelSpacing = step, list(SPACING)
    made.SliceVector = slices
    made.DetectorInformationSequence = [
        item(ImagePositionPatient=start.tolist(), ImageOrientationPatient=list(AXIAL))
    ]
    _, volume = one(tmp_path, made)
    assert volume.array.shape == (4, *SHAPE)
    assert error(volume.array, volume.affine) <= 0.51
