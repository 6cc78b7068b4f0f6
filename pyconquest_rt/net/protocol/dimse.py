"""DIMSE command sets as dictionaries of keyword and value, encoded and decoded by hand.

A command set is always Implicit VR Little Endian, its elements are few and all of group 0000
(DICOM PS3.7 section 6.3 and Annex E), so one small table does for all messages.
"""

import struct
from collections.abc import Mapping
from typing import Final

from pyconquest_rt.errors import NetworkError

C_STORE_RQ: Final = 0x0001
C_GET_RQ: Final = 0x0010
C_FIND_RQ: Final = 0x0020
C_MOVE_RQ: Final = 0x0021
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
N_EVENT_REPORT_RQ: Final = 0x0100
N_ACTION_RQ: Final = 0x0130
RESPONSE: Final = 0x8000
"""A response's command field is its request's with this bit set (PS3.7 table E.1-1)."""

NO_DATA_SET: Final = 0x0101
DATA_SET_PRESENT: Final = 0x0001

SUCCESS: Final = 0x0000
PENDING: Final = 0xFF00
PENDING_OPTIONAL_KEYS_UNSUPPORTED: Final = 0xFF01
CANCELLED: Final = 0xFE00
OUT_OF_RESOURCES: Final = 0xA700
SUBOPERATIONS_FAILED: Final = 0xB000
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
IDENTIFIER_MISMATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
PROCESSING_FAILURE: Final = 0x0110
NOT_AUTHORIZED: Final = 0x0124
UNRECOGNIZED_OPERATION: Final = 0x0211

_ELEMENTS: Final[dict[str, tuple[int, str]]] = {
    "AffectedSOPClassUID": (0x0002, "UI"),
    "RequestedSOPClassUID": (0x0003, "UI"),
    "CommandField": (0x0100, "US"),
    "MessageID": (0x0110, "US"),
    "MessageIDBeingRespondedTo": (0x0120, "US"),
    "MoveDestination": (0x0600, "AE"),
    "Priority": (0x0700, "US"),
    "CommandDataSetType": (0x0800, "US"),
    "Status": (0x0900, "US"),
    "ErrorComment": (0x0902, "LO"),
    "ErrorID": (0x0903, "US"),
    "AffectedSOPInstanceUID": (0x1000, "UI"),
    "RequestedSOPInstanceUID": (0x1001, "UI"),
    "EventTypeID": (0x1002, "US"),
    "ActionTypeID": (0x1008, "US"),
    "NumberOfRemainingSuboperations": (0x1020, "US"),
    "NumberOfCompletedSuboperations": (0x1021, "US"),
    "NumberOfFailedSuboperations": (0x1022, "US"),
    "NumberOfWarningSuboperations": (0x1023, "US"),
    "MoveOriginatorApplicationEntityTitle": (0x1030, "AE"),
    "MoveOriginatorMessageID": (0x1031, "US"),
}
_KEYWORDS: Final = {number: (keyword, vr) for keyword, (number, vr) in _ELEMENTS.items()}
_HEADER: Final = struct.Struct("<HHI")
_US: Final = struct.Struct("<H")


class Command(dict[str, int | str]):
    """A command set: element keyword to value; US as int, UI, AE and LO as str."""

    def number(self, keyword: str) -> int:
        """Return a value that must be there and be a number, or raise NetworkError."""
        value = self.get(keyword)
        if not isinstance(value, int):
            raise NetworkError(f"The DIMSE command has no usable {keyword}; it breaks PS3.7 section 9.3.")
        return value

    def text(self, keyword: str) -> str:
        """Return a value that must be there and be a text, or raise NetworkError."""
        value = self.get(keyword)
        if not isinstance(value, str) or not value:
            raise NetworkError(f"The DIMSE command has no usable {keyword}; it breaks PS3.7 section 9.3.")
        return value

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows this command (PS3.7 section 9.3.1.1, CommandDataSetType)."""
        return self.number("CommandDataSetType") != NO_DATA_SET

    def answer(self, status: int, **values: int | str) -> "Command":
        """Return the response to this request, without a data set unless `values` say otherwise."""
        response = Command(
            CommandField=self.number("CommandField") | RESPONSE,
            MessageIDBeingRespondedTo=self.number("MessageID"),
            CommandDataSetType=NO_DATA_SET,
            Status=status,
        )
        for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID"):
            if keyword in self:
                response[keyword] = self[keyword]
        response.update(values)
        return response


def encode_command(command: Mapping[str, int | str]) -> bytes:
    """Encode a command set with its group length; elements in the order of their tags.

    Raises KeyError for a keyword that no DIMSE message of this package uses.
    """
    body = bytearray()
    for number, vr, value in sorted((*_ELEMENTS[keyword], value) for keyword, value in command.items()):
        data = _US.pack(value) if isinstance(value, int) else _encode_text(value, vr)
        body += _HEADER.pack(0, number, len(data)) + data
    return _HEADER.pack(0, 0, 4) + struct.pack("<I", len(body)) + bytes(body)


def _encode_text(value: str, vr: str) -> bytes:
    data = value.encode("ascii", "replace")
    if vr == "LO":
        data = data.replace(b"\\", b"/")[:64]
    return data if len(data) % 2 == 0 else data + (b"\0" if vr == "UI" else b" ")


def decode_command(data: bytes) -> Command:
    """Decode a command set; elements that no message here uses are passed over.

    Raises NetworkError where the lengths contradict the bytes.
    """
    command = Command()
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise NetworkError("A DIMSE command set ends in the middle of an element.")
        group, number, length = _HEADER.unpack_from(data, position)
        position += 8
        if group != 0 or position + length > len(data):
            raise NetworkError(
                f"A DIMSE command set holds ({group:04X},{number:04X}) with {length} bytes, which cannot be."
            )
        if number in _KEYWORDS:
            keyword, vr = _KEYWORDS[number]
            value = _decode(data[position : position + length], vr)
            if value is not None:
                command[keyword] = value
        position += length
    return command


def _decode(data: bytes, vr: str) -> int | str | None:
    if vr == "US":
        return int(_US.unpack(data)[0]) if len(data) == 2 else None
    return data.decode("ascii", "replace").strip(" \0")


_STATUS_TEXT: Final = {
    0x0000: "success",
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such object instance",
    0x0115: "invalid argument value",
    0x0117: "invalid object instance",
    0x0118: "no such SOP class",
    0x0119: "class-instance conflict",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    0xA801: "move destination unknown",
    0xFE00: "cancelled",
}
_STATUS_FAMILIES: Final = (
    (0xFF00, 0xA700, "out of resources"),
    (0xFF00, 0xA900, "data set does not match SOP class"),
    (0xF000, 0xC000, "cannot understand"),
    (0xF000, 0xB000, "warning"),
)


def status_text(status: int) -> str:
    """Say a status in words with its number, such as ``out of resources (0xA700)`` (PS3.7 Annex C, PS3.4)."""
    text = _STATUS_TEXT.get(status) or next(
        (words for mask, family, words in _STATUS_FAMILIES if status & mask == family), "failure"
    )
    return f"{text} (0x{status:04X})"


def is_warning(status: int) -> bool:
    """Whether an operation was done, with a reservation (PS3.7 Annex C.3)."""
    return status & 0xF000 == 0xB000 or status in (0x0001, 0x0107, 0x0116)
