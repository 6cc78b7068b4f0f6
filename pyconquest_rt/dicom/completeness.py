"""Is all of an object there? What follows its header, mostly the pixel data, is passed over, not read."""

import struct

from pyconquest_rt.dicom.elements import (
    ITEM,
    MARK_GROUP,
    SEQUENCE_DELIMITER,
    ElementHeader,
    Encoding,
    Source,
    after_stray,
    end_of_value,
    read_header,
)
from pyconquest_rt.dicom.values import SHORT_VR_BYTES, UNDEFINED_LENGTH
from pyconquest_rt.errors import NkiError, TruncatedError, UnreadableError

PIXEL_DATA = 0x7FE00010
_NKI_PIXELS = 0x7FDF0010
_DELIMITER = {False: b"\xfe\xff\xdd\xe0" + bytes(4), True: b"\xff\xfe\xe0\xdd" + bytes(4)}  # by byte order
_DELIMITER_BYTES = 8
_HEADER_BYTES = 8  # of an element with a length of 16 bits, or without a VR
_PIXELS = struct.Struct("<4s8x4sI").unpack_from  # header of the pixel data and of the offset table after it
_PIXELS_BYTES = 20
_ITEM = struct.Struct("<4sI").unpack_from
_ITEM_BYTES = 8
_PIXELS_TAG, _ITEM_TAG = b"\xe0\x7f\x10\x00", b"\xfe\xff\x00\xe0"
_LONG = 1 << 16  # a sequence of undefined length is walked over where no more bytes than these follow
_TAIL = 4096


def check_complete(source: Source, position: int, encoding: Encoding) -> bool:
    """See that the elements from a position on end where the file does, or before; return whether they end there.

    Junk after the last element, as writers leave it, is none of the object.

    Raises:
        TruncatedError: one of them is cut off by the end of the file.
        NkiError: the pixels stand in Conquest's private element alone.
        UnreadableError: one is malformed.
    """
    previous = 0
    while True:
        position, previous = _pass_plain(source, position, previous, encoding)
        if position + 8 > source.size:
            break
        tag, _, start, length = header = read_header(source, position, encoding)
        if tag >> 16 == MARK_GROUP:
            position = after_stray(source, header, source.size, encoding)
            continue
        if tag <= previous:
            return False
        if length != UNDEFINED_LENGTH and start + length > source.size:
            what = "the pixel data are" if tag == PIXEL_DATA else "the element after the header is"
            raise TruncatedError(
                f"{what} cut off by the end of the file: {source.size - start} of {length} bytes are there"
            )
        if tag == _NKI_PIXELS:
            _refuse_nki(source, start + length, encoding)
        position = (
            _end_of_undefined(source, header, encoding) if length == UNDEFINED_LENGTH else start + length
        )
        previous = tag
    refuse_cut_header(source.read(position, source.size), previous, encoding)
    return position == source.size


def _pass_plain(source: Source, position: int, previous: int, encoding: Encoding) -> tuple[int, int]:
    """Pass over plain elements that ascend, whose headers lie in the window at hand: nearly all, so without calls.

    Returns where the first other one begins, and the tag before it.
    """
    if encoding.implicit:
        return _pass_implicit(source, position, previous, encoding)
    data, base, size, unpack = source.data, source.base, source.size, encoding.tag_vr_length
    last = base + len(data) - _HEADER_BYTES
    while base <= position <= last:
        group, element, vr, length = unpack(data, position - base)
        tag, following = group << 16 | element, position + _HEADER_BYTES + length
        if vr not in SHORT_VR_BYTES or tag <= previous or following > size or group == MARK_GROUP:
            break
        position, previous = following, tag
    return position, previous


