"""Objects of the archive as files of a folder: plain copies, or under pseudonyms."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyconquest_rt.archive.access import note_access
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_file
from pyconquest_rt.archive.files.storage import Storage, make_folders, standard_name
from pyconquest_rt.archive.removal import audit
from pyconquest_rt.archive.selection import Image, Level, select_images
from pyconquest_rt.dicom.objects import content_errors, read_object
from pyconquest_rt.errors import DatabaseError, ObjectError, PyconquestError, SettingsError, StorageError
from pyconquest_rt.exports import pseudonym_map

if TYPE_CHECKING:
    from pydicom import Dataset

    from pyconquest_rt.exports.deidentify.profile import Profile
    from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonym

Progress = Callable[[int, int], None]
"""Called with how many objects are done, and how many there are."""
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Pseudonymisation:
    """How an export hides its patients.

    Attributes:
        dates: ``shift`` or ``remove``, see :class:`~pyconquest_rt.exports.deidentify.profile.Profile`.
        keep: words of :data:`~pyconquest_rt.exports.deidentify.profile.KEEP`.
        burned_in: take also objects whose pixels or documents may show the patient.
        key_file: a file with the key; None: the archive's own key.
        map_file: where this export's map goes too; it always is in the table ``pseudonyms``.
    """

    dates: str = "shift"
    keep: Sequence[str] = ()
    burned_in: bool = False
    key_file: Path | None = None
    map_file: Path | None = None


@dataclass
class Exported:
    """What an export did: the files it made, and what it did not export, with the reason."""

    files: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(SOPInstanceUID, reason)"""

    def __str__(self) -> str:
        return f"{len(self.files)} objects exported, {len(self.refused)} not"


def select(
    archive: Archive,
    *,
    patients: Iterable[str] = (),
    studies: Iterable[str] = (),
    series: Iterable[str] = (),
    where: str = "",
) -> list[Image]:
    """Return the images that are named by PatientID, study, series, or a condition on ``v_series``; each once.

    Args:
        where: an SQL condition on series with their studies, such as ``Modality = 'RTDOSE'``.

    Raises:
        DatabaseError: the condition cannot be understood.
    """
    named: list[tuple[Level, str]] = [("patient", key) for key in patients]
    named += [("study", key) for key in studies]
    named += [("series", key) for key in series]
    if where:
        try:
            rows = archive.database.connection.execute(f"SELECT SeriesInst FROM v_series WHERE {where}")  # noqa: S608
            named += [("series", row[0]) for row in rows.fetchall()]
        except DatabaseError as error:
            raise DatabaseError(f"{error} in the condition: {where}") from error
    found = {
        image.sop: image for level, key in named for image in select_images(archive.database, level, key)
    }
    return list(found.values())


