"""DICOMweb servers as a source: QIDO-RS lists, WADO-RS metadata, and WADO-RS files (DICOM PS3.18)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydicom.datadict import tag_for_keyword
from requests import RequestException, Response

from pyconquest_rt.sources.http import Http, Patience, require_type
from pyconquest_rt.sources.multipart import boundary_of, write_parts
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

_PAGE: Final = 500
_CHUNK: Final = 256 << 10
_FILES: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_IN_STUDY: Final = "NumberOfStudyRelatedInstances"
_IN_SERIES: Final = "NumberOfSeriesRelatedInstances"


class DicomwebSource:
    """A DICOMweb server.

    Args:
        name: how errors call it.
        url: its base, below which ``studies`` lies.
        filter: keys that studies must match, by keyword.
        auth: what signs requests, as ``requests`` takes it.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        filter: Mapping[str, str] | None = None,  # noqa: A002
        auth: Any = None,
        patience: Patience | None = None,
    ) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._filter = dict(filter or {})
        self._http = Http(name, auth, patience)

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self._http.requests

    def check(self) -> None:
        """Ask for one study. Raises SourceError."""
        self._page("its studies", "studies", {"limit": "1"})

    def studies(self, uid: str | None = None) -> Iterator[Study]:
        """Yield the studies that match the filter, page after page, or the one named."""
        keys = {"StudyInstanceUID": uid} if uid else self._filter
        fields = {"includefield": [*STUDY, *PATIENT, _IN_STUDY]}
        for uid, item in self._all("its studies", "studies", "StudyInstanceUID", {**keys, **fields}):
            values = _values(item, (*PATIENT, *STUDY))
            yield Study(uid, values, _number(item, _IN_STUDY), f"{self._url}/studies/{uid}")

    def series(self, study: str) -> list[Series]:
        """Return the series of a study."""
        fields = {"includefield": [*SERIES, _IN_SERIES]}
        return [
            Series(
                uid,
                study,
                _values(item, SERIES),
                _number(item, _IN_SERIES),
                url=f"{self._url}/studies/{study}/series/{uid}",
            )
            for uid, item in self._all(
                f"series of study {study}", f"studies/{study}/series", "SeriesInstanceUID", fields
            )
        ]

    def objects(self, series: Series) -> list[RemoteObject]:
        """Return the objects of a series, by a query: metadata would bring every contour of a structure set."""
        path = f"studies/{series.study_uid}/series/{series.uid}/instances"
        fields = {"includefield": [*OBJECT]}
        found = self._all(f"objects of series {series.uid}", path, "SOPInstanceUID", fields, series.instances)
        return [
            RemoteObject(uid, _values(item, OBJECT), f"{series.url}/instances/{uid}") for uid, item in found
        ]

    def fetch(self, series: Series, folder: Path) -> Iterator[Path]:
        """Write the files of a series into a folder as the server holds them, in their own transfer syntaxes.

        They come in one answer; the error of one that is cut off is raised when its whole files were yielded.
        """
        what = f"files of series {series.uid}"
        response = self._http.ask(what, lambda: self._open(series.url))
        with response:
            boundary = self._http.ask(what, lambda: boundary_of(response.headers.get("Content-Type", "")))
            parts = write_parts(response.iter_content(_CHUNK), boundary, folder)
            while (path := _next(parts, f"{self._name}: {what}")) is not None:
                yield path

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def _open(self, url: str) -> Response:
        response = self._http.session.get(url, headers={"Accept": _FILES}, stream=True)
        response.raise_for_status()
        return response

    def _all(
        self, what: str, path: str, key: str, keys: Mapping[str, Any], expected: int | None = None
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield UID and attributes of each answer, page after page, until all expected or no new ones have come.

        A server may give fewer than were asked for; it may not know ``offset`` and give the same again.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            page = self._page(what, path, {**keys, "limit": str(_PAGE), "offset": str(offset)})
            fresh = {uid: item for item in page if (uid := _text(item, key)) and uid not in seen}
            yield from fresh.items()
            seen |= fresh.keys()
            if not fresh or len(seen) == expected:
                return
            offset += len(page)

    def _page(self, what: str, path: str, keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        def ask() -> list[Mapping[str, Any]]:
            response = self._http.session.get(
                f"{self._url}/{path}", params=keys, headers={"Accept": "application/dicom+json"}
            )
            response.raise_for_status()
            if response.status_code == 204 or not response.content:
                return []
            require_type(response, "application/dicom+json", "application/json")
            return _items(response.json())

        return self._http.ask(what, ask)


def _next(parts: Iterator[Path], what: str) -> Path | None:
    try:
        return next(parts, None)
    except (RequestException, ValueError) as error:
        raise SourceError(f"{what}: the answer was cut off") from error


def _items(answer: object) -> list[Mapping[str, Any]]:
    """Return the data sets of an answer. Raises ValueError for something else."""
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise ValueError("the answer is no list of data sets")
    return answer


def _values(item: Mapping[str, Any], keywords: Sequence[str]) -> dict[str, str]:
    return {keyword: _text(item, keyword) for keyword in keywords}


def _number(item: Mapping[str, Any], keyword: str) -> int | None:
    text = _text(item, keyword)
    return int(text) if text.isdecimal() else None


def _text(item: Mapping[str, Any], keyword: str) -> str:
    """Return the values of an attribute of the DICOM JSON model (PS3.18 Annex F), joined by backslashes."""
    tag = tag_for_keyword(keyword)
    element = item.get(f"{tag:08X}", {})
    values = element.get("Value") if isinstance(element, dict) else None
    return "\\".join(_one(value) for value in values) if isinstance(values, list) else ""


def _one(value: object) -> str:
    if isinstance(value, dict):  # a person's name: PS3.18 table F.2.2-1
        groups = [str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)
