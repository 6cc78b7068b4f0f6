"""An RTSTRUCT as rows: the structure set, and each ROI with its geometry (DICOM PS3.3 A.19).

The geometry is that of the DVH engine: contours of a plane combined by the even-odd rule, prisms from half
way to half way between planes, the outermost ones closed at half a plane distance (``end_cap`` half).
"""

import os
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import Source, items, view_object
from pyconquest_rt.errors import ObjectError, UnreadableError
from pyconquest_rt.rt.dvh.contours import Roi, read_rois
from pyconquest_rt.rt.dvh.coverage import Polygons, TooManyCrossingsError, cover
from pyconquest_rt.rt.dvh.planes import Planes, in_plane, planes_of_set, usual_distance
from pyconquest_rt.rt.dvh.slabs import remarks, slabs_of
from pyconquest_rt.rt.objects.rows import Row, first, identity, joined, open_object, value, verdict, whole

Floats = npt.NDArray[np.float64]

END_CAP = "half"
CENTROID_ROWS = 32
"""Rows into which a plane is cut for its centroid; the area itself is exact with any number."""


@dataclass(frozen=True)
class StructureSetRows:
    """The row of ``rt_structure_set`` and the rows of ``rt_roi``; ``needs_images`` says that the contours alone do
    not tell how far the slices are apart."""

    structure_set: Row
    rois: list[Row]
    needs_images: bool = False


def extract(source: Source, slice_spacing_mm: float | None = None) -> StructureSetRows:
    """The rows of one RTSTRUCT, given as path, bytes, stream or data set.

    ``slice_spacing_mm`` is the distance of the images; without it the usual distance of all ROIs' planes is.
    An object that cannot be used gives a row with the status ``failed`` and the reason; nothing is raised.
    """
    dataset, failure = open_object(source, "RTSTRUCT")
    rois = {} if failure else _rois(source, dataset)
    found = planes_of_set(rois.values(), slice_spacing_mm)
    names = Counter(roi.name.casefold() for roi in rois.values())
    extras = _roi_extras(dataset)
    roi_rows = [
        {
            "SOPInstanceUID": value(dataset, "SOPInstanceUID"),
            **_roi_row(roi, names[roi.name.casefold()] > 1, extras.get(roi.number, {})),
            **_geometry(roi, found.planes.get(roi.number), found.problems.get(roi.number, "")),
        }
        for roi in rois.values()
    ]
    return StructureSetRows(_set_row(dataset, failure, rois, found.spacing), roi_rows, found.needs_images)


def _rois(source: Source, dataset: Dataset) -> dict[int, Roi]:
    """The ROIs as the DVH engine reads them: of encoded bytes where there are any, which keep names as they stand."""
    if isinstance(source, str | os.PathLike | bytes):
        try:
            return read_rois(view_object(source))
        except UnreadableError:  # a part is malformed that pydicom steps over
            pass
    return read_rois(dataset)


def _set_row(dataset: Dataset, failure: str | None, rois: dict[int, Roi], spacing: float | None) -> Row:
    frames, series = _references(dataset)
    of_rois = Counter(roi.frame_of_reference for roi in rois.values() if roi.frame_of_reference)
    main = of_rois.most_common(1)[0][0] if of_rois else next(iter(frames), None)
    return {
        **identity(dataset),
        "frame_of_reference_uid": main or value(dataset, "FrameOfReferenceUID"),
        "image_series_uid": next(iter(series.get(main or "", [])), None) or joined(_flat(series)[:1]),
        "image_series_uids": joined(_flat(series)),
        "label": value(dataset, "StructureSetLabel"),
        "name": value(dataset, "StructureSetName"),
        "description": value(dataset, "StructureSetDescription"),
        "date": value(dataset, "StructureSetDate"),
        "time": value(dataset, "StructureSetTime"),
        "physician": value(dataset, "ReferringPhysicianName"),
        "approval_status": value(dataset, "ApprovalStatus"),
        "roi_count": len(rois),
        "plane_spacing_mm": spacing,
        **verdict(failure, _set_warnings(dataset, rois)),
    }


def _flat(series: dict[str, list[str]]) -> list[str]:
    return [uid for uids in series.values() for uid in uids]


def _references(dataset: Dataset) -> tuple[list[str], dict[str, list[str]]]:
    """The frames of reference of a structure set, and the image series of each."""
    series: dict[str, list[str]] = {}
    for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
        uids = series.setdefault(value(frame, "FrameOfReferenceUID") or "", [])
        for study in items(frame, "RTReferencedStudySequence"):
            for referenced in items(study, "RTReferencedSeriesSequence"):
                if uid := value(referenced, "SeriesInstanceUID"):
                    uids.append(uid)
    return [frame for frame in series if frame], series


