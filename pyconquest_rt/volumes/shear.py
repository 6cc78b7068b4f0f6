"""Grids whose axes are not perpendicular (gantry tilt), and the way from them to grids that are."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.memory import check_memory

Floats = npt.NDArray[np.float64]

_SHEAR = 1e-5  #: cosine of two axes up to which they count as perpendicular


def has_shear(affine: Floats) -> bool:
    """Whether the axes of a grid are not perpendicular."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR)


def without_shear(array: npt.NDArray[Any], affine: Floats) -> tuple[npt.NDArray[Any], Floats]:
    """A sheared array on a grid of right angles that covers it, linear between pixels; NaN where nothing is known.

    The new slices are those of the old, each shifted within its plane. Returns the array and its affine.
    """
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
    return out, new


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
