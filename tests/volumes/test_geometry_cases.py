"""Where slices lie: tilt, drift, spacing, gaps, orientations, mixtures."""

import numpy as np
import pytest
from judge import Case, check
from made import image, save, stack
from test_series import OBLIQUE, SAGITTAL, later, many, moved, noisy

from pyconquest_rt.volumes import examine


def tilt(angle, axis=1, count=7, gap=3, **more):
    """Slices each of which is moved within its plane, as with a tilted gantry."""
    step = np.array([0, 0, gap], float)
    step[axis] = gap * np.tan(np.radians(angle))
    return [image(np.array([-20, 10, -6]) + k * step, **more) for k in range(count)]


def without(objects, *numbers):
    return [one for number, one in enumerate(objects) if number not in numbers]


CASES = {
    "tilt -12 y": Case(lambda: tilt(-12), codes=["tilt"]),
    "tilt x": Case(lambda: tilt(20, 0), codes=["tilt"]),
    "tilt small .5": Case(lambda: tilt(0.5, count=20), codes=["tilt"]),
    "tilt 30 thin": Case(lambda: tilt(30, gap=0.6, count=20), codes=["tilt"]),
    "tilt both": Case(
        lambda: [image(np.array([-20, 10, -6]) + i * np.array([0.4, 0.7, 3])) for i in range(8)],
        codes=["tilt"],
    ),
    "tilt reversed": Case(lambda: tilt(15)[::-1], codes=["tilt"]),
    "tilt gap": Case(lambda: without(tilt(15, count=9), 4), refused="gap"),
    "tilt gap fill": Case(
        lambda: without(tilt(15, count=9), 4),
        codes=["gap", "tilt", "filled"],
        kw={"fill": True},
    ),
    "tilt resample": Case(lambda: tilt(15), codes=["resampled"], kw={"resample": True}),
    "tilt oblique gantry orientation": Case(
        lambda: [
            image(
                np.array([-20, 10, -6]) + i * np.array([0, 0, 3.0]),
                orientation=(1, 0, 0, 0, np.cos(0.26), np.sin(0.26)),
            )
            for i in range(7)
        ],
        codes=["tilt"],
    ),
    "tilt x 2 times": Case(
        lambda: [
            image(
                np.array([-20, 10, -6]) + i * np.array([0, 0.8, 3.0]),
                field=later(n),
                TemporalPositionIdentifier=n + 1,
            )
            for n in range(2)
            for i in range(6)
        ],
        codes=["tilt"],
        shape=(2, 6, 9, 12),
    ),
    "tilt dup": Case(lambda: tilt(15) + tilt(15)[3:4], codes=["tilt", "duplicate_position"]),
    "drift last": Case(lambda: moved(stack(7), [6], (0, 1.0, 0)), codes=["in_plane_drift"], vols=2),
    "drift small .05": Case(lambda: moved(stack(7), [3], (0.05, 0, 0)), refused="in_plane_drift"),
    "drift zigzag": Case(
        lambda: [image((-20 + k % 2, 10, 3 * k)) for k in range(8)], codes=["in_plane_drift"], vols=2
    ),
    "drift quadratic": Case(
        lambda: [image((-20 + 0.05 * k * k, 10, 3 * k)) for k in range(10)], refused="in_plane_drift"
    ),
    "drift random": Case(
        lambda: [image((-20 + x, 10, 3 * k)) for k, x in enumerate([0, 0.3, -0.2, 0.5, 0.1, -0.4, 0.2])],
        refused="in_plane_drift",
    ),
    "orientation rotates": Case(
        lambda: [
            image(
                (0, 0, 3 * k),
                orientation=(np.cos(0.02 * k), np.sin(0.02 * k), 0, -np.sin(0.02 * k), np.cos(0.02 * k), 0),
            )
            for k in range(6)
        ],
        vols=6,
    ),
    "off .02": Case(
        lambda: [image((-20, 10, 3 * k + (0.03 if k == 3 else 0))) for k in range(7)],
        refused="spacing_nonuniform",
    ),
    "off .009": Case(lambda: [image((-20, 10, 3 * k + (0.009 if k == 3 else 0))) for k in range(7)]),
    "3 then 5": Case(
        lambda: [image((-20, 10, z)) for z in (0, 3, 6, 9, 14, 19, 24)], refused="spacing_nonuniform"
    ),
    "2.5 then 5": Case(
        lambda: [image((-20, 10, z)) for z in [2.5 * k for k in range(8)] + [20 + 5 * k for k in range(8)]],
        refused="spacing_nonuniform",
    ),
    "2.5 then 5 resampled": Case(
        lambda: [image((-20, 10, z)) for z in [2.5 * k for k in range(8)] + [20 + 5 * k for k in range(8)]],
        codes=["spacing_nonuniform", "resampled"],
        kw={"resample": True},
    ),
    "3/6 alternating": Case(
        lambda: [image((-20, 10, z)) for z in (0, 3, 9, 12, 18, 21, 27)], refused="spacing_nonuniform"
    ),
    "gap first": Case(lambda: without(stack(9), 1), refused="gap"),
    "gap 2 adjacent": Case(lambda: without(stack(12), 5, 6), refused="gap"),
    "gap fill": Case(
        lambda: without(stack(12), 5, 6, 9),
        codes=["gap", "filled"],
        kw={"fill": True},
        shape=(12, 9, 12),
    ),
    "gap 4D in all": Case(
        lambda: [
            x
            for i, x in enumerate(many([{"TemporalPositionIdentifier": n} for n in (1, 2)], count=7))
            if i % 7 != 3
        ],
        refused="gap",
    ),
    "three slices one missing": Case(lambda: [image((-20, 10, z)) for z in (0, 3, 9)], refused="gap"),
    "two slices": Case(lambda: [image((-20, 10, z)) for z in (0, 3)]),
    "drifting spacing": Case(
        lambda: [image((-20, 10, 3 * k + 0.002 * k * k)) for k in range(20)], refused="spacing_nonuniform"
    ),
    "0.625 rounded 3 digits": Case(lambda: [image((-20, 10, round(0.625 * k, 2))) for k in range(30)]),
    "noise 1e-5 oblique": Case(lambda: noisy()),
    "coronal": Case(lambda: stack(7, orientation=(1, 0, 0, 0, 0, -1))),
    "left handed rows": Case(lambda: stack(7, orientation=(-1, 0, 0, 0, -1, 0))),
    "prone feet": Case(lambda: stack(7, orientation=(1, 0, 0, 0, -1, 0))),
    "oblique rev": Case(lambda: stack(7, orientation=OBLIQUE)[::-1]),
    "oblique thin": Case(lambda: stack(30, 0.5, orientation=OBLIQUE)),
    "far positions": Case(lambda: stack(7, start=(-1500, 900, -2000)), tol=0.51),
    "3 sizes": Case(
        lambda: stack(7) + stack(6, shape=(8, 8)) + stack(5, shape=(5, 5)), vols=3, codes=["mixed_size"]
    ),
    "mixed spacing": Case(lambda: stack(7) + stack(7, spacing=(1, 1)), vols=2, codes=["mixed_size"]),
    "mixed orient 3 loc each 3": Case(
        lambda: stack(3) + stack(3, orientation=SAGITTAL) + stack(3, orientation=(1, 0, 0, 0, 0, -1)),
        vols=3,
        codes=["mixed_orientation"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_geometry(name, tmp_path):
    check(CASES[name], tmp_path / "series")


def few_beside(many):
    """Two sagittal slices beside a stack."""
    return [*many, *(image((0, -40 + 3 * k, 30), orientation=SAGITTAL) for k in range(2))]


@pytest.mark.parametrize(
    "make",
    [
        lambda: [image((0, 0, 60), shape=(5, 5), ImageType=["A", "B", "LOCALIZER"]), *without(stack(9), 4)],
        lambda: few_beside(without(stack(9), 4)),
        lambda: [image((0, -40, 30), orientation=SAGITTAL), *without(stack(9), 4)],
    ],
    ids=["localizer", "a small stack", "a lone image"],
)
def test_a_refused_volume_stands_before_what_lies_beside_it(make, tmp_path):
    candidates = examine(save(tmp_path / "series", make()))
    assert candidates[0].refusal == "gap"
    assert len(candidates[0].files) == 8
    assert candidates[1].refusal is None
