"""header.py against pydicom: all sample files, any data set, and the kinds of fields."""

import hashlib
import io
import itertools
import os
import random
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from encoded import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    SYNTAXES,
    bare,
    fields,
    file_of,
    outcome,
    small,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import level, sample_files, texts
from oracle import read as pydicom_read
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pyconquest_rt.dicom import part10
from pyconquest_rt.dicom.elements import format_tag
from pyconquest_rt.dicom.fields import fit
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import UnreadableError

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
    odd = {"no_meta.dcm", "DICOMDIR-empty.dcm"}  # begins amid an element; is no object
    assert {name for name in refused if name.endswith(".dcm")} <= odd


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
        assert outcome(remembering, data) == outcome(walking, data)


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
    """Only the first 16 KB of a structure set and what follows its contours, however long these are."""
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
    assert reads == [part10.PREFIX_BYTES] * 2
    after = HeaderReader(fields(0x7FE00008)).read_file(path)
    assert after.values == (None,) and max(reads) == part10.PREFIX_BYTES and len(reads) < 6
