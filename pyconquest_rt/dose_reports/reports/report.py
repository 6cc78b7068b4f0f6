"""Structured dose reports to rows: one walk over the content items, led by the tables of the templates.

A *frame* is a content item that opens a row: an event, a tube, a filter. What stands below it belongs to
that frame, and the frame's columns say which concept fills which column. A container that is no frame still
closes the frame above it, so that what stands inside it (the serial number of a device, the laterality of
an organ) is never taken for the event's own. Every content item also becomes a row of ``dose_item``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pyconquest_rt.dose_reports.attributes import number
from pyconquest_rt.dose_reports.codes import word
from pyconquest_rt.dose_reports.reports.sr import ContentItem, split_numbers
from pyconquest_rt.dose_reports.rows import Row, Rows
from pyconquest_rt.dose_reports.tables import TABLES
from pyconquest_rt.dose_reports.units import convert, unit_of

_TYPES = {column.name: column.sql_type for table in TABLES.values() for column in table.columns}
_NAMES = {name: {column.name for column in table.columns} for name, table in TABLES.items()}
_PARTS = {"dose_event_source": "source", "dose_event_filter": "filter"}  #: numbered within their event


@dataclass(frozen=True, slots=True)
class Frame:
    """What a content item opens; a number that is a frame stands itself in the row that it opens.

    ``table``: the table that gets a new row; None fills on in the row of the frame above.
    ``columns``: concept → column of that row.  ``fixed``: values that every such row has.
    ``series``: concept → column of ``dose_event_source``, for values that come once a pulse or a tube.
    """

    table: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)


CLOSED = Frame()


@dataclass(slots=True)
class Event:
    """One event while its report is read: its row, its content items and the values of its series."""

    row: Row
    items: list[ContentItem] = field(default_factory=list)
    series: dict[str, list[float | None]] = field(default_factory=dict)
    parts: Counter[str] = field(default_factory=Counter)

    def count(self, table: str) -> int:
        """Return the number of the next row of a table whose rows are parts of the event."""
        self.parts[table] += 1
        return self.parts[table]

    def find(self, key: str) -> ContentItem | None:
        """Return the event's first content item of that concept."""
        return next((item for item in self.items if item.key == key), None)


@dataclass(slots=True)
class _Scope:
    frame: Frame
    table: str
    row: Row
    event: Event | None


def fill_rows(
    items: Iterable[ContentItem],
    frames: Mapping[str, Frame],
    finish: Callable[[Event, Rows], None],
    rows: Rows,
) -> None:
    """Fill ``rows`` from a report's content items; ``finish`` is called with every event once all is read."""
    events: list[Event] = []
    scopes: list[_Scope] = []
    for item in items:
        above = scopes[item.parent] if scopes else _Scope(CLOSED, "dose_object", rows.object, None)
        frame = frames.get(item.key, CLOSED if item.value_type == "CONTAINER" else None)
        scope = above if frame is None else _open(frame, above, events, rows)
        scopes.append(scope)
        if scope.event is not None:
            scope.event.items.append(item)
        _fill(item, scope if frame is not None and frame.table else above, rows)
        rows["dose_item"].append(_item_row(len(scopes), item, scope.event, rows.sop_instance_uid))
    for event in events:
        _add_series(event, rows)
        finish(event, rows)


def _open(frame: Frame, above: _Scope, events: list[Event], rows: Rows) -> _Scope:
    """Open a frame: add its row, numbered within the object or, if it is a part of an event, within that."""
    if frame.table is None or frame.table == "dose_object":
        above.row.update(frame.fixed)
        return _Scope(frame, above.table, above.row, above.event)
    if frame.table in _PARTS and above.event is None:
        return _Scope(CLOSED, above.table, above.row, None)
    row = rows.add(frame.table, **frame.fixed)
    if frame.table in _PARTS and above.event is not None:
        row["event"] = above.event.row["event"]
        row[_PARTS[frame.table]] = above.event.count(frame.table)
        return _Scope(frame, frame.table, row, above.event)
    if frame.table == "dose_accumulated":
        row["seq"] = len(rows["dose_accumulated"])
        row["event"] = above.event.row["event"] if above.event else None
        return _Scope(frame, frame.table, row, above.event)
    row["event"] = len(rows["dose_event"])
    events.append(Event(row))
    return _Scope(frame, frame.table, row, events[-1])


def _fill(item: ContentItem, scope: _Scope, rows: Rows) -> None:
    column = scope.frame.columns.get(item.key)
    if column is not None and column in _NAMES[scope.table]:  # else it stands where it has no meaning
        put(scope.row, column, item, rows)
    elif scope.event is not None and item.key in scope.frame.series:
        column = scope.frame.series[item.key]
        numbers = [item.number] if item.text is None else split_numbers(item.text)
        # A pulse without a value keeps its place, so that the values of one pulse stay together.
        values = [None if value is None else _converted(value, column, item, rows) for value in numbers]
        scope.event.series.setdefault(column, []).extend(values)


def put(row: Row, column: str, item: ContentItem, rows: Rows) -> None:
    """Put a content item's value into a column, in the column's unit; a value that is there already stays."""
    is_text = _TYPES[column] == "TEXT"
    value = _text_of(item) if is_text else _number_of(item, column, rows)
    present = row.get(column)
    if present is None:
        row[column] = value
    elif not is_text and value is not None and value != present:
        rows.warn(f"{item.meaning or item.concept}: {present:g} kept, {value:g} beside it not")


def _text_of(item: ContentItem) -> str | None:
    if item.code is not None and item.value_type != "NUM":
        return word(item.code, item.code_meaning)
    return item.text


def _number_of(item: ContentItem, column: str, rows: Rows) -> float | None:
    named = item.meaning or item.concept
    value = number(item.text) if item.number is None else item.number
    if value is None:
        if item.text:
            rows.warn(f"{named}: '{item.text[:40]}' is not a number; no value")
        return None
    converted = _converted(value, column, item, rows)
    if item.number is not None and item.text is not None:
        rows.warn(f"{named}: the first of several numbers '{item.text[:40]}'")
    return converted


def _converted(value: float, column: str, item: ContentItem, rows: Rows) -> float | None:
    converted = convert(value, item.unit, unit_of(column))
    if converted is None:
        rows.warn(f"{item.meaning or item.concept}: unit '{item.unit or ''}' does not fit {column}; no value")
    return converted


def _add_series(event: Event, rows: Rows) -> None:
    length = max(map(len, event.series.values()), default=0)
    for index in range(length):
        number = event.count("dose_event_source")
        values = {column: told[index] for column, told in event.series.items() if index < len(told)}
        if any(value is not None for value in values.values()):
            rows.add("dose_event_source", event=event.row["event"], source=number, **values)


def _item_row(position: int, item: ContentItem, event: Event | None, uid: str) -> Row:
    return {
        "SOPInstanceUID": uid,
        "item": position,
        "parent": item.parent + 1 if position > 1 else None,
        "event": event.row["event"] if event else None,
        "relationship": item.relationship,
        "value_type": item.value_type,
        "concept": item.concept,
        "concept_meaning": item.meaning,
        "value_num": item.number,
        "unit": item.unit,
        "value_code": item.code,
        "value_meaning": item.code_meaning,
        "value_text": item.text,
    }
