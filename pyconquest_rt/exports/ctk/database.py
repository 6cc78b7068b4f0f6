"""The two files of a ctkDICOM database, kept in step with an archive: ``ctkDICOM.sql`` and ``ctkDICOMTagCache.sql``.

The files of the archive stay where they are; the database names them. Slicer may have it open meanwhile: the journal
is SQLite's rollback journal, and transactions are short.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.foreign import ForeignFile
from pyconquest_rt.dicom.header import Header, HeaderReader
from pyconquest_rt.errors import DatabaseError, StorageError, UnreadableError
from pyconquest_rt.exports.ctk import rows as ctk_rows
from pyconquest_rt.exports.ctk import tags

VERSION = "0.8.1"
DATABASE, TAG_CACHE = "ctkDICOM.sql", "ctkDICOMTagCache.sql"
_TAG_CACHE_TABLE = "CREATE TABLE TagCache (SOPInstanceUID, Tag, Value, PRIMARY KEY (SOPInstanceUID, Tag))"
_BATCH = 500  # objects of one transaction
_PARENTS = (
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "PatientName",
)  # images alike in them share them
_UNCOMPRESSED = "1.2.840.10008.1.2"
_LOCAL = (
    "SELECT i.SOPInstanc, i.ObjectFile, i.DeviceName FROM DICOMImages i ORDER BY i.SeriesInst, i.SOPInstanc"
)


@dataclass
class Updated:
    """What an update did: images added, replaced, removed and left as they were, and those left out with the reason."""

    added: int = 0
    replaced: int = 0
    removed: int = 0
    unchanged: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        text = f"{self.added} added, {self.replaced} replaced, {self.removed} removed, {self.unchanged} unchanged"
        return f"{text}, {len(self.left_out)} left out" if self.left_out else text


class _Local(NamedTuple):
    """An image of the archive: its file, and when that was changed last, in seconds since 1970."""

    sop: str
    path: Path
    changed: float


def update(archive: Archive, folder: str | os.PathLike[str], *, absolute: bool = False) -> Updated:
    """Make the ctkDICOM database of a folder, or bring it into line with the archive.

    Args:
        archive: whose images it shows.
        folder: where the two files are, or will be.
        absolute: name files by absolute paths; otherwise those below the folder by relative ones, which Slicer
            reads again when the folder is imported again.

    Rows of images that have not changed stay as they are. An image whose file is missing, unreadable or without a
    StudyInstanceUID is left out, with the reason.

    Raises:
        DatabaseError: there is a database of another version, or it cannot be written.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with ForeignFile(place / DATABASE) as database, ForeignFile(place / TAG_CACHE) as cache:
        _prepare(database, cache)
        return _Update(archive, place.resolve(), database, cache, absolute).run()


def files_elsewhere(folder: str | os.PathLike[str]) -> list[str]:
    """Return the files of a ctkDICOM database that do not lie below its folder.

    Raises:
        DatabaseError: there is no such database in the folder, or it is none.
    """
    path = Path(folder) / DATABASE
    if not path.is_file():
        raise DatabaseError(f"there is no {DATABASE} in {folder}")
    with ForeignFile(path) as database:
        names = database.rows("SELECT Filename FROM Images WHERE Filename IS NOT NULL ORDER BY Filename")
    place = Path(folder).resolve()
    return [name for (name,) in names if not (place / name).resolve().is_relative_to(place)]


def _prepare(database: ForeignFile, cache: ForeignFile) -> None:
    """Make the tables where there are none. Raises DatabaseError for a schema of another version."""
    if "SchemaInfo" in database.tables():
        found = [version for (version,) in database.rows("SELECT Version FROM SchemaInfo")]
        if found != [VERSION]:
            raise DatabaseError(
                f"{database.path} has the schema {', '.join(found)} of ctkDICOM, not {VERSION}"
            )
    else:
        package = resources.files(__package__)
        script = package.joinpath("schema.sql").read_text("utf-8")
        columns = list(csv.reader(package.joinpath("columns.csv").read_text("utf-8").splitlines()))[1:]
        with database.transaction():
            for statement in script.split(";\n"):
                database.rows(statement)
            database.rows("INSERT INTO SchemaInfo VALUES (?)", (VERSION,))
            database.run_many("INSERT INTO ColumnDisplayProperties VALUES (?, ?, ?, ?, ?, ?)", columns)
    if "TagCache" not in cache.tables():
        cache.rows(_TAG_CACHE_TABLE)


