"""The figures of :mod:`pyconquest_rt.service.status` for Prometheus, over HTTP, on this machine only.

The text is the exposition format 0.0.4 of Prometheus.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from pyconquest_rt.errors import NetworkError, PyconquestError
from pyconquest_rt.service.status import LEVELS

_LOG = logging.getLogger(__name__)
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TIMEOUT_S = 10.0

Status = Mapping[str, Any]


class Metric(NamedTuple):
    """One metric: its name, type, what it means, and its samples by label."""

    name: str
    kind: str
    doc: str
    samples: Callable[[Status], Mapping[str, float]]


def _of_service(key: str) -> Callable[[Status], Mapping[str, float]]:
    def samples(status: Status) -> Mapping[str, float]:
        service = status["service"] or {}
        return {"": service[key]} if key in service else {}

    return samples


def _of_jobs(figure: Callable[[Mapping[str, Any]], float | None]) -> Callable[[Status], Mapping[str, float]]:
    def samples(status: Status) -> Mapping[str, float]:
        found = {f'job="{name}"': figure(run) for name, run in status["jobs"].items()}
        return {label: value for label, value in found.items() if value is not None}

    return samples


METRICS = (
    Metric(
        "objects",
        "gauge",
        "Rows of the index, by level.",
        lambda status: {f'level="{level}"': status[level] for level in LEVELS},
    ),
    Metric(
        "rejected", "gauge", "Objects and files that were refused.", lambda status: {"": status["rejected"]}
    ),
    Metric(
        "derivations",
        "gauge",
        "Derivations by state.",
        lambda status: {f'state="{state}"': count for state, count in status["derivations"].items()},
    ),
    Metric("database_bytes", "gauge", "Size of the database.", lambda status: {"": status["database_bytes"]}),
    Metric("disk_free_bytes", "gauge", "Free space.", lambda status: {"": status["disk"]["free"]}),
    Metric("disk_bytes", "gauge", "Size of the disk.", lambda status: {"": status["disk"]["total"]}),
    Metric("associations_total", "counter", "Associations accepted.", _of_service("associations")),
    Metric("associations_rejected_total", "counter", "Associations rejected.", _of_service("rejected")),
    Metric("stored_total", "counter", "Objects stored from the network.", _of_service("stored")),
    Metric("store_failed_total", "counter", "Objects refused to their senders.", _of_service("failed")),
    Metric("received_bytes_total", "counter", "Bytes of objects received.", _of_service("bytes")),
    Metric(
        "job_failed",
        "gauge",
        "Whether the last run of a job failed.",
        _of_jobs(lambda run: float(run["state"] == "failed")),
    ),
    Metric(
        "job_seconds", "gauge", "Duration of the last run of a job.", _of_jobs(lambda run: run["seconds"])
    ),
)


def render(status: Status) -> str:
    """Return the figures as Prometheus reads them."""
    return "".join(f"{line}\n" for line in _lines(status))


def _lines(status: Status) -> Iterator[str]:
    for metric in METRICS:
        samples = metric.samples(status)
        if samples:
            name = f"pyconquest_rt_{metric.name}"
            yield f"# HELP {name} {metric.doc}"
            yield f"# TYPE {name} {metric.kind}"
            yield from (
                f"{name}{{{label}}} {value}" if label else f"{name} {value}"
                for label, value in samples.items()
            )


class MetricsServer:
    """Answers ``GET /metrics`` on 127.0.0.1 in a thread.

    Args:
        port: 0 takes any that is free; see :attr:`port`.
        figures: gives the status for each request.

    Raises:
        NetworkError: the port cannot be had.
    """

    def __init__(self, port: int, figures: Callable[[], Status]) -> None:
        class Handler(_Handler):
            text = staticmethod(lambda: render(figures()))

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise NetworkError(f"cannot listen on 127.0.0.1:{port} for /metrics: {error.strerror}") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    timeout = _TIMEOUT_S
    text: Callable[[], str]

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        try:
            body = self.text().encode()
        except PyconquestError as error:
            _LOG.warning("no figures for /metrics: %s", error)
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", _CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log requests at DEBUG."""
        _LOG.debug(format, *args)
