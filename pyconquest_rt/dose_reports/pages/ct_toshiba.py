"""Older Toshiba CT: the doses that its images have in private tags (block TOSHIBA_MEC_CT3, group 7005).

The systems write no dose report; what their dose page shows as pixels stands in every image as numbers.
"""

import struct

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import maker_block, number
from pyconquest_rt.dose_reports.rows import Row, Rows

_CREATOR = "TOSHIBA_MEC_CT3"
_NUMBERS = {
    "dlp_mGycm": 0x40,
    "mean_ctdivol_mGy": 0x63,
    "pitch_factor": 0x23,
    "nominal_single_collimation_width_mm": 0x08,  # the width of one detector element
}
_DETECTORS = 0x09  # a digit for every detector row, 1 where it was used


_OFF = 5.0  # a CTDIvol that differs by such a factor from the private one is a slip of the decimal point


def fill_event(item: Item, event: Row, rows: Rows) -> None:
    """Fill what the private tags tell and the standard ones do not; a CTDIvol ten times off gives way to them."""
    block = maker_block(item, 0x7005, _CREATOR)
    if block is None:
        return
    _correct_ctdivol(_number(item, block | _NUMBERS["mean_ctdivol_mGy"]), event, rows)
    for column, element in _NUMBERS.items():
        if event.get(column) is None:
            value = _number(item, block | element)
            if value is not None:
                event[column] = value
    width, used = event.get("nominal_single_collimation_width_mm"), item.text(block | _DETECTORS) or ""
    if event.get("nominal_total_collimation_width_mm") is None and isinstance(width, float):
        event["nominal_total_collimation_width_mm"] = width * used.count("1") or None


def _correct_ctdivol(exact: float | None, event: Row, rows: Rows) -> None:
    column = "mean_ctdivol_mGy"
    told = event.get(column)
    if exact and isinstance(told, float) and not 1 / _OFF < told / exact < _OFF:
        event[column] = exact
        rows.warn(
            f"CTDIvol {told:g} mGy is not plausible beside {exact:g} mGy in the private tags: the latter taken"
        )


def _number(item: Item, tag: int) -> float | None:
    """Return a private number; where the encoding leaves out the VR it is the eight bytes of a double."""
    raw = item.raw(tag)
    if raw is not None and item.vr(tag) == "UN" and len(raw) == 8:
        return float(struct.unpack("<d", raw)[0])
    return number(next(iter(item.values(tag)), None))
