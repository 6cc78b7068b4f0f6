"""An archive on the network by its settings: who may do what on which port, and what arrives is forwarded."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from samples import make_object, save, wait_until

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.outbox import Rule, add_rule
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.errors import NetworkError, SettingsError
from pyconquest_rt.net.protocol.association import request_association
from pyconquest_rt.net.protocol.negotiation import Proposal
from pyconquest_rt.net.services.admission import VERIFICATION
from pyconquest_rt.net.services.peers import Peers, known_peers
from pyconquest_rt.net.services.stored import IMPLICIT_LITTLE
from pyconquest_rt.scu import echo, find, send_files
from pyconquest_rt.service.forwarder import Forwarder, status
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings import file as config
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    ListenerSettings,
    PeerSettings,
    ReceiveSettings,
    Settings,
)


def settings_of(folder: Path, text: str = "") -> Settings:
    """Settings of an archive in a folder, with those of a TOML text over them."""
    given, problems = config.parse(text)
    assert problems == []
    archive = ArchiveSettings(str(folder / "data"), str(folder / "a.db"), str(folder / "none.sql"))
    return replace(given, archive=archive, derive=DeriveSettings(workers=0))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [save(make_object(instance=number), tmp_path / f"{number}.dcm") for number in range(1, 6)]


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    yield port


def refused(port: int, called: str, calling: str, files: list[Path]) -> str:
    """Why none of some files is stored; empty if all are."""
    result = send_files(files, "127.0.0.1", port, called, calling)
    return result.failed[0][1] if result.failed else ""


def test_several_listeners_each_with_its_own_title_and_callers(tmp_path: Path, files: list[Path]) -> None:
    settings = settings_of(
        tmp_path,
        """
        [listener]
        port = 0
        ae_title = "OPEN"
        [listener.strict]
        ae_title = "STRICT"
        check_called = true
        may_store = ["TPS@127.0.0.1", "CT*@*"]
        may_query = ["VIEWER@*"]
        """,
    )
    with Node(settings) as node:
        ports = [int(address.rpartition(":")[2]) for address in node.addresses]
        assert node.addresses == [f"OPEN@127.0.0.1:{ports[0]}", f"STRICT@127.0.0.1:{ports[1]}"]
        assert node.port == ports[0]
        assert refused(ports[0], "WHATEVER", "ANYBODY", files[:1]) == ""
        assert refused(ports[1], "STRICT", "TPS", files[1:2]) == ""
        assert refused(ports[1], "STRICT", "CT7", files[2:3]) == ""
        assert "Called AE title" in refused(ports[1], "OPEN", "TPS", files)
        assert "Calling AE title" in refused(ports[1], "STRICT", "ANYBODY", files)
        assert "presentation context" in refused(ports[1], "STRICT", "VIEWER", files)
        query = {"level": "IMAGE", "keys": {"SOPInstanceUID": ""}}
        assert len(find("127.0.0.1", ports[1], "STRICT", "VIEWER", **query).matches) == 3
        with pytest.raises(NetworkError):
            find("127.0.0.1", ports[1], "STRICT", "TPS", **query)
        assert (node.counters.stored, node.counters.rejected) == (3, 2)


def test_peers_are_those_of_the_settings_and_of_the_map(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "acrnema.map").write_text("PLAN 127.0.0.1 104\nTPS 192.0.2.1 104\n")
    settings = settings_of(
        tmp_path,
        """
        [listener]
        port = 0
        may_store = ["peers"]
        may_query = ["peers"]
        [peer.TPS]
        host = "127.0.0.1"
        """,
    )
    assert [(peer.aet, peer.host) for peer in known_peers(settings)] == [
        ("TPS", "127.0.0.1"),
        ("PLAN", "127.0.0.1"),
        ("TPS", "192.0.2.1"),
    ]
    with Node(settings) as node:
        assert (
            refused(node.port, "ANY", "TPS", files[:1]) == refused(node.port, "ANY", "PLAN", files[1:2]) == ""
        )
        assert "Calling AE title" in refused(node.port, "ANY", "ANYBODY", files)


def test_as_many_associations_as_the_settings_allow(tmp_path: Path) -> None:
    proposals = [Proposal(VERIFICATION, (IMPLICIT_LITTLE,))]
    with (
        Node(settings_of(tmp_path, "[listener]\nport = 0\nassociations = 1\n")) as node,
        request_association("127.0.0.1", node.port, "ANY", "TPS", proposals),
        pytest.raises(NetworkError, match="Local limit exceeded"),
    ):
        echo("127.0.0.1", node.port, "ANY", "TPS")


@pytest.mark.parametrize("names", ["standard", "4"])
def test_clients_that_send_the_same_objects_at_once_are_served_alike(
    tmp_path: Path, files: list[Path], names: str
) -> None:
    settings = settings_of(tmp_path, f"[listener]\nport = 0\n[receive]\nfile_names = '{names}'\n")
    with Node(settings) as node, ThreadPoolExecutor(4) as clients:
        sent = [
            clients.submit(send_files, files, "127.0.0.1", node.port, "ANY", f"CLIENT{n}") for n in range(4)
        ]
        assert [each.result().sent for each in sent] == [5] * 4
        assert (node.counters.stored, node.counters.failed) == (20, 0)
    ingest = Archive.open(settings.archive)
    assert len(ingest.database.query("SELECT 1 FROM DICOMImages")) == 5
    assert list(verify(ingest)) == []
    ingest.close()
    assert len(list((tmp_path / "data").rglob("*.dcm"))) == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"listener": ListenerSettings(port=0, tls_certificate="none.pem")},
            "none.pem cannot be used for TLS",
        ),
        ({"listener": ListenerSettings(port=0, tls_key="none.pem")}, "without tls_certificate"),
        ({"listener": ListenerSettings(port=0, may_query=("X@here",))}, "no network address"),
        ({"peers": {"P": PeerSettings("127.0.0.1", tls=True, tls_ca="none.pem")}}, "none.pem cannot be used"),
        ({"receive": ReceiveSettings(peers="none.map")}, "none.map: there is no such file"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Node(replace(settings_of(tmp_path), **change))


def test_a_port_that_is_taken_lets_the_others_go(tmp_path: Path, free_port: int) -> None:
    settings = settings_of(tmp_path, f"[listener]\nport = {free_port}\n[listener.more]\nport = 0\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = replace(settings.listeners["more"], port=taken.getsockname()[1])
        with pytest.raises(NetworkError):
            Node(replace(settings, listeners={"more": wrong}))
    with Node(settings) as node:
        assert node.port == free_port


def test_what_arrives_is_forwarded_at_once(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "other").mkdir()
    here, there = settings_of(tmp_path, "[listener]\nport = 0\n"), settings_of(tmp_path / "other")
    with Node(replace(there, listener=ListenerSettings(port=0))) as other, Node(here) as node:
        ingest = Archive.open(here.archive)
        add_rule(ingest.database, Rule("all", "OTHER", "127.0.0.1", other.port, "HERE"))
        assert refused(node.port, "ANY", "TESTER", files) == ""
        wait_until(lambda: other.counters.stored == 5)
        wait_until(lambda: status(ingest)[0]["sent"] == 5)
        ingest.close()


def test_a_node_that_is_down_half_of_the_time_gets_everything_once(
    tmp_path: Path, files: list[Path], free_port: int
) -> None:
    """Objects come all the while; the receiver comes and goes, and so does the sender."""
    (tmp_path / "other").mkdir()
    here = settings_of(tmp_path, "[listener]\nport = 0\n")
    there = replace(settings_of(tmp_path / "other"), listener=ListenerSettings(port=free_port))
    ingest = Archive.open(here.archive)
    add_rule(ingest.database, Rule("all", "OTHER", "127.0.0.1", free_port, "HERE"))
    received = 0

    def try_now() -> None:
        """Do not wait for the end of the pause."""
        with ingest.database.transaction() as connection:
            connection.execute("UPDATE forward_rules SET next_try = 0")

    for number in range(10):
        fresh = save(make_object(series=number + 2), tmp_path / "fresh.dcm")
        up = number % 2 == 1
        other = Node(there) if up else None
        try_now()
        with Node(here) as node:  # its start sends what waits
            assert refused(node.port, "ANY", "TESTER", [fresh]) == ""
            if other:
                node.wake()
                wait_until(lambda: status(ingest)[0]["queued"] == 0)
        if other:
            received += other.counters.stored
            other.stop()
    (row,) = status(ingest)
    assert (row["sent"], row["queued"], row["failed"]) == (10, 0, 0)
    assert received == 10
    ingest.close()


def test_a_forwarder_outlives_a_database_that_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "none" / "a.db"), "none.sql")
    forwarder = Forwarder(archive, Peers(), 0.05)
    forwarder.start()
    wait_until(lambda: "the outgoing queue was not sent" in caplog.text)
    forwarder.stop()
    forwarder.stop()


def test_the_answers_to_one_query_are_limited(tmp_path: Path, files: list[Path]) -> None:
    with Node(settings_of(tmp_path, "[listener]\nport = 0\nmax_matches = 3\n")) as node:
        assert send_files(files, "127.0.0.1", node.port, "ANY").ok
        result = find("127.0.0.1", node.port, "ANY", level="IMAGE", keys={"SOPInstanceUID": ""})
        assert (result.status, len(result.matches)) == (0xA700, 3)
        result = find("127.0.0.1", node.port, "ANY", level="IMAGE", keys={"InstanceNumber": "1\\2\\3"})
        assert (result.status, len(result.matches)) == (0, 3)
