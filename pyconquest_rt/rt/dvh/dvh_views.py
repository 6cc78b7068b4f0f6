"""Views over the DVHs: each with what it is of and who it belongs to, and senders' own beside ours."""

from pyconquest_rt.dicom.tables import columns

DVH_VIEW = "v_dvh"
DVH_COLUMNS = columns("""
    SOPInstanceUID     | TEXT    |     | SOPInstanceUID of the RTDOSE
    structure_set_uid  | TEXT    |     | SOPInstanceUID of the structure set
    roi_number         | INTEGER |     | ROINumber
    source             | TEXT    |     | pyconquest or vendor
    end_cap            | TEXT    |     | how the outermost slabs are closed
    patient_id         | TEXT    |     | PatientID of the dose
    study_instance_uid | TEXT    |     | StudyInstanceUID of the dose
    plan_uid           | TEXT    |     | SOPInstanceUID of the plan
    plan_label         | TEXT    |     | RTPlanLabel
    physician          | TEXT    |     | ReferringPhysicianName of the plan, else of the structure set
    site               | TEXT    |     | treatment site: what a person said (rt_site), else the plan
    date               | TEXT    |     | RTPlanDate, else the date of the dose, YYYYMMDD
    summation_type     | TEXT    |     | DoseSummationType: what the dose is a dose of
    plan_link          | TEXT    |     | how the plan was found (v_rt_chain)
    structure_set_link | TEXT    |     | how the structure set was found
    prescription_gy    | REAL    | Gy  | prescribed dose that 100 % stands for
    fractions          | INTEGER |     | fractions that the dose is of
    roi_name           | TEXT    |     | ROIName
    roi_type           | TEXT    |     | RTROIInterpretedType
    tg263_name         | TEXT    |     | the name of TG-263
    institutional_name | TEXT    |     | the site's name
    physician_name     | TEXT    |     | the physician's name in the site's default map
    is_target          | INTEGER |     | 1 if the ROI is a target, by its type or, without one, by its name
    alpha_beta_gy      | REAL    | Gy  | alpha/beta of BED and EQD2
    alpha_beta_method  | TEXT    |     | where that is from
    volume_cc          | REAL    | cm3 | volume
    uncovered_cc       | REAL    | cm3 | the part of it outside the dose grid
    min_gy             | REAL    | Gy  | least dose
    mean_gy            | REAL    | Gy  | mean dose
    max_gy             | REAL    | Gy  | greatest dose
    curve_gy           | BLOB    | Gy  | ascending doses of the curve, 32-bit floats, little endian
    curve_cc           | BLOB    | cm3 | volume that gets at least each of these doses, likewise
    colour             | TEXT    |     | ROIDisplayColor as #rrggbb
    status             | TEXT    |     | ok, warning or failed
    reason             | TEXT    |     | what is wrong, in words
""")

DIFFERENCE_VIEW = "v_dvh_difference"
_METRICS = {
    "d98_gy": "D98%[Gy]",
    "d95_gy": "D95%[Gy]",
    "d50_gy": "D50%[Gy]",
    "d2_gy": "D2%[Gy]",
    "d003cc_gy": "D0.03cc[Gy]",
}
_OF_CURVE = {"volume_cc": "volume", "min_gy": "least dose", "mean_gy": "mean dose", "max_gy": "greatest dose"}
DIFFERENCE_COLUMNS = columns(
    """
    SOPInstanceUID    | TEXT    | | SOPInstanceUID of the RTDOSE
    structure_set_uid | TEXT    | | SOPInstanceUID of the structure set
    roi_number        | INTEGER | | ROINumber
    end_cap           | TEXT    | | how the outermost slabs of ours are closed
    roi_name          | TEXT    | | ROIName
    """,
    *(
        f"{name} | REAL | {'cm3' if name == 'volume_cc' else 'Gy'} | {meaning}: the sender's minus ours"
        for name, meaning in (_OF_CURVE | _METRICS).items()
    ),
    """
    volume_percent    | REAL | % | difference of the volumes in % of ours
    mean_percent      | REAL | % | difference of the mean doses in % of our greatest dose
    vendor_reason     | TEXT |   | what is odd about the sender's DVH
    """,
)


