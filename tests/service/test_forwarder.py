"""The outgoing queue: what matches is sent once, whatever the peer, the process or the object does meanwhile."""

import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import CTImageStorage, RTDoseStorage
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer
from samples import make_object, save, wait_until

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.outbox import Rule, add_rule, parse_peer, remove_rule, rules
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.cli.main import main
from pyconquest_rt.errors import DatabaseError, SettingsError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.services.peers import Peers
from pyconquest_rt.service import forwarder as forward
from pyconquest_rt.service.forwarder import Summary, pause_s, send_due, status
from pyconquest_rt.settings.sections import ArchiveSettings

Put = Callable[..., Path]


@dataclass
class Peer:
    """A storage provider by pynetdicom that can be switched off."""

    port: int
    received: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    associations: int = 0
    server: ThreadedAssociationServer | None = None

    def start(self) -> None:
        ae = AE("PEER")
        for uid in (CTImageStorage, RTDoseStorage):
            ae.add_supported_context(uid)

        def store(event: evt.Event) -> int:
            uid = str(event.request.AffectedSOPInstanceUID)
            if uid in self.refused:
                return 0xC000
            self.received[uid] += 1
            return 0

        def accepted(event: evt.Event) -> None:
            self.associations += 1

        handlers = [(evt.EVT_C_STORE, store), (evt.EVT_ACCEPTED, accepted)]
        self.server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server = None


@pytest.fixture
def peer() -> Iterator[Peer]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        made = Peer(sock.getsockname()[1])
    yield made
    made.stop()


class Clock:
    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def rule(peer: Peer, condition: str | None = None, name: str = "all") -> Rule:
    return Rule(name, "PEER", "127.0.0.1", peer.port, "TESTER", condition)


def states(ingest: Archive) -> dict[str, str]:
    return dict(ingest.database.connection.execute("SELECT sop, state FROM forward_queue"))


def uid(instance: int) -> str:
    return str(make_object(instance=instance).SOPInstanceUID)


def test_a_peer_that_is_down_gets_everything_once_when_it_is_up(
    ingest: Archive, put: Put, peer: Peer, tmp_path: Path, data: Path
) -> None:
    clock = Clock()
    add_rule(ingest.database, rule(peer))
    for number in range(5):
        put(f"P1/{number}.dcm", instance=number)
    rebuild(ingest)
    assert send_due(ingest, clock) == Summary(failed=5)
    assert send_due(ingest, clock) == Summary()  # the pause lasts
    (row,) = status(ingest)
    assert (row["queued"], row["sent"], row["next_try"]) == (5, 0, "2001-09-09 01:47:40")
    assert row["last_error"]
    clock.now += pause_s(1)
    assert send_due(ingest, clock).failed == 5
    ingest.close()

    settings = ArchiveSettings(str(data), str(tmp_path / "conquest.db"), str(tmp_path / "dicom.sql"))
    again = Archive.open(settings)  # after a restart
    peer.start()
    clock.now += pause_s(1)
    assert send_due(again, clock) == Summary()  # the second pause is longer
    clock.now += pause_s(1)
    assert send_due(again, clock) == Summary(sent=5)
    assert peer.received == Counter({uid(number): 1 for number in range(5)})
    assert peer.associations == 1
    rebuild(again, only="all")
    assert send_due(again, clock) == Summary()
    again.database.drop_tables()
    rebuild(again, only="all")
    assert send_due(again, clock) == Summary()
    (row,) = status(again)
    assert (row["queued"], row["sent"], row["next_try"], row["last_error"]) == (0, 5, None, None)
    again.close()


def test_only_new_objects_that_match(ingest: Archive, put: Put, peer: Peer) -> None:
    put("P1/old.dcm", instance=1)
    rebuild(ingest)
    add_rule(ingest.database, rule(peer, "modality = 'CT' AND p.PatientID LIKE 'P%' -- a comment"))
    put("P1/new.dcm", instance=2)
    put("P1/dose.dcm", series=2, instance=3, Modality="RTDOSE", SOPClassUID=RTDoseStorage)
    put("Q1/new.dcm", patient="Q1", study=2)
    rebuild(ingest)
    ingest.database.drop_tables()
    rebuild(ingest)  # an index made from nothing does not send what was there before the rule
    assert states(ingest) == {uid(1): "earlier", uid(2): "queued"}
    peer.start()
    assert send_due(ingest).sent == 1
    assert list(peer.received) == [uid(2)]


def test_an_object_with_new_content_is_sent_again(ingest: Archive, put: Put, peer: Peer) -> None:
    add_rule(ingest.database, rule(peer))
    put("P1/1.dcm")
    rebuild(ingest)
    peer.start()
    assert send_due(ingest).sent == 1
    put("P1/1.dcm", StudyDescription="corrected")
    rebuild(ingest, only="changed")
    assert send_due(ingest).sent == 1
    assert peer.received[uid(1)] == 2


