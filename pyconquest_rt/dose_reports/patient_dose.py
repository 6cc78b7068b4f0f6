"""Dose to the patient (TID 10030, 10031), the enhanced report (TID 10040 to 10043) and Siemens Arcadis.

Of the two newer templates the main columns are filled; everything else stands in ``dose_item``.
"""

from pyconquest_rt.dose_reports import rdsr_projection
from pyconquest_rt.dose_reports.report import Frame

_ESTIMATE = {
    "128403^DCM": "estimate_name",
    "363698007^SCT": "finding_site",
    "272741003^SCT": "laterality",
    "113518^DCM": "organ_dose_mGy",
    "128533^DCM": "organ_dose_mGy",
    "128531^DCM": "maximum_dose_mGy",
    "113839^DCM": "effective_dose_mSv",
    "121406^DCM": "reference_authority",
}

PATIENT_FRAMES = {
    "128402^DCM": Frame("dose_accumulated", _ESTIMATE, {"kind": "estimate"}),
    "128412^DCM": Frame(None, _ESTIMATE),
    "128414^DCM": Frame(None, _ESTIMATE),
}

_accumulated = rdsr_projection.FRAMES["113702^DCM"]
_event = rdsr_projection.FRAMES["113706^DCM"]

ENHANCED_FRAMES = {
    "130500^DCM": _accumulated,
    "130501^DCM": _event,
    "130502^DCM": Frame(None, _event.columns),
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