def _set_warnings(dataset: Dataset, rois: dict[int, Roi]) -> list[str]:
    described = items(dataset, "StructureSetROISequence")
    if not described:
        return ["there are no ROIs"]
    numbers = Counter(whole(item, "ROINumber") for item in described)
    nameless = numbers.pop(None, 0)
    warnings = [f"{nameless} ROI(s) without number"] if nameless else []
    warnings += [
        f"ROI number {number} is given {count} times" for number, count in numbers.items() if count > 1
    ]
    referenced = {whole(item, "ReferencedROINumber") for item in items(dataset, "ROIContourSequence")}
    unknown = len(referenced - set(numbers) - {None})
    if unknown:
        warnings.append(f"contours of {unknown} ROI(s) that are not described")
    return warnings


def _roi_extras(dataset: Dataset) -> dict[int | None, Row]:
    """What ``read_rois`` leaves out, by ROI number."""
    extras: dict[int | None, Row] = {}
    for item in items(dataset, "StructureSetROISequence"):
        extras[whole(item, "ROINumber")] = {
            "description": value(item, "ROIDescription"),
            "generation_algorithm": value(item, "ROIGenerationAlgorithm"),
        }
    for item in items(dataset, "RTROIObservationsSequence"):
        physical = first(item, "ROIPhysicalPropertiesSequence")
        extras.setdefault(whole(item, "ReferencedROINumber"), {}).update(
            observation_label=value(item, "ROIObservationLabel"),
            physical_property=value(physical, "ROIPhysicalProperty"),
            physical_value=value(physical, "ROIPhysicalPropertyValue"),
        )
    return extras


def _roi_row(roi: Roi, duplicate: bool, extra: Row) -> Row:
    red_green_blue = roi.color or ()
    return {
        "roi_number": roi.number,
        "raw_name": roi.name,
        "interpreted_type": roi.interpreted_type or None,
        "description": extra.get("description"),
        "generation_algorithm": extra.get("generation_algorithm"),
        "observation_label": extra.get("observation_label"),
        "physical_property": extra.get("physical_property"),
        "physical_value": extra.get("physical_value"),
        "colour": "#" + "".join(f"{part:02x}" for part in red_green_blue) if red_green_blue else None,
        "frame_of_reference_uid": roi.frame_of_reference or None,
        "contour_count": len(roi.contours) + sum(roi.others.values()),
        "closed_contour_count": len(roi.contours),
        "point_count": sum(len(contour) for contour in roi.contours),
        "is_empty": int(not roi.contours),
        "is_duplicate_name": int(duplicate),
    }


def _geometry(roi: Roi, planes: Planes | None, problem: str) -> Row:
    """The geometry columns of an ROI; None where there is no geometry, with the reason."""
    row: Row = dict.fromkeys(GEOMETRY_COLUMNS)
    notes = list(roi.notes)
    row["is_one_slice"] = int(planes is not None and planes.positions.size == 1)
    if planes is None:
        return row | verdict("; ".join([problem, *notes]), [])
    notes += [f"{count} {kind} contour(s) left out" for kind, count in roi.others.items()]
    row["plane_count"] = int(planes.positions.size)
    row["plane_spacing_mm"] = usual_distance([planes])
    row |= _extents(planes)
    try:
        row |= _measures(planes)
        notes += remarks(planes, row["volume_cc"])
    except (ObjectError, TooManyCrossingsError) as error:
        return row | verdict("; ".join([str(error), *notes]), [])
    return row | verdict(None, notes)


GEOMETRY_COLUMNS = (
    *("plane_count", "plane_spacing_mm", "end_cap", "volume_cc"),
    *("centroid_x_mm", "centroid_y_mm", "centroid_z_mm"),
    *("low_x_mm", "low_y_mm", "low_z_mm", "high_x_mm", "high_y_mm", "high_z_mm"),
    *("spread_x_mm", "spread_y_mm", "spread_z_mm"),
    *("max_cross_section_cm2", "median_cross_section_cm2", "surface_area_cm2"),
)


def _extents(planes: Planes) -> Row:
    low, high = planes.points.min(axis=0), planes.points.max(axis=0)
    corners = {"low": low, "high": high, "spread": high - low}
    return {
        f"{what}_{axis}_mm": float(corner[i])
        for what, corner in corners.items()
        for i, axis in enumerate("xyz")
    }


