"""Rules for an object whose file name is taken: replace, keep, refuse, or identical; the same for every way in."""

import logging
import os
from enum import StrEnum
from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.contracts import Policy
from pyconquest_rt.archive.files.intents import Intents
from pyconquest_rt.archive.files.placement import Placement
from pyconquest_rt.archive.files.storage import INCOMING
from pyconquest_rt.archive.removal import audit_replacement
from pyconquest_rt.database.rows import SOP_UID
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.dicom.same import same_data_set
from pyconquest_rt.errors import ConflictError, UnreadableError

_LOG = logging.getLogger(__name__)


class Fate(StrEnum):
    """What became of an object that was to be stored."""

    STORED = "stored"
    REPLACED = "replaced"
    IDENTICAL = "identical"
    KEPT = "kept"
    """What is there has stayed; the new object was dropped."""
    SKIPPED = "skipped"
    REFUSED = "refused"

    @property
    def is_placed(self) -> bool:
        """Whether the object's file is to come into the archive."""
        return self in (Fate.STORED, Fate.REPLACED)


def fate_of(sop: str, staged: Path, target: Path, policy: Policy) -> Fate:
    """Compare a staged object with the file at its place, if any, and decide.

    Args:
        sop: the object's SOPInstanceUID, for the log.
        staged: its flushed file.
        target: its place.
        policy: what becomes of one that is there with another data set (group 0002 does not count).

    Raises:
        ConflictError: another one is there, and the policy is ``refuse``; or a file of another instance is.
    """
    if not os.path.lexists(target):
        return Fate.STORED
    if same_data_set(staged, target):
        return Fate.IDENTICAL
    if _instance_in(target) not in (sop, None):  # it was put there by hand, and nothing else would hold it
        raise ConflictError("the file in its place holds another object now; rebuild the index")
    _LOG.debug("%s has come again with other content; what is done: %s", sop, policy)
    if policy == "refuse":
        raise ConflictError("it is stored already, with other content")
    return Fate.REPLACED if policy == "replace" else Fate.KEPT


def _instance_in(path: Path) -> str | None:
    """Return the SOPInstanceUID of the object in a file; None where it holds none."""
    try:
        return HeaderReader([Field(SOP_UID, 64, "key")], remember=False).read_file(path).values[0]
    except UnreadableError:
        return None


def note_staged(intents: Intents, staged: Path) -> None:
    """Note the names that a staged file, and what it replaces, may have when a program is killed."""
    for path in (staged, staged.with_suffix(".before")):
        intents.note(f"{INCOMING}/{path.name}")


def put_in_place(
    archive: Archive, intents: Intents, placement: Placement, staged: Path, name: str, *, replaced: str = ""
) -> None:
    """Give a staged file its name in the archive; a replacement is put on record.

    Args:
        name: relative to the data directory.
        replaced: the SOPInstanceUID of the object that is replaced, if one is on record.
    """
    target = archive.storage.path_of(name)
    if replaced:
        audit_replacement(archive.database, replaced, name, target, staged)
    # Noted before it is done: the next start after a kill looks at this name.
    intents.note(name)
    placement.place(staged, target, replaces=target.exists())
