"""ROI names cut into words: side, planning-risk margin and marks that forbid a guess are set apart."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "ß": "ss"})
_WORD_BREAK = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z]{2})(?=\d)|[^A-Za-z0-9]+")
_LEADING_ZEROS = re.compile(r"^([a-z]?)0+(?=\d)")
_ELISION = re.compile(r"(?i)\b[dl]['’`](?=[a-z])")  # French: de l'uterus
_GLUED_SIDE = re.compile(
    r"(?i)(?<![a-z])(linker|rechter)(?=[a-z]{3})|(?<=[a-z]{4})(?=(?:gauche|droite?|links|rechts)(?![a-z]))"
)
_PRV = re.compile(r"(?i)prv[\s_+.]*(?:(\d{1,2}(?:[.,]\d)?)\s*(mm|cm)?(?![\dA-Za-z]))?")
_PRV_AFTER = re.compile(r"(?i)(?<![\d.,])(\d{1,2}(?:[.,]\d)?)\s*(mm|cm)(?![A-Za-z])")

# Words of category that say the same; they are put in the form of TG-263.
_SAME_WORDS = {
    "nrv": "nerve nerves",
    "glnd": "gland gl gld",
    "a": "artery art",
    "v": "vein vena",
    "musc": "muscle muscles m",
    "int": "internal interne internes",
    "ext": "external externe externes",
    "post": "posterior posterieur posterieure",
    "sup": "superior superieur superieure",
    "inf": "inferior inferieur inferieure",
}
_SAME_WORD = {word: form for form, words in _SAME_WORDS.items() for word in words.split()}
_FILLERS = frozenset({"of", "the", "de", "des", "du", "la", "le", "van", "het"})
_SIDE_WORDS = {
    "L": "l left lt lf lft links lks li linke linker sin sinister sinistra sinistro sx gauche gche izq izquierdo "
    "izquierda esq",
    "R": "r right rt rgt rechts rts re rechte rechter dex dexter dext dextra destra destro dx droit droite dte "
    "derecho derecha dir",
    "B": "both bilateral bilat bds beidseits beiderseits beide beidseitig combined comb total totaal gesamt ges "
    "bilateraux bilaterale bilaterales pair paar paire",
}
_SIDES = {word: side for side, words in _SIDE_WORDS.items() for word in words.split()}
FRENCH_SIDES = {"g": "L", "d": "R"}

# Marks by which clinics and TG-263 set a structure apart from the organ: partial ~, custom ^, minus, plus.
_MARK = re.compile(r"^[_.\-]|[~^!*#<>=%|?$@{}\\]|[-+&]\s*$")
_JOINED_SIDES = re.compile(r"(?i)(?<![a-z])(l|r|left|right|lt|rt|links|rechts|li|re)(\s*[+&/]\s*)(?=[lr])")
_HELPER_TEXT = """
opt optim optimization ring rings shell avoid avoidance dummy ghost nto help helper hulp hilf hilfe hilfs
temp tmp test old new copy kopie crop cropped cut sub part partial half minus not no overlap margin exp
expanded iso isodose dose spill eval ipsi ipsilat contra contralat z zz
"""
HELPER_WORDS = frozenset(_HELPER_TEXT.split())


@dataclass(frozen=True)
class Words:
    """The parts of one ROI name.

    ``words`` are lower case, without accents, side and PRV; ``side`` is '', 'L', 'R', 'B' (both) or '?' (said
    in two ways that contradict each other); ``prv`` is None, or the margin in mm (0: none is said, -1: not a
    whole number); ``mark`` is the mark that forbids any guess.
    """

    words: tuple[str, ...]
    side: str = ""
    prv: int | None = None
    mark: str = ""

    @property
    def joined(self) -> str:
        return "".join(self.words)


def fold(text: str) -> str:
    """Text without accents and compatibility forms, case kept: ``Rückenmark`` becomes ``Ruckenmark``."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def clean(raw: str) -> str:
    """The name as it is shown and compared: lower case, without accents, ``_`` and blanks made one blank."""
    text = "".join(letter if letter.isprintable() else " " for letter in fold(raw))
    return " ".join(text.replace("_", " ").split()).casefold()


def squeeze(text: str) -> str:
    """Text without case, blanks and underscores, for comparison with the names of TG-263."""
    return re.sub(r"[\s_]+", "", fold(text)).casefold()


def split_words(text: str) -> tuple[str, ...]:
    """Lower-case words of a name, cut at separators, at ``aB`` and before digits; leading zeros dropped."""
    text = _GLUED_SIDE.sub(r"\1 ", _ELISION.sub("", fold(text)))
    words = (_LEADING_ZEROS.sub(r"\1", word.lower()) for word in _WORD_BREAK.split(text) if word)
    return tuple(_SAME_WORD.get(word, word) for word in words if word not in _FILLERS)


@lru_cache(maxsize=65536)
def parse(raw: str) -> Words:
    """Cut a raw ROI name into its parts."""
    text = raw.strip()
    marked = _MARK.search(text)
    text, prv = _take_prv(text)
    text = _JOINED_SIDES.sub(r"\1 ", text)
    plus = re.search(r"[+&]", text)
    words, side = _take_side(split_words(text))
    mark = marked or plus
    return Words(words, side, prv, mark.group().strip() if mark else "")


def _take_prv(text: str) -> tuple[str, int | None]:
    match = _PRV.search(text)
    if not match:
        return text, None
    rest = text[: match.start()] + " " + text[match.end() :]
    number, unit = match[1], match[2]
    if number is None and (after := _PRV_AFTER.search(rest)):
        rest = rest[: after.start()] + " " + rest[after.end() :]
        number, unit = after[1], after[2]
    if number is None:
        return rest, 0
    margin = float(number.replace(",", ".")) * (10 if (unit or "").lower() == "cm" else 1)
    return rest, round(margin) if margin == round(margin) else -1


def _take_side(words: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    sides = {_SIDES[word] for word in words if word in _SIDES}
    rest = tuple(word for word in words if word not in _SIDES)
    if not sides:
        return words, ""
    if len(sides) == 1:
        return rest, sides.pop()
    return rest, "B" if sides == {"L", "R"} else "?"
