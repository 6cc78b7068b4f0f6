"""What a terminal shows: progress of what takes long, and values that cannot move its cursor."""

import io
import sys

import pytest

from pyconquest_rt import terminal
from pyconquest_rt.terminal import Progress, cell


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
