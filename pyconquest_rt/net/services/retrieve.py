"""The retrieve provider: C-MOVE and C-GET of what the index names (DICOM PS3.4 Annex C).

Each instance is one sub-operation. One whose file is missing, or that the receiver refuses, is a failed one;
the request ends with success only if there is none.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pyconquest_rt.errors import DatabaseError, NetworkError, ObjectError, StorageError, UnreadableError
from pyconquest_rt.net.protocol.association import Association, Message
from pyconquest_rt.net.protocol.dimse import (
    C_GET_RQ,
    C_MOVE_RQ,
    CANCELLED,
    CANNOT_UNDERSTAND,
    DATA_SET_PRESENT,
    IDENTIFIER_MISMATCH,
    MOVE_DESTINATION_UNKNOWN,
    OUT_OF_RESOURCES,
    PENDING,
    SUBOPERATIONS_FAILED,
    SUCCESS,
    Command,
)
from pyconquest_rt.net.services.answers import Value, encode_answer
from pyconquest_rt.net.services.find import read_identifier
from pyconquest_rt.net.services.identifier import (
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    PATIENT_STUDY_GET,
    PATIENT_STUDY_MOVE,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from pyconquest_rt.net.services.peers import Peer
from pyconquest_rt.net.services.provider import Provider
from pyconquest_rt.net.services.query import files_query
from pyconquest_rt.net.services.send import StoreUser, Tally, send_all
from pyconquest_rt.net.services.serving import Handler, Session, is_cancelled, refuse, reply
from pyconquest_rt.net.services.stored import StoredObject, read_stored_object

_LOG = logging.getLogger(__name__)
_MOVE_MODELS: Final = (PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, PATIENT_STUDY_MOVE)
_GET_MODELS: Final = (PATIENT_ROOT_GET, STUDY_ROOT_GET, PATIENT_STUDY_GET)
_ALL_FAILED: Final = 0xA702
_FAILED_UIDS: Final = 0x00080058
_MAX_COUNT: Final = 0xFFFF
_MAX_FAILED_BYTES: Final = 0xFFFE


class RetrieveService(Provider):
    """Answers C-MOVE and C-GET requests."""

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by SOP class, for a listener's services."""
        return {**dict.fromkeys(_MOVE_MODELS, self.move), **dict.fromkeys(_GET_MODELS, self.get)}

    def move(self, session: Session, message: Message) -> None:
        """Answer a C-MOVE request."""
        if message.command.number("CommandField") != C_MOVE_RQ:
            refuse(session, message)
            return
        title = str(message.command.get("MoveDestination", ""))
        peer = self.find_peer(title)
        if peer is None:
            _LOG.warning("C-MOVE of %s to %s, which is no known peer", session.association.calling_aet, title)
            reply(session, message, MOVE_DESTINATION_UNKNOWN, f"{title or 'nobody'} is no known AE title")
            return
        self._retrieve(session, message, lambda operation: self._send_to(peer, operation))

    def get(self, session: Session, message: Message) -> None:
        """Answer a C-GET request."""
        if message.command.number("CommandField") != C_GET_RQ:
            refuse(session, message)
            return
        self._retrieve(session, message, lambda operation: operation.send_back())

    def _retrieve(self, session: Session, message: Message, send: "Callable[[_Operation], None]") -> None:
        data = session.association.read_data_set()
        try:
            asked = read_identifier(data, message.context.transfer_syntax)
            operation = _Operation(session.association, message, self._files(asked.level, asked.keys))
        except UnreadableError as error:
            reply(session, message, CANNOT_UNDERSTAND, str(error))
        except ObjectError as error:
            reply(session, message, IDENTIFIER_MISMATCH, str(error))
        except DatabaseError as error:
            _LOG.error("Retrieval by %s: %s", session.association.calling_aet, error)
            reply(session, message, OUT_OF_RESOURCES, "the index cannot be read")
        else:
            send(operation)
            operation.finish()
            self._index.note_access(operation.completed)

    def _files(self, level: int, keys: dict[int, str]) -> dict[Path, str]:
        """Return the files to send and the instance that each should hold."""
        query = files_query(self._index.definition, level, keys)
        files = {}
        with self._index.open() as rows:
            for object_file, device, sop_instance_uid, _ in rows.read(query.sql, query.parameters):
                try:
                    path = self._index.path_of(object_file or "", device)
                except StorageError:
                    path = Path(f"no file of {sop_instance_uid}")  # it cannot be read, and so fails
                files[path] = str(sop_instance_uid)
        return files

    def _send_to(self, peer: Peer, operation: "_Operation") -> None:
        send_all(
            operation.files,
            lambda proposals: self.associate(peer, proposals),
            progress=operation.count,
            originator=operation.originator,
            stopped=operation.stopped,
            instances=operation.files,
        )


