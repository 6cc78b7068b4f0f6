"""PET and nuclear medicine images: the administered activity, its radionuclide and times.

Source: PS3.3 C.8.4.10 (NM Isotope), C.8.9.2 (PET Isotope).
"""

from pyconquest_rt.dose_reports.image import Numbers, coded, fill_numbers, start_image
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.elements import Item

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
    rows, event = start_image(item, sop_instance_uid, "NM", "administration")
    date = item.text(0x00080022) or item.text(0x00080021) or item.text(0x00080020)
    unit = "Bq" if item.text(0x00080016) in (_PET, _ENHANCED_PET) else "MBq"
    common, rows["dose_event"] = dict(event), []
    for pharmaceutical in item.items(0x00540016):
        if not any(value for value in pharmaceutical.values(_ACTIVITY)):
            continue
        row = rows.add("dose_event", **{**common, "event": len(rows["dose_event"]) + 1})
        row["SOPInstanceUID"] = sop_instance_uid
        fill_numbers(pharmaceutical, (("administered_activity_MBq", _ACTIVITY, unit), *_NUMBERS), row, rows)
        row["radionuclide"] = coded(pharmaceutical, 0x00540300)
        row["radiopharmaceutical_agent"] = coded(pharmaceutical, 0x00540304)
        row["radiopharmaceutical_agent_string"] = pharmaceutical.text(0x00180031)
        row["route_of_administration"] = coded(pharmaceutical, 0x00540302) or pharmaceutical.text(0x00181070)
        started, stopped = pharmaceutical.text(0x00181072), pharmaceutical.text(0x00181073)
        row["date_time_started"] = pharmaceutical.text(0x00181078) or _moment(date, started)
        row["radiopharmaceutical_stop_datetime"] = pharmaceutical.text(0x00181079) or _moment(date, stopped)
        row["irradiation_event_uid"] = pharmaceutical.text(0x00083012)
        row["event_key"] = row["irradiation_event_uid"] or (
            f"{row['radionuclide'] or row['radiopharmaceutical_agent_string'] or ''} "
            f"{row['administered_activity_MBq']} {row['date_time_started'] or ''}"
        )
    return rows if rows["dose_event"] else None


def _moment(date: str | None, time: str | None) -> str | None:
    return f"{date}{time}" if date and time else None
