"""C-MOVE and C-GET: pynetdicom's, DCMTK's and this package's clients and receivers."""

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from network_helpers import FolderSink, RawPeer, Receiver
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)
from pynetdicom import AE, build_context, build_role, evt

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.protocol.dimse import Command, encode_command
from pyconquest_rt.net.services import send as sending
from pyconquest_rt.net.services.folder import FolderSink as Folder
from pyconquest_rt.net.services.identifier import STUDY_ROOT_GET, STUDY_ROOT_MOVE
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peer, Peers
from pyconquest_rt.net.services.retrieve import RetrieveService
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo, get, move

ROOT = "1.2.826.0.1.3680043.10.1"
StartArchive = Callable[..., Listener]
StartReceiver = Callable[..., Receiver]


@pytest.fixture
def start_archive(index: Index, listen: Callable[..., Listener]) -> StartArchive:
    """Return a function that starts a listener that sends what the index names, to the peers given."""

    def start(*peers: Peer, **options: Any) -> Listener:
        service = RetrieveService(index, "ARCHIVE", Peers(peers))
        return listen(services=service.handlers(), **options)

    return start


@pytest.mark.parametrize(
    ("level", "root", "keys", "count"),
    [
        ("PATIENT", "PATIENT", {"PatientID": "P2"}, 6),
        ("STUDY", "STUDY", {"StudyInstanceUID": f"{ROOT}.3"}, 4),
        ("STUDY", "PATIENT", {"PatientID": "P1", "StudyInstanceUID": [f"{ROOT}.1", f"{ROOT}.2"]}, 3),
        ("SERIES", "STUDY", {"StudyInstanceUID": f"{ROOT}.3", "SeriesInstanceUID": f"{ROOT}.3.2"}, 2),
        ("IMAGE", "STUDY", {"SOPInstanceUID": [f"{ROOT}.1.1.1", f"{ROOT}.1.1.3"]}, 2),
        ("STUDY", "STUDY", {"StudyInstanceUID": "9.9.9"}, 0),
    ],
)
def test_move_and_get_of_every_level(
    start_archive: StartArchive,
    start_receiver: StartReceiver,
    data: Path,
    tmp_path: Path,
    level: str,
    root: Any,
    keys: dict[str, Any],
    count: int,
) -> None:
    receiver = start_receiver(title="THERE")
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    progress: list[int] = []
    moved = move(
        "127.0.0.1",
        listener.port,
        "ARCHIVE",
        destination="THERE",
        level=level,
        keys=keys,
        root=root,
        progress=lambda so_far: progress.append(so_far.remaining),
    )
    assert (moved.status, moved.completed, moved.failed) == (0, count, 0)
    assert progress == list(range(count - 1, -1, -1))
    folder = tmp_path / "fetched"
    fetched = get(
        "127.0.0.1", listener.port, "ARCHIVE", sink=Folder(folder), level=level, keys=keys, root=root
    )
    assert (fetched.status, fetched.completed, fetched.failed) == (0, count, 0)
    originals = {dcmread(path).SOPInstanceUID: dcmread(path) for path in data.rglob("*.dcm")}
    kept = {path.stem: dcmread(path) for path in folder.glob("*.dcm")}
    assert kept == {uid: originals[uid] for uid in kept}
    assert set(kept) == set(receiver.objects) and len(kept) == count


def test_destination_learns_who_asked(start_archive: StartArchive, start_receiver: StartReceiver) -> None:
    asked: list[tuple[str, int, str]] = []

    def store(event: evt.Event) -> int:
        request = event.request
        asked.append(
            (
                request.MoveOriginatorApplicationEntityTitle,
                request.MoveOriginatorMessageID,
                event.assoc.requestor.ae_title,
            )
        )
        return 0

    receiver = start_receiver(extra=((evt.EVT_C_STORE, store),))
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    keys = {"StudyInstanceUID": f"{ROOT}.2"}
    assert move("127.0.0.1", listener.port, "ANY", "ASKER", destination="THERE", level="STUDY", keys=keys).ok
    assert asked == [("ASKER", 1, "ARCHIVE")] * 2


def test_unknown_and_absent_destinations(start_archive: StartArchive, free_port: int) -> None:
    listener = start_archive(Peer("GONE", "127.0.0.1", free_port))
    keys = {"StudyInstanceUID": f"{ROOT}.1"}
    unknown = move("127.0.0.1", listener.port, "ANY", destination="NOBODY", level="STUDY", keys=keys)
    assert (unknown.status, unknown.comment) == (0xA801, "NOBODY is no known AE title")
    gone = move("127.0.0.1", listener.port, "ANY", destination="GONE", level="STUDY", keys=keys)
    assert (gone.status, gone.completed, gone.failed) == (0xA702, 0, 3)
    assert gone.failed_uids == [f"{ROOT}.1.1.{number}" for number in (1, 2, 3)]


