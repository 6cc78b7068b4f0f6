"""Storing into the archive: files, folders, ZIP files, and data sets in memory."""

import filecmp
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from lzma import LZMAError
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from pyconquest_rt.archive import names as paths
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.intents import intents_of
from pyconquest_rt.archive.files.placement import placed_with
from pyconquest_rt.archive.files.storage import INCOMING
from pyconquest_rt.archive.hashing import hash_object
from pyconquest_rt.archive.headers import read_one
from pyconquest_rt.archive.heal import heal
from pyconquest_rt.archive.ingest import Batch, Found, Outcome, State
from pyconquest_rt.archive.judging import Fate, fate_of, note_staged, put_in_place
from pyconquest_rt.archive.removal import audit
from pyconquest_rt.database.rows import PATIENT_ID, Values
from pyconquest_rt.dicom.edit import set_element
from pyconquest_rt.dicom.elements import PIXEL_REPRESENTATION, SPECIFIC_CHARACTER_SET
from pyconquest_rt.dicom.header import Header
from pyconquest_rt.dicom.objects import content_errors, read_object, replace_object
from pyconquest_rt.dicom.system import sync_file
from pyconquest_rt.errors import (
    ConflictError,
    DatabaseError,
    DirectoryError,
    ObjectError,
    PyconquestError,
    TruncatedError,
    UnreadableError,
)

if TYPE_CHECKING:
    from pydicom import Dataset

FORMER_PATIENT_ID = (0x00110020,)
"""A column with this tag receives the PatientID that a forced one has replaced; the file does not."""

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
MAX_UNZIPPED = 1 << 30  # what a ZIP file may always unpack to, in bytes,
MAX_RATIO = 100  # and how many times its own size beyond that

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)


class StoreResult(NamedTuple):
    """Result for one file: its series and name in the archive if it was stored, else the error."""

    path: Path
    series: str | None = None
    error: Exception | None = None
    name: str | None = None
    fate: Fate = Fate.STORED


class _Staged(NamedTuple):
    """A flushed copy of a source: its header with completed keys, and the hash of its content if it was asked for."""

    path: Path
    header: Header
    keys: Values
    sop: str
    hash: str | None
    is_as_its_source: bool


@dataclass(frozen=True, slots=True)
class Options:
    """How files are stored.

    Attributes:
        remove_after_store: remove a source once its copy is safe and indexed.
        sopinstance_as_filename: name the copy by its SOPInstanceUID, otherwise as the source is named.
        force_patientid: the PatientID that the copy gets.
        compute_hash: hash the content of RT objects into the column ``hash``.
        replacement: what becomes of another object with a SOPInstanceUID that is stored already: it takes the
            place of that one (``replace``), or is refused (``keep``, ``refuse``). One that was stored in the same
            run while its source was removed is never replaced: nothing else would hold it.
    """

    remove_after_store: bool = False
    sopinstance_as_filename: bool = False
    force_patientid: str | None = None
    compute_hash: bool = False
    replacement: str = "replace"


