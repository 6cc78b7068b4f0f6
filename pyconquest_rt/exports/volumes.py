"""Volumes of an archive's series: which there are, their arrays, and structures or segments on their grids."""

from pathlib import Path

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.current import current_file
from pyconquest_rt.archive.selection import Level, select_images
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.volumes import Candidate, Masks, Volume, VolumeError, examine, load, mask


def volumes_of(archive: Archive, series: str) -> list[Candidate]:
    """Return what could be loaded of a series, best first; see :func:`pyconquest_rt.volumes.examine`.

    Raises:
        ObjectError: the index knows no such series.
        StorageError: a file is not there, or holds another object now.
    """
    return examine(_files(archive, "series", series))


def volume_of(
    archive: Archive, series: str, unit: str | None = None, *, fill: bool = False, resample: bool = False
) -> Volume:
    """Return the best volume of a series; see :func:`pyconquest_rt.volumes.load`.

    Raises:
        VolumeError: it cannot be loaded; ``code`` says why.
        ObjectError, StorageError: as :func:`volumes_of`.
    """
    found = volumes_of(archive, series)
    if not found:
        raise VolumeError("no_pixels", f"series {series} has no images")
    return load(found[0], unit, fill=fill, resample=resample)


def masks_of(archive: Archive, structure_set: str, series: str, *, interpolate: bool = False) -> Masks:
    """Return the structures of a structure set, or the segments of a segmentation, on the grid of a series.

    ``structure_set`` is the object's SOPInstanceUID; see :func:`pyconquest_rt.volumes.mask`. Raises as
    :func:`volume_of`.
    """
    return mask(object_file(archive, structure_set), volume_of(archive, series), interpolate=interpolate)


def object_file(archive: Archive, sop: str) -> Path:
    """Return the file of one object by its SOPInstanceUID; raises ObjectError, StorageError."""
    return _files(archive, "image", sop)[0]


def _files(archive: Archive, level: Level, uid: str) -> list[Path]:
    images = select_images(archive.database, level, uid)
    if not images:
        raise ObjectError(f"the index knows no {'series' if level == 'series' else 'object'} {uid}")
    return [current_file(archive, image) for image in images]
