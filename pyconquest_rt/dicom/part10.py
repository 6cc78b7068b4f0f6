"""DICOM files: preamble, file meta information, transfer syntax (PS3.10 section 7), and bare data sets.

`read_prefix` reads the first bytes of a file; `begin` finds where its data set starts and how it is encoded.
The encoding is taken from the bytes themselves wherever they contradict the transfer syntax or there is none.
"""

import errno
import os
import stat
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from pyconquest_rt.dicom import system
from pyconquest_rt.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    ElementHeader,
    Encoding,
    Item,
    Source,
    end_of_value,
    read_header,
)
from pyconquest_rt.dicom.values import UNDEFINED_LENGTH, dictionary_vr, is_private
from pyconquest_rt.errors import DirectoryError, NotDicomError, UnreadableError

MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
TRANSFER_SYNTAX_UID = 0x00020010
DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"
DEFLATED = "1.2.840.10008.1.2.1.99"

PREFIX_BYTES = 16384
MAX_INFLATED = 4 << 20  #: of a deflated data set so many bytes are inflated at most, where its header is read
MAX_WHOLE = 1 << 28  #: a deflated object that is wanted whole, and inflates to more, is refused
MAX_ELEMENTS = 1 << 23  #: a header with more elements is refused
MAX_VALUE = 1 << 16  #: of one wanted value so many bytes are read at most

_UIDS = {
    IMPLICIT_LITTLE: "1.2.840.10008.1.2",
    EXPLICIT_LITTLE: "1.2.840.10008.1.2.1",
    EXPLICIT_BIG: "1.2.840.10008.1.2.2",
}
_CHUNK = 1 << 16
_WINDOWS = 4  # so many of a file are kept in memory
_LONGEST_HEADER = 12  # bytes of an element's header
_VISITS = 16  # so often a view may come by each element of a whole data set
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Prefix(NamedTuple):
    """The first bytes of a file, or a whole object in memory (then without a path)."""

    path: str | os.PathLike[str] | None
    size: int
    mtime_ns: int
    data: bytes


class Start(NamedTuple):
    """Where a data set starts and how it is encoded."""

    source: Source
    position: int
    encoding: Encoding
    transfer_syntax: str
    meta: "list[tuple[int, ElementHeader]]"  # group 0002, each element with its position
    is_whole: bool  # False where a deflated data set was inflated in part

    @property
    def first(self) -> int:
        """The position of the first element, be it of the file meta information or of the data set."""
        return self.meta[0][0] if self.meta else self.position


class FileSource(Source):
    """Bytes of a file by position: its prefix, later ones in windows that are read where needed.

    Long values are thereby passed over unread; the last few windows are kept for those who go back. Use as a
    context manager, which closes the file and turns its
    OSErrors into UnreadableErrors; the file is opened only when the prefix does not suffice.
    """

    __slots__ = ("_descriptor", "_prefix", "_windows")

    def __init__(self, prefix: Prefix) -> None:
        super().__init__(prefix.data)
        self.size = prefix.size
        self.budget = MAX_ELEMENTS
        self._prefix = prefix
        self._descriptor: int | None = None
        self._windows = deque([(0, prefix.data)], maxlen=_WINDOWS)

    def __enter__(self) -> "FileSource":
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if isinstance(error, OSError):
            raise UnreadableError(f"cannot be read: {error.strerror}") from error

    def load(self, position: int) -> None:
        if position < self.base or self.base + len(self.data) < self.size:
            known = self._window(position, min(position + _LONGEST_HEADER, self.size))
            if known is None:
                known = position, self._read_file(position, PREFIX_BYTES)
                self._windows.append(known)
            self.base, self.data = known

    def read(self, start: int, stop: int) -> bytes:
        if self.base <= start and stop <= self.base + len(self.data):
            return self.data[start - self.base : stop - self.base]
        known = self._window(start, stop)
        if known is None:
            return self._read_file(start, stop - start)
        base, data = known
        return data[start - base : stop - base]

    def _window(self, start: int, stop: int) -> tuple[int, bytes] | None:
        """One that holds the bytes from start to stop."""
        return next(
            ((base, data) for base, data in self._windows if base <= start and stop <= base + len(data)), None
        )

    def _read_file(self, position: int, count: int) -> bytes:
        if self._prefix.path is None or position >= self.size:
            return b""
        if self._descriptor is None:
            self._descriptor = os.open(self._prefix.path, _OPEN_FLAGS)
            found = os.fstat(self._descriptor)
            if (found.st_size, found.st_mtime_ns) != (self._prefix.size, self._prefix.mtime_ns):
                raise OSError(errno.ESTALE, "the file was changed meanwhile")
        os.lseek(self._descriptor, position, os.SEEK_SET)
        return os.read(self._descriptor, count)