class Storer:
    """Copies files into the archive's tree and indexes them; each file is a transaction of its own."""

    def __init__(self, archive: Archive, options: Options) -> None:
        self._archive = archive
        self._options = options
        self._writer = archive.writer()
        self._reader = archive.layout.reader()
        heal(archive)
        self._moved: set[str] = set()  # instances whose sources were removed

    def store(self, source: str | os.PathLike[str], *, name: str | None = None) -> StoreResult:
        """Store one file under ``PatientID/name``; one that cannot be taken is reported, not raised.

        A file whose instance is indexed already replaces the one that is there. A name that another instance
        has is not used: then the file is named by its SOPInstanceUID.

        Raises:
            DatabaseError: the database cannot be written; the archive is as it was, and so is the source.
        """
        path = Path(source)
        stored = StoreResult(path, None, None, None, Fate.REFUSED)
        try:
            stored, is_in_place = self._store(path, name or path.name)
            if self._options.remove_after_store and not is_in_place:
                path.unlink()
        except DatabaseError:  # it says nothing of this file, and the next one would meet the same
            raise
        except DirectoryError as error:
            return stored._replace(error=error, fate=Fate.SKIPPED)
        except (PyconquestError, OSError) as error:
            return stored._replace(error=error)
        return stored

    def store_tree(self, path: Path) -> Iterator[StoreResult]:
        """Store a file, every member of a ZIP file, or every file of a folder."""
        if path.is_dir():
            yield from self.store_directory(path)
        elif _is_zip(path):
            yield from self._store_zip(path, "./unpack")
        else:
            yield self.store(path)

    def store_directory(
        self,
        directory: str | os.PathLike[str],
        *,
        unzip: bool = True,
        unzipdir: str | os.PathLike[str] = "./unpack",
        on_zip: Callable[[Path], object] = lambda path: None,
    ) -> Iterator[StoreResult]:
        """Store every file of a folder and of the folders in it, in the order of their names.

        Args:
            unzip: also store what ZIP files hold; these stay where they are.
            unzipdir: where members are unpacked, one at a time and in a folder of their own; if there is no
                such folder, in the system's folder for temporary files.
            on_zip: called with each ZIP file before it is opened.
        """
        for path in _files(directory):
            if unzip and _is_zip(path):
                on_zip(path)
                yield from self._store_zip(path, unzipdir)
            else:
                yield self.store(path)

    def _store(self, source: Path, name: str) -> tuple[StoreResult, bool]:
        """Store one file; returns what became of it, and whether it was in its place already."""
        archive = self._archive
        before = _whole(self._reader.read_file(source))
        with archive.storage.stage() as file:
            with source.open("rb") as original:
                shutil.copyfileobj(original, file, 1 << 20)
            file.flush()
            staged = self._read_staged(Path(file.name), source, before)
            with (
                intents_of(archive.database.path) as intents,
                placed_with(archive.database.transaction()) as placement,
            ):
                batch = self._writer.batch([staged.keys])
                target = batch.known_file(staged.keys, may_move=True) or self._target(staged, name)
                is_in_place = _is_same_file(source, archive.storage.path_of(target))
                fate = self._fate(staged, target, is_in_place=is_in_place)
                if fate.is_placed:
                    note_staged(intents, staged.path)
                    replaced = staged.sop if fate is Fate.REPLACED else ""
                    put_in_place(archive, intents, placement, staged.path, target, replaced=replaced)
                self._index(batch, staged, target, fate)
        if self._options.remove_after_store:
            self._moved.add(staged.sop)
        return StoreResult(source, staged.keys[archive.layout.series_key], None, target, fate), is_in_place

    def _read_staged(self, path: Path, source: Path, before: Header) -> _Staged:
        """Read the copy of a source, give it the PatientID that is forced upon it, and flush it.

        Raises:
            ObjectError: it is not what the source is now, which is to be removed.
        """
        archive, forced = self._archive, self._forced(before)
        if self._options.remove_after_store and not filecmp.cmp(source, path, shallow=False):
            raise ObjectError("it was changed while it was read")
        if forced is None:
            header = _whole(self._reader.read_file(path))
        else:
            force_patient_id(path, forced)
            header = _with_former_id(archive, self._reader.read_file(path), before)
        content = self._hash(path)
        keys = archive.layout.complete(header.values)
        sync_file(path)
        sop = keys[archive.layout.sop_key] or ""
        return _Staged(path, header, keys, sop, content, is_as_its_source=forced is None)

    def _fate(self, staged: _Staged, target: str, *, is_in_place: bool) -> Fate:
        """Compare a staged object with the file at its place, if any, and decide.

        Raises:
            ConflictError: it is another object, which is not to be replaced.
        """
        if is_in_place and staged.is_as_its_source:
            return Fate.IDENTICAL
        fate = fate_of(staged.sop, staged.path, self._archive.storage.path_of(target), "replace")
        if fate is not Fate.REPLACED:
            return fate
        if self._options.replacement != "replace":
            raise ConflictError("it is stored already, with other content; what is stored was kept")
        if staged.sop in self._moved:
            raise ConflictError(
                f"another object with its SOPInstanceUID was just stored from elsewhere: {staged.sop}"
            )
        return fate

    def _index(self, batch: Batch, staged: _Staged, target: str, fate: Fate) -> None:
        """Write the rows of a file that is in its place, unless they are there already."""
        status = self._archive.storage.status(target)
        assert status is not None  # it was placed, or is the source itself
        if fate is Fate.IDENTICAL and not staged.hash and batch.holds(target, status, staged.sop):
            return
        found = Found(target, status.size, status.mtime_ns, staged.header, hash=staged.hash)
        (outcome,) = batch.write([found], [staged.keys])
        if outcome.state is State.REJECTED:
            raise ConflictError(outcome.reason or "")

    def _forced(self, header: Header) -> str | None:
        """Return the PatientID that the copy has to get; None where it has it already."""
        forced = self._options.force_patientid
        return None if header.values[self._archive.layout.patient_key] == forced else forced

    def _hash(self, path: Path) -> str | None:
        with suppress(ObjectError):  # an object that cannot be hashed is stored all the same
            return hash_object(read_object(path)) if self._options.compute_hash else None
        return None

    def _target(self, staged: _Staged, name: str) -> str:
        """Choose the name of a new copy, relative to the data directory."""
        sop, patient_id = staged.sop, staged.keys[self._archive.layout.patient_key] or ""
        folder, own_name = paths.folder_name(patient_id), paths.file_name(sop)
        first = own_name if self._options.sopinstance_as_filename else paths.folder_name(name)
        numbered = (f"{Path(own_name).stem}-{number}.dcm" for number in count(2))
        candidates = (f"{folder}/{candidate}" for candidate in chain((first, own_name), numbered))
        return next(candidate for candidate in candidates if self._is_free(candidate, sop))

    def _is_free(self, object_file: str, sop: str) -> bool:
        """Whether there is no such file yet, or one that holds this very instance."""
        path = self._archive.storage.path_of(object_file)
        if not os.path.lexists(path):
            return True
        try:
            return self._reader.read_file(path).values[self._archive.layout.sop_key] == sop
        except (UnreadableError, OSError):
            return False

    def _store_zip(self, path: Path, unzipdir: str | os.PathLike[str]) -> Iterator[StoreResult]:
        """Store the members of a ZIP file; names in it are never used as paths, sizes never believed."""
        base = unzipdir if Path(unzipdir).is_dir() else None
        budget = MAX_UNZIPPED + MAX_RATIO * path.stat().st_size
        try:
            with zipfile.ZipFile(path) as zipped, tempfile.TemporaryDirectory(dir=base) as folder:
                member = Path(folder) / "member"
                for info in zipped.infolist():
                    if info.is_dir():
                        continue
                    with zipped.open(info) as packed, member.open("wb") as file:
                        budget -= _copy_bounded(packed, file, budget)
                    stored = self.store(member, name=info.filename.replace("\\", "/").split("/")[-1])
                    yield stored._replace(path=path / info.filename)
        except (ObjectError, OSError, *_ZIP_ERRORS) as error:
            yield StoreResult(path, None, error, fate=Fate.REFUSED)


