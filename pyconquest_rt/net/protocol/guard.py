"""The bounds within which peers are served, and the connections that are open."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final

_POLL_SECONDS: Final = 0.02
_CUT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer, and all peers together, may take of time, memory and disk.

    A peer in the middle of a message must bring `progress_bytes` for every `patience` seconds that are
    spent waiting for it; time that our own disk takes does not count.
    """

    associations: int = 64
    """Associations at a time; further ones are rejected as a local limit."""
    associations_per_host: int = 0
    """Associations at a time with one network address; 0: half of all, so that nobody locks the others out."""
    pending: int = 256
    """Connections at a time that have not asked for an association; beyond it the oldest is closed."""
    negotiation_seconds: float = 10.0
    """Time from connecting to a complete association request (the ARTIM timer of PS3.8)."""
    idle_seconds: float = 120.0
    patience: float = 12.0
    progress_bytes: int = 16384
    message_seconds: float = 3600.0
    """Time for one message with its data set, from its first byte to its last."""
    pdu_length: int = 131072
    """The maximum length that is announced; longer P-DATA PDUs are read as well, piece by piece."""
    negotiation_bytes: int = 1 << 20
    command_bytes: int = 1 << 16
    identifier_bytes: int = 8 << 20
    object_bytes: int = 16 << 30


DEFAULT_LIMITS: Final = Limits()


class Connection:
    """An open connection with a host; `busy` is set while a request is being worked on."""

    def __init__(self, sock: socket.socket, host: str = "") -> None:
        self.sock, self.host = sock, host
        self.busy = False

    def cut(self) -> None:
        """Make every read and write fail from now on, those that wait already included."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Connections:
    """The open connections of a listener: those that still negotiate, and those that are served."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._pending: dict[Connection, None] = {}
        self._serving: dict[Connection, None] = {}

    def add(self, connection: Connection) -> None:
        """Note a new connection; of too many without an association the oldest gives way."""
        with self._lock:
            self._pending[connection] = None
            if len(self._pending) > self._limits.pending:
                oldest = next(iter(self._pending))
                del self._pending[oldest]
                oldest.cut()

    def admit(self, connection: Connection) -> bool:
        """Count a connection as an association; False if there are as many as there may be, in all or of its host."""
        most = self._limits.associations
        of_host = self._limits.associations_per_host or max(most // 2, 1)
        with self._lock:
            of_this = sum(other.host == connection.host for other in self._serving)
            if len(self._serving) >= most or of_this >= of_host:
                return False
            self._pending.pop(connection, None)
            self._serving[connection] = None
            return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._pending.pop(connection, None)
            self._serving.pop(connection, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._pending) + len(self._serving)

    def drain(self, grace_seconds: float) -> None:
        """End all connections: idle ones at once, busy ones when done or when the grace is over."""
        now = time.monotonic()
        while len(self) and time.monotonic() < now + grace_seconds + _CUT_SECONDS:
            late = time.monotonic() > now + grace_seconds
            with self._lock:
                for connection in (*self._pending, *self._serving):
                    if late or not connection.busy:
                        connection.cut()
            time.sleep(_POLL_SECONDS)
