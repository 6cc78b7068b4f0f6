"""Layouts: headers whose elements follow one another as in files read before are checked and cut in one go.

The images of a series have the same elements in the same order; only some lengths differ from image to image.
A `Layout` is such an order of elements. To match a file it reads the few lengths that vary, joins what lies
between those values to one run of bytes, and compares the tag, VR and length of every element of that run
under a mask, all at once. So a match is as exact as walking over the elements one by one (no header goes
unchecked) and costs a small part of it. The wanted values are then cut out by one `struct.Struct`.

Most values, wanted or not, are the same in a whole series. Where all that has not differed within a series so far,
headers and values, is as in the object before, only the wanted values that do differ are cut out.

Values on which the meaning of others rests (transfer syntax, character set ...) are part of the comparison.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, ElementHeader, Encoding, nested_headers
from pyconquest_rt.dicom.fields import Decoder
from pyconquest_rt.dicom.part10 import MAX_VALUE, FileSource, Prefix, Start
from pyconquest_rt.dicom.values import LONG_VRS, SHORT_VRS, UNDEFINED_LENGTH

MAX_PARTS = 1000  #: headers with more elements are not remembered
MAX_KINDS = 4096  #: kinds of headers remembered for having been seen once
MAX_ORDERS = 512  #: orders of elements of which the lengths seen are remembered
MAX_BUCKETS = 16
BUCKET_SIZE = 8

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_KNOWN_VRS = frozenset(vr.encode() for vr in SHORT_VRS | LONG_VRS)
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
    closing: Part | None  # the element that follows; None where the data set ends there


Match = tuple[tuple[str | None, ...], Any, int, int]
"""What was found of an object that has a layout: the values, one per field; what the reader keeps with the layout;
the position of the closing element, mostly the pixel data; where this ends, -1 where its length does not say."""


class _Run:
    """What the objects of a layout look like with the values that vary in length left out; made part by part."""

    def __init__(self) -> None:
        self.bytes, self.mask = bytearray(), bytearray()
        self.hops: list[tuple[int, Callable[..., Any], int, bool]] = []
        """What stands between: bytes up to it, the reader of its length and its width, whether it is wanted."""
        self.spans: list[tuple[int, int]] = []  # of the wanted values
        self.passed: list[tuple[int, int]] = []  # of the others
        self.holes: list[tuple[int, int]] = []  # of the lengths that vary
        self.cut_tags: list[int] = []  # one for each of `spans`
        self.hop_tags: list[int] = []  # of the wanted ones among `hops`
        self.gap_from = 0  # where the last of `hops` stands

    def add(self, part: Part, length: int, is_wanted: bool) -> None:
        """Add a part; its length is `_VARIES` where it is not the same in all objects."""
        self.bytes += part.header
        self.mask += b"\xff" * len(part.header)
        if length == _VARIES or (length >= _LONG_VALUE and not is_wanted):
            self._hop(part, is_wanted)
            return
        end = len(self.bytes)
        if is_wanted:
            self.cut_tags.append(part.tag)
        (self.spans if is_wanted else self.passed).append((end, end + length))
        self.bytes += part.constant or bytes(length)
        self.mask += (b"\0" if part.constant is None else b"\xff") * length

    def _hop(self, part: Part, is_wanted: bool) -> None:
        """Leave the value of the part just added to a hop."""
        end, width = len(self.bytes), part.width
        self.mask[-width:] = bytes(width)
        self.hops.append((end - self.gap_from, _LENGTH_READERS[width, part.big_endian], width, is_wanted))
        self.holes.append((end - width, end))
        self.gap_from = end
        if is_wanted:
            self.hop_tags.append(part.tag)

    def close(self, part: Part) -> tuple[Callable[..., Any], int, int]:
        """End with the header of the closing element; returns how to read its length, its width, its header's."""
        self.bytes += part.header
        self.mask += b"\xff" * (len(part.header) - part.width) + bytes(part.width)
        self.holes.append((len(self.bytes) - part.width, len(self.bytes)))
        return _LENGTH_READERS[part.width, part.big_endian], part.width, len(part.header)


