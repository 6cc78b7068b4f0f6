"""Older Toshiba CT: the doses that its images have in private tags (block TOSHIBA_MEC_CT3, group 7005).

The systems write no dose report; what their dose page shows as pixels stands in every image as numbers.
"""

import struct

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import maker_block, number
from pyconquest_rt.dose_reports.rows import Row

_CREATOR = "TOSHIBA_MEC_CT3"
_NUMBERS = {
    "dlp_mGycm": 0x40,
    "mean_ctdivol_mGy": 0x63,
    "pitch_factor": 0x23,
    "nominal_single_collimation_width_mm": 0x08,  # the width of one detector element
}
_DETECTORS = 0x09  # a digit for every detector row, 1 where it was used


def fill_event(item: Item, event: Row) -> None:
    """Fill what the private tags tell and the standard ones do not."""
    block = maker_block(item, 0x7005, _CREATOR)
    if block is None:
        return
    for column, element in _NUMBERS.items():
        if event.get(column) is None:
            value = _number(item, block | element)
            if value is not None:
                event[column] = value
    width, used = event.get("nominal_single_collimation_width_mm"), item.text(block | _DETECTORS) or ""
    if event.get("nominal_total_collimation_width_mm") is None and isinstance(width, float):
        event["nominal_total_collimation_width_mm"] = width * used.count("1") or None


def _number(item: Item, tag: int) -> float | None:
    """Return a private number; where the encoding leaves out the VR it is the eight bytes of a double."""
    raw = item.raw(tag)
    if raw is not None and item.vr(tag) == "UN" and len(raw) == 8:
        return float(struct.unpack("<d", raw)[0])
    return number(next(iter(item.values(tag)), None))
