"""One TCP or TLS connection that carries PDUs, bounded in memory and time (DICOM PS3.8 section 9.3).

Incoming bytes pass through one buffer of bounded size, whatever length a PDU claims to have: a P-DATA-TF is
handed on in fragments as they arrive. Nothing here knows of DIMSE.
"""

import selectors
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pyconquest_rt.dicom import system
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.guard import DEFAULT_LIMITS, Limits
from pyconquest_rt.net.protocol.tls import explain

A_ASSOCIATE_RQ: Final = 0x01
A_ASSOCIATE_AC: Final = 0x02
A_ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
A_RELEASE_RQ: Final = 0x05
A_RELEASE_RP: Final = 0x06
A_ABORT: Final = 0x07

_PDU: Final = struct.Struct(">BxI")
_PDV: Final = struct.Struct(">IBB")
_NOTHING_YET: Final = (TimeoutError, BlockingIOError)
_SMALL_BUFFER_BYTES: Final = 4 << 10
_BUFFER_BYTES: Final = 256 << 10
_TICK: Final = 1
_SEND_SECONDS: Final = 60.0
_MAX_SLICES: Final = 512

Buffer = bytes | bytearray | memoryview


class Fragment(NamedTuple):
    """A piece of a message: `last` is true only with the final bytes of the command or data set."""

    context_id: int
    is_command: bool
    last: bool
    data: memoryview


