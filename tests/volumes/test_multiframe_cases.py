"""Objects of many frames: enhanced images, nuclear medicine, doses; alone and several in a series."""

import numpy as np
import pytest
from judge import Case, check
from made import AXIAL, ENHANCED_MR, NM, SPACING, item, pixels, places_of, plain, truth
from test_multiframe import FEET_FIRST, POSITIONS, dose, enhanced, shuffled
from test_series import OBLIQUE


def frames_of(made):
    return made.PerFrameFunctionalGroupsSequence


def changed(made, change):
    change(made)
    return [made]


def each_frame(change, positions=None):
    """An enhanced object, each of whose frames' groups is handed to a function with its number."""
    made = enhanced(positions or shuffled(POSITIONS))
    for number, groups in enumerate(frames_of(made)):
        change(number, groups)
    return [made]


def stacks(group, count):
    """An enhanced object of several stacks, which ``group`` tells apart by their number."""
    places = [(place, number) for number in range(count) for place in POSITIONS]
    return [
        enhanced(
            [place for place, _ in places],
            ENHANCED_MR,
            "MR",
            [group(number, k) for k, (_, number) in enumerate(places)],
            offsets=[1000 * number for _, number in places],
        )
    ]


def two_objects(**values):
    """Two objects with the same places; each keyword has a value for each."""
    found = []
    for number in range(2):
        made = enhanced(POSITIONS, ENHANCED_MR, "MR", offsets=[1000 * number] * 5)
        for name, value in values.items():
            setattr(made, name, value[number])
        found.append(made)
    return found


def own_orientation():
    def give(_, groups):
        groups.PlaneOrientationSequence = [item(ImageOrientationPatient=list(AXIAL))]

    (made,) = each_frame(give)
    del made.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    return [made]


def contradicting(number, groups):
    index = 5 - number
    groups.FrameContentSequence = [
        item(
            StackID="1", InStackPositionNumber=index, DimensionIndexValues=[1, index], TemporalPositionIndex=1
        )
    ]


