"""The parts of a multipart/related answer (RFC 2387), written to files as they come."""

from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Final

from pyconquest_rt.sources.http import NotDicomError

_MAX_HEADER: Final = 64 << 10
_CUT: Final = "the answer was cut off"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names. Raises NotDicomError for one that is not multipart."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/related" or not isinstance(boundary, str) or not boundary:
        raise NotDicomError(
            f"the answer is {message.get_content_type()} in place of multipart/related; is it a page to sign in?"
        )
    return boundary.encode()


def write_parts(chunks: Iterable[bytes], boundary: bytes, folder: Path) -> Iterator[Path]:
    """Write each part's content to a file of its own and yield it; at most one chunk is in memory beyond a border.

    Raises:
        ValueError: the answer ends before its last border.
    """
    border = b"\r\n--" + boundary
    reader = _Reader(chunks, b"\r\n")
    reader.skip_past(border)
    number = 0
    while not reader.begins_with(b"--"):
        reader.skip_past(b"\r\n\r\n", _MAX_HEADER)
        path = folder / f"{number}.dcm"
        with path.open("wb") as file:
            for piece in reader.until(border):
                file.write(piece)
        yield path
        number += 1


class _Reader:
    """Bytes that come in chunks, searched for marks that may lie across two of them."""

    def __init__(self, chunks: Iterable[bytes], first: bytes) -> None:
        self._chunks = iter(chunks)
        self._held = first

    def _more(self) -> None:
        try:
            self._held += next(self._chunks)
        except StopIteration:
            raise ValueError(_CUT) from None

    def begins_with(self, mark: bytes) -> bool:
        while len(self._held) < len(mark):
            self._more()
        return self._held.startswith(mark)

    def skip_past(self, mark: bytes, limit: int = _MAX_HEADER) -> None:
        skipped = 0
        for piece in self.until(mark):
            skipped += len(piece)
            if skipped > limit:
                raise ValueError("the answer is no multipart message")

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Yield what comes before a mark, and pass the mark."""
        while (place := self._held.find(mark)) < 0:
            keep = len(mark) - 1
            if len(self._held) > keep:
                yield self._held[:-keep]
                self._held = self._held[-keep:]
            self._more()
        yield self._held[:place]
        self._held = self._held[place + len(mark) :]
