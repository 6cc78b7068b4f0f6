"""Views for people: plain names of columns, counts, sizes and last arrivals; those of radiotherapy are in rt_views.

A column of a view takes the first column of the definition that holds its DICOM element; where a dicom.sql has none it
is NULL. Dates are written ``YYYY-MM-DD``, times of arrival in UTC. A view of ours holds a mark in its text. One whose
text is not that of today is made anew when the database is opened for writing; a table or view of a user's own that
has such a name stays.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING

from pyconquest_rt.database.backends.sqlite import quote
from pyconquest_rt.database.joins import PARENTS_OF_IMAGE, PATIENT_OF_STUDY, STUDIES_DOWN
from pyconquest_rt.database.rt_views import RT_VIEWS as VIEWS_FOR_PEOPLE
from pyconquest_rt.database.rt_views import iso_date
from pyconquest_rt.database.rtds_views import RTDS_VIEWS
from pyconquest_rt.database.schema import Definition, Table

if TYPE_CHECKING:
    from pyconquest_rt.database.connection import Database

MARK = "/* view of pyconquest_rt */"
RT_VIEWS = VIEWS_FOR_PEOPLE | RTDS_VIEWS

_NAMES = {
    "patient_id": ("Patient", 0x00100020),
    "patient_name": ("Patient", 0x00100010),
    "birth_date": ("Patient", 0x00100030),
    "sex": ("Patient", 0x00100040),
    "study_uid": ("Study", 0x0020000D),
    "study_date": ("Study", 0x00080020),
    "study_time": ("Study", 0x00080030),
    "study_description": ("Study", 0x00081030),
    "accession_number": ("Study", 0x00080050),
    "physician": ("Study", 0x00080090),
    "series_uid": ("Series", 0x0020000E),
    "modality": ("Series", 0x00080060),
    "series_date": ("Series", 0x00080021),
    "series_number": ("Series", 0x00200011),
    "series_description": ("Series", 0x0008103E),
    "body_part": ("Series", 0x00180015),
    "manufacturer": ("Series", 0x00080070),
    "model": ("Series", 0x00081090),
    "frame_of_reference_uid": ("Series", 0x00200052),
    "sop_uid": ("Image", 0x00080018),
    "sop_class_uid": ("Image", 0x00080016),
    "instance_number": ("Image", 0x00200013),
}
_ALIASES = {"Patient": "p", "Study": "t", "Series": "s", "Image": "i"}
_LEVELS = ("Patient", "Study", "Series", "Image")

_BELOW = {
    "Patient": STUDIES_DOWN,
    "Study": "DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst",
    "Series": "DICOMImages i",
}
_LINKED = {
    "Patient": "t.PatientID = p.PatientID",
    "Study": "s.StudyInsta = t.StudyInsta",
    "Series": "i.SeriesInst = s.SeriesInst",
}
_FILE = "LEFT JOIN files f ON f.path = replace(i.ObjectFile, '\\', '/')"
_ARRIVED = "datetime(max(i.AccessTime), 'unixepoch')"

VIEWS = {
    "archive_patients": (
        "Patient",
        ("patient_id", "patient_name", "birth_date", "sex"),
        ("studies", "series", "objects", "modalities", "bytes", "last_arrival"),
    ),
    "archive_studies": (
        "Study",
        (
            "study_uid",
            "study_date",
            "study_time",
            "study_description",
            "accession_number",
            "physician",
            "patient_id",
        ),
        ("series", "objects", "modalities", "bytes", "last_arrival"),
    ),
    "archive_series": (
        "Series",
        (
            *("series_uid", "modality", "series_date", "series_number", "series_description", "body_part"),
            *("manufacturer", "model", "frame_of_reference_uid", "study_uid", "patient_id"),
        ),
        ("objects", "bytes", "last_arrival"),
    ),
    "archive_objects": (
        "Image",
        ("sop_uid", "sop_class_uid", "modality", "instance_number", "series_uid", "study_uid", "patient_id"),
        (),
    ),
}
"""View → its level, the columns that it takes from rows, and those that it counts."""

_FROM = {
    "Patient": "DICOMPatients p",
    "Study": f"DICOMStudies t {PATIENT_OF_STUDY}",
    "Series": "DICOMSeries s LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta "
    "LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID",
    "Image": f"DICOMImages i {PARENTS_OF_IMAGE} {PATIENT_OF_STUDY} {_FILE}",
}
_OF_FILES = (
    "i.ObjectFile AS file, i.DeviceName AS device, f.size AS bytes, f.state AS state, "
    "datetime(i.AccessTime, 'unixepoch') AS arrived"
)


def selects(definition: Definition) -> dict[str, str]:
    """Return view → SELECT, for the tables of a definition; in the syntax of SQLite 3.8.5."""
    tables = {table.level: table for table in definition.tables}
    found = {}
    for view, (level, names, counted) in VIEWS.items():
        columns = [f"{_column(tables, name)} AS {name}" for name in names]
        columns += [f"({_count(tables, level, name)}) AS {name}" for name in counted]
        if level == "Image":
            columns.append(_OF_FILES)
        found[view] = f"SELECT {', '.join(columns)} FROM {_FROM[level]}"
    return found


def are_complete(database: "Database") -> bool:
    """Return whether every view has the text of today, but for names that are a user's own."""
    return not _to_make(database)


