"""A hostile tree: what can be read is indexed with its parents, the rest has a reason, memory stays bounded."""

import re
import resource
import shutil
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from samples import SHARED_DATA, make_object, needs_shared_data, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import HARMLESS, Problem, verify
from pyconquest_rt.indexer import rebuild

Put = Callable[..., Path]


def without_faults(ingest: Archive) -> bool:
    known = HARMLESS | {Problem.TRUNCATED}
    return all(finding.problem in known for finding in verify(ingest))


@needs_shared_data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_broken_files(ingest: Archive, data: Path) -> None:
    shutil.copytree(SHARED_DATA / "broken", data, dirs_exist_ok=True)
    before = sorted(path for path in data.rglob("*"))
    report = rebuild(ingest)
    assert sorted(path for path in data.rglob("*")) == before
    rejected = dict(report.rejected)
    assert all(reason.strip() for reason in rejected.values())
    for path in (p for p in data.rglob("*") if p.is_file()):
        name = path.relative_to(data).as_posix()
        try:
            instance = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        except (InvalidDicomError, NotImplementedError, EOFError, OSError, RecursionError):
            continue
        if instance.get("SOPInstanceUID") and name in rejected:
            assert "is indexed" in rejected[name], (name, rejected[name])
    assert without_faults(ingest)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "patient", ["../../outside", "/etc/outside", "..", "A\\B", "'; DROP TABLE files;--", "x" * 300]
)
def test_identifiers_are_values_and_no_more(ingest: Archive, put: Put, tmp_path: Path, patient: str) -> None:
    put("in/1.dcm", PatientID=patient)
    assert rebuild(ingest).indexed == 1
    (row,) = ingest.database.query("SELECT PatientID FROM DICOMPatients")
    assert len(row["PatientID"]) <= 64
    assert row["PatientID"] == patient.split("\\")[0][:64] or "~" in row["PatientID"] or "\\" in patient
    assert {path.name for path in tmp_path.iterdir()} <= {
        "data",
        "conquest.db",
        "conquest.db-wal",
        "conquest.db-shm",
    }


def deeply_nested(depth: int) -> bytes:
    """An explicit little endian data set with sequences of undefined length, one in the other."""
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1110, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return (sequence + item) * depth + end * depth


def part10(body: bytes, syntax: bytes = b"1.2.840.10008.1.2.1") -> bytes:
    syntax += b"\0" * (len(syntax) % 2)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(meta)) + meta + body


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


IDENTITY = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.2") + element(8, 0x18, b"UI", b"1.2.3.4.5.6")
REST = (
    element(0x10, 0x20, b"LO", b"DEEP")
    + element(0x20, 0x0D, b"UI", b"1.2.3")
    + element(0x20, 0x0E, b"UI", b"1.2.3.4")
)


def test_sequences_twenty_thousand_deep(ingest: Archive, data: Path) -> None:
    (data / "deep.dcm").write_bytes(part10(IDENTITY + deeply_nested(20_000) + REST))
    report = rebuild(ingest)
    assert report.indexed == 1, report.rejected
    assert ingest.database.query("SELECT PatientID FROM DICOMPatients") == [{"PatientID": "DEEP"}]


def test_lying_lengths_and_bombs_cost_no_memory(ingest: Archive, data: Path) -> None:
    lie = struct.pack("<HH2sHL", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFF0)
    (data / "lie.dcm").write_bytes(part10(IDENTITY + lie + b"A" * 100))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    big = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, 200_000_000)
    bomb = packer.compress(IDENTITY + big) + b"".join(packer.compress(bytes(1_000_000)) for _ in range(200))
    (data / "bomb.dcm").write_bytes(part10(bomb + packer.flush(), b"1.2.840.10008.1.2.1.99"))
    save(make_object(), data / "good.dcm")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = rebuild(ingest)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
    assert report.read == 3
    assert report.indexed >= 1
    assert all(re.search(r"\w", reason) for _, reason in report.rejected)


def test_a_lying_length_within_a_beam_costs_that_plan_its_columns_alone(ingest: Archive, data: Path) -> None:
    beam = pydicom.Dataset()
    beam.BeamNumber, beam.BeamName = 1, "ARC123"
    for number in range(1, 5):
        plan = make_object(study=number, instance=number, Modality="RTPLAN", BeamSequence=[beam])
        save(plan, data / f"{number}.dcm")
    path = data / "3.dcm"
    path.write_bytes(path.read_bytes().replace(b"LO\6\0ARC123", b"LO\x60\0ARC123"))
    assert rebuild(ingest).indexed == 4
    rows = ingest.database.query("SELECT ObjectFile, ElementList FROM DICOMImages ORDER BY ObjectFile")
    assert [(row["ElementList"] or "")[:8] for row in rows] == ["[ ARC123", "[ ARC123", "", "[ ARC123"]


def test_sequences_of_many_plans_are_not_kept(ingest: Archive, data: Path) -> None:
    """Each has a megabyte of control points; a batch of them must not hold these."""
    point = pydicom.Dataset()
    point.ControlPointIndex, point.TextValue = 0, "x" * 1_000_000
    beam = pydicom.Dataset()
    beam.BeamNumber, beam.BeamName, beam.ControlPointSequence = 1, "ARC1", [point]
    for number in range(1, 31):
        plan = make_object(study=number, instance=number, Modality="RTPLAN", BeamSequence=[beam])
        save(plan, data / f"{number}.dcm")
    tracemalloc.start()
    try:
        assert rebuild(ingest).indexed == 30
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
