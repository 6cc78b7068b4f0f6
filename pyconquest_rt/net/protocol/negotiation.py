"""A-ASSOCIATE PDUs as plain values; pynetdicom's codecs do the encoding (DICOM PS3.8 section 9.3).

Only documented classes of pynetdicom are used here, none of its threads: PDU classes, service primitives
and presentation contexts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import PresentationContext

from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol import wire

IMPLEMENTATION_CLASS_UID: Final = "2.25.300693269795216806936713296206352843784"
IMPLEMENTATION_VERSION_NAME: Final = "PYCONQUEST_RT"
MAX_CONTEXTS: Final = 128

_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
_PDU_HEADER_BYTES: Final = 6
_Item = (
    MaximumLengthNotification
    | ImplementationClassUIDNotification
    | ImplementationVersionNameNotification
    | SCP_SCU_RoleSelectionNegotiation
    | SOPClassExtendedNegotiation
)


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
    """What an A-ASSOCIATE-RQ asks for; `contexts` by context ID."""

    calling_aet: str
    called_aet: str
    maximum_length: int
    contexts: dict[int, Proposal]
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """SOP class UID to (requestor as SCU, requestor as SCP), of those that ask for roles."""
    extended: dict[str, bytes] = field(default_factory=dict)
    """SOP class UID to its application information (PS3.7 section D.3.3.5)."""


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


def encode_request(calling: str, called: str, proposals: Sequence[Proposal], maximum_length: int) -> bytes:
    """Encode the body of an A-ASSOCIATE-RQ; context IDs are 1, 3, 5 ... in the order of the proposals."""
    contexts = []
    for index, proposal in enumerate(proposals):
        context = PresentationContext()
        context.context_id = 2 * index + 1
        context.abstract_syntax = UID(proposal.abstract_syntax)
        context.transfer_syntax = [UID(uid) for uid in proposal.transfer_syntaxes]
        contexts.append(context)
    roles = {proposal.abstract_syntax: (False, True) for proposal in proposals if proposal.as_scp}
    primitive = _primitive(calling, called, maximum_length, roles)
    primitive.presentation_context_definition_list = contexts
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return pdu.encode()[_PDU_HEADER_BYTES:]


def decode_request(body: bytes) -> Request:
    """Decode the body of an A-ASSOCIATE-RQ. Raises NetworkError for one that cannot be read."""
    try:
        pdu = A_ASSOCIATE_RQ()
        pdu.decode(_with_header(wire.A_ASSOCIATE_RQ, body))
        primitive = pdu.to_primitive()
        contexts = {
            context.context_id: Proposal(
                str(context.abstract_syntax), tuple(map(str, context.transfer_syntax))
            )
            for context in primitive.presentation_context_definition_list
            if context.context_id is not None
        }
        return Request(
            primitive.calling_ae_title.strip(),
            primitive.called_ae_title.strip(),
            primitive.maximum_length_received or 0,
            contexts,
            _roles(primitive.user_information),
            _extended(primitive.user_information),
        )
    except Exception as error:  # the codec raises whatever a malformed item leads to
        raise NetworkError(f"The A-ASSOCIATE-RQ cannot be read: {error!r}.") from error


def encode_acceptance(request: Request, acceptance: Acceptance) -> bytes:
    """Encode the body of an A-ASSOCIATE-AC; contexts that `acceptance` leaves out are refused.

    Roles are granted as asked for wherever the SOP class has an accepted context.
    """
    results = []
    for context_id, proposal in request.contexts.items():
        granted = acceptance.contexts.get(context_id)
        result = PresentationContext()
        result.context_id = context_id
        result.abstract_syntax = UID(proposal.abstract_syntax)
        result.transfer_syntax = [UID(granted.transfer_syntax if granted else proposal.transfer_syntaxes[0])]
        result.result = 0 if granted else 3
        results.append(result)
    accepted = {context.abstract_syntax for context in acceptance.contexts.values()}
    roles = {uid: role for uid, role in request.roles.items() if uid in accepted}
    primitive = _primitive(
        request.calling_aet, request.called_aet, acceptance.maximum_length, roles, acceptance.extended
    )
    primitive.result = 0
    primitive.result_source = 1
    primitive.presentation_context_definition_results_list = results
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(primitive)
    return pdu.encode()[_PDU_HEADER_BYTES:]


def decode_acceptance(body: bytes, proposals: Sequence[Proposal]) -> Acceptance:
    """Decode the body of the A-ASSOCIATE-AC that answers `proposals`. Raises NetworkError."""
    try:
        pdu = A_ASSOCIATE_AC()
        pdu.decode(_with_header(wire.A_ASSOCIATE_AC, body))
        primitive = pdu.to_primitive()
        contexts = {}
        for result in primitive.presentation_context_definition_results_list:
            if result.result == 0 and result.context_id is not None:
                proposal = proposals[(result.context_id - 1) // 2]
                contexts[result.context_id] = Context(
                    result.context_id, proposal.abstract_syntax, str(result.transfer_syntax[0])
                )
        return Acceptance(primitive.maximum_length_received or 0, contexts)
    except Exception as error:  # as above
        raise NetworkError(f"The A-ASSOCIATE-AC cannot be read: {error!r}.") from error


def encode_rejection(rejection: Rejection) -> bytes:
    """Encode the body of an A-ASSOCIATE-RJ."""
    return bytes((0, rejection.result, rejection.source, rejection.diagnostic))


def rejection_text(body: bytes) -> str:
    """Say an A-ASSOCIATE-RJ in words, such as ``rejected permanent: Called AE title not recognised``."""
    try:
        pdu = A_ASSOCIATE_RJ()
        pdu.decode(_with_header(wire.A_ASSOCIATE_RJ, body))
        return f"{pdu.result_str.lower()}: {pdu.reason_str}"
    except Exception:  # as above
        return f"rejected, with an unreadable reason {body[:8].hex()}"


def _with_header(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


def _primitive(
    calling: str,
    called: str,
    length: int,
    roles: dict[str, tuple[bool, bool]],
    extended: dict[str, bytes] | None = None,
) -> A_ASSOCIATE:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(_APPLICATION_CONTEXT)
    primitive.calling_ae_title = calling
    primitive.called_ae_title = called
    maximum, implementation, version = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        ImplementationVersionNameNotification(),
    )
    maximum.maximum_length_received = length
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    items: list[_Item] = [maximum, implementation, version]
    for uid, (scu, scp) in roles.items():
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid = UID(uid)
        role.scu_role, role.scp_role = scu, scp
        items.append(role)
    for uid, information in (extended or {}).items():
        extension = SOPClassExtendedNegotiation()
        extension.sop_class_uid = UID(uid)
        extension.service_class_application_information = information
        items.append(extension)
    primitive.user_information = items  # type: ignore[assignment]
    return primitive


def _roles(items: Iterable[object]) -> dict[str, tuple[bool, bool]]:
    return {
        str(item.sop_class_uid): (bool(item.scu_role), bool(item.scp_role))
        for item in items
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
    }


def _extended(items: Iterable[object]) -> dict[str, bytes]:
    return {
        str(item.sop_class_uid): item.service_class_application_information or b""
        for item in items
        if isinstance(item, SOPClassExtendedNegotiation)
    }
