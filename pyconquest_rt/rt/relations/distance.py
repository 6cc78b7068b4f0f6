"""The signed distance to the surface of a region of layers, at points and on grids; negative within.

Outside it is the least over all layers of √(d² + dz²), d the distance to the layer's region in its plane and dz that
to the layer's height; within it is the same distance to what is not the region: the outside of each layer's region,
and whole planes where there is no layer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.ragged import in_portions, ragged
from pyconquest_rt.rt.relations.region import THIN_MM, Region

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]

BLOCK = 8
"""Nodes are taken in squares of so many to see which edges can be the nearest."""
PAIRS_AT_ONCE = 4_000


@dataclass(frozen=True)
class Heights:
    """The layers of a region and the empty ones between and beyond them, as (low, high)."""

    low: Floats
    high: Floats

    @classmethod
    def without_region(cls, region: Region) -> "Heights":
        """Return the heights where there is no layer."""
        low, high = np.append(-np.inf, region.high), np.append(region.low, np.inf)
        empty = high - low > THIN_MM
        return cls(low[empty], high[empty])

    def to(self, w: Floats) -> Floats:
        """Return how far each height w (n,) is from each of them, shape (n, m)."""
        return np.asarray(np.maximum(np.maximum(self.low - w[:, None], w[:, None] - self.high), 0.0))


def signed_distance(regions: list[Region], points: Floats) -> Floats:
    """Return the signed distance in mm of patient coordinates (n, 3) to the union of regions.

    Where regions of different directions overlap, the depth in their union is taken as the greater of both.
    """
    return np.asarray(np.min([_of_points(region, region.inward(points)) for region in regions], axis=0))


def _of_points(region: Region, points: Floats) -> Floats:
    """Return the signed distance of (u, v, w), shape (n, 3), to one region.

    Layers whose boxes are too far to be the nearest, as the first layer's distance tells, are left out.
    """
    dz = Heights(region.low, region.high).to(points[:, 2])
    low, high = region.boxes
    beyond = np.maximum(np.maximum(low - points[:, None, :2], points[:, None, :2] - high), 0.0)
    at_least = np.sqrt((beyond**2).sum(axis=2) + dz**2)
    nearest = np.argmin(at_least, axis=1)
    rows = np.arange(len(points))
    first = _in_plane(region, points, rows, nearest)
    bound = np.sqrt(np.maximum(first, 0.0) ** 2 + dz[rows, nearest] ** 2)
    point, layer = np.nonzero(at_least <= bound[:, None] + 1e-6)
    outside = np.full(len(points), np.inf)
    flat = np.maximum(_in_plane(region, points, point, layer), 0.0)
    np.minimum.at(outside, point, flat**2 + dz[point, layer] ** 2)
    found = np.asarray(np.sqrt(outside))
    inner = np.flatnonzero(outside <= 0)
    if inner.size:
        found[inner] = -_depths(region, points[inner], dz[inner])
    return found


def _depths(region: Region, points: Floats, dz: Floats) -> Floats:
    """Return how deep points lie within a region, in mm."""
    own = -_in_plane(region, points, np.arange(len(points)), np.argmin(dz, axis=1))
    depth = np.minimum(Heights.without_region(region).to(points[:, 2]).min(axis=1), np.maximum(own, 0.0))
    point, layer = np.nonzero(dz < depth[:, None])
    flat = np.maximum(-_in_plane(region, points, point, layer), 0.0)
    squares = depth**2
    np.minimum.at(squares, point, flat**2 + dz[point, layer] ** 2)
    return np.asarray(np.sqrt(squares))


def _in_plane(region: Region, points: Floats, point: Ints, layer: Ints) -> Floats:
    """Return the signed distance in the plane of the chosen points to the region of the layer paired with each."""
    low, high = region.boxes
    at = points[point, :2]
    in_box = np.flatnonzero(((at >= low[layer]) & (at <= high[layer])).all(axis=1))
    inside = np.zeros(point.size, bool)
    inside[in_box] = region.contains(at[in_box], layer[in_box])
    border, starts = region.pieces
    counts = np.diff(starts)[layer]
    found = np.full(point.size, np.inf)
    for some in in_portions(counts):
        pair, edge = ragged(starts[layer[some]], counts[some])
        if edge.size == 0:
            continue
        u, v = points[point[some][pair], :2].T
        squares = _to_edge(u, v, border[edge].T)
        begins = np.flatnonzero(np.diff(pair, prepend=-1))
        found[some.start + pair[begins]] = np.minimum.reduceat(squares, begins)
    return np.asarray(np.where(inside, -np.sqrt(found), np.sqrt(found)))


def _to_edge(u: Floats, v: Floats, ends: Floats) -> Floats:
    """Return the squared distance of each (u, v) to its edge; ``ends`` has the shape (4, n)."""
    u0, v0, u1, v1 = ends
    du, dv, along, across = u1 - u0, v1 - v0, u - u0, v - v0
    part = np.clip((along * du + across * dv) / (du * du + dv * dv), 0.0, 1.0)
    return np.asarray((along - part * du) ** 2 + (across - part * dv) ** 2)


def on_grid(region: Region, nodes: tuple[Floats, Floats, Floats]) -> Singles:
    """Return the signed distance on the grid of the ascending ``nodes`` along w, v and u, shape (w, v, u)."""
    w, v, u = nodes
    flat = np.empty((region.low.size, v.size, u.size), np.float32)
    for number, border in enumerate(region.border):
        flat[number] = np.sqrt(_plane_squares(border, v, u))
    inside = raster(region, v, u)
    dz = Heights(region.low, region.high).to(w).astype(np.float32) ** 2
    found = np.empty((w.size, v.size, u.size), np.float32)
    outer = np.where(inside, np.float32(0), flat)
    outer *= outer
    _least(outer, dz, found)
    _make_depths(region, (flat, inside), w, found)
    return found


def _least(squares: Singles, dz: Singles, found: Singles) -> None:
    """Put the least of ``squares`` (layers, v, u) + ``dz`` (w, layers) into ``found`` (w, v, u), as distances."""
    work = np.empty_like(squares[0])
    for place, of_node in zip(found, dz, strict=True):
        np.add(squares[0], of_node[0], out=place)
        for layer in range(1, len(squares)):
            np.add(squares[layer], of_node[layer], out=work)
            np.minimum(place, work, out=place)
        np.sqrt(place, out=place)


def _make_depths(
    region: Region, layers: tuple[Singles, npt.NDArray[np.bool_]], w: Floats, found: Singles
) -> None:
    """Put the depth, as a negative distance, where ``found`` lies within the region; of others nothing changes."""
    flat, inside = layers
    rows, columns = (np.flatnonzero(inside.any(axis=(0, 3 - axis))) for axis in (1, 2))
    if rows.size == 0:
        return
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    squares = np.where(inside[:, window[0], window[1]], flat[:, window[0], window[1]], np.float32(0)) ** 2
    within = Heights(region.low, region.high).to(w)
    empty = Heights.without_region(region).to(w).min(axis=1)
    for number in np.flatnonzero(within.min(axis=1) <= 0):
        near = np.flatnonzero(within[number] <= empty[number])
        dz = (within[number, near] ** 2).astype(np.float32)
        least = np.minimum((squares[near] + dz[:, None, None]).min(axis=0), np.float32(empty[number] ** 2))
        place = found[number][window]
        place[...] = np.where(place > 0, place, -np.sqrt(least))


def _plane_squares(ends: Floats, v: Floats, u: Floats) -> Singles:
    """Return the squared distance in the plane to edges (m, 4) at all nodes, shape (v, u).

    For every square of nodes only those edges are tried that can be the nearest to one of them.
    """
    found = np.full((v.size, u.size), np.inf, np.float32)
    if len(ends) == 0:
        return found
    v_blocks, u_blocks = _blocks(v), _blocks(u)
    v_middle, v_half = 0.5 * (v_blocks[:, -1] + v_blocks[:, 0]), 0.5 * (v_blocks[:, -1] - v_blocks[:, 0])
    u_middle, u_half = 0.5 * (u_blocks[:, -1] + u_blocks[:, 0]), 0.5 * (u_blocks[:, -1] - u_blocks[:, 0])
    v_of, u_of = (index.ravel() for index in np.indices((len(v_blocks), len(u_blocks))))
    away = np.sqrt(_to_edge(u_middle[u_of][:, None], v_middle[v_of][:, None], ends.T))
    radius = np.hypot(v_half[v_of], u_half[u_of])
    block, edge = np.nonzero(away <= (away.min(axis=1) + 2.0 * radius + 1e-3)[:, None])
    squares = np.full((v_of.size, BLOCK, BLOCK), np.inf, np.float32)
    for first in range(0, block.size, PAIRS_AT_ONCE):
        some = slice(first, first + PAIRS_AT_ONCE)
        one, other = block[some], edge[some]
        begins = np.flatnonzero(np.diff(one, prepend=-1))
        of_pairs = _squares_of_pairs(v_blocks[v_of[one]], u_blocks[u_of[one]], ends[other])
        least = np.minimum.reduceat(of_pairs, begins, axis=0)
        squares[one[begins]] = np.minimum(squares[one[begins]], least)
    laid = squares.reshape(len(v_blocks), len(u_blocks), BLOCK, BLOCK).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(laid.reshape(len(v_blocks) * BLOCK, -1)[: v.size, : u.size])


def _blocks(nodes: Floats) -> Floats:
    """Return nodes in rows of BLOCK, the last node repeated to fill them."""
    missing = -nodes.size % BLOCK
    return np.append(nodes, np.full(missing, nodes[-1])).reshape(-1, BLOCK)


def _squares_of_pairs(v: Floats, u: Floats, ends: Floats) -> Singles:
    """Return the squared distance of each edge (n, 4) to its square of nodes at v and u, (n, BLOCK) each."""
    u0, v0, u1, v1 = ends.T[..., None]
    length = np.hypot(u1 - u0, v1 - v0)
    du, dv = (u1 - u0) / length, (v1 - v0) / length
    u, v = u - u0, v - v0
    along = (v * dv).astype(np.float32)[:, :, None] + (u * du).astype(np.float32)[:, None, :]
    across = (v * du).astype(np.float32)[:, :, None] - (u * dv).astype(np.float32)[:, None, :]
    across *= across
    along -= np.clip(along, np.float32(0), length.astype(np.float32)[..., None])
    along *= along
    along += across
    return np.asarray(along)


def raster(region: Region, v: Floats, u: Floats) -> npt.NDArray[np.bool_]:
    """Tell which of the nodes at ascending v and u lie within the region of each layer, shape (layers, v, u)."""
    ends, layer, part = region.edges
    inside = np.zeros((region.low.size, v.size, u.size), bool)
    first = np.searchsorted(v, np.minimum(ends[:, 1], ends[:, 3]))
    count = np.searchsorted(v, np.maximum(ends[:, 1], ends[:, 3])) - first
    edge = np.repeat(np.arange(count.size), count)
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    rise = ends[:, 3] - ends[:, 1]
    slope = (ends[:, 2] - ends[:, 0]) / np.where(rise != 0, rise, 1.0)
    where = ends[edge, 0] + (v[row] - ends[edge, 1]) * slope[edge]
    place = (layer[edge] * v.size + row) * (u.size + 1) + np.searchsorted(u, where)
    of_layer = np.unique(np.stack((layer, part)), axis=1)
    rank = np.arange(of_layer.shape[1]) - np.searchsorted(of_layer[0], of_layer[0])
    ranks = dict(zip(map(tuple, of_layer.T), rank, strict=True))
    ranked = np.array([ranks[key] for key in zip(layer, part, strict=True)])[edge]
    for number in range(int(rank.max()) + 1):
        turns = np.bincount(place[ranked == number], minlength=region.low.size * v.size * (u.size + 1))
        turns = turns.reshape(region.low.size, v.size, u.size + 1)[:, :, :-1]
        inside |= (np.cumsum(turns, axis=2, dtype=np.uint16) & 1).astype(bool)
    return inside
