"""Service class users: send, echo, find, move and get (DICOM PS3.4 Annexes A, B and C).

Every function works on one peer, prints nothing and returns what happened. ``send_files`` reports each
file's failure in its result; the others raise NetworkError where no association, or no answer, is to be had.
AE titles may be str or bytes.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from pydicom.dataset import Dataset
from pynetdicom import StoragePresentationContexts

from pyconquest_rt.archive.contracts import Sink
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.association import Association, Message, request_association
from pyconquest_rt.net.protocol.dimse import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    DATA_SET_PRESENT,
    NO_DATA_SET,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    RESPONSE,
    SUCCESS,
    Command,
)
from pyconquest_rt.net.protocol.negotiation import MAX_CONTEXTS, Context, Proposal
from pyconquest_rt.net.services.identifier import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    Keys,
    decode_identifier,
    encode_identifier,
    make_identifier,
)
from pyconquest_rt.net.services.send import Progress, SendResult, send_all
from pyconquest_rt.net.services.store import receive_object
from pyconquest_rt.net.services.stored import COMPRESSED, EXPLICIT_LITTLE, IMPLICIT_LITTLE

__all__ = [
    "EchoResult",
    "FindResult",
    "SendResult",
    "TransferResult",
    "echo",
    "find",
    "get",
    "move",
    "send_files",
]

VERIFICATION: Final = "1.2.840.10008.1.1"
DEFAULT_AET: Final = "PYCONQUEST"

Root = Literal["PATIENT", "STUDY"]
"""The information model a query speaks: patient root or study root."""

_NATIVE: Final = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_FIND: Final = {"PATIENT": PATIENT_ROOT_FIND, "STUDY": STUDY_ROOT_FIND}
_GET: Final = {"PATIENT": PATIENT_ROOT_GET, "STUDY": STUDY_ROOT_GET}
_MOVE: Final = {"PATIENT": PATIENT_ROOT_MOVE, "STUDY": STUDY_ROOT_MOVE}
_OFTEN_COMPRESSED: Final = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.6.1",
    "1.2.840.10008.5.1.4.1.1.3.1",
)
"""CT, MR, computed and digital radiography, secondary capture, ultrasound and its clips."""
_ANSWER_SECONDS: Final = 300.0
_PENDING: Final = (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED)


def send_files(
    paths: Iterable[str | Path],
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes = DEFAULT_AET,
    *,
    parallel: int = 1,
    progress: Progress | None = None,
    tls: ssl.SSLContext | None = None,
    instances: Mapping[Path, str] = MappingProxyType({}),
) -> SendResult:
    """Send DICOM files to a peer by C-STORE.

    One association carries all files (`parallel` of them share the work), with the presentation contexts
    that the files need; more associations follow when there are more than 128 contexts. A file goes out as
    its bytes stand on disk; a peer that refuses the stored transfer syntax gets it uncompressed. No file,
    however broken, and no failed operation stops the others; a lost association is made anew.

    `progress` is called for each file as it is done, with its path and None or the reason of its failure.
    A file that does not hold the object that `instances` names for it fails.
    Nothing is raised for files or peers: see the result's ``sent``, ``failed`` and ``warnings``.
    """

    def connect(proposals: list[Proposal]) -> Association:
        return request_association(host, port, called_aet, calling_aet, proposals, tls=tls)

    return send_all(paths, connect, parallel=parallel, progress=progress, instances=instances)


@dataclass(frozen=True, slots=True)
class EchoResult:
    """The answer to a C-ECHO: its status, and the seconds from connecting to it."""

    status: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the peer answered with success."""
        return self.status == SUCCESS


def echo(
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes = DEFAULT_AET,
    *,
    tls: ssl.SSLContext | None = None,
) -> EchoResult:
    """Ask a peer whether it is there (C-ECHO). Raises NetworkError if it does not answer."""
    began = time.monotonic()
    proposal = Proposal(VERIFICATION, _NATIVE)
    with request_association(host, port, called_aet, calling_aet, [proposal], tls=tls) as association:
        context = _only_context(association)
        request = _request(association, C_ECHO_RQ, context, NO_DATA_SET)
        association.send(context, request)
        command = _receive(association, C_ECHO_RQ)
        return EchoResult(command.number("Status"), time.monotonic() - began)


