"""Sending to pynetdicom and DCMTK, and to peers that refuse, fail, abort or are not there."""

import os
import shutil
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from encoded import Element, by_hand, file_of
from network_helpers import BUNDLED, FolderSink, RawPeer, Receiver, data_set_bytes, store_command
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)
from pynetdicom import AllStoragePresentationContexts

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import Problem, verify
from pyconquest_rt.dicom import part10
from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from pyconquest_rt.errors import NetworkError, UnreadableError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.services.send import batches, proposals_for
from pyconquest_rt.net.services.stored import read_stored_object
from pyconquest_rt.scp import Listener
from pyconquest_rt.scu import echo, send_files
from pyconquest_rt.settings.sections import ArchiveSettings

StartReceiver = Callable[..., Receiver]
MakeCT = Callable[..., list[Path]]


def sendable() -> list[Path]:
    """Return pydicom's bundled files that hold an instance, one per SOPInstanceUID."""
    found = {}
    for path in sorted(BUNDLED.glob("*.dcm")):
        try:
            found[read_stored_object(path).sop_instance_uid] = path
        except UnreadableError:
            continue
    return list(found.values())


def test_identity_of_bundled_files_is_what_pydicom_reads() -> None:
    checked = 0
    for path in BUNDLED.glob("*.dcm"):
        try:
            stored = read_stored_object(path)
        except UnreadableError:
            continue
        expected = dcmread(path, force=True)
        assert stored.sop_instance_uid == identity(expected, "SOPInstanceUID")
        assert stored.sop_class_uid == identity(expected, "SOPClassUID")
        assert expected.file_meta.get("TransferSyntaxUID") in (stored.transfer_syntax_uid, None)
        checked += 1
    assert checked > 60


def identity(data_set: Dataset, keyword: str) -> str:
    return str(data_set.get(keyword) or data_set.file_meta.get("MediaStorage" + keyword))


def test_every_bundled_file_arrives_byte_for_byte(start_receiver: StartReceiver) -> None:
    receiver = start_receiver()
    paths = [path for path in sendable() if UID(read_stored_object(path).sop_class_uid) in storage_classes()]
    result = send_files(paths, "127.0.0.1", receiver.port, b"RECEIVER", b"TESTER")
    assert result.failed == []
    assert result.sent == len(paths) > 40
    assert len({syntax for syntax, _ in receiver.objects.values()}) >= 8
    for path in paths:
        stored = read_stored_object(path)
        assert receiver.objects[stored.sop_instance_uid] == (stored.transfer_syntax_uid, data_set_bytes(path))
    assert result.bytes == sum(len(data) for _, data in receiver.objects.values())


def storage_classes() -> set[str]:
    return {str(context.abstract_syntax) for context in AllStoragePresentationContexts}


