"""Images of one series → candidates: parted where they cannot be one volume, sorted, and judged."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.axes import axis_values
from pyconquest_rt.volumes.frames import Frame, Vector, problem_in
from pyconquest_rt.volumes.geometry import (
    LATERAL,
    ORIENTATION,
    Floats,
    Grid,
    affine_of,
    cluster,
    make_grid,
    same_place_limit,
    separate,
    unit_axes,
)
from pyconquest_rt.volumes.model import say
from pyconquest_rt.volumes.stacks import Stacks, sort_into_stacks, without_copies

REFUSED = ("missing_geometry", "not_a_grid", "mosaic", "not_scalar", "unreadable", "no_pixels", "too_large")


@dataclass
class Part:
    """Images that may be one volume.

    Args:
        frames: its images.
        codes: what is to be said.
        refusal: the code for which it cannot be loaded.
        selected: whether it is one that a user wants.
        twins: pairs of frames that must have equal pixels, of which the second is left out.
    """

    frames: list[Frame]
    codes: list[str] = field(default_factory=list)
    refusal: str | None = None
    selected: bool = True
    twins: list[tuple[Frame, Frame]] = field(default_factory=list)


@dataclass
class Plan:
    """How a volume is put together from frames.

    Args:
        stacks: frames (n, k) in the order of the array.
        grid: where the slices lie; None for images without a place.
        affine: of the array.
        axes: what n stands for.
        twins: pairs of frames that must have equal pixels; one of each is not in ``stacks``.
    """

    stacks: list[list[Frame]]
    grid: Grid | None
    affine: Floats
    axes: dict[str, list[Any]] = field(default_factory=dict)
    twins: list[tuple[Frame, Frame]] = field(default_factory=list)


@dataclass
class Found:
    """A candidate to be: its plan, its part with the codes, and what tells it from others of the series."""

    part: Part
    plan: Plan | None
    label: str = ""


def find_volumes(frames: Sequence[Frame], image_types: dict[int, tuple[str, ...]]) -> list[Found]:
    """All volumes in the images of one series; ``image_types`` by the identity of the frame's source."""
    kept, twins = without_copies(frames)
    parts = [Part(kept, ["duplicate_instance"] if twins else [], twins=twins)]
    for split in (
        _part_refused(image_types),
        _part_by(_frame_of_reference, "mixed_frame_of_reference"),
        _part_localizers(image_types),
        _part_by(_size, "mixed_size"),
        _part_orientations,
    ):
        parts = [piece for part in parts for piece in ([part] if part.refusal else split(part))]
    return [found for part in parts for found in _volumes(part)]


Split = Callable[[Part], list[Part]]


def _part_refused(image_types: dict[int, tuple[str, ...]]) -> Split:
    """Part off what is no slice with a place; the rest says that there was some."""

    def split(part: Part) -> list[Part]:
        groups: dict[str, list[Frame]] = defaultdict(list)
        for frame in part.frames:
            groups[_reason(frame, image_types.get(id(frame.source), ()))].append(frame)
        good = groups.pop("", [])
        found = [Part(frames, [code], code, selected=not good) for code, frames in groups.items()]
        if good:
            said = [code for code in groups if code != "no_pixels"]
            found.insert(0, Part(good, [*part.codes, *said], twins=part.twins))
        return found

    return split


def _reason(frame: Frame, image_type: tuple[str, ...]) -> str:
    common = frame.common
    if "MOSAIC" in image_type:
        return "mosaic"
    if not common.stored.is_scalar:
        return "not_scalar"
    if frame.position is None or common.orientation is None or common.spacing is None:
        return "missing_geometry"
    if min(common.spacing) <= 0 or max(map(abs, frame.position)) > 1e7:
        return "missing_geometry"
    return "" if unit_axes(common.orientation) is not None else "not_a_grid"


def _frame_of_reference(frame: Frame) -> str:
    return frame.common.frame_of_reference


def _size(frame: Frame) -> tuple[Any, ...]:
    common = frame.common
    spacing = tuple([float(f"{value:.4g}") for value in common.spacing or ()])
    return common.stored.rows, common.stored.columns, spacing


