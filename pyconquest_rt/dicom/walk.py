"""One walk over the elements of an object: what is wanted of them is kept, all others are passed over.

The walk ends at the first element after the last wanted tag, and then sees whether the rest of the object is there.
What a file claims is never trusted: the sizes of values and sequences that are kept are bounded.
"""

import sys
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from pyconquest_rt.dicom.completeness import check_complete, refuse_cut_header
from pyconquest_rt.dicom.elements import (
    ITEM,
    MARK_GROUP,
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    ElementHeader,
    Item,
    Source,
    after_stray,
    end_of_value,
    format_tag,
    read_header,
    read_items,
)
from pyconquest_rt.dicom.fields import Field
from pyconquest_rt.dicom.layouts import MAX_PARTS
from pyconquest_rt.dicom.part10 import MAX_VALUE, TRANSFER_SYNTAX_UID, Start
from pyconquest_rt.dicom.values import UNDEFINED_LENGTH, character_codecs, private_creator_tag
from pyconquest_rt.errors import TruncatedError, UnreadableError

MODALITY = 0x00080060

MAX_SEQUENCES = 16 << 20  #: wanted sequences are left out once they have more bytes together
MAX_ITEMS = 50_000  #: a wanted sequence with more items is left out


class Wanted:
    """What is looked for in each object.

    Args:
        fields: the wanted values; those of kind ``"key"`` are identifiers, without which an object is refused.
        sequences: the tags of wanted sequences.
        sequences_of: for a Modality those of the sequences that matter in its objects.
        keeps_items: whether the items of sequences outlive the walk, and so need bytes of their own.
    """

    def __init__(
        self,
        fields: Collection[Field],
        sequences: Collection[int],
        sequences_of: Mapping[str, Collection[int]],
        keeps_items: bool,
    ) -> None:
        self.keeps_items = keeps_items
        firsts = {field.path[0] for field in fields}
        self.sequences = {*sequences, *(field.path[0] for field in fields if len(field.path) > 1)}
        self.keys = {field.path[0] for field in fields if field.kind == "key"}
        self.asked = firsts | self.sequences
        """The tags whose values are handed out."""
        self.last = max(self.asked, default=SPECIFIC_CHARACTER_SET)
        others = self.asked.difference(sequences)
        self._last_of = {name.encode(): max(others | set(some)) for name, some in sequences_of.items()}
        self.decisive = {
            TRANSFER_SYNTAX_UID,
            SPECIFIC_CHARACTER_SET,
            PIXEL_REPRESENTATION,
            *_creators(self.asked),
        }
        """The tags of values on which the meaning of others rests."""
        if self._last_of:
            self.decisive.add(MODALITY)
        self.tags = self.asked | self.decisive

    def last_of(self, modality: bytes) -> int | None:
        """Return the last tag that matters in objects of a Modality; None: the last of all."""
        return self._last_of.get(modality.strip(b"\0 "))


def _creators(tags: Iterable[int]) -> set[int]:
    return {creator for tag in tags if (creator := private_creator_tag(tag)) is not None}


