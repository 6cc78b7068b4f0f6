"""The six dose tables: one line a column with its type and its meaning.

The data definition, the documentation and the checks of the rows all come from the lines below. The unit
of a number is the end of its column's name; a text column that holds a code's value holds the word that the
standard has for the code (meanings.py), and the code itself stands in ``dose_item``. All tables are keyed by
the SOP Instance UID of the object that the rows come from, so they can be deleted and made again exactly.
"""

from pyconquest_rt.dicom.tables import Column, Table


def _table(name: str, row: str, key: str, columns: str) -> Table:
    """Return a table of lines ``name type meaning``; a number's unit is the end of its column's name."""
    lines = (line.split(None, 2) for line in columns.strip().splitlines())
    described = (Column(column, sql_type, "", meaning) for column, sql_type, meaning in lines)
    return Table(name, row, tuple(described), tuple(key.split()))


_OBJECT = """
SOPInstanceUID                     TEXT     the object
SOPClassUID                        TEXT     its SOP class
StudyInstanceUID                   TEXT     its study
SeriesInstanceUID                  TEXT     its series
PatientID                          TEXT     its patient
TemplateIdentifier                 TEXT     the template that a report names (10001, 10011, 10021 ...)
ConceptNameCode                    TEXT     a report's title as code^scheme
object_kind                        TEXT     report, page (a CT dose page), image, or screen (a CT dose page read by OCR whose sum is not sure)
modality_type                      TEXT     CT, projection, mammography or NM
precedence                         TEXT     of two objects that tell of one event the greater speaks (kind, content date and time, UID)
StudyDate                          TEXT     (0008,0020)
StudyTime                          TEXT     (0008,0030)
ContentDate                        TEXT     (0008,0023)
ContentTime                        TEXT     (0008,0033)
TimezoneOffsetFromUTC              TEXT     (0008,0201), as +0100
Modality                           TEXT     (0008,0060): RF, DX, CR, PX, XA, MG, CT ... of an image
ImageType                          TEXT     (0008,0008) of an image, its values joined by a backslash
DetectorID                         TEXT     (0018,700A) of an image
source_images                      TEXT     the images that an image was made from (0008,2112), UIDs joined by a backslash
AccessionNumber                    TEXT     (0008,0050)
StudyDescription                   TEXT     (0008,1030)
RequestedProcedureDescription      TEXT     (0032,1060), or of the Request Attributes Sequence
SeriesDescription                  TEXT     (0008,103E)
ProtocolName                       TEXT     (0018,1030)
procedure_reported                 TEXT     121058 Procedure reported, as code^scheme
procedure_reported_meaning         TEXT     its word
has_intent                         TEXT     363703001 (G-C0E8) Has Intent
scope_of_accumulation              TEXT     113705: Study, Performed Procedure Step ...
scope_uid                          TEXT     the UID of what is accumulated over
source_of_dose_information         TEXT     113854; images have 'Copied From Image Attributes'
acquisition_device_type            TEXT     122142
start_of_xray_irradiation          TEXT     113809 (DICOM DT)
end_of_xray_irradiation            TEXT     113810 (DICOM DT)
comment                            TEXT     121106 at the root of a report, or the image's comments on radiation dose
Manufacturer                       TEXT     (0008,0070)
ManufacturerModelName              TEXT     (0008,1090)
StationName                        TEXT     (0008,1010)
DeviceSerialNumber                 TEXT     (0018,1000)
SoftwareVersions                   TEXT     (0018,1020), several joined by a backslash
InstitutionName                    TEXT     (0008,0080)
device_observer_uid                TEXT     121012 Device Observer UID
device_observer_name               TEXT     121013 Device Observer Name
PatientSex                         TEXT     (0010,0040)
PatientBirthDate                   TEXT     (0010,0030)
PatientAge                         TEXT     (0010,1010), as 045Y
PatientSize_m                      REAL     (0010,1020), or the report's patient height
PatientWeight_kg                   REAL     (0010,1030), or the report's patient weight
status                             TEXT     ok, warning or failed
warnings                           TEXT     one reason a line, or NULL
"""  # noqa: E501

