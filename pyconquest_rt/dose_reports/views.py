"""Views over the dose tables: each irradiation event counted once, whatever the order of arrival.

Written in the SQL that SQLite 3.8.5 knows. All is derived when it is asked for, so nothing depends on what
arrived first. The rule:

1. Rows with one event key and plane in one study are one event. The row of the object with the greatest
   ``precedence`` speaks for it (SQLite takes the columns beside MAX() from the row that has the maximum):
   cumulative and overlapping reports, and all images of one exposure.
2. What a dose page or an image tells is left out where an object of a higher kind (the first character of
   ``precedence``: report before page before image before a page read by OCR of which the sum is not sure)
   tells of the same event: by its UID, as the acquired image of that event, at the same second, as the same
   activity of the same radionuclide; CT without an event UID wherever the study has it from above.
3. A report without events (only totals) counts where nothing else in its study tells of dose; of several
   by one device the last.
"""

# The row that speaks for each event among objects of one kind.
_VOICE = """
SELECT e.StudyInstanceUID, o.object_kind, e.event_kind, e.event_key,
       ifnull(e.acquisition_plane, '') AS plane, e.irradiation_event_uid, e.date_time_started,
       e.radionuclide, e.administered_activity_MBq,
       e.SOPInstanceUID, e.event, max(o.precedence) AS precedence
FROM dose_event e JOIN dose_object o ON o.SOPInstanceUID = e.SOPInstanceUID
WHERE e.StudyInstanceUID IS NOT NULL
GROUP BY e.StudyInstanceUID, e.event_key, e.event_kind, o.object_kind, plane
"""

_SAME_SECOND = "substr(low.date_time_started, 1, 14) = substr(high.date_time_started, 1, 14)"
_SAME_ACTIVITY = (
    "low.radionuclide = high.radionuclide"
    " AND abs(low.administered_activity_MBq - high.administered_activity_MBq)"
    " < 0.001 * high.administered_activity_MBq"
)
# CROSS JOIN and + keep SQLite to the index of the images: else it reads all items of the report.
_ACQUIRED_IMAGE = """EXISTS (
  SELECT 1 FROM dose_event m
  CROSS JOIN dose_item i ON i.value_text = m.SOPInstanceUID AND i.concept = '113795^DCM'
  WHERE m.StudyInstanceUID = low.StudyInstanceUID AND m.event_key = low.event_key
    AND +i.SOPInstanceUID = high.SOPInstanceUID AND i.event = high.event)"""

# Events of pages and images of which an object of a higher kind tells as well, and which that is.
_TOLD = f"""
SELECT low.SOPInstanceUID, low.event, max(high.precedence) AS precedence,
       high.SOPInstanceUID AS told_by, high.event AS told_by_event
FROM v_dose_voice low JOIN v_dose_voice high
  ON high.StudyInstanceUID = low.StudyInstanceUID AND high.event_kind = low.event_kind
WHERE substr(high.precedence, 1, 1) > substr(low.precedence, 1, 1)
  AND (low.irradiation_event_uid = high.irradiation_event_uid
    OR (low.event_kind = 'CT' AND (low.irradiation_event_uid IS NULL OR high.irradiation_event_uid IS NULL))
    OR (low.event_kind = 'projection' AND ({_SAME_SECOND} OR {_ACQUIRED_IMAGE}))
    OR (low.event_kind = 'administration' AND {_SAME_ACTIVITY}))
GROUP BY low.SOPInstanceUID, low.event
"""  # noqa: S608 - our own text

# The rows that count: one for each event of a study.
_COUNTED = """
SELECT v.* FROM v_dose_voice v
LEFT JOIN v_dose_told t ON t.SOPInstanceUID = v.SOPInstanceUID AND t.event = v.event
WHERE t.told_by IS NULL
"""

# For every object with events: how many of them it speaks for itself, and who speaks for the others.
_SPEAKER = """
SELECT e.SOPInstanceUID, sum(ifnull(t.told_by, v.SOPInstanceUID) = e.SOPInstanceUID) AS own,
       max(ifnull(t.precedence, v.precedence)) AS precedence, ifnull(t.told_by, v.SOPInstanceUID) AS speaker
FROM dose_event e
JOIN dose_object o ON o.SOPInstanceUID = e.SOPInstanceUID
JOIN v_dose_voice v ON v.StudyInstanceUID = e.StudyInstanceUID AND v.object_kind = o.object_kind
  AND v.event_kind = e.event_kind AND v.event_key = e.event_key AND v.plane = ifnull(e.acquisition_plane, '')
LEFT JOIN v_dose_told t ON t.SOPInstanceUID = v.SOPInstanceUID AND t.event = v.event
GROUP BY e.SOPInstanceUID
"""

