"""DVHs of a cohort: chosen by what they are of, as rows, as curves and as statistics over them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pyconquest_rt import pyconquest
from pyconquest_rt.demo import make_patient
from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.exports import dvh as reports
from pyconquest_rt.exports.dvh import DvhQuery, find_curves, find_dvhs
from pyconquest_rt.exports.dvh_cohort import cohort_dvh
from pyconquest_rt.settings.file import render
from pyconquest_rt.settings.sections import RTSettings, Settings

PATIENTS = {
    "A": {"ReferringPhysicianName": "Smith^Anna", "RTPlanDate": "20240105", "TreatmentSite": "Left  Breast"},
    "B": {"ReferringPhysicianName": "Jones^Bob", "RTPlanDate": "20250630", "TreatmentSite": "Prostate"},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pyconquest]:
    """Two demo patients with plans of two physicians, and a sender's DVH in one of the doses."""
    folder = tmp_path_factory.mktemp("cohort")
    for patient, values in PATIENTS.items():
        for path in make_patient(folder / "data", patient):
            data_set = pydicom.dcmread(path)
            if data_set.Modality == "RTPLAN":
                for keyword, value in values.items():
                    setattr(data_set, keyword, value)
            if data_set.Modality == "RTDOSE" and patient == "B":
                data_set.DVHSequence = [sent_dvh()]
            data_set.save_as(path)
    archive = pyconquest(str(folder / "data"), "none.sql", str(folder / "x.db"))
    archive.rebuild_database_from_dicom()
    archive.derive()
    yield archive
    archive.close_db()


def sent_dvh() -> pydicom.Dataset:
    """A DVH of ROI 2: 40 cc of which all get 60 Gy, half 61 Gy, none 62 Gy."""
    dvh = pydicom.Dataset()
    dvh.DVHType, dvh.DoseUnits, dvh.DoseType, dvh.DVHVolumeUnits = "CUMULATIVE", "GY", "PHYSICAL", "CM3"
    dvh.DVHDoseScaling, dvh.DVHNumberOfBins = 1.0, 63
    volumes = [40.0] * 61 + [20.0, 0.0]
    dvh.DVHData = [value for volume in volumes for value in (1.0, volume)]
    roi = pydicom.Dataset()
    roi.ReferencedROINumber, roi.DVHROIContributionType = 2, "INCLUDED"
    dvh.DVHReferencedROISequence = [roi]
    return dvh


def chosen(archive: pyconquest, **conditions: object) -> set[tuple[str, str]]:
    return {(row["patient_id"], row["roi_name"]) for row in archive.dvhs(**conditions)}


def test_every_condition_chooses(archive: pyconquest) -> None:
    everything = chosen(archive)
    assert {patient for patient, _ in everything} == {"A", "B"} and len(everything) == 14
    of_a = {pair for pair in everything if pair[0] == "A"}
    assert chosen(archive, key="A") == of_a
    for condition in (
        {"physician": "smith*"},
        {"physician": "Smith?Anna"},
        {"site": "Left Breast"},
        {"site": "*breast"},
        {"until": "2024-12-31"},
        {"since": "20240105", "until": "20240105"},
        {"key": "A", "rx_gy": (60, 60)},
    ):
        assert chosen(archive, **condition) == of_a, condition
    assert chosen(archive, since="2024-01-06") == everything - of_a
    assert chosen(archive, rx_gy=(None, 59.9)) == set()
    high = chosen(archive, mean_gy=(55, None), source="pyconquest")
    assert high == {(p, n) for p in "AB" for n in target_names(archive)}
    assert chosen(archive, max_gy=(None, 0.0)) == set()
    assert {row["source"] for row in archive.dvhs(source="vendor")} == {"vendor"}


def target_names(archive: pyconquest) -> set[str]:
    return {row["roi_name"] for row in archive.dvhs(key="A") if (row["mean_gy"] or 0) > 55}


