"""One synthetic object for every quirk met in the field: the right value, or a warning that names it.

QUIRKS.md lists all quirks, also those that other files test. The numbers in the comments are those of OpenREM's
change log, where each was reported.
"""

import re
from pathlib import Path

import pytest
from dose_objects import (
    DX_IMAGE,
    coded,
    container,
    ct_event,
    empty_num,
    encode,
    image_reference,
    moment,
    num,
    person,
    radiograph,
    report,
    text,
    uidref,
    xray_event,
)
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from pyconquest_rt.dose_reports import Rows, extract
from pyconquest_rt.dose_reports.rows import Row
from pyconquest_rt.dose_reports.tables import TABLES

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"


def rows_of(dataset: Dataset, transfer_syntax: str | None = None) -> Rows:
    rows = extract(encode(dataset, transfer_syntax) if transfer_syntax else encode(dataset))
    assert rows is not None and rows.object["status"] != "failed", rows and rows.object["warnings"]
    return rows


def event_of(*children: Dataset) -> tuple[Row, Rows]:
    """The one event of a projection report with these content items, and all rows."""
    rows = rows_of(report(xray_event("2.25.5", *children)))
    (event,) = rows["dose_event"]
    return event, rows


def test_dose_area_product_in_dgycm2_and_reference_dose_in_mgy() -> None:  # 704, 808
    event, rows = event_of(num("122130^DCM", 248.18, "dGy.cm2"), num("113738^DCM", 5.893, "mGy"))
    assert event["dose_area_product_Gym2"] == pytest.approx(0.0024818)
    assert event["dose_rp_Gy"] == pytest.approx(0.005893)
    assert rows.object["status"] == "ok"


@pytest.mark.parametrize("unit", ["Gym2", "Gy.m2", "Gy·m2"])
def test_spellings_of_units(unit: str) -> None:
    event, _ = event_of(num("122130^DCM", 0.5, unit))
    assert event["dose_area_product_Gym2"] == 0.5


def test_an_unknown_unit_gives_a_warning_and_the_value_stays_an_item() -> None:
    event, rows = event_of(num("122130^DCM", 0.5, "rem.acre"))
    assert event.get("dose_area_product_Gym2") is None
    assert rows.object["status"] == "warning"
    assert "unit 'rem.acre' does not fit dose_area_product_Gym2" in str(rows.object["warnings"])
    (item,) = [item for item in rows["dose_item"] if item["concept"] == "122130^DCM"]
    assert (item["value_num"], item["unit"]) == (0.5, "rem.acre")


@pytest.mark.parametrize(("written", "value"), [("0,5", 0.5), ("12,25", 12.25), (" 3.5 ", 3.5)])
def test_decimal_commas(written: str, value: float) -> None:  # 137
    event, _ = event_of(num("113738^DCM", written, "Gy"))
    assert event["dose_rp_Gy"] == value


def test_text_in_place_of_a_number_is_named() -> None:
    event, rows = event_of(num("113738^DCM", "unknown", "Gy"))
    assert event.get("dose_rp_Gy") is None
    assert "'unknown' is not a number" in str(rows.object["warnings"])