class _Update:
    """One update; each batch of objects is a transaction."""

    def __init__(
        self, archive: Archive, folder: Path, database: ForeignFile, cache: ForeignFile, absolute: bool
    ) -> None:
        self._archive, self._folder, self._absolute = archive, folder, absolute
        self._database, self._cache = database, cache
        self._reader: HeaderReader = tags.reader()
        self._done = Updated()

    def run(self) -> Updated:
        """Do it; returns what was done."""
        shown = {
            sop: (name, inserted)
            for sop, name, inserted in self._database.rows(
                "SELECT SOPInstanceUID, Filename, InsertTimestamp FROM Images WHERE Filename IS NOT NULL"
            )
        }
        due: list[_Local] = []
        for image in self._local():
            known = shown.pop(image.sop, None)
            if (
                known is not None
                and known[0] == self._name(image.path)
                and _is_later(known[1], image.changed)
            ):
                self._done.unchanged += 1
                continue
            due.append(image)
            self._done.replaced += known is not None
            self._done.added += known is None
        for gone in _batches(list(shown)):
            self._remove(gone)
        self._done.removed = len(shown)
        for batch in _batches(due):
            self._write(batch)
        return self._done

    def _local(self) -> Iterator[_Local]:
        storage = self._archive.storage
        for row in self._archive.database.query(_LOCAL):
            sop, device = row["SOPInstanc"], row["DeviceName"]
            try:
                path = storage.path_of(row["ObjectFile"] or "", device)
                status = path.stat()
            except (OSError, StorageError) as error:
                self._done.left_out.append((sop, f"its file cannot be reached: {error}"))
                continue
            yield _Local(sop, path, status.st_mtime)

    def _name(self, path: Path) -> str:
        """Return the name of a file as the database has it."""
        resolved = Path(os.path.abspath(path))
        if not self._absolute and resolved.is_relative_to(self._folder):
            return resolved.relative_to(self._folder).as_posix()
        return resolved.as_posix()

    def _remove(self, sops: Sequence[str]) -> None:
        keys = [(sop,) for sop in sops]
        with self._cache.transaction():
            self._cache.run_many("DELETE FROM TagCache WHERE SOPInstanceUID = ?", keys)
        with self._database.transaction():
            series = self._series_of(sops)
            self._database.run_many("DELETE FROM Images WHERE SOPInstanceUID = ?", keys)
            self._tidy(series)

    def _series_of(self, sops: Iterable[str]) -> set[str]:
        found = (
            self._database.rows("SELECT SeriesInstanceUID FROM Images WHERE SOPInstanceUID = ?", (sop,))
            for sop in sops
        )
        return {uid for (uid,) in chain.from_iterable(found)}

    def _write(self, batch: Sequence[_Local]) -> None:
        """Read the headers of some objects and write their rows: the cache first, since Slicer goes by the images."""
        read = [(image, header) for image in batch if (header := self._read(image)) is not None]
        keys = [(image.sop,) for image, _ in read]
        with self._cache.transaction():
            self._cache.run_many("DELETE FROM TagCache WHERE SOPInstanceUID = ?", keys)
            rows = (tags.cache_rows(image.sop, header.values, _has_pixels(header)) for image, header in read)
            self._cache.run_many("INSERT INTO TagCache VALUES (?, ?, ?)", chain.from_iterable(rows))
        with self._database.transaction():
            before = self._series_of(image.sop for image in batch)
            self._database.run_many("DELETE FROM Images WHERE SOPInstanceUID = ?", keys)
            series = self._insert(read)
            self._tidy(before | series)

    def _read(self, image: _Local) -> Header | None:
        """Return the header of an image; None, and a reason on record, where it cannot be used."""
        why = "it has no StudyInstanceUID"
        try:
            header = self._reader.read_file(image.path)
            if tags.value(header.values, "SOPInstanceUID") != image.sop:
                why = "its file holds another object; a rebuild finds it"
            elif tags.value(header.values, "StudyInstanceUID"):
                return header
        except UnreadableError as error:
            why = str(error)
        self._done.left_out.append((image.sop, why))
        return None

    def _insert(self, read: Iterable[tuple[_Local, Header]]) -> set[str]:
        """Insert the rows of some images, and of their parents that are not there; returns the UIDs of their series."""
        now = datetime.now().isoformat(timespec="milliseconds")
        parents: dict[tuple[str, ...], str] = {}
        images = []
        for image, header in read:
            get = tags.getter(header.values)
            key = tuple(get(name) for name in _PARENTS)
            if key not in parents:
                parents[key] = self._insert_parents(get, now)
            images.append((image.sop, self._name(image.path), parents[key], now))
        self._database.run_many("INSERT INTO Images VALUES (?, ?, '', ?, ?, CURRENT_TIMESTAMP)", images)
        return set(parents.values())

    def _insert_parents(self, get: ctk_rows.Get, now: str) -> str:
        """Insert patient, study and series of an image where they are not there; returns the UID of the series."""
        patient = self._one("Patients", ctk_rows.patient_row(get), ("PatientID", "PatientsName"), now)
        self._one("Studies", ctk_rows.study_row(get) | {"PatientsUID": patient}, ("StudyInstanceUID",), now)
        self._one("Series", ctk_rows.series_row(get), ("SeriesInstanceUID",), now)
        return get("SeriesInstanceUID")

    def _one(self, table: str, row: dict[str, Any], key: Sequence[str], now: str) -> int:
        """Return the rowid of the row with these values of its key, which is inserted where there is none."""
        where = " AND ".join(f"{name} = ?" for name in key)
        found = self._database.rows(
            f"SELECT rowid FROM {table} WHERE {where}",  # noqa: S608 - names of the schema
            tuple(row[name] for name in key),
        )
        return int(found[0][0]) if found else self._database.insert(table, row | {"InsertTimestamp": now})

    def _tidy(self, series: Iterable[str]) -> None:
        """Count again what these series, their studies and patients hold; rows without children go."""
        keys = [(uid,) for uid in series]
        for statement in _TIDY:
            self._database.run_many(statement, keys if "?" in statement else [()])


