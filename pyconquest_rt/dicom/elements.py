"""A bounds-checked, non-recursive reader of encoded DICOM data sets (PS3.5 section 7).

`read_header` reads the header of one data element, `end_of_value` says where its value ends (through
nested sequences of undefined length, without recursion), and `Item` is a cheap view of one data set: its
elements are located at first use, its values decoded when asked for.

Lengths are never trusted: whatever would lie beyond its surroundings raises `UnreadableError`.
"""

import struct
import sys
from collections.abc import Iterator

from pyconquest_rt.dicom.unknown_vrs import extent_of_unknown
from pyconquest_rt.dicom.values import (
    LONG_VRS,
    SHORT_VRS,
    SINGLE_VALUED,
    TEXT_VRS,
    UNDEFINED_LENGTH,
    character_codecs,
    dictionary_vr,
    private_creator_tag,
    text_value,
)
from pyconquest_rt.errors import TruncatedError, UnreadableError

SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
MARK_GROUP = 0xFFFE  #: of items and delimiters
ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD

#: Among the items of a sequence, or among the elements of an item: how many levels a delimiter ends there.
_LEVELS_ENDED = {
    (True, SEQUENCE_DELIMITER): 1,
    (True, ITEM_DELIMITER): 0,  # one too many: some write it after items of known length
    (False, ITEM_DELIMITER): 1,
    (False, SEQUENCE_DELIMITER): 2,  # some end the last item by that of its sequence
}

MAX_ENDS = 4096  #: so many ends of values of undefined length are remembered as they are come upon

_LONG = {vr.encode(): vr for vr in LONG_VRS}
_SHORT = {vr.encode(): vr for vr in SHORT_VRS}

#: tag, VR (``None`` where the encoding does not tell), position of the value, its length or UNDEFINED_LENGTH.
ElementHeader = tuple[int, str | None, int, int]


class Encoding:
    """How a data set is encoded: byte order, and whether the VRs are left out."""

    __slots__ = ("big_endian", "implicit", "long_length", "tag_and_length", "tag_vr_length")

    def __init__(self, *, implicit: bool, big_endian: bool = False) -> None:
        order = ">" if big_endian else "<"
        self.implicit = implicit
        self.big_endian = big_endian
        self.tag_and_length = struct.Struct(order + "HHI").unpack_from
        self.tag_vr_length = struct.Struct(order + "HH2sH").unpack_from
        self.long_length = struct.Struct(order + "8xI").unpack_from


IMPLICIT_LITTLE = Encoding(implicit=True)
EXPLICIT_LITTLE = Encoding(implicit=False)
EXPLICIT_BIG = Encoding(implicit=False, big_endian=True)


