"""BED of a sum of plans, voxel by voxel from what each plan gives in fractions of its own.

BED = sum over plans of d (1 + d / n / (alpha/beta)), d being the plan's dose in a voxel and n its fractions (Fowler
1989; Barendsen 1982: effects of independent courses add up). The dose of the sum alone does not tell this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pyconquest_rt.dicom.access import text
from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid

Floats = npt.NDArray[np.float64]

TOLERANCE = 0.03
"""So far, in parts of the greatest dose, the plans' doses may differ from their sum in 95 % of the voxels."""
_COUNTS = 2**31
_COPIED = (
    "SOPClassUID",
    "Modality",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "PixelSpacing",
    "DoseType",
)


@dataclass(frozen=True)
class Part:
    """The dose of one plan of the sum, and the equal fractions it is given in."""

    dose: Dataset
    fractions: int


class SumOfPlans:
    """The doses of a sum's plans on the sum's grid.

    Raises DoseError where a dose cannot be read, and where the plans' doses do not add up to the sum.
    """

    def __init__(self, dose: Dataset, parts: Sequence[Part]) -> None:
        self._dose = dose
        self._grid = read_dose_grid(dose)
        self._total = np.zeros(self._grid.stored.shape, np.float32)
        self._squares = np.zeros_like(self._total)
        """Sum of d^2 / n, in Gy^2."""
        for part in parts:
            for plane, values in enumerate(_on_grid(read_dose_grid(part.dose), self._grid)):
                self._total[plane] += values
                self._squares[plane] += values**2 / part.fractions
        whole = self._grid.gray(self._grid.stored)
        if np.quantile(np.abs(self._total - whole), 0.95) > TOLERANCE * float(whole.max()):
            raise DoseError("the plans' own doses do not add up to the sum")

    def bed(self, alpha_beta_gy: float) -> Dataset:
        """Return the biologically effective dose in Gy as an RTDOSE, in memory, on the grid of the sum."""
        values = self._total + self._squares / np.float32(alpha_beta_gy)
        scaling = float(f"{max(float(values.max()), 1e-6) / _COUNTS:.9g}")
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        for keyword in _COPIED:
            if keyword in self._dose:
                setattr(made, keyword, self._dose[keyword].value)
        planes, rows, columns = values.shape
        offsets = self._grid.nodes[0]
        first = self._grid.origin + offsets[0] * self._grid.axes[0]
        made.ImagePositionPatient = [f"{one:.8g}" for one in first]
        made.GridFrameOffsetVector = [f"{one:.8g}" for one in offsets - offsets[0]]
        made.NumberOfFrames, made.Rows, made.Columns = planes, rows, columns
        made.DoseUnits, made.DoseGridScaling = "GY", f"{scaling:.9g}"
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated = made.BitsStored = 32
        made.HighBit, made.PixelRepresentation = 31, 0
        made.PixelData = np.rint(np.maximum(values, 0) / np.float64(scaling)).astype("<u4").tobytes()
        return made


def is_whole_grid(dose: Dataset) -> bool:
    """Tell whether an RTDOSE holds its grid alone, and not one plane of several objects."""
    return text(dose, "NumberOfFrames") not in ("", "1")


def _on_grid(part: DoseGrid, grid: DoseGrid) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the dose of a plan in Gy at the voxel centres of the sum, plane by plane; 0 outside the plan's grid."""
    if _is_same(part, grid):
        yield from (part.gray(plane) for plane in part.stored)
        return
    rows, columns = np.meshgrid(grid.nodes[1], grid.nodes[2], indexing="ij")
    in_plane = grid.origin + rows.ravel()[:, None] * grid.axes[1] + columns.ravel()[:, None] * grid.axes[2]
    for offset in grid.nodes[0]:
        points = part.to_grid(in_plane + offset * grid.axes[0])
        values = np.where(part.contains(points), part.interpolate(points), 0.0)
        yield values.reshape(rows.shape).astype(np.float32)


def _is_same(part: DoseGrid, grid: DoseGrid) -> bool:
    """Whether two grids have the same voxel centres, within 0.01 mm."""
    if part.stored.shape != grid.stored.shape:
        return False
    pairs: list[tuple[Floats, Floats]] = [
        (part.origin, grid.origin),
        *zip(part.nodes, grid.nodes, strict=True),
    ]
    return np.allclose(part.axes, grid.axes, atol=1e-5) and all(
        np.allclose(a, b, atol=0.01) for a, b in pairs
    )
