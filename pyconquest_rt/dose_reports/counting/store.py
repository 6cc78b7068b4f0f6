"""The tables that keep what counting a study gave, and counting again what has changed.

A trigger marks the study of every object that comes or goes; :func:`count_due` counts the marked studies from the
rows that are there then. So whatever writes or deletes rows, in whatever order, the next count is right; until then
``dose_study`` says in its reasons that it is not.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pyconquest_rt.dose_reports.counting.exposures import Exposure, Told
from pyconquest_rt.dose_reports.counting.study import Study, count_study
from pyconquest_rt.dose_reports.counting.totals import QUANTITIES
from pyconquest_rt.dose_reports.rows import Value

COUNTING_TABLES = ("dose_counted", "dose_superseded", "dose_total", "dose_examination", "dose_uncounted")
"""What is kept: rows that count, objects that another speaks for, totals, examinations, and what is to be counted."""

TOTALS = (
    "ct_events",
    "projection_events",
    "administrations",
    *(f"{origin}_{quantity.column}" for quantity in QUANTITIES for origin in ("total", "summed", "reported")),
    "max_ctdivol_mGy",
    "total_administered_activity_MBq",
    "total_effective_dose_mSv",
    "reasons",
)
_COUNTS = {"ct_events", "projection_events", "administrations"}


def _type(column: str) -> str:
    return "INTEGER" if column in _COUNTS else "TEXT" if column == "reasons" else "REAL"


# What is kept of a study goes with the last of its objects.
_WITH_THE_LAST = (
    "DELETE FROM {} WHERE StudyInstanceUID = OLD.StudyInstanceUID AND NOT EXISTS "
    "(SELECT 1 FROM dose_object o WHERE o.StudyInstanceUID = OLD.StudyInstanceUID);"
)
_MARK = "INSERT OR IGNORE INTO dose_uncounted VALUES (OLD.StudyInstanceUID);"
SCRIPTS = (
    """CREATE TABLE IF NOT EXISTS dose_counted (
  StudyInstanceUID TEXT, SOPInstanceUID TEXT, event INTEGER, told_by TEXT, told_by_event INTEGER, why TEXT,
  details TEXT, details_event INTEGER, PRIMARY KEY (SOPInstanceUID, event))""",
    "CREATE INDEX IF NOT EXISTS dose_counted_study ON dose_counted (StudyInstanceUID)",
    """CREATE TABLE IF NOT EXISTS dose_superseded (
  SOPInstanceUID TEXT PRIMARY KEY, StudyInstanceUID TEXT, superseded_by TEXT, why TEXT)""",
    "CREATE INDEX IF NOT EXISTS dose_superseded_study ON dose_superseded (StudyInstanceUID)",
    "CREATE TABLE IF NOT EXISTS dose_total (StudyInstanceUID TEXT PRIMARY KEY, "
    + ", ".join(f"{column} {_type(column)}" for column in TOTALS)
    + ")",
    """CREATE TABLE IF NOT EXISTS dose_examination (
  StudyInstanceUID TEXT, quantity TEXT, scanner TEXT, protocol TEXT, part TEXT, value REAL, age_years REAL)""",
    "CREATE INDEX IF NOT EXISTS dose_examination_study ON dose_examination (StudyInstanceUID)",
    "CREATE TABLE IF NOT EXISTS dose_uncounted (StudyInstanceUID TEXT PRIMARY KEY)",
    """CREATE TRIGGER IF NOT EXISTS dose_object_comes AFTER INSERT ON dose_object WHEN NEW.StudyInstanceUID IS NOT NULL
