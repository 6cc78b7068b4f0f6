"""Spheres, cylinders and cones in linear doses against closed forms (Nelms et al., Med. Phys. 42 (2015)
4435)."""

import os

import numpy as np
import pytest
from phantoms import SOLIDS, Case, measured, written

from pyconquest_rt.dvh import calculate_dvhs

LIMITS = {
    "volume": 0.05,
    "mean": 0.05,
    "min": 0.1,
    "max": 0.1,
    "D99": 0.6,
    "D95": 0.25,
    "D50": 0.25,
    "D5": 0.25,
    "D1": 0.6,
    "D0.03cc": 0.6,
    "V25": 0.25,
    "V50": 0.25,
    "V75": 0.25,
}
"""Allowed differences in % of the truth that the contours encode."""

SIZES = [(1.0, 0.2), (3.0, 0.2), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
"""Dose grid and slice distance in mm; all sizes of the paper are in benchmarks/dvh_accuracy.py."""

CASES = [
    Case(solid, axis, rising, *size)
    for solid in SOLIDS
    for axis in ("SI", "AP")
    for rising in (True, False)
    for size in SIZES
] + [Case(solid, "AP", True, 0.4, 0.2) for solid in SOLIDS]


EVERY = 1 if os.environ.get("PYCONQUEST_RT_ALL_PHANTOMS") else 3  # the long form takes all 105


@pytest.mark.parametrize("case", CASES[::EVERY], ids=str)
def test_every_metric_is_what_the_contours_encode(case):
    rs, rd = (written(ds) for ds in case.objects())
    dvh = calculate_dvhs(rs, rd)[1]
    truth = case.stack_truth().values()
    found = measured(dvh, truth)
    off = {name: 100 * (found[name] / truth[name] - 1) for name in truth}
    assert {name: value for name, value in off.items() if abs(value) > LIMITS[name]} == {}
    assert dvh.status == "ok", dvh.reason


@pytest.mark.parametrize("solid", SOLIDS)
def test_thin_slices_come_near_the_ideal_solid(solid):
    case = Case(solid, "AP", True, 1.0, 0.2)
    dvh = calculate_dvhs(*case.objects())[1]
    truth = case.ideal_truth().values()
    found = measured(dvh, truth)
    assert {name for name in truth if abs(found[name] / truth[name] - 1) > 0.03} == set()


def test_the_curve_in_bins_of_1_cgy():
    case = Case("sphere", "SI", True, 2.0, 1.0)
    dvh = calculate_dvhs(*case.objects())[1]
    dose, volume = dvh.dose_gy, dvh.cumulative_cc
    assert len(dose) == len(volume) == len(dvh.differential_cc) + 1
    assert dose[0] == 0 and volume[0] == pytest.approx(dvh.volume_cc) and volume[-1] == 0
    assert dose[1:] - dose[:-1] == pytest.approx(0.01)
    assert (volume[1:] <= volume[:-1]).all()
    assert dose[-1] == pytest.approx(dvh.max_gy, abs=0.01) and dose[-1] >= dvh.max_gy - 1e-6
    truth = case.stack_truth()
    at = truth.dose(truth.heights)
    assert volume[1000:3000:100] == pytest.approx(
        np.interp(dose[1000:3000:100], at, truth.above / 1e3), rel=2e-3
    )
