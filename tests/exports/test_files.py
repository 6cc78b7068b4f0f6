"""Copies of series: every instance has a file of its own."""

from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.dicom.edit import change_tag
from pyconquest_rt.exports.files import copy_series
from pyconquest_rt.indexer import rebuild

SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def test_equal_names_get_numbers(ingest: Archive, put: Callable[..., Path], tmp_path: Path) -> None:
    for number in (1, 2, 3):
        put(f"P1/{number}/IM.1", instance=number)
    rebuild(ingest)
    out = str(tmp_path / "out")
    names = copy_series(ingest, SERIES, out).names
    assert names == [f"{out}/IM.1", f"{out}/IM-2.1", f"{out}/IM-3.1"]
    assert len({dcmread(name).SOPInstanceUID for name in names}) == 3


def test_a_second_copy_replaces_the_first(ingest: Archive, put: Callable[..., Path], tmp_path: Path) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    (name,) = copy_series(ingest, SERIES, str(tmp_path / "out")).names
    change_tag(name, "PatientID", "anonymous")
    assert copy_series(ingest, SERIES, str(tmp_path / "out")).names == [name]
    assert dcmread(name).PatientID == "P1"


def test_what_is_not_ours_is_not_replaced(ingest: Archive, put: Callable[..., Path], tmp_path: Path) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.dcm").write_text("mine")
    assert copy_series(ingest, SERIES, str(tmp_path / "out")).names == [f"{tmp_path / 'out'}/1-2.dcm"]
    assert (tmp_path / "out" / "1.dcm").read_text() == "mine"


def test_copying_a_file_onto_itself_leaves_it(ingest: Archive, put: Callable[..., Path], data: Path) -> None:
    path = put("P1/1.dcm")
    before = path.read_bytes()
    rebuild(ingest)
    assert copy_series(ingest, SERIES, str(data / "P1")).names == [str(path)]
    assert path.read_bytes() == before


def test_missing_files_are_counted(ingest: Archive, put: Callable[..., Path], tmp_path: Path) -> None:
    put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    (ingest.storage.root / "P1" / "2.dcm").unlink()
    copied = copy_series(ingest, SERIES, str(tmp_path / "out"))
    assert (len(copied.names), copied.missing) == (1, 1)
