"""Files of series, copied out of the archive."""

import shutil
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.access import note_access
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_file
from pyconquest_rt.archive.names import folder_name
from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.database.rows import SOP_UID
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import ObjectError, StorageError, UnreadableError


class Copied(NamedTuple):
    """The files that were made, how many images could not be copied, and why (SOPInstanceUID, reason)."""

    names: list[str]
    missing: int
    refused: list[tuple[str, str]]


def copy_series(
    archive: Archive, series: str, destination: str, *, create: bool = True, subdirectories: bool = False
) -> Copied:
    """Copy the files of a series into a folder, under their own names.

    A file that holds the same instance already is replaced; where another one has the name, the copy gets a
    number.

    Args:
        create: make the folder where there is none.
        subdirectories: put the files into a folder of the patient's, named by the PatientID.

    Raises:
        StorageError: the folder cannot be made or written, or is not there and not to be made.
    """
    if not create and not Path(destination).is_dir():
        raise StorageError(f"there is no folder {destination}; make it, or set CreateDir")
    names: list[str] = []
    refused: list[tuple[str, str]] = []
    copied = []
    reader = HeaderReader([Field(SOP_UID)])
    for image in select_images(archive.database, "series", series):
        try:
            source = current_file(archive, image)
        except (ObjectError, StorageError) as error:
            refused.append((image.sop, str(error)))
            continue
        folder = f"{destination}/{folder_name(image.patient_id or '')}" if subdirectories else destination
        target = f"{folder}/{_free_name(reader, Path(folder), source.name, image.sop)}"
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        except shutil.SameFileError:
            pass
        except OSError as error:
            raise StorageError(f"cannot copy to {target}: {error.strerror}") from error
        names.append(target)
        copied.append(image.sop)
    note_access(archive.database, copied)
    return Copied(names, len(refused), refused)


def _free_name(reader: HeaderReader, folder: Path, name: str, sop: str) -> str:
    """Return the name, or the next numbered one that no other instance has."""
    path = Path(name)
    candidates = chain([name], (f"{path.stem}-{number}{path.suffix}" for number in count(2)))
    return next(candidate for candidate in candidates if _may_be_written(reader, folder / candidate, sop))


def _may_be_written(reader: HeaderReader, path: Path, sop: str) -> bool:
    if not path.exists():
        return True
    try:
        return reader.read_file(path).values == (sop,)
    except (UnreadableError, OSError):
        return False
