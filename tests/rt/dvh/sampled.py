"""Steep doses: hot voxels and brachytherapy sources, with the truth by sampling.

The truth is what the files say: the trilinear dose of the stored grid at many points that are spread evenly over the
prisms of the contours. It uses no code of the package.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path
from phantoms import circle, dose_object, rectangle, shifted, structure_set
from pydicom.dataset import Dataset

PRESCRIPTION = 7.0


@dataclass(frozen=True)
class Steep:
    """One ROI, polygons (n, 2) at positions ``z`` in slabs ``slice_mm`` thick, in a dose on a grid of ``grid_mm``."""

    name: str
    polygons: Sequence[np.ndarray]
    z: np.ndarray
    slice_mm: float
    dose: Callable[[np.ndarray], np.ndarray]
    grid_mm: float
    half: float = 40.0

    def objects(self) -> tuple[Dataset, Dataset]:
        contours = [
            np.column_stack((p, np.full(len(p), h))) for p, h in zip(self.polygons, self.z, strict=True)
        ]
        count = int(2 * self.half / self.grid_mm) + 1
        origin = (-self.half,) * 3
        dose = dose_object(self.dose, (count,) * 3, (self.grid_mm,) * 3, origin)
        return structure_set({1: contours}), dose

    def truth(self, dose: Dataset | None, points: int) -> dict[str, float]:
        """The metrics of :func:`measured` from about ``points`` points: of the stored grid, or of the dose itself
        where none is given."""
        dose_at_points = self.dose if dose is None else self._stored(dose)
        volume = 0.0
        found = []
        rng = np.random.default_rng(8)
        per_slab = points // len(self.z)
        for polygon, z in zip(self.polygons, self.z, strict=True):
            x, y = polygon.T
            area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
            layers = max(round((per_slab * self.slice_mm**2 / area) ** (1 / 3)), 1)
            for layer in range(layers):
                xy = _inside(polygon, per_slab // layers, rng)
                height = z + self.slice_mm * ((layer + rng.uniform(0, 1, len(xy))) / layers - 0.5)
                found.append(dose_at_points(np.column_stack((xy, height))))
            volume += area * self.slice_mm
        doses = np.sort(np.concatenate(found))[::-1]
        volume /= 1e3

        def dose_at(cc: float) -> float:
            return float(np.interp(cc / volume * doses.size, np.arange(doses.size) + 0.5, doses))

        return {
            "volume": volume,
            "mean": float(doses.mean()),
            **{f"D{percent}%": dose_at(volume * percent / 100) for percent in (98, 95, 90, 50, 10, 5)},
            **{f"D{cc}cc": dose_at(cc) for cc in (2.0, 1.0, 0.1, 0.03) if cc < volume},
            **{
                f"V{part}%": float((doses >= PRESCRIPTION * part / 100).mean())
                for part in (50, 100, 150, 200)
            },
        }

    def _stored(self, dose: Dataset) -> Callable[[np.ndarray], np.ndarray]:
        count = int(dose.Rows)
        values = np.frombuffer(dose.PixelData, "<u4").reshape((count,) * 3) * float(dose.DoseGridScaling)
        return lambda points: trilinear(values, (points + self.half) / self.grid_mm)


def measured(dvh: object, names: Sequence[str]) -> dict[str, float]:
    """The metrics of ``Steep.truth`` from a DVH of the package."""
    found = {"volume": dvh.volume_cc, "mean": dvh.mean_gy}
    for name in names:
        if name.startswith("D"):
            unit = "%" if name.endswith("%") else "cc"
            found[name] = dvh.dose_at_volume(float(name[1 : -len(unit)]), unit)
        elif name.startswith("V"):
            found[name] = dvh.volume_at_dose(float(name[1:-1]) * PRESCRIPTION / 100, "Gy", "%") / 100
    return {name: found[name] for name in names}


def errors(dvh: object, truth: dict[str, float]) -> dict[str, float]:
    """Differences from the truth in %: doses of the dose (or of 0.1 Gy), volumes of the ROI's volume."""
    return differences(measured(dvh, list(truth)), truth)


