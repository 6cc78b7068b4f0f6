"""Pseudonyms: from one key the same input always gives the same output, and without it nothing leads back.

Every pseudonym is taken from HMAC-SHA256 of the original under the key (RFC 2104), so that objects exported at
different times, or by several archives that share a key, still fit together.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from typing import Literal, NamedTuple

from pyconquest_rt.errors import SettingsError

Kind = Literal["patient", "uid"]
SHORTEST_KEY = 16
_FEWEST_WEEKS, _MOST_WEEKS = 52, 520


class Pseudonym(NamedTuple):
    """One line of the map: what an original identifier became."""

    kind: Kind
    original: str
    pseudonym: str


class Pseudonyms:
    """Gives pseudonyms under one key and remembers which it gave.

    Args:
        key: the secret, at least 16 bytes.

    Raises:
        SettingsError: the key is shorter.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise SettingsError(f"the key has {len(key)} bytes; at least {SHORTEST_KEY} are needed")
        self._key = key
        self._given: dict[tuple[Kind, str], str] = {}

    def patient(self, patient_id: str) -> str:
        """Return the PatientID that stands for a patient: ``P`` and 12 letters and digits."""
        return self._once("patient", patient_id)

    def uid(self, uid: str) -> str:
        """Return the UID that stands for another: one of the arc 2.25, as DICOM PS3.5 section B.2 has it."""
        return self._once("uid", uid)

    def shift_days(self, patient_id: str) -> int:
        """Return by how many days all dates of a patient move: whole weeks, one to ten years into the past."""
        number = int.from_bytes(self._digest("dates", patient_id)[:8], "big")
        return -7 * (_FEWEST_WEEKS + number % (_MOST_WEEKS - _FEWEST_WEEKS + 1))

    def take(self) -> list[Pseudonym]:
        """Return what was given since the last call."""
        given, self._given = self._given, {}
        return [Pseudonym(kind, original, pseudonym) for (kind, original), pseudonym in given.items()]

    def _once(self, kind: Kind, original: str) -> str:
        known = self._given.get((kind, original))
        if known is None:
            known = self._given[kind, original] = _FORMS[kind](self._digest(kind, original))
        return known

    def _digest(self, purpose: str, original: str) -> bytes:
        message = f"{purpose}:{original}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, hashlib.sha256)


def _patient(digest: bytes) -> str:
    return "P" + base64.b32encode(digest)[:12].decode()


def _uid(digest: bytes) -> str:
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


_FORMS = {"patient": _patient, "uid": _uid}


def new_key() -> bytes:
    """Return a key that nobody can guess, as text."""
    return secrets.token_hex(32).encode()
