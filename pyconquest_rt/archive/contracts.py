"""What the network hands over to an archive: received objects, where they go, and what becomes of known ones."""

from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

from pyconquest_rt.archive.files.staging import StagedFile

Policy = Literal["replace", "keep", "refuse"]
"""What becomes of an object that arrives where another one of its SOPInstanceUID is stored."""


class Received(NamedTuple):
    """One object from the network: a complete DICOM file under a temporary name, and what was said of it."""

    file: StagedFile
    """Flushed, and open for reading from its start."""
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str = ""
    calling_aet: str = ""
    called_aet: str = ""
    address: str = ""


class Sink(Protocol):
    """Where received objects go."""

    def stage(self, sop_instance_uid: str, sender: str = "") -> AbstractContextManager[StagedFile]:
        """Yield a temporary file for an announced object; it is removed at the end unless it was accepted.

        Raises StorageError when nothing can be written. An ObjectError inside may be put on record.
        """

    def accept(self, received: Received) -> None:
        """Accept a staged file; return only when the object is safe under its final name and indexed.

        Raises ObjectError for an object that cannot be used, StorageError and DatabaseError where file or
        rows cannot be written; nothing is left behind then.
        """
