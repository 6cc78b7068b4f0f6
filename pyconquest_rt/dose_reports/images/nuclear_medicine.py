"""PET and nuclear medicine images: the administered activity, its radionuclide and times.

Source: PS3.3 C.8.4.10 (NM Isotope), C.8.9.2 (PET Isotope).
"""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.activity import plausible_activity
from pyconquest_rt.dose_reports.image import Numbers, coded, fill_numbers, start_image
from pyconquest_rt.dose_reports.moments import day_before, moment
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
    acquired = _acquired(item)
    unit = "Bq" if item.text(0x00080016) in (_PET, _ENHANCED_PET) else "MBq"
    for pharmaceutical in item.items(0x00540016):
        if any(pharmaceutical.values(_ACTIVITY)):
            event = rows.add("dose_event", **{**common, "event": len(rows["dose_event"]) + 1})
            _fill_administration(pharmaceutical, event, unit, acquired, rows)
    return rows if rows["dose_event"] else None


def _acquired(item: Item) -> tuple[str | None, str | None]:
    """Date and time of the acquisition, or else those of the series or the study."""
    date_time = item.text(0x0008002A) or ""
    for date, time in ((0x00080022, 0x00080032), (0x00080021, 0x00080031), (0x00080020, 0x00080030)):
        if item.text(date):
            return item.text(date), item.text(time)
        if len(date_time) >= 8:
            return date_time[:8], date_time[8:] or None
    return None, None


def _fill_administration(
    item: Item, event: Row, unit: str, acquired: tuple[str | None, str | None], rows: Rows
) -> None:
    fill_numbers(item, (("administered_activity_MBq", _ACTIVITY, unit), *_NUMBERS), event, rows)
    plausible_activity(event, rows)
    event["radionuclide"] = coded(item, 0x00540300)
    event["radiopharmaceutical_agent"] = coded(item, 0x00540304)
    event["radiopharmaceutical_agent_string"] = item.text(0x00180031)
    event["route_of_administration"] = coded(item, 0x00540302) or item.text(0x00181070)
    started, stopped = _moments(item.text(0x00181072), item.text(0x00181073), acquired)
    event["date_time_started"] = item.text(0x00181078) or started
    event["radiopharmaceutical_stop_datetime"] = item.text(0x00181079) or stopped
    event["irradiation_event_uid"] = item.text(0x00083012)
    what = event["radionuclide"] or event["radiopharmaceutical_agent_string"] or ""
    key = f"{what} {event.get('administered_activity_MBq')} {event['date_time_started'] or ''}"
    event["event_key"] = event["irradiation_event_uid"] or key


def _moments(
    start: str | None, stop: str | None, acquired: tuple[str | None, str | None]
) -> tuple[str | None, str | None]:
    """Start and stop as DICOM DT: a time later than the acquisition is of the day before, never after it."""
    date, time = acquired
    if not date:
        return None, None
    day = day_before(date) if start and time and _later(start, time) else date
    stop_day = day_before(date) if stop and time and _later(stop, time) else date
    return (f"{day}{start}" if start else None), (f"{stop_day}{stop}" if stop else None)


def _later(one: str, other: str) -> bool:
    first, second = moment(f"20000101{one}"), moment(f"20000101{other}")
    return first is not None and second is not None and first.local > second.local
