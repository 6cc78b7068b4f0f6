"""Small structure sets, plans and doses of one patient that refer to each other as a test wants them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.indexer import rebuild

FRAME = "1.2.826.0.1.3680043.8.498.7"
STORAGE = "1.2.840.10008.5.1.4.1.1.481."
PLANES = range(-9, 10, 3)


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def reference(uid: str, sop_class: str) -> Dataset:
    return item(ReferencedSOPClassUID=STORAGE + sop_class, ReferencedSOPInstanceUID=uid)


def _object(uid: str, sop_class: str, modality: str, patient: str) -> Dataset:
    made = item(
        SOPClassUID=STORAGE + sop_class,
        SOPInstanceUID=uid,
        Modality=modality,
        PatientID=patient,
        PatientName="Test^RT",
        StudyInstanceUID=f"1.2.3.{len(patient)}{patient[-1]}".replace("R", "7").replace("T", "8"),
        SeriesInstanceUID=f"{uid}.9",
        FrameOfReferenceUID=FRAME,
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = uid
    return made


def structures(uid: str, rois: Mapping[str, str], patient: str = "RT1") -> Dataset:
    """A structure set; ``rois`` gives the type of each name. All ROIs are the same box of 20 x 20 x 21 mm (8.4 cc)."""
    made = _object(uid, "3", "RTSTRUCT", patient)
    made.ReferencedFrameOfReferenceSequence = [item(FrameOfReferenceUID=FRAME)]
    made.StructureSetROISequence, made.ROIContourSequence, made.RTROIObservationsSequence = [], [], []
    for number, (name, kind) in enumerate(rois.items(), 1):
        made.StructureSetROISequence.append(
            item(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=FRAME)
        )
        contours = [
            item(
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=4,
                ContourData=[-10, -10, z, 10, -10, z, 10, 10, z, -10, 10, z],
            )
            for z in PLANES
        ]
        made.ROIContourSequence.append(item(ReferencedROINumber=number, ContourSequence=contours))
        made.RTROIObservationsSequence.append(
            item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType=kind)
        )
    return made


def plan(
    uid: str,
    dose: float | None,
    fractions: int,
    structure_set: str | None = None,
    patient: str = "RT1",
    label: str = "P",
) -> Dataset:
    """A plan with one fraction group and one prescription."""
    made = _object(uid, "5", "RTPLAN", patient)
    made.RTPlanLabel = label
    if dose is not None:
        made.DoseReferenceSequence = [
            item(DoseReferenceNumber=1, DoseReferenceType="TARGET", TargetPrescriptionDose=dose)
        ]
    beams = [item(ReferencedBeamNumber=1, BeamMeterset=100)]
    made.FractionGroupSequence = [
        item(FractionGroupNumber=1, NumberOfFractionsPlanned=fractions, ReferencedBeamSequence=beams)
    ]
    made.BeamSequence = [item(BeamNumber=1, BeamName="B", RadiationType="PHOTON")]
    if structure_set:
        made.ReferencedStructureSetSequence = [reference(structure_set, "3")]
    return made


def dose(
    uid: str,
    gray: float | np.ndarray,
    kind: str = "PLAN",
    plans: Iterable[str] = (),
    structure_set: str | None = None,
    patient: str = "RT1",
) -> Dataset:
    """A dose of 31 voxels of 2 mm in each direction, the same everywhere or as ``gray`` (shape 31, 31, 31) says."""
    made = _object(uid, "2", "RTDOSE", patient)
    values = np.broadcast_to(np.asarray(gray, float), (31, 31, 31))
    scaling = float(f"{values.max() / 2**31:.8g}") * 1.0000001
    made.DoseUnits, made.DoseType, made.DoseSummationType = "GY", "PHYSICAL", kind
    made.DoseGridScaling = f"{scaling:.10g}"
    made.NumberOfFrames = made.Rows = made.Columns = 31
    made.PixelSpacing, made.ImagePositionPatient = [2, 2], [-30, -30, -30]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.GridFrameOffsetVector = [2 * index for index in range(31)]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 32
    made.HighBit, made.PixelRepresentation = 31, 0
    made.PixelData = np.rint(values / float(made.DoseGridScaling)).astype("<u4").tobytes()
    if plans:
        made.ReferencedRTPlanSequence = [reference(one, "5") for one in plans]
    if structure_set:
        made.ReferencedStructureSetSequence = [reference(structure_set, "3")]
    return made


def sent_dvh(roi_number: int, pairs: Sequence[float], kind: str = "CUMULATIVE") -> Dataset:
    """An item of DVHSequence."""
    roi = item(ReferencedROINumber=roi_number, DVHROIContributionType="INCLUDED")
    return item(
        DVHType=kind,
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DVHDoseScaling=1,
        DVHVolumeUnits="CM3",
        DVHNumberOfBins=len(pairs) // 2,
        DVHData=list(pairs),
        DVHReferencedROISequence=[roi],
    )


def put(archive: Archive, *objects: Dataset) -> None:
    """Write objects into the archive's folder, each under its UID, and index them."""
    folder = Path(archive.storage.root) / "RT"
    folder.mkdir(parents=True, exist_ok=True)
    for one in objects:
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
    rebuild(archive, only="changed")
