"""What stored values mean: rescale, modality LUT, real-world value map, dose grid scaling (PS3.3 C.7.6.16.2.9-11)."""

import struct
from math import isfinite

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.fields import Fields
from pyconquest_rt.volumes.frames import Mapping, StoredPixels

_RESCALE_UNITS = {"HU": "HU", "US": "", "": ""}
_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "relative"}
_WORLD_UNITS = {"[hnsf'U]": "HU", "{SUVbw}g/ml": "SUVbw", "Bq/ml": "BQML", "1": ""}
_NO_UNITS = ("US", "OT", "UNSPECIFIED")
_SLOPE, _INTERCEPT = 0x00281053, 0x00281052
_EDGE = 1e300  #: a range of stored values without an end goes so far


def read_mapping(
    fields: Fields, stored: StoredPixels, modality: str, default: Mapping | None = None
) -> Mapping:
    """The mapping of an object or of one frame's functional groups; ``default`` where these say nothing.

    A real-world value map goes before the modality's own, as it says more (PS3.3 C.7.6.16.2.11).

    Raises UnreadableError for one that cannot be applied.
    """
    if (world := fields.items(0x00409096)) and (found := _world(world, stored)) is not None:
        return found
    if modality == "RTDOSE":
        return _dose(fields)
    if (tables := fields.first(0x00283000)) is not None:
        return _table(tables, stored)
    if fields.text(_SLOPE) or fields.text(_INTERCEPT):
        return _line(fields, modality)
    return default or Mapping(unit=_unit(fields, modality, is_mapped=False))


def _line(fields: Fields, modality: str) -> Mapping:
    slope, intercept = _number_or(fields, _SLOPE, 1.0), _number_or(fields, _INTERCEPT, 0.0)
    if not slope or intercept is None:
        texts = fields.text(_SLOPE), fields.text(_INTERCEPT)
        raise UnreadableError(f"rescale slope {texts[0]!r} and intercept {texts[1]!r} are no line")
    return Mapping(slope, intercept, _unit(fields, modality, is_mapped=True))


def _number_or(fields: Fields, tag: int, default: float) -> float | None:
    """The number of an element: a default where it is absent or empty, None where it is not finite."""
    return fields.number(tag) if fields.text(tag) else default


def _unit(fields: Fields, modality: str, *, is_mapped: bool) -> str:
    if modality == "PT":
        return fields.text(0x00541001)
    kind = fields.text(0x00281054).upper()
    if modality == "CT" and is_mapped:
        return _RESCALE_UNITS.get(kind, kind) or ("HU" if kind != "US" else "")
    return _RESCALE_UNITS.get(kind, kind)


def _dose(fields: Fields) -> Mapping:
    scaling = fields.number(0x3004000E)
    unit = fields.text(0x30040002).upper()
    if scaling is None or scaling <= 0:
        raise UnreadableError("DoseGridScaling is missing or not a positive number")
    return Mapping(scaling, 0.0, _DOSE_UNITS.get(unit, unit))


def _table(fields: Fields, stored: StoredPixels) -> Mapping:
    """A look-up table; its descriptor is entries, first stored value, bits (PS3.3 C.11.1.1)."""
    described = fields.numbers(0x00283002)
    if len(described) != 3:
        raise UnreadableError("LUTDescriptor has no three numbers")
    entries, first, bits = (int(number) & 0xFFFF for number in described)
    if stored.signed and first > 32767:
        first -= 65536
    unit = fields.text(0x00283004)
    return Mapping(
        unit="" if unit.upper() in _NO_UNITS else unit,
        first=first,
        table=_entries(fields, entries or 65536, bits),
    )


def _entries(fields: Fields, entries: int, bits: int) -> tuple[int, ...]:
    """The entries of a look-up table; those of 8 bits stand in bytes of their own or in words."""
    raw = fields.item.raw(0x00283006) or b""
    code = "B" if bits <= 8 and len(raw) < entries * 2 else "H"
    order = ">" if fields.item.encoding.big_endian else "<"
    if len(raw) < entries * struct.calcsize(code):
        raise UnreadableError(f"LUTData has {len(raw)} bytes for {entries} entries")
    return struct.unpack_from(f"{order}{entries}{code}", raw)


def _world(items: list[Fields], stored: StoredPixels) -> Mapping | None:
    """A real-world value map: items of one unit, the first one's, each for its range of stored values."""
    first_unit = _world_unit(items[0])
    found = [_world_piece(item, first_unit) for item in items if _world_unit(item) == first_unit]
    pieces = [piece for piece in found if piece is not None]
    if not pieces:
        return None
    if len(pieces) == 1 or pieces[0][:2] == pieces[-1][:2]:  # others of the same range are another view of it
        return pieces[0][2]
    return Mapping(unit=first_unit, pieces=tuple(pieces))


def _world_unit(item: Fields) -> str:
    code = item.first(0x004008EA)
    found = code.text(0x00080100) if code is not None else ""
    return _WORLD_UNITS.get(found, found)


def _world_piece(item: Fields, unit: str) -> tuple[float, float, Mapping] | None:
    """One item: first and last stored value, and a line or a table for them; None where it is neither."""
    first = _either(item, (0x00409216, 0x00409214), -_EDGE)
    last = _either(item, (0x00409211, 0x00409213), _EDGE)
    if slope := item.number(0x00409225):
        return first, last, Mapping(slope, item.number(0x00409224) or 0.0, unit)
    table = item.numbers(0x00409212)
    if table and all(map(isfinite, table)) and first > -_EDGE:
        return first, last, Mapping(unit=unit, first=int(first), table=table)
    return None


def _either(item: Fields, tags: tuple[int, int], default: float) -> float:
    return next((value for tag in tags if (value := item.number(tag)) is not None), default)
