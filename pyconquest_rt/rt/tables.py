"""The RT tables: one line a column with its type, its unit and its meaning."""

from pyconquest_rt.dicom.tables import Table, columns

_OBJECT = """
    SOPInstanceUID      | TEXT NOT NULL | | SOPInstanceUID of the object
    patient_id          | TEXT | | PatientID
    study_instance_uid  | TEXT | | StudyInstanceUID
    series_instance_uid | TEXT | | SeriesInstanceUID
    manufacturer        | TEXT | | Manufacturer of the system that made the object
    model               | TEXT | | ManufacturerModelName
    software_version    | TEXT | | SoftwareVersions
"""
_VERDICT = """
    status | TEXT NOT NULL | | ok, warning (usable, see reason) or failed
    reason | TEXT          | | what is wrong, in words; NULL if nothing is
"""


def _xyz(name: str, meaning: str) -> str:
    return "\n".join(
        f"{name}_{axis}_mm | REAL | mm | {meaning}: {axis} in patient coordinates" for axis in "xyz"
    )


def _angle(name: str, meaning: str) -> str:
    return f"""
        {name}_start_deg | REAL | degree | {meaning} angle of the first control point
        {name}_end_deg   | REAL | degree | {meaning} angle of the last control point
        {name}_range_deg | REAL | degree | whole way the {meaning} turns; 0 if it stands
        {name}_direction | TEXT |        | CW or CC; both, joined by a backslash, where it turns back
    """


_STRUCTURE_SET = Table(
    "rt_structure_set",
    "One row for each RTSTRUCT.",
    columns(
        _OBJECT,
        """
        frame_of_reference_uid | TEXT    |    | frame of reference of most ROIs
        image_series_uid       | TEXT    |    | image series that was contoured, of that frame of reference
        image_series_uids      | TEXT    |    | all image series referred to, joined by a backslash
        label                  | TEXT    |    | StructureSetLabel
        name                   | TEXT    |    | StructureSetName
        description            | TEXT    |    | StructureSetDescription
        date                   | TEXT    |    | StructureSetDate, YYYYMMDD
        time                   | TEXT    |    | StructureSetTime, HHMMSS.F
        physician              | TEXT    |    | ReferringPhysicianName
        approval_status        | TEXT    |    | ApprovalStatus
        roi_count              | INTEGER |    | number of ROIs
        plane_spacing_mm       | REAL    | mm | median distance of ROIs' planes, or that of the images
        """,
        _VERDICT,
    ),
    key=("SOPInstanceUID",),
    indexed=("frame_of_reference_uid", "patient_id", "study_instance_uid"),
)

_ROI = Table(
    "rt_roi",
    "One row for each ROI of an RTSTRUCT. Geometry is that of slabs between contour planes (see end_cap).",
    columns(
        """
        SOPInstanceUID           | TEXT NOT NULL    | | SOPInstanceUID of the structure set
        roi_number               | INTEGER NOT NULL | | ROINumber
        raw_name                 | TEXT    |     | ROIName as it stands; joins roi_name.raw_name
        interpreted_type         | TEXT    |     | RTROIInterpretedType
        description              | TEXT    |     | ROIDescription
        generation_algorithm     | TEXT    |     | ROIGenerationAlgorithm
        observation_label        | TEXT    |     | ROIObservationLabel
        physical_property        | TEXT    |     | first ROIPhysicalProperty, such as REL_ELEC_DENSITY
        physical_value           | TEXT    |     | its value
        colour                   | TEXT    |     | ROIDisplayColor as #rrggbb
        frame_of_reference_uid   | TEXT    |     | ReferencedFrameOfReferenceUID
        contour_count            | INTEGER |     | contours of any type
        closed_contour_count     | INTEGER |     | closed contours that could be used
        point_count              | INTEGER |     | points of these
        plane_count              | INTEGER |     | planes on which they lie
        plane_spacing_mm         | REAL    | mm  | median distance of these planes
        end_cap                  | TEXT    |     | half: the outermost slabs reach half a plane distance on
        volume_cc                | REAL    | cm3 | volume
        """,
        _xyz("centroid", "centre of the volume"),
        _xyz("low", "lowest contour point"),
        _xyz("high", "highest contour point"),
        _xyz("spread", "extent of the contour points"),
        """
        max_cross_section_cm2    | REAL    | cm2 | largest area of one plane
        median_cross_section_cm2 | REAL    | cm2 | median area of the planes
        surface_area_cm2         | REAL    | cm2 | surface, as of frusta between planes, with flat end faces
        is_empty                 | INTEGER |     | 1 if there is no closed contour that could be used
        is_duplicate_name        | INTEGER |     | 1 if another ROI of the set has this name (in any case)
        is_one_slice             | INTEGER |     | 1 if all closed contours lie on one plane
        """,
        _VERDICT,
    ),
    key=("SOPInstanceUID", "roi_number"),
    indexed=("raw_name",),
)

