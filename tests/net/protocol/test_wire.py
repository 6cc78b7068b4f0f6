"""The receive buffer: small while a peer is silent, large while data come."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from pyconquest_rt.net.protocol.wire import P_DATA_TF, Wire

SIZE = 4 << 20


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.create_server(("127.0.0.1", 0)), socket.socket()
    with near, far:
        far.connect(near.getsockname())
        accepted, _ = near.accept()
        with accepted:
            yield accepted, far


def test_a_large_pdu_is_read_in_large_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    """Reading 4 KB at a time doubles the CPU time of each received object."""
    near, far = ends
    content = bytes(range(256)) * (SIZE // 256)
    pdu = struct.pack(">BxI", P_DATA_TF, SIZE + 6) + struct.pack(">IBB", SIZE + 2, 1, 2) + content
    sender = threading.Thread(target=far.sendall, args=(pdu,))
    sender.start()
    wire = Wire(near)
    assert wire.wait(5) and wire.read_header() == P_DATA_TF
    pieces = [bytes(fragment.data) for fragment in wire.fragments()]
    sender.join()
    assert b"".join(pieces) == content
    assert len(pieces) < SIZE / (16 << 10)


def test_a_silent_peer_costs_a_small_buffer(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    wire = Wire(near)
    assert len(wire._buffer) == 4096
    far.sendall(struct.pack(">BxI", P_DATA_TF, 8194 + 4) + struct.pack(">IBB", 8194, 1, 2) + bytes(8192))
    assert wire.wait(5) and wire.read_header() == P_DATA_TF
    assert sum(len(fragment.data) for fragment in wire.fragments()) == 8192
    assert len(wire._buffer) > 4096
    assert not wire.wait(0)
    assert len(wire._buffer) == 4096
