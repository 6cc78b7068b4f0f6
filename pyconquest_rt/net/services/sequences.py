"""Sequences in the answers of a C-FIND: the items of a file, with the attributes that were asked for.

They are bounded, since a request may ask for the contours of each structure set; one that is larger stays empty.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.net.services.answers import Value

MAX_ATTRIBUTES: Final = 1000
_MAX_DEPTH: Final = 8


def answered(found: Sequence[Item], asked: Item | None) -> tuple[Mapping[int, Value], ...]:
    """Return the attributes of each item of a file's sequence: those of the request's item, all if it names none.

    Empty for a sequence of more than MAX_ATTRIBUTES attributes, or one that is malformed.
    """
    budget = count(1)
    try:
        return tuple([_attributes(item, asked, _MAX_DEPTH, budget) for item in found])
    except (UnreadableError, _TooLargeError):
        return ()


class _TooLargeError(Exception):
    """A sequence has more attributes, or is nested more deeply, than an answer takes."""


def _attributes(item: Item, asked: Item | None, depth: int, budget: "count[int]") -> dict[int, Value]:
    tags = (asked.tags() if asked else []) or item.tags()
    return {tag: _value(item, asked, tag, depth, budget) for tag in tags}


def _value(item: Item, asked: Item | None, tag: int, depth: int, budget: "count[int]") -> Value:
    if next(budget) > MAX_ATTRIBUTES or not depth:
        raise _TooLargeError
    vr = item.vr(tag) if tag in item or asked is None else asked.vr(tag)
    if vr != "SQ":
        return Value(vr, item.text(tag) or "")
    inner = asked.first(tag) if asked else None
    return Value(vr, "", tuple([_attributes(one, inner, depth - 1, budget) for one in item.items(tag)]))
