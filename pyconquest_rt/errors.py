"""Every error that the package raises on purpose.

::

    PyconquestError
    ├── SchemaError          a dicom.sql (or a column definition) that cannot be used
    ├── SettingsError        a settings file that cannot be used
    ├── ObjectError          one DICOM object cannot be taken; the message is the reason
    │   ├── UnreadableError      it cannot be read as DICOM
    │   │   ├── TruncatedError       it is cut off by the end of its file
    │   │   │   └── NkiError             its pixels are in Conquest's own compression
    │   │   └── DirectoryError       it is a DICOMDIR, which holds no object
    │   └── ConflictError        it contradicts what is indexed
    ├── StorageError         a file cannot be written, moved or removed
    ├── DatabaseError        the database cannot be opened or used, or a statement failed
    ├── NetworkError         an association or a DIMSE operation failed
    └── BusyError            another process is doing this already
"""


class PyconquestError(Exception):
    """The root of all errors of this package."""


class SchemaError(PyconquestError):
    """A dicom.sql or a column definition cannot be used; says the file, the line and what was expected."""


class SettingsError(PyconquestError):
    """A settings file cannot be used; says the file, the key and what was expected."""


class ObjectError(PyconquestError):
    """One DICOM object cannot be taken; the message is the reason that is kept in ``rejected``."""


class UnreadableError(ObjectError):
    """The object cannot be read as DICOM."""


class NotDicomError(UnreadableError):
    """The file is no DICOM file at all."""


class TruncatedError(UnreadableError):
    """The object is cut off by the end of its file, as one that was copied in part."""


class NkiError(TruncatedError):
    """The object's pixels are in Conquest's own compression, so that for everybody else it has none."""


class DirectoryError(UnreadableError):
    """The file is a DICOMDIR: the directory of a medium (PS3.10 section 8.6), not an object."""


class ConflictError(ObjectError):
    """The object's identifiers contradict what is indexed."""


class StorageError(PyconquestError):
    """A file cannot be written, moved or removed."""


class DatabaseError(PyconquestError):
    """The database cannot be opened or used, or a statement failed; the driver's error is its cause."""

    is_busy = False
    """Whether another writer was at it, so that a later attempt may succeed."""
    is_statement = False
    """Whether the statement itself is at fault, rather than disk, memory or another writer."""


class NetworkError(PyconquestError):
    """An association or a DIMSE operation failed; says with whom and why."""


class BusyError(PyconquestError):
    """Another process is doing this already; says which."""


def reason(error: Exception) -> str:
    """Return what went wrong, without the path that an error of the operating system names."""
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, OSError):
        return cause.strerror or type(cause).__name__
    return str(error) or type(error).__name__
