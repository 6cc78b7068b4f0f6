"""Objects read by pydicom and by the project's own view give the same; deflated ones are inflated in bounds."""

import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pyconquest_rt.dicom import access as dicom_values
from pyconquest_rt.dicom import part10
from pyconquest_rt.dicom.access import read_object, view_object
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.rt.dvh.contours import read_rois
from pyconquest_rt.rt.objects import doses, plans, structures

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def recoded(name: str, syntax: str, path: Path) -> Path:
    """One of pydicom's test files in another transfer syntax."""
    data_set = dcmread(get_testdata_file(name), force=True)
    whole = Dataset(data_set)
    whole.walk(lambda _, element: element.value)  # the values must be decoded to be encoded otherwise
    whole.file_meta = data_set.file_meta
    whole.file_meta.TransferSyntaxUID = syntax
    whole.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_view_and_pydicom_give_the_same_rois(syntax: str, tmp_path: Path) -> None:
    path = recoded("rtstruct.dcm", syntax, tmp_path / "rs.dcm")
    expected = read_rois(dcmread(get_testdata_file("rtstruct.dcm"), force=True))
    assert len(expected) == 3
    for record in (read_object(path), view_object(path), view_object(path.read_bytes())):
        found = read_rois(record)
        assert list(found) == list(expected)
        for number, roi in found.items():
            other = expected[number]
            assert (roi.name, roi.interpreted_type, roi.color, roi.others, roi.notes) == (
                *(other.name, other.interpreted_type, other.color, other.others, other.notes),
            )
            assert all(np.array_equal(a, b) for a, b in zip(roi.contours, other.contours, strict=True))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_rows_do_not_depend_on_the_encoding(syntax: str, tmp_path: Path) -> None:
    for name, extract in (("rtstruct.dcm", structures), ("rtplan.dcm", plans)):
        expected = extract.extract(get_testdata_file(name))
        assert extract.extract(recoded(name, syntax, tmp_path / name)) == expected
    row = doses.extract(recoded("rtdose.dcm", syntax, tmp_path / "rtdose.dcm"))
    assert row == doses.extract(get_testdata_file("rtdose.dcm"))


def bomb(path: Path, size: int) -> Path:
    """An RTSTRUCT in a few kilobytes whose deflated data set has more than ``size`` bytes."""
    data_set = dcmread(get_testdata_file("rtstruct.dcm"), force=True)
    data_set.add_new(0x00091010, "OB", bytes(size))
    data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data_set.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("read", [read_object, view_object])
@pytest.mark.parametrize("as_stream", [False, True])
def test_a_deflated_object_beyond_the_bound_is_refused(
    read: object, as_stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "bomb.dcm", 20 << 20)
    assert len(read_rois(read(path))) == 3  # type: ignore[operator]
    monkeypatch.setattr(part10, "MAX_WHOLE", 1 << 20)
    source = BytesIO(path.read_bytes()) if as_stream else path
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError, match="1048576 bytes or more"):
            read(source)  # type: ignore[operator]
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("extract", [structures.extract, plans.extract, doses.extract])
def test_extractors_tell_of_an_object_beyond_the_bound(
    extract: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "bomb.dcm", 20 << 20)
    monkeypatch.setattr(part10, "MAX_WHOLE", 1 << 20)
    found = extract(path)  # type: ignore[operator]
    row = found if isinstance(found, dict) else getattr(found, "plan", None) or found.structure_set
    assert row["status"] == "failed"
    assert "1048576 bytes or more" in row["reason"]


def test_a_structure_set_that_is_cut_short_is_refused() -> None:
    data = Path(get_testdata_file("rtstruct.dcm")).read_bytes()
    for end in range(200, len(data) - 8, 97):
        with pytest.raises(UnreadableError):
            read_rois(view_object(data[:end]))


def test_what_is_no_object_is_refused(tmp_path: Path) -> None:
    for read in (read_object, view_object):
        for content in (b"", b"not DICOM at all" * 20, zlib.compress(bytes(1000))):
            with pytest.raises(UnreadableError, match="the byte stream"):
                read(content)
        with pytest.raises(UnreadableError, match="absent"):
            read(tmp_path / "absent.dcm")


def test_a_data_set_is_handed_back() -> None:
    data_set = Dataset()
    assert read_object(data_set) is data_set
    assert view_object(data_set) is data_set
    assert dicom_values.has(data_set, "Modality") is False
