"""The storage user: files to C-STORE requests over one or several associations (DICOM PS3.4 Annex B).

A file's bytes go out as they are on disk whenever the peer accepts the stored transfer syntax, but for values of odd
length, which are padded. While the peer works on one object, the next is opened and read.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from pydicom.uid import UID

from pyconquest_rt.dicom.elements import Source
from pyconquest_rt.dicom.padding import Edit, edited, paddings
from pyconquest_rt.dicom.part10 import DEFLATED, FileSource, read_prefix
from pyconquest_rt.errors import NetworkError, UnreadableError
from pyconquest_rt.net.protocol.association import Association
from pyconquest_rt.net.protocol.dimse import (
    C_CANCEL_RQ,
    C_STORE_RQ,
    DATA_SET_PRESENT,
    RESPONSE,
    SUCCESS,
    Command,
    is_warning,
    status_text,
)
from pyconquest_rt.net.protocol.negotiation import MAX_CONTEXTS, Context, Proposal
from pyconquest_rt.net.protocol.wire import Buffer
from pyconquest_rt.net.services.stored import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    StoredObject,
    read_stored_object,
)
from pyconquest_rt.net.services.transcode import encode_as

BLOCK_BYTES: Final = 1 << 20
RESPONSE_SECONDS: Final = 300.0
_STOPPED_SECONDS: Final = 10.0
_TICK_SECONDS: Final = 1.0
_MEDIUM_PRIORITY: Final = 0
_TARGETS: Final = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
"""The transfer syntaxes into which an object is brought whose own the peer refuses."""
_MAX_BARREN_ASSOCIATIONS: Final = 3

Progress = Callable[[Path, str | None], None]
"""Called once for each file that is done with, with None or the reason of its failure."""
Connect = Callable[[list[Proposal]], Association]


@dataclass(slots=True)
class SendResult:
    """What became of the files of one call."""

    sent: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)
    warnings: list[tuple[Path, str]] = field(default_factory=list)
    """Files that the peer stored with a reservation; they count as sent."""
    lost: set[Path] = field(default_factory=set)
    """Those of the failed that were not tried, since the sending was given up."""
    gave_up: str = ""
    """Why it was given up, if it was: no association was to be had, or several in turn carried nothing."""
    bytes: int = 0
    """Bytes of the data sets sent."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every file was sent."""
        return not self.failed


class Prepared(NamedTuple):
    """An object ready to go: its context, its size, and its bytes in blocks."""

    stored: StoredObject
    context: Context
    size: int
    blocks: Iterator[Buffer]


def proposals_for(stored: Iterable[StoredObject]) -> list[Proposal]:
    """Return the presentation contexts that objects need: each stored syntax, and uncompressed ones.

    Every context holds one transfer syntax only, so that it is the sender who chooses among the accepted.
    """
    pairs = dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in stored)
    for sop_class, _ in list(pairs):
        pairs[sop_class, EXPLICIT_LITTLE] = None
        pairs[sop_class, IMPLICIT_LITTLE] = None
    return [Proposal(sop_class, (syntax,)) for sop_class, syntax in pairs]


def batches(stored: Iterable[StoredObject]) -> list[list[StoredObject]]:
    """Part objects into groups whose presentation contexts fit one association each, in the given order."""
    groups: list[tuple[set[tuple[str, str]], list[StoredObject]]] = []
    for item in stored:
        syntaxes = (item.transfer_syntax_uid, EXPLICIT_LITTLE, IMPLICIT_LITTLE)
        needed = {(item.sop_class_uid, syntax) for syntax in syntaxes}
        group = next((g for g in groups if needed <= g[0] or len(needed | g[0]) <= MAX_CONTEXTS), None)
        if group is None:
            group = (set(), [])
            groups.append(group)
        group[0].update(needed)
        group[1].append(item)
    return [members for _, members in groups]


