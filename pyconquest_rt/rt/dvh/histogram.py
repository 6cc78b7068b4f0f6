"""From pieces of volume with a dose each to a cumulative dose-volume curve."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]

FINE_BINS = 8192
"""Bins of the inner curve between the least and the greatest dose."""


class HistogramSum:
    """A cumulative histogram over [low, high] Gy that pieces of volume are added to in any number of
    portions.

    Each piece's volume is spread evenly over a width about its mean dose, not beyond ``low`` and ``high``
    and without moving its mean. A sum of evenly spread pieces is a second difference of ramps; two running
    sums make the curve.
    """

    def __init__(self, low: float, high: float, bins: int = FINE_BINS) -> None:
        self.low, self.high, self.bins = low, high, bins
        self.step = max((high - low) / bins, 1e-12)
        self.ramps = np.zeros(bins + 2)

    def add(self, volume: Floats, dose: Numbers, width: Numbers) -> None:
        """Add pieces: ``volume`` in any unit, ``dose`` and ``width`` in Gy, all of shape (n,)."""
        middle = (dose - self.low) / self.step
        half = np.minimum((0.5 / self.step) * width, np.minimum(middle, self.bins - middle))
        start = np.clip(np.rint(middle - half), 0, self.bins).astype(np.intp)
        end = np.maximum(np.minimum(np.rint(middle + half), self.bins).astype(np.intp), start)
        end += start == end
        slope = volume / (end - start)
        self.ramps += np.bincount(start, slope, minlength=self.bins + 2)
        self.ramps -= np.bincount(end, slope, minlength=self.bins + 2)

    def curve(self, low: float, high: float) -> tuple[Floats, Floats]:
        """Return ascending doses from ``low`` to ``high`` and the share (1 to 0) of the volume at or above
        each."""
        if high <= low:
            return np.array([low, high]), np.array([1.0, 0.0])
        below = np.append(0.0, np.cumsum(np.cumsum(self.ramps)))
        share = np.minimum.accumulate(np.clip(1.0 - below[:-1] / below[-1], 0.0, 1.0))
        dose = np.linspace(low, high, self.bins + 1)
        if (low, high) == (self.low, self.high):
            share = share[: self.bins + 1]
        else:
            share = np.interp(dose, self.low + self.step * np.arange(self.bins + 2), share)
        share[0], share[-1] = 1.0, 0.0
        return dose, share
