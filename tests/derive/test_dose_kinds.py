"""DVHs of doses of fractions, beams and sums, of structure sets that are guessed, and of ROIs without type."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from rt_cases import dose, item, plan, put, sent_dvh, structures

from pyconquest_rt import pyconquest
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.derive.roi_names import remap_names
from pyconquest_rt.derive.rt_links import set_link
from pyconquest_rt.rt.names.roi_map import RoiMap
from pyconquest_rt.settings.sections import ArchiveSettings, RTSettings, Settings


def close(value: Any) -> Any:
    """Doses are held in single precision."""
    return None if value is None else pytest.approx(value, rel=1e-5, abs=1e-5)


METRICS = "D95%[Gy] D95%[%] HI EQD2:Mean[Gy]"
TABLES = ("rt_structure_set", "rt_roi", "rt_plan", "rt_fraction_group", "rt_dose", "dvh", "dvh_metrics")


class Opened:
    """Opens archives with settings of the section [rt]."""

    def __init__(self) -> None:
        self.settings = RTSettings(metrics=METRICS)

    def __call__(self, **settings: Any) -> None:
        """Have other settings from now on."""
        self.settings = RTSettings(**({"metrics": METRICS} | settings))

    def archive(self, folder: Path) -> Archive:
        folder.mkdir(parents=True, exist_ok=True)
        where = ArchiveSettings(str(folder / "data"), str(folder / "x.db"), "none.sql")
        return Archive.open(Settings(archive=where, rt=self.settings))


@pytest.fixture
def rt() -> Opened:
    return Opened()


def rows_of(archive: Archive) -> dict[str, list[dict[str, Any]]]:
    found = {name: archive.database.query(f"SELECT * FROM {name}") for name in TABLES}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def dvh_of(archive: Archive, sop: str, number: int = 1, source: str = "pyconquest") -> dict[str, Any]:
    """The row of one DVH with its metrics."""
    where = "WHERE SOPInstanceUID = ? AND roi_number = ? AND source = ?"
    (row,) = archive.database.query(f"SELECT * FROM dvh {where}", (sop, number, source))
    metrics = archive.database.query(f"SELECT metric, value FROM dvh_metrics {where}", (sop, number, source))
    return row | {metric["metric"]: metric["value"] for metric in metrics}


TARGET = {"PTV": "PTV"}


@pytest.mark.parametrize(
    ("kind", "gray", "prescription", "fractions", "percent", "eqd2", "said"),
    [
        ("PLAN", 60, 60, 30, 100, 60, ""),
        ("FRACTION", 2, 2, 1, 100, 2, "one fraction of 30"),
        ("FRACTION", 60, 60, 30, 100, 60, "all 30 fractions"),
        ("FRACTION", 17, None, None, None, None, "neither that of one fraction"),
        ("BEAM", 30, None, None, None, None, "a part of a plan"),
        ("FRACTION_SESSION", 2, None, None, None, None, "a part of a plan"),
        ("CONTROL_POINT", 1, None, None, None, None, "a part of a plan"),
        ("RECORD", 60, None, None, None, None, "a part of a plan"),
        ("", 60, 60, 30, 100, 60, "DoseSummationType is missing"),
        ("COMPOSITE", 60, None, None, None, None, "is not known"),
    ],
)
def test_a_dose_is_measured_by_what_it_is_of(
    tmp_path: Path,
    rt: Opened,
    kind: str,
    gray: float,
    prescription: float | None,
    fractions: int | None,
    percent: float | None,
    eqd2: float | None,
    said: str,
) -> None:
    archive = rt.archive(tmp_path)
    put(
        archive,
        structures("1.2.1", TARGET),
        plan("1.2.2", 60, 30, "1.2.1"),
        dose("1.2.3", gray, kind, ["1.2.2"]),
    )
    derive(archive)
    row = dvh_of(archive, "1.2.3")
    assert (row["prescription_gy"], row["fractions"]) == (prescription, fractions)
    assert row["D95%[%]"] == close(percent) and row["EQD2:Mean[Gy]"] == close(eqd2)
    assert (row["status"], said in (row["reason"] or "")) == ("warning" if said else "ok", True)
    assert row["summation_type"] == (kind or None)
    assert archive.database.query("SELECT summation_type AS kind FROM v_dvh") == [{"kind": kind or None}]


def test_parts_are_measured_by_the_plan_where_that_is_asked_for(tmp_path: Path, rt: Opened) -> None:
    rt(partial_doses=True)
    archive = rt.archive(tmp_path)
    put(archive, structures("1.2.1", TARGET), plan("1.2.2", 60, 30, "1.2.1"))
    put(archive, dose("1.2.3", 30, "BEAM", ["1.2.2"]), dose("1.2.4", 2, "FRACTION_SESSION", ["1.2.2"]))
    derive(archive)
    beam, session = dvh_of(archive, "1.2.3"), dvh_of(archive, "1.2.4")
    assert beam["D95%[%]"] == close(50) and "of the whole plan" in beam["reason"]
    assert session["D95%[%]"] == close(100) and "one fraction" in session["reason"]


def test_a_sum_of_plans_in_every_order_of_arrival(tmp_path: Path, rt: Opened) -> None:
    """50 Gy in 25 and 16 Gy in 8: 66 Gy in 33, whichever comes when, and whichever the dose names first."""
    objects = {
        "RS": structures("1.2.1", TARGET),
        "first": plan("1.2.2", 50, 25, "1.2.1"),
        "second": plan("1.2.3", 16, 8, "1.2.1"),
        "RD": dose("1.2.4", 66, "MULTI_PLAN", ["1.2.3", "1.2.2"], "1.2.1"),
    }
    expected = None
    for number, order in enumerate(itertools.permutations(objects)):
        archive = rt.archive(tmp_path / str(number))
        for name in order:
            put(archive, objects[name])
            derive(archive)
            half = archive.database.query("SELECT prescription_gy AS gy, reason FROM dvh")
            assert all(row["gy"] == 66 or "waits for plan" in row["reason"] for row in half)
        found = rows_of(archive)
        expected = expected or found
        assert found == expected, order
        archive.close()
    (row,) = expected["dvh"]  # type: ignore[index]
    assert (row["prescription_gy"], row["fractions"], row["plan_uid"]) == (66, 33, "1.2.3")


EFFECTS = "EQD2:Mean[Gy] BED:Mean[Gy] EQD2(3):Mean[Gy] EQD2:D95%[Gy]"


def test_eqd2_of_a_sum_comes_from_the_plans_own_doses(tmp_path: Path, rt: Opened) -> None:
    """50 Gy in 25, and 8 Gy + 0.4 Gy/mm * x in 4: by arithmetic, BED = 60 + 8 + E[d^2] / 4 / 10, E[d^2] = 69.33."""
    rt(metrics=EFFECTS)
    slope = np.broadcast_to(8 + 0.4 * (np.arange(31) * 2 - 30.0), (31, 31, 31)).clip(0)
    coarse = dose("1.2.6", slope[:, ::2, ::2].repeat(2, 1)[:, :31].repeat(2, 2)[..., :31], "PLAN", ["1.2.3"])
    coarse.Rows = coarse.Columns = 16
    coarse.PixelSpacing = [4, 4]
    stored = np.rint(slope[:, ::2, ::2] / float(coarse.DoseGridScaling)).astype("<u4")
    coarse.PixelData = stored.tobytes()
    objects = {
        "RS": structures("1.2.1", TARGET),
        "plans": [plan("1.2.2", 50, 25, "1.2.1"), plan("1.2.3", 16, 4, "1.2.1")],
        "sum": dose("1.2.4", 50 + slope, "MULTI_PLAN", ["1.2.2", "1.2.3"], "1.2.1"),
        "first": dose("1.2.5", 50, "PLAN", ["1.2.2"], "1.2.1"),
        "second": coarse,
    }
    archive = rt.archive(tmp_path)
    for made in objects.values():
        put(archive, *(made if isinstance(made, list) else [made]))
        derive(archive)
        if made is objects["sum"]:
            row = dvh_of(archive, "1.2.4")
            assert (row["EQD2:Mean[Gy]"], row["fractions"], row["status"]) == (None, 29, "warning")
            assert "the plans differ in their dose per fraction" in row["reason"]
    row = dvh_of(archive, "1.2.4")
    square = 64 + 0.16 * 100 / 3
    assert row["BED:Mean[Gy]"] == pytest.approx(60 + 8 + square / 40, rel=1e-3)
    assert row["EQD2:Mean[Gy]"] == pytest.approx((60 + 8 + square / 40) / 1.2, rel=1e-3)
    assert row["EQD2(3):Mean[Gy]"] == pytest.approx((50 * (1 + 2 / 3) + 8 + square / 12) / (5 / 3), rel=1e-3)
    low = 8 - 0.4 * 9
    assert row["EQD2:D95%[Gy]"] == pytest.approx((60 + low + low**2 / 40) / 1.2, rel=2e-3)
    assert row["status"] == "ok"


def test_doses_that_do_not_add_up_to_their_sum_are_not_used(tmp_path: Path, rt: Opened) -> None:
    rt(metrics=EFFECTS)
    archive = rt.archive(tmp_path)
    put(archive, structures("1.2.1", TARGET), plan("1.2.2", 50, 25, "1.2.1"), plan("1.2.3", 16, 8, "1.2.1"))
    put(archive, dose("1.2.4", 66, "MULTI_PLAN", ["1.2.2", "1.2.3"], "1.2.1"))
    put(archive, dose("1.2.5", 50, "PLAN", ["1.2.2"]), dose("1.2.6", 30, "PLAN", ["1.2.3"]))
    derive(archive)
    row = dvh_of(archive, "1.2.4")
    assert row["EQD2:Mean[Gy]"] == close(66)  # both plans have 2 Gy a fraction
    assert "do not add up to the sum" in row["reason"] and row["status"] == "warning"


def test_two_structure_sets_in_every_order_of_arrival(tmp_path: Path, rt: Opened) -> None:
    """The dose and the sender's DVH are of A, the plan names B: B stands in for A until it comes, and says so."""
    of_dose = dose("1.2.4", 60, "PLAN", ["1.2.3"], "1.2.1")
    of_dose.DVHSequence = [sent_dvh(1, [59, 8.4, 1, 8.4, 1, 4.2])]
    objects = {
        "A": structures("1.2.1", {"PTV": "PTV", "BODY": "EXTERNAL"}),
        "B": structures("1.2.2", {"BODY": "EXTERNAL", "PTV": "PTV"}),
        "RP": plan("1.2.3", 60, 30, "1.2.2"),
        "RD": of_dose,
    }
    expected = None
    for number, order in enumerate(itertools.permutations(objects)):
        archive = rt.archive(tmp_path / str(number))
        came: set[str] = set()
        for name in order:
            put(archive, objects[name])
            derive(archive)
            came.add(name)
            rows = archive.database.query("SELECT * FROM dvh")
            if "A" in came:
                assert {row["structure_set_uid"] for row in rows} <= {"1.2.1"}
            elif {"B", "RP", "RD"} <= came:
                assert {(row["structure_set_link"], row["status"], row["source"]) for row in rows} == {
                    ("plan", "warning", "pyconquest")
                }
                assert all("waits for structure set 1.2.1" in row["reason"] for row in rows)
            else:
                assert rows == []
        found = rows_of(archive)
        expected = expected or found
        assert found == expected, order
        archive.close()
    names = {(row["roi_number"], row["roi_name"], row["source"]) for row in expected["dvh"]}  # type: ignore[index]
    assert names == {(1, "PTV", "pyconquest"), (2, "BODY", "pyconquest"), (1, "PTV", "vendor")}


