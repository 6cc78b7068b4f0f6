"""AWS HealthImaging as a source, by its own interface (boto3): ``ahi://REGION/DATASTORE``.

An image set has a version that grows with each change, so that a synchronisation asks for the metadata of changed ones
alone. Files are made of the metadata and the frames, which come as they are stored (HTJ2K for the most part). Requests
keep to the account's default rates. Its DICOMweb interface is a DICOMweb source with ``--auth sigv4``.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pyconquest_rt.sources import http
from pyconquest_rt.sources.imageset import Instance, instances, read_metadata, series_of, write_instance
from pyconquest_rt.sources.source import OBJECT, RemoteObject, Series, SourceError, Study

T = TypeVar("T")
_PAGE: Final = 50  # the most that SearchImageSets gives at once
_RATES: Final = {"search_image_sets": 25.0, "get_image_set_metadata": 50.0, "get_image_frame": 1000.0}
"""Requests a second that an account may make unless it has asked AWS for more."""
_FILTERS: Final = {
    "PatientID": "DICOMPatientId",
    "AccessionNumber": "DICOMAccessionNumber",
    "StudyID": "DICOMStudyId",
    "StudyInstanceUID": "DICOMStudyInstanceUID",
}
_PATIENT: Final = {
    "PatientID": "DICOMPatientId",
    "PatientName": "DICOMPatientName",
    "PatientBirthDate": "DICOMPatientBirthDate",
    "PatientSex": "DICOMPatientSex",
}
_STUDY: Final = {
    "StudyDate": "DICOMStudyDate",
    "StudyTime": "DICOMStudyTime",
    "StudyDescription": "DICOMStudyDescription",
    "AccessionNumber": "DICOMAccessionNumber",
}
_SERIES: Final = {"Modality": "DICOMSeriesModality", "SeriesNumber": "DICOMSeriesNumber"}
_WORDS: Final = {
    "AccessDeniedException": "this user may not read there",
    "ResourceNotFoundException": "there is nothing of this name",
    "ThrottlingException": "it is asked too often, and stays so",
}


class _ImageSet(NamedTuple):
    """One image set as a search tells it."""

    identifier: str
    version: str
    tags: Mapping[str, Any]


class HealthImagingSource:
    """A data store of AWS HealthImaging.

    Args:
        name: how errors call it.
        url: ``ahi://REGION/DATASTORE``, with ``?endpoint=URL`` for an address of one's own.
        filter: one key that studies must match, by keyword: what SearchImageSets can look for.
        profile: of the AWS configuration that holds the credentials; '' for the usual places.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        filter: Mapping[str, str] | None = None,  # noqa: A002
        profile: str = "",
    ) -> None:
        self._name, self._url = name, url
        self._filter = dict(filter or {})
        wrong = sorted(self._filter.keys() - _FILTERS.keys())
        if wrong or len(self._filter) > 1:
            raise SourceError(f"{name}: HealthImaging looks for one of {', '.join(_FILTERS)}")
        parts = urlsplit(url)
        self._store = parts.path.strip("/")
        if not parts.netloc or not self._store:
            raise SourceError(f"{name}: {url} is not of the form ahi://REGION/DATASTORE")
        endpoint = parse_qs(parts.query).get("endpoint", [None])[0]
        self._client = _client(parts.netloc, endpoint, profile)
        self._client.meta.events.register("before-send.medical-imaging.*", self._count)
        self._requests = 0
        self._next: dict[str, float] = {}
        self._listed: dict[str, list[_ImageSet]] = {}

    @property
    def requests(self) -> int:
        """How many requests were made so far, repeated ones included."""
        return self._requests

    def check(self) -> None:
        """Ask for one image set. Raises SourceError."""
        self._ask("its image sets", "search_image_sets", maxResults=1)

    def studies(self, uid: str | None = None) -> Iterator[Study]:
        """Yield the studies; how many objects each has is left open, since a version alone tells of changes."""
        listed = self._search({"StudyInstanceUID": uid} if uid else self._filter)
        self._listed.update(listed)
        for study, found in listed.items():
            tags = found[0].tags
            values = {keyword: _text(tags, tag) for keyword, tag in (_PATIENT | _STUDY).items()}
            modalities = {_text(image_set.tags, "DICOMSeriesModality") for image_set in found} - {""}
            yield Study(
                study,
                values | {"ModalitiesInStudy": "\\".join(sorted(modalities))},
                None,
                f"{self._url}#{study}",
            )

    def series(self, study: str) -> list[Series]:
        """Return the series of a study; of one that lies in several image sets the version is that of all."""
        if study not in self._listed:
            self._listed.update(self._search({"StudyInstanceUID": study}))
        of_series: dict[str, list[_ImageSet]] = {}
        for image_set in self._listed.get(study, ()):
            for uid in self._series_in(image_set):
                of_series.setdefault(uid, []).append(image_set)
        return [
            Series(
                uid,
                study,
                {keyword: _text(found[0].tags, tag) for keyword, tag in _SERIES.items()},
                version=" ".join(sorted(f"{one.identifier}:{one.version}" for one in found)),
                url=f"{self._url}#{'+'.join(sorted(one.identifier for one in found))}",
            )
            for uid, found in of_series.items()
        ]

    def objects(self, series: Series) -> list[RemoteObject]:
        """Return the objects of a series, by its metadata."""
        found = {instance.uid: (instance, identifier) for identifier, instance in self._instances(series)}
        return [
            RemoteObject(uid, _object_values(instance), f"{self._url}#{identifier}")
            for uid, (instance, identifier) in found.items()
        ]

    def fetch(self, series: Series, folder: Path) -> Iterator[Path]:
        """Write the files of a series into a folder, one after the other; each object once."""
        done: set[str] = set()
        for identifier, instance in self._instances(series):
            if instance.uid in done:
                continue
            done.add(instance.uid)
            if instance.is_video:
                raise SourceError(
                    f"{self._name}: object {instance.uid} is a video ({instance.transfer_syntax}), which is not fetched"
                )
            frames = [self._frame(identifier, frame) for frame in instance.frames]
            path = folder / f"{instance.uid}.dcm"
            try:
                write_instance(instance, frames, path)
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                raise SourceError(
                    f"{self._name}: object {instance.uid} cannot be written: {error}"
                ) from error
            yield path

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    # -- requests -----------------------------------------------------------------------------------------------

    def _search(self, keys: Mapping[str, str]) -> dict[str, list[_ImageSet]]:
        """Return the image sets by study, page after page."""
        filters = [{"values": [{_FILTERS[key]: value}], "operator": "EQUAL"} for key, value in keys.items()]
        options: dict[str, Any] = {"searchCriteria": {"filters": filters}} if filters else {}
        found: dict[str, list[_ImageSet]] = {}
        while True:
            page = self._ask("its image sets", "search_image_sets", maxResults=_PAGE, **options)
            for summary in page.get("imageSetsMetadataSummaries", ()):
                tags = summary.get("DICOMTags") or {}
                image_set = _ImageSet(summary["imageSetId"], str(summary.get("version", "")), tags)
                found.setdefault(_text(tags, "DICOMStudyInstanceUID"), []).append(image_set)
            if not page.get("nextToken"):
                found.pop("", None)
                return found
            options["nextToken"] = page["nextToken"]

    def _series_in(self, image_set: _ImageSet) -> list[str]:
        told = _text(image_set.tags, "DICOMSeriesInstanceUID")
        return [told] if told else series_of(self._metadata(image_set.identifier))

    def _instances(self, series: Series) -> Iterator[tuple[str, Instance]]:
        """The instances of a series with the image sets that they lie in, as its version names them."""
        for entry in series.version.split():
            identifier = entry.partition(":")[0]
            for instance in instances(self._metadata(identifier), series.uid):
                yield identifier, instance

    def _metadata(self, identifier: str) -> Mapping[str, Any]:
        what = f"metadata of image set {identifier}"
        return self._read(
            what, "get_image_set_metadata", "imageSetMetadataBlob", read_metadata, imageSetId=identifier
        )

    def _frame(self, identifier: str, frame: str) -> bytes:
        what = f"frame {frame} of image set {identifier}"
        information = {"imageFrameId": frame}
        return self._read(
            what,
            "get_image_frame",
            "imageFrameBlob",
            bytes,
            imageSetId=identifier,
            imageFrameInformation=information,
        )

    def _read(self, what: str, operation: str, blob: str, read: Callable[[bytes], T], **keys: Any) -> T:
        """Return the body of an answer as ``read`` takes it; one that is cut off or none such is asked for again."""
        patience = http.DEFAULT
        for attempt in range(1, patience.attempts + 1):
            answer = self._ask(what, operation, **keys)
            try:
                return read(answer[blob].read())
            except (BotoCoreError, ValueError, OSError) as error:
                if attempt == patience.attempts:
                    raise SourceError(f"{self._name}: {what}: the answer cannot be used: {error}") from error
                time.sleep(min(patience.first_pause_s * 2 ** (attempt - 1), patience.longest_pause_s))
        raise AssertionError("no attempt was made")

    def _ask(self, what: str, operation: str, **keys: Any) -> Mapping[str, Any]:
        """Make a request in its turn; boto3 repeats it after faults that may pass, as it is throttled for one."""
        self._wait(operation)
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(datastoreId=self._store, **keys)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise SourceError(f"{self._name}: {what}: {_WORDS.get(code, code)}") from error
        except BotoCoreError as error:
            raise SourceError(f"{self._name}: {what}: {error}") from error
        return answer

    def _wait(self, operation: str) -> None:
        """Wait until the rate that AWS allows for an operation lets the next request be made."""
        now = time.monotonic()
        turn = max(now, self._next.get(operation, 0.0))
        self._next[operation] = turn + 1 / _RATES[operation]
        time.sleep(turn - now)

    def _count(self, **_: Any) -> None:
        self._requests += 1


@cache
def _loader() -> Any:
    """What reads AWS's descriptions of its services, which takes a second the first time."""
    return botocore.loaders.create_loader()


def _client(region: str, endpoint: str | None, profile: str) -> Any:
    patience = http.DEFAULT
    config = Config(
        connect_timeout=patience.connect_s,
        read_timeout=patience.read_s,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        inject_host_prefix=endpoint is None,
    )
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader())
    try:
        session = boto3.Session(profile_name=profile or None, region_name=region, botocore_session=core)
        return session.client("medical-imaging", endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"AWS HealthImaging in {region}: {error}") from error


def _text(tags: Mapping[str, Any], name: str) -> str:
    value = tags.get(name)
    return "" if value is None else str(value)


def _object_values(instance: Instance) -> dict[str, str]:
    values = {keyword: instance.text(keyword) for keyword in OBJECT}
    return values | {"AvailableTransferSyntaxUID": instance.transfer_syntax if instance.frames else ""}
