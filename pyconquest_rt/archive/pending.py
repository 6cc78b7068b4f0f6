"""Rows of a batch that have been judged and are not written yet; they are written in one order, parents first."""

import time
from itertools import chain
from typing import Any

from pyconquest_rt.archive.access import access_time
from pyconquest_rt.archive.due import objects_changed
from pyconquest_rt.archive.files.storage import DEFAULT_DEVICE
from pyconquest_rt.archive.outbox import queue_objects
from pyconquest_rt.archive.parents import Known, ParentRows
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.index_statements import (
    CONTESTED_COLUMNS,
    COPY,
    FILE_SEEN_AGAIN,
    FILES_COLUMNS,
    REJECT,
    IndexStatements,
)
from pyconquest_rt.database.pyconquest_columns import NONE, RTColumns
from pyconquest_rt.database.rows import RowLayout, Values
from pyconquest_rt.dicom.header import Header


class PendingRows:
    """Rows of images and their parents, and of what was seen of their files.

    Args:
        device: where the files are. Only what is seen of the data directory's own files is remembered.

    Attributes:
        files: rows of ``files``.
        refused: rows of ``rejected``.
        contested: the parents that refused files name, since a study may be given to them yet.
        copies: files whose place another file of their instance has taken.
    """

    def __init__(
        self, database: Database, layout: RowLayout, statements: IndexStatements, known: Known, device: str
    ) -> None:
        self._database, self._layout, self._statements, self._known = database, layout, statements, known
        self._device = device
        self._access_time = access_time()
        self._time_stamp = str(time.time())
        self.parents = ParentRows(database, layout, statements, known, self._access_time)
        self._clear()

    def _clear(self) -> None:
        self._latest: dict[str, tuple[Values, RTColumns]] = {}  # series → the last object of it
        self._new: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self.files: list[tuple[Any, ...]] = []
        self.refused: list[tuple[Any, ...]] = []
        self.contested: list[tuple[Any, ...]] = []
        self.copies: list[tuple[str]] = []

    def add_image(
        self, path: str, series: str, header: Header, values: Values, content: str | None, *, known: bool
    ) -> None:
        """Add the row of an object; ``content`` is its hash, ``known`` says that there is a row of it."""
        rt = header.digest or NONE
        image = values[self._layout.image]
        row = (*image, self._access_time, path, self._device, *rt, self._time_stamp, content)
        (self._changed if known else self._new).append(row)
        self._latest[series] = values, rt

    def begin_series(self, series: str) -> None:
        """What comes next of a series is the last word on its parents, whatever came of it before."""
        self._latest.pop(series, None)

    def write(self, *, was_seen: bool) -> None:
        """Write all rows, and forget them; ``was_seen`` says that some of these files were seen before."""
        if self._device != DEFAULT_DEVICE:
            self.files.clear()
            self.refused = [(f"{self._device}:{path}", *rest) for path, *rest in self.refused]
            self.contested = [(f"{self._device}:{path}", *rest) for path, *rest in self.contested]
        # Parents come before images, so that no reader ever sees an image without them.
        self.parents.write(self._latest)
        self._write_images()
        self._write_files(was_seen=was_seen)
        self._clear()

    def _write_images(self) -> None:
        database, statements = self._database, self._statements
        database.insert(database.definition.images.name, statements.image_columns, self._new)
        if self._changed:
            keys = [row[0] for row in self._changed]
            rows = [(*row, key) for row, key in zip(self._changed, keys, strict=True)]
            database.connection.executemany(statements.update_image, rows)
            objects_changed(database, keys)
        if self._new or self._changed:
            arrivals = self._known.arrivals(statements.image_columns)
            arrivals.write(chain(self._new, self._changed))

    def _write_files(self, *, was_seen: bool) -> None:
        """Write the ``files`` and ``rejected`` rows, and queue objects for forwarding."""
        database, connection = self._database, self._database.connection
        database.insert("files", FILES_COLUMNS, self.files, FILE_SEEN_AGAIN)
        if was_seen:
            connection.executemany("DELETE FROM rejected WHERE path = ?", [row[:1] for row in self.files])
        if rules := self._known.rules():
            queue_objects(database, rules, [row[3] for row in self.files if row[4] == "indexed"])
        if self.refused:
            connection.executemany(REJECT, self.refused)
            connection.executemany("DELETE FROM contested WHERE path = ?", [row[:1] for row in self.refused])
            database.put("contested", CONTESTED_COLUMNS, self.contested)
        connection.executemany(COPY, self.copies)
