"""An archive on the network with objects in it, and a receiver that it may move objects to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import Receiver, free_ports, settings_of
from clients import CLIENTS, SERVER, TITLE, Client, Orthanc, Server
from pydicom import dcmread
from pydicom.data import get_testdata_file
from samples import make_object, save

from pyconquest_rt.demo import make_patients
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.node import Node

LATIN = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jörg", "StudyDescription": "Prüfung"}
BUNDLED = ("CT_small.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm")


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Small CT series of two patients, and RT and compressed objects that come with pydicom."""
    folder = tmp_path_factory.mktemp("objects")
    made = [make_object(instance=number) for number in (1, 2, 3)]
    for number in (1, 2):
        made.append(make_object("P2", 2, instance=number, StudyDate="20240215", **LATIN))
        made.append(make_object("P2", 3, instance=number, **LATIN))
        made.append(make_object("P2", 3, 2, instance=number, Modality="MR", **LATIN))
    make_patients(folder / "demo", count=1)
    made += [dcmread(folder / f"demo/DEMO001/{name}.dcm") for name in ("RTSTRUCT", "RTPLAN", "RTDOSE")]
    made += [dcmread(str(get_testdata_file(name))) for name in BUNDLED]
    for data_set in made:
        data_set.pop("DataSetTrailingPadding", None)  # which DCMTK, and so Orthanc, leaves out
    return [save(data_set, folder / f"{number}.dcm") for number, data_set in enumerate(made)]


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A receiver that the archive knows as RECEIVER."""
    made = Receiver(tmp_path_factory.mktemp("receiver") / "received")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def orthanc_ports() -> list[int]:
    """The ports of Orthanc: HTTP and DICOM."""
    return free_ports(2)


@pytest.fixture(scope="session")
def archive(
    tmp_path_factory: pytest.TempPathFactory,
    objects: list[Path],
    receiver: Receiver,
    orthanc_ports: list[int],
) -> Iterator[Server]:
    """An archive that holds all objects."""
    folder = tmp_path_factory.mktemp("archive")
    peers = {"RECEIVER": receiver.port, TITLE: orthanc_ports[1]}
    with Node(settings_of(folder, peers)) as node:
        sent = send_files(objects, "127.0.0.1", node.port, SERVER)
        assert sent.ok, sent.failed
        yield Server(node.port, folder / "client")


@pytest.fixture(scope="session", params=CLIENTS, ids=lambda client: client.name)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, orthanc_ports: list[int]
) -> Iterator[Client]:
    """Each client that is to be had on this machine."""
    chosen: Client = request.param
    if reason := chosen.missing():
        pytest.skip(reason)
    if isinstance(chosen, Orthanc):
        chosen.start(tmp_path_factory.mktemp("orthanc") / "client", *orthanc_ports)
    yield chosen
    if isinstance(chosen, Orthanc):
        chosen.stop()