def differences(found: dict[str, float], truth: dict[str, float]) -> dict[str, float]:
    """Differences from the truth in %, as :func:`errors` has them."""
    whole = {name: 1.0 if name.startswith("V") else max(abs(truth[name]), 0.1) for name in truth}
    whole["volume"] = truth["volume"]
    return {name: 100 * (found[name] - truth[name]) / whole[name] for name in truth}


def _inside(polygon: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a jittered lattice in a polygon, about ``count`` of them."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    side = int(np.sqrt(count * 1.2)) + 1
    lattice = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    xy = low + (lattice + rng.uniform(0, 1, lattice.shape)) / side * (high - low)
    return xy[Path(polygon).contains_points(xy)]


def trilinear(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Interpolate at places (n, 3), x, y, z in voxels."""
    low = np.clip(np.floor(place).astype(int), 0, np.array(values.shape[::-1]) - 2)
    part = place - low
    total = np.zeros(len(place))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        i, j, k = (low + corner).T
        total += weight * values[k, j, i]
    return total


def hot_voxel(peak: float, at: Sequence[float], base: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """A dose with one voxel of ``peak`` Gy, that nearest to ``at``."""

    def dose(points: np.ndarray) -> np.ndarray:
        found = base(points)
        found[np.argmin(((points - np.asarray(at)) ** 2).sum(axis=1))] = peak
        return found

    return dose


def sources(places: np.ndarray, strength: float, radius: float = 0.4) -> Callable[[np.ndarray], np.ndarray]:
    """The dose of point sources, strength / r^2 each, level within ``radius`` mm."""

    def dose(points: np.ndarray) -> np.ndarray:
        total = np.zeros(len(points))
        for place in places:
            total += strength / np.maximum(((points - place) ** 2).sum(axis=1), radius**2)
        return total

    return dose


def hot_voxels() -> Iterator[Steep]:
    """A linear dose with a hot voxel inside or outside of the ROI."""

    def base(points: np.ndarray) -> np.ndarray:
        return 7 + 0.1 * points[:, 0]

    for grid, step in ((1.0, 1.0), (2.5, 2.5), (1.0, 3.0), (2.5, 1.0)):
        z = np.arange(-12 + step / 2, 12, step)
        for peak in (10.0, 300.0, 2800.0, 100_000.0):
            for where, at in (
                ("inside", (2.5, 0, 0)),
                ("outside", (25.0, 0, 0)),
                ("at the border", (12.5, 0, 2.5)),
            ):
                polygon = shifted(circle(12.0, 120), (0.4, 0.2)) if step < 3 else rectangle(12.3, 11.1)
                name = f"hot voxel of {peak:g} Gy {where}, grid {grid:g}, slices {step:g}"
                yield Steep(name, [polygon] * len(z), z, step, hot_voxel(peak, at, base), grid)


def brachytherapy() -> Iterator[Steep]:
    """HDR (a line of dwell positions) and LDR (seeds) with a target and an organ beside it."""
    dwells = np.column_stack((np.zeros(7) + 0.3, np.zeros(7) - 0.2, np.arange(-15, 16, 5.0)))
    hdr = sources(dwells, 7.0 * 100 / 7 * 1.6)
    rng = np.random.default_rng(1)
    seeds = rng.uniform(-15, 15, (40, 3)) * (1, 1, 1)
    ldr = sources(seeds, 7.0 * 10)
    for grid in (1.0, 2.0, 2.5):
        for step in (1.0, 2.5, 5.0):
            z = np.arange(-20 + step / 2, 20, step)
            z = z[np.abs(z) < 18]
            rois = {
                "target": [circle(14.0, 120)] * len(z),
                "organ": [shifted(circle(9.0, 90), (20.0, 3.0))] * len(z),
                "urethra": [shifted(circle(4.0, 60), (5.5, 0.0))] * len(z),
            }
            for kind, dose in (("HDR", hdr), ("LDR", ldr)):
                for name, polygons in rois.items():
                    yield Steep(
                        f"{kind}, {name}, grid {grid:g}, slices {step:g}", polygons, z, step, dose, grid
                    )
