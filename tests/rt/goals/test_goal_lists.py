"""Goals: what may be written, and twenty hand-made plans whose answers are known by arithmetic.

Each ROI is made of doses spread evenly from one to another, so that D, V and Mean follow with pencil and paper.
"""

import re
from typing import Any

import numpy as np
import pytest

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.rt.dvh.dvh_object import DVH, from_curve
from pyconquest_rt.rt.goals.judging import Judged, judge
from pyconquest_rt.rt.goals.lists import EXAMPLES, GoalList, example, parse, parse_goal

ROI = tuple[str, float, float, float]
"""Name, least and greatest dose in Gy, volume in cc."""


def judged(number: int, roi: ROI, rx: float | None) -> Judged:
    name, low, high, volume = roi
    dose = np.linspace(low, high, 401)
    dvh = from_curve(DVH(number, prescription_gy=rx), dose, volume * (high - dose) / (high - low), volume)

    def value(metric: str) -> float | None:
        try:
            return dvh.metric(metric)
        except ValueError:
            return None

    return Judged(number, name, name, rx, "ok", None, value)


PLANS: list[tuple[float | None, list[ROI], str, str, str, float | None]] = [
    # prescription, ROIs, ROI of the goal, goal, verdict, value
    (60.0, [("PTV", 57, 63, 100)], "PTV", "D95%[Gy] >= 95%Rx", "met", 57.3),
    (60.0, [("PTV", 55, 63, 100)], "PTV", "D95%[Gy] >= 95%Rx", "not met", 55.4),
    (60.0, [("PTV", 55, 63, 100)], "PTV", "D95%[Gy] >= 95%Rx ~ 90%Rx", "acceptable", 55.4),
    (60.0, [("PTV", 57, 63, 100)], "PTV", "D95%[%] >= 95", "met", 95.5),
    (60.0, [("PTV", 50, 70, 100)], "PTV", "V95%[%] >= 95 ~ 60", "acceptable", 65.0),
    (60.0, [("PTV", 50, 70, 100)], "PTV", "D2%[Gy] <= 107%Rx", "not met", 69.6),
    (None, [("PTV", 50, 70, 100)], "PTV", "D95%[Gy] >= 95%Rx", "cannot be judged", None),
    (None, [("PTV", 50, 70, 100)], "PTV", "V95%[%] >= 95", "cannot be judged", None),
    (60.0, [("Heart", 0, 8, 600)], "Heart", "Mean[Gy] <= 4 ~ 5", "met", 4.0),
    (60.0, [("Heart", 0, 9, 600)], "Heart", "Mean[Gy] <= 4 ~ 5", "acceptable", 4.5),
    (60.0, [("Heart", 0, 12, 600)], "Heart", "Mean[Gy] <= 4 ~ 5", "not met", 6.0),
    (60.0, [("Heart", 0, 8, 600)], "Heart", "Mean[Gy] < 4", "not met", 4.0),
    (None, [("Heart", 0, 8, 600)], "Heart", "Mean[cGy] <= 400", "met", 400.0),
    (60.0, [("Lung_L", 0, 40, 1000)], "Lung_?", "V20Gy[%] <= 30 ~ 50", "acceptable", 50.0),
    (60.0, [("Lung_L", 0, 40, 1000)], "Lung_L", "V20Gy[cc] <= 400", "not met", 500.0),
    (60.0, [("Lung_L", 0, 40, 1000)], "Lung_L", "CV20Gy[cc] >= 500", "met", 500.0),
    (60.0, [("SpinalCord", 0, 45, 50)], "SpinalCord", "D0.5cc[Gy] <= 45 ~ 50", "met", 44.55),
    (60.0, [("SpinalCord", 0, 45, 50)], "Brainstem", "D0.03cc[Gy] <= 54", "cannot be judged", None),
    (60.0, [("Body", 0, 66, 9000)], "Body", "Max[Gy] <= 110%Rx", "met", 66.0),
    (60.0, [("Liver", 10, 50, 1500)], "Liver", "DC700cc[Gy] <= 30", "met", 28.6667),
]


@pytest.mark.parametrize(("rx", "rois", "roi", "text", "verdict", "value"), PLANS)
def test_twenty_plans(
    rx: float | None, rois: list[ROI], roi: str, text: str, verdict: str, value: float | None
) -> None:
    assert len(PLANS) == 20
    (row,) = judge(
        GoalList("x", (parse_goal(roi, text),)), [judged(n, one, rx) for n, one in enumerate(rois, 1)], rx
    )
    assert row["verdict"] == verdict
    assert row["value"] == (None if value is None else pytest.approx(value, rel=2e-3))
    assert (row["reason"] is None) == (value is not None)