# For every report, or page in doubt, without events: what makes it idle, an object with events or a later report.
_IDLE = """
SELECT o.SOPInstanceUID, max(p.precedence) AS precedence, p.SOPInstanceUID AS speaker
FROM dose_object o JOIN dose_object p ON p.StudyInstanceUID = o.StudyInstanceUID
WHERE o.object_kind IN ('report', 'screen') AND p.status <> 'failed'
  AND NOT EXISTS (SELECT 1 FROM dose_event e WHERE e.SOPInstanceUID = o.SOPInstanceUID)
  AND EXISTS (SELECT 1 FROM dose_accumulated a
              WHERE a.SOPInstanceUID = o.SOPInstanceUID AND a.kind IN ('CT', 'projection'))
  AND (EXISTS (SELECT 1 FROM dose_event e WHERE e.SOPInstanceUID = p.SOPInstanceUID
               AND (e.event_kind = 'administration') = (o.modality_type = 'NM'))
       OR (p.object_kind = 'report' AND p.precedence > o.precedence AND p.modality_type = o.modality_type
           AND p.Manufacturer IS o.Manufacturer AND p.ManufacturerModelName IS o.ManufacturerModelName
           AND p.DeviceSerialNumber IS o.DeviceSerialNumber))
GROUP BY o.SOPInstanceUID
"""

_OBJECT = """
SELECT o.*, CASE WHEN s.own = 0 THEN s.speaker ELSE i.speaker END AS superseded_by
FROM dose_object o
LEFT JOIN v_dose_speaker s ON s.SOPInstanceUID = o.SOPInstanceUID
LEFT JOIN v_dose_idle i ON i.SOPInstanceUID = o.SOPInstanceUID
"""


def _total(kind: str, column: str, digits: int) -> str:
    """The total of the one report of that kind that counts: of all planes, or summed over the planes."""
    all_planes = (
        f"max(CASE WHEN a.kind = '{kind}' AND a.acquisition_plane = 'All Planes' THEN a.{column} END)"
    )
    each = f"sum(CASE WHEN a.kind = '{kind}' AND a.acquisition_plane IS NOT 'All Planes' THEN a.{column} END)"
    reports = f"count(DISTINCT CASE WHEN a.kind = '{kind}' THEN o.SOPInstanceUID END)"
    return f"CASE WHEN {reports} = 1 THEN round(ifnull({all_planes}, {each}), {digits}) END"


# The totals that reports themselves give, where one report of that kind counts in the study.
_REPORTED = f"""
SELECT o.StudyInstanceUID,
  {_total("CT", "ct_dose_length_product_total_mGycm", 6)} AS dlp_mGycm,
  {_total("projection", "dose_area_product_total_Gym2", 12)} AS dap_Gym2,
  {_total("projection", "dose_rp_total_Gy", 12)} AS dose_rp_Gy,
  {_total("projection", "total_fluoro_time_s", 6)} AS fluoro_time_s
FROM v_dose_object o JOIN dose_accumulated a ON a.SOPInstanceUID = o.SOPInstanceUID
WHERE o.superseded_by IS NULL AND a.kind IN ('CT', 'projection')
GROUP BY o.StudyInstanceUID
"""  # noqa: S608 - our own text

_SUMMED = """
SELECT c.StudyInstanceUID,
  sum(c.event_kind = 'CT') AS ct_events, sum(c.event_kind = 'projection') AS projection_events,
  sum(c.event_kind = 'administration') AS administrations,
  round(sum(e.dlp_mGycm), 6) AS dlp_mGycm, max(e.mean_ctdivol_mGy) AS max_ctdivol_mGy,
  round(sum(e.dose_area_product_Gym2), 12) AS dap_Gym2, round(sum(e.dose_rp_Gy), 12) AS dose_rp_Gy,
  round(sum(CASE WHEN e.laterality LIKE 'Left%' THEN e.average_glandular_dose_mGy END), 6) AS agd_left_mGy,
  round(sum(CASE WHEN e.laterality LIKE 'Right%' THEN e.average_glandular_dose_mGy END), 6) AS agd_right_mGy,
  round(sum(CASE WHEN ifnull(e.laterality, '') NOT LIKE 'Left%' AND ifnull(e.laterality, '') NOT LIKE 'Right%'
            THEN e.average_glandular_dose_mGy END), 6) AS agd_either_mGy,
  round(sum(e.administered_activity_MBq), 6) AS activity_MBq,
  round(sum(e.effective_dose_mSv), 6) AS effective_dose_mSv
FROM v_dose_counted c JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
GROUP BY c.StudyInstanceUID
"""

_STUDY = """
SELECT o.StudyInstanceUID, max(o.PatientID) AS PatientID, max(o.StudyDate) AS StudyDate,
  max(o.AccessionNumber) AS AccessionNumber, max(o.StudyDescription) AS StudyDescription,
  count(*) AS objects, sum(o.status = 'failed') AS failed_objects,
  ifnull(s.ct_events, 0) AS ct_events, ifnull(s.projection_events, 0) AS projection_events,
  ifnull(s.administrations, 0) AS administrations,
  ifnull(s.dlp_mGycm, r.dlp_mGycm) AS total_dlp_mGycm, s.max_ctdivol_mGy,
  ifnull(s.dap_Gym2, r.dap_Gym2) AS total_dap_Gym2, ifnull(s.dose_rp_Gy, r.dose_rp_Gy) AS total_dose_rp_Gy,
  s.agd_left_mGy AS total_agd_left_mGy, s.agd_right_mGy AS total_agd_right_mGy,
  s.agd_either_mGy AS total_agd_unknown_side_mGy,
  s.activity_MBq AS total_administered_activity_MBq, s.effective_dose_mSv AS total_effective_dose_mSv,
  r.dlp_mGycm AS reported_dlp_mGycm, r.dap_Gym2 AS reported_dap_Gym2,
  r.dose_rp_Gy AS reported_dose_rp_Gy, r.fluoro_time_s AS reported_fluoro_time_s
FROM dose_object o
LEFT JOIN v_dose_summed s ON s.StudyInstanceUID = o.StudyInstanceUID
LEFT JOIN v_dose_reported r ON r.StudyInstanceUID = o.StudyInstanceUID
WHERE o.StudyInstanceUID IS NOT NULL
GROUP BY o.StudyInstanceUID
"""

