"""Files of a source into the archive."""

from pathlib import Path

import pytest
from dicomweb_server import Server
from pydicom import dcmread

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.sources.fetch import fetch
from pyconquest_rt.sources.multipart import write_parts
from pyconquest_rt.sources.source import SourceError
from pyconquest_rt.sources.sync import sync

UID = "1.2.826.0.1.3680043.10.1"


def test_a_study_comes_in_and_a_second_time_is_identical(
    remote: Archive, server: Server, tmp_path: Path
) -> None:
    done = fetch(remote, "far", f"{UID}.1")
    assert (done.stored, done.identical, done.problems) == (6, 0, [])
    files = sorted((tmp_path / "data").rglob("*.dcm"))
    assert {dcmread(path).SOPInstanceUID: dcmread(path) for path in files} == {
        uid: item for uid, item in server.objects.items() if item.StudyInstanceUID == f"{UID}.1"
    }
    done = fetch(remote, "far", f"{UID}.1")
    assert (done.stored, done.identical) == (0, 6)
    assert list(verify(remote)) == []


def test_a_series_is_known_once_its_study_was_synchronised(remote: Archive) -> None:
    with pytest.raises(SourceError, match="no study or series"):
        fetch(remote, "far", f"{UID}.1.2")
    sync(remote, "far")
    assert fetch(remote, "far", f"{UID}.1.2").stored == 3


def test_what_is_cut_off_is_told_and_whole_files_stay(remote: Archive, server: Server) -> None:
    whole = server.files
    server.files = lambda series: whole(series)[:-200]  # type: ignore[method-assign]
    done = fetch(remote, "far", f"{UID}.1")
    assert done.stored == 4
    assert len(done.problems) == 2 and all("cut off" in problem for problem in done.problems)
    assert list(verify(remote)) == []


def test_fewer_objects_than_were_told_are_a_problem(remote: Archive, server: Server) -> None:
    whole = server.files
    server.files = lambda series: _one(whole(series))  # type: ignore[method-assign]
    done = fetch(remote, "far", f"{UID}.1")
    assert done.stored == 2
    assert [problem.partition(": ")[2] for problem in done.problems] == ["1 of 3 objects came"] * 2


def _one(body: bytes) -> bytes:
    """The first part of a multipart message."""
    return b"\r\n--border".join(body.split(b"\r\n--border")[:2]) + b"\r\n--border--\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_parts_are_found_wherever_chunks_end(size: int, tmp_path: Path) -> None:
    parts = [b"one\r\n--bordeaux", b"", b"\r\n\r\n--", bytes(range(256))]
    body = (
        b"preamble" + b"".join(b"\r\n--border\r\nA: b\r\n\r\n" + part for part in parts) + b"\r\n--border--"
    )
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    found = [path.read_bytes() for path in write_parts(chunks, b"border", tmp_path)]
    assert found == parts


def test_a_message_without_its_end_or_borders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(write_parts([b"--border\r\n\r\nhalf"], b"border", tmp_path))
    with pytest.raises(ValueError, match="no multipart"):
        list(write_parts([bytes(1 << 20)] * 3, b"border", tmp_path))
