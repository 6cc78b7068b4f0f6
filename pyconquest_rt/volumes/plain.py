"""Headers of single images without functional groups, at a small part of the cost of a walk over their elements.

They are nearly all of what is examined, and those of a series have one layout: the reader that fills the index
(``dicom.header``) knows it after the first ones. What it cannot tell (sequences, several frames, other encodings,
faults) is left to ``fields.opened_head``.
"""

import re
import struct
import threading
from operator import itemgetter

from pyconquest_rt.dicom.elements import Source as DataSource
from pyconquest_rt.dicom.header import Field, Header, HeaderReader
from pyconquest_rt.dicom.part10 import FileSource, Prefix
from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.fields import DOUBLE_DATA, FLOAT_DATA, PIXEL_DATA, Fields, Head
from pyconquest_rt.volumes.keys import MOVING

_TAGS = (
    *(0x00080008, 0x00080016, 0x00080018, 0x00080022, 0x00080023, 0x0008002A, 0x00080032, 0x00080033),
    *(0x00080060, 0x0008103E, 0x00089208, 0x00180050, 0x00180080, 0x00180081, 0x00180082, 0x00180086),
    *(0x00180088, 0x00181060, 0x00181314, 0x00189087, 0x00189089, 0x00190010, 0x0019100A, 0x0019100C),
    *(0x0019100E, 0x0020000E, 0x00200011, 0x00200012, 0x00200032, 0x00200037, 0x00200052, 0x00200100),
    *(0x00209128, 0x00209153, 0x00209241, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010),
    *(0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280122),
    *(0x00280123, 0x00281052, 0x00281053, 0x00281054, 0x00430010, 0x0043102F, 0x00431039, 0x00541001),
    *(0x00541300, 0x20010010, 0x20011003, 0x200510B0, 0x200510B1, 0x200510B2, 0x30040002, 0x3004000E),
    *(0x30060002, 0x300A0002),
)
"""What an image's place, values and keys rest on at the top level; reading another tag is an error."""

_OWN = (0x00080018, 0x00200032, *MOVING)  # in which objects that are alike differ
_common = itemgetter(*[place for place, tag in enumerate(_TAGS) if tag not in _OWN])
_BEFORE_PIXELS = 0x7FE00007  # wanted as the last one, so that what follows are the pixels
_SEQUENCES = (0x00283000, 0x00409096, 0x52009229, 0x52009230, 0x00540022, 0x3004000C)
_OTHERS = re.compile(
    rb"5\.1\.4\.1\.1\.(481|66|88|30\0|104|9|11)"
)  # plans, segmentations, reports ...: never plain
_PIXELS = {struct.pack("<HH", tag >> 16, tag & 0xFFFF): tag for tag in (PIXEL_DATA, FLOAT_DATA, DOUBLE_DATA)}
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"UN"})
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")
_UNDEFINED = 0xFFFFFFFF

_readers = threading.local()


class KnownFields(Fields):
    """The elements that were asked for, as text by tag; there are no sequences."""

    __slots__ = ("_texts",)

    def __init__(self, texts: dict[int, str | None]) -> None:
        self._texts = texts

    def __contains__(self, tag: int) -> bool:
        return self._texts.get(tag) is not None

    def text(self, tag: int) -> str:
        return (self._texts[tag] or "").strip()

    def texts(self, tag: int) -> tuple[str, ...]:
        found = self._texts[tag]
        return () if found is None else tuple([value.strip(" ") for value in found.split("\\")])

    def numbers(self, tag: int) -> tuple[float, ...]:
        found = self._texts[tag]
        if found is None:
            return ()
        try:
            return tuple(map(float, found.split("\\")))
        except ValueError:
            return ()

    def items(self, tag: int) -> list[Fields]:
        return []

    def first(self, tag: int) -> Fields | None:
        return None


def plain_head(prefix: Prefix) -> Head | None:
    """The head of a single image by its first bytes; None where it is none, or must be walked over."""
    if _OTHERS.search(prefix.data, 0, 1024):
        return None
    try:
        header = _reader().parse(prefix)
    except UnreadableError:
        return None
    if header.fault or header.sequences or header.end < 0:
        return None
    texts = dict(zip(_TAGS, header.values, strict=False))
    if (texts[0x00280008] or "1") != "1":
        return None
    return _with_pixels(prefix, header, KnownFields(texts))


def _reader() -> HeaderReader:
    """The reader of this thread; it knows the layouts of what was examined before."""
    found: HeaderReader | None = getattr(_readers, "reader", None)
    if found is None:
        fields = [Field((tag,)) for tag in (*_TAGS, _BEFORE_PIXELS)]
        found = _readers.reader = HeaderReader(fields, _SEQUENCES)
    return found


def _with_pixels(prefix: Prefix, header: Header, fields: Fields) -> Head | None:
    """A head with the place of the pixels, whose element follows the header; None where another does."""
    syntax = header.transfer_syntax
    if syntax not in (_IMPLICIT, _EXPLICIT) and not syntax.startswith(_ENCAPSULATED):
        return None
    raw = prefix.data[header.end : header.end + 12]
    if len(raw) < 12:
        with FileSource(prefix) as source:
            raw = source.read(header.end, header.end + 12)
    tag = _PIXELS.get(raw[:4])
    size = 8 if syntax == _IMPLICIT else 12
    if tag is None or len(raw) < 12 or (size == 12 and raw[4:6] not in _LONG_VRS):
        return None
    (length,) = struct.unpack_from("<I", raw, size - 4)
    head = Head(fields, syntax, DataSource(prefix.data), big_endian=False)
    head.size, head.pixel_tag = prefix.size, tag
    head.offset = header.end + size
    head.encapsulated = length == _UNDEFINED
    head.length = head.size - head.offset if head.encapsulated else length
    head.alike = (syntax, tag, head.encapsulated, *_common(header.values))
    return head
