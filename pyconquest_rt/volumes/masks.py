"""Masks of a structure set or a segmentation, whichever an object is."""

from pyconquest_rt.volumes import segments, structures
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.frames import Pool
from pyconquest_rt.volumes.model import Candidate, Masks, Volume
from pyconquest_rt.volumes.objects import read_object
from pyconquest_rt.volumes.sources import Opener, Source, sources


def draw_masks(what: Opener | Candidate, volume: Volume, *, interpolate: bool = False) -> Masks:
    """Masks on a volume's grid; see :func:`pyconquest_rt.volumes.mask`."""
    if volume.array.ndim < 3 or "missing_geometry" in volume.codes:
        raise VolumeError("missing_geometry", "the volume has no place in the patient")
    source = _source(what)
    one = read_object(source, Pool())
    if one.kind == "rtstruct":
        return structures.draw(source, volume, interpolate=interpolate)
    if one.kind == "seg":
        return segments.draw(one, volume)
    raise VolumeError(
        one.problem or "seg_type", f"{source.name} is neither a structure set nor a segmentation"
    )


def _source(what: Opener | Candidate) -> Source:
    if isinstance(what, Candidate):
        return Source(what.files[0])
    found = sources(what)
    if len(found) != 1:
        raise VolumeError("unreadable", f"one object is wanted, {len(found)} were given")
    return found[0]
