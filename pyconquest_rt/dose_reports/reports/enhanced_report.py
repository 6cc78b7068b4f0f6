"""Enhanced X-Ray Radiation Dose reports (PS3.16 TID 10040 to 10054): what they tell beyond the older templates.

Events (TID 10042) have a time and a source; kVp, tube current, protocol, grid ... are told apart from them
(TID 10043), each with the time and the source that it holds for, as a number or as a table over time. What holds
during an event is filled into its row, and into a row of ``dose_event_source`` for each time that is told.
Filtration, attenuators, the radiation field and the positions of the beam stand in ``dose_item`` alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pyconquest_rt.dose_reports.reports import rdsr_ct, rdsr_projection
from pyconquest_rt.dose_reports.reports.report import Frame, put
from pyconquest_rt.dose_reports.reports.sr import ContentItem, split_numbers
from pyconquest_rt.dose_reports.rows import Row, Rows
from pyconquest_rt.dose_reports.units import convert, unit_of

_EVENT_SUMMARY = "130501^DCM"
_accumulated = rdsr_projection.FRAMES["113702^DCM"]
_event = rdsr_projection.FRAMES["113706^DCM"]
_EVENT = {**rdsr_ct.FRAMES["113829^DCM"].columns, **_event.columns}

FRAMES = {
    "130500^DCM": Frame(
        "dose_accumulated",
        {**rdsr_ct.FRAMES["113811^DCM"].columns, **_accumulated.columns},
        _accumulated.fixed,
    ),
    _EVENT_SUMMARY: Frame("dose_event", _EVENT, _event.fixed),
    "130502^DCM": Frame(None, _EVENT),
}

# Radiation source characteristics, radiation technique, procedure characteristics (TID 10044, 10045, 10054).
_DETAILS = {"130508^DCM", "130511^DCM", "130530^DCM"}
_FILLED = _EVENT.keys() - {"111526^DCM"}
_STARTED, _ENDED, _SOURCE = "111526^DCM", "111527^DCM", "113832^DCM"

MAX_WORK = 20_000_000  #: comparisons of spans and letters of tables that are looked at for one report

Samples = dict[str, dict[str, float]]  #: time (DICOM DT) → column → value


class _Span(NamedTuple):
    """From when to when (DICOM DT, '' where it is not told), and of which X-ray source."""

    started: str
    ended: str
    source: str | None

    def meets(self, other: "_Span") -> bool:
        """Whether two spans are of one source and share more than the moment at which one follows the other."""
        same_source = self.source is None or other.source is None or self.source == other.source
        begins, ends = max(self.started, other.started), min(self.ended or "9", other.ended or "9")
        moment = self.started == self.ended or other.started == other.ended
        return same_source and (begins < ends or (moment and begins == ends))

    def holds(self, time: str, at_end: bool) -> bool:
        """Whether what ends, or else starts, at a time lies within."""
        ended = self.ended or "9"
        return self.started < time <= ended if at_end else self.started <= time < ended


def is_enhanced(items: Sequence[ContentItem]) -> bool:
    """Tell whether a report has events of TID 10042."""
    return any(item.key == _EVENT_SUMMARY for item in items)


def fill_from_details(items: Sequence[ContentItem], rows: Rows) -> None:
    """Fill the rows of events from the details that hold during them, and tell CT by what is dosed."""
    details = _Details(items, rows)
    events = {row["event"]: row for row in rows["dose_event"]}
    for position, item in enumerate(items):
        if item.key == _EVENT_SUMMARY:
            row = events[rows["dose_item"][position]["event"]]
            details.fill(row, details.span(position))
            if row.get("mean_ctdivol_mGy") is not None or row.get("dlp_mGycm") is not None:
                row["event_kind"] = "CT"
    for row in rows["dose_accumulated"]:
        if row.get("ct_dose_length_product_total_mGycm") is not None:
            row["kind"] = "CT"


class _Details:
    """The details of a report, each with the span that it holds for."""

    def __init__(self, items: Sequence[ContentItem], rows: Rows) -> None:
        self._items = items
        self._rows = rows
        self._below: dict[int, list[int]] = defaultdict(list)
        for position, item in enumerate(items[1:], 1):
            self._below[item.parent].append(position)
        self._spans = [
            (position, self.span(position)) for position, item in enumerate(items) if item.key in _DETAILS
        ]
        self._work = 0

    def span(self, position: int) -> _Span:
        """The span that a container names."""
        told = {self._items[place].key: self._items[place] for place in self._below[position]}
        started, ended = (told[key].text or "" if key in told else "" for key in (_STARTED, _ENDED))
        return _Span(started, ended, _source_name(told.get(_SOURCE)))

    def fill(self, row: Row, span: _Span) -> None:
        """Fill the row of an event with what holds during its span."""
        samples: Samples = defaultdict(dict)
        for position, other in self._spans:
            self._work += 1
            if self._work > MAX_WORK:
                self._rows.warn("too many details of the irradiation: not all events have theirs")
                return
            if span.meets(other):
                for place in self._below[position]:
                    self._fill_from(place, other.ended, row, span, samples)
        for number, time in enumerate(sorted(samples), 1):
            source: Row = {**samples[time], "identification_of_the_xray_source": span.source}
            self._rows.add("dose_event_source", event=row["event"], source=number, **source)

    def _fill_from(self, place: int, until: str, row: Row, span: _Span, samples: Samples) -> None:
        item = self._items[place]
        if item.key in _event.series:
            column = _event.series[item.key]
            for time, sample in self._over_time(place, span) or [(until, item)]:
                value = (
                    None if sample.number is None else convert(sample.number, sample.unit, unit_of(column))
                )
                if value is not None:
                    samples[time][column] = value
        elif item.key in _FILLED and row.get(_EVENT[item.key]) is None:
            told = self._over_time(place, span)
            put(row, _EVENT[item.key], told[0][1] if told else item, self._rows)

    def _over_time(self, place: int, span: _Span) -> list[tuple[str, ContentItem]]:
        """What a table of two columns, time and value, tells within a span; nothing if it is no table."""
        columns = [self._items[cell] for cell in self._below[place]]
        self._work += sum(len(item.text or "") for item in columns)
        at_end = any(item.key == _ENDED for item in columns)
        return [(time, item) for time, item in _pairs(columns) if span.holds(time, at_end)]


def _source_name(source: ContentItem | None) -> str | None:
    if source is None:
        return None
    return source.text or (f"{source.number:g}" if source.number is not None else None)


def _pairs(columns: Sequence[ContentItem]) -> Iterator[tuple[str, ContentItem]]:
    times = [
        time for item in columns if item.key in (_STARTED, _ENDED) for time in (item.text or "").split("\\")
    ]
    values = [
        item._replace(number=value, text=None)
        for item in columns
        if item.key not in (_STARTED, _ENDED) and item.value_type == "TABLE CELLS"
        for value in (split_numbers(item.text) if item.text is not None else [item.number])
    ]
    return zip(times, values, strict=False)
