"""The account of derivations: what was derived from which object, and what is due.

``derivations`` has a row per object and extractor; ``derivation_inputs`` lists every object that a result rests on,
with the fingerprint of its file then. ``derived_tables`` names the tables that hold results; each has a column
SOPInstanceUID. ``due_classes`` says objects of which SOP classes an extractor reads, so that whoever writes an image
row can write what is due for it in the same transaction, without knowing the extractors. The functions here are
called wherever an object's rows change, in the transaction that changes them.

Of images that are alike (those of one CT acquisition) only one is read, the one with the least SOPInstanceUID, so that
the order in which they come changes nothing. ``unit`` in an account row holds the values in which they are alike. Where
an extractor gathers, its result rests on all that are alike, and each that comes makes it due again.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from pyconquest_rt.database.connection import Database, quote
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE

IMAGES = "DICOMImages"
_CLASS_COLUMN = "sopclassui"
_SERIES_COLUMN = "seriesinst"
_ACCOUNT = ("sop", "extractor", "version", "unit", "state")


class Interest(NamedTuple):
    """One extractor's interest in objects of a SOP class.

    ``alike`` are the columns of DICOMImages in which images must agree for one of them to be read; empty: each is.
    ``gathers``: what is made of that one rests on all others too.
    """

    extractor: str
    version: int
    alike: tuple[str, ...]
    tables: tuple[str, ...]
    gathers: bool = False


def interests(database: Database) -> dict[str, list[Interest]]:
    """Return what the extractors of this archive read, by SOP class."""
    found: dict[str, list[Interest]] = {}
    for sop_class, extractor, version, alike, tables, gathers in database.connection.execute(
        "SELECT sop_class, extractor, version, alike, tables, gathers FROM due_classes ORDER BY extractor"
    ):
        columns, names = tuple(json.loads(alike)), tuple(json.loads(tables))
        interest = Interest(extractor, version, columns, names, bool(gathers))
        found.setdefault(sop_class, []).append(interest)
    return found


class Arrivals:
    """Marks derivations as due for new image rows, in the same transaction.

    What it has read stays true until somebody else writes; whoever keeps one across transactions drops it then.

    Args:
        columns: those of the rows, as they are handed over; the first is the SOPInstanceUID.
    """

    def __init__(self, database: Database, columns: Sequence[str]) -> None:
        self._database = database
        place = {name.lower(): number for number, name in enumerate(columns)}
        self._class = place.get(_CLASS_COLUMN)
        self._series = place.get(_SERIES_COLUMN)
        self._interests = {
            sop_class: [
                (interest, tuple(place[column.lower()] for column in interest.alike))
                for interest in of
                if all(column.lower() in place for column in interest.alike)
            ]
            for sop_class, of in interests(database).items()
        }
        self._awaited = {
            uid
            for (uid,) in database.connection.execute(
                "SELECT awaited FROM derivations WHERE awaited IS NOT NULL AND state = 'waiting'"
            )
        }
        self._least: dict[tuple[Any, ...], str] = {}  # (extractor, values in which images are alike) → UID

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Mark what is due for these image rows."""
        if self._class is None or not (self._interests or self._awaited):
            return
        come: set[str | None] = set()
        gathered: set[tuple[Any, ...]] = (
            set()
        )  # of this transaction: results may have been made since the last
        for row in rows:
            for interest, places in self._interests.get(row[self._class] or "", ()):
                self._mark(row, interest, places, gathered)
            if self._awaited:
                come |= {row[0], None if self._series is None else row[self._series]}
        for uid in self._awaited & come:
            self._database.connection.execute(
                "UPDATE derivations SET state = 'due', attempts = 0 WHERE awaited = ? AND state = 'waiting'",
                (uid,),
            )

    def _mark(
        self, row: Sequence[Any], interest: Interest, places: tuple[int, ...], gathered: set[tuple[Any, ...]]
    ) -> None:
        """Enter one row's object as due; of rows that agree in the values at ``places`` the one with the least UID."""
        sop = row[0]
        if not places:
            mark(self._database, interest, sop)
            return
        values = [row[place] for place in places]
        key = (interest.extractor, *values)
        if key not in self._least or sop < self._least[key]:
            self._least[key] = mark_alike(self._database, interest, values, sop)
        if interest.gathers and key not in gathered:
            gathered.add(key)
            mark_again(self._database, interest, values)


def mark(database: Database, interest: Interest, sop: str) -> None:
    """Mark an object as due unless it has a result of this extractor's version."""
    known = database.connection.execute(
        "SELECT 1 FROM derivations WHERE sop = ? AND extractor = ? AND version = ?",
        (sop, interest.extractor, interest.version),
    ).fetchone()
    if not known:
        database.put("derivations", _ACCOUNT, [(sop, interest.extractor, interest.version, None, "due")])