class Wire:
    """A connected socket as a source and sink of PDUs. Not safe for use by two threads at once."""

    def __init__(self, sock: socket.socket, limits: Limits = DEFAULT_LIMITS) -> None:
        self._socket = sock
        self._limits = limits
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._buffer = memoryview(bytearray(_SMALL_BUFFER_BYTES))
        self._start = self._end = 0
        self._pdu_left = 0
        self._waited = 0.0
        self._progress = 0
        self.deadline: float | None = None
        """A moment of time.monotonic() after which every read fails; None for none."""
        system.set_tick(sock, _TICK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection at once; no error if it is closed already."""
        self._socket.close()

    # ------------------------------------------------------------------ reading

    def _receive(self) -> bool:
        """Read once into the buffer; False when nothing came within a tick. NetworkError at the end."""
        self._make_room()
        began = time.monotonic()
        if self.deadline is not None and began > self.deadline:
            raise NetworkError("The peer did not finish its message in time.")
        count = self._read_socket()
        self._waited += time.monotonic() - began
        self._end += count
        if self._end == _SMALL_BUFFER_BYTES == len(self._buffer):  # what came fills it: there is more
            self._grow()
        self._progress += count
        if self._progress >= self._limits.progress_bytes:
            self._waited, self._progress = 0.0, 0
        return count > 0

    def _read_socket(self) -> int:
        """Read what there is, up to the end of the buffer; 0 when nothing came within a tick."""
        if not self._tls:
            system.quick_ack(self._socket)
        try:
            count = self._socket.recv_into(self._buffer[self._end :])
        except _NOTHING_YET:
            return 0
        except OSError as error:
            raise NetworkError(f"The connection broke: {explain(error)}.") from error
        if count == 0:
            raise NetworkError("The peer closed the connection without releasing the association.")
        return count

    def _make_room(self) -> None:
        """Have room at the end of the buffer."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            self._move_to_front()

    def _move_to_front(self) -> None:
        rest = bytes(self._buffer[self._start : self._end])
        self._buffer[: len(rest)] = rest
        self._start, self._end = 0, len(rest)

    def _need(self, count: int) -> None:
        """Have at least `count` bytes in the buffer (at most its size), within the patience."""
        if len(self._buffer) - self._start < count:
            self._move_to_front()
        while self._end - self._start < count:
            self._receive()
            if self._waited > self._limits.patience:
                raise NetworkError("The peer stopped, or sent too slowly, in the middle of a message.")

    def _take(self, count: int) -> memoryview:
        self._need(count)
        self._start += count
        return self._buffer[self._start - count : self._start]

    def wait(self, seconds: float) -> bool:
        """Wait until something can be read; False after `seconds` of silence."""
        end = time.monotonic() + seconds
        while self._start == self._end:
            if not self._receive():
                self._shrink()
                if time.monotonic() > end:
                    return False
        self._waited, self._progress = 0.0, 0
        return True

    def _grow(self) -> None:
        """Take the large buffer, once a peer sends more than commands."""
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        buffer[: self._end] = self._buffer[: self._end]
        self._buffer = buffer

    def _shrink(self) -> None:
        """Give the large buffer back while the peer is silent: hundreds may be connected and say nothing."""
        if len(self._buffer) > _SMALL_BUFFER_BYTES:
            self._buffer = memoryview(bytearray(_SMALL_BUFFER_BYTES))

    def readable(self) -> bool:
        """Whether something can be read at once."""
        if self._start < self._end or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(0))

    def read_header(self) -> int:
        """Read a PDU's header and return its type; its length must then be read up or skipped."""
        kind, self._pdu_left = _PDU.unpack(self._take(_PDU.size))
        return int(kind)

    def read_body(self, limit: int) -> bytes:
        """Read the rest of a PDU that is not P-DATA, of at most `limit` bytes."""
        if self._pdu_left > limit:
            raise NetworkError(
                f"The peer announced a PDU of {self._pdu_left} bytes where {limit} are allowed."
            )
        body = bytearray()
        while self._pdu_left:
            piece = self._take(min(self._pdu_left, len(self._buffer)))
            self._pdu_left -= len(piece)
            body += piece
        return bytes(body)

    def fragments(self) -> Iterator[Fragment]:
        """Yield the presentation data values of a P-DATA-TF in pieces, as they arrive (PS3.8 section 9.3.5).

        A piece is a view of the buffer and holds only until the next one is asked for.
        """
        while self._pdu_left:
            if self._pdu_left < _PDV.size:
                raise NetworkError("A P-DATA-TF PDU ends in the middle of an item's header.")
            length, context_id, control = _PDV.unpack(self._take(_PDV.size))
            left = length - 2
            self._pdu_left -= length + 4
            if left < 0 or self._pdu_left < 0:
                raise NetworkError(f"A P-DATA-TF PDU holds an item of {length} bytes, which cannot be.")
            is_command, is_last = bool(control & 1), bool(control & 2)
            while True:
                self._need(min(left, 1))
                size = min(left, self._end - self._start)
                left -= size
                yield Fragment(context_id, is_command, is_last and not left, self._take(size))
                if not left:
                    break

    # ------------------------------------------------------------------ writing

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send all buffers in order, in as few system calls as there can be."""
        try:
            gather = None if self._tls else system.gathering(self._socket)
            if gather is None:
                self._send_joined(buffers)
                return
            for first in range(0, len(buffers), _MAX_SLICES):
                self._send_gathered(gather, list(buffers[first : first + _MAX_SLICES]))
        except OSError as error:
            raise NetworkError(f"The connection broke while sending: {explain(error)}.") from error

    def _send_joined(self, buffers: Sequence[Buffer]) -> None:
        self._socket.settimeout(_SEND_SECONDS)
        self._socket.sendall(b"".join(buffers))
        self._socket.settimeout(_TICK)

    def _send_gathered(self, gather: Callable[[list[Buffer]], int], buffers: list[Buffer]) -> None:
        end = time.monotonic() + _SEND_SECONDS
        while buffers:
            try:
                sent = gather(buffers)
            except _NOTHING_YET:
                if time.monotonic() > end:
                    raise
                continue
            end = time.monotonic() + _SEND_SECONDS
            buffers = _after(buffers, sent)

    def send_pdu(self, kind: int, body: bytes) -> None:
        """Send one PDU that is not P-DATA."""
        self.send([_PDU.pack(kind, len(body)) + body])


def _after(buffers: list[Buffer], sent: int) -> list[Buffer]:
    """Return what is left of `buffers` when their first `sent` bytes are gone."""
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]]
        sent -= len(buffer)
    return []


def p_data(context_id: int, data: Buffer, size: int, *, command: bool, last: bool) -> list[Buffer]:
    """Cut `data` into P-DATA-TF PDUs of one item of at most `size` bytes; headers and slices in turn."""
    view = memoryview(data)
    buffers: list[Buffer] = []
    for start in range(0, len(view), size) or (0,):
        piece = view[start : start + size]
        final = last and start + size >= len(view)
        header = _PDU.pack(P_DATA_TF, len(piece) + 6) + _PDV.pack(
            len(piece) + 2, context_id, command | final << 1
        )
        buffers += (header, piece)
    return buffers
