"""Dose-volume histograms from an RTSTRUCT and an RTDOSE.

``calculate_dvhs("rs.dcm", "rd.dcm")`` returns a :class:`DVH` for every ROI. The geometry is taken as the contours say:
exact areas, prisms from half way to half way between planes, and the trilinear dose all through them (docs/dvh.md).
Objects that cannot give a DVH do not raise: the DVH then has the status ``failed`` and the reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt import biology, statistics
from pyconquest_rt.rt.contours import Roi, read_rois
from pyconquest_rt.rt.coverage import TooManyCrossingsError
from pyconquest_rt.rt.dicom_values import Source, read_object, text
from pyconquest_rt.rt.dose_grid import DoseError, DoseGrid, read_dose_grid
from pyconquest_rt.rt.roi_dose import roi_dose
from pyconquest_rt.rt.slabs import END_CAPS, ContourError, Planes, planes_of, usual_distance

__all__ = ["DVH", "calculate_dvhs"]

Floats = npt.NDArray[np.float64]

BIN_GY = 0.01
MAX_BINS = 100_000
"""Doses beyond 1,000 Gy are shown in wider bins."""
NAN = float("nan")


@dataclass(frozen=True)
class DVH:
    """The dose-volume histogram of one ROI.

    ``status`` is ``ok``, ``warning`` (calculated, with a ``reason`` to look at) or ``failed`` (no curve; doses are
    NaN). ``volume_cc`` is the whole volume that the contours enclose and ``uncovered_cc`` the part of it outside the
    dose grid; the curve and every statistic are of the rest, ``covered_cc``. ``dose`` (Gy, ascending from the least to
    the greatest dose) and ``share`` (1 falling to 0) are the fine cumulative curve that statistics are taken from.
    ``source`` is ``pyconquest``, ``dicompyler`` or ``vendor``; ``end_cap`` tells how the outermost slabs were closed.
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
    dose: Floats = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    share: Floats = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    @property
    def covered_cc(self) -> float:
        """The volume in cc within the dose grid."""
        return self.volume_cc - self.uncovered_cc

    @property
    def dose_gy(self) -> Floats:
        """Ascending dose edges in Gy, 1 cGy apart, from 0 to the first at or above the greatest dose."""
        if self.dose.size == 0:
            return np.empty(0)
        first = min(np.floor(self.dose[0] / BIN_GY + 1e-9), 0.0)
        last = max(np.ceil(self.dose[-1] / BIN_GY - 1e-9), first + 1)
        step = max(1.0, np.ceil((last - first) / MAX_BINS))
        return np.asarray(np.arange(first, last + step, step) * BIN_GY)

    @property
    def cumulative_cc(self) -> Floats:
        """The volume in cc that gets at least each dose of ``dose_gy``."""
        if self.dose.size == 0:
            return np.empty(0)
        return self.covered_cc * np.interp(self.dose_gy, self.dose, self.share, left=1.0, right=0.0)

    @property
    def differential_cc(self) -> Floats:
        """The volume in cc between each dose of ``dose_gy`` and the next; one value fewer than ``dose_gy``."""
        return -np.diff(self.cumulative_cc)

    def dose_at_volume(self, volume: float, unit: str = "%") -> float:
        """Return the dose in Gy that the hottest ``volume`` (``unit`` % or cc) gets at least, by interpolation."""
        whole = {"%": 100.0, "cc": self.covered_cc}[unit]
        return statistics.dose_at_share(self.dose, self.share, volume / whole if whole > 0 else NAN)

    def volume_at_dose(self, dose: float, unit: str = "Gy", out: str = "cc") -> float:
        """Return the volume (``out`` cc or %) that gets at least ``dose`` (``unit`` Gy, cGy, or % of prescription)."""
        wanted = statistics.dose_in(dose, unit, self.prescription_gy)
        return {"%": 100.0, "cc": self.covered_cc}[out] * statistics.share_at_dose(
            self.dose, self.share, wanted
        )

    def metric(self, name: str) -> float:
        """Return a metric in the syntax of TG-263, for example ``D95%[Gy]`` (see rt/statistics.py)."""
        return statistics.evaluate(statistics.parse_metric(name), self)


def calculate_dvhs(
    structure_set: Source,
    dose: Source,
    rois: Iterable[int] | None = None,
    end_cap: str = "half",
    engine: str = "pyconquest",
) -> dict[int, DVH]:
    """Return the DVH of each ROI of an RTSTRUCT in the dose of an RTDOSE, by ROI number."""
    if end_cap not in END_CAPS:
        raise ValueError(f"end_cap is {end_cap!r}; use one of {', '.join(END_CAPS)}")
    structures, dose_object = read_object(structure_set), read_object(dose)
    found = read_rois(structures)
    wanted = list(found) if rois is None else list(rois)
    grid: DoseGrid | None = None
    problem = ""
    try:
        grid = read_dose_grid(dose_object)
    except DoseError as error:
        problem = str(error)
    planes: dict[int, Planes] = {}
    problems: dict[int, str] = {}
    for number, roi in found.items():
        try:
            if roi.contours:
                planes[number] = planes_of(roi)
        except ContourError as error:
            problems[number] = str(error)
    lone = usual_distance(planes.values())
    result = {}
    for number in wanted:
        roi = found[number]
        if number not in planes or grid is None:
            result[number] = DVH(
                number, roi.name, status="failed", reason=problems.get(number, problem or "no contours")
            )
            continue
        try:
            d = roi_dose(planes[number], grid, end_cap, lone)
        except (ContourError, TooManyCrossingsError) as error:
            result[number] = DVH(number, roi.name, status="failed", reason=str(error))
            continue
        result[number] = DVH(
            number,
            roi.name,
            roi.interpreted_type,
            roi.color,
            "ok",
            "",
            "pyconquest",
            end_cap,
            d.covered + d.uncovered,
            d.uncovered,
            d.low,
            d.mean,
            d.high,
            None,
            d.dose,
            d.share,
        )
    return result
