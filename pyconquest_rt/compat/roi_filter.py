"""Selection of ROI names by regular expressions, as PyConquest has it."""

import re
from collections.abc import Iterable, Sequence

DEFAULT_EXCLUDE = (r"^Z\d", r"^Ext", "ISOC", "QME", "NP")
DEFAULT_INCLUDE = ("",)


def filter_roinames(
    names: str | Iterable[str],
    exclude: str | Sequence[str] = DEFAULT_EXCLUDE,
    include: str | Sequence[str] = DEFAULT_INCLUDE,
    flags: int = re.IGNORECASE,
) -> list[str]:
    """Return the names that no ``exclude`` pattern matches and some ``include`` pattern does.

    Patterns match from the start of a name. An empty first ``exclude`` pattern excludes nothing; an empty
    ``include`` pattern includes everything. The result follows the order of the include patterns, and each
    entry of ``names`` is in it once, whichever patterns match it.

    Raises:
        re.error: a pattern is no regular expression.
    """
    candidates = _listed(names)
    exclude = _listed(exclude)
    if exclude and exclude[0] != "":
        candidates = [name for name in candidates if not any(re.match(p, name, flags) for p in exclude)]
    chosen = [
        position
        for pattern in _listed(include)
        for position, name in enumerate(candidates)
        if re.match(pattern, name, flags)
    ]
    return [candidates[position] for position in dict.fromkeys(chosen)]


def _listed(values: str | Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)
