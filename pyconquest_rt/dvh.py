"""Dose-volume histograms from an RTSTRUCT and an RTDOSE.

``calculate_dvhs("rs.dcm", "rd.dcm")`` returns a :class:`DVH` for every ROI. The geometry is what the contours
say: exact areas, prisms from half way to half way between planes, the trilinear dose all through them
(docs/dvh.md). Objects that cannot give a DVH do not raise: its status is then ``failed``, with the reason.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import Record, Source, has, read_object, read_objects, text, view_object
from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.rt.dvh import dicompyler
from pyconquest_rt.rt.dvh.contours import Roi, read_rois
from pyconquest_rt.rt.dvh.coverage import TooManyCrossingsError
from pyconquest_rt.rt.dvh.dose_grid import DoseGrid
from pyconquest_rt.rt.dvh.dose_reading import DoseError, is_lossy, read_dose_grid
from pyconquest_rt.rt.dvh.dvh_object import DVH, NAN, from_curve
from pyconquest_rt.rt.dvh.planes import ContourError, Planes, planes_of_set
from pyconquest_rt.rt.dvh.roi_dose import roi_dose
from pyconquest_rt.rt.dvh.slabs import END_CAPS, remarks, volume_cc
from pyconquest_rt.rt.dvh.vendor_dvhs import read_vendor_dvhs

__all__ = ["DVH", "ENGINES", "calculate_dvhs", "read_vendor_dvhs"]

COARSE_GRID = "the dose of {:.0f} % of the volume is steep for its grid, whose own error may exceed 2 %"
STEEP = 0.02
"""A larger part of a volume in steep dose deserves a remark."""
OTHER_FRAME = "structure set and dose have different frames of reference"


@dataclass(frozen=True)
class _Objects:
    """What is needed for the DVHs of one structure set: contours by plane, and the grid or why there is
    none."""

    structure_set: Record
    dose: Dataset
    rois: Mapping[int, Roi]
    planes: Mapping[int, Planes]
    problems: Mapping[int, str]
    grid: DoseGrid | None
    grid_problem: str
    frame_of_reference: str
    any_frame_of_reference: bool
    is_lossy: bool
    end_cap: str

    def is_of_other_frame(self, roi: Roi) -> bool:
        """Return whether an ROI is known to have another frame of reference than the dose."""
        frame = self.frame_of_reference
        return bool(frame and roi.frame_of_reference and frame != roi.frame_of_reference)

    def refusal(self, roi: Roi) -> str:
        """Return why an ROI gets no DVH from this dose, or nothing."""
        if self.is_of_other_frame(roi) and not self.any_frame_of_reference:
            return OTHER_FRAME
        return self.grid_problem


def calculate_dvhs(
    structure_set: Source,
    dose: Source | Sequence[Source],
    rois: Iterable[int] | None = None,
    end_cap: str = "half",
    engine: str = "pyconquest",
    *,
    prescription_gy: float | None = None,
    fractions: int | None = None,
    slice_spacing_mm: float | None = None,
    other_frame_of_reference: bool = False,
) -> dict[int, DVH]:
    """Return the DVHs of the ROIs of an RTSTRUCT in the dose of an RTDOSE, by ROI number.

    ``structure_set`` and ``dose`` are paths, bytes, byte streams or pydicom data sets; a list of doses of one
    plane each is taken as one grid. ``rois`` are the numbers of the ROIs wanted (all when None). ``end_cap``
    closes the outermost slabs: ``half`` (half a plane distance beyond the last contours), ``none``, or
    ``taper`` (that half distance as a cone). ``engine`` is ``pyconquest`` or ``dicompyler``.
    ``prescription_gy`` is what doses in % are relative to, and ``fractions`` the number of fractions that BED
    and EQD2 are calculated for.
    ``slice_spacing_mm``, the image series' spacing, is the thickness of ROIs on a single plane and what gaps are
    judged by; without it the usual distance of all ROIs' planes is. ``other_frame_of_reference`` allows, with a
    warning, ROIs whose frame of reference is not that of the dose.

    An ROI without a DVH has one with the status ``failed`` and the reason. Raises UnreadableError for what
    is not DICOM or is malformed, ObjectError for a first object that is no structure set, and ValueError for
    unknown options.
    """
    if end_cap not in END_CAPS:
        raise ValueError(f"end_cap is {end_cap!r}; use one of {', '.join(END_CAPS)}")
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; use one of {', '.join(ENGINES)}")
    contours = read_object(structure_set) if engine == "dicompyler" else view_object(structure_set)
    doses = read_objects(dose)
    if not doses:
        raise ValueError("there is no dose")
    if engine == "dicompyler" and len(doses) > 1:
        raise ValueError("dicompyler-core takes a single RTDOSE")
    objects = _read(contours, doses, end_cap, slice_spacing_mm, other_frame_of_reference)
    numbers = objects.rois if rois is None else dict.fromkeys(rois)
    return {
        number: replace(_one(number, objects, engine), prescription_gy=prescription_gy, fractions=fractions)
        for number in numbers
    }


def _read(
    structure_set: Record, doses: list[Dataset], end_cap: str, spacing: float | None, any_frame: bool
) -> _Objects:
    if not (has(structure_set, "StructureSetROISequence") or has(structure_set, "ROIContourSequence")):
        modality = text(structure_set, "Modality") or "missing"
        raise ObjectError(f"the first object is no RTSTRUCT with ROIs (its Modality is {modality})")
    rois = read_rois(structure_set)
    by_plane = planes_of_set(rois.values(), spacing)
    grid, grid_problem = None, ""
    try:
        grid = read_dose_grid(doses)
    except DoseError as error:
        grid_problem = str(error)
    return _Objects(
        structure_set=structure_set,
        dose=doses[0],
        rois=rois,
        planes=by_plane.planes,
        problems=by_plane.problems,
        grid=grid,
        grid_problem=grid_problem,
        frame_of_reference=text(doses[0], "FrameOfReferenceUID"),
        any_frame_of_reference=any_frame,
        is_lossy=is_lossy(doses[0]),
        end_cap=end_cap,
    )


def _one(number: int, objects: _Objects, engine: str) -> DVH:
    """Return the DVH of one ROI, whatever happens."""
    roi = objects.rois.get(number)
    if roi is None:
        return DVH(
            number, status="failed", reason="the structure set has no ROI of this number", source=engine
        )
    frame = DVH(number, roi.name, roi.interpreted_type, roi.color, source=engine)
    planes = objects.planes.get(number)
    if planes is None:
        reason = "; ".join((objects.problems[number], *roi.notes))
        return replace(frame, status="failed", reason=reason, volume_cc=0.0)
    refusal = objects.refusal(roi)
    if objects.grid is None or refusal:
        try:
            volume = volume_cc(planes, objects.end_cap)
        except (ContourError, TooManyCrossingsError):
            volume = NAN
        return replace(frame, status="failed", reason=refusal, volume_cc=volume, uncovered_cc=volume)
    try:
        dvh = ENGINES[engine](frame, planes, objects.grid, objects)
    except (ContourError, TooManyCrossingsError) as error:
        return replace(frame, status="failed", reason=str(error))
    if dvh.status == "failed":
        return dvh
    found = _remarks(roi, planes, objects, dvh)
    return replace(dvh, status="warning" if found else "ok", reason="; ".join(found))


def _pyconquest(frame: DVH, planes: Planes, grid: DoseGrid, objects: _Objects) -> DVH:
    found = roi_dose(planes, grid, objects.end_cap)
    volume = found.covered + found.uncovered
    dvh = replace(frame, volume_cc=volume, uncovered_cc=found.uncovered, end_cap=objects.end_cap)
    if found.dose.size == 0:
        reason = "the ROI lies outside the dose grid" if volume > 0 else "the contours enclose no volume"
        return replace(dvh, status="failed", reason=reason)
    dvh = replace(
        dvh, min_gy=found.low, mean_gy=found.mean, max_gy=found.high, dose=found.dose, share=found.share
    )
    return replace(dvh, reason=COARSE_GRID.format(100 * found.steep)) if found.steep > STEEP else dvh


def _dicompyler(frame: DVH, _planes: Planes, _grid: DoseGrid, objects: _Objects) -> DVH:
    assert isinstance(objects.structure_set, Dataset)
    structure_set, dose = (dicompyler.with_file_meta(ds) for ds in (objects.structure_set, objects.dose))
    try:
        with content_errors("dicompyler-core", quoted=True):
            edges, volumes = dicompyler.calculate(structure_set, dose, frame.roi_number)
    except ObjectError as error:
        return replace(frame, status="failed", reason=str(error))
    if volumes[0] <= 0:
        return replace(frame, status="failed", reason="dicompyler-core found no volume", volume_cc=0.0)
    return from_curve(frame, edges, volumes, volumes[0])


ENGINES: dict[str, Callable[[DVH, Planes, DoseGrid, _Objects], DVH]] = {
    "pyconquest": _pyconquest,
    "dicompyler": _dicompyler,
}
"""What can calculate a DVH, by name."""


def _remarks(roi: Roi, planes: Planes, objects: _Objects, dvh: DVH) -> list[str]:
    """Return what a reader of the DVH must know."""
    found = [*roi.notes, *([dvh.reason] if dvh.reason else [])]
    if roi.others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(roi.others.items()))
        found.append(f"contours that enclose no volume are left out: {kinds}")
    found += remarks(planes, dvh.volume_cc)
    if dvh.uncovered_cc > 0:
        found.append(f"{dvh.uncovered_cc:.3g} of {dvh.volume_cc:.4g} cc lie outside the dose grid")
    if objects.is_lossy:
        found.append("the dose was compressed with loss")
    if objects.is_of_other_frame(roi):
        found.append(OTHER_FRAME)
    if objects.grid is not None:
        found += objects.grid.notes
    return found
