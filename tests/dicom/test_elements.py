"""elements.py against pydicom, and against data that lie."""

import io
import tracemalloc
from pathlib import Path

import pytest
from encoded import nest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import level, sample_files, sequences, texts
from oracle import read as pydicom_read
from pydicom.dataset import Dataset

from pyconquest_rt.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Encoding,
    Item,
    Source,
    end_of_value,
    format_tag,
    read_header,
)
from pyconquest_rt.dicom.ends import remember_ends
from pyconquest_rt.dicom.header import HeaderReader
from pyconquest_rt.dicom.values import SHORT_VRS, text_value
from pyconquest_rt.errors import UnreadableError

#: In these a sequence is cut short by the end of the file; pydicom gives the part that is there.
CUT_SHORT = {"rtplan_truncated.dcm", "DICOMDIR-nooffset"}

#: Larger files are left out of the comparison at all depths, since pydicom takes its time.
LARGE = 200_000


def equal(dataset: Dataset, item: Item, where: str) -> int:
    """Assert that an item has what pydicom's data set has, at all depths; returns the number of texts."""
    count = 0
    for tag, text in texts(dataset):
        assert level(item.text(tag)) == text, f"{where} {format_tag(tag)}"
        count += 1
    for tag, items in sequences(dataset):
        ours = item.items(tag)
        assert len(ours) == len(items), f"{where} {format_tag(tag)}"
        for number, (inner, our) in enumerate(zip(items, ours, strict=True)):
            count += equal(inner, our, f"{where} {format_tag(tag)}[{number}]")
    return count


def item_of(dataset: Dataset, encoding: Encoding) -> Item:
    """Encode by pydicom, view by an Item."""
    buffer = io.BytesIO()
    dataset.save_as(
        buffer,
        implicit_vr=encoding.implicit,
        little_endian=not encoding.big_endian,
        enforce_file_format=False,
    )
    data = buffer.getvalue()
    return Item(Source(data), 0, len(data), encoding)


ENCODINGS = [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG]


def test_sequences_of_all_sample_files_equal_pydicom() -> None:
    compared = 0
    for path in sample_files():
        if path.stat().st_size > LARGE:
            continue
        try:
            dataset = pydicom_read(path)
            wanted = [tag for tag, _ in sequences(dataset) if tag < 0x7FE00000]
            header = HeaderReader([], wanted).read_file(path)
        except Exception:  # what pydicom or the reader refuses is looked at in test_header
            continue
        if path.name in CUT_SHORT:
            assert header.fault
            continue
        for tag, items in sequences(dataset):
            if tag not in wanted or (not items and tag not in header.sequences):
                continue
            assert len(header.sequences[tag]) == len(items), (path, format_tag(tag))
            for number, (inner, our) in enumerate(zip(items, header.sequences[tag], strict=True)):
                compared += equal(inner, our, f"{path.name} {format_tag(tag)}[{number}]")
    assert compared > 3000


@pytest.mark.parametrize("encoding", ENCODINGS, ids=["implicit", "explicit", "big endian"])
@pytest.mark.parametrize("undefined", [False, True])
def test_nested_items(encoding: Encoding, undefined: bool) -> None:
    structure, contour, image = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPInstanceUID = "1.2.3"
    contour.ContourData = [1.5, -2.0, 3.25]
    contour.NumberOfContourPoints = 1
    contour.ContourImageSequence = [image, image]
    structure.ROIName = "PTV 60"
    structure.ContourSequence = [contour, contour]
    whole = Dataset()
    whole.PatientID = " 0012 "
    whole.ROIContourSequence = [structure, Dataset(), structure]
    for dataset, tag in ((whole, 0x30060039), (structure, 0x30060040), (contour, 0x30060016)):
        dataset[tag].is_undefined_length = undefined
    for inner in (structure, contour, image):
        inner.is_undefined_length_sequence_item = undefined
    root = item_of(whole, encoding)
    assert root.tags() == [0x00100020, 0x30060039]
    assert root.text(0x00100020) == " 0012"
    first, empty, _ = root.items(0x30060039)
    assert empty.tags() == [] and empty.text(0x30060026) is None and empty.items(0x30060040) == []
    assert first.values(0x30060026) == ["PTV 60"]
    contours = first.items(0x30060040)
    assert [one.values(0x30060050) for one in contours] == [["1.5", "-2.0", "3.25"]] * 2
    assert contours[1].items(0x30060016)[1].text(0x00081155) == "1.2.3"
    assert 0x30060016 in contours[0] and 0x30060017 not in contours[0]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=["implicit", "explicit", "big endian"])