def index_data_set(
    archive: Archive, data_set: "Dataset", object_file: str = "", *, compute_hash: bool = False
) -> Outcome:
    """Index an object that is in memory; ``object_file`` is the file that its row names.

    Raises:
        ObjectError: it cannot be indexed; the message says why.
        DatabaseError: the database cannot be written.
    """
    header = archive.layout.reader().read_bytes(
        _wanted_elements(archive, data_set), EXPLICIT_VR_LITTLE_ENDIAN
    )
    status = archive.storage.status(object_file) if object_file else None
    size, mtime_ns = (status.size, status.mtime_ns) if status else (-1, -1)
    content = hash_object(data_set) if compute_hash else None
    with archive.database.transaction() as connection:
        (outcome,) = archive.writer().add([Found(object_file, size, mtime_ns, header, hash=content)])
        if status is None:  # there is no such file, so none was seen
            connection.execute("DELETE FROM files WHERE path = ?", (object_file,))
    if outcome.state is State.REJECTED:
        raise ObjectError(outcome.reason or "it cannot be indexed")
    return outcome


def reindex(archive: Archive, object_files: Collection[str], change: str = "") -> list[Outcome]:
    """Read files of the archive again after they were changed; ``change`` says how, for the record.

    A file with changed identifiers contradicts those of its series that are yet to come; what was refused for
    that is taken again as long as this leads on.
    """
    reader, root, writer = archive.layout.reader(), os.fspath(archive.storage.root), archive.writer()
    if change:
        with archive.database.transaction():
            for name in object_files:
                audit(archive.database, "change-file", name, change)
    found = [read_one(reader, root, name) for name in object_files]
    outcomes: dict[str, Outcome] = {}
    refused: list[Found] = found
    while True:
        outcomes |= {outcome.path: outcome for outcome in writer.add(refused)}
        again = [item for item in refused if outcomes[item.path].state is State.REJECTED]
        if not again or len(again) == len(refused):
            return list(outcomes.values())
        refused = again


