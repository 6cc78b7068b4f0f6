"""`dose pull` from archives of others: DCMTK's dcmqrscp and Orthanc."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from archives import free_ports, settings_of

sys.path.append(str(Path(__file__).parents[1] / "dose_reports"))

from dose_objects import CT_IMAGE, SECONDARY_CAPTURE, ct_report, encode, instance

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.net.services.peers import Peer, known_peers
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.dose_pull import pull
from pyconquest_rt.service.node import Node

HERE, THERE = "ARCHIVE", "THERE"


def _dcmqrscp(folder: Path, port: int, back: int) -> list[str]:
    (folder / "images").mkdir()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nhere = ({HERE}, 127.0.0.1, {back})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{THERE} {folder}/images RW (200, 1024mb) ANY\nAETable END\n"
    )
    return ["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")]


def _orthanc(folder: Path, port: int, back: int) -> list[str]:
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomAet": THERE,
        "DicomModalities": {"here": [HERE, "127.0.0.1", back]},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    return ["Orthanc", str(folder / "orthanc.json")]


def _objects(folder: Path) -> list[Path]:
    """A report, a dose page and an image of today."""
    today = date.today().strftime("%Y%m%d")
    common = {"StudyDate": today, "StudyInstanceUID": "2.25.77", "StudyID": "1", "PatientName": "Dose^Pull"}
    page = instance(
        SECONDARY_CAPTURE,
        Modality="CT",
        SeriesNumber="999",
        SOPInstanceUID="2.25.703",
        SeriesInstanceUID="2.25.73",
        **common,
    )
    image = instance(
        CT_IMAGE,
        Modality="CT",
        SeriesNumber="2",
        SOPInstanceUID="2.25.702",
        SeriesInstanceUID="2.25.72",
        **common,
    )
    report = ct_report(
        {"2.25.11": 10.0}, SeriesNumber="9", SOPInstanceUID="2.25.701", SeriesInstanceUID="2.25.71", **common
    )
    folder.mkdir()
    paths = [folder / f"{number}.dcm" for number in range(3)]
    for path, data_set in zip(paths, (report, page, image), strict=True):
        path.write_bytes(encode(data_set))
    return paths


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


@pytest.fixture(params=[("dcmqrscp", _dcmqrscp), ("Orthanc", _orthanc)], ids=["dcmqrscp", "orthanc"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Archive, Peer]]:
    program, configure = request.param
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    start: Callable[[Path, int, int], list[str]] = configure
    (port,) = free_ports(1)
    settings = settings_of(tmp_path / "here", {THERE: port})
    (tmp_path / "there").mkdir()
    with Node(settings) as node, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(start(tmp_path / "there", port, node.port), stdout=log, stderr=log)
        try:
            _wait_for(port)
            assert send_files(_objects(tmp_path / "in"), "127.0.0.1", port, THERE).ok
            peer = known_peers(settings).find(THERE)
            assert peer is not None
            with closing(Archive.open(settings.archive)) as here:
                yield here, peer
        finally:
            process.terminate()
            process.wait()


def test_report_and_page_come_once_and_the_image_does_not(two: tuple[Archive, Peer]) -> None:
    here, peer = two
    pulled = pull(here, peer, HERE)
    assert (pulled.studies, pulled.found, pulled.received, pulled.problems) == (1, 2, 2, [])
    found = here.database.query("SELECT SOPInstanc FROM DICOMImages ORDER BY 1")
    assert [row["SOPInstanc"] for row in found] == ["2.25.701", "2.25.703"]
    again = pull(here, peer, HERE)
    assert (again.found, again.held, again.received) == (2, 2, 0)
