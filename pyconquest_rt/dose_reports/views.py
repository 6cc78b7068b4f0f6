"""Views over the dose tables: each irradiation event counted once, whatever the order of arrival.

Written in the SQL that SQLite 3.8.5 knows. All is derived when it is asked for, so nothing depends on what
arrived first. The rule:

1. Rows with one event key and plane in one study are one event. The row of the object with the greatest
   ``precedence`` speaks for it (SQLite takes the columns beside MAX() from the row that has the maximum):
   cumulative and overlapping reports, and all images of one exposure.
2. What a dose page or an image tells is left out where an object of a higher kind (report before page before
   image) tells of the same event: by its UID, as the acquired image of that event, at the same second, as
   the same activity of the same radionuclide; CT without an event UID wherever the study has it from above.
3. A report without events (only totals) counts where nothing else in its study tells of dose; of several
   by one device the last.
"""

# The row that speaks for each event among objects of one kind.
_VOICE = """
SELECT o.StudyInstanceUID, o.object_kind, e.event_kind, e.event_key,
       ifnull(e.acquisition_plane, '') AS plane, e.irradiation_event_uid, e.date_time_started,
       e.radionuclide, e.administered_activity_MBq,
       e.SOPInstanceUID, e.event, max(o.precedence) AS precedence
FROM dose_event e JOIN dose_object o ON o.SOPInstanceUID = e.SOPInstanceUID
GROUP BY o.StudyInstanceUID, o.object_kind, e.event_kind, e.event_key, plane
"""

_SAME_SECOND = "substr(low.date_time_started, 1, 14) = substr(high.date_time_started, 1, 14)"
_SAME_ACTIVITY = (
    "low.radionuclide = high.radionuclide"
    " AND abs(low.administered_activity_MBq - high.administered_activity_MBq)"
    " < 0.001 * high.administered_activity_MBq"
)
_ACQUIRED_IMAGE = """EXISTS (
  SELECT 1 FROM dose_event m JOIN dose_item i ON i.value_text = m.SOPInstanceUID AND i.concept = '113795^DCM'
  WHERE m.event_key = low.event_key AND i.SOPInstanceUID = high.SOPInstanceUID AND i.event = high.event)"""

# Events of pages and images of which an object of a higher kind tells as well, and which that is.
_TOLD = f"""
SELECT low.SOPInstanceUID, low.event, max(high.precedence) AS precedence,
       high.SOPInstanceUID AS told_by, high.event AS told_by_event
FROM v_dose_voice low JOIN v_dose_voice high
  ON high.StudyInstanceUID = low.StudyInstanceUID AND high.event_kind = low.event_kind
WHERE high.object_kind <> low.object_kind AND high.object_kind <> 'image' AND low.object_kind <> 'report'
  AND (low.irradiation_event_uid = high.irradiation_event_uid
    OR (low.event_kind = 'CT' AND (low.irradiation_event_uid IS NULL OR high.irradiation_event_uid IS NULL))
    OR (low.event_kind = 'projection' AND ({_SAME_SECOND} OR {_ACQUIRED_IMAGE}))
    OR (low.event_kind = 'administration' AND {_SAME_ACTIVITY}))
GROUP BY low.SOPInstanceUID, low.event
"""  # noqa: S608 - our own text
