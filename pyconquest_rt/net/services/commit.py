"""Storage commitment, push model: has an instance arrived, and is it safe? (DICOM PS3.4 Annex J)

The request (N-ACTION) is answered at once. The result (N-EVENT-REPORT) goes to a peer that is known by its
AE title over an association of its own, since many close theirs after the request; to others over theirs.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Item, Source
from pyconquest_rt.errors import DatabaseError, NetworkError, ObjectError, StorageError, UnreadableError
from pyconquest_rt.net.protocol.association import Association, Message
from pyconquest_rt.net.protocol.dimse import (
    CANNOT_UNDERSTAND,
    DATA_SET_PRESENT,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    OUT_OF_RESOURCES,
    RESPONSE,
    SUCCESS,
    Command,
)
from pyconquest_rt.net.protocol.negotiation import Context, Proposal
from pyconquest_rt.net.services import stored
from pyconquest_rt.net.services.admission import STORAGE_COMMITMENT
from pyconquest_rt.net.services.identifier import encode_identifier
from pyconquest_rt.net.services.peers import Peer
from pyconquest_rt.net.services.provider import Provider
from pyconquest_rt.net.services.query import instances_query
from pyconquest_rt.net.services.serving import Handler, Session, refuse
from pyconquest_rt.net.services.stored import read_stored_object

_LOG = logging.getLogger(__name__)
_WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
_TRANSACTION_UID: Final = 0x00081195
_REFERENCED_SOP_SEQUENCE: Final = 0x00081199
_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_ALL_SAFE, _SOME_FAILED = 1, 2
_NO_SUCH_INSTANCE: Final = 0x0112
_CLASS_CONFLICT: Final = 0x0119
_PROCESSING_FAILURE: Final = 0x0110
_REPORT_SECONDS: Final = 60.0
_MAX_ELEMENTS: Final = 1_000_000
_SIZE: Final = "SELECT size FROM files WHERE path = ?"


class Reference(NamedTuple):
    """An instance by class and UID."""

    sop_class_uid: str
    sop_instance_uid: str


class Request(NamedTuple):
    """What an N-ACTION asks about."""

    transaction_uid: str
    references: list[Reference]


def read_request(data: bytes, transfer_syntax_uid: str) -> Request:
    """Read the action information of a request. Raises UnreadableError, and ObjectError if it lacks something."""
    source = Source(data)
    source.budget = _MAX_ELEMENTS
    encoding = IMPLICIT_LITTLE if transfer_syntax_uid == stored.IMPLICIT_LITTLE else EXPLICIT_LITTLE
    item = Item(source, 0, len(data), encoding)
    transaction = item.text(_TRANSACTION_UID)
    references = [
        Reference(
            reference.text(_REFERENCED_SOP_CLASS_UID) or "",
            reference.text(_REFERENCED_SOP_INSTANCE_UID) or "",
        )
        for reference in item.items(_REFERENCED_SOP_SEQUENCE)
    ]
    if not transaction or not references:
        raise ObjectError("a storage commitment request needs a TransactionUID and referenced instances")
    return Request(transaction, references)


class CommitmentService(Provider):
    """Answers storage commitment requests from the index and the files."""

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handler by SOP class, for a listener's services."""
        return {STORAGE_COMMITMENT: self.handle}

    def handle(self, session: Session, message: Message) -> None:
        """Answer one request, and see to its report."""
        if message.command.number("CommandField") != N_ACTION_RQ:
            refuse(session, message)
            return
        association, context = session.association, message.context
        data = association.read_data_set()
        try:
            request = read_request(data, context.transfer_syntax)
            failures = self.check(request.references)
        except ObjectError as error:
            association.send(context, _answer(message, CANNOT_UNDERSTAND, str(error)))
            return
        except DatabaseError as error:
            _LOG.error("Storage commitment for %s: %s", association.calling_aet, error)
            association.send(context, _answer(message, OUT_OF_RESOURCES, "the index cannot be read"))
            return
        association.send(context, _answer(message, SUCCESS))
        peer = self.find_peer(association.calling_aet)
        if peer is None:
            _report(association, context, request, failures)
        else:
            threading.Thread(target=self._call_back, args=(peer, request, failures), daemon=True).start()

    def check(self, references: Iterable[Reference]) -> dict[str, int]:
        """Return the failure reason of each instance that is not safe here (PS3.3 section C.14.1.1).

        An instance is safe if the index has it, with its class, and its file is there, holds it, and has the size
        that it had when it was indexed.
        """
        references = list(references)
        query = instances_query(
            self._index.definition, [reference.sop_instance_uid for reference in references]
        )
        with self._index.open() as rows:
            known = {row[2]: row for row in rows.read(query.sql, query.parameters)}
            sizes = {row[0]: size for row in known.values() for (size,) in rows.read(_SIZE, (row[0],))}
        reasons = (
            (r.sop_instance_uid, self._reason(r, known.get(r.sop_instance_uid), sizes)) for r in references
        )
        return {uid: reason for uid, reason in reasons if reason is not None}

    def _reason(
        self, reference: Reference, row: tuple[str, str, str, str] | None, sizes: dict[str, int]
    ) -> int | None:
        if row is None:
            return _NO_SUCH_INSTANCE
        object_file, device, sop_instance_uid, _ = row
        try:
            found = read_stored_object(self._index.path_of(object_file or "", device))
        except (UnreadableError, StorageError):
            return _PROCESSING_FAILURE
        size = found.offset + found.size
        if found.sop_instance_uid != sop_instance_uid or sizes.get(object_file, size) != size:
            return _PROCESSING_FAILURE
        return None if found.sop_class_uid == reference.sop_class_uid else _CLASS_CONFLICT

    def _call_back(self, peer: Peer, request: Request, failures: dict[str, int]) -> None:
        proposal = Proposal(STORAGE_COMMITMENT, (stored.EXPLICIT_LITTLE, stored.IMPLICIT_LITTLE), as_scp=True)
        try:
            with self.associate(peer, [proposal]) as association:
                _report(association, next(iter(association.contexts.values())), request, failures)
        except NetworkError as error:
            _LOG.error("Storage commitment %s not reported: %s", request.transaction_uid, error)


