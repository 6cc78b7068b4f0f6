"""header.py, layouts.py and part10.py against pydicom, and against files that lie."""

import hashlib
import io
import itertools
import os
import random
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import SHARED_DATA, level, sample_files, texts
from oracle import read as pydicom_read
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID
from test_elements import nest

from pyconquest_rt import layouts, part10
from pyconquest_rt.elements import format_tag
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.fields import Decoder, fit
from pyconquest_rt.header import MAX_SEQUENCES, Field, Header, HeaderReader

IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED = (
    UID("1.2.840.10008.1.2"),
    UID("1.2.840.10008.1.2.1"),
    UID("1.2.840.10008.1.2.2"),
    UID("1.2.840.10008.1.2.1.99"),
)
SYNTAXES = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]


def bare(dataset: Dataset, syntax: UID) -> bytes:
    """A data set encoded by pydicom, without preamble and file meta information."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_dataset(buffer, dataset)
    if not syntax.is_deflated:
        return buffer.getvalue()
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(buffer.getvalue()) + deflater.flush()


def file_of(dataset: Dataset, syntax: UID, preamble: bool = True) -> bytes:
    """A whole file: preamble, file meta information, data set."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\2\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    meta = b"\2\0\0\0UL\4\0" + len(element).to_bytes(4, "little") + element
    return (bytes(128) + b"DICM" if preamble else b"") + meta + bare(dataset, syntax)


def small(**keywords: Any) -> Dataset:
    """A small image."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "CT"
    dataset.PatientID = "1234"
    dataset.Rows = 4
    for keyword, value in keywords.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = bytes(32)
    dataset["PixelData"].VR = "OW"
    return dataset


def fields(*tags: int) -> list[Field]:
    return [Field((tag,)) for tag in tags]


def never_walk(*_: object) -> Header:
    raise AssertionError("the layout should have matched")


# -- equal to pydicom ---------------------------------------------------------------------------------------


def test_all_sample_files_equal_pydicom_walked_and_by_layout() -> None:
    """Every text of every readable file; the same again when the file is met a second and a third time."""
    compared = by_layout = 0
    refused = []
    for path in sample_files():
        dataset = _read_or_none(path)
        if dataset is None:
            continue
        expected = {tag: text for tag, text in texts(dataset) if tag < 0x7FE00000}
        reader = HeaderReader(fields(*expected))
        try:
            first = reader.read_file(path)
        except UnreadableError:
            refused.append(path.name)
            continue
        for tag, value in zip(expected, first.values, strict=True):
            assert level(value) == expected[tag], f"{path.name} {format_tag(tag)}"
            compared += 1
        declared = getattr(dataset.file_meta, "TransferSyntaxUID", None)
        assert declared in (None, first.transfer_syntax)
        for _ in range(2):
            assert reader.read_file(path) == first
        by_layout += bool(reader._layouts and reader._layouts.match(part10.read_prefix(path), None))
    assert compared > 8000 and by_layout > 100
    assert [name for name in refused if name.endswith(".dcm")] in (
        [],
        ["no_meta.dcm"],
    )  # begins amid an element


def _read_or_none(path: Path) -> Dataset | None:
    """pydicom's reading; None where it refuses, or reads what is no DICOM at all since it is forced to."""
    try:
        dataset = pydicom_read(path)
    except Exception:
        return None
    return dataset if len(dataset) > 4 else None


def test_one_reader_for_all_sample_files() -> None:
    """Layouts of many kinds of objects together give what a walk gives."""
    wanted = [0x00080005, 0x00080008, 0x00080018, 0x00080020, 0x00080060, 0x0008103E, 0x00100010, 0x00100020]
    wanted += [0x0020000D, 0x0020000E, 0x00200032, 0x00280010, 0x00280106, 0x00281052, 0x01F11026]
    walking, remembering = HeaderReader(fields(*wanted), remember=False), HeaderReader(fields(*wanted))
    readable = []
    for path in sample_files():
        try:
            readable.append((path, walking.read_file(path)))
        except UnreadableError:
            with pytest.raises(UnreadableError):
                remembering.read_file(path)
    random.Random(1).shuffle(readable)
    for path, header in readable * 3:
        assert remembering.read_file(path) == header, path


# -- data sets by hypothesis --------------------------------------------------------------------------------

