"""Fields: what a column takes of a header, and how encoded values become column values."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from pyconquest_rt.dicom.values import NUMBER_CODES, text_value

_REMEMBERED = 512  # values kept per conversion
_REMEMBERED_BYTES = 128  # longer ones are not kept


class Field(NamedTuple):
    """One wanted value: where it stands, and what a column takes of it.

    ``path`` is ``(tag,)``, or for a nested value ``(sequence, item number from 0, tag)`` and so on. ``kind``:

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


def fit(text: str | None, field: Field) -> str | None:
    """Cut a text to what its column takes; ``None`` where nothing is left."""
    if text is None:
        return None
    if field.kind == "date":
        text = text.replace(".", "").replace("/", "")
    if field.length is not None and len(text) > field.length:
        if field.kind == "key":
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
            return f"{text[: max(field.length - 13, 0)]}~{digest}"[: field.length]
        text = text[: field.length].rstrip(" ")
    return text or None


class Conversion(dict[bytes, str | None]):
    """Raw value → column value, remembered: most values of a series are the same in all its images."""

    __slots__ = ("as_it_stands", "convert")

    def __init__(self, convert: Callable[[bytes], str | None], as_it_stands: int = 0) -> None:
        self.convert = convert
        self.as_it_stands = as_it_stands  #: printable ASCII up to this length needs no conversion

    def __missing__(self, raw: bytes) -> str | None:
        value = self.convert(raw)
        if len(raw) <= _REMEMBERED_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[raw] = value
        return value


class ConversionTable(dict[tuple[str, int | None, str], Conversion]):
    """Conversions by VR, length and kind, for one character set and byte order."""

    __slots__ = ("_big_endian", "codecs")

    def __init__(self, codecs: tuple[str, ...], big_endian: bool) -> None:
        self.codecs = codecs
        self._big_endian = big_endian

    def __missing__(self, key: tuple[str, int | None, str]) -> Conversion:
        vr, length, kind = key
        first = kind == "number"
        text = partial(text_value, vr=vr, codecs=self.codecs, big_endian=self._big_endian, first=first)
        field = Field((), length, kind)
        is_text = kind != "date" and vr not in NUMBER_CODES and vr not in ("SQ", "UN")
        as_it_stands = (_REMEMBERED_BYTES if length is None else length) if is_text else 0
        self[key] = conversion = Conversion(lambda raw: fit(text(raw), field), as_it_stands)
        return conversion


class Decoder:
    """The fields' values of objects of one layout, from the raw values of its tags.

    Args:
        fields: the wanted values.
        conversions: one per field.
        tags: those of which there are raw values, in their order.
    """

    __slots__ = ("_all", "_common", "_steps_of", "_varying")

    def __init__(
        self, fields: Sequence[Field], conversions: Sequence[Conversion], tags: Sequence[int]
    ) -> None:
        self._steps_of: list[list[tuple[int, Conversion]]] = [[] for _ in tags]
        """Place of a tag → the numbers of the fields that want it, each with its conversion."""
        places = {tag: place for place, tag in enumerate(tags)}
        for number, (field, conversion) in enumerate(zip(fields, conversions, strict=True)):
            if (place := places.get(field.path[0])) is not None:
                self._steps_of[place].append((number, conversion))
        self._common: list[str | None] = [None] * len(fields)
        self._all = self._steps(range(len(tags)))
        self._varying: list[tuple[int, Conversion, int, int]] = []

    def all(self, raws: Sequence[bytes]) -> tuple[str | None, ...]:
        """The values of an object of which all raw values are given."""
        values = self._common.copy()
        for number, conversion, place in self._all:
            values[number] = conversion[raws[place]]
        self._common = values
        return tuple(values)

    def set_varying(self, places: Sequence[int]) -> None:
        """From now on :meth:`again` gets the raw values at these places of ``tags``."""
        self._varying = [(*step, step[1].as_it_stands) for step in self._steps(places)]

    def again(self, varying: Sequence[bytes]) -> tuple[str | None, ...]:
        """The values of an object of which the other raw values are those of the last one given to :meth:`all`."""
        values = self._common.copy()
        for number, conversion, place, as_it_stands in self._varying:
            raw = varying[place]
            text = raw.decode("latin-1").rstrip("\0 ")
            if len(raw) <= as_it_stands and text and text.isascii() and text.isprintable():
                values[number] = text
            else:
                values[number] = conversion.convert(raw)
        return tuple(values)

    def _steps(self, places: Sequence[int]) -> list[tuple[int, Conversion, int]]:
        """Number of a field, its conversion, and which of the raw values at these places it wants."""
        return [(*step, raw) for raw, place in enumerate(places) for step in self._steps_of[place]]
