"""What a ctkDICOM database takes of each header: the columns of its tables, and the tags that its cache holds.

The cache holds what 3D Slicer's DICOM plugins and CTK's rules for displayed fields ask for; without it Slicer opens
every file. Tags and flags are CTK's (ctkDICOMDatabase.cpp, ctkDICOMDisplayedFieldGenerator*Rule.cpp).
"""

from collections.abc import Callable, Sequence
from functools import partial

from pydicom.datadict import tag_for_keyword

from pyconquest_rt.dicom.fields import Field
from pyconquest_rt.dicom.header import HeaderReader

NOT_IN_INSTANCE = "__TAG_NOT_IN_INSTANCE__"
NOT_STORED = "__VALUE_IS_NOT_STORED__"
PIXEL_DATA = 0x7FE00010

_KEYWORDS = """
SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID StudyDate SeriesDate AcquisitionDate ContentDate StudyTime
SeriesTime AcquisitionTime ContentTime AccessionNumber Modality ModalitiesInStudy Manufacturer InstitutionName
ReferringPhysicianName StudyDescription SeriesDescription PerformingPhysicianName ManufacturerModelName PatientName
PatientID PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight PatientComments
ContrastBolusAgent BodyPartExamined ScanningSequence ScanOptions SliceThickness RepetitionTime EchoTime EchoNumbers
TriggerTime SpacingBetweenSlices FlipAngle ProtocolName DiffusionBValue DiffusionGradientOrientation
StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber AcquisitionNumber InstanceNumber ImagePositionPatient
ImageOrientationPatient FrameOfReferenceUID TemporalPositionIdentifier NominalPercentageOfCardiacPhase
SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns PixelSpacing BitsAllocated BitsStored
PixelRepresentation WindowCenter WindowWidth RescaleIntercept RescaleSlope Units CorrectedImage
DecayCorrection FrameReferenceTime SegmentationType RTImageLabel RTImageName RTImageDescription DoseUnits DoseType
DoseSummationType DoseGridScaling StructureSetLabel StructureSetName RTPlanLabel RTPlanName
"""
_PRIVATE = (0x0019100C, 0x00431039, 0x20011003, 0x0043101E)
"""b-values of Siemens, GE and Philips, and GE's delta start time, by which 4D series are taken apart."""

TAGS: Sequence[int] = tuple(
    sorted({*(int(tag_for_keyword(word) or 0) for word in _KEYWORDS.split()), *_PRIVATE})
)
_TAG_TEXTS = {tag: f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in (*TAGS, PIXEL_DATA)}
_PLACES = {tag: place for place, tag in enumerate(TAGS)}


def reader() -> HeaderReader:
    """Return a reader of the headers for this database."""
    return HeaderReader([Field((tag,)) for tag in TAGS])


def cache_rows(sop: str, values: Sequence[str | None], has_pixels: bool) -> list[tuple[str, str, str]]:
    """Return the rows of TagCache of one object: SOPInstanceUID, tag, value or flag."""
    rows = [(sop, _TAG_TEXTS[tag], value or NOT_IN_INSTANCE) for tag, value in zip(TAGS, values, strict=True)]
    return [*rows, (sop, _TAG_TEXTS[PIXEL_DATA], NOT_STORED if has_pixels else NOT_IN_INSTANCE)]


def value(values: Sequence[str | None], keyword: str) -> str:
    """Return one value as text; '' where the header lacks it."""
    return values[_PLACES[int(tag_for_keyword(keyword) or 0)]] or ""


def getter(values: Sequence[str | None]) -> Callable[[str], str]:
    """Return the function that gives a value of this object by its keyword."""
    return partial(value, values)