TEXT = st.text("aB1 ^=.-äЖ\t", max_size=12)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AE": st.text("ABC 1", max_size=16),
    "AS": st.sampled_from(["045Y", ""]),
    "CS": st.lists(st.text("ABC_", max_size=8), max_size=3),
    "DA": st.sampled_from(["20200101", "2020.01.01", ""]),
    "DS": st.lists(st.sampled_from(["1.5", "-2", " 3.25 ", "0012", "1e-3"]), max_size=4),
    "DT": st.sampled_from(["20200101101112.123", ""]),
    "IS": st.lists(st.integers(-9999, 99999).map(str), max_size=3),
    "LO": st.lists(st.text("aB1 äé'", max_size=9), max_size=3),
    "LT": TEXT,
    "PN": st.text("aB ^=äé", max_size=12),
    "SH": st.text("aB1 ä", max_size=9),
    "ST": TEXT,
    "TM": st.sampled_from(["101112", "101112.123456", ""]),
    "UC": TEXT,
    "UI": st.lists(st.sampled_from(["1.2.3", "1.2.840.10008.5"]), max_size=2),
    "UR": st.sampled_from(["http://a/b", ""]),
    "UT": TEXT,
    "US": st.lists(st.integers(0, 65535), max_size=3),
    "SS": st.lists(st.integers(-32768, 32767), max_size=3),
    "UL": st.lists(st.integers(0, 2**32 - 1), max_size=3),
    "SL": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
    "UV": st.lists(st.integers(0, 2**64 - 1), max_size=3),
    "SV": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    "FL": st.lists(st.floats(width=32, allow_nan=False), max_size=3),
    "FD": st.lists(st.floats(allow_nan=False), max_size=3),
    "AT": st.lists(st.integers(0, 2**32 - 1), max_size=3),
    "OB": st.binary(max_size=10),
    "OW": st.binary(max_size=5).map(lambda raw: raw * 2),
    "UN": st.binary(max_size=10),
}


