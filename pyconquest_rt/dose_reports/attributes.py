"""An object's attributes as the dose extractors take them: the object opened, numbers out of any text."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyconquest_rt.elements import (
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    ElementHeader,
    Item,
    Source,
    end_of_value,
    read_header,
)
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.part10 import FileSource, Prefix, Start, begin, read_prefix
from pyconquest_rt.values import UNDEFINED_LENGTH

MAX_REPORT_BYTES = 256 << 20  #: a longer structured report is refused

_FIRST_PIXEL_TAG = 0x7FE00000
_CONTENT_SEQUENCE = 0x0040A730
_LEAST_BUDGET = 1 << 20


class DataSet(Item):
    """A whole data set up to its pixel data: what is cut off or wrong behind them does no harm here."""

    __slots__ = ("_with_content",)

    def __init__(self, start: Start, with_content: bool = False) -> None:
        super().__init__(start.source, start.position, start.source.size, start.encoding)
        self._with_content = with_content

    def _located(self) -> dict[int, ElementHeader]:
        if self._elements is None:
            self._elements = dict(self._headers())
        return self._elements

    def _headers(self) -> Iterator[tuple[int, ElementHeader]]:
        """Walk the elements; without its content, a report ends where that begins."""
        position = self._start
        while position < self._stop:
            header = read_header(self._source, position, self._encoding)
            yield header[0], header
            is_content = header[0] == _CONTENT_SEQUENCE and not self._with_content
            if is_content or header[0] >= _FIRST_PIXEL_TAG:
                return
            _, position = end_of_value(self._source, header, self._stop, self._encoding)


@contextmanager
def opened(origin: str | os.PathLike[str] | bytes) -> Iterator[DataSet]:
    """Open an object, a file or its bytes: of a structured report all is read, of an image the header alone.

    Raises:
        UnreadableError: it cannot be read, or is not DICOM; also later, when malformed parts are come upon.
    """
    prefix = Prefix(None, len(origin), 0, origin) if isinstance(origin, bytes) else read_prefix(origin)
    with FileSource(prefix) as file:
        start = begin(file)
        data_set = DataSet(start)
        if _CONTENT_SEQUENCE not in data_set:
            yield data_set
            return
        if start.source is file and prefix.path is not None:
            start = start._replace(source=Source(_read_all(prefix)))
        # Every element of a report is met once a level; the allowance only stops what nests without end.
        start.source.budget = max(_LEAST_BUDGET, start.source.size)
        _remember_ends(start)
        yield DataSet(start, with_content=True)


def _remember_ends(start: Start) -> None:
    """Find the ends of all values of undefined length in one walk, so that no level has to be walked again.

    What does not fit stops the walk without harm: it is come upon, and told, when it is read.
    """
    source, position, encoding = start.source, start.position, start.encoding
    open_values: list[tuple[int, int]] = []  # the start of each and the delimiter that ends it
    while position + 8 <= source.size:
        try:
            tag, _, value, length = read_header(source, position, encoding)
        except UnreadableError:
            return
        position = value
        if open_values and tag == open_values[-1][1]:
            source.ends[open_values.pop()[0]] = (value - 8, value)
        elif length == UNDEFINED_LENGTH:
            open_values.append((value, ITEM_DELIMITER if tag == ITEM else SEQUENCE_DELIMITER))
        elif tag != ITEM:
            position += length


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
    try:
        value = float((text or "").replace(",", ".").replace("_", "no"))  # Python alone takes 1_000
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
