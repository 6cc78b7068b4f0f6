"""What several of the network's tests need."""

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pydicom
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.sop_class import Verification

from pyconquest_rt.archive.contracts import Received
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.net.protocol.associate_pdus import encode_request
from pyconquest_rt.net.protocol.dimse import Command, decode_command, encode_command
from pyconquest_rt.net.protocol.negotiation import Proposal
from pyconquest_rt.net.services.stored import read_stored_object

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
"""DICOM files that come with pydicom."""


@dataclass
class Receiver:
    """A pynetdicom storage provider that keeps what it gets."""

    port: int
    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """SOPInstanceUID to transfer syntax and encoded data set."""
    count: int = 0
    associations: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    """Answers other than success, by SOPInstanceUID."""
    abort_on: set[str] = field(default_factory=set)


class FolderSink:
    """A sink that keeps objects in a folder, or raises what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.incoming = folder, folder / ".incoming"
        self.incoming.mkdir(parents=True)
        self.received: list[Received] = []
        self._numbers, self._files = count(), list[StagedFile]()
        self.error: Exception | None = None
        self.before_accepting: Callable[[], None] = lambda: None

    def stage(self, sop_instance_uid: str, sender: str = "") -> StagedFile:
        file = StagedFile(str(self.incoming / f"{next(self._numbers)}.tmp"))
        self._files.append(file)
        return file

    def accept(self, received: Received) -> None:
        self.before_accepting()
        if self.error is not None:
            raise self.error
        self.received.append(received)
        Path(received.file.name).replace(self.path(received.sop_instance_uid))

    def path(self, uid: str) -> Path:
        """Return where an object of this UID is kept."""
        return self.folder / f"{uid}.dcm"

    def count(self) -> int:
        """Return the number of objects kept."""
        return len(list(self.folder.glob("*.dcm")))

    def staged(self) -> list[StagedFile]:
        """Return the temporary files that are open."""
        return [file for file in self._files if not file.closed]


CT_AND_ECHO = ((CTImageStorage, ExplicitVRLittleEndian), (Verification, ImplicitVRLittleEndian))


class RawPeer:
    """A peer that sends whatever bytes a test likes."""

    def __init__(
        self, port: int, *, associate: bool = True, contexts: Sequence[tuple[str, str]] = CT_AND_ECHO
    ) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        if associate:
            proposals = [Proposal(abstract, (syntax,)) for abstract, syntax in contexts]
            self.send_pdu(1, encode_request("RAW", "ANY", proposals, 16382))
            assert self.read_pdu()[0] == 2

    def send_pdu(self, kind: int, body: bytes) -> None:
        self.sock.sendall(struct.pack(">BxI", kind, len(body)) + body)

    def send_values(self, *values: tuple[int, int, bytes]) -> None:
        """Send one P-DATA-TF of presentation data values: context ID, control byte, bytes."""
        self.send_pdu(4, b"".join(pdv(*value) for value in values))

    def read_pdu(self) -> tuple[int, bytes]:
        """Read a PDU; type 0 at the end of the connection."""
        header = self._read(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.sock.recv(count - len(data))
            except ConnectionResetError:
                return b""
            if not piece:
                return b""
            data += piece
        return data

    def read_status(self) -> int:
        """Read an answer and return its status."""
        kind, body = self.read_pdu()
        assert kind == 4
        return decode_command(body[6:]).number("Status")

    def ended(self) -> bool:
        """Whether the other side has ended the connection, after an A-ABORT or without."""
        kind, _ = self.read_pdu()
        return kind == 0 or (kind == 7 and self.read_pdu()[0] == 0)


def pdv(context_id: int, control: int, data: bytes) -> bytes:
    """Return one presentation data value with its header."""
    return struct.pack(">IBB", len(data) + 2, context_id, control) + data


def store_command(uid: str = "1.2.3", **values: int | str) -> bytes:
    """Return the command set of a C-STORE request for a CT image."""
    command = Command(
        AffectedSOPClassUID=CTImageStorage,
        CommandField=1,
        MessageID=1,
        Priority=0,
        CommandDataSetType=1,
        AffectedSOPInstanceUID=uid,
    )
    command.update(values)
    return encode_command(command)


def data_set_bytes(path: Path) -> bytes:
    """Return a file's data set as it goes over the network."""
    stored = read_stored_object(path)
    data = path.read_bytes()[stored.offset :]
    is_deflated = stored.transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    return data + b"\0" * (len(data) % 2) if is_deflated else data  # PS3.5 section A.5
