"""Frames whose place is told by a vector of their object: the offsets of a dose, the slices of nuclear medicine."""

from typing import Any

import numpy as np

from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.fields import Fields
from pyconquest_rt.volumes.frames import Frame, Vector
from pyconquest_rt.volumes.geometry import Floats, unit_axes

GRID_FRAME_OFFSETS = 0x3004000C
SLICE_VECTOR, DETECTORS = 0x00540080, 0x00540022

_FAR = 1e6  #: mm: no plane lies farther off

FrameFields = dict[str, Any]
"""Of one frame: position, orientation, spacing, mapping, problem where known, and always keys."""

_ENERGY, _DETECTOR, _INTERVAL, _SLOT, _TIME_SLICE = 0x00540010, 0x00540020, 0x00540060, 0x00540070, 0x00540100


def dose_planes(fields: Fields, first: Frame) -> list[FrameFields]:
    """Planes of a dose (PS3.3 C.8.8.3.2); without a place where their offsets do not tell it."""
    heights = _heights(fields, first)
    axes = _axes(first.common.orientation)
    if heights is None or axes is None:
        return [{"keys": first.keys} for _ in range(first.common.stored.frames)]
    origin = np.array(first.position)
    return [{"keys": first.keys, "position": tuple((origin + at * axes[2]).tolist())} for at in heights]


def _axes(orientation: Vector | None) -> Floats | None:
    return None if orientation is None else unit_axes(orientation)


def _heights(fields: Fields, first: Frame) -> Floats | None:
    """How far along the normal each plane of a dose lies from the first.

    The offsets say it, or, in a transverse grid whose first offset is not 0, they are the patient's z of each plane.
    """
    count, axes = first.common.stored.frames, _axes(first.common.orientation)
    if axes is None or first.position is None:
        return None
    if count == 1:
        return np.zeros(1)
    offsets = np.array(fields.numbers(GRID_FRAME_OFFSETS))
    if offsets.size != count or not (np.abs(offsets) < _FAR).all():
        return None
    if abs(offsets[0]) <= 1e-6:
        return offsets
    is_transverse = abs(abs(axes[2][2]) - 1) <= 1e-6
    if not is_transverse or abs(offsets[0] - first.position[2]) > 0.01:
        return None
    return np.asarray((offsets - offsets[0]) * np.sign(axes[2][2]))


def has_vectors(fields: Fields, first: Frame) -> bool:
    """Whether an object is one of nuclear medicine whose vectors tell where its frames lie."""
    return first.common.modality in ("NM", "PT") and (SLICE_VECTOR in fields or DETECTORS in fields)


def nuclear_frames(fields: Fields, first: Frame, whole: dict[str, Any]) -> list[FrameFields]:
    """Frames of nuclear medicine (PS3.3 C.8.4.8, C.8.4.15): slice n lies n - 1 times SpacingBetweenSlices, which
    may be negative, along the normal of the first."""
    count = first.common.stored.frames
    orientation, places = _nuclear_places(fields, first)
    parts = _vectors(fields, count, (_ENERGY, _DETECTOR, _INTERVAL, _SLOT, _TIME_SLICE))
    found: list[FrameFields] = []
    for number in range(count):
        values = {tag: vector[number] for tag, vector in parts.items()}
        one: FrameFields = {"keys": keys.as_tuple(whole | _nuclear_keys(values)), "orientation": orientation}
        if places is not None:
            one["position"] = tuple(places[number].tolist())
        found.append(one)
    return found


def _vectors(fields: Fields, count: int, tags: tuple[int, ...]) -> dict[int, tuple[float, ...]]:
    """The vectors that have a value for each frame."""
    found = {tag: fields.numbers(tag) for tag in tags}
    return {tag: values for tag, values in found.items() if len(values) == count}


def _nuclear_places(fields: Fields, first: Frame) -> tuple[Vector | None, Floats | None]:
    """The orientation of all frames and the place (frames, 3) of each, which the first detector tells in SPECT."""
    position, orientation = first.position, first.common.orientation
    if (detector := fields.first(DETECTORS)) is not None:
        position = position or detector.vector(0x00200032, 3)
        orientation = orientation or detector.vector(0x00200037, 6)
    axes, step = _axes(orientation), fields.number(0x00180088)
    slices = _vectors(fields, first.common.stored.frames, (SLICE_VECTOR,)).get(SLICE_VECTOR)
    if axes is None or position is None or not step or slices is None:
        return orientation, None
    return orientation, np.array(position) + np.outer((np.array(slices) - 1) * step, axes[2])


def _nuclear_keys(values: dict[int, float]) -> dict[str, Any]:
    """What tells a frame from others at its place, by the numbers in its vectors."""
    found: dict[str, Any] = {}
    if phase := tuple(values[tag] for tag in (_INTERVAL, _SLOT) if tag in values):
        found["cardiac"] = phase[-1] if len(phase) == 1 else phase[0] * 1000 + phase[1]
    if _TIME_SLICE in values:
        found["temporal"] = values[_TIME_SLICE]
    if window := tuple(values[tag] for tag in (_ENERGY, _DETECTOR) if tag in values):
        found["type"] = window
    return found
