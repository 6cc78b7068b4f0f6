"""The raw reader gives the content items that pydicom gives, of all files and in all encodings."""

import warnings
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any

import pydicom
import pytest
from dose_objects import (
    coded,
    ct_report,
    dose_files,
    encode,
    person,
    report,
    text,
)
from pydicom.data import get_testdata_files
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pyconquest_rt.dose_reports.attributes import number, opened
from pyconquest_rt.dose_reports.reports import sr
from pyconquest_rt.dose_reports.reports.sr import content
from pyconquest_rt.errors import UnreadableError


def _code(sequence: Any) -> tuple[str | None, str | None]:
    if not sequence:
        return None, None
    item = sequence[0]
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    scheme = item.get("CodingSchemeDesignator", "")
    return f"{value}^{scheme}" if value or scheme else None, item.get("CodeMeaning") or None


def _texts(item: Dataset, tag: int) -> list[str]:
    """The raw values of a text element, so that pydicom's opinion of a number plays no part."""
    element = item.get_item(tag)
    raw = element.value if element is not None else None
    if isinstance(raw, bytes):
        return [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
    values = (
        [] if raw is None else [raw] if isinstance(raw, str) or not hasattr(raw, "__len__") else list(raw)
    )
    return [str(getattr(value, "original_string", value)).strip() for value in values]


def pydicom_items(source: Path | BytesIO) -> list[tuple[Any, ...]]:
    """Parent, relationship, type, concept, meaning, number, unit, code, meaning and text of every item."""
    dataset = pydicom.dcmread(source, stop_before_pixels=True)
    found: list[tuple[Any, ...]] = []
    stack: list[tuple[Dataset, int]] = [(dataset, 0)]
    while stack:
        item, parent = stack.pop()
        position = len(found)
        concept, meaning = _code(item.get("ConceptNameCodeSequence"))
        kind = item.get("ValueType") or ""
        found.append(
            (parent, item.get("RelationshipType") or None, kind, concept or "", meaning, *_value(item, kind))
        )
        children = list(item.get("ContentSequence", []))
        stack.extend((child, position) for child in reversed(children))
    return found


_KEYWORDS = {
    "TEXT": "TextValue",
    "UIDREF": "UID",
    "DATETIME": "DateTime",
    "DATE": "Date",
    "TIME": "Time",
    "PNAME": "PersonName",
    "PERSON NAME": "PersonName",
    "SCOORD": "GraphicType",
    "SCOORD3D": "GraphicType",
    "TCOORD": "TemporalRangeType",
}


def _value(item: Dataset, kind: str) -> tuple[Any, ...]:
    if kind == "NUM" and item.get("MeasuredValueSequence"):
        measured = item.MeasuredValueSequence[0]
        texts = _texts(measured, 0x0040A30A)
        numbers = [number(part) for text in texts for part in text.split("/")]
        unit, _ = _code(measured.get("MeasurementUnitsCodeSequence"))
        first = next((value for value in numbers if value is not None), None)
        plain = len(numbers) == 1 and first is not None
        return (
            first,
            unit and unit.rpartition("^")[0],
            None,
            None,
            None if plain else "\\".join(texts) or None,
        )
    if kind == "NUM":
        return None, None, *_code(item.get("NumericValueQualifierCodeSequence")), None
    if kind in ("CODE", "HAS CONCEPT MOD"):
        return None, None, *_code(item.get("ConceptCodeSequence")), None
    if kind in ("IMAGE", "COMPOSITE", "WAVEFORM"):
        reference = (item.get("ReferencedSOPSequence") or [Dataset()])[0]
        uids = (
            reference.get("ReferencedSOPClassUID"),
            None,
            reference.get("ReferencedSOPInstanceUID") or None,
        )
        return None, None, *uids
    keyword = _KEYWORDS.get(kind)
    value = str(item.get(keyword, "")).rstrip(" \0") if keyword else ""
    return None, None, None, None, value or None


def our_items(source: Path | bytes) -> list[tuple[Any, ...]]:
    with opened(source) as dataset:
        return [item[:3] + item[4:] for item in content(dataset)]


_REPORTS = [path for path in dose_files() if "Im-" not in path.name and "-SC-" not in path.name]
_BUNDLED = [Path(path) for path in get_testdata_files("reportsi*.dcm") + get_testdata_files("test-SR.dcm")]


@pytest.mark.parametrize("path", _REPORTS + _BUNDLED, ids=lambda path: path.name)
def test_items_equal_those_of_pydicom(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom_items(path)
    assert our_items(path) == theirs


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_items_are_the_same_in_every_encoding(syntax: str, undefined: bool) -> None:
    dataset = ct_report({"2.25.11": 10.5, "2.25.12": 20.0}, SpecificCharacterSet="ISO_IR 192")
    dataset.ContentSequence.append(text("121106^DCM", "Å and 木", person("113870^DCM", "Ö^Ä")))
    encoded = encode(dataset, syntax, undefined)
    theirs = pydicom_items(BytesIO(encoded))
    assert our_items(encoded) == theirs
    assert theirs[-2][-1] == "Å and 木"


def _nested(depth: int) -> bytes:
    """A report whose containers nest, made of bytes: pydicom itself writes by recursion."""
    sequence, item = (
        pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF),
        pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF),
    )
    kind = pack("<HH2sH", 0x0040, 0xA040, b"CS", 10) + b"CONTAINER "
    ends = pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    start = encode(report())
    return start + (sequence + item + kind) * depth + ends * depth


def test_a_report_that_nests_deep_is_walked_without_recursion() -> None:
    items = our_items(_nested(5000))
    assert len(items) == 5001
    assert items[-1][0] == 4999


def test_a_report_that_nests_without_end_is_given_up_in_bounded_time() -> None:
    assert our_items(_nested(40000))[-1][0] == 39999


def test_a_report_of_too_many_items_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sr, "MAX_ITEMS", 100)
    item = pack("<HHI", 0xFFFE, 0xE000, 0)
    content_sequence = pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 8 * 101)
    with pytest.raises(UnreadableError, match="content items"):
        our_items(encode(report())[:-12] + content_sequence + item * 101)


def test_long_and_urn_code_values() -> None:
    item = coded("113764^DCM", "1^DCM")
    item.ConceptCodeSequence[0].LongCodeValue = "123456789012345678901"
    del item.ConceptCodeSequence[0].CodeValue
    (_, ours) = our_items(encode(report(item)))
    assert ours[7] == "123456789012345678901^DCM"
