"""Identifiers of C-FIND, C-MOVE and C-GET → SQL on the four DICOM tables.

Pure functions of a definition and an identifier: what they return is text whose names come from the
definition, quoted, and parameters that hold whatever the peer has sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyconquest_rt.database.backends.dialect import Dialect
from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.database.schema import Column, Definition, Table
from pyconquest_rt.dicom.values import dictionary_vr
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.net.services.matching import Condition, combined_range, condition, exactly, unpadded

LEVELS: Final = ("PATIENT", "STUDY", "SERIES", "IMAGE")
QUERY_RETRIEVE_LEVEL: Final = 0x00080052
SPECIFIC_CHARACTER_SET: Final = 0x00080005
MODALITIES_IN_STUDY: Final = 0x00080061
SOP_CLASSES_IN_STUDY: Final = 0x00080062
_MODALITY: Final = 0x00080060
_SOP_CLASS_UID: Final = 0x00080016
_PATIENT_ID: Final = 0x00100020
_UNIQUE_KEYS: Final = (_PATIENT_ID, 0x0020000D, 0x0020000E, 0x00080018)
_KEYWORDS: Final = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_COUNTS: Final = {
    0x00201200: (0, 1),
    0x00201202: (0, 2),
    0x00201204: (0, 3),
    0x00201206: (1, 2),
    0x00201208: (1, 3),
    0x00201209: (2, 3),
}
"""Number of (patient, study or series) related (studies, series or instances): level, level counted."""
_DATE_AND_TIME: Final = {
    0x00080020: 0x00080030,
    0x00080021: 0x00080031,
    0x00080022: 0x00080032,
    0x00080023: 0x00080033,
}
_ALIASES: Final = ("p", "t", "s", "i")
_BACKSLASH: Final = "\\"
_SEVERAL_VALUES: Final = "DT_MSTR"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that yields one row for each entity of the level: its key, then the values of `tags`."""

    sql: str
    parameters: tuple[Any, ...]
    tags: tuple[int, ...]
    unmatched: frozenset[int] = field(default_factory=frozenset)
    """Keys with a value that the index cannot match, since no column holds them."""


def level_number(level: str | None) -> int:
    """Return 0 to 3 for PATIENT to IMAGE; raises ObjectError for anything else."""
    name = (level or "").strip().upper()
    if name not in LEVELS:
        raise ObjectError(f"QueryRetrieveLevel {level!r} is not one of {', '.join(LEVELS)}")
    return LEVELS.index(name)


def find_query(
    definition: Definition,
    level: int,
    keys: Mapping[int, str],
    *,
    combined: bool = False,
    limit: int | None = None,
) -> Query:
    """Return the statement for a C-FIND at a level; `keys` holds the text to match by tag, '' for any.

    A key is looked up in the level's own table first, then in those above. With `combined`, ranges of a date
    and of its time are one range. Keys that no column holds are left out of `tags`.
    """
    builder = _Builder(definition, level)
    columns = {tag: found for tag in keys if (found := builder.expression(tag)) is not None}
    conditions: list[Condition] = []
    done = builder.combined(keys, conditions) if combined else []
    for tag, expression in columns.items():
        if tag not in done:
            conditions += builder.match(tag, expression, keys[tag])
    sql, parameters = builder.select((builder.key(level), *columns.values()), conditions, limit)
    unmatched = frozenset(tag for tag in keys.keys() - columns.keys() if keys[tag].strip(" \0*"))
    return Query(sql, parameters, tuple(columns), unmatched)


def files_query(definition: Definition, level: int, keys: Mapping[int, str]) -> Query:
    """Return the statement for a C-MOVE or C-GET: ObjectFile, DeviceName, SOPInstanceUID and SOPClassUID.

    Only unique keys count (PS3.4 section C.4.2.1.4.1), each a single value or a list without wild cards.
    Raises ObjectError if the key of the level itself is missing.
    """
    if not keys.get(_UNIQUE_KEYS[level], "").strip(" \0"):
        raise ObjectError(f"a retrieval at {LEVELS[level]} level needs {_KEYWORDS[level]}")
    builder = _Builder(definition, 3)
    conditions = []
    for tag in _UNIQUE_KEYS[: level + 1]:
        values = [value.strip(" \0") for value in keys.get(tag, "").split("\\")]
        expression = builder.expression(tag)
        if any(values) and expression is not None:
            same = unpadded if tag == _PATIENT_ID else exactly
            conditions.append(same(builder.dialect, expression, values))
    image, class_uid = _ALIASES[3], builder.expression(_SOP_CLASS_UID) or "NULL"
    columns = (f"{image}.ObjectFile", f"{image}.DeviceName", builder.key(3), class_uid)
    return Query(*builder.select(columns, conditions), ())


def instances_query(definition: Definition, sop_instance_uids: Sequence[str]) -> Query:
    """Return the statement for instances by their UIDs; its columns are those of :func:`files_query`."""
    return files_query(definition, 3, {_UNIQUE_KEYS[3]: "\\".join(sop_instance_uids)})


def is_held_below(definition: Definition, level: int, tag: int) -> bool:
    """Whether an attribute belongs to a lower level, so that no one value of it is an entity's own."""
    return any(column.path == (tag,) for table in definition.tables[level + 1 :] for column in table.columns)


def representative_query(definition: Definition, level: int) -> str:
    """Return the statement that yields ObjectFile and DeviceName of one instance of an entity, by its key."""
    builder = _Builder(definition, 3)
    key = builder.key(level)
    image = _ALIASES[3]
    return f"SELECT {image}.ObjectFile, {image}.DeviceName FROM {builder.tables()} WHERE {key} = ? LIMIT 1"


