"""Layouts: headers whose elements follow one another as in files read before are checked and cut in one go.

The images of a series have the same elements in the same order; only some lengths differ from image to image.
A `Layout` is such an order of elements. To match a file it reads the few lengths that vary, joins what lies
between those values to one run of bytes, and compares under a mask the tag, VR and length of every element of
that run at once. So a match is as exact as walking over the elements one by one (no header is left unchecked),
and costs a tenth. The wanted values are then cut out by one `struct.Struct`.

Values on which the meaning of others rests (transfer syntax, character set ...) are part of the comparison.
"""

import struct
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.elements import (
    EXPLICIT_LITTLE,
    ElementHeader,
    Encoding,
    nested_headers,
)
from pyconquest_rt.part10 import Start
from pyconquest_rt.values import UNDEFINED_LENGTH

MAX_PARTS = 1000  #: headers with more elements are not remembered
MAX_ORDERS = 512  #: orders of elements of which the lengths seen are remembered
MAX_BUCKETS = 16
BUCKET_SIZE = 8

NESTED = -1  # in place of the tag of what stands within another element's value
_LONG_VALUE = 1024  # an unwanted value from this length on is passed over, not joined
_VARIES = -1

_LENGTH_READERS = {
    (width, big): struct.Struct((">" if big else "<") + code).unpack_from
    for width, code in ((2, "H"), (4, "I"))
    for big in (False, True)
}


class Part(NamedTuple):
    """One element (or item, or delimiter) of a header: where it stands, and the length of its value."""

    tag: int
    position: int
    start: int
    length: int  # 0 where it is undefined: then what is in it follows as parts of their own
    width: int  # bytes of its length field, the last ones of its header
    big_endian: bool


class Walked(NamedTuple):
    """One object that was walked over: the material of a layout."""

    data: bytes
    parts: list[Part]
    closing: Part | None  # the first element after the last wanted one; None where the data set ends before


class Layout:
    """One order of elements, with the lengths that are the same in all objects seen."""

    __slots__ = (
        "_closing",
        "_cut",
        "_expected",
        "_hops",
        "_mask",
        "_tail",
        "begin",
        "context",
        "order",
        "tags",
    )

    def __init__(
        self,
        walked: Walked,
        lengths: Sequence[int],
        wanted: Collection[int],
        constant: Collection[int],
        order: int,
    ) -> None:
        self.order = order
        self.context: Any = None  # what the reader keeps with it
        data, parts, closing = walked
        first = parts[0].position
        self.begin = first - 4 if first == 132 else first  # the letters DICM are compared too
        expected, mask = bytearray(data[self.begin : first]), bytearray(b"\xff" * (first - self.begin))
        cut, cut_tags, hop_tags, gap_from, cut_to = ["<"], [], [], 0, 0
        hops = []
        for part, length in zip(parts, lengths, strict=True):
            is_wanted = part.tag in wanted
            header = data[part.position : part.start]
            expected += header
            mask += b"\xff" * len(header)
            if length == _VARIES or (length >= _LONG_VALUE and not is_wanted):
                mask[-part.width :] = bytes(part.width)
                reader = _LENGTH_READERS[part.width, part.big_endian]
                hops.append((len(expected) - gap_from, reader, part.width, is_wanted))
                gap_from = len(expected)
                if is_wanted:
                    hop_tags.append(part.tag)
                continue
            if is_wanted:
                cut.append(f"{len(expected) - cut_to}x{length}s")
                cut_to = len(expected) + length
                cut_tags.append(part.tag)
            expected += data[part.start : part.start + length]
            mask += (b"\xff" if part.tag in constant else b"\0") * length
        self._closing = None
        if closing is not None:
            expected += data[closing.position : closing.start]
            mask += b"\xff" * (closing.start - closing.position - closing.width) + bytes(closing.width)
            self._closing = _LENGTH_READERS[closing.width, closing.big_endian], closing.width
        self._tail = len(expected) - gap_from
        self._hops = tuple(hops)
        self._cut = struct.Struct("".join(cut)).unpack_from
        self._mask: npt.NDArray[np.uint8] = np.frombuffer(bytes(mask), np.uint8)
        self._expected = (np.frombuffer(bytes(expected), np.uint8) & self._mask).tobytes()
        self.tags = (*cut_tags, *hop_tags)

    def match(self, data: bytes, size: int) -> tuple[tuple[bytes, ...], bool] | None:
        """The raw values of `tags` and whether the object is complete; None where the object is another.

        Complete means that the element after the last wanted one, mostly the pixel data, ends in the file.
        """
        pieces, varying, position = [], [], self.begin
        try:
            for gap, read_length, width, is_wanted in self._hops:
                start = position + gap
                pieces.append(data[position:start])
                position = start + read_length(data, start - width)[0]
                if is_wanted:
                    varying.append(data[start:position])
        except struct.error:
            return None
        end = position + self._tail
        pieces.append(data[position:end])
        joined = b"".join(pieces)
        if end > len(data) or len(joined) != len(self._expected):
            return None
        if (np.frombuffer(joined, np.uint8) & self._mask).tobytes() != self._expected:
            return None
        values = (*self._cut(joined), *varying)
        if self._closing is None:
            return (values, True) if end == size else None
        read_length, width = self._closing
        (length,) = read_length(data, end - width)
        return values, length == UNDEFINED_LENGTH or end + length <= size