def test_a_refused_object_holds_up_no_other_and_fails_in_the_end(
    ingest: Archive, put: Put, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "MAX_ATTEMPTS", 2)
    clock = Clock()
    peer.refused.add(uid(0))
    peer.start()
    add_rule(ingest.database, rule(peer))
    for number in range(3):
        put(f"P1/{number}.dcm", instance=number)
    rebuild(ingest)
    assert send_due(ingest, clock) == Summary(sent=2, failed=1)
    put("P1/3.dcm", instance=3)
    rebuild(ingest)
    assert send_due(ingest, clock) == Summary(sent=1)
    clock.now += pause_s(1)
    assert send_due(ingest, clock) == Summary(failed=1)
    (row,) = status(ingest)
    assert (row["queued"], row["sent"], row["failed"]) == (0, 3, 1)
    assert "C000" in row["last_error"]
    clock.now += 1e6
    assert send_due(ingest, clock) == Summary()
    peer.refused.clear()
    assert forward.retry_failed(ingest) == 1
    assert send_due(ingest, clock) == Summary(sent=1)
    assert set(peer.received.values()) == {1} and len(peer.received) == 4


def test_what_is_deleted_leaves_the_queue_and_may_return(ingest: Archive, put: Put, peer: Peer) -> None:
    add_rule(ingest.database, rule(peer))
    put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    remove_images(ingest.database, [uid(1)])
    peer.start()
    assert send_due(ingest) == Summary(sent=1, dropped=1)
    (row,) = status(ingest)
    assert row["dropped"] == 1 and "deleted" in row["last_error"]
    rebuild(ingest)
    assert send_due(ingest) == Summary(sent=1)
    assert set(peer.received.values()) == {1}


def test_a_file_that_is_gone_waits_alone(ingest: Archive, put: Put, peer: Peer) -> None:
    add_rule(ingest.database, rule(peer))
    missing = put("P1/1.dcm")
    put("P1/2.dcm", instance=2)
    rebuild(ingest)
    missing.unlink()
    peer.start()
    assert send_due(ingest, Clock()) == Summary(sent=1, failed=1)


def test_rows_and_queue_are_written_together(ingest: Archive, put: Put, peer: Peer) -> None:
    add_rule(ingest.database, rule(peer))
    put("P1/1.dcm")
    with pytest.raises(RuntimeError), ingest.database.transaction():
        rebuild(ingest)
        assert states(ingest) == {uid(1): "queued"}
        raise RuntimeError
    assert states(ingest) == {}


def test_a_rule_that_another_process_is_at(ingest: Archive, put: Put, peer: Peer) -> None:
    clock = Clock()
    add_rule(ingest.database, rule(peer))
    put("P1/1.dcm")
    rebuild(ingest)
    peer.start()
    hold = "import sys; from pathlib import Path; from pyconquest_rt.archive.locks import Lock\n"
    hold += "with Lock(Path(sys.argv[1]), ''):\n    print('held', flush=True)\n    input()"
    lock = Path(ingest.database.path).with_name(".conquest.db.forward.all.lock")
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        assert send_due(ingest, clock) == Summary()
        other.kill()
    assert send_due(ingest, clock) == Summary(sent=1)


def test_conditions_that_cannot_be_used(ingest: Archive, put: Put, peer: Peer) -> None:
    put("P1/1.dcm")
    rebuild(ingest)
    for condition in ("nonsense = 1", "1; DROP TABLE DICOMImages", "(", "Modality = ?"):
        with pytest.raises(SettingsError, match="cannot be used"):
            add_rule(ingest.database, rule(peer, condition))
    assert rules(ingest.database) == []
    add_rule(ingest.database, rule(peer))
    with pytest.raises(SettingsError, match="already"):
        add_rule(ingest.database, rule(peer))
    remove_rule(ingest.database, "all")
    assert states(ingest) == {}
    with pytest.raises(DatabaseError, match="no forward rule"):
        remove_rule(ingest.database, "all")


def test_a_condition_that_becomes_impossible_does_not_stop_indexing(
    ingest: Archive, put: Put, peer: Peer
) -> None:
    ingest.database.connection.execute("ALTER TABLE DICOMImages ADD COLUMN Mine text")
    add_rule(ingest.database, rule(peer, "i.Mine IS NULL"))
    ingest.database.connection.execute("ALTER TABLE DICOMImages RENAME COLUMN Mine TO Yours")
    put("P1/1.dcm")
    assert rebuild(ingest).indexed == 1
    assert "Mine" in status(ingest)[0]["last_error"]