class Source:
    """Bytes of a data set by position, all of them in memory.

    `data` is a window of them that begins at position `base`: here all of them; a reader of files overrides
    `load` and `read` and moves the window.
    """

    __slots__ = ("base", "budget", "data", "ends", "size")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.base = 0
        self.size = len(data)
        self.budget = sys.maxsize  # element headers that may still be read
        self.ends: dict[int, tuple[int, int]] = {}  # of values of undefined length: start → `end_of_value`

    def load(self, position: int) -> None:
        """Bring the bytes at a position into `data`, as far as there are any."""

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from start to stop."""
        return self.data[start - self.base : stop - self.base]


def read_header(source: Source, position: int, encoding: Encoding) -> ElementHeader:
    """Read the header of the data element (or item, or delimiter) at a position.

    In an explicit encoding an element without a VR is taken as implicit, as pydicom does: some writers, and
    sequences in a UN, change over (PS3.5 section 6.2.2). For unknown VRs see unknown_vrs.py.

    Raises:
        TruncatedError: the data end within the header.
        UnreadableError: there are more elements than may be read.
    """
    at = position - source.base
    if at < 0 or at + 12 > len(source.data):
        source.load(position)
        at = position - source.base
    source.budget -= 1
    if source.budget < 0:
        raise UnreadableError(f"too many data elements: gave up at byte {position}")
    data = source.data
    try:
        if not encoding.implicit:
            group, element, vr, length = encoding.tag_vr_length(data, at)
            if group != MARK_GROUP:
                if known := _SHORT.get(vr):
                    return group << 16 | element, known, position + 8, length
                if known := _LONG.get(vr):
                    return group << 16 | element, known, position + 12, encoding.long_length(data, at)[0]
                return group << 16 | element, None, *extent_of_unknown(source, position, vr, encoding)
        group, element, length = encoding.tag_and_length(data, at)
        return group << 16 | element, None, position + 8, length
    except struct.error:
        raise TruncatedError(f"the data end within the element header at byte {position}") from None


def nested_headers(
    source: Source, position: int, stop: int, encoding: Encoding, depth: int = 1
) -> Iterator[tuple[int, int, int]]:
    """Walk a value of undefined length and yield (position, position after its header, length) of all in it.

    Undefined lengths are yielded as 0: what is in them follows. The last one yielded is the delimiter of the
    whole value. Nothing is kept but the depth, so nesting costs no memory. With a depth of 2 the walk is over
    the content of one item in place of a sequence.

    Raises:
        UnreadableError: the value is not made of items, or runs beyond ``stop``.
    """
    innermost = depth - 1
    while depth > innermost:  # odd: among the items of a sequence; even: among the elements of an item
        tag, _, start, length = read_header(source, position, encoding)
        is_mark, among_items = tag >> 16 == MARK_GROUP, depth % 2 == 1
        ended = _LEVELS_ENDED.get((among_items, tag)) if is_mark else None
        if ended is not None:
            depth -= ended
            length = 0
            if depth < innermost:  # the sequence is not ours to end
                start = position
        elif tag != ITEM if among_items else is_mark:
            raise UnreadableError(
                f"found {format_tag(tag)} at byte {position} in place of an item or a delimiter"
            )
        elif length == UNDEFINED_LENGTH:
            depth += 1
            length = 0
        if start + length > stop:
            raise beyond(source, tag, position, length, stop)
        yield position, start, length
        position = start + length


def end_of_value(source: Source, header: ElementHeader, stop: int, encoding: Encoding) -> tuple[int, int]:
    """Where the value of an element (or item) ends, and where the next begins (after the delimiter, if any).

    Raises:
        UnreadableError: that is beyond ``stop``, the end of the surroundings.
    """
    tag, _, start, length = header
    if length != UNDEFINED_LENGTH:
        if start + length > stop:
            raise beyond(source, tag, start, length, stop)
        return start + length, start + length
    known = source.ends.get(start)
    if known is not None and known[1] <= stop:
        return known
    last = following = start
    for last, following, _ in nested_headers(source, start, stop, encoding, 2 if tag == ITEM else 1):  # noqa: B007
        pass
    if len(source.ends) < MAX_ENDS:
        source.ends[start] = last, following
    return last, following


def after_stray(source: Source, header: ElementHeader, stop: int, encoding: Encoding) -> int:
    """Where the next element begins after an item or a delimiter that stands among elements, in no sequence.

    DCMTK passes over these; so a delimiter too many costs nothing, and of a sequence of length 0 whose items follow
    all the same only these are left out.

    Raises:
        UnreadableError: the item ends beyond ``stop``.
    """
    return end_of_value(source, header, stop, encoding)[1] if header[0] == ITEM else header[2]


def beyond(source: Source, tag: int, position: int, length: int, stop: int) -> UnreadableError:
    """The error for a length that lies, or whose value is cut off where the data end."""
    kind = TruncatedError if stop >= source.size else UnreadableError
    return kind(
        f"element {format_tag(tag)} at byte {position} claims {length} bytes, but only up to byte {stop} "
        "are there"
    )


def format_tag(tag: int) -> str:
    """A tag as it is written: (gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class Item:
    """A view of one data set: an item of a sequence, or a whole one.

    Values come as text (`text`, `values`), as bytes (`raw`) or as further items (`items`). An element that is
    absent and one that is empty look alike: ``None`` or an empty list. What is malformed raises
    `UnreadableError` when it is come upon.
    """

    __slots__ = ("_codecs", "_elements", "_encoding", "_parent_codecs", "_source", "_start", "_stop")

    def __init__(
        self,
        source: Source,
        start: int,
        stop: int,
        encoding: Encoding,
        codecs: tuple[str, ...] = ("iso8859",),
        elements: dict[int, ElementHeader] | None = None,
    ) -> None:
        self._source = source
        self._start = start
        self._stop = stop
        self._encoding = encoding
        self._parent_codecs = codecs
        self._codecs: tuple[str, ...] | None = None
        self._elements = elements  # as `locate` found them, where that has been done

    @property
    def encoding(self) -> Encoding:
        """How its elements are encoded."""
        return self._encoding

    @property
    def codecs(self) -> tuple[str, ...]:
        """The Python codecs of its character set."""
        return self._codecs or self._character_codecs()

    def __contains__(self, tag: int) -> bool:
        return tag in self._located()

    def tags(self) -> list[int]:
        """The tags of all elements, in the order in which they stand."""
        return list(self._located())

    def raw(self, tag: int) -> bytes | None:
        """The encoded value (of undefined length: up to its delimiter); ``None`` where absent or empty."""
        header = self._located().get(tag)
        if header is None:
            return None
        stop, _ = end_of_value(self._source, header, self._stop, self._encoding)
        return self._source.read(header[2], stop) or None

    def text(self, tag: int) -> str | None:
        """The value as text (see `values.text_value`); ``None`` where absent or empty."""
        header = (self._elements or self._located()).get(tag)
        if header is None or header[3] == UNDEFINED_LENGTH:
            return None
        _, vr, start, length = header
        raw = self._source.read(start, start + length)
        if vr is None or vr == "UN":
            vr = self.vr(tag)
        if vr in TEXT_VRS and raw.isascii():  # nearly all: what text_value does, at half its cost
            text = raw.decode("ascii").rstrip(" \0")
            if text.isprintable():
                return text or None
        return text_value(raw, vr, self.codecs, big_endian=self._encoding.big_endian)

    def values(self, tag: int) -> list[str]:
        """The values of one element, each without the blanks around it."""
        text = self.text(tag)
        if text is None:
            return []
        if ("\\" not in text and text[0] != " ") or self.vr(tag) in SINGLE_VALUED:
            return [text]
        return [value.strip(" ") for value in text.split("\\")]

    def items(self, tag: int) -> "list[Item]":
        """The items of a sequence."""
        return list(self._items(tag))

    def first(self, tag: int) -> "Item | None":
        """The first item of a sequence, the others not looked at; ``None`` where there is none."""
        return next(self._items(tag), None)

    def _items(self, tag: int) -> "Iterator[Item]":
        header = self._located().get(tag)
        if header is None:
            return iter(())
        return read_items(self._source, header, self._stop, self._encoding, self.codecs)

    def vr(self, tag: int) -> str:
        """The VR by which the element is decoded; "UN" where nobody knows."""
        header = self._located().get(tag)
        vr = header[1] if header else None
        if vr is not None and vr != "UN":
            return vr
        creator_tag = private_creator_tag(tag)
        creator = None if creator_tag is None else self.text(creator_tag)
        return dictionary_vr(tag, any(self.raw(PIXEL_REPRESENTATION) or b""), creator)

    def _character_codecs(self) -> tuple[str, ...]:
        if self._codecs is None:
            own = self.raw(SPECIFIC_CHARACTER_SET)
            self._codecs = self._parent_codecs if own is None else character_codecs(own)
        return self._codecs

    def _located(self) -> dict[int, ElementHeader]:
        if self._elements is None:
            self._elements = locate(self._source, self._start, self._stop, self._encoding)
        return self._elements


def locate(
    source: Source,
    position: int,
    stop: int,
    encoding: Encoding,
    last: frozenset[int] = frozenset(),
) -> dict[int, ElementHeader]:
    """The headers of the elements of one data set by tag; it ends at ``stop``, or with one of the tags ``last``.

    Nearly all headers are explicit and lie in the window at hand. These are read here without a call for each
    (a third of the time); `read_header` and `end_of_value` see to the others, and to what is wrong.

    Raises:
        UnreadableError: an element does not fit, or there are more than may be read.
    """
    found: dict[int, ElementHeader] = {}
    while position < stop:
        if not encoding.implicit:
            position = _locate_plain(source, position, stop, encoding, last, found)
            if position >= stop:
                break
        header = read_header(source, position, encoding)
        if header[0] >> 16 == MARK_GROUP:
            position = after_stray(source, header, stop, encoding)
            continue
        found[header[0]] = header
        if header[0] in last:
            break
        _, position = end_of_value(source, header, stop, encoding)
    return found


def _locate_plain(
    source: Source,
    position: int,
    stop: int,
    encoding: Encoding,
    last: frozenset[int],
    found: dict[int, ElementHeader],
) -> int:
    """Note explicit elements of known VR and length; returns the position of the first that is otherwise."""
    data, base, room = source.data, source.base, source.budget
    unpack, long_length = encoding.tag_vr_length, encoding.long_length
    safe = min(stop, base + len(data)) - 12
    while base <= position <= safe and room > 0:
        group, element, vr, length = unpack(data, position - base)
        start = position + 8
        known = _SHORT.get(vr)
        if known is None:
            known = _LONG.get(vr)
            length = long_length(data, position - base)[0]
            start += 4
        tag = group << 16 | element
        if (
            known is None
            or length == UNDEFINED_LENGTH
            or start + length > stop
            or group == 0xFFFE
            or tag in last
        ):
            break
        found[tag] = tag, known, start, length
        position = start + length
        room -= 1
    source.budget = room
    return position


def read_items(
    source: Source,
    header: ElementHeader,
    stop: int,
    encoding: Encoding,
    codecs: tuple[str, ...] = ("iso8859",),
) -> Iterator[Item]:
    """Yield the items of the sequence whose header is given.

    Raises:
        UnreadableError: it is not made of items, or does not fit.
    """
    _, _, position, length = header
    if length != UNDEFINED_LENGTH:
        stop, _ = end_of_value(source, header, stop, encoding)
    while position < stop:
        tag, _, start, _ = header = read_header(source, position, encoding)
        if tag == SEQUENCE_DELIMITER:
            return
        if tag == ITEM_DELIMITER:  # one too many: see nested_headers
            position = start
            continue
        if tag != ITEM:
            raise UnreadableError(f"found {format_tag(tag)} at byte {position} in place of an item")
        end, position = end_of_value(source, header, stop, encoding)
        yield Item(source, start, end, encoding, codecs)
