"""CT images: the CTDIvol in their headers, and older Toshiba systems' doses in private tags (group 7005).

Every image of an acquisition tells the same, so its event key is that of the acquisition: the irradiation
event UID, or else the acquisition's own UID, or its number with the doses.
"""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.image import (
    Exposure,
    Numbers,
    coded,
    exposures,
    fill_numbers,
    further_event,
    start_image,
)
from pyconquest_rt.dose_reports.pages import ct_toshiba
from pyconquest_rt.dose_reports.pages.ct_philips import ACQUISITION_TYPES
from pyconquest_rt.dose_reports.rows import Row, Rows

_NUMBERS: Numbers = (
    ("mean_ctdivol_mGy", 0x00189345, "mGy"),
    ("size_specific_dose_estimation_mGy", 0x00181272, "mGy"),
    ("water_equivalent_diameter_mm", 0x00181271, "mm"),
    ("nominal_single_collimation_width_mm", 0x00189306, "mm"),
    ("nominal_total_collimation_width_mm", 0x00189307, "mm"),
    ("pitch_factor", 0x00189311, "1"),
    ("focal_spot_size_mm", 0x00181190, "mm"),
)
# Tube current and exposure of a single image are not those of its acquisition: they are no columns of an event. Of an
# enhanced image the mean over its frames is.
_CT_EXPOSURE = 0x00189321
_TUBE: Numbers = (
    ("kvp", 0x00180060, "kV"),
    ("exposure_time_per_rotation_s", 0x00189305, "s"),
)
_EXPOSURE_TIMES: Numbers = (
    ("exposure_time_per_rotation_s", 0x00189328, "ms"),
    ("exposure_time_per_rotation_s", 0x00181150, "ms"),
)
# Enhanced CT: acquisition type, details, table dynamics, geometry, exposure, X-ray details (PS3.3 C.8.15.3).
_MACROS = (0x00189301, 0x00189304, 0x00189308, 0x00189314, 0x00189321, 0x00189325)


# Frames without event UIDs: Frame Acquisition Number, Acquisition Type, CTDIvol.
_TOLD_APART_BY = {0x00209111: (0x00209156,), 0x00189301: (0x00189302,), 0x00189321: (0x00189345,)}
_SPIRAL = "Spiral Acquisition"


def extract_ct_image(item: Item, sop_instance_uid: str) -> Rows | None:
    """Return the rows of a CT image, None where its header tells no dose."""
    rows, _ = start_image(item, sop_instance_uid, "CT", "CT")
    told = False
    for number, exposure in enumerate(exposures(item, _MACROS, _TOLD_APART_BY), 1):
        event = further_event(rows, number, exposure.uid)
        _fill_event(item, exposure, event, rows)
        if event.get("mean_ctdivol_mGy") is not None or event.get("dlp_mGycm") is not None:
            told = True
        _describe(item, event, number)
    return rows if told else None


def _fill_event(item: Item, exposure: Exposure, event: Row, rows: Rows) -> None:
    tube = rows.add("dose_event_source", event=event["event"], source=1)
    for place in exposure.places:
        fill_numbers(place, _NUMBERS, event, rows)
        fill_numbers(place, _TUBE, tube, rows)
        event["ctdiw_phantom_type"] = event.get("ctdiw_phantom_type") or coded(place, 0x00189346)
        kind = event.get("ct_acquisition_type") or place.text(0x00189302) or ""
        event["ct_acquisition_type"] = ACQUISITION_TYPES.get(str(kind), kind) or None
        event["xray_modulation_type"] = event.get("xray_modulation_type") or place.text(0x00189323)
    tube["xray_tube_current_mA"] = exposure.mean(_CT_EXPOSURE, 0x00189330)
    ct_toshiba.fill_event(item, event, rows)
    _time_per_rotation(exposure, event, tube, rows)


def _describe(item: Item, event: Row, number: int) -> None:
    event["frame_of_reference_uid"] = item.text(0x00200052)
    event["irradiation_event_label"] = item.text(0x00200012)
    event["convolution_kernel"] = item.text(0x00181210)
    acquisition = _acquisition(item, event)
    event["event_key"] = event["irradiation_event_uid"] or (
        acquisition if number == 1 else f"{acquisition} {number}"
    )


def _time_per_rotation(exposure: Exposure, event: Row, tube: Row, rows: Rows) -> None:
    """Revolution Time, or else Exposure Time: of a spiral that is revolution time ÷ pitch (PS3.3 C.8.2.1).

    A spiral whose pitch is not told has no time per rotation, rather than a wrong one.
    """
    if tube.get("exposure_time_per_rotation_s") is not None:
        return
    for place in exposure.places:
        fill_numbers(place, _EXPOSURE_TIMES, tube, rows)
    time, pitch = tube.get("exposure_time_per_rotation_s"), event.get("pitch_factor")
    if not isinstance(time, float):
        return
    if isinstance(pitch, float) and pitch > 0 and event["ct_acquisition_type"] in (_SPIRAL, None):
        tube["exposure_time_per_rotation_s"] = round(time * pitch, 6)
    elif event["ct_acquisition_type"] == _SPIRAL:
        tube["exposure_time_per_rotation_s"] = None
        rows.warn("no pitch and no revolution time: the exposure time of a spiral tells no time per rotation")


def _acquisition(item: Item, event: Row) -> str:
    """What tells an acquisition in its study: its UID, or its number with its doses (and series: counting)."""
    uid = item.text(0x00080017)
    if uid is not None:
        return uid
    number, series = item.text(0x00200012), item.text(0x0020000E)
    if number is None:
        return series or str(event["SOPInstanceUID"])
    dose = f" {event['dlp_mGycm']} {event.get('mean_ctdivol_mGy')}" if "dlp_mGycm" in event else ""
    return f"acquisition {number}{dose}"
