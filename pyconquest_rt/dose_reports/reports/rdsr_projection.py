"""Projection dose reports (TID 10001 to 10007, with mammography): the columns that their concepts fill.

Also the concepts of makers: Philips (99PHI-IXR-XPER) and what Siemens writes into the comment.
"""

import re
from collections.abc import Iterable

from pyconquest_rt.dose_reports.attributes import number, side_of_breast
from pyconquest_rt.dose_reports.reports.report import CLOSED, Event, Frame
from pyconquest_rt.dose_reports.rows import Rows, Value

_ACCUMULATED = {
    "113764^DCM": "acquisition_plane",
    "113722^DCM": "dose_area_product_total_Gym2",
    "113725^DCM": "dose_rp_total_Gy",
    "113726^DCM": "fluoro_dose_area_product_total_Gym2",
    "113728^DCM": "fluoro_dose_rp_total_Gy",
    "113730^DCM": "total_fluoro_time_s",
    "113727^DCM": "acquisition_dose_area_product_total_Gym2",
    "113729^DCM": "acquisition_dose_rp_total_Gy",
    "113855^DCM": "total_acquisition_time_s",
    "113731^DCM": "total_number_of_radiographic_frames",
    "113780^DCM": "reference_point_definition",
    "113737^DCM": "distance_source_to_reference_point_mm",
}
_BREAST = {"111637^DCM": "accumulated_average_glandular_dose_mGy", "272741003^SCT": "laterality"}
_CALIBRATION = {
    "113794^DCM": "dose_measurement_device",
    "113723^DCM": "calibration_datetime",
    "122322^DCM": "calibration_factor",
    "113763^DCM": "calibration_uncertainty_percent",
    "113724^DCM": "calibration_responsible_party",
    "113720^DCM": "calibration_protocol",
}
_EVENT = {
    "113764^DCM": "acquisition_plane",
    "113769^DCM": "irradiation_event_uid",
    "113605^DCM": "irradiation_event_label",
    "111526^DCM": "date_time_started",
    "113721^DCM": "irradiation_event_type",
    "125203^DCM": "acquisition_protocol",
    "91723000^SCT": "anatomical_structure",
    "272741003^SCT": "laterality",
    "111031^DCM": "image_view",
    "111032^DCM": "image_view_modifier",
    "113745^DCM": "patient_table_relationship",
    "113743^DCM": "patient_orientation",
    "113744^DCM": "patient_orientation_modifier",
    "123014^DCM": "target_region",
    "122130^DCM": "dose_area_product_Gym2",
    "111634^DCM": "half_value_layer_mm",
    "111636^DCM": "entrance_exposure_at_rp_mGy",
    "111638^DCM": "patient_equivalent_thickness_mm",
    "113780^DCM": "reference_point_definition",
    "121106^DCM": "comment",
    "113738^DCM": "dose_rp_Gy",
    "111631^DCM": "average_glandular_dose_mGy",
    "113732^DCM": "fluoro_mode",
    "113791^DCM": "pulse_rate_per_s",
    "113768^DCM": "number_of_pulses",
    "113742^DCM": "irradiation_duration_s",
    "113767^DCM": "average_xray_tube_current_mA",
    "113735^DCM": "exposure_time_ms",
    "113824^DCM": "exposure_time_ms",
    "113766^DCM": "focal_spot_size_mm",
    "111632^DCM": "anode_target_material",
    "113632^DCM": "anode_target_material",  # one maker's slip; the standard has no such code
    "111635^DCM": "xray_grid",
    "113790^DCM": "collimated_field_area_m2",
    "113788^DCM": "collimated_field_height_mm",
    "113789^DCM": "collimated_field_width_mm",
    "113845^DCM": "exposure_index",
    "113846^DCM": "target_exposure_index",
    "113847^DCM": "deviation_index",
    "112011^DCM": "positioner_primary_angle_deg",
    "112012^DCM": "positioner_secondary_angle_deg",
    "113739^DCM": "positioner_primary_end_angle_deg",
    "113740^DCM": "positioner_secondary_end_angle_deg",
    "113770^DCM": "column_angulation_deg",
    "113754^DCM": "table_head_tilt_angle_deg",
    "113755^DCM": "table_horizontal_rotation_angle_deg",
    "113756^DCM": "table_cradle_tilt_angle_deg",
    "111633^DCM": "compression_thickness_mm",
    "111647^DCM": "compression_force_N",
    "111648^DCM": "compression_pressure_kPa",
    "111649^DCM": "compression_contact_area_mm2",
    "113748^DCM": "distance_source_to_isocenter_mm",
    "113737^DCM": "distance_source_to_reference_point_mm",
    "113750^DCM": "distance_source_to_detector_mm",
    "113792^DCM": "distance_source_to_table_plane_mm",
    "113751^DCM": "table_longitudinal_position_mm",
    "113752^DCM": "table_lateral_position_mm",
    "113753^DCM": "table_height_position_mm",
    "113759^DCM": "table_longitudinal_end_position_mm",
    "113760^DCM": "table_lateral_end_position_mm",
    "113761^DCM": "table_height_end_position_mm",
    "113956^DCM": "crdr_mechanical_configuration",
    "003^99PHI-IXR-XPER": "number_of_frames",
}
_PULSES = {
    "113733^DCM": "kvp",
    "113734^DCM": "xray_tube_current_mA",
    "113736^DCM": "exposure_uAs",
    "113793^DCM": "pulse_width_ms",
}
_FILTER = {
    "113772^DCM": "xray_filter_type",
    "113757^DCM": "xray_filter_material",
    "113758^DCM": "xray_filter_thickness_minimum_mm",
    "113773^DCM": "xray_filter_thickness_maximum_mm",
}