class LayoutCache:
    """The layouts of the objects read last, found by the first bytes of an object; bounded in number."""

    def __init__(self, wanted: Collection[int], constant: Collection[int]) -> None:
        self._wanted = wanted
        self._constant = constant
        self._buckets: dict[object, list[Layout]] = {}
        self._lengths: dict[int, list[int]] = {}

    def match(
        self, data: bytes, size: int, transfer_syntax: str | None
    ) -> tuple[Layout, tuple[bytes, ...], bool] | None:
        """The layout that an object has, its raw values of `Layout.tags`, and whether it is complete."""
        bucket = self._buckets.get(_bucket(data, transfer_syntax), ())
        for number, layout in enumerate(bucket):
            found = layout.match(data, size)
            if found is not None:
                if number:
                    bucket.insert(0, bucket.pop(number))
                return layout, *found
        return None

    def learn(self, walked: Walked, transfer_syntax: str | None) -> Layout | None:
        """Remember an object that was walked over; from the second of its kind on there is a layout."""
        if not 0 < len(walked.parts) <= MAX_PARTS:
            return None
        order, lengths = self._order(walked), [part.length for part in walked.parts]
        before = self._lengths.get(order)
        if before is not None and len(before) == len(lengths):
            lengths = [new if new == old else _VARIES for new, old in zip(lengths, before, strict=True)]
        elif len(self._lengths) >= MAX_ORDERS:
            del self._lengths[next(iter(self._lengths))]
        self._lengths[order] = lengths
        if before is None:
            return None
        layout = Layout(walked, lengths, self._wanted, self._constant, order)
        bucket = self._buckets.setdefault(_bucket(walked.data, transfer_syntax), [])
        bucket[:] = [layout, *(other for other in bucket if other.order != order)][:BUCKET_SIZE]
        while len(self._buckets) > MAX_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return layout

    def _order(self, walked: Walked) -> int:
        """A hash of all headers without their lengths, and of the values that must not differ."""
        data, parts, closing = walked
        kept = [data[part.position : part.start - part.width] for part in parts]
        kept += [data[part.start : part.start + part.length] for part in parts if part.tag in self._constant]
        if closing is not None:
            kept.append(data[closing.position : closing.start - closing.width])
        return hash(tuple(kept))


def _bucket(data: bytes, transfer_syntax: str | None) -> object:
    """First bytes that objects of one kind mostly share: of a file those with its SOP class."""
    return transfer_syntax, data[144:190] if data[128:132] == b"DICM" else data[:24]


def walked_of(
    start: Start, elements: Sequence[tuple[int, ElementHeader]], closing: tuple[int, ElementHeader] | None
) -> Walked:
    """The material of a layout from a walk: the elements, each with its position, and the one after them.

    All headers become parts, also those within values of undefined length.
    """
    source, encoding = start.source, start.encoding
    parts = [_part(source.data, at, header, EXPLICIT_LITTLE) for at, header in start.meta]
    for at, header in elements:
        parts.append(_part(source.data, at, header, encoding))
        if header[3] == UNDEFINED_LENGTH:
            parts += [
                _part(source.data, position, (NESTED, None, begin, length), encoding)
                for position, begin, length in nested_headers(source, header[2], source.size, encoding)
            ]
    return Walked(source.data, parts, _part(source.data, *closing, encoding) if closing else None)


def _part(data: bytes, position: int, header: ElementHeader, encoding: Encoding) -> Part:
    tag, _, start, length = header
    vr = data[position + 4 : position + 6]
    is_mark = data[position : position + 2] == (b"\xff\xfe" if encoding.big_endian else b"\xfe\xff")
    has_vr = not encoding.implicit and not is_mark and vr.isalpha() and vr.isupper()
    width = 2 if has_vr and start - position == 8 else 4
    length = 0 if length == UNDEFINED_LENGTH else length
    return Part(tag, position, start, length, width, encoding.big_endian)
