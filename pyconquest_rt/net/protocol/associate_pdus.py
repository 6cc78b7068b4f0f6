"""A-ASSOCIATE PDUs, encoded and decoded by hand (DICOM PS3.8 section 9.3, PS3.7 Annex D.3).

What peers send is read as leniently as DCMTK reads it: items and user items that are not known are passed over, AE
titles may be padded with NUL or hold what an AE title may not, context IDs may be even. A presentation context that
cannot be used costs that context alone.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.negotiation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    Acceptance,
    Context,
    Proposal,
    Rejection,
    Request,
    is_uid,
)

_PROTOCOL_VERSION: Final = 1
_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
_IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
_ACCEPTED, _ABSTRACT_SYNTAX_NOT_SUPPORTED = 0, 3
_TITLES: Final = slice(4, 68)
_FIXED_BYTES: Final = 68
_ITEM: Final = struct.Struct(">BxH")
_UID_LENGTH: Final = struct.Struct(">H")
_UNSTATED_LENGTH: Final = 16384

# PS3.8 section 9.3.2 and PS3.7 Annex D.3
_APPLICATION: Final = 0x10
_CONTEXT_RQ: Final = 0x20
_CONTEXT_AC: Final = 0x21
_ABSTRACT: Final = 0x30
_TRANSFER: Final = 0x40
_USER: Final = 0x50
_MAXIMUM_LENGTH: Final = 0x51
_CLASS_UID: Final = 0x52
_ROLE: Final = 0x54
_VERSION_NAME: Final = 0x55
_EXTENSION: Final = 0x56

_RESULTS: Final = {1: "rejected permanent", 2: "rejected transient"}
_REASONS: Final = {
    (1, 1): "No reason given",
    (1, 2): "Application context name not supported",
    (1, 3): "Calling AE title not recognised",
    (1, 7): "Called AE title not recognised",
    (2, 1): "No reason given",
    (2, 2): "Protocol version not supported",
    (3, 1): "Temporary congestion",
    (3, 2): "Local limit exceeded",
}


class _User(NamedTuple):
    """What is read of a user information item."""

    maximum_length: int
    roles: dict[str, tuple[bool, bool]]
    extended: dict[str, bytes]


def encode_request(calling: str, called: str, proposals: Sequence[Proposal], maximum_length: int) -> bytes:
    """Encode the body of an A-ASSOCIATE-RQ; context IDs are 1, 3, 5 ... in the order of the proposals."""
    titles = called.encode("ascii").ljust(16) + calling.encode("ascii").ljust(16) + bytes(32)
    roles = {proposal.abstract_syntax: (False, True) for proposal in proposals if proposal.as_scp}
    contexts = (
        _item(
            _CONTEXT_RQ,
            bytes((2 * index + 1, 0, 0, 0))
            + _item(_ABSTRACT, proposal.abstract_syntax.encode())
            + b"".join(_item(_TRANSFER, uid.encode()) for uid in proposal.transfer_syntaxes),
        )
        for index, proposal in enumerate(proposals)
    )
    return _body(titles, contexts, _user_information(maximum_length, roles, {}))


def decode_request(body: bytes) -> Request:
    """Decode the body of an A-ASSOCIATE-RQ. Raises NetworkError for one whose items contradict its length."""
    if len(body) < _FIXED_BYTES:
        raise NetworkError(f"The A-ASSOCIATE-RQ has {len(body)} bytes only.")
    contexts: dict[int, Proposal] = {}
    application, user = "", _User(_UNSTATED_LENGTH, {}, {})
    for kind, value in _items(body[_FIXED_BYTES:]):
        if kind == _APPLICATION:
            application = _text(value)
        elif kind == _CONTEXT_RQ and value:
            contexts.setdefault(value[0], _proposal(value[4:]))
        elif kind == _USER:
            user = _read_user(value)
    return Request(
        _title(body[20:36]),
        _title(body[4:20]),
        user.maximum_length,
        contexts,
        user.roles,
        user.extended,
        titles=body[_TITLES],
        speaks_version=bool(body[1] & _PROTOCOL_VERSION),
        speaks_dicom=application == _APPLICATION_CONTEXT,
    )


def _proposal(value: bytes) -> Proposal:
    """Read a presentation context; what is no UID is left out."""
    items = [(kind, _text(uid)) for kind, uid in _items(value)]
    return Proposal(
        next((uid for kind, uid in items if kind == _ABSTRACT and is_uid(uid)), ""),
        tuple(uid for kind, uid in items if kind == _TRANSFER and is_uid(uid)),
    )


def encode_acceptance(request: Request, acceptance: Acceptance) -> bytes:
    """Encode the body of an A-ASSOCIATE-AC; contexts that `acceptance` leaves out are refused.

    Roles are granted as asked for wherever the SOP class has an accepted context. Of one who asks for no role
    at all nothing is said, so that the usual roles hold (PS3.7 section D.3.3.4).
    """
    accepted = {context.abstract_syntax for context in acceptance.contexts.values()}
    roles = {uid: role for uid, role in request.roles.items() if uid in accepted and any(role)}
    contexts = (_result(context_id, acceptance.contexts.get(context_id)) for context_id in request.contexts)
    user = _user_information(acceptance.maximum_length, roles, acceptance.extended)
    return _body(request.titles, contexts, user)


def _result(context_id: int, granted: Context | None) -> bytes:
    result = _ACCEPTED if granted else _ABSTRACT_SYNTAX_NOT_SUPPORTED
    syntax = granted.transfer_syntax if granted else _IMPLICIT_LITTLE  # without meaning, but has to be there
    return _item(_CONTEXT_AC, bytes((context_id, 0, result, 0)) + _item(_TRANSFER, syntax.encode()))


def decode_acceptance(body: bytes, proposals: Sequence[Proposal]) -> Acceptance:
    """Decode the body of the A-ASSOCIATE-AC that answers `proposals`. Raises NetworkError."""
    if len(body) < _FIXED_BYTES:
        raise NetworkError(f"The A-ASSOCIATE-AC has {len(body)} bytes only.")
    contexts: dict[int, Context] = {}
    user = _User(_UNSTATED_LENGTH, {}, {})
    for kind, value in _items(body[_FIXED_BYTES:]):
        if kind == _CONTEXT_AC and len(value) > 4 and value[2] == _ACCEPTED:
            contexts[value[0]] = _granted(value, proposals)
        elif kind == _USER:
            user = _read_user(value)
    return Acceptance(user.maximum_length, contexts)


def _granted(value: bytes, proposals: Sequence[Proposal]) -> Context:
    """Read an accepted context. Raises NetworkError for one that was not proposed."""
    context_id = value[0]
    index = (context_id - 1) // 2
    syntax = next((_text(uid) for kind, uid in _items(value[4:]) if kind == _TRANSFER), "")
    if context_id % 2 == 0 or index >= len(proposals) or syntax not in proposals[index].transfer_syntaxes:
        raise NetworkError(
            f"The A-ASSOCIATE-AC grants presentation context {context_id} in {syntax!r}, which was not proposed."
        )
    return Context(context_id, proposals[index].abstract_syntax, syntax)


def encode_rejection(rejection: Rejection) -> bytes:
    """Encode the body of an A-ASSOCIATE-RJ."""
    return bytes((0, rejection.result, rejection.source, rejection.diagnostic))


def rejection_text(body: bytes) -> str:
    """Say an A-ASSOCIATE-RJ in words, such as ``rejected permanent: Called AE title not recognised``."""
    if len(body) < 4:
        return f"rejected, with an unreadable reason {body.hex()}"
    _, result, source, reason = body[:4]
    words = _REASONS.get((source, reason), f"source {source}, reason {reason}")
    return f"{_RESULTS.get(result, 'rejected')}: {words}"


def _body(titles: bytes, contexts: Iterable[bytes], user: bytes) -> bytes:
    application = _item(_APPLICATION, _APPLICATION_CONTEXT.encode())
    return b"".join((struct.pack(">HH", _PROTOCOL_VERSION, 0), titles, application, *contexts, user))


def _user_information(
    maximum_length: int, roles: Mapping[str, tuple[bool, bool]], extended: Mapping[str, bytes]
) -> bytes:
    return _item(
        _USER,
        _item(_MAXIMUM_LENGTH, struct.pack(">I", maximum_length))
        + _item(_CLASS_UID, IMPLEMENTATION_CLASS_UID.encode())
        + b"".join(_item(_ROLE, _with_uid(uid, bytes(role))) for uid, role in roles.items())
        + _item(_VERSION_NAME, IMPLEMENTATION_VERSION_NAME.encode())
        + b"".join(_item(_EXTENSION, _with_uid(uid, data)) for uid, data in extended.items()),
    )


def _read_user(value: bytes) -> _User:
    """Read the user items that matter here; of those that are cut short nothing is taken."""
    length = _UNSTATED_LENGTH
    roles: dict[str, tuple[bool, bool]] = {}
    extended: dict[str, bytes] = {}
    for kind, data in _items(value):
        uid, rest = _split_uid(data)
        if kind == _MAXIMUM_LENGTH and len(data) == 4:
            (length,) = struct.unpack(">I", data)
        elif kind == _ROLE and uid and len(rest) >= 2:
            roles[uid] = (bool(rest[0]), bool(rest[1]))
        elif kind == _EXTENSION and uid:
            extended[uid] = rest
    return _User(length, roles, extended)


def _with_uid(uid: str, rest: bytes) -> bytes:
    return _UID_LENGTH.pack(len(uid)) + uid.encode() + rest


def _split_uid(data: bytes) -> tuple[str, bytes]:
    """Split what begins with the length of a UID and the UID; an empty UID where it does not fit."""
    if len(data) < 2:
        return "", b""
    end = 2 + _UID_LENGTH.unpack_from(data)[0]
    return (_text(data[2:end]), data[end:]) if end <= len(data) else ("", b"")


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each item; fewer bytes than an item's header at the end are passed over."""
    position = 0
    while position + _ITEM.size <= len(data):
        kind, length = _ITEM.unpack_from(data, position)
        position += _ITEM.size
        if position + length > len(data):
            raise NetworkError(f"An A-ASSOCIATE PDU holds an item of {length} bytes that it has no room for.")
        yield kind, data[position : position + length]
        position += length


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip("\0 ")


def _title(field: bytes) -> str:
    """Read an AE title up to its padding, of blanks or NUL; it need not be what PS3.5 calls one."""
    title = field.strip(b"\0 ").partition(b"\0")[0].rstrip()
    try:
        return title.decode()
    except UnicodeDecodeError:
        return title.decode("latin-1")
