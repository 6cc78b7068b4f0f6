"""Whole DICOM objects by pydicom: read what can be read, and replace a file by a changed object at once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyconquest_rt.errors import ObjectError, PyconquestError, StorageError, UnreadableError

if TYPE_CHECKING:
    from pydicom import Dataset

PathLike = str | os.PathLike[str]


@contextmanager
def content_errors(
    what: str, kind: type[ObjectError] = ObjectError, *, quoted: bool = False
) -> Iterator[None]:
    """Turn what pydicom, decoders and engines raise over an object's content, which may be anything, into ObjectErrors.

    The message is ``what`` and the kind of error, without its text, which may quote the patient; where it does not,
    as that of decoders, ``quoted`` adds it.
    """
    try:
        yield
    except PyconquestError:
        raise
    except Exception as error:  # boundary to pydicom, decoders and engines
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's; pydicom raises OSErrors without a number over values
        name = type(error).__name__
        raise kind(f"{what}: {name}: {error}" if quoted else f"{what} ({name})") from error


def read_object(path: PathLike, **options: Any) -> "Dataset":
    """Return the object in a file, with or without preamble; ``options`` are those of ``pydicom.dcmread``.

    Raises:
        UnreadableError: it cannot be read as DICOM.
        OSError: it cannot be opened.
    """
    from pydicom import dcmread  # loaded where whole objects are needed, not by every verb
    from pydicom.errors import InvalidDicomError

    with content_errors("it cannot be read as DICOM", UnreadableError):
        try:
            return dcmread(path, **options)
        except InvalidDicomError:
            found = dcmread(path, force=True, **options)
            if 0x00080016 not in found and 0x00080018 not in found:
                raise UnreadableError("it cannot be read as DICOM") from None
            return found


def replace_object(path: PathLike, dataset: "Dataset") -> None:
    """Write an object in place of a file: completely and durably, or not at all.

    The file keeps its encoding, its preamble (or its lack of one) and its permissions.

    Raises:
        ObjectError: its content cannot be encoded; the file is as it was.
        StorageError: it cannot be written; the file is as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file, content_errors("it cannot be encoded"):
                dataset.save_as(file, enforce_file_format=False)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(target.stat().st_mode & 0o7777)
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}") from error
