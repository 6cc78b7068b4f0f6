"""ROI names to TG-263: exact, by the site's map, by synonyms, by rules, by a cautious correction of slips.

The raw name is never changed. No guess is made across side, dose level, planning-risk margin or the marks of
optimisation and partial structures: every word of a name must be understood, or the name stays uncategorised.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, lru_cache

from pyconquest_rt.rt.names import tg263
from pyconquest_rt.rt.names.roi_fuzzy import MOST_SLIPS, nearest
from pyconquest_rt.rt.names.roi_map import Entry, RoiMap
from pyconquest_rt.rt.names.roi_rules import (
    bolus_name,
    difference_name,
    lobe_name,
    pattern_name,
    target_name,
)
from pyconquest_rt.rt.names.roi_tokens import (
    FRENCH_SIDES,
    HELPER_WORDS,
    Words,
    clean,
    parse,
    split_words,
    squeeze,
)

UNCATEGORISED = "uncategorised"


@dataclass(frozen=True)
class RoiName:
    """What a raw ROI name stands for.

    ``method`` is ``exact``, ``alias`` (the site's map or a built-in synonym), ``rule`` (side, PRV, target and
    the like), ``fuzzy`` or ``uncategorised``; ``score`` runs from 0 to 1 and is below 1 only for ``fuzzy``;
    ``detail`` says in words what was matched, or why nothing was.
    """

    raw: str
    cleaned: str
    physician: str | None
    institutional: str | None
    tg263: str | None
    method: str
    score: float | None
    detail: str


@dataclass(frozen=True)
class Match:
    """One TG-263 name with the method that found it."""

    name: str
    method: str
    detail: str
    score: float = 1.0


def classify(raw: str, site_map: RoiMap | None = None, physician: str = "") -> RoiName:
    """Give one ROI name its physician, institutional and TG-263 name.

    Order: the list of TG-263 itself (any case, separators, word order), the site's map, built-in synonyms,
    rules, correction of slips. An institutional name outside the map is the TG-263 name.
    """
    entry = site_map.lookup(raw, physician) if site_map else None
    match = _beside_map(raw, entry) if entry else match_name(raw)
    found = match or Match("", UNCATEGORISED, _why_not(raw), 0.0)
    return RoiName(
        raw=raw,
        cleaned=clean(raw),
        physician=entry.name if entry else None,
        institutional=entry.institutional if entry and entry.is_categorised else found.name or None,
        tg263=found.name or None,
        method=found.method,
        score=round(found.score, 3) if match else None,
        detail=found.detail,
    )


def _beside_map(raw: str, entry: Entry) -> Match | None:
    """The TG-263 name of a raw name that the site's map holds: what the list says goes before the map."""
    return _exact(raw) or _from_map(entry.institutional, entry.name) or _by_rules(raw)


@lru_cache(maxsize=8192)
def match_name(raw: str) -> Match | None:
    """The TG-263 name of a raw ROI name by list, synonyms, rules and correction, without any site's map."""
    return _exact(raw) or _by_rules(raw) or _fuzzy(raw)


def suggestions(raw: str, count: int = 3) -> tuple[str, ...]:
    """TG-263 names a person may choose from, the likeliest first; never of another side than was said."""
    words = parse(raw)
    scores: dict[str, float] = {}
    for meant, stem in _all_spellings():
        sides = tg263.sides_of().get(stem, {stem: stem})
        names = [sides[words.side]] if words.side in sides else list(sides.values()) if not words.side else []
        score = SequenceMatcher(None, words.joined, "".join(meant)).ratio()
        for name in names if score > 0.6 else []:
            scores[name] = max(score, scores.get(name, 0.0))
    return tuple(sorted(scores, key=lambda name: (-scores[name], name))[:count])


def _from_map(*names: str) -> Match | None:
    for name in names:
        match = _exact(name) or _by_rules(name)
        if match:
            return Match(match.name, "alias", f"site map: {name}")
    return None


def _exact(raw: str) -> Match | None:
    if parse(raw).mark in {"_", ".", "-"}:
        return None
    name = _exact_names().get(_as_written(raw)) or _exact_names().get(squeeze(raw))
    return Match(name, "exact", "TG-263 list") if name else None


def _as_written(raw: str) -> str:
    return "_".join(raw.split()).casefold()