def test_rois_are_found_by_each_of_their_names(archive: pyconquest) -> None:
    (row,) = archive.dvhs(key="A", roi="BODY")
    assert row["tg263_name"] == "Body"
    database = archive._open_database
    with database.transaction() as connection:
        connection.execute(
            "UPDATE roi_name SET institutional_name = 'outline', physician_name = 'haut' WHERE raw_name = 'BODY'"
        )
    for name in ("body", "outline", "HAUT", "bod?", "out*"):
        assert chosen(archive, roi=name) == {("A", "BODY"), ("B", "BODY")}, name
    assert chosen(archive, roi="bo") == set()
    assert chosen(archive, roi="100%_") == set()


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "_____", "~", '"'])
def test_texts_are_values_and_nothing_else(archive: pyconquest, text: str) -> None:
    for name in ("key", "roi", "physician", "site"):
        assert chosen(archive, **{name: text}) == set()
    with pytest.raises(ValueError, match="is no metric"):
        archive.dvhs(key="A", metrics=(text,))


def test_metrics_that_were_not_calculated_are_taken_from_the_curves(archive: pyconquest) -> None:
    (path,) = archive._open_database.query(
        "SELECT i.ObjectFile AS dose FROM DICOMImages i JOIN rt_dose d ON d.SOPInstanceUID = i.SOPInstanc "
        "WHERE d.patient_id = 'A'"
    )
    dose = Path(archive.data_directory) / path["dose"]
    (structures,) = (
        Path(archive.data_directory) / row["ObjectFile"]
        for row in archive._open_database.query(
            "SELECT i.ObjectFile FROM DICOMImages i JOIN rt_structure_set s ON s.SOPInstanceUID = i.SOPInstanc "
            "WHERE s.patient_id = 'A'"
        )
    )
    dvhs = calculate_dvhs(structures, dose, prescription_gy=60.0)
    names = ("D2cc[Gy]", "V19Gy[%]", "V20Gy[cc]", "Mean", "Max", "gEUD4", "D77%[%]")
    rows = archive.dvhs(key="A", source="pyconquest", metrics=names)
    for row in rows:
        for name in names:
            wanted = dvhs[row["roi_number"]].metric(name)
            if np.isnan(wanted):
                assert row[name] is None
                continue
            assert row[name] == pytest.approx(wanted, rel=2e-3, abs=2e-3), (row["roi_name"], name)
    for name in ("EQD2:D95%[Gy]", "CI"):
        with pytest.raises(ValueError, match="is not calculated yet"):
            archive.dvhs(key="A", metrics=(name,))


def test_a_site_that_a_person_gave_stands_above_the_plans(archive: pyconquest) -> None:
    (plan,) = archive._open_database.query("SELECT SOPInstanceUID AS uid FROM rt_plan WHERE patient_id = 'B'")
    assert archive.set_site(plan["uid"], "Head & Neck") == 1
    assert {patient for patient, _ in chosen(archive, site="head & neck")} == {"B"}
    assert chosen(archive, site="prostate") == set()
    archive.derive()
    assert chosen(archive, site="prostate") == set()
    assert archive.set_site("B", None) == 1
    assert {patient for patient, _ in chosen(archive, site="prostate")} == {"B"}
    assert archive.set_site("NOBODY", "breast") == 0


def test_the_difference_of_the_senders_dvh_is_shown(archive: pyconquest) -> None:
    database = archive._open_database
    (found,) = database.query("SELECT * FROM v_dvh_difference")
    rows = {row["source"]: row for row in archive.dvhs(key="B") if row["roi_number"] == 2}
    ours, theirs = rows["pyconquest"], rows["vendor"]
    assert theirs["volume_cc"] == pytest.approx(40.0)
    for name in ("volume_cc", "min_gy", "mean_gy", "max_gy"):
        assert found[name] == pytest.approx(theirs[name] - ours[name])
    assert found["d95_gy"] == pytest.approx(theirs["D95%[Gy]"] - ours["D95%[Gy]"])
    assert found["volume_percent"] == pytest.approx(100 * (40.0 / ours["volume_cc"] - 1))
    assert found["mean_percent"] == pytest.approx(100 * found["mean_gy"] / ours["max_gy"])


def test_statistics_over_a_cohort(archive: pyconquest) -> None:
    curves = find_curves(archive._open_database, DvhQuery(source="pyconquest", mean_gy=(5, None)))
    assert len(curves) >= 4
    rows = cohort_dvh(curves, step_gy=0.5)
    assert [row["dose_gy"] for row in rows] == pytest.approx(0.5 * np.arange(len(rows)))
    assert rows[0]["mean"] == rows[0]["p10"] == rows[0]["p90"] == pytest.approx(100)
    at = rows[40]
    volumes = [
        100 * np.interp(20.0, one.curve.dose_gy, one.curve.volume_cc, right=0) / one.curve.volume_cc[0]
        for one in curves
    ]
    assert at["mean"] == pytest.approx(np.mean(volumes))
    assert at["p50"] == pytest.approx(np.median(volumes))
    assert archive.cohort_dvh(roi="nobody's") == []