class Layout:
    """One order of elements, with the lengths that are the same in all objects seen.

    Args:
        walked: the object that it is made of.
        lengths: of each part; `_VARIES` where it is not the same in all.
        wanted: the tags whose values are handed out.
        series: the tag by which objects of one series are known; if it is not there, all count as one.
        order: the hash by which other layouts of the same order of elements are known.
        decoder: makes the decoder of raw values, from the tags that have one.
        context: is handed out with each match.
    """

    __slots__ = (
        "_before",
        "_begin",
        "_closing",
        "_context",
        "_cut",
        "_cut_steady",
        "_cut_varying",
        "_decoder",
        "_expected",
        "_holes",
        "_hops",
        "_mask",
        "_passed",
        "_recent",
        "_series",
        "_spans",
        "_tail",
        "_varying",
        "order",
    )

    def __init__(
        self,
        walked: Walked,
        lengths: Sequence[int],
        wanted: Collection[int],
        series: int,
        order: int,
        decoder: Callable[[list[int]], Decoder],
        context: Any,
    ) -> None:
        self.order = order
        self._context = context
        self._begin = walked.begin
        run = _Run()
        for part, length in zip(walked.parts, lengths, strict=True):
            run.add(part, length, part.tag in wanted)
        self._closing = run.close(walked.closing) if walked.closing else None
        self._tail = len(run.bytes) - run.gap_from
        self._hops = tuple(run.hops)
        self._spans = run.spans
        self._passed = run.passed
        self._holes = run.holes
        self._cut = _cutter(run.spans)
        self._mask: npt.NDArray[np.uint8] = np.frombuffer(bytes(run.mask), np.uint8)
        self._expected = (np.frombuffer(bytes(run.bytes), np.uint8) & self._mask).tobytes()
        tags = [*run.cut_tags, *run.hop_tags]
        self._decoder = decoder(tags)
        self._series = tags.index(series) if series in tags else None
        self._before: tuple[bytes, tuple[bytes, ...]] | None = (
            None  # the last one decoded in full: run, values
        )
        self._recent: tuple[bytes, ...] | None = None  # what is steady of its run
        self._set_varying(range(len(run.cut_tags), len(tags)))

    def match(self, prefix: Prefix) -> Match | None:
        """What is found of an object that has this layout; None where it is another."""
        data, offset, position, limit = prefix.data, 0, self._begin, len(prefix.data)
        pieces, loose = [], []
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
                loose.append(data[start:position])
        if position + self._tail > limit:
            offset += position
            data, position = _window(prefix, offset), 0
        end = position + self._tail
        pieces.append(data[position:end])
        values = self._compare(b"".join(pieces), loose)
        if values is None:
            return None
        return self._match(values, data, end, offset, prefix.size)

    def _match(
        self, values: tuple[str | None, ...], data: bytes, end: int, offset: int, size: int
    ) -> Match | None:
        """The match of an object whose elements end at a place of `data`, which begins at `offset` of its file."""
        if self._closing is None:
            return (values, self._context, end + offset, end + offset) if end + offset == size else None
        read_length, width, header = self._closing
        (length,) = read_length(data, end - width)
        end += offset
        return values, self._context, end - header, -1 if length == UNDEFINED_LENGTH else end + length

    def _compare(self, run: bytes, loose: list[bytes]) -> tuple[str | None, ...] | None:
        """Compare the headers of an object, at best together with what its series has in common."""
        if len(run) != len(self._expected):
            return None
        if self._cut_steady(run) == self._recent:
            return self._decoder.again((*self._cut_varying(run), *loose))
        if (np.frombuffer(run, np.uint8) & self._mask).tobytes() != self._expected:
            return None
        raws = (*self._cut(run), *loose)
        self._remember(run, raws)
        values = self._decoder.all(raws)
        self._recent = self._cut_steady(run)
        return values

    def _remember(self, run: bytes, raws: tuple[bytes, ...]) -> None:
        """Keep an object; the values in which it differs from one of its series are varying ones."""
        before, self._before = self._before, (run, raws)
        if before is None:
            return
        old_run, old_raws = before
        if self._series is not None and old_raws[self._series] != raws[self._series]:
            return
        self._holes += [span for span in self._passed if run[slice(*span)] != old_run[slice(*span)]]
        differing = {place for place, (old, new) in enumerate(zip(old_raws, raws, strict=True)) if old != new}
        self._set_varying(sorted(differing.union(self._varying)))

    def _set_varying(self, places: Sequence[int]) -> None:
        self._varying = tuple(places)
        self._decoder.set_varying(self._varying)
        varying = [self._spans[place] for place in places if place < len(self._spans)]
        self._cut_varying = _cutter(varying)
        self._holes = sorted(set(self._holes))
        self._cut_steady = _cutter(_between(sorted({*self._holes, *varying}), len(self._expected)))