def _measures(planes: Planes) -> Row:
    basis = in_plane(planes.normal)
    slabs = slabs_of(planes, planes.points @ basis.T, END_CAP)
    area, middle = _sections(slabs.polygons)
    heights = slabs.high - slabs.low
    volume = float(area @ heights)
    if volume <= 0:
        return {"end_cap": END_CAP, "volume_cc": 0.0, "max_cross_section_cm2": 0.0}
    weights = area * heights / volume
    centre = (weights @ middle) @ basis + weights @ (0.5 * (slabs.low + slabs.high)) * planes.normal
    surface = _surface(slabs.polygons, area, slabs.low, slabs.high)
    return {
        "end_cap": END_CAP,
        "volume_cc": volume / 1e3,
        **{f"centroid_{axis}_mm": float(centre[i]) for i, axis in enumerate("xyz")},
        "max_cross_section_cm2": float(area.max()) / 1e2,
        "median_cross_section_cm2": float(np.median(area)) / 1e2,
        "surface_area_cm2": surface / 1e2,
    }


def _sections(polygons: Polygons) -> tuple[Floats, Floats]:
    """Area (mm2) and centroid (mm, shape (planes, 2)) of each plane by the even-odd rule."""
    low, high = polygons.points.min(axis=0), polygons.points.max(axis=0)
    rows = np.linspace(low[1], high[1], CENTROID_ROWS + 1)
    covered = cover(polygons, np.array([low[0], high[0]]), rows)
    part = covered.fraction * np.diff(rows)[covered.row] * (high[0] - low[0])
    u = low[0] + covered.u * (high[0] - low[0])
    v = rows[covered.row] + covered.v * np.diff(rows)[covered.row]
    sums = [np.bincount(covered.plane, weights, polygons.planes) for weights in (part, part * u, part * v)]
    whole_area = np.where(sums[0] > 0, sums[0], 1.0)
    return covered.area, np.stack(sums[1:], axis=1) / whole_area[:, None]


def _surface(polygons: Polygons, area: Floats, low: Floats, high: Floats) -> float:
    """Surface (mm2): between neighbouring planes as of a frustum, end faces flat with half a slab of side.

    A frustum of mean perimeter P and height h whose faces differ by the area D has the side
    sqrt((P h)^2 + D^2), which is exact for cones and cylinders; D is the area in which the two faces do not
    overlap. Perimeters count the edges of holes.
    """
    perimeter = _perimeters(polygons)
    order = np.argsort(low)
    low, high = low[order], high[order]
    joined_above = np.append(np.abs(low[1:] - high[:-1]) < 1e-6, False)
    differing = _differing(polygons, order)
    total = 0.0
    for i, plane in enumerate(order):
        if joined_above[i]:
            height = 0.5 * (high[i + 1] - low[i])
            mean = 0.5 * (perimeter[plane] + perimeter[order[i + 1]])
            total += float(np.hypot(mean * height, differing[i]))
        ends = int(not joined_above[i]) + int(i == 0 or not joined_above[i - 1])
        total += ends * (area[plane] + perimeter[plane] * 0.5 * (high[i] - low[i]))
    return total


def _perimeters(polygons: Polygons) -> Floats:
    following = np.arange(len(polygons.points)) + 1
    following[polygons.starts[1:] - 1] = polygons.starts[:-1]
    edges = np.linalg.norm(polygons.points[following] - polygons.points, axis=1)
    of_contours = np.add.reduceat(edges, polygons.starts[:-1])
    return np.asarray(np.bincount(polygons.plane, of_contours, polygons.planes), dtype=np.float64)


def _differing(polygons: Polygons, order: npt.NDArray[np.intp]) -> Floats:
    """Area (mm2) in which each plane and the next one above do not overlap: both by the even-odd rule."""
    if polygons.planes < 2:
        return np.zeros(0)
    rank = np.argsort(order)[polygons.plane]
    twice = np.concatenate((rank, rank - 1))
    kept = (twice >= 0) & (twice < polygons.planes - 1)
    counts = np.diff(polygons.starts)
    points = np.concatenate((polygons.points, polygons.points))[np.repeat(kept, np.tile(counts, 2))]
    starts = np.append(0, np.cumsum(np.tile(counts, 2)[kept]))
    pairs = Polygons(points, starts, twice[kept], polygons.planes - 1)
    low, high = points.min(axis=0), points.max(axis=0)
    return cover(pairs, np.array([low[0], high[0]]), np.array([low[1], high[1]])).area
