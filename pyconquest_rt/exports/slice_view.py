"""One image of a series with contours and isodoses over it, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels.processing import apply_modality_lut

from pyconquest_rt.database.connection import Database
from pyconquest_rt.dicom.access import read_objects, view_object
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh.contours import Roi, read_rois
from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.dose_reading import read_dose_grid
from pyconquest_rt.rt.relations.isodoses import plane_lines_at

Floats = npt.NDArray[np.float64]

LEVELS_PERCENT = (107, 100, 95, 80, 50, 30, 10)
WINDOW = (40.0, 400.0)
"""Centre and width for CT whose images name none."""
SAME_PLANE_MM = 0.05
FLAT_MM = 0.5
NEAR_PART = 0.75
"""Contours are drawn on an image that lies within this part of the slices' distance."""


class Level(NamedTuple):
    """An isodose that is drawn: its dose, and its name."""

    dose_gy: float
    name: str


class Image(NamedTuple):
    """A transverse image: values (rows, columns), the place of the first pixel, and distances of rows and columns."""

    values: Floats
    origin: Floats
    spacing: tuple[float, float]
    window: tuple[float, float]
    frame_of_reference: str
    thickness: float


def structures_of(database: Database, series: str, dose: str | None) -> tuple[str | None, float | None]:
    """Return the structure set to draw, by its UID, and the prescription in Gy.

    With a dose they are those of its DVHs; without one, the only structure set that was drawn on the series.
    """
    if dose:
        (row,) = database.query(
            "SELECT max(structure_set_uid) AS uid, max(prescription_gy) AS gy FROM dvh WHERE SOPInstanceUID = ?",
            (dose,),
        )
        return row["uid"], row["gy"]
    rows = database.query(
        "SELECT SOPInstanceUID AS uid FROM rt_structure_set WHERE image_series_uid = ?", (series,)
    )
    return (rows[0]["uid"] if len(rows) == 1 else None), None


def image_at(paths: Sequence[Path], z: float) -> Image:
    """Return the image of a series that is nearest to ``z`` mm.

    Raises ObjectError where none is transverse, or none lies there.
    """
    places = []
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        orientation = [float(value) for value in header.get("ImageOrientationPatient", [])]
        position = header.get("ImagePositionPatient")
        if position is not None and np.allclose(np.abs(orientation), (1, 0, 0, 0, 1, 0), atol=1e-3):
            places.append((float(position[2]), path))
    if not places:
        raise ObjectError("the series has no transverse images with a place in the patient")
    heights = np.unique([place for place, _ in places])
    step = float(np.median(np.diff(heights))) if heights.size > 1 else 5.0
    away, path = min((abs(place - z), path) for place, path in places)
    if away > step:
        raise ObjectError(f"no image at {z:g} mm: the series goes from {heights[0]:g} to {heights[-1]:g} mm")
    return _image(path, step)


def _image(path: Path, step: float) -> Image:
    ds = pydicom.dcmread(path)
    values = np.asarray(apply_modality_lut(ds.pixel_array, ds), np.float64)
    orientation = np.array(ds.ImageOrientationPatient, float)
    spacing = float(ds.PixelSpacing[0]) * orientation[4], float(ds.PixelSpacing[1]) * orientation[0]
    centre, width = (ds.get(name) for name in ("WindowCenter", "WindowWidth"))
    window = WINDOW
    if centre is not None and width is not None:
        window = float(np.atleast_1d(centre)[0]), float(np.atleast_1d(width)[0])
    origin = np.array(ds.ImagePositionPatient, float)
    return Image(values, origin, spacing, window, str(ds.get("FrameOfReferenceUID", "")), step)


