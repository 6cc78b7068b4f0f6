"""Conquest's tables as a definition describes them, with the columns, indices and views that PyConquest adds.

The four DICOM tables are Conquest's to the letter (10-character names, first column the key, last column the
link to the parent, then AccessTime ... qSpare, ObjectFile and DeviceName of an image), followed by the image
columns that PyConquest adds. Only syntax that SQLite 3.8.5 reads goes into the schema, since that is what a
Conquest server ships.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyconquest_rt.database.backends.sqlite import quote
from pyconquest_rt.database.schema import Definition, Table

if TYPE_CHECKING:
    from pyconquest_rt.database.connection import Database

HOUSEKEEPING = ("AccessTime", "qTimeStamp", "qFlags", "qSpare")
FILE_COLUMNS = ("ObjectFile", "DeviceName")
EXTRA_IMAGE_COLUMNS = (
    "ElementCount",
    "ElementList",
    "Nfractions",
    "UniqueFOR_UID",
    "ReferencedSeriesUID",
    "ReferencedSOPUID",
    "DatabaseTimeStamp",
    "hash",
)
_TYPES = {
    "AccessTime": "int",
    "qTimeStamp": "int",
    "qFlags": "int",
    "qSpare": "varchar(64)",
    "ObjectFile": "varchar(255)",
    "DeviceName": "varchar(32)",
} | dict.fromkeys(EXTRA_IMAGE_COLUMNS, "text")

# Every key and every link is found by one index, of the name that Conquest or else PyConquest gives it. Theirs that
# repeat a primary key or begin with the column of another are not made: each costs a page written per new image.
INDICES = (
    ("idx_patientid", "DICOMPatients", "PatientID"),
    ("index_dicomstudies", "DICOMStudies", "StudyInsta"),
    ("study_lnk", "DICOMStudies", "PatientID"),
    ("index_dicomseries", "DICOMSeries", "SeriesInst"),
    ("series_lnk", "DICOMSeries", "StudyInsta"),
    ("series_pat", "DICOMSeries", "SeriesPat"),
    ("index_dicomimages", "DICOMImages", "SOPInstanc"),
    ("images_lnk", "DICOMImages", "SeriesInst"),
    ("images_pat", "DICOMImages", "ImagePat"),
)
VIEWS = ("v_series", "v_seriesRT")
_V_SERIES = """
CREATE VIEW IF NOT EXISTS v_series AS
SELECT series.*, studies.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
"""
_V_SERIES_RT = """
CREATE VIEW IF NOT EXISTS v_seriesRT AS
SELECT series.*, studies.*, images.* FROM DICOMSeries series
JOIN DICOMStudies studies ON series.StudyInsta = studies.StudyInsta
JOIN DICOMImages images ON images.SeriesInst = series.SeriesInst
WHERE series.Modality IN ('RTSTRUCT', 'RTDOSE', 'RTPLAN')
"""


def are_complete(database: "Database") -> bool:
    """Return whether a database has every table and column of its definition."""
    return database.has("v_series") and not any(
        _missing_columns(database, table) for table in database.definition.all_tables
    )


def ensure(database: "Database") -> None:
    """Make the tables, columns, indices and views of a database's definition that are not there."""
    for table in database.definition.all_tables:
        _ensure_table(database, table)
    _ensure_indices(database)
    for statement in _views(database.definition):
        database.connection.execute(statement)


def drop(database: "Database") -> None:
    """Drop the tables of a database's definition, and the views over them."""
    for view in VIEWS:
        database.connection.execute(f"DROP VIEW IF EXISTS {quote(view)}")
    for table in database.definition.all_tables:
        database.connection.execute(f"DROP TABLE IF EXISTS {quote(table.name)}")


def _missing_columns(database: "Database", table: Table) -> list[str]:
    present = {name.lower() for name in database.columns(table.name)}
    return [line for name, line in _column_lines(table).items() if name.lower() not in present]


def _ensure_table(database: "Database", table: Table) -> None:
    if not database.columns(table.name):
        lines = ", ".join(_column_lines(table).values())
        database.connection.execute(f"CREATE TABLE {quote(table.name)} ({lines})")
        return
    for line in _missing_columns(database, table):
        database.connection.execute(f"ALTER TABLE {quote(table.name)} ADD COLUMN {line}")
        database.set_state("refill", "1")


def _ensure_indices(database: "Database") -> None:
    """Index what no index begins with yet; those of a primary key and of a foreign database serve as well."""
    for name, table, column in INDICES:
        present = {known.lower() for known in database.columns(table)}
        indexed = {
            index.first_column.lower() for index in database.dialect.indices(database.connection, table)
        }
        if column.lower() in present - indexed:
            database.connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({column})")


def _column_lines(table: Table) -> dict[str, str]:
    """Return column name → its text in CREATE TABLE, in order."""
    lines = {}
    for number, column in enumerate(table.columns):
        kind = "char(8)" if column.sql_type == "SQL_C_DATE" else f"varchar({column.length})"
        is_key = number == 0 and table.level != "WorkList"
        lines[column.name] = f"{quote(column.name)} {kind}{' PRIMARY KEY not null' if is_key else ''}"
    extra = HOUSEKEEPING if table.level != "Image" else HOUSEKEEPING + FILE_COLUMNS + EXTRA_IMAGE_COLUMNS
    return lines | {name: f"{name} {_TYPES[name]}" for name in extra if name not in lines}


def _views(definition: Definition) -> Iterator[str]:
    """Statements for the views that the definition's columns allow."""
    yield _V_SERIES
    if any(column.name.lower() == "modality" for column in definition.series.columns):
        yield _V_SERIES_RT
