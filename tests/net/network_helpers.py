"""What several of the network's tests need."""

from dataclasses import dataclass, field
from pathlib import Path

import pydicom

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
"""DICOM files that come with pydicom."""


@dataclass
class Receiver:
    """A pynetdicom storage provider that keeps what it gets."""

    port: int
    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """SOPInstanceUID to transfer syntax and encoded data set."""
    count: int = 0
    associations: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    """Answers other than success, by SOPInstanceUID."""
    abort_on: set[str] = field(default_factory=set)
