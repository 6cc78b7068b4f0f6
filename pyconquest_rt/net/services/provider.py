"""What answers requests of peers about an archive has: its index, its AE title, and the peers it may turn to."""

import logging
from collections.abc import Sequence

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.net.protocol.association import Association, request_association
from pyconquest_rt.net.protocol.negotiation import Proposal
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peer, Peers

_LOG = logging.getLogger(__name__)


class Provider:
    """The base of services that turn to peers.

    Args:
        index: what requests are about.
        aet: the own AE title, also towards peers.
        peers: who is known.
    """

    def __init__(self, index: Index, aet: str, peers: Peers) -> None:
        self._index, self._aet, self._peers = index, aet, peers

    def find_peer(self, aet: str) -> Peer | None:
        """Return the peer of an AE title, or None for one that nobody knows."""
        try:
            return self._peers.find(aet)
        except SettingsError as error:
            _LOG.error("%s", error)
            return None

    def associate(self, peer: Peer, proposals: Sequence[Proposal]) -> Association:
        """Request an association with a peer, over TLS if it speaks that. Raises NetworkError."""
        return request_association(peer.host, peer.port, peer.aet, self._aet, proposals, tls=peer.tls)
