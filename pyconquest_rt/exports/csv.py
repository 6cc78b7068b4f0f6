"""The result of a query as a CSV file: UTF-8, lines ended by CRLF (RFC 4180), written row by row."""

import csv
import math
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyconquest_rt.database.connection import Database

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def dump(
    database: Database,
    query: str,
    filename: str | os.PathLike[str],
    *,
    delimiter: str = ",",
    guard_formulas: bool = False,
) -> int:
    """Write the rows of a query to a file; a query without rows writes none, as in PyConquest.

    Args:
        query: the SQL of a reading statement.
        guard_formulas: put a ``'`` before texts that a spreadsheet would run as a formula (OWASP, CSV
            injection); numbers stay as they are.

    Returns:
        the number of rows.

    Raises:
        DatabaseError: the query cannot be run.
        OSError: the file cannot be written.
    """
    cursor = database.connection.execute(query)
    row = cursor.fetchone()
    if row is None:
        return 0
    count = 0
    with Path(filename).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([column[0] for column in cursor.description])
        while row is not None:
            readable = [_numbers(value) if isinstance(value, bytes) else value for value in row]
            writer.writerow(_guarded(readable) if guard_formulas else readable)
            count += 1
            row = cursor.fetchone()
    return count


def _numbers(value: bytes) -> str:
    """A curve as numbers between blanks (32-bit floats, little endian); other bytes as hexadecimal digits."""
    if len(value) % 4:
        return value.hex()
    numbers = struct.unpack(f"<{len(value) // 4}f", value)
    return (
        " ".join(f"{number:.6g}" for number in numbers) if all(map(math.isfinite, numbers)) else value.hex()
    )


def _guarded(row: Sequence[Any]) -> list[Any]:
    return [f"'{value}" if isinstance(value, str) and _is_formula(value) else value for value in row]


def _is_formula(text: str) -> bool:
    if not text.startswith(_FORMULA_STARTS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
