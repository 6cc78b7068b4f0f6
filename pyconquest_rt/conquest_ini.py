"""Conquest's ``dicom.ini``: where its data, database and definition are."""

import re
from pathlib import Path

from pyconquest_rt.config import ArchiveSettings
from pyconquest_rt.errors import SettingsError

_LINE = re.compile(r"^\s*([A-Za-z][\w]*)\s*=\s*(.*?)\s*$", re.MULTILINE)


def read_values(path: Path) -> dict[str, str]:
    """Return the values of a dicom.ini by their names in lower case; the first of a name counts, as in Conquest.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    values: dict[str, str] = {}
    for name, value in _LINE.findall(text):
        values.setdefault(name.lower(), value)
    return values


def read_conquest_ini(path: Path) -> ArchiveSettings:
    """Return the settings of the archive that a dicom.ini describes; relative names are below its folder.

    Raises:
        SettingsError: it names no SQLite database or no data directory.
    """
    values = read_values(path)
    database, data = values.get("sqlserver"), values.get("magdevice0")
    if not database or not data:
        missing = "SQLServer" if not database else "MAGDevice0"
        raise SettingsError(f"{path}: expected a line {missing} = ... that names a file or folder")
    if values.get("sqlite", "1") != "1":
        raise SettingsError(f"{path}: the database is not SQLite (SQLite = {values['sqlite']})")
    count = int(values["magdevices"]) if values.get("magdevices", "").isdigit() else 1
    devices = {f"MAG{n}": values[f"magdevice{n}"] for n in range(1, count) if f"magdevice{n}" in values}
    return ArchiveSettings(
        data=_below(path.parent, data),
        database=_below(path.parent, database),
        sql=_below(path.parent, values.get("kfactorfile", "dicom.sql")),
        devices={name: _below(path.parent, folder) for name, folder in devices.items()},
    )


def _below(folder: Path, name: str) -> str:
    return str(folder / name.replace("\\", "/"))
