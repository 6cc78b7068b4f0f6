"""Images that repeat at their places: what sorts them into stacks."""

import pytest
from judge import Case, check
from made import MR, PT, SHAPE, image, truth
from test_series import later, many, no_difference, times_per_slice, two_acquisitions


def per_slice(stacks, count=5):
    """A stack for each function, which gives the attributes of a slice by its number."""
    return [
        image((-20, 10, 3 * k), field=later(n), sop_class=MR, modality="MR", intercept=0, **attributes(k))
        for n, attributes in enumerate(stacks)
        for k in range(count)
    ]


def sh(stacks, count=5):
    return stacks, count, *SHAPE


DIRECTIONS = [(0, None), (0, None), (1000, (1, 0, 0)), (1000, (0, 1, 0)), (1000, (0, 0, 1))]


def dwi(more=lambda n: {}):
    """Two scans without a gradient, three directions; ``more`` gives further attributes of each."""
    found = []
    for n, (b_value, direction) in enumerate(DIRECTIONS):
        attributes = {"DiffusionBValue": float(b_value)} | more(n)
        if direction:
            attributes["DiffusionGradientOrientation"] = [float(part) for part in direction]
        found.append(attributes)
    return many(found)


def private_b_values(group, creator, element, vr, value):
    """Two stacks, b-values 0 and 700 in a private element."""
    found = many([{}, {}])
    for number, one in enumerate(found):
        block = one.private_block(group, creator, create=True)
        block.add_new(element, vr, value(700 * (number // 5)))
    return found


def without(objects, *numbers):
    return [one for number, one in enumerate(objects) if number not in numbers]


def kinds(*types):
    return [{"ImageType": ["ORIGINAL", "PRIMARY", *kind]} for kind in types]


CASES = {
    "time midnight": Case(
        lambda: many([{"AcquisitionTime": t} for t in ("235800", "235930", "000100")]),
        axes={"time": [0, 90, 180]},
        shape=sh(3),
    ),
    "time midnight dates": Case(
        lambda: many(
            [
                {"AcquisitionTime": t, "AcquisitionDate": d}
                for t, d in (("235800", "20260101"), ("000100", "20260102"))
            ]
        ),
        axes={"time": [0, 180]},
    ),
    "acq datetime": Case(
        lambda: many([{"AcquisitionDateTime": t} for t in ("20260101235800.5", "20260102000100.0")]),
        axes={"time": [0, 179.5]},
    ),
    "content time": Case(lambda: many([{"ContentTime": t} for t in ("100000", "100100")]), shape=sh(2)),
    "temporal+acq time": Case(
        lambda: many(
            [{"TemporalPositionIdentifier": n, "AcquisitionTime": f"10{n:02d}00"} for n in (1, 2, 3)]
        ),
        axes={"time": [0, 60, 120]},
    ),
    "frame ref time PET": Case(
        lambda: [
            image(
                (-20, 10, 3 * k),
                field=lambda p, n=n: truth(p) + 1000 * n,
                sop_class=PT,
                modality="PT",
                slope=1,
                intercept=0,
                Units="BQML",
                FrameReferenceTime=60000 * n,
            )
            for n in range(3)
            for k in range(5)
        ],
        axes={"time": [0, 60, 120]},
    ),
    "trigger per slice": Case(times_per_slice),
    "trigger phases overlapping per slice": Case(
        lambda: per_slice([lambda k, n=n: {"TriggerTime": 35 * k + 50 * n} for n in range(4)]), shape=sh(4)
    ),
    "trigger phases decimal jitter": Case(
        lambda: per_slice([lambda k, n=n: {"TriggerTime": 40 * n + 0.1 * k} for n in range(4)]), shape=sh(4)
    ),
    "trigger zero-based + time": Case(
        lambda: per_slice(
            [lambda k, n=n: {"TriggerTime": 40 * n, "AcquisitionTime": f"1000{k:02d}"} for n in range(4)],
        ),
        shape=sh(4),
        axes={"cardiac_phase": [0, 40, 80, 120]},
    ),
    "CT cardiac pct": Case(
        lambda: [
            image((-20, 10, 3 * k), field=later(n), NominalPercentageOfCardiacPhase=p)
            for n, p in enumerate((30.0, 50.0, 75.0))
            for k in range(5)
        ],
        axes={"cardiac_phase": [30, 50, 75]},
    ),
    "echo numbers only": Case(lambda: many([{"EchoNumbers": n} for n in (1, 2)]), axes={"echo_time": [1, 2]}),
    "echo 10,2,100 order": Case(lambda: many([{"EchoTime": t} for t in (100.0, 2.0, 10.0)]), shape=sh(3)),
    "echo + per slice times": Case(
        lambda: per_slice(
            [
                lambda k, n=n: {"EchoTime": 10.0 * (n + 1), "AcquisitionTime": f"1000{k:02d}.{n}"}
                for n in range(3)
            ],
        ),
        axes={"echo_time": [10, 20, 30]},
    ),
    "echoes none": Case(lambda: many([{}, {}, {}]), refused="ambiguous_stack"),
    "echoes only instance no": Case(no_difference, refused="ambiguous_stack"),
    "dwi b0 twice no key": Case(dwi, refused="ambiguous_stack"),
    "dwi b0 twice acquisition": Case(
        lambda: dwi(lambda n: {"AcquisitionNumber": n + 1}),
        shape=sh(5),
        axes={"b_value": [0, 0, 1000, 1000, 1000]},
    ),
    "dwi b0 twice time": Case(
        lambda: dwi(lambda n: {"AcquisitionTime": f"10{n:02d}00"}),
        shape=sh(5),
        axes={"b_value": [0, 0, 1000, 1000, 1000]},
    ),
    "dwi b0 twice temporal": Case(
        lambda: dwi(lambda n: {"TemporalPositionIdentifier": n + 1}),
        shape=sh(5),
        axes={"b_value": [0, 0, 1000, 1000, 1000]},
    ),
    "acq 1..11 order": Case(lambda: many([{"AcquisitionNumber": n} for n in (1, 2, 10)]), vols=3),
    "acq with times": Case(
        lambda: many([{"AcquisitionNumber": n, "AcquisitionTime": f"10{n:02d}00"} for n in (1, 2)]),
        shape=None,
    ),
    "mag/phase": Case(lambda: many([{"ImageType": ["ORIGINAL", "PRIMARY", m, "ND"]} for m in "MP"]), vols=2),
    "mag/phase x echo": Case(
        lambda: many(
            [
                {"ImageType": ["ORIGINAL", "PRIMARY", m, "ND"], "EchoTime": e}
                for m in "MP"
                for e in (5.0, 10.0)
            ]
        ),
        vols=2,
        shape=sh(2),
        axes={"echo_time": [5, 10]},
    ),
    "adc in dwi": Case(
        lambda: many(
            [
                {"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"], "DiffusionBValue": 0.0},
                {"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW"], "DiffusionBValue": 800.0},
                {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
            ]
        ),
        vols=2,
    ),
    "siemens types with b": Case(
        lambda: many(
            [
                {"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"], "DiffusionBValue": 0.0},
                {"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW"], "DiffusionBValue": 800.0},
            ]
        ),
        axes={"b_value": [0, 800]},
        shape=sh(2),
    ),
    "complex images component": Case(
        lambda: many(
            [
                {"ImageType": ["ORIGINAL", "PRIMARY"], "ComplexImageComponent": c}
                for c in ("MAGNITUDE", "PHASE")
            ]
        ),
        vols=2,
    ),
    "inversion": Case(
        lambda: many([{"InversionTime": t} for t in (100.0, 500.0)]), axes={"inversion": [100, 500]}
    ),
    "flip": Case(lambda: many([{"FlipAngle": t} for t in (2.0, 15.0)]), axes={"flip": [2, 15]}),
    "incomplete all differ": Case(
        lambda: without(many([{"TemporalPositionIdentifier": n} for n in (1, 2, 3)]), 0, 14),
        codes=["incomplete"],
        shape=(5, 9, 12),
    ),
    "incomplete two tps both lacking": Case(
        lambda: without(many([{"TemporalPositionIdentifier": n} for n in (1, 2)]), 0, 9),
        refused="incomplete",
    ),
    "incomplete b": Case(
        lambda: without(many([{"DiffusionBValue": float(b)} for b in (0, 500, 1000)]), 7),
        codes=["incomplete"],
        shape=sh(2),
    ),
    "incomplete echo missing half": Case(
        lambda: many([{"EchoTime": 5.0}]) + many([{"EchoTime": 10.0}])[2:], codes=["incomplete"]
    ),
    "acq overlap contiguous": Case(
        lambda: (
            [image((-20, 10, 3 * k), AcquisitionNumber=1) for k in range(5)]
            + [image((-20, 10, 3 * k), AcquisitionNumber=2) for k in range(4, 9)]
        ),
        codes=["duplicate_position"],
    ),
    "acq contiguous": Case(two_acquisitions),
    "same slice time series": Case(
        lambda: many([{"TriggerTime": float(t)} for t in (0, 40, 80)], count=1), shape=(3, 1, 9, 12)
    ),
    "cine no trigger, times": Case(
        lambda: many([{"AcquisitionTime": f"10000{t}"} for t in range(4)], count=1), shape=(4, 1, 9, 12)
    ),
    "interleaved slices times ranks overlap": Case(
        lambda: per_slice([lambda k, n=n: {"AcquisitionTime": f"1000{2 * k + n * 6:02d}"} for n in range(3)]),
        refused="ambiguous_stack",
    ),
    "dynamic + echo": Case(
        lambda: many(
            [{"EchoTime": e, "AcquisitionTime": f"10{n:02d}00"} for n in range(2) for e in (5.0, 10.0)]
        ),
        shape=sh(4),
    ),
    "b-value of Siemens": Case(
        lambda: private_b_values(0x19, "SIEMENS MR HEADER", 0x0C, "IS", str), axes={"b_value": [0, 700]}
    ),
    "b-value of GE": Case(
        lambda: private_b_values(0x43, "GEMS_PARM_01", 0x39, "IS", lambda b: [10**9 + b, 8, 0, 0]),
        axes={"b_value": [0, 700]},
    ),
    "b-value of Philips": Case(
        lambda: private_b_values(0x2001, "Philips Imaging DD 001", 0x03, "FL", float),
        axes={"b_value": [0, 700]},
    ),
    "time + one duplicate instance": Case(
        lambda: (
            many([{"TemporalPositionIdentifier": n} for n in (1, 2)])
            + many([{"TemporalPositionIdentifier": 1}])[2:3]
        ),
        shape=sh(2),
        codes=["duplicate_position"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_keys(name, tmp_path):
    check(CASES[name], tmp_path / "series")
