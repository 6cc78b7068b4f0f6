"""What dose-bearing images have in common: an event with its tube and its filters, read from attributes.

The tables below say which attribute fills which column, and in which unit the standard has it (PS3.3 C.8).
Where two attributes tell the same, the first that is there and is a number counts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from pyconquest_rt.dicom.elements import Item, format_tag
from pyconquest_rt.dose_reports.attributes import first_number, number
from pyconquest_rt.dose_reports.codes import word
from pyconquest_rt.dose_reports.header_row import start_rows
from pyconquest_rt.dose_reports.reports.sr import first_code
from pyconquest_rt.dose_reports.rows import Row, Rows, Value
from pyconquest_rt.dose_reports.units import convert, unit_of

_T = TypeVar("_T")
Numbers = Iterable[tuple[str, int, str]]  #: (column, tag, the attribute's unit)

# Functional groups of enhanced images: shared, and of each frame (PS3.3 C.7.6.16); Irradiation Event Identification.
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_EVENT_IDENTIFICATION = 0x00189477
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
    rows.object["ImageType"] = item.text(0x00080008)
    rows.object["source_images"] = "\\".join(_source_images(item)) or None
    event = rows.add("dose_event", event=1, event_kind=event_kind)
    event["irradiation_event_uid"] = next(iter(item.values(0x00083010)), None)
    event["date_time_started"] = acquisition_time(item)
    event["acquisition_protocol"], event["acquisition_protocol_source"] = _protocol(item)
    event["target_region"] = coded(item, 0x00082218) or item.text(0x00180015)
    event["patient_position"] = item.text(0x00185100)
    event["event_key"] = event["irradiation_event_uid"] or _key(rows.object, event)
    return rows, event


# Where the name of a protocol is looked for, in this order.
_PROTOCOLS = {
    "ProtocolName": 0x00181030,
    "AcquisitionProtocolName": 0x00189423,
    "SeriesDescription": 0x0008103E,
    "ImageComments": 0x00204000,
    "PerformedProcedureStepDescription": 0x00400254,
}


def _protocol(item: Item) -> tuple[str | None, str | None]:
    """The name of the protocol, and the attribute that it was found in."""
    for keyword, tag in _PROTOCOLS.items():
        text = item.text(tag)
        if text:
            return text, keyword
    return None, None


def _source_images(item: Item) -> list[str]:
    uids = (source.text(0x00081155) for source in item.items(0x00082112))
    return [uid for uid in uids if uid]


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


class Exposure(NamedTuple):
    """One exposure of an image: its event UID where a functional group has it, and where its attributes may stand.

    ``groups``: the functional groups of all its frames, or else those that all frames share.
    """

    uid: str | None
    places: list[Item]
    groups: list[Item]

    def mean(self, macro: int, tag: int) -> float | None:
        """Return the mean of a number in a functional group over the frames; None where no frame tells it."""
        told = [first_number(entry, tag) for group in self.groups for entry in group.items(macro)[:1]]
        values = [value for value in told if value is not None]
        return sum(values) / len(values) if values else None


def exposures(
    item: Item, macros: Sequence[int], told_apart_by: Mapping[int, Sequence[int]]
) -> list[Exposure]:
    """Return the exposures of an image, in the order of their first frames.

    Attributes are looked for at the top, then in the ``macros`` there, in the shared functional groups and in
    those of a frame. Frames are of one exposure if they have one irradiation event UID (0018,9477); without any,
    if the attributes ``told_apart_by`` (macro → tags) are the same.
    """
    shared = item.items(_SHARED)[:1]
    top = [item, *_entries(macros, (item, *shared))]
    common = next((uid for group in (item, *shared) if (uid := _event_uid(group))), None)
    frames: dict[tuple[str | None, ...], list[Item]] = {}
    for frame in item.items(_PER_FRAME):
        uid = _event_uid(frame) or common
        key = (uid,) if uid else (None, *_told_apart(frame, told_apart_by))
        frames.setdefault(key, []).append(frame)
    if not frames:
        return [Exposure(common, top, shared)]
    return [Exposure(key[0], [*top, *_entries(macros, groups[:1])], groups) for key, groups in frames.items()]


def _entries(macros: Sequence[int], places: Iterable[Item]) -> Iterator[Item]:
    """Yield the first item of each macro in each place."""
    return (entry for place in places for macro in macros for entry in place.items(macro)[:1])


def _event_uid(group: Item) -> str | None:
    return next(
        (uid for entry in group.items(_EVENT_IDENTIFICATION)[:1] for uid in entry.values(0x00083010)), None
    )


def _told_apart(frame: Item, told_apart_by: Mapping[int, Sequence[int]]) -> Iterator[str | None]:
    for macro, tags in told_apart_by.items():
        entry = frame.first(macro)
        yield from (None if entry is None else entry.text(tag) for tag in tags)


def further_event(rows: Rows, number: int, uid: str | None) -> Row:
    """Return the row of an image's exposure: that of the first, or one more like it; with the UID, where it has one."""
    first = rows["dose_event"][0]
    if number == 1:
        event = first
    else:
        values = {column: value for column, value in first.items() if column in _OF_ALL_EXPOSURES}
        event = rows.add("dose_event", event=number, **values)
        event["event_key"] = f"{first['event_key']} {number}"
    if uid:
        event["irradiation_event_uid"] = event["event_key"] = uid
    return event


_OF_ALL_EXPOSURES = {
    "event_kind",
    "irradiation_event_uid",
    "date_time_started",
    "acquisition_protocol",
    "acquisition_protocol_source",
    "target_region",
    "patient_position",
}


def laterality(item: Item) -> str | None:
    """Return Left, Right or 'Right and left' from Image Laterality, Laterality or Frame Laterality."""
    letter = item.text(0x00200062) or item.text(0x00200060) or item.text(0x00209072)
    return _LATERALITIES.get(letter or "", letter)


def grid(item: Item) -> str | None:
    """Return the grid in the standard's words (CID 10017)."""
    return ", ".join(_GRIDS.get(value, value) for value in item.values(0x00181166) if value) or None


def add_filters(item: Item, rows: Rows, event: Value = 1) -> None:
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
            event=event,
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
