"""A stand-in for AWS HealthImaging on this machine: searches in pages, compressed metadata, frames, and faults."""

import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydicom.dataset import Dataset

STORE = "0123456789abcdef0123456789abcdef"
_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "StudyID")
_SERIES = ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "FrameOfReferenceUID")
_TAGS = {
    "DICOMPatientId": "PatientID",
    "DICOMPatientName": "PatientName",
    "DICOMStudyInstanceUID": "StudyInstanceUID",
    "DICOMStudyDate": "StudyDate",
    "DICOMAccessionNumber": "AccessionNumber",
    "DICOMSeriesInstanceUID": "SeriesInstanceUID",
    "DICOMSeriesModality": "Modality",
}


def _json(data_set: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in data_set:
        if element.VR == "SQ":
            found[element.keyword] = [_json(item) for item in element.value]
        elif element.VR in ("US", "SS", "UL", "SL", "FD", "FL"):
            found[element.keyword] = list(element.value) if element.VM > 1 else element.value
        elif element.is_empty:
            found[element.keyword] = None
        elif element.VR not in ("OB", "OW", "UN"):
            texts = [str(part) for part in element.value] if element.VM > 1 else [str(element.value)]
            found[element.keyword] = texts if len(texts) > 1 else texts[0]
    return found


@dataclass
class ImageSet:
    """One image set: instances with their frames, and its version."""

    identifier: str
    instances: list[tuple[Dataset, str, Sequence[bytes]]]
    version: int = 1

    def summary(self) -> dict[str, Any]:
        data_set = self.instances[0][0]
        tags = {tag: str(data_set[key].value) for tag, key in _TAGS.items() if key in data_set}
        return {"imageSetId": self.identifier, "version": self.version, "DICOMTags": tags, "isPrimary": True}

    def metadata(self) -> bytes:
        first = self.instances[0][0]
        entries = {}
        for data_set, syntax, frames in self.instances:
            levels = (*_PATIENT, *_STUDY, *_SERIES)
            own = {key: value for key, value in _json(data_set).items() if key not in levels}
            entries[str(data_set.SOPInstanceUID)] = {
                "DICOM": own,
                "DICOMVRs": {
                    element.keyword: element.VR for element in data_set if element.tag == 0x00280106
                },
                "StoredTransferSyntaxUID": syntax,
                "ImageFrames": [
                    {"ID": f"{data_set.SOPInstanceUID}/{number}", "FrameSizeInBytes": len(frame)}
                    for number, frame in enumerate(frames)
                ],
            }
        level = _json(first)
        series = {"DICOM": {key: level.get(key) for key in _SERIES}, "Instances": entries}
        found = {
            "SchemaVersion": "1.1",
            "DatastoreID": STORE,
            "ImageSetID": self.identifier,
            "Patient": {"DICOM": {key: level.get(key) for key in _PATIENT}},
            "Study": {
                "DICOM": {key: level.get(key) for key in _STUDY},
                "Series": {str(first.SeriesInstanceUID): series},
            },
        }
        return gzip.compress(json.dumps(found).encode())


@dataclass
class Store:
    """The data store: what it holds, what was asked of it, and which faults the next answers have."""

    url: str = ""
    image_sets: dict[str, ImageSet] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    is_signed: bool = True

    def put(self, *instances: tuple[Dataset, str, Sequence[bytes]]) -> ImageSet:
        identifier = f"{len(self.image_sets):032x}"
        self.image_sets[identifier] = ImageSet(identifier, list(instances))
        return self.image_sets[identifier]

    def search(self, body: dict[str, Any], token: str) -> bytes:
        """At most three image sets a page."""
        values = [value for one in body.get("filters", ()) for value in one["values"]]
        found = [one.summary() for one in self.image_sets.values()]
        for value in values:
            found = [one for one in found if value.items() <= one["DICOMTags"].items()]
        start = int(token or 0)
        more = {"nextToken": str(start + 3)} if start + 3 < len(found) else {}
        return json.dumps({"imageSetsMetadataSummaries": found[start : start + 3], **more}).encode()

    def frame(self, name: str) -> bytes:
        uid, _, number = name.partition("/")
        instances = (entry for one in self.image_sets.values() for entry in one.instances)
        return next(
            frames[int(number)] for data_set, _, frames in instances if data_set.SOPInstanceUID == uid
        )


class _Handler(BaseHTTPRequestHandler):
    store: Store
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path, _, query = self.path.partition("?")
        operation = path.rpartition("/")[2]
        self.store.asked.append(operation)
        self.store.is_signed &= self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256")
        fault = self.store.faults.pop(0) if self.store.faults else ""
        if fault in _ERRORS:
            self._error(*_ERRORS[fault])
            return
        identifier = path.split("/")[4] if "/imageSet/" in path else ""
        if identifier and identifier not in self.store.image_sets:
            self._error(*_ERRORS["404"])
            return
        if operation == "searchImageSets":
            token = next((part[10:] for part in query.split("&") if part.startswith("nextToken=")), "")
            answer = self.store.search(body, token)
        elif operation == "getImageSetMetadata":
            answer = self.store.image_sets[identifier].metadata()
        else:
            answer = self.store.frame(body["imageFrameId"])
        self._answer(200, answer, cut=fault == "cut")

    def _error(self, status: int, name: str) -> None:
        self._answer(status, json.dumps({"message": name}).encode(), {"x-amzn-ErrorType": name})

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_ERRORS = {
    "429": (429, "ThrottlingException"),
    "500": (500, "InternalServerException"),
    "403": (403, "AccessDeniedException"),
    "404": (404, "ResourceNotFoundException"),
}


@contextmanager
def serving() -> Iterator[Store]:
    """Run a data store without image sets."""
    store = Store()
    handler = type("Handler", (_Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
