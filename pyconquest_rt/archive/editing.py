"""Values written into files of the archive: all files of a study, or none; and copies that hold corrections."""

import secrets
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_path
from pyconquest_rt.archive.files.intents import Intents, intents_of
from pyconquest_rt.archive.files.placement import placed_with
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE, INCOMING
from pyconquest_rt.archive.ingest import State
from pyconquest_rt.archive.recorded import Corrections
from pyconquest_rt.archive.removal import Copy, copies
from pyconquest_rt.archive.selection import Image
from pyconquest_rt.archive.store import reindex
from pyconquest_rt.dicom.edit import change_tags
from pyconquest_rt.errors import ConflictError, PyconquestError, StorageError, reason

Failures = list[tuple[str, str]]


class _Edit(NamedTuple):
    """A file and the changed copy that is to take its place; ``name`` is None on further devices."""

    target: Path
    staged: Path
    name: str | None


def edit_files(archive: Archive, images: Iterable[Image], values: Mapping[int, str]) -> tuple[int, Failures]:
    """Write values into every known file of some images, or into none, and index those again.

    Corrections on record of these objects are written too.

    Args:
        archive: the archive.
        images: their files must hold them still.
        values: tag → text.

    Returns:
        how many files were changed, and each that could not be, with the reason; then none was.
    """
    failures: Failures = []
    edits: list[_Edit] = []
    corrections = Corrections(archive.database, archive.layout)
    with ExitStack() as stack:
        intents = stack.enter_context(intents_of(archive.database.path))
        for image in images:
            found = copies(archive.database, [image.sop])
            if not found:
                failures.append((image.sop, "the row of this instance names no file"))
            own = {**corrections.of_image(archive.database, image.sop), **values}
            for copy in found:
                try:
                    edits.append(_staged(archive, intents, image, copy, own))
                    stack.callback(edits[-1].staged.unlink, missing_ok=True)
                except (PyconquestError, OSError) as error:
                    failures.append((copy.path, reason(error)))
        if failures:
            return 0, failures
        try:
            _place(archive, intents, edits)
        except (PyconquestError, OSError) as error:
            return 0, [(archive.database.path, reason(error))]
    return len(edits), []


def _staged(archive: Archive, intents: Intents, image: Image, copy: Copy, values: Mapping[int, str]) -> _Edit:
    """Make the changed copy of a file: in the folder for what arrives, or beside a file of another disk."""
    target = current_path(archive, image.sop, copy.path, copy.device)
    is_own = archive.storage.device_of(copy.device) == DEFAULT_DEVICE
    name = f"{secrets.token_hex(12)}.tmp"
    staged = archive.storage.incoming / name if is_own else target.with_name(f".{name}")
    if is_own:
        archive.storage.incoming.mkdir(parents=True, exist_ok=True)
        for path in (staged, staged.with_suffix(".before")):
            intents.note(f"{INCOMING}/{path.name}")
    try:
        shutil.copy2(target, staged)
        change_tags(staged, values, create=True)
    except BaseException:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise
    return _Edit(target, staged, copy.path if is_own else None)


def _place(archive: Archive, intents: Intents, edits: Iterable[_Edit]) -> None:
    """Put all changed copies in place and write their rows, in one transaction that is taken back as a whole.

    Raises:
        StorageError: a file cannot be replaced.
        ConflictError: rows contradict the index.
        DatabaseError: it cannot be written.
    """
    with placed_with(archive.database.transaction()) as placement:
        names = []
        for edit in edits:
            if edit.name is not None:
                intents.note(edit.name)
                names.append(edit.name)
            placement.place(edit.staged, edit.target, replaces=True)
        refused = [outcome for outcome in reindex(archive, names) if outcome.state is State.REJECTED]
        if refused:
            raise ConflictError(f"{refused[0].path}: {refused[0].reason}")


class CorrectedFiles:
    """Objects as corrections on record make them, for who reads files: copies, where the files do not say so."""

    def __init__(self, archive: Archive) -> None:
        self._database = archive.database
        self._corrections = Corrections(archive.database, archive.layout)
        self._folder: Path | None = None

    def path_of(self, sop: str, path: Path) -> Path:
        """Return the path of a file that holds an object with its corrections.

        Raises:
            StorageError: a copy cannot be made.
            ObjectError: a value does not fit the object.
        """
        values = self._corrections.of_image(self._database, sop)
        if not values:
            return path
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="corrected-"))
            target = self._folder / f"{len(list(self._folder.iterdir()))}.dcm"
            shutil.copyfile(path, target)
        except OSError as error:
            raise StorageError(f"cannot copy {path}: {error.strerror}") from error
        change_tags(target, values, create=True)
        return target

    def remove(self) -> None:
        """Remove the copies."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
