"""Cohorts: one kind of dose and one source, how many there are, and what is left out and why."""

import sys
from pathlib import Path

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.derive.rt_links import set_link
from pyconquest_rt.exports.dvh import DvhQuery, find_curves, find_dvhs
from pyconquest_rt.exports.dvh_cohort import cohort_dvh, find_cohort
from pyconquest_rt.exports.dvh_plot import labels, plot_cohort, plot_dvhs
from pyconquest_rt.settings.sections import ArchiveSettings, RTSettings, Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "derive"))
from rt_cases import dose, plan, put, sent_dvh, structures


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """R1 with 60 Gy and the sender's DVH, R2 with 120 Gy, a dose of one beam and one of a guessed structure set."""
    folder = tmp_path_factory.mktemp("cohort")
    where = ArchiveSettings(str(folder / "data"), str(folder / "x.db"), "none.sql")
    metrics = RTSettings(metrics="D95%[Gy] D2%[Gy] V20Gy[%] EQD2:Mean[Gy]")
    made = Archive.open(Settings(archive=where, rt=metrics))
    for number, gray in ((1, 60), (2, 120)):
        patient, uid = f"R{number}", f"1.2.{number}"
        of_dose = dose(f"{uid}.3", gray, "PLAN", [f"{uid}.2"], f"{uid}.1", patient)
        if number == 1:
            of_dose.DVHSequence = [sent_dvh(1, [59.9, 8.4, 0.1, 8.4, 0.1, 0])]
        put(made, structures(f"{uid}.1", {"PTV": "PTV"}, patient))
        put(made, plan(f"{uid}.2", 60, 30, f"{uid}.1", patient, f"Plan{number}"), of_dose)
    put(made, dose("1.2.2.4", 30, "BEAM", ["1.2.2.2"], "1.2.2.1", "R2"))
    put(
        made,
        structures("1.2.3.1", {"PTV": "PTV"}, "R3"),
        dose("1.2.3.3", 10, "PLAN", ["1.2.3.2"], patient="R3"),
    )
    derive(made)
    set_link(made.database, "frame of reference")
    derive(made)
    return made


def at(rows: list[dict[str, float]], gray: float) -> dict[str, float]:
    return next(row for row in rows if abs(row["dose_gy"] - gray) < 0.01)


def test_a_patient_counts_once_and_n_is_said(archive: Archive) -> None:
    found = find_cohort(archive.database, DvhQuery(roi="PTV"))
    rows = cohort_dvh(found.curves)
    assert at(rows, 90)["mean"] == pytest.approx(50)
    assert {(row["n"], row["patients"]) for row in rows} == {(2, 2)}
    assert found.notes == [
        "1 left out (1 BEAM); --kind asks for them",
        "1 left out (1 vendor); --source asks for them",
        "1 left out whose structure set is guessed; --guessed asks for them",
    ]


@pytest.mark.parametrize(
    ("query", "patients", "n"),
    [
        (DvhQuery(kind="*"), {"R1", "R2"}, 3),
        (DvhQuery(kind="beam"), {"R2"}, 1),
        (DvhQuery(source="vendor"), {"R1"}, 1),
        (DvhQuery(guessed=True), {"R1", "R2", "R3"}, 3),
    ],
)
def test_what_is_asked_for_is_taken(archive: Archive, query: DvhQuery, patients: set[str], n: int) -> None:
    curves = find_cohort(archive.database, query).curves
    assert {one.patient_id for one in curves} == patients and len(curves) == n


def test_doubtful_curves_are_counted(archive: Archive) -> None:
    notes = find_cohort(archive.database, DvhQuery(guessed=True, kind="PLAN", source="pyconquest")).notes
    assert notes == ["1 of 3 have a reason to be looked at (see dvh without --cohort)"]


def test_tables_show_kind_link_and_reason(archive: Archive) -> None:
    rows = {row["SOPInstanceUID"]: row for row in find_dvhs(archive.database, DvhQuery(source="pyconquest"))}
    assert rows["1.2.2.4"]["summation_type"] == "BEAM" and "part of a plan" in rows["1.2.2.4"]["reason"]
    assert rows["1.2.3.3"]["structure_set_link"] == "frame of reference"
    (row, *_) = find_dvhs(archive.database, DvhQuery(key="R1"), ("EQD2:Mean[Gy]",))
    assert (row["alpha_beta_gy"], row["alpha_beta_method"]) == (10, "type PTV")


def test_labels_tell_curves_apart_and_mark_doubtful_ones(archive: Archive, tmp_path: Path) -> None:
    curves = find_curves(archive.database, DvhQuery(roi="PTV"))
    assert labels(curves) == [
        "R1 PTV",
        "R1 PTV (vendor)",
        "R2 PTV (Plan2)",
        "R2 PTV (Plan2, BEAM) !",
        "R3 PTV !",
    ]
    plot_dvhs(curves, str(tmp_path / "all.svg"))
    assert "part of a plan" in (tmp_path / "all.svg").read_text("utf-8")
    plot_cohort(cohort_dvh(curves), str(tmp_path / "cohort.svg"))
    assert "5 DVHs of 3 patients" in (tmp_path / "cohort.svg").read_text("utf-8")