BEGIN INSERT OR IGNORE INTO dose_uncounted VALUES (NEW.StudyInstanceUID); END""",
    f"CREATE TRIGGER IF NOT EXISTS dose_object_goes AFTER DELETE ON dose_object WHEN OLD.StudyInstanceUID IS NOT NULL\n"
    f"BEGIN {_MARK} {' '.join(map(_WITH_THE_LAST.format, COUNTING_TABLES))} END",
)
"""The definitions, one statement each; tables, indexes and triggers."""

_OBJECT_COLUMNS = (
    *("SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "object_kind", "modality_type", "precedence"),
    *("source_of_dose_information", "ImageType", "source_images", "DetectorID", "TimezoneOffsetFromUTC"),
    *("Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber", "scope_uid"),
    *("scope_of_accumulation", "start_of_xray_irradiation", "end_of_xray_irradiation", "PatientAge"),
)
_EVENT_COLUMNS = (
    *("SOPInstanceUID", "event", "event_kind", "event_key", "acquisition_plane", "irradiation_event_uid"),
    *("date_time_started", "irradiation_event_type", "acquisition_protocol", "ct_acquisition_type"),
    *(
        "ctdiw_phantom_type",
        "target_region",
        "laterality",
        "image_view",
        "radionuclide",
        "convolution_kernel",
        "radiopharmaceutical_agent",
        "radiopharmaceutical_agent_string",
    ),
    *("positioner_primary_angle_deg", "positioner_secondary_angle_deg", "column_angulation_deg"),
)
_VALUES = {
    "dap": "dose_area_product_Gym2",
    "rp": "dose_rp_Gy",
    "agd": "average_glandular_dose_mGy",
    "dlp": "dlp_mGycm",
    "ctdivol": "mean_ctdivol_mGy",
    "activity": "administered_activity_MBq",
    "effective": "effective_dose_mSv",
}
_TOTAL_COLUMNS = (
    *("kind", "acquisition_plane", "laterality", "ct_dose_length_product_total_mGycm"),
    *("dose_area_product_total_Gym2", "dose_rp_total_Gy", "total_fluoro_time_s"),
    "accumulated_average_glandular_dose_mGy",
)
_OF_STUDY = "SELECT SOPInstanceUID FROM dose_object WHERE StudyInstanceUID = ?"


def _select(columns: Iterable[str], table: str, condition: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {condition}"  # noqa: S608 - our own names


_OBJECTS = _select(_OBJECT_COLUMNS, "dose_object", "StudyInstanceUID = ? AND status <> 'failed'")
_EVENTS = _select((*_EVENT_COLUMNS, *_VALUES.values()), "dose_event", f"SOPInstanceUID IN ({_OF_STUDY})")
_TUBES = _select(
    ("SOPInstanceUID", "event", "avg(kvp)", "sum(exposure_uAs)"),
    "dose_event_source",
    f"SOPInstanceUID IN ({_OF_STUDY}) GROUP BY SOPInstanceUID, event",
)
_ACCUMULATED = _select(
    ("SOPInstanceUID", *_TOTAL_COLUMNS),
    "dose_accumulated",
    f"kind IN ('CT', 'projection', 'breast') AND SOPInstanceUID IN ({_OF_STUDY}) ORDER BY SOPInstanceUID, seq",
)
# The index of images leads from an image to the event that has it; the other way all items would be read.
_ACQUIRED = _select(
    ("SOPInstanceUID", "event", "value_text"),
    "dose_item",
    "concept = '113795^DCM' AND event IS NOT NULL AND value_text = ?",
)


def count_due(connection: sqlite3.Connection, studies: Iterable[str] | None = None) -> int:
    """Count the studies whose objects have changed since they were counted; returns how many there were.

    It leaves the transaction to the caller. ``studies``: only these.
    """
    marked = [row[0] for row in connection.execute("SELECT StudyInstanceUID FROM dose_uncounted")]
    wanted = marked if studies is None else sorted(set(marked) & set(studies))
    for study in wanted:
        _replace(connection, study, count_study(*load(connection, study)))
    return len(wanted)


def load(connection: sqlite3.Connection, study: str) -> tuple[list[Told], list[Exposure]]:
    """Return the objects of a study that were read, and the exposures that they tell of."""
    rows = [dict(zip(_OBJECT_COLUMNS, row, strict=True)) for row in connection.execute(_OBJECTS, (study,))]
    totals: dict[str, list[Mapping[str, Value]]] = defaultdict(list)
    if any(row["object_kind"] != "image" or row["modality_type"] != "CT" for row in rows):
        for sop, *values in connection.execute(_ACCUMULATED, (study,)):
            totals[sop].append(dict(zip(_TOTAL_COLUMNS, values, strict=True)))
    told = {
        row["SOPInstanceUID"]: Told(row["SOPInstanceUID"], row, tuple(totals[row["SOPInstanceUID"]]))
        for row in rows
    }
    return list(told.values()), _exposures(connection, study, told)


def _exposures(connection: sqlite3.Connection, study: str, told: Mapping[str, Told]) -> list[Exposure]:
    tubes = {(sop, event): tube for sop, event, *tube in connection.execute(_TUBES, (study,))}
    images = _acquired_images(connection, told)
    counted: dict[tuple[str, str, str], int] = defaultdict(int)
    names = (*_EVENT_COLUMNS, *_VALUES.values())
    found = []
    for values in sorted(connection.execute(_EVENTS, (study,)), key=lambda row: row[:2]):
        row = dict(zip(names, values, strict=True))
        sop, event = str(row["SOPInstanceUID"]), int(row["event"])
        if sop not in told:
            continue
        same = (sop, str(row["irradiation_event_uid"] or ""), str(row["acquisition_plane"] or ""))
        counted[same] += 1
        numbers = {name: row[column] for name, column in _VALUES.items() if row[column] is not None}
        numbers |= {
            name: value
            for name, value in zip(("kvp", "uas"), tubes.get((sop, event), ()), strict=False)
            if value
        }
        found.append(
            Exposure(
                told[sop], event, row, numbers, counted[same] - 1, frozenset(images.get((sop, event), ()))
            )
        )
    return found


def _acquired_images(
    connection: sqlite3.Connection, told: Mapping[str, Told]
) -> dict[tuple[str, int], set[str]]:
    """The images of the study that a report of it names as acquired by an event."""
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    if any(one.kind == "report" for one in told.values()):
        for one in told.values():
            if one.kind == "image":
                for sop, event, image in connection.execute(_ACQUIRED, (one.sop,)):
                    found[sop, event].add(image)
    return found


_INSERT_TOTAL = f"INSERT INTO dose_total VALUES ({', '.join('?' * (len(TOTALS) + 1))})"  # noqa: S608


def _replace(connection: sqlite3.Connection, study: str, counted: Study) -> None:
    for table in COUNTING_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE StudyInstanceUID = ?", (study,))  # noqa: S608
    connection.executemany(
        "INSERT OR REPLACE INTO dose_counted VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                study,
                *_place(decision.exposure),
                *_place(decision.told_by),
                decision.why,
                *_place(decision.details),
            )
            for decision in counted.decisions
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO dose_superseded VALUES (?, ?, ?, ?)",
        [(sop, study, by, why) for sop, (by, why) in counted.superseded.items()],
    )
    connection.executemany(
        "INSERT INTO dose_examination VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(study, *examination) for examination in counted.examinations],
    )
    connection.execute(_INSERT_TOTAL, (study, *(counted.totals[column] for column in TOTALS)))


def _place(exposure: Exposure | None) -> Sequence[str | int | None]:
    return (None, None) if exposure is None else (exposure.told.sop, exposure.event)
