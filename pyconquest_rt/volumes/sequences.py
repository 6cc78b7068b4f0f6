"""Images in time without a place in space: ultrasound, angiography, fluoroscopy, photographs, video."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.assembly import Array, fill
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.fields import Fields, opened_head
from pyconquest_rt.volumes.frames import Frame, problem_in
from pyconquest_rt.volumes.images import kind_of
from pyconquest_rt.volumes.memory import check_memory
from pyconquest_rt.volumes.model import Candidate, Volume
from pyconquest_rt.volumes.objects import ImageObject
from pyconquest_rt.volumes.pixels import for_each


class Sequences:
    """Frames in the order of time → (n, j, i), or (n, j, i, 3) in colour; no place in the patient."""

    name = "sequences"

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """One candidate for each multi-frame object, and one for all single images of one size."""
        groups: dict[Any, list[Frame]] = defaultdict(list)
        first: dict[Any, ImageObject] = {}
        found = []
        for one in objects:
            if kind_of(one) != "sequence":
                continue
            if one.problem:
                found.append(self._candidate(one, [], one.problem))
                continue
            common = one.frames[0].common
            group = common if len(one.frames) == 1 else id(one)
            first.setdefault(group, one)
            groups[group] += one.frames
        return found + [self._candidate(first[group], frames, None) for group, frames in groups.items()]

    def _candidate(self, one: ImageObject, frames: list[Frame], problem: str | None) -> Candidate:
        problem = problem or problem_in(frames)
        if frames and frames[0].common.stored.frames == 1:
            frames = sorted(frames, key=_moment)
        sources = list(dict.fromkeys(frame.source for frame in frames)) or [one.source]
        return Candidate(
            name=one.name or "sequence",
            kind="sequence",
            confidence=0.1 if problem else 0.8,
            codes=[problem or "missing_geometry"],
            files=[source.origin for source in sources],
            selected=True,
            refusal=problem,
            shape=_shape(frames),
            series_uid=one.series_uid,
            adaptor=self.name,
            plan=frames,
        )

    def load(self, candidate: Candidate, unit: str | None, options: Options) -> Volume:
        """The frames of a candidate, their times in seconds, and the distance of their pixels."""
        if candidate.refusal:
            raise VolumeError(candidate.refusal, candidate.name)
        frames: list[Frame] = candidate.plan
        if unit is not None:
            raise VolumeError("not_scalar", f"a sequence has no values in {unit}")
        stored = frames[0].common.stored
        if stored.samples == 1 and not stored.is_scalar:
            array = _palette(frames)
        elif stored.is_scalar:
            array = fill(frames, (len(frames), stored.rows, stored.columns))
        else:
            array = _colour(frames)
        times, spacing = _times_and_spacing(frames)
        affine = np.diag([1.0, spacing[0], spacing[1], 1.0])
        return Volume(array, affine, "", list(candidate.codes), {"time": times}, "", "sequence")


def _shape(frames: Sequence[Frame]) -> tuple[int, ...]:
    if not frames:
        return ()
    stored = frames[0].common.stored
    return (len(frames), stored.rows, stored.columns, *([] if stored.is_scalar else [3]))


def _moment(frame: Frame) -> float:
    times = (frame.keys[keys.NAMES.index(name)] for name in ("acquisition_time", "content_time"))
    return next((float(time) for time in times if time is not None), 0.0)


def _colour(frames: Sequence[Frame]) -> Array:
    stored = frames[0].common.stored
    kind = np.uint8 if stored.bits_allocated == 8 else np.uint16
    check_memory(stored.frame_bytes * len(frames))
    found: Array = np.empty((len(frames), stored.rows, stored.columns, 3), kind)

    def use(index: int, values: Array) -> None:
        if values.shape != found.shape[1:]:
            raise VolumeError("unreadable", f"frame {index + 1} has the shape {values.shape}")
        found[index] = values

    for_each(frames, use)
    return found


def _palette(frames: Sequence[Frame]) -> Array:
    """Palette images as the colours that they stand for."""
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_color_lut

    found: list[Array] = []
    for source in {id(frame.source): frame.source for frame in frames}.values():
        with source.stream() as stream:
            dataset = dcmread(stream, stop_before_pixels=True, force=True)
        mine = [frame for frame in frames if frame.source is source]
        indices = np.stack(list(_indices(mine)))
        found += list(apply_color_lut(indices, dataset))
    return np.stack(found)


def _indices(frames: Sequence[Frame]) -> list[Array]:
    found: dict[int, Array] = {}
    for_each(frames, lambda index, values: found.__setitem__(index, values.copy()))
    return [found[index] for index in range(len(frames))]


def _times_and_spacing(frames: Sequence[Frame]) -> tuple[list[float], tuple[float, float]]:
    """The time of each frame in seconds since the first, and the distance of rows and columns in mm."""
    try:
        with opened_head(frames[0].source) as head:
            fields = head.fields
            spacing = _spacing(fields)
            times = _multi_frame_times(fields, len(frames)) if frames[0].common.stored.frames > 1 else []
    except UnreadableError as error:
        raise VolumeError("unreadable", str(error)) from error
    if not times:
        start = _moment(frames[0])
        times = [_moment(frame) - start for frame in frames]
    return times, spacing


def _spacing(fields: Fields) -> tuple[float, float]:
    for tag in (0x00280030, 0x00181164):
        found = fields.vector(tag, 2)
        if found is not None and min(found) > 0:
            return found[0], found[1]
    region = fields.first(0x00186011)
    if region is not None and region.integer(0x00186024) == 3 and region.integer(0x00186026) == 3:  # in cm
        across, down = region.number(0x0018602C), region.number(0x0018602E)
        if across and down:
            return abs(down) * 10, abs(across) * 10
    return 1.0, 1.0


def _multi_frame_times(fields: Fields, count: int) -> list[float]:
    """From the time of each frame (ms, PS3.3 C.7.6.5), or the rate."""
    vector = fields.numbers(0x00181065)
    if len(vector) == count:
        return list(np.cumsum(vector) / 1000 - vector[0] / 1000)
    step = fields.number(0x00181063)
    if step is None:
        rate = fields.number(0x00180040) or fields.number(0x00082144)
        step = 1000 / rate if rate else None
    return [] if step is None else [number * step / 1000 for number in range(count)]
