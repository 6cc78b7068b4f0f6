"""An RTPLAN or RT Ion Plan as rows: the plan, its fraction groups with their prescription, and its beams.

Sources: DICOM PS3.3 C.8.8.9 (RT General Plan), C.8.8.10 (RT Prescription), C.8.8.13 (RT Fraction Scheme).
"""

from collections import Counter
from dataclasses import dataclass

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import Source, items
from pyconquest_rt.rt.names.roi_tokens import clean
from pyconquest_rt.rt.objects import prescription
from pyconquest_rt.rt.objects.beams import KINDS, NO_DELIVERY, BeamKind, Delivery
from pyconquest_rt.rt.objects.rows import (
    Row,
    first,
    identity,
    joined,
    open_object,
    real,
    total,
    value,
    verdict,
    whole,
)
from pyconquest_rt.rt.tables import TABLES

_DOSES = {kind.reference: kind.dose for kind in KINDS}


@dataclass(frozen=True)
class PlanRows:
    """The row of ``rt_plan`` and the rows of ``rt_fraction_group`` and ``rt_beam``."""

    plan: Row
    fraction_groups: list[Row]
    beams: list[Row]


def extract(source: Source) -> PlanRows:
    """The rows of one RTPLAN, given as path, bytes, stream or data set.

    An object that cannot be used gives a row with the status ``failed`` and the reason; nothing is raised.
    """
    dataset, failure = open_object(source, "RTPLAN")
    warnings: list[str] = []
    groups = [] if failure else _fraction_groups(dataset, warnings)
    beams = [] if failure else _beams(dataset, warnings)
    plan = _plan_row(dataset, groups, beams) | _prescription(dataset, groups, warnings)
    return PlanRows(plan | verdict(failure, warnings), groups, beams)


def _plan_row(dataset: Dataset, groups: list[Row], beams: list[Row]) -> Row:
    return {
        **identity(dataset),
        "frame_of_reference_uid": value(dataset, "FrameOfReferenceUID"),
        "structure_set_uid": value(
            first(dataset, "ReferencedStructureSetSequence"), "ReferencedSOPInstanceUID"
        ),
        "dose_uids": _of_each(dataset, "ReferencedDoseSequence", "ReferencedSOPInstanceUID"),
        "related_plan_uids": _of_each(dataset, "ReferencedRTPlanSequence", "ReferencedSOPInstanceUID"),
        "label": value(dataset, "RTPlanLabel"),
        "name": value(dataset, "RTPlanName"),
        "description": value(dataset, "RTPlanDescription"),
        "date": value(dataset, "RTPlanDate"),
        "time": value(dataset, "RTPlanTime"),
        "physician": value(dataset, "ReferringPhysicianName"),
        "approval_status": value(dataset, "ApprovalStatus"),
        "review_date": value(dataset, "ReviewDate"),
        "reviewer": value(dataset, "ReviewerName"),
        "intent": value(dataset, "PlanIntent"),
        "geometry": value(dataset, "RTPlanGeometry"),
        "protocols": value(dataset, "TreatmentProtocols"),
        "brachy_technique": value(dataset, "BrachyTreatmentTechnique"),
        "brachy_type": value(dataset, "BrachyTreatmentType"),
        "sources": _of_each(dataset, "SourceSequence", "SourceIsotopeName"),
        "patient_position": _of_each(dataset, "PatientSetupSequence", "PatientPosition"),
        "fraction_group_count": len(groups),
        "mu": total(group["mu"] for group in groups),
        **_beam_columns(dataset, beams),
        **_site_columns(dataset),
    }


def _of_each(dataset: Dataset, sequence: str, keyword: str) -> str | None:
    """The values that the items of a sequence have for one attribute, joined."""
    return joined(value(item, keyword) for item in items(dataset, sequence))


def _beam_columns(dataset: Dataset, beams: list[Row]) -> Row:
    """The columns that sum up the beams of a plan."""
    treated = [beam for beam in beams if beam["delivery_type"] in (None, "TREATMENT", "CONTINUATION")]
    return {
        "kinds": joined(beam["kind"] for beam in beams),
        "radiation_types": joined(beam["radiation_type"] for beam in treated),
        "machines": joined(beam["machine"] for beam in beams)
        or value(first(dataset, "TreatmentMachineSequence"), "TreatmentMachineName"),
        "beam_count": len(beams),
        "treatment_beam_count": len(treated),
    }


def _site_columns(dataset: Dataset) -> Row:
    site = value(dataset, "TreatmentSite")
    code = first(dataset, "TreatmentSiteCodeSequence")
    return {
        "treatment_site": site,
        "treatment_site_code": value(code, "CodeValue"),
        "treatment_site_key": clean(site or value(code, "CodeMeaning") or "") or None,
    }


def _prescription(dataset: Dataset, groups: list[Row], warnings: list[str]) -> Row:
    """The columns of the whole plan's prescription; what is doubtful goes into ``warnings``."""
    levels = prescription.levels(dataset)
    dose, remark = prescription.plan_total(groups, levels)
    fractions, other = prescription.fractions_total(groups)
    doses = {*levels, *(group["rx_dose_gy"] for group in groups if group["rx_dose_gy"] is not None)}
    warnings += [said for said in (remark, other) if said] + prescription.doubts(sorted(doses))
    return {
        "fractions_planned": fractions,
        "rx_dose_gy": dose,
        "rx_levels_gy": joined(f"{level:g}" for level in levels),
    }


