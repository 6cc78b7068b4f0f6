"""Verdicts of clinical goals as rows: made with the DVHs, made anew with lists and sites, said by the verb."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients

LISTS = """
[[list]]
name = "lung"
prescription = "50:70"
goals = [
    { roi = "PTV*", goal = "D95%[Gy] >= 95%Rx", priority = 1 },
    { roi = "SpinalCord", goal = "D2%[Gy] <= 1 ~ 50" },
    { roi = "Heart", goal = "Max[Gy] <= 0.1" },
    { roi = "Brainstem", goal = "Max[Gy] <= 54" },
]
"""


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patients("data", count=1)
    archive.rebuild_database_from_dicom()
    Path("goals.toml").write_text(LISTS)
    archive.derive()
    return archive


def verdicts(archive: pyconquest) -> dict[str, str]:
    return {row["roi_name"]: row["verdict"] for row in archive.goals()}


def verb(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["goals", *arguments])


def test_rows_are_there_with_the_dvhs(demo: pyconquest) -> None:
    assert verdicts(demo) == {
        "PTV_6000": "met",
        "SpinalCord": "acceptable",
        "Heart": "not met",
        "Brainstem": "cannot be judged",
    }
    (row,) = demo.query("SELECT * FROM rt_goal_result WHERE roi_name = 'PTV_6000'")
    (target,) = demo.dvhs(roi="PTV_6000", metrics=("D95%[Gy]",))
    assert (row["value"], row["limit_value"], row["unit"]) == (target["D95%[Gy]"], 57.0, "Gy")
    assert row["dose_uid"] == target["SOPInstanceUID"] and row["patient_id"] == "DEMO001"
    (first, *_) = [row for row in demo.goals("DEMO001") if row["roi_name"] == "PTV_6000"]
    assert first["margin"] == pytest.approx(first["value"] - 57.0)
    assert demo.goals("nobody") == []


def test_other_lists_make_them_anew_and_none_removes_them(demo: pyconquest) -> None:
    Path("goals.toml").write_text(LISTS.replace("<= 0.1", "<= 50"))
    done = verb()
    assert "1 doses are not judged by these lists yet" in done.output
    demo.derive()
    assert verdicts(demo)["Heart"] == "met"
    os.unlink("goals.toml")
    demo.derive()
    assert demo.goals() == []
    assert "no goals goals.toml" in verb().output


def test_the_site_chooses_the_list(demo: pyconquest) -> None:
    Path("goals.toml").write_text(LISTS.replace("prescription", 'site = "thorax*"\nprescription'))
    demo.derive()
    assert demo.goals() == []
    demo.set_site("DEMO001", "Thorax left")
    demo.derive()
    assert verdicts(demo)["PTV_6000"] == "met"


def test_without_a_prescription_it_is_said_that_nothing_can_be_said(demo: pyconquest) -> None:
    os.unlink("data/DEMO001/RTPLAN.dcm")
    demo.rebuild_database_from_dicom()
    demo.derive(link="frame of reference")
    (row,) = demo.goals()
    assert row["verdict"] == "cannot be judged" and "prescription not known" in row["reason"]


def test_lists_that_cannot_be_read_fail_with_the_reason(demo: pyconquest) -> None:
    Path("goals.toml").write_text(LISTS.replace("<= 50", "<= fifty").replace("~ 50", "~ fifty"))
    summary = demo.derive()
    assert [(name, "is no goal" in why) for name, _, why in summary.reasons] == [("goals", True)]
    done = verb()
    assert done.exit_code == 1 and "list 1 (lung), goal 2" in done.output


def test_the_verb_says_each_and_ends_with_a_status(demo: pyconquest) -> None:
    done = verb("DEMO001")
    assert done.exit_code == 1 and "the structure set has no ROI Brainstem" in done.output
    rows = json.loads(verb("--json").output)
    assert {row["goal_list"] for row in rows} == {"lung"} and len(rows) == 4
    counts = verb("--cohort", "--json")
    assert counts.exit_code == 0
    assert {row["roi_name"]: row["met"] for row in json.loads(counts.output)}["PTV_6000"] == 1
    Path("goals.toml").write_text(LISTS.replace("<= 0.1", "<= 50"))
    demo.derive()
    assert verb().exit_code == 3
    Path("goals.toml").write_text(
        LISTS.replace("<= 0.1", "<= 50").replace("Brainstem", "Body").replace("<= 54", "<= 70")
    )
    demo.derive()
    assert verb().exit_code == 0
    assert verb("nobody").exit_code == 1


def test_an_example_is_written_once(demo: pyconquest) -> None:
    assert "is there already" in verb("--init", "breast").output
    os.unlink("goals.toml")
    assert "written" in verb("--init", "quantec").output
    demo.derive()
    assert verdicts(demo)["SpinalCord"] == "met"
