"""What the programs of this package (the command and its workers) must not print, since their output is kept."""

import sys
import warnings


def silence_pydicom() -> None:
    """Drop pydicom's warnings, which quote values of patients, unless Python was told what to do with warnings."""
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", module="pydicom")


def plain(text: str) -> str:
    """Return a text as one line that cannot steer a terminal: control characters are written as Python writes them."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
