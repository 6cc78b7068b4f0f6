"""The files on disk against those that were seen: every difference, once, whatever the names are."""

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyconquest_rt.archive import listing
from pyconquest_rt.archive.listing import Span, spans
from pyconquest_rt.archive.names import disk_name, path_text
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import Database

NAMES = st.sampled_from(
    ["a", "a.dcm", "a-", "b", "0", "é", "\U0001f600", "\uffee", os.fsdecode(b"\xff"), "a b", "a\\b"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def files_below(root: Path) -> set[str]:
    return {
        path_text(os.path.relpath(os.path.join(folder, name), root))
        for folder, _, names in os.walk(root)
        for name in names
    }


def make_tree(root: Path, paths: set[str]) -> None:
    """Write empty files; a path that another one has made a folder of, or the reverse, is left out."""
    for path in sorted(paths):
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        except OSError:
            continue


def remember(database: Database, paths: set[str], rejected: set[str]) -> None:
    database.connection.executemany(
        "INSERT INTO files VALUES (?, 1, 1, NULL, ?)",
        [(path, "rejected" if path in rejected else "indexed") for path in paths],
    )


def is_in(span: Span, path: str) -> bool:
    return span.start <= path < span.end


@given(
    on_disk=st.sets(PATHS, max_size=12),
    gone=st.sets(PATHS, max_size=4),
    forgotten=st.sets(PATHS, max_size=4),
    rejected=st.sets(PATHS, max_size=2),
    page=st.integers(1, 4),
    under=st.sampled_from(["", "a", "b/a"]),
)
@example({"a/b", "a.dcm", "a-"}, {"a/b/a"}, set(), set(), 1, "")
@example({"a", "b"}, {"a/a"}, {"a"}, set(), 4, "")
@example({"é", os.fsdecode(b"\xff"), "\uffee"}, set(), set(), set(), 1, "")
@settings(max_examples=150, deadline=None)
def test_spans_find_what_sets_find(
    on_disk: set[str], gone: set[str], forgotten: set[str], rejected: set[str], page: int, under: str
) -> None:
    with tempfile.TemporaryDirectory() as name, patch.object(listing, "_PAGE", page):
        root = Path(name)
        make_tree(root, on_disk)
        present = files_below(root)
        forgotten, gone, rejected = (
            {path_text(path) for path in paths} for paths in (forgotten, gone, rejected)
        )
        seen = (present - forgotten) | gone
        database = Database(":memory:", schema.default())
        remember(database, seen, rejected)
        found = list(spans(root, under))

        pairs = [pair for span in found for pair in span.differences(database)]
        expected = {path for path in present | seen if path.startswith(f"{under}/" if under else "")}
        assert [file.path if file else known.path for file, known in pairs if file or known] == sorted(
            expected
        )
        assert {file.path for file, _ in pairs if file} == present & expected
        assert {known.path for _, known in pairs if known} == seen & expected

        for span in found:
            here, known_here = ({p for p in paths & expected if is_in(span, p)} for paths in (present, seen))
            as_seen = bool(here) and here == known_here and not known_here & rejected
            assert span.is_as_seen(database) == as_seen
            assert span.size() == len(here) <= page
        database.close()


def test_two_files_are_not_taken_for_one_below(tmp_path: Path) -> None:
    """What was seen deeper down is never taken for the names here, whatever stands between names that are compared."""
    make_tree(tmp_path, {"P/a", "P/b"})
    database = Database(":memory:", schema.default())
    remember(database, {"P/a/P/b"}, set())
    (span,) = spans(tmp_path)
    assert not span.is_as_seen(database)
    assert [known and known.path for _, known in span.differences(database)] == [None, "P/a/P/b", None]
    database.close()


def test_a_file_that_became_a_folder_has_gone(tmp_path: Path) -> None:
    make_tree(tmp_path, {"P/a", "P/b/c"})
    database = Database(":memory:", schema.default())
    remember(database, {"P/a", "P/b"}, set())
    pairs = [pair for span in spans(tmp_path) for pair in span.differences(database)]
    assert [(file and file.path, known and known.path) for file, known in pairs] == [
        ("P/a", "P/a"),
        (None, "P/b"),
        ("P/b/c", None),
    ]
    database.close()


def test_hidden_names_and_folders_that_conquest_skips_are_left_out(tmp_path: Path) -> None:
    """A skipped folder is one by its whole name and at the top only."""
    make_tree(tmp_path, {"bin/a", "Incoming/b", ".h/a", ".h2", "P/.h", "P/bin/c", "bin1", "-", "P/z"})
    database = Database(":memory:", schema.default())
    listed = [file.path for span in spans(tmp_path) for file, _ in span.differences(database) if file]
    assert listed == ["-", "P/bin/c", "P/z", "bin1"]
    database.close()


def test_a_link_to_itself_hides_nothing(tmp_path: Path) -> None:
    make_tree(tmp_path, {"P/a", "P/z"})
    (tmp_path / "P/link").symlink_to("link")
    (span,) = spans(tmp_path)
    assert span.files == [("P/", ["a", "link", "z"])]


def test_folders_that_are_as_they_were_cost_one_statement_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 120)
    paths = {f"P{patient}/{number}.dcm" for patient in range(3) for number in range(50)}
    make_tree(tmp_path, paths)
    database = Database(":memory:", schema.default())
    remember(database, paths, set())
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    assert all(span.is_as_seen(database) for span in spans(tmp_path))
    assert len(statements) == 2
    database.close()


@pytest.mark.parametrize("folder", ["", "P"])
def test_an_empty_tree_is_one_span_that_covers_all(tmp_path: Path, folder: str) -> None:
    database = Database(":memory:", schema.default())
    remember(database, {"P/a", "Q/b"}, set())
    (span,) = spans(tmp_path, folder)
    gone = [known and known.path for _, known in span.differences(database)]
    assert gone == (["P/a"] if folder else ["P/a", "Q/b"])
    assert not span.is_as_seen(database)
    database.close()


@pytest.mark.parametrize(
    "name", ["DICOM\\IM1", "\\", "a\\..\\b", os.fsdecode(b"caf\xe9 \x80.dcm"), "ü\\1", "plain"]
)
def test_every_name_on_disk_has_a_text_for_rows(name: str) -> None:
    text = path_text(name)
    assert text.encode() and "\\" not in text and disk_name(text) == name
