"""Conquest's ``dicom.ini``: where its data, database and definition are, and under which name it listens."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings.options import ae_title
from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, ReceiveSettings, Settings

_WAY_OUT: Final = "index its files anew: pyconquest-rt rebuild --data MAGDevice0 --database conquest.db"


def read_dicom_ini(path: str | Path) -> dict[str, str]:
    """Read a Conquest ``dicom.ini``: the entries of its section ``[sscscp]`` by lower-case name.

    Raises SettingsError if it cannot be read or has no such section.
    """
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    entries: dict[str, str] = {}
    section = ""
    for line in lines:
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]").strip().lower()
        elif section == "sscscp" and "=" in text and not text.startswith("#"):
            name, _, value = text.partition("=")
            entries.setdefault(name.strip().lower(), value.strip())
    if not entries:
        raise SettingsError(f"{path}: there is no section [sscscp] with entries in it")
    return entries


def read_settings(path: Path) -> Settings:
    """Return the settings that a dicom.ini gives; relative names in it are below its folder.

    Raises:
        SettingsError: it names no SQLite database or no data directory, or a port that is none.
    """
    entries = read_dicom_ini(path)
    port = entries.get("tcpport", "5678")
    if not port.isdecimal() or not 0 < int(port) <= 0xFFFF:
        raise SettingsError(f"{path}: TCPPort = {port} is no port")
    defaults = ListenerSettings()
    title = entries.get("myacrnema") or defaults.ae_title
    if reason := ae_title(title):
        raise SettingsError(f"{path}: MyACRNema: {reason}")
    receive = ReceiveSettings()
    if names := entries.get("filenamesyntax"):
        receive = replace(receive, file_names=names)
    map_ = path.parent / entries.get("acrnemamap", receive.peers)
    return Settings(
        archive=_archive(path, entries),
        listener=replace(defaults, port=int(port), ae_title=title),
        receive=replace(receive, peers=str(map_) if map_.is_file() else receive.peers),
    )


def _archive(path: Path, entries: dict[str, str]) -> ArchiveSettings:
    database, data = entries.get("sqlserver"), entries.get("magdevice0")
    if not database or not data:
        missing = "SQLServer" if not database else "MAGDevice0"
        raise SettingsError(f"{path}: expected a line {missing} = ... that names a file or folder")
    _refuse_other_databases(path, entries)
    count = int(entries["magdevices"]) if entries.get("magdevices", "").isdecimal() else 1
    devices = {f"MAG{n}": entries[f"magdevice{n}"] for n in range(1, count) if f"magdevice{n}" in entries}
    return ArchiveSettings(
        data=_below(path.parent, data),
        database=_below(path.parent, database),
        sql=_below(path.parent, entries.get("kfactorfile", "dicom.sql")),
        devices={name: _below(path.parent, folder) for name, folder in devices.items()},
    )


def _refuse_other_databases(path: Path, entries: dict[str, str]) -> None:
    """Raise SettingsError for an index that is not in SQLite, or whose columns have other names; say what to do."""
    for key, server in (("mysql", "MySQL"), ("postgres", "PostgreSQL")):
        if entries.get(key, "0") not in ("0", ""):
            raise SettingsError(f"{path}: its index is in {server}, not in SQLite; {_WAY_OUT}")
    if entries.get("sqlite", "1") != "1":
        raise SettingsError(f"{path}: its index is not in SQLite (SQLite = {entries['sqlite']}); {_WAY_OUT}")
    length = entries.get("truncatefieldnames", "10")
    if length != "10":
        raise SettingsError(
            f"{path}: TruncateFieldNames = {length}, but columns are known by ten characters here; {_WAY_OUT}"
        )


def _below(folder: Path, name: str) -> str:
    return str(folder / name.replace("\\", "/"))
