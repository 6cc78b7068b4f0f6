"""TOML as text, which the standard library only reads: the line of each key, and values written (by tomlkit)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tomlkit.container import Container

Path = tuple[str, ...]
"""The name of a section or key, part by part."""


def lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, in which each section and key of a TOML document first stands."""
    import tomlkit

    found: dict[Path, int] = {}
    for path, line in _lines_of(tomlkit.parse(text), (), 1):
        for end in range(1, len(path) + 1):
            found.setdefault(path[:end], line)
    return found


def _lines_of(container: "Container", above: Path, line: int) -> Iterator[tuple[Path, int]]:
    """Yield the keys of a table and their lines; the table's first entry begins in ``line``."""
    from tomlkit.container import Container
    from tomlkit.items import Table

    for key, item in container.body:
        alone = Container()
        alone.append(key, item, validate=False)
        if key is not None:
            path = (*above, *(part.key for part in key))
            yield path, line + item.trivia.indent.count("\n")
            if isinstance(item, Table):
                heading = 0 if item.is_super_table() else 1
                yield from _lines_of(item.value, path, line + heading)
        line += alone.as_string().count("\n")


def value(given: Any) -> str:
    """Return a value, or a key in quotes, as TOML."""
    import tomlkit

    return str(tomlkit.item(list(given) if isinstance(given, tuple) else given).as_string())
