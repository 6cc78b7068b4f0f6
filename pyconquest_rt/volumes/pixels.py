"""The stored values of frames: read natively, or decoded by what pydicom has installed; bounded before allocated."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.dicom.part10 import DEFLATED
from pyconquest_rt.errors import ObjectError, PyconquestError, UnreadableError
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.codestream import check_size
from pyconquest_rt.volumes.fields import DOUBLE_DATA, FLOAT_DATA, PIXEL_DATA, opened_head
from pyconquest_rt.volumes.frames import RLE, Frame, StoredPixels
from pyconquest_rt.volumes.helper import Helper, can_help, is_worth
from pyconquest_rt.volumes.memory import check_memory

Array = npt.NDArray[Any]
Use = Callable[[int, Array], None]

_KEYWORDS = {PIXEL_DATA: "PixelData", FLOAT_DATA: "FloatPixelData", DOUBLE_DATA: "DoubleFloatPixelData"}


def for_each(frames: Sequence[Frame], use: Use) -> None:
    """Hand the stored values (rows, columns) of each frame with its index to a function, in any order.

    Signs and unused bits are right; in colour the shape is (rows, columns, 3) in RGB. A second process helps to decode
    where that is worth it. Raises VolumeError.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        groups[id(frame.source)].append(index)
    waiting = deque(groups.values())
    if is_worth(frames):
        with Helper(frames) as helper:
            _with_helper(frames, waiting, helper, use)
        return
    for indices in waiting:
        for index, array in _of_source(frames, indices):
            use(index, array)


def _with_helper(frames: Sequence[Frame], waiting: deque[list[int]], helper: Helper, use: Use) -> None:
    """Decode from one end, let the helper do so from the other."""
    while waiting or helper.is_busy:
        while waiting and helper.has_room and len(waiting[-1]) == 1 and can_help(frames[waiting[-1][0]]):
            helper.submit(waiting.pop()[0])
        if waiting:
            for index, array in _of_source(frames, waiting.popleft()):
                use(index, array)
        for index, array in helper.results(wait=not waiting):
            use(index, array)


def stored_values(frame: Frame) -> Array:
    """The stored values of one frame. Raises VolumeError."""
    ((_, found),) = _of_source([frame], [0])
    return found


def _of_source(frames: Sequence[Frame], indices: list[int]) -> Iterator[tuple[int, Array]]:
    """The stored values of frames of one object."""
    first = frames[indices[0]]
    with first.source.stream() as stream:
        try:
            if first.common.stored.syntax == DEFLATED:
                stream = BytesIO(_inflated(first))
            read = _encapsulated if first.common.stored.encapsulated else _native
            by_number: dict[int, list[int]] = defaultdict(list)
            for index in indices:
                by_number[frames[index].number].append(index)
            for number, array in read(stream, first, sorted(by_number)):
                for index in by_number[number]:
                    yield index, array
        except PyconquestError:
            raise
        except (OSError, ValueError) as error:
            raise VolumeError("unreadable", f"{first.source.name}: {error}") from error


def _inflated(frame: Frame) -> bytes:
    """The data set of a deflated object as far as the end of its pixels, at its offset."""
    needed = frame.offset + int(frame.common.stored.frame_bytes * frame.common.stored.frames) + 8
    if needed > 1032 * frame.source.size:  # the most that deflate can do
        raise VolumeError("too_large", f"{frame.source.name} cannot hold {needed} bytes")
    check_memory(2 * needed)
    try:
        with opened_head(frame.source, max_inflated=needed) as head:
            return head.data.read(0, head.data.size)
    except UnreadableError as error:
        raise VolumeError("unreadable", f"{frame.source.name}: {error}") from error


