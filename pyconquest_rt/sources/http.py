"""HTTP requests to a source: counted, bounded in time, and repeated where the server only asks for patience."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, TypeVar

import requests
from requests.adapters import HTTPAdapter

from pyconquest_rt.sources.source import SourceError

T = TypeVar("T")
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""
_WORDS: Final = {
    401: "it wants to know who asks: see --auth",
    403: "this user may not read there",
    404: "there is nothing at this address",
}


class Patience(NamedTuple):
    """How often a request is repeated, and how long in seconds the server may take to connect and to go on."""

    attempts: int = 5
    connect_s: float = 10.0
    read_s: float = 60.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0


DEFAULT = Patience()


class Http:
    """A session with one server.

    Args:
        what: how errors name the source.
        auth: what ``requests`` takes as ``auth``; asked anew for each request.
    """

    def __init__(self, what: str, auth: Any = None, patience: Patience | None = None) -> None:
        self._what = what
        self.patience = patience or DEFAULT
        self.requests = 0
        self.session = requests.Session()
        self.session.trust_env = auth is None  # a .netrc must not take the place of what was asked for
        self.session.auth = auth
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Counting(self))

    def ask(self, what: str, request: Callable[[], T]) -> T:
        """Return what a request gives, which is repeated after failures that may pass.

        Args:
            what: what is asked for, as errors name it.

        Raises:
            SourceError: it fails for good, or again and again.
        """
        for attempt in range(1, self.patience.attempts + 1):
            try:
                return request()
            except (requests.RequestException, ValueError) as error:
                is_last = attempt == self.patience.attempts
                if is_last or not _may_pass(error):
                    raise SourceError(f"{self._what}: {what}: {_explained(error)}") from error
                time.sleep(self._pause(error, attempt))
        raise AssertionError("no attempt was made")

    def _pause(self, error: Exception, attempt: int) -> float:
        """Return how many seconds to wait: as the server says, else twice as long each time; bounded."""
        wanted = _retry_after(error)
        pause = self.patience.first_pause_s * 2 ** (attempt - 1) if wanted is None else wanted
        return min(max(pause, 0.0), self.patience.longest_pause_s)

    def close(self) -> None:
        """End the connections."""
        self.session.close()


class _Counting(HTTPAdapter):
    """Counts requests, and gives each the session's time limits."""

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        self._http.requests += 1
        options["timeout"] = (self._http.patience.connect_s, self._http.patience.read_s)
        return super().send(request, **options)


class NotDicomError(ValueError):
    """The answer is something else than was asked for, such as a page to sign in."""


def require_type(response: requests.Response, *wanted: str) -> None:
    """Raise NotDicomError unless an answer has one of these media types."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in wanted:
        raise NotDicomError(
            f"the answer is {media_type or 'of no type'} in place of {wanted[0]}; is it a page to sign in?"
        )


def _may_pass(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in _LATER
    return not isinstance(
        error, NotDicomError | requests.exceptions.InvalidURL | requests.exceptions.MissingSchema
    )


def _retry_after(error: Exception) -> float | None:
    """Return the seconds of an answer's Retry-After, which is a number or a date (RFC 9110 section 10.2.3)."""
    response = getattr(error, "response", None)
    text = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


def _explained(error: Exception) -> str:
    """Return a failure in words; never with headers, which may hold a secret."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        words = _WORDS.get(status, error.response.reason or "no reason given")
        return f"HTTP status {status}, {words}"
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut off"
    if isinstance(error, requests.ConnectionError):
        return "it cannot be reached, or broke the connection"
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return "the answer is no JSON"
    return str(error)
