"""The object that holds a dose-volume histogram, whoever calculated it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.dvh import biology, dicompyler, metrics, statistics

Floats = npt.NDArray[np.float64]

BIN_GY = 0.01
MAX_BINS = 100_000
"""Doses beyond 1,000 Gy are handed out in wider bins."""
NAN = float("nan")


def _no_curve() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, repr=False)
class DVH:
    """The dose-volume histogram of one ROI.

    ``status`` is ``ok``, ``warning`` (calculated, with a ``reason`` to look at) or ``failed`` (no curve,
    doses are NaN). ``volume_cc`` is the volume that the contours enclose and ``uncovered_cc`` the part of it
    outside the dose grid; the curve and all statistics are of the rest, ``covered_cc``. ``dose`` (Gy,
    ascending from the least to the greatest dose) and ``share`` (from 1 to 0) are the fine cumulative curve
    that statistics are taken from. ``source`` is ``pyconquest``, ``dicompyler`` or ``vendor``; ``end_cap``
    says how the outermost slabs were closed. ``prescription_gy`` is what doses in % are relative to,
    ``fractions`` what BED and EQD2 are given in. ``alpha_beta_gy`` and ``geud_a`` are those of the ROI's
    tissue; where the first is None, the ROI's type decides.
    """

    roi_number: int
    roi_name: str = ""
    roi_type: str = ""
    color: tuple[int, int, int] | None = None
    status: str = "ok"
    reason: str = ""
    source: str = "pyconquest"
    end_cap: str = ""
    volume_cc: float = NAN
    uncovered_cc: float = 0.0
    min_gy: float = NAN
    mean_gy: float = NAN
    max_gy: float = NAN
    prescription_gy: float | None = None
    fractions: int | None = None
    alpha_beta_gy: float | None = None
    geud_a: float | None = None
    dose: Floats = field(default_factory=_no_curve, compare=False)
    share: Floats = field(default_factory=_no_curve, compare=False)

    def __repr__(self) -> str:
        doses = f"min {self.min_gy:.4g}, mean {self.mean_gy:.4g}, max {self.max_gy:.4g} Gy"
        said = f"{self.status}: {self.reason}" if self.reason else self.status
        return (
            f"<DVH of {self.roi_name or f'ROI {self.roi_number}'}: {self.volume_cc:.4g} cc, {doses}, {said}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows of a DVH: its line of numbers, and its curve where it has one."""
        return f"<div>{escape(repr(self)[1:-1])}</div>{self._curve_svg()}"

    def _curve_svg(self, width: int = 320, height: int = 160) -> str:
        """A drawing of the curve: volume from 0 to 100 %, dose from 0 to the greatest."""
        if self.dose.size == 0 or not self.dose[-1] > 0:
            return ""
        dose = np.linspace(0.0, self.dose[-1], 101)
        share = statistics.share_at_dose(self.dose, self.share, dose)
        points = " ".join(
            f"{width * x:.1f},{height * (1.0 - y):.1f}" for x, y in zip(dose / dose[-1], share, strict=True)
        )
        return (
            f'<svg width="{width}" height="{height + 16}"><rect width="{width}" height="{height}" fill="none" '
            f'stroke="#999"/><polyline points="{points}" fill="none" stroke="#1f77b4" stroke-width="2"/>'
            f'<text x="2" y="{height + 13}" font-size="11">volume 0 to 100 %, dose 0 to {dose[-1]:.3g} Gy</text></svg>'
        )

    @property
    def covered_cc(self) -> float:
        """The volume in cc within the dose grid."""
        return self.volume_cc - self.uncovered_cc

    @property
    def dose_gy(self) -> Floats:
        """Ascending dose edges in Gy, 1 cGy apart, from 0 to the first at or above the greatest dose."""
        if self.dose.size == 0:
            return np.empty(0)
        first = min(np.floor(self.dose[0] / BIN_GY + 1e-6), 0.0)
        last = max(np.ceil(self.dose[-1] / BIN_GY * (1 - 2e-6) - 1e-6), first + 1)
        step = max(1.0, np.ceil((last - first) / MAX_BINS))
        return np.asarray(first + step * np.arange(np.ceil((last - first) / step) + 1)) * BIN_GY

    @property
    def cumulative_cc(self) -> Floats:
        """The volume in cc that gets at least each dose of ``dose_gy``."""
        return self.covered_cc * statistics.share_at_dose(self.dose, self.share, self.dose_gy)

    @property
    def differential_cc(self) -> Floats:
        """The volume in cc between each dose of ``dose_gy`` and the next, so one value fewer."""
        return -np.diff(self.cumulative_cc)

    def dose_at_volume(self, volume: float, unit: str = "%") -> float:
        """Return the dose in Gy that the hottest ``volume`` (``unit`` % or cc) gets at least."""
        whole = _per_unit(unit, {"%": 100.0, "cc": self.covered_cc})
        return statistics.dose_at_share(self.dose, self.share, volume / whole if whole > 0 else NAN)

    def volume_at_dose(self, dose: float, unit: str = "Gy", out: str = "cc") -> float:
        """Return the volume (``out`` cc or %) that gets at least ``dose`` (Gy, cGy, or % of the
        prescription)."""
        wanted = statistics.dose_in(dose, unit, self.prescription_gy)
        whole = _per_unit(out, {"%": 100.0, "cc": self.covered_cc})
        return whole * float(statistics.share_at_dose(self.dose, self.share, wanted))

    def metric(self, name: str, isodose: metrics.Isodose | None = None) -> float:
        """Return a metric in the syntax of TG-263, for example ``D95%[Gy]`` (rt/metrics.py tells all).

        ``isodose`` gives the whole volume in cc that gets at least a dose in Gy; CI and CN need it. Raises
        ValueError for what is no metric, and where something that it needs is not known.
        """
        return metrics.evaluate(metrics.parse_metric(name), self, isodose)

    def homogeneity_index(self) -> float:
        """Return (D2% - D98%) / D50%, 0 for a level dose (ICRU report 83, section 3.5)."""
        median = self.dose_at_volume(50)
        return (self.dose_at_volume(2) - self.dose_at_volume(98)) / median if median > 0 else NAN

    def conformity_indices(self, isodose_cc: float, dose_gy: float | None = None) -> statistics.Conformity:
        """Return the conformity of this target to the isodose ``dose_gy`` (by default the prescription).

        ``isodose_cc`` is the whole volume within that isodose, in the body (its DVH) or in the dose grid
        (``DoseGrid.volume_above``).
        """
        level = statistics.dose_in(100.0, "%", self.prescription_gy) if dose_gy is None else dose_gy
        return statistics.conformity(self.covered_cc, self.volume_at_dose(level), isodose_cc)

    def integral_dose(self, density: float = 1.0) -> float:
        """Return mean dose times mass in joule (Gy kg), for a ``density`` in g/cc."""
        return self.mean_gy * self.covered_cc * density / 1e3

    def geud(self, a: float | None = None) -> float:
        """Return the generalised equivalent uniform dose in Gy with the volume parameter ``a`` (None: ``geud_a``).

        Raises ValueError where neither is known.
        """
        a = self.geud_a if a is None else a
        if a is None:
            raise ValueError(
                "gEUD needs the volume parameter a of the tissue; give it, as in gEUD8[Gy], or geud_a"
            )
        middle, part = self._parts()
        return biology.geud(middle, part, a)

    def bed(self, fractions: float | None = None, alpha_beta: float | None = None) -> "DVH":
        """Return the DVH of biologically effective dose, every dose given in ``fractions`` equal parts.

        Without arguments these are the DVH's own ``fractions`` and ``alpha_beta_gy``, the latter else that of the
        ROI's type (rt/biology.py). Other doses per fraction (a boost) are added up by their doses before, not by
        their DVHs. Raises ValueError where the fractions are not known.
        """
        return self._transformed(biology.bed, fractions, alpha_beta)

    def eqd2(self, fractions: float | None = None, alpha_beta: float | None = None) -> "DVH":
        """Return the DVH of the equivalent dose in fractions of 2 Gy; as :meth:`bed` in all else."""
        return self._transformed(biology.eqd2, fractions, alpha_beta)

    def to_dicompyler(self) -> Any:
        """Return the DVH as a cumulative ``dicompylercore.dvh.DVH`` in Gy and cm3."""
        found = dicompyler.to_dicompyler(
            self.dose_gy, self.cumulative_cc, self.roi_name, self.color, self.reason
        )
        found.rx_dose = self.prescription_gy
        return found

    def _parts(self) -> tuple[Floats, Floats]:
        return 0.5 * (self.dose[1:] + self.dose[:-1]), -np.diff(self.share)

    def _transformed(
        self,
        effect: Callable[[Floats, float, float], Floats],
        fractions: float | None,
        alpha_beta: float | None,
    ) -> "DVH":
        """Return the DVH with every dose changed by a rising function of the dose; doses below 0 count as
        0."""
        fractions = self.fractions if fractions is None else fractions
        ratio = self.alpha_beta_gy if alpha_beta is None else alpha_beta
        ratio = biology.alpha_beta(self.roi_type) if ratio is None else ratio
        if fractions is None:
            raise ValueError("BED and EQD2 need the number of fractions; give fractions")
        if self.dose.size == 0:
            return self
        dose = effect(np.maximum(self.dose, 0.0), fractions, ratio)
        middle, part = self._parts()
        mean = float((effect(np.maximum(middle, 0.0), fractions, ratio) * part).sum())
        return replace(self, dose=dose, min_gy=float(dose[0]), mean_gy=mean, max_gy=float(dose[-1]))


def _per_unit(unit: str, whole: Mapping[str, float]) -> float:
    if unit not in whole:
        raise ValueError(f"the volume's unit is {unit!r}; use one of {', '.join(whole)}")
    return whole[unit]


def from_curve(frame: DVH, dose: Floats, volume: Floats, whole: float) -> DVH:
    """Return a DVH from ascending doses and the volumes at or above each, of which ``whole`` is the first."""
    share = np.clip(volume / volume[0], 0.0, 1.0)
    first = int(np.flatnonzero(share >= 1.0)[-1])
    empty = np.flatnonzero(share <= 0.0)
    last = int(empty[0]) if empty.size else share.size - 1
    dose, share = dose[first : last + 1], share[first : last + 1].copy()
    share[-1] = 0.0
    if dose.size < 2:
        dose, share = np.array([dose[0], dose[0]]), np.array([1.0, 0.0])
    mean = float((0.5 * (dose[1:] + dose[:-1]) * -np.diff(share)).sum())
    return replace(
        frame,
        volume_cc=float(whole),
        min_gy=float(dose[0]),
        mean_gy=mean,
        max_gy=float(dose[-1]),
        dose=dose,
        share=share,
    )
