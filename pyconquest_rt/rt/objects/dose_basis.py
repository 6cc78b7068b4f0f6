"""What a dose is a dose of: the prescription and the fractions that DVHs of an RTDOSE are measured by.

DoseSummationType (DICOM PS3.3 C.8.8.3) says whether a dose is that of a plan, of several, of one fraction group or of a
part of a plan. Whatever is not known for sure has its reason here; it goes into every row of the dose's DVHs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pyconquest_rt.rt.objects.prescription import one_fraction_dose
from pyconquest_rt.rt.objects.rows import Row, total

FRACTION_DOSES = (0.8, 1.6)
"""A dose is that of a prescription if its greatest dose lies between these multiples of it: targets get at least their
prescription somewhere, and external beams seldom more than 1.6 times as much."""
CENTIGRAY = 20.0
"""A prescription that is so many times the greatest dose is no prescription in Gy."""


@dataclass(frozen=True)
class Basis:
    """What the DVHs of a dose are measured by.

    ``prescription_gy`` is what 100 % stands for. ``fractions`` are those of the dose, and ``equal_fractions`` the same
    where each of them has the same dose, so that BED and EQD2 can be taken of it; None where this is not so.
    ``remarks`` say what is guessed or not known, ``effect_remark`` what concerns BED and EQD2 alone.
    """

    prescription_gy: float | None = None
    fractions: int | None = None
    equal_fractions: int | None = None
    remarks: tuple[str, ...] = ()
    effect_remark: str = ""

    def saying(self, *remarks: str) -> "Basis":
        """The same with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))


@dataclass(frozen=True)
class PlannedDose:
    """An RTDOSE among its plans: rows of ``rt_dose``, ``rt_plan`` and ``rt_fraction_group``.

    ``plans`` are those that the dose refers to (or that was found for it) as far as they are there, by SOPInstanceUID;
    ``groups`` the fraction groups of each; ``takes_parts`` whether parts of a plan are to be measured by its
    prescription all the same.
    """

    dose: Row
    plan_uids: Sequence[str] = ()
    plans: Mapping[str, Row] = field(default_factory=dict)
    groups: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    takes_parts: bool = False

    @property
    def kind(self) -> str:
        """DoseSummationType, in upper case; empty where it is missing."""
        return (self.dose["summation_type"] or "").upper()

    def equal_fractions_of(self, uid: str) -> int | None:
        """The fractions of one plan where all have the same dose; None where they have not, or it is not known."""
        plan, groups = self.plans.get(uid), self.groups.get(uid, ())
        alike = len(groups) < 2 or one_fraction_dose(group["rx_dose_per_fraction_gy"] for group in groups)
        return plan["fractions_planned"] if plan and alike else None

    @property
    def of_plans(self) -> list[Row]:
        """The plans that are there, in the order in which the dose names them."""
        return [self.plans[uid] for uid in self.plan_uids if uid in self.plans]


def basis_of(planned: PlannedDose) -> Basis:
    """Return what the DVHs of a dose are measured by."""
    found = _KINDS.get(planned.kind, _unknown)(planned)
    return found.saying(*_doubts(found, planned))


def _doubts(found: Basis, planned: PlannedDose) -> list[str]:
    """Remarks about a prescription that the dose itself contradicts, and those of the plan itself."""
    prescription, highest = found.prescription_gy, planned.dose["maximum_gy"]
    if prescription is None:
        return []
    said = [
        remark
        for plan in planned.of_plans
        for remark in (plan["reason"] or "").split("; ")
        if "prescription" in remark
    ]
    if highest and prescription > CENTIGRAY * highest and not said:
        said.append(
            f"the prescription of {prescription:g} Gy is {prescription / highest:.3g} times the greatest dose: "
            "cGy written as Gy?"
        )
    return said


def _plan(planned: PlannedDose) -> Basis:
    """The dose of all fraction groups of one plan."""
    if len(planned.plan_uids) > 1:
        count = len(planned.plan_uids)
        said = f"DoseSummationType is {planned.kind or 'missing'}, but the dose refers to {count} plans"
        return _sum(planned).saying(f"{said}: taken as their sum")
    if not planned.of_plans:
        return Basis()
    (plan,) = planned.of_plans
    found = Basis(
        plan["rx_dose_gy"], plan["fractions_planned"], planned.equal_fractions_of(plan["SOPInstanceUID"])
    )
    if len(planned.groups.get(plan["SOPInstanceUID"], ())) < 2:
        return found
    return _of_groups(found, plan, planned.dose["fraction_group_number"])


