"""Synthetic RT objects and an enhanced multi-frame image, of the sizes that clinics have."""

import random
from collections.abc import Callable
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    generate_uid,
)


def make_rt_tree(root: Path, kind: str, files: int) -> Path:
    """Write files of one of :data:`KINDS`, one patient each."""
    marker = root.with_name(f"{root.name}-{files}.complete")
    if marker.exists():
        return root
    sop_class, modality, fill = KINDS[kind]
    for number in range(files):
        dataset = _object(sop_class, modality, number)
        fill(dataset, random.Random(number), number)
        folder = root / dataset.PatientID
        folder.mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    marker.touch()
    return root


def _object(sop_class: UID, modality: str, number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = _uid(modality, number, "instance")
    dataset.StudyDate, dataset.StudyTime = "20240102", f"12{number:04d}"
    dataset.Modality, dataset.Manufacturer = modality, "Bench"
    dataset.SeriesDescription = f"{modality} {number}"
    dataset.PatientName, dataset.PatientID = f"Bench^{modality} {number}", f"{modality}{number:05d}"
    dataset.PatientBirthDate, dataset.PatientSex = "19500101", "O"
    dataset.StudyInstanceUID = _uid(modality, number, "study")
    dataset.SeriesInstanceUID = _uid(modality, number, "series")
    dataset.FrameOfReferenceUID = _uid(modality, number, "frame")
    dataset.SeriesNumber = dataset.InstanceNumber = "1"
    return dataset


def _uid(*parts: object) -> UID:
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def _item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _texts(dataset: Dataset, tag: int, values: list[str]) -> None:
    """Put in a long list of decimal strings as it is encoded, which is many times faster than by keyword."""
    raw = "\\".join(values).encode()
    raw += b" " * (len(raw) % 2)
    dataset[tag] = RawDataElement(Tag(tag), "DS", len(raw), raw, 0, False, True)


def _structure_set(dataset: Dataset, generator: random.Random, number: int) -> None:
    """25 ROIs on 100 slices with 6 to 16 MB of contours; in every other file all lengths are undefined."""
    frame, rois, contours = dataset.FrameOfReferenceUID, 25, 100
    points = 6 * 10**6 * (1 + number % 6 / 3) / (rois * contours * 3 * 8)
    images = [_reference("1.2.840.10008.5.1.4.1.1.2", _uid("CT", number, n)) for n in range(contours)]
    dataset.StructureSetLabel = "Bench"
    series = _item(SeriesInstanceUID=_uid("CT", number))
    series.ContourImageSequence = images
    study = _item(ReferencedSOPInstanceUID=dataset.StudyInstanceUID, RTReferencedSeriesSequence=[series])
    dataset.ReferencedFrameOfReferenceSequence = [
        _item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[study])
    ]
    dataset.StructureSetROISequence = [
        _item(ROINumber=roi, ReferencedFrameOfReferenceUID=frame, ROIName=f"Organ {roi}")
        for roi in range(1, rois + 1)
    ]
    coordinates = [f"{generator.uniform(-199, 199):.2f}" for _ in range(3 * round(points))]
    dataset.ROIContourSequence = [
        _item(ReferencedROINumber=roi, ContourSequence=[_contour(image, coordinates) for image in images])
        for roi in range(1, rois + 1)
    ]
    if number % 2:
        _leave_lengths_undefined(dataset)


