"""padding.py: what has to be padded, against an encoder that pads."""

import struct
import warnings
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from encoded import Element, by_hand, header_by_hand
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from pyconquest_rt.dicom.elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, Source
from pyconquest_rt.dicom.padding import edited, paddings
from pyconquest_rt.dicom.part10 import FileSource, Prefix
from pyconquest_rt.errors import UnreadableError

ENCODINGS = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
VALUES: dict[int, str] = {
    0x00080018: "UI",
    0x00080060: "CS",
    0x00100010: "PN",
    0x00104000: "LT",
    0x00280010: "US",
    0x0040A160: "UT",
    0x30060050: "DS",
}
SEQUENCES = (0x00081140, 0x30060039, 0x30060040)
elements: st.SearchStrategy[list[Element]] = st.recursive(
    st.dictionaries(st.sampled_from(sorted(VALUES)), st.binary(max_size=7), max_size=4).map(
        lambda found: [(tag, VALUES[tag], value) for tag, value in sorted(found.items())]
    ),
    lambda inner: st.tuples(
        st.lists(st.tuples(st.sampled_from(SEQUENCES), st.lists(inner, max_size=3)), max_size=2), inner
    ).map(lambda made: [*made[1], *((tag, "SQ", items) for tag, items in made[0])]),
    max_leaves=12,
)


def padded(data: bytes, encoding: Encoding, block: int = 1 << 20) -> bytes:
    edits = paddings(Source(data), 0, encoding)
    blocks = (data[start : start + block] for start in range(0, len(data), block))
    found = b"".join(edited(blocks, 0, edits))
    assert len(found) == len(data) + sum(len(edit.data) - edit.drop for edit in edits)
    return found


@given(elements, st.sampled_from(ENCODINGS), st.booleans(), st.integers(1, 40))
def test_any_data_set_is_as_an_encoder_that_pads_writes_it(
    dataset: list[Element], encoding: Encoding, defined: bool, block: int
) -> None:
    data = by_hand(dataset, encoding, defined, pad=False)
    wanted = by_hand(dataset, encoding, defined, pad=True)
    assert padded(data, encoding, block) == wanted
    assert paddings(Source(wanted), 0, encoding) == []


@pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_fragments_are_padded_and_no_elements_looked_for_in_them(encoding: Encoding) -> None:
    looks_like_one = header_by_hand(0x00100010, "PN", 3, encoding) + b"abc"
    dataset: list[Element] = [
        (0x00100010, "PN", b"abc"),
        (0x7FE00010, "OB", (b"", looks_like_one, b"\1" * 6)),
    ]
    data, wanted = (by_hand(dataset, encoding, True, pad) for pad in (False, True))
    assert padded(data, encoding) == wanted


def test_pixel_data_of_odd_length_and_the_longest_short_value() -> None:
    dataset: list[Element] = [(0x00104000, "LT", b"x" * 0xFFFF), (0x7FE00010, "OB", bytes(9))]
    data = by_hand(dataset, EXPLICIT_LITTLE, True, pad=False)
    found = padded(data, EXPLICIT_LITTLE)
    assert found[:-10] == data[:-9][:-4] + struct.pack("<I", 10) and found[-10:] == bytes(10)


def test_files_are_walked_in_windows(tmp_path: Path) -> None:
    contour = [(0x30060050, "DS", b"1\\2\\3"), (0x0040A160, "UT", b"y" * 4001)]
    data = by_hand(
        [(0x30060039, "SQ", [[(0x30060040, "SQ", [contour] * 20)]] * 5)], EXPLICIT_LITTLE, True, False
    )
    path = tmp_path / "x"
    path.write_bytes(data)
    found = path.stat()
    with FileSource(Prefix(path, found.st_size, found.st_mtime_ns, data[:100])) as source:
        assert paddings(source, 0, EXPLICIT_LITTLE) == paddings(Source(data), 0, EXPLICIT_LITTLE) != []


def test_pydicom_reads_the_same_values() -> None:
    reference = [(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (0x00081155, "UI", b"1.2.3")]
    dataset: list[Element] = [
        (0x00080018, "UI", b"1.2.3"),
        (0x00081140, "SQ", [reference, reference]),
        (0x00100010, "PN", b"A^B"),
    ]
    for encoding in ENCODINGS[:2]:
        for defined in (True, False):
            data = padded(by_hand(dataset, encoding, defined, pad=False), encoding)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                read = dcmread(BytesIO(data), force=True)
                assert (read.PatientName, read.SOPInstanceUID) == ("A^B", "1.2.3")
                assert [item.ReferencedSOPInstanceUID for item in read.ReferencedImageSequence] == [
                    "1.2.3"
                ] * 2


@given(st.binary(max_size=80), elements, st.sampled_from(ENCODINGS), st.integers(0, 400))
def test_damaged_data_are_walked_or_refused(
    junk: bytes, dataset: list[Element], encoding: Encoding, cut: int
) -> None:
    data = by_hand(dataset, encoding, True, pad=False)
    data = data[:cut] + junk + data[cut + 3 :]
    with suppress(UnreadableError):
        edits = paddings(Source(data), 0, encoding)
        assert all(left.position < right.position for left, right in pairwise(edits))
        assert padded(data, encoding, 7) == padded(data, encoding)
