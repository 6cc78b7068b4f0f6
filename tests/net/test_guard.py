"""The listener with bad peers: slow, lying, endless, breaking off, or no DICOM at all.

The environment variable PYCONQUEST_RT_ASSOCIATIONS says over how many associations, and as many port checks, it must
not grow; some hundreds by default.
"""

import gc
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import samples
from network_helpers import FolderSink, RawPeer, pdv, store_command

from pyconquest_rt.net.protocol.guard import Limits
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo

wait_until = partial(samples.wait_until, seconds=15.0)

Listen = Callable[..., Listener]
ASSOCIATIONS = int(os.environ.get("PYCONQUEST_RT_ASSOCIATIONS", "300"))
IMPATIENT = Limits(negotiation_seconds=1.0, patience=1.0, idle_seconds=1.0)


def answers(listener: Listener) -> bool:
    return echo("127.0.0.1", listener.port, "ANY").ok


def connections(listener: Listener) -> int:
    return sum(thread.name == "dicom-127.0.0.1" for thread in threading.enumerate())


@pytest.mark.parametrize("start", [b"", b"\1\0\0", b"\1\0\0\0\1\0", b"\1\0\xff\xff\xff\xf0" + bytes(1000)])
def test_half_open_connections_are_ended_while_others_are_served(listen: Listen, start: bytes) -> None:
    listener = listen(limits=IMPATIENT)
    peers = [RawPeer(listener.port, associate=False) for _ in range(50)]
    for peer in peers:
        peer.sock.sendall(start)
    assert answers(listener)
    assert all(peer.ended() for peer in peers)
    wait_until(lambda: connections(listener) == 0)


def test_too_many_half_open_connections_push_the_oldest_out(listen: Listen) -> None:
    listener = listen(limits=Limits(pending=5, negotiation_seconds=60))
    peers = [RawPeer(listener.port, associate=False) for _ in range(12)]
    assert peers[0].ended()
    assert answers(listener)


def test_drip_of_bytes_in_the_request_is_ended(listen: Listen) -> None:
    listener = listen(limits=IMPATIENT)
    peer = RawPeer(listener.port, associate=False)
    peer.sock.sendall(b"\1\0\0\0\1\0")
    assert dripping_ends(peer)
    assert answers(listener)


def test_drip_of_bytes_in_an_object_is_ended(listen: Listen, sink: FolderSink) -> None:
    listener = listen(limits=IMPATIENT)
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()))
    peer.sock.sendall(struct.pack(">BxI", 4, 100_006) + struct.pack(">IBB", 100_002, 1, 2))
    assert dripping_ends(peer)
    assert answers(listener)
    wait_until(lambda: sink.staged() == [])


def dripping_ends(peer: RawPeer) -> bool:
    """Send a byte ten times a second; return whether the listener ends the connection before 10 s."""
    for _ in range(100):
        try:
            peer.sock.sendall(b"\0")
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_a_message_must_end_in_time_however_lively(listen: Listen, sink: FolderSink) -> None:
    listener = listen(limits=Limits(message_seconds=1.0))
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()))
    with pytest.raises(OSError):
        for _ in range(1000):
            peer.send_values(*[(1, 0, b"")] * 100)
            time.sleep(0.01)
    wait_until(lambda: sink.staged() == [])


def test_slow_but_steady_sender_is_served(listen: Listen, sink: FolderSink) -> None:
    listener = listen(limits=Limits(patience=1.0, progress_bytes=1000))
    peer = RawPeer(listener.port)
    data = os.urandom(8000)
    message = struct.pack(">BxI", 4, len(data) + 6) + struct.pack(">IBB", len(data) + 2, 1, 2) + data
    peer.send_values((1, 3, store_command()))
    for start in range(0, len(message), 400):
        peer.sock.sendall(message[start : start + 400])
        time.sleep(0.15)
    assert peer.read_status() == 0
    assert sink.path("1.2.3").read_bytes().endswith(data)


def test_silent_association_is_ended_when_idle(listen: Listen) -> None:
    peer = RawPeer(listen(limits=IMPATIENT).port)
    assert peer.ended()


def test_lying_lengths_cost_nothing(listen: Listen, sink: FolderSink) -> None:
    listener = listen(limits=IMPATIENT)
    peer = RawPeer(listener.port)
    peer.sock.sendall(
        struct.pack(">BxI", 4, 0xFFFFFFF0) + struct.pack(">IBB", 0xFFFFFFE0, 1, 3) + bytes(100_000)
    )
    assert peer.ended()
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()))
    peer.sock.sendall(
        struct.pack(">BxI", 4, 0xFFFFFFF0) + struct.pack(">IBB", 0xFFFFFFE0, 1, 2) + bytes(100_000)
    )
    assert peer.ended()
    wait_until(lambda: sink.staged() == [])
    assert answers(listener)


def test_endless_object_is_cut_off_at_the_limit(listen: Listen, sink: FolderSink) -> None:
    listener = listen(limits=Limits(object_bytes=1_000_000))
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()))
    with pytest.raises(OSError):
        for _ in range(1000):
            peer.send_values((1, 0, bytes(100_000)))
    wait_until(lambda: sink.staged() == [])
    assert sink.count() == 0


def test_endless_command_is_cut_off(listen: Listen) -> None:
    peer = RawPeer(listen().port)
    with pytest.raises(OSError):
        for _ in range(1000):
            peer.send_values((1, 1, bytes(10_000)))


