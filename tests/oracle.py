"""What pydicom reads, as the text that this package should give: the measure for elements.py and header.py."""

import os
import warnings
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

SHARED_DATA = Path(
    os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)


def test_files() -> list[Path]:
    """pydicom's installed test files and, where they are there, the shared ones."""
    installed = Path(pydicom.__file__).parent / "data"
    found = [path for path in installed.rglob("*") if path.is_file() and path.suffix != ".py"]
    found += [path for path in SHARED_DATA.rglob("*") if path.is_file()]
    return sorted(found)


def read(path: Path) -> Dataset:
    """pydicom's reading of a file, without its warnings on what is irregular."""
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


def text(dataset: Dataset, tag: int) -> str | None:
    """The element's text, its values joined by a backslash; None where it is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        element = dataset[tag]
    value = element.value
    if value is None or isinstance(value, bytes):
        return None
    values = value if isinstance(value, (MultiValue, list)) else [value]
    return "\\".join(_one(one, element.VR).rstrip(" ") for one in values) or None