class StoreUser:
    """Sends stored objects over one association, one at a time."""

    def __init__(
        self,
        association: Association,
        originator: tuple[str, int] | None = None,
        answer_seconds: float = RESPONSE_SECONDS,
    ) -> None:
        """Use `association`.

        `originator`: AE title and message ID of the C-MOVE behind it, if any; `answer_seconds`: how long the peer may
        take to answer once it has an object.
        """
        self._association = association
        self._originator = originator
        self._answer_seconds = answer_seconds
        self.cancelled = False
        self._buffers = deque((bytearray(BLOCK_BYTES), bytearray(BLOCK_BYTES)))

    def prepare(self, stored: StoredObject) -> Prepared:
        """Choose the context and read the first block; two objects may be prepared at a time.

        Raises UnreadableError if the file cannot be read, or not be brought into a syntax the peer takes.
        """
        context = self._association.find_context(stored.sop_class_uid, stored.transfer_syntax_uid)
        if context is None:
            return self._prepare_transcoded(stored)
        self._buffers.rotate()
        padding = stored.size % 2 if stored.transfer_syntax_uid == DEFLATED else 0  # PS3.5 section A.5
        others = _read_blocks(stored, self._buffers[0], padding)
        first = next(others)
        blocks: Iterator[Buffer] = chain((first,), others)
        size = stored.size + padding
        if edits := _paddings(stored, first):
            blocks = _joined(edited(blocks, stored.offset, edits))
            size += sum(len(edit.data) - edit.drop for edit in edits)
        return Prepared(stored, context, size, blocks)

    def _prepare_transcoded(self, stored: StoredObject) -> Prepared:
        for syntax in _TARGETS:
            context = self._association.find_context(stored.sop_class_uid, syntax)
            if context is not None:
                data = encode_as(stored, syntax)
                return Prepared(stored, context, len(data), iter((data,)))
        raise UnreadableError(
            f"The peer takes no {UID(stored.sop_class_uid).name} in {UID(stored.transfer_syntax_uid).name}, "
            "nor uncompressed."
        )

    def request(self, prepared: Prepared) -> None:
        """Send the C-STORE request. Raises NetworkError or UnreadableError: the association is lost then."""
        command = Command(
            AffectedSOPClassUID=prepared.stored.sop_class_uid,
            CommandField=C_STORE_RQ,
            MessageID=self._association.next_message_id(),
            Priority=_MEDIUM_PRIORITY,
            CommandDataSetType=DATA_SET_PRESENT,
            AffectedSOPInstanceUID=prepared.stored.sop_instance_uid,
        )
        if self._originator is not None:
            command["MoveOriginatorApplicationEntityTitle"], command["MoveOriginatorMessageID"] = (
                self._originator
            )
        self._association.send_blocks(prepared.context, command, prepared.blocks, prepared.size)

    def response(self, stopped: Callable[[], bool]) -> tuple[int, str]:
        """Wait for the answer to the last request; return its status and error comment.

        A C-CANCEL that comes before it, as it may during a C-GET, sets `cancelled`. Once `stopped` says so, the
        peer has a few seconds left.
        """
        self._await(stopped)
        while (message := self._association.receive(self._answer_seconds)) is not None:
            operation = message.command.number("CommandField")
            if operation == C_STORE_RQ | RESPONSE:
                return message.command.number("Status"), str(message.command.get("ErrorComment", ""))
            if operation != C_CANCEL_RQ:
                break
            self.cancelled = True
        raise NetworkError(
            "The peer ended the association, or spoke of something else, in place of answering."
        )

    def _await(self, stopped: Callable[[], bool]) -> None:
        """Wait until an answer begins to arrive. Raises NetworkError if none does in time."""
        began, latest = time.monotonic(), self._answer_seconds
        while not self._association.begins(_TICK_SECONDS):
            waited = time.monotonic() - began
            if latest == self._answer_seconds and stopped():
                latest = min(latest, waited + _STOPPED_SECONDS)
            if waited > latest:
                raise NetworkError(f"The peer did not answer within {waited:.0f} seconds.")

    def send(self, queue: deque[StoredObject], tally: "Tally") -> None:
        """Send from `queue` until it is empty or the tally says to stop.

        Raises NetworkError or UnreadableError when the association breaks; the object that was on its way
        counts as failed then, and the others are still in the queue.
        """
        upcoming = self._next(queue, tally)
        while upcoming is not None:
            current, upcoming = upcoming, None
            try:
                self.request(current)
                upcoming = self._next(queue, tally)
                status, comment = self.response(tally.stopped)
            except (NetworkError, UnreadableError) as error:
                tally.fail(current.stored.path, str(error))
                if upcoming is not None:
                    queue.appendleft(upcoming.stored)
                raise
            tally.count(current, status, comment)
            if upcoming is not None and tally.stopped():
                queue.appendleft(upcoming.stored)
                return

    def _next(self, queue: deque[StoredObject], tally: "Tally") -> Prepared | None:
        """Prepare the next object that can be; those that cannot are failed."""
        while not tally.stopped():
            try:
                stored = queue.popleft()
            except IndexError:
                break
            try:
                return self.prepare(stored)
            except UnreadableError as error:
                tally.fail(stored.path, str(error))
        return None


def _read_blocks(stored: StoredObject, buffer: bytearray, padding: int) -> Iterator[memoryview]:
    """Yield a file's data set through one buffer, and `padding` zeros; a block holds until the next is asked for."""
    view = memoryview(buffer)
    try:
        with stored.path.open("rb", buffering=0) as file:
            file.seek(stored.offset)
            left = stored.size
            while left and (count := file.readinto(view[: min(left, len(view))])):
                left -= count
                if padding and not left:
                    view[count] = 0
                    count += padding
                yield view[:count]
    except OSError as error:
        raise UnreadableError(f"{stored.path} cannot be read: {error.strerror}.") from error


class _Block(Source):
    """The bytes of an object as they were read to be sent, by their positions in the file."""

    __slots__ = ()

    def __init__(self, data: memoryview, start: int) -> None:
        super().__init__(b"")
        self.data, self.base, self.size = data, start, start + len(data)  # type: ignore[assignment]

    def read(self, start: int, stop: int) -> bytes:
        return bytes(super().read(start, stop))


