"""The totals of a study: sums over its exposures beside the totals that its reports give themselves.

Reports leave out exposures (fluoroscopy that is not itemised) and round; so the greater of the two is the total, and
where they differ by more than a hundredth the reason is told. Totals of several reports add by what they cover: an
exposure that two of them list is taken once, what a report has beyond its list is added; cumulative reports, and
reports of totals alone that grow, count once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pyconquest_rt.dose_reports.counting.clusters import Cluster
from pyconquest_rt.dose_reports.counting.evidence import differ
from pyconquest_rt.dose_reports.counting.exposures import Exposure, Told, same_device
from pyconquest_rt.dose_reports.moments import moment
from pyconquest_rt.dose_reports.rows import Value

_SLACK = 0.01  # a difference between two totals that needs no reason


class Quantity(NamedTuple):
    """A total of a study: its column, the kind of its rows, and how exposures and reports tell it."""

    column: str
    event_kind: str
    digits: int
    of_exposure: Callable[[Cluster], float | None]
    of_report: Callable[[Mapping[str, Value]], float | None]


class Total(NamedTuple):
    """One quantity of a study: over its exposures, by its reports, and the one that counts; and why."""

    summed: float | None
    reported: float | None
    total: float | None
    reasons: tuple[str, ...]


def side(text: str) -> str:
    """Return left, right or unknown for a laterality; both breasts are no side."""
    if text.startswith("left"):
        return "left"
    if text.startswith("right") and "left" not in text:
        return "right"
    return "unknown_side"


def _agd(wanted: str) -> Quantity:
    def of_exposure(cluster: Cluster) -> float | None:
        return cluster.value("agd") if side(cluster.text("laterality")) == wanted else None

    def of_report(row: Mapping[str, Value]) -> float | None:
        matches = row["kind"] == "breast" and side(str(row["laterality"] or "").lower()) == wanted
        return _number(row, "accumulated_average_glandular_dose_mGy") if matches else None

    return Quantity(f"agd_{wanted}_mGy", "projection", 6, of_exposure, of_report)


def _plain(column: str, event_kind: str, digits: int, value: str, reported: str) -> Quantity:
    def of_report(row: Mapping[str, Value]) -> float | None:
        return _number(row, reported) if row["kind"] == event_kind else None

    return Quantity(column, event_kind, digits, lambda cluster: cluster.value(value), of_report)


def _number(row: Mapping[str, Value], column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, (int, float)) else None


QUANTITIES = (
    _plain("dlp_mGycm", "CT", 6, "dlp", "ct_dose_length_product_total_mGycm"),
    _plain("dap_Gym2", "projection", 12, "dap", "dose_area_product_total_Gym2"),
    _plain("dose_rp_Gy", "projection", 12, "rp", "dose_rp_total_Gy"),
    Quantity(
        "fluoro_time_s",
        "projection",
        6,
        lambda cluster: None,  # the duration of an event (113742) is not the time of its fluoroscopy
        lambda row: _number(row, "total_fluoro_time_s") if row["kind"] == "projection" else None,
    ),
    _agd("left"),
    _agd("right"),
    _agd("unknown_side"),
)


Device = tuple[list[Told], list[Cluster]]  #: the objects of a device, and the exposures that they speak for


@dataclass(eq=False)
class Scene:
    """What totals are made of: the objects, the exposures that count, and all of them by the object that tells them."""

    objects: Sequence[Told]
    counted: Sequence[Cluster]
    voice_of: Mapping[Exposure, Cluster]
    of_object: Mapping[Told, Sequence[Exposure]]
    ignored: frozenset[Told]
    devices: dict[str, list[Device]] = field(default_factory=dict)
    """Kind of event → the devices, worked out once."""
    totals: dict[str, "list[tuple[list[Told], list[Cluster], Total]]"] = field(default_factory=dict)
    """Quantity → its total on each device, worked out once."""

    def listed(self, told: Told, event_kind: str) -> frozenset[Cluster]:
        """Return the exposures that count of which an object tells."""
        events = self.of_object.get(told, ())
        return frozenset(self.voice_of[event] for event in events if event.row["event_kind"] == event_kind)


def total(quantity: Quantity, scene: Scene) -> Total:
    """Return a quantity of a study, device by device."""
    parts = [part for _, _, part in by_device(quantity, scene)]
    return Total(
        _sum((part.summed for part in parts), quantity.digits),
        _sum((part.reported for part in parts), quantity.digits),
        _sum((part.total for part in parts), quantity.digits),
        tuple(reason for part in parts for reason in part.reasons),
    )


def by_device(quantity: Quantity, scene: Scene) -> list[tuple[list[Told], list[Cluster], Total]]:
    """Return the objects of each device, the exposures that these speak for, and the quantity of that device."""
    if quantity.event_kind not in scene.devices:
        scene.devices[quantity.event_kind] = _devices(quantity.event_kind, scene)
    if quantity.column not in scene.totals:
        scene.totals[quantity.column] = [
            (group, counted, _of_device(quantity, group, counted, scene))
            for group, counted in scene.devices[quantity.event_kind]
        ]
    return scene.totals[quantity.column]


def _sum(values: Iterable[float | None], digits: int) -> float | None:
    told = sorted(value for value in values if value is not None)
    return round(sum(told), digits) if told else None


def _devices(event_kind: str, scene: Scene) -> list[Device]:
    """The objects that tell of a kind by device, each with the exposures that it speaks for.

    Objects that tell of one exposure are of one device, whatever they call it. Those that name no device are of the
    one that is named, if there is no second.
    """
    concerned = [told for told in scene.objects if _concerns(told, event_kind, scene)]
    if not concerned:
        return []
    groups = _grouped(concerned, {told: scene.listed(told, event_kind) for told in concerned})
    counted = [cluster for cluster in scene.counted if cluster.voice.row["event_kind"] == event_kind]
    return [(group, [c for c in counted if c.voice.told in group]) for group in groups]


def _grouped(concerned: Sequence[Told], listed: Mapping[Told, frozenset[Cluster]]) -> list[list[Told]]:
    def related(told: Told, group: Sequence[Told]) -> bool:
        return any(same_device(told, other) or listed[told] & listed[other] for other in group)

    groups: list[list[Told]] = []
    for told in sorted(concerned, key=lambda told: (told.precedence, told.sop)):
        joined, apart = [told], []
        for group in groups:
            if related(told, group):
                joined = [*group, *joined]
            else:
                apart.append(group)
        groups = [*apart, joined]
    if sum(any(map(_names_device, group)) for group in groups) < 2:
        return [[told for group in groups for told in group]]
    return groups


def _names_device(told: Told) -> bool:
    return any(told.text(column) for column in ("DeviceSerialNumber", "StationName", "ManufacturerModelName"))


def _concerns(told: Told, event_kind: str, scene: Scene) -> bool:
    kinds = {"CT": ("CT",), "projection": ("projection", "breast")}.get(event_kind, ())
    events = any(event.row["event_kind"] == event_kind for event in scene.of_object.get(told, ()))
    return events or any(row["kind"] in kinds for row in told.totals)


def _of_device(quantity: Quantity, group: Sequence[Told], counted: Sequence[Cluster], scene: Scene) -> Total:
    summed = _summed(quantity, counted)
    given = _given_by(quantity, group, scene)
    reports = _of_reports(quantity, given, summed is None, scene)
    reported = _rounded(quantity, _greatest(reports.by_list, reports.alone))
    whole = reports.by_list
    if whole is not None:
        whole += _summed(quantity, [c for c in counted if c not in reports.listed]) or 0.0
    greatest = _rounded(quantity, _greatest(summed, whole, reports.alone))
    reasons = _reasons(quantity, summed, reported, greatest, sorted(told.sop for told in given))
    beyond = _beyond(quantity, greatest, [told for told in group if told in scene.ignored])
    return Total(summed, reported, greatest, (*reasons, *beyond))


class _Reported(NamedTuple):
    """What reports of a device give: those with lists of exposures, what these list, and those of totals alone."""

    by_list: float | None
    listed: frozenset[Cluster]
    alone: float | None


def _of_reports(
    quantity: Quantity, given: Mapping[Told, float], nothing_summed: bool, scene: Scene
) -> _Reported:
    listed = {told: clusters for told in given if (clusters := scene.listed(told, quantity.event_kind))}
    itemised = {told: clusters for told, clusters in listed.items() if not _covered(told, clusters, listed)}
    by_list = _of_itemised(quantity, itemised, given)
    doubtful_too = nothing_summed and by_list is None  # then what was read with doubt is all there is
    unlisted = [told for told in given if told not in listed and (doubtful_too or told.kind != "screen")]
    return _Reported(by_list, frozenset().union(*itemised.values()), _of_bare(quantity, unlisted, given))


def _summed(quantity: Quantity, counted: Sequence[Cluster]) -> float | None:
    return _sum((quantity.of_exposure(cluster) for cluster in counted), quantity.digits)


def _rounded(quantity: Quantity, value: float | None) -> float | None:
    return None if value is None else round(value, quantity.digits)


def _given_by(quantity: Quantity, group: Sequence[Told], scene: Scene) -> dict[Told, float]:
    """The objects of a device that give a total of their own, and that total."""
    values = {told: _given(quantity, told) for told in group if told not in scene.ignored}
    return {told: value for told, value in values.items() if value is not None}


def _beyond(quantity: Quantity, greatest: float | None, ignored: Sequence[Told]) -> list[str]:
    """Name the pages beside a report whose own total is greater than what counts."""
    return [
        f"total_{quantity.column}: {told.sop} ({told.kind}) tells {value:.6g}, which does not count beside the report"
        for told in ignored
        if (value := _given(quantity, told)) is not None and value > (greatest or 0.0) * (1 + _SLACK)
    ]


def _greatest(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _given(quantity: Quantity, told: Told) -> float | None:
    """The total that an object gives itself: of all planes, or summed over its planes (or phantoms, or breasts)."""
    values = [(row["acquisition_plane"], quantity.of_report(row)) for row in told.totals]
    told_values = [(plane, value) for plane, value in values if value is not None]
    whole = [value for plane, value in told_values if plane == "All Planes"]
    if whole:
        return max(whole)
    return sum(value for _, value in told_values) if told_values else None


def _covered(told: Told, listed: frozenset[Cluster], others: Mapping[Told, frozenset[Cluster]]) -> bool:
    """Whether another report lists all that this one does: a longer one, or a later one of the same."""
    return any(
        listed <= beside
        and (listed < beside or (tier_of(other), other.precedence) > (tier_of(told), told.precedence))
        for other, beside in others.items()
        if other is not told
    )


def tier_of(told: Told) -> int:
    """Return the rank of an object's kind: reports before pages before images."""
    return {"report": 3, "page": 2}.get(told.kind, 1) * (1 if told.from_pages else 2)


