"""The names of AAPM Task Group 263, and its rules for names as far as code can check them.

Source: AAPM Report 263 (Mayo et al., 2018) and its nomenclature worksheet of 2017-08-15.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

MAX_LENGTH = 16

_PLACEHOLDER = re.compile(r"(?:PRV|PTV|_)x+(?:mm|_[LR])?$")
_IRREGULAR_PLURALS = {"Hippocampi": "Hippocampus", "Ovaries": "Ovary"}
_TARGET = re.compile(r"I?GTV|I?CTV|ITV|PTV")
_TARGET_NAME = re.compile(
    r"(?:(?:I?[GC]|[IP])TV!?)"  # type
    r"(?:n|p|sb|par|vas|v)?"  # classifier
    r"(?:[1-9]\d?)?"  # number
    r"(?:_(?:CT|PT|MR|SP)\d*)*"  # imaging
    r"(?:_[A-Za-z][A-Za-z0-9_]*?)?"  # structure or Eval
    r"(?:_(?:High|Low|Mid\d*)|_\d{3,5}(?:x\d+)?|_\d+(?:\.\d+)?Gy(?:x\d+)?)?"  # dose level
    r"(?:-\d{2})?"  # cropped by mm
)


@dataclass(frozen=True)
class Structure:
    """One name of the list. ``stem`` is the name without its side; ``side`` is '', 'L', 'R' or 'B' (both)."""

    name: str
    target_type: str
    category: str
    group: str
    reverse: str
    stem: str
    side: str


@dataclass(frozen=True)
class NameFinding:
    """What a name does against a rule of TG-263."""

    name: str
    rule: str
    message: str


def read_package_csv(filename: str) -> list[dict[str, str]]:
    """Rows of a CSV file in ``rt/data``; lines that begin with ``#`` are comments."""
    text = resources.files(__package__).joinpath("data", filename).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def structures() -> dict[str, Structure]:
    """The list, by name; names with a placeholder for digits (``Bolus_xxmm``) are left out."""
    rows = [row for row in read_package_csv("tg263.csv") if not _PLACEHOLDER.search(row["name"])]
    names = {row["name"] for row in rows}
    found = {}
    for row in rows:
        stem, side = _split_side(row["name"], names)
        reverse = row["reverse"] or "_".join(reversed(row["name"].split("_")))
        found[row["name"]] = Structure(
            row["name"], row["target_type"], row["category"], row["group"], reverse, stem, side
        )
    return found


@cache
def sides_of() -> dict[str, dict[str, str]]:
    """For each stem the names by side: ``{"Lung": {"L": "Lung_L", "R": "Lung_R", "B": "Lungs"}}``."""
    stems: dict[str, dict[str, str]] = defaultdict(dict)
    for structure in structures().values():
        stems[structure.stem][structure.side] = structure.name
    return dict(stems)


def with_prv(name: str, margin_mm: int | None) -> str | None:
    """The planning-risk-volume name of a structure, such as ``OpticNrv_PRV03_L``; None if it does not fit.

    ``margin_mm`` None gives a name without margin. The margin has two digits, or one where only that keeps
    the name within 16 characters, as in the list's own ``OpticChiasm_PRVx``.
    """
    base, side = (name[:-2], name[-2:]) if name.endswith(("_L", "_R")) else (name, "")
    if margin_mm is None:
        margins = [""]
    elif margin_mm < 10:
        margins = [f"{margin_mm:02}", f"{margin_mm}"]
    else:
        margins = [f"{margin_mm}"]
    names = (f"{base}_PRV{margin}{side}" for margin in margins)
    return next((prv for prv in names if len(prv) <= MAX_LENGTH), None)


def is_target(name: str) -> bool:
    """True for the name of a target volume (GTV, CTV, ITV, IGTV, ICTV, PTV)."""
    return _TARGET.match(name) is not None


def check(name: str) -> list[NameFinding]:
    """Check one name against the rules of TG-263; an empty list means that nothing was found."""
    return [NameFinding(name, rule, message) for rule, test, message in _RULES if test(name)] or _unknown(
        name
    )


def check_all(names: Iterable[str]) -> list[NameFinding]:
    """Check the names of one structure set, also that they are unique without regard to case."""
    names = list(names)
    findings = [finding for name in names for finding in check(name)]
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other is not name:
            findings.append(NameFinding(name, "unique", f"the same as {other!r} but for case"))
    return findings


def _split_side(name: str, names: set[str]) -> tuple[str, str]:
    if name in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[name], "B"
    if f"{name[:-1]}_L" in names and name.endswith("s"):
        return name[:-1], "B"
    match = re.fullmatch(r"(?!VB_)(.+)_([LR])(-.+)?", name)
    if match:
        return match[1] + (match[3] or ""), match[2]
    return name, ""


def _bad_prv(name: str) -> bool:
    return "prv" in name.casefold() and not re.search(r"_PRV(\d{1,2})?(_[LR])?$", name)


def _bad_side(name: str) -> bool:
    return bool(re.search(r"(?i)^[lr]t?[ _.]|(?<![a-z])(left|right|lt|rt)(?![a-z])", name))


def _unmarked_helper(name: str) -> bool:
    return not name.startswith(("z", "_")) and bool(
        re.search(r"(?i)(?<![a-z])(opt|ring|dummy|avoid|help|tmp|temp)(?![a-z])", name)
    )


_RULES: list[tuple[str, Callable[[str], bool], str]] = [
    ("length", lambda name: len(name) > MAX_LENGTH, f"longer than {MAX_LENGTH} characters"),
    (
        "characters",
        lambda name: bool(re.search(r"[^A-Za-z0-9_.~^!+-]", name)),
        "a blank or another character",
    ),
    ("laterality", _bad_side, "the side is said by _L or _R at the end"),
    ("PRV", _bad_prv, "a planning risk volume ends in _PRV or _PRV and the margin in mm, as _PRV05"),
    ("z prefix", _unmarked_helper, "a structure that is not evaluated begins with z or _"),
    (
        "target",
        lambda name: is_target(name) and not _TARGET_NAME.fullmatch(name.split("^")[0]),
        "a target is type, classifier, number, _structure, _dose in cGy, as PTVn2_5400",
    ),
]


def _unknown(name: str) -> list[NameFinding]:
    base = re.sub(r"\^.*|~|_PRV\d{0,2}", "", name)
    known = base in structures() or is_target(base) or name.startswith(("z", "_"))
    known = known or re.fullmatch(r"Bolus_\d\dmm|IDL_\d+|E-PTV_(Ev05_)?\d+", base) is not None
    return [] if known else [NameFinding(name, "list", "not in the list of TG-263")]
