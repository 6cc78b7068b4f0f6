"""Metrics, biology and conversions on DVHs that are known in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.rt.dvh import biology
from pyconquest_rt.rt.dvh.dvh_object import DVH
from pyconquest_rt.rt.dvh.histogram import curve_of, merged, thinned
from pyconquest_rt.rt.dvh.metrics import parse_metric


@pytest.fixture
def level():
    """200 cc with doses spread evenly from 10 to 60 Gy, prescription 50 Gy."""
    return DVH(
        1,
        "PTV",
        "PTV",
        volume_cc=200.0,
        min_gy=10.0,
        mean_gy=35.0,
        max_gy=60.0,
        prescription_gy=50.0,
        fractions=25,
        geud_a=8.0,
        dose=np.linspace(10, 60, 1001),
        share=np.linspace(1, 0, 1001),
    )


METRICS = {
    "D95%[Gy]": 12.5,
    "D95%": 12.5,
    "d95%[gy]": 12.5,
    "D95%[cGy]": 1250,
    "D2%[%]": 118,
    "D0.03cc[Gy]": 59.9925,
    "D20cc[Gy]": 55,
    "D20cm3[Gy]": 55,
    "D100%": 10,
    "D0%": 60,
    "DC5cc[Gy]": 11.25,
    "DC10%[Gy]": 15,
    "V20Gy[%]": 80,
    "V20Gy": 80,
    "V2000cGy[cc]": 160,
    "V20Gy[cc]": 160,
    "V95%[%]": 25,
    "V0Gy[%]": 100,
    "V60Gy[cc]": 0,
    "V100Gy[cc]": 0,
    "CV20Gy[cc]": 40,
    "CV20Gy[%]": 20,
    "Mean[Gy]": 35,
    "Mean[%]": 70,
    "mean": 35,
    "Min[Gy]": 10,
    "Max[cGy]": 6000,
    "Median[Gy]": 35,
    "Volume[cc]": 200,
    "Volume": 200,
    "HI": (59 - 11) / 35,
    "Integral": 7.0,
    "Integral[J]": 7.0,
    "gEUD1[Gy]": 35,
    "gEUD-10": ((60**-9 - 10**-9) / (50 * -9)) ** (-1 / 10),
    "gEUD8[cGy]": 100 * ((60**9 - 10**9) / (50 * 9)) ** (1 / 8),
    "gEUD": ((60**9 - 10**9) / (50 * 9)) ** (1 / 8),
    "BED:Max[Gy]": 60 * 1.24,
    "EQD2:Median": 35 * 1.14 / 1.2,
    "eqd2(3):d50%[gy]": 35 * (1 + 1.4 / 3) / (1 + 2 / 3),
    "EQD2(3): Min": 10 * (1 + 0.4 / 3) / (1 + 2 / 3),
    "BED:V39.9Gy[%]": 50,
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics(level, name):
    assert level.metric(name) == pytest.approx(METRICS[name], rel=1e-4 if name[0] == "g" else 1e-6)
    assert str(parse_metric(str(parse_metric(name)))) == str(parse_metric(name))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "D95",
        "V20",
        "D20Gy[cc]",
        "V20cc[Gy]",
        "D95%[cc]",
        "V20Gy[Gy]",
        "X5%",
        "D-1%",
        "Mean[cc]",
        "Mean5Gy",
        "HI[Gy]",
        "gEUD8Gy",
        "gEUD[cc]",
        "Integral[Gy]",
        "CI5cc",
        "EQD3:Mean",
        "EQD2:HI",
        "EQD2:V95%",
        "BED:Mean[%]",
        "EQD2(-3):Mean",
        "EQD2:",
        "CI-5%",
    ],
)
def test_what_is_no_metric(level, name):
    with pytest.raises(ValueError, match=r"metric|takes|answer"):
        level.metric(name)


def test_percent_of_dose_needs_a_prescription(level):
    bare = DVH(1, dose=level.dose, share=level.share, volume_cc=200.0)
    for name in ("D95%[%]", "V95%[cc]"):
        with pytest.raises(ValueError, match="prescription"):
            bare.metric(name)
    with pytest.raises(ValueError, match="unit"):
        level.dose_at_volume(5, "ml")


def test_metrics_of_conformity(level):
    asked = []

    def isodose(dose):
        asked.append(dose)
        return 50.0

    assert level.metric("CI", isodose) == pytest.approx(50 / 200)
    assert level.metric("CN", isodose) == pytest.approx((40 / 200) * (40 / 50))
    assert level.metric("CI60%", isodose) == pytest.approx(50 / 200)
    assert level.metric("CN4000cGy", isodose) == pytest.approx((80 / 200) * (80 / 50))
    assert asked == pytest.approx([50, 50, 30, 40])
    assert [str(parse_metric(name)) for name in ("ci", "CN95%", "CI54Gy")] == ["CI", "CN95%", "CI54Gy"]
    with pytest.raises(ValueError, match="isodose"):
        level.metric("CI")


def test_what_metrics_need_to_know(level):
    bare = DVH(1, dose=level.dose, share=level.share, volume_cc=200.0)
    for name, reason in (("EQD2:Mean", "fractions"), ("BED:D2%", "fractions"), ("gEUD", "parameter a")):
        with pytest.raises(ValueError, match=reason):
            bare.metric(name)
    assert bare.eqd2(25).mean_gy == pytest.approx(bare.eqd2(25, 3.0).mean_gy)
    tissue = DVH(1, dose=level.dose, share=level.share, volume_cc=200.0, alpha_beta_gy=2.0, fractions=25)
    assert tissue.metric("EQD2:Max") == pytest.approx(60 * (1 + 2.4 / 2) / 2)


def test_volumes_that_are_not_there(level):
    assert np.isnan(level.dose_at_volume(201, "cc")) and np.isnan(level.dose_at_volume(-1))
    failed = DVH(2, status="failed", reason="no contours", volume_cc=0.0)
    for name in ("D95%[Gy]", "V20Gy[%]", "Mean", "D0.03cc"):
        assert np.isnan(failed.metric(name))
    assert np.isnan(failed.geud(2)) and failed.bed(20).status == "failed"
    assert failed.to_dicompyler().volume == 0


@given(st.floats(0, 100))
def test_dose_and_volume_are_inverse(volume):
    dvh = DVH(1, volume_cc=80.0, dose=np.array([1.0, 5.0, 9.0, 30.0]), share=np.array([1.0, 0.7, 0.2, 0.0]))
    assert dvh.volume_at_dose(dvh.dose_at_volume(volume), out="%") == pytest.approx(volume, abs=1e-9)


def test_target_indices(level):
    assert level.homogeneity_index() == pytest.approx((59 - 11) / 35)
    found = level.conformity_indices(isodose_cc=50.0)
    assert found.rtog == pytest.approx(0.25) and found.coverage == pytest.approx(0.2)
    assert found.selectivity == pytest.approx(0.8) and found.paddick == pytest.approx(0.16)
    assert level.conformity_indices(150.0, dose_gy=30.0).coverage == pytest.approx(0.6)
    assert np.isnan(level.conformity_indices(0.0).paddick)
    assert level.integral_dose() == pytest.approx(7.0) and level.integral_dose(0.3) == pytest.approx(2.1)


def test_geud(level):
    assert level.geud(1) == pytest.approx(35)
    assert level.geud(8) == pytest.approx(((60**9 - 10**9) / (50 * 9)) ** (1 / 8), rel=1e-4)
    assert level.geud(-10) == pytest.approx(((60**-9 - 10**-9) / (50 * -9)) ** (-1 / 10), rel=1e-4)
    assert level.geud(500) == pytest.approx(60, rel=0.02) and level.geud(-500) == pytest.approx(10, rel=0.02)
    with pytest.raises(ValueError, match="a = 0"):
        level.geud(0)
    assert biology.geud(np.array([0.0, 2.0]), np.array([1.0, 1.0]), -3) == 0
    assert biology.geud(np.zeros(2), np.ones(2), 3) == 0


def test_bed_and_eqd2(level):
    assert biology.bed(60, 30, 10) == pytest.approx(72) and biology.eqd2(60, 30, 10) == pytest.approx(60)
    assert biology.eqd2(45, 15, 3) == pytest.approx(54)
    bed = level.bed(25)
    assert bed.min_gy == pytest.approx(10 * 1.04) and bed.max_gy == pytest.approx(60 * 1.24)
    assert bed.mean_gy == pytest.approx(35 + (60**3 - 10**3) / 150 / 250, rel=1e-5)
    assert bed.dose_at_volume(50) == pytest.approx(35 * 1.14)
    assert level.eqd2(25, 3.0).dose_at_volume(50) == pytest.approx(35 * (1 + 1.4 / 3) / (1 + 2 / 3))
    assert biology.alpha_beta("ORGAN") == 3 and biology.alpha_beta("CTV") == 10
    for fractions, ratio in ((0, 3), (20, 0), (float("nan"), 3)):
        with pytest.raises(ValueError, match="positive"):
            biology.bed(50, fractions, ratio)


def test_a_curve_of_known_pieces():
    dose, volume = curve_of(np.array([3.0, 1.0]), np.array([5.0, 9.5]), np.array([4.0, 8.0]), 0.0, 10.0)
    # 3 parts evenly over 3..7, 1 part evenly over 9..10: not beyond the greatest dose, with its mean kept
    found = np.interp([0.0, 2.9, 4.0, 5.0, 7.1, 8.9, 9.5, 10.0], dose, volume)
    assert found == pytest.approx([4, 4, 3.25, 2.5, 1, 1, 0.5, 0], abs=1e-5)


@pytest.mark.parametrize("peak", [60.0, 300.0, 1e4, 1e6])
def test_the_greatest_dose_does_not_make_a_curve_coarse(peak):
    rng = np.random.default_rng(2)
    pieces = rng.normal(30, 4, 20_000)
    dose = np.append(np.clip(pieces, 5, 55), peak)
    volume = np.append(np.ones(20_000), 1e-6)
    curve = curve_of(volume, dose, np.full(20_001, 0.05), 4.9, peak + 0.1)
    for part in (0.99, 0.9, 0.5, 0.1, 0.01):
        wanted = np.quantile(pieces, 1 - part)
        assert np.interp(-part * 20_000, -curve.volume, curve.dose) == pytest.approx(wanted, abs=0.004)


def test_flat_doses_are_steps():
    dose, volume = curve_of(np.ones(4), np.array([20.0, 20.0, 20.0, 12.0]), np.array([0.0, 0, 0, 4]), 10, 20)
    assert np.interp([9.0, 12.0, 14.0, 19.999, 20.0, 20.0001], dose, volume) == pytest.approx(
        [4, 3.5, 3, 3, 3, 0], abs=1e-3
    )


def test_curves_of_two_portions_are_that_of_all_pieces():
    rng = np.random.default_rng(4)
    volume, dose, width = rng.uniform(0, 1, 9000), rng.gamma(3, 8, 9000), rng.uniform(0, 0.5, 9000)
    whole = curve_of(volume, dose, width, 0.0, float(dose.max() + 0.3))
    parts = [
        curve_of(volume[chosen], dose[chosen], width[chosen], 0.0, float(dose[chosen].max() + 0.3))
        for chosen in (slice(0, 2000), slice(2000, None))
    ]
    together = thinned(merged(parts))
    at = np.linspace(0, 90, 500)
    found = np.interp(at, together.dose, together.volume)
    assert found == pytest.approx(np.interp(at, whole.dose, whole.volume), abs=1e-3 * volume.sum())


def test_doses_of_any_size_are_handed_out_in_bounded_bins():
    for top in (0.0, 0.004, 70.0, 5e4):
        dvh = DVH(1, volume_cc=10.0, dose=np.array([0.0, top]), share=np.array([1.0, 0.0]))
        assert dvh.dose_gy.size == dvh.cumulative_cc.size <= 100_002
        assert dvh.volume_at_dose(0.0) == 10
        assert dvh.dose_gy[-1] >= top and dvh.cumulative_cc[0] == 10 and dvh.cumulative_cc[-1] == 0
