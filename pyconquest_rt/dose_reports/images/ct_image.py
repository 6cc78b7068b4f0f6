"""CT images: the CTDIvol in their headers, and older Toshiba systems' doses in private tags (group 7005).

Every image of an acquisition tells the same, so its event key is that of the acquisition: the irradiation
event UID, or else the acquisition's own UID, or its number with the doses.
"""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.image import Numbers, coded, fill_numbers, places, start_image
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
    ("exposure_time_s", 0x00189328, "ms"),
    ("exposure_time_s", 0x00181150, "ms"),
)
_TUBE: Numbers = (
    ("kvp", 0x00180060, "kV"),
    ("xray_tube_current_mA", 0x00189330, "mA"),
    ("xray_tube_current_mA", 0x00188151, "uA"),
    ("xray_tube_current_mA", 0x00181151, "mA"),
    ("exposure_uAs", 0x00181153, "uA.s"),
    ("exposure_uAs", 0x00189332, "mA.s"),
    ("exposure_uAs", 0x00181152, "mA.s"),
    ("exposure_time_per_rotation_s", 0x00189305, "s"),
)
# Enhanced CT: acquisition type, details, table dynamics, geometry, exposure, X-ray details (PS3.3 C.8.15.3).
_MACROS = (0x00189301, 0x00189304, 0x00189308, 0x00189314, 0x00189321, 0x00189325)


def extract_ct_image(item: Item, sop_instance_uid: str) -> Rows | None:
    """Return the rows of a CT image, None where its header tells no dose."""
    rows, event = start_image(item, sop_instance_uid, "CT", "CT")
    tube = rows.add("dose_event_source", event=1, source=1)
    for place in places(item, _MACROS):
        fill_numbers(place, _NUMBERS, event, rows)
        fill_numbers(place, _TUBE, tube, rows)
        event["ctdiw_phantom_type"] = event.get("ctdiw_phantom_type") or coded(place, 0x00189346)
        kind = event.get("ct_acquisition_type") or place.text(0x00189302) or ""
        event["ct_acquisition_type"] = ACQUISITION_TYPES.get(str(kind), kind) or None
        event["xray_modulation_type"] = event.get("xray_modulation_type") or place.text(0x00189323)
    ct_toshiba.fill_event(item, event)
    if event.get("mean_ctdivol_mGy") is None and event.get("dlp_mGycm") is None:
        return None
    event["frame_of_reference_uid"] = item.text(0x00200052)
    event["irradiation_event_label"] = item.text(0x00200012)
    event["event_key"] = event["irradiation_event_uid"] or _acquisition(item, event)
    return rows


def _acquisition(item: Item, event: Row) -> str:
    uid = item.text(0x00080017)
    if uid is not None:
        return uid
    number = item.text(0x00200012)
    if number is None:
        return item.text(0x0020000E) or str(event["SOPInstanceUID"])
    dose = f" {event['dlp_mGycm']} {event.get('mean_ctdivol_mGy')}" if "dlp_mGycm" in event else ""
    return f"acquisition {number}{dose}"
