"""Images of one position and many: which attribute sorts them into complete stacks (sub-series)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import Any

import numpy as np

from pyconquest_rt.volumes import keys
from pyconquest_rt.volumes.frames import Frame
from pyconquest_rt.volumes.geometry import Ints
from pyconquest_rt.volumes.keys import DAY

Label = tuple[Any, ...]


@dataclass
class Stacks:
    """Frames sorted into stacks.

    Args:
        rows: one list per stack: the frame of each position.
        labels: what tells each stack from the others: values of the keys ``names``.
        names: of the keys.
        twins: pairs of frames that must be equal in their pixels, of which the second is left out.
        left: frames of stacks that are not complete.
        codes: what is to be said.
        refusal: the code for which they cannot be loaded.
    """

    rows: list[list[Frame]]
    labels: list[Label] = field(default_factory=lambda: [()])
    names: tuple[str, ...] = ()
    twins: list[tuple[Frame, Frame]] = field(default_factory=list)
    left: list[Frame] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    refusal: str | None = None


def without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[tuple[Frame, Frame]]]:
    """The frames without those that are there again as the same instance, and the pairs."""
    first: dict[Hashable, Frame] = {}
    kept, twins = [], []
    for frame in frames:
        name = (frame.sop or id(frame), frame.number)
        if name in first:
            twins.append((first[name], frame))
        else:
            first[name] = frame
            kept.append(frame)
    return kept, twins


def sort_into_stacks(frames: Sequence[Frame], places: Ints) -> Stacks:
    """Sort frames, at places numbered from 0, into stacks that have each place once."""
    count = int(places.max()) + 1
    if len(frames) == count:
        return Stacks([_in_order(frames, places)])
    found = _by_keys(frames, places, count)
    if found is not None:
        return found
    if len(frames) - count <= max(1, count // 5):
        return _without_twins(frames, places)
    found = _incomplete(frames, places, count) or _with_few_twins(frames, places)
    if found is not None:
        return found
    return Stacks([_in_order(frames, places)], codes=["ambiguous_stack"], refusal="ambiguous_stack")


def _in_order(frames: Iterable[Frame], places: Ints) -> list[Frame]:
    """One frame per place, the first come."""
    found: dict[int, Frame] = {}
    for frame, place in zip(frames, places.tolist(), strict=True):
        found.setdefault(place, frame)
    return [found[place] for place in sorted(found)]


def _without_twins(frames: Sequence[Frame], places: Ints) -> Stacks:
    first: dict[int, Frame] = {}
    twins = []
    for frame, place in zip(frames, places.tolist(), strict=True):
        if place in first:
            twins.append((first[place], frame))
        else:
            first[place] = frame
    return Stacks([_in_order(frames, places)], twins=twins, codes=["duplicate_position"])


def _with_few_twins(frames: Sequence[Frame], places: Ints) -> Stacks | None:
    """The stacks without the few frames that have the place and all keys of another."""
    first: dict[Hashable, int] = {}
    twins = []
    for index, frame in enumerate(frames):
        other = first.setdefault((places[index], frame.keys), index)
        if other != index:
            twins.append((places[index], (frames[other], frame)))
    repeated = {place for place, _ in twins}
    if not twins or len(twins) > len(frames) // 5 or len(repeated) == int(places.max()) + 1:
        return None  # a whole stack once more is no mishap
    kept = sorted(first.values())
    found = _by_keys([frames[index] for index in kept], places[kept], int(places.max()) + 1)
    if found is not None:
        found.twins = [pair for _, pair in twins]
        found.codes.append("duplicate_position")
    return found


def _value_of(name: str) -> Callable[[Frame], Any]:
    index = keys.NAMES.index(name)
    return lambda frame: frame.keys[index]


def _columns(frames: Sequence[Frame], places: Ints, count: int) -> dict[str, list[Any]]:
    """The values of each key that differs; of times that differ from slice to slice also their rank."""
    found: dict[str, list[Any]] = {}
    for name in keys.NAMES:
        values = [_value_of(name)(frame) for frame in frames]
        if len(set(values)) < 2:
            continue
        if name in ("acquisition_time", "content_time"):
            values = _over_midnight(values)
        if name in keys.TIMES and len(set(values)) * count != len(frames):
            ranked = _ranked(values, places, count, may_overlap=name == "cardiac")
            if ranked is not None:
                values = ranked
        found[name] = values
    return found


def _over_midnight(values: list[Any]) -> list[Any]:
    """Times of day without a date, those after midnight a day later where others are late in the evening."""
    known = [value for value in values if value is not None]
    if max(known) >= DAY or max(known) - min(known) < DAY / 2:
        return values
    return [value + DAY if value is not None and value < DAY / 2 else value for value in values]


def _ranked(values: Sequence[Any], places: Ints, count: int, *, may_overlap: bool) -> list[Any] | None:
    """Times as the earliest of all of their rank, where all of a rank come before all of the next.

    With ``may_overlap`` the ranks of each place count: trigger times begin anew with each slice.
    """
    many, rest = divmod(len(values), count)
    if rest or None in values or set(np.bincount(places).tolist()) != {many}:
        return None
    # All images, sorted by place and, within each place, by time: (places, ranks).
    order = np.lexsort((np.array(values, float), places)).reshape(count, many)
    times = np.array(values, float)[order]
    before = times[:, :-1] if may_overlap else times[:, :-1].max(axis=0)
    if (times[:, 1:] <= before).any():
        return None
    found = np.empty(len(values))
    found[order] = times.min(axis=0)
    return found.tolist()


def _by_keys(frames: Sequence[Frame], places: Ints, count: int) -> Stacks | None:
    """The stacks by the fewest keys that make them complete, the first in the order of ``keys.NAMES``."""
    if len(frames) % count:
        return None
    columns = _columns(frames, places, count)
    for names in _choices(columns, 3):
        labels = list(zip(*(columns[name] for name in names), strict=True))
        if len(set(labels)) * count == len(frames) == len(_complete(labels, places, count) or ()) * count:
            return _stacks(frames, places, labels, names)
    return None


def _stacks(frames: Sequence[Frame], places: Ints, labels: Sequence[Label], names: tuple[str, ...]) -> Stacks:
    members: dict[Label, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    ordered = sorted(members, key=_sortable)
    rows = [_in_order([frames[i] for i in members[label]], places[members[label]]) for label in ordered]
    return _described(Stacks(rows, ordered, names))


def _described(stacks: Stacks) -> Stacks:
    """Stacks with further keys of which each has one value, and which differ from stack to stack."""
    more = _further(stacks)
    names = list(stacks.names)
    if not keys.SETTINGS.isdisjoint(more) and "acquisition" in names:
        names.remove("acquisition")  # acquisitions that differ in what was set are places on its axis
    columns = {name: [label[stacks.names.index(name)] for label in stacks.labels] for name in names} | more
    stacks.names = tuple(columns)
    stacks.labels = list(zip(*columns.values(), strict=True))
    return stacks


def _further(stacks: Stacks) -> dict[str, list[Any]]:
    """The values for each stack of the keys that tell stacks apart though they are not needed to sort them.

    Of those that make volumes of their own only the image type counts, where it names another quantity.
    """
    values = {name: _values_of(stacks, name) for name in keys.NAMES if name not in stacks.names}
    shown = [_quantity(kind) for kind in values.pop("type", None) or ()]
    found = {name: column for name, column in values.items() if column and name not in keys.SPLITS}
    return found | ({"type": shown} if len(set(shown)) > 1 else {})


def _quantity(image_type: Iterable[Any] | None) -> tuple[Any, ...]:
    """The parts of an image type that say what is shown; none where it is a magnitude."""
    return tuple(part for part in image_type or () if part in keys.QUANTITIES)


def _values_of(stacks: Stacks, name: str) -> list[Any] | None:
    """The value that each stack has of a key; None where a stack has several, or all have the same."""
    value = _value_of(name)
    found = [{value(frame) for frame in row} for row in stacks.rows]
    if any(len(values) > 1 for values in found):
        return None
    first = [values.pop() for values in found]
    return first if len(set(first)) > 1 else None


def _sortable(label: Label) -> tuple[Any, ...]:
    """A label so that any two can be compared: nothing before numbers before text, tuples part by part."""
    if isinstance(label, tuple):
        return (3, tuple([_sortable(part) for part in label]))
    if label is None:
        return (0, 0)
    return (2, label) if isinstance(label, str) else (1, label)


def _incomplete(frames: Sequence[Frame], places: Ints, count: int) -> Stacks | None:
    """The complete stacks of a series of which others lack slices; each of these has at least half of them."""
    columns = _columns(frames, places, count)
    best: Stacks | None = None
    nothing: Stacks | None = None  # a key sorts all images, but no stack is complete
    for names in _choices(columns, 2):
        labels = list(zip(*(columns[name] for name in names), strict=True))
        whole = _complete(labels, places, count)
        if whole and (best is None or len(whole) > len(best.rows)):
            best = _stacks_of(whole, frames, places, labels, names)
        elif whole is not None and best is None:
            nothing = Stacks([_in_order(frames, places)], codes=["incomplete"], refusal="incomplete")
    return best or nothing


def _stacks_of(
    whole: set[Label], frames: Sequence[Frame], places: Ints, labels: Sequence[Label], names: tuple[str, ...]
) -> Stacks:
    """The stacks of some labels; the frames of others are left."""
    kept = [index for index, label in enumerate(labels) if label in whole]
    found = _stacks([frames[i] for i in kept], places[kept], [labels[i] for i in kept], names)
    found.left = [frame for frame, label in zip(frames, labels, strict=True) if label not in whole]
    found.codes.append("incomplete")
    return found


def _complete(labels: Sequence[Label], places: Ints, count: int) -> set[Label] | None:
    """The labels whose stacks have each place; None where images share label and place, or a stack lacks too many."""
    counts = Counter(labels)
    is_sorted = len(set(zip(labels, places.tolist(), strict=True))) == len(labels)
    if not is_sorted or min(counts.values()) * 2 < count:
        return None
    return {label for label, number in counts.items() if number == count}


def _choices(names: Iterable[str], most: int) -> Iterable[tuple[str, ...]]:
    """One name alone, then two together, up to so many."""
    return chain.from_iterable(combinations(names, size) for size in range(1, most + 1))