def object_file_of(archive: Archive, path: str | os.PathLike[str]) -> str | None:
    """Return a file's name relative to the data directory, with ``/``; None for a file outside."""
    for resolve in (os.path.abspath, os.path.realpath):
        try:
            found = Path(resolve(path)).relative_to(resolve(archive.storage.root))
            return "/".join(map(paths.path_text, found.parts)) or "."
        except ValueError:
            continue
    return None


def force_patient_id(path: Path, patient_id: str) -> None:
    """Give the object in a file another PatientID."""
    data_set = read_object(path)
    set_element(data_set, PATIENT_ID[0], patient_id, create=True)
    replace_object(path, data_set)


def _whole(header: Header) -> Header:
    """Return a header. Raises TruncatedError if the object is cut off, so that its source stays where it is."""
    if header.is_truncated:
        raise TruncatedError(header.fault)
    return header


def _with_former_id(archive: Archive, header: Header, before: Header) -> Header:
    """Put the PatientID that was replaced into the columns that are there for it."""
    former = before.values[archive.layout.patient_key]
    values = [
        former if field.path == FORMER_PATIENT_ID else value
        for field, value in zip(archive.layout.fields, header.values, strict=True)
    ]
    return header._replace(values=tuple(values))


def _wanted_elements(archive: Archive, data_set: "Dataset") -> bytes:
    """Encode the elements of an object that are indexed."""
    from pydicom import Dataset

    tags = {field.path[0] for field in archive.layout.fields} | set(archive.layout.sequences)
    wanted = Dataset()
    for tag in sorted(tags | {SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION}):
        with suppress(ObjectError), content_errors("its value cannot be read"):
            if tag in data_set:
                wanted[tag] = data_set[tag]
    with suppress(ObjectError):
        return _encoded(wanted)
    for tag in list(wanted.keys()):  # some value cannot be encoded, which then counts as absent
        alone = Dataset()
        alone.SpecificCharacterSet = data_set.get("SpecificCharacterSet")
        alone[tag] = wanted[tag]
        try:
            _encoded(alone)
        except ObjectError:
            del wanted[tag]
    return _encoded(wanted)


def _encoded(data_set: "Dataset") -> bytes:
    from pydicom import dcmwrite

    file = io.BytesIO()
    with content_errors("it cannot be encoded"):
        dcmwrite(file, data_set, implicit_vr=False, little_endian=True)
    return file.getvalue()


def _files(directory: str | os.PathLike[str]) -> Iterator[Path]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if name != INCOMING)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] != b"DICM" and zipfile.is_zipfile(file)
    except OSError:
        return False


def _copy_bounded(source: IO[bytes], target: IO[bytes], limit: int) -> int:
    """Copy no more than ``limit`` bytes; returns how many there were."""
    copied = 0
    while chunk := source.read(1 << 20):
        copied += len(chunk)
        if copied > limit:
            raise ObjectError(
                "the ZIP file unpacks to far more than its size; unpack it by hand if it is right"
            )
        target.write(chunk)
    return copied


def _is_same_file(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:
        return False
