"""Patients of whom files say different things: which of them stand in the rows, whatever the order of arrival.

The row of a patient, study or series says what the last object that came said. Where that contradicts what stood
there, or where a file has gone, the patient is marked; the next rebuild writes these rows anew from all of the
patient's files, in the order of their paths, as an index that is made from nothing has them.
"""

import os

from pyconquest_rt.archive.access import access_time
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.headers import read_one, reader_of
from pyconquest_rt.archive.names import file_key
from pyconquest_rt.archive.parents import Known, ParentRows
from pyconquest_rt.archive.removal import MIXED
from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.database.index_statements import IndexStatements
from pyconquest_rt.database.pyconquest_columns import NONE, RTColumns
from pyconquest_rt.database.rows import Parents, Values

_MARKED = "SELECT name FROM archive_state WHERE name >= ? AND name < ? ORDER BY name"


def settle_parents(archive: Archive) -> None:
    """Write the rows of all marked patients anew; those of whom a file cannot be read now stay marked.

    Raises:
        DatabaseError: the database cannot be written.
    """
    marked = archive.database.connection.execute(
        _MARKED, (MIXED, MIXED[:-1] + chr(ord(MIXED[-1]) + 1))
    ).fetchall()
    for (name,) in marked:
        latest = _latest(archive, name.removeprefix(MIXED))
        if latest is None:
            continue
        with archive.database.transaction() as connection:
            known = Known(archive.database, lasts=False)
            statements = IndexStatements(archive.database.definition)
            ParentRows(archive.database, archive.layout, statements, known, access_time()).write(latest)
            connection.execute("DELETE FROM archive_state WHERE name = ?", (name,))


def _latest(archive: Archive, patient: str) -> dict[str, tuple[Values, RTColumns]] | None:
    """The last object of each series of a patient, by their paths; None where a file cannot be read."""
    storage, layout, reader = archive.storage, archive.layout, reader_of(archive.database.definition)
    apply = Known(archive.database, lasts=False).corrections(layout).apply
    files = sorted(
        (storage.rank(device), file_key(image.object_file), device)
        for image in select_images(archive.database, "patient", patient)
        if (device := storage.device_of(image.device)) and storage.holds(device)
    )
    latest: dict[str, tuple[Values, RTColumns]] = {}
    before: Parents | None = None
    for _, path, device in files:
        header = read_one(reader, os.fspath(storage.folder_of(device) or ""), path).header
        if header is None:
            return None
        values = apply(layout.complete(header.values))
        parents = layout.parents_of(values)
        if parents != before:  # so that the series that comes last does so here
            latest.pop(parents[2], None)
        latest[parents[2]], before = (values, header.digest or NONE), parents
    return latest
