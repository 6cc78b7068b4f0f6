"""The part of the class that derives: DVHs, RT tables, dose reports; and tables as data frames."""

from collections.abc import Callable
from typing import Any

from pyconquest_rt import derive, reports
from pyconquest_rt.database import quote
from pyconquest_rt.interface.base import Base


class Derived(Base):
    """What is made of the objects beside their rows; keyword by keyword an addition to PyConquest."""

    def derive(
        self,
        patient: str | None = None,
        on_derived: Callable[[derive.Derived], object] = lambda event: None,
    ) -> derive.Summary:
        """Derive everything that is due (RT tables, DVHs, dose tables), of one patient or of all.

        Args:
            patient: a PatientID.
            on_derived: called with each result that is committed.

        Returns:
            how many objects were done, wait or failed, with the reasons.
        """
        return derive.derive(self._ingest, patient=patient, on_derived=on_derived)

    def dvh(self, key: str, metrics: tuple[str, ...] = reports.METRICS) -> list[dict[str, Any]]:
        """Return the DVHs of a patient, a study, a dose or a structure set, one dictionary for each.

        Args:
            key: a PatientID, StudyInstanceUID or SOPInstanceUID.
            metrics: those of ``dvh_metrics`` that are wanted beside volume and minimum, mean and maximum dose.
        """
        return reports.dvh_table(self._open_database, key, metrics)

    def dataframe(self, table: str) -> Any:
        """Return a table or view as a pandas DataFrame.

        Raises:
            ImportError: pandas is not installed.
            DatabaseError: the name cannot be that of a table.
        """
        import pandas

        return pandas.DataFrame(self._open_database.query(f"SELECT * FROM {quote(table)}"))  # noqa: S608
