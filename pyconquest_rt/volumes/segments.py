"""Segmentations: binary, fractional and label maps, as volumes and as masks on another volume's grid (PS3.3 A.51)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.fields import Fields, opened_head
from pyconquest_rt.volumes.frames import Frame, problem_in
from pyconquest_rt.volumes.geometry import (
    Floats,
    Grid,
    Ints,
    affine_of,
    cluster,
    make_grid,
    same_place_limit,
    unit_axes,
    with_step,
)
from pyconquest_rt.volumes.memory import check_memory
from pyconquest_rt.volumes.model import Candidate, Masks, Volume, say, unique_name
from pyconquest_rt.volumes.objects import ImageObject
from pyconquest_rt.volumes.pixels import for_each
from pyconquest_rt.volumes.sources import Source

Array = npt.NDArray[Any]

_TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")
_SEGMENT = keys.NAMES.index("segment")
_EXACT = 0.01  #: a frame so few pixels off the grid is on it
_OTHER_STEP = 0.3  #: planes whose distance differs by more of that of the slices are not those slices


@dataclass
class Description:
    """What a segmentation says of all its frames: type, largest fraction, segment numbers and names."""

    kind: str
    largest: float
    names: dict[int, str]


class Segmentations:
    """Segmentations → one volume (n, k, j, i), n the segments."""

    name = "segmentations"

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """One candidate for each segmentation."""
        found = []
        for one in objects:
            if one.kind == "seg":
                refusal = one.problem or _geometry_problem(one.frames)
                codes = [refusal] if refusal else []
                found.append(
                    Candidate(
                        one.name or "segmentation",
                        "seg",
                        0.1 if refusal else 0.95,
                        codes,
                        [one.source.origin],
                        True,
                        refusal,
                        series_uid=one.series_uid,
                        adaptor=self.name,
                        plan=one,
                    )
                )
        return found

    def load(self, candidate: Candidate, unit: str | None, options: Options) -> Volume:
        """The segments of a candidate on their own grid; planes that were left out are empty."""
        if candidate.refusal:
            raise VolumeError(candidate.refusal, candidate.name)
        description = describe(candidate.plan.source)
        found = _on_own_grid(candidate.plan.frames, description)
        found.codes = say(list(candidate.codes), *found.codes)
        return found


def _geometry_problem(frames: Sequence[Frame]) -> str | None:
    if not frames:
        return "no_pixels"
    if problem := problem_in(frames):
        return problem
    if not all(map(_has_place, frames)):
        return "missing_geometry"
    turned = {frame.common.orientation or () for frame in frames}
    if len(turned) > 1 or len({frame.common.spacing for frame in frames}) > 1:
        return "mixed_orientation"
    return None if unit_axes(turned.pop()) is not None else "not_a_grid"


def _has_place(frame: Frame) -> bool:
    common = frame.common
    has_all = None not in (frame.position, common.orientation, common.spacing)
    return has_all and min(common.spacing or (0,)) > 0


def describe(source: Source) -> Description:
    """What a segmentation says of its segments. Raises VolumeError `seg_type`, `unreadable`."""
    try:
        with opened_head(source) as head:
            return _describe(head.fields)
    except UnreadableError as error:
        raise VolumeError("unreadable", f"{source.name}: {error}") from error


def _describe(fields: Fields) -> Description:
    kind = fields.text(0x00620001)
    if kind not in _TYPES:
        raise VolumeError("seg_type", f"SegmentationType is {kind or 'missing'}")
    names: dict[int, str] = {}
    for item in fields.items(0x00620002):
        number = item.integer(0x00620004)
        if kind != "LABELMAP" or number != fields.integer(0x00280120):
            names[number] = unique_name(item.text(0x00620005) or f"segment {number}", list(names.values()))
    if not names:
        raise VolumeError("seg_type", "no segment is described")
    return Description(kind, float(fields.integer(0x0062000E, 255)), names)


def _planes(frames: Sequence[Frame], description: Description) -> Any:
    """Each frame as (frame number, segment number or None for label maps)."""
    for index, frame in enumerate(frames):
        if description.kind == "LABELMAP":
            yield index, None
            continue
        number = frame.keys[_SEGMENT]
        if number is None and len(description.names) == 1:
            number = next(iter(description.names))
        if number not in description.names:
            raise VolumeError("seg_type", f"frame {index + 1} is of segment {number}, which is not described")
        yield index, int(number)


def _empty(description: Description, shape: Sequence[int]) -> dict[int, Array]:
    dtype = np.float32 if description.kind == "FRACTIONAL" else np.bool_
    check_memory(float(np.prod(shape, dtype=np.float64)) * len(description.names) * np.dtype(dtype).itemsize)
    return {number: np.zeros(tuple(shape), dtype) for number in description.names}


def _values(stored: Array, description: Description, segment: int | None) -> dict[int, Array]:
    """What one frame says of each segment in it."""
    if segment is None:
        return {int(n): stored == n for n in np.unique(stored) if int(n) in description.names}
    if description.kind == "FRACTIONAL":
        return {segment: (stored / description.largest).astype(np.float32)}
    return {segment: stored > 0}


def _on_own_grid(frames: Sequence[Frame], description: Description) -> Volume:
    grid, axes, labels = _own_grid(frames)
    slots = np.rint(grid.places).astype(int)
    common = frames[0].common
    assert common.spacing is not None
    arrays = _empty(description, (int(slots[-1]) + 1, common.stored.rows, common.stored.columns))
    places = dict(_planes(frames, description))

    def use(index: int, values: Array) -> None:
        for number, part in _values(values, description, places[index]).items():
            target = arrays[number][slots[labels[index]]]
            np.maximum(target, part, out=target)

    for_each(frames, use)
    kind = np.float32 if description.kind == "FRACTIONAL" else np.int16
    whole = np.stack([array.astype(kind) for array in arrays.values()])
    axes_of: dict[str, list[Any]] = {
        "segment": list(description.names.values()),
        "segment_number": list(description.names),
    }
    codes = [code for code in grid.codes if code != "gap"]  # planes left out are empty (PS3.3 C.8.20.2.3)
    affine = affine_of(grid, axes, common.spacing)
    return Volume(whole, affine, "", codes, axes_of, common.frame_of_reference, "seg")


def _own_grid(frames: Sequence[Frame]) -> tuple[Grid, Floats, Ints]:
    """The grid of a segmentation's planes, its axes, and which plane each frame lies on."""
    axes = unit_axes(frames[0].common.orientation or ())
    assert axes is not None
    points = np.array([frame.position for frame in frames])
    heights = points @ axes[2]
    labels = cluster(heights, same_place_limit(heights))
    level = np.array([points[labels == place].mean(axis=0) for place in range(labels.max() + 1)])
    thickness = frames[0].thickness
    grid = with_step(level, axes, thickness) or make_grid(level, axes, thickness)
    if grid.refusal and grid.refusal != "gap":
        raise VolumeError(grid.refusal, "the planes of the segmentation")
    return grid, axes, labels


