"""The settings file: ``pyconquest.toml`` beside the database or in the working directory, and environment variables.

Every key is optional. An environment variable ``PYCONQUEST_RT_<SECTION>_<KEY>`` overrides the file. What settings
there are stands in :mod:`pyconquest_rt.settings.sections`.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings import toml_text
from pyconquest_rt.settings.options import ae_title, default_of, from_text, judge
from pyconquest_rt.settings.places import anchored, with_files_beside_database
from pyconquest_rt.settings.sections import NAMED, PLAIN, ArchiveSettings, Settings

FILE_NAME = "pyconquest.toml"
ENVIRONMENT_PREFIX = "PYCONQUEST_RT"
FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}_SETTINGS"
"""The variable of the environment that names another settings file than those two."""


class SettingsProblem(NamedTuple):
    """Something in a settings file that cannot be used; line 0 where it stands in no line."""

    line: int
    text: str


# -- reading ------------------------------------------------------------------------------------------------


def load(
    path: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    database: str | None = None,
    otherwise: Callable[[], Settings | None] = lambda: None,
) -> Settings:
    """Read the settings of an archive: of the file beside its database, or else of that in the working directory.

    A file that is named, here or by the environment, is read instead of both. What a file beside the database names
    is relative to its folder; the ROI map and the file of peers are looked for beside the database first in any case.

    Args:
        path: the file.
        environment: in place of the environment of this process.
        database: the database; None: that which the settings of the working directory name.
        otherwise: gives the settings that hold where there is no file in either place.

    Raises:
        SettingsError: the file is not TOML, names an unknown section or key, or a value has the wrong type; or
            the file that was asked for does not exist. The message names every such place by its line.
    """
    environment = os.environ if environment is None else environment
    named = path if path is not None else environment.get(FILE_VARIABLE) or None
    if named is not None:
        if not Path(named).is_file():
            raise SettingsError(f"{named}: no such settings file")
        settings = _in_file(Path(named), environment)
    elif database is not None and _beside(database).is_file():
        settings = _of_archive(_beside(database), environment)
    else:
        settings = _here(environment, otherwise, look_beside=database is None)
    if database is not None:
        settings = replace(settings, archive=replace(settings.archive, database=database))
    return with_files_beside_database(settings)


def _beside(database: str) -> Path:
    return Path(database).parent / FILE_NAME


def _here(
    environment: Mapping[str, str], otherwise: Callable[[], Settings | None], *, look_beside: bool
) -> Settings:
    """Return the settings of the working directory, or those beside the archive that it names."""
    here = Path(FILE_NAME)
    if here.is_file():
        settings = _in_file(here, environment)
    else:
        settings = _overridden(otherwise() or Settings(), environment)
    own = _beside(settings.archive.database)
    if look_beside and own.is_file() and not (here.is_file() and own.samefile(here)):
        return replace(_of_archive(own, environment), archive=settings.archive)
    return settings


def _of_archive(file: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of the file beside a database; paths from the environment stay relative to the working
    directory.
    """
    return _overridden(anchored(_in_file(file, environment), file.parent), environment)


def _in_file(file: Path, environment: Mapping[str, str]) -> Settings:
    settings, problems = parse(_read(file), environment)
    if problems:
        raise SettingsError("\n".join(f"{file}, line {line}: {text}" for line, text in problems))
    return settings


