"""Frames → one array of real values: int16 where that is exact, else float32, float64 where that is not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.frames import Frame, Mapping
from pyconquest_rt.volumes.memory import check_memory
from pyconquest_rt.volumes.pixels import for_each

Array = npt.NDArray[Any]

_LADDER = (np.int16, np.float32, np.float64)
_INT16 = np.iinfo(np.int16)


class _TooNarrow(Exception):  # noqa: N818 - the next type is tried
    pass


def fill(frames: Sequence[Frame], shape: tuple[int, ...], factor: float | None = None) -> Array:
    """The real values of frames, in their order, in an array of that shape (frames, rows, columns at the end).

    ``factor`` multiplies all values (SUV). Raises VolumeError.
    """
    flat = (len(frames), *shape[-2:])
    for kind in _LADDER:
        if kind is np.int16 and not all(_is_whole(frame.mapping, factor, frame) for frame in frames):
            continue
        check_memory(float(np.prod(flat, dtype=np.float64)) * np.dtype(kind).itemsize)
        try:
            return _filled(frames, flat, kind, factor).reshape(shape)
        except _TooNarrow:
            continue
    raise AssertionError("float64 takes all values")


def _filled(frames: Sequence[Frame], shape: tuple[int, ...], kind: Any, factor: float | None) -> Array:
    found: Array = np.empty(shape, kind)

    def use(index: int, stored: Array) -> None:
        frame = frames[index]
        if stored.shape != shape[1:]:
            raise VolumeError(
                "unreadable", f"{frame.source.name}: decoded to {stored.shape}, not {shape[1:]}"
            )
        apply(frame.mapping, stored, found[index], factor)

    for_each(frames, use)
    return found


def _is_whole(mapping: Mapping, factor: float | None, frame: Frame) -> bool:
    """Whether whole numbers are mapped to whole numbers."""
    if factor is not None or frame.common.stored.is_float:
        return False
    if mapping.pieces:
        return all(_is_whole(piece, None, frame) for _, _, piece in mapping.pieces)
    if mapping.table is not None:
        return all(value == int(value) for value in mapping.table)
    return float(mapping.slope).is_integer() and float(mapping.intercept).is_integer()


def apply(mapping: Mapping, stored: Array, out: Array, factor: float | None = None) -> None:
    """Write the real values of stored ones into an array; raises _TooNarrow where its type cannot hold them."""
    if not mapping.is_line:
        _apply_tables(mapping, stored, out, factor)
        return
    slope, intercept = mapping.slope * (factor or 1.0), mapping.intercept * (factor or 1.0)
    if out.dtype == np.int16:
        _apply_whole(int(slope), int(intercept), stored, out)
        return
    if stored.dtype.kind == "f":
        _apply_float(slope, intercept, stored, out)
        return
    if out.dtype == np.float32:
        _check_single(slope, intercept, stored)
    if intercept:
        np.copyto(out, stored * np.float64(slope) + intercept, casting="same_kind")
    else:
        np.multiply(stored, slope, out=out, dtype=np.float64, casting="same_kind")


def _apply_whole(slope: int, intercept: int, stored: Array, out: Array) -> None:
    low, high = _edges(stored)
    ends = low * slope + intercept, high * slope + intercept
    if min(ends) < _INT16.min or max(ends) > _INT16.max:
        raise _TooNarrow
    if (
        slope == 1 and _INT16.min <= intercept <= _INT16.max
    ):  # all in 16 bits: what wraps on the way wraps back
        np.add(stored.astype(np.int16, copy=False), np.int16(intercept), out=out)
    else:
        np.copyto(out, stored.astype(np.int64) * slope + intercept, casting="unsafe")


def _edges(stored: Array) -> tuple[int, int]:
    return int(stored.min()), int(stored.max())


def _check_single(slope: float, intercept: float, stored: Array) -> None:
    """Raise _TooNarrow where float32 would make two stored values one."""
    low, high = _edges(stored) if stored.dtype.itemsize > 2 else _type_edges(stored)
    largest = max(abs(low * slope + intercept), abs(high * slope + intercept))
    is_whole = slope.is_integer() and intercept.is_integer()
    if largest > (2.0**24 if is_whole else 2.0**22 * abs(slope)):
        raise _TooNarrow


def _type_edges(stored: Array) -> tuple[int, int]:
    info = np.iinfo(stored.dtype)
    return int(info.min), int(info.max)


def _apply_float(slope: float, intercept: float, stored: Array, out: Array) -> None:
    values = stored if (slope, intercept) == (1.0, 0.0) else stored.astype(np.float64) * slope + intercept
    if out.dtype == np.float32 and stored.dtype.itemsize == 8:
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        if not np.array_equal(single.astype(np.float64), values, equal_nan=True):
            raise _TooNarrow
    out[...] = values


def _apply_tables(mapping: Mapping, stored: Array, out: Array, factor: float | None) -> None:
    """A look-up table, or a map of several ranges; stored values outside all ranges have no real value (NaN)."""
    if mapping.table is not None:
        table = np.array(mapping.table) * (factor or 1.0)
        values = table[np.clip(stored.astype(np.int64) - mapping.first, 0, table.size - 1)]
    else:
        values = np.full(stored.shape, np.nan)
        for first, last, piece in mapping.pieces:
            inside = (stored >= first) & (stored <= last)
            part = np.empty(int(inside.sum()))
            apply(piece, stored[inside], part, factor)
            values[inside] = part
    if out.dtype == np.int16 and not (
        np.isfinite(values).all() and values.min() >= _INT16.min and values.max() <= _INT16.max
    ):
        raise _TooNarrow
    if out.dtype == np.float32 and not np.array_equal(values.astype(np.float32), values, equal_nan=True):
        raise _TooNarrow
    np.copyto(out, values, casting="unsafe")
