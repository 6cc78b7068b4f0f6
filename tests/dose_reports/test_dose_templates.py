"""The newer templates (TID 10030, 10040) and parts of TID 10013 and 10022 that no file at hand has."""

import pytest
from dose_objects import code_item, coded, container, encode, moment, num, report, table, text, uidref
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pyconquest_rt.dose_reports import Rows, extract
from pyconquest_rt.dose_reports.reports import enhanced_report

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


def test_the_estimates_of_a_patient_dose_report_have_their_methods() -> None:
    """TID 10031 to 10034 row by row: site, representation with its data, methodology with model and method."""
    data = container(
        "128414^DCM",
        num("128533^DCM", 12.5, "mGy"),
        num("128531^DCM", 20, "mGy"),
        num("128532^DCM", 2, "mGy"),
        num("128539^DCM", 11, "mGy"),
        num("128537^DCM", 0.0125, "Sv"),
    )
    model = container(
        "128500^DCM",
        coded("128417^DCM", "128404^DCM", "Anthropomorphic Model"),
        coded("128420^DCM", "128422^DCM", "Voxelized Radiation Transport Model"),
        container("128427^DCM", num("128438^DCM", 60, "kg")),
    )
    method = container("128476^DCM", coded("128477^DCM", "128480^DCM"), text("128482^DCM", "ICRP 110"))
    estimate = container(
        "128402^DCM",
        text("128403^DCM", "Liver"),
        coded("363698007^SCT", "10200004^SCT", "Liver"),
        container("128412^DCM", coded("128413^DCM", "128496^DCM"), data),
        container("128415^DCM", uidref("128429^DCM", "2.25.1"), model, method),
    )
    rows = rows_of(estimate, title="128401^DCM", sop_class=PATIENT_DOSE_SR)
    (row,) = rows["dose_accumulated"]
    wanted = {
        "finding_site": "Liver",
        "organ_dose_mGy": 12.5,
        "maximum_dose_mGy": 20,
        "minimum_dose_mGy": 2,
        "median_dose_mGy": 11,
        "equivalent_dose_mSv": 12.5,
        "estimate_method": "Analytical Algorithm",
        "patient_model_type": "Anthropomorphic Model",
        "reference_authority": "ICRP 110",
    }
    assert {name: row[name] for name in wanted} == wanted


def span(start: int, end: int, source: str = "A") -> list[Dataset]:
    """The three items by which TID 10042 and the details of TID 10043 say when and of which source they hold."""
    return [
        moment("111526^DCM", f"202501020800{start:02}"),
        moment("111527^DCM", f"202501020800{end:02}"),
        text("113832^DCM", source),
    ]


def enhanced(*events: Dataset, details: tuple[Dataset, ...]) -> Rows:
    total = container(
        "130500^DCM", text("113832^DCM", "A"), num("113722^DCM", 2e-4, "Gy.m2"), num("113725^DCM", 0.02, "Gy")
    )
    return rows_of(
        total, *events, container("130505^DCM", *span(0, 59), *details), sop_class=ENHANCED_DOSE_SR
    )


def enhanced_event(uid: str, start: int, end: int, *more: Dataset, source: str = "A") -> Dataset:
    return container("130501^DCM", uidref("113769^DCM", uid), *span(start, end, source), *more)


def test_enhanced_xray_radiation_dose_report() -> None:
    events = (
        enhanced_event(
            "2.25.9",
            0,
            10,
            coded("113721^DCM", "113613^DCM"),
            num("113738^DCM", 0.01, "Gy"),
            container("130502^DCM", num("122130^DCM", 1e-4, "Gy.m2")),
        ),
        enhanced_event("2.25.10", 20, 30, coded("113721^DCM", "113611^DCM"), num("113738^DCM", 5, "mGy")),
    )
    details = (
        container("130508^DCM", *span(0, 59), num("113766^DCM", 0.6, "mm")),
        container("130511^DCM", *span(0, 10), num("113733^DCM", 80, "kV"), num("113734^DCM", 120, "mA")),
        container("130511^DCM", *span(20, 30), num("113733^DCM", 95, "kV")),
        container("130511^DCM", *span(20, 30, "B"), num("113733^DCM", 140, "kV")),
        container("130530^DCM", *span(0, 15), text("125203^DCM", "Cone beam head")),
        container("130512^DCM", *span(0, 59), num("130509^DCM", 0.2, "mm")),
    )
    rows = enhanced(*events, details=details)
    (total,) = rows["dose_accumulated"]
    assert (total["dose_rp_total_Gy"], total["kind"]) == (0.02, "projection")
    first, second = rows["dose_event"]
    assert (first["irradiation_event_type"], first["date_time_started"]) == (
        "Rotational Acquisition",
        "20250102080000",
    )
    assert (first["dose_area_product_Gym2"], first["dose_rp_Gy"]) == (1e-4, 0.01)
    assert (first["acquisition_protocol"], second.get("acquisition_protocol")) == ("Cone beam head", None)
    assert first["focal_spot_size_mm"] == second["focal_spot_size_mm"] == 0.6
    assert second["dose_rp_Gy"] == pytest.approx(0.005)
    tubes = [(row["event"], row["kvp"], row.get("xray_tube_current_mA")) for row in rows["dose_event_source"]]
    assert tubes == [(1, 80, 120), (2, 95, None)]
    assert {row["identification_of_the_xray_source"] for row in rows["dose_event_source"]} == {"A"}
    assert "130509^DCM" in {item["concept"] for item in rows["dose_item"]}