def _of_groups(found: Basis, plan: Row, group_number: int | None) -> Basis:
    """The dose of a plan with several fraction groups, and what is not certain of it."""
    if group_number is not None:
        found = found.saying(f"refers to fraction group {group_number}, but is said to be of the whole plan")
    if found.prescription_gy is None:
        reason = plan["reason"] or "none is there"
        found = found.saying(f"the prescription of the whole plan is not known: {reason}")
    if found.equal_fractions is None:
        remark = "no BED and EQD2: the fraction groups differ in their dose per fraction, or do not say it"
        found = replace(found, effect_remark=remark)
    return found


def _sum(planned: PlannedDose) -> Basis:
    """The dose of several plans: prescriptions and fractions add up."""
    if problem := _no_sum(planned):
        return Basis().saying(f"{problem}: no prescription and no fractions")
    doses, fractions = (
        [plan[name] for plan in planned.of_plans] for name in ("rx_dose_gy", "fractions_planned")
    )
    found = Basis(_all_together(doses), _all_together(fractions))
    if found.prescription_gy is None or found.fractions is None:
        return found.saying("not all plans of the sum say their prescription and fractions")
    alike = all(planned.equal_fractions_of(uid) for uid in planned.plan_uids) and _are_alike(doses, fractions)
    return _of_sum(found, alike, planned.dose["maximum_gy"])


def _no_sum(planned: PlannedDose) -> str:
    """Why the plans of a dose cannot be added up; empty where they can."""
    if len(planned.plan_uids) < 2:
        return "a sum of plans that refers to fewer than two"
    missing = [uid for uid in planned.plan_uids if uid not in planned.plans]
    return f"waits for plan {', '.join(missing)} of the sum" if missing else ""


def _are_alike(doses: Sequence[float], fractions: Sequence[int]) -> bool:
    """Whether plans with these prescriptions and fractions have one dose per fraction."""
    return one_fraction_dose(
        dose / count if count else None for dose, count in zip(doses, fractions, strict=True)
    )


def _all_together(numbers: Sequence[Any]) -> Any:
    """The sum of numbers; None where one is not known."""
    return None if None in numbers else sum(numbers)


def _of_sum(found: Basis, alike: bool, highest: float | None) -> Basis:
    """A sum of plans with its fractions for BED and EQD2, and what is doubtful of it."""
    if highest and found.prescription_gy and found.prescription_gy > highest:
        found = found.saying(
            f"the plans' prescriptions of {found.prescription_gy:g} Gy together are above the greatest dose: "
            "of different targets?"
        )
    if alike:
        remark = "BED and EQD2 take the dose as given in equal fractions; the plans' own doses are not there"
        return replace(found, equal_fractions=found.fractions, effect_remark=remark)
    remark = "no BED and EQD2: the plans differ in their dose per fraction, and their own doses are not there"
    return replace(found, effect_remark=remark)


def _overview(planned: PlannedDose) -> Basis:
    """The dose of plans that PlanOverviewSequence describes, whether they are there or not."""
    dose, fractions = planned.dose["overview_rx_gy"], planned.dose["overview_fractions"]
    if dose is None or fractions is None:
        return _partly_said(planned, dose, fractions)
    found = Basis(dose, fractions, fractions)
    if (planned.dose["overview_plans"] or 0) > 1:
        alike = bool(planned.dose["overview_is_even"])
        found = _of_sum(Basis(dose, fractions), alike, planned.dose["maximum_gy"])
    whole = total(plan["fractions_planned"] for plan in planned.of_plans)
    if len(planned.of_plans) == len(planned.plan_uids) and whole not in (None, fractions):
        found = found.saying(f"the dose is of {fractions} fractions, its plans have {whole}")
    return found


