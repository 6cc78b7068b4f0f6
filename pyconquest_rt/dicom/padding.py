"""Values of odd length, which PS3.5 section 7.1.1 forbids and some writers leave: where padding has to go in.

Files keep such values as they came. Whoever hands an object on gives them the byte that is missing; so the lengths of
the values, and of the items and sequences around them, are others then.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pyconquest_rt.dicom.elements import (
    ITEM,
    MARK_GROUP,
    SEQUENCE_DELIMITER,
    ElementHeader,
    Encoding,
    Source,
    read_header,
)
from pyconquest_rt.dicom.values import NUMBER_CODES, SHORT_VR_BYTES, UNDEFINED_LENGTH, dictionary_vr

Buffer = bytes | bytearray | memoryview

_FRAGMENTED = frozenset(
    {"OB", "OW"}
)  # VRs whose value of undefined length is made of fragments, not of elements
_NUL_PADDED = frozenset({"UI", "UN", *NUMBER_CODES})
_LONGEST_SHORT = 0xFFFE
_HEADER_BYTES = 8  # of an element with a length of 16 bits


class Edit(NamedTuple):
    """Bytes that stand in a data set in place of as many from a position on, or before it."""

    position: int
    drop: int
    data: bytes


class _Length:
    """The length field of an element or item, and by how much it grows."""

    __slots__ = ("at", "end", "extra", "length", "width")

    def __init__(self, at: int, width: int, length: int, end: int) -> None:
        self.at, self.width, self.length, self.end, self.extra = at, width, length, end, 0


def paddings(source: Source, position: int, encoding: Encoding) -> list[Edit]:
    """Return the edits that make all lengths of a data set even, in their order; for nearly all objects there are none.

    A value of 65,535 bytes whose length has 16 bits stays odd, since there is no longer one.

    Raises:
        UnreadableError: the elements cannot be walked to the end.
    """
    return _Walk(source, encoding).walk(position)


class _Walk:
    """A walk over all elements at all depths. It steps into items and sequences, so nesting costs no stack."""

    def __init__(self, source: Source, encoding: Encoding) -> None:
        self._source = source
        self._encoding = encoding
        self._around: list[_Length] = []  # items and sequences of known length in which the walk is
        self._edits: list[Edit] = []
        self._in_fragments = False

    def walk(self, position: int) -> list[Edit]:
        source, encoding = self._source, self._encoding
        while (position := self._pass_even(position)) + 8 <= source.size:
            _, _, start, length = header = read_header(source, position, encoding)
            is_value = self._is_value(header)
            if length != UNDEFINED_LENGTH and start + length <= source.size:
                if not is_value:
                    self._enter(position, header)
                elif length & 1:
                    self._pad(position, header)
            position = start + length if is_value else start
        self._leave(source.size)
        return sorted(self._edits)

    def _pass_even(self, position: int) -> int:
        """Pass over values of even length whose headers lie in the window at hand: nearly all, so without calls."""
        data, base = self._source.data, self._source.base
        last = base + len(data) - _HEADER_BYTES
        if self._encoding.implicit:
            return self._pass_even_implicit(position, last)
        unpack = self._encoding.tag_vr_length
        while base <= position <= last:
            group, _, vr, length = unpack(data, position - base)
            if vr not in SHORT_VR_BYTES or length & 1 or group == MARK_GROUP:
                break
            position += _HEADER_BYTES + length
        return position

    def _pass_even_implicit(self, position: int, last: int) -> int:
        data, base, unpack = self._source.data, self._source.base, self._encoding.tag_and_length
        while base <= position <= last:
            group, element, length = unpack(data, position - base)
            if length & 1 or group == MARK_GROUP or dictionary_vr(group << 16 | element) == "SQ":
                break  # an undefined length is an odd number too
            position += _HEADER_BYTES + length
        return position

    def _is_value(self, header: ElementHeader) -> bool:
        """Whether a header is followed by a value; else by items, or by the elements of one."""
        tag, vr, _, length = header
        if tag >> 16 == MARK_GROUP:
            self._in_fragments = self._in_fragments and tag != SEQUENCE_DELIMITER
            return self._in_fragments
        if length == UNDEFINED_LENGTH:
            self._in_fragments = (vr or dictionary_vr(tag)) in _FRAGMENTED
            return False
        return (vr or dictionary_vr(tag)) != "SQ"

    def _enter(self, position: int, header: ElementHeader) -> None:
        tag, _, start, length = header
        if length and (tag >> 16 != MARK_GROUP or tag == ITEM):
            self._leave(position)
            self._around.append(self._length_field(position, header))

    def _leave(self, position: int) -> None:
        """Be done with the items and sequences that end before a position; what they grew by, those around grow too."""
        while self._around and self._around[-1].end <= position:
            left = self._around.pop()
            if left.extra:
                self._note(left)
                if self._around:
                    self._around[-1].extra += left.extra

    def _pad(self, position: int, header: ElementHeader) -> None:
        tag, vr, _, length = header
        field = self._length_field(position, header)
        if field.width == 2 and length > _LONGEST_SHORT:
            return
        self._leave(position)
        field.extra = 1
        self._note(field)
        nul = tag >> 16 == MARK_GROUP or (vr or dictionary_vr(tag)) in _NUL_PADDED
        self._edits.append(Edit(field.end, 0, b"\0" if nul else b" "))
        if self._around:
            self._around[-1].extra += 1

    def _note(self, field: _Length) -> None:
        form = (">" if self._encoding.big_endian else "<") + ("H" if field.width == 2 else "I")
        self._edits.append(Edit(field.at, field.width, struct.pack(form, field.length + field.extra)))

    def _length_field(self, position: int, header: ElementHeader) -> _Length:
        """Where the length of a header stands: before the value, or before two bytes of nothing."""
        _, _, start, length = header
        last = self._source.read(start - 4, start)
        width = 4 if int.from_bytes(last, "big" if self._encoding.big_endian else "little") == length else 2
        return _Length(start - width, width, length, start + length)


def edited(blocks: Iterable[Buffer], start: int, edits: Sequence[Edit]) -> Iterator[Buffer]:
    """Yield the bytes of blocks, of which the first begins at a position of the source, with the edits made."""
    left = list(reversed(edits))
    dropped = 0  # bytes of the next block that an edit replaced
    for block in blocks:
        at, end = start + dropped, start + len(block)
        while left and left[-1].position < end:
            edit = left.pop()
            yield block[at - start : edit.position - start]
            yield edit.data
            at = edit.position + edit.drop
        yield block[at - start :]
        start, dropped = end, max(0, at - end)
    yield from (edit.data for edit in reversed(left))
