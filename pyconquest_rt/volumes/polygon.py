"""Closed contours → pixels whose centre lies inside, by the even-odd rule."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def fill_even_odd(contours: Iterable[Floats], rows: int, columns: int) -> Bools:
    """Pixels (rows, columns) whose centre is inside an odd number of contours.

    Each contour is (n, 2): row and column of its points in pixels, the centre of the first pixel at 0, 0. A centre on
    an edge counts as inside at the edge of lower, as outside at that of higher coordinates. Edges that are there
    twice, as in a keyhole, cancel exactly.
    """
    toggles = np.zeros((rows, columns + 1), np.int32)
    for contour in contours:
        line, crossing = _crossings(contour, rows)
        # All pixels to the left of a crossing change sides; those beyond the last one are in the spare column.
        np.add.at(toggles, (line, np.clip(np.ceil(crossing), 0, columns).astype(np.intp)), 1)
    passed = np.cumsum(toggles[:, ::-1], axis=1)[:, ::-1]  # crossings at or beyond each column
    return np.asarray(passed[:, 1:] % 2 == 1)


def _crossings(contour: Floats, rows: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Where the edges of a contour cross the rows of pixel centres: row numbers and columns."""
    start, stop = contour, np.roll(contour, -1, axis=0)
    swap = (start[:, 0] > stop[:, 0]) | ((start[:, 0] == stop[:, 0]) & (start[:, 1] > stop[:, 1]))
    low, high = np.where(swap[:, None], stop, start), np.where(swap[:, None], start, stop)
    first = np.clip(np.ceil(low[:, 0]), 0, rows).astype(np.intp)
    last = np.clip(np.ceil(high[:, 0]), 0, rows).astype(np.intp)  # a row at the upper end is the next edge's
    counts = last - first
    edge = np.repeat(np.arange(len(contour)), counts)
    line = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (high[edge, 1] - low[edge, 1]) / (high[edge, 0] - low[edge, 0])
    return line, low[edge, 1] + (line - low[edge, 0]) * slope


def inside(points: Floats, contours: Iterable[Floats]) -> Bools:
    """Which of some points (n, 2) lie inside an odd number of contours (m, 2)."""
    odd = np.zeros(len(points), bool)
    for contour in contours:
        for low, high in zip(contour, np.roll(contour, -1, axis=0), strict=True):
            if low[0] > high[0]:
                low, high = high, low
            across = np.flatnonzero((points[:, 0] >= low[0]) & (points[:, 0] < high[0]))
            if across.size:
                at = low[1] + (points[across, 0] - low[0]) * ((high[1] - low[1]) / (high[0] - low[0]))
                odd[across] ^= points[across, 1] < at
    return odd
