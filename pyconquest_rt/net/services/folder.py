"""A plain folder as the place where received objects go."""

from contextlib import AbstractContextManager
from os import PathLike

from pyconquest_rt.archive import names as paths
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.net.services.store import Received


class FolderSink:
    """Keeps each object as ``SOPInstanceUID.dcm`` in one folder, which is made when it is needed."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self._storage = Storage(folder)

    def stage(self, sop_instance_uid: str, sender: str = "") -> AbstractContextManager[StagedFile]:
        """Give a new temporary file."""
        return self._storage.stage()

    def accept(self, received: Received) -> None:
        """Give the file its name; one of the same instance that is there is replaced."""
        self._storage.place(received.file.name, paths.file_name(received.sop_instance_uid))
