"""The objects of a synthetic patient: planning CT, structure set, plan and dose."""

import math
from collections.abc import Iterator

import numpy as np
from pydicom import Dataset
from pydicom.uid import CTImageStorage, RTDoseStorage, RTPlanStorage, RTStructureSetStorage

from pyconquest_rt.demo.datasets import DATE, code, decimal, decimals, item, new_object, put, reference
from pyconquest_rt.demo.phantom import FIELD_OF_VIEW, SLICE_SPACING, Ellipsoid, FloatArray, Patient

FRACTIONS = 30
FRACTION_DOSE = 2.0  # Gy
PRESCRIPTION = FRACTIONS * FRACTION_DOSE
METERSETS = {"Arc1_CW": 231.4, "Arc2_CCW": 228.6}  # MU of one fraction
CONTROL_POINTS = 13
LEAF_EDGES = [*range(-200, -100, 10), *range(-100, 100, 5), *range(100, 201, 10)]  # 60 pairs, mm at isocentre

ROIS = {  # name: interpreted type, colour; the bolus is never drawn
    "BODY": ("EXTERNAL", [0, 255, 0]),
    "Lung_L": ("ORGAN", [0, 0, 255]),
    "Lung_R": ("ORGAN", [0, 128, 255]),
    "SpinalCord": ("ORGAN", [255, 255, 0]),
    "Heart": ("ORGAN", [255, 0, 128]),
    "PTV_6000": ("PTV", [255, 0, 0]),
    "Bolus": ("BOLUS", [128, 128, 128]),
}


def ct_images(patient: Patient) -> Iterator[Dataset]:
    """The planning CT (PS3.3 A.3), stored values 12 bits, rescaled by -1024 to Hounsfield units."""
    spacing = FIELD_OF_VIEW / patient.pixels
    first = patient.pixel_positions[0]
    stored = (patient.hounsfield() + 1024).astype("<u2")
    for index, z in enumerate(patient.slice_positions):
        image = new_object(patient, CTImageStorage, "CT", 1, "Planning CT thorax", 90000, instance=index + 1)
        put(
            image,
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            AcquisitionDate=DATE,
            AcquisitionTime="090000",
            ContentDate=DATE,
            ContentTime=f"09{index // 60:02d}{index % 60:02d}",
            AcquisitionNumber=1,
            BodyPartExamined="CHEST",
            PatientPosition="HFS",
            ProtocolName="Thorax RT",
            StationName="DEMOCT",
            ScanOptions="HELICAL",
            KVP="120",
            ExposureTime="500",
            XRayTubeCurrent="200",
            Exposure="100",
            CTDIvol=9.5,
            CTDIPhantomTypeCodeSequence=[code("113691", "DCM", "IEC Body Dosimetry Phantom")],
            ConvolutionKernel="B30",
            SliceThickness=SLICE_SPACING,
            FrameOfReferenceUID=patient.uid("frame of reference"),
            PositionReferenceIndicator=None,
            ImagePositionPatient=decimals((first, first, z)),
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            SliceLocation=decimal(z),
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            Rows=patient.pixels,
            Columns=patient.pixels,
            PixelSpacing=decimals((spacing, spacing)),
            BitsAllocated=16,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=0,
            RescaleIntercept=-1024,
            RescaleSlope=1,
            RescaleType="HU",
            WindowCenter=40,
            WindowWidth=400,
        )
        image.PixelData = stored[index].tobytes()
        yield image


