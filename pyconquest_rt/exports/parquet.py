"""Tables of an archive as Parquet files, for pandas, DuckDB, Polars and others; needs the extra ``[parquet]``.

The types of columns are those of :data:`UNITS` and :data:`INTEGERS`, whatever an archive holds, so that files of
several archives go together. The metadata of a field says its unit.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pyconquest_rt.archive.files.storage import make_folders
from pyconquest_rt.database.archive_views import VIEWS, selects
from pyconquest_rt.database.connection import Database
from pyconquest_rt.database.rt_views import RT_VIEWS
from pyconquest_rt.errors import SettingsError, StorageError

UNITS = {
    **dict.fromkeys(("prescription_gy", "maximum_gy", "min_gy", "mean_gy", "max_gy", "alpha_beta_gy"), "Gy"),
    **dict.fromkeys(("volume_cc", "uncovered_cc"), "cm3"),
    "mu": "MU",
    "plane_spacing_mm": "mm",
    "value": "as the column unit says",
    "limit_value": "as the column unit says",
    "variation_value": "as the column unit says",
}
"""Columns of numbers with a unit; they are float64."""
CURVES = {"curve_gy": "Gy", "curve_cc": "cm3"}
"""Columns of curves; they are lists of float32."""
INTEGERS = frozenset(
    (
        *("studies", "series", "objects", "bytes", "roi_number", "contour_count", "plane_count", "is_empty"),
        *("fractions", "beam_count", "dvhs", "is_target", "priority"),
    )
)
_DVHS = (
    "SELECT patient_id, study_instance_uid AS study_uid, SOPInstanceUID AS dose_uid, structure_set_uid, plan_uid, "
    "plan_label, site, summation_type, plan_link, structure_set_link, prescription_gy, fractions, roi_number, "
    "roi_name, tg263_name, roi_type, is_target, source, end_cap, volume_cc, uncovered_cc, min_gy, mean_gy, max_gy, "
    "curve_gy, curve_cc, status, reason FROM v_dvh"
)
_ROWS = 20_000  # to a row group


def to_parquet(database: Database, folder: str | os.PathLike[str]) -> dict[str, int]:
    """Write the archive's views, its DVHs with their curves and what its goals came to as ``<name>.parquet``.

    A file that is there is replaced once its successor is whole.

    Returns:
        name → number of rows.

    Raises:
        SettingsError: pyarrow is not installed.
        StorageError: the folder or a file cannot be written.
    """
    _pyarrow()
    target = Path(folder)
    make_folders(target)
    return {
        name: _write(database, select, target / f"{name}.parquet")
        for name, select in _tables(database).items()
    }


def _tables(database: Database) -> dict[str, str]:
    """Name of a file → the SELECT of its rows."""
    found = {name: select for name, select in selects(database.definition).items() if name in VIEWS}
    for name, view in RT_VIEWS.items():
        found[name] = view.select(has_tables=all(map(database.has, view.needs)))
    if database.has("v_dvh"):
        found["dvh"] = _DVHS
    if database.has("rt_goal_result"):
        found["rt_goal_result"] = "SELECT * FROM rt_goal_result"
    return found


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise SettingsError("pyarrow is not installed: pip install 'pyconquest_rt[parquet]'") from error
    return pyarrow


def _write(database: Database, select: str, path: Path) -> int:
    cursor = database.connection.execute(select)
    names = [column[0] for column in cursor.description]
    schema = _schema(names)
    part = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with _pyarrow().parquet.ParquetWriter(part, schema) as writer:
            for rows in _portions(cursor.fetchmany):
                writer.write_batch(_batch(schema, rows))
                count += len(rows)
        part.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return count


def _portions(fetch: Callable[[int], list[Sequence[Any]]]) -> Iterator[list[Sequence[Any]]]:
    return iter(lambda: fetch(_ROWS), [])


def _schema(names: Sequence[str]) -> Any:
    arrow = _pyarrow()
    return arrow.schema([_field(arrow, name) for name in names])


def _field(arrow: Any, name: str) -> Any:
    if name in CURVES:
        return arrow.field(name, arrow.list_(arrow.float32()), metadata={"unit": CURVES[name]})
    if name in UNITS:
        return arrow.field(name, arrow.float64(), metadata={"unit": UNITS[name]})
    unit = {"unit": "byte"} if name == "bytes" else None
    return arrow.field(name, arrow.int64() if name in INTEGERS else arrow.string(), metadata=unit)


def _batch(schema: Any, rows: Sequence[Sequence[Any]]) -> Any:
    arrow = _pyarrow()
    makers: Mapping[Any, Callable[[Any, Sequence[Any]], Any]] = {
        arrow.string(): _texts,
        arrow.float64(): _numbers,
        arrow.int64(): _integers,
    }
    arrays = [
        makers.get(field.type, _curves)(arrow, values)
        for field, values in zip(schema, zip(*rows, strict=True), strict=True)
    ]
    return arrow.RecordBatch.from_arrays(arrays, schema=schema)


def _texts(arrow: Any, values: Sequence[Any]) -> Any:
    return arrow.array([None if value is None else str(value) for value in values], arrow.string())


def _numbers(arrow: Any, values: Sequence[Any]) -> Any:
    """Numbers; a text that is none (a site's own table) is null."""
    return arrow.array(
        [value if isinstance(value, int | float) else None for value in values], arrow.float64()
    )


def _integers(arrow: Any, values: Sequence[Any]) -> Any:
    return arrow.array([value if isinstance(value, int) else None for value in values], arrow.int64())


def _curves(arrow: Any, values: Sequence[Any]) -> Any:
    offsets = np.cumsum([0, *(len(value or b"") // 4 for value in values)], dtype=np.int32)
    numbers = arrow.array(np.frombuffer(b"".join(value or b"" for value in values), "<f4"))
    missing = arrow.array([value is None for value in values])
    return arrow.ListArray.from_arrays(arrow.array(offsets), numbers, mask=missing)