def test_tables_over_time_become_the_rows_of_the_events_that_they_lie_in() -> None:
    times = [f"202501020800{second:02}" for second in (2, 4, 22)]
    technique = container(
        "130511^DCM",
        *span(0, 30),
        table(
            "113733^DCM", [("111527^DCM", None, "DT", times), ("113733^DCM", "kV", "FL", [70.0, 72.0, 90.0])]
        ),
        table(
            "113734^DCM", [("111527^DCM", None, "DT", times), ("113734^DCM", "A", "FL", [0.25, 0.5, 0.125])]
        ),
    )
    distance = table(
        "113750^DCM",
        [("111526^DCM", None, "DT", times), ("113750^DCM", "mm", "FL", [1000.0, 1100.0, 1200.0])],
    )
    rows = enhanced(
        enhanced_event("2.25.9", 0, 10),
        enhanced_event("2.25.10", 20, 30),
        details=(technique, container("130530^DCM", *span(0, 30), distance)),
    )
    tubes = [(row["event"], row["kvp"], row["xray_tube_current_mA"]) for row in rows["dose_event_source"]]
    assert tubes == [(1, 70, 250), (1, 72, 500), (2, 90, 125)]
    assert [event["distance_source_to_detector_mm"] for event in rows["dose_event"]] == [1000, 1200]
    cells = [item for item in rows["dose_item"] if item["value_type"] == "TABLE CELLS"]
    assert len(cells) == 6
    assert (cells[1]["concept"], cells[1]["unit"], cells[1]["value_text"]) == (
        "113733^DCM",
        "kV",
        "70\\72\\90",
    )
    assert rows["dose_item"][int(cells[1]["parent"]) - 1]["value_type"] == "TABLE"  # type: ignore[arg-type]


def test_spans_that_follow_each_other_do_not_mix() -> None:
    times = ["20250102080010", "20250102080020"]
    current = table("113734^DCM", [("111527^DCM", None, "DT", times), ("113734^DCM", "mA", "FL", [5.0, 6.0])])
    details = (
        container("130511^DCM", *span(0, 10), num("113733^DCM", 80, "kV")),
        container("130511^DCM", *span(10, 20), num("113733^DCM", 95, "kV")),
        container("130511^DCM", *span(0, 20), current),
    )
    rows = enhanced(enhanced_event("2.25.9", 0, 10), enhanced_event("2.25.10", 10, 20), details=details)
    tubes = [(row["event"], row["kvp"], row["xray_tube_current_mA"]) for row in rows["dose_event_source"]]
    assert tubes == [(1, 80, 5), (2, 95, 6)]


def test_details_without_end_are_given_up_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enhanced_report, "MAX_WORK", 3)
    events = [enhanced_event(f"2.25.{number}", 0, 10) for number in range(3)]
    details = [container("130511^DCM", *span(0, 10), num("113733^DCM", 80, "kV")) for _ in range(3)]
    dataset = report(*events, container("130505^DCM", *details), sop_class=ENHANCED_DOSE_SR)
    rows = extract(encode(dataset))
    assert rows is not None and "too many details" in str(rows.object["warnings"])
    assert len(rows["dose_event"]) == 3 and len(rows["dose_event_source"]) == 1


def test_cells_one_by_one_and_by_row_are_kept() -> None:
    item = table(
        "113734^DCM", [("111527^DCM", None, "DT", ["20250102080001"]), ("113734^DCM", "mA", "FL", [5.0])]
    )
    tabulated = item.TabulatedValuesSequence[0]
    for cells in tabulated.CellValuesSequence:
        cells.TableRowNumber = 1
    row = Dataset()
    row.TableRowNumber, row.SelectorAttributeVR, row.SelectorISValue = 2, "IS", [3, 4]
    tabulated.CellValuesSequence.append(row)
    definition = Dataset()
    definition.ConceptNameCodeSequence = Sequence([code_item("113733^DCM")])
    tabulated.TableRowDefinitionSequence = Sequence([definition])
    rows = enhanced(enhanced_event("2.25.9", 0, 10), details=(container("130511^DCM", *span(0, 30), item),))
    cells = [item for item in rows["dose_item"] if item["value_type"] == "TABLE CELLS"]
    assert [(cell["concept"], cell["value_num"], cell["value_text"]) for cell in cells] == [
        ("111527^DCM", None, "20250102080001"),
        ("113734^DCM", 5, None),
        ("113733^DCM", 3, "3\\4"),
    ]


def test_ct_in_an_enhanced_report() -> None:
    total = container("130500^DCM", text("113832^DCM", "A"), num("113813^DCM", 50, "mGy.cm"))
    event = enhanced_event("2.25.9", 0, 10, num("113830^DCM", 5, "mGy"), num("113838^DCM", 50, "mGy.cm"))
    rows = rows_of(total, event, sop_class=ENHANCED_DOSE_SR)
    (told,) = rows["dose_event"]
    assert (told["event_kind"], told["mean_ctdivol_mGy"], told["dlp_mGycm"]) == ("CT", 5, 50)
    assert rows["dose_accumulated"][0]["kind"] == rows.object["modality_type"] == "CT"


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
