"""The least and the greatest signed distance of an organ to a target.

Both lie on the organ's surface, or within it where the distance has a minimum or maximum of its own: deep in the
target, or amid its parts. Samples of the surface and these places are ranked by the field; the best are measured
exactly and moved, within the organ, to where they are extreme.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.distance import raster, signed_distance
from pyconquest_rt.rt.relations.field import Field
from pyconquest_rt.rt.relations.region import Region

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ALONG_MM = 1.0
"""Edges are sampled at this distance,"""
ACROSS_MM = 1.5
"""and faces across the planes, and the organ's inside."""
RANKED, MOVED = 16, 4
"""So many samples are measured exactly; the best, and the best of those this far from it, are moved."""
APART_MM = 0.9
NEAR_MM = 15.0
"""Nearer to the target than this, and amid it, moves are measured exactly, else by the field."""
MOVES_MM = (0.7, 0.3, 0.1, 0.04)
MOST_MOVES = 3
LEAST_GAIN_MM = 1e-3
MOST_SAMPLES = 60_000


@dataclass(frozen=True)
class Samples:
    """Points (u, v, w) of an organ, and how far each may be moved.

    Moves go along ``direction`` (n, 2) in the plane, across it in the plane, and along w, from ``low`` to ``high`` mm.
    ``layer`` is the layer that a point must stay within in the plane, -1 for one on an edge.
    """

    points: Floats
    direction: Floats
    low: Floats
    high: Floats
    layer: Ints

    def at(self, moves: Floats) -> Floats:
        """Return the points after moves (n, k, 3), shape (n, k, 3)."""
        along, across = self.direction[:, None], self.direction[:, None, ::-1] * (-1.0, 1.0)
        found = self.points[:, None] + moves
        found[..., :2] = self.points[:, None, :2] + moves[..., :1] * along + moves[..., 1:2] * across
        return np.asarray(found)

    def pick(self, chosen: Ints) -> "Samples":
        """Return the chosen samples."""
        return Samples(
            self.points[chosen],
            self.direction[chosen],
            self.low[chosen],
            self.high[chosen],
            self.layer[chosen],
        )


@dataclass(frozen=True)
class Organ:
    """An organ made ready to be measured against any number of targets: samples of its surface, its inside."""

    region: Region
    surface: Samples
    v: Floats
    u: Floats
    inside: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, region: Region) -> "Organ":
        """Return the samples of one region."""
        (u_low, v_low, _), (u_high, v_high, _) = region.box
        step = ACROSS_MM
        while (u_high - u_low) * (v_high - v_low) / step**2 * region.low.size > 160 * MOST_SAMPLES:
            step *= 1.5
        u, v = _middles(u_low, u_high, step), _middles(v_low, v_high, step)
        inside = raster(region, v, u)
        return cls(region, _joined(_walls(region), _faces(region, v, u, inside)), v, u, inside)

    def inner(self, points: Floats) -> Samples:
        """Return those of the patient coordinates (n, 3) that lie within the organ, as samples."""
        at = self.region.inward(points)
        layer = np.searchsorted(self.region.high, at[:, 2])
        held = layer < self.region.low.size
        held[held] = at[held, 2] >= self.region.low[layer[held]]
        at, layer = at[held], layer[held]
        at, layer = at[some := self.region.contains(at[:, :2], layer)], layer[some]
        low = np.full((len(at), 3), -np.inf)
        high = np.full((len(at), 3), np.inf)
        low[:, 2], high[:, 2] = self.region.low[layer] - at[:, 2], self.region.high[layer] - at[:, 2]
        return Samples(at, np.broadcast_to((1.0, 0.0), (len(at), 2)), low, high, layer)


def extremes(organs: list[Organ], targets: list[Region], field: Field) -> tuple[float, float]:
    """Return the least and the greatest signed distance in mm of the organs to the targets."""
    found = [_extremes(organ, targets, field) for organ in organs]
    return min(low for low, _ in found), max(high for _, high in found)


