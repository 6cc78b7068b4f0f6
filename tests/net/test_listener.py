"""The listener with good clients: pynetdicom, DCMTK and this package's own."""

import shutil
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
import samples
from network_helpers import BUNDLED, FolderSink, RawPeer, data_set_bytes, store_command
from pydicom import dcmread
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.sop_class import BasicFilmSession, Verification

from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.errors import NetworkError, ObjectError, StorageError, UnreadableError
from pyconquest_rt.net.protocol.guard import Limits
from pyconquest_rt.net.services.admission import Access, AccessRules, choose_syntax
from pyconquest_rt.net.services.stored import read_stored_object
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo, send_files
from pyconquest_rt.settings.sections import ArchiveSettings

wait_until = partial(samples.wait_until, seconds=15.0)

Listen = Callable[..., Listener]
MakeCT = Callable[..., list[Path]]
needs_dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK is not installed")


def associate(
    listener: Listener, *contexts: tuple[str, list[str]], called: str = "ANY-SCP", title: str = "TESTER"
) -> Association:
    ae = AE(title)
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, syntaxes)
    return ae.associate("127.0.0.1", listener.port, ae_title=called)


def test_pynetdicom_echoes_and_stores(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    listener = listen()
    association = associate(
        listener, (Verification, [ImplicitVRLittleEndian]), (CTImageStorage, [ExplicitVRLittleEndian])
    )
    assert association.is_established
    assert association.acceptor.maximum_length == 131072
    assert association.send_c_echo().Status == 0
    paths = make_ct(3)
    assert [association.send_c_store(dcmread(path)).Status for path in paths] == [0, 0, 0]
    association.release()
    assert association.is_released
    for path in paths:
        kept = sink.path(dcmread(path).SOPInstanceUID)
        assert dcmread(kept) == dcmread(path)
        meta = dcmread(kept).file_meta
        assert (
            meta.FileMetaInformationGroupLength == 254 - 44 - 8 + 44 + 8
            or meta.FileMetaInformationGroupLength > 0
        )
        assert (meta.SendingApplicationEntityTitle, meta.ReceivingApplicationEntityTitle) == (
            "TESTER",
            "ANY-SCP",
        )
        assert kept.read_bytes()[:132] == bytes(128) + b"DICM"
    assert (listener.counters.stored, listener.counters.failed, listener.counters.associations) == (3, 0, 1)
    assert sink.received[0].address == "127.0.0.1"


def test_every_bundled_file_is_kept_byte_for_byte(listen: Listen, sink: FolderSink) -> None:
    listener = listen()
    paths: dict[str, Path] = {}
    for path in sorted(BUNDLED.glob("*.dcm")):
        try:
            paths[read_stored_object(path).sop_instance_uid] = path
        except UnreadableError:
            continue
    result = send_files(paths.values(), "127.0.0.1", listener.port, "ANY")
    assert result.failed == [] and result.sent == sink.count() == len(paths) > 40
    for uid, path in paths.items():
        kept = read_stored_object(sink.path(uid))
        assert data_set_bytes(sink.path(uid)) == data_set_bytes(path)
        assert kept.transfer_syntax_uid == read_stored_object(path).transfer_syntax_uid
    assert len({received.transfer_syntax_uid for received in sink.received}) >= 8


def test_meta_information_has_its_right_length(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    listener = listen()
    (path,) = make_ct(1)
    for aet in ("A", "AB"):
        assert send_files([path], "127.0.0.1", listener.port, "ANY", aet).ok
        kept = sink.path(dcmread(path).SOPInstanceUID).read_bytes()
        assert kept[132:144] == b"\2\0\0\0UL\4\0" + kept[140:144]
        length = int.from_bytes(kept[140:144], "little")
        assert kept[144 + length :] == data_set_bytes(path)


@needs_dcmtk
def test_dcmtk_stores(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    listener = listen()
    paths = make_ct(4, 200)
    subprocess.run(["echoscu", "127.0.0.1", str(listener.port)], check=True)
    subprocess.run(["storescu", "127.0.0.1", str(listener.port), *paths[:2]], check=True)
    subprocess.run(["dcmsend", "127.0.0.1", str(listener.port), *paths[2:]], check=True)
    for path in paths:
        kept = sink.path(dcmread(path).SOPInstanceUID)
        assert dcmread(kept) == dcmread(path)
        subprocess.run(["dcmftest", kept], check=True, capture_output=True)


@needs_dcmtk
def test_dcmtk_proposing_everything_is_answered(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    listener = listen()
    (path,) = make_ct(1)
    for option in (["-xi"], ["-xe"], ["-xb"], ["-xd"], ["-xs"], ["-xr"], ["-R"], ["--max-pdu", "4096"]):
        sink.received.clear()
        subprocess.run(
            ["storescu", *option, "127.0.0.1", str(listener.port), path], check=True, capture_output=True
        )
        assert len(sink.received) == 1, option
        assert (
            dcmread(sink.path(dcmread(path).SOPInstanceUID)).pixel_array.sum()
            == dcmread(path).pixel_array.sum()
        )


def test_private_class_is_stored_and_print_is_refused(
    listen: Listen, sink: FolderSink, make_ct: MakeCT
) -> None:
    listener = listen()
    data_set = dcmread(make_ct(1)[0])
    data_set.SOPClassUID = UID("1.2.246.352.70.1.70")
    natives = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
    association = associate(listener, ("1.2.246.352.70.1.70", natives), (BasicFilmSession, natives))
    assert [context.abstract_syntax for context in association.accepted_contexts] == ["1.2.246.352.70.1.70"]
    assert association.send_c_store(data_set).Status == 0
    association.release()
    assert sink.received[0].sop_class_uid == "1.2.246.352.70.1.70"


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([ImplicitVRLittleEndian, ExplicitVRLittleEndian], ExplicitVRLittleEndian),
        ([ImplicitVRLittleEndian], ImplicitVRLittleEndian),
        ([JPEG2000Lossless, ExplicitVRLittleEndian], JPEG2000Lossless),
        ([ExplicitVRLittleEndian, JPEG2000Lossless], ExplicitVRLittleEndian),
        ([DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian], ImplicitVRLittleEndian),
        ([DeflatedExplicitVRLittleEndian], DeflatedExplicitVRLittleEndian),
        (["1.2.840.10008.1.2.6.2", RLELossless], RLELossless),
        (["1.2.840.10008.1.2.7.1"], None),
    ],
)
def test_choice_of_transfer_syntax(proposed: list[str], chosen: str | None) -> None:
    assert choose_syntax(tuple(proposed)) == chosen


@pytest.mark.parametrize(
    ("error", "status", "comment"),
    [
        (UnreadableError("it has no PatientID"), 0xC000, "it has no PatientID"),
        (ObjectError("x" * 200), 0xC000, "x" * 64),
        (StorageError("/secret/path is full"), 0xA700, "out of resources"),
        (OSError(28, "No space left on device"), 0xA700, "out of resources"),
        (ZeroDivisionError("a fault"), 0x0110, "internal error"),
    ],
)
def test_failures_are_told_and_the_association_goes_on(
    listen: Listen, sink: FolderSink, make_ct: MakeCT, error: Exception, status: int, comment: str
) -> None:
    listener = listen()
    first, second = make_ct(2)
    association = associate(listener, (CTImageStorage, [ExplicitVRLittleEndian]))
    sink.error = error
    answer = association.send_c_store(dcmread(first))
    assert (answer.Status, answer.ErrorComment) == (status, comment)
    assert sink.staged() == [] and sink.count() == 0
    sink.error = None
    assert association.send_c_store(dcmread(second)).Status == 0
    association.release()
    assert (listener.counters.stored, listener.counters.failed) == (1, 1)


def test_disk_full_while_writing(
    listen: Listen, sink: FolderSink, make_ct: MakeCT, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen()
    paths = make_ct(2, 600)
    stage = sink.stage

    class Full:
        def __init__(self, file: BinaryIO) -> None:
            self.file, self.name, self.room = file, file.name, 100_000

        def write(self, data: bytes) -> None:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(28, "No space left on device")
            self.file.write(data)

    @contextmanager
    def full(uid: str, sender: str) -> Iterator[Full]:
        with stage(uid) as file:
            yield Full(file)

    monkeypatch.setattr(sink, "stage", full)
    result = send_files(paths, "127.0.0.1", listener.port, "ANY")
    assert [reason for _, reason in result.failed] == [
        "The peer answered out of resources (0xA700) out of resources."
    ] * 2
    assert sink.staged() == []
    monkeypatch.setattr(sink, "stage", stage)
    assert send_files(paths, "127.0.0.1", listener.port, "ANY").ok


def test_unknown_operation_is_refused(listen: Listen) -> None:
    peer = RawPeer(listen().port)
    peer.send_values((1, 3, store_command(CommandField=0x0120)), (1, 2, b"a data set"))
    assert peer.read_status() == 0x0211
    peer.send_values((3, 3, store_command(CommandField=1)), (3, 2, b"a data set"))
    assert peer.read_status() == 0x0211


def test_who_may_do_what(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    store = Access([("TPS", "*"), ("CT*", "127.0.0.0/8"), ("MR", "192.0.2.1")])
    listener = listen(
        aet="ARCHIVE", policy=AccessRules(check_called_aet=True, store=store, query=Access([("VIEWER", "*")]))
    )
    paths = make_ct(1)
    outcome = {
        (called, calling): send_files(paths, "127.0.0.1", listener.port, called, calling).failed
        for called, calling in [
            ("ARCHIVE", "TPS"),
            ("ARCHIVE", "CT99"),
            ("ARCHIVE", "MR"),
            ("OTHER", "TPS"),
            ("ARCHIVE", "VIEWER"),
        ]
    }
    reasons = {key: failed[0][1] if failed else "" for key, failed in outcome.items()}
    assert reasons["ARCHIVE", "TPS"] == reasons["ARCHIVE", "CT99"] == ""
    assert "Calling AE title not recognised" in reasons["ARCHIVE", "MR"]
    assert "Called AE title not recognised" in reasons["OTHER", "TPS"]
    assert "no proposed presentation context is accepted" in reasons["ARCHIVE", "VIEWER"]
    assert listener.counters.rejected == 2
    assert echo("127.0.0.1", listener.port, "ARCHIVE", "VIEWER").ok


def test_a_retriever_may_propose_storage_but_not_store(listen: Listen, make_ct: MakeCT) -> None:
    listener = listen(policy=AccessRules(store=Access([]), query=Access([("*", "*")])))
    ae = AE("VIEWER")
    ae.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    role = build_role(CTImageStorage, scp_role=True, scu_role=True)
    association = ae.associate("127.0.0.1", listener.port, ext_neg=[role])
    (context,) = association.accepted_contexts
    assert context.as_scp
    assert association.send_c_store(dcmread(make_ct(1)[0])).Status == 0x0124
    association.release()


def test_too_many_associations_are_rejected_and_room_returns(listen: Listen) -> None:
    listener = listen(limits=Limits(associations=2, associations_per_host=2))
    open_ones = [associate(listener, (Verification, [ImplicitVRLittleEndian])) for _ in range(2)]
    with pytest.raises(NetworkError, match="Local limit exceeded"):
        echo("127.0.0.1", listener.port, "ANY")
    open_ones[0].release()
    wait_until(lambda: listener_has_room(listener))
    open_ones[1].release()


def listener_has_room(listener: Listener) -> bool:
    try:
        return echo("127.0.0.1", listener.port, "ANY").ok
    except NetworkError:
        return False


def test_four_senders_at_once(listen: Listen, sink: FolderSink, make_ct: MakeCT) -> None:
    listener = listen()
    paths = make_ct(40, 200)
    result = send_files(paths, "127.0.0.1", listener.port, "ANY", parallel=4)
    assert result.sent == sink.count() == 40
    assert listener.counters.associations == 4
    assert all(
        data_set_bytes(sink.path(dcmread(path).SOPInstanceUID)) == data_set_bytes(path) for path in paths
    )


def test_tls(
    listen: Listen, sink: FolderSink, make_ct: MakeCT, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    listener = listen(tls=tls_server)
    paths = make_ct(3, 700)
    assert send_files(paths, "127.0.0.1", listener.port, "ANY", tls=tls_client).sent == sink.count() == 3
    assert all(
        data_set_bytes(sink.path(dcmread(path).SOPInstanceUID)) == data_set_bytes(path) for path in paths
    )
    ae = AE("TESTER")
    ae.add_requested_context(Verification)
    association = ae.associate("127.0.0.1", listener.port, tls_args=(tls_client, "127.0.0.1"))
    assert association.send_c_echo().Status == 0
    association.release()
    with pytest.raises(NetworkError):
        echo("127.0.0.1", listener.port, "ANY")
    silent = RawPeer(listener.port, associate=False)
    assert echo("127.0.0.1", listener.port, "ANY", tls=tls_client).ok
    silent.sock.close()


def test_stop_lets_an_operation_finish_and_ends_idle_ones(
    listen: Listen, sink: FolderSink, make_ct: MakeCT
) -> None:
    listener = listen()
    began, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert go_on.wait(10)

    sink.before_accepting = wait
    results = []
    sender = threading.Thread(
        target=lambda: results.append(send_files(make_ct(1), "127.0.0.1", listener.port, "ANY"))
    )
    port, idle = listener.port, RawPeer(listener.port)
    sender.start()
    assert began.wait(10)
    stopper = threading.Thread(target=listener.stop)
    stopper.start()
    assert idle.ended()
    go_on.set()
    stopper.join(10)
    sender.join(10)
    assert results[0].ok and sink.count() == 1
    with pytest.raises(NetworkError, match="cannot be reached"):
        echo("127.0.0.1", port, "ANY")
    with pytest.raises(NetworkError, match="not started"):
        _ = listener.port


def test_stop_cuts_off_what_does_not_end(listen: Listen, sink: FolderSink) -> None:
    listener = listen()
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()), (1, 0, b"some bytes of a data set"))
    wait_until(lambda: len(sink.staged()) == 1)
    listener.stop(0.0)
    assert peer.ended()
    wait_until(lambda: sink.staged() == [])


def test_a_thread_that_cannot_be_started_costs_one_connection(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("dicom-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(NetworkError):
            echo("127.0.0.1", listener.port, "ANY")
    assert echo("127.0.0.1", listener.port, "ANY").ok


def test_port_in_use(listen: Listen, sink: FolderSink) -> None:
    with pytest.raises(NetworkError, match="Cannot listen"):
        Listener(sink, port=listen().port).start()


def test_two_listeners_may_share_a_port(sink: FolderSink) -> None:
    with (
        Listener(sink, port=0, reuse_port=True) as first,
        Listener(sink, port=first.port, reuse_port=True) as second,
    ):
        assert first.port == second.port
        for _ in range(20):
            assert echo("127.0.0.1", first.port, "ANY").ok
    assert first.counters.associations + second.counters.associations == 20


def test_request_without_data_set_is_refused(listen: Listen) -> None:
    peer = RawPeer(listen().port)
    peer.send_values((1, 3, store_command(CommandDataSetType=0x0101)))
    assert peer.read_status() == 0xC000
    peer.send_values((1, 3, store_command("1" * 65)), (1, 2, b"a data set"))
    assert peer.read_status() == 0xC000


def test_a_request_that_is_refused_is_on_record(tmp_path: Path) -> None:
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "index.db"), "")
    reception = Reception(archive)
    with Listener(reception, port=0) as listener:
        peer = RawPeer(listener.port)
        peer.send_values((1, 3, store_command(CommandDataSetType=0x0101)))
        assert peer.read_status() == 0xC000
        peer.send_values((1, 3, store_command("1" * 10_000)), (1, 2, b"a data set"))
        assert peer.read_status() == 0xC000
    reception.close()
    with sqlite3.connect(archive.database) as connection:
        rows = connection.execute(
            "SELECT length(SOPInstanceUID), reason FROM rejected ORDER BY id"
        ).fetchall()
    assert rows == [
        (5, "the C-STORE request has no data set; sent by RAW at 127.0.0.1"),
        (64, "a UID of the C-STORE request is longer than 64 characters; sent by RAW at 127.0.0.1"),
    ]
