"""Views over the dose tables: each irradiation event counted once, whatever the order of arrival.

Written in the SQL that SQLite 3.8.5 knows. Where several rows tell of one event, the row of the object with
the greatest ``precedence`` speaks: SQLite takes the plain columns beside MAX() from the row that has it.
"""

# Rows of reports and dose pages that speak for their event; a plane of its own is an event of its own.
_REPORTED = """
SELECT o.StudyInstanceUID, e.event_key, ifnull(e.acquisition_plane, '') AS plane,
       e.SOPInstanceUID, e.event, max(o.precedence) AS precedence
FROM dose_event e JOIN dose_object o ON o.SOPInstanceUID = e.SOPInstanceUID
WHERE o.object_kind <> 'image'
GROUP BY o.StudyInstanceUID, e.event_key, plane
"""

# Rows of images that speak for their event, where no report or page tells of it.
_IMAGED = """
SELECT o.StudyInstanceUID, e.event_key, '' AS plane,
       e.SOPInstanceUID, e.event, max(o.precedence) AS precedence
FROM dose_event e JOIN dose_object o ON o.SOPInstanceUID = e.SOPInstanceUID
WHERE o.object_kind = 'image'
  AND NOT EXISTS (SELECT 1 FROM v_dose_image_link l
                  WHERE l.StudyInstanceUID = o.StudyInstanceUID AND l.event_key = e.event_key)
GROUP BY o.StudyInstanceUID, e.event_key
"""

VIEWS: dict[str, str] = {}