_PLAN = Table(
    "rt_plan",
    "One row for each RTPLAN or RT Ion Plan (external beam, ion, brachytherapy).",
    columns(
        _OBJECT,
        """
        frame_of_reference_uid | TEXT    |    | FrameOfReferenceUID
        structure_set_uid      | TEXT    |    | SOPInstanceUID of the structure set referred to
        dose_uids              | TEXT    |    | SOPInstanceUIDs of doses referred to, joined by a backslash
        related_plan_uids      | TEXT    |    | SOPInstanceUIDs of plans referred to (predecessor, prior ...)
        label                  | TEXT    |    | RTPlanLabel
        name                   | TEXT    |    | RTPlanName
        description            | TEXT    |    | RTPlanDescription
        date                   | TEXT    |    | RTPlanDate, YYYYMMDD
        time                   | TEXT    |    | RTPlanTime, HHMMSS.F
        physician              | TEXT    |    | ReferringPhysicianName
        approval_status        | TEXT    |    | ApprovalStatus
        review_date            | TEXT    |    | ReviewDate, YYYYMMDD
        reviewer               | TEXT    |    | ReviewerName
        intent                 | TEXT    |    | PlanIntent
        geometry               | TEXT    |    | RTPlanGeometry: PATIENT or TREATMENT_DEVICE
        protocols              | TEXT    |    | TreatmentProtocols
        kinds                  | TEXT    |    | external, ion, brachy; joined by a backslash
        radiation_types        | TEXT    |    | RadiationType of the treatment beams, joined by a backslash
        brachy_technique       | TEXT    |    | BrachyTreatmentTechnique
        brachy_type            | TEXT    |    | BrachyTreatmentType
        sources                | TEXT    |    | SourceIsotopeName of each source, joined by a backslash
        machines               | TEXT    |    | TreatmentMachineName of the beams, joined by a backslash
        patient_position       | TEXT    |    | PatientPosition of the setups, joined by a backslash
        fraction_group_count   | INTEGER |    | number of fraction groups
        fractions_planned      | INTEGER |    | NumberOfFractionsPlanned, summed; NULL if one group does not say
        beam_count             | INTEGER |    | beams and application setups
        treatment_beam_count   | INTEGER |    | those that treat (no setup or imaging beams)
        mu                     | REAL    | MU | sum of BeamMeterset; one fraction of each fraction group
        rx_dose_gy             | REAL    | Gy | highest TargetPrescriptionDose; of several groups their sum
        rx_levels_gy           | TEXT    | Gy | all different ones, highest first, joined by a backslash
        treatment_site         | TEXT    |    | TreatmentSite
        treatment_site_code    | TEXT    |    | CodeValue of TreatmentSiteCodeSequence
        treatment_site_key     | TEXT    |    | the site (or its code's meaning) cleaned, to group by
        """,
        _VERDICT,
    ),
    key=("SOPInstanceUID",),
    indexed=("frame_of_reference_uid", "patient_id", "structure_set_uid", "study_instance_uid"),
)