def replaced(archive: Archive, objects: dict[str, Dataset]) -> None:
    objects["RP"] = plan("1.2.2", 45, 15, "1.2.1")
    put(archive, objects["RP"])


def deleted(archive: Archive, objects: dict[str, Dataset]) -> None:
    del objects["RP"]
    (Path(archive.storage.root) / "RT" / "1.2.2.dcm").unlink()
    remove_images(archive.database, ["1.2.2"])


def other_structures(archive: Archive, objects: dict[str, Dataset]) -> None:
    objects["RS"] = structures("1.2.1", {"Heart": "ORGAN", "PTV": ""})
    put(archive, objects["RS"])


@pytest.mark.parametrize("change", [replaced, deleted, other_structures])
def test_rows_after_a_change_are_those_of_a_fresh_archive(tmp_path: Path, rt: Opened, change: Any) -> None:
    objects = {
        "RS": structures("1.2.1", TARGET),
        "RP": plan("1.2.2", 60, 30, "1.2.1"),
        "RD": dose("1.2.3", 60, "PLAN", ["1.2.2"], "1.2.1"),
    }
    archive = rt.archive(tmp_path / "changed")
    put(archive, *objects.values())
    derive(archive)
    before = rows_of(archive)
    change(archive, objects)
    derive(archive)
    fresh = rt.archive(tmp_path / "fresh")
    put(fresh, *objects.values())
    derive(fresh)
    assert before != rows_of(archive) == rows_of(fresh)