_TIDY = (
    "UPDATE Series SET DisplayedFieldsUpdatedTimestamp = CURRENT_TIMESTAMP, DisplayedCount = "
    "(SELECT count(*) FROM Images i WHERE i.SeriesInstanceUID = Series.SeriesInstanceUID) "
    "WHERE SeriesInstanceUID = ?",
    "DELETE FROM Series WHERE DisplayedCount = 0 AND SeriesInstanceUID = ?",
    "UPDATE Studies SET DisplayedFieldsUpdatedTimestamp = CURRENT_TIMESTAMP, DisplayedNumberOfSeries = "
    "(SELECT count(*) FROM Series s WHERE s.StudyInstanceUID = Studies.StudyInstanceUID) WHERE "
    "DisplayedNumberOfSeries IS NOT "
    "(SELECT count(*) FROM Series s WHERE s.StudyInstanceUID = Studies.StudyInstanceUID)",
    "DELETE FROM Studies WHERE DisplayedNumberOfSeries = 0",
    "UPDATE Patients SET DisplayedFieldsUpdatedTimestamp = CURRENT_TIMESTAMP, "
    "DisplayedNumberOfStudies = (SELECT count(*) FROM Studies s WHERE s.PatientsUID = Patients.UID), "
    "DisplayedLastStudyDate = (SELECT max(s.StudyDate) FROM Studies s WHERE s.PatientsUID = Patients.UID) WHERE "
    "DisplayedNumberOfStudies IS NOT (SELECT count(*) FROM Studies s WHERE s.PatientsUID = Patients.UID)",
    "DELETE FROM Patients WHERE DisplayedNumberOfStudies = 0",
)


_Any = TypeVar("_Any")


def _batches(items: Sequence[_Any]) -> Iterator[Sequence[_Any]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _is_later(timestamp: str, changed: float) -> bool:
    """Whether a row was inserted after its file was changed last."""
    return datetime.fromisoformat(timestamp).timestamp() > changed


def _has_pixels(header: Header) -> bool:
    """Whether an object has pixel data: it has Rows, and if they are not compressed room for them in its file."""
    get = tags.getter(header.values)
    numbers = [ctk_rows.integer(get(name)) for name in ("Rows", "Columns", "BitsAllocated")]
    if not numbers[0]:
        return False
    is_native = header.transfer_syntax.startswith(_UNCOMPRESSED) and header.transfer_syntax.count(".") <= 6
    return not is_native or header.size >= numbers[0] * numbers[1] * numbers[2] // 8
