"""Adaptor of images with a place in space: slices, enhanced multi-frame objects, doses, parametric maps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pyconquest_rt.volumes.assembly import fill
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.frames import Frame
from pyconquest_rt.volumes.model import Candidate, Volume, say
from pyconquest_rt.volumes.objects import ImageObject
from pyconquest_rt.volumes.regular import regularise
from pyconquest_rt.volumes.series import Found, Part, Plan, find_volumes
from pyconquest_rt.volumes.suv import suv_factor, suv_problem
from pyconquest_rt.volumes.twins import check_twins

_KINDS = ("scalar", "multiframe", "dose", "parametric")
_CONFIDENCE = {"scalar": 0.9, "multiframe": 0.92, "dose": 0.95, "parametric": 0.95, "sequence": 0.85}
_BESIDE = (
    0.1  # of its confidence is left to what lies beside a volume, so that it never stands before that one
)
_MINOR = {"padding", "rescale_varies", "duplicate_instance"}  # what takes nothing from the confidence
SUV = "SUVbw"


class Images:
    """Slices, multi-frame objects, doses and parametric maps → volumes."""

    name = "images"

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """The volumes in the images of one series, each kind for itself."""
        found: list[Candidate] = []
        for kind in _KINDS:
            mine = [one for one in objects if kind_of(one) == kind]
            found += _of_kind(kind, mine)
        return found

    def load(self, candidate: Candidate, unit: str | None, options: Options) -> Volume:
        """The volume of a candidate; see :func:`pyconquest_rt.volumes.load`."""
        plan: Plan | None = candidate.plan
        _check(candidate, unit, options)
        assert plan is not None
        assert plan.grid is not None
        frames = [frame for row in plan.stacks for frame in row]
        factor, shown = _unit(frames, unit)
        check_twins(plan.twins, candidate.codes)
        rows, columns = frames[0].common.stored.rows, frames[0].common.stored.columns
        shape = (len(plan.stacks), len(plan.stacks[0]), rows, columns)
        array = fill(frames, shape if len(plan.stacks) > 1 else shape[1:], factor)
        volume = Volume(
            array=array,
            affine=plan.affine.copy(),
            unit=shown,
            codes=list(candidate.codes),
            axes={name: list(values) for name, values in plan.axes.items()},
            frame_of_reference=frames[0].common.frame_of_reference,
            kind=candidate.kind,
        )
        return regularise(volume, plan.grid, options)


def kind_of(one: ImageObject) -> str:
    """The kind of an object: a sequence whose frames have a place is a multi-frame volume."""
    if one.kind == "sequence" and one.frames and all(frame.position is not None for frame in one.frames):
        return "multiframe" if len(one.frames) > 1 else "scalar"
    return one.kind


def _of_kind(kind: str, objects: Sequence[ImageObject]) -> list[Candidate]:
    broken = [one for one in objects if one.problem]
    made = _apart(kind, [one for one in objects if not one.problem])
    if any(one.problem == "unreadable" for one in broken):
        for candidate in made:
            say(candidate.codes, "unreadable")
    return [_problem(kind, one) for one in broken] + made


_REPEATED = {"ambiguous_stack", "duplicate_position", "duplicate_instance"}
_OWN_VOLUMES = ("dose", "parametric")


def _apart(kind: str, objects: Sequence[ImageObject]) -> list[Candidate]:
    """The volumes of each object of many frames that is one by itself, and of all others together.

    Doses and parametric maps are; other objects where they repeat one another's places and nothing sorts them.
    """
    large = [one for one in objects if len(one.frames) > 1]
    if not large or kind not in _OWN_VOLUMES:
        together = _whole(kind, objects)
        if len(large) < 2 or not _repeats(together):
            return together
    small = [one for one in objects if len(one.frames) <= 1]
    found = _whole(kind, small)
    for one in large:
        found += _whole(kind, [one])
    return found


def _repeats(candidates: Sequence[Candidate]) -> bool:
    return any(one.refusal in _REPEATED for one in candidates)


def _whole(kind: str, objects: Sequence[ImageObject]) -> list[Candidate]:
    """The volumes in the images of objects that can be read; one of them is selected at least."""
    frames = [frame for one in objects for frame in one.frames]
    if not frames:
        return []
    types = {id(one.source): one.image_type for one in objects}
    volumes = find_volumes(frames, types)
    made = [_candidate(kind, objects[0], volume, number) for number, volume in enumerate(volumes)]
    if not any(candidate.selected for candidate in made):
        made[0] = replace(made[0], selected=True)
    return _largest_first(made)


def _largest_first(made: list[Candidate]) -> list[Candidate]:
    """Candidates of which those of a few images do not stand before one of many that is refused."""
    refused = max((len(one.files) for one in made if one.refusal and one.selected), default=0)
    return [
        one
        if one.refusal or 2 * len(one.files) >= refused
        else replace(one, confidence=round(_BESIDE * one.confidence, 3))
        for one in made
    ]


def _problem(kind: str, one: ImageObject) -> Candidate:
    code = one.problem or "unreadable"
    detail = f"{one.source.name}: {one.details or code}"
    return Candidate(
        one.name, kind, 0.0, [code], [one.source.origin], False, code, series_uid=one.series_uid, plan=detail
    )


def _candidate(kind: str, one: ImageObject, found: Found, number: int) -> Candidate:
    part, plan = found.part, found.plan
    codes, refusal = _verdict(kind, part)
    if plan is not None and _is_cine(plan):
        kind = "sequence"
    name = one.name + (f" ({found.label or number + 1})" if number or found.label else "")
    return Candidate(
        name=name,
        kind=kind,
        confidence=_confidence(kind, codes, refusal, part.selected),
        codes=codes,
        files=list(dict.fromkeys(_origin(frame) for frame in part.frames)),
        selected=part.selected,
        refusal=refusal,
        shape=() if plan is None else _shape(plan),
        spacing=() if plan is None else spacing_of(plan.affine),
        series_uid=one.series_uid,
        adaptor="images",
        plan=plan,
    )


_DOSE_CODES = {"spacing_nonuniform": "dose_nonuniform"}


def _verdict(kind: str, part: Part) -> tuple[list[str], str | None]:
    """The codes of a part, its refusal first, and that refusal; uneven planes of a dose have a code of their own."""
    codes, refusal = list(part.codes), part.refusal
    if kind == "dose":
        codes = [_DOSE_CODES.get(code, code) for code in codes]
        refusal = _DOSE_CODES.get(refusal or "", refusal)
    if refusal:
        codes = [refusal, *(code for code in codes if code != refusal)]
    return codes, refusal


def _origin(frame: Frame) -> Any:
    origin = frame.source.origin
    return origin if origin.__hash__ is not None else id(origin)


def _is_cine(plan: Plan) -> bool:
    """Whether one slice alone is there at several times."""
    return len(plan.stacks) > 1 and len(plan.stacks[0]) == 1 and {*plan.axes} <= {"time", "cardiac_phase"}


def _shape(plan: Plan) -> tuple[int, ...]:
    stored = plan.stacks[0][0].common.stored
    shape = (len(plan.stacks), len(plan.stacks[0]), stored.rows, stored.columns)
    return shape if len(plan.stacks) > 1 else shape[1:]


def spacing_of(affine: Any) -> tuple[float, ...]:
    """Distances in mm along k, j and i."""
    return tuple(np.round(np.linalg.norm(affine[:3, :3], axis=0), 6).tolist())


def _confidence(kind: str, codes: Sequence[str], refusal: str | None, selected: bool) -> float:
    base = 0.1 if refusal else _CONFIDENCE[kind] - 0.05 * min(6, len(set(codes) - _MINOR))
    return round(base if selected else _BESIDE * base, 3)


_ON_REQUEST = {
    "gap": "fill",
    "spacing_nonuniform": "resample",
    "dose_nonuniform": "resample",
}
"""Refusal → the option with which it is loaded nevertheless."""


def _check(candidate: Candidate, unit: str | None, options: Options) -> None:
    """Raise VolumeError for what cannot be loaded in this way."""
    refusal = candidate.refusal
    if refusal and not (refusal in _ON_REQUEST and getattr(options, _ON_REQUEST[refusal]) and candidate.plan):
        how = f"; load it with {_ON_REQUEST[refusal]}=True" if refusal in _ON_REQUEST else ""
        raise VolumeError(refusal, f"{candidate.name}{how}")
    if unit is not None and unit.lower() == "gy" and "dose_relative" in candidate.codes:
        raise VolumeError("dose_relative", candidate.name)


def _unit(frames: Sequence[Frame], unit: str | None) -> tuple[float | None, str]:
    """The factor for the unit that is asked for, and the unit of the result."""
    units = {frame.mapping.unit for frame in frames}
    shown = units.pop() if len(units) == 1 else ""
    if units and len({frame.mapping.unit for frame in frames}) > 1:
        raise VolumeError("rescale_varies", "images of one volume have values of different units")
    if unit is None or unit.lower() == shown.lower():
        return None, shown
    if unit.lower() != SUV.lower():
        raise VolumeError(suv_problem(unit), f"values in {shown or 'no unit'} cannot be given in {unit}")
    return suv_factor(frames), SUV
