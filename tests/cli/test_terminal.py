"""What a terminal shows: progress of what takes long, and values that cannot move its cursor."""

import io
import re
import sys
import time
from contextlib import redirect_stderr

import pytest

from pyconquest_rt.cli import terminal
from pyconquest_rt.cli.terminal import Progress, cell, print_result, print_table, waiting
from pyconquest_rt.service.status import counted


class Screen(io.StringIO):
    """A stderr that says it is a terminal, or not."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, now = Screen(is_terminal), 100.0
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    progress = Progress("files")
    progress(100, 2000)  # too early to be shown
    assert screen.getvalue() == ""
    now = 104.0
    progress(400, 2000)
    progress.close()
    assert ("400/2000" in screen.getvalue() and "files" in screen.getvalue()) == is_terminal
    assert is_terminal or screen.getvalue() == ""


def test_cells_are_whole_and_harmless() -> None:
    assert cell("a\x1b[2Jb\n") == "a·[2Jb·"
    assert cell(None) == ""
    assert cell("x" * 1000) == "x" * 1000


REASON = "it contradicts the index: study 1.2.3 belongs to [another] patient " * 3


def test_a_piped_table_is_whole_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        [{"path": "a.dcm", "n": 1, "reason": REASON}, {"path": "longer.dcm", "n": 10, "reason": None}]
    )
    assert capsys.readouterr().out.splitlines() == [
        "path         n  reason",
        f"a.dcm        1  {REASON}".rstrip(),
        "longer.dcm  10",
    ]


def test_a_table_on_a_terminal_is_wrapped_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "60")
    print_table([{"path": "a.dcm", "n": 1, "reason": REASON}])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert all(len(line) <= 60 for line in plain.splitlines())
    words = "".join(line[line.index("1") + 1 if "a.dcm" in line else 0 :] for line in plain.splitlines()[1:])
    assert "".join(words.split()) == "".join(REASON.split())


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setattr(terminal, "_SHOWN_AFTER_S", 0.0)
    return Screen(True)


def test_what_takes_long_is_said(screen: Screen) -> None:
    end = time.monotonic() + 30
    with redirect_stderr(screen), waiting("copying the database"):
        while "copying" not in screen.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    assert "copying the database" in screen.getvalue()


def test_what_is_quick_is_not(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_SHOWN_AFTER_S", 60.0)
    with redirect_stderr(screen), waiting("asking"):
        progress = Progress("files")
        progress(1, 2)
        progress.close()
    assert screen.getvalue() == ""


def test_nothing_is_said_where_output_is_piped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_SHOWN_AFTER_S", 0.0)
    with waiting("asking"):
        time.sleep(0.05)
    progress = Progress("files")
    progress(1)
    progress.close()
    assert capsys.readouterr() == ("", "")


def test_results_of_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(
        {
            "read": 3,
            "updated": 0,
            "changes": {"indexed": {"files": ["P1/1.dcm", "P1/2.dcm"], "folders": {"P1": 2}}},
            "rejected": [["P1/notes.txt", "it cannot be read"]],
            "many": list(range(1, 31)),
            "failures": [],
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "    - 30"  # piped, nothing is cut
    assert lines[:9] == [
        "  read: 3",
        "  changes:",
        "    indexed:",
        "      files:",
        "        - P1/1.dcm",
        "        - P1/2.dcm",
        "      folders:",
        "        P1: 2",
        "  rejected:",
    ]
    assert lines[9] == "    - P1/notes.txt: it cannot be read"
    assert not any("failures" in line for line in lines)


def test_a_terminal_gets_the_first_lines_of_a_long_result(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stdout", screen)
    print_result({"many": list(range(1, 31))})
    assert screen.getvalue().splitlines()[-1] == "    ... and 10 more, see --json"


def test_numbers_with_their_nouns() -> None:
    assert [
        counted(n, what) for n, what in ((1, "patients"), (2, "patients"), (1, "studies"), (1, "series"))
    ] == [*("1 patient", "2 patients", "1 study", "1 series")]
    assert counted(0, "images") == "0 images"
