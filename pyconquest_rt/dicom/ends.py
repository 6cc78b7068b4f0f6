"""Where all values of undefined length end, found in one walk over data that are in memory as a whole."""

from pyconquest_rt.dicom.elements import (
    ITEM,
    ITEM_DELIMITER,
    MARK_GROUP,
    SEQUENCE_DELIMITER,
    Encoding,
    Source,
    read_header,
)
from pyconquest_rt.dicom.values import SHORT_VR_BYTES, UNDEFINED_LENGTH
from pyconquest_rt.errors import UnreadableError

_DELIMITER_OF = {ITEM: ITEM_DELIMITER}  # of all else: SEQUENCE_DELIMITER


def remember_ends(source: Source, position: int, encoding: Encoding) -> None:
    """Find the ends of all values of undefined length in one walk, so that no level has to be walked again.

    For a source that is in memory as a whole. What does not fit stops the walk without harm: it is come upon,
    and told, when it is read.
    """
    open_values: list[tuple[int, int]] = []  # the start of each and the delimiter that ends it
    data, explicit, unpack = source.data, not encoding.implicit, encoding.tag_vr_length
    while position + 8 <= source.size:
        group, _, vr, length = unpack(data, position)
        if explicit and vr in SHORT_VR_BYTES and group != MARK_GROUP:  # most of all, so without a call
            position += 8 + length
            continue
        try:
            tag, _, value, length = read_header(source, position, encoding)
        except UnreadableError:
            return
        position = value
        if tag >> 16 == MARK_GROUP and _note_ends(source, open_values, tag, value):
            continue
        if length == UNDEFINED_LENGTH:
            open_values.append((value, _DELIMITER_OF.get(tag, SEQUENCE_DELIMITER)))
        elif tag != ITEM:
            position += length


def _note_ends(source: Source, open_values: list[tuple[int, int]], tag: int, after: int) -> bool:
    """Note the ends of the open values that a tag ends, if it ends any; ``after`` is the position after it."""
    ended_by = [delimiter for _, delimiter in open_values[-2:]]
    if (
        ended_by == [SEQUENCE_DELIMITER, ITEM_DELIMITER] and tag == SEQUENCE_DELIMITER
    ):  # as nested_headers has it
        source.ends[open_values.pop()[0]] = (after - 8, after - 8)
    elif tag not in ended_by[-1:]:
        return False
    source.ends[open_values.pop()[0]] = (after - 8, after)
    return True
