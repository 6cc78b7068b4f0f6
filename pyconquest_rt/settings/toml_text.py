"""TOML as text, which the standard library only reads: the lines of its keys, and values written."""

import json
import re
from typing import Any

_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


def lines(text: str) -> dict[tuple[str, ...], int]:
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


def value(given: Any) -> str:
    """Return a value, or a key in quotes, as TOML; JSON's escapes of a text are a part of TOML's."""
    text = json.dumps(list(given) if isinstance(given, tuple) else given, ensure_ascii=False)
    return text.replace("\x7f", "\\u007F")