def test_a_missing_file_is_a_failed_sub_operation(
    start_archive: StartArchive, start_receiver: StartReceiver, data: Path, tmp_path: Path
) -> None:
    receiver = start_receiver()
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    (data / "1" / "2.dcm").unlink()
    keys = {"StudyInstanceUID": f"{ROOT}.1"}
    for result in (
        move("127.0.0.1", listener.port, "ANY", destination="THERE", level="STUDY", keys=keys),
        get("127.0.0.1", listener.port, "ANY", sink=Folder(tmp_path / "x"), level="STUDY", keys=keys),
    ):
        assert (result.status, result.completed, result.failed) == (0xB000, 2, 1)
        assert result.failed_uids == [f"{ROOT}.1.1.2"]
        assert result.comment == "1 of 3 instances were not sent" and not result.ok


@pytest.mark.parametrize("how", ["move", "get"])
def test_what_is_retrieved_counts_as_used(
    start_archive: StartArchive,
    start_receiver: StartReceiver,
    index: Index,
    data: Path,
    tmp_path: Path,
    how: str,
) -> None:
    def used() -> set[str]:
        with index.open() as rows:
            return {row[0] for row in rows.read("SELECT SOPInstanc FROM DICOMImages WHERE AccessTime > 0")}

    receiver = start_receiver()
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    with sqlite3.connect(tmp_path / "conquest.db") as connection:
        connection.execute("UPDATE DICOMImages SET AccessTime = 0")
    connection.close()
    (data / "1" / "2.dcm").unlink()
    keys = {"StudyInstanceUID": f"{ROOT}.1"}
    if how == "move":
        move("127.0.0.1", listener.port, "ANY", destination="THERE", level="STUDY", keys=keys)
    else:
        get("127.0.0.1", listener.port, "ANY", sink=Folder(tmp_path / "x"), level="STUDY", keys=keys)
    listener.stop()  # it notes the access after it has answered
    assert used() == {f"{ROOT}.1.1.1", f"{ROOT}.1.1.3"}


def test_a_refusal_is_a_failed_sub_operation(
    start_archive: StartArchive, start_receiver: StartReceiver, sink: FolderSink
) -> None:
    receiver = start_receiver()
    receiver.statuses = {f"{ROOT}.1.1.3": 0xA700}
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    keys = {"StudyInstanceUID": f"{ROOT}.1"}
    result = move("127.0.0.1", listener.port, "ANY", destination="THERE", level="STUDY", keys=keys)
    assert (result.completed, result.failed, result.failed_uids) == (2, 1, [f"{ROOT}.1.1.3"])
    result = get("127.0.0.1", listener.port, "ANY", sink=Refusing(), level="STUDY", keys=keys)
    assert (result.status, result.completed, result.failed) == (0xA702, 0, 3)


class Refusing:
    def stage(self, sop_instance_uid: str, sender: str = "") -> Any:
        raise OSError(28, "No space left on device")

    def accept(self, received: object) -> None:
        raise AssertionError("nothing was staged")


def test_compressed_objects_are_decompressed_where_they_must_be(
    start_archive: StartArchive,
    start_receiver: StartReceiver,
    make_ct: Callable[..., list[Path]],
    data: Path,
    ingest: Archive,
) -> None:
    (path,) = make_ct(1)
    data_set = dcmread(path)
    pixels = data_set.pixel_array
    data_set.compress(RLELossless, generate_instance_uid=False)
    data_set.save_as(data / "rle.dcm")
    rebuild(ingest)
    plain, rle = start_receiver([ImplicitVRLittleEndian]), start_receiver([RLELossless])
    listener = start_archive(Peer("PLAIN", "127.0.0.1", plain.port), Peer("RLE", "127.0.0.1", rle.port))
    keys = {"SOPInstanceUID": data_set.SOPInstanceUID}
    for title in ("PLAIN", "RLE"):
        assert move("127.0.0.1", listener.port, "ANY", destination=title, level="IMAGE", keys=keys).ok
    assert plain.objects[data_set.SOPInstanceUID][0] == ImplicitVRLittleEndian
    assert pixels.tobytes() in plain.objects[data_set.SOPInstanceUID][1]
    assert rle.objects[data_set.SOPInstanceUID][0] == RLELossless