def _by_rules(raw: str) -> Match | None:
    if name := difference_name(raw, _organ_name, tg263.structures()):
        return Match(name, "rule", "a structure without a target")
    words = parse(raw)
    if words.mark:
        return None
    return (_composed(raw, words) or _structure(words)) if words.prv is None else _with_prv(words)


def _composed(raw: str, words: Words) -> Match | None:
    """A name that is made of parts: a lobe of a lung, a target, a bolus."""
    if name := lobe_name(words.words, words.side):
        return Match(name, "rule", f"lobe of a lung, side {words.side}")
    if name := target_name(raw, _organ_name) or bolus_name(raw):
        return Match(name, "rule", "target or bolus with its number")
    return None


def _with_prv(words: Words) -> Match | None:
    """The planning risk volume of what words say."""
    match, margin = _structure(words), words.prv or 0
    if match is None or margin < 0 or tg263.is_target(match.name):
        return None
    name = tg263.with_prv(match.name, margin or None)
    return Match(name, "rule", f"planning risk volume of {match.name}") if name else None


def _organ_name(text: str) -> str | None:
    match = _exact(text) or _by_rules(text)
    return match.name if match and not tg263.is_target(match.name) else None


def _structure(words: Words) -> Match | None:
    """The structure that all words together stand for, with its side."""
    for meaning in _readings(words):
        name = tg263.sides_of().get(meaning.stem, {}).get(meaning.side)
        if name is None and meaning.side == "B" and meaning.stem in _plurals():
            name = meaning.stem
        if name is None and not meaning.side and meaning.stem in tg263.structures():
            name = meaning.stem
        if name:
            return Match(name, meaning.method, meaning.detail)
    return None


@dataclass(frozen=True)
class _Meaning:
    stem: str
    side: str
    method: str
    detail: str


def _readings(words: Words) -> Iterator[_Meaning]:
    side = f", side {words.side}" if words.side else ""
    if _meanings(words):
        return
    for key in (words.joined, _unordered(words.words)):
        if stem := _stems().get(key):
            yield _Meaning(stem, words.side, "rule", "words of the TG-263 name" + side)
        if stem := _aliases().get(key):
            yield _Meaning(stem, words.side, "alias", f"synonym {' '.join(words.words)}" + side)
    if stem := pattern_name(words.words):
        yield _Meaning(stem, words.side, "rule", "numbered structure" + side)
    if not words.side and len(words.words) > 1:
        yield from _french(words.words[:-1], words.words[-1])
        yield from _french(words.words[1:], words.words[0])


def _french(words: tuple[str, ...], side: str) -> Iterator[_Meaning]:
    """What French words stand for beside a side that is written ``g`` or ``d``."""
    stem = _aliases("fr").get("".join(words)) if side in FRENCH_SIDES else None
    if stem:
        said = FRENCH_SIDES[side]
        yield _Meaning(stem, said, "alias", f"synonym {' '.join(words)}, side {said}")


def _fuzzy(raw: str) -> Match | None:
    words = parse(raw)
    if words.mark or words.prv is not None or not words.words or any(char.isdigit() for char in raw):
        return None
    if _meanings(words) or HELPER_WORDS & set(words.words) or tg263.is_target(words.joined.upper()):
        return None
    found = nearest(words.words, _fuzzy_candidates(words), _known_words())
    if found is None:
        return None
    name, score = found
    return Match(name, "fuzzy", f"misspelt {name}", score)


def _fuzzy_candidates(words: Words) -> Iterator[tuple[tuple[str, ...], str]]:
    """Spellings of as many words and about as many letters, with the name that they have on the side said."""
    letters = len(words.joined)
    for length in range(letters - MOST_SLIPS, letters + MOST_SLIPS + 1):
        for meant, stem in _spellings_by_size().get((len(words.words), length), ()):
            name = tg263.sides_of().get(stem, {}).get(words.side)
            if name is None and not words.side and stem in tg263.structures():
                name = stem
            if name:
                yield meant, name


def _why_not(raw: str) -> str:
    words = parse(raw)
    if words.mark:
        return f"marked by {words.mark!r}"
    helpers = sorted(HELPER_WORDS & set(words.words))
    if helpers:
        return f"optimisation or partial structure: {' '.join(helpers)}"
    if stems := _meanings(words):
        return f"may be {' or '.join(sorted(stems))}"
    sides = tg263.sides_of().get(_stems().get(words.joined) or _aliases().get(words.joined) or "", {})
    if not words.side and sides:
        return "the side is not said"
    return "not known"


