"""The one way in: what was read of a file becomes rows, in one transaction, under the rules of the index.

Every image has its series, study and patient row. The first indexed copy of an instance stays its ObjectFile
while that file exists. An object that contradicts what is indexed is refused; a known instance under another
PatientID moves its whole study.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from pyconquest_rt.archive.access import access_time
from pyconquest_rt.archive.due import objects_changed
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE, FileStatus, Storage
from pyconquest_rt.archive.outbox import queue_objects
from pyconquest_rt.archive.parents import Known, Row
from pyconquest_rt.archive.removal import move_study, remove_images
from pyconquest_rt.database.connection import EXTRA_IMAGE_COLUMNS, Database, quote
from pyconquest_rt.database.pyconquest_columns import NONE, RTColumns
from pyconquest_rt.database.rows import MODALITIES_IN_STUDY, Parents, RowLayout, Values
from pyconquest_rt.database.schema import Definition, Table
from pyconquest_rt.dicom.header import Header
from pyconquest_rt.errors import ConflictError


class State(StrEnum):
    """What became of one file."""

    INDEXED = "indexed"
    UPDATED = "updated"
    MOVED = "moved"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    REJECTED = "rejected"


class Found(NamedTuple):
    """A file that was looked at: its header, or the reason why there is none.

    ``path`` is relative to the data directory, with ``/``; ``hash`` is the content's hash where one was asked for.
    """

    path: str
    size: int
    mtime_ns: int
    header: Header | None
    reason: str | None = None
    hash: str | None = None
    is_skipped: bool = False  # it is nothing that an index holds, such as a DICOMDIR


class Outcome(NamedTuple):
    """What became of one file, and why where it was not taken; of one that was, what is wrong with it."""

    path: str
    state: State
    sop: str | None = None
    reason: str | None = None


class Writer:
    """Writes the rows of objects into one database.

    Args:
        database: where the rows go.
        storage: where the files are; it is asked only about files of instances that are known already.
        layout: which value goes into which column.
        private: nothing but what this writes is written by this connection, so that what was read for one
            transaction may serve the next.
        device: where the files are. What was seen of files is remembered for the data directory only.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        layout: RowLayout,
        *,
        private: bool = False,
        device: str = DEFAULT_DEVICE,
    ) -> None:
        self.device = device
        self.database = database
        self.known = Known(database, lasts=private)
        self.storage = storage
        self.layout = layout
        self.statements = _Statements(database.definition)
        self.released = (
            0  #: further copies of instances whose files hold something else now; they are to be read
        )

    def add(self, found: Sequence[Found]) -> list[Outcome]:
        """Write the rows of several files in one transaction; returns what became of each, in their order.

        Raises:
            sqlite3.Error: the database cannot be written; then nothing of this call is.
        """
        complete = self.layout.complete
        values = [item.header and complete(item.header.values) for item in found]
        with self.database.transaction():
            return self.batch([v for v in values if v is not None]).write(found, values)

    def batch(self, values: Sequence[Values]) -> "Batch":
        """Look up what the index knows of objects; to be used within one transaction.

        Args:
            values: those of each object's fields, completed by the layout.
        """
        return Batch(self, values)


_IMAGES_OF_STUDY = (
    "SELECT count(*) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
    "WHERE s.StudyInsta = ?"
)


class _Image(NamedTuple):
    """What an image row that is there already says."""

    path: str
    device: str | None
    series: str | None


