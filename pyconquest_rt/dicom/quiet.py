"""What the programs of this package (the command and its workers) must not print, since their output is kept."""

import sys
import warnings


def silence_pydicom() -> None:
    """Drop pydicom's warnings, which quote values of patients, unless Python was told what to do with warnings."""
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", module="pydicom")
