"""Radiobiological quantities: gEUD (Niemierko 1997), BED and EQD2 of the linear-quadratic model (Fowler
1989)."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TUMOUR_ALPHA_BETA, NORMAL_ALPHA_BETA = 10.0, 3.0
TUMOUR_TYPES = ("GTV", "CTV", "PTV")
"""RTROIInterpretedType of ROIs that are tumour by default; all others are normal tissue."""


def alpha_beta(interpreted_type: str) -> float:
    """Return the default alpha/beta in Gy for an RTROIInterpretedType: 10 for target volumes, 3 for the
    rest."""
    return TUMOUR_ALPHA_BETA if interpreted_type.upper() in TUMOUR_TYPES else NORMAL_ALPHA_BETA


def by_tissue(text: str) -> dict[str, float]:
    """Return the numbers that a setting like ``PTV=10 Parotid_L=2.5 *=3`` gives to ROI names and types."""
    parts = (part.rpartition("=") for part in text.split())
    return {name.casefold(): float(number) for name, _, number in parts}


def value_of(values: Mapping[str, float], names: Iterable[str]) -> tuple[str, float | None]:
    """Return the first of some names (an ROI's, its type) that has a value, else ``*``, and that value; or None."""
    found = (name for name in (*names, "*") if name.casefold() in values)
    name = next(found, "")
    return name, values.get(name.casefold())


def bed(dose: npt.ArrayLike, fractions: float, alpha_beta_gy: float) -> Floats:
    """Return the biologically effective dose in Gy of total doses given in equal fractions.

    BED = D (1 + D / n / (alpha/beta)), for every dose with its own dose per fraction. Raises ValueError when
    ``fractions`` or ``alpha_beta_gy`` is not positive.
    """
    if not (fractions > 0 and alpha_beta_gy > 0):
        raise ValueError("fractions and alpha/beta must be positive")
    total = np.asarray(dose, np.float64)
    return np.asarray(total * (1.0 + total / fractions / alpha_beta_gy))


def eqd2(dose: npt.ArrayLike, fractions: float, alpha_beta_gy: float) -> Floats:
    """Return the dose in Gy that has the same effect in fractions of 2 Gy: BED / (1 + 2 / (alpha/beta))."""
    return np.asarray(bed(dose, fractions, alpha_beta_gy) / (1.0 + 2.0 / alpha_beta_gy))


def geud(dose: Floats, volume: Floats, a: float) -> float:
    """Return the generalised equivalent uniform dose in Gy of volumes with a dose each: mean of D^a to the
    1/a.

    ``a`` is 1 for the mean, large for serial organs, negative for tumours; with a negative ``a`` any volume
    without dose gives 0. Raises ValueError for ``a`` of 0; NaN where there is no volume.
    """
    if a == 0:
        raise ValueError("gEUD is not defined for a = 0")
    filled = volume > 0
    total = float(volume[filled].sum())
    if total <= 0:
        return float("nan")
    doses, weights = np.maximum(dose[filled], 0.0), volume[filled] / total
    if a < 0 and (doses <= 0).any():
        return 0.0
    top = float(doses.max())
    if top <= 0:
        return 0.0
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        logs = a * np.log(doses / top) + np.log(weights)
    peak = logs.max()
    return top * float(np.exp((peak + np.log(np.exp(logs - peak).sum())) / a))