def _tags_by_vr() -> dict[str, list[int]]:
    """Some standard tags of each VR, none that decides on the meaning of others."""
    found: dict[str, list[int]] = {}
    for tag, (vr, _, _, _, _) in sorted(pydicom.datadict.DicomDictionary.items()):
        if 0x00080006 <= tag < 0x7FE00000 and tag != 0x00280103 and vr in VALUES:
            found.setdefault(vr, []).append(tag)
    return {vr: tags[:: max(1, len(tags) // 25)] for vr, tags in found.items()}


TAGS = _tags_by_vr()
ITEM_TAGS = [0x00081140, 0x00321064, 0x00400275, 0x30060020]


@st.composite
def elements(draw: st.DrawFn) -> tuple[int, str, Any]:
    vr = draw(st.sampled_from(sorted(VALUES)))
    private = vr not in TAGS or draw(st.integers(0, 4)) == 0
    tag = 0x00091000 + draw(st.integers(0, 255)) if private else draw(st.sampled_from(TAGS[vr]))
    return tag, vr, draw(VALUES[vr])


@st.composite
def datasets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    dataset = Dataset()
    for tag, vr, value in draw(st.lists(elements(), max_size=10)):
        if tag >> 16 == 9:
            dataset.private_block(9, "TEST", create=True)
        dataset.add_new(tag, vr, value)
    if depth:
        for tag in draw(st.lists(st.sampled_from(ITEM_TAGS), max_size=2, unique=True)):
            items = draw(st.lists(datasets(depth=depth - 1), max_size=2))
            undefined = draw(st.booleans())
            for item in items:
                item.is_undefined_length_sequence_item = undefined
            dataset.add_new(tag, "SQ", items)
            dataset[tag].is_undefined_length = draw(st.booleans())
    return dataset


@st.composite
def objects(draw: st.DrawFn) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = draw(datasets())
        dataset.SpecificCharacterSet = draw(st.sampled_from(["ISO_IR 192", "ISO_IR 100", "ISO_IR 144"]))
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        dataset.SOPInstanceUID = "1.2.3"
    return dataset


SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOW
@given(
    objects(),
    st.sampled_from(SYNTAXES),
    st.sampled_from(["file", "no preamble", "bare", "bare, syntax given"]),
)
@pytest.mark.filterwarnings("ignore")
def test_any_data_set_equals_pydicom(dataset: Dataset, syntax: UID, form: str) -> None:
    """All VRs, nested, private, in all encodings, with and without file meta information, thrice each."""
    if form == "bare" and syntax.is_deflated:
        form = "file"
    data = bare(dataset, syntax) if form.startswith("bare") else file_of(dataset, syntax, form == "file")
    given_syntax = syntax if form == "bare, syntax given" else None
    again = pydicom.dcmread(io.BytesIO(file_of(dataset, syntax)))
    expected = {
        tag: text
        for tag, text in texts(again)
        if tag >> 16 != 9 or not (syntax.is_implicit_VR or tag & 0xFF00 == 0)
    }
    reader = HeaderReader(fields(*expected), ITEM_TAGS)
    for _ in range(3):
        header = reader.read_bytes(data, given_syntax)
        assert dict(zip(expected, map(level, header.values), strict=True)) == expected
        assert header.fault is None and header.transfer_syntax == syntax
        for tag in ITEM_TAGS:
            items = again[tag].value if tag in again else []
            for ours, theirs in itertools.zip_longest(header.sequences.get(tag, []), items):
                assert ours.tags() == [one.tag for one in theirs]


@SLOW
@given(objects(), st.sampled_from([IMPLICIT, EXPLICIT, BIG_ENDIAN]), st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore")
def test_variants_through_one_reader_equal_a_walk(dataset: Dataset, syntax: UID, rng: random.Random) -> None:
    """Objects that differ from one another in lengths and in optional elements."""
    variants = []
    for _ in range(6):
        variant = Dataset()
        for element in dataset:
            if element.VR in ("LO", "SH", "ST", "LT", "UT") and rng.random() < 0.5:
                variant.add_new(element.tag, element.VR, "x" * rng.randrange(9))
            elif element.tag in (0x00080005, 0x00090010) or rng.random() < 0.8:
                variant.add(element)
        variants.append(file_of(variant, syntax))
    tags = [int(element.tag) for element in dataset]
    walking, remembering = HeaderReader(fields(*tags), remember=False), HeaderReader(fields(*tags))
    for data in rng.choices(variants, k=25):
        assert _outcome(remembering, data) == _outcome(walking, data)


def _outcome(reader: HeaderReader, data: bytes) -> object:
    try:
        return reader.read_bytes(data)
    except UnreadableError as error:
        return str(error)


# -- the layout cache ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("form", ["file", "no preamble", "bare"])
def test_lengths_that_vary_are_learnt(syntax: UID, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = HeaderReader(fields(0x00080018, 0x00080060, 0x00100020, 0x00200032, 0x00280010))

    def read(number: int) -> Header:
        dataset = small(SOPInstanceUID="1.2." + "3" * number, ImagePositionPatient=[number * 50, 0, 5])
        data = bare(dataset, syntax) if form == "bare" else file_of(dataset, syntax, form == "file")
        return reader.read_bytes(data, syntax if form == "bare" else None)

    for number in (1, 2, 30):
        read(number)
    monkeypatch.setattr(HeaderReader, "_parse_new", never_walk)
    for number in (3, 9, 40):
        header = read(number)
        assert header.values == ("1.2." + "3" * number, "CT", "1234", f"{number * 50}.0\\0.0\\5.0", "4")
        assert (header.transfer_syntax, header.fault, header.sequences) == (syntax, None, {})


def test_undefined_length_sequences_are_part_of_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(uid: str) -> bytes:
        item = Dataset()
        item.ReferencedSOPInstanceUID = uid
        item.PatientID = "of the item"
        dataset = small(ReferencedImageSequence=[item])
        dataset["ReferencedImageSequence"].is_undefined_length = True
        item.is_undefined_length_sequence_item = True
        return file_of(dataset, EXPLICIT)

    reader = HeaderReader(fields(0x00080018, 0x00081155, 0x00100020, 0x00081140))
    for uid in ("1.2.3", "1.2.3", "1.2.3.4.5"):
        reader.read_bytes(make(uid))
    monkeypatch.setattr(HeaderReader, "_parse_new", never_walk)
    assert reader.read_bytes(make("1.2.3.4.5.6.7.8")).values == ("1.2.3", None, "1234", None)


def test_long_private_values_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header goes on far beyond the first 16 KB; only windows of it are read."""
    paths = []
    for number in range(5):
        dataset = small(InstanceNumber=number)
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", bytes(60_000 + 100 * number))
        block.add_new(0x20, "OB", bytes(90_000))
        dataset.add_new(0x00321060, "LO", f"after {number}")
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(file_of(dataset, EXPLICIT))
    reader = HeaderReader(fields(0x00200013, 0x00321060))
    values = [reader.read_file(path).values for path in paths[:4]]
    assert values == [(str(number), f"after {number}") for number in range(4)]
    monkeypatch.setattr(HeaderReader, "_parse_new", never_walk)
    assert reader.read_file(paths[4]).values == ("4", "after 4")


def test_other_character_set_or_encoding_is_another_layout() -> None:
    reader = HeaderReader(fields(0x00100010))
    latin, utf8 = small(SpecificCharacterSet="ISO_IR 100"), small(SpecificCharacterSet="ISO_IR 192")
    latin.PatientName, utf8.PatientName = "Müll", "Müll"
    for _ in range(4):
        for dataset, charset in ((latin, "ISO_IR 100"), (utf8, "ISO_IR 192")):
            header = reader.read_bytes(file_of(dataset, EXPLICIT))
            assert header.values == ("Müll",) and header.charset == charset


@pytest.mark.parametrize("tag", [b"\x28\0\x10\0", b"\xe0\x7f\x10\0"], ids=["in the header", "after it"])
def test_headers_without_vr_are_no_layout(tag: bytes) -> None:
    """The length of an element whose VR is missing stands where others have their VR."""
    good = file_of(small(), EXPLICIT)
    place = good.index(tag)
    length = good[place + 6 : place + 8] + bytes(2) if tag[0] == 0x28 else good[place + 8 : place + 12]
    missing = good[: place + 4] + length + good[place + (8 if tag[0] == 0x28 else 12) :]
    walking, remembering = (
        HeaderReader(fields(0x00080018, 0x00280010), remember=flag) for flag in (False, True)
    )
    for data in (missing, missing, missing, good, missing, good, good, good, missing):
        header = remembering.read_bytes(data)
        assert header == walking.read_bytes(data) and header.values == ("1.2.3", "4") and not header.fault


def test_interleaved_kinds_of_objects_all_match(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [small(), small(StudyID="1"), small(StationName="A"), small(StudyID="1", StationName="A")]
    reader = HeaderReader(fields(0x00080018, 0x00081010, 0x00200010))
    for _, dataset in itertools.product(range(3), kinds):
        reader.read_bytes(file_of(dataset, EXPLICIT))
    monkeypatch.setattr(HeaderReader, "_parse_new", never_walk)
    values = [reader.read_bytes(file_of(dataset, EXPLICIT)).values for dataset in kinds]
    assert values == [("1.2.3", None, None), ("1.2.3", None, "1"), ("1.2.3", "A", None), ("1.2.3", "A", "1")]


@pytest.mark.parametrize("with_series", [True, False])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_values_that_a_series_has_in_common_are_those_of_each_object(
    syntax: UID, with_series: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects of one layout; each value changes at its own pace, some only where another series begins."""
    tags = [0x00080018, 0x00100010, 0x00100020, 0x00200013, 0x00201041, 0x00280010]
    tags += [0x0020000E] * with_series
    rng = random.Random(3)
    reader = HeaderReader(fields(*tags))
    again = Mock(side_effect=Decoder.again, autospec=True)
    monkeypatch.setattr(Decoder, "again", lambda *arguments: again(*arguments))
    for number in range(300):
        series = number // 40 if number < 200 else rng.randrange(3)  # one after the other, then mixed
        expected = {
            0x00080018: f"1.2.{1000 + number}",
            0x0020000E: f"1.3.{series}",
            0x00100010: f"Doe^{'ABC'[series % 3]}",
            0x00100020: f"P{series % 2}",
            0x00200013: "1" * rng.randint(1, 4),  # its length varies too
            0x00201041: rng.choice(["-5.00", "10.00", "20.00"]),
            0x00280010: "512" if rng.random() < 0.98 else "256",
        }
        dataset = small()
        for tag, value in expected.items():
            dataset[tag] = DataElement(tag, dictionary_VR(tag), value if tag != 0x00280010 else int(value))
        assert reader.read_bytes(file_of(dataset, syntax)).values == tuple(expected[tag] for tag in tags)
    assert again.call_count > (150 if with_series else 50)


@pytest.mark.filterwarnings("ignore")
def test_memory_of_layouts_and_values_is_bounded() -> None:
    reader = HeaderReader(fields(0x00080018, 0x00100020))
    keywords = [
        *(
            "StudyID",
            "StationName",
            "InstitutionName",
            "StudyDescription",
            "BodyPartExamined",
            "ProtocolName",
        ),
        *("AccessionNumber", "PatientAge", "PatientSize", "PatientComments", "SeriesDescription"),
    ]
    for number in range(900):
        chosen = {word: "1" for place, word in enumerate(keywords) if number >> place & 1}
        data = file_of(small(**chosen, SOPInstanceUID=f"1.2.{number}"), EXPLICIT)
        for _ in range(3):
            assert reader.read_bytes(data).values[0] == f"1.2.{number}"
    cache = reader._layouts
    assert cache is not None
    assert len(cache._lengths) <= layouts.MAX_ORDERS and len(cache._buckets) <= layouts.MAX_BUCKETS
    assert all(len(bucket) <= layouts.BUCKET_SIZE for bucket in cache._buckets.values())
    assert all(len(one) <= 512 for table in reader._tables.values() for one in table.values())


@pytest.mark.filterwarnings("ignore")
def test_mutated_headers_read_by_layout_as_by_a_walk() -> None:
    """One bit changed at each place: a layout must not match where the walk sees another header."""
    data = file_of(small(PatientName="Doe^John", SpecificCharacterSet="ISO_IR 100"), EXPLICIT)
    tags = fields(0x00080005, 0x00080018, 0x00080060, 0x00100010, 0x00100020, 0x00280010)
    walking, remembering = HeaderReader(tags, remember=False), HeaderReader(tags)
    for _ in range(3):
        remembering.read_bytes(data)
    remembering.read_bytes(file_of(small(PatientName="D", SpecificCharacterSet="ISO_IR 100"), EXPLICIT))
    for place in range(128, len(data) - 32):
        for change in (1, 0x20, 0x80):
            mutated = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
            assert _outcome(remembering, mutated) == _outcome(walking, mutated), (place, change)


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["walked", "by layout"])
@pytest.mark.filterwarnings("ignore")
def test_kinds_of_fields(name: str) -> None:
    dataset = small(StudyDate="2020.01.02", PatientID="P" * 70, PatientComments="  blank then cut  ")
    dataset.add_new(0x00280009, "AT", [0x00181063, 0x00181065])
    dataset.add_new(0x00281199, "UI", "")
    dataset.Rows = [1, 2]
    reader = HeaderReader(
        [
            Field((0x00080020,), 8, "date"),
            Field((0x00080020,), 8),
            Field((0x00100020,), 64, "key"),
            Field((0x00100020,), 64),
            Field((0x00104000,), 8),
            Field((0x00104000,), 1),
            Field((0x00280009,)),
            Field((0x00280010,), 5, "number"),
            Field((0x00280010,)),
            Field((0x00281199,)),
            Field((0x00100010,)),
        ],
        remember=name == "by layout",
    )
    digest = hashlib.sha256(b"P" * 70).hexdigest()[:12]
    for _ in range(3):
        assert reader.read_bytes(file_of(dataset, EXPLICIT)).values == (
            "20200102",
            "2020.01.",
            "P" * 51 + "~" + digest,
            "P" * 64,
            "  blank",
            None,
            "00181063\\00181065",
            "1",
            "1\\2",
            None,
            None,
        )


def test_keys_never_merge() -> None:
    field = Field((), 64, "key")
    keys = {fit("P" * 64 + end, field) for end in ("", "1", "2", "12")}
    assert len(keys) == 4 and all(key and len(key) <= 64 for key in keys)
    assert fit("P" * 20, Field((), 8, "key")) == "~" + hashlib.sha256(b"P" * 20).hexdigest()[:7]


def test_nested_fields() -> None:
    item, inner = Dataset(), Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3.4"
    inner.Rows = [7, 8]
    item.ReferencedSOPSequence = [Dataset(), inner]
    dataset = small(ReferencedStudySequence=[item])
    path = (0x00081110, 0, 0x00081199, 1)
    reader = HeaderReader(
        [
            Field((*path, 0x00081155)),
            Field((*path, 0x00081155), 3),
            Field((*path, 0x00280010), kind="number"),
            Field((0x00081110, 0, 0x00081199, 2, 0x00081155)),
            Field((0x00081110, 1, 0x00081155)),
            Field((0x00081140, 0, 0x00081155)),
            Field((0x00100020,)),
        ]
    )
    for _ in range(3):
        header = reader.read_bytes(file_of(dataset, EXPLICIT))
        assert header.values == ("1.2.3.4", "1.2", "7", None, None, None, "1234")
        assert header.sequences == {}


def test_file_facts(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file_of(small(SpecificCharacterSet="ISO_IR 192"), IMPLICIT))
    header = HeaderReader(fields(0x00100020)).read_file(path)
    found = path.stat()
    assert (header.size, header.mtime_ns) == (found.st_size, found.st_mtime_ns)
    assert (header.transfer_syntax, header.charset, header.fault) == (IMPLICIT, "ISO_IR 192", None)


def test_a_reader_without_fields_reads() -> None:
    reader = HeaderReader([])
    assert [reader.read_bytes(file_of(small(), EXPLICIT)).values for _ in range(3)] == [()] * 3


def test_later_element_of_the_same_tag_counts_and_order_does_not_matter() -> None:
    data = b"\x10\0\x20\0LO\2\0A \x08\0\x60\0CS\2\0CT\x10\0\x20\0LO\2\0B "
    data += b"\x28\0\x10\0US\2\0\5\0\x08\0\x18\0UI\2\x001\0"
    reader = HeaderReader(fields(0x00080018, 0x00080060, 0x00100020))
    for _ in range(3):
        assert reader.read_bytes(data, EXPLICIT).values == ("1", "CT", "B")


def test_contours_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first 16 KB of a structure set, however long its contours are."""
    roi, contour, structure = Dataset(), Dataset(), Dataset()
    roi.ROIName, contour.ContourData = "BODY", ["1.5"] * 30_000
    structure.ContourSequence = [contour]
    dataset = small(StructureSetROISequence=[roi], ROIContourSequence=[structure] * 5)
    path = tmp_path / "rs.dcm"
    path.write_bytes(file_of(dataset, IMPLICIT))
    reads: list[int] = []
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, n: (reads.append(n), read(fd, n))[1])
    header = HeaderReader(fields(0x00100020), [0x30060020]).read_file(path)
    assert [item.text(0x30060026) for item in header.sequences[0x30060020]] == ["BODY"]
    assert reads == [part10.PREFIX_BYTES]
    after = HeaderReader(fields(0x7FE00008)).read_file(path)
    assert after.values == (None,) and max(reads) == part10.PREFIX_BYTES and len(reads) < 5


# -- files that lie -----------------------------------------------------------------------------------------

WANTED = fields(0x00080018, 0x00080060, 0x00100010, 0x00100020, 0x0020000D, 0x30060002)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"Some text that is no DICOM. " * 20, "not a DICOM file"),
        (bytes(1000), "not a DICOM file"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(300), "not a DICOM file"),
        (b"PK\3\4" + bytes(300), "not a DICOM file"),
        (b"\x08\0\5\0", "not a DICOM file"),
        (b"\x08\0\5\0CS\xff\xff", "not a DICOM file"),
        (bytes(128) + b"DICM", "no data set"),
        (bytes(128) + b"DICM" + b"\2\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0", "no data set"),
        (bytes(128) + b"DICM\2\0\0\0UL\xff\xff", "claims 65535 bytes"),
        (bytes(128) + b"DICM\2\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99rubbish" * 3, "no data set|inflated"),
    ],
)
def test_what_is_not_dicom_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    reader = HeaderReader(WANTED)
    for _ in range(2):
        with pytest.raises(UnreadableError, match=reason):
            reader.read_file(path)
        with pytest.raises(UnreadableError, match=reason):
            reader.read_bytes(content)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    reader = HeaderReader(WANTED)
    with pytest.raises(UnreadableError, match="No such file"):
        reader.read_file(tmp_path / "absent")
    with pytest.raises(UnreadableError, match=r"regular file|directory|denied"):
        reader.read_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(UnreadableError, match="not a regular file"):
            reader.read_file(tmp_path / "fifo")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    dataset = small()
    dataset.add_new(0x00091010, "OB", bytes(50_000))
    path.write_bytes(file_of(dataset, EXPLICIT))
    prefix = part10.read_prefix(path)
    path.write_bytes(b"")
    with pytest.raises(UnreadableError, match="changed"):
        HeaderReader(fields(0x00280010)).parse(prefix)


def test_cut_short_objects_are_read_as_far_as_they_go() -> None:
    data = file_of(small(), EXPLICIT)
    reader = HeaderReader(WANTED)
    whole = reader.read_bytes(data)
    assert whole.fault is None
    for _ in range(3):
        reader.read_bytes(data)
    cut = reader.read_bytes(data[:-10])
    assert cut.values == whole.values and cut.fault and "pixel data" in cut.fault
    for end in range(132, len(data) - 32):
        try:
            header = reader.read_bytes(data[:end])
        except UnreadableError:
            continue
        assert all(ours in (None, value) for ours, value in zip(header.values, whole.values, strict=True))


def test_lying_length_is_told() -> None:
    data = bytearray(file_of(small(), EXPLICIT))
    place = data.index(b"\x10\0\x20\0LO")
    data[place + 6 : place + 8] = b"\xf0\xff"
    header = HeaderReader(WANTED).read_bytes(bytes(data))
    assert header.values[:2] == ("1.2.3", "CT") and header.values[3] is None
    assert header.fault and "(0010,0020)" in header.fault and "65520 bytes" in header.fault


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _outcome_of_file(reader: HeaderReader, path: Path) -> object:
    try:
        return reader.read_file(path)
    except UnreadableError as error:
        return str(error)


def bomb() -> bytes:
    """60 KB that inflate to 60 MB of one value, after a few good elements."""
    dataset = small()
    dataset.add_new(0x00091010, "OB", bytes(60 << 20))
    return file_of(dataset, DEFLATED)


def head(syntax: UID) -> bytes:
    """A bare data set without pixel data, for more to be added."""
    dataset = small()
    del dataset.PixelData
    return bare(dataset, syntax)


def many_items() -> bytes:
    """A wanted sequence of 500,000 empty items."""
    body = b"\xfe\xff\0\xe0\0\0\0\0" * 500_000
    return head(IMPLICIT) + b"\6\x30\x20\0" + len(body).to_bytes(4, "little") + body


def many_elements() -> bytes:
    """Empty elements without an end before the last wanted one."""
    return head(EXPLICIT) + b"\x29\0\x10\x10LO\0\0" * 200_000


def large_sequence() -> bytes:
    """A wanted sequence with a value of 40 MB."""
    body = bytes(40 << 20)
    item = b"\x06\x30\x26\0" + len(body).to_bytes(4, "little") + body
    item = b"\xfe\xff\0\xe0" + len(item).to_bytes(4, "little") + item
    return head(IMPLICIT) + b"\6\x30\x20\0" + len(item).to_bytes(4, "little") + item


def deep_items() -> bytes:
    return head(IMPLICIT) + nest(20_000, defined=False)


def deep_items_of_known_length() -> bytes:
    return head(IMPLICIT) + nest(20_000, defined=True)


def long_texts() -> bytes:
    """Wanted texts of 20 MB each."""
    text = b"\x10\0\x10\0" + (20 << 20).to_bytes(4, "little") + b"x" * (20 << 20)
    return head(IMPLICIT) + text + text.replace(b"\x10\0\x10\0", b"\x20\0\x0d\0", 1)


@pytest.mark.parametrize(
    "make",
    [
        bomb,
        many_items,
        many_elements,
        large_sequence,
        deep_items,
        deep_items_of_known_length,
        long_texts,
    ],
)
def test_hostile_files_cost_less_than_32_mb(
    make: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part10, "MAX_ELEMENTS", 100_000)
    path = tmp_path / "hostile.dcm"
    path.write_bytes(make())
    reader = HeaderReader([*WANTED, Field((0x300A00B0,))], [0x30060020, 0x300A0040])
    for _ in range(2):
        outcomes: list[object] = []
        assert peak(lambda: outcomes.append(_outcome_of_file(reader, path))) < 32 << 20  # noqa: B023
        assert isinstance(outcomes[0], Header) and outcomes[0].values[0] == "1.2.3"
        if make is many_elements:
            assert outcomes[0].fault and "too many" in outcomes[0].fault


def test_too_large_sequences_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    path.write_bytes(large_sequence())
    header = HeaderReader(WANTED, [0x30060020]).read_file(path)
    assert 0x30060020 not in header.sequences and header.fault and "left out" in header.fault
    assert MAX_SEQUENCES < 32 << 20


def test_too_long_identifiers_are_left_out_and_told() -> None:
    data = b"\x10\0\x20\0\2\0\0\0ID\x20\0\x0d\0\x01\0\x01\0" + b"1" * 65537
    header = HeaderReader([Field((0x0020000D,), 64, "key"), Field((0x0020000D,), 64)]).read_bytes(
        data, IMPLICIT
    )
    assert header.values == (None, None) and header.fault and "identifier (0020,000D)" in header.fault


@pytest.mark.parametrize("remember", [False, True])
def test_what_a_modality_does_not_need_is_not_read(remember: bool) -> None:
    """Of a structure set nothing beyond its ROIs, whatever stands there; of all others all that is asked for."""
    names, plan = 0x30060020, 0x300C0002
    broken = b"\x06\x30\x39\0\xff\xff\xff\xff" + b"neither items nor an end"
    item = b"\xfe\xff\0\xe0\x0c\0\0\0" + b"\x06\x30\x26\0\4\0\0\0Lung"
    rois = b"\x06\x30\x20\0" + len(item).to_bytes(4, "little") + item
    reader = HeaderReader(WANTED, [names, plan], remember, {"RTSTRUCT": [names]})
    for modality in (b"RTSTRUCT", b"RTDOSE", b"RTSTRUCT", b"RTDOSE", b"RTSTRUCT") * 3:
        value = modality + b" " * (len(modality) % 2)
        start = b"\x08\0\x60\0" + len(value).to_bytes(4, "little") + value
        header = reader.read_bytes(start + rois + broken, IMPLICIT)
        assert [roi.text(0x30060026) for roi in header.sequences[names]] == ["Lung"]
        assert (header.fault is None) == (modality == b"RTSTRUCT")
        plain = reader.read_bytes(start + broken, IMPLICIT)
        assert (plain.fault is None) == (modality == b"RTSTRUCT")


def test_deep_items_can_be_descended_a_little() -> None:
    header = HeaderReader([], [0x300A0040]).read_bytes(deep_items(), IMPLICIT)
    (item,) = header.sequences[0x300A0040]
    assert len(item.items(0x300A0040)) == 1


@pytest.mark.skipif(not (SHARED_DATA / "broken").exists(), reason="no shared data")
def test_broken_files_are_read_or_refused_within_bounds() -> None:
    reader = HeaderReader(WANTED, [0x30060020, 0x300A00B0])
    for path in sorted((SHARED_DATA / "broken").rglob("*")):
        if path.is_file():
            assert peak(lambda: _outcome_of_file(reader, path)) < 32 << 20, path  # noqa: B023


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtstruct.dcm", "rtplan.dcm", "MR_small_implicit.dcm"])
@pytest.mark.filterwarnings("ignore")
def test_random_changes_raise_nothing_but_unreadable(name: str) -> None:
    """Bytes changed at random in good headers; read by layout and by a walk alike, in bounded memory."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    data = Path(path).read_bytes()[:9000]
    sequences = [0x00081140, 0x30060010, 0x30060020, 0x300A0070, 0x300A00B0]
    wanted = [
        *WANTED,
        *fields(0x00200032, 0x00281052, 0x01F11026, 0x00280106),
        Field((0x300A00B0, 0, 0x300A00C2)),
    ]
    walking, remembering = HeaderReader(wanted, sequences, remember=False), HeaderReader(wanted, sequences)
    rng = random.Random(name)

    def read_all() -> None:
        for _ in range(500):
            mutated = bytearray(data)
            for _ in range(rng.randrange(1, 6)):
                mutated[rng.randrange(132, len(mutated))] = rng.choice([0, 0xFF, 0x7F, rng.randrange(256)])
            first, second = _outcome(walking, bytes(mutated)), _outcome(remembering, bytes(mutated))
            assert _plain(first) == _plain(second)

    assert peak(read_all) < 32 << 20


def _plain(outcome: object) -> object:
    """An outcome whose items can be compared; descends into them, where nothing else may be raised either."""
    if not isinstance(outcome, Header):
        return outcome
    found = []
    for tag, items in outcome.sequences.items():
        for item in items:
            try:
                found.append([(tag, inner, item.text(inner)) for inner in item.tags()])
            except UnreadableError as error:
                found.append([(tag, 0, str(error))])
    return outcome._replace(sequences={}), found
