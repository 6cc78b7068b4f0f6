"""What a source has, brought into the archive's tables: metadata alone, and only of what has changed.

A study whose number of objects is as it was is not asked for again. What cannot be read is ``failed`` with the reason
and is all that the next synchronisation asks for again; what was read stays. A study that is not listed any more is
``gone`` once the source denies it by name; where a source lists nothing at all, that has to happen twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.sources.known import address_of
from pyconquest_rt.sources.registry import open_source
from pyconquest_rt.sources.rows import GONE, MISSING, PRESENT, Row, Rows
from pyconquest_rt.sources.source import RemoteObject, Series, Source, SourceError, Study
from pyconquest_rt.sources.tables import prepare


@dataclass(slots=True)
class Synced:
    """What one synchronisation came to, in objects; ``failed`` are studies and series."""

    studies: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    failed: int = 0
    requests: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.studies} studies looked at; objects: {self.added} added, {self.changed} changed, {self.gone} gone; "
            f"{self.failed} failed; {self.requests} requests"
        )

    @property
    def status(self) -> int:
        """The exit status: 0 all, 3 in part, 1 nothing."""
        if not self.problems:
            return 0
        return 3 if self.added or self.changed or self.gone or self.studies > self.failed else 1


def sync(archive: Archive, name: str, *, study: str | None = None, full: bool = False) -> Synced:
    """Bring the rows of a source into line with it.

    Args:
        study: only this one.
        full: read everything again, also what seems unchanged.

    Raises:
        SourceError: there is no such source, or it cannot be opened; its failures are in the result.
    """
    prepare(archive.database)
    source = open_source(address_of(archive, name))
    run = _Run(Rows(archive.database, name), name, source, full)
    try:
        run.go(study)
    except SourceError as error:
        run.synced.problems.append(str(error))
    finally:
        source.close()
    run.synced.requests = source.requests
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with archive.database.transaction() as connection:
        connection.execute(
            "UPDATE source SET synced = ?, result = ? WHERE name = ?",
            (now, "; ".join([str(run.synced), *run.synced.problems[:1]]), name),
        )
    return run.synced


class _Run:
    """One synchronisation; each study is a transaction of its own."""

    def __init__(self, rows: Rows, name: str, source: Source, full: bool) -> None:
        self._rows, self._name, self._source, self._full = rows, name, source, full
        self.synced = Synced()

    def go(self, only: str | None) -> None:
        """Read the studies, then see which of the known ones are gone; a listing that breaks off proves nothing."""
        known = self._rows.studies()
        listed: set[str] = set()
        for study in self._source.studies(only):
            listed.add(study.uid)
            self.synced.studies += 1
            if self._full or not _is_same_study(study, known.get(study.uid)):
                self._study(study)
        wanted = known if only is None else known.keys() & {only}
        left = {uid: known[uid] for uid in wanted if uid not in listed and known[uid]["state"] != GONE}
        self._unlisted(left, is_empty=not listed)

    # -- what is there ------------------------------------------------------------------------------------------

    def _study(self, study: Study) -> None:
        """Read a study that has changed, then write it; nothing is asked for while others wait to write."""
        known = self._rows.series(study.uid)
        try:
            listed = self._listed(study)
            read = [
                (series, self._objects(series))
                for series in listed
                if self._full or not _is_same_series(series, known.get(series.uid))
            ]
        except SourceError as error:
            self._rows.put_study(study, [self._failed(error)])
            return
        with self._rows.together():
            for uid in known.keys() - {series.uid for series in listed}:
                self.synced.gone += self._rows.series_gone(uid)
            problems = [self._put(series, found, known.get(series.uid)) for series, found in read]
            self._rows.put_study(study, [problem for problem in problems if problem])

    def _listed(self, study: Study) -> list[Series]:
        found = self._source.series(study.uid)
        if study.instances and not found:
            raise SourceError(
                f"{self._name}: study {study.uid} has {study.instances} objects, but lists no series"
            )
        return found

    def _objects(self, series: Series) -> list[RemoteObject] | SourceError:
        """Return the objects of a series, or why they cannot be read."""
        try:
            found = self._source.objects(series)
        except SourceError as error:
            return error
        if series.instances and not found:
            return SourceError(
                f"{self._name}: series {series.uid} has {series.instances} objects, but lists none"
            )
        return found

    def _put(self, series: Series, found: list[RemoteObject] | SourceError, known: Row | None) -> str | None:
        """Write a series; returns what went wrong."""
        if isinstance(found, SourceError):
            self._rows.put_series(series, str(found))
            return self._failed(found)
        before, now = self._rows.put_objects(series, found)
        self.synced.added += len(now - before)
        self.synced.gone += len(before - now)
        if known and (known["version"] or "") != series.version:
            self.synced.changed += len(before & now)
        return None

    def _failed(self, error: SourceError) -> str:
        self.synced.failed += 1
        self.synced.problems.append(str(error))
        return str(error)

    # -- what is there no more ----------------------------------------------------------------------------------

    def _unlisted(self, left: Mapping[str, Row], *, is_empty: bool) -> None:
        """Ask for each study by its UID; of an empty list one answer alone is not believed."""
        is_doubtful = False
        for uid, row in left.items():
            if next(iter(self._source.studies(uid)), None) is not None:
                if is_empty:
                    raise SourceError(
                        f"{self._name}: it lists no studies, but has {uid}; nothing was changed"
                    )
            elif is_empty and row["state"] != MISSING:
                self._rows.study_missing(uid)
                is_doubtful = True
            else:
                self.synced.gone += self._rows.study_gone(uid)
        if is_doubtful:
            raise SourceError(
                f"{self._name}: it lists no studies where there were {len(left)}; if the next synchronisation finds "
                "none either, they are gone"
            )


def _is_same_study(study: Study, known: Row | None) -> bool:
    if known is None or study.instances is None:
        return False
    return (known["state"], known["instances"]) == (PRESENT, study.instances)


def _is_same_series(series: Series, known: Row | None) -> bool:
    if known is None or (series.instances is None and not series.version):
        return False
    return (known["state"], known["instances"], known["version"] or "") == (
        PRESENT,
        series.instances,
        series.version,
    )
