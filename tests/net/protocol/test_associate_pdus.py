"""Association requests as real systems send them, and answers to them."""

import struct
from collections.abc import Callable

import pytest
import samples
from network_helpers import FolderSink, RawPeer
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.protocol.associate_pdus import (
    decode_acceptance,
    decode_request,
    encode_acceptance,
    encode_request,
    rejection_text,
)
from pyconquest_rt.net.protocol.guard import Limits
from pyconquest_rt.net.protocol.negotiation import Acceptance, Context, Proposal
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo

CT = CTImageStorage.encode()
EXPLICIT = ExplicitVRLittleEndian.encode()
DICOM = b"1.2.840.10008.3.1.1.1"
USER = 0x50


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def context(context_id: int, abstract: bytes, *syntaxes: bytes) -> bytes:
    items = item(0x30, abstract) + b"".join(item(0x40, syntax) for syntax in syntaxes)
    return item(0x20, bytes((context_id, 0, 0, 0)) + items)


def body(
    *contexts: bytes,
    called: bytes = b"ARCHIVE",
    calling: bytes = b"RAW",
    padding: bytes = b" ",
    application: bytes = DICOM,
    version: int = 1,
    user: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """The body of an A-ASSOCIATE-RQ."""
    titles = called.ljust(16, padding) + calling.ljust(16, padding) + bytes(range(32))
    items = item(0x10, application) + b"".join(contexts or (context(1, CT, EXPLICIT),))
    user_items = item(USER, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3") + user)
    return struct.pack(">HH", version, 0) + titles + items + user_items + after


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ({"padding": b"\0"}, ("RAW", "ARCHIVE")),
        ({"called": b"ARCHIVE\0     "}, ("RAW", "ARCHIVE")),
        ({"calling": b"   LEAD"}, ("LEAD", "ARCHIVE")),
        ({"calling": b"K\xd6LN"}, ("KÖLN", "ARCHIVE")),
        ({"calling": "KÖLN".encode()}, ("KÖLN", "ARCHIVE")),
        ({"calling": b"A\\B"}, ("A\\B", "ARCHIVE")),
    ],
)
def test_titles_are_read_up_to_their_padding(raw: dict[str, bytes], read: tuple[str, str]) -> None:
    request = decode_request(body(**raw))  # type: ignore[arg-type]
    assert (request.calling_aet, request.called_aet) == read


def test_what_is_unknown_or_unusable_is_passed_over() -> None:
    role = struct.pack(">H", len(CT)) + CT
    request = decode_request(
        body(
            context(2, CT, b"", EXPLICIT + b"\0"),
            context(4, b"1.2." + b"3" * 66, EXPLICIT),
            context(6, CT),
            user=item(0x55, b"K\xd6LN_MORE_THAN_16_BYTES")
            + item(0x5A, b"xyz")
            + item(0x58, b"\x09\x01\0\3bob\0\0")
            + item(0x54, role + b"\0\1")
            + item(0x54, b"\0\xff1.2"),
            after=item(0x60, b"abc") + b"\0",
        )
    )
    assert request.contexts == {
        2: Proposal(CTImageStorage, (ExplicitVRLittleEndian,)),
        4: Proposal("", (ExplicitVRLittleEndian,)),
        6: Proposal(CTImageStorage, ()),
    }
    assert request.roles == {CTImageStorage: (False, True)}
    assert request.maximum_length == 16384


def test_the_answer_repeats_the_titles_and_grants_no_role_to_who_asks_for_none() -> None:
    none = struct.pack(">H", len(CT)) + CT + b"\0\0"
    request = decode_request(body(calling=b"K\xd6LN", user=item(0x54, none)))
    granted = Acceptance(4096, {1: Context(1, CTImageStorage, ExplicitVRLittleEndian)})
    answer = encode_acceptance(request, granted)
    assert answer[4:68] == body(calling=b"K\xd6LN")[4:68]
    assert item(0x54, none) not in answer
    assert decode_acceptance(answer, [Proposal(CTImageStorage, (ExplicitVRLittleEndian,))]) == granted


@pytest.mark.parametrize("grant", [(3, ExplicitVRLittleEndian), (1, "1.2.3")])
def test_an_answer_that_grants_what_was_not_proposed_is_refused(grant: tuple[int, str]) -> None:
    proposals = [Proposal(CTImageStorage, (ExplicitVRLittleEndian,))]
    request = decode_request(body(context(grant[0], CT, EXPLICIT)))
    answer = encode_acceptance(
        request, Acceptance(0, {grant[0]: Context(grant[0], CTImageStorage, grant[1])})
    )
    with pytest.raises(NetworkError, match="was not proposed"):
        decode_acceptance(answer, proposals)


def test_a_request_of_our_own_is_read_back() -> None:
    proposals = [Proposal(CTImageStorage, (ExplicitVRLittleEndian,), as_scp=True)]
    request = decode_request(encode_request("US", "THEM", proposals, 131072))
    assert (request.calling_aet, request.called_aet) == ("US", "THEM")
    assert request.contexts == {1: Proposal(CTImageStorage, (ExplicitVRLittleEndian,))}
    assert request.roles == {CTImageStorage: (False, True)}
    assert request.speaks_version
    assert request.speaks_dicom


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"application": b"1.2.3"}, "Application context name not supported"),
        ({"version": 2}, "Protocol version not supported"),
        ({"called": b""}, "Called AE title not recognised"),
        ({"calling": b"\0"}, "Calling AE title not recognised"),
    ],
)
def test_what_nobody_could_serve_is_rejected_with_its_reason(
    listen: Callable[..., Listener], raw: dict[str, bytes], words: str
) -> None:
    peer = RawPeer(listen().port, associate=False)
    peer.send_pdu(1, body(**raw))  # type: ignore[arg-type]
    kind, answer = peer.read_pdu()
    assert kind == 3
    assert words in rejection_text(answer)


def test_an_item_longer_than_the_request_is_an_invalid_parameter(listen: Callable[..., Listener]) -> None:
    peer = RawPeer(listen().port, associate=False)
    peer.send_pdu(1, body(after=struct.pack(">BBH", 0x60, 0, 5000)))
    assert peer.read_pdu() == (7, bytes((0, 0, 2, 6)))


def test_a_private_syntax_is_chosen_only_where_nothing_else_is_proposed(
    listen: Callable[..., Listener],
) -> None:
    private = b"1.2.826.9.9"
    peer = RawPeer(listen().port, associate=False)
    peer.send_pdu(1, body(context(1, CT, private, EXPLICIT), context(3, CT, private)))
    kind, answer = peer.read_pdu()
    proposals = [
        Proposal(CTImageStorage, (private.decode(), ExplicitVRLittleEndian)),
        Proposal(CTImageStorage, (private.decode(),)),
    ]
    granted = decode_acceptance(answer, proposals).contexts
    assert {number: each.transfer_syntax for number, each in granted.items()} == {
        1: ExplicitVRLittleEndian,
        3: private.decode(),
    }


def test_one_host_takes_half_of_the_associations(listen: Callable[..., Listener], sink: FolderSink) -> None:
    listener = listen(limits=Limits(associations=4))
    peers = [RawPeer(listener.port) for _ in range(2)]
    third = RawPeer(listener.port, associate=False)
    third.send_pdu(1, body())
    assert "Local limit exceeded" in rejection_text(third.read_pdu()[1])
    for peer in peers:
        peer.sock.close()
    samples.wait_until(lambda: is_let_in(listener.port), seconds=10)


def is_let_in(port: int) -> bool:
    try:
        return echo("127.0.0.1", port, "ANY").ok
    except NetworkError:
        return False
