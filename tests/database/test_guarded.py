"""guarded.py: a user's statement reads, or is refused before any part of it has run."""

from pathlib import Path

import pytest
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.guarded import only_reading
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.indexer import rebuild


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM DICOMPatients",
        "UPDATE DICOMPatients SET PatientNam = 'X'",
        "INSERT INTO audit(time, action) VALUES ('', '')",
        "DROP TABLE DICOMImages",
        "CREATE TABLE new(a)",
        "CREATE TEMP TABLE new(a)",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA writable_schema=1",
        "BEGIN IMMEDIATE",
        "WITH p AS (SELECT 1) DELETE FROM DICOMPatients",
        "SELECT load_extension('x')",
    ],
)
def test_what_does_more_than_read_is_refused(ingest: Archive, in_folder: Path, statement: str) -> None:
    save(make_object(), in_folder / "data" / "a.dcm")
    rebuild(ingest)
    database = ingest.database
    before = list(database.connection.iterdump())
    with pytest.raises(DatabaseError, match="more than read"), only_reading(database.connection):
        database.query(statement)
    assert list(database.connection.iterdump()) == before and not (in_folder / "other.db").exists()


def test_reading_is_allowed_and_writing_is_again_afterwards(ingest: Archive) -> None:
    with only_reading(ingest.database.connection):
        assert ingest.database.query("SELECT count(*) AS n FROM v_series") == [{"n": 0}]
        assert ingest.database.query("PRAGMA table_info(DICOMImages)")
        recursive = (
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT * FROM c"
        )
        assert len(ingest.database.query(recursive)) == 3
    ingest.database.set_state("x", "1")
