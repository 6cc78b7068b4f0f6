"""Structure sets: their closed contours as masks on a volume's grid (PS3.3 C.8.8.5, C.8.8.6)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.fields import Fields, opened_head
from pyconquest_rt.volumes.model import Candidate, Masks, Volume, say, unique_name
from pyconquest_rt.volumes.objects import ImageObject
from pyconquest_rt.volumes.oblique import oblique_mask
from pyconquest_rt.volumes.polygon import Bools, Floats, fill_even_odd
from pyconquest_rt.volumes.sources import Source

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_PARALLEL = 0.05  #: contours whose points differ by less of a slice's distance lie within a slice
_OFF_PLANE = 0.05  #: a contour so much of a slice's distance off a slice is said
_DECIMALS = 6  #: of pixels, to which points are rounded: arithmetic must not decide about a centre on an edge


@dataclass
class Roi:
    """One region of interest: its name, its frame of reference, its closed contours in mm, and other types' names."""

    name: str
    frame_of_reference: str = ""
    contours: list[Floats] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Structures:
    """Structure sets as candidates; they hold no pixels, `mask` draws them."""

    name = "structures"

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """One candidate for each structure set."""
        return [
            Candidate(
                one.name or "structure set",
                "rtstruct",
                0.6,
                ["no_pixels"],
                [one.source.origin],
                True,
                "no_pixels",
                series_uid=one.series_uid,
                adaptor=self.name,
            )
            for one in objects
            if one.kind == "rtstruct"
        ]

    def load(self, candidate: Candidate, unit: str | None, options: Options) -> Volume:
        """Refused: contours are no pixels."""
        raise VolumeError("no_pixels", "a structure set has contours; mask(structure_set, volume) draws them")


def read_rois(source: Source) -> list[Roi]:
    """The regions of a structure set. Raises VolumeError."""
    try:
        with opened_head(source) as head:
            return _rois(head.fields)
    except UnreadableError as error:
        raise VolumeError("unreadable", f"{source.name}: {error}") from error


def _rois(fields: Fields) -> list[Roi]:
    whole = {item.text(0x00200052) for item in fields.items(0x30060010)} - {""}
    only = whole.pop() if len(whole) == 1 else fields.text(0x00200052)
    found: dict[int, Roi] = {}
    for item in fields.items(0x30060020):
        number = item.integer(0x30060022)
        found[number] = Roi(item.text(0x30060026) or f"ROI {number}", item.text(0x30060024) or only)
    for item in fields.items(0x30060039):
        roi = found.setdefault(item.integer(0x30060084), Roi(f"ROI {item.integer(0x30060084)}", only))
        for contour in item.items(0x30060040):
            _add_contour(roi, contour)
    return list(found.values())


def _add_contour(roi: Roi, contour: Fields) -> None:
    kind = contour.text(0x30060042).upper()
    values = np.array(contour.numbers(0x30060050))
    points = values.reshape(-1, 3) if values.size % 3 == 0 else np.empty((0, 3))
    if kind not in _CLOSED:
        roi.others.append(kind or "contour without a type")
    elif len(points) < 3 or not np.isfinite(points).all():
        roi.others.append(f"{kind} of {values.size} numbers")
    else:
        roi.contours.append(points)


def draw(source: Source, volume: Volume, *, interpolate: bool = False) -> Masks:
    """Masks of a structure set; see :func:`pyconquest_rt.volumes.mask`."""
    rois = read_rois(source)
    there = [roi for roi in rois if not _is_elsewhere(roi, volume)]
    if rois and not there:
        raise VolumeError("mixed_frame_of_reference", "the structure set has another frame of reference")
    masks = Masks()
    for roi in rois:
        name = unique_name(roi.name, [*masks, *masks.left_out])
        if _is_elsewhere(roi, volume):
            masks.left_out[name] = f"frame of reference {roi.frame_of_reference}"
        elif not roi.contours:
            masks.left_out[name] = ", ".join(sorted(set(roi.others))) or "no contours"
        else:
            _draw_roi(roi, name, volume, masks, interpolate)
    return masks


def _is_elsewhere(roi: Roi, volume: Volume) -> bool:
    own, other = roi.frame_of_reference, volume.frame_of_reference
    return bool(own and other and own != other)


def _draw_roi(roi: Roi, name: str, volume: Volume, masks: Masks, interpolate: bool) -> None:
    if roi.others:
        masks.left_out[f"{name}: {', '.join(sorted(set(roi.others)))}"] = "drawn without these contours"
    inverse = np.linalg.inv(volume.affine)
    indices = [np.round(points @ inverse[:3, :3].T + inverse[:3, 3], _DECIMALS) for points in roi.contours]
    if all(np.ptp(points[:, 0]) <= _PARALLEL for points in indices):
        masks[name] = _sliced(indices, volume, masks, interpolate)
        return
    found = oblique_mask(roi.contours, volume.affine, volume.array.shape[-3:])
    if found is None:
        masks.left_out[name] = "its contours do not lie in parallel planes, or in one alone"
        return
    masks[name] = found
    say(masks.codes, "resampled")


def _sliced(indices: Sequence[Floats], volume: Volume, masks: Masks, interpolate: bool) -> Bools:
    """The mask of contours (in pixels) that lie within the volume's slices."""
    shape = volume.array.shape[-3:]
    mask = np.zeros(shape, bool)
    planes = _by_slice(indices, masks)
    for k, contours in planes.items():
        if 0 <= k < shape[0]:
            mask[k] = fill_even_odd([points[:, 1:] for points in without_repeats(contours)], *shape[1:])
    if interpolate and _fill_between(mask, sorted(planes)):
        say(masks.codes, "filled")
    return mask


def _by_slice(contours: Sequence[Floats], masks: Masks) -> dict[int, list[Floats]]:
    """The contours of each slice; where several planes of contours are next to one slice, those of the nearest."""
    planes: dict[float, list[Floats]] = defaultdict(list)
    for points in contours:
        planes[round(float(points[:, 0].mean()), 2)].append(points)
    best: dict[int, float] = {}
    for height in planes:
        k = int(np.floor(height + 0.5))
        if k not in best or abs(height - k) < abs(best[k] - k):
            best[k] = height
    if len(best) < len(planes) or any(abs(height - k) > _OFF_PLANE for k, height in best.items()):
        say(masks.codes, "resampled")
    return {k: planes[height] for k, height in best.items()}


def without_repeats(contours: Sequence[Floats]) -> list[Floats]:
    """Contours without those that are another once more, in whatever order of points: drawn twice is not a hole."""
    found: dict[Any, Floats] = {}
    for points in contours:
        found.setdefault(frozenset(map(tuple, np.round(points, 2).tolist())), points)
    return list(found.values())


def _fill_between(mask: Bools, drawn: list[int]) -> bool:
    """Give slices between drawn ones the mask of the nearest; tells whether there were any."""
    drawn = [k for k in drawn if 0 <= k < len(mask)]
    missing = [k for k in range(drawn[0], drawn[-1] + 1) if k not in set(drawn)] if drawn else []
    for k in missing:
        mask[k] = mask[min(drawn, key=lambda other: abs(other - k))]
    return bool(missing)