def structure_set(patient: Patient, images: list[Dataset]) -> Dataset:
    """The structure set (PS3.3 A.19): the phantom's outlines on every image, and one ROI never drawn."""
    frame = patient.uid("frame of reference")
    references = [reference(image) for image in images]
    series = item(SeriesInstanceUID=images[0].SeriesInstanceUID, ContourImageSequence=references)
    study = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",  # Detached Study Management, as RT objects still say
        ReferencedSOPInstanceUID=images[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    structures = new_object(patient, RTStructureSetStorage, "RTSTRUCT", 2, "Structures", 100000)
    put(
        structures,
        StructureSetLabel="Thorax",
        StructureSetName="Thorax",
        StructureSetDate=DATE,
        StructureSetTime="100000",
        FrameOfReferenceUID=frame,
        PositionReferenceIndicator=None,
        ReferencedFrameOfReferenceSequence=[
            item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[study])
        ],
        ApprovalStatus="UNAPPROVED",
        StructureSetROISequence=[],
        ROIContourSequence=[],
        RTROIObservationsSequence=[],
    )
    for number, (name, (kind, colour)) in enumerate(ROIS.items(), start=1):
        organ = patient.structures.get(name)
        roi = item(ROINumber=number, ReferencedFrameOfReferenceUID=frame, ROIName=name)
        roi.ROIGenerationAlgorithm = "AUTOMATIC" if organ else ""
        drawn = item(ROIDisplayColor=colour, ReferencedROINumber=number)
        if organ:
            drawn.ContourSequence = list(_contours(organ, images))
        observed = item(ObservationNumber=number, ReferencedROINumber=number)
        put(observed, RTROIInterpretedType=kind, ROIInterpreter=None)
        structures.StructureSetROISequence.append(roi)
        structures.ROIContourSequence.append(drawn)
        structures.RTROIObservationsSequence.append(observed)
    return structures


def _contours(organ: Ellipsoid, images: list[Dataset]) -> Iterator[Dataset]:
    for image in images:
        outline = organ.outline(float(image.ImagePositionPatient[2]))
        if len(outline):
            yield item(
                ContourImageSequence=[reference(image)],
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(outline),
                ContourData=decimals(outline.ravel()),
            )


def rt_plan(patient: Patient, structures: Dataset) -> Dataset:
    """The plan (PS3.3 A.20): two arcs around the target, 30 fractions of 2 Gy."""
    roi_number = {roi.ROIName: roi.ROINumber for roi in structures.StructureSetROISequence}
    plan = new_object(patient, RTPlanStorage, "RTPLAN", 3, "Plan", 110000)
    put(
        plan,
        RTPlanLabel="Lung 60 Gy",
        RTPlanName="Lung 60 Gy",
        RTPlanDate=DATE,
        RTPlanTime="110000",
        PlanIntent="CURATIVE",
        RTPlanGeometry="PATIENT",
        FrameOfReferenceUID=structures.FrameOfReferenceUID,
        PositionReferenceIndicator=None,
        ApprovalStatus="APPROVED",
        ReviewDate=DATE,
        ReviewTime="120000",
        ReviewerName="Demo^Physicist",
        ReferencedStructureSetSequence=[reference(structures)],
    )
    plan.DoseReferenceSequence = [
        item(
            DoseReferenceNumber=1,
            DoseReferenceUID=patient.uid("dose reference"),
            DoseReferenceStructureType="VOLUME",
            DoseReferenceDescription="PTV_6000",
            DoseReferenceType="TARGET",
            ReferencedROINumber=roi_number["PTV_6000"],
            TargetPrescriptionDose=PRESCRIPTION,
        )
    ]
    plan.PatientSetupSequence = [
        item(PatientSetupNumber=1, PatientPosition="HFS", SetupTechnique="ISOCENTRIC")
    ]
    plan.FractionGroupSequence = [_fraction_group()]
    plan.BeamSequence = [
        _arc(patient.structures["PTV_6000"], number, name) for number, name in enumerate(METERSETS, start=1)
    ]
    return plan


def _fraction_group() -> Dataset:
    return item(
        FractionGroupNumber=1,
        NumberOfFractionsPlanned=FRACTIONS,
        NumberOfBeams=len(METERSETS),
        NumberOfBrachyApplicationSetups=0,
        ReferencedDoseReferenceSequence=[
            item(ReferencedDoseReferenceNumber=1, TargetPrescriptionDose=PRESCRIPTION)
        ],
        ReferencedBeamSequence=[
            item(ReferencedBeamNumber=number, BeamDose=FRACTION_DOSE / len(METERSETS), BeamMeterset=meterset)
            for number, meterset in enumerate(METERSETS.values(), start=1)
        ],
    )


