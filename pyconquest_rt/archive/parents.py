"""Rows of patients, studies and series: a cache, valid until another connection writes, and how they are written."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyconquest_rt.archive.due import Arrivals
from pyconquest_rt.archive.outbox import Rule, rules
from pyconquest_rt.archive.recorded import Corrections
from pyconquest_rt.archive.removal import mark_mixed
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.index_statements import IndexStatements
from pyconquest_rt.database.pyconquest_columns import RTColumns
from pyconquest_rt.database.rows import MODALITIES_IN_STUDY, RowLayout, Values
from pyconquest_rt.database.schema import Table

Row = tuple[Any, ...]
_MAX_ROWS = 10_000


class Known:
    """Cache of parent rows: the next object of a series need not ask for them.

    Before it is used in a transaction :meth:`check` must be called, and :meth:`keep` when the last row is written.

    Args:
        lasts: what one transaction knows serves the next; only for a connection on which nothing but batches of
            objects is written.
    """

    def __init__(self, database: Database, *, lasts: bool) -> None:
        self._database = database
        self._lasts = lasts
        self._state: tuple[int, ...] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.study_of: dict[str, str] = {}
        """Series to study."""
        self.patient_of: dict[str, str] = {}
        """Study to patient."""
        self._rules: list[Rule] | None = None
        self._arrivals: Arrivals | None = None
        self._corrections: Corrections | None = None
        self.forget_rows()

    def forget_rows(self) -> None:
        """Forget cached rows and cached absences."""
        self._rows: dict[str, dict[str, Row]] = defaultdict(dict)
        self._absent: dict[str, set[str]] = defaultdict(set)

    def check(self) -> None:
        """Clear the cache if another connection has written, or if our last transaction was rolled back."""
        if not self._lasts:
            self.clear()
            return
        if self._state != self._database.version() or len(self.study_of) > _MAX_ROWS:
            self.clear()
        self._absent.clear()
        self._state = None

    def keep(self) -> None:
        """Keep the cache valid after this transaction's commit."""
        self._state = self._database.version()

    def rows_of(self, table: str, sql: str, keys: Iterable[str | None]) -> dict[str, Row]:
        """Return the table's rows by key; ``sql`` selects those of ``(?)``, key first.

        Who writes rows of the table writes them in here too.
        """
        rows, absent = self._rows[table], self._absent[table]
        missing = {key for key in keys if key is not None} - rows.keys() - absent
        if missing:
            rows.update((row[0], row) for row in self._database.select_in(sql, missing))
            absent |= missing - rows.keys()
        return rows

    def rules(self) -> list[Rule]:
        """Return the forwarding rules."""
        if self._rules is None:
            self._rules = rules(self._database)
        return self._rules

    def corrections(self, layout: RowLayout) -> Corrections:
        """Return the corrections on record."""
        if self._corrections is None:
            self._corrections = Corrections(self._database, layout)
        return self._corrections

    def arrivals(self, columns: Sequence[str]) -> Arrivals:
        """Return the marker of due derivations for image rows with these columns."""
        if self._arrivals is None:
            self._arrivals = Arrivals(self._database, columns)
        return self._arrivals


