"""One association, served: each request goes to the handler of its SOP class until the peer is done."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pyconquest_rt.archive.contracts import Sink
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.association import Association, Message
from pyconquest_rt.net.protocol.dimse import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    NOT_AUTHORIZED,
    RESPONSE,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
    status_text,
)
from pyconquest_rt.net.protocol.guard import Connection
from pyconquest_rt.net.services.admission import VERIFICATION, Rights
from pyconquest_rt.net.services.store import receive_object


class Counters:
    """What a listener has done so far; the attributes may be read at any time."""

    def __init__(self) -> None:
        self.associations = 0
        self.rejected = 0
        self.stored = 0
        self.failed = 0
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, **amounts: int) -> None:
        """Add to counters by name."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)


@dataclass(slots=True)
class Session:
    """An association with what its peer may do and what serves it."""

    association: Association
    rights: Rights
    sink: Sink
    services: "Mapping[str, Handler]"
    """Handlers by SOP class, beside storage and verification."""
    counters: Counters
    stopping: threading.Event
    connection: Connection
    statuses: Counter[int] = field(default_factory=Counter)
    """How many objects were answered with each status."""
    requests: int = 0
    """Requests that did not store."""

    def text(self) -> str:
        """Say what the association was about, such as ``120 objects (118 success (0x0000), 2 ...)``."""
        parts = []
        if count := self.statuses.total():
            words = ", ".join(f"{number} {status_text(status)}" for status, number in self.statuses.items())
            parts.append(f"{count} objects ({words})")
        if self.requests:
            parts.append(f"{self.requests} other requests")
        return ", ".join(parts) or "no request"


Handler = Callable[[Session, Message], None]
"""Serves one request: reads its data set, if any, and sends all its answers."""


def serve(session: Session) -> None:
    """Serve requests until the peer releases the association or the listener stops.

    Raises NetworkError when the association breaks or the peer breaks the protocol.
    """
    while not session.stopping.is_set():
        message = session.association.receive()
        if message is None:
            return
        session.connection.busy = True
        handler = _handler_of(session, message)
        session.requests += handler not in (_store, _ignore)
        try:
            handler(session, message)
        finally:
            session.connection.busy = False


def _handler_of(session: Session, message: Message) -> Handler:
    operation = message.command.number("CommandField")
    if operation == C_CANCEL_RQ or operation & RESPONSE:
        return _ignore
    uid = message.context.abstract_syntax
    if uid in session.services:
        return session.services[uid]
    if operation == C_ECHO_RQ and uid == VERIFICATION:
        return _echo
    return _store if operation == C_STORE_RQ and uid != VERIFICATION else refuse


def _ignore(session: Session, message: Message) -> None:
    """Pass over a cancel request, or an answer, that came too late."""


def refuse(session: Session, message: Message) -> None:
    """Answer an operation that its SOP class does not have."""
    reply(session, message, UNRECOGNIZED_OPERATION)


def _echo(session: Session, message: Message) -> None:
    reply(session, message, SUCCESS)


def _store(session: Session, message: Message) -> None:
    if not session.rights.store:
        session.statuses[NOT_AUTHORIZED] += 1
        reply(session, message, NOT_AUTHORIZED, "storing is not allowed")
        return
    stored = receive_object(session.association, message, session.sink)
    session.statuses[stored.status] += 1
    if stored.status == SUCCESS:
        session.counters.add(stored=1, bytes=stored.size)
    else:
        session.counters.add(failed=1)
    reply(session, message, stored.status, stored.comment)


def reply(session: Session, message: Message, status: int, comment: str = "") -> None:
    """Answer a request without a data set; what is unread of the request's own is skipped."""
    for _ in session.association.data_set():
        pass
    values = {"ErrorComment": comment} if comment else {}
    session.association.send(message.context, message.command.answer(status, **values))


def is_cancelled(association: Association, request: Message) -> bool:
    """Whether the peer has sent a C-CANCEL for a request that is being worked on.

    Raises NetworkError if it has sent, or done, something else.
    """
    if not association.readable():
        return False
    message = association.receive()
    if message is None:
        raise NetworkError("The peer released the association in the middle of an operation.")
    if message.command.number("CommandField") != C_CANCEL_RQ:
        raise NetworkError("The peer began an operation in the middle of another.")
    return message.command.number("MessageIDBeingRespondedTo") == request.command.number("MessageID")
