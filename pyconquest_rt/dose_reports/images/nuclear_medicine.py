"""PET and nuclear medicine images: the administered activity, its radionuclide and times.

Source: PS3.3 C.8.4.10 (NM Isotope), C.8.9.2 (PET Isotope).
"""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.image import Numbers, coded, fill_numbers, start_image
from pyconquest_rt.dose_reports.rows import Row, Rows

_PET = "1.2.840.10008.5.1.4.1.1.128"
_ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"
_ACTIVITY = 0x00181074
_NUMBERS: Numbers = (
    ("radionuclide_half_life_s", 0x00181075, "s"),
    ("radiopharmaceutical_volume_cm3", 0x00181071, "cm3"),
    ("radiopharmaceutical_specific_activity_Bq_per_mol", 0x00181077, "Bq/umol"),
)


def extract_nuclear(item: Item, sop_instance_uid: str) -> Rows | None:
    """Return the rows of a PET or NM image, an event for every radiopharmaceutical with an activity.

    The activity is in Bq in PET images and in MBq in NM images. None where no activity is told.
    """
    rows, common = start_image(item, sop_instance_uid, "NM", "administration")
    rows["dose_event"].clear()
    date = item.text(0x00080022) or item.text(0x00080021) or item.text(0x00080020)
    unit = "Bq" if item.text(0x00080016) in (_PET, _ENHANCED_PET) else "MBq"
    for pharmaceutical in item.items(0x00540016):
        if any(pharmaceutical.values(_ACTIVITY)):
            event = rows.add("dose_event", **{**common, "event": len(rows["dose_event"]) + 1})
            _fill_administration(pharmaceutical, event, unit, date, rows)
    return rows if rows["dose_event"] else None


def _fill_administration(item: Item, event: Row, unit: str, date: str | None, rows: Rows) -> None:
    fill_numbers(item, (("administered_activity_MBq", _ACTIVITY, unit), *_NUMBERS), event, rows)
    event["radionuclide"] = coded(item, 0x00540300)
    event["radiopharmaceutical_agent"] = coded(item, 0x00540304)
    event["radiopharmaceutical_agent_string"] = item.text(0x00180031)
    event["route_of_administration"] = coded(item, 0x00540302) or item.text(0x00181070)
    event["date_time_started"] = item.text(0x00181078) or _moment(date, item.text(0x00181072))
    event["radiopharmaceutical_stop_datetime"] = item.text(0x00181079) or _moment(date, item.text(0x00181073))
    event["irradiation_event_uid"] = item.text(0x00083012)
    what = event["radionuclide"] or event["radiopharmaceutical_agent_string"] or ""
    key = f"{what} {event.get('administered_activity_MBq')} {event['date_time_started'] or ''}"
    event["event_key"] = event["irradiation_event_uid"] or key


def _moment(date: str | None, time: str | None) -> str | None:
    return f"{date}{time}" if date and time else None
