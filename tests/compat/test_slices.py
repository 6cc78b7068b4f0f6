"""Slice positions: their range, and whether they are evenly spaced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.compat.slices import analyse, slice_info
from pyconquest_rt.indexer import rebuild

SERIES = "1.2.826.0.1.3680043.10.1.1.1"


def distance(*positions: float) -> float | str:
    info = slice_info([(position, 1.0) for position in positions])
    assert info is not None
    return info.UniqueSliceDistance


def test_spacing() -> None:
    assert slice_info([]) is None
    assert distance(5.0) == ""
    assert distance(-2.5, 0.0, 2.5) == 2.5
    assert distance(0.0, 2.5, 7.5) == ""
    assert distance(0.0, 2.5, 2.5, 5.0) == 2.5  # two images of one slice
    assert distance(*(-117.3 + 1.25 * n for n in range(40))) == 1.25  # PyConquest: 1.2 and 1.3, uneven
    assert distance(0.0, 3.27, 6.54) == 3.27


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [([1, 0, 0, 0, 1, 0], [30.0, 33.0]), ([0, 1, 0, 0, 0, -1], [-13.0, -10.0])],
    ids=["transverse", "sagittal"],
)
def test_slices_without_location_are_placed_by_their_position(
    ingest: Archive, put: Callable[..., Path], orientation: list[float], expected: list[float]
) -> None:
    for number in (1, 2):
        put(
            f"P1/{number}.dcm",
            instance=number,
            SliceLocation=None,
            ImageOrientationPatient=orientation,
            ImagePositionPatient=[7 + 3 * number, -5, 27 + 3 * number],
        )
    rebuild(ingest)
    assert analyse(ingest.database) == ([], [])
    (row,) = ingest.database.query("SELECT min_sliceposition a, max_sliceposition b FROM DICOMSeries")
    assert [float(row["a"]), float(row["b"])] == expected


def test_values_that_are_no_numbers_count_as_missing(ingest: Archive, put: Callable[..., Path]) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    ingest.database.connection.execute("UPDATE DICOMImages SET SliceLocat = 'x', SliceThick = 'nan'")
    assert analyse(ingest.database, [SERIES, "1.2.3"]) == ([SERIES], ["1.2.3"])
    (row,) = ingest.database.query("SELECT min_sliceposition a, SliceThickness b FROM DICOMSeries")
    assert row == {"a": "0.0", "b": "0.0"}
