"""Corrections on record: what people put right in the rows holds whenever the files concerned are read again.

The index is a function of the files and of these. A correction belongs to an entity (``level`` and ``uid``) and to a
tag; one of a PatientID says which one it replaces (``former``), since it moves a study from one patient to another.
They apply in the order in which they were made. One that all files concerned hold is dropped.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.rows import MODALITY, PATIENT_ID, RowLayout, Values
from pyconquest_rt.dicom.fields import fit

MERGED = "merged"
"""Level of what the patient is called to whom a study was moved; it fills what that patient's row leaves out."""

_COLUMNS = ("level", "uid", "tag", "former", "value", "time")
LEVELS = ("patient", "study", "series", "image")
_KEYS = (
    "SELECT t.PatientID, t.StudyInsta, s.SeriesInst FROM DICOMImages i "
    "JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta "
    "WHERE i.SOPInstanc = ?"
)


class Correction(NamedTuple):
    """One value on record; ``number`` grows with the time at which it was made."""

    number: int
    level: str
    uid: str
    tag: int
    former: str
    value: str


def record(database: Database, level: str, uid: str, values: Mapping[int, str], *, former: str = "") -> None:
    """Put values of an entity on record, in the place of those of before; part of the caller's transaction."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    database.put(
        "corrections", _COLUMNS, [(level, uid, tag, former, text, now) for tag, text in values.items()]
    )


def drop(database: Database, corrections: Iterable[Correction]) -> None:
    """Take corrections off the record, which all files concerned hold by now."""
    numbers = [(correction.number,) for correction in corrections]
    with database.transaction() as connection:
        connection.executemany("DELETE FROM corrections WHERE id = ?", numbers)


def recorded(database: Database) -> list[Correction]:
    """Return the corrections on record, in the order in which they were made."""
    if not (database.writes or database.has("corrections")):
        return []  # of a former version, and opened for reading alone
    rows = database.connection.execute(
        "SELECT id, level, uid, tag, former, value FROM corrections ORDER BY id"
    )
    return [Correction(*row) for row in rows]


class Corrections:
    """The corrections on record, as they apply to what is read of objects.

    Args:
        database: where they are.
        layout: of the rows.
    """

    def __init__(self, database: Database, layout: RowLayout) -> None:
        self._layout = layout
        self._moves: dict[str, list[Correction]] = defaultdict(list)
        self._of: dict[tuple[str, str | None], list[Correction]] = defaultdict(list)
        for correction in recorded(database):
            if (correction.tag,) == PATIENT_ID:
                self._moves[correction.uid].append(correction)
            else:
                self._of[correction.level, correction.uid].append(correction)

    def __bool__(self) -> bool:
        return bool(self._moves or self._of)

    def moves(self, study: str | None) -> bool:
        """Return whether files of a study may name another patient than the one that it was given to."""
        return study in self._moves

    def apply(self, values: Values) -> Values:
        """Return an object's completed values with all corrections that concern it."""
        if not self:
            return values
        layout = self._layout
        patient, study, series = layout.parents_of(values)
        owner = self._owner(study, patient)
        wanted = self._that_concern(owner, study, series, values[layout.sop_key])
        if owner == patient and not wanted:
            return values
        changed = list(values)
        if owner != patient:
            wanted = [*self._of.get((MERGED, study), ()), *wanted]
            changed[layout.patient] = [None] * (layout.patient.stop - layout.patient.start)
            for place in layout.places_of(PATIENT_ID):
                changed[place] = owner
        for correction in wanted:
            for place in self._places(correction):
                changed[place] = fit(correction.value.rstrip(" "), layout.fields[place])
        return tuple(changed)

    def of_image(self, database: Database, sop: str) -> dict[int, str]:
        """Return what the record says of an indexed object's own elements, tag → text; empty where it says nothing."""
        keys = database.connection.execute(_KEYS, (sop,)).fetchone() if self else None
        if keys is None:
            return {}
        patient, study, series = keys
        found = {
            correction.tag: correction.value for correction in self._that_concern(patient, study, series, sop)
        }
        return {PATIENT_ID[0]: patient, **found} if self.moves(study) else found

    def _owner(self, study: str, patient: str) -> str:
        """The patient to whom an object of a study belongs whose file names one."""
        for move in self._moves.get(study, ()):
            if move.former == patient:
                patient = move.value
        return patient

    def _that_concern(self, patient: str, study: str, series: str, sop: str | None) -> list[Correction]:
        keys = [("patient", patient), ("study", study), ("series", series), ("image", sop)]
        return sorted(chain.from_iterable(self._of.get(key, ()) for key in keys))

    def _places(self, correction: Correction) -> list[int]:
        """Where values of a correction's tag stand: in the tables from its level down."""
        layout, path = self._layout, (correction.tag,)
        if correction.level == MERGED:
            return [place for place in layout.places_of(path) if place < layout.patient.stop]
        start = layout.starts[LEVELS.index(correction.level)]
        places = [place for place in layout.places_of(path) if place >= start]
        if path == MODALITY and correction.level == "image":
            places.remove(layout.modality)
        return places
