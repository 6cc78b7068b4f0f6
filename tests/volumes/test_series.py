"""Slices → volumes: geometry, sub-series, values. Each voxel is compared with the value of its place."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from made import (
    FRAME_OF_REFERENCE,
    MR,
    SHAPE,
    error,
    image,
    item,
    save,
    stack,
    truth,
)

from pyconquest_rt.volumes import VolumeError, examine, load

OBLIQUE = (0.8, 0.6, 0, -0.48, 0.64, 0.6)
FEET_FIRST = (-1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)


def later(step):
    return lambda places: truth(places) + 1000 * step


def moved(objects, numbers, by):
    for number in numbers:
        was = np.array([float(value) for value in objects[number].ImagePositionPatient])
        objects[number] = image(was + by)
    return objects


def sheared(angle=15.0, count=7):
    step = np.array([0, 3 * np.tan(np.radians(angle)), 3.0])
    return [image(np.array([-20, 10, -6]) + k * step) for k in range(count)]


def noisy():
    rng = np.random.default_rng(1)
    found = stack(7, orientation=OBLIQUE)
    for one in found:
        noise = rng.uniform(-1e-5, 1e-5, 6)
        one.ImageOrientationPatient = [f"{value:.6f}" for value in np.array(OBLIQUE) + noise]
    return found


def jitter():
    return [image((-20, 10, -6 + 3 * k + 0.004 * (-1) ** k)) for k in range(7)]


def ignored_spacing():
    found = stack(7, 2.5)
    for one in found:
        one.SliceThickness, one.SpacingBetweenSlices = 5, 7
    return found


def per_slice_rescale():
    return [
        image(
            (-20, 10, 3 * k), slope=0.01 * (k + 1), intercept=0, dtype=np.int16, modality="PT", Units="BQML"
        )
        for k in range(6)
    ]


def high_bits():
    found = stack(5, intercept=-1024, dtype=np.uint16)
    for one in found:
        raw = np.frombuffer(one.PixelData, np.uint16).copy()
        raw |= 0xF000 & np.arange(raw.size, dtype=np.uint16) << 12  # overlays once lay here
        one.PixelData = raw.tobytes()
        one.BitsStored, one.HighBit = 12, 11
    return found


def signed_low_bits():
    found = stack(5, start=(-20, -10, -16), intercept=0)
    for one in found:
        raw = np.frombuffer(one.PixelData, np.uint16) & 0x0FFF
        one.PixelData = raw.tobytes()
        one.BitsStored, one.HighBit = 12, 11
    return found


def inverted():
    found = stack(5)
    for one in found:
        one.PhotometricInterpretation = "MONOCHROME1"
        one.WindowCenter, one.WindowWidth = 40, 80
    return found


def float_pixels():
    found = []
    for k in range(5):
        one = image((-20, 10, 3 * k), intercept=0)
        values = np.frombuffer(one.PixelData, np.int16).astype(np.float32)
        del one.PixelData, one.RescaleSlope, one.RescaleIntercept
        one.FloatPixelData, one.BitsAllocated = values.tobytes(), 32
        del one.BitsStored, one.HighBit, one.PixelRepresentation
        found.append(one)
    return found


def table():
    """Stored values are numbers of entries of a modality LUT."""
    found = []
    for k in range(5):
        one = image((0, 10, 3 * k), slope=-1, intercept=300, dtype=np.uint16)
        del one.RescaleSlope, one.RescaleIntercept
        lut = item(LUTDescriptor=[300, 0, 16], ModalityLUTType="HU")
        lut["LUTDescriptor"].VR = "US"
        lut.add_new(0x00283006, "OW", (300 - np.arange(300)).astype("<u2").tobytes())
        one.ModalityLUTSequence = [lut]
        found.append(one)
    return found


def real_world():
    found = stack(5, sop_class=MR, modality="MR", intercept=-100, slope=0.5)
    for one in found:
        one.RescaleSlope, one.RescaleIntercept = 1, 0
        world = item(
            RealWorldValueFirstValueMapped=-30000,
            RealWorldValueLastValueMapped=30000,
            RealWorldValueSlope=0.5,
            RealWorldValueIntercept=-100.0,
            LUTLabel="T1",
            MeasurementUnitsCodeSequence=[
                item(CodeValue="ms", CodingSchemeDesignator="UCUM", CodeMeaning="ms")
            ],
        )
        for name in ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"):
            world[name].VR = "SS"
        one.RealWorldValueMappingSequence = [world]
    return found


def outside_padding():
    """Padding 63536 (-2000 where signed) outside the circle of reconstruction, beyond the 12 bits stored."""
    found = stack(5, dtype=np.uint16)
    for one in found:
        raw = np.frombuffer(one.PixelData, np.uint16).copy()
        one.BitsStored, one.HighBit = 12, 11
        raw[0] = 63536
        one.PixelData = raw.tobytes()
        one.add_new(0x00280120, "US", 63536)
    return found


def many(keys, sop_class=MR, modality="MR", count=5):
    """A stack for each dictionary of attributes; its values are 1000 more than those of the one before."""
    return [
        image((-20, 10, 3 * k), field=later(n), sop_class=sop_class, modality=modality, intercept=0, **values)
        for n, values in enumerate(keys)
        for k in range(count)
    ]


def diffusion():
    vectors = [None, (1.0, 0, 0), (0, 0.6, 0.8), (0, 1.0, 0)]
    keys: list[dict[str, Any]] = [{"DiffusionBValue": 0.0}]
    keys += [{"DiffusionBValue": 800.0, "DiffusionGradientOrientation": list(v)} for v in vectors[1:] if v]
    return many(keys)


def times_per_slice():
    found = stack(7, sop_class=MR, modality="MR", intercept=0)
    for k, one in enumerate(found):
        one.TriggerTime, one.AcquisitionTime = 30 * k, f"1000{k:02d}"
    return found


def two_acquisitions():
    """One volume, scanned in two runs: the number of the acquisition does not split it."""
    found = stack(8)
    for k, one in enumerate(found):
        one.AcquisitionNumber = 1 + k // 4
    return found


def times_of_each_slice():
    """Three time points, each slice with an acquisition time of its own."""
    return [
        image(
            (-20, 10, 3 * k),
            field=later(n),
            AcquisitionTime=f"10{n:02d}{2 * k:02d}",
            sop_class=MR,
            modality="MR",
        )
        for n in range(3)
        for k in range(5)
    ]


def with_localizer():
    scout = image(
        (0, -40, 30), orientation=SAGITTAL, shape=(20, 20), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    return [scout, *stack(7)]


def with_unmarked_localizer():
    return [image((0, -40, 30), orientation=SAGITTAL), *stack(7)]


def repeated():
    found = stack(7)
    again = image((-20, 10, -6 + 9))
    return [*found, again]


def colour():
    found = stack(4)
    for one in found:
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "RGB", 0
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
        one.PixelData = bytes(SHAPE[0] * SHAPE[1] * 3)
    return found


def mosaic():
    return [
        image((0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], sop_class=MR, modality="MR")
    ]


def unnamed_mosaic():
    """One whose image type was taken away; the private count of its slices is still there."""
    found = image((0, 0, 0), sop_class=MR, modality="MR")
    found.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 36)
    return [found]


def no_position():
    found = stack(5)
    for one in found:
        del one.ImagePositionPatient
    return found


def nowhere():
    found = stack(5)
    found[2].ImagePositionPatient = ["NaN", "0", "0"]
    return found


def cut_off():
    found = stack(5)
    found[2].PixelData = found[2].PixelData[:50]
    return found


def other_frame():
    found = stack(10)
    for one in found[5:]:
        one.FrameOfReferenceUID = f"{FRAME_OF_REFERENCE}.2"
    return found


def lonely_time_point():
    found = many([{"TemporalPositionIdentifier": n + 1} for n in range(3)])
    del found[-1]
    return found


def no_difference():
    return many([{}, {}])


@dataclass
class Case:
    make: Any
    volumes: int = 1  # candidates that are selected and load
    codes: set[str] = field(default_factory=set)  # of the first, all of them
    refused: str = ""  # the code of the first
    shape: tuple[int, ...] | None = None
    axes: dict[str, list[Any]] = field(default_factory=dict)
    unit: str = "HU"
    tolerance: float = 0.51
    padding: bool = False


DIRECTIONS = [None, (1.0, 0, 0), (0, 0.6, 0.8), (0, 1.0, 0)]

CASES = {
    "regular": Case(lambda: stack(7)),
    "reversed": Case(lambda: stack(7)[::-1]),
    "sagittal": Case(lambda: stack(7, orientation=SAGITTAL)),
    "feet_first": Case(lambda: stack(7, orientation=FEET_FIRST)),
    "oblique": Case(lambda: stack(7, orientation=OBLIQUE)),
    "orientation_noise": Case(noisy),
    "jitter": Case(jitter),
    "thickness_ignored": Case(ignored_spacing),
    "tilt": Case(sheared, codes={"tilt"}),
    "gap": Case(lambda: [one for k, one in enumerate(stack(9)) if k != 4], refused="gap"),
    "two_gaps": Case(lambda: [one for k, one in enumerate(stack(12)) if k not in (3, 4, 8)], refused="gap"),
    "uneven": Case(
        lambda: [image((-20, 10, z)) for z in (0, 3, 6, 9, 14, 19, 24)], refused="spacing_nonuniform"
    ),
    "drift_of_one": Case(lambda: moved(stack(7), [3], (0, 1.5, 0)), refused="in_plane_drift"),
    "step_in_plane": Case(
        lambda: moved(stack(10), range(5, 10), (4, 0, 0)), 2, {"in_plane_drift"}, shape=(5, *SHAPE)
    ),
    "two_stacks": Case(lambda: stack(6) + stack(6, start=(-20, 10, 120)), 2, {"gap"}, shape=(6, *SHAPE)),
    "same_instance_twice": Case(lambda: [*stack(7), stack(7)[0]], codes={"duplicate_position"}),
    "repeated_slice": Case(repeated, codes={"duplicate_position"}),
    "localizer": Case(with_localizer, codes={"localizer"}),
    "unmarked_localizer": Case(with_unmarked_localizer, codes={"localizer", "mixed_orientation"}),
    "two_orientations": Case(
        lambda: stack(7) + stack(5, orientation=SAGITTAL), 2, {"mixed_orientation"}, shape=(7, *SHAPE)
    ),
    "two_sizes": Case(lambda: stack(7) + stack(5, shape=(8, 8)), 2, {"mixed_size"}, shape=(7, *SHAPE)),
    "two_spacings": Case(lambda: stack(7) + stack(5, spacing=(2, 2)), 2, {"mixed_size"}),
    "two_frames_of_reference": Case(other_frame, 2, {"mixed_frame_of_reference"}, shape=(5, *SHAPE)),
    "single": Case(lambda: stack(1), codes={"single_slice"}),
    "no_position": Case(no_position, refused="missing_geometry"),
    "one_nowhere": Case(nowhere, refused="gap"),
    "cut_off": Case(cut_off, refused="unreadable"),
    "mosaic": Case(mosaic, refused="mosaic"),
    "unnamed_mosaic": Case(unnamed_mosaic, refused="mosaic"),
    "colour": Case(colour, refused="not_scalar"),
    "rescale_per_slice": Case(per_slice_rescale, codes={"rescale_varies"}, unit="BQML"),
    "unsigned": Case(lambda: stack(5, dtype=np.uint16)),
    "not_in_int16": Case(lambda: stack(5, dtype=np.uint16, field=lambda p: truth(p) + 60000, intercept=0)),
    "wide_dose_like": Case(
        lambda: stack(5, dtype=np.uint32, slope=1e-7, intercept=0, field=lambda p: truth(p) + 300),
        tolerance=1e-6,
    ),
    "high_bits": Case(high_bits),
    "signed_low_bits": Case(signed_low_bits),
    "monochrome1": Case(inverted),
    "float_pixels": Case(float_pixels, unit=""),
    "modality_table": Case(table),
    "real_world_map": Case(real_world, unit="ms", tolerance=0.26),
    "padding": Case(outside_padding, codes={"padding"}, padding=True),
    "echoes": Case(
        lambda: many([{"EchoTime": t, "EchoNumbers": n} for n, t in enumerate((5.0, 10.0, 20.0), 1)]),
        shape=(3, 5, *SHAPE),
        axes={"echo_time": [5, 10, 20]},
        unit="",
    ),
    "diffusion": Case(
        diffusion,
        shape=(4, 5, *SHAPE),
        axes={"b_value": [0, 800, 800, 800]},
        unit="",
    ),
    "cardiac": Case(
        lambda: many([{"TriggerTime": t} for t in (0, 40, 80)]),
        shape=(3, 5, *SHAPE),
        axes={"cardiac_phase": [0, 40, 80]},
        unit="",
    ),
    "time_points": Case(
        lambda: many([{"TemporalPositionIdentifier": n} for n in (1, 2, 3)]),
        shape=(3, 5, *SHAPE),
        axes={"time": [1, 2, 3]},
        unit="",
    ),
    "time_of_each_slice": Case(
        times_of_each_slice, shape=(3, 5, *SHAPE), axes={"time": [0, 60, 120]}, unit=""
    ),
    "echoes_and_times": Case(
        lambda: many([{"EchoTime": e, "TemporalPositionIdentifier": n} for n in (1, 2) for e in (5.0, 10.0)]),
        shape=(4, 5, *SHAPE),
        unit="",
    ),
    "magnitude_and_phase": Case(
        lambda: many([{"ImageType": ["ORIGINAL", "PRIMARY", kind, "ND"]} for kind in "MP"]),
        2,
        shape=(5, *SHAPE),
        unit="",
    ),
    "acquisitions": Case(
        lambda: many([{"AcquisitionNumber": n} for n in (1, 2)]), 2, shape=(5, *SHAPE), unit=""
    ),
    "acquisitions_of_one_volume": Case(two_acquisitions),
    "trigger_per_slice": Case(times_per_slice, shape=(7, *SHAPE), unit=""),
    "ambiguous": Case(no_difference, refused="ambiguous_stack"),
    "incomplete": Case(lonely_time_point, codes={"incomplete"}, shape=(2, 5, *SHAPE), unit=""),
    "cine": Case(
        lambda: many([{"TriggerTime": t} for t in (0, 40, 80)], count=1),
        codes={"single_slice"},
        shape=(3, 1, *SHAPE),
        unit="",
    ),
}


def check_values(volume, case):
    stacks = volume.array if volume.array.ndim == 4 else [volume.array]
    seen = set()
    for one in stacks:
        values = np.where(one > 60000, np.nan, one) if case.padding else one
        offset = 1000 * round(float(np.nanmedian(values.astype(float)) - np.nanmedian(_model(volume))) / 1000)
        base = 60000 if case is CASES["not_in_int16"] else 300 if case is CASES["wide_dose_like"] else offset
        assert error(values, volume.affine, lambda places, base=base: truth(places) + base) <= case.tolerance
        seen.add(offset)
    assert len(seen) == len(stacks)


def _model(volume):
    grid = np.indices(volume.array.shape[-3:]).reshape(3, -1)
    return truth(volume.affine[:3, :3] @ grid + volume.affine[:3, 3:])


@pytest.mark.parametrize("name", CASES)
def test_series(name, tmp_path):
    case = CASES[name]
    candidates = examine(save(tmp_path / "series", case.make()))
    if case.refused:
        with pytest.raises(VolumeError) as caught:
            load(candidates[0])
        assert caught.value.code == case.refused
        assert candidates[0].codes[0] == case.refused
        return
    chosen = [one for one in candidates if one.selected]
    assert len(chosen) == case.volumes
    for number, one in enumerate(chosen):
        volume = load(one)
        assert volume.array.shape == one.shape
        assert set(volume.codes) == case.codes
        assert volume.unit == case.unit
        check_values(volume, case)
        if number == 0 and case.shape is not None:
            assert volume.array.shape == case.shape
        for axis, values in case.axes.items():
            assert volume.axes[axis] == values
