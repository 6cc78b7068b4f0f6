"""layouts.py: what is learnt of headers gives what a walk over them gives."""

import itertools
import random
from pathlib import Path
from unittest.mock import Mock

import pytest
from encoded import BIG_ENDIAN, EXPLICIT, IMPLICIT, bare, fields, file_of, outcome, small
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pyconquest_rt.dicom import layouts
from pyconquest_rt.dicom.fields import Decoder
from pyconquest_rt.dicom.header import Header, HeaderReader


def never_walk(*_: object) -> Header:
    raise AssertionError("the layout should have matched")


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
        dataset = small(AcquisitionTime=f"{rng.randrange(100000, 235959)}")  # not wanted, other in each
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
            assert outcome(remembering, mutated) == outcome(walking, mutated), (place, change)
