"""Encoded values of data elements → text, by value representation (VR) and character set.

One place for all that read DICOM without building pydicom's data sets: the header reader, the radiotherapy
extractors and the dose reports. Nothing here raises on odd content: bytes that cannot be decoded become
U+FFFD, numbers that are cut off are left out.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache

UNDEFINED_LENGTH = 0xFFFFFFFF

#: VRs with a 16-bit length in explicit encodings (PS3.5 section 7.1.2), and those with a 32-bit length.
SHORT_VRS = frozenset(
    {
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
        "US",
    }
)
SHORT_VR_BYTES = frozenset(vr.encode() for vr in SHORT_VRS)
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})

#: VRs whose backslash is part of the text (PS3.5 section 6.2).
SINGLE_VALUED = frozenset({"LT", "ST", "UT", "UR"})

#: Binary VRs and the ``struct`` code of one of their numbers.
NUMBER_CODES = {
    "AT": "HH",
    "FD": "d",
    "FL": "f",
    "OB": "B",
    "OD": "d",
    "OF": "f",
    "OL": "I",
    "OV": "Q",
    "OW": "H",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}

#: VRs whose values are text.
TEXT_VRS = (SHORT_VRS | LONG_VRS) - NUMBER_CODES.keys() - {"SQ", "UN"}

_STRUCTS = {
    (vr, big_endian): struct.Struct((">" if big_endian else "<") + code)
    for vr, code in NUMBER_CODES.items()
    for big_endian in (False, True)
}

#: Code extensions of ISO 2022 end at these (PS3.5 section 6.1.2.5.3); in names also at ``^`` and ``=``.
_DELIMITERS = frozenset(b"\\\r\n\t\f")
_NAME_DELIMITERS = _DELIMITERS | frozenset(b"^=")
_CODEC_ERRORS = (
    LookupError,
    ValueError,
    Warning,
)  # an unknown codec, odd bytes, pydicom's warnings made errors


@lru_cache(maxsize=4096)
def dictionary_vr(tag: int, signed: bool = False, creator: str | None = None) -> str:
    """The VR that pydicom's dictionaries (PS3.6, and known private ones) give a tag; else "UN".

    Where the dictionary leaves a choice ("US or SS", "OB or OW") the choice is the first, or SS where
    PixelRepresentation says ``signed``. A private tag needs its ``creator``.
    """
    from pydicom.datadict import dictionary_VR, private_dictionary_VR

    if tag & 0xFFFF == 0:
        return "UL"
    if is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"  # a private creator
    try:
        vr = private_dictionary_VR(tag, creator or "") if is_private(tag) else dictionary_VR(tag)
    except KeyError:
        return "UN"
    choices = vr.split(" or ")
    return "SS" if signed and "SS" in choices else choices[0]


def is_private(tag: int) -> bool:
    """Whether the tag's group is odd."""
    return bool(tag >> 16 & 1)


def private_creator_tag(tag: int) -> int | None:
    """The tag of the element that names the creator of a private one; None where there can be none."""
    block = tag >> 8 & 0xFF
    return tag & 0xFFFF0000 | block if is_private(tag) and block >= 0x10 else None


@lru_cache(maxsize=256)
def character_codecs(value: bytes) -> tuple[str, ...]:
    """Python codecs for the raw SpecificCharacterSet (0008,0005); ISO 8859-1 where it says nothing."""
    names = [name.strip() for name in value.decode("latin-1").replace("\0", "").split("\\")]
    if not any(names):
        return ("iso8859",)
    from pydicom.charset import convert_encodings

    try:
        return tuple(convert_encodings(names))
    except _CODEC_ERRORS:
        return ("iso8859",)


def decode_text(raw: bytes, vr: str, codecs: Sequence[str]) -> str:
    """Bytes → Unicode by the codecs of the character set; what cannot be decoded becomes U+FFFD."""
    if b"\x1b" not in raw:
        if raw.isascii():
            return raw.decode("ascii")
        return _decode_or_replace(raw, codecs[0])
    from pydicom.charset import decode_bytes

    try:
        return decode_bytes(raw, list(codecs), set(_NAME_DELIMITERS if vr == "PN" else _DELIMITERS))
    except _CODEC_ERRORS:
        return _decode_or_replace(raw, codecs[0])


def _decode_or_replace(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec, "replace")
    except _CODEC_ERRORS:  # Python also knows codecs of no characters, such as "undefined"
        return raw.decode("iso8859")


def numbers(raw: bytes, vr: str, big_endian: bool = False) -> list[str]:
    """The numbers of a binary VR as decimal text; a number that is cut off at the end is left out.

    FL and FD are written by ``%.16g``, as Conquest does, an FL as the double it stands for (0.1 in an FL is
    0.1000000014901161): so rows are equal to Conquest's, and nothing is rounded that the file holds. An AT is
    written as the eight hexadecimal digits of its tag (the DICOM JSON model, PS3.18 section F.2.3).
    """
    code = NUMBER_CODES[vr]
    one = _STRUCTS[vr, big_endian]
    found = one.iter_unpack(raw[: len(raw) // one.size * one.size])
    if vr == "AT":
        return [f"{group:04X}{element:04X}" for group, element in found]
    if code in "fd":
        return [f"{number:.16g}" for (number,) in found]
    return [str(number) for (number,) in found]


def text_value(
    raw: bytes,
    vr: str,
    codecs: Sequence[str] = ("iso8859",),
    *,
    big_endian: bool = False,
    first: bool = False,
) -> str | None:
    r"""The text of one encoded value, several values joined by ``\``; ``None`` where it is empty.

    Text stands as in the file (leading blanks, carets and equals signs too) but for NULs, which are dropped,
    and trailing blanks. Binary numbers become decimal text (see `numbers`), with ``first`` only the first.
    An unknown VR (UN) is text where all of it can be printed; otherwise, and for a sequence, there is none.
    """
    if vr in NUMBER_CODES:
        found = numbers(raw, vr, big_endian)
        return "\\".join(found[:1] if first else found) or None
    if vr == "SQ":
        return None
    text = decode_text(raw, vr, codecs).rstrip(" ")
    if vr == "UN" and not text.isprintable():
        return None
    if "\0" in text:
        text = text.replace("\0", "").rstrip(" ")
    return text or None
