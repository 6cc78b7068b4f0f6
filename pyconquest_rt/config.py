"""Settings: ``pyconquest.toml`` in the working directory, environment variables over it, frozen dataclasses.

Every key is optional. An environment variable ``PYCONQUEST_RT_<SECTION>_<KEY>`` overrides the file. What the
dataclasses say of themselves is also what ``config init`` writes and what the reference of settings shows.
"""

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.options import ae_title, between, cron, default_of, from_text, judge, one_of, option

FILE_NAME = "pyconquest.toml"
ENVIRONMENT_PREFIX = "PYCONQUEST_RT"


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Where the files, the database and the definition are; the defaults are PyConquest's."""

    data: str = option("data", "The data directory: one folder in it for each patient.")
    database: str = option("conquest.db", "The index, an SQLite file.")
    sql: str = option(
        "dicom.sql", "The definition of the tables; the built-in one where there is no such file."
    )
    devices: dict[str, str] = option(dict, "Conquest's further devices: name = folder.")  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Where the listener listens; only this machine is served unless ``host`` says otherwise."""

    host: str = option("127.0.0.1", "The address to listen on; 0.0.0.0 means all of this machine.")
    port: int = option(5678, "The port; 0 takes any that is free.", between(0, 65535))
    ae_title: str = option("PYCONQUEST", "The AE title of this archive.", ae_title)
    file_names: str = option(
        "standard",
        "Names of files: standard (PatientID/SOPInstanceUID.dcm), Conquest's FileNameSyntax 0-12, or a % template.",
    )


@dataclass(frozen=True, slots=True)
class ReceiveSettings:
    """What becomes of objects that arrive over the network."""

    replacement: str = option(
        "replace",
        "An object that is there already with other content: replace it, keep it, or refuse the new one.",
        one_of("replace", "keep", "refuse"),
    )
    peers: str = option(
        "acrnema.map",
        "The peers that may query and that objects can be moved to, in the form of Conquest's acrnema.map.",
    )


@dataclass(frozen=True, slots=True)
class DeriveSettings:
    """The processes that make rows of DVHs, structures, plans and dose reports from what arrives."""

    workers: int = option(1, "How many processes derive; 0 leaves that due.", between(0, 64))


@dataclass(frozen=True, slots=True)
class RTSettings:
    """What is made of RT objects."""

    metrics: str = option(
        "", "The metrics of each DVH in the syntax of TG-263, between blanks; empty means the built-in list."
    )
    end_cap: str = option(
        "half", "How the outermost slabs of an ROI are closed.", one_of("half", "none", "taper")
    )
    roi_map: str = option("roi_map.csv", "The site's map of ROI names (.csv or .roi), where there is one.")


@dataclass(frozen=True, slots=True)
class DoseSettings:
    """What is read of dose reports and dose-bearing images."""

    ocr: bool = option(
        False,
        "Read CT dose pages whose values stand only in the pixels (needs pyconquest_rt[ocr], Tesseract).",
    )
    ocr_seconds: float = option(30.0, "So long one such page may take.", between(1, 600))

    def allowed_ocr_seconds(self) -> float | None:
        """Return how long a page may take, None where none is to be read."""
        return self.ocr_seconds if self.ocr else None


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """When the jobs run: cron expressions (minute hour day month weekday) in local time; empty means never."""

    rebuild: str = option("30 1 * * *", "Index what lies in the data directory and is missing.", cron)
    backup: str = option("30 2 * * *", "Back the database up.", cron)
    verify: str = option("0 3 * * sun", "Compare the index with the files, and report.", cron)
    upkeep: str = option("30 3 * * *", "Keep the database in order: checkpoint, statistics.", cron)
    retention: str = option("0 4 * * *", "Look at quota and free space.", cron)
    forward_minutes: float = option(
        1.0, "How often to send what waits in the outgoing queue; 0 means never.", between(0, 1440)
    )
    sweep_minutes: float = option(
        5.0, "How often to look for derivations that are due; 0 means never.", between(0, 1440)
    )
    late_hours: float = option(
        6.0, "A job that could not start (the machine slept) still runs so much later.", between(0.1, 24)
    )


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """A folder whose files are taken into the archive."""

    folder: str = option(
        "", "The folder to watch; empty means none. Folders in it and ZIP files are read too."
    )
    seconds: float = option(
        5.0, "Time between two looks; a file is taken when both find it the same.", between(0.05, 3600)
    )
    keep: bool = option(
        False, "Leave the files where they are once they are stored; otherwise they are removed."
    )
    rejects: str = option("rejects", "Where files go that cannot be stored, each with its reason beside it.")


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How much room the archive may take; what exceeds it is reported, oldest patients first."""

    quota_gb: float = option(0.0, "The size that all files together may reach; 0 means any.", between(0, 1e9))
    min_free_gb: float = option(0.0, "The space on the disk that stays free; 0 means any.", between(0, 1e9))
    remove: bool = option(False, "Remove those patients, files and rows; otherwise they are only reported.")


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Copies of the database."""

    folder: str = option("backups", "Where backups go; best on another disk.")
    count: int = option(7, "How many are kept.", between(1, 10_000))


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written while the service runs; INFO and above name no patient."""

    level: str = option(
        "INFO", "The least that is written.", one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    )
    form: str = option("text", "Lines of text, or of JSON.", one_of("text", "json"))
    file: str = option("", "A file that receives the same as stderr; empty means none.")
    megabytes: float = option(10.0, "The size at which that file is put aside.", between(0.001, 10_000))
    count: int = option(5, "How many files put aside are kept.", between(0, 1000))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Figures for Prometheus, at http://127.0.0.1:PORT/metrics."""

    port: int = option(0, "The port, on this machine only; 0 means none.", between(0, 65535))


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, one attribute a section."""

    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    listener: ListenerSettings = field(default_factory=ListenerSettings)
    receive: ReceiveSettings = field(default_factory=ReceiveSettings)
    derive: DeriveSettings = field(default_factory=DeriveSettings)
    rt: RTSettings = field(default_factory=RTSettings)
    dose: DoseSettings = field(default_factory=DoseSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)


class Problem(NamedTuple):
    """Something in a settings file that cannot be used; line 0 where it stands in no line."""

    line: int
    text: str


# -- reading ------------------------------------------------------------------------------------------------


def load(
    path: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    otherwise: Callable[[], Settings | None] = lambda: None,
) -> Settings:
    """Read the settings of the working directory, or of the file named.

    ``otherwise`` gives the settings that hold where there is no such file in the working directory.

    Raises:
        SettingsError: the file is not TOML, names an unknown section or key, or a value has the wrong type; or
            the file that was asked for does not exist. The message names every such place by its line.
    """
    file = Path(path) if path is not None else Path(FILE_NAME)
    settings = Settings()
    if file.is_file():
        settings, problems = parse(_read(file))
        if problems:
            raise SettingsError("\n".join(f"{file}, line {line}: {text}" for line, text in problems))
    elif path is not None:
        raise SettingsError(f"{file}: no such settings file")
    else:
        settings = otherwise() or settings
    return _overridden(settings, os.environ if environment is None else environment)


def check(path: str | os.PathLike[str]) -> list[Problem]:
    """Return everything in a settings file that cannot be used.

    Raises:
        SettingsError: there is no such file.
    """
    return parse(_read(Path(path)))[1]


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not a TOML file: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error


def parse(text: str) -> tuple[Settings, list[Problem]]:
    """Return the settings that a TOML text gives, with defaults in the place of whatever cannot be used."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at_line = re.search(r"at line (\d+)", str(error))
        line = int(at_line[1]) if at_line else text.count("\n") + 1
        return Settings(), [Problem(line, f"not TOML: {error}")]
    lines = _lines(text)
    settings, problems = Settings(), []
    known = [part.name for part in fields(settings)]
    for name, given in tree.items():
        where = lines.get((name,), 0)
        if name not in known:
            problems.append(Problem(where, f"unknown section [{name}]; known are {', '.join(sorted(known))}"))
        elif not isinstance(given, dict):
            problems.append(Problem(where, f"{name} must be a section: [{name}]"))
        else:
            section, found = _section(getattr(settings, name), given)
            settings = replace(settings, **{name: section})
            problems += [
                Problem(lines.get((name, key), where), f"[{name}] {reason}") for key, reason in found
            ]
    return settings, sorted(problems)


