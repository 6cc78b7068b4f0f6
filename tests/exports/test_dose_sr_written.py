"""CT dose reports made of what pages and images tell: read back, counted once, and valid by foreign programs."""

import shutil
import sqlite3
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

sys.path.append(str(Path(__file__).parents[1] / "dose_reports"))

from dose_objects import CT_IMAGE, ct_report, encode, instance

from pyconquest_rt import dose_reports
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.exports.dose_sr import dose_sr


def _image(number: int, protocol: str, dlp: float, ctdivol: float) -> bytes:
    dataset = instance(
        CT_IMAGE,
        Modality="CT",
        Manufacturer="TOSHIBA",
        ManufacturerModelName="M1",
        DeviceSerialNumber="77",
        AcquisitionNumber=str(number),
        AcquisitionDate="20250102",
        AcquisitionTime=f"10000{number}",
        ProtocolName=protocol,
        BodyPartExamined="HEAD",
        KVP="120",
        ExposureTime="500",
    )
    block = dataset.private_block(0x7005, "TOSHIBA_MEC_CT3", create=True)
    block.add_new(0x23, "FD", 0.94)
    block.add_new(0x40, "FD", dlp)
    block.add_new(0x63, "FD", ctdivol)
    return encode(dataset)


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    for data in (_image(1, "Head", 812.4, 40.62), _image(2, "Neck", 402.3, 12.1)):
        rows = dose_reports.extract(data)
        assert rows is not None
        dose_reports.write(connection, rows)
    return connection


def _bytes(dataset: pydicom.Dataset) -> bytes:
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def test_it_tells_what_the_images_tell_and_counts_beside_them_once(connection: sqlite3.Connection) -> None:
    made = dose_sr(connection, "2.25.1", "A^B")
    rows = dose_reports.extract(_bytes(made))
    assert rows is not None and rows.object["status"] == "ok"
    assert rows.object["source_of_dose_information"] == "Copied From Image Attributes"
    (total,) = rows["dose_accumulated"]
    assert total["ct_dose_length_product_total_mGycm"] == 1214.7
    told = [
        (row["acquisition_protocol"], row["dlp_mGycm"], row["pitch_factor"]) for row in rows["dose_event"]
    ]
    assert told == [("Head", 812.4, 0.94), ("Neck", 402.3, 0.94)]
    assert rows["dose_event_source"][0]["exposure_time_per_rotation_s"] == pytest.approx(0.47)
    dose_reports.write(connection, rows)
    study = connection.execute("SELECT ct_events, total_dlp_mGycm FROM dose_study").fetchone()
    assert study == (2, 1214.7)


def test_the_same_again_has_the_same_uids(connection: sqlite3.Connection) -> None:
    first, second = (dose_sr(connection, "2.25.1") for _ in range(2))
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.ContentSequence == second.ContentSequence


def test_a_study_with_a_report_of_its_own_or_without_doses_is_refused(connection: sqlite3.Connection) -> None:
    rows = dose_reports.extract(encode(ct_report({"2.25.7": 100.0})))
    assert rows is not None
    dose_reports.write(connection, rows)
    with pytest.raises(ObjectError, match="report of its own"):
        dose_sr(connection, "2.25.1")
    with pytest.raises(ObjectError, match="no CT acquisition"):
        dose_sr(connection, "2.25.99")


@pytest.mark.parametrize("program", ["dsrdump", "dciodvfy"])
def test_foreign_programs_find_no_error(connection: sqlite3.Connection, tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    (tmp_path / "sr.dcm").write_bytes(_bytes(dose_sr(connection, "2.25.1", "A^B")))
    done = subprocess.run([program, str(tmp_path / "sr.dcm")], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "rror" not in done.stderr, done.stderr
