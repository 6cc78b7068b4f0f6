"""The bounds within which a peer is served."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer, and all peers together, may take of time, memory and disk.

    A peer in the middle of a message must bring `progress_bytes` for every `patience` seconds that are
    spent waiting for it; time that our own disk takes does not count.
    """

    associations: int = 64
    pending: int = 256
    negotiation_seconds: float = 10.0
    idle_seconds: float = 300.0
    patience: float = 12.0
    progress_bytes: int = 4096
    pdu_length: int = 131072
    negotiation_bytes: int = 1 << 20
    command_bytes: int = 1 << 16
    identifier_bytes: int = 8 << 20
    object_bytes: int = 16 << 30


DEFAULT_LIMITS = Limits()
