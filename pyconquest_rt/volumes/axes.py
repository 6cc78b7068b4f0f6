"""What the first axis of a volume of four stands for, by the keys that sort its stacks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = Sequence[Any]
Axes = dict[str, list[Any]]


def axis_values(columns: Mapping[str, Values]) -> Axes:
    """The axes of a volume by the keys that sort its stacks; times in seconds since the first."""
    axes: Axes = {}
    for name in sorted(columns, key=lambda name: _RANKS.get(name, 0)):
        make = _AXES.get(name, lambda values, name=name: {name: list(values)})
        for axis, found in make(columns[name]).items():
            axes.setdefault(axis, found)
    return axes


_RANKS = {"frame_time": 1, "acquisition_time": 2, "temporal": 3, "content_time": 4}
"""Which of several times is the axis: the first of them; other keys have axes of their own."""


def _echoes(values: Values) -> Axes:
    """Echo times, or echo numbers where the times are all the same or none is known."""
    numbers = [None if value is None else value[1] for value in values]
    times = [None if value is None else value[0] for value in values]
    if len(set(times)) == 1:
        return {"echo_time": numbers}
    return {
        "echo_time": [number if time is None else time for number, time in zip(numbers, times, strict=True)]
    }


def _diffusion(values: Values) -> Axes:
    pairs = [(None, None) if value is None else value for value in values]
    return {"b_value": [pair[0] for pair in pairs], "b_vector": [pair[1] for pair in pairs]}


def _moments(values: Values) -> Axes:
    start = min(value for value in values if value is not None)
    return {"time": [None if value is None else value - start for value in values]}


def _frame_times(values: Values) -> Axes:
    return {"time": [None if value is None else value / 1000 for value in values]}


_AXES: dict[str, Callable[[Values], Axes]] = {
    "echo": _echoes,
    "diffusion": _diffusion,
    "cardiac": lambda values: {"cardiac_phase": list(values)},
    "acquisition_time": _moments,
    "content_time": _moments,
    "frame_time": _frame_times,
    "temporal": lambda values: {"time": list(values)},
}
"""Key → its axes; other keys are axes by their own names."""
