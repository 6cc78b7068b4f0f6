"""One image each: where it lies, how its pixels are stored, what its values mean, what tells it from others."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pyconquest_rt.volumes.fields import DOUBLE_DATA, FLOAT_DATA, Head
from pyconquest_rt.volumes.sources import Source

_Value = TypeVar("_Value", bound=Hashable)

Vector = tuple[float, ...]


class Pool:
    """Keeps one object of each value, so that what a series has in common is in memory once.

    ``alike`` has what was made of the last objects by what they have in common (``Head.alike``).
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self.alike: dict[Hashable, Any] = {}

    def __call__(self, value: _Value) -> _Value:
        found: _Value = self._known.setdefault((type(value), value), value)
        return found


class StoredPixels(NamedTuple):
    """How the pixels of an object are stored (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int
    syntax: str
    big_endian: bool
    encapsulated: bool
    pixel_tag: int
    padding: int | None

    @property
    def frame_bytes(self) -> float:
        """Bytes of one frame when it is decoded; of bits, eight in one."""
        return self.rows * self.columns * self.samples * self.bits_allocated / 8

    @property
    def is_float(self) -> bool:
        """Whether the pixels are stored as floating point numbers."""
        return self.pixel_tag in (FLOAT_DATA, DOUBLE_DATA)

    @property
    def is_scalar(self) -> bool:
        """Whether there is one value in each pixel, which is no index into a palette."""
        return self.samples == 1 and self.photometric != "PALETTE COLOR"


class Mapping(NamedTuple):
    """Stored value → real value: a line, or a table whose first entry belongs to ``first``.

    ``pieces`` are lines or tables for ranges of stored values (first, last, mapping), where there are several.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    first: int = 0
    table: tuple[float, ...] | None = None
    pieces: tuple[tuple[float, float, "Mapping"], ...] = ()

    @property
    def is_line(self) -> bool:
        """Whether one line maps all stored values."""
        return self.table is None and not self.pieces


class Common(NamedTuple):
    """What images of one volume have in common."""

    series_uid: str
    frame_of_reference: str
    modality: str
    sop_class: str
    stored: StoredPixels
    orientation: Vector | None
    spacing: Vector | None


@dataclass(slots=True, frozen=True)
class Frame:
    """One image.

    Args:
        source: where its object is.
        number: of the frame in it, from 0.
        sop: SOPInstanceUID.
        position: of the centre of its first pixel, LPS in mm.
        common: what it shares with others.
        mapping: what its stored values mean.
        keys: the values of the candidate keys that it has, by name (see ``keys``).
        offset: of the value of the pixel data in the object.
        length: in bytes of that value.
        problem: the code for which it cannot be loaded, None where it can.
        thickness: SliceThickness in mm, used only where a slice is alone.
    """

    source: Source
    number: int
    sop: str
    position: Vector | None
    common: Common
    mapping: Mapping
    keys: tuple[Any, ...]
    offset: int
    length: int
    problem: str | None = None
    thickness: float | None = None


def problem_in(frames: Iterable[Frame]) -> str | None:
    """The first code for which one of some frames cannot be loaded; None where all can."""
    return next((frame.problem for frame in frames if frame.problem), None)


MAX_SIDE = 65535
MAX_FRAMES = 1 << 17  #: of one object; PS3.3 knows no limit, but a lying count must not fill the memory
RLE = "1.2.840.10008.1.2.5"
MODEST = 1 << 25  #: images of so many bytes are decoded without a question
RLE_RATIO, OTHER_RATIO = 64, 4000  #: decoded bytes for one that is stored: two bytes of RLE are at most 128
_BITS = {1, 8, 16, 32, 64}


def read_stored(head: Head) -> StoredPixels:
    """How the pixels of an object are stored."""
    fields = head.fields
    bits = {FLOAT_DATA: 32, DOUBLE_DATA: 64}.get(head.pixel_tag) or fields.integer(0x00280100)
    stored = fields.integer(0x00280101) or bits
    paddings = (fields.number(tag) for tag in (0x00280120, 0x00280122, 0x00280123))  # whole, float, double
    padding = next((value for value in paddings if value is not None), None)
    return StoredPixels(
        rows=fields.integer(0x00280010),
        columns=fields.integer(0x00280011),
        frames=fields.integer(0x00280008, 1),
        samples=fields.integer(0x00280002, 1),
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=fields.integer(0x00280102, stored - 1),
        signed=fields.integer(0x00280103) == 1,
        photometric=fields.text(0x00280004),
        planar=fields.integer(0x00280006),
        syntax=head.syntax,
        big_endian=head.big_endian,
        encapsulated=head.encapsulated,
        pixel_tag=head.pixel_tag,
        padding=None if padding is None else int(padding),
    )


def problem_of(stored: StoredPixels, length: int, room: int) -> str | None:
    """The code for which pixels cannot be loaded; ``length`` is that of their value, ``room`` up to the end.

    Nothing is allocated by what a header says before the bytes for it are known to be there.
    """
    if stored.pixel_tag == 0:
        return "no_pixels"
    if not _is_sane(stored) or length > room:
        return "unreadable"
    if stored.encapsulated:
        if stored.frames * 10 > length:  # a fragment has 10 bytes at least
            return "unreadable"
        return "too_large" if _is_bomb(stored, length) else None
    needed = -(-stored.frame_bytes * stored.frames // 1)
    return "unreadable" if needed > length else None


def _is_bomb(stored: StoredPixels, length: int) -> bool:
    """Whether so few bytes are to become so many that they can hardly be an image."""
    total = stored.frame_bytes * stored.frames
    ratio = RLE_RATIO if stored.syntax == RLE else OTHER_RATIO
    return total > MODEST and total > ratio * length


def _is_sane(stored: StoredPixels) -> bool:
    sides = 0 < stored.rows <= MAX_SIDE and 0 < stored.columns <= MAX_SIDE and 0 < stored.samples <= 4
    bits = stored.bits_allocated in _BITS and 0 < stored.bits_stored <= stored.bits_allocated
    return (
        sides
        and bits
        and stored.bits_stored - 1 <= stored.high_bit < stored.bits_allocated
        and stored.frames > 0
    )
