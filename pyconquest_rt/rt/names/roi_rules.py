"""Rules that make a TG-263 name from a pattern: targets with level, bolus, vertebrae, neck levels."""

import re
from collections.abc import Callable, Container

from pyconquest_rt.rt.names.roi_tokens import clean
from pyconquest_rt.rt.names.tg263 import MAX_LENGTH

_TARGET_TYPE = re.compile(r"(gtv|ctv|itv|ptv|igtv|ictv)")
_CLASSIFIER = re.compile(
    r"[ -]?(ln|nodes?|nodal|primary|prim|n|p|t(?!\d))(?![a-z])"
)  # "T4" may be a vertebra
_CLASSES = {"ln": "n", "node": "n", "nodes": "n", "nodal": "n", "n": "n"}
_NUMBER = re.compile(r" ?([1-9])(?![\d.,])(?! ?c?gy)")
_EVAL = re.compile(r" ?eval(?![a-z])")
_LEVEL = re.compile(r" ?(high|low|mid|hoch|hoog|laag|niedrig)$")
_LEVELS = {"hoch": "High", "hoog": "High", "laag": "Low", "niedrig": "Low"}
_DOSE = re.compile(r" ?(\d{2,5}(?:[.,]\d{1,2})?) ?(gy|cgy)?$")

_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI", "7": "VII"}


def target_name(raw: str, organ_name: Callable[[str], str | None]) -> str | None:
    """The TG-263 name of a target volume, such as ``PTVn2_5400`` from ``PTV N2 54 Gy``.

    ``organ_name`` gives the TG-263 name of an organ that the target names, or None. None is returned where
    any part of the name is not understood, or where the name would be longer than 16 characters.
    A dose without unit is taken as Gy between 30 and 80 (CTV and PTV only: for others it may be a breathing
    phase), as cGy from 1000 to 9999 (but for 2010 to 2039, which may be a year).
    """
    text = " ".join(re.sub(r"[()\[\]]", " ", clean(raw)).split())
    match = _TARGET_TYPE.match(text)
    if not match:
        return None
    name, rest = match[1].upper(), text[match.end() :]
    if classifier := _CLASSIFIER.match(rest):
        name += _CLASSES.get(classifier[1], "p")
        rest = rest[classifier.end() :]
    if number := _NUMBER.match(rest):
        name += number[1]
        rest = rest[number.end() :]
    suffixes, rest = _level_suffixes(rest, match[1] in ("ctv", "ptv"))
    if suffixes is None:
        return None
    if rest.strip():
        organ = organ_name(rest.strip())
        if organ is None or organ.startswith("Bone_"):
            return None
        suffixes.insert(0, organ)
    name = "_".join([name, *suffixes])
    return name if len(name) <= MAX_LENGTH else None


_DIFFERENCE = re.compile(
    r"(?P<organ>.*\S)\s*(?:[-\u2010-\u2015\u2212]|\s(?:minus|moins|ohne|zonder|min|sans|less|without))\s*"
    r"(?:the |le |la |das |het )?(?P<target>[gcip]tv)",
    re.IGNORECASE,
)


def difference_name(raw: str, organ_name: Callable[[str], str | None], names: Container[str]) -> str | None:
    """``Lungs-GTV`` from ``Poumons moins GTV``, or None; only what ``names``, those of the list, hold is made."""
    match = _DIFFERENCE.fullmatch(raw.strip())
    organ = organ_name(match["organ"].replace("_", " ").strip()) if match else None
    name = f"{organ}-{match['target'].upper()}" if match and organ else ""
    return name if name in names else None


def bolus_name(raw: str) -> str | None:
    """``Bolus_05mm`` from ``Bolus 5 mm``, or None."""
    match = re.fullmatch(r"bolus ?(\d{1,2}) ?mm", clean(raw))
    return f"Bolus_{int(match[1]):02}mm" if match else None


def _level_suffixes(rest: str, has_levels: bool) -> tuple[list[str] | None, str]:
    suffixes = []
    if level := _LEVEL.search(rest):
        suffixes.append(_LEVELS.get(level[1], level[1].capitalize()))
        rest = rest[: level.start()]
    elif dose := _DOSE.search(rest):
        centigray = _centigray(dose[1].replace(",", "."), dose[2], has_levels)
        if centigray is None:
            return None, rest
        suffixes.append(str(centigray))
        rest = rest[: dose.start()]
    if evaluated := _EVAL.match(rest):
        suffixes.insert(0, "Eval")
        rest = rest[evaluated.end() :]
    return suffixes, rest


def _centigray(number: str, unit: str | None, has_levels: bool) -> int | None:
    value = float(number)
    if unit is None and has_levels and 30 <= value <= 80:
        unit = "gy"
    elif unit is None and 1000 <= value <= 9999 and not 2010 <= value < 2040:
        unit = "cgy"
    elif unit is None:
        return None
    centigray = value * 100 if unit == "gy" else value
    return round(centigray) if 100 <= centigray <= 10000 else None


