"""Names on disk: safe, reversible, one for each identifier."""

import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconquest_rt.archive.names import MAX_NAME_BYTES, file_name, folder_name, identifier

IDENTIFIERS = st.text(max_size=300)


@pytest.mark.parametrize("name", ["1234567", "Doe^John", "A.B,C", "x=1", "a b", "00000000", "PAT-1_2"])
def test_a_safe_identifier_is_its_own_name(name: str) -> None:
    assert folder_name(name) == name


@pytest.mark.parametrize(
    ("patient_id", "name"),
    [
        ("../../outside", "%2E.%2F..%2Foutside"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("", "%"),
        (" ", "%20"),
        ("-rf", "%2Drf"),
        ("CON", "%43ON"),
        ("nul.txt", "%6Eul.txt"),
        ("INCOMING", "%49NCOMING"),
        ("A\x00B", "A%00B"),
        ("%2e", "%252e"),
        ("é", "%C3%A9"),
    ],
)
def test_names_of_hostile_identifiers(patient_id: str, name: str) -> None:
    assert folder_name(patient_id) == name


@given(IDENTIFIERS)
def test_a_name_is_one_safe_component_everywhere(text: str) -> None:
    for name in (folder_name(text), file_name(text)):
        assert len(os.fsencode(name)) <= 255
        assert Path("root", name).resolve().parent == Path("root").resolve()
        assert PureWindowsPath(name).name == name
        assert not name.startswith((".", "-", " "))
        assert not name.endswith((".", " "))
        assert not set(name) & set('<>:"/\\|?*\0')


@given(IDENTIFIERS)
def test_a_name_can_be_read_back(text: str) -> None:
    name = folder_name(text)
    assert identifier(name) == text or len(name) > 100


@given(IDENTIFIERS, IDENTIFIERS)
def test_two_identifiers_never_share_a_file(first: str, second: str) -> None:
    if first != second:
        assert file_name(first).casefold() != file_name(second).casefold()
        assert folder_name(first) != folder_name(second)


def test_long_identifiers_differ_by_a_hash() -> None:
    first, second = folder_name("x" * 300), folder_name("x" * 301)
    assert first != second
    assert max(len(first), len(second)) <= MAX_NAME_BYTES
    assert identifier(first) is None


def test_uids_that_differ_in_case_alone_have_two_files_on_any_file_system() -> None:
    assert file_name("abc").casefold() != file_name("ABC").casefold()