class Batch:
    """One transaction's worth of objects: looked up together, judged one by one, written together."""

    def __init__(self, writer: Writer, values: Sequence[Values]) -> None:
        self.writer = writer
        self.database, self.storage, self.layout = writer.database, writer.storage, writer.layout
        self.definition, self.statements, self.known = (
            writer.database.definition,
            writer.statements,
            writer.known,
        )
        self.device = writer.device
        self.access_time = access_time()
        self.time_stamp = str(time.time())
        self.parents: Parents | None = None  # of the object accepted last; one with the same needs no judging
        self.seen_as: dict[str, str | None] = {}
        self.known.check()
        self.values = values
        self._look_up(values)
        self._clear()

    def _clear(self) -> None:
        self.latest: dict[str, tuple[Values, RTColumns]] = {}  # series → the last object of it
        self.new_rows: list[tuple[Any, ...]] = []
        self.changed_rows: list[tuple[Any, ...]] = []
        self.files: list[tuple[Any, ...]] = []
        self.refused: list[tuple[Any, ...]] = []

    def known_file(self, values: Values, *, may_move: bool = False) -> str | None:
        """Return the file that an instance has already, whose place a newer one is to take, or None.

        Args:
            values: those of the object that arrives.
            may_move: a person stores it, and so may give a study that holds nothing else to another patient; a
                sender is not believed to move one.

        Raises:
            ConflictError: an object that arrives with these values contradicts what is indexed.
        """
        sop = values[self.layout.sop_key]
        if sop is None:
            raise ConflictError("it has no SOPInstanceUID")
        image = self.images.get(sop)
        if image and image.series != values[self.layout.series_key]:
            raise ConflictError(f"instance {sop} is indexed in series {image.series}")
        self._refuse_conflict(self.layout.parents_of(values), known=may_move and image is not None)
        return image.path if image and image.path and image.device == DEFAULT_DEVICE else None

    def holds(self, path: str, status: FileStatus, sop: str) -> bool:
        """Whether the rows are those of an instance as it stands in a file, for all that was seen of that.

        They are not where a program was killed between replacing the file and writing its rows.
        """
        row = self.database.connection.execute(
            "SELECT size, mtime_ns, sop FROM files WHERE path = ? AND state = 'indexed'", (path,)
        ).fetchone()
        return row is not None and tuple(row) == (status.size, status.mtime_ns, sop) and sop in self.images

    def write(self, found: Sequence[Found], values: Sequence[Values | None]) -> list[Outcome]:
        """Judge and write files, each with the values of its object if that could be read; returns the outcomes."""
        paths = [item.path for item in found]
        if self.device == DEFAULT_DEVICE:
            self.seen_as = dict(
                self.database.select_in("SELECT path, sop FROM files WHERE path IN (?)", paths)
            )
        outcomes = [self._take(item, v) for item, v in zip(found, values, strict=True)]
        self._flush()
        self.known.keep()
        return outcomes

    # -- what is there already ------------------------------------------------------------------------------

    def _look_up(self, values: Sequence[Values]) -> None:
        """Read what the index knows of these objects and their parents."""
        layout, database = self.layout, self.database
        sops = [sop for v in values if (sop := v[layout.sop_key])]
        self.images = {
            sop: _Image((path or "").replace("\\", "/"), device, series)
            for sop, path, device, series in database.select_in(
                "SELECT SOPInstanc, ObjectFile, DeviceName, SeriesInst FROM DICOMImages WHERE SOPInstanc IN (?)",
                sops,
            )
        }
        self.series = {v[layout.series_key] for v in values} | {row.series for row in self.images.values()}
        self.studies = {v[layout.study_key] for v in values}
        self._look_up_parents()

    def _look_up_parents(self) -> None:
        known, definition = self.known, self.definition
        known.study_of |= self._parents_of(self.series, definition.series)
        studies = self.studies | {known.study_of.get(series or "") for series in self.series}
        known.patient_of |= self._parents_of(studies, definition.studies)

    def _parents_of(self, keys: Iterable[str | None], table: Table) -> dict[str, str]:
        """The parents of those that have a row: its link, the last column of the definition."""
        rows, link = self._rows_before(table, keys), len(table.columns) - 1
        found = [row for key in keys if key is not None and (row := rows.get(key))]
        return {row[0]: row[link] for row in found if row[link] is not None}

    # -- judging one file -----------------------------------------------------------------------------------

    def _take(self, item: Found, values: Values | None) -> Outcome:
        path = item.path
        if values is None:
            return self._skip(item) if item.is_skipped else self._refuse(item, None, item.reason or "")
        sop = values[self.layout.sop_key]
        if sop is None:
            return self._refuse(item, None, "it has no SOPInstanceUID")
        if self.seen_as and self.seen_as.get(path, sop) not in (sop, None):
            self._forget_content_of(path)
        image = self.images.get(sop)
        state = State.INDEXED
        if image is not None:
            state = self._state_of_known(item, image)
            if state is State.DUPLICATE:
                self.files.append((path, item.size, item.mtime_ns, sop, "duplicate"))
                return Outcome(path, state, sop)
            image = self._same_series(sop, image, values)
        known, parents = image is not None, self.layout.parents_of(values)
        if parents != self.parents:
            try:
                self._refuse_conflict(parents, known=known)
            except ConflictError as error:
                return self._refuse(item, sop, str(error))
            self._join(parents)
        self._accept(item, sop, values, known=known)
        return Outcome(path, state, sop, item.header and item.header.fault)

    def _state_of_known(self, item: Found, image: _Image) -> State:
        if image.path == item.path and self.storage.device_of(image.device) == self.device:
            return State.UPDATED
        if self.storage.status(image.path, image.device) is not None:
            return State.DUPLICATE
        self.database.connection.execute("DELETE FROM files WHERE path = ?", (image.path,))
        return State.MOVED

    def _same_series(self, sop: str, image: _Image, values: Values) -> _Image | None:
        """Return the row if the object still is in its series and study; else drop it, the file has changed."""
        series, study = values[self.layout.series_key], values[self.layout.study_key]
        if image.series == series and self.known.study_of.get(series or "", study) == study:
            return image
        self._drop(sop)
        return None

    def _refuse_conflict(self, parents: Parents, *, known: bool) -> None:
        """Raise ConflictError for a series of another study, or a study that is another patient's and stays so."""
        patient, study, series = parents
        if self.known.study_of.get(series, study) != study:
            raise ConflictError(
                f"series {series} is indexed in study {self.known.study_of[series]}, not {study}"
            )
        before = self.known.patient_of.get(study, patient)
        if before != patient and not (known and self._most_say(study, patient, before)):
            raise ConflictError(f"study {study} is indexed for another patient")

    def _most_say(self, study: str, patient: str, before: str) -> bool:
        """Whether of a study's images more are said to be a patient's, by this batch, than are the former one's.

        The former patient has those that the batch does not name, too; of as many, the smaller text has it.
        """
        layout = self.layout
        named = [v[layout.patient_key] for v in self.values if v[layout.study_key] == study]
        (images,) = self.database.connection.execute(_IMAGES_OF_STUDY, (study,)).fetchone()
        others = images - sum(
            v[layout.study_key] == study and v[layout.sop_key] in self.images for v in self.values
        )
        new, old = named.count(patient), named.count(before) + others
        return new > old or (new == old and patient < before)

    def _join(self, parents: Parents) -> None:
        """From here on the series is in this study, and the study is this patient's."""
        patient, study, series = parents
        if self.known.patient_of.get(study, patient) != patient:
            self._flush()
            move_study(self.database, study, patient)
            self.known.forget_rows()
        self.known.study_of[series] = study
        self.known.patient_of[study] = patient
        self.latest.pop(series, None)  # so that it comes last
        self.parents = parents

    def _accept(self, item: Found, sop: str, values: Values, *, known: bool) -> None:
        path, size, mtime_ns, header, _, content, _ = item
        series = values[self.layout.series_key]
        assert header is not None and series is not None  # _take() has seen to it
        rt = header.digest or NONE
        image = values[self.layout.image]
        row = (*image, self.access_time, path, self.device, *rt, self.time_stamp, content)
        (self.changed_rows if known else self.new_rows).append(row)
        self.images[sop] = _Image(path, self.device, series)
        self.latest[series] = values, rt
        self.files.append((path, size, mtime_ns, sop, "truncated" if header.is_truncated else "indexed"))

    def _skip(self, item: Found) -> Outcome:
        if self.seen_as.get(item.path):
            self._forget_content_of(item.path)
        self.files.append((item.path, item.size, item.mtime_ns, None, "skipped"))
        return Outcome(item.path, State.SKIPPED, None, item.reason)

    def _refuse(self, item: Found, sop: str | None, reason: str) -> Outcome:
        if item.size < 0 and self.seen_as.get(item.path):
            return Outcome(item.path, State.REJECTED, None, reason)  # what is in it now cannot be said
        if self.seen_as.get(item.path):
            self._forget_content_of(item.path)
        self.files.append((item.path, item.size, item.mtime_ns, sop, "rejected"))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.refused.append((item.path, sop, reason, now))
        return Outcome(item.path, State.REJECTED, sop, reason)

    def _forget_content_of(self, path: str) -> None:
        """The file holds something else now: the row of what it held before goes."""
        before, self.seen_as[path] = self.seen_as.get(path), None
        row = self.database.connection.execute(
            "SELECT ObjectFile FROM DICOMImages WHERE SOPInstanc = ?", (before,)
        ).fetchone()
        if before is not None and row and row[0] == path:
            self._drop(before)

    def _drop(self, sop: str) -> None:
        self._flush()
        self.writer.released += remove_images(self.database, [sop])
        self.parents = None
        self.images.pop(sop, None)
        self.known.clear()
        self._look_up_parents()

    # -- writing --------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write what has been judged so far: parents first, then images, then what was seen of the files."""
        if self.device != DEFAULT_DEVICE:
            self.files.clear()
            self.refused = [(f"{self.device}:{path}", *rest) for path, *rest in self.refused]
        database, connection = self.database, self.database.connection
        self._write_parents()
        database.insert(self.definition.images.name, self.statements.image_columns, self.new_rows)
        if self.changed_rows:
            keys = [row[0] for row in self.changed_rows]
            rows = [(*row, key) for row, key in zip(self.changed_rows, keys, strict=True)]
            connection.executemany(self.statements.update_image, rows)
            objects_changed(database, keys)
        if self.new_rows or self.changed_rows:
            arrivals = self.known.arrivals(self.statements.image_columns)
            arrivals.write(chain(self.new_rows, self.changed_rows))
        database.insert("files", _FILES_COLUMNS, self.files, _FILE_SEEN_AGAIN)
        if self.seen_as:
            connection.executemany("DELETE FROM rejected WHERE path = ?", [row[:1] for row in self.files])
        if rules := self.known.rules():
            queue_objects(database, rules, [row[3] for row in self.files if row[4] == "indexed"])
        if self.refused:
            connection.executemany(
                "INSERT INTO rejected(path, SOPInstanceUID, reason, time) VALUES (?, ?, ?, ?)", self.refused
            )
        self._clear()

    def _write_parents(self) -> None:
        layout, definition = self.layout, self.definition
        patients: dict[str, Values] = {}
        studies: dict[str, Values] = {}
        series: dict[str, Values] = {}
        modalities: dict[str, set[str]] = {}
        for uid, (values, rt) in self.latest.items():
            patient, study = values[layout.patient_key], values[layout.study_key]
            assert patient is not None and study is not None  # complete() put them in
            patients[patient] = values[layout.patient]
            studies[study] = values[layout.study]
            series[uid] = self._series_row(values[layout.series], rt)
            modalities.setdefault(study, set()).add(values[layout.modality] or "")
        self._upsert(definition.patients, patients, self._rows_before(definition.patients, patients))
        before = self._rows_before(definition.studies, studies)
        self._upsert(definition.studies, self._with_modalities(studies, modalities, before), before)
        self._upsert(definition.series, series, self._rows_before(definition.series, series))

    def _series_row(self, row: Values, rt: RTColumns) -> Values:
        """A structure set's series row tells its frame of reference and the series that it was drawn on."""
        if rt.UniqueFOR_UID is None and rt.ReferencedSeriesUID is None:
            return row
        extra: dict[tuple[int, ...], str | None] = {
            (0x00200052,): rt.UniqueFOR_UID,
            (0x00081155,): rt.ReferencedSeriesUID,
        }
        columns = self.definition.series.columns
        return tuple(value or extra.get(column.path) for column, value in zip(columns, row, strict=True))

    def _with_modalities(
        self, studies: dict[str, Values], modalities: dict[str, set[str]], before: dict[str, Row]
    ) -> dict[str, Values]:
        """The study rows with their modalities: those they have, and those of the objects that have come."""
        columns = self.definition.studies.columns
        place = next((n for n, column in enumerate(columns) if column.path == MODALITIES_IN_STUDY), None)
        if place is None:
            return studies
        rows = {}
        for study, row in studies.items():
            known = before[study][place] if study in before else None
            merged = modalities[study] | set((known or "").split("\\"))
            rows[study] = (*row[:place], "\\".join(sorted(merged - {""})), *row[place + 1 :])
        return rows

    def _rows_before(self, table: Table, keys: Iterable[str | None]) -> dict[str, Row]:
        """The rows that parents have already, by their keys, as far as objects write them."""
        return self.known.rows_of(table.name, self.statements.parents[table.name].select, keys)

    def _upsert(self, table: Table, rows: dict[str, Values], before: dict[str, Row]) -> None:
        """Write parent rows by their keys: what these objects say wins, what they leave out stays.

        A row that would stay as it is is not written: each object of a series says the same of its parents, and
        a row's entries in the indices cost more pages of the journal than the object itself.
        """
        new, changed = [], []
        for key, values in rows.items():
            row, known = (*values, self.access_time), before.get(key)
            if known is None:
                new.append(row)
            elif any(old == "" or value not in (None, old) for value, old in zip(row, known, strict=True)):
                changed.append((*row, key))
                row = tuple(
                    old or None if value is None else value for value, old in zip(row, known, strict=True)
                )
            before[key] = row
        statements = self.statements.parents[table.name]
        if changed:
            self.database.connection.executemany(statements.update, changed)
        self.database.insert(table.name, statements.columns, new)


