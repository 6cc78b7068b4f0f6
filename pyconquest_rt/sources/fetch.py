"""Files of a source into the archive, by the same way in as any other file."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.judging import Fate
from pyconquest_rt.archive.store import Options, Storer
from pyconquest_rt.sources.known import address_of
from pyconquest_rt.sources.registry import open_source
from pyconquest_rt.sources.source import Series, Source, SourceError
from pyconquest_rt.sources.tables import prepare


@dataclass(slots=True)
class Fetched:
    """What was fetched: objects stored now, those that were here already, and what went wrong."""

    stored: int = 0
    identical: int = 0
    problems: list[str] = field(default_factory=list)


def fetch(archive: Archive, name: str, uid: str, *, replacement: str = "replace") -> Fetched:
    """Fetch a study or a series of a source into the archive.

    Args:
        uid: its UID, as the source knows it; it need not have been synchronised.
        replacement: what becomes of other objects with a SOPInstanceUID that is stored here (see
            :class:`~pyconquest_rt.archive.store.Options`).

    Raises:
        SourceError: there is no such source, study or series; failures on the way are in the result.
    """
    prepare(archive.database)
    source = open_source(address_of(archive, name))
    fetched = Fetched()
    options = Options(remove_after_store=True, sopinstance_as_filename=True, replacement=replacement)
    storer = Storer(archive, options)
    try:
        for series in _series(archive, source, name, uid):
            try:
                _fetch_series(source, series, storer, fetched)
            except SourceError as error:
                fetched.problems.append(str(error))
    finally:
        source.close()
    return fetched


def _series(archive: Archive, source: Source, name: str, uid: str) -> list[Series]:
    """Return the series that a UID names: those of a study, or the one whose study the rows know."""
    rows = archive.database.query(
        "SELECT StudyInstanceUID FROM source_series WHERE source = ? AND SeriesInstanceUID = ?", (name, uid)
    )
    if rows:
        found = [series for series in source.series(rows[0]["StudyInstanceUID"]) if series.uid == uid]
    else:
        found = source.series(uid)
    if not found:
        raise SourceError(
            f"{name}: it has no study or series {uid}; of series only those that were synchronised are known"
        )
    return found


def _fetch_series(source: Source, series: Series, storer: Storer, fetched: Fetched) -> None:
    """Store the files of a series as they come; fewer than the source has told are a problem."""
    count = 0
    with tempfile.TemporaryDirectory(prefix="pyconquest-") as folder:
        for path in source.fetch(series, Path(folder)):
            stored = storer.store(path)
            path.unlink(missing_ok=True)
            count += 1
            if stored.error is not None:
                fetched.problems.append(f"an object of series {series.uid}: {stored.error}")
            elif stored.fate is Fate.IDENTICAL:
                fetched.identical += 1
            else:
                fetched.stored += 1
    if series.instances is not None and count < series.instances:
        raise SourceError(f"series {series.uid}: {count} of {series.instances} objects came")