def test_one_association_carries_all(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver()
    result = send_files(make_ct(20), "127.0.0.1", receiver.port, "RECEIVER")
    assert (result.sent, receiver.count, receiver.associations) == (20, 20, 1)


def test_large_object_in_many_blocks_and_small_pdus(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver(maximum_length=4096)
    (path,) = make_ct(1, 1300)
    assert path.stat().st_size > 3 << 20
    assert send_files([path], "127.0.0.1", receiver.port, "RECEIVER").ok
    ((_, data),) = receiver.objects.values()
    assert data == data_set_bytes(path)


def test_parallel_associations_send_each_file_once(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver()
    result = send_files(make_ct(40), "127.0.0.1", receiver.port, "RECEIVER", parallel=3)
    assert (result.sent, receiver.count, len(receiver.objects), receiver.associations) == (40, 40, 40, 3)


def test_implicit_peer_gets_the_same_values(
    start_receiver: StartReceiver, make_ct: MakeCT, tmp_path: Path
) -> None:
    receiver = start_receiver([ImplicitVRLittleEndian])
    (path,) = make_ct(1)
    rle = dcmread(path)
    rle.SOPInstanceUID = rle.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    rle.compress(RLELossless, generate_instance_uid=False)
    rle.save_as(tmp_path / "rle.dcm")
    result = send_files([path, tmp_path / "rle.dcm"], "127.0.0.1", receiver.port, "RECEIVER")
    assert result.failed == []
    for sent in (dcmread(path), dcmread(tmp_path / "rle.dcm")):
        syntax, data = receiver.objects[sent.SOPInstanceUID]
        assert syntax == ImplicitVRLittleEndian
        assert_same(data, syntax, sent)


@pytest.mark.parametrize(
    "name", ["ExplVR_BigEnd.dcm", "MR_small_bigendian.dcm", "SC_rgb_small_odd_big_endian.dcm"]
)
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_big_endian_objects_keep_their_pixels(start_receiver: StartReceiver, name: str, syntax: UID) -> None:
    receiver = start_receiver([syntax])
    assert send_files([BUNDLED / name], "127.0.0.1", receiver.port, "RECEIVER").failed == []
    sent = dcmread(BUNDLED / name)
    for tag in [tag for tag in sent.keys() if tag.element == 0]:  # noqa: SIM118
        del sent[tag]  # group lengths, which are not written
    assert_same(receiver.objects[sent.SOPInstanceUID][1], syntax, sent)


def test_an_object_that_would_become_unreasonably_large_fails_alone(
    start_receiver: StartReceiver, make_ct: MakeCT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part10, "MAX_WHOLE", 1 << 20)
    receiver = start_receiver([ImplicitVRLittleEndian])
    good, huge, deflated = make_ct(3)
    image = dcmread(huge)
    image.compress(RLELossless, generate_instance_uid=False)
    image.Rows, image.Columns, image.NumberOfFrames = 65535, 65535, 1000
    image.save_as(huge)
    bomb = dcmread(deflated)
    bomb.PixelData = bytes(1 << 20)
    bomb.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    bomb.save_as(deflated)
    result = send_files([huge, deflated, good], "127.0.0.1", receiver.port, "RECEIVER")
    assert result.sent == 1
    (first, why_huge), (second, why_deflated) = result.failed
    assert (first, second) == (huge, deflated)
    assert "its pixels would take 8191750 MB" in why_huge
    assert "1048576 bytes or more when it is inflated" in why_deflated


@pytest.mark.skipif(shutil.which("storescp") is None, reason="DCMTK's storescp is not installed")
def test_dcmtk_takes_a_deflated_object_of_odd_length(tmp_path: Path, free_port: int) -> None:
    path = BUNDLED / "image_dfl.dcm"
    assert read_stored_object(path).size % 2
    with dcmtk_storescp(tmp_path, free_port, "+xa"):
        assert send_files([path], "127.0.0.1", free_port, "STORESCP").failed == []


def assert_same(data: bytes, syntax: str, sent: Dataset) -> None:
    got = read_dataset(BytesIO(data), UID(syntax).is_implicit_VR, UID(syntax).is_little_endian)
    assert [element.tag for element in got] == [element.tag for element in sent]
    for element in got:
        if element.keyword != "PixelData" and not element.tag.is_private:
            assert element.value == sent[element.tag].value
    got.file_meta = FileMetaDataset()
    got.file_meta.TransferSyntaxUID = UID(syntax)
    assert (got.pixel_array == sent.pixel_array).all()


def test_what_cannot_be_decompressed_fails_alone(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver([ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    broken, good = make_ct(2)
    data_set = dcmread(broken)
    data_set.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data_set.PixelData = encapsulate([b"no JPEG 2000 at all"])
    data_set.save_as(broken)
    stored = read_stored_object(good)
    result = send_files([broken, good], "127.0.0.1", receiver.port, "RECEIVER")
    assert [path for path, _ in result.failed] == [broken]
    assert list(receiver.objects) == [stored.sop_instance_uid]


def test_a_missing_decoder_is_named_by_its_extra(
    start_receiver: StartReceiver, make_ct: MakeCT, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decoder, "is_available", False)
    receiver = start_receiver([ExplicitVRLittleEndian])
    paths = make_ct(2)
    for path, syntax in zip(paths, (JPEGLosslessSV1, JPEG2000Lossless), strict=True):
        data_set = dcmread(path)
        data_set.file_meta.TransferSyntaxUID = syntax
        data_set.PixelData = encapsulate([b"compressed"])
        data_set.save_as(path)
    reasons = [reason for _, reason in send_files(paths, "127.0.0.1", receiver.port, "RECEIVER").failed]
    assert "pyconquest_rt[gdcm]" in reasons[0]
    assert "pyconquest_rt[pixels]" in reasons[1]


def test_pixels_that_only_a_conquest_reads_are_refused_by_name(
    start_receiver: StartReceiver, tmp_path: Path
) -> None:
    def element(group: int, number: int, value: bytes) -> bytes:
        return struct.pack("<HHI", group, number, len(value)) + value

    receiver = start_receiver()
    paths = []
    for number in (1, 2):
        elements = [(8, 0x16, CTImageStorage.encode() + b"\0"), (8, 0x18, b"1.2.3.%d\0" % number)]
        elements += [
            (0x10, 0x20, b"P1"),
            (0x20, 0xD, b"1.2.4\0"),
            (0x20, 0xE, b"1.2.5\0"),
            (0x7FDF, 0x10, bytes(400)),
        ]
        meta = element(2, 0x10, ImplicitVRLittleEndian.encode() + b"\0")
        paths.append(tmp_path / f"{number}.v2")
        paths[-1].write_bytes(meta + b"".join(element(*each) for each in elements))
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER")
    assert [path for path, _ in result.failed] == paths
    assert all("NKI" in reason for _, reason in result.failed)
    archive = Archive.open(ArchiveSettings(str(tmp_path), str(tmp_path / "index.db"), ""))
    assert rebuild(archive).indexed == 2
    assert {(finding.problem, finding.subject) for finding in verify(archive)} == {
        (Problem.NKI, "1.v2"),
        (Problem.NKI, "2.v2"),
    }
    archive.close()


def test_bad_files_do_not_stop_the_rest(
    start_receiver: StartReceiver, make_ct: MakeCT, tmp_path: Path
) -> None:
    receiver = start_receiver()
    good = make_ct(3)
    junk, empty, missing = tmp_path / "junk", tmp_path / "empty", tmp_path / "missing"
    junk.write_bytes(os.urandom(5000))
    empty.touch()
    seen: list[tuple[Path, str | None]] = []
    result = send_files(
        [junk, good[0], empty, good[1], missing, tmp_path, good[2]],
        "127.0.0.1",
        receiver.port,
        "RECEIVER",
        progress=lambda path, reason: seen.append((path, reason)),
    )
    assert result.sent == 3 and not result.ok
    assert {path for path, _ in result.failed} == {junk, empty, missing, tmp_path}
    assert sorted(seen, key=str) == sorted([(path, None) for path in good] + result.failed, key=str)


def test_failure_and_warning_statuses_are_told_apart(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver()
    paths = make_ct(4)
    uids = [read_stored_object(path).sop_instance_uid for path in paths]
    receiver.statuses = {uids[0]: 0xA700, uids[2]: 0xB000}
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER")
    assert result.sent == 3
    assert [(path, "out of resources (0xA700)" in reason) for path, reason in result.failed] == [
        (paths[0], True)
    ]
    assert [path for path, _ in result.warnings] == [paths[2]]


def test_an_abort_costs_one_file_and_a_new_association(
    start_receiver: StartReceiver, make_ct: MakeCT
) -> None:
    receiver = start_receiver()
    paths = make_ct(6)
    uids = [read_stored_object(path).sop_instance_uid for path in paths]
    receiver.abort_on = {uids[0], uids[3]}
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER")
    assert [path for path, _ in result.failed] == [paths[0], paths[3]]
    assert set(receiver.objects) == set(uids) - receiver.abort_on
    assert receiver.associations == 3


def test_a_peer_that_only_aborts_is_given_up(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver()
    paths = make_ct(10)
    receiver.abort_on = {read_stored_object(path).sop_instance_uid for path in paths}
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER")
    assert (result.sent, len(result.failed), receiver.associations) == (0, 10, 3)


def test_nobody_there_and_wrong_title(start_receiver: StartReceiver, make_ct: MakeCT, free_port: int) -> None:
    paths = make_ct(3)
    result = send_files(paths, "127.0.0.1", free_port, "ANY", parallel=2)
    assert sorted(path for path, _ in result.failed) == paths
    assert all("cannot be reached" in reason for _, reason in result.failed)
    receiver = start_receiver(check_title=True)
    result = send_files(paths, "127.0.0.1", receiver.port, "WRONG")
    assert len(result.failed) == 3
    assert all("Called AE title not recognised" in reason for _, reason in result.failed)
    result = send_files(paths, "127.0.0.1", receiver.port, "SEVENTEEN LETTERS")
    assert all("AE title" in reason for _, reason in result.failed)


def test_more_than_128_contexts_are_split(start_receiver: StartReceiver, make_ct: MakeCT) -> None:
    receiver = start_receiver()
    template = dcmread(make_ct(1)[0])
    paths = []
    for number, context in enumerate(AllStoragePresentationContexts[:100]):
        template.SOPClassUID = template.file_meta.MediaStorageSOPClassUID = context.abstract_syntax
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        paths.append(Path(str(template.filename)).with_name(f"class{number}.dcm"))
        template.save_as(paths[-1])
    stored = [read_stored_object(path) for path in paths]
    groups = batches(stored)
    assert [len(group) for group in groups] == [64, 36]
    assert all(len(proposals_for(group)) <= 128 for group in groups)
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER")
    assert result.failed == []
    assert (result.sent, receiver.associations) == (100, 2)


def test_bare_data_set_without_meta_is_sent(
    start_receiver: StartReceiver, make_ct: MakeCT, tmp_path: Path
) -> None:
    receiver = start_receiver()
    (path,) = make_ct(1)
    stored = read_stored_object(path)
    bare = tmp_path / "bare.v2"
    bare.write_bytes(path.read_bytes()[stored.offset :])
    assert send_files([bare], "127.0.0.1", receiver.port, "RECEIVER").ok
    assert receiver.objects[stored.sop_instance_uid] == (ExplicitVRLittleEndian, bare.read_bytes())


def test_tls(
    start_receiver: StartReceiver, make_ct: MakeCT, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    receiver = start_receiver(tls=tls_server)
    paths = make_ct(3, 900)
    result = send_files(paths, "127.0.0.1", receiver.port, "RECEIVER", tls=tls_client)
    assert (result.sent, result.failed) == (3, [])
    assert echo("127.0.0.1", receiver.port, "RECEIVER", tls=tls_client).ok
    for path in paths:
        assert receiver.objects[read_stored_object(path).sop_instance_uid][1] == data_set_bytes(path)
    with pytest.raises(NetworkError, match="cannot be reached"):
        echo("127.0.0.1", receiver.port, "RECEIVER", tls=ssl.create_default_context())


@pytest.mark.skipif(shutil.which("storescp") is None, reason="DCMTK's storescp is not installed")
def test_dcmtk_stores_what_was_sent(make_ct: MakeCT, tmp_path: Path, free_port: int) -> None:
    paths = make_ct(5, 300)
    folder = tmp_path / "received"
    folder.mkdir()
    with dcmtk_storescp(folder, free_port, "+B"):
        result = send_files(paths, "127.0.0.1", free_port, "STORESCP")
    assert (result.sent, result.failed) == (5, [])
    received = sorted(data_set_bytes(path) for path in folder.iterdir())
    assert received == sorted(data_set_bytes(path) for path in paths)


ODD: list[Element] = [
    (0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2"),
    (0x00080018, "UI", b"1.2.3"),
    (
        0x00081140,
        "SQ",
        [
            [(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (0x00081155, "UI", f"1.2.{number}".encode())]
            for number in (3, 44)
        ],
    ),
    (0x00100010, "PN", b"A^B"),
    (0x0020000D, "UI", b"1.2.3.4.5"),
    (0x00280010, "US", b"\3\0"),
    (0x7FE00010, "OB", bytes(9)),
]


def odd_file(path: Path, syntax: UID, defined: bool) -> Path:
    encoding = IMPLICIT_LITTLE if syntax.is_implicit_VR else EXPLICIT_LITTLE
    path.write_bytes(file_of(Dataset(), syntax) + by_hand(ODD, encoding, defined, pad=False))
    return path


@pytest.mark.skipif(shutil.which("storescp") is None, reason="DCMTK's storescp is not installed")
@pytest.mark.parametrize("defined", [True, False])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_values_of_odd_length_arrive_padded(
    tmp_path: Path, free_port: int, start_receiver: StartReceiver, syntax: UID, defined: bool
) -> None:
    path = odd_file(tmp_path / "odd.dcm", syntax, defined)
    encoding = IMPLICIT_LITTLE if syntax.is_implicit_VR else EXPLICIT_LITTLE
    wanted = by_hand(ODD, encoding, defined, pad=True)
    receiver = start_receiver()
    assert send_files([path], "127.0.0.1", receiver.port, "RECEIVER").failed == []
    assert receiver.objects["1.2.3"] == (syntax, wanted)
    with dcmtk_storescp(tmp_path, free_port, "+B"):
        result = send_files([path], "127.0.0.1", free_port, "STORESCP")
    assert (result.failed, result.bytes) == ([], len(wanted))
    (received,) = tmp_path.glob("CT*")
    dumped = subprocess.run(["dcmdump", "-v", received], capture_output=True, text=True, check=True)
    assert "W:" not in dumped.stdout + dumped.stderr and "[A^B]" in dumped.stdout
    other = start_receiver(
        [ImplicitVRLittleEndian if syntax == ExplicitVRLittleEndian else ExplicitVRLittleEndian]
    )
    assert send_files([path], "127.0.0.1", other.port, "RECEIVER").failed == []
    received_syntax, data = other.objects["1.2.3"]
    assert received_syntax != syntax and len(data) % 2 == 0
    assert read_dataset(BytesIO(data), UID(received_syntax).is_implicit_VR, True).PatientName == "A^B"


def test_values_of_odd_length_are_stored_as_they_came(
    tmp_path: Path, listen: Callable[..., Listener], sink: FolderSink
) -> None:
    peer = RawPeer(listen().port, contexts=[(CTImageStorage, ExplicitVRLittleEndian)])
    data = by_hand(ODD, EXPLICIT_LITTLE, True, pad=False)
    peer.send_values((1, 3, store_command()), (1, 2, data))
    assert peer.read_status() == 0
    (stored,) = sink.folder.rglob("*.dcm")
    assert stored.read_bytes().endswith(data)


@contextmanager
def dcmtk_storescp(folder: Path, port: int, *options: str) -> Iterator[None]:
    command = ["storescp", *options, "-od", str(folder), str(port)]
    with subprocess.Popen(command, env={**os.environ, "TCP_NODELAY": "1"}) as server:
        try:
            wait_for_echo(port)
            yield
        finally:
            server.terminate()


def wait_for_echo(port: int) -> None:
    for _ in range(100):
        try:
            assert echo("127.0.0.1", port, "ANY").ok
            return
        except NetworkError:
            time.sleep(0.05)
    pytest.fail(f"no DICOM server came up on port {port}")
