"""Taking over the archive of a Conquest server or of PyConquest, in place: its database, tree and definition."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.rebuild import Progress, rebuild
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.verify import Finding, verify
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings import toml_text
from pyconquest_rt.settings.conquest_ini import read_settings
from pyconquest_rt.settings.file import FILE_NAME, archive_section
from pyconquest_rt.settings.sections import ArchiveSettings


class Adopted(NamedTuple):
    """What was found, and what the first rebuild did."""

    settings: ArchiveSettings
    settings_file: Path
    rows_before: int
    report: Report
    findings: list[Finding]


def adopt(
    folder: str | os.PathLike[str],
    *,
    data: str | None = None,
    database: str | None = None,
    sql: str | None = None,
    progress: Progress | None = None,
) -> Adopted:
    """Find a foreign archive, complete its index, and write settings for it.

    Args:
        folder: holds Conquest's ``dicom.ini``, or PyConquest's database with its data directory.
        data: the data directory, where it is not the one that ``folder`` tells.
        database: the database, likewise.
        sql: the definition of the tables, likewise.
        progress: called after each batch of files.

    Returns:
        what was found; the settings go into ``pyconquest.toml`` of the working directory.

    Raises:
        SettingsError: there is no archive, or the working directory has other settings already.
    """
    folder = Path(folder).resolve()
    settings = find_archive(folder, data=data, database=database, sql=sql)
    target = Path(FILE_NAME)
    if target.exists():
        raise SettingsError(f"{target} is there already; work in another folder, or move it away")
    before = _rows(settings)
    archive = Archive.open(settings)
    try:
        report = rebuild(archive, only="missing", progress=progress)
        findings = list(verify(archive))
    finally:
        archive.close()
    target.write_text(archive_section(settings) + _server_sections(folder), "utf-8")
    return Adopted(settings, target, before, report, findings)


def _server_sections(folder: Path) -> str:
    """Return the sections that a dicom.ini gives beside the archive: how it listens, names files, and its peers."""
    ini = folder / "dicom.ini"
    if not ini.is_file():
        return ""
    settings = read_settings(ini)
    listener, receive = settings.listener, settings.receive
    given: dict[str, dict[str, str | int]] = {
        "listener": {"port": listener.port, "ae_title": listener.ae_title},
        "receive": {"file_names": receive.file_names, "peers": receive.peers},
    }
    return "".join(
        f"\n[{name}]\n" + "".join(f"{key} = {toml_text.value(value)}\n" for key, value in keys.items())
        for name, keys in given.items()
    )


def find_archive(
    folder: Path, *, data: str | None = None, database: str | None = None, sql: str | None = None
) -> ArchiveSettings:
    """Return the paths of an archive's data, database and definition; given ones are kept.

    Raises:
        SettingsError: the folder holds no archive; says what was looked for.
    """
    named = {"data": data, "database": database, "sql": sql}
    given: dict[str, Any] = {key: str(Path(name).resolve()) for key, name in named.items() if name}
    if (folder / "dicom.ini").is_file():
        found = read_settings(folder / "dicom.ini").archive
    else:
        databases = [path for pattern in ("*.db", "*.db3") for path in sorted(folder.glob(pattern))]
        if "database" not in given and len(databases) != 1:
            raise SettingsError(
                f"{folder} holds no archive: expected a dicom.ini, or one database (*.db, *.db3) beside a folder "
                f"data; found {len(databases)} databases. Name yours by --database."
            )
        found = ArchiveSettings(
            str(folder / "data"), str(next(iter(databases), "")), str(folder / "dicom.sql")
        )
    settings = replace(found, **given)
    if not Path(settings.data).is_dir():
        raise SettingsError(f"there is no data directory {settings.data}; name yours by --data")
    return settings


def _rows(settings: ArchiveSettings) -> int:
    """Return the number of image rows before the adoption."""
    if not Path(settings.database).is_file():
        return 0
    archive = Archive.read(settings)
    try:
        return int(archive.database.query("SELECT count(*) AS n FROM DICOMImages")[0]["n"])
    finally:
        archive.close()
