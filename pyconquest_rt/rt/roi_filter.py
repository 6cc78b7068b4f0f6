"""PyConquest's filter of ROI names: patterns that leave names out, then patterns that choose names."""

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
    """Names that no ``exclude`` pattern matches at the start, once for each ``include`` pattern that does.

    As PyConquest: ``exclude`` is skipped if its first pattern is empty. A pattern that is no regular
    expression raises ``re.error``.
    """
    names = [names] if isinstance(names, str) else list(names)
    exclude = [exclude] if isinstance(exclude, str) else exclude
    include = [include] if isinstance(include, str) else include
    if exclude and exclude[0] != "":
        names = [name for name in names if not any(re.match(pattern, name, flags) for pattern in exclude)]
    return [name for pattern in include for name in names if re.match(pattern, name, flags)]
