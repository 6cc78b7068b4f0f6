"""The prescription of a plan and of each of its fraction groups (DICOM PS3.3 C.8.8.10 and C.8.8.13).

A fraction group names the targets it treats in ReferencedDoseReferenceSequence. Its prescription is the highest
TargetPrescriptionDose of these: the one in that sequence where there is one, else that of the dose reference itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import items
from pyconquest_rt.rt.objects.rows import Row, real, total, value, whole

MOST_GY = 200.0
"""No prescription is higher (permanent implants have 145 Gy, radiosurgery 160); more is cGy written as Gy."""
SAME_DOSE = 0.01
"""Doses per fraction that differ by less than this part are one."""


@dataclass(frozen=True)
class Prescribed:
    """What is prescribed to a fraction group: ``dose_gy``, the dose reference (``target``) and where the dose stands.

    ``source`` is ``group`` (in the group itself), ``referenced`` (in a dose reference that the group alone refers to),
    ``shared`` (in one that several groups refer to: the dose of all of them together) or ``plan`` (the plan has but
    this group, so its targets are that group's).
    """

    dose_gy: float | None = None
    target: Dataset | None = None
    source: str | None = None

    @property
    def number(self) -> int | None:
        """DoseReferenceNumber of the target."""
        return whole(self.target, "DoseReferenceNumber") if self.target is not None else None


def targets(plan: Dataset) -> list[Dataset]:
    """Return the dose references that are targets."""
    return [it for it in items(plan, "DoseReferenceSequence") if value(it, "DoseReferenceType") == "TARGET"]


def levels(plan: Dataset) -> list[float]:
    """Return the prescribed target doses of a plan in Gy, highest first, each once."""
    return sorted({dose for target in targets(plan) if (dose := _dose(target)) is not None}, reverse=True)


def _dose(item: Dataset) -> float | None:
    """TargetPrescriptionDose in Gy; None where it is absent or not above 0."""
    dose = real(item, "TargetPrescriptionDose")
    return dose if dose is not None and dose > 0 else None


def prescribed(plan: Dataset, group: Dataset, groups: Sequence[Dataset]) -> Prescribed:
    """Return what is prescribed to one fraction group of a plan: the highest dose of its targets."""
    by_number = {whole(target, "DoseReferenceNumber"): target for target in targets(plan)}
    shared = {number for other in groups if other is not group for number, _ in _referenced(other)}
    found = _with_dose(
        _of_reference(dose, by_number.get(number), number in shared) for number, dose in _referenced(group)
    )
    if len(groups) == 1 and not found:
        found = _with_dose(Prescribed(_dose(target), target, "plan") for target in by_number.values())
    return max(found, key=lambda one: one.dose_gy or 0.0, default=Prescribed())


def _with_dose(found: Iterable[Prescribed]) -> list[Prescribed]:
    return [one for one in found if one.dose_gy]


def _of_reference(own: float | None, target: Dataset | None, is_shared: bool) -> Prescribed:
    """What one dose reference of a fraction group prescribes; ``own`` is the dose that the group itself says."""
    if target is None:
        return Prescribed()
    if own is not None:
        return Prescribed(own, target, "group")
    return Prescribed(_dose(target), target, "shared" if is_shared else "referenced")


def _referenced(group: Dataset) -> list[tuple[int | None, float | None]]:
    """The dose references of a fraction group: number, and the dose that the group itself says."""
    return [
        (whole(item, "ReferencedDoseReferenceNumber"), _dose(item))
        for item in items(group, "ReferencedDoseReferenceSequence")
    ]


def per_fraction(one: Prescribed, fractions: int | None, together: int | None) -> float | None:
    """Return the prescribed dose of one fraction; ``together`` is the fractions of all groups that share the target."""
    divisor = together if one.source == "shared" else fractions
    return one.dose_gy / divisor if one.dose_gy is not None and divisor else None


def plan_total(groups: Sequence[Row], of_plan: Sequence[float]) -> tuple[float | None, str]:
    """Return the prescription of a whole plan in Gy, and a remark where it rests on a guess or is not known.

    ``groups`` are rows of ``rt_fraction_group``, ``of_plan`` the plan's :func:`levels`. Groups follow each other, so
    their prescriptions add up; a dose reference that they share counts once.
    """
    if len(groups) < 2:
        return max(of_plan, default=None), ""
    sources = {group["rx_source"] for group in groups}
    if None not in sources:
        # A shared target stands in several groups, and counts by its number once.
        doses = {
            (
                group["rx_source"] != "shared" and group["fraction_group_number"],
                group["rx_dose_reference_number"],
            ): group["rx_dose_gy"]
            for group in groups
        }
        return sum(doses.values()), ""
    if not of_plan:
        return None, ""
    if len(of_plan) == 1 and sources <= {None, "shared"}:
        said = f"{len(groups)} fraction groups without a prescription of their own: the plan's is taken"
        return of_plan[0], said
    return None, f"of {len(groups)} fraction groups not all say their prescription: none is taken"


def fractions_total(groups: Sequence[Row]) -> tuple[int | None, str]:
    """Return the fractions of a whole plan, and a remark where some group does not say its own."""
    known = [group["fractions_planned"] for group in groups]
    if len(known) > 1 and None in known and any(known):
        return None, "not all fraction groups say their NumberOfFractionsPlanned"
    return total(known), ""


def doubts(doses: Iterable[float]) -> list[str]:
    """Return remarks about prescribed doses that cannot be meant in Gy."""
    return [
        f"a prescription of {dose:g} Gy: cGy written as Gy ({dose / 100:g} Gy)?"
        for dose in doses
        if dose > MOST_GY
    ]


def one_fraction_dose(doses: Iterable[float | None]) -> bool:
    """Tell whether all doses per fraction are known and alike."""
    found = list(doses)
    known = [dose for dose in found if dose]
    return len(known) == len(found) and bool(known) and max(known) <= (1 + SAME_DOSE) * min(known)
