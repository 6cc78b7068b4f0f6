"""The files: staged, made durable, and only then given their final name.

A file below the data directory is either complete under its final name or in ``.incoming``,
a folder that every rebuild passes over (ours and Conquest's).
"""

import itertools
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from pyconquest_rt.archive import names as paths
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.errors import StorageError

INCOMING = ".incoming"
DEFAULT_DEVICE = "MAG0"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Size in bytes and modification time in nanoseconds: the fingerprint by which a change is seen."""

    size: int
    mtime_ns: int


class Storage:
    """The tree of files below one data directory.

    Args:
        root: the data directory; it is made when the first file is staged.
        devices: folders of further devices that rows may name (Conquest's ``MAG1`` and so on).
    """

    def __init__(self, root: str | os.PathLike[str], devices: Mapping[str, str] | None = None) -> None:
        self.root = Path(root)
        self.incoming = self.root / INCOMING
        self._run, self._numbers = secrets.token_hex(12), itertools.count()
        self._devices = {name.upper(): Path(folder) for name, folder in (devices or {}).items()}

    @contextmanager
    def stage(self) -> Iterator[StagedFile]:
        """Yield an open file in ``.incoming``; it is removed at the end unless it was placed.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        path = os.path.join(self.incoming, f"{self._run}-{next(self._numbers)}.tmp")
        try:
            try:
                file = StagedFile(path)
            except FileNotFoundError:
                self.incoming.mkdir(parents=True, exist_ok=True)
                file = StagedFile(path)
        except OSError as error:
            raise StorageError(f"cannot write below {self.incoming}: {error.strerror}") from error
        with file:
            yield file

    def path_of(self, object_file: str, device: str | None = None) -> Path:
        """Return the path of a row's ObjectFile (``/`` or ``\\``), below its device's folder.

        Raises:
            StorageError: the name is empty, absolute or leads out of the data directory.
        """
        name = paths.file_key(object_file)
        parts = name.split("/")
        if not name or name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
            raise StorageError(
                f"the file name {object_file!r} leads out of {self.root}; correct its ObjectFile"
            )
        return (self.folder_of(device) or self.root).joinpath(paths.disk_name(name))

    def folder_of(self, device: str | None) -> Path | None:
        """Return the folder of a device, mounted or not; None for an unknown device."""
        name = self.device_of(device)
        return self._devices.get(name, self.root if name == DEFAULT_DEVICE else None)

    @property
    def devices(self) -> list[str]:
        """The names of the devices beside the data directory."""
        return [name for name in self._devices if name != DEFAULT_DEVICE]

    def device_of(self, name: str | None) -> str:
        """Return the device that a row's DeviceName means."""
        return (name or DEFAULT_DEVICE).split(".")[0].upper()  # Conquest appends, as in MAG0.Archival

    def rank(self, device: str) -> int:
        """Return the place of a device among all: the data directory is the first, then those of the settings."""
        return 0 if device == DEFAULT_DEVICE else 1 + list(self._devices).index(device)

    def holds(self, device: str | None) -> bool:
        """Return whether a device's folder is mounted; otherwise its files are unknown.

        An empty one of a further device is the mount point of a disk that is not there.
        """
        folder = self.folder_of(device)
        try:
            return folder is not None and folder.is_dir() and (folder == self.root or any(folder.iterdir()))
        except OSError:
            return False

    def status(self, object_file: str, device: str | None = None) -> FileStatus | None:
        """Return size and modification time of a row's file; None where there is none."""
        try:
            found = self.path_of(object_file, device).stat()
        except (OSError, StorageError):
            return None
        return FileStatus(found.st_size, found.st_mtime_ns)

    def is_gone(self, object_file: str, device: str | None = None) -> bool:
        """Return whether a row's file is certainly missing, not just unreachable."""
        try:
            return S_ISDIR(self.path_of(object_file, device).stat().st_mode)
        except (FileNotFoundError, NotADirectoryError, StorageError):
            return True
        except OSError:
            return False

    def remove(self, object_file: str, device: str | None = None) -> bool:
        """Remove a row's file and the folders that this leaves empty; False where there was none."""
        path = self.path_of(object_file, device)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"cannot remove {path}: {error.strerror}") from error
        base = self.folder_of(device) or self.root
        with suppress(OSError):
            for folder in path.parents:
                if folder == base or base not in folder.parents:
                    break
                folder.rmdir()
        return True

    def clear_incoming(self, older_than_s: float = 3600.0) -> int:
        """Remove files of interrupted receptions from ``.incoming``; returns their number.

        Their age is that of their names: what is kept of a replaced file has the old file's content and time.
        """
        removed, before = 0, time.time() - older_than_s
        for path in self.incoming.glob("*"):
            with suppress(OSError):
                if path.stat().st_ctime <= before:
                    path.unlink()
                    removed += 1
        return removed


def standard_name(patient_id: str, sop_instance_uid: str) -> str:
    """Return ``PatientID/SOPInstanceUID.dcm`` with both made safe (see :mod:`pyconquest_rt.archive.names`)."""
    return f"{paths.folder_name(patient_id)}/{paths.file_name(sop_instance_uid)}"


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns the parents whose listing has changed."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
    return [path.parent for path in missing]
