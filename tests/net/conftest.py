"""Objects, peers and certificates for the tests of the network."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from network_helpers import FolderSink, Receiver
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.protocol.tls import client_context, server_context
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.scp import Listener
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture
def make_ct(tmp_path: Path) -> Callable[..., list[Path]]:
    """Return a function that writes CT slices, of one patient and series, and returns their paths."""

    def make(count: int, size: int = 64, **values: object) -> list[Path]:
        folder = tmp_path / f"ct{generate_uid()[-6:]}"
        folder.mkdir()
        data_set = dcmread(get_testdata_file("CT_small.dcm"))
        data_set.Rows = data_set.Columns = size
        data_set.PixelData = (bytes(range(256)) * (size * size // 128 + 1))[: size * size * 2]
        data_set.SeriesInstanceUID = generate_uid()
        del data_set.DataSetTrailingPadding  # DCMTK, and so Orthanc, would leave it out
        for keyword, value in values.items():
            setattr(data_set, keyword, value)
        paths = []
        for number in range(count):
            data_set.SOPInstanceUID = generate_uid()
            data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
            data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            data_set.InstanceNumber = number + 1
            paths.append(folder / f"{number}.dcm")
            data_set.save_as(paths[-1])
        return paths

    return make


@pytest.fixture
def start_receiver() -> Iterator[Callable[..., Receiver]]:
    """Return a function that starts pynetdicom's storage provider on a free port."""
    servers = []

    def start(
        syntaxes: list[str] = ALL_TRANSFER_SYNTAXES,
        *,
        maximum_length: int = 16382,
        tls: ssl.SSLContext | None = None,
        title: str = "RECEIVER",
        check_title: bool = False,
        extra: tuple[object, ...] = (),
        contexts: tuple[str, ...] = (),
    ) -> Receiver:
        lock = threading.Lock()

        def store(event: evt.Event) -> int:
            uid = str(event.request.AffectedSOPInstanceUID)
            with lock:
                receiver.count += 1
                if uid in receiver.abort_on:
                    event.assoc.abort()
                    return 0xC000
                receiver.objects[uid] = (str(event.context.transfer_syntax), event.request.DataSet.getvalue())
            return receiver.statuses.get(uid, 0)

        def accepted(event: evt.Event) -> None:
            receiver.associations += 1

        ae = AE(title)
        ae.maximum_pdu_size = maximum_length
        ae.require_called_aet = check_title
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, syntaxes)
        ae.add_supported_context(Verification)
        for uid in contexts:
            ae.add_supported_context(uid)
        handlers = [(evt.EVT_C_STORE, store), (evt.EVT_ACCEPTED, accepted), *extra]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
        servers.append(server)
        receiver = Receiver(server.server_address[1])
        return receiver

    yield start
    for server in servers:
        threading.Thread(target=server.shutdown).start()  # takes half a second each


@pytest.fixture
def free_ports() -> list[int]:
    """Return ports on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(4)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


@pytest.fixture
def free_port(free_ports: list[int]) -> int:
    """Return a port on which nobody listens."""
    return free_ports[0]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that issues certificates."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def tls_server(authority: Authority) -> ssl.SSLContext:
    """Return a TLS context for a server."""
    return server_context(*authority.issue("server"))


@pytest.fixture(scope="session")
def tls_client(authority: Authority) -> ssl.SSLContext:
    """Return a TLS context for a client that trusts the server's certificate, and only it."""
    return client_context(ca=authority.certificate)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    """Return a sink that keeps objects in a folder."""
    return FolderSink(tmp_path / "kept")


@pytest.fixture
def listen(sink: FolderSink) -> Iterator[Callable[..., Listener]]:
    """Return a function that starts a listener before the sink on a free port; all are stopped at the end."""
    started: list[Listener] = []

    def start(**options: Any) -> Listener:
        started.append(Listener(sink, port=0, **options).start())
        return started[-1]

    yield start
    for listener in started:
        listener.stop(0.0)


@pytest.fixture
def index(tmp_path: Path, ingest: Archive, put: Callable[..., Path]) -> Index:
    """Return an index of 2 patients, 3 studies, 4 series and 9 images."""
    for instance in (1, 2, 3):
        put(f"1/{instance}.dcm", instance=instance, PatientComments="first patient", StudyDescription="Hals")
    latin = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jörg"}
    for instance in (1, 2):
        put(f"2/{instance}.dcm", patient="P2", study=2, instance=instance, **latin)
        put(f"3/{instance}.dcm", patient="P2", study=3, instance=instance, **latin)
        put(f"4/{instance}.dcm", patient="P2", study=3, series=2, instance=instance, Modality="MR", **latin)
    assert rebuild(ingest).indexed == 9
    settings = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"))
    return Index(settings, ingest.database.definition)