class Found:
    """What a walk over one object found."""

    __slots__ = (
        "closing",
        "elements",
        "fault",
        "is_odd",
        "is_truncated",
        "last",
        "ordered",
        "raws",
        "rest",
        "room",
        "sequences",
    )

    def __init__(self, last: int) -> None:
        self.last = last  # the last wanted tag
        self.raws: dict[int, tuple[str | None, bytes]] = {}
        self.sequences: dict[int, list[Item]] = {}
        self.elements: list[tuple[int, ElementHeader]] = []  # those before `rest`, each with its position
        self.rest: tuple[int, ElementHeader] | None = None  # the first wanted sequence
        self.closing: tuple[int, ElementHeader] | None = None  # the first element after the last wanted
        self.ordered = True
        self.is_odd = False  # something stands among the elements, or is missing, that a layout cannot tell
        self.fault: str | None = None
        self.is_truncated = False
        self.room = MAX_SEQUENCES

    def blame(self, reason: str | Exception) -> None:
        """Note what is wrong with the object; what is noted first stays."""
        if not self.fault:
            self.fault, self.is_truncated = str(reason), isinstance(reason, TruncatedError)

    def pass_by(self, position: int, header: ElementHeader, is_sequence: bool) -> None:
        """Note where an element stands, as far as a layout can be made of them."""
        if self.rest is None and is_sequence:
            self.rest = position, header
        elif self.rest is None and len(self.elements) <= MAX_PARTS:
            self.elements.append((position, header))

    def is_plain(self) -> bool:
        """Whether the object is one of which the layout can be remembered."""
        return self.ordered and not self.is_odd and not self.fault and 0 < len(self.elements) <= MAX_PARTS

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value; none where it is absent."""
        return self.raws[tag][1] if tag in self.raws else b""


def walk(start: Start, wanted: Wanted, found: Found) -> None:
    """Visit the elements up to the last wanted tag, take what is wanted, and see that the rest is there.

    Where tags are out of order, or an identifier has not come yet, all elements are visited; of two with one
    tag the last counts.

    Raises:
        UnreadableError: the header breaks before all identifiers are read, or at its start.
    """
    try:
        _walk_header(start, wanted, found)
        if found.closing and start.is_whole:
            check_complete(start.source, found.closing[0], start.encoding)
    except UnreadableError as error:
        if missing := wanted.keys - found.raws.keys():
            names = ", ".join(map(format_tag, sorted(missing)))
            raise type(error)(f"its header breaks before {names} is read: {error}") from error
        if not found.elements and not found.rest:
            raise
        found.blame(error)


def _walk_header(start: Start, wanted: Wanted, found: Found) -> None:
    source, position, encoding = start.source, start.position, start.encoding
    tags, sequences, previous = wanted.tags, wanted.sequences, 0
    _take_meta(start, wanted, found)
    while position + 8 <= source.size:
        header = read_header(source, position, encoding)
        tag = header[0]
        if tag > found.last and found.ordered:
            if wanted.keys <= found.raws.keys():
                found.closing = position, header
                return
            found.is_odd = True
        if tag >> 16 == MARK_GROUP:
            position = _pass_stray(start, header, found)
            continue
        end, following = end_of_value(source, header, source.size, encoding)
        found.ordered = found.ordered and tag > previous
        found.pass_by(position, header, tag in sequences)
        if tag in tags:
            _take(start, header, end, wanted, found)
        position, previous = following, tag
    if any(key > previous for key in wanted.keys - found.raws.keys()):
        raise TruncatedError(f"the file ends after {format_tag(previous)}")
    refuse_cut_header(source.read(position, source.size), previous, encoding)


def _take_meta(start: Start, wanted: Wanted, found: Found) -> None:
    """Keep what is wanted of the file meta information."""
    for _, header in start.meta:
        if header[0] in wanted.tags:
            _take(start, header, header[2] + header[3], wanted, found)


def _pass_stray(start: Start, header: ElementHeader, found: Found) -> int:
    """Pass over an item or delimiter that stands in no sequence; returns where the next element begins."""
    found.is_odd = True
    following = after_stray(start.source, header, start.source.size, start.encoding)
    if header[0] == ITEM:
        found.blame(f"the item at byte {header[2] - 8}, which stands in no sequence, was left out")
    return following


def _take(start: Start, header: ElementHeader, end: int, wanted: Wanted, found: Found) -> None:
    """Keep what is wanted of one element."""
    tag, vr, value, length = header
    if tag in wanted.sequences:
        _take_sequence(start, header, end, wanted, found)
    elif end - value > MAX_VALUE and tag in wanted.keys:
        raise UnreadableError(f"identifier {format_tag(tag)} has {end - value} bytes")
    elif length == UNDEFINED_LENGTH:
        found.raws[tag] = vr, b""  # items or fragments, not a value
    else:
        found.raws[tag] = vr, start.source.read(value, min(end, value + MAX_VALUE))
        if tag == MODALITY:
            found.last = wanted.last_of(found.raw(tag)) or found.last


def _take_sequence(start: Start, header: ElementHeader, end: int, wanted: Wanted, found: Found) -> None:
    """Keep the items of one wanted sequence; one that is too large or malformed is left out."""
    source, (tag, vr, value, _) = start.source, header
    found.room -= end - value
    if found.room < 0:
        found.blame(f"sequence {format_tag(tag)} of {end - value} bytes was left out")
        return
    inner = source
    if wanted.keeps_items:
        inner = Source(source.read(value, end))
        inner.budget, value, end = source.budget, 0, inner.size
    codecs = character_codecs(found.raw(SPECIFIC_CHARACTER_SET))
    items = read_items(inner, (tag, vr, value, end - value), end, start.encoding, codecs)
    try:
        listed = list(islice(items, MAX_ITEMS + 1))
        if len(listed) > MAX_ITEMS:
            raise UnreadableError(f"more than {MAX_ITEMS} items")
        found.sequences[tag] = listed
    except UnreadableError as error:
        found.blame(f"sequence {format_tag(tag)} was left out: (counted from its start) {error}")
    if inner is not source:
        source.budget, inner.budget = inner.budget, sys.maxsize
