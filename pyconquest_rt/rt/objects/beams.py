"""The beams of an RTPLAN or RT Ion Plan, and the application setups of a brachytherapy plan, as rows.

Sources: DICOM PS3.3 C.8.8.14 (RT Beams), C.8.8.25 (RT Ion Beams), C.8.8.15 (RT Brachy Application Setups).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import items
from pyconquest_rt.rt.objects.complexity import modulation_complexity
from pyconquest_rt.rt.objects.rows import Row, first, joined, real, reals, total, value, whole

Angle = tuple[float | None, float | None, float | None, str | None]


@dataclass(frozen=True)
class Delivery:
    """What the fraction groups say about one beam or application setup."""

    fraction_group_number: int | None = None
    meterset: float | None = None
    dose_gy: float | None = None


NO_DELIVERY = Delivery()


def external_beam(beam: Dataset, delivery: Delivery) -> Row:
    """The row of one photon or electron beam."""
    points = items(beam, "ControlPointSequence")
    row = _common(beam, points, delivery) | {"kind": "external"}
    row["wedge_count"] = whole(beam, "NumberOfWedges")
    row["applicator"] = value(first(beam, "ApplicatorSequence"), "ApplicatorID")
    row["fluence_mode"] = joined(
        value(mode, keyword)
        for mode in items(beam, "PrimaryFluenceModeSequence")
        for keyword in ("FluenceMode", "FluenceModeID")
    )
    row["energy_unit"] = "MeV" if row["radiation_type"] == "ELECTRON" else "MV"
    return row


def ion_beam(beam: Dataset, delivery: Delivery) -> Row:
    """The row of one ion beam; energies are in MeV per nucleon (C.8.8.25)."""
    points = items(beam, "IonControlPointSequence")
    row = _common(beam, points, delivery) | {"kind": "ion", "energy_unit": "MeV/u"}
    row["wedge_count"] = whole(beam, "NumberOfWedges")
    row["scan_mode"] = value(beam, "ScanMode")
    row["scan_spot_count"] = total(whole(point, "NumberOfScanSpotPositions") for point in points[::2])
    row["range_shifter"] = joined(
        value(item, "RangeShifterID") for item in items(beam, "RangeShifterSequence")
    )
    row["snout"] = value(first(beam, "SnoutSequence"), "SnoutID")
    return row


def application_setup(setup: Dataset, delivery: Delivery) -> Row:
    """The row of one brachytherapy application setup; its number stands in ``beam_number``."""
    channels = items(setup, "ChannelSequence")
    return {
        "kind": "brachy",
        "beam_number": whole(setup, "ApplicationSetupNumber"),
        "name": value(setup, "ApplicationSetupName"),
        "beam_type": value(setup, "ApplicationSetupType"),
        "fraction_group_number": delivery.fraction_group_number,
        "beam_dose_gy": delivery.dose_gy,
        "channel_count": len(channels),
        "dwell_count": total(_dwells(items(channel, "BrachyControlPointSequence")) for channel in channels),
        "control_point_count": sum(len(items(channel, "BrachyControlPointSequence")) for channel in channels),
        "channel_time_s": total(real(channel, "ChannelTotalTime") for channel in channels),
        "total_reference_air_kerma_ugy": real(setup, "TotalReferenceAirKerma"),
        "applicator": joined(value(channel, "SourceApplicatorID") for channel in channels),
    }


def _dwells(points: list[Dataset]) -> int | None:
    """How often the source dwells in a channel; None where the control points say neither place nor time.

    Control points come in pairs, one at each end of a dwell, between which the time weight grows and the source stands
    still (C.8.8.15); a stay without time is no dwell. Where no two neighbours share their position, each point stands
    for a dwell of its own.
    """
    weights = [real(point, "CumulativeTimeWeight") for point in points]
    stays = [visit for visit in _visits(points, weights) if len(visit) > 1]
    if None in weights:
        return len(stays) or (None if points else 0)
    return _grown([(visit[0], visit[-1]) for visit in stays] if stays else [*pairwise([0.0, *weights])])


def _visits(points: list[Dataset], weights: list[float | None]) -> list[list[float | None]]:
    """The time weights of control points, those at one place after each other together."""
    places = [_position(point) or (index, "unknown") for index, point in enumerate(points)]
    marked = groupby(zip(places, weights, strict=True), itemgetter(0))
    return [[weight for _, weight in visit] for _, visit in marked]


def _grown(spans: Sequence[tuple[float | None, float | None]]) -> int:
    """In how many spans the time weight grows."""
    return sum((after or 0.0) > (before or 0.0) for before, after in spans)


def _position(point: Dataset) -> tuple[float, ...] | None:
    """Where the source stands: ControlPointRelativePosition (mm in the channel), else its 3D position."""
    relative = real(point, "ControlPointRelativePosition")
    return (relative,) if relative is not None else tuple(reals(point, "ControlPoint3DPosition", 3)) or None


def _common(beam: Dataset, points: list[Dataset], delivery: Delivery) -> Row:
    gantry = _rotation(points, "GantryAngle", "GantryRotationDirection")
    collimator = _rotation(points, "BeamLimitingDeviceAngle", "BeamLimitingDeviceRotationDirection")
    couch = _rotation(points, "PatientSupportAngle", "PatientSupportRotationDirection")
    energies = [energy for point in points if (energy := real(point, "NominalBeamEnergy")) is not None]
    isocentre = _first_of(points, "IsocenterPosition", 3)
    source_axis = reals(beam, "SourceAxisDistance") or reals(beam, "VirtualSourceAxisDistances")
    return {
        "beam_number": whole(beam, "BeamNumber"),
        "name": value(beam, "BeamName"),
        "description": value(beam, "BeamDescription"),
        "radiation_type": value(beam, "RadiationType"),
        "beam_type": value(beam, "BeamType"),
        "delivery_type": value(beam, "TreatmentDeliveryType"),
        "machine": value(beam, "TreatmentMachineName"),
        "fraction_group_number": delivery.fraction_group_number,
        "beam_dose_gy": delivery.dose_gy,
        "mu": delivery.meterset,
        "meterset_unit": value(beam, "PrimaryDosimeterUnit"),
        "energies": joined(f"{energy:g}" for energy in energies),
        "energy_min": min(energies, default=None),
        "energy_max": max(energies, default=None),
        "control_point_count": len(points),
        **_angle("gantry", gantry),
        **_angle("collimator", collimator),
        **_angle("couch", couch),
        **{f"isocentre_{axis}_mm": isocentre[i] if isocentre else None for i, axis in enumerate("xyz")},
        "ssd_mm": next(iter(_first_of(points, "SourceToSurfaceDistance", 1)), None),
        "sad_mm": next(iter(source_axis), None),
        "mu_per_degree": _per(delivery.meterset, gantry[2]),
        "mu_per_control_point": _per(delivery.meterset, len(points) - 1),
        "complexity": modulation_complexity(beam, points, _weights(points)),
        "block_count": whole(beam, "NumberOfBlocks"),
        "bolus_count": whole(beam, "NumberOfBoli"),
    }


def _first_of(points: list[Dataset], keyword: str, count: int) -> list[float]:
    """The numbers of an element in the first control point that has it."""
    return next((found for point in points if (found := reals(point, keyword, count))), [])


def _per(meterset: float | None, amount: float | None) -> float | None:
    return meterset / amount if meterset is not None and amount is not None and amount > 0 else None


def _weights(points: list[Dataset]) -> list[float]:
    """Cumulative meterset weights; one that is missing is that of the point before."""
    weights = [0.0]
    for point in points:
        weight = real(point, "CumulativeMetersetWeight")
        weights.append(weights[-1] if weight is None else weight)
    return weights[1:]


def _rotation(points: list[Dataset], angle: str, direction: str) -> Angle:
    """Start and end (degrees), the whole way between them, and the direction of a rotation over a beam.

    A control point without angle or direction keeps those of the point before; without a direction there is
    no way, however the angles differ (the standard requires one for every rotation).
    """
    turning = "NONE"
    way, directions = 0.0, []
    angles: list[float] = []
    for point in points:
        found = real(point, angle)
        if found is not None:
            if angles:
                way += _way(angles[-1], found, turning)
            angles.append(found)
        turning = value(point, direction) or turning
        if turning in ("CW", "CC"):
            directions.append(turning)
    if not angles:
        return None, None, None, joined(directions)
    return angles[0], angles[-1], way, joined(directions)


def _way(start: float, end: float, turning: str) -> float:
    """How many degrees lie between two angles in a direction; none where nothing turns."""
    if turning == "NONE":
        return 0.0
    return (end - start if turning == "CW" else start - end) % 360.0


def _angle(what: str, angle: Angle) -> Row:
    start, end, way, direction = angle
    return {
        f"{what}_start_deg": start,
        f"{what}_end_deg": end,
        f"{what}_range_deg": way,
        f"{what}_direction": direction,
    }


@dataclass(frozen=True)
class BeamKind:
    """Where one kind of beam stands in a plan, and where the fraction groups say what it delivers."""

    sequence: str
    number: str
    read: Callable[[Dataset, Delivery], Row]
    reference: str
    reference_number: str
    meterset: str | None
    dose: str


_BEAM_REFERENCE = ("ReferencedBeamSequence", "ReferencedBeamNumber", "BeamMeterset", "BeamDose")
KINDS = (
    BeamKind("BeamSequence", "BeamNumber", external_beam, *_BEAM_REFERENCE),
    BeamKind("IonBeamSequence", "BeamNumber", ion_beam, *_BEAM_REFERENCE),
    BeamKind(
        "ApplicationSetupSequence",
        "ApplicationSetupNumber",
        application_setup,
        "ReferencedBrachyApplicationSetupSequence",
        "ReferencedBrachyApplicationSetupNumber",
        None,
        "BrachyApplicationSetupDose",
    ),
)