def test_metrics_of_the_settings(archive: pyconquest, tmp_path: Path) -> None:
    """Indices, biology and the isodose's volume as rows with their unit, by the settings of a site."""
    names = "HI CI CN95% gEUD gEUD4[Gy] EQD2:Mean[Gy] EQD2(3):Mean[Gy] BED:D2% Integral V20Gy[cc]"
    settings = RTSettings(metrics=names, alpha_beta="PTV_6000=8 *=2", geud_a="*=12")
    shutil.copytree(archive.data_directory, tmp_path / "data")
    (tmp_path / "pyconquest.toml").write_text(render(Settings(rt=settings)))
    other = pyconquest(str(tmp_path / "data"), "none.sql", str(tmp_path / "x.db"))
    other.rebuild_database_from_dicom()
    other.derive()
    database = other._open_database
    rows = database.query(
        "SELECT m.metric, m.value, m.unit, v.roi_number AS n FROM dvh_metrics m JOIN dvh v USING "
        "(SOPInstanceUID, roi_number, source) JOIN rt_dose d USING (SOPInstanceUID) "
        "WHERE d.patient_id = 'A' AND source = 'pyconquest'"
    )
    (chain,) = database.query("SELECT * FROM v_rt_chain WHERE patient_id = 'A'")
    paths = {
        name: tmp_path
        / "data"
        / database.query("SELECT ObjectFile FROM DICOMImages WHERE SOPInstanc = ?", (chain[f"{name}_uid"],))[
            0
        ]["ObjectFile"]
        for name in ("dose", "structure_set")
    }
    dvhs = calculate_dvhs(paths["structure_set"], paths["dose"], prescription_gy=60.0, fractions=30)
    by_name = {dvh.roi_name: dvh for dvh in dvhs.values()}
    target, body = by_name["PTV_6000"], by_name["BODY"]
    values = {row["metric"]: row["value"] for row in rows if row["n"] == target.roi_number}
    assert values == {
        "HI": pytest.approx(target.homogeneity_index()),
        "CI": pytest.approx(body.volume_at_dose(60) / target.volume_cc),
        "CN95%": pytest.approx(target.conformity_indices(body.volume_at_dose(57), 57).paddick),
        "gEUD": pytest.approx(target.geud(12)),
        "gEUD4[Gy]": pytest.approx(target.geud(4)),
        "EQD2:Mean[Gy]": pytest.approx(target.eqd2(30, 8.0).mean_gy),
        "EQD2(3):Mean[Gy]": pytest.approx(target.eqd2(30, 3.0).mean_gy),
        "BED:D2%": pytest.approx(target.bed(30, 8.0).dose_at_volume(2)),
        "Integral": pytest.approx(target.integral_dose()),
        "V20Gy[cc]": pytest.approx(target.volume_at_dose(20)),
    }
    of_body = {row["metric"]: row["value"] for row in rows if row["n"] == body.roi_number}
    assert of_body["CI"] is None and of_body["HI"] is None
    assert of_body["EQD2:Mean[Gy]"] == pytest.approx(body.eqd2(30, 2.0).mean_gy)
    assert {row["metric"]: row["unit"] for row in rows} == {
        "HI": "", "CI": "", "CN95%": "", "gEUD": "Gy", "gEUD4[Gy]": "Gy", "EQD2:Mean[Gy]": "Gy",
        "EQD2(3):Mean[Gy]": "Gy", "BED:D2%": "Gy", "Integral": "J", "V20Gy[cc]": "cc",
    }  # fmt: skip
    other.close_db()


def test_an_empty_archive_has_no_dvhs(tmp_path: Path) -> None:
    with pyconquest(str(tmp_path / "data"), "none.sql", str(tmp_path / "x.db")) as empty:
        assert empty.dvhs() == [] and empty.cohort_dvh() == [] and empty.set_site("A", "breast") == 0
        assert find_dvhs(empty._open_database, reports.DvhQuery()) == []


def test_a_query_says_what_was_asked_for() -> None:
    assert str(DvhQuery(roi="Lung_*", mean_gy=(None, 20))) == "roi Lung_*, mean_gy (None, 20)"
    assert str(DvhQuery()) == "any kind"