@pytest.mark.parametrize(
    "settings", [{"alpha_beta": "PTV=4"}, {"metrics": "D50%[Gy]"}, {"partial_doses": True}]
)
def test_rows_after_other_settings_are_those_of_a_fresh_archive(
    tmp_path: Path, rt: Opened, settings: dict[str, Any]
) -> None:
    objects = (
        structures("1.2.1", TARGET),
        plan("1.2.2", 60, 20, "1.2.1"),
        dose("1.2.3", 60, "PLAN", ["1.2.2"]),
        dose("1.2.4", 30, "BEAM", ["1.2.2"]),
    )
    archive = rt.archive(tmp_path / "changed")
    put(archive, *objects)
    derive(archive)
    before = rows_of(archive)
    archive.close()
    rt(**settings)
    archive = rt.archive(tmp_path / "changed")
    derive(archive)
    fresh = rt.archive(tmp_path / "fresh")
    put(fresh, *objects)
    derive(fresh)
    assert before != rows_of(archive) == rows_of(fresh)


def test_a_dose_whose_plan_never_comes_is_linked_by_frame_of_reference_if_asked(
    tmp_path: Path, rt: Opened
) -> None:
    archive = rt.archive(tmp_path)
    of_dose = dose("1.2.3", 60, "PLAN", ["1.2.2"])
    of_dose.DVHSequence = [sent_dvh(1, [59, 8.4, 1, 8.4, 1, 4.2])]
    put(archive, structures("1.2.1", TARGET), of_dose)
    derive(archive)
    (waiting,) = archive.database.query("SELECT state, reason FROM derivations WHERE extractor = 'dvh'")
    assert (waiting["state"], waiting["reason"]) == ("waiting", "waits for plan 1.2.2")
    assert set_link(archive.database, "frame of reference") == 1
    for _ in range(2):  # it stays so
        derive(archive)
        row = dvh_of(archive, "1.2.3")
        assert (row["structure_set_link"], row["status"], row["mean_gy"]) == (
            "frame of reference",
            "warning",
            close(60),
        )
        assert "structure set by frame of reference only" in row["reason"]
        assert "the sender's DVHs are left out" in row["reason"]
    put(archive, plan("1.2.2", 60, 30, "1.2.1"))
    derive(archive)
    row = dvh_of(archive, "1.2.3")
    assert (row["structure_set_link"], row["status"], row["prescription_gy"]) == ("reference", "ok", 60)
    assert "that of its plan is taken" in dvh_of(archive, "1.2.3", source="vendor")["reason"]
    assert set_link(archive.database, "reference") == 0


