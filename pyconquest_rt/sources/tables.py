"""The tables of remote objects; never Conquest's four, since a Conquest would offer objects without files."""

from typing import Final

from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.migrations import Migration
from pyconquest_rt.dicom.tables import Table, columns
from pyconquest_rt.sources.source import OBJECT, PATIENT, SERIES, STUDY


def _text(*keywords: str) -> str:
    return "\n".join(f"{keyword} | TEXT | | as the source tells it" for keyword in keywords)


_SOURCE = Table(
    "source",
    "one source",
    columns("""
    name         | TEXT NOT NULL | | its name here
    kind         | TEXT NOT NULL | | dicomweb, dimse, or that of an entry point
    url          | TEXT NOT NULL | | where it is
    auth         | TEXT          | | how to sign in, without any secret: names of variables or functions
    filter       | TEXT          | | keys that its studies must match, as KEYWORD=VALUE joined by &
    added        | TEXT          | | when it was added (UTC)
    synced       | TEXT          | | when it was last synchronised (UTC)
    result       | TEXT          | | what the last synchronisation came to
    """),
    key=("name",),
)
_STATE = """
    state  | TEXT NOT NULL | | present, failed (see reason), missing (absent once) or gone
    reason | TEXT          | | why it failed
    url    | TEXT          | | where it is
"""
_PATIENT = Table(
    "source_patient",
    "one patient of a source",
    columns("source | TEXT NOT NULL | | source.name", _text(*PATIENT)),
    key=("source", "PatientID"),
)
_STUDY = Table(
    "source_study",
    "one study of a source",
    columns(
        "source | TEXT NOT NULL | | source.name",
        "StudyInstanceUID | TEXT NOT NULL | | its UID\nPatientID | TEXT | | as the source tells it",
        _text(*STUDY),
        "instances | INTEGER | | how many objects the source says that it has",
        _STATE,
    ),
    key=("source", "StudyInstanceUID"),
)
_SERIES = Table(
    "source_series",
    "one series of a source",
    columns(
        "source | TEXT NOT NULL | | source.name",
        "SeriesInstanceUID | TEXT NOT NULL | | its UID\nStudyInstanceUID | TEXT NOT NULL | | its study",
        _text(*SERIES),
        """
        instances | INTEGER | | how many objects the source says that it has
        version   | TEXT    | | the source's version of it, where it keeps one
        """,
        _STATE,
    ),
    key=("source", "SeriesInstanceUID"),
    indexed=("StudyInstanceUID",),
)
_OBJECT = Table(
    "source_object",
    "one object of a source",
    columns(
        "source | TEXT NOT NULL | | source.name",
        "SOPInstanceUID | TEXT NOT NULL | | its UID\nSeriesInstanceUID | TEXT NOT NULL | | its series",
        _text(*OBJECT),
        _STATE,
    ),
    key=("source", "SOPInstanceUID"),
    indexed=("SOPInstanceUID", "SeriesInstanceUID"),
)
TABLES: Final = {table.name: table for table in (_SOURCE, _PATIENT, _STUDY, _SERIES, _OBJECT)}

_WHERE_IT_IS = """
CREATE VIEW where_it_is AS
SELECT SOPInstanc AS SOPInstanceUID, SeriesInst AS SeriesInstanceUID, '' AS source, ObjectFile AS location
FROM DICOMImages
UNION ALL
SELECT SOPInstanceUID, SeriesInstanceUID, source, url FROM source_object WHERE state = 'present'
"""
_MIGRATIONS = (
    Migration(
        "sources.tables",
        ";\n".join(
            [
                *(sql for table in TABLES.values() for sql in (table.create_sql(), *table.index_sql())),
                _WHERE_IT_IS,
                "",
            ]
        ),
    ),
)


def prepare(database: Database) -> None:
    """Make the tables where they are not there yet."""
    database.migrate(_MIGRATIONS)
