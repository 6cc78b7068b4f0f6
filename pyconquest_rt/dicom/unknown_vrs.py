"""Elements of an explicit encoding whose VR is none of PS3.5 section 6.2: how long are they?

Writers leave the VR blank, write ``??``, small letters, or a name that no edition knows, each with a length of 16 or
of 32 bits; others change over to implicit headers. What follows the value tells which it is.
"""

from typing import TYPE_CHECKING, NamedTuple

from pyconquest_rt.dicom.values import LONG_VRS, SHORT_VRS

if TYPE_CHECKING:
    from pyconquest_rt.dicom.elements import Encoding, Source

_KNOWN = frozenset(vr.encode() for vr in SHORT_VRS | LONG_VRS)
_MARKS = (b"\xfe\xff", b"\xff\xfe")  # group FFFE: items and delimiters, in either byte order
_LAST_GROUP = 0xFFFC  # data set trailing padding


class Extent(NamedTuple):
    """Where a value starts, and its length."""

    start: int
    length: int


def extent_of_unknown(source: "Source", position: int, vr: bytes, encoding: "Encoding") -> Extent:
    """Return the extent of the value of the element at a position, whose VR is unknown.

    Upper-case names have a length of 32 bits (PS3.5 section 7.1.2, note on VRs defined in the future) where two
    zeros precede it, else one of 16; anything else is taken as implicit, as pydicom does. Another reading is
    preferred only where an element header, an item or the end of the data follows by it, and not by this one.
    """
    head = source.read(position, position + 12)
    is_name = vr.isalpha() and vr.isupper()
    implicit = Extent(position + 8, encoding.tag_and_length(head)[2])
    short = Extent(position + 8, encoding.tag_vr_length(head)[3])
    if not is_name and not _may_be_a_name(vr, short.length):
        return implicit
    candidates = [short]
    if len(head) == 12 and head[6:8] == b"\0\0":
        candidates.insert(0 if is_name else 1, Extent(position + 12, encoding.long_length(head)[0]))
    otherwise = candidates[0] if is_name else implicit
    return next((extent for extent in candidates if _leads_on(source, extent, encoding)), otherwise)


def _may_be_a_name(vr: bytes, length: int) -> bool:
    """Whether these two bytes stand for a VR rather than for a part of an implicit length."""
    return all(0x20 <= byte < 0x7F for byte in vr) or (vr == b"\0\0" and length > 0)


def _leads_on(source: "Source", extent: Extent, encoding: "Encoding") -> bool:
    """Whether the data end with a value, or a header that nobody doubts follows it."""
    end = extent.start + extent.length
    if end >= source.size:
        return end == source.size
    following = source.read(end, end + 8)
    if len(following) < 8 or following[:2] in _MARKS:
        return len(following) == 8
    group = encoding.tag_vr_length(following)[0]
    return following[4:6] in _KNOWN and 0 < group <= _LAST_GROUP
