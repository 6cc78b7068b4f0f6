"""Listing a DICOMweb server of 1,000 series against the bare requests for the same answers.

A small server in a process of its own has 100 studies of 10 series with 10 objects each, and answers from memory. A
synchronisation is compared with the same requests by the library ``requests``, whose answers are thrown away: clock
and CPU time, alternated. The targets are 1.2 times the bare requests' time, and 150 MB of resident memory.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from common import parser, report, verdict

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.sources.known import add
from pyconquest_rt.sources.sync import sync

STUDIES, SERIES, OBJECTS = 100, 10, 10
ROOT = "1.2.826.0.1.3680043.10.9"
CT = "1.2.840.10008.5.1.4.1.1.2"
RATIO, MEGABYTES = 1.2, 150


def item(*numbers: int) -> dict[str, Any]:
    """A study, series or object in the DICOM JSON model, by its numbers."""
    uid = ".".join(map(str, (ROOT, *numbers)))
    tag = ("0020000D", "0020000E", "00080018")[len(numbers) - 1]
    texts = {
        "00080020": "20260101",
        "00100020": f"P{numbers[0]}",
        "00080060": "CT",
        "00080016": "1.2.840.10008.5.1.4.1.1.2",
    }
    answer: dict[str, Any] = {key: {"vr": "LO", "Value": [text]} for key, text in texts.items()} | {
        tag: {"vr": "UI", "Value": [uid]}
    }
    counts = (("00201208", SERIES * OBJECTS), ("00201209", OBJECTS))
    for key, count in counts[len(numbers) - 1 :][:1]:
        answer[key] = {"vr": "IS", "Value": [count]}
    return answer


class Handler(BaseHTTPRequestHandler):
    """Answers QIDO-RS queries."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: two would wait for each other's acknowledgement

    def do_GET(self) -> None:
        """Answer one query; every page after the first is empty."""
        address = urlsplit(self.path)
        levels = [int(part.rpartition(".")[2]) for part in address.path.split("/") if part.startswith(ROOT)]
        count = (STUDIES, SERIES, OBJECTS)[len(levels)]
        first = parse_qs(address.query).get("offset", ["0"]) == ["0"]
        body = json.dumps([item(*levels, number) for number in range(count)]).encode() if first else b"[]"
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(port: Any) -> None:
    """Serve for ever; tells its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port.send(server.server_port)
        server.serve_forever()


def synchronised(url: str) -> int:
    """Synchronise into a new archive; returns how many requests were made."""
    with tempfile.TemporaryDirectory() as name:
        archive = Archive.open(ArchiveSettings(name, str(Path(name) / "conquest.db"), "none"))
        add(archive, "far", url)
        done = sync(archive, "far")
        archive.close()
        assert done.added == STUDIES * SERIES * OBJECTS, done
        return done.requests


def bare(url: str, paths: list[str]) -> None:
    """Make the same requests."""
    with requests.Session() as session:
        for path in paths:
            session.get(f"{url}/{path}").raise_for_status()


def queries() -> list[str]:
    """Return what a synchronisation asks for."""
    paths = ["studies?limit=1", "studies?offset=0", "studies?offset=100"]
    for study in range(STUDIES):
        series = f"studies/{ROOT}.{study}/series"
        paths += [f"{series}?offset=0", f"{series}?offset=10"]
        paths += [f"{series}/{ROOT}.{study}.{number}/instances?offset=0" for number in range(SERIES)]
    return paths


def main() -> None:
    """Print the table."""
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/dicom-web"
    paths = queries()
    clock: dict[str, list[float]] = {"bare": [], "sync": []}
    cpu: dict[str, list[float]] = {"bare": [], "sync": []}
    for _ in range(arguments.rounds):
        for name, run in (("bare", lambda: bare(url, paths)), ("sync", lambda: synchronised(url))):
            started, before = time.monotonic(), time.process_time()
            run()
            clock[name].append(time.monotonic() - started)
            cpu[name].append(time.process_time() - before)
    server.terminate()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = min(clock["sync"]) / min(clock["bare"])
    rows: list[dict[str, Any]] = [
        {"what": name, "requests": len(paths), "clock, s": min(clock[name]), "CPU, s": min(cpu[name])}
        for name in clock
    ]
    rows.append({"what": "sync / bare, clock"} | verdict(ratio, f"<= {RATIO}"))
    rows.append({"what": "peak memory, MB"} | verdict(megabytes, f"<= {MEGABYTES}"))
    report("1,000 series by DICOMweb", rows, arguments.json)


if __name__ == "__main__":
    main()
