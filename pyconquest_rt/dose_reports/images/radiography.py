"""Projection images (CR, DX, PX, XA, RF; MG for mammography.py) without a report: what their headers tell."""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import side_of_breast
from pyconquest_rt.dose_reports.image import (
    Exposure,
    Numbers,
    add_filters,
    coded,
    exposures,
    fill_numbers,
    further_event,
    grid,
    laterality,
    start_image,
)
from pyconquest_rt.dose_reports.rows import Row, Rows

_EVENT: Numbers = (
    ("dose_area_product_Gym2", 0x0018115E, "dGy.cm2"),
    ("average_glandular_dose_mGy", 0x00400316, "dGy"),
    ("entrance_exposure_at_rp_mGy", 0x00408302, "mGy"),
    ("entrance_exposure_at_rp_mGy", 0x00400302, "dGy"),
    ("half_value_layer_mm", 0x00400314, "mm"),
    ("exposure_time_ms", 0x00188150, "us"),
    ("exposure_time_ms", 0x00189328, "ms"),
    ("exposure_time_ms", 0x00181150, "ms"),
    ("compression_thickness_mm", 0x001811A0, "mm"),
    ("compression_force_N", 0x001811A2, "N"),
    ("compression_pressure_kPa", 0x001811A3, "kPa"),
    ("compression_contact_area_mm2", 0x001811A5, "mm2"),
    ("focal_spot_size_mm", 0x00181190, "mm"),
    ("distance_source_to_detector_mm", 0x00181110, "mm"),
    ("distance_source_to_entrance_surface_mm", 0x00400306, "mm"),
    ("distance_source_to_entrance_surface_mm", 0x00181111, "mm"),
    ("magnification_factor", 0x00181114, "1"),
    ("positioner_primary_angle_deg", 0x00181510, "deg"),
    ("positioner_secondary_angle_deg", 0x00181511, "deg"),
    ("column_angulation_deg", 0x00181450, "deg"),
    ("number_of_frames", 0x00280008, "1"),
    ("relative_xray_exposure", 0x00181405, "1"),
    ("exposure_index", 0x00181411, "1"),
    ("target_exposure_index", 0x00181412, "1"),
    ("deviation_index", 0x00181413, "1"),
    ("sensitivity", 0x00186000, "1"),
)
_TUBE: Numbers = (
    ("kvp", 0x00180060, "kV"),
    ("xray_tube_current_mA", 0x00188151, "uA"),
    ("xray_tube_current_mA", 0x00189330, "mA"),
    ("xray_tube_current_mA", 0x00181151, "mA"),
    ("exposure_uAs", 0x00181153, "uA.s"),
    ("exposure_uAs", 0x00189332, "mA.s"),
    ("exposure_uAs", 0x00181152, "mA.s"),
    ("pulse_width_ms", 0x00181154, "ms"),
)
# Of tomosynthesis and enhanced images: X-Ray 3D Acquisition, X-Ray Acquisition Dose (PS3.3 C.8.21), Frame
# Acquisition (PS3.3 C.8.19.6), Frame Anatomy (PS3.3 C.7.6.16.2.8).
_MACROS = (0x00189507, 0x00189542, 0x00189417, 0x00209071)
_TOLD = (
    "dose_area_product_Gym2",
    "average_glandular_dose_mGy",
    "entrance_exposure_at_rp_mGy",
    "exposure_index",
    "kvp",
    "xray_tube_current_mA",
    "exposure_uAs",
)
_DECIMETRES = ("KODAK", "DR 7500")  # writes the distance to the detector in dm


def extract_radiograph(item: Item, sop_instance_uid: str, modality: str = "projection") -> Rows | None:
    """Return the rows of a projection image, None where its header tells no exposure."""
    rows, _ = start_image(item, sop_instance_uid, modality, "projection")
    rows.object["DetectorID"] = item.text(0x0018700A)
    found = exposures(item, _MACROS, {})
    told = False
    for number, exposure in enumerate(found, 1):
        event = further_event(rows, number, exposure.uid)
        tube = rows.add("dose_event_source", event=number, source=1)
        for place in exposure.places:
            fill_numbers(place, _EVENT, event, rows)
            fill_numbers(place, _TUBE, tube, rows)
        told |= any(event.get(column) is not None or tube.get(column) is not None for column in _TOLD)
        add_filters(item, rows, number)
        _describe(item, exposure, event, rows)
    if not told:
        return None
    if len(found) > 1:
        _area_dose_of_all(item, rows)
    return rows


def _describe(item: Item, exposure: Exposure, event: Row, rows: Rows) -> None:
    for place in exposure.places:
        event["target_region"] = event.get("target_region") or coded(place, 0x00082218)
        event["laterality"] = event.get("laterality") or laterality(place)
    event["laterality"] = event["laterality"] or side_of_breast(event["target_region"])
    event["image_view"] = coded(item, 0x00540220) or item.text(0x00185101)
    event["xray_grid"] = grid(item)
    event["exposure_control_mode"] = item.text(0x00187060)
    _correct_distance(event, rows)


def _area_dose_of_all(item: Item, rows: Rows) -> None:
    """The dose-area product of an image is that of all its exposures: a total, of no single one."""
    total: Row = {}
    fill_numbers(item, (("dose_area_product_total_Gym2", 0x0018115E, "dGy.cm2"),), total, rows)
    if total:
        rows.add("dose_accumulated", seq=1, kind="projection", **total)
        for event in rows["dose_event"]:
            event.pop("dose_area_product_Gym2", None)


def _correct_distance(event: Row, rows: Rows) -> None:
    column = "distance_source_to_detector_mm"
    distance = event.get(column)
    device = (rows.object.get("Manufacturer"), rows.object.get("ManufacturerModelName"))
    if device == _DECIMETRES and isinstance(distance, (int, float)) and distance < 100:
        event[column] = distance * 100
        rows.warn(f"{column}: {distance:g} taken as dm, as this model writes it")
