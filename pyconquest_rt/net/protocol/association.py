"""Associations: negotiated, then used to send and receive DIMSE messages (DICOM PS3.7, PS3.8).

One blocking socket and one thread per association; the caller's thread is the only one.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from pyconquest_rt.dicom.quiet import plain
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol import wire
from pyconquest_rt.net.protocol.associate_pdus import (
    decode_acceptance,
    decode_request,
    encode_acceptance,
    encode_rejection,
    encode_request,
    rejection_text,
)
from pyconquest_rt.net.protocol.dimse import Command, decode_command, encode_command
from pyconquest_rt.net.protocol.guard import DEFAULT_LIMITS, Limits
from pyconquest_rt.net.protocol.negotiation import (
    APPLICATION_CONTEXT_UNKNOWN,
    CALLED_AET_UNKNOWN,
    CALLING_AET_UNKNOWN,
    MAX_CONTEXTS,
    PROTOCOL_VERSION_UNKNOWN,
    Acceptance,
    Context,
    Proposal,
    Rejection,
    Request,
    ae_title,
)
from pyconquest_rt.net.protocol.tls import explain
from pyconquest_rt.net.protocol.wire import Buffer, Fragment, Wire, p_data

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 30.0
_MAX_FRAGMENT: Final = 128 << 10
_MIN_FRAGMENT: Final = 2
_ITEM_HEADER_BYTES: Final = 6
_UNEXPECTED_PDU, _INVALID_PARAMETER = 2, 6  # PS3.8 table 9-26


class Message(NamedTuple):
    """A received command set and the presentation context it came in; a data set may still be to be read."""

    context: Context
    command: Command


class _Released(Exception):  # noqa: N818 - no error
    """The peer released the association."""


class Association:
    """An established association with one peer; for one thread at a time."""

    def __init__(
        self, link: Wire, calling_aet: str, called_aet: str, granted: Acceptance, address: str, limits: Limits
    ) -> None:
        self.calling_aet = calling_aet
        self.called_aet = called_aet
        self.contexts = granted.contexts
        self.provider_classes: frozenset[str] = frozenset()
        """SOP classes for which the requestor is the provider, so that objects may be sent to it."""
        self.extended = granted.extended
        """SOP class UID to the application information agreed on."""
        self.address = address
        """The peer's network address."""
        self._wire = link
        self._limits = limits
        self._fragments = self._read_fragments()
        self._context: Context | None = None
        size = granted.maximum_length - _ITEM_HEADER_BYTES if granted.maximum_length else _MAX_FRAGMENT
        self._fragment_size = min(max(size, _MIN_FRAGMENT), _MAX_FRAGMENT) & ~1
        self._message_id = 0

    def find_context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context | None:
        """Return the accepted context of an abstract (and transfer) syntax, or None."""
        for context in self.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (
                None,
                context.transfer_syntax,
            ):
                return context
        return None

    def next_message_id(self) -> int:
        """Return a message ID that no request of this association has had lately."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    # ------------------------------------------------------------------ sending

    def send(self, context: Context, command: Command, data_set: Buffer | None = None) -> None:
        """Send a message whose data set, if any, is in memory."""
        self.send_blocks(context, command, () if data_set is None else (data_set,), len(data_set or b""))

    def send_blocks(self, context: Context, command: Command, blocks: Iterable[Buffer], size: int) -> None:
        """Send a message whose data set of `size` bytes comes in blocks, each of even length but the last.

        Raises NetworkError if the connection breaks or the blocks do not add up to `size`: the association
        cannot be used any more then.
        """
        context_id = context.context_id
        buffers = p_data(context_id, encode_command(command), self._fragment_size, command=True, last=True)
        sent = 0
        for block in blocks:
            sent += len(block)
            buffers += p_data(context_id, block, self._fragment_size, command=False, last=sent == size)
            self._wire.send(buffers)
            buffers = []
        if buffers:
            self._wire.send(buffers)
        if sent != size:
            raise NetworkError(
                f"The data set has {sent} bytes in place of {size}; it changed while it was sent."
            )

    # ------------------------------------------------------------------ receiving

    def _read_fragments(self) -> Iterator[Fragment]:
        while True:
            kind = self._wire.read_header()
            if kind == wire.P_DATA_TF:
                yield from self._wire.fragments()
            else:
                self._control(kind)

    def _control(self, kind: int) -> None:
        """Act on a PDU that is not P-DATA; always ends the association."""
        body = self._wire.read_body(self._limits.negotiation_bytes)
        if kind == wire.A_RELEASE_RQ:
            self._wire.send_pdu(wire.A_RELEASE_RP, bytes(4))
            raise _Released
        if kind == wire.A_ABORT:
            raise NetworkError(
                f"The peer aborted the association (source {body[2:3].hex()}, {body[3:4].hex()})."
            )
        raise NetworkError(f"The peer sent a PDU of type {kind:02X}H where only P-DATA is allowed.")

    def receive(self, idle_seconds: float | None = None) -> Message | None:
        """Return the next message's command, or None when the peer has released the association.

        Whatever is unread of the previous message's data set is skipped. Raises NetworkError when nothing
        comes for `idle_seconds`, on an abort, a broken connection and a breach of protocol.
        """
        for _ in self.data_set():
            pass
        idle = self._limits.idle_seconds if idle_seconds is None else idle_seconds
        self._wire.deadline = None
        if not self._wire.wait(idle):
            raise NetworkError(f"The peer was silent for {idle:g} seconds.")
        self._wire.deadline = time.monotonic() + self._limits.message_seconds
        try:
            context_id, command = self._read_command()
        except _Released:
            self._wire.close()
            return None
        context = self.contexts.get(context_id)
        if context is None:
            raise NetworkError(f"The peer used presentation context {context_id}, which was not accepted.")
        self._context = context if command.has_data_set else None
        return Message(context, command)

    def _read_command(self) -> tuple[int, Command]:
        """Read a command set, and the ID of the presentation context that it came in."""
        body = bytearray()
        while True:
            fragment = next(self._fragments)
            if not fragment.is_command or len(body) + len(fragment.data) > self._limits.command_bytes:
                raise NetworkError("The peer sent a data set without a command, or an endless command.")
            body += fragment.data
            if fragment.last:
                return fragment.context_id, decode_command(bytes(body))

    def data_set(self) -> Iterator[memoryview]:
        """Yield the current message's data set in pieces; each holds only until the next is asked for."""
        if self._context is None:
            return
        context_id, size = self._context.context_id, 0
        for fragment in self._fragments:
            size += len(fragment.data)
            if fragment.is_command or fragment.context_id != context_id:
                raise NetworkError("The peer began a message in the middle of another.")
            if size > self._limits.object_bytes:
                raise NetworkError(
                    f"The peer sent a data set of more than {self._limits.object_bytes} bytes."
                )
            if fragment.last:
                self._context = None
            yield fragment.data
            if fragment.last:
                return

    def read_data_set(self) -> bytes:
        """Read the current message's data set into memory; for identifiers, not for images."""
        body = bytearray()
        for piece in self.data_set():
            body += piece
            if len(body) > self._limits.identifier_bytes:
                raise NetworkError(
                    f"The peer sent an identifier of more than {self._limits.identifier_bytes} bytes."
                )
        return bytes(body)

    def begins(self, seconds: float) -> bool:
        """Wait until a message begins to arrive; False after `seconds` of silence."""
        self._wire.deadline = None
        return self._wire.wait(seconds)

    def readable(self) -> bool:
        """Whether a message has begun to arrive."""
        return self._wire.readable()

    # ------------------------------------------------------------------ ending

    def release(self) -> None:
        """End the association in order, or by an abort where the peer does not answer."""
        self._wire.deadline = None
        try:
            self._wire.send_pdu(wire.A_RELEASE_RQ, bytes(4))
            self._wire.wait(_ANSWER_SECONDS)
            if self._wire.read_header() != wire.A_RELEASE_RP:
                self.abort()
        except NetworkError:
            pass
        finally:
            self._wire.close()

    def abort(self) -> None:
        """End the association at once."""
        abort(self._wire)

    def __enter__(self) -> "Association":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()


