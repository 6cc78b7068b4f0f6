"""Analytic phantoms: solids in a linear dose, written as RTSTRUCT and RTDOSE, with their DVHs in closed form.

Two truths are known for each: of the ideal solid, and of what its contours encode (a stack of prisms over
convex polygons). Neither uses code of the package.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

RTSTRUCT, RTDOSE = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.2"
RADIUS = HALF = 12.0
FRAME_OF_REFERENCE = "1.2.826.0.1.3680043.8.498.1"


def circle(radius: float, points: int = 160, centre: Sequence[float] = (0.0, 0.0)) -> np.ndarray:
    angle = 2 * np.pi * (np.arange(points) + 0.31) / points
    return np.stack((centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)), axis=1)


def rectangle(half_x: float, half_y: float) -> np.ndarray:
    return np.array([(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)], float)


def shifted(polygon: np.ndarray, by: Sequence[float]) -> np.ndarray:
    return polygon + np.asarray(by, float)


def sphere(z: float) -> np.ndarray:
    return circle(np.sqrt(max(RADIUS**2 - z**2, 0.0)))


def cylinder_si(_z: float) -> np.ndarray:
    return circle(RADIUS)


def cylinder_ap(z: float) -> np.ndarray:
    return rectangle(np.sqrt(max(RADIUS**2 - z**2, 0.0)), HALF)


def cone_si(z: float) -> np.ndarray:
    return circle(RADIUS * (HALF - z) / (2 * HALF))


def cone_ap(z: float) -> np.ndarray:
    """Section of a cone with its tip at y = HALF: x^2 + z^2 = r(y)^2, r falling linearly."""
    last = HALF - 2 * HALF * abs(z) / RADIUS
    y = -HALF + (last + HALF) * np.sin(np.linspace(0.0, np.pi / 2, 120))
    x = np.sqrt(np.maximum((RADIUS * (HALF - y) / (2 * HALF)) ** 2 - z**2, 0.0))
    return np.concatenate((np.stack((x, y), axis=1), np.stack((-x, y), axis=1)[-2::-1]))


SOLIDS: dict[str, Callable[[float], np.ndarray]] = {
    "sphere": sphere,
    "cylinder SI": cylinder_si,
    "cylinder AP": cylinder_ap,
    "cone SI": cone_si,
    "cone AP": cone_ap,
}


@dataclass(frozen=True)
class Truth:
    """Volume (mm3) with more than a height t along the gradient, at ascending heights, and its dose there."""

    heights: np.ndarray
    above: np.ndarray
    dose: Callable[[np.ndarray], np.ndarray]

    def values(self) -> dict[str, float]:
        """The metrics that the tests compare, from the exact distribution of volume over dose."""
        rising = self.dose(self.heights[-1:])[0] > self.dose(self.heights[:1])[0]
        volume = self.above[0]
        doses = self.dose(self.heights)
        share = self.above / volume if rising else 1.0 - self.above / volume
        if not rising:
            doses, share = doses[::-1], share[::-1]
        middle = 0.5 * (doses[1:] + doses[:-1])
        low, high = doses[share > 1 - 1e-12][-1], doses[share < 1e-12][0]

        def dose_at(part: float) -> float:
            return float(np.interp(part, share[::-1], doses[::-1]))

        half = 0.5 * (low + high)
        return {
            "volume": volume / 1e3,
            "mean": float(-np.diff(share) @ middle),
            "min": float(low),
            "max": float(high),
            "D99": dose_at(0.99),
            "D95": dose_at(0.95),
            "D50": dose_at(0.5),
            "D5": dose_at(0.05),
            "D1": dose_at(0.01),
            "D0.03cc": dose_at(min(30.0 / volume, 1.0)),
            "V50": float(np.interp(half, doses, share) * volume / 1e3),
            "V25": float(np.interp(low + 0.25 * (high - low), doses, share) * volume / 1e3),
            "V75": float(np.interp(low + 0.75 * (high - low), doses, share) * volume / 1e3),
        }


def area_above(polygon: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Area of a convex polygon with y above each height, exactly: its chord is piecewise linear in y."""
    knots = np.unique(polygon[:, 1])
    low, top = int(np.argmin(polygon[:, 1])), int(np.argmax(polygon[:, 1]))
    ring = np.roll(polygon, -low, axis=0)
    split = (top - low) % len(polygon)
    one = _side(ring[: split + 1], knots)
    other = _side(np.vstack((ring[split:], ring[:1]))[::-1], knots)
    chord_low, chord_high = np.abs(one[1] - other[1]), np.abs(one[0] - other[0])
    # between knots k and k + 1 the chord runs from chord_low[k] to chord_high[k + 1]
    start, end, step = chord_low[:-1], chord_high[1:], np.diff(knots)
    done = np.append(0.0, np.cumsum(0.5 * (start + end) * step))
    index = np.clip(np.searchsorted(knots, heights, side="right") - 1, 0, len(step) - 1)
    part = np.clip(heights - knots[index], 0.0, step[index])
    slope = (end - start)[index] / step[index]
    below = done[index] + part * (start[index] + 0.5 * slope * part)
    return done[-1] - below


