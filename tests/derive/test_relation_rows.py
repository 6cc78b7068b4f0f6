"""Pairs of organ and target as rows: which ROIs are targets, in any order of arrival, and of the shared real sets."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from rt_cases import dose, item, plan, structures

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.rt.relations.rows import ovh_of
from pyconquest_rt.rt.relations.targets import RoiFacts, targets_of
from pyconquest_rt.settings.sections import ArchiveSettings

SHARED = (
    Path(os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    / "rt"
)


def moved(made, name, shift):
    """Move one ROI of a structure set by ``shift`` mm along x."""
    number = next(roi.ROINumber for roi in made.StructureSetROISequence if roi.ROIName == name)
    for drawn in made.ROIContourSequence:
        if drawn.ReferencedROINumber == number:
            for contour in drawn.ContourSequence:
                data = [float(value) for value in contour.ContourData]
                contour.ContourData = [value + shift * (place % 3 == 0) for place, value in enumerate(data)]
    return made


def opened(root, text=""):
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / "pyconquest.toml").write_text(text)
    return Archive.open(ArchiveSettings(str(root / "data"), str(root / "x.db"), "none.sql"))


def put(archive, *objects):
    folder = archive.storage.root / "RT1"
    folder.mkdir(exist_ok=True)
    for made in objects:
        made.save_as(folder / f"{made.SOPInstanceUID}.dcm", enforce_file_format=True)
    rebuild(archive)
    derive(archive)


def objects():
    made = structures("1.2.5.1", {"PTV_60": "PTV", "Bladder": "ORGAN", "GTV": "GTV"})
    moved(moved(made, "Bladder", 30), "GTV", 2)
    planned = plan("1.2.5.2", 60.0, 30, "1.2.5.1")
    planned.BeamSequence[0].ControlPointSequence = [item(ControlPointIndex=0, IsocenterPosition=[0, 0, 0])]
    return made, planned, dose("1.2.5.3", 60.0, plans=["1.2.5.2"])


def test_rows_are_the_same_in_any_order_of_arrival(tmp_path):
    expected = None
    for number, order in enumerate(itertools.permutations(objects())):
        archive = opened(tmp_path / str(number))
        for made in order:
            put(archive, made)
        query = archive.database.query
        found = {
            name: query(f"SELECT * FROM {name} ORDER BY 1, 2, 3")
            for name in ("rt_relation", "rt_sts", "rt_isodose")
        }
        expected = expected or found
        assert found == expected
    rows = {row["targets"]: row for row in expected["rt_relation"]}
    assert set(rows) == {"1", "3", "1\\3"}
    assert [row["is_union"] for row in rows.values()].count(1) == 1
    assert rows["1"]["target_rule"] == "name" and rows["1"]["status"] == "ok"
    assert (rows["1"]["min_mm"], rows["1"]["max_mm"]) == pytest.approx((10.0, 30.0), abs=0.01)
    assert (rows["1\\3"]["min_mm"], rows["1\\3"]["target_cc"]) == pytest.approx((8.0, 9.24), abs=0.01)
    assert (rows["1"]["within_10mm"], rows["1"]["within_20mm"]) == pytest.approx((0.0, 0.5), abs=0.005)
    distance, fraction = ovh_of(rows["1"])
    assert fraction[distance == 20.0] == pytest.approx(0.5, abs=0.005)
    assert len(expected["rt_sts"]) == 3
    levels = {row["level_percent"]: row for row in expected["rt_isodose"]}
    assert levels[50.0]["of_what"] == "prescription" and levels[50.0]["dose_gy"] == 30.0
    assert levels[50.0]["volume_cc"] == pytest.approx(60**3 / 1e3)
    assert "border" in levels[50.0]["reason"]
    (margin, *_) = query("SELECT * FROM v_ovh_margin WHERE target_name = 'PTV_60'")
    assert margin["within_20mm"] == rows["1"]["within_20mm"] and margin["patient_id"] == "RT1"
    (iso,) = query("SELECT * FROM v_isocentre_distance")
    assert (iso["dx_mm"], iso["square_mm2"]) == pytest.approx((30.0, 900.0), abs=0.01)


def test_rows_go_with_their_objects_and_follow_the_settings(tmp_path):
    archive = opened(tmp_path)
    put(archive, *objects())
    archive = opened(tmp_path, '[rt]\ntargets = "Bladder"\n')
    derive(archive)
    rows = archive.database.query("SELECT * FROM rt_relation")
    assert {(row["targets"], row["target_rule"]) for row in rows} == {("2", "setting")}
    remove_images(archive.database, ["1.2.5.1"])
    assert archive.database.query("SELECT * FROM rt_relation") == []
    assert archive.database.query("SELECT * FROM rt_sts") == []


def test_a_set_without_targets_says_so(tmp_path):
    archive = opened(tmp_path)
    put(archive, structures("1.2.5.1", {"Bladder": "ORGAN", "zPTV": "PTV", "Dose 5200[cGy]": "PTV"}))
    (row,) = archive.database.query("SELECT * FROM rt_relation")
    assert (row["status"], row["target_rule"], row["min_mm"]) == ("failed", "none", None)
    assert "no target" in row["reason"]


ROIS = [
    RoiFacts(1, "Breast", "Breast", "CTV"),
    RoiFacts(2, "boost", None, "ORGAN"),
    RoiFacts(3, "PTV", "PTV", "ORGAN"),
    RoiFacts(4, "zPTV", "PTV", "PTV"),
    RoiFacts(5, "Dose 5200", None, "PTV"),
]


@pytest.mark.parametrize(
    "rois, patterns, prescribed, expected",
    [
        (ROIS, ["boo*"], [1], ((2,), "setting")),
        (ROIS, ["nothing"], [2], ((3,), "name")),
        (ROIS[:2], [], [2], ((2,), "prescription")),
        (ROIS[:2], [], [9], ((1,), "type")),
        (ROIS[3:], [], [4, 5], ((), "none")),
    ],
)
def test_rules_of_targets(rois, patterns, prescribed, expected):
    assert targets_of(rois, patterns, prescribed) == expected


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_every_pair_of_the_shared_sets_has_a_row_or_a_reason(tmp_path):
    archive = opened(tmp_path)
    for path in SHARED.rglob("*.dcm"):
        if path.parent.name in ("rt-utils", "pydicom", "cerr") or path.name == "EclipseProstate_rtss.dcm":
            (archive.storage.root / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, archive.storage.root / path.parent.name)
    rebuild(archive)
    derive(archive, only=["structure_set", "plan", "relation"])
    query = archive.database.query
    rows = query("SELECT * FROM rt_relation")
    assert {row["SOPInstanceUID"] for row in rows} == {
        row["SOPInstanceUID"] for row in query("SELECT SOPInstanceUID FROM rt_structure_set")
    }
    for row in rows:
        assert row["target_rule"]
        if row["status"] == "failed":
            assert row["reason"] and row["min_mm"] is None
            continue
        order = [row[name] for name in ("min_mm", "p25_mm", "median_mm", "p75_mm", "max_mm")]
        assert order == sorted(order)
        assert row["overlap_cc"] <= min(row["organ_cc"], row["target_cc"]) * 1.001
        share = row["overlap_cc"] / row["organ_cc"]
        assert row["within_0mm"] == pytest.approx(share, abs=0.01)
        assert (row["overlap_cc"] > 1e-3) == (row["min_mm"] < -0.01) or row["overlap_cc"] < 0.01
