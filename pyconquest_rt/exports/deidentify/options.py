"""What of a pseudonymised object may be kept, and the codes that say what was done."""

from collections.abc import Mapping
from typing import Final, Literal

Dates = Literal["shift", "remove"]

KEEP: Final[Mapping[str, tuple[str, ...]]] = {
    "roi-names": ("ROIName", "ROIObservationLabel"),
    "labels": (
        *("StructureSetLabel", "StructureSetName", "RTPlanLabel", "RTPlanName", "BeamDescription"),
        *("FractionGroupDescription", "DoseReferenceDescription", "PrescriptionDescription"),
    ),
    "descriptions": ("StudyDescription", "SeriesDescription", "ProtocolName"),
    "patient-characteristics": (
        *("PatientSex", "PatientAge", "PatientSize", "PatientWeight", "EthnicGroup", "SmokingStatus"),
        *("PregnancyStatus", "PatientSexNeutered"),
    ),
    "devices": (
        *("TreatmentMachineName", "StationName", "DeviceSerialNumber", "GantryID"),
        *("DetectorID", "SourceSerialNumber"),
    ),
}
"""What can be kept, by the word that asks for it: attributes that the profile takes away."""

CODES: Final = {
    "profile": ("113100", "Basic Application Confidentiality Profile"),
    "structured content": ("113104", "Clean Structured Content Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "shift": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient-characteristics": ("113108", "Retain Patient Characteristics Option"),
    "devices": ("113109", "Retain Device Identity Option"),
}
"""The codes of CID 7050 (DICOM PS3.16) for what was done."""
DESCRIPTORS: Final = frozenset({"roi-names", "labels", "descriptions"})
