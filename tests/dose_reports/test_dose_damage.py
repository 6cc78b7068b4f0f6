"""Damaged objects: a status row for each, never an exception."""

import os
import random
import sqlite3
import warnings
from pathlib import Path

import pytest
from dose_changes import changed
from dose_objects import DOSE_FOLDER, ct_report, encode, needs_dose_files, radiograph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from pyconquest_rt.dose_reports import Rows, create_tables, extract, write

_REPORT = ct_report({"2.25.11": 10.5, "2.25.12": 20.0}, SOPInstanceUID="2.25.1000")
WHOLE = {
    "defined": encode(_REPORT),
    "undefined": encode(_REPORT, undefined=True),
    "implicit": encode(_REPORT, ImplicitVRLittleEndian),
    "big": encode(_REPORT, ExplicitVRBigEndian),
    "image": encode(radiograph()),
}


def check(rows: Rows | None) -> None:
    """What every result must be: nothing, or one object row with a status and a reason where one is due."""
    if rows is None:
        return
    (row,) = rows["dose_object"]
    assert row["SOPInstanceUID"]
    assert row["status"] in ("ok", "warning", "failed")
    assert (row["status"] == "ok") == (not row.get("warnings"))
    if row["status"] == "failed":
        assert not any(rows[table] for table in rows if table != "dose_object")
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    write(connection, rows)  # no two rows with one key


@pytest.mark.parametrize("name", ["defined", "undefined", "implicit", "big"])
def test_a_report_cut_off_anywhere_is_a_failed_row(name: str) -> None:
    whole = WHOLE[name]
    start = whole.rindex(b"2.25.1000") + 20  # behind the identifiers
    for length in range(start, len(whole) - 16, 7):
        rows = extract(whole[:length])
        check(rows)
        if rows is not None and rows.object["status"] != "failed":
            # Cut exactly between two elements of the data set: what is there is whole.
            assert not rows["dose_event"], length


def test_an_object_without_anything_is_a_failed_row_under_a_name_of_its_own() -> None:
    first, second = extract(b"no DICOM at all"), extract(b"nor this")
    assert first is not None and second is not None
    assert first.object["status"] == second.object["status"] == "failed"
    assert first.sop_instance_uid.startswith("unreadable:")
    assert first.sop_instance_uid != second.sop_instance_uid


def test_a_missing_file_is_a_failed_row_that_names_it(tmp_path: Path) -> None:
    rows = extract(tmp_path / "gone.dcm")
    assert rows is not None
    assert rows.object["status"] == "failed"
    assert "gone.dcm" in str(rows.object["warnings"])


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_bytes_changed_anywhere(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    check(extract(bytes(damaged)))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=600))
@example(b"")
def test_any_bytes(data: bytes) -> None:
    check(extract(data))
    check(extract(WHOLE["defined"][:400] + data))


@needs_dose_files
@pytest.mark.parametrize(
    "name",
    [
        "CT-ESR-GE_Optima.dcm",
        "MG-RDSR-GEPristina-DBT.dcm",
        "RF-RDSR-Philips_Allura.dcm",
        "NM-RRDSR-Siemens.dcm",
    ],
)
def test_real_reports_cut_off_and_changed(name: str) -> None:
    whole = (DOSE_FOLDER / name).read_bytes()
    for length in range(1000, len(whole) - 200, len(whole) // 60):
        check(extract(whole[:length]))
    for place in range(150, len(whole), len(whole) // 120):
        check(extract(whole[:place] + b"\xff\xff\xff" + whole[place + 3 :]))


def test_lengths_that_lie_cost_no_memory() -> None:
    whole = WHOLE["defined"]
    at = whole.index(b"\x40\x00\x30\xa7SQ")
    rows = extract(whole[: at + 8] + b"\xf0\xff\xff\xff" + whole[at + 12 :])
    assert rows is not None and rows.object["status"] == "failed"
    assert "(0040,A730)" in str(rows.object["warnings"])


_REPORTS = b"1.2.840.10008.5.1.4.1.1.88."  # SOP classes of structured reports


def test_reports_changed_at_random() -> None:
    """A status row for each; ``PYCONQUEST_RT_CHANGED_REPORTS`` says of how many, 5,000 in the long form.

    The header's SOP class is kept, so that each is known for a report and cannot pass for an object without dose.
    """
    objects = int(os.environ.get("PYCONQUEST_RT_CHANGED_REPORTS", "150"))
    seeds = [encode(_REPORT), encode(_REPORT, ImplicitVRLittleEndian)]
    if DOSE_FOLDER.is_dir():
        reports = (path for path in sorted(DOSE_FOLDER.rglob("*.dcm")) if "RDSR" in path.name)
        seeds += [path.read_bytes() for path in reports if path.stat().st_size < 500_000]
    chance = random.Random(16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(objects):
            whole = seeds[number % len(seeds)]
            head = (
                whole.index(_REPORTS, whole.index(_REPORTS) + 1) + 80
            )  # the first stands in the file's meta header
            rows = extract(whole[:head] + changed(whole[head:], chance))
            assert rows is not None, number
            check(rows)
