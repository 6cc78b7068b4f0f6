"""Radiopharmaceutical dose reports (TID 10021 to 10024): the columns that their concepts fill."""

from pyconquest_rt.dose_reports.reports.report import Frame

_ADMINISTRATION = {
    "113503^DCM": "irradiation_event_uid",
    "349358000^SCT": "radiopharmaceutical_agent",
    "123001^DCM": "radiopharmaceutical_agent",
    "89457008^SCT": "radionuclide",
    "304283002^SCT": "radionuclide_half_life_s",
    "123007^DCM": "radiopharmaceutical_specific_activity_Bq_per_mol",
    "113506^DCM": "estimated_extravasation_activity_MBq",
    "123003^DCM": "date_time_started",
    "123004^DCM": "radiopharmaceutical_stop_datetime",
    "113507^DCM": "administered_activity_MBq",
    "123005^DCM": "radiopharmaceutical_volume_cm3",
    "113508^DCM": "pre_administration_measured_activity_MBq",
    "113509^DCM": "post_administration_measured_activity_MBq",
    "410675002^SCT": "route_of_administration",
    "272737002^SCT": "site_of",
    "272741003^SCT": "laterality",
    "111529^DCM": "brand_name",
    "113511^DCM": "radiopharmaceutical_dispense_unit_identifier",
    "113516^DCM": "prescription_identifier",
    "121106^DCM": "comment",
    "113839^DCM": "effective_dose_mSv",
}
_EFFECTIVE_DOSE = {"113839^DCM": "effective_dose_mSv"}
_ORGAN = {
    "363698007^SCT": "finding_site",
    "272741003^SCT": "laterality",
    "113518^DCM": "organ_dose_mGy",
    "121406^DCM": "reference_authority",
}
_PATIENT = {"8302-2^LN": "PatientSize_m", "29463-7^LN": "PatientWeight_kg"}

FRAMES = {
    "113502^DCM": Frame("dose_event", _ADMINISTRATION, {"event_kind": "administration"}),
    "220001^99SHS": Frame(None, _EFFECTIVE_DOSE),
    "113517^DCM": Frame("dose_accumulated", _ORGAN, {"kind": "organ"}),
    "121118^DCM": Frame(None, _PATIENT),
}