_FRACTION_GROUP = Table(
    "rt_fraction_group",
    "One row for each fraction group of a plan, with its prescription.",
    columns("""
        SOPInstanceUID           | TEXT NOT NULL    | | SOPInstanceUID of the plan
        fraction_group_number    | INTEGER NOT NULL | | FractionGroupNumber; its place where that is missing
        description              | TEXT    |    | FractionGroupDescription
        fractions_planned        | INTEGER |    | NumberOfFractionsPlanned
        fractions_per_day        | INTEGER |    | NumberOfFractionPatternDigitsPerDay
        beam_count               | INTEGER |    | beams referred to
        brachy_setup_count       | INTEGER |    | application setups referred to
        mu                       | REAL    | MU | sum of BeamMeterset: one fraction
        dose_per_fraction_gy     | REAL    | Gy | sum of BeamDose and BrachyApplicationSetupDose
        rx_dose_gy               | REAL    | Gy | highest TargetPrescriptionDose of the group's targets
        rx_dose_per_fraction_gy  | REAL    | Gy | that, divided by fractions_planned (of all groups, where shared)
        rx_source                | TEXT    |    | group (says so itself), referenced, shared (by groups), plan
        rx_description           | TEXT    |    | DoseReferenceDescription of that target
        rx_structure_type        | TEXT    |    | DoseReferenceStructureType: POINT, VOLUME, COORDINATES, SITE
        rx_roi_number            | INTEGER |    | ReferencedROINumber of that target
        rx_dose_reference_number | INTEGER |    | DoseReferenceNumber of that target
        normalisation            | TEXT    |    | PrescriptionDescription of the plan
    """),
    key=("SOPInstanceUID", "fraction_group_number"),
)

_BEAM = Table(
    "rt_beam",
    "One row for each beam or brachytherapy application setup of a plan.",
    columns(
        """
        SOPInstanceUID        | TEXT NOT NULL    | | SOPInstanceUID of the plan
        kind                  | TEXT NOT NULL    | | external, ion or brachy
        beam_number           | INTEGER NOT NULL | | BeamNumber or ApplicationSetupNumber
        name                  | TEXT    |    | BeamName or ApplicationSetupName
        description           | TEXT    |    | BeamDescription
        radiation_type        | TEXT    |    | RadiationType
        beam_type             | TEXT    |    | BeamType (STATIC, DYNAMIC) or ApplicationSetupType
        delivery_type         | TEXT    |    | TreatmentDeliveryType
        machine               | TEXT    |    | TreatmentMachineName
        fraction_group_number | INTEGER |    | first fraction group that refers to the beam
        beam_dose_gy          | REAL    | Gy | BeamDose or BrachyApplicationSetupDose of that group
        mu                    | REAL    | MU | BeamMeterset of that group; unit in meterset_unit
        meterset_unit         | TEXT    |    | PrimaryDosimeterUnit: MU, MINUTE, NP
        energies              | TEXT    |    | different NominalBeamEnergy values, joined by a backslash
        energy_min            | REAL    | energy_unit | lowest of them
        energy_max            | REAL    | energy_unit | highest of them
        energy_unit           | TEXT    |    | MV (photons), MeV (electrons), MeV/u (ions)
        fluence_mode          | TEXT    |    | FluenceMode and FluenceModeID, such as NON_STANDARD, FFF
        control_point_count   | INTEGER |    | control points
        """,
        _angle("gantry", "gantry"),
        _angle("collimator", "collimator"),
        _angle("couch", "couch"),
        _xyz("isocentre", "first IsocenterPosition"),
        """
        ssd_mm               | REAL    | mm        | first SourceToSurfaceDistance
        sad_mm               | REAL    | mm        | SourceAxisDistance, or first VirtualSourceAxisDistances
        mu_per_degree        | REAL    | MU/degree | mu divided by gantry_range_deg
        mu_per_control_point | REAL    | MU        | mu divided by the intervals between control points
        complexity           | REAL    | 0 to 1    | modulation complexity score (Masi 2013): 1 is open
        wedge_count          | INTEGER |           | NumberOfWedges
        block_count          | INTEGER |           | NumberOfBlocks
        bolus_count          | INTEGER |           | NumberOfBoli
        applicator           | TEXT    |           | ApplicatorID, or SourceApplicatorIDs of the channels
        scan_mode            | TEXT    |           | ScanMode of an ion beam
        scan_spot_count      | INTEGER |           | scan spots over all layers
        range_shifter        | TEXT    |           | RangeShifterIDs
        snout                | TEXT    |           | SnoutID
        channel_count        | INTEGER |           | channels of an application setup
        dwell_count          | INTEGER |           | dwells of the source, over all channels
        channel_time_s       | REAL    | s         | sum of ChannelTotalTime
        total_reference_air_kerma_ugy | REAL | uGy at 1 m | TotalReferenceAirKerma
        """,
    ),
    key=("SOPInstanceUID", "kind", "beam_number"),
)

