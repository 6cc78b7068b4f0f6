"""A small DICOMweb server with faults to order, written from PS3.18 alone: QIDO-RS lists and WADO-RS files."""

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom.dataset import Dataset

_KEYS = {
    "studies": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "instances": "SOPInstanceUID",
}


class Server:
    """Objects by SOPInstanceUID, faults that the next requests meet, and what was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, Dataset] = {}
        self.faults: list[str] = []
        self.broken: set[str] = set()  # series that never answer well
        self.page = 1000
        self.says_counts = True
        self.lists_nothing = False
        self.asked: list[str] = []
        self.user = ""
        self.url = ""

    def put(self, *data_sets: Dataset) -> None:
        for data_set in data_sets:
            self.objects[data_set.SOPInstanceUID] = data_set

    def query(self, path: list[str], keys: dict[str, str]) -> list[dict[str, Any]]:
        level, place = path[-1], dict(zip(path[:-1:2], path[1::2], strict=False))
        found = [
            item
            for item in self.objects.values()
            if all(item.get(_KEYS[name]) == uid for name, uid in place.items())
            and all(str(item.get(key, "")) == value for key, value in keys.items())
        ]
        if self.lists_nothing and level == "studies" and "StudyInstanceUID" not in keys:
            found = []
        uids = list(dict.fromkeys(item[_KEYS[level]].value for item in found))
        return [
            self._answer(level, [item for item in found if item[_KEYS[level]].value == uid]) for uid in uids
        ]

    def _answer(self, level: str, items: list[Dataset]) -> dict[str, Any]:
        answer = Dataset()
        for element in items[0]:
            if element.keyword not in ("PixelData",):
                answer[element.tag] = element
        if self.says_counts and level != "instances":
            name = "Study" if level == "studies" else "Series"
            setattr(answer, f"NumberOf{name}RelatedInstances", len(items))
        return answer.to_json_dict()

    def files(self, series: str) -> bytes:
        body = b""
        for item in self.objects.values():
            if item.SeriesInstanceUID == series:
                file = io.BytesIO()
                item.save_as(file, enforce_file_format=True)
                body += b"\r\n--border\r\nContent-Type: application/dicom\r\n\r\n" + file.getvalue()
        return body + b"\r\n--border--\r\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: two would wait for each other's acknowledgement
    server: Any

    def do_GET(self) -> None:
        app: Server = self.server.app
        address = urlsplit(self.path)
        app.asked.append(self.path)
        path = address.path.strip("/").split("/")[1:]
        if app.user and self.headers.get("Authorization") != app.user:
            return self._send(401, b"who?", "text/plain")
        fault = app.faults.pop(0) if app.faults else ""
        if any(uid in self.path for uid in app.broken):
            fault = "500"
        if fault:
            return FAULTS[fault](self)
        if len(path) == 4:
            return self._send(
                200, app.files(path[3]), 'multipart/related; type="application/dicom"; boundary=border'
            )
        keys = {key: values[0] for key, values in parse_qs(address.query).items()}
        limit, offset = int(keys.pop("limit", "100")), int(keys.pop("offset", "0"))
        keys.pop("includefield", None)
        found = app.query(path, keys)[offset:][: min(limit, app.page)]
        if not found:
            return self._send(204, b"", "application/dicom+json")
        return self._send(200, json.dumps(found).encode(), "application/dicom+json")

    def _send(self, status: int, body: bytes, media_type: str, cut: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body) + cut))
        self.end_headers()
        self.wfile.write(body)
        if cut:
            self.close_connection = True

    def hang(self) -> None:
        time.sleep(0.8)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


FAULTS: dict[str, Callable[[Any], None]] = {
    "429": lambda handler: handler._send(429, b"slow", "text/plain", Retry_After="0"),
    "503": lambda handler: handler._send(503, b"later", "text/plain"),
    "500": lambda handler: handler._send(500, b"broken", "text/plain"),
    "403": lambda handler: handler._send(403, b"no", "text/plain"),
    "cut": lambda handler: handler._send(200, b'[{"0020000D"', "application/dicom+json", cut=1000),
    "bad JSON": lambda handler: handler._send(200, b'[{"0020', "application/dicom+json"),
    "HTML": lambda handler: handler._send(200, b"<html>sign in</html>", "text/html"),
    "hang": lambda handler: handler.hang(),
}


@contextmanager
def serving() -> Iterator[Server]:
    """Start a server on a free port."""
    app = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as httpd:
        httpd.app = app  # type: ignore[attr-defined]
        httpd.daemon_threads = True
        app.url = f"http://127.0.0.1:{httpd.server_port}/dicom-web"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield app
        httpd.shutdown()


def repeated(paths: list[str]) -> dict[str, int]:
    """Return the paths that were asked for more than once."""
    return {path: count for path, count in Counter(paths).items() if count > 1}
