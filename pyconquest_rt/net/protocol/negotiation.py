"""What is negotiated when an association is opened, as plain values (DICOM PS3.8 section 9.3)."""

import re
from dataclasses import dataclass, field
from typing import Final

from pyconquest_rt.errors import NetworkError

IMPLEMENTATION_CLASS_UID: Final = "2.25.300693269795216806936713296206352843784"
IMPLEMENTATION_VERSION_NAME: Final = "PYCONQUEST_RT"
MAX_CONTEXTS: Final = 128

_UID: Final = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """An abstract syntax with the transfer syntaxes that are offered for it.

    With `as_scp` the requestor offers to be the provider: it is who receives objects after a C-GET.
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Request:
    """What an A-ASSOCIATE-RQ asks for; `contexts` by context ID, with empty texts for what is no UID."""

    calling_aet: str
    called_aet: str
    maximum_length: int
    contexts: dict[int, Proposal]
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """SOP class UID to (requestor as SCU, requestor as SCP), of those that ask for roles."""
    extended: dict[str, bytes] = field(default_factory=dict)
    """SOP class UID to its application information (PS3.7 section D.3.3.5)."""
    titles: bytes = bytes(64)
    """Both AE titles and what follows them, as they came: the answer repeats them (PS3.8 table 9-17)."""
    speaks_version: bool = True
    """Whether it knows version 1 of the protocol, the only one there is."""
    speaks_dicom: bool = True
    """Whether its application context name is DICOM's."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an A-ASSOCIATE-AC grants."""

    maximum_length: int
    contexts: dict[int, Context]
    extended: dict[str, bytes] = field(default_factory=dict)
    """SOP class UID to the application information that is agreed on."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An A-ASSOCIATE-RJ: result, source and diagnostic (PS3.8 table 9-21)."""

    result: int
    source: int
    diagnostic: int


APPLICATION_CONTEXT_UNKNOWN: Final = Rejection(1, 1, 2)
PROTOCOL_VERSION_UNKNOWN: Final = Rejection(1, 2, 2)
CALLING_AET_UNKNOWN: Final = Rejection(1, 1, 3)
CALLED_AET_UNKNOWN: Final = Rejection(1, 1, 7)
LOCAL_LIMIT_EXCEEDED: Final = Rejection(2, 3, 2)


def ae_title(value: str | bytes) -> str:
    """Return an AE title as text: 1 to 16 printable ASCII characters without a backslash (PS3.5, VR AE).

    Raises NetworkError for anything else.
    """
    text = (value.decode("ascii", "replace") if isinstance(value, bytes) else value).strip(" \0")
    if not 0 < len(text) <= 16 or not text.isascii() or not text.isprintable() or "\\" in text:
        raise NetworkError(f"{text!r} is no AE title: it needs 1 to 16 ASCII characters and no backslash.")
    return text


def is_uid(text: str) -> bool:
    """Whether a text can stand for a UID: 1 to 64 digits and points (PS3.5 section 9.1, read with some leniency)."""
    return _UID.fullmatch(text) is not None
