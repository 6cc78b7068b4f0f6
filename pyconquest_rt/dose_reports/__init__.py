"""Dose reports and dose-bearing images become rows.

:func:`extract` reads one object, a file or its bytes, and knows no database: structured reports (TID
10001, 10011, 10021, 10030, 10040, Siemens Arcadis), mammography, radiographic, fluoroscopic and CT images,
Philips dose pages, PET and nuclear medicine images. :func:`write` puts its rows into six tables
(docs/dose_reports.md); the views over them count each irradiation event once, whatever arrived first.
"""

from pyconquest_rt.dose_reports.registry import EXTRACTORS, extract
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.dose_reports.store import Imported, create_tables, delete, import_paths, write

__all__ = [
    "EXTRACTORS",
    "Imported",
    "Rows",
    "create_tables",
    "delete",
    "extract",
    "import_paths",
    "write",
]
