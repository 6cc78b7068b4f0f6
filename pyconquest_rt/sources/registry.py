"""The kinds of sources, by name; a package of one's own adds one under the entry point ``pyconquest_rt.sources``."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

from pyconquest_rt.sources.source import Source, SourceError


class Address(NamedTuple):
    """How a source is reached: nothing of it is secret.

    ``auth`` is ``basic:USER:VARIABLE``, ``bearer:VARIABLE``, ``sigv4``, ``sigv4:PROFILE`` or
    ``callable:module:function``; the secret is in the environment variable or in the AWS configuration, or what the
    function returns is what ``requests`` takes as ``auth``.
    """

    name: str
    kind: str
    url: str
    auth: str = ""
    filter: Mapping[str, str] = {}
    own_aet: str = ""


def _dicomweb(address: Address) -> Source:
    try:
        from pyconquest_rt.sources.dicomweb import DicomwebSource
    except ModuleNotFoundError as error:
        raise SourceError(
            "DICOMweb needs the extra dicomweb: pip install 'pyconquest_rt[dicomweb]'"
        ) from error
    auth = authentication(address.auth)
    return DicomwebSource(address.name, address.url, filter=address.filter, auth=auth)


def _dimse(address: Address) -> Source:
    from pyconquest_rt.sources.dimse import DimseSource

    own = {"own_aet": address.own_aet} if address.own_aet else {}
    return DimseSource(address.name, address.url, filter=address.filter, **own)


def _healthimaging(address: Address) -> Source:
    try:
        from pyconquest_rt.sources.healthimaging import HealthImagingSource
    except ModuleNotFoundError as error:
        raise SourceError("HealthImaging needs the extra aws: pip install 'pyconquest_rt[aws]'") from error
    kind, _, profile = address.auth.partition(":")
    if kind not in ("", "sigv4"):
        raise SourceError(
            f"{address.name}: HealthImaging is signed in to by sigv4 or sigv4:PROFILE, not by {kind}"
        )
    return HealthImagingSource(address.name, address.url, filter=address.filter, profile=profile)


KINDS: Final[dict[str, Callable[[Address], Source]]] = {
    "dicomweb": _dicomweb,
    "dimse": _dimse,
    "healthimaging": _healthimaging,
}
_OF_SCHEME: Final = {"http": "dicomweb", "https": "dicomweb", "dimse": "dimse", "ahi": "healthimaging"}


def kind_of(url: str) -> str:
    """Return the kind that an address stands for. Raises SourceError."""
    scheme = url.partition(":")[0].lower()
    if scheme not in _OF_SCHEME:
        raise SourceError(f"{url}: no kind of source is known for this address; name one with --kind")
    return _OF_SCHEME[scheme]


def open_source(address: Address) -> Source:
    """Open a source; nothing is asked of it yet.

    Raises:
        SourceError: the kind, the address or the authentication cannot be used.
    """
    if address.kind in KINDS:
        return KINDS[address.kind](address)
    for found in entry_points(group="pyconquest_rt.sources", name=address.kind):
        factory: Callable[[Address], Source] = found.load()
        return factory(address)
    known = ", ".join([*KINDS, *(found.name for found in entry_points(group="pyconquest_rt.sources"))])
    raise SourceError(f"{address.name}: there is no kind of source {address.kind!r}; there are {known}")


def authentication(auth: str) -> Any:
    """Return what signs requests, with the secret as it is now. Raises SourceError."""
    kind, _, rest = auth.partition(":")
    if not auth:
        return None
    if kind not in _AUTHENTICATIONS:
        raise SourceError(f"cannot sign in by {kind!r}; there are {', '.join(_AUTHENTICATIONS)}")
    return _AUTHENTICATIONS[kind](rest)


def _secret(variable: str) -> str:
    if not variable or variable not in os.environ:
        raise SourceError(
            f"the environment variable {variable or '(none named)'} holds no secret to sign in with"
        )
    return os.environ[variable]


def _basic(rest: str) -> tuple[bytes, bytes]:
    user, _, variable = rest.rpartition(":")
    return user.encode(), _secret(variable).encode()


def _bearer(variable: str) -> Callable[[Any], Any]:
    token = _secret(variable)

    def sign(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _sigv4(profile: str) -> Any:
    try:
        from pyconquest_rt.sources.sigv4 import SignatureV4
    except ModuleNotFoundError as error:
        raise SourceError("sigv4 needs the extra aws: pip install 'pyconquest_rt[aws]'") from error
    return SignatureV4(profile)


def _callable(rest: str) -> Any:
    module, _, function = rest.partition(":")
    try:
        return getattr(import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise SourceError(f"cannot sign in by {rest}: {error}") from error


_AUTHENTICATIONS: Final[dict[str, Callable[[str], Any]]] = {
    "basic": _basic,
    "bearer": _bearer,
    "sigv4": _sigv4,
    "callable": _callable,
}