@pytest.mark.parametrize(
    "break_off",
    [
        lambda peer: peer.send_pdu(7, bytes(4)),
        lambda peer: peer.sock.close(),
        lambda peer: peer.sock.shutdown(socket.SHUT_RDWR),
        lambda peer: peer.send_values((1, 3, store_command())),
        lambda peer: peer.send_values((3, 2, b"another context")),
        lambda peer: peer.send_pdu(5, bytes(4)),
        lambda peer: peer.send_pdu(9, bytes(4)),
        lambda peer: peer.send_pdu(4, pdv(1, 2, b"more")[:-2]),
        lambda peer: peer.send_pdu(4, b"\0\0\0\1\1\2"),
    ],
    ids=["abort", "close", "shutdown", "command", "context", "release", "unknown", "cut-item", "short-item"],
)
def test_message_broken_off_leaves_nothing(
    listen: Listen, sink: FolderSink, break_off: Callable[[RawPeer], None]
) -> None:
    listener = listen(limits=IMPATIENT)
    peer = RawPeer(listener.port)
    peer.send_values((1, 3, store_command()), (1, 0, bytes(3000)))
    wait_until(lambda: len(sink.staged()) == 1)
    break_off(peer)
    wait_until(lambda: sink.staged() == [] and connections(listener) == 0)
    assert sink.count() == 0 and listener.counters.stored == 0
    assert answers(listener)


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        struct.pack(">BxI", 1, 100) + os.urandom(100),
        struct.pack(">BxI", 1, 0),
        struct.pack(">BxI", 4, 6) + pdv(1, 3, b""),
        struct.pack(">BxI", 7, 4) + bytes(4),
        os.urandom(5000),
    ],
    ids=["http", "tls", "noise", "empty", "p-data", "abort", "random"],
)
def test_what_is_no_request_is_ended(listen: Listen, first: bytes) -> None:
    listener = listen(limits=IMPATIENT)
    peer = RawPeer(listener.port, associate=False)
    peer.sock.sendall(first)
    assert peer.ended()
    assert answers(listener)


@pytest.mark.parametrize(
    "values",
    [
        [(1, 2, b"a data set without a command")],
        [(5, 3, store_command())],
        [(1, 3, b"\0\0\0\0\4\0\0\0\0\0\0\0\x08\0\5\0\1\0\0\0A")],
        [(1, 3, b"")],
        [(1, 3, store_command()[:-30])],
    ],
    ids=["data", "context", "group", "nothing", "truncated"],
)
def test_messages_that_cannot_be_end_the_association(
    listen: Listen, values: list[tuple[int, int, bytes]]
) -> None:
    listener = listen()
    peer = RawPeer(listener.port)
    peer.send_values(*values)
    assert peer.ended()
    assert answers(listener)


def test_messages_in_any_cut_are_put_together(listen: Listen, sink: FolderSink) -> None:
    peer = RawPeer(listen().port)
    data = os.urandom(1001)
    command = store_command("1.1")
    peer.send_values(
        (1, 1, command[:7]), (1, 1, b""), (1, 3, command[7:]), (1, 0, data[:1]), (1, 2, data[1:])
    )
    assert peer.read_status() == 0
    for byte in store_command("1.2"):
        peer.send_values((1, 1, bytes((byte,))))
    peer.send_values((1, 3, b""))
    for byte in data:
        peer.send_values((1, 0, bytes((byte,))))
    peer.send_values((1, 2, b""))
    assert peer.read_status() == 0
    peer.send_values((1, 3, store_command("1.3")), (1, 2, data))
    peer.send_values((1, 3, store_command("1.4")), (1, 2, data))
    assert (peer.read_status(), peer.read_status()) == (0, 0)
    peer.send_pdu(5, bytes(4))
    assert peer.read_pdu() == (6, bytes(4))
    assert all(sink.path(f"1.{number}").read_bytes().endswith(data) for number in (1, 2, 3, 4))


def test_a_large_object_takes_no_memory(listen: Listen, sink: FolderSink) -> None:
    peer = RawPeer(listen().port)
    before = resident_bytes()
    peak: list[int] = []
    sink.before_accepting = lambda: peak.append(resident_bytes())
    block = bytes(1 << 17)
    peer.send_values((1, 3, store_command()))
    for _ in range(800):
        peer.send_values((1, 0, block))
    peer.send_values((1, 2, b"end!"))
    assert peer.read_status() == 0
    assert sink.path("1.2.3").stat().st_size > 100 << 20
    assert peak[0] - before < 8 << 20


def resident_bytes() -> int:
    gc.collect()
    try:
        fields = Path("/proc/self/statm").read_text().split()
    except OSError:
        pytest.skip("resident memory can be read on Linux only")
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_grows_over_many_associations_and_port_checks(listen: Listen) -> None:
    listener = listen()
    for _ in range(200):  # until the allocator has what it keeps
        assert answers(listener)
    wait_until(lambda: connections(listener) == 0)
    before = resident_bytes(), open_files(), threading.active_count()
    for number in range(1, ASSOCIATIONS + 1):
        assert answers(listener)
        socket.create_connection(("127.0.0.1", listener.port)).close()
        if number % 1000 == 0:
            grown = (resident_bytes() - before[0]) / 1024
            print(
                f"{number} associations and port checks: {grown:+.0f} kB, {open_files() - before[1]:+d} files"
            )
    assert answers(listener)  # the last of the checks has been accepted by now
    wait_until(lambda: connections(listener) == 0 and open_files() == before[1])
    wait_until(lambda: threading.active_count() == before[2])
    assert resident_bytes() - before[0] < 2 << 20
    assert len(listener._connections) == 0


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
