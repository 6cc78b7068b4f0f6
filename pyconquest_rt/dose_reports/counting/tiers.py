"""What one object tells of as a whole where another does too: pages and images beside reports, copies beside originals.

Here nothing links single rows: a dose page, or an image without event UIDs, of the device whose report is there; a
report that a gateway read off a page; an image that was made from others.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pyconquest_rt.dose_reports.counting.clusters import Cluster, tier
from pyconquest_rt.dose_reports.counting.evidence import SECONDS, agree
from pyconquest_rt.dose_reports.counting.exposures import same_device
from pyconquest_rt.dose_reports.moments import apart

_SESSION_S = 1800.0  # a page whose times lie further from those of a report tells of another session
_STITCHED_S = 600.0  # from the first to the last exposure that one image is made from
_IMAGES, _FROM_PAGES, _WITH_DLP = 10, 25, 30  # tiers: other images, a gateway's report, images with their DLP


class Telling(NamedTuple):
    """An exposure of which another one tells as well, and why."""

    told: Cluster
    by: Cluster
    why: str


def tellings(found: Sequence[Cluster]) -> list[Telling]:
    """Return which exposures another one tells of, each with the one that speaks for it (which counts itself)."""
    if not found:
        return []
    kind = found[0].voice.row["event_kind"]
    if kind == "CT":
        return _resolved(_ct(found))
    return _resolved([*_read_off_pages(found), *(_made_from_others(found) if kind == "projection" else [])])


def _resolved(told: Iterable[Telling]) -> list[Telling]:
    """Follow each to the one that counts."""
    first: dict[Cluster, Telling] = {}
    for telling in told:
        first.setdefault(telling.told, telling)
    result = []
    for telling in first.values():
        by = telling.by
        for _ in first:
            if by not in first or first[by].by is telling.told:
                break
            by = first[by].by
        result.append(telling._replace(by=by))
    return result


# -- CT: reports, pages, images ---------------------------------------------------------------------------------


def _ct(found: Sequence[Cluster]) -> list[Telling]:
    told: list[Telling] = []
    speaking: list[Cluster] = []  # what does not count itself speaks for nothing
    for level, lower in _levels(found):
        exact = _with_dlp(speaking) if _IMAGES < level < _WITH_DLP else []
        if exact:
            told += _beside_exact_images(lower, exact)
        told += _by_device(lower, [cluster for cluster in speaking if cluster not in exact])
        silent = {telling.told for telling in told}
        speaking = [*speaking, *(cluster for cluster in lower if cluster not in silent)]
    return told


def _with_dlp(found: Iterable[Cluster]) -> list[Cluster]:
    return [cluster for cluster in found if tier(cluster.voice) == _WITH_DLP]


def _levels(found: Iterable[Cluster]) -> list[tuple[int, list[Cluster]]]:
    """The exposures by the tier of what speaks for them, the highest first."""
    of_level: dict[int, list[Cluster]] = {}
    for cluster in found:
        of_level.setdefault(tier(cluster.voice), []).append(cluster)
    return sorted(of_level.items(), key=lambda pair: -pair[0])


def _by_device(lower: Sequence[Cluster], higher: Sequence[Cluster]) -> list[Telling]:
    """Tell what lower objects tell by higher ones of their device; a report read off a page also by its doses alone."""
    recognised = {
        low.voice.told
        for low in lower
        if tier(low.voice) == _FROM_PAGES and any(agree(high.voice, low.voice) for high in higher)
    }
    told = []
    for cluster in lower:
        known = cluster.voice.told in recognised
        by = _best(cluster, [other for other in higher if _tells(other, cluster, known)])
        if by is not None:
            told.append(Telling(cluster, by, _why(cluster, by)))
    return told


def _why(cluster: Cluster, by: Cluster) -> str:
    kinds = {60: "a report", 40: "a dose page", 30: "images with their DLP", 25: "a report read off a page"}
    told = {25: "a report read off a page", 10: "images"}.get(tier(cluster.voice), "a dose page")
    return f"{told} beside {kinds.get(tier(by.voice), 'a dose page read by OCR')} of the device"


def _tells(high: Cluster, low: Cluster, recognised: bool) -> bool:
    """Whether an object of a higher tier tells of all that one of its device does, unless both know the event UIDs."""
    read_off = tier(low.voice) == _FROM_PAGES
    if not recognised and same_device(high.voice.told, low.voice.told) is False:
        return False
    if (
        not read_off
        and any(member.uid for member in low.members)
        and any(member.uid for member in high.members)
    ):
        return False
    return _seconds(high, low) <= _SESSION_S


def _best(cluster: Cluster, others: Sequence[Cluster]) -> Cluster | None:
    """The one that is most like it: by its doses, else by its time, else by its place."""
    if not others:
        return None
    return min(
        others, key=lambda other: (_unlike(cluster, other), tuple(map(_reversed, other.voice.order[:2])))
    )


def _reversed(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def _unlike(one: Cluster, other: Cluster) -> tuple[float, float]:
    difference = 0.0
    for name in ("ctdivol", "dlp", "dap"):
        values = one.value(name), other.value(name)
        if values[0] is not None and values[1] is not None:
            difference += abs(values[0] - values[1]) / max(abs(values[0]), abs(values[1]), 1e-9)
    return (round(difference, 6), _seconds(one, other))


def _beside_exact_images(pages: Sequence[Cluster], images: Sequence[Cluster]) -> list[Telling]:
    """Pair the lines of a page that was read by machine with images that hold the doses: the images speak.

    Lines of acquisitions of which no image is there stay.
    """
    pairs = sorted(
        (
            (_unlike(page, image), page.voice.order, image.voice.order, page, image)
            for page in pages
            for image in images
            if same_device(page.voice.told, image.voice.told) is not False
        ),
        key=lambda pair: pair[:3],
    )
    told: dict[Cluster, Cluster] = {}
    for _, _, _, page, image in pairs:
        if page not in told and image not in told.values():
            told[page] = image
    return [Telling(page, image, _why(page, image)) for page, image in told.items()]


# -- projection -----------------------------------------------------------------------------------------------------


def _read_off_pages(found: Sequence[Cluster]) -> list[Telling]:
    """What a gateway read off a page is told by what is not read, of one device or of the same dose."""
    low = [cluster for cluster in found if all(member.told.from_pages for member in cluster.members)]
    high = [
        cluster
        for cluster in found
        if not cluster.voice.told.from_pages and cluster.voice.told.kind == "report"
    ]
    return _by_device(low, high)


def _made_from_others(found: Sequence[Cluster]) -> list[Telling]:
    """Images made from others: recombined, stitched, synthesized. Those that they were made from count."""
    derived = [c for c in found if all(m.told.kind == "image" and m.told.derived for m in c.members)]
    originals = [cluster for cluster in found if cluster not in derived]
    return [
        Telling(cluster, by, why)
        for cluster in derived
        for by, why in [_origin(cluster, originals)]
        if by is not None
    ]


def _origin(cluster: Cluster, originals: Sequence[Cluster]) -> tuple[Cluster | None, str]:
    named = _named_source(cluster, originals)
    if named is not None:
        return named, "made from an image that is here"
    near = _sorted_by_time(other for other in originals if _beside(cluster, other))
    doses = {name: value for name in ("agd", "dap") if (value := cluster.value(name)) is not None}
    for name, value in doses.items():
        run = _run_that_sums_to(value, name, near)
        if run is not None:
            return run, f"made from several images: their {name.upper()} adds up to its own"
    return (None, "") if doses else _of_its_second(cluster, near)


def _named_source(cluster: Cluster, originals: Iterable[Cluster]) -> Cluster | None:
    sources = {uid for member in cluster.members for uid in member.told.source_images}
    return next(
        (other for other in originals if not sources.isdisjoint(told.sop for told in other.objects)), None
    )


def _of_its_second(cluster: Cluster, near: Iterable[Cluster]) -> tuple[Cluster | None, str]:
    same_time = [other for other in near if _seconds(cluster, other) <= SECONDS]
    return _best(cluster, same_time), "an image without a dose, made from one of its second"


def _beside(one: Cluster, other: Cluster) -> bool:
    """Whether two are of one session, and not of two devices."""
    return _seconds(one, other) <= _STITCHED_S and same_device(other.voice.told, one.voice.told) is not False


def _seconds(one: Cluster, other: Cluster) -> float:
    return apart(one.voice.started, other.voice.started) or 0.0


def _sorted_by_time(found: Iterable[Cluster]) -> list[Cluster]:
    def place(cluster: Cluster) -> tuple[float, tuple[str, str, int]]:
        started = cluster.voice.started
        return (0.0 if started is None else started.local, cluster.voice.order)

    return sorted(found, key=place)


def _run_that_sums_to(total: float, name: str, found: Sequence[Cluster]) -> Cluster | None:
    """The first of some exposures in a row, two or more, whose doses add up to a total within a hundredth."""
    doses = [cluster.value(name) or 0.0 for cluster in found]
    for start, first in enumerate(found):
        summed = doses[start]
        for value in doses[start + 1 :]:
            summed += value
            if abs(summed - total) <= 0.01 * total:
                return first
    return None