def test_the_setting_links_by_frame_of_reference_too_and_reference_takes_it_back(
    tmp_path: Path, rt: Opened
) -> None:
    rt(link="frame of reference")
    archive = rt.archive(tmp_path)
    put(archive, structures("1.2.1", TARGET), dose("1.2.3", 60, "PLAN", ["1.2.2"]))
    derive(archive)
    assert dvh_of(archive, "1.2.3")["structure_set_link"] == "frame of reference"
    assert set_link(archive.database, "reference") == 1
    derive(archive)
    assert archive.database.query("SELECT * FROM dvh") == []


def test_an_overview_says_the_prescription_of_its_plans(tmp_path: Path, rt: Opened) -> None:
    def overview(index: int, gray: float | None, fractions: int | None) -> Dataset:
        made = item(PlanOverviewIndex=index, RTPlanLabel=f"P{index}", NumberOfFractionsIncluded=fractions)
        made.PrescriptionOverviewSequence = [] if gray is None else [item(TotalPrescriptionDose=gray)]
        return made

    archive = rt.archive(tmp_path)
    whole = dose("1.2.3", 66, "PLAN_OVERVIEW", structure_set="1.2.1")
    whole.PlanOverviewSequence = [overview(1, 50, 25), overview(2, 16, 8)]
    half = dose("1.2.4", 66, "PLAN_OVERVIEW", structure_set="1.2.1")
    half.PlanOverviewSequence = [overview(1, 50, 25), overview(2, None, 8)]
    put(archive, structures("1.2.1", TARGET), whole, half)
    derive(archive)
    row = dvh_of(archive, "1.2.3")
    assert (row["prescription_gy"], row["fractions"], row["D95%[%]"]) == (66, 33, close(100))
    row = dvh_of(archive, "1.2.4")
    assert (row["prescription_gy"], row["fractions"], row["status"]) == (None, 33, "warning")
    assert "does not say the prescriptions" in row["reason"]


def test_a_prescription_in_centigray_is_named_in_every_row(tmp_path: Path, rt: Opened) -> None:
    archive = rt.archive(tmp_path)
    put(
        archive,
        structures("1.2.1", TARGET),
        plan("1.2.2", 6000, 30, "1.2.1"),
        dose("1.2.3", 60, "PLAN", ["1.2.2"]),
    )
    derive(archive)
    row = dvh_of(archive, "1.2.3")
    assert (row["status"], "6000 Gy: cGy written as Gy (60 Gy)?" in row["reason"]) == ("warning", True)
    assert row["D95%[%]"] == close(1)


