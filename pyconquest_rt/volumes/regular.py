"""Slices that are missing or uneven, and stacks with shear, onto a regular grid, where that is asked for."""

import numpy as np

from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.geometry import Floats, Grid
from pyconquest_rt.volumes.memory import check_memory
from pyconquest_rt.volumes.model import Volume, say


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
        volume = volume.without_shear()
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
