"""What stored values mean: rescale, modality LUT, real-world value map, dose grid scaling (PS3.3 C.7.6.16.2.9-11)."""

import struct
from math import isfinite

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.fields import Fields
from pyconquest_rt.volumes.frames import Mapping, Stored

_RESCALE_UNITS = {"HU": "HU", "US": "", "": ""}
_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "relative"}


def read_mapping(fields: Fields, stored: Stored, modality: str, default: Mapping | None = None) -> Mapping:
    """The mapping of an object or of one frame's functional groups; ``default`` where these say nothing.

    A real-world value map goes before the modality's own, as it says more (PS3.3 C.7.6.16.2.11).

    Raises UnreadableError for one that cannot be applied.
    """
    if (world := fields.items(0x00409096)) and (found := _world(world, stored)) is not None:
        return found
    if modality == "RTDOSE":
        return _dose(fields)
    if (tables := fields.first(0x00283000)) is not None:
        return _table(tables, 0x00283002, 0x00283006, tables.text(0x00283004), stored)
    slope, intercept = fields.text(0x00281053), fields.text(0x00281052)
    if not slope and not intercept:
        return default or Mapping(unit=_unit(fields, modality, is_mapped=False))
    line = fields.number(0x00281053) if slope else 1.0, fields.number(0x00281052) if intercept else 0.0
    if line[0] is None or line[1] is None or line[0] == 0:
        raise UnreadableError(f"rescale slope {slope!r} and intercept {intercept!r} are no line")
    return Mapping(line[0], line[1], _unit(fields, modality, is_mapped=True))


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


def _table(fields: Fields, descriptor: int, data: int, unit: str, stored: Stored) -> Mapping:
    """A look-up table; its descriptor is entries, first stored value, bits (PS3.3 C.11.1.1)."""
    described = fields.numbers(descriptor)
    raw = fields.item.raw(data) or b""
    if len(described) != 3:
        raise UnreadableError("LUTDescriptor has no three numbers")
    entries, first, bits = (int(number) & 0xFFFF for number in described)
    entries = entries or 65536
    if stored.signed and first > 32767:
        first -= 65536
    code = "B" if bits <= 8 and len(raw) < entries * 2 else "H"
    order = ">" if fields.item.encoding.big_endian else "<"
    if len(raw) < entries * struct.calcsize(code):
        raise UnreadableError(f"LUTData has {len(raw)} bytes for {entries} entries")
    values = struct.unpack_from(f"{order}{entries}{code}", raw)
    return Mapping(
        unit="" if unit.upper() in ("US", "OT", "UNSPECIFIED") else unit, first=first, table=values
    )


def _world(items: list[Fields], stored: Stored) -> Mapping | None:
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
    return {"[hnsf'U]": "HU", "{SUVbw}g/ml": "SUVbw", "Bq/ml": "BQML"}.get(
        found, "" if found == "1" else found
    )


def _world_piece(item: Fields, unit: str) -> tuple[float, float, Mapping] | None:
    ends = [_either(item, tags) for tags in ((0x00409216, 0x00409214), (0x00409211, 0x00409213))]
    first, last = (end if end is not None else edge for end, edge in zip(ends, (-1e300, 1e300), strict=True))
    slope, intercept = item.number(0x00409225), item.number(0x00409224)
    if slope is not None and slope != 0:
        return first, last, Mapping(slope, intercept or 0.0, unit)
    table = item.numbers(0x00409212)
    if table and all(map(isfinite, table)) and isfinite(first) and first > -1e300:
        return first, last, Mapping(unit=unit, first=int(first), table=table)
    return None


def _either(item: Fields, tags: tuple[int, int]) -> float | None:
    return next((value for tag in tags if (value := item.number(tag)) is not None), None)