def _vertebra(match: re.Match[str]) -> str:
    region, number = match["region"][0].upper(), int(match["number"])
    region = {"H": "C", "B": "T"}.get(region, region) if match["region"].endswith("wk") else region
    return f"VB_{region}{number:02}" if region == "T" else f"VB_{region}{number}"


_REGIONS = {
    "c": "cervical hals cervicale",
    "t": "thoracic brust dorsal dorsale thoracique borst",
    "l": "lumbar lenden lombaire lumbale",
    "s": "sacral sacre sacree sacrale",
}
_REGION = {word: region.upper() for region, words in _REGIONS.items() for word in words.split()}


def _vertebra_of_region(match: re.Match[str]) -> str:
    region, number = _REGION[match["name"]], int(match["number"])
    if match["region"] and match["region"].upper() != region:
        return ""
    return f"VB_{region}{number:02}" if region == "T" else f"VB_{region}{number}"


_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            *("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th"),
            *("eighth 8th", "ninth 9th", "tenth 10th", "eleventh 11th", "twelfth 12th"),
        ),
        1,
    )
    for word in words.split()
}


def _rib(match: re.Match[str]) -> str:
    number = _ORDINALS.get(match["ordinal"] or "") or int(match["number"] or match["after"] or 0)
    return f"Rib{number:02}" if 1 <= number <= 12 else ""


_LOBES = {
    "U": "upper sup ober oberlappen lungenoberlappen boven bovenkwab",
    "M": "middle mid mittel mittellappen lungenmittellappen midden middenkwab moyen",
    "L": "lower inf unter unterlappen lungenunterlappen onder onderkwab",
}
_LOBE = {word: level for level, words in _LOBES.items() for word in words.split()}
_LOBES_BY_NAME = frozenset(word for word in _LOBE if word.endswith(("lappen", "kwab")))
_LUNG_LOBES = frozenset({"Lung_LUL", "Lung_LLL", "Lung_RUL", "Lung_RML", "Lung_RLL"})
_LOBE_WORDS = frozenset(
    {"lobe", "lung", "lappen", "lunge", "kwab", "long", "poumon", "pulmonary", "pulmonaire"}
)


def lobe_name(words: tuple[str, ...], side: str) -> str | None:
    """``Lung_LUL`` from the words and the side of ``Left upper lobe``, or None; the left lung has no middle lobe."""
    levels = [_LOBE[word] for word in words if word in _LOBE]
    rest = set(words) - set(_LOBE)
    is_lobe = bool(rest & {"lobe", "kwab"} or set(words) & _LOBES_BY_NAME)
    if not is_lobe or len(levels) != 1 or not rest <= _LOBE_WORDS:
        return None
    name = f"Lung_{side}{levels[0]}L"
    return name if name in _LUNG_LOBES else None


def _neck_level(match: re.Match[str]) -> str:
    level = match["level"]
    return (
        "LN_Neck_" + _ROMAN.get(level[0], level).upper() + (level[1:].upper() if level[0].isdigit() else "")
    )


_VERTEBRA_WORD = "vb|vertebra|vertebrae|vertebral body|vertebre|wervel|wirbel|wirbelkorper|wirbelkoerper"
_RIB_WORD = "(?:rib|rippe|cote)"
_NECK_LEVEL = r"(?P<level>[1-7][abc]?|[iv]+[abc]?)"  # "level 2" alone may as well be axillary

# Patterns over the words of a name, joined by blanks; the side is put to the name afterwards.
_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(?P<region>[hbl]wk) (?P<number>\d{1,2})"), _vertebra),
    (re.compile(rf"(?:{_VERTEBRA_WORD}) (?P<region>[ctls])h?(?P<number>\d{{1,2}})"), _vertebra),
    (re.compile(rf"(?P<region>[ctls])(?P<number>\d{{1,2}}) (?:{_VERTEBRA_WORD})"), _vertebra),
    (
        re.compile(
            rf"(?P<name>{'|'.join(_REGION)}) ?(?:{_VERTEBRA_WORD}) (?P<region>[ctls]?)(?P<number>\d{{1,2}})"
        ),
        _vertebra_of_region,
    ),
    (
        re.compile(rf"(?:(?P<ordinal>{'|'.join(_ORDINALS)})|(?P<number>\d{{1,2}})) {_RIB_WORD}(?P<after>)"),
        _rib,
    ),
    (re.compile(rf"(?P<ordinal>)(?P<number>){_RIB_WORD} (?P<after>\d{{1,2}})"), _rib),
    (re.compile(rf"(?:ln )?(?:neck|cervical) (?:level|ln) {_NECK_LEVEL}"), _neck_level),
    (re.compile(rf"(?:ln|lymph nodes?) (?:neck|hn) {_NECK_LEVEL}"), _neck_level),
    (re.compile(rf"(?:ln )?level {_NECK_LEVEL} neck"), _neck_level),
]


def pattern_name(words: tuple[str, ...]) -> str | None:
    """The TG-263 stem that a pattern of words stands for (``("hwk", "7")`` gives ``VB_C7``), or None."""
    text = " ".join(words)
    for pattern, name in _PATTERNS:
        if match := pattern.fullmatch(text):
            return name(match) or None
    return None
