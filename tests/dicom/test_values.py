"""values.py: text of encoded values by VR and character set."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.dicom.values import (
    LONG_VRS,
    NUMBER_CODES,
    SHORT_VRS,
    character_codecs,
    decode_text,
    dictionary_vr,
    numbers,
    private_creator_tag,
    text_value,
)


@pytest.mark.parametrize(
    ("raw", "vr", "text"),
    [
        (b"", "LO", None),
        (b"  ", "LO", None),
        (b"\0", "UI", None),
        (b"1.2.840\0", "UI", "1.2.840"),
        (b"  lead ", "LO", "  lead"),
        (b"A\0B", "LO", "AB"),
        (b"A \\B ", "CS", "A \\B"),
        (b"Doe^John^^^", "PN", "Doe^John^^^"),
        (b"O'Brien=x=", "PN", "O'Brien=x="),
        (b" -117.50 ", "DS", " -117.50"),
        (b"tab\tkept", "ST", "tab\tkept"),
        (b"printable", "UN", "printable"),
        (b"\1\0", "UN", None),
        (b"d\0", "UN", None),
        (b"items", "SQ", None),
    ],
)
def test_text(raw: bytes, vr: str, text: str | None) -> None:
    assert text_value(raw, vr) == text


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("vr", "values", "text"),
    [
        ("US", (0, 65535), "0\\65535"),
        ("SS", (-32768, 5), "-32768\\5"),
        ("UL", (4294967295,), "4294967295"),
        ("SL", (-1, 2), "-1\\2"),
        ("UV", (2**64 - 1,), "18446744073709551615"),
        ("SV", (-(2**63),), "-9223372036854775808"),
        ("FD", (0.1, 1e300, -2.0), "0.1\\1e+300\\-2"),
        ("FD", (float("nan"), float("inf")), "nan\\inf"),
        ("FL", (0.1, 0.5), "0.1000000014901161\\0.5"),
        ("AT", (0x0008, 0x1155, 0x7FE0, 0x0010), "00081155\\7FE00010"),
        ("OW", (1, 2), "1\\2"),
    ],
)
def test_numbers(order: str, vr: str, values: tuple[float, ...], text: str) -> None:
    raw = struct.pack(order + NUMBER_CODES[vr][0] * len(values), *values)
    assert text_value(raw, vr, big_endian=order == ">") == text
    assert text_value(raw + b"\1", vr, big_endian=order == ">") in (text, text + "\\1")  # \1 only of one byte
    assert text_value(raw, vr, big_endian=order == ">", first=True) == text.split("\\")[0]


def test_number_that_is_cut_off_is_left_out() -> None:
    assert numbers(b"\1\0\2", "US") == ["1"]
    assert text_value(b"\1", "US") is None


@pytest.mark.parametrize(
    ("charset", "raw", "vr", "text"),
    [
        (b"", b"M\xfcller", "PN", "Müller"),
        (b"ISO_IR 100", b"M\xfcller", "PN", "Müller"),
        (b"ISO_IR 192", "Müller".encode(), "PN", "Müller"),
        (b"ISO_IR 192 ", "Schädel".encode(), "CS", "Schädel"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "PN", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        # DICOM PS3.5 sections H.3.1 and I.2
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "PN",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            b"\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "PN",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (b"GB18030", "王^小东".encode("gb18030"), "PN", "王^小东"),
        (b"ISO_IR 192", b"bad \xff", "LO", "bad \ufffd"),
        (b"no such set", b"M\xfcller", "LO", "Müller"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_character_sets(charset: bytes, raw: bytes, vr: str, text: str) -> None:
    assert text_value(raw, vr, character_codecs(charset)) == text


@given(
    st.binary(max_size=40) | st.binary(max_size=20).map(lambda raw: b"\x1b$B" + raw),
    st.sampled_from(sorted(SHORT_VRS | LONG_VRS | {"UN"})),
    st.binary(max_size=12)
    | st.sampled_from([b"ISO_IR 192", b"\\ISO 2022 IR 87", b"ISO 2022 IR 6\\ISO 2022 IR 149", b"ISO_IR 100"]),
    st.booleans(),
)
@pytest.mark.filterwarnings("ignore")
def test_nothing_is_raised_on_odd_content(raw: bytes, vr: str, charset: bytes, big_endian: bool) -> None:
    text = text_value(raw, vr, character_codecs(charset), big_endian=big_endian)
    assert text is None or (text and "\0" not in text and not text.endswith(" "))


def test_ascii_is_the_same_in_all_character_sets() -> None:
    assert decode_text(b"A~\\B", "LO", character_codecs(b"ISO_IR 13")) == "A~\\B"


def test_vr_of_tags() -> None:
    assert dictionary_vr(0x00100010) == "PN"
    assert dictionary_vr(0x00080000) == "UL"
    assert dictionary_vr(0x00280106) == "US" and dictionary_vr(0x00280106, signed=True) == "SS"
    assert dictionary_vr(0x00110010) == "LO" and dictionary_vr(0x00111001) == "UN"
    assert dictionary_vr(0x01F11026, creator="ELSCINT1") == "FD"
    assert dictionary_vr(0x60003000) in ("OB", "OW")
    assert dictionary_vr(0x00081234) == "UN"


def test_private_creator_tags() -> None:
    assert private_creator_tag(0x01F11026) == 0x01F10010
    assert private_creator_tag(0x01F10010) is None
    assert private_creator_tag(0x00101026) is None


@pytest.mark.parametrize(
    "charset", [b"undefined", b"idna", b"punycode", b"base64", b"rot13", b"unicode_escape", b"nobody"]
)
@pytest.mark.filterwarnings("error")
def test_a_codec_of_no_characters_is_read_as_latin_1_or_replaced(charset: bytes) -> None:
    raw = b"M\xfcller^\x80\\x"
    for value in (raw, b"\x1b-A" + raw):
        assert decode_text(value, "PN", character_codecs(charset))
