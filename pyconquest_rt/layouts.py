"""Layouts: headers whose elements follow one another as in files read before are checked and cut in one go.

The images of a series have the same elements in the same order; only some lengths differ from image to image.
A `Layout` is such an order of elements. To match a file it reads the few lengths that vary, joins what lies
between those values to one run of bytes, and compares the tag, VR and length of every element of that run
under a mask, all at once. So a match is as exact as walking over the elements one by one (no header goes
unchecked) and costs a small part of it. The wanted values are then cut out by one `struct.Struct`.

Values on which the meaning of others rests (transfer syntax, character set ...) are part of the comparison.
"""

import struct
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pyconquest_rt.elements import (
    EXPLICIT_LITTLE,
    ElementHeader,
    Encoding,
    nested_headers,
)
from pyconquest_rt.part10 import MAX_VALUE, FileSource, Prefix, Start
from pyconquest_rt.values import UNDEFINED_LENGTH

MAX_PARTS = 1000  #: headers with more elements are not remembered
MAX_KINDS = 4096  #: kinds of headers remembered for having been seen once
MAX_ORDERS = 512  #: orders of elements of which the lengths seen are remembered
MAX_BUCKETS = 16
BUCKET_SIZE = 8

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_LONG_VALUE = 1024  # an unwanted value from this length on is passed over, not joined
_VARIES = -1
_NESTED = -1  # in place of the tag of what stands within another element's value

_LENGTH_READERS = {
    (width, big): struct.Struct((">" if big else "<") + code).unpack_from
    for width, code in ((2, "H"), (4, "I"))
    for big in (False, True)
}


class Part(NamedTuple):
    """The header of one element (or item, or delimiter), and the length of its value."""

    tag: int
    header: bytes
    length: int  # 0 where it is undefined: then what is in it follows as parts of their own
    width: int  # bytes of the length field, the last ones of the header; 0: see LayoutCache._part
    big_endian: bool
    constant: bytes | None  # the value, where it must not differ


class Walked(NamedTuple):
    """One object that was walked over: the material of a layout."""

    begin: int
    parts: list[Part]
    closing: Part | None  # the first element after the last wanted one; None where the data set ends before


class Layout:
    """One order of elements, with the lengths that are the same in all objects seen."""

    __slots__ = (
        "_begin",
        "_closing",
        "_cut",
        "_expected",
        "_hops",
        "_mask",
        "_tail",
        "context",
        "order",
        "tags",
    )

    def __init__(self, walked: Walked, lengths: Sequence[int], wanted: Collection[int], order: int) -> None:
        self.order = order
        self.context: Any = None  # what the reader keeps with it
        self._begin = walked.begin
        run, mask = bytearray(), bytearray()
        hops, cut, cut_tags, hop_tags, gap_from, cut_to = [], ["<"], [], [], 0, 0
        for part, length in zip(walked.parts, lengths, strict=True):
            is_wanted = part.tag in wanted
            run += part.header
            mask += b"\xff" * len(part.header)
            if length == _VARIES or (length >= _LONG_VALUE and not is_wanted):
                mask[-part.width :] = bytes(part.width)
                reader = _LENGTH_READERS[part.width, part.big_endian]
                hops.append((len(run) - gap_from, reader, part.width, is_wanted))
                gap_from = len(run)
                if is_wanted:
                    hop_tags.append(part.tag)
                continue
            if is_wanted:
                cut.append(f"{len(run) - cut_to}x{length}s")
                cut_to = len(run) + length
                cut_tags.append(part.tag)
            run += part.constant or bytes(length)
            mask += (b"\0" if part.constant is None else b"\xff") * length
        self._closing = None
        if (closing := walked.closing) is not None:
            run += closing.header
            mask += b"\xff" * (len(closing.header) - closing.width) + bytes(closing.width)
            self._closing = _LENGTH_READERS[closing.width, closing.big_endian], closing.width
        self._tail = len(run) - gap_from
        self._hops = tuple(hops)
        self._cut = struct.Struct("".join(cut)).unpack_from
        self._mask: npt.NDArray[np.uint8] = np.frombuffer(bytes(mask), np.uint8)
        self._expected = (np.frombuffer(bytes(run), np.uint8) & self._mask).tobytes()
        self.tags = (*cut_tags, *hop_tags)

    def match(self, prefix: Prefix) -> tuple[tuple[bytes, ...], bool] | None:
        """The raw values of `tags` and whether the object is complete; None where the object is another.

        Complete means that the element after the last wanted one, mostly the pixel data, ends in the file.
        """
        data, offset, position, limit = prefix.data, 0, self._begin, len(prefix.data)
        pieces, varying = [], []
        for gap, read_length, width, is_wanted in self._hops:
            start = position + gap
            if start > limit:  # beyond the bytes at hand: go on in a window of the file
                offset += position
                data = _window(prefix, offset)
                position, start, limit = 0, gap, len(data)
                if start > limit:
                    return None
            pieces.append(data[position:start])
            position = start + read_length(data, start - width)[0]
            if is_wanted:
                if position > limit or position - start > MAX_VALUE:
                    return None
                varying.append(data[start:position])
        if position + self._tail > limit:
            offset += position
            data, position = _window(prefix, offset), 0
        end = position + self._tail
        pieces.append(data[position:end])
        run = b"".join(pieces)
        if len(run) != len(self._expected):
            return None
        if (np.frombuffer(run, np.uint8) & self._mask).tobytes() != self._expected:
            return None
        values = (*self._cut(run), *varying)
        if self._closing is None:
            return (values, True) if offset + end == prefix.size else None
        read_length, width = self._closing
        (length,) = read_length(data, end - width)
        return values, length == UNDEFINED_LENGTH or offset + end + length <= prefix.size


