"""Files → the wanted values of their headers, fast and bounded.

A `HeaderReader` is told once which values are wanted (`Field`) and which sequences, and then reads one file
after the other. It reads the first 16 KB, more only where the header is longer, and stops after the last wanted
tag: pixel data and contours are never read. What a file claims is never trusted: the memory for one file stays
below 32 MB and its elements are counted, whatever its lengths, its depth or its compression say.

No data set of pydicom is built; its data dictionary and character sets are used where they are needed.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from pyconquest_rt.elements import (
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    ElementHeader,
    Encoding,
    Item,
    Source,
    beyond,
    end_of_value,
    format_tag,
    read_header,
    read_items,
)
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.part10 import FileSource, Prefix, Start, begin, read_prefix
from pyconquest_rt.values import (
    NUMBER_CODES,
    UNDEFINED_LENGTH,
    character_codecs,
    resolve_vr,
    text_value,
)

MAX_VALUE = 1 << 16  #: of one wanted value so many bytes are read at most
MAX_SEQUENCE = 16 << 20  #: a wanted sequence with more bytes is left out

_REMEMBERED = 1024  # values kept per conversion
_REMEMBERED_BYTES = 128  # longer ones are not kept


class Field(NamedTuple):
    """One wanted value: where it stands, and what a column takes of it.

    ``path`` is ``(tag,)``, or for a nested value ``(sequence, item number from 0, tag)`` and so on. ``kind`` is

    - ``"text"``: as `values.text_value` gives it;
    - ``"date"``: the same without ``.`` and ``/``;
    - ``"number"``: of a binary VR only the first number;
    - ``"key"``: an identifier; one longer than ``length`` is shortened to fit and ends with ``~`` and twelve
      hexadecimal digits of its SHA-256, so that two never become one.

    All but keys are cut to ``length`` characters, and blanks at the end dropped.
    """

    path: tuple[int, ...]
    length: int | None = None
    kind: str = "text"


class Header(NamedTuple):
    """What was read of one object; ``fault`` says what was wrong with it though it could be read, else None."""

    values: tuple[str | None, ...]  # one per field, in the fields' order
    sequences: Mapping[int, list[Item]]  # those asked for and present
    size: int
    mtime_ns: int
    transfer_syntax: str
    charset: str  # SpecificCharacterSet as it stands
    fault: str | None = None


class _Conversion(dict[bytes, str | None]):
    """Raw value → column value, remembered: most values of a series are the same in all its images."""

    __slots__ = ("_convert",)

    def __init__(self, convert: Callable[[bytes], str | None]) -> None:
        self._convert = convert

    def __missing__(self, raw: bytes) -> str | None:
        value = self._convert(raw)
        if len(raw) <= _REMEMBERED_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[raw] = value
        return value


def fit(text: str | None, field: Field) -> str | None:
    """Cut a text to what its column takes; ``None`` where nothing is left."""
    if text is None:
        return None
    if field.kind == "date":
        text = text.replace(".", "").replace("/", "")
    if field.length is not None and len(text) > field.length:
        if field.kind == "key":
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
            return f"{text[: field.length - 13]}~{digest}"
        text = text[: field.length].rstrip(" ")
    return text or None


class _Found:
    """What a walk over one object found."""

    __slots__ = ("charset", "fault", "raws", "sequences", "signed")

    def __init__(self) -> None:
        self.raws: dict[int, tuple[str | None, bytes]] = {}
        self.sequences: dict[int, list[Item]] = {}
        self.charset = b""
        self.signed = False
        self.fault: str | None = None


class HeaderReader:
    """Reads the wanted values and sequences of one object after the other. Use one reader per thread.

    Args:
        fields: the wanted values; one tag may be wanted several times.
        sequences: the tags of wanted sequences at the top level, handed out as `Item` views.
    """

    def __init__(self, fields: Sequence[Field], sequences: Collection[int] = ()) -> None:
        self._fields = tuple(fields)
        self._nested = {field.path[0] for field in self._fields if len(field.path) > 1}
        self._sequences = frozenset(sequences) | self._nested
        self._asked = frozenset(sequences)
        tags = {field.path[0] for field in self._fields} | self._sequences
        self._keys = {field.path[0] for field in self._fields if field.kind == "key"}
        self._wanted = tags | {SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION}
        self._last = max(tags, default=SPECIFIC_CHARACTER_SET)
        self._conversions: dict[tuple[object, ...], _Conversion] = {}

    def read_file(self, path: str | os.PathLike[str]) -> Header:
        """Read the header of a file.

        Raises:
            UnreadableError: it cannot be read, or is not DICOM.
        """
        return self.parse(read_prefix(path))

    def read_bytes(self, data: bytes, transfer_syntax: str | None = None) -> Header:
        """Read the header of a whole file in memory, or with a transfer syntax that of a bare data set.

        Raises:
            UnreadableError: it is not DICOM.
        """
        return self.parse(Prefix(None, len(data), 0, data), transfer_syntax)

    def parse(self, prefix: Prefix, transfer_syntax: str | None = None) -> Header:
        """Read the header whose first bytes were read before; goes to the file only for what lies beyond them.

        Raises:
            UnreadableError: it cannot be read, or is not DICOM.
        """
        with FileSource(prefix) as source:
            start = begin(source, transfer_syntax)
            found = self._walk(start)
            return Header(
                self._values(found, start.encoding),
                {tag: items for tag, items in found.sequences.items() if tag in self._asked},
                prefix.size,
                prefix.mtime_ns,
                start.transfer_syntax,
                found.charset.decode("latin-1").strip("\0 "),
                found.fault,
            )

    def _walk(self, start: Start) -> _Found:
        """Visit the elements up to the last wanted tag and take what is wanted.

        Where tags are out of order all elements are visited; of two with one tag the last counts.
        """
        found = _Found()
        source, position, encoding = start.source, start.position, start.encoding
        ordered, previous, count = True, 0, 0
        try:
            for at, header in start.meta:
                if header[0] in self._wanted:
                    self._take(found, source, at, header, header[2] + header[3], encoding)
            while position + 8 <= source.size:
                tag, _, value, length = header = read_header(source, position, encoding)
                if tag > self._last and ordered:
                    if length != UNDEFINED_LENGTH and value + length > source.size:
                        raise beyond(tag, position, length, source.size)
                    break
                end, following = end_of_value(source, header, source.size, encoding)
                ordered = ordered and tag > previous
                previous = tag
                count += 1
                if tag in self._wanted:
                    self._take(found, source, position, header, end, encoding)
                position = following
        except UnreadableError as error:
            if not count:
                raise
            found.fault = str(error)
        return found

    def _take(
        self,
        found: _Found,
        source: Source,
        position: int,
        header: ElementHeader,
        end: int,
        encoding: Encoding,
    ) -> None:
        """Keep what is wanted of one element."""
        tag, vr, start, length = header
        if tag in self._sequences:
            if end - start > MAX_SEQUENCE:
                found.fault = f"sequence {format_tag(tag)} of {end - start} bytes was left out"
                return
            inner = Source(source.read(start, end))
            whole = (tag, vr, 0, len(inner.data))
            codecs = character_codecs(found.charset)
            found.sequences[tag] = list(read_items(inner, whole, inner.size, encoding, codecs))
            return
        if end - start > MAX_VALUE and tag in self._keys:
            found.fault = f"identifier {format_tag(tag)} of {end - start} bytes was left out"
            return
        raw = source.read(start, min(end, start + MAX_VALUE))
        found.raws[tag] = vr, raw
        if tag == SPECIFIC_CHARACTER_SET:
            found.charset = raw
        elif tag == PIXEL_REPRESENTATION:
            found.signed = any(raw)

    def _values(self, found: _Found, encoding: Encoding) -> tuple[str | None, ...]:
        values: list[str | None] = []
        for field in self._fields:
            if len(field.path) > 1:
                values.append(_nested_value(found.sequences.get(field.path[0], []), field))
                continue
            tag = field.path[0]
            if tag not in found.raws:
                values.append(None)
                continue
            vr, raw = found.raws[tag]
            conversion = self._conversion(field, resolve_vr(tag, vr, found.signed), found.charset, encoding)
            values.append(conversion[raw])
        return tuple(values)

    def _conversion(self, field: Field, vr: str, charset: bytes, encoding: Encoding) -> _Conversion:
        """The conversion for a field, shared by all that convert alike."""
        key = (field.kind, field.length, vr, charset, encoding.big_endian)
        conversion = self._conversions.get(key)
        if conversion is None:
            codecs, first = character_codecs(charset), field.kind == "number"

            def convert(raw: bytes) -> str | None:
                text = text_value(raw, vr, codecs, big_endian=encoding.big_endian, first=first)
                return fit(text, field)

            if len(self._conversions) >= 1024:
                self._conversions.clear()
            conversion = self._conversions[key] = _Conversion(convert)
        return conversion


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
