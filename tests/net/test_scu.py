"""Echo, find and move against pynetdicom's services."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from network_helpers import Receiver
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import build_context, evt

from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.services.folder import FolderSink
from pyconquest_rt.net.services.identifier import (
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    decode_identifier,
    encode_identifier,
)
from pyconquest_rt.scu import echo, find, get, move, retrieval_proposals

StartReceiver = Callable[..., Receiver]


def test_echo(start_receiver: StartReceiver) -> None:
    receiver = start_receiver()
    result = echo("127.0.0.1", receiver.port, b"RECEIVER", b"TESTER")
    assert result.ok and result.status == 0 and 0 < result.seconds < 30


def test_echo_that_is_answered_with_a_failure(start_receiver: StartReceiver) -> None:
    receiver = start_receiver(extra=((evt.EVT_C_ECHO, lambda event: 0x0122),))
    result = echo("127.0.0.1", receiver.port, "RECEIVER")
    assert not result.ok and result.status == 0x0122


def find_server(start_receiver: StartReceiver, seen: list[Dataset], statuses: list[int]) -> Receiver:
    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        seen.append(event.identifier)
        for number in range(50):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            match = Dataset()
            match.SpecificCharacterSet = "ISO_IR 192"
            match.PatientName = f"Müller^{number}"
            match.StudyInstanceUID = f"1.2.{number}"
            time.sleep(0.002)
            yield 0xFF00, match
        for status in statuses:
            yield status, None

    contexts = (STUDY_ROOT_FIND, PATIENT_ROOT_FIND)
    return start_receiver(extra=((evt.EVT_C_FIND, answer),), contexts=contexts)


def test_find_returns_all_matches(start_receiver: StartReceiver) -> None:
    seen: list[Dataset] = []
    receiver = find_server(start_receiver, seen, [])
    keys = {"PatientName": "Mül*", "StudyInstanceUID": "", "StudyDate": "20200101-"}
    result = find("127.0.0.1", receiver.port, "RECEIVER", level="study", keys=keys, root="PATIENT")
    assert result.ok
    assert [str(match.PatientName) for match in result.matches] == [f"Müller^{n}" for n in range(50)]
    assert seen[0].QueryRetrieveLevel == "STUDY"
    assert str(seen[0].PatientName) == "Mül*"
    assert seen[0].StudyDate == "20200101-"


def test_find_stops_at_its_limit(start_receiver: StartReceiver) -> None:
    receiver = find_server(start_receiver, [], [])
    result = find("127.0.0.1", receiver.port, "RECEIVER", level="STUDY", keys={"PatientName": ""}, limit=3)
    assert result.ok and len(result.matches) == 3


def test_find_reports_a_failure(start_receiver: StartReceiver) -> None:
    receiver = find_server(start_receiver, [], [0xA700])
    result = find("127.0.0.1", receiver.port, "RECEIVER", level="STUDY", keys={"PatientName": ""})
    assert not result.ok and result.status == 0xA700 and len(result.matches) == 50


def test_find_refuses_a_name_that_is_no_keyword(start_receiver: StartReceiver) -> None:
    receiver = find_server(start_receiver, [], [])
    with pytest.raises(NetworkError, match="PatientNme"):
        find("127.0.0.1", receiver.port, "RECEIVER", level="STUDY", keys={"PatientNme": ""})


def test_find_at_a_peer_without_that_service(start_receiver: StartReceiver) -> None:
    receiver = start_receiver()
    with pytest.raises(NetworkError, match="no proposed presentation context"):
        find("127.0.0.1", receiver.port, "RECEIVER", level="STUDY", keys={})


def test_move(start_receiver: StartReceiver, make_ct: Callable[..., list[Path]]) -> None:
    destination = start_receiver(title="THERE")
    paths = make_ct(4)
    destination.statuses = {dcmread(paths[1]).SOPInstanceUID: 0xA700}
    asked: list[tuple[str, str]] = []

    def send(event: evt.Event) -> Iterator[object]:
        asked.append((event.move_destination, event.identifier.StudyInstanceUID))
        yield "127.0.0.1", destination.port, {"contexts": [build_context(CTImageStorage)]}
        yield len(paths)
        for path in paths:
            yield 0xFF00, dcmread(path)

    receiver = start_receiver(extra=((evt.EVT_C_MOVE, send),), contexts=(STUDY_ROOT_MOVE,))
    counts: list[int] = []
    result = move(
        "127.0.0.1",
        receiver.port,
        "RECEIVER",
        destination=b"THERE",
        level="STUDY",
        keys={"StudyInstanceUID": "1.2.3"},
        progress=lambda so_far: counts.append(so_far.completed + so_far.failed),
    )
    assert asked == [("THERE", "1.2.3")]
    assert (result.completed, result.failed, result.ok) == (3, 1, False)
    assert result.failed_uids == [dcmread(paths[1]).SOPInstanceUID]
    assert counts == [1, 2, 3, 4]


def test_identifier_that_is_no_data_set_is_refused() -> None:
    with pytest.raises(NetworkError):
        decode_identifier(b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff junk junk", "1.2.840.10008.1.2.1")
    empty = Dataset()
    assert encode_identifier(empty, "1.2.840.10008.1.2") == b""
    assert decode_identifier(b"", "1.2.840.10008.1.2") == empty


def test_get(start_receiver: StartReceiver, make_ct: Callable[..., list[Path]], tmp_path: Path) -> None:
    paths = make_ct(5)

    def send(event: evt.Event) -> Iterator[object]:
        assert event.identifier.SeriesInstanceUID == ["1.2", "1.3"]
        yield len(paths)
        for path in paths:
            yield 0xFF00, dcmread(path)

    def offer(event: evt.Event) -> None:
        for context in event.assoc.acceptor.supported_contexts:
            context.scu_role, context.scp_role = False, True

    handlers = ((evt.EVT_C_GET, send), (evt.EVT_REQUESTED, offer))
    receiver = start_receiver(extra=handlers, contexts=(STUDY_ROOT_GET,))
    counts: list[int] = []
    result = get(
        "127.0.0.1",
        receiver.port,
        "RECEIVER",
        sink=FolderSink(tmp_path / "fetched"),
        level="SERIES",
        keys={"StudyInstanceUID": "1", "SeriesInstanceUID": ["1.2", "1.3"]},
        progress=lambda so_far: counts.append(so_far.completed),
    )
    assert (result.status, result.completed, result.failed) == (0, 5, 0)
    assert counts == [1, 2, 3, 4, 5]
    for path in paths:
        expected = dcmread(path)
        assert dcmread(tmp_path / "fetched" / f"{expected.SOPInstanceUID}.dcm") == expected


def test_get_from_a_peer_without_that_service(start_receiver: StartReceiver, tmp_path: Path) -> None:
    receiver = start_receiver()
    with pytest.raises(NetworkError, match="does not offer C-GET"):
        get("127.0.0.1", receiver.port, "RECEIVER", sink=FolderSink(tmp_path), level="STUDY", keys={})


def test_contexts_of_a_get_fit_one_association() -> None:
    assert len(retrieval_proposals(None)) <= 127
    assert [len(p.transfer_syntaxes) > 2 for p in retrieval_proposals(["1.2", "1.3"])] == [
        False,
        False,
        True,
        True,
    ]
