"""Hashes of what a structure set, plan or dose says, apart from who it was made for.

They are PyConquest's MD5 sums, so that databases stay comparable; none is a safeguard against tampering. One
differs: what PyConquest writes for a structure set while indexing is a hash of pydicom's objects in memory and
changes with the version of pydicom, so :func:`structure_set_hash`, its robust one, takes that place here.
"""

import hashlib
import pickle
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_PLAIN_NUMBERS = re.compile(rb" *[0-9.+\-][ 0-9.+\-eE]*(?:\\ *[0-9.+\-][ 0-9.+\-eE]*)+")
_BEAM = ("BeamName", "BeamType", "RadiationType", "NumberOfWedges", "NumberOfControlPoints")
_FIRST_POINT = ("NominalBeamEnergy", "GantryAngle", "IsocenterPosition")


def content_hash(dataset: "Dataset") -> str | None:
    """Return the hash of an RTSTRUCT, RTPLAN or RTDOSE; None for others, and where nothing is to hash."""
    hash_of = _BY_MODALITY.get(dataset.get("Modality", ""))
    return hash_of(dataset) if hash_of else None


def structure_set_hash(dataset: "Dataset") -> str:
    """Return the MD5 of the MD5s of each ROI's contour data, in the order in which they are stored."""
    sums = ""
    for roi in dataset.get("ROIContourSequence") or []:
        digest = hashlib.md5(usedforsecurity=False)
        for contour in roi.get("ContourSequence") or []:
            digest.update(_contour_text(contour).encode())
        sums += digest.hexdigest()
    return _md5(sums.encode())


def plan_hash(dataset: "Dataset") -> str:
    """Return the hash of the monitor units and control points of a photon or electron plan.

    Beams are matched with their monitor units by BeamNumber. PyConquest matches them by position; where beams
    are numbered 1, 2, 3 ... in the order in which they are stored, both give the same.
    """
    beams = dataset.get("BeamSequence") or []
    units = _monitor_units(dataset)
    text = "".join(
        f"{units[number]}_" for beam in beams if (number := _number(beam)) in units and _is_complete(beam)
    )
    return _pickled(text + "".join(part for beam in beams for part in _control_points(beam)))


def dose_hash(dataset: "Dataset") -> str | None:
    """Return the hash of the encoded dose grid; None for a dose without one (a DVH alone)."""
    pixels = dataset.get("PixelData")
    return _pickled(bytes(pixels)) if pixels is not None else None


def _contour_text(contour: "Dataset") -> str:
    """Python's text of the list of coordinates; taken from the raw text where that reads the same."""
    element = contour.get_item(0x30060050)
    raw = getattr(element, "value", None)
    if isinstance(raw, bytes) and _PLAIN_NUMBERS.fullmatch(raw):
        return f"[{', '.join(part.strip() for part in raw.decode('ascii').split(chr(92)))}]"
    return str(contour.ContourData) if element is not None else ""


def _monitor_units(dataset: "Dataset") -> dict[int, str]:
    """Return BeamNumber → monitor units, of the beams that have a dose too."""
    return {
        int(beam.ReferencedBeamNumber): str(beam.BeamMeterset)
        for group in dataset.get("FractionGroupSequence") or []
        for beam in group.get("ReferencedBeamSequence") or []
        if all(keyword in beam for keyword in ("ReferencedBeamNumber", "BeamDose", "BeamMeterset"))
    }


def _number(beam: "Dataset") -> int | None:
    number = beam.get("BeamNumber")
    return None if number is None else int(number)


def _is_complete(beam: "Dataset") -> bool:
    """Whether PyConquest lists the beam: only then do its monitor units take part."""
    points = beam.get("ControlPointSequence") or []
    return (
        all(keyword in beam for keyword in _BEAM)
        and bool(points)
        and all(keyword in points[0] for keyword in _FIRST_POINT)
    )


def _control_points(beam: "Dataset") -> Iterable[str]:
    """Yield the parts of a beam's text, up to the first value that is not there."""
    try:
        yield f"{beam.NumberOfControlPoints}_"
        for point in beam.ControlPointSequence:
            yield f"{point.GantryAngle}_"
            yield f"{point.SourceToSurfaceDistance}_"
            yield f"{point.CumulativeMetersetWeight}_"
            positions = point.BeamLimitingDevicePositionSequence
            yield f"{positions[0].LeafJawPositions}_"
            yield f"{positions[1].LeafJawPositions}_"
            yield f"{positions[2].LeafJawPositions}"
    except (AttributeError, IndexError):
        return


def _pickled(value: str | bytes) -> str:
    """Return the MD5 of a pickle of protocol 4, the default of Python 3.8 to 3.13."""
    return _md5(pickle.dumps(value, protocol=4))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


_BY_MODALITY: dict[str, Callable[["Dataset"], str | None]] = {
    "RTSTRUCT": structure_set_hash,
    "RTPLAN": plan_hash,
    "RTDOSE": dose_hash,
}
