"""TLS for associations: contexts made of PEM files (DICOM PS3.15 Annex B; TLS 1.2 is the oldest that is spoken)."""

import re
import ssl
from typing import Final

from pyconquest_rt.errors import SettingsError

_NO_COMMON: Final = "the peer has no version or cipher of TLS in common with us"
_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS",
    "HTTP_REQUEST": "the peer does not speak TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer shows no certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer asks for a certificate, and none is shown",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust the authority of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer says that our certificate has expired",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer refuses: it misses a certificate, or a cipher in common",
    "NO_SHARED_CIPHER": _NO_COMMON,
    "UNSUPPORTED_PROTOCOL": _NO_COMMON,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_COMMON,
}
"""OpenSSL's reasons, said for those who do not know it."""


def server_context(certificate: str, key: str = "", ca: str = "", *, required: bool = True) -> ssl.SSLContext:
    """Return the context of a listener.

    Args:
        certificate: PEM file with the own certificate, and those between it and its authority.
        key: PEM file with its private key, if that is not in the same file; without a password.
        ca: PEM file of the authorities by which peers' certificates are judged; empty: none is asked for.
        required: turn peers away that show none.

    Raises:
        SettingsError: a file cannot be read, holds no such thing, or key and certificate do not match.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_certificate(context, certificate, key)
    if ca:
        _load_authorities(context, ca)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def client_context(
    certificate: str = "", key: str = "", ca: str = "", *, check_host: bool = True
) -> ssl.SSLContext:
    """Return the context for associations with a peer, whose certificate is always judged.

    Args:
        certificate: PEM file with the certificate to show, if the peer asks for one.
        key: PEM file with its private key, if that is not in the same file; without a password.
        ca: PEM file of the authorities, one of which must have signed the peer's; empty: this machine's.
        check_host: the peer's certificate must be for the host that was connected to.

    Raises:
        SettingsError: as in :func:`server_context`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_host
    if certificate:
        _load_certificate(context, certificate, key)
    if ca:
        _load_authorities(context, ca)
    else:
        context.load_default_certs()
    return context


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    files = certificate if not key else f"{certificate} with {key}"
    try:
        context.load_cert_chain(
            certificate, key or None, password=lambda: ""
        )  # nobody could answer a question
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"{files} cannot be used for TLS: {_reason(error)}; expected a certificate and its key as PEM, "
            "the key without a password"
        ) from error


def _load_authorities(context: ssl.SSLContext, ca: str) -> None:
    try:
        context.load_verify_locations(ca)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{ca} cannot be used for TLS: {_reason(error)}; expected certificates of authorities as PEM"
        ) from error


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"^\[[^\]]*\] | \(_ssl\.c:\d+\)$", "", text).lower()


def explain(error: OSError) -> str:
    """Say what is wrong with a connection, with or without TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the peer's certificate is not accepted: {error.verify_message.rstrip('.')}"
    return _WORDS.get(getattr(error, "reason", None) or "", str(error))