_ACCUMULATED = """
SOPInstanceUID                             TEXT     the object
seq                                        INTEGER  counted from 1 in the order of the report
event                                      INTEGER  the administration that an organ dose belongs to, or NULL
kind                                       TEXT     CT, projection, breast, organ (dose to an organ) or estimate (of the dose to a patient)
acquisition_plane                          TEXT     113764: Single Plane, Plane A, Plane B, All Planes
laterality                                 TEXT     272741003 (G-C171), or of breast or organ
finding_site                               TEXT     363698007 (G-C0E3): the organ
ct_dose_length_product_total_mGycm         REAL     113813
ctdiw_phantom_type                         TEXT     113835, where the total is of one phantom
total_number_of_irradiation_events         INTEGER  113812
ct_effective_dose_total_mSv                REAL     113814
dose_area_product_total_Gym2               REAL     113722
dose_rp_total_Gy                           REAL     113725
fluoro_dose_area_product_total_Gym2        REAL     113726
fluoro_dose_rp_total_Gy                    REAL     113728
total_fluoro_time_s                        REAL     113730
acquisition_dose_area_product_total_Gym2   REAL     113727
acquisition_dose_rp_total_Gy               REAL     113729
total_acquisition_time_s                   REAL     113855
total_number_of_radiographic_frames        INTEGER  113731
accumulated_average_glandular_dose_mGy     REAL     111637
reference_point_definition                 TEXT     113780
distance_source_to_reference_point_mm      REAL     113737
calibration_factor                         REAL     122322
calibration_uncertainty_percent            REAL     113763
calibration_datetime                       TEXT     113723 (DICOM DT)
calibration_responsible_party              TEXT     113724
calibration_protocol                       TEXT     113720
dose_measurement_device                    TEXT     113794
estimate_name                              TEXT     128403 Radiation Dose Estimate Name
organ_dose_mGy                             REAL     113518 Organ Dose, or 128533 Mean Absorbed Radiation Dose
maximum_dose_mGy                           REAL     128531 Maximum Absorbed Radiation Dose (of the skin: peak skin dose)
median_dose_mGy                            REAL     128539 Median Absorbed Radiation Dose
minimum_dose_mGy                           REAL     128532 Minimum Absorbed Radiation Dose
equivalent_dose_mSv                        REAL     128537 Mean Equivalent Radiation Dose
maximum_equivalent_dose_mSv                REAL     128535 Maximum Equivalent Radiation Dose
estimate_method                            TEXT     128477 Radiation Dose Estimate Method Type
patient_model_type                         TEXT     128417 Patient Model Type
effective_dose_mSv                         REAL     113839
effective_dose_method                      TEXT     121406 or 370129005 (G-C036) of the effective dose
reference_authority                        TEXT     121406, or 128482: whose method or table
"""  # noqa: E501

