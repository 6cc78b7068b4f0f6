"""What the frames of one object differ in, above all by their functional groups (PS3.3 C.7.6.16)."""

from collections.abc import Callable
from typing import Any

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.fields import Fields
from pyconquest_rt.volumes.frames import Frame
from pyconquest_rt.volumes.mappings import read_mapping
from pyconquest_rt.volumes.vectors import (
    GRID_FRAME_OFFSETS,
    FrameFields,
    dose_planes,
    has_vectors,
    nuclear_frames,
)

SHARED_GROUPS, PER_FRAME_GROUPS = 0x52009229, 0x52009230


def frame_fields(fields: Fields, first: Frame, whole: dict[str, Any]) -> list[FrameFields] | None:
    """The fields of each frame of an object; None where it is a single image without functional groups.

    ``first`` is the object as one frame, ``whole`` its keys. Raises UnreadableError for groups that do not fit.
    """
    if PER_FRAME_GROUPS in fields or SHARED_GROUPS in fields:
        return _functional(fields, first, whole)
    count = first.common.stored.frames
    if GRID_FRAME_OFFSETS in fields and (count > 1 or first.common.modality == "RTDOSE"):
        return dose_planes(fields, first)
    if count == 1:
        return None
    if has_vectors(fields, first):
        return nuclear_frames(fields, first, whole)
    return [{"keys": first.keys} for _ in range(count)]


def _functional(fields: Fields, first: Frame, whole: dict[str, Any]) -> list[FrameFields]:
    count = first.common.stored.frames
    shared = fields.first(SHARED_GROUPS)
    own = fields.items(PER_FRAME_GROUPS)
    if len(own) != count and own:
        raise UnreadableError(f"functional groups of {len(own)} frames, but {count} frames")
    base: FrameFields = {"names": _object_keys(whole), "mapping": first.mapping}
    base |= {"orientation": first.common.orientation, "spacing": first.common.spacing}
    if shared is not None:
        base = _read_groups(shared, first, base)
    found = [_read_groups(one, first, base) for one in own] or [dict(base) for _ in range(count)]
    return [{"keys": keys.as_tuple(one.pop("names"))} | one for one in found]


def _object_keys(whole: dict[str, Any]) -> dict[str, Any]:
    """Those of an object's keys that hold for all its frames; they tell them from those of other objects."""
    names = ("type", "temporal", "acquisition_time", "acquisition", "content_time")
    return {name: value for name, value in whole.items() if name in names}


def _read_groups(item: Fields, first: Frame, base: FrameFields) -> FrameFields:
    """What the groups of one frame (or the shared ones) add to what is known."""
    found: FrameFields = dict(base)
    found["names"] = dict(base["names"])
    for tag, read in _GROUPS.items():
        if (group := item.first(tag)) is not None:
            read(group, found)
    try:
        if (group := item.first(0x00289145)) is not None and not found.get("is_world"):
            found["mapping"] = read_mapping(group, first.common.stored, first.common.modality)
        if 0x00409096 in item:  # it goes before a rescale, be that one of this frame and the map one of all
            found["mapping"] = read_mapping(
                item, first.common.stored, first.common.modality, found["mapping"]
            )
            found["is_world"] = True
    except UnreadableError:
        found["problem"] = "unreadable"
    return found


def _position(group: Fields, found: FrameFields) -> None:
    found["position"] = group.vector(0x00200032, 3)


def _orientation(group: Fields, found: FrameFields) -> None:
    found["orientation"] = group.vector(0x00200037, 6)


def _spacing(group: Fields, found: FrameFields) -> None:
    found["spacing"] = group.vector(0x00280030, 2)
    step = group.number(0x00180088)
    found["thickness"] = abs(step) if step else group.number(0x00180050)


def _content(group: Fields, found: FrameFields) -> None:
    text = group.text(0x00189074)
    _put(found, "temporal", group.number(0x00209128))
    _put(found, "acquisition_time", keys.seconds(text[:8], text[8:]) if text else None)
    _put(found, "acquisition", group.number(0x00209156))


def _echo(group: Fields, found: FrameFields) -> None:
    value = group.number(0x00189082)
    _put(found, "echo", None if value is None else (value, None))


def _diffusion(group: Fields, found: FrameFields) -> None:
    value = group.number(0x00189087)
    direction = group.first(0x00189076)
    vector = None if direction is None else direction.vector(0x00189089, 3)
    if value is not None:
        _put(found, "diffusion", (value, vector if vector is not None and any(vector) else None))


def _cardiac(group: Fields, found: FrameFields) -> None:
    _put(
        found,
        "cardiac",
        next((v for t in (0x00209241, 0x00209153) if (v := group.number(t)) is not None), None),
    )


def _temporal(group: Fields, found: FrameFields) -> None:
    offset = group.number(
        0x0020930D
    )  # in seconds; FrameReferenceTime, which gives this key elsewhere, is in ms
    _put(found, "frame_time", None if offset is None else offset * 1000)


def _kind(group: Fields, found: FrameFields) -> None:
    component = group.text(0x00089208)
    kind = group.texts(0x00089007) + ((component,) if component else ())
    _put(found, "type", kind or None)


def _flip(group: Fields, found: FrameFields) -> None:
    _put(found, "flip", group.number(0x00181314))
    _put(found, "repetition", group.number(0x00180080))


def _inversion(group: Fields, found: FrameFields) -> None:
    _put(found, "inversion", group.number(0x00189079))


def _segment(group: Fields, found: FrameFields) -> None:
    _put(found, "segment", group.number(0x0062000B))


def _put(found: FrameFields, name: str, value: Any) -> None:
    if value is not None:
        found["names"][name] = value


_GROUPS: dict[int, Callable[[Fields, FrameFields], None]] = {
    0x00209113: _position,
    0x00209116: _orientation,
    0x00289110: _spacing,
    0x00209111: _content,
    0x00189114: _echo,
    0x00189117: _diffusion,
    0x00189118: _cardiac,
    0x00209310: _temporal,
    0x00189226: _kind,
    0x00189329: _kind,
    0x00189751: _kind,
    0x00189112: _flip,
    0x00189115: _inversion,
    0x0062000A: _segment,
}
"""Functional group → what it says of a frame (PS3.3 C.7.6.16.2, C.8.13.5, C.8.15.3)."""
