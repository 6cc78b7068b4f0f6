"""Misspelt ROI names: an edit distance that is the same on every machine, and a cautious use of it."""

from collections.abc import Hashable, Iterable, Set
from itertools import takewhile
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

_SHORT = 8  # letters; below, a replaced letter more often makes another organ (ileum, ilium) than a slip
_LONG = 10  # letters; from here on two slips are accepted
_LEAST = 5  # letters; a shorter word is never corrected
MOST_SLIPS = 2
_PLURAL_ENDINGS = frozenset({"s", "es", "n", "en", "nen", "e", "er", "ern", "x", "ux", "i", "ae", "a", "ies"})
_SINGULAR_ENDINGS = frozenset({"", "a", "e", "is", "us", "um", "o", "y", "l"})
TOO_FAR = 9


def edit_distance(first: str, second: str, limit: int) -> int:
    """Optimal string alignment distance (insert, delete, replace, swap), or TOO_FAR above limit."""
    if abs(len(first) - len(second)) > limit:
        return TOO_FAR
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        last, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return TOO_FAR
    return row[-1] if row[-1] <= limit else TOO_FAR


def word_slips(word: str, meant: str) -> int:
    """Slips by which ``word`` may have come from ``meant``, or TOO_FAR where that is no safe guess."""
    if word == meant:
        return 0
    if min(len(word), len(meant)) < _LEAST or _is_plural(word, meant) or _is_plural(meant, word):
        return TOO_FAR
    if word.startswith(meant) and len(word) - len(meant) > 1:
        return TOO_FAR  # "tronccerebralcf": initials of whoever made a copy
    if len(word) == len(meant) < _SHORT and sorted(word) != sorted(meant):
        return TOO_FAR
    return edit_distance(word, meant, MOST_SLIPS if min(len(word), len(meant)) >= _LONG else 1)


def _is_plural(word: str, other: str) -> bool:
    """Whether a word may be the plural of another (or of its stem): the ending is meant then, and no slip."""
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
    return word[shared:] in _PLURAL_ENDINGS and other[shared:] in _SINGULAR_ENDINGS


def name_slips(words: tuple[str, ...], meant: tuple[str, ...], known: Set[str]) -> int:
    """Slips between two names, word by word; a known word is right as it stands and never corrected."""
    if len(words) != len(meant):
        return TOO_FAR
    slips = 0
    for word, right in zip(words, meant, strict=True):
        if word != right:
            slips += TOO_FAR if word in known else word_slips(word, right)
            if slips > MOST_SLIPS:
                return TOO_FAR
    return slips


def nearest(
    words: tuple[str, ...], candidates: Iterable[tuple[tuple[str, ...], T]], known: Set[str]
) -> tuple[T, float] | None:
    """The one candidate that is nearest by a margin of more than one slip, with its score from 0 to 1.

    ``candidates`` are pairs of words and what they stand for. None if there is none, or not only one, or if a
    first letter differs.
    """
    best: dict[T, tuple[int, tuple[str, ...]]] = {}
    for meant, value in candidates:
        slips = name_slips(words, meant, known)
        if slips < best.get(value, (TOO_FAR, ()))[0]:
            best[value] = slips, meant
    ranked = sorted(best.items(), key=lambda item: item[1][0])
    if not ranked or (len(ranked) > 1 and ranked[1][1][0] - ranked[0][1][0] < 2):
        return None
    value, (slips, meant) = ranked[0]
    if any(word[0] != right[0] for word, right in zip(words, meant, strict=True)):
        return None
    return value, 1 - slips / sum(map(len, words))
