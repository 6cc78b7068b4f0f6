"""part10.py: whole files as items, and the ways in which an object may begin."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from encoded import BIG_ENDIAN, EXPLICIT, IMPLICIT, SYNTAXES, bare, bomb, file_of, small
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pyconquest_rt.dicom import part10
from pyconquest_rt.dicom.elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Item, Source
from pyconquest_rt.dicom.part10 import FileSource, begin, read_prefix, view_of, whole_object
from pyconquest_rt.errors import UnreadableError


@contextmanager
def opened(path: str | Path) -> Iterator[Item]:
    with FileSource(read_prefix(path)) as source:
        yield view_of(whole_object(source))


@pytest.mark.parametrize("name", ["rtstruct.dcm", "rtplan.dcm", "rtdose.dcm", "CT_small.dcm"])
def test_a_whole_object_gives_what_pydicom_reads(name: str) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    dataset = pydicom.dcmread(path, force=True)
    with opened(path) as item:
        assert item.tags() == [element.tag for element in dataset]
        assert item.text(0x00080018) == dataset.SOPInstanceUID
        if "PixelData" in dataset:
            assert item.raw(0x7FE00010) == dataset.PixelData
        for ours, theirs in zip(item.items(0x30060039), dataset.get("ROIContourSequence", []), strict=True):
            for contour, other in zip(ours.items(0x30060040), theirs.ContourSequence, strict=True):
                assert [float(one) for one in contour.values(0x30060050)] == other.ContourData


def test_a_whole_object_holds_a_window_only(tmp_path: Path) -> None:
    contour, structure = Dataset(), Dataset()
    contour.ContourData = ["1.5"] * 20_000
    structure.ContourSequence = [contour] * 20
    path = tmp_path / "rs.dcm"
    path.write_bytes(file_of(small(ROIContourSequence=[structure] * 5), EXPLICIT))
    tracemalloc.start()
    with opened(path) as item:
        count = sum(len(one.items(0x30060040)) for one in item.items(0x30060039))
    assert count == 100 and tracemalloc.get_traced_memory()[1] < 1 << 20 < path.stat().st_size
    tracemalloc.stop()


def test_a_whole_object_of_what_is_no_dicom(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("text")
    with pytest.raises(UnreadableError, match="not a DICOM file"), opened(path):
        pass


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
@pytest.mark.parametrize("declared", SYNTAXES[:3])
def test_encoding_is_taken_from_the_bytes(syntax: UID, declared: UID) -> None:
    """A transfer syntax that contradicts the data set does not lead astray; the UID stays as it is told."""
    encodings = {IMPLICIT: IMPLICIT_LITTLE, EXPLICIT: EXPLICIT_LITTLE, BIG_ENDIAN: EXPLICIT_BIG}
    meta = file_of(Dataset(), declared)
    start = begin(Source(meta + bare(small(), syntax)))
    assert (start.encoding, start.transfer_syntax) == (encodings[syntax], declared)
    assert begin(Source(bare(small(), syntax))).transfer_syntax == syntax


def test_a_deflated_bomb_is_inflated_in_part() -> None:
    data = bomb()
    tracemalloc.start()
    start = begin(Source(data))
    assert start.source.size == part10.MAX_INFLATED and not start.is_whole
    assert tracemalloc.get_traced_memory()[1] < 3 * part10.MAX_INFLATED
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\0\x18\0\x04\0\0\x001.2\0\x08\0\x16\0\x04\0\0\x001.2\0",  # tags that descend
        b"\x08\0\x34\x12\x04\0\0\x001.2\0" * 2,  # a tag that nobody knows
        b"\x09\0\x18\0\x04\0\0\x001.2\0" * 2,  # another group
        b"\x08\0\x16\0\xff\xff\xff\xff" + bytes(40),
        b"\x08\0\x16\0UI\4\x001.2\0\x08\0\x18\0UI\xff\x001.2\0",
    ],
)
def test_bare_data_sets_must_be_plausible(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="not a DICOM file"):
        begin(Source(data))


def test_bare_data_set_of_one_element() -> None:
    assert begin(Source(b"\x08\0\x18\0UI\4\x001.2\0")).encoding == EXPLICIT_LITTLE


def test_file_meta_information_without_transfer_syntax() -> None:
    data = bytes(128) + b"DICM\2\0\x12\0UI\4\x001.2\0" + bare(small(), IMPLICIT)
    assert begin(Source(data)).transfer_syntax == IMPLICIT


@pytest.mark.parametrize(
    "before",
    [
        b"\x07\0\x10\0LO\4\0ACME",  # a private group
        b"\0\0\0\0\4\0\0\0\x0a\0\0\0" + b"\0\0\0\1\2\0\0\0\1\0",  # the command set of a message
        b"\2\0\x10\0\x14\0\0\0" + b"1.2.840.10008.1.2.1\0",  # file meta information as Conquest writes it
        b"DICM",  # a preamble that was cut away
    ],
)
def test_bare_data_sets_may_begin_otherwise(before: bytes) -> None:
    data = before + bare(small(), EXPLICIT)
    start = begin(Source(data))
    assert start.encoding == EXPLICIT_LITTLE
    assert start.position in (0, len(before))
