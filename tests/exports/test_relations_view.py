"""What earlier plans achieved, and plans alike, on sets of plans with answers by hand; and the verbs' pictures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.exports.relations import achievable, find_relations, similar
from pyconquest_rt.exports.relations_plot import plot_achievable
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def database(tmp_path):
    (tmp_path / "data").mkdir()
    archive = Archive.open(ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "x.db"), "none.sql"))
    derive(archive)  # makes the tables
    yield archive.database
    archive.close()


def put(database, number, distance, dose, **more):
    """One plan: half of the organ lies within ``distance`` mm, and the dose falls evenly from 2 ``dose`` to 0 Gy."""
    given = {"organ": "Rectum", "tg": "Rectum", "rx": 60.0, "site": "PROSTATE", "date": "20250101"} | more
    key = f"1.2.{number}"
    curve = {
        "curve_gy": np.array([0.0, 2 * dose], "<f4").tobytes(),
        "curve_cc": np.array([10.0, 0.0], "<f4").tobytes(),
    }
    study = {"patient_id": f"P{number}", "study_instance_uid": key, "status": "ok"}
    ovh = json.dumps([round(k / 20, 3) for k in range(21)])
    rows = {
        "rt_structure_set": study | {"SOPInstanceUID": f"{key}.1"},
        "rt_plan": {"SOPInstanceUID": f"{key}.2", "label": f"plan {number}", "status": "ok"}
        | {"date": given["date"], "treatment_site_key": given["site"]},
        "rt_dose": study | {"SOPInstanceUID": f"{key}.3"},
        "rt_relation": {"SOPInstanceUID": f"{key}.1", "organ_number": 1, "targets": "2", "end_cap": "half"}
        | {"organ_name": given["organ"], "target_name": "PTV", "is_union": 1, "target_rule": "name"}
        | {"status": "ok", "ovh_first_mm": distance - 10.0, "ovh_width_mm": 1.0, "ovh": ovh},
        "dvh": {"SOPInstanceUID": f"{key}.3", "structure_set_uid": f"{key}.1", "roi_number": 1}
        | {"source": "pyconquest", "end_cap": "half", "roi_name": given["organ"], "plan_uid": f"{key}.2"}
        | {"summation_type": "PLAN", "prescription_gy": given["rx"], "status": "ok"}
        | {"volume_cc": 10.0, "mean_gy": dose}
        | curve,
    }
    rows["dvh2"] = rows["dvh"] | {"roi_number": 2, "roi_name": "PTV", "mean_gy": given["rx"]}
    with database.transaction() as connection:
        for name, row in rows.items():
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO {name.rstrip('2')}({', '.join(row)}) VALUES ({marks})",
                tuple(row.values()),
            )
        connection.execute("DELETE FROM roi_name WHERE raw_name = ?", (given["organ"],))
        connection.execute(
            "INSERT INTO roi_name(physician, raw_name, tg263_name, method) VALUES ('DEFAULT', ?, ?, 'exact')",
            (given["organ"], given["tg"]),
        )


OURS = (0, 20.0, 30.0)
SETS = {
    "one nearer with less dose": ([(1, 10, 20)], 1, 20.0, 10.0),
    "one nearer with more dose": ([(1, 10, 40)], 1, 40.0, -10.0),
    "one farther with less dose tells nothing": ([(1, 25, 5)], 0, None, None),
    "as far away counts": ([(1, 20, 25)], 1, 25.0, 5.0),
    "least of three": ([(1, 5, 28), (2, 12, 22), (3, 19, 24)], 3, 22.0, 8.0),
    "farther one is left out": ([(1, 5, 28), (2, 21, 10)], 1, 28.0, 2.0),
    "other organ": ([(1, 5, 10, {"organ": "Bladder", "tg": "Bladder"})], 0, None, None),
    "other name, same organ": ([(1, 5, 10, {"organ": "rectum_total", "tg": "Rectum"})], 1, 10.0, 20.0),
    "other side": ([(1, 5, 10, {"organ": "Parotid L", "tg": "Parotid_L"})], 0, None, None),
    "other site": ([(1, 5, 10, {"site": "LUNG"})], 0, None, None),
    "no site": ([(1, 5, 10, {"site": None})], 0, None, None),
    "much higher prescription": ([(1, 5, 10, {"rx": 70.0})], 0, None, None),
    "prescription within a tenth": ([(1, 5, 10, {"rx": 65.0})], 1, 10.0, 20.0),
    "without prescription": ([(1, 5, 10, {"rx": None})], 0, None, None),
    "later": ([(1, 5, 10, {"date": "20260101"})], 0, None, None),
    "of the same day": ([(1, 5, 10)], 1, 10.0, 20.0),
    "without a date": ([(1, 5, 10, {"date": None})], 1, 10.0, 20.0),
    "none at all": ([], 0, None, None),
    "overlapping the target": ([(1, -5, 45), (2, -8, 35)], 2, 35.0, -5.0),
    "many": ([(k, 10, 20 + k) for k in range(1, 8)], 7, 21.0, 9.0),
}


@pytest.mark.parametrize("plans, count, least, gap", SETS.values(), ids=SETS)
def test_achievable_of_sets_by_hand(database, plans, count, least, gap):
    put(database, *OURS)
    for number, distance, dose, *more in plans:
        put(database, number, distance, dose, **(more[0] if more else {}))
    found = achievable(database, "P0", "Rectum")
    assert found.distance_mm == pytest.approx(20.0)
    assert found.dose_gy == pytest.approx(30.0)
    assert found.count == count == len(found.plans)
    assert (
        (found.least_gy, found.gap_gy) == (pytest.approx(least), pytest.approx(gap))
        if count
        else (None, None)
    )
    assert ("earlier plans" in found.reason) == (count < 5)


def test_other_parts_of_the_volume(database, tmp_path):
    put(database, *OURS)
    put(database, 1, 10, 20)
    found = achievable(database, "1.2.0", "rectum", "ptv", 25.0)
    assert (found.distance_mm, found.dose_gy, found.least_gy) == pytest.approx((15.0, 45.0, 30.0))
    plot_achievable(found, str(tmp_path / "x.png"))
    assert (tmp_path / "x.png").stat().st_size > 10_000
    with pytest.raises(ValueError, match="between 0 and 100"):
        achievable(database, "P0", "Rectum", volume_percent=0)


def test_what_cannot_be_compared_is_said(database):
    put(database, 0, 20.0, 30.0, rx=None)
    with pytest.raises(DatabaseError, match="no prescription"):
        achievable(database, "P0", "Rectum")
    with pytest.raises(DatabaseError, match="no prescription"):
        similar(database, "P0", "Rectum")
    with pytest.raises(DatabaseError, match="no dose of a plan with Heart"):
        achievable(database, "P0", "Heart")
    with pytest.raises(DatabaseError, match="no dose of a plan"):
        achievable(database, "nobody", "Rectum")


def test_similar_plans_by_the_distance_of_their_ovhs(database):
    put(database, *OURS)
    for number, distance in ((1, 26.0), (2, 21.0), (3, 17.0)):
        put(database, number, distance, 30, rx=62.0)
    found = similar(database, "P0", "Rectum", top=2)
    assert [row["patient_id"] for row in found] == ["P2", "P3"]
    assert [row["ovh_mm"] for row in found] == pytest.approx([1.0, 3.0], abs=0.01)
    assert found[0]["target_gy"] == pytest.approx(2.0)


def test_verbs_and_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "DEMO001").mkdir(parents=True)
    make_patient(tmp_path / "data" / "DEMO001")
    archive = Archive.open(ArchiveSettings("data", "x.db", "none.sql"))
    rebuild(archive)
    derive(archive)
    (series,) = archive.database.query("SELECT SeriesInst FROM DICOMSeries WHERE Modality = 'CT'")
    (dose,) = archive.database.query("SELECT SOPInstanceUID FROM rt_dose")
    assert {row["target_name"] for row in find_relations(archive.database, "DEMO001")} == {"PTV_6000"}
    archive.close()

    def run(*words):
        found = CliRunner().invoke(
            main, [*words, "--data", "data", "--database", "x.db", "--sql", "none.sql"]
        )
        return found.exit_code, found.output

    status, output = run("relate", "DEMO001", "--plot", "ovh.png")
    assert status == 0 and "Lung_R" in output
    assert run("relate", "NOBODY")[0] == 1
    status, output = run("achievable", "DEMO001", "--organ", "Heart")
    assert status == 0 and "none of 0 earlier plans" in output
    assert run("achievable", "DEMO001", "--organ", "Heart", "--volume", "half")[0] == 1
    status, output = run("similar", "DEMO001", "--organ", "Heart")
    assert status == 0 and "no earlier plan" in output
    status, output = run(
        "slice", series["SeriesInst"], "--at", "0", "--dose", dose["SOPInstanceUID"], "--out", "s.svg"
    )
    assert status == 0, output
    drawn = (tmp_path / "s.svg").read_text()
    assert drawn.count("<path") > 20
    assert run("slice", series["SeriesInst"], "--at", "9999", "--out", "s.png")[0] == 1
    assert run("slice", "1.2.3", "--at", "0", "--out", "s.png")[0] == 1
