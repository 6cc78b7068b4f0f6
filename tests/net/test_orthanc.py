"""Orthanc as a client, by its REST interface: echo, store, find, move and storage commitment."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import samples
from network_helpers import FolderSink
from pydicom import dcmread

from pyconquest_rt.net.services.commit import CommitmentService
from pyconquest_rt.net.services.find import FindService
from pyconquest_rt.net.services.folder import FolderSink as Folder
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peer, Peers
from pyconquest_rt.net.services.retrieve import RetrieveService
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo, find, get, send_files

wait_until = partial(samples.wait_until, seconds=20.0)

pytestmark = pytest.mark.skipif(shutil.which("Orthanc") is None, reason="Orthanc is not installed")
ROOT = "1.2.826.0.1.3680043.10.1"


class Orthanc:
    """A running Orthanc that knows our listener as the modality ``ours``."""

    def __init__(self, http_port: int, dicom_port: int) -> None:
        self.url, self.dicom_port = f"http://127.0.0.1:{http_port}", dicom_port

    def call(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def instances(self) -> int:
        return int(self.call("/statistics")["CountInstances"])


@pytest.fixture
def pair(
    index: Index, listen: Callable[..., Listener], tmp_path: Path, free_ports: list[int]
) -> Iterator[tuple[Orthanc, Listener]]:
    """Run Orthanc and a listener that knows it, each the other's peer."""
    http_port, dicom_port = free_ports[:2]
    peers = Peers([Peer("ORTHANC", "127.0.0.1", dicom_port)])
    services = {
        **FindService(index, "ARCHIVE").handlers(),
        **RetrieveService(index, "ARCHIVE", peers).handlers(),
        **CommitmentService(index, "ARCHIVE", peers).handlers(),
    }
    listener = listen(services=services, aet="ARCHIVE")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomModalities": {"ours": ["ARCHIVE", "127.0.0.1", listener.port]},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            orthanc = Orthanc(http_port, dicom_port)
            wait_until(lambda: reachable(orthanc))
            yield orthanc, listener
        finally:
            process.kill()
            process.wait()


def reachable(orthanc: Orthanc) -> bool:
    try:
        return bool(orthanc.call("/system"))
    except (urllib.error.URLError, ConnectionError):
        return False


def test_orthanc_as_client(
    pair: tuple[Orthanc, Listener], sink: FolderSink, make_ct: Callable[..., list[Path]]
) -> None:
    orthanc, listener = pair
    orthanc.call("/modalities/ours/echo", {})

    question = orthanc.call(
        "/modalities/ours/query", {"Level": "Study", "Query": {"PatientID": "P*", "ModalitiesInStudy": "CT"}}
    )
    answers = orthanc.call(f"/queries/{question['ID']}/answers?expand&simplify")
    assert sorted(answer["PatientID"] for answer in answers) == ["P1", "P2", "P2"]

    job = orthanc.call(f"/queries/{question['ID']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    assert job["Query"]
    assert orthanc.instances() == 9

    paths = make_ct(3)
    for path in paths:
        request = urllib.request.Request(orthanc.url + "/instances", path.read_bytes())
        urllib.request.urlopen(request, timeout=30).close()
    (patient,) = orthanc.call(
        "/tools/find", {"Level": "Patient", "Query": {"PatientID": dcmread(paths[0]).PatientID}}
    )
    result = orthanc.call("/modalities/ours/store", {"Resources": [patient], "Synchronous": True})
    assert (result["InstancesCount"], result["FailedInstancesCount"]) == (3, 0)
    for path in paths:
        assert dcmread(sink.path(dcmread(path).SOPInstanceUID)) == dcmread(path)
    assert listener.counters.failed == 0


def test_orthanc_asks_for_storage_commitment(pair: tuple[Orthanc, Listener]) -> None:
    orthanc, _ = pair
    asked = {
        "DicomInstances": [
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": f"{ROOT}.1.1.1"},
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "9.9"},
        ]
    }
    transaction = orthanc.call("/modalities/ours/storage-commitment", asked)["ID"]
    wait_until(lambda: orthanc.call(f"/storage-commitment/{transaction}")["Status"] != "Pending")
    report = orthanc.call(f"/storage-commitment/{transaction}")
    assert [item["SOPInstanceUID"] for item in report["Success"]] == [f"{ROOT}.1.1.1"]
    assert [item["SOPInstanceUID"] for item in report["Failures"]] == ["9.9"]


def test_orthanc_as_server(
    pair: tuple[Orthanc, Listener], make_ct: Callable[..., list[Path]], tmp_path: Path
) -> None:
    orthanc, _ = pair
    peer = ("127.0.0.1", orthanc.dicom_port, "ORTHANC", "ARCHIVE")
    assert echo(*peer).ok
    paths = make_ct(4)
    assert send_files(paths, *peer, parallel=2).sent == orthanc.instances() == 4
    study = dcmread(paths[0]).StudyInstanceUID
    found = find(*peer, level="STUDY", keys={"StudyInstanceUID": study, "NumberOfStudyRelatedInstances": ""})
    assert [match.NumberOfStudyRelatedInstances for match in found.matches] == [4]
    fetched = get(*peer, sink=Folder(tmp_path / "got"), level="STUDY", keys={"StudyInstanceUID": study})
    assert (fetched.status, fetched.completed) == (0, 4)
    for path in paths:
        expected = dcmread(path)
        assert dcmread(tmp_path / "got" / f"{expected.SOPInstanceUID}.dcm") == expected
