"""The storage provider: C-STORE requests to the archive (DICOM PS3.4 Annex B).

A data set's bytes are written as they come, after a file meta information built from the request, while they
come; memory does not grow with the object. The answer waits for the archive's word that the object is safe.
"""

import logging
from typing import Final, NamedTuple

from pyconquest_rt.archive.contracts import Received, Sink
from pyconquest_rt.dicom.quiet import Seldom, plain
from pyconquest_rt.errors import DatabaseError, NetworkError, ObjectError, StorageError
from pyconquest_rt.net.protocol.association import Association, Message
from pyconquest_rt.net.protocol.dimse import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    SUCCESS,
    status_text,
)
from pyconquest_rt.net.services.stored import file_header

_LOG = logging.getLogger(__name__)
_MAX_UID: Final = 64
_seldom: Final = Seldom()


class StoreAnswer(NamedTuple):
    """What became of one object: a DIMSE status, a comment for the peer, and its bytes."""

    status: int
    comment: str
    size: int


def receive_object(association: Association, message: Message, sink: Sink) -> StoreAnswer:
    """Read the data set of a C-STORE request into the sink.

    The data set is always read to its end. Raises NetworkError if the peer breaks off; nothing stays then.
    """
    size = 0
    try:
        calling, called = association.calling_aet, association.called_aet
        sender = f"{plain(calling)} at {association.address}"
        with sink.stage(message.command.text("AffectedSOPInstanceUID"), sender) as file:
            identity = (*_identity(message), message.context.transfer_syntax)
            file.write(file_header(*identity, calling_aet=calling, called_aet=called))
            for piece in association.data_set():
                size += len(piece)
                file.write(piece)
            file.flush()
            sink.accept(Received(file, *identity, calling, called, association.address))
        return StoreAnswer(SUCCESS, "", size)
    except NetworkError:
        raise
    except Exception as error:  # boundary to the peer: whatever it is, a status is due
        status = _status_of(error)
        _log_failure(message, association, status, error)
        for _ in association.data_set():
            pass
        return StoreAnswer(status, _comment(error), size)


def _log_failure(message: Message, association: Association, status: int, error: Exception) -> None:
    """Log why an object was not stored; of a caller and a status one object a minute, the others at DEBUG."""
    is_fault = status in (OUT_OF_RESOURCES, PROCESSING_FAILURE)
    level = logging.ERROR if is_fault else logging.WARNING
    if not _seldom(status if status == OUT_OF_RESOURCES else (status, association.calling_aet)):
        level = logging.DEBUG
    _LOG.log(
        level,
        "%s from %s not stored, %s: %s",
        plain(str(message.command.get("AffectedSOPInstanceUID"))),
        plain(association.calling_aet),
        status_text(status),
        plain(str(error)),
        exc_info=status == PROCESSING_FAILURE,
    )


def _identity(message: Message) -> tuple[str, str]:
    """Return the UIDs of the object's SOP class and instance. Raises ObjectError for a request without object."""
    sop_class = message.command.text("AffectedSOPClassUID")
    sop_instance = message.command.text("AffectedSOPInstanceUID")
    if not message.command.has_data_set:
        raise ObjectError("the C-STORE request has no data set")
    if len(sop_class) > _MAX_UID or len(sop_instance) > _MAX_UID:
        raise ObjectError(f"a UID of the C-STORE request is longer than {_MAX_UID} characters")
    return sop_class, sop_instance


def _status_of(error: Exception) -> int:
    """Return the status of PS3.4 table B.2-1 for what went wrong; a fault of the program is none of them."""
    if isinstance(error, ObjectError):
        return CANNOT_UNDERSTAND
    if isinstance(error, StorageError | DatabaseError | OSError):
        return OUT_OF_RESOURCES
    return PROCESSING_FAILURE


def _comment(error: Exception) -> str:
    """Return what the peer may read: the reason of a refused object, and no path or fault of this machine."""
    if isinstance(error, ObjectError):
        return str(error)[:_MAX_UID]
    return (
        "out of resources" if isinstance(error, StorageError | DatabaseError | OSError) else "internal error"
    )
