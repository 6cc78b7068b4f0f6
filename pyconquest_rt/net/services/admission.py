"""Who may do what here: the answer to an association request.

Storing and query/retrieve have lists of their own, since peers often store under one title and query under
another. What a peer may not do is refused context by context; who may do nothing is rejected.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from pydicom.uid import UID
from pynetdicom.service_class import NonPatientObjectStorageServiceClass, ServiceClass, StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.net.protocol.negotiation import (
    CALLED_AET_UNKNOWN,
    CALLING_AET_UNKNOWN,
    Acceptance,
    Context,
    Proposal,
    Rejection,
    Request,
)
from pyconquest_rt.net.services.stored import EXPLICIT_LITTLE, IMPLICIT_LITTLE, NATIVE

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
ANY: Final = "*"

_QUERY_EXTENSIONS: Final = bytes((1, 1, 0, 0, 0))
"""PS3.4 tables C.5.1-1 and C.5.2-1: relational, combined date-time, fuzzy names, time zones, enhanced frames."""
_STORAGE: Final = (ServiceClass, StorageServiceClass, NonPatientObjectStorageServiceClass)
_NO_FILE_SYNTAXES: Final = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.", "1.2.840.10008.1.20")
"""MIME, XML, real-time video and Papyrus: nothing that can stand in a DICOM file."""


Network = IPv4Network | IPv6Network


class Access:
    """Callers by AE title and network address.

    Args:
        callers: pairs of a title (``*`` for any, ``LAB*`` for those that begin so) and an address
            (``192.0.2.7``), a network (``192.0.2.0/24``) or ``*``. Nobody else passes.

    Raises:
        SettingsError: an address is none.
    """

    def __init__(self, callers: Iterable[tuple[str, str]]) -> None:
        try:
            self._callers = [(title, _network(host)) for title, host in callers]
        except ValueError as error:
            raise SettingsError(
                f"{error}; expected a network address such as 192.0.2.7 or 192.0.2.0/24"
            ) from error

    def allows(self, title: str, host: str) -> bool:
        """Whether a caller passes."""
        try:
            address = ip_address(host.removeprefix("::ffff:").partition("%")[0])
        except ValueError:
            return False
        return any(
            _is_title(title, known) and (network is None or address in network)
            for known, network in self._callers
        )


def _network(host: str) -> Network | None:
    return None if host == ANY else ip_network(host, strict=False)


def _is_title(title: str, known: str) -> bool:
    return title.startswith(known[:-1]) if known.endswith(ANY) else title == known


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The rules of one listener. By default all may store, and this machine alone may query and retrieve."""

    check_called_aet: bool = False
    store: Access = field(default_factory=lambda: Access([(ANY, ANY)]))
    query: Access = field(default_factory=lambda: Access((ANY, network) for network in LOOPBACK))


@dataclass(frozen=True, slots=True)
class Rights:
    """What one caller may do."""

    store: bool
    query: bool


def rights_of(policy: AccessRules, title: str, host: str) -> Rights:
    """Return what a caller may do."""
    return Rights(policy.store.allows(title, host), policy.query.allows(title, host))


def is_storage(abstract_syntax: str) -> bool:
    """Whether objects of this class are stored: storage classes, and unknown and private ones."""
    return bool(abstract_syntax) and uid_to_service_class(abstract_syntax) in _STORAGE


def answer_request(
    request: Request, host: str, policy: AccessRules, aet: str, services: Collection[str]
) -> Acceptance | Rejection:
    """Decide on an association request; the maximum length is for the caller to set.

    `services` are the SOP classes beside storage and verification that are served here.
    """
    if policy.check_called_aet and request.called_aet != aet:
        return CALLED_AET_UNKNOWN
    rights = rights_of(policy, request.calling_aet, host)
    if not (rights.store or rights.query):
        return CALLING_AET_UNKNOWN
    contexts = {}
    for context_id, proposal in request.contexts.items():
        syntax = _grant(proposal, request, rights, services)
        if syntax is not None:
            contexts[context_id] = Context(context_id, proposal.abstract_syntax, syntax)
    granted = {context.abstract_syntax for context in contexts.values()} & set(services)
    extended = {uid: _extension(asked) for uid, asked in request.extended.items() if uid in granted}
    return Acceptance(0, contexts, extended)


def _extension(asked: bytes) -> bytes:
    """Grant of a query's extensions those that are served: relational queries, combined dates and times."""
    return bytes(bit & served for bit, served in zip(asked, _QUERY_EXTENSIONS, strict=False))


def _grant(proposal: Proposal, request: Request, rights: Rights, services: Collection[str]) -> str | None:
    """Return the transfer syntax in which a proposal is accepted, or None."""
    uid = proposal.abstract_syntax
    if uid == VERIFICATION or uid in services:
        offered = proposal.transfer_syntaxes if _may_use(uid, rights) else ()
        return next((syntax for syntax in (EXPLICIT_LITTLE, IMPLICIT_LITTLE) if syntax in offered), None)
    is_provider = request.roles.get(uid, (True, False))[1]
    may_move = rights.store or (rights.query and is_provider)
    if may_move and is_storage(uid):
        return choose_syntax(proposal.transfer_syntaxes, for_any=is_provider)
    return None


def _may_use(uid: str, rights: Rights) -> bool:
    """Whether a caller may use a service beside storage; who stores may ask whether it is kept."""
    return uid == VERIFICATION or rights.query or (rights.store and uid == STORAGE_COMMITMENT)


def choose_syntax(proposed: tuple[str, ...], *, for_any: bool = False) -> str | None:
    """Return the transfer syntax for objects: the first proposed, or of uncompressed ones the most useful.

    What a sender puts first is as a rule what it has stored, and nothing is re-encoded here. A peer that is to be
    sent objects (C-GET) may put first what it prefers; `for_any` is one into which any stored object can be brought.
    A syntax that PS3.6 does not list, which few can read later, is chosen only where nothing else is proposed.
    """
    usable = _usable(proposed)
    preferred: tuple[str, ...] = (EXPLICIT_LITTLE, IMPLICIT_LITTLE) if for_any else ()
    if usable and usable[0] in NATIVE:
        preferred = NATIVE
    return next((uid for uid in (*preferred, *usable) if uid in usable), None)


def _usable(proposed: Sequence[str]) -> list[str]:
    """Those of the proposed syntaxes that can stand in a file; of these the standard's, if there are any."""
    fit = [uid for uid in proposed if not uid.startswith(_NO_FILE_SYNTAXES)]
    return [uid for uid in fit if _is_standard(uid)] or fit


def _is_standard(transfer_syntax_uid: str) -> bool:
    """Whether PS3.6 table A-1 lists a transfer syntax."""
    return UID(transfer_syntax_uid).type == "Transfer Syntax"
