"""Units of measurement: what a report writes, to the unit that a column's name promises.

Reports write units in UCUM, in UCUM of their own kind (``Gym2``, ``mGycm``, ``uAs``) and in words
(``pulse/s``). All spellings stand in one table, so a unit is known everywhere or nowhere: a value whose
unit is not known, or is of another kind, is not converted.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

_SPELLINGS = """
Gym2        Gy.m2 1        dGy.m2 1/10      cGy.m2 1/100      mGy.m2 1/1000     uGy.m2 1/1000000
Gym2        Gy.cm2 1/10000 dGy.cm2 1/100000 cGy.cm2 1/1000000 mGy.cm2 1/10000000
Gym2        uGy.cm2 1/10000000000
Gy          Gy 1           dGy 1/10         cGy 1/100         mGy 1/1000        uGy 1/1000000
Gy          nGy 1/1000000000
mGy         mGy 1          Gy 1000          dGy 100           cGy 10            uGy 1/1000
mGy         nGy 1/1000000
mGycm       mGy.cm 1       Gy.cm 1000       cGy.cm 10         mGy.m 100         mGy.mm 1/10
mGycm       uGy.cm 1/1000    uGy.m 1/10       Gy.m 100000
mSv         mSv 1          Sv 1000          cSv 10            uSv 1/1000        nSv 1/1000000
s           s 1            ms 1/1000        us 1/1000000      min 60            h 3600
s           sec 1          msec 1/1000      seconds 1         minutes 60
ms          ms 1           s 1000           us 1/1000         min 60000
ms          msec 1         sec 1000
mm          mm 1           cm 10            dm 100            m 1000            um 1/1000
m           m 1            dm 1/10          cm 1/100          mm 1/1000
mm2         mm2 1          cm2 100          dm2 10000         m2 1000000
m2          m2 1           dm2 1/100        cm2 1/10000       mm2 1/1000000
cm3         cm3 1          ml 1             mL 1              cc 1              mm3 1/1000
cm3         l 1000         L 1000           ul 1/1000         uL 1/1000
kg          kg 1           g 1/1000
N           N 1            kN 1000          daN 10            mN 1/1000
kPa         kPa 1          Pa 1/1000        hPa 1/10          mbar 1/10
kV          kV 1           V 1/1000         MV 1000           kVp 1             kv 1   kvp 1
mA          mA 1           uA 1/1000        A 1000            ma 1
uAs         uA.s 1         mA.s 1000        A.s 1000000       mA.ms 1
deg         deg 1          degree 1         degrees 1         ° 1               rad 57.29577951308232
MBq         MBq 1          Bq 1/1000000     kBq 1/1000        GBq 1000
MBq         mCi 37         uCi 0.037        Ci 37000
Bq_per_mol  Bq/mol 1       Bq/mmol 1000     Bq/umol 1000000   Bq/nmol 1000000000
Bq_per_mol  MBq/mol 1000000                 MBq/mmol 1000000000
Bq_per_mol  MBq/umol 1000000000000          GBq/mmol 1000000000000
per_s       /s 1           1/s 1            Hz 1              s-1 1             /min 1/60
per_s       pulse/s 1      pulses/s 1       pps 1             p/s 1             /sec 1
per_s       1/sec 1        pulse/sec 1      pulses/sec 1      pulse/second 1    pulses/second 1
per_s       fps 1          f/s 1            fr/s 1            frame/s 1         frames/s 1
per_s       frames/sec 1   frames/second 1  images/s 1        image/s 1         1/min 1/60
percent     % 1            percent 1
count       1 1            "" 1             no 1              ratio 1           events 1  pulses 1
count       X-raysources 1 X-Raysources 1   nounits 1         nounit 1          unitless 1
"""


_MULTIPLIED = re.compile(r"[.·⋅∙*×^]|-(?=[A-Za-z])")  # between units; s-1 is another thing than mGy-cm


def _normal(unit: str) -> str:
    """One spelling for the many: without blanks, multiplication signs and annotations; µ is u."""
    text = "".join(unit.split()).replace("µ", "u").replace("μ", "u")
    if text.startswith("{") and text.endswith("}"):
        return ""
    start, end = text.find("{"), text.find("}")
    if 0 <= start < end:
        text = text[:start] + text[end + 1 :]
    return _MULTIPLIED.sub("", text).replace("²", "2").replace("³", "3")


def _but_mega(text: str) -> str:
    """A spelling in small letters, but for an M: among small letters it is mega, not milli."""
    return "".join(part if part == "M" else part.lower() for part in text)


def _table() -> dict[tuple[str, str], tuple[float, float]]:
    table = {}
    for line in _SPELLINGS.split("\n"):
        target, *pairs = line.split() or [""]
        for spelling, factor in zip(pairs[::2], pairs[1::2], strict=True):
            over, _, under = factor.partition("/")
            table[_normal(spelling.strip('"')), target] = (float(over), float(under or 1))
    return table


_FACTORS: Mapping[tuple[str, str], tuple[float, float]] = _table()


def _without_case(fold: Callable[[str], str]) -> Mapping[tuple[str, str], tuple[float, float]]:
    """The spellings as ``fold`` writes them; one that two units of a kind could mean is none."""
    found: dict[tuple[str, str], set[tuple[float, float]]] = {}
    for (text, target), factor in _FACTORS.items():
        found.setdefault((fold(text), target), set()).add(factor)
    return {key: factors.pop() for key, factors in found.items() if len(factors) == 1}


_OF_CAPITALS = _without_case(str.lower)  # GY.CM2, KV: an M is milli wherever mega is not in the table
_OF_MIXED = _without_case(_but_mega)  # KVp, mGY

_WITHOUT_SUFFIX = {"kvp": "kV"}  # columns whose name is itself the quantity
_SUFFIXES = sorted({target for _, target in _FACTORS}, key=len, reverse=True)


@cache
def unit_of(column: str) -> str:
    """Return the unit that a column's name ends with (``dlp_mGycm`` → ``mGycm``); without one it counts."""
    if column in _WITHOUT_SUFFIX:
        return _WITHOUT_SUFFIX[column]
    return next((unit for unit in _SUFFIXES if column.endswith("_" + unit)), "count")


def convert(value: float, unit: str | None, target: str) -> float | None:
    """Return the value in the unit ``target``, or None when ``unit`` is not known as a unit of that kind."""
    factor = _factor(unit or "", target)
    return None if factor is None else value * factor[0] / factor[1]


@lru_cache(maxsize=1024)
def _factor(unit: str, target: str) -> tuple[float, float] | None:
    text = _normal(unit)
    exact = _FACTORS.get((text, target))
    if exact is not None:
        return exact
    return (
        _OF_CAPITALS.get((text.lower(), target))
        if text.isupper()
        else _OF_MIXED.get((_but_mega(text), target))
    )
