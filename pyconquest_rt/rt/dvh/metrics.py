"""The metrics of a DVH by their names: what may be written, and its value.

A metric is written as quantity, threshold and, in brackets, the unit of the answer: ``D95%[Gy]``,
``V20Gy[cc]``, ``gEUD8[Gy]``, ``CI95%``. ``BED:`` and ``EQD2:`` before a quantity take it from the DVH of that dose,
``EQD2(3):D2%[Gy]`` with an alpha/beta of its own. :data:`KINDS` holds all quantities. Doses in % are relative to
the prescription. Sources: AAPM report 263 (2018), section 9; Mayo et al., Adv. Radiat. Oncol. 1 (2016), 260-271.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pyconquest_rt.rt.dvh.statistics import Conformity, dose_in, dose_out

Isodose = Callable[[float], float]
"""The whole volume in cc that gets at least a dose in Gy, in the body or in the dose grid."""

DOSES, VOLUMES, NO_UNIT = ("Gy", "cGy", "%"), ("%", "cc"), ("",)


class HasCurve(Protocol):
    """What a metric is taken from; a DVH has it."""

    @property
    def covered_cc(self) -> float: ...
    @property
    def min_gy(self) -> float: ...
    @property
    def mean_gy(self) -> float: ...
    @property
    def max_gy(self) -> float: ...
    @property
    def prescription_gy(self) -> float | None: ...

    def dose_at_volume(self, volume: float, unit: str = "%") -> float: ...
    def volume_at_dose(self, dose: float, unit: str = "Gy", out: str = "cc") -> float: ...
    def homogeneity_index(self) -> float: ...
    def conformity_indices(self, isodose_cc: float, dose_gy: float | None = None) -> Conformity: ...
    def integral_dose(self, density: float = 1.0) -> float: ...
    def geud(self, a: float | None = None) -> float: ...
    def bed(self, fractions: float | None = None, alpha_beta: float | None = None) -> "HasCurve": ...
    def eqd2(self, fractions: float | None = None, alpha_beta: float | None = None) -> "HasCurve": ...


@dataclass(frozen=True)
class Metric:
    """One metric: ``kind`` (one of KINDS), threshold with unit, unit of the answer, and the biological dose (``BED``
    or ``EQD2``, with its alpha/beta in Gy where one is given) that it is taken from."""

    kind: str
    value: float | None
    unit: str
    out: str
    effect: str = ""
    alpha_beta: float | None = None

    def __str__(self) -> str:
        ratio = "" if self.alpha_beta is None else f"({self.alpha_beta:g})"
        effect = f"{self.effect}{ratio}:" if self.effect else ""
        threshold = "" if self.value is None else f"{self.value:g}{self.unit}"
        return f"{effect}{self.kind}{threshold}" + (f"[{self.out}]" if self.out else "")


@dataclass(frozen=True)
class Kind:
    """One quantity: the units of its threshold (none where it takes none), those of its answer, the usual one first,
    whether the threshold may be left out, and how it is evaluated."""

    takes: tuple[str, ...]
    gives: tuple[str, ...]
    evaluate: Callable[[Metric, HasCurve, Isodose | None], float]
    is_optional: bool = False
    is_biological: bool = False
    """Whether it can be taken from BED and EQD2."""


def _dose_at_volume(metric: Metric, dvh: HasCurve, _: Isodose | None) -> float:
    return dvh.dose_at_volume(metric.value or 0.0, metric.unit)


def _dose_of_coldest(metric: Metric, dvh: HasCurve, _: Isodose | None) -> float:
    return dvh.dose_at_volume(max(_whole(metric.unit, dvh) - (metric.value or 0.0), 0.0), metric.unit)


def _volume_at_dose(metric: Metric, dvh: HasCurve, _: Isodose | None) -> float:
    return dvh.volume_at_dose(metric.value or 0.0, metric.unit, metric.out)


def _volume_below_dose(metric: Metric, dvh: HasCurve, _: Isodose | None) -> float:
    return _whole(metric.out, dvh) - dvh.volume_at_dose(metric.value or 0.0, metric.unit, metric.out)


def _whole(unit: str, dvh: HasCurve) -> float:
    return 100.0 if unit == "%" else dvh.covered_cc


def _conformity(metric: Metric, dvh: HasCurve, isodose: Isodose | None) -> Conformity:
    if isodose is None:
        raise ValueError(f"{metric} needs the volume of the isodose; give isodose")
    level = 100.0 if metric.value is None else metric.value
    dose = dose_in(level, metric.unit, dvh.prescription_gy)
    return dvh.conformity_indices(isodose(dose), dose)


KINDS = {
    "D": Kind(VOLUMES, DOSES, _dose_at_volume, is_biological=True),
    "DC": Kind(VOLUMES, DOSES, _dose_of_coldest, is_biological=True),
    "V": Kind(DOSES, VOLUMES, _volume_at_dose, is_biological=True),
    "CV": Kind(DOSES, VOLUMES, _volume_below_dose, is_biological=True),
    "Min": Kind((), DOSES, lambda _m, dvh, _i: dvh.min_gy, is_biological=True),
    "Mean": Kind((), DOSES, lambda _m, dvh, _i: dvh.mean_gy, is_biological=True),
    "Max": Kind((), DOSES, lambda _m, dvh, _i: dvh.max_gy, is_biological=True),
    "Median": Kind((), DOSES, lambda _m, dvh, _i: dvh.dose_at_volume(50.0), is_biological=True),
    "Volume": Kind((), ("cc", "%"), lambda metric, dvh, _i: _whole(metric.out, dvh)),
    "gEUD": Kind(
        NO_UNIT, DOSES, lambda metric, dvh, _i: dvh.geud(metric.value), is_optional=True, is_biological=True
    ),
    "Integral": Kind((), ("J",), lambda _m, dvh, _i: dvh.integral_dose()),
    "HI": Kind((), NO_UNIT, lambda _m, dvh, _i: dvh.homogeneity_index()),
    "CI": Kind(DOSES, NO_UNIT, lambda m, dvh, i: _conformity(m, dvh, i).rtog, is_optional=True),
    "CN": Kind(DOSES, NO_UNIT, lambda m, dvh, i: _conformity(m, dvh, i).paddick, is_optional=True),
}
TARGET_KINDS = ("HI", "CI", "CN")
"""Quantities that say something of target volumes alone."""

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_PATTERN = re.compile(
    rf"(?:(?P<effect>BED|EQD2)\s*(?:\(\s*(?P<ratio>{_NUMBER})\s*\)\s*)?:\s*)?"
    rf"(?P<kind>{'|'.join(sorted(KINDS, key=len, reverse=True))})\s*"
    rf"(?:(?P<value>-?{_NUMBER})\s*(?P<unit>%|cGy|Gy|cc|cm3)?)?\s*(?:\[\s*(?P<out>%|cGy|Gy|cc|cm3|J)\s*\])?",
    re.IGNORECASE,
)
_UNITS = {"%": "%", "gy": "Gy", "cgy": "cGy", "cc": "cc", "cm3": "cc", "j": "J", "": ""}
_NAMES = {name.lower(): name for name in KINDS}


def parse_metric(text: str) -> Metric:
    """Return the metric that ``text`` names; without an output unit doses are in Gy, volumes in % (Volume in
    cc).

    Raises ValueError with what was expected.
    """
    said = _parts(text)
    name = _NAMES[said["kind"].lower()]
    kind = KINDS[name]
    value, ratio = _number(said["value"]), _number(said["ratio"])
    unit, out = (_UNITS[said[part].lower()] for part in ("unit", "out"))
    if not _may_have(kind, value, unit):
        raise ValueError(f"{text!r}: {name} takes {_units(kind.takes)}")
    if value is None and kind.takes == DOSES:
        unit = "%"
    out = out or kind.gives[0]
    if out not in kind.gives:
        raise ValueError(f"{text!r}: the answer is {_units(kind.gives)}")
    effect = said["effect"].upper()
    if effect and not _has_effect(kind, unit, out):
        raise ValueError(f"{text!r} is no metric: {effect} is taken of doses in Gy alone")
    return Metric(name, value, unit, out, effect, ratio)


def _parts(text: str) -> dict[str, str]:
    """Return the parts that a metric is written in, empty ones where they are left out."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no metric; write for example D95%[Gy], V20Gy[%], gEUD8[Gy] or EQD2:Mean[Gy]"
        )
    return match.groupdict(default="")