def _section(section: Any, given: Mapping[str, Any]) -> tuple[Any, list[tuple[str, str]]]:
    """Return a section with what is given, and what is wrong with it by key."""
    keys = {key.name: key for key in fields(section)}
    values, wrong = {}, []
    for name, value in given.items():
        if name not in keys:
            wrong.append((name, f"unknown key {name!r}; known are {', '.join(sorted(keys))}"))
            continue
        kept, reason = judge(keys[name], value)
        if reason:
            wrong.append((name, reason))
        else:
            values[name] = kept
    return replace(section, **values), wrong


_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line in which each section and key first stands; only messages rest on it."""
    found: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = _names(header[1])
            name = section
        elif key := _KEY.match(line):
            name = (*section, *_names(key[1]))
        else:
            continue
        for end in range(1, len(name) + 1):
            found.setdefault(name[:end], number)
    return found


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _overridden(settings: Settings, environment: Mapping[str, str]) -> Settings:
    for part in fields(settings):
        section = getattr(settings, part.name)
        for key in fields(section):
            name = f"{ENVIRONMENT_PREFIX}_{part.name}_{key.name}".upper()
            if name not in environment or isinstance(default_of(key), dict):
                continue
            value, reason = judge(key, from_text(key, environment[name]))
            if reason:
                raise SettingsError(f"{name}: {reason}")
            section = replace(section, **{key.name: value})
        settings = replace(settings, **{part.name: section})
    return settings


# -- writing ------------------------------------------------------------------------------------------------


def commented() -> str:
    """Return a settings file that explains every key and changes none: all are commented out."""
    lines = ["# Settings of pyconquest_rt. Every key is optional; what stands here are the defaults."]
    lines += [f"# An environment variable {ENVIRONMENT_PREFIX}_<SECTION>_<KEY> overrides a key.", ""]
    for name, section in sections(Settings()):
        lines += [f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        for key in fields(section):
            value = default_of(key)
            lines.append(f"# {key.metadata['doc']}")
            lines += (
                [f"# [{name}.{key.name}]"] if isinstance(value, dict) else [f"# {key.name} = {_toml(value)}"]
            )
        lines.append("")
    return "\n".join(lines)


def render(settings: Settings) -> str:
    """Return the text of ``pyconquest.toml`` that gives these settings, all of them."""
    return "\n".join(_rendered(name, section) for name, section in sections(settings))


def sections(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield the sections by name, in their order."""
    return ((part.name, getattr(settings, part.name)) for part in fields(settings))


def archive_section(settings: ArchiveSettings) -> str:
    """Return the text of ``pyconquest.toml`` that opens an archive."""
    return _rendered("archive", settings)


def _rendered(name: str, section: Any) -> str:
    values = {key.name: getattr(section, key.name) for key in fields(section)}
    lines = [f"[{name}]"]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines.append(f"[{name}.{key}]")
            lines += [f"{_toml(member)} = {_toml(text)}" for member, text in value.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A value of TOML; JSON's escapes of a text are a part of TOML's."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007F")