def abort(link: Wire, *, provider_reason: int | None = None) -> None:
    """Send an A-ABORT, as the user or (with a reason, PS3.8 table 9-26) as the provider, and close."""
    with contextlib.suppress(NetworkError):
        link.send_pdu(wire.A_ABORT, bytes((0, 0, 0 if provider_reason is None else 2, provider_reason or 0)))
    link.close()


def request_association(
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes,
    proposals: Sequence[Proposal],
    *,
    tls: ssl.SSLContext | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Association:
    """Connect to a peer and negotiate an association.

    Raises NetworkError, with the peer's name and the reason, if it cannot be reached, rejects the
    association or accepts none of the proposed presentation contexts.
    """
    calling, called = ae_title(calling_aet), ae_title(called_aet)
    if not 0 < len(proposals) <= MAX_CONTEXTS:
        raise NetworkError(
            f"An association carries 1 to {MAX_CONTEXTS} presentation contexts, not {len(proposals)}."
        )
    peer = f"{called} at {host}:{port}"
    try:
        sock = socket.create_connection((host, port), timeout=_CONNECT_SECONDS)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        raise NetworkError(f"{peer} cannot be reached: {explain(error)}.") from error
    link = Wire(sock, limits)
    try:
        link.send_pdu(wire.A_ASSOCIATE_RQ, encode_request(calling, called, proposals, limits.pdu_length))
        granted = _read_answer(link, proposals, limits)
        if not granted.contexts:
            raise NetworkError("no proposed presentation context is accepted")
    except NetworkError as error:
        abort(link)
        raise NetworkError(f"No association with {peer}: {error}") from error
    return Association(link, calling, called, granted, host, limits)


def _read_answer(link: Wire, proposals: Sequence[Proposal], limits: Limits) -> Acceptance:
    if not link.wait(_ANSWER_SECONDS):
        raise NetworkError(f"no answer within {_ANSWER_SECONDS:g} seconds")
    kind = link.read_header()
    body = link.read_body(limits.negotiation_bytes)
    if kind == wire.A_ASSOCIATE_AC:
        return decode_acceptance(body, proposals)
    if kind == wire.A_ASSOCIATE_RJ:
        raise NetworkError(rejection_text(body))
    raise NetworkError("the peer aborted" if kind == wire.A_ABORT else f"unexpected PDU of type {kind:02X}H")


def accept_association(
    link: Wire, address: str, limits: Limits, decide: Callable[[Request], Acceptance | Rejection]
) -> Association:
    """Answer the association request that a connected peer sends, as `decide` says.

    Raises NetworkError if no readable request comes in time or the request is rejected.
    """
    if link.read_header() != wire.A_ASSOCIATE_RQ:
        abort(link, provider_reason=_UNEXPECTED_PDU)
        raise NetworkError("The peer's first PDU is no A-ASSOCIATE-RQ.")
    body = link.read_body(limits.negotiation_bytes)
    try:
        request = decode_request(body)
    except NetworkError:
        abort(link, provider_reason=_INVALID_PARAMETER)
        raise
    answer = _refusal(request) or decide(request)
    if isinstance(answer, Rejection):
        rejection = encode_rejection(answer)
        link.send_pdu(wire.A_ASSOCIATE_RJ, rejection)
        titles = f"{plain(request.calling_aet)} calls {plain(request.called_aet)}"
        raise NetworkError(f"{titles}: {rejection_text(rejection)}.")
    link.send_pdu(wire.A_ASSOCIATE_AC, encode_acceptance(request, answer))
    granted = replace(answer, maximum_length=request.maximum_length)
    association = Association(link, request.calling_aet, request.called_aet, granted, address, limits)
    association.provider_classes = frozenset(uid for uid, (_, scp) in request.roles.items() if scp)
    return association


def _refusal(request: Request) -> Rejection | None:
    """Return why nobody could serve a request, or None (PS3.8 table 9-21)."""
    if not request.speaks_version:
        return PROTOCOL_VERSION_UNKNOWN
    if not request.speaks_dicom:
        return APPLICATION_CONTEXT_UNKNOWN
    if not request.called_aet:
        return CALLED_AET_UNKNOWN
    return None if request.calling_aet else CALLING_AET_UNKNOWN
