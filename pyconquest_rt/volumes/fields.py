"""Typed values of one data set: text, finite numbers, items; whatever is malformed counts as absent."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from pyconquest_rt.dicom.elements import Item, locate
from pyconquest_rt.dicom.elements import Source as DataSource
from pyconquest_rt.dicom.part10 import Prefix, begin
from pyconquest_rt.volumes.sources import Source

PIXEL_DATA, FLOAT_DATA, DOUBLE_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
PIXEL_TAGS = frozenset({PIXEL_DATA, FLOAT_DATA, DOUBLE_DATA})


class Fields:
    """The elements of one data set or item."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item

    def __contains__(self, tag: int) -> bool:
        return tag in self.item

    def text(self, tag: int) -> str:
        """The value as text, empty where absent."""
        return (self.item.text(tag) or "").strip()

    def texts(self, tag: int) -> tuple[str, ...]:
        """All values as text."""
        return tuple(self.item.values(tag))

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values as numbers, finite or not; none where one of them is not a number."""
        try:
            return tuple([float(value) for value in self.item.values(tag)])
        except ValueError:
            return ()

    def number(self, tag: int) -> float | None:
        """The first value, None where it is absent or not finite."""
        found = self.numbers(tag)[:1]
        return found[0] if found and math.isfinite(found[0]) else None

    def integer(self, tag: int, default: int = 0) -> int:
        """The first value as a whole number."""
        found = self.number(tag)
        return default if found is None else int(found)

    def vector(self, tag: int, size: int) -> tuple[float, ...] | None:
        """So many finite numbers, or None."""
        found = self.numbers(tag)
        return found if len(found) == size and all(map(math.isfinite, found)) else None

    def items(self, tag: int) -> list["Fields"]:
        """The items of a sequence."""
        return [Fields(item) for item in self.item.items(tag)]

    def first(self, tag: int) -> "Fields | None":
        """The first item of a sequence."""
        found = self.item.first(tag)
        return None if found is None else Fields(found)


class Head:
    """One object as far as its pixels: its fields, and where the pixels are.

    ``pixel_tag`` is 0 without pixels; ``offset`` and ``length`` are those of their value (of undefined length: as
    far as the file goes); ``data`` has the bytes of the data set, of a deflated object inflated ones. Objects whose
    ``alike`` is the same differ in nothing but their identifier, place, times and pixels; None: not known.
    """

    __slots__ = (
        "alike",
        "big_endian",
        "data",
        "encapsulated",
        "fields",
        "length",
        "offset",
        "pixel_tag",
        "size",
        "syntax",
    )

    def __init__(self, fields: Fields, syntax: str, data: DataSource, *, big_endian: bool) -> None:
        self.fields, self.syntax, self.data, self.big_endian = fields, syntax, data, big_endian
        self.size = data.size
        self.pixel_tag = self.offset = self.length = 0
        self.encapsulated = False
        self.alike: tuple[object, ...] | None = None


@contextmanager
def opened_head(
    source: Source, max_inflated: int | None = None, prefix: Prefix | None = None
) -> Iterator[Head]:
    """The head of an object, to be read while it is open; ``max_inflated`` as in ``part10.begin``.

    ``prefix`` are its first bytes, where they were read already. Raises UnreadableError.
    """
    with source.opened(prefix) as file:
        start = begin(file, max_inflated=max_inflated)
        data = start.source
        elements = locate(data, start.position, data.size, start.encoding, PIXEL_TAGS)
        item = Item(data, start.position, data.size, start.encoding, elements=elements)
        head = Head(Fields(item), start.transfer_syntax, data, big_endian=start.encoding.big_endian)
        last = next(reversed(elements.values()), None)
        if last is not None and last[0] in PIXEL_TAGS:
            head.pixel_tag, _, head.offset, length = last
            head.encapsulated = length == 0xFFFFFFFF
            head.length = data.size - head.offset if head.encapsulated else length
            if not start.is_whole:  # deflated, and only its beginning inflated: to be seen when it is loaded
                head.size = head.offset + head.length
        yield head