def _number(text: str) -> float | None:
    return float(text) if text else None


def _may_have(kind: Kind, value: float | None, unit: str) -> bool:
    """Return whether a quantity may have a threshold of this value and unit, or none (None)."""
    if value is None:
        return not kind.takes or kind.is_optional
    return unit in kind.takes and (kind.takes == NO_UNIT or math.copysign(1.0, value) > 0)


def _has_effect(kind: Kind, unit: str, out: str) -> bool:
    """Return whether BED and EQD2 of a quantity are defined: doses in % of a prescription are not."""
    doses = (unit if kind.takes == DOSES else "", out if kind.gives == DOSES else "")
    return kind.is_biological and "%" not in doses


def _units(units: tuple[str, ...]) -> str:
    return {(): "no threshold", NO_UNIT: "a number without unit"}.get(units, f"a value in {', '.join(units)}")


def evaluate(metric: Metric, dvh: HasCurve, isodose: Isodose | None = None) -> float:
    """Return the value of ``metric`` in its output unit; NaN where the DVH has no curve.

    Raises ValueError where something is not known: the prescription for a dose in %, the fractions for BED and EQD2,
    ``a`` for a gEUD without it, ``isodose`` for CI and CN.
    """
    kind = KINDS[metric.kind]
    if metric.effect:
        dvh = (dvh.bed if metric.effect == "BED" else dvh.eqd2)(alpha_beta=metric.alpha_beta)
    value = kind.evaluate(metric, dvh, isodose)
    return dose_out(value, metric.out, dvh.prescription_gy) if kind.gives == DOSES else value