def draw_slice(
    image: Image,
    path: str,
    structure_set: Path | None = None,
    dose: Path | None = None,
    prescription_gy: float | None = None,
    title: str = "",
) -> list[str]:
    """Draw an image with the contours of a structure set and the isodoses of a dose; returns what is to be said.

    Isodoses are in % of ``prescription_gy``, or of the greatest dose where that is not known, and the legend says
    which. Raises ObjectError for objects of another frame of reference, DoseError for one without a dose grid, and
    ValueError for an ending that matplotlib does not write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.add_subplot()
    rows, columns = image.values.shape
    (dy, dx), (x, y, z) = image.spacing, image.origin
    extent = (x - dx / 2, x + (columns - 0.5) * dx, y + (rows - 0.5) * dy, y - dy / 2)
    centre, width = image.window
    axes.imshow(image.values, cmap="gray", extent=extent, vmin=centre - width / 2, vmax=centre + width / 2)
    axes.set(xlim=sorted(extent[:2]), ylim=sorted(extent[2:], reverse=True))
    notes: list[str] = []
    if structure_set is not None:
        _draw_contours(axes, image, read_rois(view_object(structure_set)))
    if dose is not None:
        (found,) = read_objects(dose)
        _require_same_frame(image, str(found.get("FrameOfReferenceUID", "")), "the dose")
        notes += _draw_isodoses(axes, read_dose_grid(found), z, prescription_gy)
    axes.set(
        xlabel="x in mm (right of the picture: the patient's left)",
        ylabel="y in mm (down: the patient's back)",
    )
    axes.set_title(f"{title}  z = {z:g} mm".strip(), fontsize=10, parse_math=False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    if notes:
        figure.supxlabel(
            "\n".join(f"! {note}" for note in notes), x=0.01, ha="left", fontsize=7, parse_math=False
        )
    figure.savefig(path, dpi=130)
    return notes


def _require_same_frame(image: Image, frame: str, what: str) -> None:
    if frame and image.frame_of_reference and frame != image.frame_of_reference:
        raise ObjectError(f"{what} has another frame of reference than the image")


def _draw_contours(axes: Any, image: Image, rois: dict[int, Roi]) -> None:
    for number, roi in enumerate(rois.values()):
        near = _nearest_contours(roi, image)
        if near:
            _require_same_frame(image, roi.frame_of_reference, f"ROI {roi.name}")
        colour = tuple(part / 255 for part in roi.color) if roi.color else f"C{number % 10}"
        label = (roi.name or f"ROI {roi.number}").replace("$", r"\$")
        for contour in near:
            closed = np.vstack((contour, contour[:1]))
            axes.plot(closed[:, 0], closed[:, 1], color=colour, linewidth=1.2, label=label)
            label = ""


def _nearest_contours(roi: Roi, image: Image) -> list[Floats]:
    """Return the transverse contours of the plane nearest to an image, if that is near enough."""
    flat = [contour for contour in roi.contours if np.ptp(contour[:, 2]) < FLAT_MM]
    away = [abs(float(contour[0, 2] - image.origin[2])) for contour in flat]
    limit = min(min(away, default=0.0) + SAME_PLANE_MM, NEAR_PART * image.thickness)
    return [contour for contour, distance in zip(flat, away, strict=True) if distance < limit]


def _draw_isodoses(axes: Any, grid: DoseGrid, z: float, prescription_gy: float | None) -> list[str]:
    whole, of_what = (prescription_gy, "") if prescription_gy else (grid.range[1], " of the greatest dose")
    lines = {percent: plane_lines_at(grid, z, whole * percent / 100) for percent in LEVELS_PERCENT}
    if not any(lines.values()):
        return [f"the dose grid has no isodose of {min(LEVELS_PERCENT)} % or more at {z:g} mm"]
    from matplotlib import colormaps

    for place, (percent, found) in enumerate(lines.items()):
        colour = colormaps["jet_r"](0.08 + 0.84 * place / (len(lines) - 1))
        label = f"{percent} %{of_what}: {whole * percent / 100:.4g} Gy"
        for line in found:
            axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=1.4, linestyle="--", label=label)
            label = ""
    return list(grid.notes)
