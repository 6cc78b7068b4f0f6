"""One object → its kind and its frames, from its header alone."""

from dataclasses import dataclass, field, replace
from typing import Any

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.fields import Fields, Head, opened_head
from pyconquest_rt.volumes.frames import (
    MAX_FRAMES,
    Common,
    Frame,
    Mapping,
    Pool,
    StoredPixels,
    problem_of,
    read_stored,
)
from pyconquest_rt.volumes.groups import frame_fields
from pyconquest_rt.volumes.mappings import read_mapping
from pyconquest_rt.volumes.plain import plain_head
from pyconquest_rt.volumes.sources import Source

_STORAGE = "1.2.840.10008.5.1.4.1.1."

RT_DOSE = f"{_STORAGE}481.2"

_KINDS = {
    RT_DOSE: "dose",
    f"{_STORAGE}481.3": "rtstruct",
    f"{_STORAGE}481.5": "rtplan",
    f"{_STORAGE}481.8": "rtplan",
    f"{_STORAGE}66.4": "seg",
    f"{_STORAGE}66.7": "seg",
    f"{_STORAGE}30": "parametric",
    **dict.fromkeys(
        [
            f"{_STORAGE}{end}"
            for end in (
                *(
                    "3.1",
                    "3",
                    "6.1",
                    "6",
                    "6.3",
                    "7.1",
                    "7.2",
                    "7.3",
                    "7.4",
                    "12.1",
                    "12.2",
                    "12.1.1",
                    "12.2.1",
                ),
                *("77.1.1", "77.1.1.1", "77.1.2.1", "77.1.4", "77.1.4.1"),
            )
        ],
        "sequence",
    ),
}
"""SOP class → kind; of other images it is scalar, or multiframe with several frames."""


@dataclass(slots=True)
class ImageObject:
    """What one object is: its kind, its frames, or the problem for which there are none."""

    source: Source
    kind: str
    series_uid: str = ""
    name: str = ""
    frames: list[Frame] = field(default_factory=list)
    problem: str | None = None
    details: str = ""
    image_type: tuple[str, ...] = ()


_KINDS_KEPT = 64  # objects of which others that are alike are made


def read_object(source: Source, pool: Pool) -> ImageObject:
    """The object of a source; of one that cannot be read the problem."""
    try:
        prefix = source.prefix()
        plain = plain_head(prefix)
        if plain is not None:
            return _plain(source, plain, pool)
        with opened_head(source, prefix=prefix) as head:
            return _object(source, head, pool)
    except (UnreadableError, OSError) as error:
        return ImageObject(source, "scalar", problem="unreadable", details=str(error))


def _plain(source: Source, head: Head, pool: Pool) -> ImageObject:
    """The object of a single image; most are as one before, but for identifier, place, times and pixels."""
    known: tuple[ImageObject, dict[str, Any]] | None = pool.alike.get(head.alike)
    if known is not None:
        one, steady = known
        (first,) = one.frames
        if problem_of(first.common.stored, head.length, head.size - head.offset) is None:
            fields = head.fields
            frame = Frame(  # a replace() of the first one would take three times as long
                source,
                0,
                fields.text(0x00080018),
                fields.vector(0x00200032, 3),
                first.common,
                first.mapping,
                pool(keys.as_tuple(steady | keys.moving(fields))),
                head.offset,
                head.length,
                None,
                first.thickness,
            )
            return ImageObject(source, one.kind, one.series_uid, one.name, [frame], None, "", one.image_type)
    found = _object(source, head, pool)
    if len(found.frames) == 1 and not found.problem and not found.frames[0].problem:
        if len(pool.alike) >= _KINDS_KEPT:
            pool.alike.clear()
        pool.alike[head.alike] = found, keys.steady(head.fields)
    return found


def _object(source: Source, head: Head, pool: Pool) -> ImageObject:
    fields = head.fields
    sop_class, modality = fields.text(0x00080016), fields.text(0x00080060)
    if sop_class == RT_DOSE:
        modality = "RTDOSE"  # which is what the rest goes by
    stored = pool(read_stored(head))
    found = ImageObject(source, _kind(sop_class, stored), pool(fields.text(0x0020000E)), pool(_name(fields)))
    found.image_type = pool(fields.texts(0x00080008) + (("MOSAIC",) if keys.is_mosaic(fields) else ()))
    if found.kind in ("rtstruct", "rtplan"):
        return found
    common = Common(
        found.series_uid,
        pool(fields.text(0x00200052)),
        modality,
        sop_class,
        stored,
        fields.vector(0x00200037, 6),
        fields.vector(0x00280030, 2),
    )
    problem = problem_of(stored, head.length, head.size - head.offset)
    if stored.frames > MAX_FRAMES and problem is None:
        problem = "too_large"
    if problem in ("no_pixels", "too_large") or (problem and stored.frames != 1):
        found.problem = problem
        return found
    found.frames = _frames(source, head, common, problem, pool)
    return found


def _kind(sop_class: str, stored: StoredPixels) -> str:
    known = _KINDS.get(sop_class)
    return (
        known
        if known is not None
        else "multiframe"
        if stored.frames > 1 or _is_enhanced(sop_class)
        else "scalar"
    )


def _is_enhanced(sop_class: str) -> bool:
    ends = ("2.1", "2.2", "4.1", "4.3", "4.4", "128.1", "130")
    return sop_class in [f"{_STORAGE}{end}" for end in ends]


def _name(fields: Fields) -> str:
    parts = (
        fields.text(0x00200011),
        fields.text(0x0008103E) or fields.text(0x30060002) or fields.text(0x300A0002),
    )
    return ": ".join(part for part in (*parts,) if part) or fields.text(0x00080060)


def _frames(source: Source, head: Head, common: Common, problem: str | None, pool: Pool) -> list[Frame]:
    """The frames of an object, with what its functional groups, vectors or offsets say of each."""
    fields = head.fields
    try:
        mapping = read_mapping(fields, common.stored, common.modality)
    except UnreadableError:
        mapping, problem = Mapping(), "unreadable"
    whole = keys.of_object(fields)
    first = Frame(
        source=source,
        number=0,
        sop=fields.text(0x00080018),
        position=fields.vector(0x00200032, 3),
        common=pool(common),
        mapping=pool(mapping),
        keys=pool(keys.as_tuple(whole)),
        offset=head.offset,
        length=head.length,
        problem=problem,
        thickness=fields.number(0x00180050),
    )
    own = frame_fields(fields, first, whole)
    return [first] if own is None else [_with(first, number, one, pool) for number, one in enumerate(own)]


def _with(frame: Frame, number: int, own: dict[str, Any], pool: Pool) -> Frame:
    common = frame.common._replace(**{name: own[name] for name in ("orientation", "spacing") if name in own})
    return replace(
        frame,
        number=number,
        position=own.get("position"),
        common=pool(common),
        mapping=pool(own.get("mapping", frame.mapping)),
        keys=pool(own["keys"]),
        problem=own.get("problem", frame.problem),
        thickness=own.get("thickness", frame.thickness),
    )