def test_an_untyped_roi_that_is_named_like_a_target_is_one(tmp_path: Path, rt: Opened) -> None:
    archive = rt.archive(tmp_path)
    rois = {"PTV_6000": "", "GTV": "GTV", "Heart": "", "PTV_5400": "ORGAN", "PTV ring": ""}
    put(
        archive,
        structures("1.2.1", rois),
        plan("1.2.2", 60, 20, "1.2.1"),
        dose("1.2.3", 60, "PLAN", ["1.2.2"]),
    )
    derive(archive)
    untyped, typed, organ, odd = (dvh_of(archive, "1.2.3", number) for number in (1, 2, 3, 4))
    assert [row["EQD2:Mean[Gy]"] for row in (untyped, typed, organ)] == close([65, 65, 72])
    assert (untyped["alpha_beta_gy"], untyped["alpha_beta_method"]) == (10, "name PTV_6000")
    assert (typed["alpha_beta_method"], organ["alpha_beta_method"]) == (
        "type GTV",
        "neither type nor name of a target",
    )
    assert (untyped["HI"], organ["HI"], untyped["is_target"], organ["is_target"]) == (
        close(0),
        None,
        1,
        0,
    )
    assert (odd["status"], "named like a target" in odd["reason"]) == ("warning", True)
    unknown = dvh_of(archive, "1.2.3", 5)
    assert (unknown["status"], "may be that of a target" in unknown["reason"]) == ("warning", True)


def test_a_map_that_makes_a_target_of_a_name_makes_new_dvhs(tmp_path: Path, rt: Opened) -> None:
    archive = rt.archive(tmp_path)
    put(archive, structures("1.2.1", {"Boostvolumen A": ""}), plan("1.2.2", 60, 20, "1.2.1"))
    put(archive, dose("1.2.3", 60, "PLAN", ["1.2.2"]))
    derive(archive)
    assert dvh_of(archive, "1.2.3")["EQD2:Mean[Gy]"] == close(72)
    site = RoiMap()
    site.add("PTV_6000", "Boostvolumen A")
    assert remap_names(archive.database, site) == 1
    derive(archive)
    row = dvh_of(archive, "1.2.3")
    assert (row["EQD2:Mean[Gy]"], row["alpha_beta_method"]) == (close(65), "name PTV_6000")
    assert remap_names(archive.database, site) == 0


def test_a_roi_name_with_a_backslash_is_one_name(tmp_path: Path, rt: Opened) -> None:
    archive = rt.archive(tmp_path)
    name = "PTV\\60"
    put(archive, structures("1.2.1", {name: "PTV"}), dose("1.2.3", 60, structure_set="1.2.1"))
    derive(archive)
    for table, column in (("rt_roi", "raw_name"), ("dvh", "roi_name"), ("roi_name", "raw_name")):
        assert archive.database.query(f"SELECT {column} AS name FROM {table}") == [{"name": name}], table


def test_the_senders_dvh_that_can_be_used_is_kept_and_its_volume_compared(tmp_path: Path, rt: Opened) -> None:
    archive = rt.archive(tmp_path)
    of_dose = dose("1.2.3", 60, structure_set="1.2.1")
    good = [59, 8.4, 1, 8.4, 1, 4.2]
    large = [59, 8400, 1, 8400, 1, 4200]
    of_dose.DVHSequence = [sent_dvh(1, good), sent_dvh(1, good, "NATURAL"), sent_dvh(2, large)]
    put(archive, structures("1.2.1", {"PTV": "PTV", "CTV": "CTV"}), of_dose)
    derive(archive)
    kept, odd = (dvh_of(archive, "1.2.3", number, "vendor") for number in (1, 2))
    assert (kept["status"], kept["volume_cc"]) == ("ok", close(8.4))
    assert (odd["status"], odd["volume_cc"]) == ("warning", close(8400))
    assert "1e+03 times that of the contours: mm3 written as cm3?" in odd["reason"]


def test_the_class_links_by_frame_of_reference(tmp_path: Path, rt: Opened) -> None:
    put(rt.archive(tmp_path), structures("1.2.1", TARGET), dose("1.2.3", 60, "PLAN", ["1.2.2"]))
    with pyconquest(str(tmp_path / "data"), "none.sql", str(tmp_path / "x.db")) as archive:
        archive.derive(link="frame of reference")
        assert [row["structure_set_link"] for row in archive.dvhs()] == ["frame of reference"]
        with pytest.raises(ValueError, match="link is 'name'"):
            archive.derive(link="name")
