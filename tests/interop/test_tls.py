"""TLS in and out, against DCMTK and Orthanc: who shows the right certificate is served, nobody else."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from archives import free_ports, settings_of
from certificates import Authority, Identity
from click.testing import CliRunner, Result
from clients import SERVER, TITLE, TITLES, Dcmtk, Orthanc, Server, rows_of, run
from same import assert_same
from samples import make_object, wait_until

from pyconquest_rt import pyconquest, scu
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.outbox import Rule, add_rule
from pyconquest_rt.cli.main import main
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.tls import client_context
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import PeerSettings, Settings

STUDY = str(make_object().StudyInstanceUID)
needs_dcmtk = pytest.mark.skipif(Dcmtk().missing() is not None, reason="DCMTK is not installed")
needs_orthanc = pytest.mark.skipif(Orthanc().missing() is not None, reason="Orthanc is not installed")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def archive_identity(authority: Authority) -> Identity:
    return authority.issue("archive")


@pytest.fixture(scope="session")
def client_identity(authority: Authority) -> Identity:
    return authority.issue("client")


@pytest.fixture
def settings(tmp_path: Path, authority: Authority, archive_identity: Identity) -> Settings:
    """An archive with two listeners: a plain one, and one that asks for certificates."""
    made = settings_of(tmp_path / "archive", {})
    secure = replace(
        made.listener,
        tls_certificate=archive_identity.certificate,
        tls_key=archive_identity.key,
        tls_ca=authority.certificate,
    )
    return replace(made, listeners={"secure": secure})


def ports_of(node: Node) -> list[int]:
    return [int(address.removesuffix(" (TLS)").rpartition(":")[2]) for address in node.addresses]


@contextmanager
def storescp(
    folder: Path, authority: Authority, identity: Identity, ready: Callable[[int], bool]
) -> Iterator[int]:
    """DCMTK's storage provider over TLS; yields its port."""
    (port,) = free_ports(1)
    folder.mkdir()
    tls = ["+tls", identity.key, identity.certificate, "+cf", authority.certificate]
    process = subprocess.Popen(["storescp", *tls, "+xa", "-od", str(folder), str(port)])
    try:
        wait_until(lambda: ready(port))
        yield port
    finally:
        process.kill()
        process.wait()


@needs_dcmtk
def test_dcmtk_over_tls(
    settings: Settings,
    authority: Authority,
    client_identity: Identity,
    objects: list[Path],
    tmp_path: Path,
) -> None:
    tls = ["+tls", client_identity.key, client_identity.certificate, "+cf", authority.certificate]
    stranger = Authority(tmp_path / "stranger")
    other = stranger.issue("client")
    with Node(settings) as node:
        plain, secure = ports_of(node)
        peer = ("127.0.0.1", secure)
        run("echoscu", *tls, *TITLES, *peer)
        run("storescu", *tls, *TITLES, *peer, *objects[:9])
        folder = Server(secure, tmp_path / "client").new_folder()
        keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=P1", "-k", "StudyInstanceUID"]
        run("findscu", *tls, "-X", "-od", folder, *keys, *TITLES, *peer)
        assert [row["StudyInstanceUID"] for row in rows_of(folder)] == [STUDY]
        refused = [
            ["+tla", "-ic"],
            ["+tls", other.key, other.certificate, "+cf", authority.certificate],
            ["-tls"],
        ]
        for options in refused:
            done = subprocess.run(
                ["echoscu", *options, *TITLES, *map(str, peer)], capture_output=True, timeout=60
            )
            assert done.returncode != 0, options
        run("echoscu", *TITLES, "127.0.0.1", plain)
        assert node.counters.stored == 9


@needs_dcmtk
def test_objects_are_moved_and_forwarded_over_tls(
    settings: Settings,
    authority: Authority,
    client_identity: Identity,
    objects: list[Path],
    tmp_path: Path,
) -> None:
    context = client_context(*client_identity, authority.certificate)

    def echoes(port: int) -> bool:
        try:
            return scu.echo("127.0.0.1", port, "STORESCP", tls=context).ok
        except NetworkError:
            return False

    received = tmp_path / "received"
    with storescp(received, authority, client_identity, echoes) as port:
        peer = PeerSettings("127.0.0.1", port, True)
        settings = replace(
            settings, listener=settings.listeners["secure"], listeners={}, peers={"STORESCP": peer}
        )
        ingest = Archive.open(settings.archive)
        add_rule(ingest.database, Rule("all", "STORESCP", "127.0.0.1", port, SERVER, "PatientID = 'P1'"))
        ingest.close()
        with Node(settings) as node:
            to_us = {"host": "127.0.0.1", "port": node.port, "called_aet": SERVER, "tls": context}
            assert scu.send_files(objects[:9], **to_us).sent == 9
            wait_until(lambda: len(list(received.iterdir())) == 3)
            assert_same(received.iterdir(), objects[:3])
            moved = scu.move(
                **to_us, destination="STORESCP", level="PATIENT", keys={"PatientID": "P2"}, root="PATIENT"
            )
            assert (moved.status, moved.completed) == (0, 6)
            assert_same(received.iterdir(), objects[:9])


