"""Volumes as files: NRRD, which may carry shear, and NIfTI-1, which programs read without shear only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.volumes.model import Floats, Volume, VolumeError
from pyconquest_rt.volumes.regular import without_shear
from pyconquest_rt.volumes.sources import PathLike

_SHEAR = 1e-5  #: cosine of two axes up to which they count as perpendicular


def _library(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise PyconquestError(f"{package} is not installed: pip install 'pyconquest_rt[volumes]'") from error


def _checked(volume: Volume) -> None:
    if volume.array.ndim == 4 and volume.kind == "sequence" and "missing_geometry" in volume.codes:
        raise VolumeError("not_scalar", "colour images are no volume")
    if "missing_geometry" in volume.codes:
        raise VolumeError("missing_geometry", "a volume without a place in the patient is not written")


def write_nrrd(volume: Volume, path: PathLike) -> None:
    """Write a volume as NRRD in LPS, the patient's space; what n stands for and the codes as fields of their own."""
    _checked(volume)
    nrrd = _library("nrrd", "pynrrd")
    array = _plain(volume.array)
    directions = volume.affine[:3, [2, 1, 0]].T
    header: dict[str, Any] = {
        "space": "left-posterior-superior",
        "space origin": volume.affine[:3, 3],
        "space directions": directions,
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
    }
    if array.ndim == 4:
        header["space directions"] = np.vstack([directions, np.full(3, np.nan)])
        header["kinds"] = ["domain"] * 3 + ["list"]
    header |= {f"axis_{name}": repr(values) for name, values in volume.axes.items()}
    header |= {"unit": volume.unit, "codes": " ".join(volume.codes)}
    with _whole(path, ".nrrd") as name:
        nrrd.write(name, array.T, header, compression_level=1)


def write_nifti(volume: Volume, path: PathLike) -> Volume:
    """Write a volume as NIfTI-1, without shear, in RAS millimetres; returns the volume that was written."""
    _checked(volume)
    nibabel = _library("nibabel", "nibabel")
    if has_shear(volume.affine):
        volume = without_shear(volume)
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(_plain(volume.array).T, ras)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = " ".join([volume.unit, *volume.codes])[:79].strip().encode("ascii", "replace")
    image.set_sform(ras, code=1)
    image.set_qform(ras, code=1)
    with _whole(path, "".join(Path(path).suffixes[-2:]) if str(path).endswith(".gz") else ".nii") as name:
        nibabel.save(image, name)
    return volume


def has_shear(affine: Floats) -> bool:
    """Whether the axes of a grid are not perpendicular."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR)


def _plain(array: Any) -> Any:
    return array.astype(np.uint8) if array.dtype == bool else array


@contextmanager
def _whole(path: PathLike, suffix: str) -> Iterator[str]:
    """A name beside a path, which takes its place when all has been written."""
    target = Path(path)
    name = target.with_name(f".{target.name}.{os.getpid()}{suffix}")
    try:
        yield str(name)
        name.replace(target)
    finally:
        name.unlink(missing_ok=True)
