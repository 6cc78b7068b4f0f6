"""Cumulative curves as rows of ``dvh`` hold them."""

from typing import Any, NamedTuple

import numpy as np


class Curve(NamedTuple):
    """The cumulative curve of a row: doses in Gy, ascending, and the volume in cc that gets at least each."""

    dose_gy: np.ndarray[Any, np.dtype[np.float64]]
    volume_cc: np.ndarray[Any, np.dtype[np.float64]]


def curve_of(row: dict[str, Any]) -> Curve | None:
    """Return the curve that a row of ``dvh`` holds; None where it holds none."""
    if row["curve_cc"] is None:
        return None
    volumes = np.frombuffer(row["curve_cc"], "<f4").astype(float)
    return Curve(row["first_dose_gy"] + row["bin_gy"] * np.arange(volumes.size), volumes)
