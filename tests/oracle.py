"""What pydicom reads, as the text that this package gives: the measure for elements.py and header.py.

Known differences, each on purpose, are levelled out by `level`: pydicom drops the blanks around DS and IS and
the last ``=`` of a person name, and keeps NULs; here text stands as in the file, and NULs are dropped.
"""

import hashlib
import os
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

SHARED_DATA = Path(
    os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)

#: VRs without text: bytes (not compared as numbers by pydicom) and sequences.
NO_TEXT = {"OB", "OW", "OF", "OD", "OL", "OV", "OB or OW", "UN", "SQ"}


@lru_cache
def sample_files() -> tuple[Path, ...]:
    """pydicom's installed test files and, where they are there, the shared ones; each content once."""
    folders = [Path(pydicom.__file__).parent / "data", SHARED_DATA]
    found: dict[bytes, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                found.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
    return tuple(found.values())


def read(path: Path) -> Dataset:
    """pydicom's reading of a file, forced, and without its warnings on what is irregular."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def _one(value: Any, vr: str) -> str:
    if vr == "AT":
        return f"{value.group:04X}{value.element:04X}"
    if vr in ("FL", "FD"):
        return f"{value:.16g}"
    original = getattr(value, "original_string", None)  # DS, IS, DA ... as they stand in the file
    return original if isinstance(original, str) else str(value)


def level(text: str | None) -> str | None:
    """Text without what pydicom and this package leave in or out on purpose."""
    if text is None:
        return None
    values = [value.replace("\0", "").strip(" ").rstrip("=") for value in text.split("\\")]
    return "\\".join(values).rstrip(" ") or None


def texts(dataset: Dataset) -> Iterator[tuple[int, str | None]]:
    """The tag and the text of each element that has text, its values joined by a backslash."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in list(dataset.keys()):
            try:
                element = dataset[tag]
            except Exception:  # a value that pydicom cannot convert is no measure
                continue
            if element.VR in NO_TEXT:
                continue
            value = element.value
            values = value if isinstance(value, (MultiValue, list)) else [value]
            text = "\\".join("" if one is None else _one(one, element.VR) for one in values)
            yield int(tag), level(text)


def sequences(dataset: Dataset) -> Iterator[tuple[int, list[Dataset]]]:
    """The tag and the items of each sequence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in list(dataset.keys()):
            try:
                element = dataset[tag]
            except Exception:
                continue
            if element.VR == "SQ":
                yield int(tag), list(element.value or [])
