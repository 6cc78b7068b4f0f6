"""The scanner's radiation dose report: a structured report after PS3.16 TID 10011."""

from collections.abc import Sequence
from typing import NamedTuple

from pydicom import Dataset
from pydicom.uid import XRayRadiationDoseSRStorage

from pyconquest_rt.demo.datasets import DATE, code, decimal, item, new_object, put
from pyconquest_rt.demo.phantom import SLICE_SPACING, Patient

Concept = tuple[str, str, str]  # value, scheme, meaning


class Acquisition(NamedTuple):
    """One irradiation of the patient: what the report says of it."""

    protocol: str
    kind: Concept
    length: float  # mm
    ctdi: float  # mGy
    current: float  # mA
    seconds: float

    @property
    def dose_length(self) -> float:
        """The dose length product in mGy.cm."""
        return round(self.ctdi * self.length / 10, 2)


def dose_report(patient: Patient) -> Dataset:
    """The report of two acquisitions, a topogram and the planning scan."""
    length = patient.slices * SLICE_SPACING
    acquisitions = [
        Acquisition("Topogram", ("113805", "DCM", "Constant Angle Acquisition"), length + 60, 0.14, 35, 3),
        Acquisition("Thorax RT", ("116152004", "SCT", "Spiral Acquisition"), length, 9.5, 200, 6),
    ]
    report = new_object(patient, XRayRadiationDoseSRStorage, "SR", 5, "Dose report", 90500)
    del report.OperatorsName  # not part of an SR series
    put(
        report,
        ContentDate=DATE,
        ContentTime="090500",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ReferencedPerformedProcedureStepSequence=[],
        PerformedProcedureCodeSequence=[],
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("113701", "DCM", "X-Ray Radiation Dose Report")],
        ContentTemplateSequence=[item(MappingResource="DCMR", TemplateIdentifier="10011")],
        ContentSequence=[
            *_context(patient, report.StudyInstanceUID),
            _accumulated(acquisitions),
            *(_acquisition(patient, number, one) for number, one in enumerate(acquisitions, start=1)),
            _code("113854", "Source of Dose Information", ("113856", "DCM", "Automated Data Collection")),
        ],
    )
    return report


def _context(patient: Patient, study_uid: str) -> list[Dataset]:
    """What was reported, who observed it, when, and how far it reaches (TID 1002, 1204)."""
    procedure = _code("121058", "Procedure reported", ("77477000", "SCT", "Computed Tomography X-Ray"))
    intent = _content("CODE", ("363703001", "SCT", "Has Intent"))
    intent.ConceptCodeSequence = [code("261004008", "SCT", "Diagnostic Intent")]
    intent.RelationshipType = procedure.RelationshipType = "HAS CONCEPT MOD"
    procedure.ContentSequence = [intent]
    study = _uid("110180", "Study Instance UID", study_uid)
    study.RelationshipType = "HAS PROPERTIES"
    scope = _code("113705", "Scope of Accumulation", ("113014", "DCM", "Study"))
    scope.ContentSequence = [study]
    observation = [
        _code("121005", "Observer Type", ("121007", "DCM", "Device")),
        _uid("121012", "Device Observer UID", patient.uid("scanner")),
        _text("121013", "Device Observer Name", "DEMOCT"),
        _time("113809", "Start of X-Ray Irradiation", f"{DATE}090000"),
        _time("113810", "End of X-Ray Irradiation", f"{DATE}090100"),
        scope,
    ]
    for context in observation:
        context.RelationshipType = "HAS OBS CONTEXT"
    return [procedure, *observation]


def _accumulated(acquisitions: Sequence[Acquisition]) -> Dataset:
    """The sums over all irradiations (TID 10012)."""
    return _container(
        "113811",
        "CT Accumulated Dose Data",
        _number("113812", "Total Number of Irradiation Events", len(acquisitions), "{events}"),
        _number(
            "113813",
            "CT Dose Length Product Total",
            sum(one.dose_length for one in acquisitions),
            "mGy.cm",
        ),
    )


def _acquisition(patient: Patient, number: int, one: Acquisition) -> Dataset:
    """One irradiation (TID 10013): what was scanned, how, and with what dose."""
    source = _container(
        "113831",
        "CT X-Ray Source Parameters",
        _text("113832", "Identification of the X-Ray Source", "A"),
        _number("113733", "KVP", 120, "kV"),
        _number("113833", "Maximum X-Ray Tube Current", one.current, "mA"),
        _number("113734", "X-Ray Tube Current", one.current, "mA"),
        _number("113834", "Exposure Time per Rotation", 0.5, "s"),
    )
    parameters = _container(
        "113822",
        "CT Acquisition Parameters",
        _number("113824", "Exposure Time", one.seconds, "s"),
        _number("113825", "Scanning Length", one.length, "mm"),
        _number("113826", "Nominal Single Collimation Width", 0.6, "mm"),
        _number("113827", "Nominal Total Collimation Width", 19.2, "mm"),
        _number("113828", "Pitch Factor", 0.8, "{ratio}"),
        _number("113823", "Number of X-Ray Sources", 1, "{X-Ray sources}"),
        source,
    )
    dose = _container(
        "113829",
        "CT Dose",
        _number("113830", "Mean CTDIvol", one.ctdi, "mGy"),
        _code("113835", "CTDIw Phantom Type", ("113691", "DCM", "IEC Body Dosimetry Phantom")),
        _number("113838", "DLP", one.dose_length, "mGy.cm"),
    )
    return _container(
        "113819",
        "CT Acquisition",
        _text("125203", "Acquisition Protocol", one.protocol),
        _code("123014", "Target Region", ("51185008", "SCT", "Chest")),
        _code("113820", "CT Acquisition Type", one.kind),
        _uid("113769", "Irradiation Event UID", patient.uid("irradiation", number)),
        parameters,
        dose,
    )


# Content items (PS3.3 C.17.3), all with concept names of DCM and contained in what holds them.


def _content(value_type: str, concept: Concept) -> Dataset:
    return item(RelationshipType="CONTAINS", ValueType=value_type, ConceptNameCodeSequence=[code(*concept)])


def _container(value: str, meaning: str, *content: Dataset) -> Dataset:
    container = _content("CONTAINER", (value, "DCM", meaning))
    put(container, ContinuityOfContent="SEPARATE", ContentSequence=list(content))
    return container


def _code(value: str, meaning: str, concept: Concept) -> Dataset:
    content = _content("CODE", (value, "DCM", meaning))
    content.ConceptCodeSequence = [code(*concept)]
    return content


def _number(value: str, meaning: str, number: float, unit: str) -> Dataset:
    content = _content("NUM", (value, "DCM", meaning))
    units = code(unit, "UCUM", unit.strip("{}"))
    content.MeasuredValueSequence = [item(NumericValue=decimal(number), MeasurementUnitsCodeSequence=[units])]
    return content


def _text(value: str, meaning: str, text: str) -> Dataset:
    content = _content("TEXT", (value, "DCM", meaning))
    content.TextValue = text
    return content


def _time(value: str, meaning: str, time: str) -> Dataset:
    content = _content("DATETIME", (value, "DCM", meaning))
    content.DateTime = time
    return content


def _uid(value: str, meaning: str, uid: str) -> Dataset:
    content = _content("UIDREF", (value, "DCM", meaning))
    content.UID = uid
    return content
