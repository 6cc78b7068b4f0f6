"""A department's own tables: standard names of protocols, reference levels, and the levels of this archive."""

import csv
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports.dose import QUANTITIES, examination_doses

FEWEST = 10  #: examinations that a level of this archive is made of at least


def _read(path: str | os.PathLike[str], needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with their line numbers; commas or semicolons, a byte order mark or none."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{os.fspath(path)} cannot be read: {error}") from error
    reader = csv.DictReader(lines, delimiter=_delimiter(lines))
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        raise SettingsError(
            f"{os.fspath(path)}: no column {', '.join(missing)}; needed are {', '.join(needed)}"
        )
    for row in reader:
        yield reader.line_num, {name: (value or "").strip() for name, value in row.items() if name}


def _delimiter(lines: Sequence[str]) -> str:
    head = lines[0] if lines else ""
    return ";" if head.count(";") > head.count(",") else ","


def import_names(connection: sqlite3.Connection, path: str | os.PathLike[str]) -> int:
    """Take standard names from a CSV file (columns name, standard_name and, if wanted, scanner); returns how many.

    ``name`` is a protocol or a study description, in any case of letters; with ``scanner`` the name holds for that one
    alone. The names that were there are replaced as a whole, in the caller's transaction.

    Raises:
        SettingsError: the file cannot be read, or lacks a column or a value.
    """
    rows = []
    for line, row in _read(path, ("name", "standard_name")):
        if not row["name"] or not row["standard_name"]:
            raise SettingsError(f"{os.fspath(path)}, line {line}: name and standard_name are both needed")
        rows.append((row["name"].lower(), row.get("scanner", "").lower(), row["standard_name"]))
    connection.execute("DELETE FROM dose_standard_name")
    connection.executemany("INSERT OR REPLACE INTO dose_standard_name VALUES (?, ?, ?)", rows)
    return len(rows)


def unnamed(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the protocols that have no standard name, with how many examinations each, the most frequent first."""
    rows = connection.execute(
        "SELECT protocol, scanner, count(DISTINCT StudyInstanceUID) FROM v_dose_examination "
        "WHERE standard_name IS NULL AND protocol <> '' GROUP BY protocol, scanner ORDER BY 3 DESC, 1, 2"
    )
    return [{"name": name, "scanner": scanner, "examinations": count} for name, scanner, count in rows]


def import_levels(connection: sqlite3.Connection, path: str | os.PathLike[str]) -> int:
    """Take reference levels from a CSV file with the columns standard_name, quantity and value; returns how many.

    Further columns: part (16 cm, 32 cm, left, right), from_years, to_years (ages), source. Values are in the units of
    :data:`~pyconquest_rt.exports.dose.QUANTITIES`. Levels that were there are replaced as a whole.

    Raises:
        SettingsError: the file cannot be read, lacks a column, or holds a quantity or number that is none.
    """
    rows = []
    for line, row in _read(path, ("standard_name", "quantity", "value")):
        if row["quantity"] not in QUANTITIES:
            known = ", ".join(QUANTITIES)
            raise SettingsError(
                f"{os.fspath(path)}, line {line}: quantity '{row['quantity']}' is none of {known}"
            )
        try:
            ages = float(row.get("from_years") or 0), float(row["to_years"]) if row.get("to_years") else None
            value = float(row["value"])
        except ValueError as error:
            raise SettingsError(f"{os.fspath(path)}, line {line}: {error}") from error
        rows.append(
            (
                row["standard_name"],
                row["quantity"],
                row.get("part", ""),
                *ages,
                value,
                row.get("source") or None,
            )
        )
    connection.execute("DELETE FROM dose_drl")
    connection.executemany("INSERT OR REPLACE INTO dose_drl VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return len(rows)


def set_local_levels(connection: sqlite3.Connection, fewest: int = FEWEST) -> int:
    """Make the 75th percentile of this archive's examinations of each standard name a level; returns how many.

    ICRP Publication 135 sets a local level at the third quartile of what a department gives. Levels that were set by
    a file stay; earlier ones made here are replaced. ``fewest``: of fewer examinations no level is made.
    """
    import statistics

    pooled: dict[tuple[str, str, str], list[float]] = {}
    for quantity in QUANTITIES:
        for (_, protocol, standard, part), values in examination_doses(connection, quantity).items():
            pooled.setdefault((standard or protocol, quantity, part), []).extend(values)
    connection.execute("DELETE FROM dose_drl WHERE source LIKE 'local: %'")
    count = 0
    for (name, quantity, part), values in sorted(pooled.items()):
        if len(values) >= fewest and name:
            level = statistics.quantiles(values, n=4, method="inclusive")[2]
            source = f"local: 75th percentile of {len(values)} examinations, {date.today().isoformat()}"
            count += connection.execute(
                "INSERT OR IGNORE INTO dose_drl VALUES (?, ?, ?, 0, NULL, ?, ?)",
                (name, quantity, part, level, source),
            ).rowcount
    return count


def above_levels(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the examinations that exceed a reference level, the latest first (view ``v_dose_above_drl``)."""
    cursor = connection.execute(
        "SELECT * FROM v_dose_above_drl ORDER BY StudyDate DESC, StudyInstanceUID, quantity"
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
