"""The listener: a port on which DICOM objects are received and, if services are given, queries answered.

::

    with Listener(sink, host="127.0.0.1", port=5678) as listener:
        listener.wait()

One thread accepts connections; each association has a thread of its own, which negotiates, serves and ends
it. What peers may take of time and memory is in :mod:`pyconquest_rt.net.protocol.guard`, what they may do in
:mod:`pyconquest_rt.net.services.admission`.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pyconquest_rt.archive.contracts import Sink
from pyconquest_rt.dicom.quiet import plain
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.association import abort, accept_association
from pyconquest_rt.net.protocol.guard import DEFAULT_LIMITS, Connection, Connections, Limits
from pyconquest_rt.net.protocol.negotiation import (
    LOCAL_LIMIT_EXCEEDED,
    Acceptance,
    Rejection,
    Request,
    ae_title,
)
from pyconquest_rt.net.protocol.tls import explain
from pyconquest_rt.net.protocol.wire import Wire
from pyconquest_rt.net.services.admission import AccessRules, answer_request, rights_of
from pyconquest_rt.net.services.serving import Counters, Handler, Session, serve

_LOG = logging.getLogger(__name__)
_BACKLOG: Final = 128
_GRACE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
_TICK: Final = 0.25


class Listener:
    """A DICOM listener in the background, from :meth:`start` until :meth:`stop`.

    Args:
        sink: where received objects go.
        host: the address to listen on; ``0.0.0.0`` for all of this machine.
        port: the port, or 0 for any free one (see :attr:`port`).
        aet: the own AE title, as str or bytes.
        policy: who may do what.
        limits: what peers may take.
        tls: a server's TLS context; then only TLS is spoken on this port.
        services: handlers of further SOP classes by UID, such as those of query and retrieve.
        counters: where to count, if several listeners count together.
        reuse_port: let several processes share the port, where the system can.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        host: str = "127.0.0.1",
        port: int = 5678,
        aet: str | bytes = "PYCONQUEST",
        policy: AccessRules | None = None,
        limits: Limits = DEFAULT_LIMITS,
        tls: ssl.SSLContext | None = None,
        services: Mapping[str, Handler] | None = None,
        counters: Counters | None = None,
        reuse_port: bool = False,
    ) -> None:
        self.host, self.aet, self.counters = host, ae_title(aet), counters or Counters()
        self._asked_port, self._reuse_port, self._tls = port, reuse_port, tls
        self._sink, self._policy, self._limits = sink, policy or AccessRules(), limits
        self._services = dict(services or {})
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._connections = Connections(limits)

    @property
    def port(self) -> int:
        """The port that is listened on; raises NetworkError before the start."""
        if self._socket is None:
            raise NetworkError("The listener is not started.")
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> "Listener":
        """Begin to listen; raises NetworkError if the port cannot be had."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            self._socket = socket.create_server(
                (self.host, self._asked_port), family=family, backlog=_BACKLOG, reuse_port=self._reuse_port
            )
        except (OSError, ValueError) as error:
            raise NetworkError(f"Cannot listen on {self.host}:{self._asked_port}: {error}.") from error
        self._socket.settimeout(_TICK)
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._accept, args=(self._socket,), name="dicom-listener", daemon=True
        )
        self._thread.start()
        return self

    def stop(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Stop listening; operations in progress may finish within `grace_seconds`, then they are cut off."""
        if self._socket is None:
            return
        self._stopping.set()
        with contextlib.suppress(OSError):  # wakes accept() up, on most systems
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()
        self._socket.close()
        self._socket = self._thread = None
        self._connections.drain(grace_seconds)

    def wait(self) -> None:
        """Block until the listener is stopped by another thread, or KeyboardInterrupt comes."""
        while not self._stopping.wait(1.0):
            pass

    def __enter__(self) -> "Listener":
        return self.start() if self._socket is None else self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listening: socket.socket) -> None:
        """Accept connections until the listener stops."""
        while not self._stopping.is_set():
            try:
                sock, address = listening.accept()
            except TimeoutError:
                continue
            except OSError as error:  # such as too many open files: others will be closed
                if not self._stopping.wait(_PAUSE_SECONDS):
                    _LOG.error("Cannot accept a connection: %s", error)
                continue
            connection = Connection(sock, address[0])
            self._connections.add(connection)
            thread = threading.Thread(
                target=self._run, args=(connection, address[0]), name=f"dicom-{address[0]}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # no more threads: this peer goes without, the listener goes on
                _LOG.error("Cannot serve a connection of %s: %s", address[0], error)
                self._connections.remove(connection)
                sock.close()

    def _run(self, connection: Connection, host: str) -> None:
        """Negotiate and serve one connection, and end it whatever happens."""
        link: Wire | None = None
        try:
            if self._tls is not None:
                connection.sock.settimeout(self._limits.negotiation_seconds)
                connection.sock = self._tls.wrap_socket(connection.sock, server_side=True)
            link = Wire(connection.sock, self._limits)
            self._serve(connection, link, host)
        except NetworkError as error:
            _LOG.info("Association with %s ended: %s", host, str(error))  # its traceback holds the buffer
        except OSError as error:
            _LOG.info("Connection of %s ended: %s", host, explain(error))
        except Exception:  # boundary of a thread: one association ends, the listener goes on
            _LOG.exception("Association with %s ended by a fault of this program", host)
        finally:
            if link is not None:
                abort(link)
            connection.sock.close()
            self._connections.remove(connection)

    def _serve(self, connection: Connection, link: Wire, host: str) -> None:
        def decide(request: Request) -> Acceptance | Rejection:
            answer = answer_request(request, host, self._policy, self.aet, self._services)
            if isinstance(answer, Acceptance):
                if not answer.contexts:
                    _LOG.info("%s at %s may do nothing of what it proposes", plain(request.calling_aet), host)
                if self._connections.admit(connection):
                    return replace(answer, maximum_length=self._limits.pdu_length)
                answer = LOCAL_LIMIT_EXCEEDED
            self.counters.add(rejected=1)
            return answer

        link.deadline = time.monotonic() + self._limits.negotiation_seconds
        association = accept_association(link, host, self._limits, decide)
        self.counters.add(associations=1)
        rights = rights_of(self._policy, association.calling_aet, host)
        session = Session(
            association, rights, self._sink, self._services, self.counters, self._stopping, connection
        )
        began, end = time.monotonic(), ""
        try:
            serve(session)
        except NetworkError as error:
            end = f"; {error}"
        seconds = time.monotonic() - began
        _LOG.info(
            "%s at %s: %s in %.1f s%s", plain(association.calling_aet), host, session.text(), seconds, end
        )
