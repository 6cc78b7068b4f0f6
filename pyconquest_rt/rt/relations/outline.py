"""The border of a union of polygons: the pieces of their edges that have the inside on one side only.

The seams of keyhole contours, edges that two ROIs share, and edges that lie within another part are no border.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

BESIDE_MM = 0.01
"""The two sides of an edge are looked at this far from it."""
ON_EDGE_MM = 1e-3
"""A corner nearer to another edge than this divides it."""
LEAST_MM = 1e-6


def outline(ends: Floats, part: Ints) -> Floats:
    """Return the border of the parts' union as pieces (n, 4); ``ends`` (m, 4) are edges, ``part`` whose each is."""
    ends, part = _with_length(ends, part)
    if (part == part[:1]).all():
        corners = np.unique(np.rint(ends[:, :2] / BESIDE_MM), axis=0)
        if len(corners) == len(ends):  # a seam runs through corners twice
            return ends
        is_border = _is_border(ends, ends, part)
        if is_border.all():
            return ends
    pieces = _divided(ends, part)
    return pieces[_is_border(pieces, ends, part)]


def within(points: Floats, ends: Floats, part: Ints) -> Flags:
    """Tell which points (n, 2) lie within any of the parts that edges (m, 4) make, each by the even-odd rule."""
    inside = np.zeros(len(points), bool)
    for number in np.unique(part):
        u0, v0, u1, v1 = ends[part == number].T[..., None]
        u, v = points.T
        crosses = (v0 <= v) != (v1 <= v)
        where = u0 + (v - v0) * ((u1 - u0) / np.where(v1 != v0, v1 - v0, 1.0))
        inside |= ((crosses & (where > u)).sum(axis=0) & 1).astype(bool)
    return inside


def _with_length(ends: Floats, part: Ints) -> tuple[Floats, Ints]:
    has_length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) > LEAST_MM
    return ends[has_length], part[has_length]


def _is_border(pieces: Floats, ends: Floats, part: Ints) -> Flags:
    """Tell which pieces have the inside on one side only."""
    step = pieces[:, 2:] - pieces[:, :2]
    aside = BESIDE_MM * np.stack((-step[:, 1], step[:, 0]), axis=1) / np.hypot(*step.T)[:, None]
    middle = 0.5 * (pieces[:, :2] + pieces[:, 2:])
    left, right = (within(middle + sign * aside, ends, part) for sign in (1.0, -1.0))
    return np.asarray(left != right)


def _divided(ends: Floats, part: Ints) -> Floats:
    """Return the edges divided where edges of other parts cross them and where corners lie on them."""
    start, step = ends[:, :2], ends[:, 2:] - ends[:, :2]
    pieces: list[Floats] = []
    lengths = np.hypot(*step.T)
    for number, (here, along, length) in enumerate(zip(start, step, lengths, strict=True)):
        to = start - here
        turn = along[0] * step[:, 1] - along[1] * step[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            mine = (to[:, 0] * step[:, 1] - to[:, 1] * step[:, 0]) / turn
            theirs = (to[:, 0] * along[1] - to[:, 1] * along[0]) / turn
        crossed = (np.abs(turn) > 1e-12) & (theirs >= 0) & (theirs <= 1) & (part != part[number])
        off = np.abs(to[:, 0] * along[1] - to[:, 1] * along[0]) / length
        corner = (to @ along)[off < ON_EDGE_MM] / length**2
        cuts = np.concatenate((mine[crossed], corner))
        cuts = cuts[(cuts * length > ON_EDGE_MM) & ((1.0 - cuts) * length > ON_EDGE_MM)]
        at = np.concatenate(([0.0], np.unique(cuts), [1.0]))
        points = here + at[:, None] * along
        pieces.append(np.concatenate((points[:-1], points[1:]), axis=1))
    found = np.concatenate(pieces)
    return found[np.hypot(found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]) > LEAST_MM]
