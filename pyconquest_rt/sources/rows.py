"""The rows of one source: what was known of it, and what is written when it has been asked."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any, Final

from pyconquest_rt.database.connection import Database
from pyconquest_rt.sources.source import OBJECT, PATIENT, SERIES, STUDY, RemoteObject, Series, Study

PRESENT: Final = "present"
FAILED: Final = "failed"
MISSING: Final = "missing"
GONE: Final = "gone"

_PATIENT_COLUMNS: Final = ("source", *PATIENT)
_STUDY_COLUMNS: Final = (
    "source",
    "StudyInstanceUID",
    "PatientID",
    *STUDY,
    "instances",
    "state",
    "reason",
    "url",
)
_SERIES_COLUMNS: Final = (
    *("source", "SeriesInstanceUID", "StudyInstanceUID", *SERIES),
    *("instances", "version", "state", "reason", "url"),
)
_OBJECT_COLUMNS: Final = ("source", "SOPInstanceUID", "SeriesInstanceUID", *OBJECT, "state", "url")
Row = dict[str, Any]


class Rows:
    """Reads and writes the rows of one source."""

    def __init__(self, database: Database, name: str) -> None:
        self._database, self._name = database, name

    def together(self) -> AbstractContextManager[object]:
        """Have all that is written inside committed together."""
        return self._database.transaction()

    def studies(self) -> dict[str, Row]:
        """Return the known studies by their UIDs."""
        rows = self._database.query("SELECT * FROM source_study WHERE source = ?", (self._name,))
        return {row["StudyInstanceUID"]: row for row in rows}

    def series(self, study: str) -> dict[str, Row]:
        """Return the known series of a study by their UIDs."""
        rows = self._database.query(
            "SELECT * FROM source_series WHERE source = ? AND StudyInstanceUID = ?", (self._name, study)
        )
        return {row["SeriesInstanceUID"]: row for row in rows}

    def objects(self, series: str) -> set[str]:
        """Return the UIDs of the objects that a series is known to have."""
        rows = self._database.query(
            "SELECT SOPInstanceUID FROM source_object WHERE source = ? AND SeriesInstanceUID = ? "
            "AND state = 'present'",
            (self._name, series),
        )
        return {row["SOPInstanceUID"] for row in rows}

    def put_study(self, study: Study, problems: Collection[str]) -> None:
        """Write a study and its patient; with problems it is failed."""
        patient = [study.values.get(keyword, "") for keyword in PATIENT]
        values = [study.values.get(keyword, "") for keyword in STUDY]
        outcome = (study.instances, FAILED if problems else PRESENT, "; ".join(problems) or None, study.url)
        with self._database.transaction():
            self._database.put("source_patient", _PATIENT_COLUMNS, [(self._name, *patient)])
            self._database.put(
                "source_study", _STUDY_COLUMNS, [(self._name, study.uid, patient[0], *values, *outcome)]
            )

    def put_series(self, series: Series, problem: str | None = None) -> None:
        """Write a series; with a problem it is failed."""
        values = [series.values.get(keyword, "") for keyword in SERIES]
        outcome = (series.instances, series.version, FAILED if problem else PRESENT, problem, series.url)
        with self._database.transaction():
            self._database.put(
                "source_series",
                _SERIES_COLUMNS,
                [(self._name, series.uid, series.study_uid, *values, *outcome)],
            )

    def put_objects(self, series: Series, objects: Collection[RemoteObject]) -> tuple[set[str], set[str]]:
        """Write a series with all of its objects; those that it has no more are gone.

        Returns:
            the UIDs of its objects before and now.
        """
        before, now = self.objects(series.uid), {item.uid for item in objects}
        rows = [
            (
                self._name,
                item.uid,
                series.uid,
                *(item.values.get(key, "") for key in OBJECT),
                PRESENT,
                item.url,
            )
            for item in objects
        ]
        with self._database.transaction():
            self.put_series(series)
            self._database.put("source_object", _OBJECT_COLUMNS, rows)
            self._objects_gone(before - now)
        return before, now

    def study_missing(self, uid: str) -> None:
        """Note that a study was not found once."""
        self._set_study(uid, MISSING)

    def study_gone(self, uid: str) -> int:
        """Mark a study and all that it has as gone; returns how many objects."""
        with self._database.transaction():
            self._set_study(uid, GONE)
            return sum(self.series_gone(series) for series in self.series(uid))

    def series_gone(self, uid: str) -> int:
        """Mark a series and its objects as gone; returns how many objects."""
        objects = self.objects(uid)
        with self._database.transaction() as connection:
            self._objects_gone(objects)
            connection.execute(
                "UPDATE source_series SET state = ?, reason = NULL WHERE source = ? AND SeriesInstanceUID = ?",
                (GONE, self._name, uid),
            )
        return len(objects)

    def _set_study(self, uid: str, state: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE source_study SET state = ?, reason = NULL WHERE source = ? AND StudyInstanceUID = ?",
                (state, self._name, uid),
            )

    def _objects_gone(self, uids: Collection[str]) -> None:
        self._database.connection.executemany(
            "UPDATE source_object SET state = ? WHERE source = ? AND SOPInstanceUID = ?",
            [(GONE, self._name, uid) for uid in uids],
        )
