"""Slices that are missing or uneven, and stacks with shear, onto a regular grid, where that is asked for."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.geometry import Floats, Grid
from pyconquest_rt.volumes.model import Volume, say
from pyconquest_rt.volumes.pixels import check_memory
from pyconquest_rt.volumes.registry import Options


def regularise(volume: Volume, grid: Grid, options: Options) -> Volume:
    """The volume as it is asked for: gaps filled, uneven slices even, shear removed; says what was done."""
    if "gap" in grid.codes and options.fill:
        volume = _interpolated(volume, grid.places, np.arange(grid.places[-1] + 1))
        say(volume.codes, "filled")
    elif "spacing_nonuniform" in grid.codes and options.resample:
        count = int(np.floor(grid.places[-1] + 1e-6)) + 1
        volume = _interpolated(volume, grid.places, np.arange(float(count)))
        say(volume.codes, "resampled")
    if options.resample and "tilt" in volume.codes:
        volume = without_shear(volume)
    return volume


def _interpolated(volume: Volume, places: Floats, wanted: Floats) -> Volume:
    """Slices at other places (in steps of the affine), linear between their neighbours; those that are there stay."""
    array = volume.array if volume.array.ndim == 4 else volume.array[None]
    check_memory(float(array.nbytes) / len(places) * len(wanted) * 4)
    below = np.clip(np.searchsorted(places, wanted + 1e-6, side="right") - 1, 0, max(len(places) - 2, 0))
    part = (wanted - places[below]) / (places[below + 1] - places[below])
    part = np.where(np.abs(part - np.rint(part)) < 1e-3, np.rint(part), part)
    exact = array.dtype
    out = np.empty((array.shape[0], len(wanted), *array.shape[2:]), np.result_type(exact, np.float32))
    for place, (first, weight) in enumerate(zip(below.tolist(), part.tolist(), strict=True)):
        lower = array[:, first].astype(out.dtype)
        out[:, place] = lower if weight == 0 else lower + weight * (array[:, first + 1] - lower)
    volume.array = out if volume.array.ndim == 4 else out[0]
    return volume


def without_shear(volume: Volume) -> Volume:
    """A sheared volume on a grid of right angles that covers it, linear between pixels; NaN where nothing is known.

    The new slices are those of the old, each shifted within its plane. The code `resampled` is added.
    """
    affine, array = volume.affine, np.asarray(volume.array)
    row, column = affine[:3, 2], affine[:3, 1]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    step = affine[:3, 0]
    height = step @ normal
    # One step moves a slice by so many pixels along j and i.
    shift = np.array([(step @ axis) / (axis @ axis) for axis in (column, row)])
    count = array.shape[-3]
    ends = np.outer([0, count - 1], shift)
    low, high = np.floor(ends.min(axis=0) + 1e-6), np.ceil(ends.max(axis=0) - 1e-6)
    shape = (*array.shape[:-2], *(np.array(array.shape[-2:]) + (high - low)).astype(int).tolist())
    check_memory(float(np.prod(shape, dtype=np.float64)) * 8)
    out = np.full(shape, np.nan, np.result_type(array.dtype, np.float32))
    for k in range(count):
        _shifted(array[..., k, :, :], out[..., k, :, :], k * shift - low)
    new = affine.copy()
    new[:3, 0] = height * normal
    new[:3, 3] = affine[:3, 3] + low[0] * column + low[1] * row
    codes = say([code for code in volume.codes if code != "tilt"], "resampled")
    return Volume(out, new, volume.unit, codes, volume.axes, volume.frame_of_reference, volume.kind)


def _shifted(plane: npt.NDArray[Any], out: npt.NDArray[Any], shift: Floats) -> None:
    """A plane (..., j, i) moved by a part of pixels into a larger one, linear between its pixels."""
    values = plane.astype(out.dtype)
    for axis, amount in zip((-2, -1), shift.tolist(), strict=True):
        values = _along(values, axis, amount, out.shape[axis])
    out[...] = values


def _along(values: npt.NDArray[Any], axis: int, amount: float, size: int) -> npt.NDArray[Any]:
    values = np.moveaxis(values, axis, -1)
    have = values.shape[-1]
    at = np.arange(size) - amount
    below = np.clip(np.floor(at + 1e-9).astype(int), 0, max(have - 2, 0))
    part = at - below
    part = np.where(np.abs(part - np.rint(part)) < 1e-6, np.rint(part), part)
    upper = np.minimum(below + 1, have - 1)
    found = np.where(
        part == 0, values[..., below], values[..., below] + part * (values[..., upper] - values[..., below])
    )
    found = np.where(part == 1, values[..., upper], found)
    found[..., (at < -1e-6) | (at > have - 1 + 1e-6)] = np.nan
    return np.moveaxis(found, -1, axis)