def _pass_implicit(source: Source, position: int, previous: int, encoding: Encoding) -> tuple[int, int]:
    data, base, size, unpack = source.data, source.base, source.size, encoding.tag_and_length
    last = base + len(data) - _HEADER_BYTES
    while base <= position <= last:
        group, element, length = unpack(data, position - base)
        tag, following = group << 16 | element, position + _HEADER_BYTES + length
        if (
            tag <= previous or following > size or tag >= _NKI_PIXELS
        ):  # an undefined length is beyond any size
            break
        position, previous = following, tag
    return position, previous


def _end_of_undefined(source: Source, header: ElementHeader, encoding: Encoding) -> int:
    """Where a value of undefined length ends; the end of the file where that stands for it (see _ends_well)."""
    tag, _, start, _ = header
    if tag == PIXEL_DATA:
        return _end_of_fragments(source, start, encoding)
    if source.size - start > _LONG and _ends_well(source, tag, encoding):
        return source.size
    return end_of_value(source, header, source.size, encoding)[1]


def refuse_cut_header(rest: bytes, previous: int, encoding: Encoding) -> None:
    """Raise TruncatedError if the last bytes of a file begin another element; zeros and line ends are junk."""
    group = int.from_bytes(rest[:2], "big" if encoding.big_endian else "little")
    if len(rest) >= 2 and rest.strip(b"\0 \r\n") and previous >> 16 <= group <= PIXEL_DATA >> 16:
        raise TruncatedError(
            "the element after the header is cut off by the end of the file: it has no value"
        )


def _refuse_nki(source: Source, position: int, encoding: Encoding) -> None:
    """Raise NkiError unless the pixel data follow what a Conquest keeps compressed by its modes n1 to n4."""
    if position + 8 > source.size or read_header(source, position, encoding)[0] != PIXEL_DATA:
        raise NkiError(
            "its pixels are in Conquest's NKI compression (7FDF,0010), which only a Conquest reads: have that send it"
        )


def _ends_well(source: Source, tag: int, encoding: Encoding) -> bool:
    """Whether the file ends with the delimiter of a sequence, or with whole elements after one.

    A long sequence of undefined length, such as contours, would else have to be read to find its end.
    """
    start = source.size - _TAIL
    place = source.read(start, source.size).rfind(_DELIMITER[encoding.big_endian])
    if place < 0:
        return False
    position = start + place + _DELIMITER_BYTES
    try:
        while position < source.size:
            header = read_header(source, position, encoding)
            if header[0] <= tag or header[0] >> 16 == MARK_GROUP:
                return False
            tag = header[0]
            _, position = end_of_value(source, header, source.size, encoding)
    except UnreadableError:
        return False
    return True


def end_of_one_fragment(data: bytes, position: int) -> int:
    """Where encapsulated pixel data at a position of the file's first bytes end if they are one fragment, as mostly.

    -1 where they are none in little endian, or begin beyond these bytes.
    """
    try:
        tag, table, table_bytes = _PIXELS(data, position)
        item, length = _ITEM(data, position + _PIXELS_BYTES + table_bytes)
    except struct.error:
        return -1
    if tag != _PIXELS_TAG or table != _ITEM_TAG or item != _ITEM_TAG:
        return -1
    return int(position + _PIXELS_BYTES + table_bytes + _ITEM_BYTES + length + _DELIMITER_BYTES)


def _end_of_fragments(source: Source, position: int, encoding: Encoding) -> int:
    """Where encapsulated pixel data end (PS3.5 section A.4).

    Those of one frame mostly fill the file to its end, which needs no look there.
    """
    first = True
    while position + _DELIMITER_BYTES < source.size:
        tag, _, start, length = read_header(source, position, encoding)
        if tag == SEQUENCE_DELIMITER:
            return start
        if tag != ITEM or start + length > source.size:
            raise TruncatedError(
                f"the fragment of pixel data at byte {position} is cut off by the end of the file"
            )
        position = start + length
        if not first and position + _DELIMITER_BYTES == source.size:
            return source.size
        first = False
    if source.read(position, source.size) == _DELIMITER[encoding.big_endian]:
        return source.size
    raise TruncatedError("the fragments of pixel data are cut off by the end of the file")