def _answer(message: Message, status: int, comment: str = "") -> Command:
    values: dict[str, int | str] = {
        "AffectedSOPClassUID": STORAGE_COMMITMENT,
        "AffectedSOPInstanceUID": _WELL_KNOWN_INSTANCE,
        "ActionTypeID": message.command.get("ActionTypeID", 1),
    }
    return message.command.answer(status, **values, **({"ErrorComment": comment} if comment else {}))


def _report(association: Association, context: Context, request: Request, failures: dict[str, int]) -> None:
    """Send the result of a request and wait for the answer."""
    command = Command(
        AffectedSOPClassUID=STORAGE_COMMITMENT,
        CommandField=N_EVENT_REPORT_RQ,
        MessageID=association.next_message_id(),
        CommandDataSetType=DATA_SET_PRESENT,
        AffectedSOPInstanceUID=_WELL_KNOWN_INSTANCE,
        EventTypeID=_SOME_FAILED if failures else _ALL_SAFE,
    )
    association.send(context, command, encode_identifier(_result(request, failures), context.transfer_syntax))
    answer = association.receive(_REPORT_SECONDS)
    if answer is None or answer.command.number("CommandField") != N_EVENT_REPORT_RQ | RESPONSE:
        raise NetworkError("The peer did not answer the report of a storage commitment.")


def _result(request: Request, failures: dict[str, int]) -> Dataset:
    result = Dataset()
    result.TransactionUID = request.transaction_uid
    safe, failed = [], []
    for reference in request.references:
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class_uid
        item.ReferencedSOPInstanceUID = reference.sop_instance_uid
        reason = failures.get(reference.sop_instance_uid)
        if reason is None:
            safe.append(item)
        else:
            item.FailureReason = reason
            failed.append(item)
    if safe:
        result.ReferencedSOPSequence = safe
    if failed:
        result.FailedSOPSequence = failed
    return result
