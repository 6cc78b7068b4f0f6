"""The account of derivations: extractors are entered, rows that others wrote are found, work is claimed.

What comes by the archive's own doors is due as soon as its rows are there (``archive/due.py``). What another program
wrote is found by reading, in portions and outside write transactions; each of these is short at any size.
"""

import json
import os
import secrets
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pyconquest_rt.archive import due
from pyconquest_rt.archive.due import IMAGES, Interest
from pyconquest_rt.database import archive_views
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.joins import STUDIES_DOWN
from pyconquest_rt.database.migrations import of_extractor
from pyconquest_rt.derive.extractor import Extractor
from pyconquest_rt.dicom import system

LEASE_S = 900.0
MAX_ATTEMPTS = 3
_PAGE = 20_000  # rows that one statement looks at
_ROUND = 200_000  # rows that one look goes over again, beside those that have come since the last
_PORTION = 200  # rows that one transaction writes
_LOOKED, _ROUND_AT = "due:looked", "due:round"
_CLASS_COLUMNS = ("sop_class", "extractor", "version", "alike", "tables", "gathers")


class Claim(NamedTuple):
    """One object that this process derives from now on; the token says that the claim is this one."""

    sop: str
    extractor: Extractor
    token: str


class Held(NamedTuple):
    """What another process is at: the objects are claimed, and their results not there yet."""

    worker: str
    extractor: str
    objects: int
    seconds: float
    """How long the last of its leases still lasts."""


# -- which extractors there are -----------------------------------------------------------------------------


def prepare(database: Database, wanted: Sequence[Extractor]) -> None:
    """Make the tables of all extractors, and enter what they read; without a change nothing is written."""
    for extractor in wanted:
        database.migrate(of_extractor(extractor.name, extractor.scripts))
        if extractor.version_before is not None:
            _adopt_results(database, extractor)
    archive_views.ensure(database)
    _enter_tables(database, wanted)
    _enter_classes(database, wanted)
    _name_units(database)


def _enter_tables(database: Database, wanted: Sequence[Extractor]) -> None:
    """Enter which tables the extractors fill, where that is not known yet."""
    tables = {(table, extractor.name) for extractor in wanted for table in extractor.tables}
    known = {name for (name,) in database.connection.execute("SELECT name FROM derived_tables")}
    if missing := {table: name for table, name in tables if table not in known}:
        with database.transaction():
            database.put("derived_tables", ("name", "extractor"), list(missing.items()))


def _enter_classes(database: Database, wanted: Sequence[Extractor]) -> None:
    """Enter which SOP classes the extractors read, where that has changed."""
    rows = {row for extractor in wanted for row in _class_rows(database, extractor)}
    before = set(database.connection.execute(f"SELECT {', '.join(_CLASS_COLUMNS)} FROM due_classes"))
    if rows != before:
        with database.transaction() as connection:
            connection.execute("DELETE FROM due_classes")
            database.put("due_classes", _CLASS_COLUMNS, sorted(rows))
            if {_reads(row) for row in rows} - {_reads(row) for row in before}:
                database.set_state(_LOOKED, None)  # rows that are there may be due now


def _adopt_results(database: Database, extractor: Extractor) -> None:
    """Take results from before settings were part of the version for results of the settings of today, once."""
    mark = f"settings:{extractor.name}"
    if database.state(mark):
        return
    with database.transaction() as connection:
        connection.execute(
            "UPDATE derivations SET version = ? WHERE extractor = ? AND version = ?",
            (extractor.version, extractor.name, extractor.version_before),
        )
        database.set_state(mark, "1")


def _class_rows(database: Database, extractor: Extractor) -> Iterator[tuple[Any, ...]]:
    present = {name.lower() for name in database.columns(IMAGES)}
    alike = [column for column in extractor.one_per or () if column.lower() in present]
    for sop_class in extractor.sop_classes:
        tables = json.dumps(extractor.tables)
        yield (
            sop_class,
            extractor.name,
            extractor.version,
            json.dumps(alike),
            tables,
            int(extractor.gathers),
        )