def test_bad_requests_are_refused(start_archive: StartArchive, tmp_path: Path) -> None:
    listener = start_archive(Peer("THERE", "127.0.0.1", 1))
    for level, keys in (("STUDY", {"PatientID": "P1"}), ("FRAME", {"StudyInstanceUID": "1"})):
        result = move("127.0.0.1", listener.port, "ANY", destination="THERE", level=level, keys=keys)
        assert result.status == 0xA900 and result.comment
        result = get("127.0.0.1", listener.port, "ANY", sink=Folder(tmp_path), level=level, keys=keys)
        assert result.status == 0xA900
    assert echo("127.0.0.1", listener.port, "ANY").ok


def test_get_needs_a_requestor_that_takes_objects(start_archive: StartArchive) -> None:
    listener = start_archive()
    ae = AE("TESTER")
    contexts = [build_context(STUDY_ROOT_GET), build_context(CTImageStorage)]
    association = ae.associate("127.0.0.1", listener.port, contexts=contexts)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = f"{ROOT}.1"
    *_, (last, failed) = association.send_c_get(identifier, STUDY_ROOT_GET)
    association.release()
    assert (last.Status, last.NumberOfFailedSuboperations) == (0xA702, 3)
    assert len(failed.FailedSOPInstanceUIDList) == 3


def test_pynetdicom_gets(start_archive: StartArchive) -> None:
    listener = start_archive()
    got: list[Dataset] = []

    def store(event: evt.Event) -> int:
        got.append(event.dataset)
        return 0

    ae = AE("TESTER")
    contexts = [build_context(uid) for uid in (STUDY_ROOT_GET, CTImageStorage, MRImageStorage)]
    roles = [build_role(uid, scp_role=True) for uid in (CTImageStorage, MRImageStorage)]
    association = ae.associate(
        "127.0.0.1", listener.port, contexts=contexts, ext_neg=roles, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = f"{ROOT}.3"
    statuses = [int(status.Status) for status, _ in association.send_c_get(identifier, STUDY_ROOT_GET)]
    association.release()
    assert statuses == [0xFF00] * 4 + [0]
    assert sorted(item.SOPInstanceUID for item in got) == [
        f"{ROOT}.3.{n}" for n in ("1.1", "1.2", "2.1", "2.2")
    ]


IDENTIFIER = b"\x08\0\x52\0\6\0\0\0STUDY " + b"\x20\0\x0d\0" + bytes((26, 0, 0, 0)) + f"{ROOT}.3".encode()
CANCEL = encode_command(Command(CommandField=0xFFF, MessageIDBeingRespondedTo=7, CommandDataSetType=0x101))


def move_command(destination: str) -> bytes:
    """Return the command set of a C-MOVE request, without a destination if it is empty."""
    request = Command(
        AffectedSOPClassUID=STUDY_ROOT_MOVE, CommandField=0x21, MessageID=7, Priority=0, CommandDataSetType=1
    )
    if destination:
        request["MoveDestination"] = destination
    return encode_command(request)


def test_cancelled_move_stops(start_archive: StartArchive, start_receiver: StartReceiver) -> None:
    def slow(event: evt.Event) -> int:
        time.sleep(0.3)
        return 0

    receiver = start_receiver(extra=((evt.EVT_C_STORE, slow),))
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    peer = RawPeer(listener.port, contexts=[(STUDY_ROOT_MOVE, ImplicitVRLittleEndian)])
    peer.send_values((1, 3, move_command("THERE")), (1, 2, IDENTIFIER))
    assert peer.read_status() == 0xFF00
    peer.send_values((1, 3, CANCEL))
    statuses = [peer.read_status()]
    while statuses[-1] == 0xFF00:
        statuses.append(peer.read_status())
    assert statuses[-1] == 0xFE00 and len(statuses) < 4


def test_a_move_to_a_destination_that_hangs_can_be_cancelled(
    start_archive: StartArchive, start_receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_STOPPED_SECONDS", 0.1)
    asked, end = threading.Event(), threading.Event()

    def hang(event: evt.Event) -> int:
        asked.set()
        end.wait(30)
        return 0

    receiver = start_receiver(extra=((evt.EVT_C_STORE, hang),))
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))
    peer = RawPeer(listener.port, contexts=[(STUDY_ROOT_MOVE, ImplicitVRLittleEndian)])
    peer.send_values((1, 3, move_command("THERE")), (1, 2, IDENTIFIER))
    assert asked.wait(10)
    peer.send_values((1, 3, CANCEL))
    assert [peer.read_status(), peer.read_status()] == [0xFF00, 0xFE00]
    end.set()