def test_character_set_is_inherited_by_items_and_may_be_their_own(encoding: Encoding) -> None:
    plain, own, whole = Dataset(), Dataset(), Dataset()
    plain.ROIName = "Müller"
    own.SpecificCharacterSet = "ISO_IR 144"
    own.ROIName = "Люкceмбypг"
    whole.SpecificCharacterSet = "ISO_IR 192"
    whole.StructureSetROISequence = [plain, own]
    assert [one.text(0x30060026) for one in item_of(whole, encoding).items(0x30060020)] == [
        "Müller",
        "Люкceмбypг",
    ]


def test_single_valued_text_keeps_its_backslash() -> None:
    item = Item(Source(b"\x08\0\x15\x22LT\x04\0A\\B \x18\0\x15\0CS\x06\0A \\ B "), 0, 26, EXPLICIT_LITTLE)
    assert item.values(0x00082215) == ["A\\B"]
    assert item.values(0x00180015) == ["A", "B"] and item.text(0x00180015) == "A \\ B"


def test_vr_is_the_files_own_or_the_dictionarys() -> None:
    data = b"\x10\0\x10\0UN\0\0\4\0\0\0A^B \x10\0\x20\0SH\2\0ID\x10\0\x30\0ZZ\2\x0020"
    item = Item(Source(data), 0, len(data), EXPLICIT_LITTLE)
    assert [item.vr(tag) for tag in item.tags()] == ["PN", "SH", "DA"]
    assert [item.text(tag) for tag in item.tags()] == ["A^B", "ID", "20"]


def test_binary_values_of_ambiguous_vr_follow_pixel_representation() -> None:
    dataset = Dataset()
    dataset.PixelRepresentation = 1
    dataset.add_new(0x00280106, "SS", -100)
    assert item_of(dataset, IMPLICIT_LITTLE).text(0x00280106) == "-100"
    dataset.PixelRepresentation = 0
    dataset.add_new(0x00280106, "US", 65436)
    assert item_of(dataset, IMPLICIT_LITTLE).text(0x00280106) == "65436"


def test_private_values_are_decoded_by_their_creator() -> None:
    dataset = Dataset()
    dataset.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x82, "US", 100)
    item = item_of(dataset, IMPLICIT_LITTLE)
    assert item.vr(0x00191082) == "US" and item.text(0x00191082) == "100"
    assert item.text(0x00190010) == "GEMS_ACQU_01"


def test_sequence_in_un_is_read() -> None:
    """PS3.5 section 6.2.2: a UN of undefined length holds items in implicit little endian."""
    item = (
        bytes.fromhex("feff00e0 ffffffff 08005011 04000000") + b"1.2\0" + bytes.fromhex("feff0de0 00000000")
    )
    value = item + bytes.fromhex("feffdde0 00000000")
    data = bytes.fromhex("08004011") + b"UN\0\0\xff\xff\xff\xff" + value + b"\x10\0\x20\0LO\x02\0ID"
    root = Item(Source(data), 0, len(data), EXPLICIT_LITTLE)
    assert root.items(0x00081140)[0].text(0x00081150) == "1.2"
    assert root.text(0x00100020) == "ID"
    assert root.raw(0x00081140) == item and root.text(0x00081140) is None


