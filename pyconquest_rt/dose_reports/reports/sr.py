"""Structured reports: an object's content tree as a flat list of content items.

The tree is walked with a stack, so its depth is bounded by memory alone and a report that nests without end
costs no more than its own size. Source: PS3.3 C.17.3 (SR Document Content), C.18 (content macros).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pyconquest_rt.dicom.elements import Encoding, Item, Source, read_items
from pyconquest_rt.dicom.values import TEXT_VRS
from pyconquest_rt.dose_reports.attributes import first_number, number
from pyconquest_rt.dose_reports.codes import concept_key
from pyconquest_rt.errors import UnreadableError

MAX_ITEMS = 250_000  #: a report with more content items is refused; the largest seen has 15,000

_CONTENT = 0x0040A730
_CONCEPT_NAME = 0x0040A043
_TABLE_ROW, _TABLE_COLUMN = 0x0040A804, 0x0040A805
_AXES = {_TABLE_COLUMN: 0x0040A807, _TABLE_ROW: 0x0040A806}  # the number of a cell's column → its definitions
_SELECTORS = range(0x0072005E, 0x00720084)  # the values of a cell, one element for each VR (PS3.3 10.17)
_REMEMBERED_BYTES = 512  # a longer code sequence is read each time


class ContentItem(NamedTuple):
    """One content item, its value as the report writes it.

    ``parent`` is the position of the item above it in the list (the root's: itself). ``concept`` is its name
    as ``code^scheme``, and ``key`` the same in the one spelling of the templates' tables (codes.concept_key).
    """

    parent: int
    relationship: str | None
    value_type: str
    key: str
    concept: str
    meaning: str | None
    number: float | None
    unit: str | None
    code: str | None
    code_meaning: str | None
    text: str | None


class Code(NamedTuple):
    """A coded entry: its ``key`` (codes.concept_key), ``code^scheme`` as written, the two apart and the meaning."""

    key: str
    written: str | None
    value: str
    scheme: str
    meaning: str | None


def first_code(item: Item, tag: int) -> Code | None:
    """Return the first entry of a code sequence, be its value short, long or a URN; None without one.

    Reports repeat their codes in every item: entries read before are known again by their bytes.
    """
    raw = item.raw(tag)
    if raw is None:
        return None
    if len(raw) <= _REMEMBERED_BYTES:
        try:
            return _remembered(raw, item.encoding, item.codecs)
        except UnreadableError:
            pass  # read again below, so that the error names the byte of the object
    entry = item.first(tag)
    return None if entry is None else _code(entry)


@lru_cache(maxsize=4096)
def _remembered(raw: bytes, encoding: Encoding, codecs: tuple[str, ...]) -> Code | None:
    sequence = (0, None, 0, len(raw))
    entry = next(read_items(Source(raw), sequence, len(raw), encoding, codecs), None)
    return None if entry is None else _code(entry)


def _code(entry: Item) -> Code:
    value = entry.text(0x00080100) or entry.text(0x00080119) or entry.text(0x00080120) or ""
    scheme = entry.text(0x00080102) or ""
    written = f"{value}^{scheme}" if value or scheme else None
    return Code(concept_key(value, scheme), written, value, scheme, entry.text(0x00080104))


class _Value(NamedTuple):
    number: float | None = None
    unit: str | None = None
    code: str | None = None
    meaning: str | None = None
    text: str | None = None


def split_numbers(text: str) -> list[float | None]:
    """Return the numbers of a text, None for what is none; joined by a backslash, or by a slash (Toshiba)."""
    return [number(part) for part in text.replace("/", "\\").split("\\")]


def _measured(item: Item) -> _Value:
    measured = item.first(0x0040A300)
    if measured is None:
        return _coded(item, 0x0040A301)  # the reason why there is no number
    text = "\\".join(measured.values(0x0040A30A))
    numbers = split_numbers(text)
    first = next((value for value in numbers if value is not None), None)
    if first is None:
        first = first_number(measured, 0x0040A161)
    unit = first_code(measured, 0x004008EA)
    plain = len(numbers) == 1 and numbers[0] is not None
    return _Value(first, unit.value if unit else None, text=None if plain else text or None)


def _coded(item: Item, tag: int = 0x0040A168) -> _Value:
    entry = first_code(item, tag)
    return _Value(code=entry.written, meaning=entry.meaning) if entry else _Value()


def _referenced(item: Item) -> _Value:
    reference = item.first(0x00081199)
    if reference is None:
        return _Value()
    return _Value(code=reference.text(0x00081150), text=reference.text(0x00081155))


_TEXTS = {
    "TEXT": 0x0040A160,
    "UIDREF": 0x0040A124,
    "DATETIME": 0x0040A120,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "PNAME": 0x0040A123,
    "PERSON NAME": 0x0040A123,
    "TCOORD": 0x0040A130,
    "SCOORD": 0x00700023,
    "SCOORD3D": 0x00700023,
}
_VALUES = {
    "NUM": _measured,
    "CODE": _coded,
    "HAS CONCEPT MOD": _coded,  # two reports write the relationship in the place of the value type
    "IMAGE": _referenced,
    "COMPOSITE": _referenced,
    "WAVEFORM": _referenced,
}


def _value(item: Item, value_type: str) -> _Value:
    reader = _VALUES.get(value_type)
    if reader is not None:
        return reader(item)
    tag = _TEXTS.get(value_type)
    if tag is not None:
        return _Value(text=item.text(tag))
    return _Value()


def name(item: Item) -> tuple[str, str, str | None]:
    """Return the concept name of a content item: its key, as written, and the meaning beside it."""
    entry = first_code(item, _CONCEPT_NAME)
    return (entry.key, entry.written or "", entry.meaning) if entry else ("", "", None)


def _cells(item: Item, parent: int) -> Iterator[ContentItem]:
    """Yield the cells of a TABLE (PS3.3 C.18.10) as items below it: a cell, or the list of a row or column, each.

    Their value type is ``TABLE CELLS``; concept and unit are those of their column, or else of their row.
    """
    table = item.first(0x0040A801)
    if table is None:
        return
    axes = {tag: _axis(table, definitions, tag) for tag, definitions in _AXES.items()}
    for cells in table.items(0x0040A808):
        definition = _definition(cells, axes)
        key, written, meaning = name(definition) if definition else ("", "", None)
        unit = first_code(definition, 0x004008EA) if definition else None
        first, text = _cell_values(cells)
        coded = _coded(cells)
        yield ContentItem(
            parent,
            "CONTAINS",
            "TABLE CELLS",
            key,
            written,
            meaning,
            first,
            unit.value if unit else None,
            coded.code,
            coded.meaning,
            text,
        )


def _definition(cells: Item, axes: Mapping[int, Mapping[str | None, Item]]) -> Item | None:
    """What a cell's column says that it is, else its row, else what holds for all columns or rows."""
    own = next((axes[tag][at] for tag in _AXES if (at := cells.text(tag)) in axes[tag]), None)
    return own or axes[_TABLE_COLUMN].get(None) or axes[_TABLE_ROW].get(None)


def _cell_values(cells: Item) -> tuple[float | None, str | None]:
    """The first value as a number, and all as text where there is more than one number."""
    tag = next((tag for tag in cells.tags() if tag in _SELECTORS), 0)
    texts = cells.values(tag)
    is_number = cells.vr(tag) not in TEXT_VRS or cells.vr(tag) in ("DS", "IS")
    first = number(texts[0]) if texts and is_number else None
    return first, None if len(texts) == 1 and first is not None else "\\".join(texts) or None


def _axis(table: Item, definitions: int, number_tag: int) -> dict[str | None, Item]:
    """The definitions of columns or rows by number; under None what holds for all."""
    return {entry.text(number_tag): entry for entry in table.items(definitions)}


def content(report: Item) -> Iterator[ContentItem]:
    """Yield the content items of a report from the root downward, in the order of the report.

    Raises:
        UnreadableError: it is malformed, or has more than ``MAX_ITEMS``.
    """
    stack = [(report, 0)]
    position = 0
    while stack:
        item, parent = stack.pop()
        value_type = item.text(0x0040A040) or ""
        value = _value(item, value_type)
        key, written, meaning = name(item)
        yield ContentItem(
            parent,
            item.text(0x0040A010),
            value_type,
            key,
            written,
            meaning,
            value.number,
            value.unit,
            value.code,
            value.meaning,
            value.text,
        )
        stack.extend((child, position) for child in reversed(item.items(_CONTENT)))
        table, position = position, position + 1
        if value_type == "TABLE":
            for cells in islice(_cells(item, table), MAX_ITEMS):
                yield cells
                position += 1
        if position > MAX_ITEMS:
            raise UnreadableError(f"a structured report of more than {MAX_ITEMS} content items")