def export(
    archive: Archive,
    images: Sequence[Image],
    destination: str | os.PathLike[str],
    *,
    pseudonymise: Pseudonymisation | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write objects to a folder, each whole or not at all; one that cannot be exported does not stop the others.

    Without pseudonyms the files are copies, under the names that they have below the data directory. With them each
    is ``<pseudonym>/<new SOPInstanceUID>.dcm``.

    Raises:
        StorageError: the folder lies in the data directory or cannot be written, or the map would lie in it.
        SettingsError: an option or the key cannot be used.
    """
    folder = Path(destination)
    if folder.resolve().is_relative_to(archive.storage.root.resolve()):
        raise StorageError(
            f"{folder} lies in the data directory, where it would be indexed; choose another folder"
        )
    try:
        make_folders(folder)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}") from error
    run = _Copies(archive, folder) if pseudonymise is None else _Pseudonymised(archive, folder, pseudonymise)
    exported = Exported()
    done: list[str] = []
    try:
        for number, image in enumerate(images, 1):
            try:
                exported.files.append(run.write(image))
                done.append(image.sop)
            except (ObjectError, _MissingError) as error:
                exported.refused.append((image.sop, str(error)))
            if number % _CHUNK == 0:
                run.note(done)
                done.clear()
            if progress:
                progress(number, len(images))
    finally:  # also what was exported until the disk was full is on record
        run.note(done)
        run.finish(exported)
    return exported


class _MissingError(PyconquestError):
    """The archive has no file of an image."""


class _Copies:
    """An export as it is."""

    how = "as they are"

    def __init__(self, archive: Archive, folder: Path) -> None:
        self._archive, self._folder = archive, folder
        self._names: set[str] = set()

    def write(self, image: Image) -> str:
        """Export one object; returns the path of its file."""
        source = self._source(image)
        name = image.object_file.replace("\\", "/")
        if name in self._names:  # another device has a file of this name
            name = standard_name(image.patient_id or "", image.sop)
        self._names.add(name)
        return _write(self._folder, name, partial(shutil.copyfile, source))

    def note(self, sops: Sequence[str]) -> None:
        """Put on record what was exported since the last call."""
        note_access(self._archive.database, sops)

    def finish(self, exported: Exported) -> None:
        """Put the export as a whole on record."""
        with self._archive.database.transaction():
            audit(self._archive.database, "export", str(self._folder), f"{exported}, {self.how}")

    def _source(self, image: Image) -> Path:
        try:
            return current_file(self._archive, image)
        except StorageError as error:
            raise _MissingError(str(error)) from error


class _Pseudonymised(_Copies):
    """An export under pseudonyms."""

    how = "under pseudonyms"

    def __init__(self, archive: Archive, folder: Path, options: Pseudonymisation) -> None:
        super().__init__(archive, folder)
        for secret in filter(None, (options.map_file, options.key_file)):
            if secret.resolve().is_relative_to(folder.resolve()):
                raise StorageError(f"{secret} would go with the export; choose another place for it")
        self._options = options
        self._profile = _profile(archive, options)
        self._map: list[Pseudonym] = []

    def write(self, image: Image) -> str:
        from pydicom.config import disable_value_validation  # its warnings would quote values

        try:
            data_set = read_object(self._source(image))
        except OSError as error:
            raise _MissingError(f"its file cannot be read: {error.strerror}") from error
        if not self._options.burned_in:
            _refuse_what_may_show(data_set)
        with content_errors("it cannot be pseudonymised"), disable_value_validation():
            self._profile.apply(data_set, image.patient_id)
            _begin_anew(data_set)
            name = standard_name(data_set.PatientID, data_set.SOPInstanceUID)
        return _write(self._folder, name, lambda path: _save(data_set, path))

    def note(self, sops: Sequence[str]) -> None:
        super().note(sops)
        given = self._profile.pseudonyms.take()
        pseudonym_map.remember(self._archive.database, given)
        if self._options.map_file:
            self._map += given

    def finish(self, exported: Exported) -> None:
        super().finish(exported)
        if self._options.map_file:
            pseudonym_map.write_map(self._options.map_file, sorted(set(self._map)))


def _profile(archive: Archive, options: Pseudonymisation) -> "Profile":
    from pyconquest_rt.exports.deidentify.profile import Profile
    from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonyms

    if options.dates not in ("shift", "remove"):
        raise SettingsError(f"dates can be shifted or removed, not {options.dates!r}; choose shift or remove")
    if options.key_file is None:
        key = pseudonym_map.key_of(archive.database)
    else:
        key = pseudonym_map.read_key(options.key_file)
    return Profile(Pseudonyms(key), dates=options.dates, keep=options.keep)  # type: ignore[arg-type]  # judged above


def _refuse_what_may_show(data_set: "Dataset") -> None:
    from pyconquest_rt.exports.deidentify.pixels import what_may_show

    with content_errors("it cannot be judged whether it shows the patient"):
        reason = what_may_show(data_set)
    if reason:
        raise ObjectError(f"it may show the patient: {reason}")


def _begin_anew(data_set: "Dataset") -> None:
    """Give a data set a preamble and a file meta information that hold nothing of the former ones."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    is_implicit, is_little = data_set.original_encoding
    native = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    meta = FileMetaDataset()
    stated = data_set.file_meta.get("TransferSyntaxUID") if hasattr(data_set, "file_meta") else None
    meta.TransferSyntaxUID = stated or (ImplicitVRLittleEndian if is_implicit else native)
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    data_set.file_meta = meta
    data_set.preamble = b"\0" * 128


def _save(data_set: "Dataset", path: str) -> None:
    with content_errors("it cannot be encoded"):
        data_set.save_as(path, enforce_file_format=True)


def _write(folder: Path, name: str, fill: Callable[[str], Any]) -> str:
    """Have a file filled under a temporary name, then give it its own; returns its path."""
    target = Storage(folder).path_of(name)
    staged = target.with_name(f".{target.name[-100:]}.tmp")
    try:
        make_folders(target.parent)
        try:
            fill(str(staged))
            staged.replace(target)
        finally:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}") from error
    return str(target)
