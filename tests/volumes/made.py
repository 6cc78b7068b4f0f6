"""Synthetic objects whose values are a function of the place in the patient."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom import Sequence as Items
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

STORAGE = "1.2.840.10008.5.1.4.1.1."
CT, MR, PT, NM = (f"{STORAGE}{end}" for end in ("2", "4", "128", "20"))
ENHANCED_CT, ENHANCED_MR = f"{STORAGE}2.1", f"{STORAGE}4.1"
RT_DOSE, RT_STRUCTURES, SEGMENTATION = f"{STORAGE}481.2", f"{STORAGE}481.3", f"{STORAGE}66.4"
FRAME_OF_REFERENCE = "1.2.826.0.1.3680043.10.1"

AXIAL = (1, 0, 0, 0, 1, 0)
SPACING = (2.0, 1.0)
SHAPE = (9, 12)

Field = Callable[[np.ndarray], np.ndarray]


def truth(places: np.ndarray) -> np.ndarray:
    """The value at places (3, ...)."""
    x, y, z = places
    return x + 2 * y + 3 * z


def places_of(position: Sequence[float], orientation=AXIAL, spacing=SPACING, shape=SHAPE) -> np.ndarray:
    """The places (3, rows, columns) of the pixels of an image."""
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    j, i = np.mgrid[: shape[0], : shape[1]]
    start = np.array(position, float)
    return start[:, None, None] + column[:, None, None] * spacing[0] * j + row[:, None, None] * spacing[1] * i


def plain(sop_class: str, modality: str, series: str = "1.2.3.4") -> Dataset:
    """An object without an image."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = sop_class
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    found.StudyInstanceUID, found.SeriesInstanceUID = "1.2.3", series
    found.Modality, found.SeriesNumber, found.SeriesDescription = modality, 3, "synthetic"
    found.FrameOfReferenceUID = FRAME_OF_REFERENCE
    return found


def pixels(found: Dataset, raw: np.ndarray, *, bits: int | None = None, signed: bool = True) -> None:
    """Put stored values ((frames,) rows, columns) into an object."""
    found.Rows, found.Columns = raw.shape[-2:]
    if raw.ndim == 3:
        found.NumberOfFrames = len(raw)
    width = raw.dtype.itemsize * 8
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.BitsAllocated, found.BitsStored = width, bits or width
    found.HighBit, found.PixelRepresentation = found.BitsStored - 1, int(signed)
    found.PixelData = raw.tobytes()


def image(
    position: Sequence[float],
    *,
    orientation: Sequence[float] = AXIAL,
    spacing: Sequence[float] = SPACING,
    shape: Sequence[int] = SHAPE,
    field: Field = truth,
    slope: float = 1,
    intercept: float = -1024,
    dtype: Any = np.int16,
    sop_class: str = CT,
    modality: str = "CT",
    **more: Any,
) -> Dataset:
    """A slice whose real values are ``field`` of the place, as near as slope and intercept allow."""
    found = plain(sop_class, modality)
    found.ImagePositionPatient = [f"{value:.10g}" for value in position]
    found.ImageOrientationPatient = [f"{value:.10g}" for value in orientation]
    found.PixelSpacing = [float(value) for value in spacing]
    values = field(places_of(position, orientation, spacing, shape))
    raw = np.rint((values - intercept) / slope)
    info = np.iinfo(dtype)
    assert raw.min() >= info.min
    assert raw.max() <= info.max
    pixels(found, raw.astype(dtype), signed=info.min < 0)
    if (slope, intercept) != (1, 0) or modality != "MR":
        found.RescaleSlope, found.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
    for name, value in more.items():
        setattr(found, name, value)
    return found


def save(folder: Path, objects: Sequence[Dataset], order: Sequence[int] | None = None) -> Path:
    """Write objects into a folder, under names in another order than that of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    places = order if order is not None else np.random.default_rng(7).permutation(len(objects))
    for number, place in enumerate(places):
        objects[int(place)].save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
    return folder


def stack(
    count: int = 7, gap: float = 3.0, start: Sequence[float] = (-20, 10, -6), **more: Any
) -> list[Dataset]:
    """Slices along the normal of their orientation."""
    orientation = more.get("orientation", AXIAL)
    normal = np.cross(orientation[:3], orientation[3:])
    return [image(np.array(start) + k * gap * normal, **more) for k in range(count)]


def item(**values: Any) -> Dataset:
    """An item of a sequence."""
    found = Dataset()
    for name, value in values.items():
        setattr(found, name, Items(value) if name.endswith("Sequence") else value)
    return found


def error(array: np.ndarray, affine: np.ndarray, field: Field = truth) -> float:
    """The largest difference from the truth of values (k, j, i), NaN left out."""
    grid = np.indices(array.shape).reshape(3, -1)
    places = (affine[:3, :3] @ grid + affine[:3, 3:]).reshape(3, *array.shape)
    return float(np.nanmax(np.abs(array - field(places))))
