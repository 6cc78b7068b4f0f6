"""The view ``v_rt_chain``: for each RTDOSE its plan, structure set and image series, or why there is none.

Every link is made by reference where the objects have one; a reference to an object that is not there is
never replaced by a guess: the chain waits for it, and says so where the plan names another structure set. Without
reference the link is made by frame of reference
and patient. Where several structure sets share the frame and nothing chooses, the dose has one row for each.
"""

from pyconquest_rt.dicom.tables import columns

CHAIN_VIEW = "v_rt_chain"
CHAIN_COLUMNS = columns("""
    dose_uid               | TEXT    | | SOPInstanceUID of the RTDOSE
    patient_id             | TEXT    | | PatientID of the dose
    study_instance_uid     | TEXT    | | StudyInstanceUID of the dose
    frame_of_reference_uid | TEXT    | | FrameOfReferenceUID of the dose
    summation_type         | TEXT    | | DoseSummationType
    plan_uid               | TEXT    | | SOPInstanceUID of the plan
    plan_link              | TEXT    | | how it was found: see below
    structure_set_uid      | TEXT    | | SOPInstanceUID of the structure set
    wanted_structure_set_uid | TEXT | | the one that the dose refers to, or else its plan
    structure_set_link     | TEXT    | | how it was found
    image_series_uid       | TEXT    | | SeriesInstanceUID of the images
    image_series_link      | TEXT    | | how it was found
    has_structures         | INTEGER | | 1 if dose and structure set are there, so that DVHs can be made
    reason                 | TEXT    | | what the chain waits for or why it is not whole; NULL if it is
""")
CHAIN_LINKS = {
    "reference": "the objects refer to each other",
    "plan": "of structure sets: the one that the dose refers to is not there, but that of its plan is",
    "frame of reference": "they share the frame of reference and the patient",
    "missing": "there is a reference, but the object is not there",
    "none": "there is no reference, and nothing (or, of plans and series, more than one) in the frame",
}

# A plan is taken by frame of reference only if it is the only one there, and never for a sum of plans.
_PLANS_OF_FRAME = """
    FROM rt_plan AS other
    WHERE other.frame_of_reference_uid = dose.frame_of_reference_uid
        AND other.patient_id IS dose.patient_id"""

_DOSES_WITH_PLAN = f"""
    SELECT dose.*, coalesce(
        dose.plan_uid,
        CASE WHEN dose.summation_type IS NOT 'MULTI_PLAN' THEN
            (SELECT CASE count(*) WHEN 1 THEN min(other.SOPInstanceUID) END {_PLANS_OF_FRAME})
        END
    ) AS chain_plan_uid
    FROM rt_dose AS dose"""  # noqa: S608

_CHAIN = f"""
SELECT
    d.SOPInstanceUID AS dose_uid,
    d.patient_id AS patient_id,
    d.study_instance_uid AS study_instance_uid,
    d.frame_of_reference_uid AS frame_of_reference_uid,
    d.summation_type AS summation_type,
    d.chain_plan_uid AS plan_uid,
    CASE
        WHEN d.chain_plan_uid IS NULL THEN 'none'
        WHEN p.SOPInstanceUID IS NULL THEN 'missing'
        WHEN d.plan_uid IS NULL THEN 'frame of reference'
        ELSE 'reference'
    END AS plan_link,
    coalesce(s.SOPInstanceUID, d.structure_set_uid, p.structure_set_uid) AS structure_set_uid,
    coalesce(d.structure_set_uid, p.structure_set_uid) AS wanted_structure_set_uid,
    CASE
        WHEN s.SOPInstanceUID = framed.SOPInstanceUID THEN 'frame of reference'
        WHEN s.SOPInstanceUID = named.SOPInstanceUID THEN 'reference'
        WHEN s.SOPInstanceUID IS NOT NULL AND d.plan_uid IS NULL THEN 'frame of reference'
        WHEN s.SOPInstanceUID IS NOT NULL AND d.structure_set_uid IS NOT NULL THEN 'plan'
        WHEN s.SOPInstanceUID IS NOT NULL THEN 'reference'
        WHEN d.structure_set_uid IS NOT NULL OR p.structure_set_uid IS NOT NULL THEN 'missing'
        ELSE 'none'
    END AS structure_set_link,
    coalesce(s.image_series_uid, __FRAME_SERIES__) AS image_series_uid,
    CASE
        WHEN i.SeriesInst IS NOT NULL THEN 'reference'
        WHEN s.image_series_uid IS NOT NULL THEN 'missing'
        WHEN __FRAME_SERIES__ IS NOT NULL THEN 'frame of reference'
        ELSE 'none'
    END AS image_series_link
FROM ({_DOSES_WITH_PLAN}) AS d
LEFT JOIN rt_plan AS p ON p.SOPInstanceUID = d.chain_plan_uid
LEFT JOIN rt_structure_set AS named ON named.SOPInstanceUID = d.structure_set_uid
LEFT JOIN rt_structure_set AS planned ON planned.SOPInstanceUID = p.structure_set_uid
    AND (d.structure_set_uid IS NULL OR d.plan_uid IS NOT NULL)
LEFT JOIN rt_structure_set AS framed
    ON framed.frame_of_reference_uid = d.frame_of_reference_uid AND framed.patient_id IS d.patient_id
    AND d.structure_set_uid IS NULL AND p.structure_set_uid IS NULL
    AND (d.plan_uid IS NULL OR p.SOPInstanceUID IS NOT NULL)
LEFT JOIN rt_structure_set AS s
    ON s.SOPInstanceUID =
        coalesce(named.SOPInstanceUID, planned.SOPInstanceUID, framed.SOPInstanceUID)
LEFT JOIN DICOMSeries AS i ON i.SeriesInst = s.image_series_uid
"""  # noqa: S608

