"""A DIMSE peer as a source: C-FIND lists, and C-GET files (DICOM PS3.4 Annex C)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from pyconquest_rt import scu
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.services.folder import FolderSink
from pyconquest_rt.sources.source import (
    OBJECT,
    PATIENT,
    SERIES,
    STUDY,
    RemoteObject,
    Series,
    SourceError,
    Study,
)

_IN_STUDY: Final = "NumberOfStudyRelatedInstances"
_IN_SERIES: Final = "NumberOfSeriesRelatedInstances"


class DimseSource:
    """A peer at ``dimse://AETITLE@host:port``, called by this archive's AE title.

    Args:
        name: how errors call it.
        url: its address.
        own_aet: the calling AE title.
        filter: keys that studies must match, by keyword.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        own_aet: str = scu.DEFAULT_AET,
        filter: Mapping[str, str] | None = None,  # noqa: A002
    ) -> None:
        address = urlsplit(url)
        try:
            port = address.port
        except ValueError:
            port = None
        title = url.partition("//")[2].partition("@")[0]
        if not (title and address.hostname and port):
            raise SourceError(f"{name}: expected dimse://AETITLE@host:port, found {url}")
        self._name = name
        self._peer = (address.hostname, port, title, own_aet)
        self._filter = dict(filter or {})
        self._requests = 0

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self._requests

    def check(self) -> None:
        """Send a C-ECHO. Raises SourceError."""
        self._requests += 1
        try:
            answer = scu.echo(*self._peer)
        except NetworkError as error:
            raise SourceError(f"{self._name}: {error}") from error
        if not answer.ok:
            raise SourceError(f"{self._name}: it answers 0x{answer.status:04X} to a C-ECHO")

    def studies(self, uid: str | None = None) -> Iterator[Study]:
        """Yield the studies that match the filter, or the one named."""
        keys = {"StudyInstanceUID": uid} if uid else {"StudyInstanceUID": "", **self._filter}
        asked = dict.fromkeys((*PATIENT, *STUDY, _IN_STUDY), "")
        for match in self._find("STUDY", {**asked, **keys}):
            if found := _text(match, "StudyInstanceUID"):
                yield Study(found, _values(match, (*PATIENT, *STUDY)), _number(match, _IN_STUDY))

    def series(self, study: str) -> list[Series]:
        """Return the series of a study."""
        asked = dict.fromkeys(("SeriesInstanceUID", *SERIES, _IN_SERIES), "")
        return [
            Series(uid, study, _values(match, SERIES), _number(match, _IN_SERIES))
            for match in self._find("SERIES", {**asked, "StudyInstanceUID": study})
            if (uid := _text(match, "SeriesInstanceUID"))
        ]

    def objects(self, series: Series) -> list[RemoteObject]:
        """Return the objects of a series."""
        asked = dict.fromkeys(("SOPInstanceUID", *OBJECT), "")
        place = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.uid}
        return [
            RemoteObject(uid, _values(match, OBJECT))
            for match in self._find("IMAGE", {**asked, **place})
            if (uid := _text(match, "SOPInstanceUID"))
        ]

    def fetch(self, series: Series, folder: Path) -> Iterator[Path]:
        """Have the peer send a series over the same association (C-GET); its files are yielded at the end."""
        self._requests += 1
        keys = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.uid}
        try:
            result = scu.get(*self._peer, sink=FolderSink(folder), level="SERIES", keys=keys)
        except NetworkError as error:
            raise SourceError(f"{self._name}: {error}") from error
        yield from sorted(folder.glob("*.dcm"))
        if not result.ok:
            raise SourceError(
                f"{self._name}: series {series.uid}: {result.failed} objects were not sent, "
                f"status 0x{result.status:04X} {result.comment}".rstrip()
            )

    def close(self) -> None:
        """Nothing is open."""

    def _find(self, level: str, keys: Mapping[str, str]) -> list[Dataset]:
        self._requests += 1
        try:
            result = scu.find(*self._peer, level=level, keys=keys)
        except NetworkError as error:
            raise SourceError(f"{self._name}: {error}") from error
        if not result.ok:
            raise SourceError(
                f"{self._name}: it answers 0x{result.status:04X} {result.comment} to a query for {level}".rstrip()
            )
        return result.matches


def _values(match: Dataset, keywords: Sequence[str]) -> dict[str, str]:
    return {keyword: _text(match, keyword) for keyword in keywords}


def _number(match: Dataset, keyword: str) -> int | None:
    text = _text(match, keyword)
    return int(text) if text.isdecimal() else None


def _text(match: Dataset, keyword: str) -> str:
    value = match.get(keyword)
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)
