"""What dose-bearing images have in common: an event with its tube and its filters, read from attributes.

The tables below say which attribute fills which column, and in which unit the standard has it (PS3.3 C.8).
Where two attributes tell the same, the first that is there and is a number counts.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pyconquest_rt.dicom.elements import Item, format_tag
from pyconquest_rt.dose_reports.attributes import number
from pyconquest_rt.dose_reports.codes import word
from pyconquest_rt.dose_reports.header_row import start_rows
from pyconquest_rt.dose_reports.reports.sr import first_code
from pyconquest_rt.dose_reports.rows import Row, Rows
from pyconquest_rt.dose_reports.units import convert, unit_of

_T = TypeVar("_T")
Numbers = Iterable[tuple[str, int, str]]  #: (column, tag, the attribute's unit)

# Functional groups of enhanced images: shared, and of each frame (PS3.3 C.7.6.16).
_GROUPS = (0x52009229, 0x52009230)
_GRIDS = {
    "NONE": "No grid",
    "FIXED": "Fixed grid",
    "FOCUSED": "Focused grid",
    "RECIPROCATING": "Reciprocating grid",
    "PARALLEL": "Parallel grid",
    "CROSSED": "Crossed grid",
}
_LATERALITIES = {"L": "Left", "R": "Right", "B": "Right and left", "U": "Unpaired"}
_METALS = {"CU": "COPPER", "AL": "ALUMINUM"}
_SIEMENS_FILTER = re.compile(r"(CU|AL)_(\d+(?:\.\d+)?)_MM")


def start_image(item: Item, sop_instance_uid: str, modality: str, event_kind: str) -> tuple[Rows, Row]:
    """Return the rows of an image and its event row, with what all images tell of their acquisition."""
    rows = start_rows(item, "image", sop_instance_uid)
    rows.object["modality_type"] = modality
    rows.object["source_of_dose_information"] = word("113866^DCM", None)
    rows.object["comment"] = item.text(0x00400310)
    event = rows.add("dose_event", event=1, event_kind=event_kind)
    event["irradiation_event_uid"] = next(iter(item.values(0x00083010)), None)
    event["date_time_started"] = acquisition_time(item)
    event["acquisition_protocol"] = item.text(0x00181030)
    event["target_region"] = coded(item, 0x00082218) or item.text(0x00180015)
    event["event_key"] = event["irradiation_event_uid"] or _key(rows.object, event)
    return rows, event


def acquisition_time(item: Item) -> str | None:
    """Return when the image was acquired, as a DICOM DT: Acquisition DateTime, or its date and time."""
    if item.text(0x00080022) and item.text(0x00080032):
        return f"{item.text(0x00080022)}{item.text(0x00080032)}"
    return item.text(0x0008002A)


def _key(row: Row, event: Row) -> str:
    """Images of one exposure (for processing, for presentation) share device and time of acquisition."""
    if event["date_time_started"] is None:
        return str(row["SOPInstanceUID"])
    return f"{event['date_time_started']} {row['DeviceSerialNumber'] or row['StationName'] or ''}"


def coded(item: Item, tag: int) -> str | None:
    """Return the word of the first item of a code sequence."""
    entry = first_code(item, tag)
    return word(entry.written, entry.meaning) if entry and entry.written else None


def fill_numbers(item: Item, columns: Numbers, row: Row, rows: Rows) -> None:
    """Fill columns from numeric attributes; one that holds no number is named in the warnings."""
    for column, tag, unit in columns:
        if row.get(column) is not None:
            continue
        text = item.text(tag)
        if text is None:
            if (item.raw(tag) or b"").strip(b" \0"):
                rows.warn(f"{format_tag(tag)} cannot be decoded: no {column}")
            continue
        first = text.partition("\\")[0].strip(" ")
        value = number(first)
        if value is None and first:
            rows.warn(f"{format_tag(tag)} '{first}' is not a number: no {column}")
        elif value is not None:
            row[column] = convert(value, unit, unit_of(column))


def places(item: Item, macros: Iterable[int]) -> Iterator[Item]:
    """Yield where an image's attributes may stand: itself, then the sequences named.

    These are looked for at the top, in the shared functional groups and in those of the first frame.
    """
    yield item
    groups = [group for tag in _GROUPS for group in item.items(tag)[:1]]
    for place in (item, *groups):
        for macro in macros:
            yield from place.items(macro)[:1]


def laterality(item: Item) -> str | None:
    """Return Left, Right or 'Right and left' from Image Laterality or Laterality."""
    letter = item.text(0x00200062) or item.text(0x00200060)
    return _LATERALITIES.get(letter or "", letter)


def grid(item: Item) -> str | None:
    """Return the grid in the standard's words (CID 10017)."""
    return ", ".join(_GRIDS.get(value, value) for value in item.values(0x00181166) if value) or None


def add_filters(item: Item, rows: Rows) -> None:
    """Add a row for every filter: by material, or by a type like CU_0.2_MM.

    Some systems join several materials and thicknesses by commas, write the thickness with a decimal comma,
    or swap its two limits.
    """
    kinds = item.values(0x00181160)
    found = _SIEMENS_FILTER.fullmatch(kinds[0].upper()) if kinds else None
    materials = _split(item.values(0x00187050))
    if found and not materials:
        materials, least, most = [_METALS[found[1]]], [number(found[2])], [number(found[2])]
    else:
        least = _thicknesses(item.values(0x00187052), len(materials))
        most = _thicknesses(item.values(0x00187054), len(materials))
    for index in range(max(len(materials), len(kinds))):
        low, high = (_at(least, index), _at(most, index))
        if low is not None and high is not None and low > high:
            low, high = high, low
            rows.warn("filter thickness: minimum and maximum were swapped")
        rows.add(
            "dose_event_filter",
            event=1,
            filter=index + 1,
            xray_filter_type=_at(kinds, index) or _at(kinds, 0),
            xray_filter_material=material(_at(materials, index)),
            xray_filter_thickness_minimum_mm=low,
            xray_filter_thickness_maximum_mm=high,
        )


def material(name: str | None) -> str | None:
    """Return a metal in the standard's words: ALUMINUM → Aluminum or Aluminum compound (CID 10006, 10016)."""
    if not name or not name.isalpha():
        return name or None
    metal = name.capitalize()
    return f"{metal} or {metal} compound"


def _split(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _thicknesses(values: list[str], count: int) -> list[float | None]:
    parts = _split(values)
    if len(values) == 1 and count < len(parts):
        parts = values
    return [number(part) for part in parts]


def _at(values: list[_T], index: int) -> _T | None:
    return values[index] if index < len(values) else None
