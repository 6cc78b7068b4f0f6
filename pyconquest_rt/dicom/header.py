"""Files → the wanted values of their headers, fast and bounded.

A `HeaderReader` is told once which values are wanted (`Field`) and which sequences, and then reads one file
after the other. It reads the first 16 KB, more only where the header is longer, and stops after the last
wanted tag: pixel data and contours are never read. What a file claims is never trusted: the memory for one
file stays below 32 MB and its elements are counted, whatever its lengths, its depth or its compression say.

No data set of pydicom is built; its data dictionary and character sets are used where they are needed.
"""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from pyconquest_rt.dicom.completeness import check_complete, refuse_cut_header
from pyconquest_rt.dicom.elements import (
    ITEM,
    MARK_GROUP,
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    ElementHeader,
    Encoding,
    Item,
    Source,
    after_stray,
    end_of_value,
    format_tag,
    read_header,
    read_items,
)
from pyconquest_rt.dicom.fields import Conversion, ConversionTable, Decoder, fit
from pyconquest_rt.dicom.fields import Field as Field
from pyconquest_rt.dicom.layouts import MAX_PARTS, LayoutCache
from pyconquest_rt.dicom.part10 import (
    MAX_VALUE,
    PREFIX_BYTES,
    TRANSFER_SYNTAX_UID,
    FileSource,
    Prefix,
    Start,
    begin,
    read_prefix,
)
from pyconquest_rt.dicom.values import (
    NUMBER_CODES,
    UNDEFINED_LENGTH,
    character_codecs,
    dictionary_vr,
    private_creator_tag,
    text_value,
)
from pyconquest_rt.errors import TruncatedError, UnreadableError

MODALITY = 0x00080060
SERIES_INSTANCE_UID = 0x0020000E

MAX_SEQUENCES = 16 << 20  #: wanted sequences are left out once they have more bytes together
MAX_ITEMS = 50_000  #: a wanted sequence with more items is left out

_SHORT_PREFIX = PREFIX_BYTES // 2
_TABLES = 8  # combinations of character set and byte order of which the conversions are kept


class Header(NamedTuple):
    """What was read of one object; ``fault`` says what was wrong with it though it could be read."""

    values: tuple[str | None, ...]  # one per field, in the fields' order
    sequences: Mapping[int, list[Item]]  # those asked for and present
    size: int
    mtime_ns: int
    transfer_syntax: str
    charset: str  # SpecificCharacterSet as it stands
    fault: str | None = None
    digest: Any = None  # what the reader's digest has made of the sequences, which then are not kept
    is_truncated: bool = False  # the fault is that the object is cut off by the end of the file


class _Found:
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
        return self.raws[tag][1] if tag in self.raws else b""


class _Context(NamedTuple):
    """What the objects of one layout have in common, and how the walk over what follows it begins."""

    transfer_syntax: str
    charset: str
    encoding: Encoding
    raws: dict[int, tuple[str | None, bytes]]  # the values on which the meaning of others rests
    last: int  # the last wanted tag
    rest: tuple[int, ...] | None  # the numbers of the fields to be found there; None: nothing is


_NO_SEQUENCES: Mapping[int, list[Item]] = MappingProxyType({})
_ABSENT = Conversion(lambda raw: None)