def _arc(target: Ellipsoid, number: int, name: str) -> Dataset:
    """One dynamic arc of a photon machine with 60 leaf pairs."""
    devices = [
        item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
        item(RTBeamLimitingDeviceType="ASYMY", NumberOfLeafJawPairs=1),
        item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=60, LeafPositionBoundaries=LEAF_EDGES),
    ]
    return item(
        Manufacturer="pyconquest_rt",
        ManufacturerModelName="Demo linac",
        TreatmentMachineName="DEMO_LINAC",
        PrimaryDosimeterUnit="MU",
        SourceAxisDistance=1000,
        BeamLimitingDeviceSequence=devices,
        BeamNumber=number,
        BeamName=name,
        BeamType="DYNAMIC",
        RadiationType="PHOTON",
        TreatmentDeliveryType="TREATMENT",
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
        FinalCumulativeMetersetWeight=1,
        NumberOfControlPoints=CONTROL_POINTS,
        ControlPointSequence=list(_control_points(target, clockwise=number % 2 == 1)),
        ReferencedPatientSetupNumber=1,
    )


def _control_points(target: Ellipsoid, clockwise: bool) -> Iterator[Dataset]:
    """Control points over nearly a full turn; what never changes stands in the first alone."""
    last = CONTROL_POINTS - 1
    for index in range(CONTROL_POINTS):
        swept = 358 * index / last
        point = item(
            ControlPointIndex=index,
            CumulativeMetersetWeight=decimal(index / last),
            GantryAngle=decimal((181 + swept if clockwise else 179 - swept) % 360),
            GantryRotationDirection="NONE" if index == last else "CW" if clockwise else "CC",
        )
        leaves = item(
            RTBeamLimitingDeviceType="MLCX",
            LeafJawPositions=decimals(
                _leaf_positions(target.radii[0], shift=4 * math.sin(math.radians(swept)))
            ),
        )
        if index > 0:
            point.BeamLimitingDevicePositionSequence = [leaves]
            yield point
            continue
        jaws = [
            item(RTBeamLimitingDeviceType=kind, LeafJawPositions=[-40, 40]) for kind in ("ASYMX", "ASYMY")
        ]
        put(
            point,
            NominalBeamEnergy=6,
            DoseRateSet=600,
            BeamLimitingDevicePositionSequence=[*jaws, leaves],
            BeamLimitingDeviceAngle=30 if clockwise else 330,
            BeamLimitingDeviceRotationDirection="NONE",
            PatientSupportAngle=0,
            PatientSupportRotationDirection="NONE",
            TableTopEccentricAngle=0,
            TableTopEccentricRotationDirection="NONE",
            TableTopVerticalPosition=None,
            TableTopLongitudinalPosition=None,
            TableTopLateralPosition=None,
            IsocenterPosition=decimals(target.centre),
        )
        yield point


def _leaf_positions(radius: float, shift: float) -> FloatArray:
    """Leaves around a sphere of ``radius`` with 5 mm to spare: bank A (60), then bank B, in mm."""
    edges = np.asarray(LEAF_EDGES, dtype=float)
    middle = (edges[:-1] + edges[1:]) / 2
    half = np.sqrt(np.clip((radius + 5) ** 2 - middle**2, 0, None))
    return np.concatenate((shift - half, shift + half))


def rt_dose(patient: Patient, plan: Dataset) -> Dataset:
    """The physical dose of the whole plan (PS3.3 A.18) on a 3 mm grid, 32 bits at 0.01 mGy."""
    scaling = 1e-5
    columns, rows = 100, 68
    x = (np.arange(columns) - (columns - 1) / 2) * 3.0
    y = (np.arange(rows) - (rows - 1) / 2) * 3.0
    gray = patient.dose(x, y, PRESCRIPTION)
    dose = new_object(patient, RTDoseStorage, "RTDOSE", 4, "Dose", 110500)
    put(
        dose,
        ContentDate=DATE,
        ContentTime="110500",
        FrameOfReferenceUID=plan.FrameOfReferenceUID,
        PositionReferenceIndicator=None,
        ImagePositionPatient=decimals((x[0], y[0], patient.slice_positions[0])),
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[3, 3],
        SliceThickness=SLICE_SPACING,
        GridFrameOffsetVector=decimals(patient.slice_positions - patient.slice_positions[0]),
        NumberOfFrames=patient.slices,
        FrameIncrementPointer=0x3004000C,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=rows,
        Columns=columns,
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        PixelRepresentation=0,
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseSummationType="PLAN",
        DoseGridScaling=scaling,
        TissueHeterogeneityCorrection="IMAGE",
        ReferencedRTPlanSequence=[reference(plan)],
    )
    dose.PixelData = np.rint(gray / scaling).astype("<u4").tobytes()
    return dose
