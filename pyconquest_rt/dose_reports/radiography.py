"""Radiographic and fluoroscopic images (CR, DX, PX, XA, RF) without a report: what their headers tell."""

from pyconquest_rt.dose_reports.image import (
    EXPOSURE_TIME,
    Numbers,
    add_filters,
    add_tube,
    coded,
    fill_numbers,
    grid,
    laterality,
    start_image,
)
from pyconquest_rt.dose_reports.rows import Row, Rows
from pyconquest_rt.elements import Item

_NUMBERS: Numbers = (
    ("dose_area_product_Gym2", 0x0018115E, "dGy.cm2"),
    ("entrance_exposure_at_rp_mGy", 0x00408302, "mGy"),
    ("entrance_exposure_at_rp_mGy", 0x00400302, "dGy"),
    ("focal_spot_size_mm", 0x00181190, "mm"),
    ("distance_source_to_detector_mm", 0x00181110, "mm"),
    ("distance_source_to_entrance_surface_mm", 0x00400306, "mm"),
    ("distance_source_to_entrance_surface_mm", 0x00181111, "mm"),
    ("positioner_primary_angle_deg", 0x00181510, "deg"),
    ("positioner_secondary_angle_deg", 0x00181511, "deg"),
    ("column_angulation_deg", 0x00181450, "deg"),
    ("number_of_frames", 0x00280008, "1"),
    ("relative_xray_exposure", 0x00181405, "1"),
    ("exposure_index", 0x00181411, "1"),
    ("target_exposure_index", 0x00181412, "1"),
    ("deviation_index", 0x00181413, "1"),
    ("sensitivity", 0x00186000, "1"),
    *EXPOSURE_TIME,
)
_DECIMETRES = ("KODAK", "DR 7500")  # writes the distance to the detector in dm


def extract_radiograph(item: Item, sop_instance_uid: str) -> Rows | None:
    """Return the rows of a radiographic or fluoroscopic image, None where its header tells no exposure."""
    rows, event = start_image(item, sop_instance_uid, "projection", "projection")
    fill_numbers(item, _NUMBERS, event, rows)
    tube = add_tube(item, rows)
    if not _tells_exposure(event, tube):
        return None
    add_filters(item, rows)
    event["laterality"] = laterality(item)
    event["image_view"] = coded(item, 0x00540220) or item.text(0x00185101)
    event["xray_grid"] = grid(item)
    event["exposure_control_mode"] = item.text(0x00187060)
    _correct_distance(event, rows)
    return rows


def _tells_exposure(event: Row, tube: Row) -> bool:
    told = ("dose_area_product_Gym2", "entrance_exposure_at_rp_mGy", "exposure_index")
    return any(event.get(column) is not None for column in told) or any(
        tube.get(column) is not None for column in ("kvp", "xray_tube_current_mA", "exposure_uAs")
    )


def _correct_distance(event: Row, rows: Rows) -> None:
    column = "distance_source_to_detector_mm"
    distance = event.get(column)
    device = (rows.object.get("Manufacturer"), rows.object.get("ManufacturerModelName"))
    if device == _DECIMETRES and isinstance(distance, (int, float)) and distance < 100:
        event[column] = distance * 100
        rows.warn(f"{column}: {distance:g} taken as dm, as this model writes it")
