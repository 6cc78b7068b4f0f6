"""Cumulative curves as rows of ``dvh`` hold them."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Curve(NamedTuple):
    """The cumulative curve of a row: doses in Gy, ascending, and the volume in cc that gets at least each."""

    dose_gy: Floats
    volume_cc: Floats


PASSES = 6
"""So often every other point of a curve may be left out."""
SAME_VOLUME = 5e-5
SAME_DOSE = 5e-5
SAME_GY = 1e-4
"""A point is left out if the line between its neighbours passes it within this part of the volume, and within this
part of the dose or so many Gy. After all passes doses are right to 0.1 % or 1 mGy."""


def simplified(dose: Floats, volume: Floats) -> tuple[Floats, Floats]:
    """Return a curve of ascending doses and falling volumes with fewer points, the same to about 0.03 %."""
    for _ in range(PASSES):
        inner = slice(1, -1)
        width, fall = dose[2:] - dose[:-2], volume[:-2] - volume[2:]
        part = (dose[inner] - dose[:-2]) / np.where(width > 0, width, 1.0)
        off = np.abs(volume[:-2] - part * fall - volume[inner])
        shift = np.maximum(SAME_DOSE * np.abs(dose[inner]), SAME_GY)
        is_close = (off <= SAME_VOLUME * volume[0]) & (off * width <= shift * fall)
        dropped = np.flatnonzero(is_close) + 1
        dropped = dropped[dropped % 2 == 1]
        if dropped.size == 0:
            break
        dose, volume = np.delete(dose, dropped), np.delete(volume, dropped)
    return dose, volume


def columns_of(dose: Floats, volume: Floats) -> dict[str, bytes | None]:
    """Return the columns of a row that hold a curve; None in them where it has no points."""
    if dose.size < 2 or not bool(np.isfinite(volume).all()):
        return {"curve_gy": None, "curve_cc": None}
    dose, volume = simplified(dose, volume)
    return {"curve_gy": dose.astype("<f4").tobytes(), "curve_cc": volume.astype("<f4").tobytes()}


def curve_of(row: dict[str, Any]) -> Curve | None:
    """Return the curve that a row of ``dvh`` holds; None where it holds none."""
    if row["curve_cc"] is None:
        return None
    return Curve(*(np.frombuffer(row[name], "<f4").astype(float) for name in ("curve_gy", "curve_cc")))