def draw(one: ImageObject, volume: Volume) -> Masks:
    """Masks of a segmentation on a volume's grid; see :func:`pyconquest_rt.volumes.mask`."""
    refusal = one.problem or _geometry_problem(one.frames)
    if refusal:
        raise VolumeError(refusal, one.source.name)
    own = one.frames[0].common.frame_of_reference
    if own and volume.frame_of_reference and own != volume.frame_of_reference:
        raise VolumeError("mixed_frame_of_reference", "the segmentation has another frame of reference")
    description = describe(one.source)
    offsets = _offsets(one.frames, volume)
    masks = Masks()
    if offsets is None:
        arrays = _resampled(_on_own_grid(one.frames, description), description, volume)
        say(masks.codes, "resampled")
    else:
        arrays = _pasted(one.frames, description, offsets, volume.array.shape[-3:])
    for number, array in arrays.items():
        masks[description.names[number]] = array
    return masks


def _offsets(frames: Sequence[Frame], volume: Volume) -> npt.NDArray[np.intp] | None:
    """Where each frame's first pixel lies on the grid (k, j, i); None where the frames are not on the grid."""
    common = frames[0].common
    assert common.orientation is not None
    assert common.spacing is not None
    axes = unit_axes(common.orientation)
    assert axes is not None
    inverse = np.linalg.inv(volume.affine)
    turned = inverse[:3, :3] @ np.stack([axes[1] * common.spacing[0], axes[0] * common.spacing[1]], axis=1)
    wanted = np.array([[0, 0], [1, 0], [0, 1]])
    size = max(common.stored.rows, common.stored.columns)
    if np.abs(turned - wanted).max() * size > _EXACT:
        return None
    step = float(np.linalg.norm(volume.affine[:3, 0]))
    if frames[0].thickness and abs(frames[0].thickness / step - 1) > _OTHER_STEP:
        return None  # its planes reach over other slices too
    places = np.array([frame.position for frame in frames]) @ inverse[:3, :3].T + inverse[:3, 3]
    found = np.rint(places)
    return None if np.abs(places - found).max() > _EXACT else found.astype(np.intp)


def _pasted(
    frames: Sequence[Frame], description: Description, offsets: npt.NDArray[np.intp], shape: Sequence[int]
) -> dict[int, Array]:
    arrays = _empty(description, shape)
    places = dict(_planes(frames, description))

    def use(index: int, values: Array) -> None:
        k, j, i = offsets[index].tolist()
        if not 0 <= k < shape[0]:
            return
        rows, columns = _overlap(j, values.shape[0], shape[1]), _overlap(i, values.shape[1], shape[2])
        for number, part in _values(values, description, places[index]).items():
            target = arrays[number][k, rows[0], columns[0]]
            np.maximum(target, part[rows[1], columns[1]], out=target)

    for_each(frames, use)
    return arrays


def _overlap(offset: int, size: int, room: int) -> tuple[slice, slice]:
    """The part of a range at an offset that has room, as slices of the room and of the range."""
    start, stop = max(offset, 0), max(min(offset + size, room), max(offset, 0))
    return slice(start, stop), slice(start - offset, stop - offset)


def _resampled(own: Volume, description: Description, volume: Volume) -> dict[int, Array]:
    """Each voxel as the nearest one of the segmentation's own grid; nothing beyond it."""
    shape = volume.array.shape[-3:]
    matrix = np.linalg.inv(own.affine) @ volume.affine
    arrays = _empty(description, shape)
    rows, columns = np.indices(shape[1:])
    limits = np.array(own.array.shape[1:])[:, None, None]
    for k in range(shape[0]):
        indices = np.stack([np.full(rows.shape, k), rows, columns, np.ones_like(rows)])
        at = np.tensordot(matrix[:3], indices, 1)
        at = np.floor(np.round(at, 6) + 0.5).astype(np.intp)
        is_in = ((at >= 0) & (at < limits)).all(axis=0)
        places = tuple(np.where(is_in, at, 0))
        for source, array in zip(own.array, arrays.values(), strict=True):
            values = np.where(is_in, source[places], 0)
            array[k] = values if description.kind == "FRACTIONAL" else values > 0
    return arrays