def read_prefix(path: str | os.PathLike[str], count: int = PREFIX_BYTES) -> Prefix:
    """Read a file's first 16 KB, its size and its time of change; all the input that most headers need.

    Raises:
        UnreadableError: it cannot be opened or read, or is not a regular file.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError("not a regular file")
            return Prefix(path, found.st_size, found.st_mtime_ns, os.read(descriptor, count))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error


def announce(path: str | os.PathLike[str]) -> None:
    """Ask the system to fetch what `read_prefix` will read, without waiting for it (POSIX)."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, UnicodeEncodeError):
        return  # read_prefix says why
    try:
        system.announce(descriptor, PREFIX_BYTES)
    finally:
        os.close(descriptor)


def begin(source: Source, transfer_syntax: str | None = None, max_inflated: int | None = None) -> Start:
    """Find the data set: behind preamble and file meta information, behind the latter alone, or bare.

    With a transfer syntax given the source is a bare data set. Of a deflated one ``max_inflated`` bytes are
    there at most (None: MAX_INFLATED).

    Raises:
        DirectoryError: this is a DICOMDIR.
        UnreadableError: this is not DICOM, or a deflated data set cannot be inflated.
    """
    position, is_whole = 0, True
    meta: list[tuple[int, ElementHeader]] = []
    if transfer_syntax is None:
        position = _start_of_meta(source)
        position, meta = _read_meta(source, position)
        if _meta_text(source, meta, MEDIA_STORAGE_SOP_CLASS_UID) == DIRECTORY_STORAGE:
            raise DirectoryError("a DICOMDIR, the directory of a medium; it holds no object")
        transfer_syntax = _meta_text(source, meta, TRANSFER_SYNTAX_UID)
    if transfer_syntax == DEFLATED:
        room = MAX_INFLATED if max_inflated is None else max_inflated
        source, position = Source(_inflate(source, position, room)), 0
        is_whole = source.size < room
        source.budget = MAX_ELEMENTS
    encoding = _encoding_at(source, position)
    if encoding is None:
        raise UnreadableError("no data set follows the file meta information")
    return Start(source, position, encoding, transfer_syntax or _UIDS[encoding], meta, is_whole)


def data_set_start(source: Source) -> tuple[int, str | None]:
    """Return where the data set starts, deflated or not, and the transfer syntax that the file states.

    Raises:
        UnreadableError: this is not DICOM.
    """
    position, meta = _read_meta(source, _start_of_meta(source))
    return position, _meta_text(source, meta, TRANSFER_SYNTAX_UID)


def whole_object(source: Source) -> Start:
    """Find the data set of an object that is wanted whole; a deflated one is inflated, up to MAX_WHOLE.

    Raises:
        UnreadableError: this is not DICOM, or inflates to MAX_WHOLE or more.
    """
    start = begin(source, max_inflated=MAX_WHOLE)
    if not start.is_whole:
        raise UnreadableError(f"the deflated data set has {MAX_WHOLE} bytes or more when it is inflated")
    start.source.budget = _VISITS * MAX_ELEMENTS
    return start


def view_of(start: Start) -> Item:
    """View the whole data set that was found."""
    return Item(start.source, start.position, start.source.size, start.encoding)


def _start_of_meta(source: Source) -> int:
    """The position of the first element, be it of the file meta information or of a bare data set."""
    data = source.data
    if data[128:132] == b"DICM":
        return 132
    if not data:
        raise NotDicomError("not a DICOM file: it is empty")
    if data[:4] == b"DICM":  # the preamble was cut away
        return 4
    if _is_meta(source):
        return 0
    position = _after_command(source)
    if position < source.size and _is_plausible(source, position):
        return position
    raise NotDicomError("not a DICOM file: no letters DICM at byte 128, no data set at its start")


def _is_meta(source: Source) -> bool:
    """Whether file meta information stands at the very start, in explicit VR or (as Conquest writes it) in implicit."""
    if source.data[:2] != b"\2\0" or source.size < 8:
        return False
    header = read_header(source, 0, EXPLICIT_LITTLE)
    return dictionary_vr(header[0]) != "UN" and header[2] + header[3] <= source.size