def check(path: str | os.PathLike[str]) -> list[SettingsProblem]:
    """Return everything in a settings file that cannot be used.

    Raises:
        SettingsError: there is no such file.
    """
    return parse(_read(Path(path)))[1]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return what is to be said of variables that name one of our sections and stand for no key, as misspelt ones."""
    known = {_variable(name, key.name) for name, section in sections(Settings()) for key in fields(section)}
    starts = tuple(_variable(name, "") for name in {*PLAIN, *NAMED})
    found = []
    for variable in sorted(set(environment) - known - {FILE_VARIABLE}):
        if variable.startswith(starts) and not _is_of_named_section(variable):
            from difflib import get_close_matches  # seldom needed, and slow to import

            near = get_close_matches(variable, known, 1)
            found.append(f"{variable} stands for no key" + (f"; is {near[0]} meant?" if near else ""))
    return found


def _is_of_named_section(variable: str) -> bool:
    """Whether a variable may override a key of a section with a name of its own, such as [peer.NAME]."""
    return any(
        variable.startswith(_variable(name, "")) and variable.endswith(f"_{key.name.upper()}")
        for name, section in NAMED.items()
        for key in fields(section.metadata["kind"]())
        if variable != _variable(name, key.name)
    )


def _variable(section: str, key: str) -> str:
    """The variable of the environment that overrides a key."""
    return re.sub(r"\W", "_", f"{ENVIRONMENT_PREFIX}_{section}_{key}").upper()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not a TOML file: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error


def parse(text: str, environment: Mapping[str, str] | None = None) -> tuple[Settings, list[SettingsProblem]]:
    """Return the settings that a TOML text gives, with defaults in the place of whatever cannot be used.

    Raises:
        SettingsError: a variable of the environment cannot be used.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at_line = re.search(r"at line (\d+)", str(error))
        line = int(at_line[1]) if at_line else text.count("\n") + 1
        return Settings(), [SettingsProblem(line, f"not TOML: {error}")]
    lines = toml_text.lines(text)
    environment = environment or {}
    settings, problems = _overridden(Settings(), environment), []
    for name, given in tree.items():
        where = lines.get((name,), 0)
        if name not in {*PLAIN, *NAMED}:
            known = ", ".join(sorted({*PLAIN, *NAMED}))
            problems.append(SettingsProblem(where, f"unknown section [{name}]; known are {known}"))
        elif not isinstance(given, dict):
            problems.append(SettingsProblem(where, f"{name} must be a section: [{name}]"))
        else:
            settings, wrong = _with_section(settings, name, given, environment)
            for path, reason in wrong:
                known_lines = (lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines)
                problems.append(SettingsProblem(next(known_lines, 0), f"[{'.'.join(path[:-1])}] {reason}"))
    return settings, sorted(problems)


Wrong = list[tuple[tuple[str, ...], str]]
"""What is wrong, each with the path of its key."""


def _with_section(
    settings: Settings, name: str, given: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Settings, Wrong]:
    """Return the settings updated by one table of the file, its named sections included."""
    section: Any = getattr(settings, name, None)
    made: dict[str, Any] = {}
    members = _members(name, given)
    own = {key: value for key, value in given.items() if key not in members}
    wrong: Wrong
    if section is None:
        section = NAMED[name].metadata["kind"]()
        wrong = [((name, key), f"{key} must stand in a section with a name: [{name}.NAME]") for key in own]
    else:
        section, wrong = _section(section, (name,), own)
        made[name] = section = _section_overridden(section, name, environment)
    for member, values in members.items():
        part, found = _section(section, (name, member), values)
        part = _section_overridden(part, f"{name}_{member}", environment)
        made[NAMED[name].name] = made.get(NAMED[name].name, {}) | {member: part}
        wrong += found + _wrong_name(name, member, part, section)
    return replace(settings, **made), wrong


