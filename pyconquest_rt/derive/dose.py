"""The extractor of dose reports and dose-bearing images."""

from functools import partial
from typing import Any

from pyconquest_rt.derive.extractor import Extractor, Rows, Source
from pyconquest_rt.dose_reports.counting.store import COUNTING_TABLES, count_due
from pyconquest_rt.dose_reports.registry import EXTRACTORS, SECONDARY_CAPTURE, extract
from pyconquest_rt.dose_reports.store import definitions
from pyconquest_rt.dose_reports.tables import TABLES
from pyconquest_rt.dose_reports.views import FORMER_VIEWS, VIEWS
from pyconquest_rt.settings.sections import DoseSettings

_SCRIPT = ";\n".join(definitions())

# How often the tables or views above have changed since the first databases; to be raised with each further change.
_RESHAPED = 3
# Rows of reports can always be made again, so what has another shape is dropped and due again.
_ANEW = ";\n".join(
    [
        *(f"DROP VIEW IF EXISTS {name}" for name in (*FORMER_VIEWS, *reversed(VIEWS))),
        *(f"DROP TABLE IF EXISTS {name}" for name in (*TABLES, *COUNTING_TABLES)),
        "DELETE FROM derivations WHERE extractor IN ('dose_report', 'dose_page', 'dose_ct_image', 'dose_nuclear')",
        _SCRIPT,
    ]
)


def _dose(ocr_seconds: float | None, source: Source) -> Rows | None:
    found = extract(source.path, ocr_seconds=ocr_seconds)
    if found is None:
        return None
    rows: dict[str, Any] = {name: [dict(row) for row in found[name]] for name in TABLES}
    for table in rows.values():
        for row in table:
            row["SOPInstanceUID"] = source.sop
    return rows


_STORAGE = "1.2.840.10008.5.1.4.1.1."
CT_IMAGES = (f"{_STORAGE}2", f"{_STORAGE}2.1")
NUCLEAR_IMAGES = (f"{_STORAGE}20", f"{_STORAGE}128", f"{_STORAGE}130")
PAGES = (SECONDARY_CAPTURE,)


def extractors(settings: DoseSettings) -> tuple[Extractor, ...]:
    """Return the extractors of everything that tells a dose.

    All images of a CT acquisition, and of a PET or NM series, tell the same: one of them is read. Pages are
    due again when OCR is turned on or off.
    """
    of_their_own = CT_IMAGES + NUCLEAR_IMAGES + PAGES
    others = tuple(uid for uid in EXTRACTORS if uid not in of_their_own)
    seconds = settings.allowed_ocr_seconds()
    return (
        _extractor("dose_report", others, further=(_ANEW,) * _RESHAPED),
        _extractor("dose_page", PAGES, ocr_seconds=seconds),
        _extractor("dose_ct_image", CT_IMAGES, ("SeriesInst", "AcqNumber", "CTDIvol")),
        _extractor("dose_nuclear", NUCLEAR_IMAGES, ("SeriesInst",)),
    )


def _extractor(
    name: str,
    sop_classes: tuple[str, ...],
    one_per: tuple[str, ...] | None = None,
    ocr_seconds: float | None = None,
    further: tuple[str, ...] = (),
) -> Extractor:
    return Extractor(
        name=name,
        version=5 if ocr_seconds is None else 6,
        sop_classes=sop_classes,
        tables=tuple(TABLES),
        scripts=tuple(f"{script};" for script in (_SCRIPT, *further)),
        extract=partial(_dose, ocr_seconds),
        settle=count_due,
        one_per=one_per,
    )
