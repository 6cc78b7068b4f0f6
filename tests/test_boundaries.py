"""Broad excepts hide faults; so they are few, and each stands at a boundary that its line names."""

import re
from pathlib import Path

import pyconquest_rt

PACKAGE = Path(pyconquest_rt.__file__).parent
BROAD = re.compile(r"^ *except(?: Exception| BaseException)?(?: as \w+)?:.*$", re.MULTILINE)
AFTER_CLEANING_UP = re.compile(r"except BaseException:\n(?:.*\n){1,4}? +raise\n")
MOST = 10


def test_broad_excepts_are_few_and_say_why() -> None:
    broad = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in BROAD.findall(AFTER_CLEANING_UP.sub("", path.read_text("utf-8")))
    ]
    assert len(broad) <= MOST, broad
    assert [line for line in broad if "#" not in line] == []