_DOSE = Table(
    "rt_dose",
    "One row for each RTDOSE.",
    columns(
        _OBJECT,
        """
        frame_of_reference_uid   | TEXT    |    | FrameOfReferenceUID
        plan_uid                 | TEXT    |    | SOPInstanceUID of the first plan referred to
        plan_uids                | TEXT    |    | of all of them, joined by a backslash (a sum of plans)
        structure_set_uid        | TEXT    |    | SOPInstanceUID of the structure set referred to
        fraction_group_number    | INTEGER |    | fraction group referred to
        beam_numbers             | TEXT    |    | beams referred to, joined by a backslash
        date                     | TEXT    |    | InstanceCreationDate, else ContentDate, YYYYMMDD
        time                     | TEXT    |    | InstanceCreationTime, else ContentTime, HHMMSS.F
        summation_type           | TEXT    |    | DoseSummationType: PLAN, MULTI_PLAN, PLAN_OVERVIEW, FRACTION, BEAM ...
        overview_plans           | INTEGER |    | plans that PlanOverviewSequence describes
        overview_rx_gy           | REAL    | Gy | highest TotalPrescriptionDose of each, summed; NULL if one is unsaid
        overview_fractions       | INTEGER |    | their NumberOfFractionsIncluded, summed; NULL if one is unsaid
        overview_is_even         | INTEGER |    | 1 if all of them have one dose per fraction
        dose_type                | TEXT    |    | DoseType: PHYSICAL, EFFECTIVE, ERROR
        dose_units               | TEXT    |    | DoseUnits: GY or RELATIVE
        comment                  | TEXT    |    | DoseComment
        heterogeneity_correction | TEXT    |    | TissueHeterogeneityCorrection
        """,
        _xyz("normalisation", "NormalizationPoint"),
        """
        dvh_count                | INTEGER |    | DVHs that the sender put in
        rows                     | INTEGER |    | Rows
        columns                  | INTEGER |    | Columns
        planes                   | INTEGER |    | NumberOfFrames
        row_spacing_mm           | REAL    | mm | distance of rows
        column_spacing_mm        | REAL    | mm | distance of columns
        plane_spacing_mm         | REAL    | mm | median distance of planes
        is_even_spacing          | INTEGER |    | 1 if all distances of planes are equal within 0.01 mm
        """,
        _xyz("origin", "centre of the first voxel"),
        """
        orientation              | TEXT    |    | ImageOrientationPatient, six cosines joined by a backslash
        bits                     | INTEGER |    | BitsAllocated
        dose_grid_scaling        | REAL    | Gy | DoseGridScaling: dose of one stored unit
        maximum_gy               | REAL    | Gy | greatest dose; NULL if units are not GY
        """,
        _VERDICT,
    ),
    key=("SOPInstanceUID",),
    indexed=("plan_uid", "frame_of_reference_uid", "patient_id", "study_instance_uid"),
)

_ROI_NAME = Table(
    "roi_name",
    "What a raw ROI name stands for; one row for each distinct name and physician, joined by raw name.",
    columns("""
        physician          | TEXT NOT NULL |        | whose map was used; DEFAULT is the site's
        raw_name           | TEXT NOT NULL |        | the ROI name as it stands in the structure set
        cleaned_name       | TEXT          |        | lower case, without accents, single blanks
        physician_name     | TEXT          |        | the physician's name for it, from the map
        institutional_name | TEXT          |        | the site's name for it: the map's, else TG-263's
        tg263_name         | TEXT          |        | the name of TG-263; NULL if none can be given safely
        method             | TEXT NOT NULL |        | exact, alias, rule, fuzzy or uncategorised
        score              | REAL          | 0 to 1 | 1 but for fuzzy; NULL for uncategorised
        detail             | TEXT          |        | what was matched, or why nothing was
    """),
    key=("physician", "raw_name"),
    indexed=("raw_name", "tg263_name", "institutional_name"),
)

