"""Volumes with a verdict: series, doses, structure sets and segmentations as arrays with their place in the patient.

``examine`` says from the headers what could be loaded and what is to be said of it; ``load`` gives the array and its
affine, or raises :class:`VolumeError` with the code why there is none; ``mask`` puts structures or segments onto a
volume's grid. The room takes paths, folders or openers; it knows no archive and no network.
"""

from collections.abc import Iterable

from pyconquest_rt.volumes.codes import CODES, VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.masks import draw_masks
from pyconquest_rt.volumes.model import Candidate, Masks, Volume
from pyconquest_rt.volumes.registry import examine_sources, load_candidate
from pyconquest_rt.volumes.sources import Opener, Source, sources

__all__ = ["CODES", "Candidate", "Masks", "Volume", "VolumeError", "examine", "load", "mask"]


def examine(paths: "Opener | Iterable[Opener | Source]") -> list[Candidate]:
    """Return what could be loaded from some objects, best first, from their headers alone.

    ``paths`` are paths, folders (all files below them) or openers: bytes, binary streams, or functions that return
    one of these. What cannot be read is a candidate too, with the code `unreadable`.
    """
    return examine_sources(sources(paths))


def load(
    candidate: Candidate, unit: str | None = None, *, fill: bool = False, resample: bool = False
) -> Volume:
    """Return the volume of a candidate: array, affine, unit, codes.

    Args:
        candidate: one that `examine` returned.
        unit: "SUVbw" for PET; None for the unit that the objects are in.
        fill: fill missing slices by interpolation between their neighbours (code `filled`).
        resample: interpolate uneven slices onto even ones and tilted stacks onto a grid without shear (code
            `resampled`).

    Raises:
        VolumeError: it cannot be loaded; ``code`` says why.
    """
    return load_candidate(candidate, unit, Options(fill=fill, resample=resample))


def mask(rtstruct_or_seg: "Opener | Candidate", volume: Volume, *, interpolate: bool = False) -> Masks:
    """Return the structures or segments of an object as masks on a volume's grid, by name.

    A voxel is inside where its centre is: by the even-odd rule over all closed contours of a plane, so that contours
    within others are holes. Contours are drawn on the slice next to them; slices without a contour stay empty.

    Args:
        rtstruct_or_seg: a structure set or a segmentation: a path or opener, or its candidate.
        volume: one that `load` returned.
        interpolate: give slices between two contours that of the nearest (code `filled`).

    Raises:
        VolumeError: it is neither, cannot be read, or lies in another frame of reference.
    """
    return draw_masks(rtstruct_or_seg, volume, interpolate=interpolate)
