"""Views over the dose tables: each irradiation event counted once, whatever the order of arrival.

Written in the SQL that SQLite 3.8.5 knows. Which rows count, and the totals, come from the tables of counting; what
the speaking row of an exposure leaves open is taken from the further row that counting names (its details).
"""

from pyconquest_rt.dose_reports.counting.store import TOTALS
from pyconquest_rt.dose_reports.reference_levels import ABOVE, EXAMINATION

_COUNTED = """
SELECT c.StudyInstanceUID, c.SOPInstanceUID, c.event, c.details, c.details_event
FROM dose_counted c WHERE c.told_by IS NULL
"""

_OBJECT = """
SELECT o.*, s.superseded_by, s.why AS superseded_why
FROM dose_object o LEFT JOIN dose_superseded s ON s.SOPInstanceUID = o.SOPInstanceUID
"""

_UNCOUNTED = "objects have come or gone since this study was counted: the next derive counts it again"

_STUDY = f"""
SELECT o.StudyInstanceUID, max(o.PatientID) AS PatientID, max(o.StudyDate) AS StudyDate,
  max(o.AccessionNumber) AS AccessionNumber, max(o.StudyDescription) AS StudyDescription,
  max(o.RequestedProcedureDescription) AS RequestedProcedureDescription,
  count(*) AS objects, sum(CASE WHEN o.status = 'failed' THEN 1 ELSE 0 END) AS failed_objects,
  coalesce(t.ct_events, 0) AS ct_events, coalesce(t.projection_events, 0) AS projection_events,
  coalesce(t.administrations, 0) AS administrations,
  {", ".join(f"t.{column}" for column in TOTALS[3:-1])},
  CASE WHEN u.StudyInstanceUID IS NULL THEN t.reasons ELSE '{_UNCOUNTED}' END AS reasons
FROM dose_object o
LEFT JOIN dose_total t ON t.StudyInstanceUID = o.StudyInstanceUID
LEFT JOIN dose_uncounted u ON u.StudyInstanceUID = o.StudyInstanceUID
WHERE o.StudyInstanceUID IS NOT NULL
GROUP BY o.StudyInstanceUID
"""  # noqa: S608 - our own names


def _either(table: str, column: str) -> str:
    return f"coalesce({table}.{column}, {_DETAILS[table]}.{column}) AS {column}"


_DETAILS = {"e": "d", "o": "p"}  # the speaking event and its object → the details and theirs
_PLACE = ", ".join(
    (
        "o.StudyInstanceUID, o.PatientID, o.StudyDate",
        *(
            _either("o", column)
            for column in (
                *(
                    "StudyDescription",
                    "RequestedProcedureDescription",
                    "Manufacturer",
                    "ManufacturerModelName",
                ),
                *("StationName", "DeviceSerialNumber", "SoftwareVersions", "Modality"),
            )
        ),
        "o.object_kind, o.SOPInstanceUID, e.event",
        *(
            _either("e", column)
            for column in (
                "irradiation_event_uid",
                "date_time_started",
                "acquisition_protocol",
                "target_region",
            )
        ),
    )
)


def _source(function: str, column: str) -> str:
    def of(event: str) -> str:
        of_event = f"s.SOPInstanceUID = {event}.SOPInstanceUID AND s.event = {event}.event"
        return f"(SELECT {function}(s.{column}) FROM dose_event_source s WHERE {of_event})"  # noqa: S608

    return f"coalesce({of('e')}, {of('d')}) AS {column}"


_COUNTED_EVENTS = """FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID
LEFT JOIN dose_event d ON d.SOPInstanceUID = c.details AND d.event = c.details_event
LEFT JOIN dose_object p ON p.SOPInstanceUID = c.details"""


def _events(columns: str, sources: tuple[str, ...], condition: str) -> str:
    told = [_either("e", column) for column in columns.split()]
    return f"SELECT {', '.join((_PLACE, *told, *sources))} {_COUNTED_EVENTS} WHERE {condition}"


_CT = _events(
    "ct_acquisition_type procedure_context mean_ctdivol_mGy ctdiw_phantom_type dlp_mGycm scanning_length_mm "
    "pitch_factor nominal_single_collimation_width_mm nominal_total_collimation_width_mm exposure_time_s "
    "xray_modulation_type size_specific_dose_estimation_mGy effective_dose_mSv",
    (
        _source("max", "kvp"),
        _source("max", "xray_tube_current_mA"),
        _source("max", "exposure_time_per_rotation_s"),
    ),
    "e.event_kind = 'CT'",
)
_TUBE = (_source("avg", "kvp"), _source("avg", "xray_tube_current_mA"), _source("sum", "exposure_uAs"))
_PROJECTION = _events(
    "acquisition_plane irradiation_event_type dose_area_product_Gym2 dose_rp_Gy exposure_time_ms fluoro_mode "
    "pulse_rate_per_s number_of_pulses irradiation_duration_s positioner_primary_angle_deg "
    "positioner_secondary_angle_deg distance_source_to_detector_mm collimated_field_area_m2 exposure_index "
    "target_exposure_index deviation_index image_view laterality xray_grid",
    _TUBE,
    "e.event_kind = 'projection' AND o.modality_type = 'projection'",
)
_MAMMOGRAPHY = _events(
    "laterality image_view average_glandular_dose_mGy entrance_exposure_at_rp_mGy half_value_layer_mm "
    "compression_thickness_mm compression_force_N percent_fibroglandular_tissue anode_target_material "
    "exposure_time_ms exposure_control_mode",
    _TUBE,
    "e.event_kind = 'projection' AND o.modality_type = 'mammography'",
)
_NM = _events(
    "radiopharmaceutical_agent radiopharmaceutical_agent_string radionuclide radionuclide_half_life_s "
    "administered_activity_MBq radiopharmaceutical_stop_datetime route_of_administration effective_dose_mSv",
    (),
    "e.event_kind = 'administration'",
)

VIEWS: dict[str, str] = {
    "v_dose_counted": _COUNTED,
    "v_dose_object": _OBJECT,
    "dose_study": _STUDY,
    "v_dose_ct": _CT,
    "v_dose_projection": _PROJECTION,
    "v_dose_mammography": _MAMMOGRAPHY,
    "v_dose_nm": _NM,
    "v_dose_examination": EXAMINATION,
    "v_dose_above_drl": ABOVE,
}
"""The views, each after those that it stands on."""

FORMER_VIEWS = (
    "v_dose_voice",
    "v_dose_told",
    "v_dose_speaker",
    "v_dose_idle",
    "v_dose_reported",
    "v_dose_summed",
)
"""Views of earlier versions, to be dropped."""