class _Operation:
    """One retrieval in progress: its sub-operations, counted, and the responses about them."""

    def __init__(self, association: Association, message: Message, files: dict[Path, str]) -> None:
        self.files = files
        self.originator = (association.calling_aet, message.command.number("MessageID"))
        self._association, self._message = association, message
        self.completed: list[str] = []
        self._failed: list[str] = []
        self._cancelled = False

    def count(self, path: Path, reason: str | None) -> None:
        """Count a sub-operation and tell the peer how far it is."""
        if reason is None:
            self.completed.append(self.files[path])
        else:
            uid, why = (
                self.files[path],
                reason.replace(str(path), "its file"),
            )  # whose folder names the patient
            _LOG.warning("Instance %s not sent for %s: %s", uid, self._association.calling_aet, why)
            self._failed.append(uid)
        self._association.send(self._message.context, self._response(PENDING, remaining=True))

    def stopped(self) -> bool:
        """Whether the peer has cancelled."""
        if not self._cancelled:
            self._cancelled = is_cancelled(self._association, self._message)
        return self._cancelled

    def send_back(self) -> None:
        """Send all files over the association of the request itself, whose peer is their provider."""
        user = StoreUser(self._association)
        tally = Tally(self.count, lambda: user.cancelled)
        try:
            user.send(deque(self._sendable(tally)), tally)
        except UnreadableError as error:  # in the middle of its bytes: nothing sensible can follow them
            raise NetworkError(str(error)) from error
        self._cancelled = user.cancelled

    def _sendable(self, tally: Tally) -> list[StoredObject]:
        found = []
        for path in self.files:
            try:
                stored = read_stored_object(path, self.files[path])
                if stored.sop_class_uid not in self._association.provider_classes:
                    raise UnreadableError(f"The peer does not take objects of class {stored.sop_class_uid}.")
                found.append(stored)
            except UnreadableError as error:
                tally.fail(path, str(error))
        return found

    def finish(self) -> None:
        """Send the final response, with the instances that were not sent."""
        response = self._response(self._status(), remaining=self._cancelled)
        data = None
        if self._failed:
            response["ErrorComment"] = f"{len(self._failed)} of {len(self.files)} instances were not sent"
            response["CommandDataSetType"] = DATA_SET_PRESENT
            failed = "\\".join(self._failed)
            longest = (
                failed.rfind("\\", 0, _MAX_FAILED_BYTES) if len(failed) > _MAX_FAILED_BYTES else len(failed)
            )
            data = encode_answer(
                {_FAILED_UIDS: Value("UI", failed[:longest])}, self._message.context.transfer_syntax
            )
        self._association.send(self._message.context, response, data)

    def _status(self) -> int:
        if self._cancelled:
            return CANCELLED
        if not self._failed:
            return SUCCESS
        return SUBOPERATIONS_FAILED if self.completed else _ALL_FAILED

    def _response(self, status: int, *, remaining: bool) -> Command:
        response = self._message.command.answer(
            status,
            NumberOfCompletedSuboperations=min(len(self.completed), _MAX_COUNT),
            NumberOfFailedSuboperations=min(len(self._failed), _MAX_COUNT),
            NumberOfWarningSuboperations=0,
        )
        if remaining:
            left = len(self.files) - len(self.completed) - len(self._failed)
            response["NumberOfRemainingSuboperations"] = min(left, _MAX_COUNT)
        return response