def _members(name: str, given: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the named sections ``[name.MEMBER]`` in a table of the file."""
    if name not in NAMED:
        return {}
    keys = {key.name for key in fields(NAMED[name].metadata["kind"])}
    return {key: value for key, value in given.items() if key not in keys and isinstance(value, dict)}


def _wrong_name(name: str, member: str, section: Any, first: Any) -> Wrong:
    """Return what is wrong with a named section beside others: its name, or its port."""
    if name == "peer" and (reason := ae_title(member)):
        return [((name, member, ""), f"the name is the AE title: {reason}")]
    if name == "listener" and section.port == first.port != 0:
        return [((name, member, "port"), "port: a further listener needs another one")]
    return []


def _section(section: Any, path: tuple[str, ...], given: Mapping[str, Any]) -> tuple[Any, Wrong]:
    """Return a section with what is given, and what is wrong with it."""
    keys = {key.name: key for key in fields(section)}
    values: dict[str, Any] = {}
    wrong: Wrong = []
    for name, value in given.items():
        if name not in keys:
            known = ", ".join(sorted(keys))
            wrong.append(((*path, name), f"unknown key {name!r}; known are {known}"))
            continue
        kept, reason = judge(keys[name], value)
        if reason:
            wrong.append(((*path, name), reason))
        else:
            values[name] = kept
    made = replace(section, **values)
    if not wrong and hasattr(made, "contradictions"):
        wrong = [((*path, key), reason) for key, reason in made.contradictions()]
    return made, wrong


def _overridden(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """Return the settings overridden by environment variables (sections without names only)."""
    for name in PLAIN:
        section: Any = _section_overridden(getattr(settings, name), name, environment)
        settings = replace(settings, **{name: section})
    return settings


def _section_overridden(section: Any, name: str, environment: Mapping[str, str]) -> Any:
    for key in fields(section):
        variable = _variable(name, key.name)
        if variable not in environment or isinstance(default_of(key), dict):
            continue
        value, reason = judge(key, from_text(key, environment[variable]))
        if reason:
            raise SettingsError(f"{variable}: {reason}")
        section = replace(section, **{key.name: value})
    return section


# -- writing ------------------------------------------------------------------------------------------------


def commented() -> str:
    """Return a settings file that explains every key and changes none: all are commented out."""
    lines = ["# Settings of pyconquest_rt. Every key is optional; what stands here are the defaults."]
    lines += [f"# An environment variable {ENVIRONMENT_PREFIX}_<SECTION>_<KEY> overrides a key.", ""]
    for name, section in sections(Settings()):
        lines += [f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        lines += [f"# {line}" for explained in _explained(section, name) for line in explained]
        lines += ["", *_example(name)] if name in NAMED else []
        lines.append("")
    return "\n".join([*lines, *_example("peer")]) + "\n"


def _explained(section: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key's comment and its line in the file."""
    for key in fields(section):
        value = default_of(key)
        line = f"[{name}.{key.name}]" if isinstance(value, dict) else f"{key.name} = {toml_text.value(value)}"
        yield key.metadata["doc"], line


def _example(name: str) -> Iterator[str]:
    """Yield an example of a named section, indented, since it is not set."""
    kind = NAMED[name].metadata
    yield f"# {kind['doc']}"
    yield f"#   [{name}.NAME]"
    if name not in PLAIN:
        for meaning, line in _explained(kind["kind"]()):
            yield f"#   # {meaning}"
            yield f"#   {line}"


def render(settings: Settings) -> str:
    """Return a ``pyconquest.toml`` that contains all of these settings."""
    return "\n".join(_rendered(name, section) for name, section in sections(settings))


def sections(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield each section under its name in the file, in order."""
    for part in fields(settings):
        section = getattr(settings, part.name)
        if isinstance(section, dict):
            name = part.metadata["section"]
            yield from ((f"{name}.{toml_text.value(member)}", each) for member, each in section.items())
        else:
            yield part.name, section


def archive_section(settings: ArchiveSettings) -> str:
    """Return the text of ``pyconquest.toml`` that opens an archive."""
    return _rendered("archive", settings)


def _rendered(name: str, section: Any) -> str:
    values = {key.name: getattr(section, key.name) for key in fields(section)}
    lines = [f"[{name}]"]
    lines += [
        f"{key} = {toml_text.value(value)}" for key, value in values.items() if not isinstance(value, dict)
    ]
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines.append(f"[{name}.{key}]")
            lines += [
                f"{toml_text.value(member)} = {toml_text.value(text)}" for member, text in value.items()
            ]
    return "\n".join(lines) + "\n"