def ensure(database: "Database") -> None:
    """Make the views that are missing or of another text; without any nothing is written."""
    if not _to_make(database):
        return
    with database.transaction() as connection:
        for name, text in _to_make(database).items():  # another process may just have made some
            connection.execute(f"DROP VIEW IF EXISTS {quote(name)}")
            connection.execute(text)


def names_of_others(database: "Database") -> list[str]:
    """Return the names of our views that a table or view of a user's own has, so that ours are not made."""
    present = database.dialect.catalogue(database.connection, "archive_")
    return sorted(name for name in (*VIEWS, *RT_VIEWS) if name in present and MARK not in present[name])


def _to_make(database: "Database") -> dict[str, str]:
    """View → its CREATE VIEW, of those that are to be made anew."""
    present = database.dialect.catalogue(database.connection, "")
    wanted = _texts(database.definition, frozenset(_NEEDED & present.keys()))
    return {
        name: text
        for name, text in wanted.items()
        if present.get(name) != text and (name not in present or MARK in present[name])
    }


_NEEDED = frozenset(table for view in RT_VIEWS.values() for table in view.needs)


@lru_cache(maxsize=8)
def _texts(definition: Definition, tables: Collection[str]) -> dict[str, str]:
    """View → its CREATE VIEW, over a definition and those tables of radiotherapy that are there."""
    chosen = selects(definition)
    for name, view in RT_VIEWS.items():
        chosen[name] = view.select(has_tables=set(view.needs) <= set(tables))
    return {name: f"CREATE VIEW {name} AS {MARK} {select}" for name, select in chosen.items()}


def _column(tables: dict[str, Table], name: str) -> str:
    level, tag = _NAMES[name]
    column = next((column.name for column in tables[level].columns if column.path == (tag,)), None)
    if column is None:
        return "NULL"
    text = f'{_ALIASES[level]}."{column}"'
    return iso_date(text) if name.endswith("_date") else text


def _count(tables: dict[str, Table], level: str, name: str) -> str:
    """Return the SELECT of a figure about what lies below a row."""
    where = f"WHERE {_LINKED[level]}"
    if name == "studies":
        return f"SELECT count(*) FROM DICOMStudies t {where}"
    without_images = _BELOW[level].replace(" JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst", "")
    if name == "series":
        return f"SELECT count(*) FROM {without_images} {where}"
    if name == "modalities":
        modality = _column(tables, "modality")
        return f"SELECT group_concat(m) FROM (SELECT DISTINCT {modality} AS m FROM {without_images} {where} ORDER BY 1)"
    figures = {"objects": "count(*)", "bytes": "sum(f.size)", "last_arrival": _ARRIVED}
    files = f" {_FILE}" if name == "bytes" else ""
    return f"SELECT {figures[name]} FROM {_BELOW[level]}{files} {where}"
