"""The archive that foreign programs meet, and a receiver that it may move objects to."""

import socket
import threading
from contextlib import ExitStack
from pathlib import Path

from clients import SERVER
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    ListenerSettings,
    ReceiveSettings,
    Settings,
)


def settings_of(folder: Path, peers: dict[str, int]) -> Settings:
    """Return the settings of an archive in a folder that knows some peers by title and port."""
    folder.mkdir(exist_ok=True)
    known = folder / "acrnema.map"
    known.write_text("".join(f"{title} 127.0.0.1 {port} un\n" for title, port in peers.items()))
    return Settings(
        archive=ArchiveSettings(str(folder / "data"), str(folder / "a.db"), str(folder / "none.sql")),
        listener=ListenerSettings(port=0, ae_title=SERVER, check_called=True),
        receive=ReceiveSettings(peers=str(known)),
        derive=DeriveSettings(workers=0),
    )


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


class Receiver:
    """pynetdicom's storage provider, which writes what it gets into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.lock = threading.Lock()
        ae = AE("RECEIVER")
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        self._server = ae.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )
        self.port = int(self._server.server_address[1])

    def _store(self, event: evt.Event) -> int:
        path = self.folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0

    def empty(self) -> None:
        """Forget what was received."""
        for path in self.folder.iterdir():
            path.unlink()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
