"""From pieces of volume with a dose each to a cumulative dose-volume curve, as fine as the pieces ask for.

A piece's volume is spread evenly over a width about its mean dose. A sum of such pieces is a second difference of
ramps, which is put onto edges so that the curve is exact at each of them, whatever the range of doses: 512 edges to
every doubling of the distance from the least dose, and more where much of the volume lies. Pieces of one exact dose
stay steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.floating]
Ints = npt.NDArray[np.intp]

OCTAVE_BITS = 9
"""Edges to a doubling of the distance from the least dose: two to this power."""
UNITS_IN_RANGE = 1024
LARGEST_UNIT_GY = 0.1
"""Edges are evenly spaced up to one unit above the least dose: the range / 1024, at most this dose."""
VOLUME_PER_BIN = 1e-3
NARROW_VOLUME_PER_BIN = 1e-4
"""Bins are divided until each holds at most this part of the volume, and of pieces narrower than the bin."""
MAX_DIVISION = 512
MAX_STEPS = 1000
"""So many flat doses are steps of the curve; more are spread like all pieces."""
SAMPLED = 16_000
"""About so many pieces are looked at to see where much of the volume lies."""
FEW_POINTS = 6_000
"""A curve of more points than this is thinned."""
SAME_DOSE = 1e-6
"""Doses that differ by less than this part are the same: they are of single precision, and DoseGridScaling is a
rounded number. So steps fall by this part above their dose: of 20 Gy throughout, all gets at least 20 Gy."""
_SHIFT = 23 - OCTAVE_BITS
_FIRST = 127 << OCTAVE_BITS  # the bits of 1.0 without the dropped ones


class Curve(NamedTuple):
    """A cumulative curve: ascending doses in Gy, and the volume (in the unit of the pieces) at or above each."""

    dose: Floats
    volume: Floats


def curve_of(volume: Floats, dose: Numbers, width: Numbers, low: float, high: float) -> Curve:
    """Return the curve of pieces: ``volume`` in any unit, ``dose`` and ``width`` in Gy, all of shape (n,).

    No piece is spread beyond ``low`` and ``high``, and none has its mean moved.
    """
    flat = np.flatnonzero(width <= SAME_DOSE * np.abs(dose) + 1e-9)
    if flat.size == 0:
        return _smooth(volume, dose, width, low, high)
    steps, of_step = np.unique(dose[flat], return_inverse=True)
    if steps.size > MAX_STEPS:
        return _smooth(volume, dose, width, low, high)
    falling = _steps(steps.astype(np.float64), np.bincount(of_step, volume[flat]).astype(np.float64))
    if flat.size == dose.size:
        return falling
    others = np.ones(dose.size, bool)
    others[flat] = False
    return merged((falling, _smooth(volume[others], dose[others], width[others], low, high)))


def merged(curves: Sequence[Curve]) -> Curve:
    """Return the curve of the volumes of several curves together."""
    if len(curves) == 1:
        return curves[0]
    dose = np.unique(np.concatenate([curve.dose for curve in curves]))
    together = np.zeros(dose.size)
    for curve in curves:
        together += np.interp(dose, curve.dose, curve.volume)
    return Curve(dose, together)


def thinned(curve: Curve) -> Curve:
    """Return the curve with fewer points: no two within one bin of dose that differ by less than half a thousandth
    of the volume, while steps stay as steep as they are."""
    if curve.dose.size <= FEW_POINTS:
        return curve
    whole = curve.volume[0]
    unit = max(min((curve.dose[-1] - curve.dose[0]) / UNITS_IN_RANGE, LARGEST_UNIT_GY), 1e-9)
    x = (1.0 + (curve.dose - curve.dose[0]) / unit).astype(np.float32)
    of_dose = x.view(np.int32) >> _SHIFT
    of_volume = (curve.volume * (2.0 / (VOLUME_PER_BIN * whole))).astype(np.intp)
    first = (np.diff(of_dose, prepend=-1) != 0) | (np.diff(of_volume, prepend=-1) != 0)
    falls = np.diff(curve.volume, append=0.0) < -0.5 * VOLUME_PER_BIN * whole
    kept = first | falls
    kept[-1] = True
    return Curve(curve.dose[kept], curve.volume[kept])


def _steps(dose: Floats, volume: Floats) -> Curve:
    """Return the curve that falls by ``volume`` just above each ascending dose."""
    left = np.cumsum(volume[::-1])[::-1]
    same = SAME_DOSE * np.maximum(np.abs(dose), 1e-6)
    return Curve(
        np.stack((dose + 0.9 * same, dose + same), axis=1).ravel(),
        np.stack((left, np.append(left[1:], 0.0)), axis=1).ravel(),
    )


def _smooth(volume: Floats, dose: Numbers, width: Numbers, low: float, high: float) -> Curve:
    """Return the curve of pieces that have a width, on edges in x = 1 + (dose - low) / unit."""
    unit = max(min((high - low) / UNITS_IN_RANGE, LARGEST_UNIT_GY), 1e-9)
    above = dose - low
    half = np.minimum(above, high - dose)
    np.minimum(half, 0.5 * width, out=half)
    np.maximum(half, 0.0, out=half)
    start = (1.0 + (above - half) / unit).astype(np.float32, copy=False)
    above += half
    end = np.maximum((1.0 + above / unit).astype(np.float32, copy=False), start * np.float32(1 + 5e-7))
    span = end - start
    whole = float(volume.sum())
    edges, place, part = _fine_edges(volume, start, end)
    slope = volume / span
    change = np.concatenate((slope, -slope))
    following = np.bincount(place, change * part, minlength=edges.size)
    kinks = np.bincount(place, change, minlength=edges.size) - following
    kinks[1:] += following[:-1]
    kept = np.flatnonzero(kinks)
    kept = np.append(kept, min(int(kept[-1]) + 1, edges.size - 1))
    slopes = np.cumsum(kinks[kept])[:-1]
    edges = edges.take(kept)
    left = np.empty(edges.size)
    left[0] = whole
    np.subtract(whole, np.cumsum(slopes * (edges[1:] - edges[:-1])), out=left[1:])
    left = np.minimum.accumulate(np.minimum(np.maximum(left, 0.0), whole))
    left[-1] = 0.0
    return Curve(np.minimum(np.maximum(low + unit * (edges - 1.0), low), high), left)


def _fine_edges(volume: Floats, start: Numbers, end: Numbers) -> tuple[Floats, Ints, Singles]:
    """Return the edges, and for all starts and then all ends the edge before each, and the part of the way to the
    next."""
    bits = np.concatenate((start, end)).view(np.int32)
    coarse = ((bits >> _SHIFT) - _FIRST).astype(np.intp)
    part = (bits & ((1 << _SHIFT) - 1)) * np.float32(1.0 / (1 << _SHIFT))
    bins = int(coarse[volume.size :].max()) + 1
    parts = _divisions(volume, coarse[: volume.size], coarse[volume.size :], bins)
    corner = ((np.arange(bins + 1) + _FIRST) << _SHIFT).astype(np.int32).view(np.float32).astype(np.float64)
    if parts is None:
        return corner, coarse, part
    first = np.cumsum(parts) - parts
    of_bin = np.repeat(np.arange(bins), parts)
    step = (np.arange(of_bin.size) - first.take(of_bin)) * ((corner[1:] - corner[:-1]) / parts).take(of_bin)
    edges = np.empty(of_bin.size + 1)
    np.add(corner.take(of_bin), step, out=edges[:-1])
    edges[-1] = corner[-1]
    part *= parts.astype(np.float32).take(coarse)
    whole_steps = part.astype(np.intp)
    part -= whole_steps
    whole_steps += first.take(coarse)
    return edges, whole_steps, part


def _divisions(volume: Floats, start: Ints, end: Ints, bins: int) -> Ints | None:
    """Return into how many parts each bin is divided; None where none is. Of many pieces some are looked at."""
    some = slice(None, None, max(volume.size // SAMPLED, 1))
    volume, start, end = volume[some], start[some], end[some]
    whole = float(volume.sum())
    middle = (start + end) >> 1
    held = np.bincount(middle, volume, minlength=bins) / (VOLUME_PER_BIN * whole)
    narrow = np.flatnonzero(end - start <= 1)
    if narrow.size:
        in_narrow = np.bincount(middle[narrow], volume[narrow], minlength=bins)
        held = np.maximum(held, in_narrow / (NARROW_VOLUME_PER_BIN * whole))
    heavy = np.flatnonzero(held > 1.0)
    if heavy.size == 0:
        return None
    parts = np.ones(bins, np.intp)
    parts[heavy] = np.minimum(np.exp2(np.ceil(np.log2(held[heavy]))), MAX_DIVISION)
    return parts
