"""Taking over the archive of a Conquest server or of PyConquest, in place: its database, tree and definition."""

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pyconquest_rt.config import FILE_NAME, ArchiveSettings, archive_section
from pyconquest_rt.conquest_ini import read_settings
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.indexer import Progress, rebuild
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.rebuild_report import Report
from pyconquest_rt.verify import Finding, verify


class Adopted(NamedTuple):
    """What was found, and what the first rebuild did."""

    settings: ArchiveSettings
    settings_file: Path
    rows_before: int
    report: Report
    findings: list[Finding]


def adopt(folder: str | os.PathLike[str], *, progress: Progress | None = None) -> Adopted:
    """Find an archive, complete its index, and write the settings that open it again.

    Args:
        folder: holds Conquest's ``dicom.ini``, or PyConquest's database with its data directory.
        progress: called after each batch of files.

    Returns:
        what was found; the settings go into ``pyconquest.toml`` of the working directory.

    Raises:
        SettingsError: there is no archive, or the working directory has other settings already.
    """
    settings = find_archive(Path(folder).resolve())
    target = Path(FILE_NAME)
    if target.exists():
        raise SettingsError(f"{target} is there already; work in another folder, or move it away")
    before = _rows(settings)
    ingest = Ingest.open(settings)
    try:
        report = rebuild(ingest, only="missing", progress=progress)
        findings = list(verify(ingest))
    finally:
        ingest.close()
    target.write_text(archive_section(settings), "utf-8")
    return Adopted(settings, target, before, report, findings)


def find_archive(folder: Path) -> ArchiveSettings:
    """Return where an archive's data, database and definition are.

    Raises:
        SettingsError: the folder holds no archive; says what was looked for.
    """
    if (folder / "dicom.ini").is_file():
        return read_settings(folder / "dicom.ini").archive
    data, definition = folder / "data", folder / "dicom.sql"
    databases = [path for pattern in ("*.db", "*.db3") for path in sorted(folder.glob(pattern))]
    if len(databases) != 1 or not data.is_dir():
        raise SettingsError(
            f"{folder} holds no archive: expected a dicom.ini, or one database (*.db, *.db3) beside a folder data; "
            f"found {len(databases)} databases and {'a' if data.is_dir() else 'no'} folder data"
        )
    return replace(ArchiveSettings(), data=str(data), database=str(databases[0]), sql=str(definition))


def _rows(settings: ArchiveSettings) -> int:
    """How many image rows there are before anything is done."""
    if not Path(settings.database).is_file():
        return 0
    ingest = Ingest.open(settings)
    try:
        return int(ingest.database.query("SELECT count(*) AS n FROM DICOMImages")[0]["n"])
    finally:
        ingest.close()