class _Builder:
    """Collects which tables a statement needs, from its level upwards."""

    dialect: Dialect = Database.dialect

    def __init__(self, definition: Definition, level: int) -> None:
        self._tables: Sequence[Table] = definition.tables
        self._level = self._highest = level

    def key(self, level: int) -> str:
        """Return the key of a level's table as an expression."""
        self._highest = min(self._highest, level)
        return _name(_ALIASES[level], self._tables[level].key)

    def select(
        self, columns: Iterable[str], conditions: Sequence[Condition], limit: int | None = None
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the statement that yields columns once for each entity of the level, with its parameters."""
        sql = f"SELECT {', '.join(columns)} FROM {self.tables()}"
        if conditions:
            sql += f" WHERE {' AND '.join(part.sql for part in conditions)}"
        sql += f" GROUP BY {self.key(self._level)}"
        if limit is not None:
            sql += f" LIMIT {limit:d}"
        return sql, tuple(parameter for part in conditions for parameter in part.parameters)

    def tables(self) -> str:
        """Return the FROM clause: the level's table, and those above that are needed."""
        clause = f"{quote(self._tables[self._level].name)} {_ALIASES[self._level]}"
        for level in range(self._level - 1, self._highest - 1, -1):
            parent, child = _ALIASES[level], _ALIASES[level + 1]
            link = self._tables[level + 1].link
            assert link is not None  # every table below the patients has one
            clause += f" LEFT JOIN {quote(self._tables[level].name)} {parent}"
            clause += f" ON {_name(parent, self._tables[level].key)} = {_name(child, link)}"
        return clause

    def expression(self, tag: int) -> str | None:
        """Return an expression for a key's value, or None where the index has none."""
        if tag in _COUNTS:
            return self._count(*_COUNTS[tag])
        if self._is_modalities(tag):
            return self._distinct(_MODALITY, 2) or self._column(MODALITIES_IN_STUDY)
        if tag == SOP_CLASSES_IN_STUDY and self._level >= 1:
            return self._distinct(_SOP_CLASS_UID, 3)
        return self._column(tag)

    def _is_modalities(self, tag: int) -> bool:
        """Whether a key means all modalities of the study: many ask for Modality where ModalitiesInStudy is meant."""
        return (tag == MODALITIES_IN_STUDY and self._level >= 1) or (tag == _MODALITY and self._level == 1)

    def match(self, tag: int, expression: str, value: str) -> list[Condition]:
        """Return the condition of a key on its expression, if it has one."""
        column = self._find(tag)
        several = (
            self._is_modalities(tag)
            or tag == SOP_CLASSES_IN_STUDY
            or (column is not None and column[1].dicom_type == _SEVERAL_VALUES)
        )
        fold = column is not None and column[1].dicom_type == "DT_ISTR"
        vr = "CS" if several else dictionary_vr(tag)
        found = condition(self.dialect, expression, vr, value, several=several, fold=fold)
        return [found] if found else []

    def combined(self, keys: Mapping[int, str], conditions: list[Condition]) -> list[int]:
        """Add the conditions of dates with their times, and return the tags that this settles."""
        done = []
        for date, time in _DATE_AND_TIME.items():
            columns = self._column(date), self._column(time)
            if date in keys and time in keys and columns[0] and columns[1]:
                found = combined_range(columns[0], columns[1], keys[date], keys[time])
                if found is not None:
                    conditions.append(found)
                    done += [date, time]
        return done

    def _find(self, tag: int) -> tuple[int, Column] | None:
        for level in range(self._level, -1, -1):
            for column in self._tables[level].columns:
                if column.path == (tag,):
                    return level, column
        return None

    def _column(self, tag: int) -> str | None:
        found = self._find(tag)
        if found is None:
            return None
        level, column = found
        self._highest = min(self._highest, level)
        return _name(_ALIASES[level], column)

    def _count(self, level: int, counted: int) -> str | None:
        if level > self._level:
            return None
        return f"(SELECT count(*) FROM {self._below(level, counted)})"

    def _distinct(self, tag: int, holder: int) -> str | None:
        """Return an expression for the different values of a column in the series or images of a study."""
        column = next((column for column in self._tables[holder].columns if column.path == (tag,)), None)
        if column is None:
            return None
        name = _name(f"{_ALIASES[holder]}2", column)
        rows = f"SELECT DISTINCT {name} AS v FROM {self._below(1, holder)} AND {name} IS NOT NULL ORDER BY 1"
        return f"(SELECT {self.dialect.joined('v', _BACKSLASH)} FROM ({rows}))"

    def _below(self, level: int, holder: int) -> str:
        """Return FROM and WHERE for the rows of a lower table that belong to this row's entity of a level."""
        clause = f"{quote(self._tables[holder].name)} {_ALIASES[holder]}2"
        for number in range(holder - 1, level, -1):
            table, link = self._tables[number], self._tables[number + 1].link
            assert link is not None
            clause += f" JOIN {quote(table.name)} {_ALIASES[number]}2"
            clause += (
                f" ON {_name(_ALIASES[number] + '2', table.key)} = {_name(_ALIASES[number + 1] + '2', link)}"
            )
        link = self._tables[level + 1].link
        assert link is not None
        return f"{clause} WHERE {_name(_ALIASES[level + 1] + '2', link)} = {self._entity(level)}"

    def _entity(self, level: int) -> str:
        """Return this row's key of a level at or above its own: from the link below it, or the key itself."""
        if level == self._level:
            return self.key(level)
        self._highest = min(self._highest, level + 1)
        link = self._tables[level + 1].link
        assert link is not None
        return _name(_ALIASES[level + 1], link)


def _name(alias: str, column: Column) -> str:
    return f"{alias}.{quote(column.name)}"