FRAMES = {
    "113702^DCM": Frame("dose_accumulated", _ACCUMULATED, {"kind": "projection"}),
    "111637^DCM": Frame("dose_accumulated", _BREAST, {"kind": "breast"}),
    "122505^DCM": Frame(None, _CALIBRATION),
    "113706^DCM": Frame("dose_event", _EVENT, {"event_kind": "projection"}, _PULSES),
    "113771^DCM": Frame("dose_event_filter", _FILTER),
    "005^99PHI-IXR-XPER": CLOSED,
}

# Where the standard's concept is absent, a maker's own says the same.
_IN_PLACE_OF = {
    "table_height_position_mm": "021^99PHI-IXR-XPER",
    "table_height_end_position_mm": "020^99PHI-IXR-XPER",
    "number_of_pulses": "003^99PHI-IXR-XPER",
}


def private_concepts(event: Event, rows: Rows) -> None:
    """Fill what only a maker's own concepts tell: table height, pulses, field size."""
    for column, concept in _IN_PLACE_OF.items():
        item = event.find(concept)
        if event.row.get(column) is None and item is not None and item.number is not None:
            event.row[column] = item.number
    _field_from_shutters(event, rows)


_SHUTTERS = {
    "collimated_field_height_mm": ("006^99PHI-IXR-XPER", "009^99PHI-IXR-XPER"),
    "collimated_field_width_mm": ("007^99PHI-IXR-XPER", "008^99PHI-IXR-XPER"),
}


def _field_from_shutters(event: Event, rows: Rows) -> None:
    """Philips gives the shutters at 1 m from the focus and, on some systems, a field size of zero or less."""
    for column, shutters in _SHUTTERS.items():
        given = event.row.get(column)
        opening = None if _above_zero(given) else _opening(event, shutters)
        if opening is None:
            continue
        event.row[column] = opening
        if given is not None:
            rows.warn(f"{column}: zero or less in the report, taken from the opening of the shutters")


def _above_zero(value: Value) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _opening(event: Event, shutters: Iterable[str]) -> float | None:
    """The opening of two shutters in the plane of the detector; None where it is not all told."""
    told = [item for concept in shutters if (item := event.find(concept)) is not None]
    distance = event.row.get("distance_source_to_detector_mm")
    if len(told) < 2 or not isinstance(distance, (int, float)):
        return None
    return sum(item.number or 0.0 for item in told) * distance / 1000


_SIEMENS_DIAMETER = re.compile(r'<iiDiameter\s+SRData="\s*([0-9.]+)')
_SIEMENS_POSITION = re.compile(r'<PatientPosition\s+SRData="\s*([^"]+?)\s*"')


def siemens_comment(event: Event, rows: Rows) -> None:
    """Take the field size and the patient's position from the comment where Siemens writes them as XML.

    The position (HFS) is not the orientation of 113743 (recumbent): it has a column of its own.
    """
    comment = str(event.row.get("comment") or "")
    diameter = _SIEMENS_DIAMETER.search(comment)
    if diameter:
        event.row["field_size_mm"] = number(diameter[1])
    position = _SIEMENS_POSITION.search(comment)
    if position:
        event.row["patient_position"] = position[1]


def exposure_time(event: Event, rows: Rows) -> None:
    """Work out an exposure time that is not told from the pulses, and the mean of their currents."""
    row, widths = event.row, _told(event, "pulse_width_ms")
    pulses = row.get("number_of_pulses")
    if row.get("exposure_time_ms") is None and widths and isinstance(pulses, (int, float)):
        row["exposure_time_ms"] = sum(widths) / len(widths) * pulses
    currents = _told(event, "xray_tube_current_mA")
    if row.get("average_xray_tube_current_mA") is None and currents:
        row["average_xray_tube_current_mA"] = sum(currents) / len(currents)


def _told(event: Event, column: str) -> list[float]:
    return [value for value in event.series.get(column, []) if value is not None]


def field_area(event: Event, rows: Rows) -> None:
    """Take a field's area of zero from its height and width, where both are told (Philips Azurion)."""
    row = event.row
    sides = [row.get(f"collimated_field_{side}_mm") for side in ("height", "width")]
    area = row.get("collimated_field_area_m2")
    if isinstance(area, (int, float)) and area <= 0:
        lengths = [side for side in sides if isinstance(side, (int, float)) and side > 0]
        if len(lengths) == 2:
            row["collimated_field_area_m2"] = round(lengths[0] * lengths[1] / 1e6, 9)
            rows.warn("collimated_field_area_m2: zero in the report, taken from height and width")


def take_side(event: Event, rows: Rows) -> None:
    """Take the side from the anatomy where only that tells it: Left breast."""
    if event.row.get("laterality") is None:
        anatomy = event.row.get("anatomical_structure") or event.row.get("target_region")
        event.row["laterality"] = side_of_breast(anatomy)


def filter_limits(rows: Rows) -> None:
    """Put the two limits of a filter's thickness in order: some systems swap them."""
    low, high = "xray_filter_thickness_minimum_mm", "xray_filter_thickness_maximum_mm"
    for row in rows["dose_event_filter"]:
        least, most = row.get(low), row.get(high)
        if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most:
            row[low], row[high] = most, least
            rows.warn("filter thickness: minimum and maximum were swapped")
