"""Runs of different length of flat arrays, taken together."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.intp]

AT_ONCE = 400_000


def counted(counts: Ints) -> tuple[Ints, Ints]:
    """Return each place as often as counted, and the number (from 0) of each repetition."""
    place = np.repeat(np.arange(counts.size), counts)
    return place, np.arange(place.size) - np.repeat(np.cumsum(counts) - counts, counts)


def ragged(first: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Return for runs of ``counts`` members from ``first`` on, which run each member is of, and the members."""
    run, number = counted(counts)
    return run, number + first[run]


def in_portions(counts: Ints) -> Iterator[slice]:
    """Yield ranges of runs that have about AT_ONCE members together."""
    done = np.cumsum(counts)
    first = 0
    while first < counts.size:
        before = int(done[first - 1]) if first else 0
        last = max(int(np.searchsorted(done, before + AT_ONCE, side="right")), first + 1)
        yield slice(first, last)
        first = last