def test_every_quirk_has_its_test() -> None:
    folder = Path(__file__).parent
    tests = "".join(path.read_text("utf-8") for path in folder.glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", (folder / "QUIRKS.md").read_text("utf-8"))
    assert len(named) > 60
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_a_system_of_two_kinds_keeps_the_type_of_each_event() -> None:  # 580
    events = [
        xray_event("2.25.5", coded("113721^DCM", "P5-06000^SRT"), num("113730^DCM", 3, "s")),
        xray_event("2.25.6", coded("113721^DCM", "113611^DCM")),
    ]
    rows = rows_of(report(*events))
    types = [event["irradiation_event_type"] for event in rows["dose_event"]]
    assert types == ["Fluoroscopy", "Stationary Acquisition"]
    assert rows.object["modality_type"] == "projection"


def test_figures_of_ct_that_openrem_leaves_empty() -> None:
    parameters = coded("113961^DCM", "113962^DCM", "Filtered Back Projection")
    event = container(
        "113819^DCM", uidref("113769^DCM", "2.25.5"), text("113605^DCM", "Spiral 2"), parameters
    )
    (row,) = rows_of(report(event))["dose_event"]
    assert (row["irradiation_event_label"], row["reconstruction_algorithm"]) == (
        "Spiral 2",
        "Filtered Back Projection",
    )


def test_a_report_without_template() -> None:
    rows = rows_of(report(ct_event("2.25.5", 100.0)))
    assert rows.object.get("TemplateIdentifier") is None
    assert rows.object["modality_type"] == "CT"
    assert rows["dose_event"][0]["dlp_mGycm"] == 100.0


@pytest.mark.parametrize("sop_class", [COMPREHENSIVE_SR, ENHANCED_SR])
def test_a_dose_report_under_another_sop_class(sop_class: str) -> None:  # 463
    rows = rows_of(report(ct_event("2.25.5", 100.0), sop_class=sop_class))
    assert rows["dose_event"][0]["mean_ctdivol_mGy"] == 5.0


def test_a_report_of_something_else_leaves_no_row() -> None:
    assert extract(encode(report(text("121106^DCM", "x"), title="18748-4^LN", sop_class=ENHANCED_SR))) is None


def test_wrong_device_type_and_empty_calibration() -> None:  # 673, 955
    calibration = container("122505^DCM", empty_num("122322^DCM"), num("113763^DCM", "", "%"))
    total = container("113702^DCM", num("113722^DCM", 1.0, "Gy.m2"), calibration)
    rows = rows_of(report(coded("122142^DCM", "113957^DCM", "anything"), total, xray_event("2.25.5")))
    assert rows.object["acquisition_device_type"] == "Fluoroscopy-Guided Projection Radiography System"
    (accumulated,) = rows["dose_accumulated"]
    assert accumulated["dose_area_product_total_Gym2"] == 1.0
    assert accumulated.get("calibration_factor") is None
    assert rows.object["status"] == "ok"


def test_philips_private_shutters_frames_and_table_height() -> None:  # 446
    shutters = [
        num(f"{code}^99PHI-IXR-XPER", value, "mm")
        for code, value in zip(("006", "007", "008", "009"), (50, 60, 62, 52), strict=True)
    ]
    event, _ = event_of(
        num("113750^DCM", 1200, "mm"),
        num("003^99PHI-IXR-XPER", 12),
        num("021^99PHI-IXR-XPER", 905, "mm"),
        container("005^99PHI-IXR-XPER", *shutters),
    )
    assert event["collimated_field_height_mm"] == pytest.approx(102 * 1.2)
    assert event["collimated_field_width_mm"] == pytest.approx(122 * 1.2)
    assert event["number_of_pulses"] == event["number_of_frames"] == 12
    assert event["table_height_position_mm"] == 905


def test_siemens_xml_in_the_comment() -> None:  # 432
    comment = '<FluoroData><iiDiameter SRData="220"/><PatientPosition SRData="HFS"/></FluoroData>'
    event, _ = event_of(text("121106^DCM", comment))
    assert event["field_size_mm"] == 220
    assert event["patient_position"] == "HFS" and event.get("patient_orientation") is None
    event, _ = event_of(text("121106^DCM", '<iiDiameter SRData="2.2.0"/>'))
    assert event["field_size_mm"] is None


def test_siemens_ct_modulation_in_the_comment() -> None:
    comment = "Internal technical scan parameters: X-ray Modulation Type = XYZ_EC, Sn Filter (Tube A) = no"
    rows = rows_of(report(ct_event("2.25.5", 1.0, 1.0, text("121106^DCM", comment))))
    assert rows["dose_event"][0]["xray_modulation_type"] == "XYZ_EC"


def test_a_tube_current_under_any_name_is_found_by_its_code() -> None:  # 380
    source = container("113831^DCM", num("113734^DCM", 90, "mA"))
    source.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning = "mA"
    rows = rows_of(report(ct_event("2.25.5", 1.0, 1.0, container("113822^DCM", source))))
    assert rows["dose_event_source"][0]["xray_tube_current_mA"] == 90


def test_exposure_time_from_pulses_and_mean_current() -> None:  # 379, 371
    pulses = [num("113793^DCM", width, "ms") for width in (4, 6)]
    currents = [num("113734^DCM", current, "mA") for current in (100, 200)]
    event, rows = event_of(num("113768^DCM", 10), *pulses, *currents)
    assert event["exposure_time_ms"] == 50
    assert event["average_xray_tube_current_mA"] == 150
    assert [row["pulse_width_ms"] for row in rows["dose_event_source"]] == [4, 6]


def test_multi_valued_tube_data() -> None:  # 584: rotational acquisitions
    _, rows = event_of(num("113733^DCM", "80\\82\\84", "kV"), num("113734^DCM", "10/20", "mA"))
    assert [row.get("kvp") for row in rows["dose_event_source"]] == [80, 82, 84]
    assert [row.get("xray_tube_current_mA") for row in rows["dose_event_source"]] == [10, 20, None]
    assert rows.object["status"] == "ok"
    item = next(item for item in rows["dose_item"] if item["concept"] == "113733^DCM")
    assert (item["value_num"], item["value_text"]) == (80, "80\\82\\84")


def test_the_first_of_several_numbers_where_one_is_meant() -> None:
    event, rows = event_of(num("113738^DCM", "1.5\\2.5", "Gy"))
    assert event["dose_rp_Gy"] == 1.5
    assert "first of several numbers" in str(rows.object["warnings"])


def test_empty_numbers_are_null_without_a_warning() -> None:  # 955
    event, rows = event_of(empty_num("113738^DCM"), num("122130^DCM", "", "Gy.m2"))
    assert event.get("dose_rp_Gy") is None and event.get("dose_area_product_Gym2") is None
    assert rows.object["status"] == "ok"


def test_a_bad_person_item_is_kept() -> None:  # 865
    bad = person("113870^DCM", "A^B")
    bad.ValueType = "PERSON NAME"
    alerts = container(
        "113900^DCM", bad, text("113907^DCM", "trauma"), coded("113901^DCM", "R-0038D^SRT", "y")
    )
    dose = container("113829^DCM", num("113830^DCM", 5, "mGy"), alerts)
    rows = rows_of(report(container("113819^DCM", uidref("113769^DCM", "2.25.5"), dose)))
    (event,) = rows["dose_event"]
    assert event["alert_person"] == "A^B"
    assert event["alert_reason_for_proceeding"] == "trauma"
    assert event["dlp_alert_value_configured"] == "Yes"


def test_spelling_of_meanings_does_not_matter() -> None:
    alert = container("113900^DCM", coded("113902^DCM", "373066001^SCT", "JA"))
    alert.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning = "CTDIVol ALERT value CONFIGURED"
    dose = container("113829^DCM", num("113830^DCM", 5, "mGy"), alert)
    rows = rows_of(report(container("113819^DCM", dose, uidref("113769^DCM", "2.25.5"))))
    assert rows["dose_event"][0]["ctdivol_alert_value_configured"] == "Yes"


def test_a_code_means_what_its_context_says() -> None:
    role = coded("113876^DCM", "113859^DCM", "role", text("113880^DCM", "serial"))
    root = coded("113745^DCM", "R-0038D^SRT")  # meant is 'X-Ray Detector Data Available' (Hologic)
    event = xray_event("2.25.5", coded("113745^DCM", "F-10470^SRT", "headfirst"), role)
    organ = container("113517^DCM", coded("G-C171^SRT", "G-A100^SRT"))
    rows = rows_of(report(root, event, organ))
    assert rows["dose_event"][0]["patient_table_relationship"] == "headfirst"
    assert rows["dose_event"][0].get("laterality") is None
    assert rows["dose_accumulated"][0]["laterality"] == "Right"


def test_exposure_time_is_in_ms_in_projection_and_in_s_in_ct() -> None:
    projection, _ = event_of(num("113824^DCM", 12, "ms"))
    assert projection["exposure_time_ms"] == 12
    parameters = container("113822^DCM", num("113824^DCM", 12, "s"))
    rows = rows_of(report(ct_event("2.25.5", 1.0, 1.0, parameters)))
    assert rows["dose_event"][0]["exposure_time_s"] == 12


def test_filter_limits_the_wrong_way_round() -> None:  # 453
    _, rows = event_of(container("113771^DCM", num("113758^DCM", 0.3, "mm"), num("113773^DCM", 0.1, "mm")))
    (filters,) = rows["dose_event_filter"]
    assert filters["xray_filter_thickness_minimum_mm"] == 0.1
    assert filters["xray_filter_thickness_maximum_mm"] == 0.3
    assert "swapped" in str(rows.object["warnings"])


def test_an_event_without_uid_is_named_and_counted() -> None:
    rows = rows_of(
        report(xray_event(None, num("113738^DCM", 1, "Gy"), moment("111526^DCM", "20250102080000")))
    )
    assert rows["dose_event"][0]["event_key"] == "20250102080000"
    assert "no irradiation event UID" in str(rows.object["warnings"])


def test_acquired_images_and_both_breasts() -> None:
    laterality = [coded("G-C171^SRT", code) for code in ("T-04030^SRT", "T-04020^SRT")]
    doses = [num("111637^DCM", dose, "mGy", side) for dose, side in zip((1.5, 2.5), laterality, strict=True)]
    total = container("113702^DCM", coded("113764^DCM", "113622^DCM"), *doses)
    rows = rows_of(report(total, xray_event("2.25.5", image_reference("113795^DCM", "2.25.77"))))
    breasts = [row for row in rows["dose_accumulated"] if row["kind"] == "breast"]
    assert [(row["laterality"], row["accumulated_average_glandular_dose_mGy"]) for row in breasts] == [
        ("Left breast", 1.5),
        ("Right breast", 2.5),
    ]
    (item,) = [item for item in rows["dose_item"] if item["concept"] == "113795^DCM"]
    assert (item["value_text"], item["value_code"]) == ("2.25.77", DX_IMAGE)


def test_mixed_character_sets() -> None:  # 476
    rows = rows_of(
        report(
            text("121106^DCM", "Größe"),
            ct_event("2.25.5", 1.0),
            SpecificCharacterSet=["ISO_IR 100", "ISO 2022 IR 87"],
        )
    )
    assert rows.object["comment"] == "Größe"


def test_parts_of_an_event_that_stand_elsewhere_fill_no_row_of_another_table() -> None:
    alert = container("113900^DCM", coded("113901^DCM", "373066001^SCT", "Yes"))
    rows = rows_of(report(alert, container("113811^DCM", alert)))
    known = {name: {column.name for column in table.columns} for name, table in TABLES.items()}
    assert all(row.keys() <= known[name] for name, table in rows.items() for row in table)
    assert sum(item["concept"] == "113901^DCM" for item in rows["dose_item"]) == 2


def test_parts_outside_an_event_and_events_within_events() -> None:
    stray = container("113771^DCM", num("113758^DCM", 0.3, "mm"))
    organs = [container("113517^DCM", num("113518^DCM", dose, "mGy")) for dose in (1, 2)]
    inner = xray_event("2.25.6", container("113771^DCM", num("113758^DCM", 0.1, "mm")))
    outer = xray_event("2.25.5", inner, container("113831^DCM", num("113733^DCM", 80, "kV")), *organs)
    outer.ContentSequence.append(num("113733^DCM", 90, "kV"))
    rows = rows_of(report(stray, outer, organs[0]))
    assert [event["event"] for event in rows["dose_event"]] == [1, 2]
    assert [row["event"] for row in rows["dose_event_filter"]] == [2]
    assert [(row["source"], row["kvp"]) for row in rows["dose_event_source"]] == [(1, 80), (2, 90)]
    assert [(row["seq"], row["event"]) for row in rows["dose_accumulated"]] == [(1, 1), (2, 1), (3, None)]


# ---- images


def test_whole_numbers_with_decimals() -> None:  # 1033: DRGEM
    dataset = radiograph()
    dataset.add_new(0x00181150, "LO", "161.3")
    dataset.add_new(0x00181152, "LO", " 40.196")
    rows = rows_of(dataset, ImplicitVRLittleEndian)
    assert rows["dose_event"][0]["exposure_time_ms"] == pytest.approx(161.3)
    assert rows["dose_event_source"][0]["exposure_uAs"] == pytest.approx(40196)


def test_several_filters_by_comma_and_decimal_comma() -> None:  # 137, 453
    dataset = radiograph(FilterType="WEDGE", FilterMaterial="ALUMINUM,COPPER")
    dataset.add_new(0x00187052, "LO", "1.06,0.206")
    dataset.add_new(0x00187054, "LO", "0.94,0.194")
    first, second = rows_of(dataset, ImplicitVRLittleEndian)["dose_event_filter"]
    assert first["xray_filter_material"] == "Aluminum or Aluminum compound"
    assert (first["xray_filter_thickness_minimum_mm"], first["xray_filter_thickness_maximum_mm"]) == (
        0.94,
        1.06,
    )
    assert second["xray_filter_thickness_maximum_mm"] == 0.206
    dataset = radiograph(FilterMaterial="COPPER")
    dataset.add_new(0x00187052, "LO", "0,1")
    (only,) = rows_of(dataset, ImplicitVRLittleEndian)["dose_event_filter"]
    assert only["xray_filter_thickness_minimum_mm"] == 0.1


def test_several_filters_by_backslash() -> None:
    dataset = radiograph(FilterMaterial=["MOLYBDENUM", "RHODIUM"], FilterThicknessMinimum=["0.03", "0.025"])
    rows = rows_of(dataset)["dose_event_filter"]
    assert [row["xray_filter_thickness_minimum_mm"] for row in rows] == [0.03, 0.025]


def test_siemens_filter_types() -> None:  # 905
    (filters,) = rows_of(radiograph(FilterType="CU_0.1_MM"))["dose_event_filter"]
    assert filters["xray_filter_material"] == "Copper or Copper compound"
    assert filters["xray_filter_thickness_minimum_mm"] == filters["xray_filter_thickness_maximum_mm"] == 0.1


def test_distance_in_decimetres() -> None:  # 137: Kodak DR 7500
    values = {"Manufacturer": "KODAK", "ManufacturerModelName": "DR 7500", "DistanceSourceToDetector": "11.5"}
    rows = rows_of(radiograph(**values))
    assert rows["dose_event"][0]["distance_source_to_detector_mm"] == 1150
    assert "dm" in str(rows.object["warnings"])
    other = rows_of(radiograph(DistanceSourceToDetector="11.5"))
    assert other["dose_event"][0]["distance_source_to_detector_mm"] == 11.5


def test_an_element_of_the_wrong_length() -> None:  # 1006
    dataset = radiograph()
    dataset.add_new(0x00400302, "OB", b"\x01\x00")
    wrong = encode(dataset).replace(
        b"\x40\x00\x02\x03OB\0\0\x02\0\0\0\x01\x00", b"\x40\x00\x02\x03US\x01\0\x01"
    )
    rows = extract(wrong)
    assert rows is not None
    assert rows["dose_event"][0].get("entrance_exposure_at_rp_mGy") is None
    assert rows["dose_event"][0]["dose_area_product_Gym2"] == pytest.approx(2e-5)
    assert "(0040,0302) cannot be decoded" in str(rows.object["warnings"])


def test_text_in_the_patients_size() -> None:  # 896
    dataset = radiograph()
    dataset.add_new(0x00101020, "LO", "tall")
    rows = rows_of(dataset, ImplicitVRLittleEndian)
    assert rows.object["PatientSize_m"] is None
    assert "PatientSize 'tall' is not a number" in str(rows.object["warnings"])
    assert rows["dose_event"][0]["dose_area_product_Gym2"] == pytest.approx(2e-5)


def test_date_and_time_missing() -> None:
    rows = rows_of(radiograph(AcquisitionDate="", AcquisitionTime=""))
    assert rows["dose_event"][0]["date_time_started"] is None
    assert rows["dose_event"][0]["event_key"] == rows.sop_instance_uid