def mark_alike(database: Database, interest: Interest, values: Sequence[Any], sop: str) -> str:
    """Of a group of alike images, mark the one with the least UID as due; results of the others are removed.

    Returns:
        the SOPInstanceUID of the one that is read.
    """
    unit = json.dumps(list(values))
    known = database.connection.execute(
        "SELECT sop, version FROM derivations WHERE extractor = ? AND unit = ? ORDER BY sop",
        (interest.extractor, unit),
    ).fetchall()
    least: str = min([sop, *(other for other, _ in known)])
    for other, _ in known:
        if other != least:
            _remove_result(database, interest, other)
    if (least, interest.version) not in known:
        database.put("derivations", _ACCOUNT, [(least, interest.extractor, interest.version, unit, "due")])
    return least


def mark_again(database: Database, interest: Interest, values: Sequence[Any]) -> None:
    """Make the result of images that are alike due again; work on it is taken back."""
    database.connection.execute(
        "UPDATE derivations SET state = 'due', attempts = 0 WHERE extractor = ? AND unit = ? AND state <> 'due'",
        (interest.extractor, json.dumps(list(values))),
    )


def _remove_result(database: Database, interest: Interest, sop: str) -> None:
    for table in interest.tables:
        database.connection.execute(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", (sop,))
    for table in ("derivations", "derivation_inputs"):
        database.connection.execute(
            f"DELETE FROM {table} WHERE sop = ? AND extractor = ?", (sop, interest.extractor)
        )


def objects_changed(database: Database, sops: Collection[str]) -> None:
    """Mark all results that depend on these objects as due again."""
    database.connection.executemany(
        "UPDATE derivations SET state = 'due', attempts = 0 WHERE (sop, extractor) IN "
        "(SELECT sop, extractor FROM derivation_inputs WHERE input_sop = ?)",
        [(sop,) for sop in sops],
    )


def objects_corrected(database: Database, sops: Collection[str]) -> None:
    """Everything that rests on these objects is due again, though their files are as they were."""
    database.connection.executemany(
        "UPDATE derivations SET state = 'due', attempts = 0, version = 0 WHERE (sop, extractor) IN "
        "(SELECT sop, extractor FROM derivation_inputs WHERE input_sop = ?)",
        [(sop,) for sop in sops],
    )


def objects_removed(database: Database, sops: Collection[str]) -> None:
    """Remove the results of these objects and mark dependent results as due; their image rows are removed already."""
    if not sops:
        return
    objects_changed(database, sops)
    units = list(
        database.select_in(
            "SELECT extractor, unit FROM derivations WHERE unit IS NOT NULL AND sop IN (?)", sops
        )
    )
    keys = [(sop,) for sop in sops]
    tables = [row[0] for row in database.connection.execute("SELECT name FROM derived_tables")]
    for table in tables:
        database.connection.executemany(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", keys)
    for table in ("derivations", "derivation_inputs"):
        database.connection.executemany(f"DELETE FROM {table} WHERE sop = ?", keys)
    if units:
        _mark_next(database, set(units))


def _mark_next(database: Database, units: Collection[tuple[str, str]]) -> None:
    """Mark the next image of each group as due after the one that was read has been removed."""
    wanted = {interest.extractor: interest for of in interests(database).values() for interest in of}
    for extractor, unit in units:
        if extractor not in wanted:
            continue
        interest = wanted[extractor]
        values = json.loads(unit)
        if len(values) != len(interest.alike) or _SERIES_COLUMN not in map(str.lower, interest.alike):
            continue  # no index finds them: the next look does
        alike = " AND ".join(database.dialect.same(quote(column), "?") for column in interest.alike)
        (least,) = database.connection.execute(
            f"SELECT min(SOPInstanc) FROM {IMAGES} WHERE SeriesInst IS NOT NULL AND {alike} AND SOPClassUI IN "
            "(SELECT sop_class FROM due_classes WHERE extractor = ?)",
            (*values, extractor),
        ).fetchone()
        if least is not None:
            mark_alike(database, interest, values, least)


_PATIENT_COLUMNS = frozenset({"patient_id", "patientid"})
_PATIENT_OF = (
    f"SELECT t.PatientID FROM DICOMImages i {PARENTS_OF_IMAGE} WHERE i.SOPInstanc = {{table}}.SOPInstanceUID"
)


def assign_patient(database: Database, sops: Collection[str], tables: Iterable[str] | None = None) -> None:
    """Set the PatientID of these objects' results to the one in the index.

    ``tables`` are those that hold the results; None: all.
    """
    if tables is None:
        tables = [table for (table,) in database.connection.execute("SELECT name FROM derived_tables")]
    for table in tables:
        for column in database.columns(table):
            if column.lower() in _PATIENT_COLUMNS:
                patient = _PATIENT_OF.format(table=quote(table))
                database.connection.executemany(
                    f"UPDATE {quote(table)} SET {quote(column)} = ({patient}) WHERE SOPInstanceUID = ?",
                    [(sop,) for sop in sops],
                )
