"""Selection of ROI names by regular expressions, as PyConquest has it."""

import re
from collections.abc import Sequence


def filter_names(
    names: Sequence[str], exclude: Sequence[str], include: Sequence[str], flags: int = re.IGNORECASE
) -> list[str]:
    """Return the names that no ``exclude`` pattern matches and some ``include`` pattern does.

    Patterns match from the start of a name. An empty first ``exclude`` pattern excludes nothing; an empty
    ``include`` pattern includes everything. The result follows the order of the include patterns, and each
    entry of ``names`` is in it once, whichever patterns match it.
    """
    if exclude and exclude[0] != "":
        names = [name for name in names if not any(re.match(pattern, name, flags) for pattern in exclude)]
    chosen = [
        position
        for pattern in include
        for position, name in enumerate(names)
        if re.match(pattern, name, flags)
    ]
    return [names[position] for position in dict.fromkeys(chosen)]
