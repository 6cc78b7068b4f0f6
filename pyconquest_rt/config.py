"""Settings: ``pyconquest.toml`` in the working directory, environment variables over it, one frozen dataclass.

Every key is optional. An environment variable ``PYCONQUEST_RT_<SECTION>_<KEY>`` overrides the file.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pyconquest_rt.errors import SettingsError

FILE_NAME = "pyconquest.toml"
ENVIRONMENT_PREFIX = "PYCONQUEST_RT"


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Where the files, the database and the definition are; the defaults are PyConquest's."""

    data: str = "data"
    database: str = "conquest.db"
    sql: str = "dicom.sql"
    devices: dict[str, str] = field(default_factory=dict)  # Conquest's further devices: name → folder


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Where the listener listens; only this machine is served unless ``host`` says otherwise."""

    host: str = "127.0.0.1"
    port: int = 5678
    ae_title: str = "PYCONQUEST"
    file_names: str = (
        "standard"  # or Conquest's FileNameSyntax: a number 0 to 12, or a template (see naming.py)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, one attribute a section."""

    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    listener: ListenerSettings = field(default_factory=ListenerSettings)


def load(
    path: str | os.PathLike[str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings of the working directory, or of the file named.

    Raises:
        SettingsError: the file is not TOML, names an unknown section or key, or a value has the wrong type; or
            the file that was asked for does not exist.
    """
    file = Path(path) if path is not None else Path(FILE_NAME)
    tree: dict[str, Any] = {}
    if file.is_file():
        try:
            tree = tomllib.loads(file.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: not a TOML file: {error}") from error
    elif path is not None:
        raise SettingsError(f"{file}: no such settings file")
    settings = Settings()
    known = {part.name for part in fields(settings)}
    for name, section in tree.items():
        if name not in known:
            raise SettingsError(f"{file}: unknown section [{name}]; known are {', '.join(sorted(known))}")
        settings = replace(
            settings, **{name: _section(getattr(settings, name), section, f"{file}: [{name}]")}
        )
    return _overridden(settings, os.environ if environment is None else environment)


def _section(defaults: Any, given: Any, where: str) -> Any:
    if not isinstance(given, dict):
        raise SettingsError(f"{where} must be a section with keys")
    types = {part.name: type(getattr(defaults, part.name)) for part in fields(defaults)}
    for key, value in given.items():
        if key not in types:
            raise SettingsError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(types))}")
        if type(value) is not types[key]:
            raise SettingsError(f"{where}: {key} must be of type {types[key].__name__}, not {value!r}")
    return replace(defaults, **given)


def _overridden(settings: Settings, environment: Mapping[str, str]) -> Settings:
    for part in fields(settings):
        section = getattr(settings, part.name)
        given: dict[str, Any] = {}
        for key in fields(section):
            name = f"{ENVIRONMENT_PREFIX}_{part.name}_{key.name}".upper()
            kind = type(getattr(section, key.name))
            if name in environment and kind is not dict:
                try:
                    given[key.name] = kind(environment[name])
                except ValueError as error:
                    raise SettingsError(
                        f"{name}: {environment[name]!r} is not of type {kind.__name__}"
                    ) from error
        settings = replace(settings, **{part.name: replace(section, **given)})
    return settings


def archive_section(settings: ArchiveSettings) -> str:
    """Return the text of ``pyconquest.toml`` that opens an archive."""
    lines = ["[archive]"]
    lines += [f"{name} = {_quoted(getattr(settings, name))}" for name in ("data", "database", "sql")]
    if settings.devices:
        lines.append("[archive.devices]")
        lines += [f"{_quoted(name)} = {_quoted(folder)}" for name, folder in settings.devices.items()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML; JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False)
