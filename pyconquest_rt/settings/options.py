"""One key of the settings: its default, what it means, what it may be; and how a value given for it is judged."""

import re
from collections.abc import Callable, Iterable
from dataclasses import Field, field
from ipaddress import ip_network
from typing import Any, Final

Check = Callable[[Any], str | None]
"""Gives what is wrong with a value of the right type; None if nothing is."""

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def option(default: Any, doc: str, check: Check | None = None) -> Any:
    """Return a dataclass field for one key: default, explanation, and the check of its values."""
    metadata = {"doc": doc, "check": check}
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def named(section: str, kind: type, doc: str) -> Any:
    """The field of sections that have names, ``[section.NAME]``, as a mapping of the name to what each says."""
    return field(default_factory=dict, metadata={"section": section, "kind": kind, "doc": doc})


def default_of(key: Field[Any]) -> Any:
    """Return the default of a key; its type is the key's type."""
    return key.default_factory() if callable(key.default_factory) else key.default


def judge(key: Field[Any], value: Any) -> tuple[Any, str | None]:
    """Return the validated value and the fault found in it (None for none)."""
    default = default_of(key)
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or not all(isinstance(member, str) for member in _members(value)):
        return default, f"{key.name} must be {_type_name(default)}, not {value!r}"
    check = key.metadata.get("check")
    reason = check(value) if check else None
    return value, f"{key.name}: {reason}" if reason else None


def _members(value: Any) -> Iterable[Any]:
    """Return the members of a list or the values of a table; an empty tuple for other types."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, tuple) else ()


def from_text(key: Field[Any], text: str) -> Any:
    """Return the value that a text (an environment variable) stands for; the text itself where it is none."""
    default = default_of(key)
    try:
        if isinstance(default, bool):
            return _TRUTH.get(text.strip().lower(), text)
        if isinstance(default, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return type(default)(text)
    except ValueError:
        return text


def _type_name(default: Any) -> str:
    names = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
    return names.get(type(default)) or (
        "a list of texts" if isinstance(default, tuple) else "a table of texts"
    )


# -- what values must satisfy -------------------------------------------------------------------------------


def between(low: float, high: float) -> Check:
    """A number from ``low`` to ``high``."""
    return lambda value: None if low <= value <= high else f"expected {low:g} to {high:g}, not {value}"


def one_of(*choices: str) -> Check:
    """One of a few words."""
    return lambda value: None if value in choices else f"expected {', '.join(choices)}; not {value!r}"


def by_name(value: str) -> str | None:
    """``NAME=NUMBER`` between blanks, or an empty text; no number is 0."""
    number = r"-?(?:\d+(?:\.\d*)?|\.\d+)"
    wrong = next((part for part in value.split() if not re.fullmatch(rf"\S+={number}", part)), None)
    wrong = wrong or next((part for part in value.split() if not float(part.rpartition("=")[2])), None)
    return wrong and f"expected NAME=NUMBER with a number other than 0, such as 'PTV=10 *=3'; not {wrong!r}"


def ae_title(value: str) -> str | None:
    """An AE title: 1 to 16 characters of ASCII without backslash and control characters (PS3.5 Table 6.2-1)."""
    if re.fullmatch(r"[ -\[\]-~]{1,16}", value) and value.strip():
        return None
    return f"expected 1 to 16 plain characters, not {value!r}"


PEERS: Final = "peers"
"""The word that stands for all known peers in a list of callers."""


def caller(text: str) -> tuple[str, str]:
    """Return AE title and network of ``TITLE@HOST``; either may be ``*``. Raises ValueError for anything else."""
    title, _, host = text.rpartition("@")
    if ae_title(title):
        raise ValueError(f"expected TITLE@HOST, such as PLAN@192.0.2.7 or *@192.0.2.0/24; not {text!r}")
    if host != "*":
        try:
            ip_network(host, strict=False)
        except ValueError as error:
            raise ValueError(f"{host!r} is no network address such as 192.0.2.7 or 192.0.2.0/24") from error
    return title, host


def callers(value: tuple[str, ...]) -> str | None:
    """A list of callers: ``TITLE@HOST``, or the word peers."""
    for text in value:
        if text != PEERS:
            try:
                caller(text)
            except ValueError as error:
                return str(error)
    return None


def functions(value: tuple[str, ...]) -> str | None:
    """Names of functions, each with its module."""
    wrong = [name for name in value if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name)]
    return f"expected module:function, not {wrong[0]!r}" if wrong else None


_FIELD = r"(?:\*|[\w-]+)(?:/\d+)?"


def cron(value: str) -> str | None:
    """A cron expression, or an empty text for never; weekdays by name, because programs number them differently."""
    if not value:
        return None
    parts = value.split()
    if len(parts) != 5 or not all(re.fullmatch(rf"{_FIELD}(?:,{_FIELD})*", part) for part in parts):
        return f"expected minute hour day month weekday, such as '30 2 * * sun', not {value!r}"
    if re.search(r"\d", parts[4].partition("/")[0]):
        return f"name the days of the week (mon, tue-fri), do not number them: {value!r}"
    return None
