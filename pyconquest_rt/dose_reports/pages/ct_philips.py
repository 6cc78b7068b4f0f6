"""Philips CT 'Dose Info' pages: a secondary capture whose header holds the doses (private block ELSCINT1)."""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import maker_block
from pyconquest_rt.dose_reports.header_row import start_rows
from pyconquest_rt.dose_reports.image import Numbers, acquisition_time, fill_numbers
from pyconquest_rt.dose_reports.rows import Rows

_CREATOR = "ELSCINT1"
_EXPOSURES = 0x0040030E
_NUMBERS: Numbers = (
    ("mean_ctdivol_mGy", 0x00189345, "mGy"),
    ("scanning_length_mm", 0x00181302, "mm"),
    ("nominal_single_collimation_width_mm", 0x00189306, "mm"),
    ("nominal_total_collimation_width_mm", 0x00189307, "mm"),
    ("pitch_factor", 0x00189311, "1"),
    ("exposure_time_s", 0x00189328, "ms"),
    ("exposure_time_s", 0x00181150, "ms"),
)
_TUBE: Numbers = (
    ("kvp", 0x00180060, "kV"),
    ("xray_tube_current_mA", 0x00188151, "uA"),
    ("xray_tube_current_mA", 0x00181151, "mA"),
)
ACQUISITION_TYPES = {
    "SPIRAL": "Spiral Acquisition",
    "SEQUENCED": "Sequenced Acquisition",
    "CONSTANT_ANGLE": "Constant Angle Acquisition",
    "STATIONARY": "Stationary Acquisition",
    "FREE": "Free Acquisition",
}
PHANTOMS = {"16": "IEC Head Dosimetry Phantom", "32": "IEC Body Dosimetry Phantom"}


def is_dose_page(item: Item) -> bool:
    """Tell whether a secondary capture is a Philips dose page."""
    return (
        (item.text(0x00080070) or "").strip().lower().startswith("philips")
        and (item.text(0x0008103E) or "").strip().lower() == "dose info"
        and item.first(_EXPOSURES) is not None
    )


def extract_dose_page(item: Item, sop_instance_uid: str) -> Rows:
    """Return the rows of a Philips dose page: one event for every exposure that names its type."""
    rows = start_rows(item, "page", sop_instance_uid)
    rows.object["modality_type"] = "CT"
    rows.object["comment"] = item.text(0x00400310)
    rows.object["source_of_dose_information"] = "Copied From Image Attributes"
    total = rows.add("dose_accumulated", seq=1, kind="CT")
    _private_dlp(item, total, "ct_dose_length_product_total_mGycm", rows)
    for exposure in item.items(_EXPOSURES):
        if exposure.text(0x00189302):
            _add_event(item, exposure, rows)
    total["total_number_of_irradiation_events"] = len(rows["dose_event"])
    return rows


def _add_event(page: Item, exposure: Item, rows: Rows) -> None:
    number = len(rows["dose_event"]) + 1
    event = rows.add("dose_event", event=number, event_kind="CT")
    kind = exposure.text(0x00189302) or ""
    event["ct_acquisition_type"] = ACQUISITION_TYPES.get(kind, kind)
    event["date_time_started"] = acquisition_time(exposure)
    event["acquisition_protocol"] = exposure.text(0x0008103E)
    event["irradiation_event_uid"] = exposure.text(0x00083010)
    event["target_region"] = page.text(0x00180015)
    event["ctdiw_phantom_type"] = _phantom(exposure)
    event["xray_modulation_type"] = exposure.text(0x00189323)
    fill_numbers(exposure, _NUMBERS, event, rows)
    _private_dlp(exposure, event, "dlp_mGycm", rows)
    series = exposure.text(0x00200011)
    event["irradiation_event_label"] = series
    key = f"page {series or ''} {kind} {event.get('dlp_mGycm')} {number}"
    event["event_key"] = event["irradiation_event_uid"] or key
    tube = rows.add("dose_event_source", event=number, source=1)
    fill_numbers(exposure, _TUBE, tube, rows)


def _private_dlp(item: Item, row: dict[str, str | int | float | None], column: str, rows: Rows) -> None:
    block = maker_block(item, 0x00E1, _CREATOR)
    if block is not None:
        fill_numbers(item, ((column, block | 0x21, "mGy.cm"),), row, rows)


def _phantom(exposure: Item) -> str | None:
    block = maker_block(exposure, 0x01E1, _CREATOR)
    text = exposure.text(block | 0x26) if block is not None else None
    return next((name for size, name in PHANTOMS.items() if (text or "").startswith(size)), None)
