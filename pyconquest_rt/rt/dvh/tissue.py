"""What an ROI is for radiobiology: whether it is a target, and its alpha/beta, with how each was decided."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pyconquest_rt.rt.dvh.biology import TUMOUR_TYPES, alpha_beta, value_of
from pyconquest_rt.rt.names.tg263 import is_target

_UNTYPED = ("", "NONE")
_TARGET_WORD = re.compile(r"(?i)(?<![a-z])i?[gcp]tv|(?<![a-z])itv")
_TARGET_TYPE = re.compile(r"I?(GTV|CTV)|PTV")


@dataclass(frozen=True)
class Tissue:
    """``alpha_beta_gy`` and ``geud_a`` of an ROI, ``method`` (how the first was decided), and what is odd about it."""

    is_target: bool
    alpha_beta_gy: float
    method: str
    geud_a: float | None = None
    remark: str = ""


def tissue_of(
    name: str,
    roi_type: str,
    tg263_name: str | None,
    ratios: Mapping[str, float],
    parameters: Mapping[str, float],
) -> Tissue:
    """Return what an ROI is.

    A setting for its name, its TG-263 name or its type comes first. Else RTROIInterpretedType decides, and where there
    is none (type 2: it may be empty, PS3.3 C.8.8.8) the TG-263 name: an untyped ``PTV_6000`` is a target.

    Args:
        name: ROIName.
        roi_type: RTROIInterpretedType.
        tg263_name: what the name is mapped to.
        ratios: alpha/beta in Gy of the site's setting, by name or type.
        parameters: gEUD's parameter a of the site's setting, by name or type.
    """
    said = roi_type.upper()
    named = tg263_name if tg263_name and is_target(tg263_name) else None
    by_name = bool(named) and said in _UNTYPED
    target = said in TUMOUR_TYPES or by_name
    kind = _type_of(named) if named and by_name else said
    names = tuple(filter(None, (name, tg263_name, kind)))
    setting, ratio = value_of(ratios, names)
    if ratio is None:
        ratio = alpha_beta(kind)
        method = (
            f"name {named}" if by_name else f"type {said}" if said else "neither type nor name of a target"
        )
    else:
        method = f"setting {setting}" + (f" by the name {named}" if by_name and setting == kind else "")
    remark = ""
    if said in _UNTYPED and not named and _TARGET_WORD.search(name):
        remark = f"it has no type, and its name may be that of a target: alpha/beta {ratio:g} Gy"
    if named and said and said not in (*TUMOUR_TYPES, *_UNTYPED):
        remark = f"named like a target ({named}), but its type is {said}: alpha/beta {ratio:g} Gy"
    return Tissue(target, ratio, method, value_of(parameters, names)[1], remark)


def _type_of(target: str) -> str:
    """RTROIInterpretedType of a target by its TG-263 name; an ITV counts as CTV."""
    match = _TARGET_TYPE.match(target)
    return (match[1] or "PTV") if match else "CTV"
