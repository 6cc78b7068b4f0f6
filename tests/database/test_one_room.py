"""A driver and the words of one database belong into database/; what still stands elsewhere may only become less."""

import re
from pathlib import Path

import pyconquest_rt

PACKAGE = Path(pyconquest_rt.__file__).parent
WORDS = re.compile(
    r"^\s*(import|from) sqlite3\b|\b(PRAGMA|INSERT OR|BEGIN IMMEDIATE|WITHOUT ROWID|sqlite_master|json_each|"
    r"group_concat)\b|\browid\b",
    re.MULTILINE | re.IGNORECASE,
)
# Files that are still to be cleared; none may come to them.
LEFT = {
    "cli/dose.py",
    "dose_reports/counting/store.py",
    "dose_reports/store.py",
    "exports/ctk/database.py",
    "exports/dose.py",
    "exports/dose_levels.py",
    "exports/dose_plot.py",
    "exports/dose_sr.py",
}


def test_sql_of_one_database_stands_in_its_room() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "database" and WORDS.search(path.read_text("utf-8"))
    }
    assert found - LEFT == set()
