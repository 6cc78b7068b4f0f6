"""Files and folders that settings name: relative to the archive that they belong to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pyconquest_rt.settings.sections import Settings

_TLS = ("tls_certificate", "tls_key", "tls_ca")
_PATHS = {
    "archive": ("data", "database", "sql"),
    "listener": _TLS,
    "receive": ("peers",),
    "rt": ("roi_map", "goals"),
    "watch": ("folder", "rejects"),
    "backup": ("folder",),
    "log": ("file",),
}
_NAMED_PATHS = {"listeners": _TLS, "peers": _TLS}
_READ = {"receive": ("peers",), "rt": ("roi_map", "goals")}
"""Files that a person puts beside the database, whatever settings file there is."""


def anchored(settings: Settings, folder: Path) -> Settings:
    """Return settings whose relative paths are resolved against a folder."""
    if folder.resolve() == Path.cwd().resolve():
        return settings
    base = folder.resolve()
    made: dict[str, Any] = {
        name: _below(getattr(settings, name), keys, base) for name, keys in _PATHS.items()
    }
    for name, keys in _NAMED_PATHS.items():
        made[name] = {member: _below(each, keys, base) for member, each in getattr(settings, name).items()}
    devices = {name: str(base / each) for name, each in settings.archive.devices.items()}
    made["archive"] = replace(made["archive"], devices=devices)
    return replace(settings, **made)


def _below(section: Any, keys: tuple[str, ...], base: Path) -> Any:
    """Return a section with its relative paths resolved against a folder; absolute and empty ones are unchanged."""
    return replace(section, **{key: str(base / name) for key in keys if (name := getattr(section, key))})


def with_files_beside_database(settings: Settings) -> Settings:
    """Return settings that use the ROI map and the peer file beside the database, where they exist."""
    folder = Path(settings.archive.database).parent
    if folder.resolve() == Path.cwd().resolve():
        return settings
    for section, keys in _READ.items():
        before = getattr(settings, section)
        there = {key: folder / getattr(before, key) for key in keys if getattr(before, key)}
        found = {key: str(path) for key, path in there.items() if path.is_file()}
        settings = replace(settings, **{section: replace(before, **found)})
    return settings