def _leave_lengths_undefined(dataset: Dataset) -> None:
    """All sequences and items, at all depths, end with a delimiter, as several planning systems write them."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _leave_lengths_undefined(item)


def _reference(sop_class: str, instance: str) -> Dataset:
    return _item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)


def _contour(image: Dataset, coordinates: list[str]) -> Dataset:
    contour = _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(coordinates) // 3)
    contour.ContourImageSequence = [_reference(image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID)]
    _texts(contour, 0x30060050, coordinates)
    return contour


def _plan(dataset: Dataset, generator: random.Random, number: int) -> None:
    """Two arcs with 120 control points each and 60 pairs of leaves."""
    dataset.RTPlanLabel = f"Plan {number}"
    dataset.FractionGroupSequence = [
        _item(
            FractionGroupNumber=1,
            NumberOfFractionsPlanned=30,
            NumberOfBeams=2,
            ReferencedBeamSequence=[
                _item(ReferencedBeamNumber=beam, BeamDose="1.0", BeamMeterset="230.5") for beam in (1, 2)
            ],
        )
    ]
    dataset.BeamSequence = [
        _item(
            BeamNumber=beam,
            BeamName=f"Arc {beam}",
            BeamType="DYNAMIC",
            RadiationType="PHOTON",
            NumberOfWedges=0,
            NumberOfControlPoints=120,
            ControlPointSequence=[_control_point(index, generator) for index in range(120)],
        )
        for beam in (1, 2)
    ]
    dataset.ReferencedStructureSetSequence = [_item(ReferencedSOPInstanceUID=_uid("RTSTRUCT", number))]


def _control_point(index: int, generator: random.Random) -> Dataset:
    leaves = _item(RTBeamLimitingDeviceType="MLCX")
    _texts(leaves, 0x300A011C, [f"{generator.uniform(-80, 80):.1f}" for _ in range(120)])
    point = _item(ControlPointIndex=index, NominalBeamEnergy="6", GantryAngle=f"{(181 + 3 * index) % 360}")
    point.BeamLimitingDevicePositionSequence = [leaves]
    point.IsocenterPosition = ["1.5", "-20", "3"]
    return point


def _dose(dataset: Dataset, generator: random.Random, number: int) -> None:
    """A grid of 20 MB: 200 x 250 x 100 points of 32 bits."""
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    dataset.DoseGridScaling = "0.00001"
    dataset.ReferencedRTPlanSequence = [_item(ReferencedSOPInstanceUID=_uid("RTPLAN", number))]
    _texts(dataset, 0x3004000C, [f"{2.5 * plane:g}" for plane in range(100)])
    dataset.ImagePositionPatient = [f"{generator.uniform(-300, 300):.1f}" for _ in range(3)]
    dataset.PixelSpacing = ["2.5", "2.5"]
    _pixels(dataset, frames=100, rows=200, columns=250, bits=32, generator=generator)


def _enhanced_mr(dataset: Dataset, generator: random.Random, number: int) -> None:
    """300 frames of 256 x 256 with functional groups for each."""
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(
            FrameContentSequence=[_item(DimensionIndexValues=[1, frame + 1], FrameAcquisitionNumber=frame)],
            PlanePositionSequence=[_item(ImagePositionPatient=["-120", "-120", f"{frame * 1.25:g}"])],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
            PixelMeasuresSequence=[_item(SliceThickness="1.25", PixelSpacing=["0.9", "0.9"])],
            MREchoSequence=[_item(EffectiveEchoTime=12.5)],
        )
        for frame in range(300)
    ]
    _pixels(dataset, frames=300, rows=256, columns=256, bits=16, generator=generator)


def _pixels(
    dataset: Dataset, *, frames: int, rows: int, columns: int, bits: int, generator: random.Random
) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames, rows, columns
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    plane = generator.randbytes(rows * columns * bits // 8)
    dataset.add_new(0x7FE00010, "OW", plane * frames)


Fill = Callable[[Dataset, random.Random, int], None]
KINDS: dict[str, tuple[UID, str, Fill]] = {
    "RTSTRUCT": (RTStructureSetStorage, "RTSTRUCT", _structure_set),
    "RTPLAN": (RTPlanStorage, "RTPLAN", _plan),
    "RTDOSE": (RTDoseStorage, "RTDOSE", _dose),
    "enhanced MR": (EnhancedMRImageStorage, "MR", _enhanced_mr),
}
