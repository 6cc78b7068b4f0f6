"""What a terminal shows: progress of what takes long, and values that cannot move its cursor."""

import io
import re
import sys
import time
from contextlib import redirect_stderr

import pytest

from pyconquest_rt.cli import terminal
from pyconquest_rt.cli.terminal import Progress, cell, print_result, waiting
from pyconquest_rt.service.status import counted


class Screen(io.StringIO):
    """A stderr that says it is a terminal, or not."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_tells_rate_and_time_left(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, now = Screen(is_terminal), 100.0
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    progress = Progress("files")
    for now, done in ((101.0, 100), (104.0, 400), (104.1, 410), (110.0, 1000)):  # noqa: B007
        progress(done, 2000)
    progress.close()
    shown = screen.getvalue().replace("\r", "").split("\x1b[K")
    expected = ["400 of 2000 files, 100/s, 16 s left", "1000 of 2000 files, 100/s, 10 s left", "", ""]
    assert shown == (expected if is_terminal else [""])


def test_cells_are_bounded_and_harmless() -> None:
    assert cell("a\x1b[2Jb\n") == "a·[2Jb·"
    assert cell(None) == ""
    assert len(cell("x" * 1000)) == 64


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setattr(terminal, "_SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(terminal, "_REFRESH_S", 0.01)
    return Screen(True)


def test_what_takes_long_is_said_and_taken_away_again(screen: Screen) -> None:
    end = time.monotonic() + 30
    with redirect_stderr(screen), waiting("copying the database"):
        while "copying" not in screen.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    assert re.search(r"\rcopying the database, \d+ s\x1b\[K", screen.getvalue())
    assert screen.getvalue().endswith("\r\x1b[K")
    with redirect_stderr(screen):
        progress = Progress("files")
        time.sleep(0.02)
        progress(1, 2)
        progress.close()
    assert "1 of 2 files" in screen.getvalue() and screen.getvalue().endswith("\r\x1b[K")


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
    assert lines[-1] == "    ... and 10 more, see --json" and not any("failures" in line for line in lines)


def test_numbers_with_their_nouns() -> None:
    assert [
        counted(n, what) for n, what in ((1, "patients"), (2, "patients"), (1, "studies"), (1, "series"))
    ] == [*("1 patient", "2 patients", "1 study", "1 series")]
    assert counted(0, "images") == "0 images"
