"""Every file read again and compared with its rows: identifiers, links, and whether all of it is there."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.headers import read_one, reader_of
from pyconquest_rt.archive.ingest import Found

_CHUNK = 500
Keys = tuple[str | None, ...]


def stale_files(archive: Archive) -> Iterator[tuple[str, str]]:
    """Yield path and reason of each indexed file whose rows are not those of the object in it."""
    rows = archive.database.connection.execute(
        "SELECT path FROM files WHERE state IN ('indexed', 'truncated') ORDER BY path"
    ).fetchall()
    paths = (row[0] for row in rows)
    reader, root = reader_of(archive.database.definition), os.fspath(archive.storage.root)
    while chunk := list(islice(paths, _CHUNK)):
        yield from _compared(archive, [read_one(reader, root, path) for path in chunk])


def _compared(archive: Archive, found: Sequence[Found]) -> Iterator[tuple[str, str]]:
    layout = archive.layout
    read: dict[str, Keys] = {}
    for item in found:
        if item.header is None:
            yield item.path, item.reason or "it cannot be read"
            continue
        if item.header.fault and not item.header.is_truncated:
            yield item.path, item.header.fault
        values = layout.complete(item.header.values)
        read[item.path] = (values[layout.sop_key], *reversed(layout.parents_of(values)))
    known = _rows(archive, list(read))
    for path, keys in read.items():
        row = known.get(path)
        if row is None:
            yield path, "no image row names it"
        elif row != keys:
            differing = [name for name, old, new in zip(_NAMES, row, keys, strict=True) if old != new]
            yield path, f"its {' and '.join(differing)} in the rows and in the file differ"


_NAMES = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")


def _rows(archive: Archive, paths: Sequence[str]) -> dict[str, Keys]:
    """The identifiers of the images that these files hold, by their rows and links."""
    rows = archive.database.select_in(
        "SELECT f.path, i.SOPInstanc, i.SeriesInst, s.StudyInsta, t.PatientID FROM files f "
        "JOIN DICOMImages i ON i.SOPInstanc = f.sop "
        "LEFT JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
        "LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta "
        "WHERE f.path IN (?)",
        paths,
    )
    return {row[0]: tuple(row[1:]) for row in rows}