class HeaderReader:
    """Reads the wanted values and sequences of one object after the other. Use one reader per thread.

    An object whose header breaks before its identifiers (the fields of kind ``"key"``) is refused: nobody could say
    whose it is. Whether all of an object is there is looked at too, though only its header is read.

    Args:
        fields: the wanted values; one tag may be wanted several times.
        sequences: the tags of wanted sequences at the top level, handed out as `Item` views.
        remember: whether to remember layouts (see layouts.py); without, each header is walked over.
        sequences_of: for a Modality those of the sequences that matter in its objects, which are then not read
            beyond them; so the contours of a structure set are not, even where their end has to be searched for.
        digest: is given the values and the wanted sequences of each object that has any, and makes something small
            of them; so that many headers can be held in memory, whatever is in their sequences.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        sequences: Collection[int] = (),
        remember: bool = True,
        sequences_of: Mapping[str, Collection[int]] = MappingProxyType({}),
        digest: Callable[[Sequence[str | None], Mapping[int, list[Item]]], Any] | None = None,
    ) -> None:
        self._digest = digest
        self._fields = tuple(fields)
        self._asked = frozenset(sequences)
        self._sequences = self._asked | {field.path[0] for field in self._fields if len(field.path) > 1}
        self._keys = {field.path[0] for field in self._fields if field.kind == "key"}
        tags = {field.path[0] for field in self._fields} | self._sequences
        self._last = max(tags, default=SPECIFIC_CHARACTER_SET)
        own = tags - self._asked
        self._last_of = {name.encode(): max(own | set(some)) for name, some in sequences_of.items()}
        creators = {creator for tag in tags if (creator := private_creator_tag(tag)) is not None}
        decisive = {TRANSFER_SYNTAX_UID, SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION} | creators
        if self._last_of:
            decisive.add(MODALITY)
        self._wanted, self._decisive = tags | decisive, decisive
        self._tables: dict[tuple[bytes, bool], ConversionTable] = {}
        self._layouts = LayoutCache(tags, decisive, SERIES_INSTANCE_UID) if remember else None
        self.prefix_bytes = (
            PREFIX_BYTES  #: so many first bytes suffice if the next object is like the last one
        )

    def read_file(self, path: str | os.PathLike[str]) -> Header:
        """Read the header of a file.

        Raises:
            UnreadableError: it cannot be read, is not DICOM, or breaks before its identifiers.
            DirectoryError: it is a DICOMDIR.
        """
        return self.parse(read_prefix(path, self.prefix_bytes))

    def read_bytes(self, data: bytes, transfer_syntax: str | None = None) -> Header:
        """Read the header of a whole file in memory, or with a transfer syntax that of a bare data set.

        Raises:
            UnreadableError: it is not DICOM.
        """
        return self.parse(Prefix(None, len(data), 0, data), transfer_syntax)

    def parse(self, prefix: Prefix, transfer_syntax: str | None = None) -> Header:
        """Read the header whose first bytes were read before; goes to the file for what lies beyond them.

        Raises:
            UnreadableError: it cannot be read, or is not DICOM.
        """
        matched = self._layouts and self._layouts.match(prefix, transfer_syntax)
        self.prefix_bytes = PREFIX_BYTES
        if not matched:
            return self._parse_new(prefix, transfer_syntax)
        values, context, end, closing_end = matched
        if context.rest is not None:
            header = self._parse_rest(prefix, values, context, end)
            return header or self._parse_new(prefix, transfer_syntax)
        fault, is_truncated = None, False
        if closing_end != prefix.size:
            fault, is_truncated = _fault_after(prefix, end, context.encoding)
        if end < _SHORT_PREFIX:
            self.prefix_bytes = _SHORT_PREFIX
        return Header(
            values,
            _NO_SEQUENCES,
            prefix.size,
            prefix.mtime_ns,
            context.transfer_syntax,
            context.charset,
            fault,
            None,
            is_truncated,
        )

    def _parse_rest(
        self, prefix: Prefix, values: tuple[str | None, ...], context: _Context, position: int
    ) -> Header | None:
        """Walk on where the layout ends, at a wanted sequence; None where that needs a look at the whole."""
        found, encoding, syntax = _Found(context.last), context.encoding, context.transfer_syntax
        found.raws.update(context.raws)
        try:
            with FileSource(prefix) as source:
                self._walk(Start(source, position, encoding, syntax, [], is_whole=True), found)
                if found.fault or not found.ordered:
                    return None
                completed = list(values)
                for number in context.rest or ():
                    completed[number] = self._value(found, self._fields[number], encoding)
                return self._header(prefix, completed, found, syntax, context.charset)
        except UnreadableError:
            return None

    def _parse_new(self, prefix: Prefix, transfer_syntax: str | None) -> Header:
        """Read a header element by element, and remember its layout up to the first wanted sequence."""
        with FileSource(prefix) as source:
            start, found = begin(source, transfer_syntax), _Found(self._last)
            self._walk(start, found)
            charset = found.raw(SPECIFIC_CHARACTER_SET).decode("latin-1").strip("\0 ")
            if self._layouts and found.is_plain() and start.source is source:
                conversions = [self._conversion(found, field, start.encoding) for field in self._fields]
                self._layouts.learn(
                    prefix,
                    transfer_syntax,
                    start,
                    found.elements,
                    found.rest or found.closing,
                    partial(Decoder, self._fields, conversions),
                    self._context(found, start, charset),
                )
            values = [self._value(found, field, start.encoding) for field in self._fields]
            return self._header(prefix, values, found, start.transfer_syntax, charset)

    def _context(self, found: _Found, start: Start, charset: str) -> _Context:
        """What is kept with the layout of an object."""
        rest, raws, last = None, {}, self._last
        if found.rest:
            _, (first, *_) = found.rest
            rest = tuple([number for number, field in enumerate(self._fields) if field.path[0] >= first])
            raws = {tag: raw for tag, raw in found.raws.items() if tag in self._decisive and tag < first}
            last = found.last if MODALITY in raws else last
        return _Context(start.transfer_syntax, charset, start.encoding, raws, last, rest)

    def _header(
        self,
        prefix: Prefix,
        values: Sequence[str | None],
        found: _Found,
        transfer_syntax: str,
        charset: str,
    ) -> Header:
        digest = None
        sequences: Mapping[int, list[Item]] = {
            tag: items for tag, items in found.sequences.items() if tag in self._asked
        }
        if sequences and self._digest:
            try:
                digest = self._digest(values, sequences)
            except UnreadableError as error:
                found.blame(UnreadableError(f"what the sequences say was left out: {error}"))
            sequences = _NO_SEQUENCES
        return Header(
            tuple(values),
            sequences,
            prefix.size,
            prefix.mtime_ns,
            transfer_syntax,
            charset,
            found.fault,
            digest,
            found.is_truncated,
        )

    def _walk(self, start: Start, found: _Found) -> None:
        """Visit the elements up to the last wanted tag, take what is wanted, and see that the rest is there.

        Where tags are out of order, or an identifier has not come yet, all elements are visited; of two with one
        tag the last counts.

        Raises:
            UnreadableError: the header breaks before all identifiers are read, or at its start.
        """
        try:
            self._walk_header(start, found)
            if found.closing and start.is_whole:
                check_complete(start.source, found.closing[0], start.encoding)
        except UnreadableError as error:
            if missing := self._keys - found.raws.keys():
                names = ", ".join(map(format_tag, sorted(missing)))
                raise type(error)(f"its header breaks before {names} is read: {error}") from error
            if not found.elements and not found.rest:
                raise
            found.blame(error)

    def _walk_header(self, start: Start, found: _Found) -> None:
        source, position, encoding = start.source, start.position, start.encoding
        previous = 0
        for _, header in start.meta:
            if header[0] in self._wanted:
                self._take(found, source, header, header[2] + header[3], encoding)
        while position + 8 <= source.size:
            tag, vr, value, length = header = read_header(source, position, encoding)
            if tag > found.last and found.ordered:
                if self._keys <= found.raws.keys():
                    found.closing = position, header
                    return
                found.is_odd = True
            if tag >> 16 == MARK_GROUP:
                position = after_stray(source, header, source.size, encoding)
                found.is_odd = True
                if tag == ITEM:
                    found.blame(f"the item at byte {value - 8}, which stands in no sequence, was left out")
                continue
            end, following = end_of_value(source, header, source.size, encoding)
            found.ordered = found.ordered and tag > previous
            found.pass_by(position, header, tag in self._sequences)
            if tag in self._wanted:
                self._take(found, source, header, end, encoding)
            position, previous = following, tag
        if any(key > previous for key in self._keys - found.raws.keys()):
            raise TruncatedError(f"the file ends after {format_tag(previous)}")
        refuse_cut_header(source.read(position, source.size), previous, encoding)

    def _take(
        self, found: _Found, source: Source, header: ElementHeader, end: int, encoding: Encoding
    ) -> None:
        """Keep what is wanted of one element."""
        tag, vr, start, length = header
        if tag in self._sequences:
            self._take_sequence(found, source, header, end, encoding)
        elif end - start > MAX_VALUE and tag in self._keys:
            raise UnreadableError(f"identifier {format_tag(tag)} has {end - start} bytes")
        elif length == UNDEFINED_LENGTH:
            found.raws[tag] = vr, b""  # items or fragments, not a value
        else:
            found.raws[tag] = vr, source.read(start, min(end, start + MAX_VALUE))
            if tag == MODALITY:
                found.last = self._last_of.get(found.raw(tag).strip(b"\0 "), found.last)

    def _take_sequence(
        self, found: _Found, source: Source, header: ElementHeader, end: int, encoding: Encoding
    ) -> None:
        """Keep the items of one wanted sequence; one that is too large or malformed is left out."""
        tag, vr, start, _ = header
        found.room -= end - start
        if found.room < 0:
            found.blame(f"sequence {format_tag(tag)} of {end - start} bytes was left out")
            return
        inner = source
        if self._digest is None:  # the items are handed out, and need bytes of their own
            inner = Source(source.read(start, end))
            inner.budget, start, end = source.budget, 0, inner.size
        codecs = character_codecs(found.raw(SPECIFIC_CHARACTER_SET))
        items = read_items(inner, (tag, vr, start, end - start), end, encoding, codecs)
        try:
            listed = list(islice(items, MAX_ITEMS + 1))
            if len(listed) > MAX_ITEMS:
                raise UnreadableError(f"more than {MAX_ITEMS} items")
            found.sequences[tag] = listed
        except UnreadableError as error:
            found.blame(f"sequence {format_tag(tag)} was left out: (counted from its start) {error}")
        if inner is not source:
            source.budget, inner.budget = inner.budget, sys.maxsize

    def _value(self, found: _Found, field: Field, encoding: Encoding) -> str | None:
        """The value of a field in an object."""
        if len(field.path) > 1:
            return _nested_value(found.sequences.get(field.path[0], []), field)
        return self._conversion(found, field, encoding)[found.raw(field.path[0])]

    def _conversion(self, found: _Found, field: Field, encoding: Encoding) -> Conversion:
        """The conversion of a field in an object."""
        tag, charset = field.path[0], found.raw(SPECIFIC_CHARACTER_SET)
        if tag not in found.raws:
            return _ABSENT
        table = self._table(charset, encoding.big_endian and tag >> 16 != 2)
        vr = found.raws[tag][0]
        if vr is None or vr == "UN":
            creator = text_value(found.raw(private_creator_tag(tag) or 0), "LO", table.codecs)
            vr = dictionary_vr(tag, any(found.raw(PIXEL_REPRESENTATION)), creator)
        return table[vr, field.length, field.kind]

    def _table(self, charset: bytes, big_endian: bool) -> ConversionTable:
        """The conversions for a character set and byte order."""
        table = self._tables.get((charset, big_endian))
        if table is None:
            if len(self._tables) >= _TABLES:
                self._tables.clear()
            table = ConversionTable(character_codecs(charset), big_endian)
            self._tables[charset, big_endian] = table
        return table


def _fault_after(prefix: Prefix, position: int, encoding: Encoding) -> tuple[str | None, bool]:
    """What is wrong with the elements from a position on, and whether it is that the file ends too early."""
    try:
        with FileSource(prefix) as source:
            check_complete(source, position, encoding)
    except UnreadableError as error:
        return str(error), isinstance(error, TruncatedError)
    return None, False


def _nested_value(items: list[Item], field: Field) -> str | None:
    """The value at a nested path; ``None`` where any part of the path is absent or cannot be read."""
    try:
        for number, tag in zip(field.path[1:-2:2], field.path[2:-1:2], strict=True):
            items = items[number].items(tag)
        item, tag = items[field.path[-2]], field.path[-1]
        text = item.text(tag)
        if text is not None and field.kind == "number" and item.vr(tag) in NUMBER_CODES:
            text = text.split("\\")[0]
        return fit(text, field)
    except (IndexError, UnreadableError):
        return None