def _of_itemised(
    quantity: Quantity, itemised: Mapping[Told, frozenset[Cluster]], given: Mapping[Told, float]
) -> float | None:
    """The totals of reports with lists: what they list, each exposure once, and what each has beyond its list."""
    if not itemised:
        return None
    if len(itemised) == 1:
        return given[next(iter(itemised))]
    everything = frozenset().union(*itemised.values())
    parts = [quantity.of_exposure(cluster) or 0.0 for cluster in everything]
    for told, listed in itemised.items():
        parts.append(given[told] - sum(sorted(quantity.of_exposure(cluster) or 0.0 for cluster in listed)))
    return sum(sorted(parts))


def _of_bare(quantity: Quantity, reports: Sequence[Told], given: Mapping[Told, float]) -> float | None:
    """The totals of reports without lists: one that grows is told by its last, one that begins anew is another."""
    if not reports:
        return None
    line = sorted(reports, key=lambda told: (told.precedence, told.sop))
    closed, last = 0.0, line[0]
    for told in line[1:]:
        if not follows(last, told):
            closed += given[last]
        last = told
    return closed + given[last]


def follows(one: Told, other: Told) -> bool:
    """Return whether a report of totals alone goes on where an earlier one of its device stood: no total is less."""
    if one.modality != other.modality or same_device(one, other) is False or _apart(one, other):
        return False
    for quantity in QUANTITIES:
        before, after = _given(quantity, one), _given(quantity, other)
        if before is not None and after is not None and after < before:
            return False
    return True