FRAMED_SQL = """
SELECT s.SOPInstanceUID AS structure_set_uid, 'frame of reference' AS structure_set_link,
    s.image_series_uid AS image_series_uid, CASE
        WHEN i.SeriesInst IS NOT NULL THEN 'reference' WHEN s.image_series_uid IS NOT NULL THEN 'missing' ELSE 'none'
    END AS image_series_link
FROM rt_dose AS d JOIN rt_structure_set AS s
    ON s.frame_of_reference_uid = d.frame_of_reference_uid AND s.patient_id IS d.patient_id
LEFT JOIN DICOMSeries AS i ON i.SeriesInst = s.image_series_uid
WHERE d.SOPInstanceUID = ? ORDER BY s.SOPInstanceUID"""
"""The structure sets in the frame of reference of a dose, whatever it refers to, as columns of the chain."""

# The only image series in the dose's frame of reference.
_FRAME_SERIES = """(
        SELECT CASE count(*) WHEN 1 THEN min(series.SeriesInst) END FROM DICOMSeries AS series
        WHERE series.FrameOfRef = d.frame_of_reference_uid AND series.Modality IN ('CT', 'MR', 'PT')
    )"""

_REASONS = """
    CASE
        WHEN structure_set_link = 'missing' THEN 'waits for structure set ' || structure_set_uid
        WHEN structure_set_link = 'none' AND plan_link = 'missing' THEN 'waits for plan ' || plan_uid
        WHEN structure_set_link = 'none' AND frame_of_reference_uid IS NULL
            THEN 'refers to no structure set and has no frame of reference'
        WHEN structure_set_link = 'none' THEN 'waits for a structure set in its frame of reference'
        WHEN structure_set_link = 'plan' THEN 'waits for structure set ' || wanted_structure_set_uid
            || '; meanwhile that of its plan is taken'
        WHEN plan_link = 'missing' THEN 'waits for plan ' || plan_uid
        WHEN structure_set_link = 'frame of reference' THEN 'structure set by frame of reference only'
        WHEN image_series_link = 'missing' THEN 'waits for image series ' || image_series_uid
        WHEN image_series_link = 'none' THEN 'no image series, or several, in its frame of reference'
        WHEN plan_link = 'none' THEN 'refers to no plan'
    END AS reason"""


def chain_view_sql(with_frame_of_series: bool = True) -> str:
    """``CREATE VIEW v_rt_chain`` in the syntax of SQLite 3.8.5, over the RT tables and DICOMSeries.

    ``with_frame_of_series`` False is for a DICOMSeries without the columns FrameOfRef and Modality: an
    image series is then found by reference only.
    """
    chain = _CHAIN.replace("__FRAME_SERIES__", _FRAME_SERIES if with_frame_of_series else "NULL")
    return (
        f"CREATE VIEW IF NOT EXISTS {CHAIN_VIEW} AS\nSELECT chain.*,\n"
        "    structure_set_link IN ('reference', 'plan', 'frame of reference') AS has_structures,"
        f"{_REASONS}\nFROM ({chain}) AS chain"
    )