def test_the_verbs_speak_tls(
    settings: Settings,
    authority: Authority,
    client_identity: Identity,
    archive_identity: Identity,
    objects: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    tls = ["--tls-ca", authority.certificate, "--tls-certificate", client_identity.certificate]
    tls += ["--tls-key", client_identity.key]

    def verb(name: str, *arguments: object, options: list[str] = tls) -> Result:
        peer = ["-aec", SERVER, "127.0.0.1", str(secure)]
        return CliRunner().invoke(main, [name, *options, *peer, *map(str, arguments)])

    with Node(settings) as node:
        _, secure = ports_of(node)
        assert verb("echo").exit_code == 0
        assert verb("send", *objects[:9]).exit_code == 0
        assert STUDY in verb("find", "StudyInstanceUID", "PatientID=P1").output
        got = verb(
            "get", "PatientID=P1", "--level", "PATIENT", "--root", "PATIENT", "--output", tmp_path / "got"
        )
        assert got.exit_code == 0, got.output
        assert_same((tmp_path / "got").glob("*.dcm"), objects[:3])
        assert "0xA801" in verb("move", "NOWHERE", "PatientID=P1").output
        without = verb("echo", options=["--tls-ca", authority.certificate])
        assert without.exit_code == 1, without.output
        assert "127.0.0.1" in verb("echo", options=[]).output
        (tmp_path / "pyconquest.toml").write_text(
            f"[listener]\ntls_ca = '{authority.certificate}'\ntls_key = '{archive_identity.key}'\n"
            f"tls_certificate = '{archive_identity.certificate}'\n"
        )
        assert verb("echo", options=["--tls"]).exit_code == 0


def test_the_class_speaks_tls(
    authority: Authority, archive_identity: Identity, objects: list[Path], tmp_path: Path
) -> None:
    context = client_context(ca=authority.certificate)
    archive = pyconquest(str(tmp_path / "data"), database_filename=str(tmp_path / "a.db"))
    node = archive.start_dicom_listener(
        0,
        block=False,
        host="127.0.0.1",
        tls_certificate=archive_identity.certificate,
        tls_key=archive_identity.key,
        may_query=("TPS@127.0.0.1",),
    )
    try:
        files = [str(path) for path in objects[:3]]
        assert archive.send_dicom_file("127.0.0.1", node.port, files, tls=context).sent == 3
        asked = {"addres": "127.0.0.1", "port": node.port, "patientid": "P1", "tls": context}
        assert [row["StudyInstanceUID"] for row in archive.query_dicom(**asked, sending_ae_title="TPS")] == [
            STUDY
        ]
        assert archive.query_dicom(**asked) == []
    finally:
        node.stop()
        archive.close_db()


def test_a_certificate_for_another_host(
    settings: Settings, authority: Authority, client_identity: Identity
) -> None:
    elsewhere = authority.issue("elsewhere", "DNS:elsewhere.example")
    secure = replace(
        settings.listener,
        tls_certificate=elsewhere.certificate,
        tls_key=elsewhere.key,
        tls_ca=authority.certificate,
    )
    with Node(replace(settings, listener=secure, listeners={})) as node:
        with pytest.raises(NetworkError, match="IP address mismatch"):
            scu.echo(
                "127.0.0.1", node.port, SERVER, tls=client_context(*client_identity, authority.certificate)
            )
        lenient = client_context(*client_identity, authority.certificate, check_host=False)
        assert scu.echo("127.0.0.1", node.port, SERVER, tls=lenient).ok


def test_certificates_may_be_left_to_the_peer(
    settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    bare = client_context(ca=authority.certificate)
    optional = replace(settings.listeners["secure"], tls_required=False)
    stranger = Authority(tmp_path / "stranger").issue("client")
    with Node(replace(settings, listener=optional, listeners={})) as node:
        assert scu.echo("127.0.0.1", node.port, SERVER, tls=bare).ok
        with pytest.raises(NetworkError):
            scu.echo("127.0.0.1", node.port, SERVER, tls=client_context(*stranger, authority.certificate))
    none_asked = replace(optional, tls_ca="", tls_required=True)
    with Node(replace(settings, listener=none_asked, listeners={})) as node:
        assert scu.echo("127.0.0.1", node.port, SERVER, tls=bare).ok


@needs_orthanc
def test_orthanc_over_tls(
    settings: Settings,
    authority: Authority,
    client_identity: Identity,
    objects: list[Path],
    tmp_path: Path,
) -> None:
    http_port, dicom_port = free_ports(2)
    orthanc = Orthanc()
    tls = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": client_identity.certificate,
        "DicomTlsPrivateKey": client_identity.key,
        "DicomTlsTrustedCertificates": authority.certificate,
        "DicomTlsRemoteCertificateRequired": True,
    }
    secure = settings.listeners["secure"]
    peer = PeerSettings("127.0.0.1", dicom_port, True)
    settings = replace(settings, listener=secure, listeners={}, peers={TITLE: peer})
    with Node(settings) as node:
        server = Server(node.port, tmp_path / "client")
        try:
            orthanc.start(tmp_path / "orthanc", http_port, dicom_port, **tls)
            modality = orthanc.know(server, UseDicomTls=True)
            orthanc.call(f"{modality}/echo", {})
            ids = [orthanc.call("/instances", path.read_bytes())["ID"] for path in objects[:9]]
            done = orthanc.call(f"{modality}/store", {"Resources": ids, "Synchronous": True})
            assert (done["InstancesCount"], node.counters.stored) == (9, 9)
            for each in ids:
                orthanc.call(f"/instances/{each}", method="DELETE")
            query = orthanc.call(f"{modality}/query", {"Level": "Study", "Query": {"PatientID": "P2"}})["ID"]
            orthanc.call(f"/queries/{query}/retrieve", {"TargetAet": TITLE, "Synchronous": True})
            assert orthanc.call("/statistics")["CountInstances"] == 6
        finally:
            orthanc.stop()
