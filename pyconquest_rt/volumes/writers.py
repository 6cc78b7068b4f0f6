"""Volumes as files: NRRD, which may carry shear, and NIfTI-1, which programs read without shear only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import PyconquestError

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]


def _library(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise PyconquestError(f"{package} is not installed: pip install 'pyconquest_rt[volumes]'") from error


def write_nrrd(path: PathLike, array: Array, affine: Array, fields: dict[str, str]) -> None:
    """Write an array ((n,) k, j, i) as NRRD in LPS, the patient's space, with further fields of text."""
    nrrd = _library("nrrd", "pynrrd")
    directions = affine[:3, [2, 1, 0]].T
    header: dict[str, Any] = {
        "space": "left-posterior-superior",
        "space origin": affine[:3, 3],
        "space directions": directions,
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
    }
    if array.ndim == 4:
        header["space directions"] = np.vstack([directions, np.full(3, np.nan)])
        header["kinds"] = ["domain"] * 3 + ["list"]
    with _whole(path, ".nrrd") as name:
        nrrd.write(name, _plain(array).T, header | fields, compression_level=1)


def write_nifti(path: PathLike, array: Array, affine: Array, description: str) -> None:
    """Write an array ((n,) k, j, i) on a grid without shear as NIfTI-1, in RAS millimetres."""
    nibabel = _library("nibabel", "nibabel")
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(_plain(array).T, ras)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = description[:79].strip().encode("ascii", "replace")
    image.set_sform(ras, code=1)
    image.set_qform(ras, code=1)
    with _whole(path, ".nii.gz" if str(path).endswith(".gz") else ".nii") as name:
        nibabel.save(image, name)


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