def _between(holes: Iterable[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """The spans up to an end that these leave over."""
    at = 0
    for start, stop in holes:
        yield at, start
        at = stop
    yield at, end


def _cutter(spans: Iterable[tuple[int, int]]) -> Callable[[bytes], tuple[bytes, ...]]:
    """A function that cuts these spans out of a run."""
    form, at = "<", 0
    for start, stop in spans:
        form += f"{start - at}x{stop - start}s"
        at = stop
    return struct.Struct(form).unpack_from


def _window(prefix: Prefix, position: int) -> bytes:
    with FileSource(prefix) as source:
        source.load(position)
        return source.data if source.base == position else source.data[position - source.base :]


class LayoutCache:
    """The layouts of the objects read last, found by the first bytes of an object; bounded in number."""

    def __init__(self, wanted: Collection[int], constant: Collection[int], series: int) -> None:
        self._wanted = wanted
        self._constant = constant
        self._series = series
        self._kinds: dict[int, None] = {}
        self._buckets: dict[object, list[Layout]] = {}
        self._lengths: dict[int, list[int]] = {}

    def match(self, prefix: Prefix, transfer_syntax: str | None) -> Match | None:
        """What is found of an object that has one of the layouts."""
        bucket = self._buckets.get(_bucket(prefix, transfer_syntax))
        if bucket is None:
            return None
        for number, layout in enumerate(bucket):
            found = layout.match(prefix)
            if found is not None:
                if number:
                    bucket.insert(0, bucket.pop(number))
                return found
        return None

    def learn(
        self,
        prefix: Prefix,
        transfer_syntax: str | None,
        start: Start,
        elements: Sequence[tuple[int, ElementHeader]],
        closing: tuple[int, ElementHeader] | None,
        decoder: Callable[[list[int]], Decoder],
        context: Any,
    ) -> None:
        """Remember an object that was walked over; from the second of its kind on there is a layout.

        Args:
            elements: the headers of all elements that the layout is to cover, each with its position.
            closing: the same of the next one, None where the data set ends before.
            decoder: makes the decoder of the layout's raw values, from the tags that have one.
            context: is handed out with each match.
        """
        kind = hash(tuple([header[:2] for _, header in elements]))
        if kind not in self._kinds:
            _put(self._kinds, kind, None, MAX_KINDS)
            return
        walked = self._walked(start, elements, closing)
        if walked is None:
            return
        order, lengths = _order(walked), [part.length for part in walked.parts]
        before = self._lengths.get(order, lengths)
        if len(before) == len(lengths):
            lengths = [new if new == old else _VARIES for new, old in zip(lengths, before, strict=True)]
        _put(self._lengths, order, lengths, MAX_ORDERS)
        layout = Layout(walked, lengths, self._wanted, self._series, order, decoder, context)
        key = _bucket(prefix, transfer_syntax)
        others = [other for other in self._buckets.get(key, ()) if other.order != order]
        _put(self._buckets, key, [layout, *others][:BUCKET_SIZE], MAX_BUCKETS)

    def _walked(
        self,
        start: Start,
        elements: Sequence[tuple[int, ElementHeader]],
        closing: tuple[int, ElementHeader] | None,
    ) -> Walked | None:
        """All headers as parts, also those within values of undefined length.

        None where there are too many, a wanted value is too long, or a VR is missing.
        """
        parts = [self._part(start, at, header, EXPLICIT_LITTLE) for at, header in start.meta]
        for at, header in elements:
            if MAX_VALUE < header[3] < UNDEFINED_LENGTH and header[0] in self._wanted:
                return None
            parts += self._parts_of(start, at, header)
            if len(parts) > MAX_PARTS:
                return None
        last = self._part(start, *closing, start.encoding) if closing else None
        if not all(part.width for part in (*parts, last) if part):
            return None
        return Walked(start.first, parts, last)

    def _parts_of(self, start: Start, position: int, header: ElementHeader) -> Iterator[Part]:
        """An element as a part, and what is in it where its length is undefined; bounded in number."""
        source, encoding = start.source, start.encoding
        yield self._part(start, position, header, encoding)
        if header[3] == UNDEFINED_LENGTH:
            nested = nested_headers(source, header[2], source.size, encoding)
            for at, begin, length in islice(nested, MAX_PARTS):
                yield self._part(start, at, (_NESTED, None, begin, length), encoding)

    def _part(self, start: Start, position: int, header: ElementHeader, encoding: Encoding) -> Part:
        """One header as a part.

        Where a VR is missing in an explicit encoding the length stands in its place, and no mask could tell
        such a header from one with a VR: its width is given as 0. So is that of one whose VR is unknown, since
        what follows it tells how long it is.
        """
        tag, _, value, length = header
        raw = start.source.read(position, value)
        is_mark = raw[:2] == (b"\xff\xfe" if encoding.big_endian else b"\xfe\xff")
        if encoding.implicit or is_mark:
            width = 4
        elif raw[4:6] not in _KNOWN_VRS:
            width = 0
        else:
            width = 4 if len(raw) == 12 else 2
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