def _paddings(stored: StoredObject, first: memoryview) -> list[Edit]:
    """Return what has to be padded of an object, whose first block was read.

    Nothing of one whose elements cannot be walked, or are deflated.
    """
    if stored.transfer_syntax_uid == DEFLATED:
        return []
    with suppress(UnreadableError):
        if len(first) == stored.size:
            return paddings(_Block(first, stored.offset), stored.offset, stored.encoding)
        with FileSource(read_prefix(stored.path)) as source:
            return paddings(source, stored.offset, stored.encoding)
    return []


def _joined(pieces: Iterable[Buffer]) -> Iterator[Buffer]:
    """Yield pieces of any length as blocks of one."""
    block = bytearray()
    for piece in pieces:
        block += piece
        while len(block) >= BLOCK_BYTES:
            yield bytes(block[:BLOCK_BYTES])
            del block[:BLOCK_BYTES]
    yield bytes(block)


class Tally:
    """The result of a call, shared by its threads."""

    def __init__(self, progress: Progress | None = None, stopped: Callable[[], bool] = lambda: False) -> None:
        self.result = SendResult()
        self.stopped = stopped
        self._progress = progress
        self._lock = threading.Lock()

    def fail(self, path: Path, reason: str) -> None:
        """Count a file as failed."""
        with self._lock:
            self.result.failed.append((path, reason))
            if self._progress is not None:
                self._progress(path, reason)

    def lose(self, path: Path, reason: str) -> None:
        """Count a file as failed that was not tried."""
        self.result.lost.add(path)
        self.fail(path, reason)

    def count(self, prepared: Prepared, status: int, comment: str) -> None:
        """Count a file by the peer's answer."""
        path = prepared.stored.path
        reason = f"{status_text(status)} {comment}".rstrip()
        if status != SUCCESS and not is_warning(status):
            self.fail(path, f"The peer answered {reason}.")
            return
        with self._lock:
            self.result.sent += 1
            self.result.bytes += prepared.size
            if status != SUCCESS:
                self.result.warnings.append((path, reason))
            if self._progress is not None:
                self._progress(path, None)


def send_all(
    paths: Iterable[str | Path],
    connect: Connect,
    *,
    parallel: int = 1,
    progress: Progress | None = None,
    originator: tuple[str, int] | None = None,
    answer_seconds: float = RESPONSE_SECONDS,
    stopped: Callable[[], bool] = lambda: False,
    instances: Mapping[Path, str] = MappingProxyType({}),
) -> SendResult:
    """Send files over associations that `connect` makes; see :func:`pyconquest_rt.scu.send_files`.

    `originator` is named in every request, and `answer_seconds` bounds each answer (see :class:`StoreUser`). When
    `stopped` says so, what has not been sent is left out of the result. `instances` says which object a file is to
    hold; one that holds another fails.
    """
    began = time.monotonic()
    tally = Tally(progress, stopped)
    for batch in batches(_readable(paths, tally, instances)):
        _Batch(batch, connect, tally, originator, answer_seconds).send(parallel)
    tally.result.seconds = time.monotonic() - began
    return tally.result


def _readable(
    paths: Iterable[str | Path], tally: Tally, instances: Mapping[Path, str]
) -> Iterator[StoredObject]:
    for path in paths:
        try:
            yield read_stored_object(path, instances.get(Path(path)))
        except UnreadableError as error:
            tally.fail(Path(path), str(error))


class _Batch:
    """Objects whose contexts fit one association, sent over one or several at a time."""

    def __init__(
        self,
        stored: list[StoredObject],
        connect: Connect,
        tally: Tally,
        originator: tuple[str, int] | None,
        answer_seconds: float,
    ) -> None:
        self._queue = deque(stored)
        self._proposals = proposals_for(stored)
        self._connect, self._tally, self._originator = connect, tally, originator
        self._answer_seconds = answer_seconds
        self._error = "not sent"

    def send(self, parallel: int) -> None:
        """Send all that can be sent; the rest has failed for the last error."""
        count = min(parallel, len(self._queue)) - 1
        others = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in others:
            thread.start()
        self._work()
        for thread in others:
            thread.join()
        if not self._tally.stopped():
            for stored in self._queue:
                self._tally.lose(stored.path, self._error)

    def _work(self) -> None:
        """Send from the queue over one association, and over a new one whenever it breaks.

        Gives up, and leaves the rest, when no association is to be had or several in turn carry nothing.
        """
        barren = 0
        while self._queue and barren < _MAX_BARREN_ASSOCIATIONS and not self._tally.stopped():
            before = self._tally.result.sent
            try:
                association = self._connect(self._proposals)
            except NetworkError as error:
                self._error = self._tally.result.gave_up = str(error)
                return
            try:
                StoreUser(association, self._originator, self._answer_seconds).send(self._queue, self._tally)
                association.release()
            except (NetworkError, UnreadableError) as error:
                self._error = str(error)
                association.abort()
            barren = barren + 1 if self._tally.result.sent == before else 0
        if barren == _MAX_BARREN_ASSOCIATIONS:
            self._tally.result.gave_up = self._error