def test_limits_in_the_metrics_unit_and_each_roi_by_itself() -> None:
    lungs = [judged(1, ("Lung_L", 0, 40, 1000), 50.0), judged(2, ("Lung_R", 0, 80, 1000), 50.0)]
    goals = GoalList("x", (parse_goal("Lung_?", "Mean[cGy] <= 40%Rx ~ 50%Rx", 2),))
    rows = judge(goals, lungs, 50.0)
    assert [
        (row["roi_name"], row["verdict"], row["limit_value"], row["variation_value"]) for row in rows
    ] == [
        ("Lung_L", "met", 2000.0, 2500.0),
        ("Lung_R", "not met", 2000.0, 2500.0),
    ]
    assert {(row["goal_list"], row["priority"], row["unit"]) for row in rows} == {("x", 2, "cGy")}


def test_a_failed_dvh_and_a_remark_are_passed_on() -> None:
    whole = judged(1, ("Heart", 0, 8, 600), 60.0)
    goals = GoalList("x", (parse_goal("Heart", "Mean[Gy] <= 4"),))
    failed = Judged(1, "Heart", "Heart", 60.0, "failed", "no contours", whole.value)
    (row,) = judge(goals, [failed], 60.0)
    assert (row["verdict"], row["reason"]) == ("cannot be judged", "there is no DVH: no contours")
    remarked = Judged(1, "Heart", "Heart", 60.0, "warning", "a plane is missing", whole.value)
    (row,) = judge(goals, [remarked], 60.0)
    assert (row["verdict"], row["reason"]) == ("met", "a plane is missing")


def test_raw_names_count_where_there_is_no_standard_name() -> None:
    goal = parse_goal("ptv_boost*", "Max[Gy] <= 70")
    assert goal.is_for(None, "PTV_Boost 1") and not goal.is_for("PTVn", "ptv_boost 1")


@pytest.mark.parametrize(
    ("goal", "why"),
    [
        ("Mean[Gy] = 4", "is no goal"),
        ("Mean[Gy] <= 4 ~ 3", "stricter than the limit"),
        ("D95%[Gy] >= 57 ~ 58", "stricter than the limit"),
        ("D95%[Gy] >= 95%Rx ~ 50", "both be in %Rx"),
        ("V20Gy[%] <= 30%Rx", "for doses in Gy or cGy"),
        ("V20Gy[%] <= 30 cc", "the limit is in cc, the metric in %"),
        ("Nonsense <= 3", "is no metric"),
        ("Mean[Gy] <= 4.5.6", "is no number"),
        ("D95 >= 57", "takes a value"),
    ],
)
def test_what_is_no_goal(goal: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse_goal("Heart", goal)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("list = 3", "nothing but [[list]]"),
        ("[[list]\n", "goals.toml: "),
        ("[[list]]\ngoals = []", "expected a name"),
        ('[[list]]\nname = "a"', "list 1 (a): expected goals"),
        ('[[list]]\nname = "a"\nsit = "x"', "unknown sit"),
        ('[[list]]\nname = "a"\nsite = 3\ngoals = [{roi="H", goal="Max <= 3"}]', "site: expected a text"),
        ('[[list]]\nname = "a"\ngoals = [{roi="H"}]', "goal 1: expected"),
        ('[[list]]\nname = "a"\ngoals = [{roi="H", goal="Max <= 3", priority="high"}]', "whole number"),
        ('[[list]]\nname = "a"\ngoals = [{roi="H", goal="Max < = 3"}]', "is no goal"),
        ('[[list]]\nname = "a"\nprescription = "much"\ngoals = [{roi="H", goal="Max <= 3"}]', "is no range"),
        ('[[list]]\nname = "a"\ngoals = [{roi="H", goal="Max <= 3"}]\n' * 2, "more than one list"),
    ],
)
def test_what_is_no_list(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)):
        parse(text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_can_be_read_and_name_their_sources(name: str) -> None:
    lists = parse(example(name))
    assert all(one.source and len(one.goals) > 5 for one in lists)


GIVEN: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"site": "lung*"}, True),
    ({"site": "prostate"}, False),
    ({"plan": "*BOOST*"}, False),
    ({"prescription": (50.0, 70.0), "fractions": (None, 30.0)}, True),
    ({"prescription": (None, 50.0)}, False),
    ({"prescription": (60.0, 60.0)}, True),
]


@pytest.mark.parametrize(("given", "is_for"), GIVEN)
def test_for_which_plans_a_list_is(given: dict[str, Any], is_for: bool) -> None:
    goals = GoalList("x", (), **given)
    assert goals.is_for("lung left", "Lung 60", 60.0, 30) == is_for
    assert goals.unknown(60.0, 30) == []


def test_what_is_not_known_is_named() -> None:
    goals = GoalList("x", (), prescription=(50.0, 70.0), fractions=(20.0, None))
    assert goals.is_for(None, None, None, None) and goals.unknown(None, None) == ["prescription", "fractions"]
