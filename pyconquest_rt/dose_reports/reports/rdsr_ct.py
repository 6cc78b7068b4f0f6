"""CT dose reports (TID 10011 to 10015): the columns that their concepts fill."""

import re

from pyconquest_rt.dose_reports.reports.report import Event, Frame
from pyconquest_rt.dose_reports.rows import Rows

_ACQUISITION = {
    "125203^DCM": "acquisition_protocol",
    "123014^DCM": "target_region",
    "113820^DCM": "ct_acquisition_type",
    "408730004^SCT": "procedure_context",
    "113769^DCM": "irradiation_event_uid",
    "113605^DCM": "irradiation_event_label",
    "111526^DCM": "date_time_started",
    "113842^DCM": "xray_modulation_type",
    "113961^DCM": "reconstruction_algorithm",
    "121106^DCM": "comment",
}
_PARAMETERS = {
    "113823^DCM": "number_of_xray_sources",
    "113824^DCM": "exposure_time_s",
    "113825^DCM": "scanning_length_mm",
    "113893^DCM": "length_of_reconstructable_volume_mm",
    "113895^DCM": "top_z_location_of_reconstructable_volume_mm",
    "113896^DCM": "bottom_z_location_of_reconstructable_volume_mm",
    "113897^DCM": "top_z_location_of_scanning_length_mm",
    "113898^DCM": "bottom_z_location_of_scanning_length_mm",
    "113899^DCM": "exposed_range_mm",
    "113826^DCM": "nominal_single_collimation_width_mm",
    "113827^DCM": "nominal_total_collimation_width_mm",
    "113828^DCM": "pitch_factor",
    "112227^DCM": "frame_of_reference_uid",
}
_DOSE = {
    "113830^DCM": "mean_ctdivol_mGy",
    "113835^DCM": "ctdiw_phantom_type",
    "113836^DCM": "ctdifreeair_calculation_factor",
    "113837^DCM": "mean_ctdifreeair_mGy",
    "113838^DCM": "dlp_mGycm",
    "113839^DCM": "effective_dose_mSv",
    "113930^DCM": "size_specific_dose_estimation_mGy",
    "113980^DCM": "water_equivalent_diameter_mm",
}
_SOURCE = {
    "113832^DCM": "identification_of_the_xray_source",
    "113733^DCM": "kvp",
    "113734^DCM": "xray_tube_current_mA",
    "113833^DCM": "maximum_xray_tube_current_mA",
    "113834^DCM": "exposure_time_per_rotation_s",
    "113821^DCM": "xray_filter_aluminum_equivalent_mm",
}
_ALERT = {
    "113901^DCM": "dlp_alert_value_configured",
    "113902^DCM": "ctdivol_alert_value_configured",
    "113903^DCM": "dlp_alert_value_mGycm",
    "113904^DCM": "ctdivol_alert_value_mGy",
    "113905^DCM": "accumulated_dlp_forward_estimate_mGycm",
    "113906^DCM": "accumulated_ctdivol_forward_estimate_mGy",
    "113907^DCM": "alert_reason_for_proceeding",
    "113870^DCM": "alert_person",
}
_NOTIFICATION = {
    "113909^DCM": "dlp_notification_value_configured",
    "113910^DCM": "ctdivol_notification_value_configured",
    "113911^DCM": "dlp_notification_value_mGycm",
    "113912^DCM": "ctdivol_notification_value_mGy",
    "113913^DCM": "dlp_forward_estimate_mGycm",
    "113914^DCM": "ctdivol_forward_estimate_mGy",
    "113907^DCM": "notification_reason_for_proceeding",
    "113870^DCM": "notification_person",
}
_ACCUMULATED = {
    "113812^DCM": "total_number_of_irradiation_events",
    "113813^DCM": "ct_dose_length_product_total_mGycm",
    "113835^DCM": "ctdiw_phantom_type",
    "113814^DCM": "ct_effective_dose_total_mSv",
}

_METHOD = {"370129005^SCT": "effective_dose_method", "121406^DCM": "effective_dose_method"}
_SIZE_SPECIFIC = {"370129005^SCT": "size_specific_dose_estimation_method"}

FRAMES = {
    "113811^DCM": Frame("dose_accumulated", _ACCUMULATED, {"kind": "CT"}),
    "113819^DCM": Frame("dose_event", _ACQUISITION, {"event_kind": "CT"}),
    "113822^DCM": Frame(None, _PARAMETERS),
    "113831^DCM": Frame("dose_event_source", _SOURCE),
    "113829^DCM": Frame(None, _DOSE),
    "113839^DCM": Frame(None, _METHOD),
    "113930^DCM": Frame(None, _SIZE_SPECIFIC),
    "113900^DCM": Frame(None, _ALERT),
    "113908^DCM": Frame(None, _NOTIFICATION),
}

_SIEMENS_MODULATION = re.compile(r"X-ray Modulation Type\s*=\s*([^,]*)")


def modulation_from_comment(event: Event, rows: Rows) -> None:
    """Take the modulation type from the comment where Siemens scanners write it."""
    found = _SIEMENS_MODULATION.search(str(event.row.get("comment") or ""))
    if found and event.row.get("xray_modulation_type") is None:
        event.row["xray_modulation_type"] = found[1].strip()