def _part_by(value: Callable[[Frame], Any], code: str) -> Split:
    def split(part: Part) -> list[Part]:
        groups: dict[Any, list[Frame]] = defaultdict(list)
        for frame in part.frames:
            groups[value(frame)].append(frame)
        return _parted(part, list(groups.values()), code)

    return split


def _parted(part: Part, groups: list[list[Frame]], code: str) -> list[Part]:
    """The groups as parts that say why; a lone image beside many is taken as a localizer."""
    if len(groups) == 1:
        return [part]
    most = max(map(len, groups))
    found = []
    for frames in sorted(groups, key=len, reverse=True):
        is_lone = len(frames) == 1 and most >= 3
        codes = [*part.codes, code] + (["localizer"] if is_lone else [])
        found.append(Part(frames, codes, selected=part.selected and not is_lone, twins=part.twins))
    if any("localizer" in one.codes for one in found):
        say(found[0].codes, "localizer")
    return found


def _part_localizers(image_types: dict[int, tuple[str, ...]]) -> Split:
    def split(part: Part) -> list[Part]:
        marked = [frame for frame in part.frames if "LOCALIZER" in image_types.get(id(frame.source), ())]
        if not marked:
            return [part]
        codes = [*part.codes, "localizer"]
        others = [frame for frame in part.frames if "LOCALIZER" not in image_types.get(id(frame.source), ())]
        if not others:
            return [Part(marked, codes, selected=part.selected, twins=part.twins)]
        return [Part(others, codes, twins=part.twins), Part(marked, list(codes), selected=False)]

    return split


def _part_orientations(part: Part) -> list[Part]:
    groups: list[tuple[Floats, list[Frame]]] = []
    known: dict[Vector | None, list[Frame]] = {}
    for frame in part.frames:
        orientation = frame.common.orientation
        if orientation not in known:
            turned = np.array(orientation)
            near = [group for first, group in groups if np.abs(first - turned).max() <= ORIENTATION]
            known[orientation] = near[0] if near else []
            if not near:
                groups.append((turned, known[orientation]))
        known[orientation].append(frame)
    return _parted(part, [group for _, group in groups], "mixed_orientation")


def _volumes(part: Part) -> Iterable[Found]:
    """The volumes of a part, whose images have one orientation, matrix and frame of reference."""
    if part.refusal:
        return [Found(part, None)]
    orientations = np.array([frame.common.orientation for frame in part.frames], dtype=float)
    axes = unit_axes(tuple(orientations.mean(axis=0).tolist()))
    assert axes is not None
    points = np.array([frame.position for frame in part.frames])
    columns = _columns_of_slices(points, axes)
    if len(columns) == 1:
        return _column(part, points, axes)
    codes = [*part.codes, "in_plane_drift"]
    found: list[Found] = []
    for indices in columns:
        piece = Part([part.frames[i] for i in indices], list(codes), None, part.selected, part.twins)
        found += _column(piece, points[indices], axes)
    if any(one.part.refusal for one in found):
        return [Found(Part(part.frames, codes, "in_plane_drift", part.selected), None)]
    return found


