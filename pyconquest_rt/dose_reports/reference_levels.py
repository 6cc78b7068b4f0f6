"""Tables that a department fills itself: standard names of its protocols, and its reference levels.

They hold no results: nothing that is read, counted or deleted changes them.
"""

NAMES = """CREATE TABLE IF NOT EXISTS dose_standard_name (
  name TEXT, scanner TEXT NOT NULL DEFAULT '', standard_name TEXT NOT NULL, PRIMARY KEY (name, scanner))"""
LEVELS = """CREATE TABLE IF NOT EXISTS dose_drl (
  standard_name TEXT, quantity TEXT, part TEXT NOT NULL DEFAULT '', from_years REAL NOT NULL DEFAULT 0,
  to_years REAL, value REAL NOT NULL, source TEXT, PRIMARY KEY (standard_name, quantity, part, from_years))"""
SCRIPTS = (NAMES, LEVELS)

EXAMINATION = """
SELECT x.StudyInstanceUID, s.PatientID, s.StudyDate, s.StudyDescription, x.scanner, x.protocol,
  coalesce(a.standard_name, b.standard_name, c.standard_name) AS standard_name,
  x.quantity, x.part, x.value, x.age_years
FROM dose_examination x
JOIN dose_study s ON s.StudyInstanceUID = x.StudyInstanceUID
LEFT JOIN dose_standard_name a ON a.name = lower(trim(x.protocol)) AND a.scanner = lower(trim(x.scanner))
LEFT JOIN dose_standard_name b ON b.name = lower(trim(x.protocol)) AND b.scanner = ''
LEFT JOIN dose_standard_name c ON c.name = lower(trim(s.StudyDescription)) AND c.scanner = ''
"""
ABOVE = """
SELECT x.*, d.value AS reference_level, d.source AS reference
FROM v_dose_examination x
JOIN dose_drl d ON d.quantity = x.quantity AND d.standard_name = coalesce(x.standard_name, x.protocol)
  AND (d.part = '' OR d.part = x.part)
WHERE x.value > d.value
  AND ((d.from_years = 0 AND d.to_years IS NULL)
    OR (x.age_years >= d.from_years AND (d.to_years IS NULL OR x.age_years < d.to_years)))
"""
