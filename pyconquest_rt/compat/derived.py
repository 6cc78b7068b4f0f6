"""The part of the class that derives: DVHs, RT tables, dose reports; and tables as data frames."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from pyconquest_rt.compat.base import Base
from pyconquest_rt.database.connection import quote
from pyconquest_rt.database.guarded import only_reading
from pyconquest_rt.derive import engine as derive
from pyconquest_rt.derive.rt_links import set_link
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.exports import dvh as reports
from pyconquest_rt.exports import dvh_cohort as cohort


class Conditions(TypedDict, total=False):
    """What chooses DVHs: the fields of :class:`pyconquest_rt.exports.dvh.DvhQuery`, which explains them."""

    key: str | None
    roi: str | None
    physician: str | None
    site: str | None
    since: str | None
    until: str | None
    rx_gy: reports.Range | None
    mean_gy: reports.Range | None
    max_gy: reports.Range | None
    source: str | None
    kind: str | None
    guessed: bool | None


class Derived(Base):
    """What is made of the objects beside their rows; keyword by keyword an addition to PyConquest."""

    def derive(
        self,
        patient: str | None = None,
        on_derived: Callable[[derive.Derived], object] = lambda event: None,
        link: str | None = None,
    ) -> derive.Summary:
        """Derive everything that is due (RT tables, DVHs, dose tables), of one patient or of all.

        Args:
            patient: a PatientID.
            on_derived: called with each result that is committed.
            link: how doses of this archive find their structure sets from now on: ``reference`` (by what they refer
                to), or ``frame of reference`` too where that has not come.

        Returns:
            how many objects were done, wait or failed, with the reasons.
        """
        if link is not None:
            set_link(self._open_database, link)
        return derive.derive(self._archive, patient=patient, on_derived=on_derived)

    def dvh(self, key: str, metrics: tuple[str, ...] = reports.METRICS) -> list[dict[str, Any]]:
        """Return the DVHs of a patient, a study, a dose or a structure set, one dictionary for each.

        Args:
            key: a PatientID, StudyInstanceUID or SOPInstanceUID.
            metrics: any metrics, as ``D2cc[Gy]``, beside volume and minimum, mean and maximum dose.
        """
        return self.dvhs(key=key, metrics=metrics)

    def dvhs(
        self, *, metrics: tuple[str, ...] = reports.METRICS, **conditions: Unpack[Conditions]
    ) -> list[dict[str, Any]]:
        """Return the DVHs of a cohort, one dictionary for each.

        Args:
            metrics: as for :meth:`dvh`.
            conditions: what :class:`pyconquest_rt.exports.dvh.DvhQuery` knows: ``roi``, ``physician`` and ``site``
                (with ``*`` and ``?``), ``since`` and ``until``, ``rx_gy``, ``mean_gy`` and ``max_gy`` (ranges in Gy),
                ``source``, ``kind``, ``guessed``, ``key``.
        """
        return reports.find_dvhs(self._open_database, reports.DvhQuery(**conditions), metrics)

    def dvh_curves(self, **conditions: Unpack[Conditions]) -> list[dict[str, Any]]:
        """Return the points of curves, one dictionary for each: dose in Gy, volume in cc and in %.

        Args:
            conditions: as for :meth:`dvhs`.
        """
        return reports.curve_rows(self._open_database, reports.DvhQuery(**conditions))

    def cohort_dvh(self, **conditions: Unpack[Conditions]) -> list[dict[str, float]]:
        """Return mean and quantiles of the curves of a cohort: volume in % over dose in Gy, of ``n`` DVHs.

        Args:
            conditions: as for :meth:`dvhs`. Unless they say otherwise, these are our DVHs (``source``) in doses of
                whole plans (``kind``), of structure sets that the objects refer to (``guessed``).
        """
        query = reports.DvhQuery(**conditions)
        return cohort.cohort_dvh(cohort.find_cohort(self._open_database, query).curves)

    def goals(self, key: str | None = None) -> list[dict[str, Any]]:
        """Return what plans come to by clinical goals: see :func:`pyconquest_rt.exports.goals.find_goals`."""
        from pyconquest_rt.exports.goals import find_goals

        return find_goals(self._open_database, key)

    def set_site(self, key: str, site: str | None) -> int:
        """Say what the treatment site of a patient's, a study's or one plan is; returns how many plans these are.

        None gives the word back to the plan itself. Derivations never change it.
        """
        return reports.set_site(self._open_database, key, site)

    def query(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[dict[str, Any]]:
        """Return the rows of a statement that reads, one dictionary for each.

        Args:
            statement: SQL; with ``?`` or ``:name`` where ``parameters`` go.
            parameters: the values that are bound.

        Raises:
            DatabaseError: the statement cannot be run, or does more than read; says why.
        """
        database = self._open_database
        try:
            with only_reading(database.connection):
                return database.query(statement, parameters)
        except DatabaseError as error:
            raise DatabaseError(f"{error} in: {statement}") from error

    def dataframe(self, table: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Return a table, a view or the rows of a SELECT as a pandas DataFrame.

        Args:
            table: a name, such as ``archive_metrics``, or a statement as :meth:`query` takes it.
            parameters: the values that are bound in a statement.

        Raises:
            ImportError: pandas is not installed.
            DatabaseError: there is no such table, or the statement cannot be run.
        """
        import pandas

        columns = self._open_database.columns(table)
        rows = self.query(f"SELECT * FROM {quote(table)}" if columns else table, parameters)  # noqa: S608 - quoted
        return pandas.DataFrame(rows, columns=columns or None)

    def to_parquet(self, folder: str) -> dict[str, int]:
        """Write the views for people and the DVHs as Parquet: see :func:`pyconquest_rt.exports.parquet.to_parquet`."""
        from pyconquest_rt.exports.parquet import to_parquet

        return to_parquet(self._open_database, folder)