class ParentRows:
    """Writes the patient, study and series rows of objects.

    Args:
        known: what the index has of them; what is written is put in there too.
        access_time: what each row gets as its AccessTime.
    """

    def __init__(
        self,
        database: Database,
        layout: RowLayout,
        statements: IndexStatements,
        known: Known,
        access_time: int,
    ) -> None:
        self._database, self._layout, self._statements = database, layout, statements
        self._known = known
        self._access_time = access_time

    def before(self, table: Table, keys: Iterable[str | None]) -> dict[str, Row]:
        """Return the rows that parents have already, by their keys, as far as objects write them."""
        return self._known.rows_of(table.name, self._statements.parents[table.name].select, keys)

    def write(self, latest: Mapping[str, tuple[Values, RTColumns]]) -> None:
        """Write the parents of the last object of each series; ``latest`` maps the series to its values."""
        layout, definition = self._layout, self._database.definition
        patients: dict[str, Values] = {}
        studies: dict[str, Values] = {}
        series: dict[str, Values] = {}
        modalities: dict[str, set[str]] = {}
        moves = self._known.corrections(layout).moves
        before_of_patients = self.before(
            definition.patients, [values[layout.patient_key] for values, _ in latest.values()]
        )
        for uid, (values, rt) in latest.items():
            patient, study = values[layout.patient_key], values[layout.study_key]
            assert patient is not None and study is not None  # complete() put them in
            if not moves(study):
                patients[patient] = values[layout.patient]
            elif (
                patient not in before_of_patients
            ):  # its files name another one: what that patient's own say holds
                patients.setdefault(patient, values[layout.patient])
            studies[study] = values[layout.study]
            series[uid] = self._series_row(values[layout.series], rt)
            modalities.setdefault(study, set()).add(values[layout.modality] or "")
        mixed = self._upsert(definition.patients, patients, before_of_patients)
        before = self.before(definition.studies, studies)
        mixed |= self._upsert(definition.studies, self._with_modalities(studies, modalities, before), before)
        mixed |= self._upsert(definition.series, series, self.before(definition.series, series))
        if mixed:
            self._mark(mixed, latest)

    def _mark(self, mixed: set[str], latest: Mapping[str, tuple[Values, RTColumns]]) -> None:
        """Mark the patients of whose rows some say something else now than they did."""
        of = self._layout.parents_of
        patients = {of(values)[0] for values, _ in latest.values() if not mixed.isdisjoint(of(values))}
        mark_mixed(self._database, patients)

    def _series_row(self, row: Values, rt: RTColumns) -> Values:
        """Return a structure set's series row with its frame of reference and referenced series."""
        if rt.UniqueFOR_UID is None and rt.ReferencedSeriesUID is None:
            return row
        extra: dict[tuple[int, ...], str | None] = {
            (0x00200052,): rt.UniqueFOR_UID,
            (0x00081155,): rt.ReferencedSeriesUID,
        }
        columns = self._database.definition.series.columns
        return tuple(value or extra.get(column.path) for column, value in zip(columns, row, strict=True))

    def _with_modalities(
        self, studies: dict[str, Values], modalities: dict[str, set[str]], before: dict[str, Row]
    ) -> dict[str, Values]:
        """The study rows with their modalities: those they have, and those of the objects that have come."""
        columns = self._database.definition.studies.columns
        place = next((n for n, column in enumerate(columns) if column.path == MODALITIES_IN_STUDY), None)
        if place is None:
            return studies
        rows = {}
        for study, row in studies.items():
            known = before[study][place] if study in before else None
            merged = modalities[study] | set((known or "").split("\\"))
            rows[study] = (*row[:place], "\\".join(sorted(merged - {""})), *row[place + 1 :])
        return rows

    def _upsert(self, table: Table, rows: dict[str, Values], before: dict[str, Row]) -> set[str]:
        """Write parent rows by key: new values replace old ones, absent values leave them.

        Returns:
            the keys of those that said something else before.

        A row that would stay as it is is not written: each object of a series says the same of its parents, and
        a row's entries in the indices cost more pages of the journal than the object itself.
        """
        new: list[Row] = []
        changed: dict[str, tuple[Row, Row]] = {}  # as it is to be, and as it was
        for key, values in rows.items():
            row, known = (*values, self._access_time), before.get(key)
            if known is None:
                new.append(row)
            elif _is_news(row, known):
                changed[key] = row, known
                row = tuple(
                    old or None if value is None else value for value, old in zip(row, known, strict=True)
                )
            before[key] = row
        statements = self._statements.parents[table.name]
        if changed:
            bound = ((*row, key) for key, (row, _) in changed.items())
            self._database.connection.executemany(statements.update, bound)
        self._database.insert(table.name, statements.columns, new)
        return _contradicting(table, changed)


def _is_news(row: Row, known: Row) -> bool:
    """Whether writing a row would change the one that is there."""
    return any(old == "" or value not in (None, old) for value, old in zip(row, known, strict=True))


def _contradicting(table: Table, changed: Mapping[str, tuple[Row, Row]]) -> set[str]:
    """The keys of rows that have other values than before; modalities are those of all objects."""
    own = [place for place, column in enumerate(table.columns) if column.path != MODALITIES_IN_STUDY]
    return {
        key
        for key, (row, known) in changed.items()
        if any(row[place] and known[place] and row[place] != known[place] for place in own)
    }