def _reads(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What of an entry says which objects are read; another version alone makes no look necessary."""
    return row[0], row[1], row[3], row[5]


def _name_units(database: Database) -> None:
    """Enter the unit of results that were made before units were kept."""
    for interest in {
        interest for of in due.interests(database).values() for interest in of if interest.alike
    }:
        columns = ", ".join(f"i.{column}" for column in interest.alike)
        rows = database.connection.execute(
            f"SELECT d.sop, {columns} FROM derivations d JOIN {IMAGES} i ON i.SOPInstanc = d.sop "
            "WHERE d.extractor = ? AND d.unit IS NULL",
            (interest.extractor,),
        ).fetchall()
        _write(
            database,
            "UPDATE derivations SET unit = ? WHERE sop = ? AND extractor = ? AND unit IS NULL",
            [(json.dumps(row[1:]), row[0], interest.extractor) for row in rows],
        )


def _write(database: Database, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for each of some rows, in short transactions."""
    for start in range(0, len(rows), _PORTION):
        with database.transaction() as connection:
            connection.executemany(statement, rows[start : start + _PORTION])


# -- what others wrote --------------------------------------------------------------------------------------


def look(database: Database) -> None:
    """Enter what is due of rows that came since the last look, and of a part of all others.

    So a row that another program wrote is found by the next look, and one that it changed within as many looks as
    there are parts of 200,000 rows.
    """
    position = database.dialect.position
    (last,) = database.connection.execute(f"SELECT max({position}) FROM {IMAGES}").fetchone()
    last = last or 0
    looked = min(int(database.state(_LOOKED) or 0), last)
    begin = int(database.state(_ROUND_AT) or 0)
    begin = 0 if begin >= looked else begin
    end = min(begin + _ROUND, looked)
    for first, stop in ((looked, last), (begin, end)):
        for start in range(first, stop, _PAGE):
            _look_at(database, start, min(start + _PAGE, stop))
    _remember(database, {_LOOKED: str(last), _ROUND_AT: str(end)})


def _remember(database: Database, values: dict[str, str]) -> None:
    changed = {name: value for name, value in values.items() if database.state(name) != value}
    if changed:
        with database.transaction():
            for name, value in changed.items():
                database.set_state(name, value)


def _look_at(database: Database, after: int, until: int) -> None:
    """Enter what is due of the image rows of one page."""
    found: list[_Due] = []
    for interest in {interest for of in due.interests(database).values() for interest in of}:
        find = _due_units if interest.alike else _due_objects
        found += find(database, interest, (after, until, interest.extractor))
    for start in range(0, len(found), _PORTION):
        with database.transaction():
            for one in found[start : start + _PORTION]:
                _mark(database, *one)


_Due = tuple[Interest, tuple[Any, ...], str]
"""What is due: of which interest, the values that its unit has in common, and one object."""


def _page_of(database: Database) -> str:
    """The image rows between two positions whose SOP class an extractor reads, as the end of a SELECT."""
    position = database.dialect.position
    return (
        f"FROM {IMAGES} i WHERE i.{position} > ? AND i.{position} <= ? AND i.SOPClassUI IN "
        "(SELECT sop_class FROM due_classes WHERE extractor = ?)"
    )


def _due_units(database: Database, interest: Interest, bounds: tuple[Any, ...]) -> Iterator[_Due]:
    page, columns = _page_of(database), ", ".join(f"i.{column}" for column in interest.alike)
    rows = database.connection.execute(
        f"SELECT min(i.SOPInstanc), {columns} {page} GROUP BY {columns}", bounds
    )
    yield from _without_result(database, interest, rows.fetchall())
    if interest.gathers:
        rows = database.connection.execute(
            f"SELECT min(i.SOPInstanc), {columns} {page} AND NOT EXISTS (SELECT 1 FROM derivation_inputs n "
            f"WHERE n.input_sop = i.SOPInstanc AND n.extractor = ?) GROUP BY {columns}",
            (*bounds, interest.extractor),
        )
        yield from ((interest, row[1:], row[0]) for row in rows.fetchall())


def _due_objects(database: Database, interest: Interest, bounds: tuple[Any, ...]) -> Iterator[_Due]:
    rows = database.connection.execute(
        f"SELECT i.SOPInstanc {_page_of(database)} AND NOT EXISTS (SELECT 1 FROM derivations d "
        "WHERE d.sop = i.SOPInstanc AND d.extractor = ? AND d.version = ?)",
        (*bounds, interest.extractor, interest.version),
    )
    yield from ((interest, (), sop) for (sop,) in rows.fetchall())


def _mark(database: Database, interest: Interest, values: tuple[Any, ...], sop: str) -> None:
    """Enter that something is due, unless its object has gone since it was found."""
    if not database.connection.execute(f"SELECT 1 FROM {IMAGES} WHERE SOPInstanc = ?", (sop,)).fetchone():
        return
    if not interest.alike:
        due.mark(database, interest, sop)
        return
    due.mark_alike(database, interest, values, sop)
    if interest.gathers:
        due.mark_again(database, interest, values)


def _without_result(
    database: Database, interest: Interest, rows: Iterable[tuple[Any, ...]]
) -> Iterator[_Due]:
    """Of images that are alike, those units of which no or another image has a result."""
    least = {json.dumps(row[1:]): row for row in rows}
    known = dict(
        database.select_in(
            "SELECT unit, min(sop) FROM derivations WHERE extractor = ? AND version = ? AND unit IN (?) GROUP BY unit",
            least,
            (interest.extractor, interest.version),
        )
    )
    for unit, row in least.items():
        if unit not in known or row[0] < known[unit]:
            yield interest, row[1:], row[0]


def enqueue(database: Database, wanted: Sequence[Extractor], *, all_rows: bool = True) -> int:
    """Enter what is due and is not entered yet; returns how many objects are due now.

    Args:
        database: the index.
        wanted: the extractors whose objects are counted.
        all_rows: also look at rows that are there already, beside those that have come.
    """
    if all_rows or database.state(_LOOKED) is None:
        look(database)
        _due_again(database)
    names = [extractor.name for extractor in wanted]
    return sum(
        count
        for (count,) in database.select_in(
            "SELECT count(*) FROM derivations WHERE state = 'due' AND state <> 'done' AND extractor IN (?)",
            names,
        )
    )


_OUTDATED = (
    "SELECT d.sop, d.extractor FROM derivations d WHERE d.state <> 'due' AND EXISTS (SELECT 1 FROM due_classes c "
    "WHERE c.extractor = d.extractor) AND NOT EXISTS (SELECT 1 FROM due_classes c "
    "WHERE c.extractor = d.extractor AND c.version = d.version)"
)
_AWAITED_NO_MORE = (
    "SELECT sop, extractor FROM derivations WHERE awaited IS NOT NULL AND state = 'waiting' AND "
    "(awaited IN (SELECT SeriesInst FROM DICOMSeries) OR awaited IN (SELECT SOPInstanc FROM DICOMImages))"
)
_INPUTS_CHANGED = (
    "SELECT DISTINCT d.sop, d.extractor FROM derivation_inputs d "
    "JOIN derivations r ON r.sop = d.sop AND r.extractor = d.extractor AND r.state <> 'due' "
    "LEFT JOIN DICOMImages i ON i.SOPInstanc = d.input_sop "
    "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/') "
    "WHERE coalesce(f.size || ':' || f.mtime_ns, '') <> d.fingerprint"
)


def _due_again(database: Database, *statements: str) -> None:
    """Make due again what some statements find; each is read first, and written in short transactions."""
    for statement in statements or (_OUTDATED, _AWAITED_NO_MORE):
        found = database.connection.execute(statement).fetchall()
        _write(
            database,
            "UPDATE derivations SET state = 'due', attempts = 0 WHERE sop = ? AND extractor = ?",
            found,
        )


def sweep(database: Database) -> None:
    """Mend the account: results of objects that have gone go, changed inputs and broken-off work are due again."""
    gone = [
        sop
        for (sop,) in database.connection.execute(
            "SELECT DISTINCT sop FROM derivations WHERE NOT EXISTS "
            "(SELECT 1 FROM DICOMImages i WHERE i.SOPInstanc = derivations.sop)"
        )
    ]
    for start in range(0, len(gone), _PORTION):
        with database.transaction():
            portion = gone[start : start + _PORTION]
            back = set(
                database.select_in("SELECT SOPInstanc FROM DICOMImages WHERE SOPInstanc IN (?)", portion)
            )
            due.objects_removed(database, [sop for sop in portion if (sop,) not in back])
    _due_again(database, _INPUTS_CHANGED)
    _release(database)


def _release(database: Database) -> None:
    """Take work back whose lease is over, or whose process on this host has ended."""
    running = database.connection.execute(
        f"SELECT sop, extractor, token, worker, lease < {database.dialect.now} FROM derivations "
        "WHERE state = 'running'"
    ).fetchall()
    _write(
        database,
        f"UPDATE derivations SET state = 'due', token = NULL WHERE sop = ? AND extractor = ? "
        f"AND state = 'running' AND {database.dialect.same('token', '?')}",
        [row[:3] for row in running if row[4] or not _is_alive(row[3] or "")],
    )


def _is_alive(worker: str) -> bool:
    """Whether a worker may still be at work; those of other machines are judged by their lease alone."""
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname():
        return True
    return pid.isdecimal() and system.is_alive(int(pid))


# -- claims -------------------------------------------------------------------------------------------------


_OF_PATIENT = f" AND sop IN (SELECT i.SOPInstanc FROM {STUDIES_DOWN} WHERE t.PatientID = ?)"


def claims(
    database: Database,
    wanted: Sequence[Extractor],
    patient: str | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Claim]:
    """Claim one due object after the other, extractors in the order given, until none is due."""
    while go_on() and (claim := _claim(database, wanted, patient)) is not None:
        yield claim


def _claim(database: Database, wanted: Sequence[Extractor], patient: str | None) -> Claim | None:
    for extractor in wanted:
        while row := _first_due(database, extractor, patient):  # read first: without work nobody waits for us
            with database.transaction() as connection:
                row = _first_due(database, extractor, patient)
                if row is None:
                    break
                sop, attempts = row
                if attempts >= MAX_ATTEMPTS:
                    connection.execute(
                        "UPDATE derivations SET state = 'failed', reason = ? WHERE sop = ? AND extractor = ?",
                        (f"the worker died {MAX_ATTEMPTS} times at it", sop, extractor.name),
                    )
                    continue
                claim = Claim(sop, extractor, secrets.token_hex(8))
                connection.execute(
                    "UPDATE derivations SET state = 'running', worker = ?, token = ?, attempts = attempts + 1, "
                    f"lease = {database.dialect.now} + ? WHERE sop = ? AND extractor = ?",
                    (f"{socket.gethostname()}:{os.getpid()}", claim.token, LEASE_S, sop, extractor.name),
                )
                return claim
    return None


def _first_due(database: Database, extractor: Extractor, patient: str | None) -> tuple[str, int] | None:
    """The words "state <> 'done'" let SQLite use the index of what is unfinished, which is over these alone."""
    found: tuple[str, int] | None = database.connection.execute(
        "SELECT sop, attempts FROM derivations WHERE extractor = ? AND state = 'due' AND state <> 'done'"
        f"{'' if patient is None else _OF_PATIENT} LIMIT 1",
        (extractor.name, *(() if patient is None else (patient,))),
    ).fetchone()
    return found


def is_ours(database: Database, claim: Claim) -> bool:
    """Return whether a claim still holds: it was not taken back, and nobody else has claimed the object."""
    row = database.connection.execute(
        "SELECT 1 FROM derivations WHERE sop = ? AND extractor = ? AND state = 'running' AND token = ?",
        (claim.sop, claim.extractor.name, claim.token),
    ).fetchone()
    return row is not None


def held(database: Database, names: Collection[str], patient: str | None = None) -> list[Held]:
    """Return what other processes have claimed of some extractors, with leases that are not over."""
    now = database.dialect.now
    return [
        Held(worker or "an unknown worker", extractor, count, seconds)
        for worker, extractor, count, seconds in database.connection.execute(
            f"SELECT worker, extractor, count(*), max(lease) - {now} FROM derivations WHERE state = 'running' "
            f"AND lease >= {now}{'' if patient is None else _OF_PATIENT} GROUP BY worker, extractor",
            () if patient is None else (patient,),
        )
        if extractor in names
    ]
