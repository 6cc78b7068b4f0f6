"""The one way in: headers become rows in one transaction, under the rules of the index.

Every image has its series, study and patient row. Of several files of an instance the first is its ObjectFile: by
devices, then by the text of their paths. An object that contradicts what is indexed is refused; which of them is right
is for a rebuild to say, by all files (see :mod:`pyconquest_rt.archive.contested`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE, FileStatus, Storage
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.archive.parents import Known
from pyconquest_rt.archive.pending import PendingRows
from pyconquest_rt.archive.removal import move_study, remove_images
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.index_statements import (
    COPIES_OF,
    FILE_OF_INSTANCE,
    FORGET_COPIES_OF,
    IMAGES_BY_UID,
    IMAGES_OF_STUDY,
    IndexStatements,
)
from pyconquest_rt.database.rows import Parents, RowLayout, Values
from pyconquest_rt.database.schema import Table
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
    """One file of the archive: its header, or the reason why it has none.

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
    """Outcome for one file: its state, and the reason for a refusal or the fault of an indexed one."""

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
        self.statements = IndexStatements(database.definition)
        self.released = 0
        """Further copies of instances whose files hold something else now; they are to be read."""

    def add(
        self, found: Sequence[Found], objection: Callable[[Parents], str | None] | None = None
    ) -> list[Outcome]:
        """Write the rows of several files in one transaction; returns what became of each, in their order.

        Args:
            found: the files.
            objection: says why an object that names such parents is to be refused, where that is settled already.

        Raises:
            DatabaseError: the database cannot be written; then nothing of this call is.
        """
        complete = self.layout.complete
        values = [item.header and complete(item.header.values) for item in found]
        with self.database.transaction():
            batch = self.batch([v for v in values if v is not None])
            batch.objection = objection
            return batch.write(found, values)

    def batch(self, values: Sequence[Values]) -> "Batch":
        """Look up what the index knows of objects; to be used within one transaction.

        Args:
            values: those of each object's fields, completed by the layout.
        """
        return Batch(self, values)


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
        self.definition, self.statements = writer.database.definition, writer.statements
        self.known, self.device = writer.known, writer.device
        self.pending = PendingRows(
            writer.database, writer.layout, writer.statements, writer.known, writer.device
        )
        self.parents: Parents | None = None  # of the object accepted last; one with the same needs no judging
        self.seen_as: dict[str, str | None] = {}
        self.objection: Callable[[Parents], str | None] | None = None
        self.known.check()
        self.corrections = self.known.corrections(self.layout)
        self.values = [self.corrections.apply(v) for v in values]
        self._look_up(self.values)

    def known_file(self, values: Values, *, may_move: bool = False) -> str | None:
        """Return the file that an instance has already, whose place a newer one is to take, or None.

        Args:
            values: those of the object that arrives.
            may_move: a person stores it, and so may give a study that holds nothing else to another patient; a
                sender is not believed to move one.

        Raises:
            ConflictError: an object that arrives with these values contradicts what is indexed.
        """
        values = self.corrections.apply(values)
        sop = values[self.layout.sop_key]
        if sop is None:
            raise ConflictError("it has no SOPInstanceUID")
        image = self.images.get(sop)
        if image and image.series != values[self.layout.series_key]:
            raise ConflictError(f"instance {sop} is indexed in series {image.series}")
        self._refuse_conflict(self.layout.parents_of(values), known=may_move and image is not None)
        return image.path if image and image.path and image.device == DEFAULT_DEVICE else None

    def holds(self, path: str, status: FileStatus, sop: str) -> bool:
        """Return whether the rows were written from the present state of an instance's file.

        They are not where a program was killed between replacing the file and writing its rows.
        """
        row = self.database.connection.execute(FILE_OF_INSTANCE, (path,)).fetchone()
        return row is not None and tuple(row) == (status.size, status.mtime_ns, sop) and sop in self.images

    def write(self, found: Sequence[Found], values: Sequence[Values | None]) -> list[Outcome]:
        """Judge files and write their rows; ``values`` has None for an unreadable file. Returns the outcomes."""
        paths = [item.path for item in found]
        if self.device == DEFAULT_DEVICE:
            self.seen_as = dict(
                self.database.select_in("SELECT path, sop FROM files WHERE path IN (?)", paths)
            )
        apply = self.corrections.apply
        outcomes = [self._take(item, v and apply(v)) for item, v in zip(found, values, strict=True)]
        self.pending.write(was_seen=bool(self.seen_as))
        self.known.keep()
        return outcomes

    # -- what is there already ------------------------------------------------------------------------------

    def _look_up(self, values: Sequence[Values]) -> None:
        """Read what the index knows of these objects and their parents."""
        layout, database = self.layout, self.database
        sops = [sop for v in values if (sop := v[layout.sop_key])]
        self.images = {
            sop: _Image(file_key(path or ""), device, series)
            for sop, path, device, series in database.select_in(IMAGES_BY_UID, sops)
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
        """Return key → parent key of the rows that exist; the parent is the last column of the definition."""
        rows, link = self.pending.parents.before(table, keys), len(table.columns) - 1
        found = [row for key in keys if key is not None and (row := rows.get(key))]
        return {row[0]: row[link] for row in found if row[link] is not None}

    # -- judging one file -----------------------------------------------------------------------------------

    def _take(self, item: Found, values: Values | None) -> Outcome:
        if values is None:
            return self._take_unread(item)
        sop = values[self.layout.sop_key]
        if sop is None:
            return self._refuse(item, None, "it has no SOPInstanceUID")
        if self.objection and (why := self.objection(self.layout.parents_of(values))):
            return self._refuse(item, sop, why, values)
        return self._take_instance(item, sop, values)

    def _take_instance(self, item: Found, sop: str, values: Values) -> Outcome:
        """Take a file of an instance, which may have others."""
        if self.seen_as and self.seen_as.get(item.path, sop) not in (sop, None):
            self._forget_content_of(item.path)
        image, state = self.images.get(sop), State.INDEXED
        if image is not None:
            state = State.UPDATED if image.path == item.path else State.MOVED
            if not self._is_file_of(item, sop, image):
                state = State.DUPLICATE
                if why := self._difference(image, values):
                    return self._refuse(item, sop, f"instance {sop} {why}", values)
                if not self._goes_before(item, image):
                    self.pending.files.append((item.path, item.size, item.mtime_ns, sop, "duplicate"))
                    return Outcome(item.path, state, sop)
            image = self._same_series(sop, image, values)
        return self._take_object(item, sop, values, state, known=image is not None)

    def _take_object(self, item: Found, sop: str, values: Values, state: State, *, known: bool) -> Outcome:
        """Take what a file holds as the object of its instance, unless its parents are others'."""
        try:
            self._join(self.layout.parents_of(values), known=known)
        except ConflictError as error:
            return self._refuse(item, sop, str(error), values)
        self._accept(item, sop, values, known=known)
        return Outcome(item.path, state, sop, item.header and item.header.fault)

    def _is_file_of(self, item: Found, sop: str, image: _Image) -> bool:
        """Whether a file is that of its instance's row, or has taken the place of one that has gone."""
        if image.path == item.path and self.storage.device_of(image.device) == self.device:
            return True
        if self.storage.status(image.path, image.device) is not None:
            return False
        connection = self.database.connection
        connection.execute("DELETE FROM files WHERE path = ?", (image.path,))
        # its copies are read again: one of them may go before this file
        self.writer.released += connection.execute(FORGET_COPIES_OF, (sop,)).rowcount
        return True

    def _difference(self, image: _Image, values: Values) -> str | None:
        """Say how a further file of an instance contradicts the row of the other one; None where it does not."""
        patient, study, series = self.layout.parents_of(values)
        known = self.known.study_of.get(image.series or "")
        if (image.series, known) != (series, study):
            return f"is indexed in series {image.series} by {image.path}"
        if self.known.patient_of.get(study) != patient:
            return f"is indexed for another patient by {image.path}"
        return None

    def _goes_before(self, item: Found, image: _Image) -> bool:
        """Whether a further file of an instance is the one that holds: by devices, then by the text of their paths."""
        device, rank = self.storage.device_of(image.device), self.storage.rank
        if (rank(self.device), item.path) > (rank(device), image.path):
            return False
        if device == DEFAULT_DEVICE:
            self.pending.copies.append((image.path,))
        return True

    def _same_series(self, sop: str, image: _Image, values: Values) -> _Image | None:
        """Return the image row if its series and study are unchanged; else remove it, since the file has changed."""
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
        if before != patient and not (known and self._all_say(study, patient)):
            raise ConflictError(f"study {study} is indexed for another patient")

    def _all_say(self, study: str, patient: str) -> bool:
        """Whether all that is known of a study is in this batch and names a patient; else its files are counted
        (see :mod:`pyconquest_rt.archive.contested`)."""
        layout = self.layout
        own = [v for v in self.values if v[layout.study_key] == study]
        (images,) = self.database.connection.execute(IMAGES_OF_STUDY, (study,)).fetchone()
        known = {sop for v in own if (sop := v[layout.sop_key] or "") in self.images}
        if len(known) < images or any(v[layout.patient_key] != patient for v in own):
            return False
        return next(self.database.select_in(COPIES_OF, known), None) is None

    def _join(self, parents: Parents, *, known: bool) -> None:
        """Assign the series to this study and the study to this patient.

        Raises:
            ConflictError: they are another's, and stay so.
        """
        if parents == self.parents:
            return
        self._refuse_conflict(parents, known=known)
        patient, study, series = parents
        if self.known.patient_of.get(study, patient) != patient:
            self.pending.write(was_seen=bool(self.seen_as))
            move_study(self.database, study, patient)
            self.known.forget_rows()
        self.known.study_of[series] = study
        self.known.patient_of[study] = patient
        self.pending.begin_series(series)
        self.parents = parents

    def _accept(self, item: Found, sop: str, values: Values, *, known: bool) -> None:
        header, series = item.header, values[self.layout.series_key]
        assert header is not None and series is not None  # _take() has seen to it
        self.pending.add_image(item.path, series, header, values, item.hash, known=known)
        self.images[sop] = _Image(item.path, self.device, series)
        state = "truncated" if header.is_truncated else "indexed"
        self.pending.files.append((item.path, item.size, item.mtime_ns, sop, state))

    def _take_unread(self, item: Found) -> Outcome:
        if not item.is_skipped:
            return self._refuse(item, None, item.reason or "")
        if self.seen_as.get(item.path):
            self._forget_content_of(item.path)
        self.pending.files.append((item.path, item.size, item.mtime_ns, None, "skipped"))
        return Outcome(item.path, State.SKIPPED, None, item.reason)

    def _refuse(self, item: Found, sop: str | None, reason: str, values: Values | None = None) -> Outcome:
        if item.size < 0 and self.seen_as.get(item.path):
            return Outcome(item.path, State.REJECTED, None, reason)  # what is in it now cannot be said
        if self.seen_as.get(item.path):
            self._forget_content_of(item.path)
        self.pending.files.append((item.path, item.size, item.mtime_ns, sop, "rejected"))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.pending.refused.append((item.path, sop, reason, now))
        if values is not None:
            patient, study, series = self.layout.parents_of(values)
            self.pending.contested.append((item.path, sop, series, study, patient))
        return Outcome(item.path, State.REJECTED, sop, reason)

    def _forget_content_of(self, path: str) -> None:
        """Remove the row of a file's former object: the file holds another one now."""
        before, self.seen_as[path] = self.seen_as.get(path), None
        row = self.database.connection.execute(
            "SELECT ObjectFile FROM DICOMImages WHERE SOPInstanc = ?", (before,)
        ).fetchone()
        if before is not None and row and row[0] == path:
            self._drop(before)

    def _drop(self, sop: str) -> None:
        self.pending.write(was_seen=bool(self.seen_as))
        self.writer.released += remove_images(self.database, [sop])
        self.parents = None
        self.images.pop(sop, None)
        self.known.clear()
        self._look_up_parents()
