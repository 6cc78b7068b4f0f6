"""The figures of :mod:`pyconquest_rt.service.status` for Prometheus, over HTTP, on this machine only.

The text is the exposition format 0.0.4 of Prometheus, written by its client library.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pyconquest_rt.errors import NetworkError, PyconquestError
from pyconquest_rt.service.status import LEVELS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as PrometheusMetric

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 10.0

Status = Mapping[str, Any]


Label = tuple[str, str]


class Metric(NamedTuple):
    """One metric: its name, kind, what it means, and its value by label (name and value; None where it has none)."""

    name: str
    kind: Literal["gauge", "counter"]
    doc: str
    samples: Callable[[Status], Mapping[Label | None, float]]


def _of_service(key: str) -> Callable[[Status], Mapping[Label | None, float]]:
    def samples(status: Status) -> Mapping[Label | None, float]:
        service = status["service"] or {}
        return {None: service[key]} if key in service else {}

    return samples


def _of_jobs(
    figure: Callable[[Mapping[str, Any]], float | None],
) -> Callable[[Status], Mapping[Label | None, float]]:
    def samples(status: Status) -> Mapping[Label | None, float]:
        found = {("job", name): figure(run) for name, run in status["jobs"].items()}
        return {label: value for label, value in found.items() if value is not None}

    return samples


METRICS = (
    Metric(
        "objects",
        "gauge",
        "Rows of the index, by level.",
        lambda status: {("level", level): status[level] for level in LEVELS},
    ),
    Metric(
        "rejected", "gauge", "Objects and files that were refused.", lambda status: {None: status["rejected"]}
    ),
    Metric(
        "derivations",
        "gauge",
        "Derivations by state.",
        lambda status: {("state", state): count for state, count in status["derivations"].items()},
    ),
    Metric(
        "database_bytes", "gauge", "Size of the database.", lambda status: {None: status["database_bytes"]}
    ),
    Metric("disk_free_bytes", "gauge", "Free space.", lambda status: {None: status["disk"]["free"]}),
    Metric("disk_bytes", "gauge", "Size of the disk.", lambda status: {None: status["disk"]["total"]}),
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


def render(status: Status) -> bytes:
    """Return the figures as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(status))
    return generate_latest(registry)


class _Figures:
    """The collector of one status, as prometheus-client asks for it."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> "Iterator[PrometheusMetric]":
        """Yield each metric that has samples."""
        from prometheus_client.metrics_core import Metric as PrometheusMetric

        for metric in METRICS:
            name = f"pyconquest_rt_{metric.name}"
            family = PrometheusMetric(name.removesuffix("_total"), metric.doc, metric.kind)
            for label, value in metric.samples(self._status).items():
                family.add_sample(name, dict([label] if label else ()), value)
            if family.samples:
                yield family


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
    text: Callable[[], bytes]

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        try:
            body = self.text()
        except PyconquestError as error:
            _LOG.warning("no figures for /metrics: %s", error)
            self.send_error(503)
            return
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log requests at DEBUG."""
        _LOG.debug(format, *args)