def _native(stream: BinaryIO, first: Frame, numbers: list[int]) -> Iterator[tuple[int, Array]]:
    stored = first.common.stored
    size = stored.frame_bytes
    for number in numbers:
        start = first.offset + number * size
        stream.seek(int(start))
        count = -(-(start + size) // 1) - start // 1
        raw = stream.read(int(count))
        if len(raw) < count:
            raise VolumeError("unreadable", f"{first.source.name} ends within its pixels")
        yield number, _shaped(raw, stored, int(start * 8) % 8 if stored.bits_allocated == 1 else 0)


def _shaped(raw: bytes, stored: StoredPixels, first_bit: int) -> Array:
    shape = (stored.rows, stored.columns)
    count = stored.rows * stored.columns
    if stored.samples > 1:
        return _decoded(raw, stored)
    if stored.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        return bits[first_bit : first_bit + count].reshape(shape)
    kind = "f" if stored.is_float else "i" if stored.signed else "u"
    order = ">" if stored.big_endian else "<"
    array: Array = np.frombuffer(raw, f"{order}{kind}{stored.bits_allocated // 8}", count).reshape(shape)
    if stored.big_endian:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if stored.is_float else clean_bits(array, stored)


def clean_bits(array: Array, stored: StoredPixels) -> Array:
    """Stored values without the bits around them (overlays once lay there), in two's complement where signed.

    A padding value that lies outside the bits stored stays what it is. Values in the lowest bits of a signed array
    are as they should be already where a decoder has seen to it; then nothing changes.
    """
    used, width = stored.bits_stored, array.dtype.itemsize * 8
    if used >= width:
        return array
    above = width - 1 - stored.high_bit
    if stored.signed:
        found = (array << above) >> (width - used)
    else:
        found = (array >> (stored.high_bit + 1 - used)) & ((1 << used) - 1)
    padding = _padding_as_stored(stored, array.dtype)
    if padding is not None:
        outside = array == padding
        if outside.any():
            found[outside] = padding
    return np.asarray(found)


def _padding_as_stored(stored: StoredPixels, dtype: np.dtype[Any]) -> int | None:
    """The padding value as it stands in whole words, where it does not fit into the bits stored."""
    if stored.padding is None:
        return None
    bits = stored.bits_stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if stored.signed else (0, (1 << bits) - 1)
    if low <= stored.padding <= high:
        return None
    info = np.iinfo(dtype)
    words = (stored.padding, stored.padding - (1 << 16), stored.padding + (1 << 16))
    return next((word for word in words if info.min <= word <= info.max), None)


def _encapsulated(stream: BinaryIO, first: Frame, numbers: list[int]) -> Iterator[tuple[int, Array]]:
    """Decoded frames; fragments are found from the start of the pixel data (PS3.5 section A.4)."""
    from pydicom.encaps import generate_frames

    stored = first.common.stored
    check_decoder(stored.syntax)
    stream.seek(first.offset)
    source = stream if stored.frames > 1 else BytesIO(stream.read(first.length))
    wanted = set(numbers)
    found = 0
    for number, data in enumerate(generate_frames(source, number_of_frames=stored.frames)):
        if number not in wanted:
            continue
        check_size(data, stored, first.source.name)
        array = _decoded(data, stored)
        is_clean = stored.syntax != RLE or stored.samples > 1
        yield number, array if is_clean else clean_bits(array, stored)
        found += 1
        if found == len(numbers):
            return
    raise VolumeError("unreadable", f"{first.source.name} has {found} of {len(numbers)} frames")


def check_decoder(syntax: str) -> None:
    """Refuse a transfer syntax without a decoder, by the extra that brings one. Raises VolumeError `no_decoder`."""
    decoder = _decoder(syntax)
    if decoder is None:
        raise VolumeError("no_decoder", f"transfer syntax {syntax} is not known")
    if not decoder.is_available:
        raise VolumeError(
            "no_decoder",
            f"no decoder is installed for {decoder.UID.name}: install pyconquest_rt[pixels] (RLE, JPEG 2000), "
            "pylibjpeg-libjpeg or python-gdcm (JPEG, JPEG-LS)",
        )


@lru_cache
def _decoder(syntax: str) -> Any:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        return get_decoder(syntax)
    except NotImplementedError:
        return None


def _decoded(data: bytes, stored: StoredPixels) -> Array:
    """One frame by pydicom's decoder; colour as RGB."""
    syntax = stored.syntax
    from pydicom.encaps import encapsulate

    decoder = _decoder(syntax)
    if decoder is None:
        raise VolumeError("no_decoder", f"transfer syntax {syntax} is not known")
    options: dict[str, Any] = {
        "rows": stored.rows,
        "columns": stored.columns,
        "samples_per_pixel": stored.samples,
        "photometric_interpretation": stored.photometric,
        "pixel_representation": int(stored.signed),
        "bits_allocated": stored.bits_allocated,
        "bits_stored": stored.bits_stored,
        "number_of_frames": 1,
        "pixel_keyword": _KEYWORDS[stored.pixel_tag],
        "correct_unused_bits": syntax != RLE,
    }
    if stored.samples > 1:
        options["planar_configuration"] = stored.planar
    source = encapsulate([data], has_bot=False) if stored.encapsulated else data
    try:
        with content_errors("the pixels cannot be decoded", quoted=True):
            array, _ = decoder.as_array(source, raw=stored.samples == 1, index=0, **options)
    except (ObjectError, OSError) as error:
        raise VolumeError("unreadable", str(error)) from error
    return np.asarray(array)