def _unordered(words: tuple[str, ...]) -> str:
    return " ".join(sorted(words))


@cache
def _exact_names() -> dict[str, str]:
    """The list by primary and reverse-order name, squeezed and as written (which tells VBs from VB_S)."""
    pairs = [
        (spelling, name)
        for name, structure in tg263.structures().items()
        for spelling in (structure.reverse, name)
    ]
    # "Musc_Constricts" would be a plural, not the superior one, so a last part S is not squeezed.
    squeezed = {squeeze(spelling): name for spelling, name in pairs if not spelling.endswith("_S")}
    return squeezed | {_as_written(spelling): name for spelling, name in pairs}


@cache
def _plurals() -> frozenset[str]:
    return frozenset(name for name, structure in tg263.structures().items() if structure.side == "B")


def _keys(words: tuple[str, ...]) -> set[str]:
    """What a name is found by: its words in no order, and in their order as one word.

    A last word S is not joined: "constrictor s" is the superior one, "constrictors" a plural.
    """
    return {_unordered(words)} | ({"".join(words)} if words[-1:] != ("s",) else set())


def _index(named: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, set[str]]:
    """All stems that each key may stand for, from pairs of stem and words."""
    found: dict[str, set[str]] = defaultdict(set)
    for stem, words in named:
        for key in _keys(words):
            found[key].add(stem)
    return found


@cache
def _ambiguous() -> dict[str, set[str]]:
    """Keys that several structures share, by list or synonym; none of them is taken."""
    found = _index([*_listed(), *((stem, words) for stem, _, words in _synonyms() if stem)])
    return {key: stems for key, stems in found.items() if len(stems) > 1}


def _meanings(words: Words) -> set[str]:
    """The structures that words may stand for where they are several; else none."""
    return _ambiguous().get(words.joined) or _ambiguous().get(_unordered(words.words)) or set()


def _unambiguous(named: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    return {key: next(iter(stems)) for key, stems in _index(named).items() if key not in _ambiguous()}


def _listed() -> list[tuple[str, tuple[str, ...]]]:
    """Stems of the list with their words; derived names (``-GTV``) are found only exactly."""
    return [(stem, split_words(stem)) for stem in [*_plurals(), *tg263.sides_of()] if "-" not in stem]


@cache
def _stems() -> dict[str, str]:
    """Stems of the list by their words, in order and in no order."""
    return _unambiguous(_listed())


@cache
def _synonyms() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """All synonyms as (TG-263 name or stem, language, words), with umlauts also as ae, and as one word."""
    found = []
    for row in tg263.read_package_csv("roi_synonyms.csv"):
        for alias in row["names"].split("|"):
            spelt_out = alias.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
            spellings = {split_words(text) for text in (alias, spelt_out)}
            spellings |= {("".join(words),) for words in spellings if words[-1] != "s"}
            found += [(row["tg263"], row["language"], words) for words in sorted(spellings)]
    return tuple(found)


@cache
def _aliases(language: str = "") -> dict[str, str]:
    """Stems by the words of their synonyms, of one language or of all."""
    wanted = (
        (stem, words) for stem, its_language, words in _synonyms() if stem and language in ("", its_language)
    )
    return _unambiguous(wanted)


@cache
def _all_spellings() -> tuple[tuple[tuple[str, ...], str], ...]:
    stems = {(split_words(stem), stem) for stem in [*_plurals(), *tg263.sides_of()] if "-" not in stem}
    one_word = {(("".join(words),), stem) for words, stem in stems}
    return tuple(sorted(stems | one_word | {(words, stem) for stem, _, words in _synonyms() if stem}))


@cache
def _spellings_by_size() -> dict[tuple[int, int], list[tuple[tuple[str, ...], str]]]:
    """All spellings by their number of words and of letters."""
    sizes: dict[tuple[int, int], list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for words, stem in _all_spellings():
        sizes[len(words), sum(map(len, words))].append((words, stem))
    return dict(sizes)


@cache
def _known_words() -> frozenset[str]:
    words = {word for spelling, _ in _all_spellings() for word in spelling}
    words |= {word for _, _, synonym in _synonyms() for word in synonym}
    joined = {"".join(spelling) for spelling, _ in _all_spellings()} | {
        "".join(words) for _, _, words in _synonyms()
    }
    return frozenset(words | joined | HELPER_WORDS)
