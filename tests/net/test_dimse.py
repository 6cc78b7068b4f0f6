"""Command sets against pynetdicom's, and against bytes of any kind."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode
from pynetdicom.pdu_primitives import P_DATA

from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.dimse import Command, decode_command, encode_command, status_text


def pynetdicom_command(message: C_STORE_RQ | C_STORE_RSP, primitive: C_STORE) -> bytes:
    message.primitive_to_message(primitive)
    pdata: P_DATA = next(message.encode_msg(1, 16382))
    ((_, value),) = pdata.presentation_data_value_list
    return value[1:]


def test_store_request_is_encoded_as_pynetdicom_does() -> None:
    primitive = C_STORE()
    primitive.MessageID = 7
    primitive.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    primitive.AffectedSOPInstanceUID = "1.2.3"
    primitive.Priority = 2
    primitive.MoveOriginatorApplicationEntityTitle = "MOVER"
    primitive.MoveOriginatorMessageID = 3
    primitive.DataSet = BytesIO(b"\0\0")
    expected = pynetdicom_command(C_STORE_RQ(), primitive)
    command = Command(
        AffectedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        CommandField=1,
        MessageID=7,
        Priority=2,
        CommandDataSetType=1,
        AffectedSOPInstanceUID="1.2.3",
        MoveOriginatorApplicationEntityTitle="MOVER",
        MoveOriginatorMessageID=3,
    )
    assert encode_command(command) == expected
    assert decode_command(expected) == command


def test_answer_is_what_pynetdicom_would_send() -> None:
    request = Command(
        AffectedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        CommandField=1,
        MessageID=9,
        CommandDataSetType=1,
        AffectedSOPInstanceUID="1.2.3.4",
    )
    primitive = C_STORE()
    primitive.MessageIDBeingRespondedTo = 9
    primitive.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    primitive.AffectedSOPInstanceUID = "1.2.3.4"
    primitive.Status = 0xA700
    encoded = encode_command(request.answer(0xA700))
    assert encoded == pynetdicom_command(C_STORE_RSP(), primitive)
    comment = decode(
        BytesIO(encode_command(request.answer(0xC000, ErrorComment="a\\b é"))), True, True
    ).ErrorComment
    assert comment == "a/b ?"


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        command = decode_command(data)
    except NetworkError:
        return
    assert all(isinstance(value, int | str) for value in command.values())


@given(st.dictionaries(st.sampled_from(["MessageID", "Status", "Priority"]), st.integers(0, 0xFFFF)))
def test_numbers_survive(values: dict[str, int]) -> None:
    assert decode_command(encode_command(values)) == values


def test_missing_values_are_named() -> None:
    with pytest.raises(NetworkError, match="Status"):
        Command(MessageID=1).number("Status")
    with pytest.raises(NetworkError, match="AffectedSOPClassUID"):
        Command(AffectedSOPClassUID="").text("AffectedSOPClassUID")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0xA701, "out of resources (0xA701)"),
        (0xC123, "cannot understand (0xC123)"),
        (0xA801, "move destination unknown (0xA801)"),
        (0x0001, "failure (0x0001)"),
    ],
)
def test_status_in_words(status: int, text: str) -> None:
    assert status_text(status) == text