def _apart(one: Told, other: Told) -> bool:
    """Whether two reports say that they cover other things: times that do not meet, or other steps of the procedure."""
    ended, started = (
        moment(str(told.row.get(column) or ""), told.offset)
        for told, column in ((one, "end_of_xray_irradiation"), (other, "start_of_xray_irradiation"))
    )
    if ended is not None and started is not None:
        return started.local > ended.local
    other_scope = differ(one.text("scope_uid"), other.text("scope_uid"))
    return other_scope and one.text("scope_of_accumulation") != "study"


def _reasons(
    quantity: Quantity,
    summed: float | None,
    reported: float | None,
    total: float | None,
    reports: Sequence[str],
) -> tuple[str, ...]:
    name, source = quantity.column, " and ".join(reports)
    if reported is None or total is None:
        return ()
    if summed is None:
        if reported == 0 or quantity.column == "fluoro_time_s":
            return ()  # nothing, or what only reports tell
        return (f"total_{name}: no exposure tells it; the report's own total {reported:.6g} ({source})",)
    if abs(summed - reported) <= _SLACK * max(summed, reported):
        return ()
    if total > summed * (1 + _SLACK):
        return (
            f"total_{name}: the report's own total {reported:.6g} is greater than the sum {summed:.6g} "
            f"of the exposures: the report does not list all ({source})",
        )
    return (
        f"total_{name}: the sum {summed:.6g} of the exposures is greater than the report's own total {reported:.6g}: "
        f"the total is rounded or leaves exposures out ({source})",
    )
