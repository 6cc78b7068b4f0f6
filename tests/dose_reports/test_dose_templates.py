"""The newer templates (TID 10030, 10040) and parts of TID 10013 and 10022 that no file at hand has."""

import pytest
from dose_objects import coded, container, encode, num, report, text, uidref

from pyconquest_rt.dose_reports import Rows, extract

PATIENT_DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.73"
ENHANCED_DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.76"


def rows_of(*children: object, **attributes: object) -> Rows:
    rows = extract(encode(report(*children, **attributes)))  # type: ignore[arg-type]
    assert rows is not None and rows.object["status"] == "ok", rows and rows.object["warnings"]
    return rows


def test_patient_radiation_dose_report() -> None:
    estimate = container(
        "128402^DCM",
        text("128403^DCM", "Skin dose of the examination"),
        coded("363698007^SCT", "T-01000^SRT", "Skin"),
        container(
            "128412^DCM",
            container("128414^DCM", num("128531^DCM", 1.25, "Gy"), num("128533^DCM", 300, "mGy")),
        ),
        container("128415^DCM", text("121406^DCM", "the method's own authority")),
    )
    rows = rows_of(estimate, title="128401^DCM", sop_class=PATIENT_DOSE_SR)
    (row,) = rows["dose_accumulated"]
    assert (row["kind"], row["finding_site"], row["estimate_name"]) == (
        "estimate",
        "Skin",
        "Skin dose of the examination",
    )
    assert (row["maximum_dose_mGy"], row["organ_dose_mGy"]) == (1250, 300)
    assert len(rows["dose_item"]) == 10


def test_enhanced_xray_radiation_dose_report() -> None:
    total = container(
        "130500^DCM",
        coded("113764^DCM", "113890^DCM"),
        num("113722^DCM", 2e-4, "Gy.m2"),
        num("113725^DCM", 0.02, "Gy"),
    )
    event = container(
        "130501^DCM",
        uidref("113769^DCM", "2.25.9"),
        coded("113764^DCM", "113620^DCM"),
        coded("113721^DCM", "113613^DCM"),
        container("130502^DCM", num("122130^DCM", 1e-4, "Gy.m2"), num("113738^DCM", 10, "mGy")),
        container("130505^DCM", container("130508^DCM", num("113733^DCM", 80, "kV"))),
    )
    rows = rows_of(total, event, sop_class=ENHANCED_DOSE_SR)
    assert rows["dose_accumulated"][0]["acquisition_plane"] == "All Planes"
    assert rows["dose_accumulated"][0]["dose_rp_total_Gy"] == 0.02
    (row,) = rows["dose_event"]
    assert (row["acquisition_plane"], row["irradiation_event_type"]) == ("Plane A", "Rotational Acquisition")
    assert (row["dose_area_product_Gym2"], row["dose_rp_Gy"]) == (1e-4, pytest.approx(0.01))
    assert "113733^DCM" in {item["concept"] for item in rows["dose_item"]}


def test_size_specific_dose_and_effective_dose_with_their_methods() -> None:
    specific = num("113930^DCM", 11.5, "mGy", coded("370129005^SCT", "113987^DCM", "AAPM 220"))
    effective = num(
        "113839^DCM", 4.5, "mSv", coded("G-C036^SRT", "113800^DCM", "DLP to E conversion via MC computation")
    )
    dose = container("113829^DCM", specific, effective, num("113980^DCM", 28.5, "cm"))
    rows = rows_of(container("113819^DCM", uidref("113769^DCM", "2.25.9"), dose))
    (event,) = rows["dose_event"]
    assert (event["size_specific_dose_estimation_mGy"], event["effective_dose_mSv"]) == (11.5, 4.5)
    assert event["size_specific_dose_estimation_method"] == "AAPM 220"
    assert event["effective_dose_method"] == "DLP to E conversion via MC computation"
    assert event["water_equivalent_diameter_mm"] == 285


def test_specific_activity_in_any_unit() -> None:
    rows = rows_of(
        container("113502^DCM", uidref("113503^DCM", "2.25.9"), num("123007^DCM", 2.5, "Bq/mmol")),
        title="113500^DCM",
    )
    assert rows["dose_event"][0]["radiopharmaceutical_specific_activity_Bq_per_mol"] == 2500
    assert rows.object["modality_type"] == "NM"
