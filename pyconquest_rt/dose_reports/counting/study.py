"""A study's objects and exposures to decisions: who speaks for what, what counts, and the totals."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pyconquest_rt.dose_reports.counting.clusters import Cluster, Strength, clusters
from pyconquest_rt.dose_reports.counting.evidence import strength
from pyconquest_rt.dose_reports.counting.examinations import Examination, examinations
from pyconquest_rt.dose_reports.counting.exposures import Exposure, Told
from pyconquest_rt.dose_reports.counting.kinds import administration_strength, ct_strength
from pyconquest_rt.dose_reports.counting.tiers import Telling, tellings
from pyconquest_rt.dose_reports.counting.totals import QUANTITIES, Scene, follows, total
from pyconquest_rt.dose_reports.rows import Value

_STRENGTHS: dict[str, Strength] = {
    "projection": strength,
    "CT": ct_strength,
    "administration": administration_strength,
}

_EVENTS = {  # columns of dose_study that count exposures, and their kinds
    "ct_events": "CT",
    "projection_events": "projection",
    "administrations": "administration",
}


class Decision(NamedTuple):
    """What becomes of one row of ``dose_event``.

    It counts (``told_by`` is None), or another row speaks in its place, and why. ``details`` is a further row of an
    exposure that counts: what the speaking one leaves open stands there.
    """

    exposure: Exposure
    told_by: Exposure | None
    why: str | None
    details: Exposure | None


@dataclass
class Study:
    """What counting a study gives: the decisions, what supersedes which object, and the columns of its totals."""

    decisions: list[Decision] = field(default_factory=list)
    superseded: dict[str, tuple[str, str]] = field(default_factory=dict)
    totals: dict[str, Value] = field(default_factory=dict)
    examinations: list[Examination] = field(default_factory=list)


def count_study(objects: Sequence[Told], exposures: Sequence[Exposure]) -> Study:
    """Return what counts of a study; the same in whatever order the objects and exposures are given."""
    found: list[Cluster] = []
    told: list[Telling] = []
    for kind, compare in _STRENGTHS.items():
        of_kind = clusters(
            [exposure for exposure in exposures if exposure.row["event_kind"] == kind], compare
        )
        found += of_kind
        told += tellings(of_kind)
    by = {telling.told: telling for telling in told}
    study = Study()
    voice_of: dict[Exposure, Cluster] = {}
    for cluster in found:
        telling = by.get(cluster)
        speaking = cluster if telling is None else telling.by
        voice_of.update(dict.fromkeys(cluster.members, speaking))
        study.decisions += _decisions(cluster, telling, told)
    scene = _scene(objects, [cluster for cluster in found if cluster not in by], voice_of)
    _supersede(study, scene)
    _totals(study, scene)
    study.examinations = examinations(scene)
    return study


def _decisions(cluster: Cluster, telling: Telling | None, told: Sequence[Telling]) -> list[Decision]:
    if telling is not None:
        return [Decision(member, telling.by.voice, telling.why, None) for member in cluster.members]
    voice, *others = cluster.voices
    details = others[0] if others else _most_like(cluster, told)
    same = [Decision(member, voice, _same(voice, member), None) for member in others]
    return [Decision(voice, None, None, details), *same]


def _most_like(cluster: Cluster, told: Sequence[Telling]) -> Exposure | None:
    """The row with details of an exposure for which nothing else is known: one that is told by it."""
    return next((telling.told.voice for telling in told if telling.by is cluster), None)


def _same(voice: Exposure, member: Exposure) -> str:
    if voice.uid and voice.uid == member.uid:
        return "the same irradiation event UID"
    if voice.told.sop in member.images or member.told.sop in voice.images:
        return "the acquired image of the event"
    if voice.started is None or member.started is None:
        return "the same doses, in the same place"
    seconds = voice.started.distance(member.started)
    if seconds > 900:
        return f"the same device and doses, times {seconds:g} s apart: taken for another time zone"
    return f"the same device and doses, {seconds:g} s apart"


def _scene(objects: Sequence[Told], counted: list[Cluster], voice_of: dict[Exposure, Cluster]) -> Scene:
    of_object: dict[Told, list[Exposure]] = defaultdict(list)
    for exposure in sorted(voice_of, key=lambda exposure: exposure.event):
        of_object[exposure.told].append(exposure)
    ignored = frozenset(
        told
        for told, events in of_object.items()
        if all(_told_by_better(event, voice_of[event]) for event in events)
    )
    return Scene(objects, counted, voice_of, of_object, ignored)


def _told_by_better(event: Exposure, speaking: Cluster) -> bool:
    """Whether the total of an object is none: of a page beside a report, of one that was read with doubt beside any."""
    better = speaking.voice.told
    if event in speaking.members or better is event.told:
        return False
    if event.told.kind == "screen":
        return True
    return (
        better.kind == "report"
        and (event.told.kind != "report" or event.told.from_pages)
        and not better.from_pages
    )


def _supersede(study: Study, scene: Scene) -> None:
    """Name the object that speaks in the place of one of which no row counts."""
    why = {decision.exposure: decision.why for decision in study.decisions}
    for told, events in scene.of_object.items():
        voices = [(scene.voice_of[event].voice, event) for event in events]
        if all(voice.told is not told for voice, _ in voices):
            voice, event = max(voices, key=lambda pair: pair[0].order)
            study.superseded[told.sop] = (voice.told.sop, why[event] or "")
    _supersede_doubtful(study, scene)
    _supersede_grown(study, scene)


def _supersede_grown(study: Study, scene: Scene) -> None:
    """A report of totals alone is told by a later one of its device that goes on where it stood."""
    bare = (told for told in scene.objects if told.totals and told.kind == "report")
    line = sorted(
        (told for told in bare if told not in scene.of_object), key=lambda told: (told.precedence, told.sop)
    )
    for index, one in enumerate(line):
        later = next((other for other in line[index + 1 :] if follows(one, other)), None)
        if later is not None:
            study.superseded[one.sop] = (later.sop, "a later report of totals of the same device")


def _supersede_doubtful(study: Study, scene: Scene) -> None:
    """A page of which a doubtful total alone was read counts where nothing else tells a DLP."""
    voices = [
        c.voice for c in scene.counted if c.voice.row["event_kind"] == "CT" and c.value("dlp") is not None
    ]
    if voices:
        speaking = max(voices, key=lambda voice: voice.order).told.sop
        for told in scene.objects:
            if told.kind == "screen" and told not in scene.of_object:
                study.superseded[told.sop] = (speaking, "a doubtful total beside what tells its doses")


def _totals(study: Study, scene: Scene) -> None:
    row = study.totals
    kinds = Counter(cluster.voice.row["event_kind"] for cluster in scene.counted)
    for column, kind in _EVENTS.items():
        row[column] = kinds[kind]
    reasons: list[str] = []
    for quantity in QUANTITIES:
        found = total(quantity, scene)
        row[f"total_{quantity.column}"] = found.total
        row[f"summed_{quantity.column}"] = found.summed
        row[f"reported_{quantity.column}"] = found.reported
        reasons += found.reasons
    row["max_ctdivol_mGy"] = max(_values(scene, "ctdivol"), default=None)
    for column, name in (("administered_activity_MBq", "activity"), ("effective_dose_mSv", "effective")):
        values = _values(scene, name)
        row[f"total_{column}"] = round(sum(values), 6) if values else None
    reasons += _guesses(study)
    row["reasons"] = "\n".join(dict.fromkeys(reasons)) or None


def _values(scene: Scene, name: str) -> list[float]:
    """A value of the exposures that count, in order of size, so that their sum is always the same."""
    return sorted(value for cluster in scene.counted if (value := cluster.value(name)) is not None)


def _guesses(study: Study) -> list[str]:
    """What the count rests on beyond UIDs, references and times: to be seen in the study's row."""
    named = ("read off a page", "time zone", "in the same place", "made from several")
    return sorted(
        f"{decision.exposure.told.sop}: {decision.why}"
        for decision in study.decisions
        if decision.why and any(words in decision.why for words in named)
    )