_EVENT = """
SOPInstanceUID                                TEXT     the object
event                                         INTEGER  counted from 1 in the order of the object
StudyInstanceUID                              TEXT     the study, so that its events are found at once
event_kind                                    TEXT     CT, projection or administration
event_key                                     TEXT     the event's UID, or else what the object itself tells it by
acquisition_plane                             TEXT     113764: Single Plane, Plane A, Plane B
irradiation_event_uid                         TEXT     113769, (0008,3010); of an administration 113503, (0008,3012)
irradiation_event_label                       TEXT     113605
date_time_started                             TEXT     111526, 123003; acquisition date and time of an image (DICOM DT)
irradiation_event_type                        TEXT     113721: Fluoroscopy, Stationary Acquisition, Rotational Acquisition ...
acquisition_protocol                          TEXT     125203; an image's ProtocolName, or else what acquisition_protocol_source names
acquisition_protocol_source                   TEXT     the attribute of an image that the protocol was taken from
anatomical_structure                          TEXT     91723000 (T-D0005)
laterality                                    TEXT     272741003 (G-C171): Right, Left
image_view                                    TEXT     111031
image_view_modifier                           TEXT     111032
patient_table_relationship                    TEXT     113745
patient_orientation                           TEXT     113743
patient_position                              TEXT     (0018,5100), or of Siemens' comment: HFS, FFP ...
patient_orientation_modifier                  TEXT     113744
target_region                                 TEXT     123014; an image's body part
dose_area_product_Gym2                        REAL     122130, (0018,115E)
half_value_layer_mm                           REAL     111634
entrance_exposure_at_rp_mGy                   REAL     111636, (0040,8302)
patient_equivalent_thickness_mm               REAL     111638
reference_point_definition                    TEXT     113780
comment                                       TEXT     121106
dose_rp_Gy                                    REAL     113738 air kerma at the reference point
average_glandular_dose_mGy                    REAL     111631; OrganDose (0040,0316)
fluoro_mode                                   TEXT     113732
pulse_rate_per_s                              REAL     113791
number_of_pulses                              INTEGER  113768
number_of_frames                              INTEGER  private 003^99PHI-IXR-XPER, or the image's frames
irradiation_duration_s                        REAL     113742
average_xray_tube_current_mA                  REAL     113767
exposure_time_ms                              REAL     113735, 113824 in projection
focal_spot_size_mm                            REAL     113766
anode_target_material                         TEXT     111632
xray_grid                                     TEXT     111635, (0018,1166); several joined by a comma
collimated_field_area_m2                      REAL     113790
collimated_field_height_mm                    REAL     113788
collimated_field_width_mm                     REAL     113789
field_size_mm                                 REAL     input diameter of the detector (Siemens iiDiameter in the comment)
exposure_index                                REAL     113845
target_exposure_index                         REAL     113846
deviation_index                               REAL     113847
positioner_primary_angle_deg                  REAL     112011
positioner_secondary_angle_deg                REAL     112012
positioner_primary_end_angle_deg              REAL     113739
positioner_secondary_end_angle_deg            REAL     113740
column_angulation_deg                         REAL     113770
table_head_tilt_angle_deg                     REAL     113754
table_horizontal_rotation_angle_deg           REAL     113755
table_cradle_tilt_angle_deg                   REAL     113756
compression_thickness_mm                      REAL     111633, (0018,11A0)
compression_force_N                           REAL     111647, (0018,11A2)
compression_pressure_kPa                      REAL     111648
compression_contact_area_mm2                  REAL     111649
distance_source_to_isocenter_mm               REAL     113748
distance_source_to_reference_point_mm         REAL     113737
distance_source_to_detector_mm                REAL     113750
distance_source_to_table_plane_mm             REAL     113792
table_longitudinal_position_mm                REAL     113751
table_lateral_position_mm                     REAL     113752
table_height_position_mm                      REAL     113753; private 021^99PHI-IXR-XPER
table_longitudinal_end_position_mm            REAL     113759
table_lateral_end_position_mm                 REAL     113760
table_height_end_position_mm                  REAL     113761; private 020^99PHI-IXR-XPER
crdr_mechanical_configuration                 TEXT     113956
ct_acquisition_type                           TEXT     113820: Spiral Acquisition, Constant Angle Acquisition ...
procedure_context                             TEXT     408730004 (G-C32C)
exposure_time_s                               REAL     113824 in CT: of the whole acquisition
scanning_length_mm                            REAL     113825
length_of_reconstructable_volume_mm           REAL     113893
exposed_range_mm                              REAL     113899
top_z_location_of_reconstructable_volume_mm   REAL     113895
bottom_z_location_of_reconstructable_volume_mm REAL    113896
top_z_location_of_scanning_length_mm          REAL     113897
bottom_z_location_of_scanning_length_mm       REAL     113898
nominal_single_collimation_width_mm           REAL     113826
nominal_total_collimation_width_mm            REAL     113827
pitch_factor                                  REAL     113828
number_of_xray_sources                        INTEGER  113823
mean_ctdivol_mGy                              REAL     113830
ctdiw_phantom_type                            TEXT     113835
ctdifreeair_calculation_factor                REAL     113836
mean_ctdifreeair_mGy                          REAL     113837
dlp_mGycm                                     REAL     113838
effective_dose_mSv                            REAL     113839
effective_dose_method                         TEXT     370129005 (G-C036) Measurement Method, or 121406, of the effective dose
xray_modulation_type                          TEXT     113842
reconstruction_algorithm                      TEXT     113961
convolution_kernel                            TEXT     (0018,1210) of the image that was read
size_specific_dose_estimation_mGy             REAL     113930
size_specific_dose_estimation_method          TEXT     370129005 (G-C036) Measurement Method of it
water_equivalent_diameter_mm                  REAL     113980
frame_of_reference_uid                        TEXT     112227
dlp_alert_value_configured                    TEXT     113901: Yes, No
ctdivol_alert_value_configured                TEXT     113902
dlp_alert_value_mGycm                         REAL     113903
ctdivol_alert_value_mGy                       REAL     113904
accumulated_dlp_forward_estimate_mGycm        REAL     113905
accumulated_ctdivol_forward_estimate_mGy      REAL     113906
alert_reason_for_proceeding                   TEXT     113907 under the alert details
alert_person                                  TEXT     113870 under the alert details
dlp_notification_value_configured             TEXT     113909
ctdivol_notification_value_configured         TEXT     113910
dlp_notification_value_mGycm                  REAL     113911
ctdivol_notification_value_mGy                REAL     113912
dlp_forward_estimate_mGycm                    REAL     113913
ctdivol_forward_estimate_mGy                  REAL     113914
notification_reason_for_proceeding            TEXT     113907 under the notification details
notification_person                           TEXT     113870 under the notification details
radiopharmaceutical_agent                     TEXT     349358000 (F-61FDB)
radionuclide                                  TEXT     89457008 (C-10072)
radionuclide_half_life_s                      REAL     304283002 (R-42806)
radiopharmaceutical_specific_activity_Bq_per_mol REAL  123007
estimated_extravasation_activity_MBq          REAL     113506
radiopharmaceutical_stop_datetime             TEXT     123004 (DICOM DT)
administered_activity_MBq                     REAL     113507, (0018,1074)
radiopharmaceutical_volume_cm3                REAL     123005
pre_administration_measured_activity_MBq      REAL     113508
post_administration_measured_activity_MBq     REAL     113509
route_of_administration                       TEXT     410675002 (G-C340)
site_of                                       TEXT     272737002 (G-C581)
brand_name                                    TEXT     111529
radiopharmaceutical_dispense_unit_identifier  TEXT     113511
prescription_identifier                       TEXT     113516
radiopharmaceutical_agent_string              TEXT     (0018,0031), as text
radiological_thickness_mm                     REAL     private (0045,xx49) GEMS_SENO_02
distance_source_to_entrance_surface_mm        REAL     (0018,1111), (0040,0306)
percent_fibroglandular_tissue                 REAL     'nn %' in the comments on radiation dose
relative_xray_exposure                        REAL     (0018,1405), in the manufacturer's own scale
sensitivity                                   REAL     (0018,6000)
exposure_control_mode                         TEXT     (0018,7060)
magnification_factor                          REAL     (0018,1114)
"""  # noqa: E501

