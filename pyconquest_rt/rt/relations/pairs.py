"""The ROIs of a structure set made ready to be measured against each other, each and each target once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh.contours import Roi
from pyconquest_rt.rt.dvh.coverage import TooManyCrossingsError
from pyconquest_rt.rt.dvh.planes import ContourError, Planes, planes_of_set
from pyconquest_rt.rt.dvh.slabs import remarks
from pyconquest_rt.rt.relations.directions import volume_samples
from pyconquest_rt.rt.relations.distance import signed_distance
from pyconquest_rt.rt.relations.extremes import Organ, extremes
from pyconquest_rt.rt.relations.field import Box, Curve, Field, box_in
from pyconquest_rt.rt.relations.ragged import ragged
from pyconquest_rt.rt.relations.region import SAME_DIRECTION, STRIP_MM, Moments, Region, regions_of
from pyconquest_rt.rt.relations.relation import Relation, ovh_distances
from pyconquest_rt.rt.relations.strips import Edges, stretches

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

NEGLIGIBLE_CC = 1e-4
PERCENTILES = (0.25, 0.5, 0.75)


class Parts(NamedTuple):
    """One or more ROIs taken together: their contours by plane, and what a reader must know of them."""

    numbers: tuple[int, ...]
    name: str
    frames: tuple[str, ...]
    planes: tuple[Planes, ...]
    notes: tuple[str, ...]


class PairError(ValueError):
    """A pair cannot be measured; the message is the reason."""


@dataclass(frozen=True)
class Side:
    """One side of a pair: ROIs as regions, one for each direction of contours, and their volume and centre."""

    parts: Parts
    regions: tuple[Region, ...]

    @classmethod
    def of(cls, parts: Parts, end_cap: str) -> "Side":
        """Return ROIs as regions; raises PairError where they enclose no volume."""
        try:
            found = cls(parts, tuple(regions_of(parts.planes, end_cap)))
        except (ContourError, TooManyCrossingsError) as error:
            raise PairError(f"{parts.name or parts.numbers}: {error}") from error
        if not found.moments.volume_cc > 0:
            raise PairError(f"{parts.name or parts.numbers}: the contours enclose no volume")
        return found

    @cached_property
    def moments(self) -> Moments:
        """Volume and centre of gravity of the union."""
        if len(self.regions) == 1:
            return self.regions[0].moments
        points, weight = volume_samples(self.regions)
        return Moments(float(weight.sum()) / 1e3, weight @ points / weight.sum())

    @cached_property
    def organs(self) -> list[Organ]:
        """The samples of its surface."""
        return [Organ.of(region) for region in self.regions]

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of its numbers must know."""
        found = [*self.parts.notes]
        for planes in self.parts.planes:
            found += remarks(planes, self.moments.volume_cc)
        if len(self.regions) > 1:
            found.append("its parts are drawn in different directions")
        return tuple(f"{self.parts.name}: {one}" if self.parts.name else one for one in dict.fromkeys(found))