def _partly_said(planned: PlannedDose, dose: float | None, fractions: int | None) -> Basis:
    """What PlanOverviewSequence says, and for the rest what the plans say that the dose refers to."""
    found = _sum(planned) if len(planned.plan_uids) > 1 else _whole(planned)
    if dose is not None:
        found = replace(found, prescription_gy=dose)
    if fractions is not None:
        even = fractions if planned.dose["overview_is_even"] else None
        found = replace(found, fractions=fractions, equal_fractions=even)
    said = "PlanOverviewSequence does not say the prescriptions and fractions of all its plans"
    return found.saying(f"{said}: the rest is that of the plans referred to")


def _whole(planned: PlannedDose) -> Basis:
    """What the only plan says, without judging the dose."""
    return _plan(planned) if len(planned.plan_uids) == 1 else Basis()


def _fraction(planned: PlannedDose) -> Basis:
    """The dose of one fraction group: of its whole delivery (C.8.8.3), or of one fraction, as many write it."""
    group = _group(planned)
    each, fractions = (
        (group["rx_dose_per_fraction_gy"], group["fractions_planned"]) if group else (None, None)
    )
    said = f"DoseSummationType is {planned.kind}"
    if not each or not fractions:
        return Basis().saying(f"{said}: the prescription of its fraction group is not known")
    highest, (low, high) = planned.dose["maximum_gy"] or 0.0, FRACTION_DOSES
    if low * each <= highest <= high * each:
        return Basis(each, 1, 1).saying(f"{said}: by its greatest dose it is one fraction of {fractions}")
    if low * each * fractions <= highest <= high * each * fractions:
        return Basis(each * fractions, fractions, fractions).saying(
            f"{said}: by its greatest dose it is that of all {fractions} fractions of the group"
        )
    return Basis().saying(
        f"{said}, and its greatest dose of {highest:.4g} Gy is neither that of one fraction ({each:g} Gy) nor that of "
        f"{fractions}: no prescription and no fractions"
    )


def _group(planned: PlannedDose) -> Row | None:
    """The fraction group that the dose is of: the one that it refers to, else the only one of its plan."""
    groups = [group for plan in planned.of_plans for group in planned.groups.get(plan["SOPInstanceUID"], ())]
    number = planned.dose["fraction_group_number"]
    named = groups if number is None else [one for one in groups if one["fraction_group_number"] == number]
    return named[0] if len(named) == 1 else None


def _part(planned: PlannedDose) -> Basis:
    """The dose of some beams, application setups or control points of a plan, or what was delivered."""
    said = f"DoseSummationType is {planned.kind}, a part of a plan"
    if not planned.takes_parts:
        return Basis().saying(f"{said}: no prescription and no fractions")
    return _whole(planned).saying(f"{said}: measured by the prescription and the fractions of the whole plan")


def _session(planned: PlannedDose) -> Basis:
    """The dose of one session, or of some beams in one session."""
    said = f"DoseSummationType is {planned.kind}, a part of a plan"
    group = _group(planned)
    if not planned.takes_parts or not group or not group["rx_dose_per_fraction_gy"]:
        return Basis().saying(f"{said}: no prescription and no fractions")
    return Basis(group["rx_dose_per_fraction_gy"], 1, 1).saying(
        f"{said}: measured by the prescription of one fraction of its group"
    )


def _unsaid(planned: PlannedDose) -> Basis:
    return _plan(planned).saying("DoseSummationType is missing: taken as the dose of a plan")


def _unknown(planned: PlannedDose) -> Basis:
    return Basis().saying(
        f"DoseSummationType is {planned.kind}, which is not known: no prescription and no fractions"
    )


_KINDS: dict[str, Callable[[PlannedDose], Basis]] = {
    "": _unsaid,
    "PLAN": _plan,
    "MULTI_PLAN": _sum,
    "PLAN_OVERVIEW": _overview,
    "FRACTION": _fraction,
    "BEAM": _part,
    "BRACHY": _part,
    "CONTROL_POINT": _part,
    "RECORD": _part,
    "FRACTION_SESSION": _session,
    "BEAM_SESSION": _session,
    "BRACHY_SESSION": _session,
}
KINDS = tuple(kind for kind in _KINDS if kind)
"""The values of DoseSummationType."""
