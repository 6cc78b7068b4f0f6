"""Deep verification: every file is read and its identifiers, links and length compared with its rows."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.headers import read_one, reader_of
from pyconquest_rt.archive.ingest import Found
from pyconquest_rt.archive.recorded import Corrections
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE

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
    for item in found:
        if fault := _fault(item):
            yield item.path, fault
    layout = archive.layout
    apply = Corrections(archive.database, layout).apply
    values = {item.path: apply(layout.complete(item.header.values)) for item in found if item.header}
    known = _rows(archive, list(values))
    for path, own in values.items():
        keys = (own[layout.sop_key], *reversed(layout.parents_of(own)))
        if difference := _difference(known.get(path), keys):
            yield path, difference


def _fault(item: Found) -> str | None:
    """Why a file's header cannot be trusted; that its pixels are cut off is a finding of its own."""
    if item.header is None:
        return item.reason or "it cannot be read"
    return None if item.header.is_truncated else item.header.fault


def _difference(row: Keys | None, keys: Keys) -> str | None:
    if row is None:
        return "no image row names it"
    differing = [name for name, old, new in zip(_NAMES, row, keys, strict=True) if old != new]
    return f"its {' and '.join(differing)} in the rows and in the file differ" if differing else None


_NAMES = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")


def _rows(archive: Archive, paths: Sequence[str]) -> dict[str, Keys]:
    """The identifiers of the images that these files hold, by their rows and links."""
    rows = archive.database.select_in(
        "SELECT f.path, i.SOPInstanc, i.SeriesInst, s.StudyInsta, t.PatientID FROM files f "
        f"JOIN DICOMImages i ON i.SOPInstanc = f.sop {PARENTS_OF_IMAGE} WHERE f.path IN (?)",
        paths,
    )
    return {row[0]: tuple(row[1:]) for row in rows}