_FILES_COLUMNS = ("path", "size", "mtime_ns", "sop", "state")
_FILE_SEEN_AGAIN = """ON CONFLICT(path) DO UPDATE SET
size = excluded.size, mtime_ns = excluded.mtime_ns, sop = excluded.sop, state = excluded.state"""


class _ParentStatements(NamedTuple):
    """SELECT of the rows that are there, UPDATE that keeps what it is not given, and the columns of both."""

    select: str
    update: str
    columns: list[str]


class _Statements:
    """The statements that write rows, made once."""

    def __init__(self, definition: Definition) -> None:
        self.image_columns = _image_columns(definition.images)
        self.update_image = _update(definition.images, self.image_columns)
        self.parents = {table.name: _upsert(table) for table in definition.tables[:3]}


def _upsert(table: Table) -> _ParentStatements:
    columns = [*(column.name for column in table.columns), "AccessTime"]
    kept = ", ".join(f"{quote(name)} = COALESCE(?, NULLIF({quote(name)}, ''))" for name in columns)
    name, key = quote(table.name), quote(table.key.name)
    return _ParentStatements(
        f"SELECT {', '.join(map(quote, columns))} FROM {name} WHERE {key} IN (?)",
        f"UPDATE {name} SET {kept} WHERE {key} = ?",
        columns,
    )


def _image_columns(images: Table) -> list[str]:
    return [
        *(column.name for column in images.columns),
        "AccessTime",
        "ObjectFile",
        "DeviceName",
        *EXTRA_IMAGE_COLUMNS,
    ]


def _update(table: Table, columns: list[str]) -> str:
    values = ", ".join(f"{quote(name)} = ?" for name in columns)
    return f"UPDATE {quote(table.name)} SET {values} WHERE {quote(table.key.name)} = ?"
