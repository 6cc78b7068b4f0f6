"""RTDS's tables (a decision support of the USC IPILab) as views ``rtds_*`` over ours, with its names of columns.

``id`` and foreign keys are DICOM's own UIDs and numbers as text, so that they stay the same when an index is made anew.
What RTDS has and we do not is NULL; docs/rtds.md says of each column where it is from. Curves are texts there and
packed numbers here: ``dvh --json`` writes their points.
"""

from pyconquest_rt.database.rt_views import RTView


def _null(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), "NULL")


def _pair(uid: str, number: str) -> str:
    return f"{uid} || '|' || {number}"


_OVH_ID = "r.SOPInstanceUID || '|' || r.organ_number || '|' || r.targets"

RTDS_VIEWS = {
    "rtds_patients": RTView(
        (),
        {
            "id": "patient_id",
            "PatientName": "patient_name",
            "BirthDate": "birth_date",
            "Gender": "sex",
            **_null("EnthicGroup"),
            "fk_user_id_id": "patient_id",
        },
        "archive_patients",
    ),
    "rtds_studies": RTView(
        (),
        {
            "id": "study_uid",
            "StudyInstanceUID": "study_uid",
            "StudyDate": "study_date",
            "StudyDescription": "study_description",
            "TotalSeries": "series",
            "fk_patient_id_id": "patient_id",
            **_null("fk_user_id_id"),
        },
        "archive_studies",
    ),
    "rtds_series": RTView(
        (),
        {
            "id": "series_uid",
            "SeriesInstanceUID": "series_uid",
            "SeriesDate": "series_date",
            "SeriesDescription": "series_description",
            "SeriesType": "modality",
            "Modality": "modality",
            "SeriesNumber": "series_number",
            "Manufacturer": "manufacturer",
            **_null("PhysicianOfRecord"),
            "fk_study_id_id": "study_uid",
            "fk_patient_id_id": "patient_id",
            "fk_user_id_id": "NULL",
        },
        "archive_series",
    ),
    "rtds_ct_images": RTView(
        (),
        {
            "id": "sop_uid",
            "SOPInstanceUID": "sop_uid",
            "SOPClassUID": "sop_class_uid",
            **_null(
                "ImageType PhotometricInterpretation RescaleSlope RescaleIntercept SliceLocation PixelSpacing"
            ),
            **_null(
                "ImageOrientationPatient ImagePositionPatient SliceThickness BodypartExamined Rows Columns"
            ),
            "fk_series_id_id": "series_uid",
            "fk_study_id_id": "study_uid",
            "fk_patient_id_id": "patient_id",
        },
        "archive_objects WHERE modality = 'CT'",
    ),
    "rtds_rt_structureset": RTView(
        ("rt_structure_set",),
        {
            "id": "SOPInstanceUID",
            "SOPInstanceUID": "SOPInstanceUID",
            "SOPClassUID": "'1.2.840.10008.5.1.4.1.1.481.3'",
            "TotalROIs": "roi_count",
            "fk_series_id_id": "series_instance_uid",
            "fk_study_id_id": "study_instance_uid",
            "fk_patient_id_id": "patient_id",
            "fk_user_id_id": "NULL",
        },
        "rt_structure_set",
    ),
    "rtds_rt_rois": RTView(
        ("rt_roi", "rt_structure_set"),
        {
            "id": _pair("r.SOPInstanceUID", "r.roi_number"),
            "ROIName": "r.raw_name",
            "Volume": "r.volume_cc",
            "TotalContours": "r.contour_count",
            "ROINumber": "r.roi_number",
            "fk_structureset_id_id": "r.SOPInstanceUID",
            "fk_patient_id_id": "s.patient_id",
            "fk_study_id_id": "s.study_instance_uid",
            "fk_series_id_id": "s.series_instance_uid",
            "fk_user_id_id": "NULL",
            "ROIDisplayColor": "r.colour",
        },
        "rt_roi r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID",
    ),
    "rtds_rt_dose": RTView(
        ("rt_dose",),
        {
            "id": "SOPInstanceUID",
            "SOPClassUID": "'1.2.840.10008.5.1.4.1.1.481.2'",
            "SOPInstanceUID": "SOPInstanceUID",
            "DoseGridScaling": "dose_grid_scaling",
            "DoseSummationType": "summation_type",
            "DoseType": "dose_type",
            "DoseUnits": "dose_units",
            "ReferencedRTPlanSequence": "plan_uid",
            "ReferencedStructureSetSequence": "structure_set_uid",
            "fk_series_id_id": "series_instance_uid",
            "fk_study_id_id": "study_instance_uid",
            "fk_patient_id_id": "patient_id",
            "fk_user_id_id": "NULL",
        },
        "rt_dose",
    ),
    "rtds_rt_dose_image": RTView(
        ("rt_dose",),
        {
            "id": "SOPInstanceUID",
            "columns": "columns",
            "rows": "rows",
            "NumberOfFrames": "planes",
            "ImagePositionPatient": "origin_x_mm || '\\' || origin_y_mm || '\\' || origin_z_mm",
            "ImageOrientationPatient": "orientation",
            "PixelSpacing": "row_spacing_mm || '\\' || column_spacing_mm",
            **_null("PhotometricInterpretation ImageData"),
            "fk_dose_id_id": "SOPInstanceUID",
        },
        "rt_dose",
    ),
    "rtds_rt_dvh": RTView(
        ("dvh",),
        {
            "id": "SOPInstanceUID || '|' || structure_set_uid || '|' || roi_number || '|' || source",
            "DVHMaximumDose": "max_gy",
            "DVHMeanDose": "mean_gy",
            "DVHMinimumDose": "min_gy",
            "ReferencedROI": "roi_number",
            "DoseUnits": "'GY'",
            "DVHData": "NULL",
            "NumberOfBins": "length(curve_gy) / 4",
            "VolumeUnits": "'CM3'",
            "DVHType": "'CUMULATIVE'",
            "DoseType": "'PHYSICAL'",
            "DoseScaling": "1.0",
            "fk_dose_id_id": "SOPInstanceUID",
            "fk_roi_id_id": _pair("structure_set_uid", "roi_number"),
            "source": "source",
        },
        "dvh",
    ),
    "rtds_rt_isdose": RTView(
        ("rt_isodose",),
        {
            "id": _pair("SOPInstanceUID", "level_percent"),
            "IsDoseValue": "dose_gy",
            **_null("RowPosition ColumnPosition fk_ct_image_id_id"),
            "fk_dose_id_id": "SOPInstanceUID",
            "LevelPercent": "level_percent",
            "VolumeCC": "volume_cc",
        },
        "rt_isodose",
    ),
    "rtds_oar_dictionary": RTView(
        ("rt_roi",),
        {"id": "raw_name", "ROIName": "raw_name", "ROIDisplayColor": "max(colour)"},
        "rt_roi GROUP BY raw_name",
    ),
    "rtds_ovh": RTView(
        ("rt_relation", "rt_structure_set"),
        {
            "id": _OVH_ID,
            "binValue": "r.ovh_first_mm || ' ' || r.ovh_width_mm",
            "binAmount": "r.ovh",
            "OverlapArea": "r.overlap_cc",
            "ptv_id": _pair("r.SOPInstanceUID", "r.targets"),
            "OAR_id": _pair("r.SOPInstanceUID", "r.organ_number"),
            "fk_study_id_id": "s.study_instance_uid",
        },
        "rt_relation r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID "
        "WHERE r.status <> 'failed'",
    ),
    "rtds_sts": RTView(
        ("rt_sts", "rt_structure_set"),
        {
            "id": _OVH_ID,
            "elevation_bins": "r.elevation_width_deg",
            "distance_bins": "r.distance_width_mm",
            "azimuth_bins": "r.azimuth_width_deg",
            "amounts": "r.fraction",
            "ptv_id": _pair("r.SOPInstanceUID", "r.targets"),
            "OAR_id": _pair("r.SOPInstanceUID", "r.organ_number"),
            "fk_study_id_id": "s.study_instance_uid",
        },
        "rt_sts r LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID",
    ),
}
"""View → what it is over. RTDS's ``similarity`` is calculated on demand (``similar``); rt_contour and pixel data stay
in the files; tables of web accounts have no view."""
