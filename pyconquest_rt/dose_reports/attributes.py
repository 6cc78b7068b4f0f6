"""An object's attributes as the dose extractors take them: the object opened, numbers out of any text."""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyconquest_rt.dicom.elements import ElementHeader, Item, Source, locate
from pyconquest_rt.dicom.ends import remember_ends
from pyconquest_rt.dicom.part10 import FileSource, Prefix, Start, begin, read_prefix
from pyconquest_rt.errors import UnreadableError

MAX_REPORT_BYTES = 32 << 20  #: a longer structured report is refused; the longest seen has 3 MB

_CONTENT_SEQUENCE = 0x0040A730
_PIXELS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x7FE00010})
_LEAST_BUDGET = 1 << 20


class DataSet(Item):
    """A whole data set up to its pixel data: what is cut off or wrong behind them does no harm here."""

    __slots__ = ("_last",)

    def __init__(self, start: Start, last: frozenset[int]) -> None:
        super().__init__(start.source, start.position, start.source.size, start.encoding)
        self._last = last

    def _located(self) -> dict[int, ElementHeader]:
        if self._elements is None:
            self._elements = locate(self._source, self._start, self._stop, self._encoding, self._last)
        return self._elements


@contextmanager
def opened(origin: str | os.PathLike[str] | bytes) -> Iterator[DataSet]:
    """Open an object, a file or its bytes: of a structured report all is read, of an image the header alone.

    Raises:
        UnreadableError: it cannot be read, or is not DICOM; also later, when malformed parts are come upon.
    """
    prefix = Prefix(None, len(origin), 0, origin) if isinstance(origin, bytes) else read_prefix(origin)
    with FileSource(prefix) as file:
        start = begin(file)
        data_set = DataSet(start, _PIXELS | {_CONTENT_SEQUENCE})
        if _CONTENT_SEQUENCE not in data_set:
            yield data_set
            return
        if start.source is file and prefix.path is not None:
            start = start._replace(source=Source(_read_all(prefix)))
        # Every element of a report is met once a level; the allowance only stops what nests without end.
        start.source.budget = max(_LEAST_BUDGET, start.source.size // 2)
        remember_ends(start.source, start.position, start.encoding)
        yield DataSet(start, _PIXELS)


def _read_all(prefix: Prefix) -> bytes:
    if prefix.size > MAX_REPORT_BYTES:
        raise UnreadableError(f"a structured report of {prefix.size} bytes is longer than {MAX_REPORT_BYTES}")
    assert prefix.path is not None
    try:
        return Path(prefix.path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error


def number(text: str | None) -> float | None:
    """Return the number that a text writes, with a decimal point or comma; None where it writes none."""
    if not text or "_" in text:  # Python alone takes 1_000
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers(item: Item, tag: int) -> list[float | None]:
    """Return the values of an attribute as numbers, None for those that are not."""
    return [number(text) for text in item.values(tag)]


def first_number(item: Item, tag: int) -> float | None:
    """Return the first value of an attribute as a number, None where it is absent or not a number."""
    return next(iter(numbers(item, tag)), None)


def maker_block(item: Item, group: int, creator: str) -> int | None:
    """Return the tag at which a private creator's elements begin (PS3.5 section 7.8.1), None without it."""
    for tag in item.tags():
        if tag >> 16 == group and 0x10 <= tag & 0xFFFF <= 0xFF and item.text(tag) == creator:
            return tag & 0xFFFF0000 | (tag & 0xFF) << 8
    return None


_BREAST_SIDES = re.compile(r"\b(left|right)\b.*\bbreast\b|\bbreast\b.*\b(left|right)\b", re.IGNORECASE)


def side_of_breast(anatomy: object) -> str | None:
    """Return Left or Right where the anatomy is one breast ('Left breast'); None otherwise, also of both."""
    text = str(anatomy or "")
    found = {(match[1] or match[2]).capitalize() for match in _BREAST_SIDES.finditer(text)}
    words = set(re.findall(r"left|right", text.lower()))
    return found.pop() if len(found) == len(words) == 1 else None