def _columns_of_slices(points: Floats, axes: Floats) -> list[list[int]]:
    """The slices by their place within the plane: one column where they lie on a line, else those that share it."""
    heights, lateral = points @ axes[2], points @ axes[:2].T
    whole = [list(range(len(points)))]
    if np.ptp(heights) < 1e-6:
        fitted = np.repeat(lateral.mean(axis=0)[None], len(points), axis=0)
    else:
        middle = heights - heights.mean()
        fitted = lateral.mean(axis=0) + np.outer(middle, middle @ lateral / (middle @ middle))
    if np.abs(lateral - fitted).max() <= LATERAL:
        return whole
    labels = [
        tuple(row) for row in np.stack([cluster(lateral[:, axis], LATERAL) for axis in (0, 1)], 1).tolist()
    ]
    counts = Counter(labels)
    if len(counts) > max(2, len(points) // 3):
        return whole
    return [[i for i, label in enumerate(labels) if label == one] for one in counts]


def _column(part: Part, points: Floats, axes: Floats) -> list[Found]:
    """The volumes of slices that lie on one line: several where stacks are far apart."""
    heights = points @ axes[2]
    labels = cluster(heights, same_place_limit(heights))
    level = np.bincount(labels, heights) / np.bincount(labels)
    runs = separate(level)
    found = []
    for run in runs:
        inside = [i for i, place in enumerate(labels.tolist()) if run.start <= place < run.stop]
        codes = [*part.codes, "gap"] if len(runs) > 1 else list(part.codes)
        piece = Part([part.frames[i] for i in inside], codes, None, part.selected, part.twins)
        stacks = sort_into_stacks(piece.frames, labels[inside] - run.start)
        found += _judged(piece, stacks, axes)
    return found


def _judged(part: Part, stacks: Stacks, axes: Floats) -> list[Found]:
    """The volumes of sorted stacks: one with an axis more, or one for each value of a key that splits."""
    say(part.codes, *stacks.codes)
    part.refusal = part.refusal or stacks.refusal
    found = []
    for label, indices in _split_labels(stacks).items():
        piece = Part(part.frames, list(part.codes), part.refusal, part.selected, part.twins)
        found.append(_planned(piece, stacks, indices, axes, label))
    if stacks.left:
        rest = Part(stacks.left, list(part.codes), "incomplete", selected=False)
        found.append(Found(rest, None, "incomplete"))
    return found


def _split_labels(stacks: Stacks) -> dict[str, list[int]]:
    """The numbers of the stacks of each volume, by what tells these volumes apart."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(stacks.labels):
        parts = [
            _in_words(value) for name, value in zip(stacks.names, label, strict=True) if name in keys.SPLITS
        ]
        groups[", ".join(parts)].append(index)
    return groups


def _in_words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "\\".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _planned(part: Part, stacks: Stacks, indices: list[int], axes: Floats, label: str) -> Found:
    rows = [stacks.rows[index] for index in indices]
    first = rows[0][0]
    assert first.common.spacing is not None
    grid = _grid(rows[0], axes)
    say(part.codes, *grid.codes)
    part.refusal = part.refusal or grid.refusal
    part.frames = [frame for row in rows for frame in row]
    used = {id(frame) for frame in part.frames}
    twins = [pair for pair in [*part.twins, *stacks.twins] if id(pair[0]) in used]
    _say_values(part)
    labels = _axis_labels(stacks, indices)
    plan = Plan(rows, grid, affine_of(grid, axes, first.common.spacing), axis_values(labels), twins)
    return Found(part, plan, label)


def _grid(frames: Sequence[Frame], axes: Floats) -> Grid:
    """The grid of one stack. The planes of a dose are where its offsets say: none is missing, they may be uneven."""
    grid = make_grid(np.array([frame.position for frame in frames]), axes, frames[0].thickness)
    if grid.refusal == "gap" and frames[0].common.modality == "RTDOSE":
        grid.codes, grid.refusal = ["spacing_nonuniform"], "spacing_nonuniform"
    return grid


def _axis_labels(stacks: Stacks, indices: list[int]) -> dict[str, list[Any]]:
    """The values of each key that is an axis, by its name, for the stacks of one volume; none where it is one stack."""
    if len(indices) == 1:
        return {}
    return {
        name: [stacks.labels[index][place] for index in indices]
        for place, name in enumerate(stacks.names)
        if name not in keys.SPLITS
    }


def _say_values(part: Part) -> None:
    if problem := problem_in(part.frames):
        say(part.codes, problem)
        part.refusal = part.refusal or problem
    mappings = {frame.mapping for frame in part.frames}
    paddings = {frame.common.stored.padding for frame in part.frames}
    said = {
        "rescale_varies": len(mappings) > 1,
        "padding": paddings != {None},
        "dose_relative": any(mapping.unit == "relative" for mapping in mappings),
    }
    say(part.codes, *(code for code, holds in said.items() if holds))
