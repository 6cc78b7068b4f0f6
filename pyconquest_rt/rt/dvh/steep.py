"""Cells in which the trilinear dose is far from linear: about hot voxels and the sources of brachytherapy.

A cell's volume is spread evenly about its mean dose, which holds where the dose is nearly linear within it. Where it is
not, the cell is halved along all directions until it is; a half of a trilinear function is trilinear.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.cells import Frame, cut_at
from pyconquest_rt.rt.dvh.coverage import Coverage
from pyconquest_rt.rt.dvh.dose_grid import Cuts, DoseGrid

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]
Ints = npt.NDArray[np.intp]

WIDE = 0.5
"""Cells are looked at whose dose spreads over more than this part of it,"""
WIDE_GY = 0.005
"""and over more than this."""
BENT = 0.1
"""A cell is divided until the dose leaves a plane within it by less than this part of the dose,"""
BENT_GY = 0.002
"""or by less than this,"""
MOST_HALVINGS = 5
"""or was halved so often."""
BOXES_AT_ONCE = 4_000

_SIGNS = np.array([(w, v, u) for w in (-1, 1) for v in (-1, 1) for u in (-1, 1)], float)
_TERMS = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
"""The terms of a trilinear function of w, v and u from -1 to 1: constant, linear, mixed."""
_FROM_CORNERS = np.prod(_SIGNS[:, None] ** _TERMS, axis=2) / 8


class Boxes(NamedTuple):
    """The covered parts of cells as boxes, in each of which the dose is trilinear.

    ``cell`` tells which cell a box is of and ``share`` what part of it; ``middle`` and ``size`` (n, 3) are in mm along
    w, v, u.
    """

    cell: Ints
    share: Floats
    middle: Floats
    size: Floats

    @classmethod
    def of(cls, cells: Coverage, low: Floats, high: Floats, rows: Cuts, columns: Cuts) -> "Boxes":
        """Return the boxes of cells from ``low`` to ``high`` along w: as wide as lets the covered part have its
        centroid."""
        middle, size = [0.5 * (low + high)], [high - low]
        for cuts, place, part in ((rows, cells.row, cells.v), (columns, cells.column, cells.u)):
            width = cuts.widths[place]
            middle.append(cuts.edges[place] + width * part)
            size.append(width * np.where(cells.fraction < 1.0, 1.0 - np.abs(2.0 * part - 1.0), 1.0))
        return cls(np.arange(low.size), np.ones(low.size), np.stack(middle, axis=1), np.stack(size, axis=1))

    def cut_at(self, nodes: Floats) -> "Boxes":
        """Return the boxes cut at positions along w, the planes of voxel centres."""
        middle, size = self.middle[:, 0], self.size[:, 0]
        box, low, high = cut_at(nodes, middle - 0.5 * size, middle + 0.5 * size)
        cut = Boxes(self.cell[box], (high - low) / size[box], self.middle[box].copy(), self.size[box].copy())
        cut.middle[:, 0], cut.size[:, 0] = 0.5 * (low + high), high - low
        return cut


class Parts(NamedTuple):
    """Parts of cells: which cell each is of, what part of it, its dose and the width (Gy) over which that spreads, and
    whether it was halved."""

    cell: Ints
    share: Floats
    dose: Floats
    width: Floats
    is_bent: npt.NDArray[np.bool_]


def wide_cells(dose: Numbers, width: Numbers) -> Ints:
    """Return the cells that may be too steep: their dose spreads widely for what it is."""
    return np.flatnonzero(width > np.maximum(WIDE * np.abs(dose), WIDE_GY))


def divided(boxes: Boxes, grid: DoseGrid, frame: Frame) -> Parts:
    """Return the boxes, or parts of them, in each of which the dose is nearly linear."""
    found: list[Parts] = []
    for first in range(0, boxes.cell.size, BOXES_AT_ONCE):
        some = slice(first, first + BOXES_AT_ONCE)
        corners = boxes.middle[some, None] + 0.5 * _SIGNS * boxes.size[some, None]
        doses = grid.interpolate(frame.to_grid(corners.reshape(-1, 3))).reshape(-1, 8)
        found += _halved(doses @ _FROM_CORNERS, boxes.cell[some], boxes.share[some])
    return Parts(*(np.concatenate(values) for values in zip(*found, strict=True)))


def _halved(terms: Floats, cell: Ints, share: Floats) -> Iterator[Parts]:
    """Yield the parts of boxes with the trilinear doses ``terms`` (n, 8), halved along all directions until linear."""
    for halvings in range(MOST_HALVINGS + 1):
        bend = np.abs(terms[:, 4:]).sum(axis=1)
        bent = bend > np.maximum(BENT * np.abs(terms[:, 0]), BENT_GY)
        done = ~bent if halvings < MOST_HALVINGS else np.ones(bent.size, bool)
        flat = terms[done]
        width = 2.0 * np.sqrt((flat[:, 1:4] ** 2).sum(axis=1))
        yield Parts(cell[done], share[done], flat[:, 0], width, np.full(width.size, halvings > 0))
        if done.all():
            return
        terms, cell, share = _halves(terms[~done]), np.tile(cell[~done], 8), np.tile(share[~done] / 8, 8)


def _halves(terms: Floats) -> Floats:
    """Return the terms of the eight halves of boxes, shape (8 n, 8): all first ones, then all second ones ..."""
    mean, w, v, u, wv, wu, vu, wvu = (
        0.5 ** int(order) * one for order, one in zip(_TERMS.sum(1), terms.T, strict=True)
    )
    halves = []
    for a, b, c in _SIGNS:
        halves.append(
            (
                mean + a * w + b * v + c * u + a * b * wv + a * c * wu + b * c * vu + a * b * c * wvu,
                w + b * wv + c * wu + b * c * wvu,
                v + a * wv + c * vu + a * c * wvu,
                u + a * wu + b * vu + a * b * wvu,
                wv + c * wvu,
                wu + b * wvu,
                vu + a * wvu,
                wvu,
            )
        )
    return np.concatenate([np.stack(half, axis=1) for half in halves])