_SOURCE = """
SOPInstanceUID                     TEXT     the object
event                              INTEGER  the event
source                             INTEGER  the tube, or the pulse, counted from 1
identification_of_the_xray_source  TEXT     113832
kvp                                REAL     113733, kV
xray_tube_current_mA               REAL     113734
maximum_xray_tube_current_mA       REAL     113833
exposure_uAs                       REAL     113736
pulse_width_ms                     REAL     113793
exposure_time_per_rotation_s       REAL     113834; of CT images Revolution Time, or Exposure Time (of spirals × pitch)
xray_filter_aluminum_equivalent_mm REAL     113821
"""

_FILTER = """
SOPInstanceUID                     TEXT     the object
event                              INTEGER  the event
filter                             INTEGER  counted from 1
xray_filter_type                   TEXT     113772
xray_filter_material               TEXT     113757
xray_filter_thickness_minimum_mm   REAL     113758
xray_filter_thickness_maximum_mm   REAL     113773
"""

_ITEM = """
SOPInstanceUID   TEXT     the object
item             INTEGER  counted from 1 in the order of the report; 1 is its root
parent           INTEGER  the item that it stands under
event            INTEGER  the event that it belongs to, or NULL
relationship     TEXT     (0040,A010): CONTAINS, HAS PROPERTIES ...
value_type       TEXT     (0040,A040): CONTAINER, NUM, CODE ...
concept          TEXT     its concept name as code^scheme
concept_meaning  TEXT     the concept's meaning as the report writes it
value_num        REAL     the number as the report writes it, the first of several
unit             TEXT     its unit as the report writes it
value_code       TEXT     a coded value as code^scheme; of a reference the SOP Class UID
value_meaning    TEXT     its meaning as the report writes it
value_text       TEXT     text, UID, date, time, person; of a reference the SOP Instance UID; of several numbers all, joined by a backslash
"""  # noqa: E501

TABLES = {
    table.name: table
    for table in (
        _table("dose_object", "one object that tells of dose", "SOPInstanceUID", _OBJECT),
        _table("dose_accumulated", "one total or estimate of a report", "SOPInstanceUID seq", _ACCUMULATED),
        _table("dose_event", "one irradiation event or administration", "SOPInstanceUID event", _EVENT),
        _table(
            "dose_event_source", "one tube or one pulse of an event", "SOPInstanceUID event source", _SOURCE
        ),
        _table("dose_event_filter", "one filter of an event", "SOPInstanceUID event filter", _FILTER),
        _table("dose_item", "one content item of a report", "SOPInstanceUID item", _ITEM),
    )
}

INDEXES = (
    "CREATE INDEX IF NOT EXISTS dose_object_study ON dose_object (StudyInstanceUID)",
    "CREATE INDEX IF NOT EXISTS dose_event_uid ON dose_event (irradiation_event_uid)",
    "CREATE INDEX IF NOT EXISTS dose_event_key ON dose_event (StudyInstanceUID, event_key)",
    "CREATE INDEX IF NOT EXISTS dose_item_image ON dose_item (value_text) WHERE concept = '113795^DCM'",
)