def dimension_alone():
    (made,) = stacks(lambda number, k: {}, 2)
    for k, groups in enumerate(frames_of(made)):
        groups.FrameContentSequence = [item(DimensionIndexValues=[k // 5 + 1, k % 5 + 1])]
    return [made]


def frame_time(number, k):
    moment = f"2026010110{number:02d}{k:02d}"
    return {"FrameContentSequence": [item(TemporalPositionIndex=number + 1, FrameAcquisitionDateTime=moment)]}


def world_map(first, last, slope=None, intercept=0.0, vr="US", table=None):
    unit = item(CodeValue="ms", CodingSchemeDesignator="UCUM", CodeMeaning="ms")
    found = item(LUTLabel="x", MeasurementUnitsCodeSequence=[unit])
    found.add_new(0x00409216, vr, first)
    found.add_new(0x00409211, vr, last)
    if slope is not None:
        found.RealWorldValueSlope, found.RealWorldValueIntercept = slope, intercept
    if table is not None:
        found.RealWorldValueLUTData = table
    return found


def shared_world_map(made):
    made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [
        world_map(-3000, 3000, 0.5, 10.0, "SS")
    ]


def own_world_map(_, groups):
    groups.RealWorldValueMappingSequence = [world_map(-3000, 3000, 0.5, 10.0, "SS")]


def negative_spacing(made):
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = -7.0


def without_place(made):
    del frames_of(made)[2].PlanePositionSequence


def other_spacing(made):
    frames_of(made)[0].PixelMeasuresSequence = [item(PixelSpacing=[3.0, 3.0])]


def nuclear(step=3.0, slices=(1, 2, 3, 4), *, top=False, offsets=None, **more):
    """A reconstruction; its geometry stands with the detector, or with ``top`` in the object itself."""
    made = plain(NM, "NM")
    start = np.array([-20.0, 10.0, 6.0])
    values = [truth(places_of(start + [0, 0, (n - 1) * step])) for n in slices]
    pixels(made, np.rint(np.stack(values) + np.reshape(offsets or 0, (-1, 1, 1))).astype(np.int16))
    made.SpacingBetweenSlices, made.PixelSpacing, made.SliceVector = step, list(SPACING), list(slices)
    place = {"ImagePositionPatient": start.tolist(), "ImageOrientationPatient": list(AXIAL)}
    if not top:
        place = {"DetectorInformationSequence": [item(**place)]}
    for name, value in (place | more).items():
        setattr(made, name, value)
    return [made]


def two_of(**more):
    return nuclear(slices=(1, 2, 3, 1, 2, 3), offsets=[0, 0, 0, 1000, 1000, 1000], **more)


def double(made):
    made.RescaleSlope, made.RescaleIntercept = 2, 0


def but(name):
    return lambda made: delattr(made, name)


def relative(made):
    made.DoseUnits = "RELATIVE"


def dose_case(make, refused="", **more):
    return Case(make, refused, value=lambda places: truth(places) + 300, tol=more.pop("tol", 2e-3), **more)


CASES = {
    "falling": Case(lambda: [enhanced(POSITIONS[::-1])]),
    "a gap": Case(lambda: [enhanced([*POSITIONS[:2], *POSITIONS[3:], (-20.0, 10.0, 15.0)])], refused="gap"),
    "a frame twice": Case(lambda: [enhanced([*POSITIONS, POSITIONS[2]])], codes=["duplicate_position"]),
    "an object for each time": Case(
        lambda: two_objects(AcquisitionDateTime=["20260101100000", "20260101100100"]),
        shape=(2, 5, 9, 12),
        axes={"time": [0, 60]},
    ),
    "objects that nothing sorts are volumes of their own": Case(two_objects, vols=2),
    "parts of a volume in two objects": Case(
        lambda: [enhanced(POSITIONS[:3]), enhanced(POSITIONS[3:])], shape=(5, 9, 12)
    ),
    "orientation of each frame": Case(own_orientation),
    "indices contradict the places": Case(lambda: each_frame(contradicting)),
    "a dimension index alone": Case(dimension_alone, refused="ambiguous_stack"),
    "index and time of each frame": Case(lambda: stacks(frame_time, 2), shape=(2, 5, 9, 12)),
    "offsets in time": Case(
        lambda: stacks(
            lambda n, k: {"TemporalPositionSequence": [item(TemporalPositionTimeOffset=1.5 * n)]}, 3
        ),
        axes={"time": [0, 1.5, 3]},
    ),
    "b-values": Case(
        lambda: stacks(lambda n, k: {"MRDiffusionSequence": [item(DiffusionBValue=500.0 * n)]}, 3),
        axes={"b_value": [0, 500, 1000]},
    ),
    "tilt": Case(lambda: [enhanced([(-20.0, 10 + 0.8 * k, 3.0 * k) for k in range(5)])], codes=["tilt"]),
    "negative spacing": Case(lambda: changed(enhanced(POSITIONS), negative_spacing)),
    "one frame": Case(lambda: [enhanced(POSITIONS[:1])], codes=["single_slice"], shape=(1, 9, 12)),
    "a frame without a place": Case(lambda: changed(enhanced(POSITIONS), without_place), refused="gap"),
    "a frame of other spacing": Case(
        lambda: changed(enhanced(POSITIONS), other_spacing), codes=["mixed_size", "localizer"]
    ),
    "a map of all before each frame's rescale": Case(
        lambda: changed(enhanced(POSITIONS), shared_world_map), value=lambda p: truth(p) * 0.5 + 10
    ),
    "a map of each frame": Case(lambda: each_frame(own_world_map), value=lambda p: truth(p) * 0.5 + 10),
    "nuclear, downwards": Case(lambda: nuclear(-4.42)),
    "nuclear, geometry of the object": Case(lambda: nuclear(-3.0, top=True)),
    "nuclear, from the last": Case(lambda: nuclear(slices=(4, 3, 2, 1))),
    "nuclear, gated": Case(
        lambda: two_of(TimeSlotVector=[1, 1, 1, 2, 2, 2]),
        shape=(2, 3, 9, 12),
        axes={"cardiac_phase": [1, 2]},
    ),
    "nuclear, energy windows": Case(lambda: two_of(EnergyWindowVector=[1, 1, 1, 2, 2, 2]), vols=2),
    "nuclear, rescaled": Case(lambda: changed(*nuclear(), double), value=lambda p: 2 * truth(p)),
    "nuclear, no spacing": Case(
        lambda: changed(*nuclear(), but("SpacingBetweenSlices")), refused="missing_geometry"
    ),
    "doses of two plans": dose_case(lambda: [dose([0, 3, 6]), dose([0, 3, 6])], vols=2),
    "dose, uneven by halves": dose_case(lambda: [dose([0, 2, 4, 8, 12])], "dose_nonuniform"),
    "dose, uneven made even": dose_case(
        lambda: [dose([0, 2, 4, 8, 12])],
        codes=["dose_nonuniform", "resampled"],
        shape=(7, 9, 12),
        kw={"resample": True},
    ),
    "dose, a plane seems to be missing": dose_case(lambda: [dose([0, 3, 6, 12, 15, 18])], "dose_nonuniform"),
    "dose, one plane off": dose_case(lambda: [dose([0, 3, 6.2, 9])], "dose_nonuniform"),
    "dose, falling, feet first, absolute": dose_case(
        lambda: [dose([6, 3, 0, -3], orientation=FEET_FIRST, heights=[0, 3, 6, 9])]
    ),
    "dose, offsets in any order": dose_case(lambda: [dose([0, 6, 3, 9])]),
    "dose, oblique": dose_case(lambda: [dose([0, 3, 6, 9], orientation=OBLIQUE)]),
    "dose, oblique, falling": dose_case(lambda: [dose([0, -3, -6, -9], orientation=OBLIQUE)]),
    "dose, prone": dose_case(lambda: [dose([0, 3, 6], orientation=(-1, 0, 0, 0, -1, 0))]),
    "dose, both forms at once": dose_case(lambda: [dose([0, 3, 6], start=(-20.0, 10.0, 0.0))]),
    "dose, one plane": dose_case(lambda: [dose([0])], codes=["single_slice"]),
    "dose, no offsets": dose_case(
        lambda: changed(dose([0, 3, 6]), but("GridFrameOffsetVector")), "missing_geometry"
    ),
    "dose, no scaling": dose_case(lambda: changed(dose([0, 3, 6]), but("DoseGridScaling")), "unreadable"),
    "dose, relative": dose_case(lambda: changed(dose([0, 3, 6]), relative), codes=["dose_relative"]),
    "dose, in Gy as asked": dose_case(lambda: [dose([0, 3, 6])], codes=[], kw={"unit": "Gy"}),
}


@pytest.mark.parametrize("name", CASES)
def test_frames(name, tmp_path):
    check(CASES[name], tmp_path / "series")