_PLACE = """o.StudyInstanceUID, o.PatientID, o.StudyDate, o.StudyDescription, o.Manufacturer,
  o.ManufacturerModelName, o.StationName, o.DeviceSerialNumber, o.object_kind, o.SOPInstanceUID, e.event,
  e.irradiation_event_uid, e.date_time_started, e.acquisition_protocol, e.target_region"""


def _source(function: str, column: str) -> str:
    sources = "FROM dose_event_source s WHERE s.SOPInstanceUID = e.SOPInstanceUID AND s.event = e.event"
    return f"(SELECT {function}(s.{column}) {sources})"


_COUNTED_EVENTS = """FROM v_dose_counted c
JOIN dose_event e ON e.SOPInstanceUID = c.SOPInstanceUID AND e.event = c.event
JOIN dose_object o ON o.SOPInstanceUID = c.SOPInstanceUID"""


def _events(columns: str, condition: str) -> str:
    return f"SELECT {_PLACE}, {columns} {_COUNTED_EVENTS} WHERE {condition}"


_CT = _events(
    "e.ct_acquisition_type, e.procedure_context, e.mean_ctdivol_mGy, e.ctdiw_phantom_type, e.dlp_mGycm, "
    "e.scanning_length_mm, e.pitch_factor, e.nominal_single_collimation_width_mm, "
    "e.nominal_total_collimation_width_mm, e.exposure_time_s, e.xray_modulation_type, "
    "e.size_specific_dose_estimation_mGy, e.effective_dose_mSv, "
    f"{_source('max', 'kvp')} AS kvp, {_source('max', 'xray_tube_current_mA')} AS xray_tube_current_mA, "
    f"{_source('max', 'exposure_time_per_rotation_s')} AS exposure_time_per_rotation_s",
    "e.event_kind = 'CT'",
)
_TUBE = (
    f"{_source('avg', 'kvp')} AS kvp, {_source('avg', 'xray_tube_current_mA')} AS xray_tube_current_mA, "
    f"{_source('sum', 'exposure_uAs')} AS exposure_uAs, e.exposure_time_ms"
)
_PROJECTION = _events(
    "c.plane AS acquisition_plane, e.irradiation_event_type, e.dose_area_product_Gym2, e.dose_rp_Gy, "
    f"{_TUBE}, e.fluoro_mode, e.pulse_rate_per_s, e.number_of_pulses, e.irradiation_duration_s, "
    "e.positioner_primary_angle_deg, e.positioner_secondary_angle_deg, e.distance_source_to_detector_mm, "
    "e.collimated_field_area_m2, e.exposure_index, e.target_exposure_index, e.deviation_index, e.image_view, "
    "e.laterality, e.xray_grid",
    "e.event_kind = 'projection' AND o.modality_type = 'projection'",
)
_MAMMOGRAPHY = _events(
    "e.laterality, e.image_view, e.average_glandular_dose_mGy, e.entrance_exposure_at_rp_mGy, "
    "e.half_value_layer_mm, e.compression_thickness_mm, e.compression_force_N, "
    f"e.percent_fibroglandular_tissue, e.anode_target_material, {_TUBE}, e.exposure_control_mode",
    "e.event_kind = 'projection' AND o.modality_type = 'mammography'",
)
_NM = _events(
    "e.radiopharmaceutical_agent, e.radiopharmaceutical_agent_string, e.radionuclide, "
    "e.radionuclide_half_life_s, e.administered_activity_MBq, e.radiopharmaceutical_stop_datetime, "
    "e.route_of_administration, e.effective_dose_mSv",
    "e.event_kind = 'administration'",
)

VIEWS: dict[str, str] = {
    "v_dose_voice": _VOICE,
    "v_dose_told": _TOLD,
    "v_dose_counted": _COUNTED,
    "v_dose_speaker": _SPEAKER,
    "v_dose_idle": _IDLE,
    "v_dose_object": _OBJECT,
    "v_dose_reported": _REPORTED,
    "v_dose_summed": _SUMMED,
    "dose_study": _STUDY,
    "v_dose_ct": _CT,
    "v_dose_projection": _PROJECTION,
    "v_dose_mammography": _MAMMOGRAPHY,
    "v_dose_nm": _NM,
}
"""The views, each after those that it stands on."""
