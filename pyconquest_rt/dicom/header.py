"""Files → the wanted values of their headers, fast and bounded.

A `HeaderReader` is told once which values are wanted (`Field`) and which sequences, and then reads one file
after the other. It reads the first 16 KB, more only where the header is longer, and stops after the last
wanted tag: pixel data and contours are never read. What a file claims is never trusted: the memory for one
file stays below 32 MB and its elements are counted, whatever its lengths, its depth or its compression say.

No data set of pydicom is built; its data dictionary and character sets are used where they are needed.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from pyconquest_rt.dicom.completeness import check_complete, end_of_one_fragment
from pyconquest_rt.dicom.elements import (
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    Encoding,
    Item,
)
from pyconquest_rt.dicom.fields import Conversion, ConversionTable, Decoder, fit
from pyconquest_rt.dicom.fields import Field as Field
from pyconquest_rt.dicom.layouts import LayoutCache
from pyconquest_rt.dicom.part10 import (
    PREFIX_BYTES,
    FileSource,
    Prefix,
    Start,
    begin,
    read_prefix,
)
from pyconquest_rt.dicom.values import (
    NUMBER_CODES,
    character_codecs,
    dictionary_vr,
    private_creator_tag,
    text_value,
)
from pyconquest_rt.dicom.walk import MODALITY, Found, Wanted, walk
from pyconquest_rt.errors import TruncatedError, UnreadableError

SERIES_INSTANCE_UID = 0x0020000E

_SHORT_PREFIX = PREFIX_BYTES // 2
_LONGEST_TAIL = 1024
_TAILS = 64  # lengths that are kept for a layout
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
    end: int = (
        -1
    )  # where the first element after the last wanted one stands, mostly the pixel data; -1 without


class _Context(NamedTuple):
    """What the objects of one layout have in common, and how the walk over what follows it begins."""

    transfer_syntax: str
    charset: str
    encoding: Encoding
    raws: dict[int, tuple[str | None, bytes]]  # the values on which the meaning of others rests
    last: int  # the last wanted tag
    rest: tuple[int, ...] | None  # the numbers of the fields to be found there; None: nothing is
    tails: set[
        int
    ]  # how many bytes followed the closing element, mostly the pixel data, in objects found whole


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
        self._wanted = wanted = Wanted(self._fields, self._asked, sequences_of, keeps_items=digest is None)
        self._tables: dict[tuple[bytes, bool], ConversionTable] = {}
        self._layouts = LayoutCache(wanted.asked, wanted.decisive, SERIES_INSTANCE_UID) if remember else None
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
            fault, is_truncated = _fault_after(prefix, end, closing_end, context)
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
            end if end < prefix.size else -1,
        )

    def _parse_rest(
        self, prefix: Prefix, values: tuple[str | None, ...], context: _Context, position: int
    ) -> Header | None:
        """Walk on where the layout ends, at a wanted sequence; None where that needs a look at the whole."""
        found, encoding, syntax = Found(context.last), context.encoding, context.transfer_syntax
        found.raws.update(context.raws)
        try:
            with FileSource(prefix) as source:
                walk(Start(source, position, encoding, syntax, [], is_whole=True), self._wanted, found)
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
            start, found = begin(source, transfer_syntax), Found(self._wanted.last)
            walk(start, self._wanted, found)
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

    def _context(self, found: Found, start: Start, charset: str) -> _Context:
        """What is kept with the layout of an object."""
        rest, raws, last = None, {}, self._wanted.last
        if found.rest:
            _, (first, *_) = found.rest
            rest = tuple([number for number, field in enumerate(self._fields) if field.path[0] >= first])
            raws = {
                tag: raw for tag, raw in found.raws.items() if tag in self._wanted.decisive and tag < first
            }
            last = found.last if MODALITY in raws else last
        return _Context(start.transfer_syntax, charset, start.encoding, raws, last, rest, set())

    def _header(
        self,
        prefix: Prefix,
        values: Sequence[str | None],
        found: Found,
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
            found.closing[0] if found.closing else -1,
        )

    def _value(self, found: Found, field: Field, encoding: Encoding) -> str | None:
        """The value of a field in an object."""
        if len(field.path) > 1:
            return _nested_value(found.sequences.get(field.path[0], []), field)
        return self._conversion(found, field, encoding)[found.raw(field.path[0])]

    def _conversion(self, found: Found, field: Field, encoding: Encoding) -> Conversion:
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


def _fault_after(
    prefix: Prefix, position: int, closing_end: int, context: _Context
) -> tuple[str | None, bool]:
    """What is wrong from the closing element on, and whether it is that the file ends too early.

    A few bytes after that element, exactly as many as in an object of this layout whose elements filled its file,
    need no look: a file that is cut off has fewer.
    """
    end = closing_end if closing_end >= 0 else end_of_one_fragment(prefix.data, position)
    tail = prefix.size - end if end >= 0 else -1
    if not tail or tail in context.tails:
        return None, False
    try:
        with FileSource(prefix) as source:
            ends_well = check_complete(source, position, context.encoding)
    except UnreadableError as error:
        return str(error), isinstance(error, TruncatedError)
    if ends_well and 0 < tail <= _LONGEST_TAIL and len(context.tails) < _TAILS:
        context.tails.add(tail)
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