def view_sql() -> str:
    """The statements that make both views, in the syntax of SQLite 3.8.5."""
    views = {DVH_VIEW: _DVHS, DIFFERENCE_VIEW: _difference()}
    return "\n".join(f"CREATE VIEW IF NOT EXISTS {name} AS{select};" for name, select in views.items())


def drop_views_sql() -> str:
    """The statements that remove both views, to make them anew."""
    return "\n".join(f"DROP VIEW IF EXISTS {name};" for name in (DIFFERENCE_VIEW, DVH_VIEW))


_DVHS = """
SELECT v.SOPInstanceUID, v.structure_set_uid, v.roi_number, v.source, v.end_cap, d.patient_id,
    d.study_instance_uid, v.plan_uid, p.label AS plan_label, coalesce(p.physician, s.physician) AS physician,
    coalesce(t.site, p.treatment_site_key) AS site, coalesce(p.date, d.date) AS date,
    v.summation_type, v.plan_link, v.structure_set_link, v.prescription_gy, v.fractions, v.roi_name, v.roi_type,
    n.tg263_name, n.institutional_name, n.physician_name, v.is_target, v.alpha_beta_gy, v.alpha_beta_method,
    v.volume_cc, v.uncovered_cc, v.min_gy, v.mean_gy, v.max_gy, v.curve_gy, v.curve_cc, r.colour,
    v.status, v.reason
FROM dvh v
JOIN rt_dose d ON d.SOPInstanceUID = v.SOPInstanceUID
LEFT JOIN rt_plan p ON p.SOPInstanceUID = v.plan_uid
LEFT JOIN rt_site t ON t.plan_uid = v.plan_uid
LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = v.structure_set_uid
LEFT JOIN rt_roi r ON r.SOPInstanceUID = v.structure_set_uid AND r.roi_number = v.roi_number
LEFT JOIN roi_name n ON n.raw_name = v.roi_name AND n.physician = 'DEFAULT'"""


def _difference() -> str:
    """A SELECT of each sender's DVH minus ours of the same dose, structure set and ROI."""
    lines = [f"theirs.{name} - ours.{name} AS {name}" for name in _OF_CURVE]
    lines += [
        f"{_value('theirs', metric)} - {_value('ours', metric)} AS {name}"
        for name, metric in _METRICS.items()
    ]
    differences = ",\n    ".join(lines)
    return f"""
SELECT ours.SOPInstanceUID, ours.structure_set_uid, ours.roi_number, ours.end_cap, ours.roi_name,
    {differences},
    100.0 * (theirs.volume_cc - ours.volume_cc) / ours.volume_cc AS volume_percent,
    100.0 * (theirs.mean_gy - ours.mean_gy) / ours.max_gy AS mean_percent,
    theirs.reason AS vendor_reason
FROM dvh theirs
JOIN dvh ours ON ours.SOPInstanceUID = theirs.SOPInstanceUID
    AND ours.structure_set_uid = theirs.structure_set_uid
    AND ours.roi_number = theirs.roi_number AND ours.source = 'pyconquest'
WHERE theirs.source = 'vendor'"""  # noqa: S608 - names and metrics of this module


def _value(of: str, metric: str) -> str:
    """A metric of one of the two rows."""
    names = ("SOPInstanceUID", "structure_set_uid", "roi_number", "source", "end_cap")
    same = " AND ".join(f"m.{name} = {of}.{name}" for name in names)
    return f"(SELECT m.value FROM dvh_metrics m WHERE {same} AND m.metric = '{metric}')"  # noqa: S608 - as above
