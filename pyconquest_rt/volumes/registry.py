"""Adaptors: which candidates there are in some objects, and how each becomes a volume.

The package's own and those of other packages (entry point group ``pyconquest_rt.volumes``) are of one kind.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import entry_points

from pyconquest_rt.volumes.adaptors import OWN
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Adaptor, Options
from pyconquest_rt.volumes.frames import Pool
from pyconquest_rt.volumes.model import Candidate, Volume
from pyconquest_rt.volumes.objects import ImageObject, read_object
from pyconquest_rt.volumes.sources import Opener, Source, sources

GROUP = "pyconquest_rt.volumes"
MAX_OBJECTS = 60_000  #: of one examination; headers of more would fill the memory


@lru_cache
def adaptors() -> tuple[Adaptor, ...]:
    """All adaptors: those of other packages first, then the package's own."""
    others: list[Adaptor] = []
    for point in entry_points(group=GROUP):
        found = point.load()
        others.append(found() if isinstance(found, type) else found)
    return (*others, *OWN)


def examine_sources(found: Iterable[Source]) -> list[Candidate]:
    """The candidates of objects, best first."""
    pool = Pool()
    series: dict[str, list[ImageObject]] = defaultdict(list)
    broken: list[ImageObject] = []
    for number, source in enumerate(found):
        if number >= MAX_OBJECTS:
            reason = f"more than {MAX_OBJECTS} objects at once"
            return [Candidate("all", "scalar", 0.0, ["too_large"], [], True, "too_large", plan=reason)]
        one = read_object(source, pool)
        if one.problem == "unreadable" and not one.series_uid:
            broken.append(one)
        else:
            series[one.series_uid].append(one)
    candidates = [candidate for objects in series.values() for candidate in _of_series(objects)]
    candidates += _unreadable(broken)
    return sorted(candidates, key=lambda one: (-one.confidence, not one.selected, -len(one.files)))


def _of_series(objects: Sequence[ImageObject]) -> list[Candidate]:
    return [candidate for adaptor in adaptors() for candidate in adaptor.examine(objects)]


def _unreadable(objects: Sequence[ImageObject]) -> list[Candidate]:
    """One candidate of all that is not readable; what is no DICOM at all counts only where it was named itself."""
    counted = [one for one in objects if one.source.explicit or "not a DICOM file" not in one.details]
    if not counted:
        return []
    details = f"{counted[0].source.name}: {counted[0].details}"
    files = [one.source.origin for one in counted]
    return [Candidate("unreadable", "scalar", 0.0, ["unreadable"], files, True, "unreadable", plan=details)]


def load_candidate(candidate: Candidate, unit: str | None, options: Options) -> Volume:
    """The volume of a candidate. Raises VolumeError."""
    by_name = {adaptor.name: adaptor for adaptor in adaptors()}
    if candidate.adaptor not in by_name:
        detail = candidate.plan if isinstance(candidate.plan, str) else candidate.name
        raise VolumeError(candidate.refusal or "unreadable", detail)
    return by_name[candidate.adaptor].load(candidate, unit, options)


def sources_of(paths: Opener | Iterable[Opener]) -> list[Source]:
    """The objects of paths, folders and openers."""
    return sources(paths)