def _after_command(source: Source) -> int:
    """Where group 0000 ends, if a message was dumped with its command set, which is implicit (PS3.7 section 6.3.1)."""
    position = previous = 0
    with suppress(UnreadableError):
        while position + 8 <= source.size:
            header = read_header(source, position, IMPLICIT_LITTLE)
            if header[0] >> 16 or (position and header[0] <= previous) or dictionary_vr(header[0]) == "UN":
                break
            _, position = end_of_value(source, header, source.size, IMPLICIT_LITTLE)
            previous = header[0]
    return position


def _is_plausible(source: Source, position: int) -> bool:
    """Whether a bare data set starts at a position: known elements that ascend, of which two are in group 0008.

    Before these there may be private elements; one element will do where the data end with it.
    """
    encoding = _encoding_at(source, position)
    if encoding is None:
        return False
    previous, known = 0, 0
    try:
        while known < 2 and position < source.size:
            header = read_header(source, position, encoding)
            if header[0] <= previous or not _is_possible(header, encoding):
                return False
            _, position = end_of_value(source, header, source.size, encoding)
            previous = header[0]
            known += previous >> 16 == 8
    except UnreadableError:
        return False
    return known > 0


def _is_possible(header: ElementHeader, encoding: Encoding) -> bool:
    """Whether an element may stand before or at the beginning of group 0008."""
    tag, vr, _, length = header
    has_vr = encoding.implicit or vr is not None
    if is_private(tag):
        return tag >> 16 < 8 and has_vr and length <= MAX_VALUE
    return has_vr and tag >> 16 in (4, 8) and dictionary_vr(tag) != "UN" and length != UNDEFINED_LENGTH


def _read_meta(source: Source, position: int) -> tuple[int, list[tuple[int, ElementHeader]]]:
    """Walk group 0002, which is always explicit little endian; returns where it ends and its elements."""
    meta = []
    while position + 8 <= source.size:
        header = read_header(source, position, EXPLICIT_LITTLE)
        if header[0] >> 16 != 2:
            break
        meta.append((position, header))
        _, position = end_of_value(source, header, source.size, EXPLICIT_LITTLE)
    return position, meta


def _meta_text(source: Source, meta: list[tuple[int, ElementHeader]], wanted: int) -> str | None:
    for _, (tag, _, start, length) in meta:
        if tag == wanted:
            return source.read(start, start + min(length, 128)).decode("latin-1").strip("\0 ") or None
    return None


def _encoding_at(source: Source, position: int) -> Encoding | None:
    """The encoding of the data set that starts at a position, by the look of its first element.

    A data set starts with a group below 0100, so its first byte is zero only if it is big endian; an explicit
    encoding shows the two capital letters of a VR (as in an implicit one only a value of > 16 KB would).
    """
    first = source.read(position, position + 8)
    if len(first) < 8:
        return None
    explicit = first[4:6].isalpha() and first[4:6].isupper()
    if explicit and first[0] == 0 and first[1] != 0:
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE


def _inflate(source: Source, position: int, room: int) -> bytes:
    """The first bytes of a deflated data set, never more than there is room for."""
    parts: list[bytes] = []
    try:
        for piece in _inflated(source, position):
            parts.append(piece[:room])
            room -= len(parts[-1])
            if room <= 0:
                break
    except zlib.error as error:
        if not parts:
            raise UnreadableError(f"the deflated data set cannot be inflated: {error}") from error
    return b"".join(parts)


def _inflated(source: Source, position: int) -> Iterator[bytes]:
    """Inflate a deflated data set (PS3.5 section A.5) in pieces of bounded size. Raises zlib.error."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while position < source.size and not inflater.eof:
        chunk = source.read(position, min(position + _CHUNK, source.size))
        if not chunk:
            return
        position += len(chunk)
        while chunk and not inflater.eof:
            yield inflater.decompress(chunk, _CHUNK)
            chunk = inflater.unconsumed_tail


def check_inflated(path: str | os.PathLike[str]) -> None:
    """Inflate the data set of a deflated file to nowhere.

    Raises:
        UnreadableError: it cannot be inflated, or has more than MAX_WHOLE bytes then.
    """
    with FileSource(read_prefix(path)) as source:
        position, _ = _read_meta(source, _start_of_meta(source))
        room = MAX_WHOLE
        try:
            for piece in _inflated(source, position):
                room -= len(piece)
                if room < 0:
                    raise UnreadableError(f"the data set inflates to more than {MAX_WHOLE} bytes")
        except zlib.error as error:
            raise UnreadableError(f"the deflated data set cannot be inflated: {error}") from error
