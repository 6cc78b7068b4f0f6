"""Whether files hold the same data sets, element by element."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from clients import Client
from pydicom import Dataset, dcmread
from pydicom.uid import UID


def assert_same(found: Iterable[Path], expected: Iterable[Path], writer: Client | None = None) -> None:
    """Assert that files hold the same data sets, element by element, whatever their order and names.

    Values that the `writer` of the files writes its own way need only mean the same.
    """
    by_uid = {str(data_set.SOPInstanceUID): data_set for data_set in map(dcmread, found)}
    wanted = {str(data_set.SOPInstanceUID): data_set for data_set in map(dcmread, expected)}
    assert by_uid.keys() == wanted.keys()
    for uid, data_set in wanted.items():
        compare = assert_alike if writer and writer.rewrites else assert_equal
        if is_compressed(data_set) and not is_compressed(by_uid[uid]):
            data_set.decompress(generate_instance_uid=False)
        compare(by_uid[uid], data_set)


def is_compressed(data_set: Dataset) -> bool:
    return UID(data_set.file_meta.TransferSyntaxUID).is_compressed


def assert_equal(found: Dataset, expected: Dataset) -> None:
    assert [element.tag for element in found] == [element.tag for element in expected]
    for element in expected:
        assert found[element.tag].value == element.value, element


def assert_alike(found: Dataset, expected: Dataset) -> None:
    """Assert that the public elements are the same, numbers as numbers, in whatever character set."""
    tags = [element.tag for element in expected if not element.tag.is_private and element.tag != 0x00080005]
    assert [tag for tag in tags if tag not in found] == []
    for tag in tags:
        element = expected[tag]
        if element.VR == "SQ":
            assert len(found[tag].value) == len(element.value)
            for pair in zip(found[tag].value, element.value, strict=True):
                assert_alike(*pair)
        elif element.VR in ("DS", "IS", "FL", "FD"):
            assert numbers(found[tag].value) == pytest.approx(numbers(element.value), rel=1e-6), element
        elif element.keyword == "PixelData" and is_compressed(expected):
            assert (found.pixel_array == expected.pixel_array).all()  # its fragments may be listed or not
        else:
            assert found[tag].value == element.value, element


def numbers(value: Any) -> list[float]:
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [float(each) for each in values if each not in (None, "")]
