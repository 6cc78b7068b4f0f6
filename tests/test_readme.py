"""README.md does what it says: every block of code in it is run, in order, in one empty folder.

``python`` blocks share one namespace, ``pycon`` blocks must show what Python shows, ``sh`` blocks must end
well, and ``console`` blocks must print what they show. In what is shown, ``...`` stands for anything. A port that is
named is one that is free, since this machine may use the one in the text.
"""

import doctest
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).parent.parent
README = REPOSITORY / "README.md"

# Commands that would begin this very run again, or go on for ever; and what runs them instead.
RUN_ELSEWHERE = {
    "make run": "the tests of the command line run the verb behind it",
    "make test": ".ci/run, which is what runs this test",
    "pip install .": "the Makefile's virtual environment, by make test",
}


class Block(NamedTuple):
    """One fenced block: its language, the line it begins on, its text."""

    language: str
    line: int
    text: str


def blocks() -> list[Block]:
    text = README.read_text("utf-8")
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(one[1], text.count("\n", 0, one.start(2)) + 1, one[2]) for one in found]


def run_python(block: Block, names: dict[str, Any]) -> None:
    exec(compile("\n" * (block.line - 1) + block.text, str(README), "exec"), names)


def run_session(block: Block, names: dict[str, Any]) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    session = doctest.DocTestParser().get_doctest(block.text, names, README.name, str(README), block.line - 1)
    session.globs = names  # the parser makes a copy, but the blocks share their names
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(session, out=said.append, clear_globs=False)
    assert not runner.failures, "".join(said)


def run_shell(block: Block, names: dict[str, Any]) -> None:
    lines = [line for line in block.text.splitlines() if command(line) not in RUN_ELSEWHERE]
    output(block, "\n".join(lines))


def run_console(block: Block, names: dict[str, Any]) -> None:
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, shown = step.partition("\n")
        said = output(block, line)
        pattern = re.escape(shown.strip()).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, said.strip(), re.DOTALL), f"{README}:{block.line}: {line}\n{said}"


def command(line: str) -> str:
    return line.partition("#")[0].strip()


def output(block: Block, script: str) -> str:
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{README}:{block.line}: {script}\n{done.stdout}"
    return done.stdout


RUNNERS: dict[str, Callable[[Block, dict[str, Any]], None]] = {
    "python": run_python,
    "pycon": run_session,
    "sh": run_shell,
    "console": run_console,
}


def make_command(folder: Path) -> None:
    """The command that an installation makes, for the package as it stands here."""
    folder.mkdir()
    script = folder / "pyconquest-rt"
    script.write_text(f"#!{sys.executable}\nfrom pyconquest_rt.cli.main import main\nmain()\n")
    script.chmod(0o755)


def test_every_block_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_command(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY), prepend=os.pathsep)
    working = tmp_path / "work"
    working.mkdir()
    monkeypatch.chdir(working)
    names: dict[str, Any] = {"__name__": "__readme__"}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    for block in blocks():
        text = re.sub(r"port=\d+", f"port={free}", block.text)
        RUNNERS[block.language](block._replace(text=text), names)


def test_every_block_is_of_a_language_that_is_run() -> None:
    languages = [block.language for block in blocks()]
    assert set(languages) == set(RUNNERS)
    assert README.read_text("utf-8").count("```") == 2 * len(languages)


def test_commands_that_are_run_elsewhere_stand_in_the_readme() -> None:
    commands = {
        command(line) for block in blocks() if block.language == "sh" for line in block.text.splitlines()
    }
    assert RUN_ELSEWHERE.keys() <= commands


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (REPOSITORY / ".ci/run").read_text("utf-8").splitlines()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8")):
        assert target.startswith("https://") or (REPOSITORY / target).exists(), target