def _fraction_groups(dataset: Dataset, warnings: list[str]) -> list[Row]:
    """The rows of all fraction groups; of two with one number the first."""
    groups = items(dataset, "FractionGroupSequence")
    rows: dict[int, Row] = {}
    for order, group in enumerate(groups, 1):
        number = _group_number(group, order)
        if number in rows:
            warnings.append(f"FractionGroupNumber {number} is given twice: the second group is left out")
        rows.setdefault(number, _fraction_group(dataset, group, groups, order))
    return list(rows.values())


def _fraction_group(dataset: Dataset, group: Dataset, groups: list[Dataset], order: int) -> Row:
    fractions = whole(group, "NumberOfFractionsPlanned")
    rx = prescription.prescribed(dataset, group, groups)
    sharing = [it for it in groups if prescription.prescribed(dataset, it, groups).number == rx.number]
    together = total(whole(it, "NumberOfFractionsPlanned") for it in sharing)
    target = rx.target if rx.target is not None else Dataset()
    metersets = [real(beam, "BeamMeterset") for beam in items(group, "ReferencedBeamSequence")]
    doses = [real(item, dose) for reference, dose in _DOSES.items() for item in items(group, reference)]
    return {
        "SOPInstanceUID": value(dataset, "SOPInstanceUID"),
        "fraction_group_number": _group_number(group, order),
        "description": value(group, "FractionGroupDescription"),
        "fractions_planned": fractions,
        "fractions_per_day": whole(group, "NumberOfFractionPatternDigitsPerDay"),
        "beam_count": len(items(group, "ReferencedBeamSequence")),
        "brachy_setup_count": len(items(group, "ReferencedBrachyApplicationSetupSequence")),
        "mu": total(metersets),
        "dose_per_fraction_gy": total(doses),
        "rx_dose_gy": rx.dose_gy,
        "rx_dose_per_fraction_gy": prescription.per_fraction(rx, fractions, together),
        "rx_source": rx.source,
        "rx_description": value(target, "DoseReferenceDescription"),
        "rx_structure_type": value(target, "DoseReferenceStructureType"),
        "rx_roi_number": whole(target, "ReferencedROINumber"),
        "rx_dose_reference_number": whole(target, "DoseReferenceNumber"),
        "normalisation": value(dataset, "PrescriptionDescription"),
    }


def _deliveries(dataset: Dataset, kind: BeamKind) -> dict[int | None, Delivery]:
    """By beam or setup number what the first fraction group that refers to it says."""
    found: dict[int | None, Delivery] = {}
    for order, group in enumerate(items(dataset, "FractionGroupSequence"), 1):
        for item in items(group, kind.reference):
            delivery = Delivery(
                _group_number(group, order),
                real(item, kind.meterset) if kind.meterset else None,
                real(item, kind.dose),
            )
            found.setdefault(whole(item, kind.reference_number), delivery)
    return found


def _group_number(group: Dataset, order: int) -> int:
    number = whole(group, "FractionGroupNumber")
    return order if number is None else number


def _beams(dataset: Dataset, warnings: list[str]) -> list[Row]:
    """The rows of all beams and setups, matched with fraction groups by number; the first of each number."""
    empty = dict.fromkeys(column.name for column in TABLES["rt_beam"].columns)
    empty["SOPInstanceUID"] = value(dataset, "SOPInstanceUID")
    rows: dict[tuple[str, int], Row] = {}
    for kind in KINDS:
        beams = items(dataset, kind.sequence)
        deliveries = _deliveries(dataset, kind)
        warnings += _number_warnings(kind, beams, deliveries) + _point_warnings(beams)
        for beam in beams:
            number = whole(beam, kind.number)
            if number is not None:
                row = kind.read(beam, deliveries.get(number, NO_DELIVERY))
                rows.setdefault((row["kind"], number), empty | row)
    if not rows:
        warnings.append("there are no beams and no application setups")
    return list(rows.values())


def _point_warnings(beams: list[Dataset]) -> list[str]:
    """Beams that have fewer control points than they say: the object is cut off, or was written wrong."""
    counts = [
        (whole(beam, "BeamNumber"), _point_count(beam), whole(beam, "NumberOfControlPoints"))
        for beam in beams
    ]
    return [
        f"beam {number} has {found} of {claimed} control points"
        for number, found, claimed in counts
        if claimed is not None and found != claimed
    ]


def _point_count(beam: Dataset) -> int:
    return len(items(beam, "ControlPointSequence") or items(beam, "IonControlPointSequence"))


def _number_warnings(
    kind: BeamKind, beams: list[Dataset], deliveries: dict[int | None, Delivery]
) -> list[str]:
    """Numbers that are missing or given twice, and those that only a fraction group knows."""
    if not beams:
        return []
    numbers = Counter(whole(beam, kind.number) for beam in beams)
    nameless = numbers.pop(None, 0)
    warnings = [f"{nameless} item(s) of {kind.sequence} without number"] if nameless else []
    warnings += [
        f"{kind.number} {number} is given {count} times" for number, count in numbers.items() if count > 1
    ]
    unknown = sorted(number for number in deliveries if number is not None and number not in numbers)
    if unknown:
        warnings.append(f"fraction groups refer to beams that are not there: {', '.join(map(str, unknown))}")
    return warnings
