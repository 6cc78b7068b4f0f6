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
    said = "" if roi_type.upper() in _UNTYPED else roi_type.upper()
    named = tg263_name if tg263_name and is_target(tg263_name) else ""
    kind = said or (_type_of(named) if named else "")
    names = tuple(filter(None, (name, tg263_name, kind)))
    setting, ratio = value_of(ratios, names)
    method = f"setting {setting}" if ratio is not None else _method(said, named)
    if setting and setting == kind != said:
        method = f"{method} by the name {named}"
    ratio = alpha_beta(kind) if ratio is None else ratio
    remark = _remark(name, said, named, ratio)
    return Tissue(kind in TUMOUR_TYPES, ratio, method, value_of(parameters, names)[1], remark)


def _method(said: str, named: str) -> str:
    """What decides an alpha/beta for which there is no setting: type, or name of a target."""
    if said:
        return f"type {said}"
    return f"name {named}" if named else "neither type nor name of a target"


def _remark(name: str, said: str, named: str, ratio: float) -> str:
    """What is odd about a name and a type together; empty where nothing is."""
    if named and said and said not in TUMOUR_TYPES:
        return f"named like a target ({named}), but its type is {said}: alpha/beta {ratio:g} Gy"
    if not said and not named and _TARGET_WORD.search(name):
        return f"it has no type, and its name may be that of a target: alpha/beta {ratio:g} Gy"
    return ""


def _type_of(target: str) -> str:
    """RTROIInterpretedType of a target by its TG-263 name; an ITV counts as CTV."""
    match = _TARGET_TYPE.match(target)
    return (match[1] or "PTV") if match else "CTV"