def _side(side: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x of one side of a convex polygon just below and just above each knot (they differ on a level edge)."""
    y, x = side[:, 1], side[:, 0]
    first, last = np.searchsorted(y, knots, side="left"), np.searchsorted(y, knots, side="right") - 1
    below, above = np.interp(knots, y, x), np.interp(knots, y, x)
    on = last >= first
    below[on], above[on] = x[first[on]], x[last[on]]
    return below, above


def stack_above(
    polygons: Sequence[np.ndarray], low: np.ndarray, high: np.ndarray, axis: str, heights: np.ndarray
) -> np.ndarray:
    """Volume (mm3) of prisms above each height along z (``SI``) or y (``AP``)."""
    total = np.zeros(heights.shape)
    for polygon, bottom, top in zip(polygons, low, high, strict=True):
        if axis == "SI":
            area = area_above(polygon, np.array([-1e6]))[0]
            total += area * np.clip(top - heights, 0.0, top - bottom)
        else:
            total += area_above(polygon, heights) * (top - bottom)
    return total


def ideal_above(solid: str, axis: str, heights: np.ndarray) -> np.ndarray:
    """Volume (mm3) of the ideal solid above each height along z (``SI``) or y (``AP``)."""
    t = np.clip(heights, -HALF, HALF)
    if solid == "sphere":
        cap = RADIUS - t
        return np.pi * cap**2 * (3 * RADIUS - cap) / 3
    shape, direction = solid.split()
    if direction == axis:
        if shape == "cylinder":
            return np.pi * RADIUS**2 * (HALF - t)
        return np.pi * (RADIUS / (2 * HALF)) ** 2 * (HALF - t) ** 3 / 3
    if shape == "cylinder":
        return 2 * HALF * segment(np.full(t.shape, RADIUS), t)
    nodes, weights = np.polynomial.legendre.leggauss(2000)
    radii = RADIUS * (1 - nodes) / 2
    return np.array([HALF * weights @ segment(radii, np.full(radii.shape, h)) for h in t])


def segment(radius: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Area of a disc above a chord at ``height`` from its centre."""
    h = np.clip(height, -radius, radius)
    with np.errstate(invalid="ignore"):
        angle = np.arccos(np.clip(h / np.where(radius > 0, radius, 1.0), -1, 1))
    return radius**2 * angle - h * np.sqrt(np.maximum(radius**2 - h**2, 0.0))


def structure_set(rois: Mapping[int, Sequence[np.ndarray]], names: dict[int, str] | None = None) -> Dataset:
    """RTSTRUCT with closed contours, each an (n, 3) array in patient coordinates."""
    ds = _object(RTSTRUCT, "RTSTRUCT")
    ds.StructureSetROISequence = []
    ds.ROIContourSequence = []
    ds.RTROIObservationsSequence = []
    for number, contours in rois.items():
        roi = Dataset()
        roi.ROINumber = number
        roi.ROIName = (names or {}).get(number, f"ROI {number}")
        roi.ReferencedFrameOfReferenceUID = FRAME_OF_REFERENCE
        ds.StructureSetROISequence.append(roi)
        item = Dataset()
        item.ReferencedROINumber = number
        item.ROIDisplayColor = [255, 0, 0]
        item.ContourSequence = []
        for points in contours:
            item.ContourSequence.append(contour(points))
        ds.ROIContourSequence.append(item)
        observation = Dataset()
        observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = "PTV" if number == 1 else "ORGAN"
        ds.RTROIObservationsSequence.append(observation)
    return ds


def contour(points: np.ndarray, kind: str = "CLOSED_PLANAR") -> Dataset:
    item = Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.add_new(0x30060050, "DS", [f"{value:.6f}" for value in np.asarray(points).ravel()])
    return item


def dose_object(
    dose: Callable[[np.ndarray], np.ndarray],
    shape: Sequence[int],
    spacing: Sequence[float],
    origin: Sequence[float],
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    offsets: Sequence[float] | None = None,
    absolute: bool = False,
    bits: int = 32,
    signed: bool = False,
) -> Dataset:
    """RTDOSE whose voxels hold ``dose(points)``, points (n, 3) in patient coordinates.

    ``shape`` and ``spacing`` are (planes, rows, columns); ``offsets`` replaces even plane positions.
    """
    axes = np.array([np.cross(orientation[:3], orientation[3:]), orientation[3:], orientation[:3]], float)
    along = [np.arange(shape[0]) * spacing[0] if offsets is None else np.asarray(offsets, float)]
    along += [np.arange(shape[i]) * spacing[i] for i in (1, 2)]
    mesh = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 3)
    values = dose(mesh @ axes + np.asarray(origin, float)).reshape(shape)
    top = 2 ** (bits - signed) - 1
    scaling = float(f"{float(np.abs(values).max()) / top * (1 + 1e-6):.9e}") or 1e-9
    ds = _object(RTDOSE, "RTDOSE")
    ds.FrameOfReferenceUID = FRAME_OF_REFERENCE
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = f"{scaling:.9e}"
    ds.NumberOfFrames, ds.Rows, ds.Columns = shape
    ds.FrameIncrementPointer = 0x3004000C
    ds.GridFrameOffsetVector = [f"{v + (origin[2] if absolute else 0.0):.6f}" for v in along[0]]
    ds.ImagePositionPatient = [f"{v:.6f}" for v in origin]
    ds.ImageOrientationPatient = [f"{v:.12f}"[:16] for v in orientation]
    ds.PixelSpacing = [f"{spacing[1]:.6f}", f"{spacing[2]:.6f}"]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, int(signed)
    stored = np.rint(values / scaling).astype(f"<{'i' if signed else 'u'}{bits // 8}")
    data = stored.tobytes()
    ds.add_new(0x7FE00010, "OW", data + b"\0" * (len(data) % 2))
    return ds


