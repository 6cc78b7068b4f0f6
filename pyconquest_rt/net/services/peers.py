"""Peers by AE title: Conquest's ``acrnema.map``, and the entries of its ``dicom.ini`` that matter here.

An entry whose title ends in ``*`` stands for all titles that begin so, in any case; a ``*`` at the end of its
host or port is then replaced by the rest of the title, as Conquest does it.
"""

import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.net.protocol import tls
from pyconquest_rt.settings.sections import ListenerSettings, PeerSettings, ReceiveSettings, Settings

_COMMENT: Final = re.compile(r"/\*.*?\*/|(?<!\S)(?:#|//)[^\n]*", re.DOTALL)
_MAX_PORT: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity and where it listens.

    `compression` is Conquest's code, ``un`` for none; `tls` the context in which it is spoken to.
    """

    aet: str
    host: str
    port: int
    compression: str = "un"
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    title: str
    host: str
    port: str
    compression: str = "un"
    tls: ssl.SSLContext | None = None

    def peer(self, title: str) -> Peer:
        rest = title[len(self.title) - 1 :]
        host, port = (text[:-1] + rest if text.endswith("*") else text for text in (self.host, self.port))
        if not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
            raise SettingsError(f"The entry of {self.title} gives {title} the port {port!r}, which is none.")
        return Peer(title, host, int(port), self.compression, self.tls)


class Peers:
    """Who is known: a list of peers, searched by AE title."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._entries = [
            _Entry(peer.aet, peer.host, str(peer.port), peer.compression, peer.tls) for peer in peers
        ]

    @classmethod
    def parse(cls, text: str, source: str = "acrnema.map") -> "Peers":
        """Read the text of an acrnema.map: title, host, port and optionally compression, one entry a line.

        Raises SettingsError with the line that cannot be used.
        """
        peers = cls()
        plain = _COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), text)
        for number, line in enumerate(plain.splitlines(), 1):
            words = line.split()
            if not words:
                continue
            wild = words[0].endswith("*")
            if len(words) < 3 or not re.fullmatch(r"\d*\*" if wild and "*" in words[2] else r"\d+", words[2]):
                raise SettingsError(
                    f"{source}, line {number}: expected title, host and port, found {line.strip()!r}"
                )
            peers._entries.append(_Entry(words[0], words[1], words[2], words[3] if len(words) > 3 else "un"))
        return peers

    @classmethod
    def read(cls, path: str | Path) -> "Peers":
        """Read an acrnema.map from disk. Raises SettingsError."""
        try:
            text = Path(path).read_text("utf-8", "replace")
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
        return cls.parse(text, str(path))

    def __add__(self, other: "Peers") -> "Peers":
        both = Peers()
        both._entries = [*self._entries, *other._entries]
        return both

    def find(self, aet: str) -> Peer | None:
        """Return the peer of an AE title, or None: first entries as they stand, then whatever their case."""
        title = aet.strip()
        for entry in self._entries:
            stem = entry.title[:-1]
            if entry.title == title:
                return entry.peer(title)
            if entry.title.endswith("*") and title.lower().startswith(stem.lower()):
                return entry.peer(title)
        return next(
            (entry.peer(title) for entry in self._entries if entry.title.lower() == title.lower()), None
        )

    def __iter__(self) -> Iterator[Peer]:
        """Yield the peers that are given in full, without wild cards."""
        return (entry.peer(entry.title) for entry in self._entries if not entry.title.endswith("*"))

    def pairs(self) -> list[tuple[str, str]]:
        """Return title and network address of every peer that is given in full, for an access list.

        Host names are looked up now; one that nobody knows is left out.
        """
        found = []
        for peer in self:
            with suppress(OSError, UnicodeError):
                addresses = {str(info[4][0]) for info in socket.getaddrinfo(peer.host, None)}
                found += [(peer.aet, address.partition("%")[0]) for address in sorted(addresses)]
        return found


def known_peers(settings: Settings) -> Peers:
    """Return the peers that the settings name, and after them those of the acrnema.map, if there is one.

    Raises SettingsError if a certificate, or the map, cannot be used.
    """
    named = Peers(_peer(aet, peer, settings.own_identity) for aet, peer in settings.peers.items())
    name = settings.receive.peers
    if Path(name).is_file():
        return named + Peers.read(name)
    if name not in ("", ReceiveSettings().peers):
        raise SettingsError(f"{name}: there is no such file of peers; see [receive] peers")
    return named


def _peer(aet: str, settings: PeerSettings, own: ListenerSettings) -> Peer:
    """Return a peer of the settings; the own certificate and authorities hold where it has none."""
    context = None
    if settings.tls:
        holder = settings if settings.tls_certificate else own
        context = tls.client_context(
            holder.tls_certificate,
            holder.tls_key,
            settings.tls_ca or own.tls_ca,
            check_host=settings.tls_check_host,
        )
    return Peer(aet, settings.host, settings.port, tls=context)