_DVH_KEY = """
    SOPInstanceUID     | TEXT NOT NULL    | | SOPInstanceUID of the RTDOSE
    structure_set_uid  | TEXT NOT NULL    | | SOPInstanceUID of the structure set
    roi_number         | INTEGER NOT NULL | | ROINumber
    source             | TEXT NOT NULL    | | pyconquest (calculated here) or vendor (the sender's DVHSequence)
    end_cap            | TEXT NOT NULL    | | how the outermost slabs are closed: half, none, taper; empty for vendor
"""
_DVH = Table(
    "dvh",
    "One row for each DVH: a dose, a structure set, an ROI, and who calculated it.",
    columns(
        _DVH_KEY,
        """
        roi_name           | TEXT    |     | ROIName
        roi_type           | TEXT    |     | RTROIInterpretedType
        volume_cc          | REAL    | cm3 | volume that the contours enclose
        uncovered_cc       | REAL    | cm3 | the part of it outside the dose grid, which the curve is without
        min_gy             | REAL    | Gy  | least dose
        mean_gy            | REAL    | Gy  | mean dose
        max_gy             | REAL    | Gy  | greatest dose
        plan_uid           | TEXT    |     | SOPInstanceUID of the (first) plan of the dose, NULL where none is known
        plan_link          | TEXT    |     | how the plan was found (see v_rt_chain)
        structure_set_link | TEXT    |     | how the structure set was found
        summation_type     | TEXT    |     | DoseSummationType: what the dose is a dose of
        prescription_gy    | REAL    | Gy  | prescribed dose that 100 % stands for
        fractions          | INTEGER |     | fractions that the dose is of
        is_target          | INTEGER |     | 1 if the ROI is a target, by its type or, without one, by its name
        alpha_beta_gy      | REAL    | Gy  | alpha/beta of BED and EQD2
        alpha_beta_method  | TEXT    |     | where that is from: a setting, the type, the name, or the usual value
        curve_gy           | BLOB    | Gy  | ascending doses of the curve, 32-bit floats, little endian
        curve_cc           | BLOB    | cm3 | volume that gets at least each of these doses, likewise
        """,
        _VERDICT,
    ),
    key=("SOPInstanceUID", "structure_set_uid", "roi_number", "source", "end_cap"),
    indexed=("structure_set_uid", "plan_uid", "roi_name"),
)
_DVH_METRICS = Table(
    "dvh_metrics",
    "One row for each metric of a DVH, in the syntax of TG-263; the list is the site's.",
    columns(
        _DVH_KEY,
        """
        metric             | TEXT NOT NULL |  | such as D95%[Gy], V20Gy[%], gEUD8[Gy], EQD2:Mean[Gy]
        value              | REAL          |  | in that unit; NULL where it has no value
        unit               | TEXT NOT NULL |  | Gy, cGy, cc, J, % or empty
        """,
    ),
    key=("SOPInstanceUID", "structure_set_uid", "roi_number", "source", "end_cap", "metric"),
    indexed=("metric",),
)

_SITE = Table(
    "rt_site",
    "What a person said is the treatment site of a plan; it stands above what the plan itself says.",
    columns("""
        plan_uid | TEXT NOT NULL | | SOPInstanceUID of the plan
        site     | TEXT NOT NULL | | the site, cleaned as rt_plan.treatment_site_key is
    """),
    key=("plan_uid",),
    indexed=("site",),
)

TABLES = {
    table.name: table
    for table in (
        _STRUCTURE_SET,
        _ROI,
        _PLAN,
        _FRACTION_GROUP,
        _BEAM,
        _DOSE,
        _DVH,
        _DVH_METRICS,
        _ROI_NAME,
        _SITE,
    )
}