@dataclass(frozen=True)
class _Search:
    """What is looked for: the least of ``sign`` times the distance to the targets, within an organ."""

    organ: Region
    targets: list[Region]
    field: Field
    sign: float

    def exact(self, points: Floats) -> Floats:
        """Return sign times the distance at points (u, v, w)."""
        return self.sign * signed_distance(self.targets, self.organ.outward(points))

    def about(self, points: Floats) -> Floats:
        """Return the same, interpolated."""
        return self.sign * self.field.at(self.organ.outward(points))

    def least(self, samples: Samples) -> float:
        """Return the least that some samples come to."""
        order = np.argsort(self.about(samples.points), kind="stable")[:RANKED]
        samples = samples.pick(order)
        value = self.exact(samples.points)
        best = _apart(samples.points, value)
        samples, value = samples.pick(best), value[best]
        is_inner = bool((samples.high > samples.low).all())
        is_near = float((self.sign * value).min()) < NEAR_MM
        measure = self.exact if is_inner or is_near else self.about
        moved = self._moved(samples, measure)
        return float(min(value.min(), self.exact(moved).min()))

    def _moved(self, samples: Samples, measure: Callable[[Floats], Floats]) -> Floats:
        """Return samples moved, as far as they may be, to where the measure is least about them."""
        count = len(samples.points)
        moved, rows = np.zeros((count, 3)), np.arange(count)
        free = np.flatnonzero((samples.high > samples.low).any(axis=0))
        ways = np.concatenate((np.eye(3)[free], -np.eye(3)[free]))
        value = measure(samples.points)
        for step in MOVES_MM:
            for _ in range(MOST_MOVES):
                tries = np.clip(moved[:, None] + step * ways, samples.low[:, None], samples.high[:, None])
                at = samples.at(tries).reshape(-1, 3)
                found = np.where(self._are_legal(samples, at), measure(at), np.inf).reshape(count, -1)
                choice = found.argmin(axis=1)
                better = found[rows, choice] < value - LEAST_GAIN_MM
                if not better.any():
                    break
                moved[better], value[better] = tries[rows, choice][better], found[rows, choice][better]
        return samples.at(moved[:, None])[:, 0]

    def _are_legal(self, samples: Samples, at: Floats) -> npt.NDArray[np.bool_]:
        """Tell which moved points, equally many for each sample, still lie in the organ."""
        layer = np.repeat(samples.layer, len(at) // len(samples.layer))
        legal = np.ones(len(at), bool)
        bound = np.flatnonzero(layer >= 0)
        if bound.size:
            legal[bound] = self.organ.contains(at[bound, :2], layer[bound])
        return legal


def _extremes(organ: Organ, targets: list[Region], field: Field) -> tuple[float, float]:
    about = field.at(organ.region.outward(organ.surface.points))
    found = []
    for sign, places in zip((1.0, -1.0), field.places, strict=True):
        search = _Search(organ.region, targets, field, sign)
        best = np.argpartition(sign * about, min(RANKED, about.size - 1))[:RANKED]
        within = organ.inner(places)
        both = [organ.surface.pick(best), within]
        found.append(sign * min(search.least(samples) for samples in both if len(samples.points)))
    return found[0], found[1]


def _apart(points: Floats, value: Floats) -> Ints:
    """Return the best sample, and the best of those that lie away from it."""
    order = np.argsort(value, kind="stable")
    away = np.linalg.norm(points[order] - points[order[0]], axis=1) > APART_MM
    return np.append(order[:1], order[away][: MOVED - 1])


def _walls(region: Region) -> Samples:
    """Return samples of the edges of all layers, at their lower and upper faces and half way between."""
    border = np.concatenate(region.border)
    layer = np.repeat(np.arange(region.low.size), [len(one) for one in region.border])
    length = np.hypot(border[:, 2] - border[:, 0], border[:, 3] - border[:, 1])
    spacing = max(ALONG_MM, 3 * float(length.sum()) / MOST_SAMPLES)
    parts = np.maximum(np.ceil(length / spacing), 1.0).astype(np.intp)
    edge = np.repeat(np.arange(parts.size), parts)
    along = (np.arange(edge.size) - np.repeat(np.cumsum(parts) - parts, parts)) * (length / parts)[edge]
    direction = (border[:, 2:] - border[:, :2]) / length[:, None]
    edge, along = np.tile(edge, 3), np.tile(along, 3)
    share = np.repeat((0.0, 0.5, 1.0), edge.size // 3)
    low, high = region.low[layer[edge]], region.high[layer[edge]]
    w = low + share * (high - low)
    zero = np.zeros(edge.size)
    return Samples(
        np.column_stack((border[edge, :2] + along[:, None] * direction[edge], w)),
        direction[edge],
        np.stack((-along, zero, low - w), axis=1),
        np.stack((length[edge] - along, zero, high - w), axis=1),
        np.full(edge.size, -1),
    )


def _faces(region: Region, v: Floats, u: Floats, inside: npt.NDArray[np.bool_]) -> Samples:
    """Return samples of those parts of the layers' faces that no neighbouring layer covers."""
    joins = np.append(region.low[1:] - region.high[:-1] < 1e-3, False)
    upper = inside.copy()
    upper[:-1][joins[:-1]] &= ~inside[1:][joins[:-1]]
    lower = inside.copy()
    lower[1:][joins[:-1]] &= ~inside[:-1][joins[:-1]]
    found = []
    for exposed, height in ((lower, region.low), (upper, region.high)):
        layer, row, column = np.nonzero(exposed)
        points = np.stack((u[column], v[row], height[layer]), axis=1)
        bound = np.broadcast_to((np.inf, np.inf, 0.0), points.shape)
        direction = np.broadcast_to((1.0, 0.0), (len(points), 2))
        found.append(Samples(points, direction, -bound, bound, layer))
    return _joined(*found)


def _joined(*samples: Samples) -> Samples:
    names = ("points", "direction", "low", "high", "layer")
    return Samples(*(np.concatenate([getattr(one, name) for one in samples]) for name in names))


def _middles(low: float, high: float, step: float) -> Floats:
    count = max(int(np.ceil((high - low) / step)), 1)
    return low + (np.arange(count) + 0.5) * (high - low) / count