@pytest.mark.parametrize(
    "text", ["", "PEER", "PEER@host", "PEER@host:0", "@host:1", "PEER@:1", "A" * 17 + "@h:1"]
)
def test_peers_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="AET@host:port"):
        parse_peer(text)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule("", "PACS", "h", 104, "ME"), "needs a name"),
        (Rule("r", "PÄCS", "h", 104, "ME"), "expected 1 to 16 plain characters, not 'PÄCS'"),
        (Rule("r", "PACS", "h", 104, "ME" * 9), "expected 1 to 16 plain characters"),
    ],
)
def test_rules_that_could_never_send(ingest: Archive, rule: Rule, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        add_rule(ingest.database, rule)


def test_peers() -> None:
    assert parse_peer("PACS@10.0.0.5:104") == ("PACS", "10.0.0.5", 104)
    assert parse_peer("PACS@[::1]:104") == ("PACS", "::1", 104)


def test_pauses() -> None:
    assert [pause_s(n) / 60 for n in (1, 2, 3, 4, 5, 6, 7, 5000)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: Peer) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == code, result.output
        return result.output

    (tmp_path / "acrnema.map").write_text(f"PEER 127.0.0.1 {peer.port}\n")
    run("forward", "add", "doses", "--to", "PEER", "--where", "modality='RTDOSE'")
    assert "title of a known one" in run("forward", "add", "bad", "--to", "NOBODY", code=1)
    run("forward", "add", "bad", "--to", "PEER@127.0.0.1:104", "--where", "nonsense", code=1)
    dose = make_object(Modality="RTDOSE", SOPClassUID=RTDoseStorage)
    save(dose, tmp_path / "data" / "dose.dcm")
    save(make_object(series=2), tmp_path / "data" / "ct.dcm")
    run("rebuild")
    (made,) = json.loads(run("forward", "list", "--json"))
    assert (made["condition"], made["host"], made["port"]) == ("modality='RTDOSE'", "127.0.0.1", peer.port)
    assert "0 objects sent, 1 not sent" in run("forward", "run", code=1)
    peer.start()
    assert "0 objects sent, 0 not sent" in run("forward", "run")
    assert json.loads(run("forward", "run", "--retry", "--json")) == {"sent": 1, "failed": 0, "dropped": 0}
    (row,) = json.loads(run("forward", "status", "--json"))
    assert (row["name"], row["queued"], row["sent"], row["failed"]) == ("doses", 0, 1, 0)
    assert dict(peer.received) == {dose.SOPInstanceUID: 1}
    run("forward", "remove", "doses")
    assert json.loads(run("forward", "list", "--json")) == []


def test_a_clock_that_was_put_back_costs_no_more_than_the_longest_pause(
    ingest: Archive, put: Put, peer: Peer
) -> None:
    clock = Clock()
    add_rule(ingest.database, rule(peer))
    put("P1/1.dcm")
    rebuild(ingest)
    assert send_due(ingest, clock) == Summary(failed=1)
    peer.start()
    clock.now -= 10 * 86_400
    assert send_due(ingest, clock) == Summary(sent=1)


def test_a_peer_that_never_answers_is_paused_and_holds_up_no_other_rule(
    ingest: Archive, put: Put, peer: Peer, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "ANSWER_S", 1.0)
    release = threading.Event()
    ae = AE("HOLE")
    ae.add_supported_context(CTImageStorage)
    handlers = [(evt.EVT_C_STORE, lambda event: release.wait(60) and 0)]
    hole = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    peer.start()
    add_rule(ingest.database, Rule("a_hole", "HOLE", "127.0.0.1", hole.server_address[1], "TESTER", None))
    add_rule(ingest.database, rule(peer, name="b_good"))
    for number in range(5):
        put(f"P1/{number}.dcm", instance=number)
    rebuild(ingest)
    settings = ArchiveSettings(str(data), str(tmp_path / "conquest.db"), str(tmp_path / "dicom.sql"))
    forwarder = forward.Forwarder(settings, Peers(), 0.2)
    forwarder.start()
    try:
        wait_until(lambda: peer.received.total() == 5, seconds=20)
        wait_until(lambda: paused(ingest, "a_hole"), seconds=20)
    finally:
        release.set()
        forwarder.stop()
        hole.shutdown()
    hole_row, good = status(ingest)
    assert (hole_row["queued"], hole_row["sent"], good["queued"], good["sent"]) == (5, 0, 0, 5)
    assert "did not answer within" in hole_row["last_error"]


def paused(archive: Archive, name: str) -> bool:
    sql = "SELECT next_try FROM forward_rules WHERE name = ?"
    return bool(archive.database.connection.execute(sql, (name,)).fetchone()[0])
