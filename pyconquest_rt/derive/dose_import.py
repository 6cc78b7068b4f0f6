"""Dose reports and dose-bearing images from files outside: into the archive as any object, then derived."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.store import Options, Storer
from pyconquest_rt.derive.dose import extractors
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.dose_reports.registry import extract


class Imported(NamedTuple):
    """How many files held a dose, held none, failed, were no DICOM files; and why those failed."""

    written: int
    without_dose: int
    failed: int
    no_dicom: int
    reasons: list[tuple[Path, str]]


def import_files(archive: Archive, paths: Iterable[str | os.PathLike[str]]) -> Imported:
    """Store those files that tell a dose, and derive what is due of doses; the files themselves stay where they are.

    Raises:
        sqlite3.Error: the database cannot be written.
    """
    storer = Storer(archive, Options())
    seconds = archive.settings.dose.allowed_ocr_seconds()
    written = without = no_dicom = 0
    reasons: list[tuple[Path, str]] = []
    for path in _files(paths):
        rows = extract(path, ocr_seconds=seconds)
        if rows is None:
            without += 1
        elif not rows.is_dicom:
            no_dicom += 1
        elif error := storer.store(path).error:
            reasons.append((path, str(error)))
        elif rows.object["status"] == "failed":
            reasons.append((path, "it is stored, but its dose cannot be read"))
        else:
            written += 1
    derive(archive, only=[extractor.name for extractor in extractors(archive.settings.dose)])
    return Imported(written, without, len(reasons), no_dicom, reasons)


def _files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for path in map(Path, paths):
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
