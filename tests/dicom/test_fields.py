"""Column values: what is remembered, and what needs no conversion, equals the conversion itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.dicom.fields import ConversionTable, Field, fit
from pyconquest_rt.dicom.values import text_value

VRS = ("LO", "UI", "DS", "PN", "UN", "SQ", "US", "FD", "AT", "DA")
pieces = st.sampled_from(
    [b"a", b"1.5", b"\\", b"\0", b" ", b"\x1b", b"\x1b(B", b"\t", b"\xe4", b"2024.01/02"]
)
raws = st.lists(pieces, max_size=12).map(b"".join)


@given(
    raws,
    st.sampled_from(VRS),
    st.sampled_from([None, 0, 1, 4, 64]),
    st.sampled_from(["text", "date", "number"]),
)
def test_a_conversion_equals_decoding_and_cutting(raw: bytes, vr: str, length: int | None, kind: str) -> None:
    conversion = ConversionTable(("iso8859",), False)[vr, length, kind]
    expected = fit(text_value(raw, vr, first=kind == "number"), Field((), length, kind))
    assert conversion[raw] == expected
    assert conversion[raw] == expected  # as remembered


@pytest.mark.parametrize("length", [16, 64])
def test_keys_are_shortened_and_never_become_one(length: int) -> None:
    conversion = ConversionTable(("iso8859",), False)["UI", length, "key"]
    first, second = (conversion[b"1." * 40 + end] for end in (b"1", b"2"))
    assert first is not None and second is not None and first != second
    assert len(first) == len(second) == length
