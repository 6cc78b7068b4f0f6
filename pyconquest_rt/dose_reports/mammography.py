"""Mammography images: average glandular dose, entrance dose, compression and views (PS3.3 C.8.11)."""

import re

from pyconquest_rt.dose_reports.attributes import maker_block, number
from pyconquest_rt.dose_reports.image import (
    EXPOSURE_TIME,
    Numbers,
    add_filters,
    add_tube,
    coded,
    fill_numbers,
    grid,
    laterality,
    material,
    start_image,
)
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.elements import Item

_NUMBERS: Numbers = (
    ("average_glandular_dose_mGy", 0x00400316, "dGy"),
    ("entrance_exposure_at_rp_mGy", 0x00408302, "mGy"),
    ("entrance_exposure_at_rp_mGy", 0x00400302, "dGy"),
    ("half_value_layer_mm", 0x00400314, "mm"),
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
    ("relative_xray_exposure", 0x00181405, "1"),
    ("sensitivity", 0x00186000, "1"),
    ("exposure_index", 0x00181411, "1"),
    *EXPOSURE_TIME,
)
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_ANATOMY_BREAST = "Breast"


def extract_mammography(item: Item, sop_instance_uid: str) -> Rows:
    """Return the rows of a mammography image; the share of glandular tissue comes from the comments."""
    rows, event = start_image(item, sop_instance_uid, "mammography", "projection")
    fill_numbers(item, _NUMBERS, event, rows)
    add_tube(item, rows)
    add_filters(item, rows)
    event["anode_target_material"] = material(item.text(0x00181191))
    event["laterality"] = laterality(item)
    event["image_view"] = coded(item, 0x00540220) or item.text(0x00185101)
    for view in item.items(0x00540220)[:1]:
        event["image_view_modifier"] = coded(view, 0x00540222)
    event["xray_grid"] = grid(item)
    event["exposure_control_mode"] = item.text(0x00187060)
    event["anatomical_structure"] = _ANATOMY_BREAST
    share = _PERCENT.search(item.text(0x00400310) or "")
    event["percent_fibroglandular_tissue"] = number(share[1]) if share else None
    block = maker_block(item, 0x0045, "GEMS_SENO_02")
    if block is not None:
        fill_numbers(item, (("radiological_thickness_mm", block | 0x49, "mm"),), event, rows)
    return rows