@dataclass(frozen=True)
class RoiSet:
    """The ROIs of a structure set with their contours by plane, and why others have none."""

    rois: Mapping[int, Roi]
    planes: Mapping[int, Planes]
    problems: Mapping[int, str]

    @classmethod
    def of(cls, rois: Mapping[int, Roi], slice_spacing_mm: float | None = None) -> "RoiSet":
        """Return ROIs by plane; ``slice_spacing_mm`` as for :func:`planes_of_set`."""
        found = planes_of_set(rois.values(), slice_spacing_mm)
        return cls(rois, found.planes, found.problems)

    def parts(self, numbers: Sequence[int]) -> Parts:
        """Return ROIs taken together; raises PairError where one is unknown or none has contours."""
        numbers = self._known(numbers)
        missing = "; ".join(
            f"{self._named(one)}: {self._problem(one)}" for one in numbers if one not in self.planes
        )
        usable = [number for number in numbers if number in self.planes]
        if not usable:
            raise PairError(missing)
        return self._together(numbers, usable, [f"left out of the union: {missing}"] if missing else [])

    def _known(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """Return each number once. Raises PairError for none, or one that no ROI has."""
        if not numbers:
            raise PairError("no ROI number is given")
        unknown = [str(number) for number in numbers if number not in self.rois]
        if unknown:
            raise PairError(f"the structure set has no ROI {', '.join(unknown)}")
        return tuple(dict.fromkeys(numbers))

    def _together(self, numbers: tuple[int, ...], usable: list[int], remarks: list[str]) -> Parts:
        rois = [self.rois[number] for number in usable]
        notes = (*(note for roi in rois for note in _notes(roi)), *remarks)
        frames = tuple({roi.frame_of_reference for roi in rois} - {""})
        return Parts(
            numbers, self.named(numbers), frames, tuple(self.planes[number] for number in usable), notes
        )

    def named(self, numbers: Sequence[int]) -> str:
        """Return the names of ROIs, those that have none by their number."""
        return ", ".join(self._named(number) for number in numbers if number in self.rois)

    def _problem(self, number: int) -> str:
        return "; ".join((self.problems.get(number, "no contours"), *self.rois[number].notes))

    def _named(self, number: int) -> str:
        return self.rois[number].name or f"ROI {number}"


def _notes(roi: Roi) -> tuple[str, ...]:
    others = (f"{count} {kind}" for kind, count in sorted(roi.others.items()))
    return (*roi.notes, *(f"contours that enclose no volume are left out: {one}" for one in others))


OTHER_FRAMES = "the ROIs have different frames of reference"


class Pairs:
    """Measures organs against targets of one structure set; what two pairs share is calculated once."""

    def __init__(self, rois: RoiSet, end_cap: str = "half") -> None:
        self.rois = rois
        self.end_cap = end_cap
        self._sides: dict[tuple[int, ...], Side] = {}
        self._field: tuple[tuple[int, ...], Field] | None = None

    def relate(self, organ: Sequence[int], target: Sequence[int]) -> Relation:
        """Return how an organ lies to a target, both as ROI numbers taken together."""
        frame = Relation(
            tuple(organ), tuple(target), self.rois.named(organ), self.rois.named(target), end_cap=self.end_cap
        )
        try:
            one, other = self._side(organ), self._side(target)
            if len({*one.parts.frames, *other.parts.frames}) > 1:
                raise PairError(OTHER_FRAMES)
            return self._measured(frame, one, other)
        except (PairError, ContourError, TooManyCrossingsError) as error:
            return replace(frame, status="failed", reason=str(error))

    def prepare(self, target: Sequence[int], organs: Sequence[Sequence[int]]) -> None:
        """Calculate the field of a target once for many organs, which are then to be measured against it."""
        try:
            side = self._side(target)
        except PairError:
            return
        self._field = None  # two of them would take twice the memory
        boxes = [box_in(side.regions[0], side.regions)]
        for organ in organs:
            try:
                boxes.append(box_in(side.regions[0], self._side(organ).regions))
            except PairError:
                continue
        low = np.min([box.low for box in boxes], axis=0)
        high = np.max([box.high for box in boxes], axis=0)
        self._field = tuple(target), Field.of(list(side.regions), Box(low, high))

    def _side(self, numbers: Sequence[int]) -> Side:
        key = tuple(numbers)
        if key not in self._sides:
            self._sides[key] = Side.of(self.rois.parts(key), self.end_cap)
        return self._sides[key]

    def _field_of(self, target: Side, organ: Side, numbers: tuple[int, ...]) -> Field:
        if self._field is not None and self._field[0] == numbers:
            return self._field[1]
        return Field.of(list(target.regions), box_in(target.regions[0], organ.regions))

    def _measured(self, frame: Relation, organ: Side, target: Side) -> Relation:
        field = self._field_of(target, organ, frame.target)
        curve, notes = _curve(organ, field, self.end_cap)
        low, high = extremes(organ.organs, list(target.regions), field)
        distances = ovh_distances(low, high)
        at = [min(max(curve.at(part), low), high) for part in PERCENTILES]
        fraction = np.where(distances < low, 0.0, np.where(distances >= high, 1.0, curve.within(distances)))
        found = dict.fromkeys((*organ.remarks, *target.remarks, *notes))
        return replace(
            frame,
            status="warning" if found else "ok",
            reason="; ".join(found),
            ovh_mm=distances,
            ovh_fraction=np.maximum.accumulate(np.clip(fraction, 0.0, 1.0)),
            organ_cc=organ.moments.volume_cc,
            target_cc=target.moments.volume_cc,
            overlap_cc=overlap_cc(organ.regions, target.regions),
            min_mm=low,
            max_mm=high,
            mean_mm=min(max(curve.mean, low), high),
            p25_mm=at[0],
            median_mm=at[1],
            p75_mm=at[2],
            centroid_mm=float(np.linalg.norm(organ.moments.centre - target.moments.centre)),
            centre=organ.moments.centre,
            targets=target.regions,
        )


def _curve(organ: Side, field: Field, end_cap: str) -> tuple[Curve, tuple[str, ...]]:
    """Return the organ's curve; of several ROIs the sum of theirs, what they share counted once."""
    curves = [field.curve(planes, end_cap) for planes in organ.parts.planes]
    if len(curves) == 1:
        return curves[0], ()
    volumes = np.array([curve.volume_cc for curve in curves])
    twice = volumes.sum() - organ.moments.volume_cc
    if twice > 1e-3 * organ.moments.volume_cc:
        return _sampled(organ, field), ()
    distance = np.unique(np.concatenate([curve.distance for curve in curves]))
    fraction = volumes @ np.array([curve.within(distance) for curve in curves]) / volumes.sum()
    mean = float(volumes @ [curve.mean for curve in curves] / volumes.sum())
    return Curve(distance, fraction, mean, float(volumes.sum())), ()


def _sampled(organ: Side, field: Field) -> Curve:
    """Return the curve of an organ whose ROIs overlap, from points of their union."""
    points, weight = volume_samples(organ.regions)
    distance = field.at(points)
    order = np.argsort(distance)
    below = np.cumsum(weight[order])
    fraction = (below - 0.5 * weight[order]) / below[-1]
    return Curve(distance[order], fraction, float(weight @ distance / below[-1]), float(below[-1]) / 1e3)


def overlap_cc(organ: Sequence[Region], target: Sequence[Region]) -> float:
    """Return the volume in cc that two sides share: from their polygons where these have one direction."""
    if len(organ) == len(target) == 1 and organ[0].normal @ target[0].normal > SAME_DIRECTION:
        return _shared(organ[0], target[0])
    smaller, other = sorted((organ, target), key=lambda side: sum(one.moments.volume_cc for one in side))
    points, weight = volume_samples(smaller)
    distance = signed_distance(list(other), points)
    width = np.cbrt(weight)
    return float((weight * np.clip(0.5 - distance / width, 0.0, 1.0)).sum()) / 1e3


def _shared(organ: Region, target: Region) -> float:
    low = np.maximum(organ.low[:, None], target.low)
    high = np.minimum(organ.high[:, None], target.high)
    of_organ, of_target = np.nonzero(high - low > 0)
    if of_organ.size == 0:
        return 0.0
    groups = [_repeated(organ.edges, of_organ), _repeated(target.edges, of_target)]
    found = stretches(groups, of_organ.size, STRIP_MM)
    height = (high - low)[of_organ, of_target][found.layer]
    return float((found.area * height).sum()) / 1e3


def _repeated(edges: Edges, layers: Ints) -> Edges:
    """Return the edges of the layers named, numbered by their place among these."""
    first = np.searchsorted(edges.layer, layers)
    count = np.searchsorted(edges.layer, layers, side="right") - first
    place, chosen = ragged(first, count)
    return Edges(edges.ends[chosen], place, edges.part[chosen])
