"""Dose-volume statistics of a cumulative curve: doses, volumes, conformity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


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