def written(ds: Dataset) -> bytes:
    """The data set as a Part 10 file."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def _object(sop_class: str, modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, generate_uid(), modality
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PatientID = "PHANTOM"
    return ds


@dataclass(frozen=True)
class Case:
    """One solid in one linear dose (Gy), with slices ``slice_mm`` apart and a dose grid of ``grid_mm``."""

    solid: str
    axis: str
    rising: bool
    grid_mm: float
    slice_mm: float
    centre_dose: float = 20.0
    gradient: float = 1.0

    def __str__(self) -> str:
        direction = "rising" if self.rising else "falling"
        return f"{self.solid}, {self.axis} {direction}, grid {self.grid_mm}, slices {self.slice_mm}"

    def dose(self, heights: np.ndarray) -> np.ndarray:
        return self.centre_dose + (1 if self.rising else -1) * self.gradient * heights

    def stack(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Polygons of the slices, and their z: slabs of ``slice_mm`` fill the solid from end to end."""
        count = round(2 * HALF / self.slice_mm)
        z = -HALF + self.slice_mm * (np.arange(count) + 0.5)
        return [np.round(SOLIDS[self.solid](h), 6) for h in z], np.round(z, 6)

    def objects(self) -> tuple[Dataset, Dataset]:
        polygons, z = self.stack()
        contours = [np.column_stack((p, np.full(len(p), h))) for p, h in zip(polygons, z, strict=True)]
        column = 2 if self.axis == "SI" else 1
        count = int(np.ceil(32 / self.grid_mm)) + 1
        origin = np.full(3, -16.0) + self.grid_mm * np.array([0.37, 0.21, 0.44])
        dose = dose_object(
            lambda points: self.dose(points[:, column]), (count,) * 3, (self.grid_mm,) * 3, origin
        )
        return structure_set({1: contours}), dose

    def stack_truth(self) -> Truth:
        polygons, z = self.stack()
        heights = np.linspace(-HALF, HALF, 6001)
        low, high = z - self.slice_mm / 2, z + self.slice_mm / 2
        if self.axis == "AP":
            y = np.concatenate(polygons)[:, 1]
            heights = np.linspace(y.min(), y.max(), 6001)
        return Truth(heights, stack_above(polygons, low, high, self.axis, heights), self.dose)

    def ideal_truth(self) -> Truth:
        heights = np.linspace(-HALF, HALF, 4801)
        return Truth(heights, ideal_above(self.solid, self.axis, heights), self.dose)


def measured(dvh: object, truth: dict[str, float]) -> dict[str, float]:
    """The same metrics as ``Truth.values`` from a DVH of the package."""
    low, high = truth["min"], truth["max"]
    return {
        "volume": dvh.volume_cc,
        "mean": dvh.mean_gy,
        "min": dvh.min_gy,
        "max": dvh.max_gy,
        "D99": dvh.dose_at_volume(99, "%"),
        "D95": dvh.dose_at_volume(95, "%"),
        "D50": dvh.dose_at_volume(50, "%"),
        "D5": dvh.dose_at_volume(5, "%"),
        "D1": dvh.dose_at_volume(1, "%"),
        "D0.03cc": dvh.dose_at_volume(0.03, "cc"),
        "V50": dvh.volume_at_dose(0.5 * (low + high), "Gy"),
        "V25": dvh.volume_at_dose(low + 0.25 * (high - low), "Gy"),
        "V75": dvh.volume_at_dose(low + 0.75 * (high - low), "Gy"),
    }
