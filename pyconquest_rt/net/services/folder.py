"""A plain folder as the place where received objects go."""

from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path

from pyconquest_rt.archive import names as paths
from pyconquest_rt.archive.contracts import Received
from pyconquest_rt.archive.files.placement import placed_with
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.dicom.system import sync_file
from pyconquest_rt.errors import StorageError


class FolderSink:
    """Keeps each object as ``SOPInstanceUID.dcm`` in one folder, which is made when it is needed."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self._storage = Storage(folder)

    def stage(self, sop_instance_uid: str, sender: str = "") -> AbstractContextManager[StagedFile]:
        """Give a new temporary file."""
        return self._storage.stage()

    def accept(self, received: Received) -> None:
        """Give the file its name; one of the same instance that is there is replaced."""
        staged = Path(received.file.name)
        target = self._storage.path_of(paths.file_name(received.sop_instance_uid))
        try:
            with placed_with(nullcontext()) as placement:
                sync_file(staged)
                placement.place(staged, target, replaces=target.exists())
        except OSError as error:
            raise StorageError(f"cannot write {target}: {error.strerror}") from error
