"""Dose-volume statistics of a cumulative curve, and the metric syntax of TG-263 and Mayo et al.

A metric is written as quantity, threshold and output unit: ``D95%[Gy]``, ``V20Gy[cc]``, ``CV20Gy[%]`` (what
gets less), ``DC5cc[Gy]`` (the dose that the coldest 5 cc do not exceed), ``Mean[Gy]``, ``Min``, ``Max``,
``Median``, ``Volume[cc]``. Doses in % are relative to the prescription. Sources: AAPM report 263 (2018),
section 9; Mayo et al., Adv. Radiat. Oncol. 1 (2016), 260-271.
"""

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_NUMBER = r"(?P<value>\d+(?:\.\d*)?|\.\d+)"
_PATTERN = re.compile(
    rf"(?:(?P<kind>CV|V|DC|D)\s*{_NUMBER}\s*(?P<unit>%|cGy|Gy|cc|cm3)"
    r"|(?P<word>Mean|Min|Max|Median|Volume))\s*(?:\[\s*(?P<out>%|cGy|Gy|cc|cm3)\s*\])?",
    re.IGNORECASE,
)
_UNITS = {"%": "%", "gy": "Gy", "cgy": "cGy", "cc": "cc", "cm3": "cc"}
_DOSES, _VOLUMES = ("Gy", "cGy", "%"), ("cc", "%")


@dataclass(frozen=True)
class Metric:
    """One metric: ``kind`` (D, DC, V, CV, Mean, Min, Max, Median, Volume), threshold with unit, unit of the
    answer."""

    kind: str
    value: float
    unit: str
    out: str

    def __str__(self) -> str:
        threshold = f"{self.value:g}{self.unit}" if self.unit else ""
        return f"{self.kind}{threshold}[{self.out}]"


def parse_metric(text: str) -> Metric:
    """Return the metric that ``text`` names; without an output unit doses are in Gy, volumes in % (Volume in
    cc).

    Raises ValueError with what was expected.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no metric; write for example D95%[Gy], V20Gy[%], CV20Gy[cc] or Mean[Gy]"
        )
    word, kind = match["word"], match["kind"]
    if word:
        kind, value, unit = word.capitalize(), 0.0, ""
        volume_in, volume_out = False, kind == "Volume"
    else:
        kind, value, unit = kind.upper(), float(match["value"]), _UNITS[match["unit"].lower()]
        volume_in = kind in ("D", "DC")
        volume_out = not volume_in
        if unit not in (_VOLUMES if volume_in else _DOSES):
            raise ValueError(
                f"{text!r}: {kind} takes a {'volume (%, cc)' if volume_in else 'dose (Gy, cGy, %)'}"
            )
    default = "Gy" if not volume_out else "cc" if kind == "Volume" else "%"
    out = _UNITS[match["out"].lower()] if match["out"] else default
    if out not in (_VOLUMES if volume_out else _DOSES):
        raise ValueError(
            f"{text!r}: the answer is a {'volume (%, cc)' if volume_out else 'dose (Gy, cGy, %)'}"
        )
    return Metric(kind, value, unit, out)


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


def evaluate(metric: Metric, dvh: HasCurve) -> float:
    """Return the value of ``metric`` in its output unit; NaN where the DVH has no curve.

    Raises ValueError for a dose in % where no prescription is known.
    """
    if metric.kind == "Volume":
        return 100.0 if metric.out == "%" else dvh.covered_cc
    if metric.kind == "V":
        return dvh.volume_at_dose(metric.value, metric.unit, metric.out)
    if metric.kind == "CV":
        whole = 100.0 if metric.out == "%" else dvh.covered_cc
        return whole - dvh.volume_at_dose(metric.value, metric.unit, metric.out)
    return dose_out(_dose(metric, dvh), metric.out, dvh.prescription_gy)


def _dose(metric: Metric, dvh: HasCurve) -> float:
    if metric.kind == "D":
        return dvh.dose_at_volume(metric.value, metric.unit)
    if metric.kind == "DC":
        whole = 100.0 if metric.unit == "%" else dvh.covered_cc
        return dvh.dose_at_volume(max(whole - metric.value, 0.0), metric.unit)
    if metric.kind == "Median":
        return dvh.dose_at_volume(50.0, "%")
    return {"Mean": dvh.mean_gy, "Min": dvh.min_gy, "Max": dvh.max_gy}[metric.kind]


def dose_in(dose: float, unit: str, prescription_gy: float | None) -> float:
    """Return a dose given in Gy, cGy or % of the prescription in Gy; raises ValueError where that is
    unknown."""
    if unit == "%":
        return dose / 100.0 * _known(prescription_gy)
    return dose / {"Gy": 1.0, "cGy": 100.0}[unit]


def dose_out(dose_gy: float, unit: str, prescription_gy: float | None) -> float:
    """Return a dose in Gy as Gy, cGy or % of the prescription; raises ValueError where that is unknown."""
    if unit == "%":
        return 100.0 * dose_gy / _known(prescription_gy)
    return dose_gy * {"Gy": 1.0, "cGy": 100.0}[unit]


def _known(prescription_gy: float | None) -> float:
    if prescription_gy is None or prescription_gy <= 0:
        raise ValueError("a dose in % needs a prescription; give prescription_gy")
    return prescription_gy


def dose_at_share(dose: Floats, share: Floats, wanted: float) -> float:
    """Return the least dose that the hottest part ``wanted`` (0 to 1) of the volume gets, by interpolation.

    ``dose`` ascends and ``share`` falls from 1 to 0; NaN for an empty curve or a part that is not within 0
    and 1.
    """
    if dose.size == 0 or not 0.0 <= wanted <= 1.0 + 1e-9:
        return float("nan")
    return float(np.interp(min(wanted, 1.0), share[::-1], dose[::-1]))


def share_at_dose(dose: Floats, share: Floats, wanted: npt.ArrayLike) -> Floats:
    """Return the share (0 to 1) of the volume that gets at least the doses ``wanted``; NaN for an empty
    curve."""
    doses = np.asarray(wanted, np.float64)
    if dose.size == 0:
        return np.full(doses.shape, np.nan)
    return np.where(doses <= dose[0], 1.0, np.interp(doses, dose, share, right=0.0))


@dataclass(frozen=True)
class Conformity:
    """Conformity of a target to an isodose; 1 is perfect for ``paddick`` and ``coverage``.

    ``rtog`` is isodose volume / target volume (Shaw et al. 1993); ``coverage`` is the part of the target
    within the isodose (Lomax and Scheib 2003); ``selectivity`` the part of the isodose within the target;
    ``paddick`` their product (Paddick 2000).
    """

    rtog: float
    coverage: float
    selectivity: float
    paddick: float


def conformity(target_cc: float, target_in_isodose_cc: float, isodose_cc: float) -> Conformity:
    """Return conformity indices from volumes in cc; NaN where the target or the isodose is empty."""
    if not (target_cc > 0 and isodose_cc > 0):
        return Conformity(float("nan"), float("nan"), float("nan"), float("nan"))
    coverage, selectivity = target_in_isodose_cc / target_cc, target_in_isodose_cc / isodose_cc
    return Conformity(isodose_cc / target_cc, coverage, selectivity, coverage * selectivity)