def _window(prefix: Prefix, position: int) -> bytes:
    with FileSource(prefix) as source:
        source.load(position)
        return source.data if source.base == position else source.data[position - source.base :]


class LayoutCache:
    """The layouts of the objects read last, found by the first bytes of an object; bounded in number."""

    def __init__(self, wanted: Collection[int], constant: Collection[int]) -> None:
        self._wanted = wanted
        self._constant = constant
        self._kinds: dict[int, None] = {}
        self._buckets: dict[object, list[Layout]] = {}
        self._lengths: dict[int, list[int]] = {}

    def match(
        self, prefix: Prefix, transfer_syntax: str | None
    ) -> tuple[Layout, tuple[bytes, ...], bool] | None:
        """The layout that an object has, its raw values of `Layout.tags`, and whether it is complete."""
        bucket = self._buckets.get(_bucket(prefix, transfer_syntax))
        if bucket is None:
            return None
        for number, layout in enumerate(bucket):
            found = layout.match(prefix)
            if found is not None:
                if number:
                    bucket.insert(0, bucket.pop(number))
                return layout, *found
        return None

    def learn(
        self,
        prefix: Prefix,
        transfer_syntax: str | None,
        start: Start,
        elements: Sequence[tuple[int, ElementHeader]],
        closing: tuple[int, ElementHeader] | None,
    ) -> Layout | None:
        """Remember an object that was walked over; from the second of its kind on there is a layout.

        Args:
            elements: the headers of all elements up to the last wanted one, each with its position.
            closing: the same of the next one, None where the data set ends before.
        """
        kind = hash(tuple([header[:2] for _, header in elements]))
        if kind not in self._kinds:
            _put(self._kinds, kind, None, MAX_KINDS)
            return None
        walked = self._walked(start, elements, closing)
        if walked is None:
            return None
        order, lengths = _order(walked), [part.length for part in walked.parts]
        before = self._lengths.get(order, lengths)
        if len(before) == len(lengths):
            lengths = [new if new == old else _VARIES for new, old in zip(lengths, before, strict=True)]
        _put(self._lengths, order, lengths, MAX_ORDERS)
        layout = Layout(walked, lengths, self._wanted, order)
        key = _bucket(prefix, transfer_syntax)
        others = [other for other in self._buckets.get(key, ()) if other.order != order]
        _put(self._buckets, key, [layout, *others][:BUCKET_SIZE], MAX_BUCKETS)
        return layout

    def _walked(
        self,
        start: Start,
        elements: Sequence[tuple[int, ElementHeader]],
        closing: tuple[int, ElementHeader] | None,
    ) -> Walked | None:
        """All headers as parts, also those within values of undefined length.

        None where there are too many, a wanted value is too long, or a VR is missing.
        """
        source, encoding = start.source, start.encoding
        parts = [self._part(start, at, header, EXPLICIT_LITTLE) for at, header in start.meta]
        for at, header in elements:
            parts.append(self._part(start, at, header, encoding))
            if header[3] == UNDEFINED_LENGTH:
                nested = nested_headers(source, header[2], source.size, encoding)
                for position, begin, length in islice(nested, MAX_PARTS):
                    parts.append(self._part(start, position, (_NESTED, None, begin, length), encoding))
            elif header[3] > MAX_VALUE and header[0] in self._wanted:
                return None
            if len(parts) > MAX_PARTS:
                return None
        last = self._part(start, *closing, encoding) if closing else None
        if not all(part.width for part in parts) or (last and not last.width):
            return None
        return Walked((start.meta or elements)[0][0], parts, last)

    def _part(self, start: Start, position: int, header: ElementHeader, encoding: Encoding) -> Part:
        """One header as a part.

        Where a VR is missing in an explicit encoding the length stands in its place, and no mask could tell
        such a header from one with a VR: its width is given as 0.
        """
        tag, _, value, length = header
        raw = start.source.read(position, value)
        is_mark = raw[:2] == (b"\xff\xfe" if encoding.big_endian else b"\xfe\xff")
        if encoding.implicit or is_mark or len(raw) == 12:
            width = 4
        else:
            width = 2 if raw[4:6].isalpha() and raw[4:6].isupper() else 0
        length = 0 if length == UNDEFINED_LENGTH else length
        constant = start.source.read(value, value + length) if tag in self._constant else None
        return Part(tag, raw, length, width, encoding.big_endian, constant)


def _put(memory: dict[_Key, _Value], key: _Key, value: _Value, room: int) -> None:
    """Put into a memory; where it is full the oldest entry makes room."""
    memory[key] = value
    if len(memory) > room:
        del memory[next(iter(memory))]


def _order(walked: Walked) -> int:
    """A hash of all headers without their lengths, and of the values that must not differ."""
    parts = walked.parts if walked.closing is None else [*walked.parts, walked.closing]
    return hash((walked.begin, *[(part.header[: -part.width], part.constant) for part in parts]))


def _bucket(prefix: Prefix, transfer_syntax: str | None) -> object:
    """First bytes that objects of one kind mostly share: of a file those with its SOP class.

    The value of a group length, which may come first, is left out.
    """
    data = prefix.data
    return transfer_syntax, data[144:190] if data[128:132] == b"DICM" else data[:8] + data[12:20]
