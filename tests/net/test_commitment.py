"""Storage commitment with pynetdicom as the user."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, evt

from pyconquest_rt.net.services.admission import STORAGE_COMMITMENT, Access, AccessRules
from pyconquest_rt.net.services.commit import CommitmentService
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peer, Peers
from pyconquest_rt.scp import Listener

ROOT = "1.2.826.0.1.3680043.10.1"
INSTANCE = "1.2.840.10008.1.20.1.1"
Listen = Callable[..., Listener]


class User:
    """A pynetdicom storage commitment user that keeps the reports it gets."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, Dataset]] = []
        self.came = threading.Event()
        self.handlers = [(evt.EVT_N_EVENT_REPORT, self.report)]

    def report(self, event: evt.Event) -> tuple[int, None]:
        self.reports.append((event.event_type, event.event_information))
        self.came.set()
        return 0, None

    def ask(self, port: int, request: Dataset, *, wait: bool) -> Dataset:
        ae = AE("ASKER")
        ae.add_requested_context(STORAGE_COMMITMENT)
        association = ae.associate("127.0.0.1", port, evt_handlers=self.handlers if wait else [])
        status, _ = association.send_n_action(request, 1, STORAGE_COMMITMENT, INSTANCE)
        if wait and status.Status == 0:
            assert self.came.wait(10)
        association.release()
        return status


def request(*references: tuple[str, str]) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = "1.2.3.4"
    asked.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        asked.ReferencedSOPSequence.append(item)
    return asked


@pytest.fixture
def start(index: Index, listen: Listen) -> Callable[..., Listener]:
    """Return a function that starts a listener that commits to what the index holds."""

    def start_listener(*peers: Peer) -> Listener:
        service = CommitmentService(index, "ARCHIVE", Peers(peers))
        return listen(services=service.handlers(), policy=AccessRules(query=Access([])))

    return start_listener


def uids(items: Iterator[Dataset]) -> list[str]:
    return [item.ReferencedSOPInstanceUID for item in items]


def test_what_is_there_is_committed_to(start: Callable[..., Listener]) -> None:
    user = User()
    asked = request((CTImageStorage, f"{ROOT}.1.1.1"), (CTImageStorage, f"{ROOT}.1.1.2"))
    assert user.ask(start().port, asked, wait=True).Status == 0
    ((kind, report),) = user.reports
    assert (kind, report.TransactionUID) == (1, "1.2.3.4")
    assert uids(report.ReferencedSOPSequence) == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]
    assert "FailedSOPSequence" not in report


def test_what_is_not_safe_is_named_with_the_reason(start: Callable[..., Listener], data: Path) -> None:
    user = User()
    (data / "1" / "2.dcm").unlink()
    (data / "1" / "3.dcm").write_bytes((data / "2" / "1.dcm").read_bytes())
    asked = request(
        (CTImageStorage, f"{ROOT}.1.1.1"),
        (CTImageStorage, f"{ROOT}.1.1.2"),
        (CTImageStorage, f"{ROOT}.1.1.3"),
        (MRImageStorage, f"{ROOT}.2.1.1"),
        (CTImageStorage, "9.9"),
    )
    assert user.ask(start().port, asked, wait=True).Status == 0
    ((kind, report),) = user.reports
    assert kind == 2
    assert uids(report.ReferencedSOPSequence) == [f"{ROOT}.1.1.1"]
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in report.FailedSOPSequence] == [
        (f"{ROOT}.1.1.2", 0x0110),
        (f"{ROOT}.1.1.3", 0x0110),
        (f"{ROOT}.2.1.1", 0x0119),
        ("9.9", 0x0112),
    ]


def test_a_file_that_is_cut_off_is_not_safe(start: Callable[..., Listener], data: Path) -> None:
    user = User()
    whole = (data / "1" / "2.dcm").read_bytes()
    (data / "1" / "2.dcm").write_bytes(whole[:-2])
    asked = request((CTImageStorage, f"{ROOT}.1.1.1"), (CTImageStorage, f"{ROOT}.1.1.2"))
    assert user.ask(start().port, asked, wait=True).Status == 0
    ((_, report),) = user.reports
    assert uids(report.ReferencedSOPSequence) == [f"{ROOT}.1.1.1"]
    assert uids(report.FailedSOPSequence) == [f"{ROOT}.1.1.2"]


def test_a_known_peer_is_called_back(start: Callable[..., Listener]) -> None:
    user = User()
    ae = AE("ASKER")
    ae.add_supported_context(STORAGE_COMMITMENT, scu_role=True, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=user.handlers)
    try:
        listener = start(Peer("ASKER", "127.0.0.1", server.server_address[1]))
        assert user.ask(listener.port, request((CTImageStorage, f"{ROOT}.1.1.1")), wait=False).Status == 0
        assert user.came.wait(10)
        assert [kind for kind, _ in user.reports] == [1]
    finally:
        server.shutdown()


def test_a_request_that_asks_for_nothing_is_refused(start: Callable[..., Listener]) -> None:
    user = User()
    assert user.ask(start().port, request(), wait=True).Status == 0xC000
    assert user.reports == []