@dataclass(slots=True)
class FindResult:
    """The answers to a C-FIND."""

    matches: list[Dataset] = field(default_factory=list)
    status: int = SUCCESS
    comment: str = ""
    """The peer's words about a failure, if it gave any."""

    @property
    def ok(self) -> bool:
        """Whether the peer says that these are all matches (or as many as the limit lets through)."""
        return self.status == SUCCESS


def find(
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes = DEFAULT_AET,
    *,
    level: str,
    keys: Keys,
    root: Root = "STUDY",
    limit: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> FindResult:
    """Query a peer at a level: PATIENT, STUDY, SERIES or IMAGE (C-FIND).

    `keys` holds keywords and values to match (DICOM PS3.4 section C.2.2.2); an empty value only asks for the
    attribute. After `limit` matches the query is cancelled. Raises NetworkError.
    """
    proposal = Proposal(_FIND[root], _NATIVE)
    with request_association(host, port, called_aet, calling_aet, [proposal], tls=tls) as association:
        context = _only_context(association)
        request = _request(association, C_FIND_RQ, context, DATA_SET_PRESENT, Priority=0)
        association.send(
            context, request, encode_identifier(make_identifier(level, keys), context.transfer_syntax)
        )
        result = FindResult()
        for command, data in _answers(association, C_FIND_RQ):
            result.status = command.number("Status")
            result.comment = str(command.get("ErrorComment", ""))
            if result.status not in _PENDING:
                break
            if limit is None or len(result.matches) < limit:
                result.matches.append(decode_identifier(data, context.transfer_syntax))
                if len(result.matches) == limit:
                    association.send(context, _cancel(request))
        if limit is not None and len(result.matches) >= limit:
            result.status = SUCCESS
        return result


@dataclass(slots=True)
class TransferResult:
    """What a C-MOVE or C-GET came to, by its sub-operations."""

    status: int = SUCCESS
    comment: str = ""
    completed: int = 0
    failed: int = 0
    warning: int = 0
    remaining: int = 0
    failed_uids: list[str] = field(default_factory=list)
    """SOPInstanceUIDs of the instances that were not transferred, as far as the peer tells."""

    @property
    def ok(self) -> bool:
        """Whether every instance was transferred."""
        return self.status == SUCCESS and not self.failed

    def update(self, command: Command) -> None:
        """Take over the counts and the status of a response."""
        self.status = command.number("Status")
        self.comment = str(command.get("ErrorComment", ""))
        for name in ("completed", "failed", "warning", "remaining"):
            value = command.get(f"NumberOf{name.title()}Suboperations")
            if isinstance(value, int):
                setattr(self, name, value)


def move(
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes = DEFAULT_AET,
    *,
    destination: str | bytes,
    level: str,
    keys: Keys,
    root: Root = "STUDY",
    progress: Callable[[TransferResult], None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> TransferResult:
    """Have a peer send what `keys` name to the AE title `destination`, which it must know (C-MOVE).

    `keys` holds the unique keys of the level and above; lists of UIDs are allowed at the level itself
    (DICOM PS3.4 section C.4.2). `progress` gets the counts with every pending response. Raises NetworkError.
    """
    title = destination.decode() if isinstance(destination, bytes) else destination
    proposal = Proposal(_MOVE[root], _NATIVE)
    with request_association(host, port, called_aet, calling_aet, [proposal], tls=tls) as association:
        context = _only_context(association)
        request = _request(
            association, C_MOVE_RQ, context, DATA_SET_PRESENT, Priority=0, MoveDestination=title
        )
        association.send(
            context, request, encode_identifier(make_identifier(level, keys), context.transfer_syntax)
        )
        result = TransferResult()
        for command, data in _answers(association, C_MOVE_RQ):
            result.update(command)
            if result.status not in _PENDING:
                result.failed_uids = _failed_uids(data, context)
                break
            if progress is not None:
                progress(result)
        return result


def get(
    host: str,
    port: int,
    called_aet: str | bytes,
    calling_aet: str | bytes = DEFAULT_AET,
    *,
    sink: Sink,
    level: str,
    keys: Keys,
    root: Root = "STUDY",
    sop_classes: Sequence[str] | None = None,
    progress: Callable[[TransferResult], None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> TransferResult:
    """Fetch from a peer what `keys` name, over the same association (C-GET).

    The objects go into `sink`, such as an archive's reception or a
    :class:`~pyconquest_rt.net.services.folder.FolderSink`. An association carries 128 presentation contexts, so
    without `sop_classes` the usual storage classes are offered, the commonest also compressed; with them,
    only those, each both ways. `keys` are as for :func:`move`. Raises NetworkError.
    """
    proposals = [Proposal(_GET[root], _NATIVE), *retrieval_proposals(sop_classes)]
    with request_association(host, port, called_aet, calling_aet, proposals, tls=tls) as association:
        context = association.find_context(_GET[root])
        if context is None:
            raise NetworkError(f"{host}:{port} does not offer C-GET.")
        request = _request(association, C_GET_RQ, context, DATA_SET_PRESENT, Priority=0)
        association.send(
            context, request, encode_identifier(make_identifier(level, keys), context.transfer_syntax)
        )
        result = TransferResult()
        while (message := association.receive(_ANSWER_SECONDS)) is not None:
            if message.command.number("CommandField") == C_STORE_RQ:
                _keep(association, message, sink)
                continue
            if message.command.number("CommandField") != C_GET_RQ | RESPONSE:
                break
            data = association.read_data_set()
            result.update(message.command)
            if result.status not in _PENDING:
                result.failed_uids = _failed_uids(data, context)
                return result
            if progress is not None:
                progress(result)
        raise NetworkError(
            "The peer ended the association, or spoke of something else, in place of answering."
        )


def _keep(association: Association, message: Message, sink: Sink) -> None:
    stored = receive_object(association, message, sink)
    answer = message.command.answer(stored.status)
    if stored.comment:
        answer["ErrorComment"] = stored.comment
    association.send(message.context, answer)


def retrieval_proposals(sop_classes: Sequence[str] | None) -> list[Proposal]:
    """Return the storage contexts to offer for a C-GET, with the requestor as provider."""
    native = (
        [str(c.abstract_syntax) for c in StoragePresentationContexts] if sop_classes is None else sop_classes
    )
    compressed = _OFTEN_COMPRESSED if sop_classes is None else sop_classes
    proposals = [
        *(Proposal(uid, _NATIVE, as_scp=True) for uid in dict.fromkeys(native)),
        *(Proposal(uid, COMPRESSED, as_scp=True) for uid in dict.fromkeys(compressed)),
    ]
    return proposals[: MAX_CONTEXTS - 1] if sop_classes is None else proposals


def _only_context(association: Association) -> Context:
    return next(iter(association.contexts.values()))


def _request(
    association: Association, operation: int, context: Context, data_set_type: int, **values: int | str
) -> Command:
    return Command(
        AffectedSOPClassUID=context.abstract_syntax,
        CommandField=operation,
        MessageID=association.next_message_id(),
        CommandDataSetType=data_set_type,
        **values,
    )


def _cancel(request: Command) -> Command:
    return Command(
        CommandField=C_CANCEL_RQ,
        MessageIDBeingRespondedTo=request.number("MessageID"),
        CommandDataSetType=NO_DATA_SET,
    )


def _receive(association: Association, operation: int) -> Command:
    message = association.receive(_ANSWER_SECONDS)
    if message is None:
        raise NetworkError("The peer released the association in place of answering.")
    if message.command.number("CommandField") != operation | RESPONSE:
        raise NetworkError("The peer sent another message in place of the answer.")
    return message.command


def _answers(association: Association, operation: int) -> Iterator[tuple[Command, bytes]]:
    """Yield the responses to a request with their data sets, until the caller has enough."""
    while True:
        command = _receive(association, operation)
        yield command, association.read_data_set()


def _failed_uids(data: bytes, context: Context) -> list[str]:
    if not data:
        return []
    uids = decode_identifier(data, context.transfer_syntax).get("FailedSOPInstanceUIDList") or []
    return [uids] if isinstance(uids, str) else [str(uid) for uid in uids]
