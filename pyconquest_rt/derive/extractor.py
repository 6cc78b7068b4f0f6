"""What an extractor is: the contract between objects that arrive and the rows that are made of them.

The package's own extractors and those of other packages (entry point group ``pyconquest_rt.extractors``) are
described in the same way.
"""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Table name → rows, each column name → value; every row has the column SOPInstanceUID."""


class Waiting(Exception):  # noqa: N818 - no error: the result comes later
    """Raised by an extractor whose object waits for another one; the message says for what.

    ``uid`` names the image or series that it waits for, where it is known: its arrival makes the object due. ``rows``
    are what can be said before.
    """

    def __init__(self, reason: str, uid: str | None = None, rows: Rows | None = None) -> None:
        super().__init__(reason)
        self.uid = uid
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Source:
    """What an extractor is handed: one object, and a way to other objects of the index.

    ``path`` is the object's file, ``sop`` its SOPInstanceUID. ``query`` runs a SELECT on the index. ``file_of``
    gives the file of another object and puts that object on the list of what the result rests on; ``files_of`` does so
    for many at once.
    """

    sop: str
    path: Path
    query: Callable[..., list[dict[str, Any]]]
    file_of: Callable[[str], Path]
    files_of: Callable[[Collection[str]], list[Path]]


@dataclass(frozen=True, slots=True)
class Extractor:
    """How one kind of object becomes rows.

    Args:
        name: unique among extractors.
        version: to be raised when the same object would give other rows; all objects are due again then.
        sop_classes: SOP Class UIDs of the objects that it reads.
        tables: the names of its tables; each has a column SOPInstanceUID, the object that a row comes from.
        scripts: its schema, one SQL script per step (see :meth:`Database.migrate`).
        extract: gives the rows of one object; None where it holds nothing of this kind. Any exception is recorded
            as the reason of a failure, :class:`Waiting` as that of a wait.
        one_per: columns of DICOMImages; of all objects with the same values in them only one is read, that with the
            least SOPInstanceUID, in whatever order they came. None: each is.
        gathers: a result rests on all objects of its ``one_per``: whichever comes or goes makes it due again. All of
            them are to be asked for by ``files_of``, before anything that may fail.
        inputs: gives the SOPInstanceUIDs of all objects that a result would rest on now, without reading them. An
            object that is due again with the inputs that its result rests on already is left as it is.
        settle: called with the connection, in a transaction, once a run has made or removed rows: for what rests on
            the rows of several objects. Extractors may share one.
        version_before: the version that results had before settings became part of it; they are taken for results of
            today's settings, so that an upgrade alone makes nothing due.
        awakes: names of extractors whose objects of the same patient are due again after each result of this one.
    """

    name: str
    version: int
    sop_classes: tuple[str, ...]
    tables: tuple[str, ...]
    scripts: tuple[str, ...]
    extract: Callable[[Source], Rows | None]
    one_per: tuple[str, ...] | None = None
    inputs: Callable[[Source], Collection[str]] | None = None
    awakes: tuple[str, ...] = ()
    settle: Callable[[Any], object] | None = None
    version_before: int | None = None
    gathers: bool = False


def version_of(version: int, settings: str) -> int:
    """Return the version of an extractor whose results depend on settings too: other ones make them due again."""
    return version * 1_000_000 + zlib.crc32(settings.encode()) % 1_000_000
