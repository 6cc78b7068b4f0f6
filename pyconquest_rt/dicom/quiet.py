"""What the programs of this package (the command and its workers) must not print, since their output is kept."""

import math
import sys
import time
import warnings
from typing import Final

_MOST_KINDS: Final = 1000


def silence_pydicom() -> None:
    """Drop pydicom's warnings, which quote values of patients, unless Python was told what to do with warnings."""
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", module="pydicom")


class Seldom:
    """Says of each kind of message whether it is time to repeat it, so that a fault that lasts floods no log.

    Args:
        seconds: how long a kind is held back after it was let through.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._last: dict[object, float] = {}

    def __call__(self, kind: object) -> bool:
        """Whether a message of a kind may be logged now."""
        now = time.monotonic()
        if now - self._last.get(kind, -math.inf) < self._seconds:
            return False
        if len(self._last) >= _MOST_KINDS:
            self._last.clear()
        self._last[kind] = now
        return True


def plain(text: str) -> str:
    """Return a text as one line that cannot steer a terminal: control characters are written as Python writes them."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
