from __future__ import annotations
import math
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.multival import MultiValue
import warnings as _w

def number(text: str) -> float | None:
    """Return the number that a text writes, with a decimal point or comma, or None."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Attributes:
    def __init__(self, ds: Dataset) -> None:
        self.ds = ds

    def _value(self, tag: int):
        with _w.catch_warnings():
            _w.simplefilter("ignore")
            try:
                if tag not in self.ds: return None
                return self.ds[tag].value
            except Exception:
                try: return self.ds.get_item(tag).value
                except Exception: return None

    def values(self, tag: int) -> list[str]:
        v = self._value(tag)
        if v is None: return []
        if isinstance(v, bytes): v = v.decode("latin-1").split("\\")
        if isinstance(v, (MultiValue, list, tuple)): return [str(getattr(x,"original_string",x)).strip(" \0\r\n\t") for x in v]
        if isinstance(v, Sequence): return []
        return [str(getattr(v,"original_string",v)).strip(" \0\r\n\t")]

    def text(self, tag: int) -> str | None:
        return "\\".join(self.values(tag)) or None

    def numbers(self, tag: int) -> list[float | None]:
        return [number(t) for t in self.values(tag)]

    def number(self, tag: int) -> float | None:
        v = self.numbers(tag)
        return v[0] if v else None

    def items(self, tag: int) -> list["Attributes"]:
        v = self._value(tag)
        return [Attributes(d) for d in v] if isinstance(v, Sequence) else []

    def block(self, group: int, creator: str) -> int | None:
        for e in range(0x10, 0x100):
            if self.text(group << 16 | e) == creator: return group << 16 | e << 8
        return None


def read(path) -> Attributes:
    return Attributes(pydicom.dcmread(path, force=True, stop_before_pixels=True))
