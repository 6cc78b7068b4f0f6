"""Mammography images: what they tell beyond other projection images (PS3.3 C.8.11.7)."""

import re

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import maker_block, number
from pyconquest_rt.dose_reports.image import coded, fill_numbers, material
from pyconquest_rt.dose_reports.images.radiography import extract_radiograph
from pyconquest_rt.dose_reports.rows import Row, Rows

_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")


def extract_mammography(item: Item, sop_instance_uid: str) -> Rows | None:
    """Return the rows of a mammography image, None where its header tells no exposure.

    The share of fibroglandular tissue comes from the comments on radiation dose ('31 %'), the radiological
    thickness from GE's private block.
    """
    rows = extract_radiograph(item, sop_instance_uid, "mammography")
    if rows is None:
        return None
    for event in rows["dose_event"]:
        _fill_event(item, event, rows)
    return rows


def _fill_event(item: Item, event: Row, rows: Rows) -> None:
    event["anatomical_structure"] = "Breast"
    event["anode_target_material"] = material(item.text(0x00181191))
    for view in item.items(0x00540220)[:1]:
        event["image_view_modifier"] = coded(view, 0x00540222)
    share = _PERCENT.search(item.text(0x00400310) or "")
    event["percent_fibroglandular_tissue"] = number(share[1]) if share else None
    block = maker_block(item, 0x0045, "GEMS_SENO_02")
    if block is not None:
        fill_numbers(item, (("radiological_thickness_mm", block | 0x49, "mm"),), event, rows)
