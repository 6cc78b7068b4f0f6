"""What was read of the index's patients, studies and series, kept as long as nobody else has written."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pyconquest_rt.archive.due import Arrivals
from pyconquest_rt.archive.outbox import Rule, rules
from pyconquest_rt.database.connection import Database

Row = tuple[Any, ...]
_MAX_ROWS = 10_000


class Known:
    """The parents that objects of late had, so that the next object of a series need not ask for them.

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
        self.forget_rows()

    def forget_rows(self) -> None:
        """Forget the rows, and what has none."""
        self._rows: dict[str, dict[str, Row]] = defaultdict(dict)
        self._absent: dict[str, set[str]] = defaultdict(set)

    def check(self) -> None:
        """Forget everything if the index may have changed by anybody else, or if what was written was taken back."""
        if not self._lasts:
            self.clear()
            return
        if self._state != self._database.version() or len(self.study_of) > _MAX_ROWS:
            self.clear()
        self._absent.clear()
        self._state = None

    def keep(self) -> None:
        """Say that what is known now is in the index as soon as this transaction is."""
        self._state = self._database.version()

    def rows_of(self, table: str, sql: str, keys: Iterable[str | None]) -> dict[str, Row]:
        """Return the rows that a table has of some keys (and of others); ``sql`` selects those of ``(?)``, key first.

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

    def arrivals(self, columns: Sequence[str]) -> Arrivals:
        """Return what writes what is due because rows of images with these columns have come."""
        if self._arrivals is None:
            self._arrivals = Arrivals(self._database, columns)
        return self._arrivals
