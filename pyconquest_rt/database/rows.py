"""One object's header → the values of its patient, study, series and image rows."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from pyconquest_rt.database.pyconquest_columns import SEQUENCES, SEQUENCES_OF, rt_columns
from pyconquest_rt.database.schema import Column, Definition
from pyconquest_rt.dicom.fields import fit
from pyconquest_rt.dicom.header import Field, HeaderReader

PATIENT_ID = (0x00100020,)
STUDY_UID = (0x0020000D,)
SERIES_UID = (0x0020000E,)
SOP_UID = (0x00080018,)
MODALITY = (0x00080060,)
SERIES_NUMBER = (0x00200011,)
FRAME_OF_REFERENCE_UID = (0x00200052,)
MODALITIES_IN_STUDY = (0x00080061,)
NO_PATIENT_ID = "00000000"

Values = tuple[str | None, ...]
Parents = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Keys:
    """The four identifiers of an object, as they stand in the rows."""

    patient: str
    study: str
    series: str
    sop: str


class RowLayout:
    """Which header fields a definition wants, and where each table's values lie among them.

    The values that a :meth:`reader` reads, one per field, are the four rows one after the other (``patient``,
    ``study``, ``series``, ``image`` are their slices), followed by the modality.
    """

    def __init__(self, definition: Definition) -> None:
        lengths = {
            table.key.path: table.key.length
            for table in (definition.patients, definition.studies, definition.series, definition.images)
        }
        fields: list[Field] = []
        slices = []
        for table in (definition.patients, definition.studies, definition.series, definition.images):
            start = len(fields)
            fields += [_field(column, lengths) for column in table.columns]
            slices.append(slice(start, len(fields)))
        self.patient, self.study, self.series, self.image = slices
        self.modality = len(fields)
        fields.append(Field(MODALITY, 16))
        self.definition = definition
        self.fields = tuple(fields)
        self.sequences = SEQUENCES
        self._places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, field in enumerate(fields):
            self._places[field.path].append(number)
        self.patient_key = self.patient.start
        self.study_key = self.study.start
        self.series_key = self.series.start
        self.sop_key = self.image.start
        self.parents_of: Callable[[Values], Parents] = itemgetter(
            self.patient_key, self.study_key, self.series_key
        )
        """The identifiers of patient, study and series among completed values."""
        self.starts = (self.patient.start, self.study.start, self.series.start, self.image.start)
        """Where the values of each table begin."""

    def places_of(self, path: tuple[int, ...]) -> list[int]:
        """Return where the values of an element stand, in every table and as the modality."""
        return self._places.get(path, [])

    def reader(self) -> HeaderReader:
        """Return a reader of these fields; the digest in its headers are PyConquest's columns of RT objects."""
        return HeaderReader(
            self.fields,
            self.sequences,
            sequences_of=SEQUENCES_OF,
            digest=lambda values, sequences: rt_columns(values[self.modality], sequences),
        )

    def complete(self, values: Values) -> Values:
        """Return the values with missing keys put in: PatientID 00000000, UIDs made from what the object says.

        Objects share a made-up study only if they name one series, and a made-up series only if they name one study,
        modality, series number and frame of reference; else each has its own, made from its SOPInstanceUID.
        """
        parents = self.parents_of(values)
        if all(parents) and parents[0][0] != " ":
            return values
        completed = list(values)

        def fill(path: tuple[int, ...], value: str) -> str:
            for place in self._places[path]:
                completed[place] = value
            return value

        patient, study, series = parents
        fill(
            PATIENT_ID, (patient or "").lstrip(" ") or NO_PATIENT_ID
        )  # leading blanks are padding (PS3.5 6.2)
        own = values[self.sop_key] or ""
        study = study or fill(STUDY_UID, _made_uid("study", series or own))
        if series is None:
            fill(SERIES_UID, _made_uid("series", study, *(self._kind_of_series(values) or [own])))
        return tuple(completed)

    def _kind_of_series(self, values: Values) -> list[str]:
        """What objects of one series have in common and those of several do not; empty where it is not all there."""
        found = [
            next((value for place in self.places_of(path) if (value := values[place])), None)
            for path in (MODALITY, SERIES_NUMBER, FRAME_OF_REFERENCE_UID)
        ]
        kind = [value for value in found if value]
        return kind if len(kind) == len(found) else []


def cell(column: Column, text: str) -> str | None:
    """Return a text as its column takes it: cut to its length, None where it is empty."""
    return fit(text.rstrip(" "), _field(column, {}))


def _field(column: Column, key_lengths: dict[tuple[int, ...], int]) -> Field:
    if column.path in key_lengths:
        return Field(column.path, key_lengths[column.path], "key")
    if column.sql_type == "SQL_C_DATE":
        return Field(column.path, 8, "date")
    if column.dicom_type in {"DT_UINT16", "DT_UINT32", "DT_FL", "DT_FD"}:
        return Field(column.path, column.length, "number")
    return Field(column.path, column.length, "text")


def _made_uid(level: str, *parts: str) -> str:
    """A UID below 2.25 (PS3.5 B.2) that is the same for every object with these parts."""
    digest = hashlib.sha256("\0".join((level, *parts)).encode("utf-8", "surrogatepass")).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"
