"""What an adaptor is: the contract between objects and the volumes that are made of them."""

from collections.abc import Sequence
from typing import Protocol

from pyconquest_rt.volumes.model import Candidate, Volume
from pyconquest_rt.volumes.objects import ImageObject


class Adaptor(Protocol):
    """Finds candidates in objects and loads them; ``name`` is unique among adaptors."""

    name: str

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """Return what could be loaded from objects of one series; an empty list where there is nothing for it."""

    def load(self, candidate: Candidate, unit: str | None, options: "Options") -> Volume:
        """Return the volume of a candidate that ``examine`` returned; raises VolumeError."""


class Options:
    """What may be asked of a load beyond its default.

    Args:
        fill: fill missing slices by interpolation between their neighbours (code `filled`).
        resample: interpolate uneven slices onto even ones, and a tilted stack onto a grid without shear (code
            `resampled`).
    """

    __slots__ = ("fill", "resample")

    def __init__(self, *, fill: bool = False, resample: bool = False) -> None:
        self.fill, self.resample = fill, resample
