"""Estimates of the dose to the patient (PS3.16 TID 10030 to 10034), and the summary of Siemens Arcadis.

Of an estimate the main columns are filled: organ, doses and method; all else stands in ``dose_item``.
"""

from pyconquest_rt.dose_reports.reports.report import Frame

_ESTIMATE = {
    "128403^DCM": "estimate_name",
    "363698007^SCT": "finding_site",
    "272741003^SCT": "laterality",
    "113518^DCM": "organ_dose_mGy",
    "128533^DCM": "organ_dose_mGy",
    "128531^DCM": "maximum_dose_mGy",
    "128539^DCM": "median_dose_mGy",
    "128532^DCM": "minimum_dose_mGy",
    "128537^DCM": "equivalent_dose_mSv",
    "128535^DCM": "maximum_equivalent_dose_mSv",
    "113839^DCM": "effective_dose_mSv",
    "121406^DCM": "reference_authority",
}

_METHOD = {"128477^DCM": "estimate_method", "128482^DCM": "reference_authority"}
_MODEL = {"128417^DCM": "patient_model_type"}

PATIENT_FRAMES = {
    "128402^DCM": Frame("dose_accumulated", _ESTIMATE, {"kind": "estimate"}),
    "128412^DCM": Frame(None, _ESTIMATE),
    "128414^DCM": Frame(None, _ESTIMATE),
    "128415^DCM": Frame(None, {**_METHOD, **_MODEL}),
    "128476^DCM": Frame(None, _METHOD),
    "128500^DCM": Frame(None, _MODEL),
}

# Siemens Arcadis Varic writes one total of the examination under concepts of its own.
ARCADIS_FRAMES = {
    "C-10^99SMS_RADSUM": Frame(
        "dose_accumulated",
        {
            "C-200^99SMS_RADSUM": "total_number_of_radiographic_frames",
            "C-202^99SMS_RADSUM": "total_fluoro_time_s",
            "C-204^99SMS_RADSUM": "dose_area_product_total_Gym2",
            "C-210^99SMS_RADSUM": "dose_rp_total_Gy",
        },
        {"kind": "projection"},
    )
}
ARCADIS_TIMES = {
    "start_of_xray_irradiation": "C-206^99SMS_RADSUM",
    "end_of_xray_irradiation": "C-208^99SMS_RADSUM",
}