def test_a_move_to_nobody_is_answered(start_archive: StartArchive) -> None:
    peer = RawPeer(start_archive().port, contexts=[(STUDY_ROOT_MOVE, ImplicitVRLittleEndian)])
    peer.send_values((1, 3, move_command("")), (1, 2, IDENTIFIER))
    assert peer.read_status() == 0xA801


def test_what_a_requestor_takes_only_deflated_or_big_endian_is_not_sent(start_archive: StartArchive) -> None:
    listener = start_archive()
    ae = AE("TESTER")
    for syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        contexts = [build_context(STUDY_ROOT_GET), build_context(CTImageStorage, syntax)]
        roles = [build_role(CTImageStorage, scp_role=True)]
        association = ae.associate(
            "127.0.0.1",
            listener.port,
            contexts=contexts,
            ext_neg=roles,
            evt_handlers=[(evt.EVT_C_STORE, lambda event: 0)],
        )
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", f"{ROOT}.1"
        *_, (status, _) = association.send_c_get(identifier, STUDY_ROOT_GET)
        association.release()
        assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 3)


@pytest.mark.skipif(shutil.which("getscu") is None, reason="DCMTK's getscu is not installed")
@pytest.mark.parametrize("preference", ["+xs", "+xw", "+xr", "+xi"])
def test_a_requestor_gets_all_whatever_it_prefers(
    start_archive: StartArchive, tmp_path: Path, preference: str
) -> None:
    command = ["getscu", preference, "-S", "-od", str(tmp_path), "127.0.0.1", str(start_archive().port)]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.1"]
    subprocess.run([*command, *keys], check=True, capture_output=True)
    assert len(list(tmp_path.glob("CT.*"))) == 3


def test_requester_that_vanishes_stops_the_move(
    start_archive: StartArchive, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver()
    listener = start_archive(Peer("THERE", "127.0.0.1", receiver.port))

    def vanish(so_far: object) -> None:
        raise ZeroDivisionError

    keys = {"StudyInstanceUID": f"{ROOT}.1"}
    with pytest.raises(ZeroDivisionError):
        move(
            "127.0.0.1", listener.port, "ANY", destination="THERE", level="STUDY", keys=keys, progress=vanish
        )
    assert move("127.0.0.1", listener.port, "ANY", destination="THERE", level="STUDY", keys=keys).ok


needs_dcmtk = pytest.mark.skipif(shutil.which("movescu") is None, reason="DCMTK's movescu is not installed")


@pytest.fixture
def storescp(tmp_path: Path, free_port: int) -> Iterator[tuple[int, Path]]:
    """Run DCMTK's storescp on a port, into a folder."""
    folder = tmp_path / "storescp"
    folder.mkdir()
    with subprocess.Popen(
        ["storescp", "-od", str(folder), str(free_port)], env={**os.environ, "TCP_NODELAY": "1"}
    ) as server:
        for _ in range(100):
            try:
                echo("127.0.0.1", free_port, "ANY")
                break
            except NetworkError:
                time.sleep(0.05)
        yield free_port, folder
        server.terminate()


@needs_dcmtk
def test_dcmtk_moves_and_gets(
    start_archive: StartArchive, storescp: tuple[int, Path], tmp_path: Path
) -> None:
    port, folder = storescp
    listener = start_archive(Peer("THERE", "127.0.0.1", port))
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.3"]
    command = ["movescu", "-S", "-aem", "THERE", "127.0.0.1", str(listener.port), *keys]
    subprocess.run(command, check=True, capture_output=True)
    assert len(list(folder.iterdir())) == 4
    fetched = tmp_path / "getscu"
    fetched.mkdir()
    command = ["getscu", "-S", "-od", str(fetched), "127.0.0.1", str(listener.port), *keys]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(dcmread(path).SOPInstanceUID for path in fetched.iterdir()) == [
        f"{ROOT}.3.{number}" for number in ("1.1", "1.2", "2.1", "2.2")
    ]


def test_explicit_identifiers_are_understood(start_archive: StartArchive) -> None:
    listener = start_archive()
    ae = AE("TESTER")
    ae.add_requested_context(STUDY_ROOT_MOVE, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", listener.port)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = "1.2.3"
    assert [int(s.Status) for s, _ in association.send_c_move(identifier, "NOBODY", STUDY_ROOT_MOVE)] == [
        0xA801
    ]
    association.release()
