"""The part of the class that gives series as volumes: array, place in the patient, and verdict."""

from typing import TYPE_CHECKING

from pyconquest_rt.compat.base import Base

if TYPE_CHECKING:
    from pyconquest_rt.volumes import Candidate, Masks, Volume


class Volumes(Base):
    """Volumes of the archive's series; each method is one line over :mod:`pyconquest_rt.exports.volumes`."""

    def volumes(self, series: str) -> "list[Candidate]":
        """Return what could be loaded of a series (SeriesInstanceUID), best first, and what is to be said of each."""
        from pyconquest_rt.exports.volumes import volumes_of

        return volumes_of(self._archive, series)

    def volume(
        self, series: str, unit: str | None = None, *, fill: bool = False, resample: bool = False
    ) -> "Volume":
        """Return the best volume of a series: see :func:`pyconquest_rt.volumes.load`."""
        from pyconquest_rt.exports.volumes import volume_of

        return volume_of(self._archive, series, unit, fill=fill, resample=resample)

    def mask(self, structure_set: str, series: str, *, interpolate: bool = False) -> "Masks":
        """Return the structures or segments of an object (SOPInstanceUID) on the grid of a series, by name."""
        from pyconquest_rt.exports.volumes import masks_of

        return masks_of(self._archive, structure_set, series, interpolate=interpolate)
