"""Rows that tell of one exposure, put together: the strongest evidence first, no object twice in one exposure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pyconquest_rt.dose_reports.counting.evidence import SECONDS, contradict
from pyconquest_rt.dose_reports.counting.exposures import Exposure, Told, same_device

Strength = Callable[[Exposure, Exposure], tuple[int, float] | None]
_LINKED = 1  # evidence up to this needs no further check: one UID, or one names the other
_ZONE_STEP = 1800.0
_MOST_PAIRS = 1_000_000
_MOST_BESIDE = 500  # rows of one moment, or one place, that a row is compared with


def tier(exposure: Exposure) -> int:
    """Return what an object counts for beside others that tell of the same exposure: the greater speaks.

    Reports, then pages with numbers in their header, CT images with their DLP, what was read off a page (a
    gateway's report, a page read by OCR), and other images.
    """
    told = exposure.told
    if told.from_pages:
        return {"report": 25, "page": 20}.get(told.kind, 15)
    if told.kind == "image" and exposure.row["event_kind"] == "CT" and "dlp" in exposure.values:
        return 30
    return {"report": 60, "page": 40}.get(told.kind, 10)


@dataclass(eq=False)
class Cluster:
    """The rows that tell of one exposure, that which speaks first."""

    members: list[Exposure]

    @cached_property
    def voices(self) -> list[Exposure]:
        """Return the members, the one that speaks first."""
        return sorted(self.members, key=_voice, reverse=True)

    @property
    def voice(self) -> Exposure:
        """Return the member that speaks."""
        return self.voices[0]

    @cached_property
    def objects(self) -> frozenset[Told]:
        """Return the objects that tell of it."""
        return frozenset(member.told for member in self.members)

    def value(self, name: str) -> float | None:
        """Return a value of the exposure: that of the first member, in the order of voices, that tells it."""
        return next((member.values[name] for member in self.voices if name in member.values), None)

    def text(self, column: str) -> str:
        """Return a text of the exposure in lower case; '' where no member tells it."""
        return next((text for member in self.voices if (text := member.text(column))), "")


def _voice(exposure: Exposure) -> tuple[int, bool, tuple[str, str, int]]:
    return (tier(exposure), not exposure.told.derived, exposure.order)


def clusters(exposures: Sequence[Exposure], strength: Strength) -> list[Cluster]:
    """Return the exposures of one kind, rows that tell of one put together, in an order of their own."""
    of = {exposure: Cluster([exposure]) for exposure in exposures}
    found = []
    for one, other in _pairs(exposures):
        evidence = strength(one, other)
        if evidence is not None:
            found.append((evidence, max(one.order, other.order), min(one.order, other.order), one, other))
    for evidence, _, _, one, other in sorted(found, key=lambda pair: pair[:3]):
        first, second = of[one], of[other]
        if first is not second and _joinable(first, second, evidence[0]):
            joined = Cluster([*first.members, *second.members])
            of.update(dict.fromkeys(joined.members, joined))
    return sorted(set(of.values()), key=lambda cluster: cluster.voice.order)


def _joinable(first: Cluster, second: Cluster, kind: int) -> bool:
    """Whether two are still one with all that they hold: no object tells it twice, and none contradicts another."""
    if first.objects & second.objects:
        return False
    if kind <= _LINKED:
        return True
    return not any(_apart(one, other) for one in first.members for other in second.members)


def _apart(one: Exposure, other: Exposure) -> bool:
    """Whether two cannot be one: something differs, or they are of two devices (an injection is of none)."""
    of_device = one.row["event_kind"] != "administration"
    return contradict(one, other) or (of_device and same_device(one.told, other.told) is False)


def _pairs(exposures: Sequence[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    """Yield each pair of two objects that may be one: by UID, by reference, by time, or without any time."""
    seen: set[tuple[int, int]] = set()
    number = {exposure: index for index, exposure in enumerate(sorted(exposures, key=lambda e: e.order))}
    for one, other in _near(list(number)):
        if one.told is other.told:
            continue
        key = (min(number[one], number[other]), max(number[one], number[other]))
        if key not in seen:
            seen.add(key)
            yield (one, other) if number[one] < number[other] else (other, one)


def _near(exposures: list[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    if len({exposure.told for exposure in exposures}) < 2:
        return
    yield from _by_uid(exposures)
    yield from _by_reference(exposures)
    kind = exposures[0].row["event_kind"]
    if kind == "administration":  # few, and the UIDs of images are not those of reports
        yield from _all_pairs(exposures)
    elif kind == "CT":
        yield from _all_pairs([exposure for exposure in exposures if not exposure.uid], exposures)
    else:
        yield from _by_clock(exposures)
        yield from _all_pairs([exposure for exposure in exposures if exposure.started is None], exposures)


def _by_uid(exposures: Iterable[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    of_uid: dict[str, list[Exposure]] = defaultdict(list)
    for exposure in exposures:
        if exposure.uid:
            of_uid[exposure.uid].append(exposure)
    for group in of_uid.values():
        yield from _all_pairs(group)


def _by_reference(exposures: Iterable[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    of_object: dict[str, list[Exposure]] = defaultdict(list)
    for exposure in exposures:
        of_object[exposure.told.sop].append(exposure)
    for exposure in exposures:
        for sop in exposure.images:
            yield from ((exposure, other) for other in of_object.get(sop, ()))


def _by_clock(exposures: Iterable[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    """Yield pairs of one time: by the clocks of the devices, by UTC, and by clocks of other time zones."""
    timed = [(exposure, exposure.started) for exposure in exposures if exposure.started is not None]
    yield from _within((started.local, exposure) for exposure, started in timed)
    yield from _within((started.utc, exposure) for exposure, started in timed if started.utc is not None)
    yield from _within(((started.local % _ZONE_STEP, exposure) for exposure, started in timed), _ZONE_STEP)


def _all_pairs(
    some: Sequence[Exposure], others: Sequence[Exposure] | None = None
) -> Iterator[tuple[Exposure, Exposure]]:
    """Yield all pairs; of more than are met in any real study only those that stand at one place of their objects."""
    if len(some) * len(some if others is None else others) > _MOST_PAIRS:
        at_place: dict[int, list[Exposure]] = defaultdict(list)
        for other in some if others is None else others:
            at_place[other.event].append(other)
        yield from ((one, other) for one in some for other in at_place[one.event][:_MOST_BESIDE])
        return
    for index, one in enumerate(some):
        for other in some[index + 1 :] if others is None else others:
            yield one, other


def _within(
    placed: Iterable[tuple[float, Exposure]], around: float | None = None
) -> Iterator[tuple[Exposure, Exposure]]:
    """Yield pairs that lie within the tolerated seconds of each other; ``around``: also across the end of a circle."""
    line = sorted(placed, key=lambda pair: (pair[0], pair[1].order))
    if around is not None:
        line += [(at + around, exposure) for at, exposure in line if at <= SECONDS]
    for index, (at, one) in enumerate(line):
        for later, other in line[index + 1 : index + 1 + _MOST_BESIDE]:
            if later - at > SECONDS:
                break
            yield one, other