@pytest.mark.parametrize("defined", [False, True])
def test_20000_nested_sequences_are_passed_over_without_recursion(defined: bool) -> None:
    data = nest(20_000, defined) + b"\x0a\x30\xb0\x00\x02\0\0\0AB"
    tracemalloc.start()
    item = Item(Source(data), 0, len(data), IMPLICIT_LITTLE)
    assert item.tags() == [0x300A0040, 0x300A00B0]
    depth = 0
    while inner := item.items(0x300A0040):
        item = inner[0]
        depth += 1
        if depth == 2:
            break
    assert depth == 2
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x10\0\x20\0LO\xff\xff12", "claims 65535 bytes"),
        (b"\x10\0\x20\0OB\0\0\xfe\xff\xff\xff12", "claims 4294967294 bytes"),
        (b"\x10\0\x20\0", "the data end within"),
        (b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff", "the data end within"),
        (b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\x10\0\x20\0LO\0\0", r"found \(0010,0020\)"),
        (b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\0\0\0", "claims 255 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        Item(Source(data), 0, len(data), EXPLICIT_LITTLE).tags()


def test_the_delimiter_of_a_sequence_ends_its_last_item_too() -> None:
    """Nested, at any level, and whether the ends were looked for before or not."""
    opening = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    name, end = b"\x10\0\x20\0LO\x02\0AB", b"\xfe\xff\xdd\xe0\0\0\0\0"
    inner = opening + name + end
    data = opening + inner + end + name
    for look_first in (False, True):
        source = Source(data)
        if look_first:
            remember_ends(source, 0, EXPLICIT_LITTLE)
        item = Item(source, 0, len(data), EXPLICIT_LITTLE)
        (outer,) = item.items(0x00081140)
        assert [one.text(0x00100020) for one in outer.items(0x00081140)] == ["AB"]
        assert item.text(0x00100020) == "AB" and outer.tags() == [0x00081140]


def test_stray_items_and_delimiters_are_passed_over() -> None:
    name = b"\x10\0\x20\0LO\x02\0AB"
    item = b"\xfe\xff\0\xe0\x0a\0\0\0" + b"\x10\0\x10\0PN\x02\0XY"
    for stray in (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xfe\xff\x0d\xe0\0\0\0\0", item):
        data = b"\x08\0\x60\0CS\x02\0CT" + stray + name
        assert Item(Source(data), 0, len(data), EXPLICIT_LITTLE).tags() == [0x00080060, 0x00100020]


@pytest.mark.parametrize("vr", [b"??", b"  ", b"\0\0", b"lo", b"OX", b"ZZ"])
def test_elements_of_unknown_vr_are_as_long_as_what_follows_tells(vr: bytes) -> None:
    name = b"\x10\0\x20\0LO\x02\0AB"
    for extent in (b"\4\0", b"\0\0\4\0\0\0"):
        data = b"\x08\0\x70\0" + vr + extent + b"ACME"
        for whole in (data + name, data):
            if vr == b"\0\0" and len(extent) == 6:
                continue  # an implicit header of length 0 looks so
            item = Item(Source(whole), 0, len(whole), EXPLICIT_LITTLE)
            assert item.raw(0x00080070) == b"ACME"
            assert item.text(0x00100020) == (None if whole == data else "AB")


def test_items_that_do_not_fit_their_sequence_are_refused() -> None:
    data = b"\x08\0\x40\x11SQ\0\0\x08\0\0\0\xfe\xff\0\xe0\x20\0\0\0" + bytes(40)
    source = Source(data)
    header = read_header(source, 0, EXPLICIT_LITTLE)
    assert end_of_value(source, header, len(data), EXPLICIT_LITTLE) == (20, 20)
    with pytest.raises(UnreadableError, match="claims 32 bytes"):
        Item(source, 0, 20, EXPLICIT_LITTLE).items(0x00081140)


def test_header_budget() -> None:
    source = Source(b"\x10\0\x20\0LO\0\0" * 10)
    source.budget = 5
    with pytest.raises(UnreadableError, match="too many"):
        Item(source, 0, 80, EXPLICIT_LITTLE).tags()


def test_every_cut_of_a_good_object_is_refused_or_read(tmp_path: Path) -> None:
    """No cut gives another error than UnreadableError, nor a value that is not in the object."""
    dataset, inner = Dataset(), Dataset()
    inner.ROIName = "BODY"
    dataset.PatientID = "1234"
    dataset.StructureSetROISequence = [inner]
    dataset["StructureSetROISequence"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
    data = buffer.getvalue()
    for cut in range(len(data)):
        item = Item(Source(data[:cut]), 0, cut, EXPLICIT_LITTLE)
        try:
            assert item.text(0x00100020) in (None, "1234")
            assert [one.text(0x30060026) for one in item.items(0x30060020)] in ([], ["BODY"])
        except UnreadableError:
            continue


@settings(deadline=None)
@given(st.binary(max_size=24), st.sampled_from(sorted(SHORT_VRS)))
@example(b"a \0 \0", "LO")
@example(b" \x1b", "SH")
def test_text_of_plain_values_takes_no_other_way_than_text_value(raw: bytes, vr: str) -> None:
    data = b"\x08\0\x18\0" + vr.encode() + len(raw).to_bytes(2, "little") + raw + bytes(16)
    item = Item(Source(data), 0, 8 + len(raw), EXPLICIT_LITTLE)
    assert item.text(0x00080018) == text_value(raw, vr)
