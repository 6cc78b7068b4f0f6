"""header.py and part10.py against files that lie, are cut short, or are no DICOM."""

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from encoded import (
    EXPLICIT,
    IMPLICIT,
    bare,
    bomb,
    fields,
    file_of,
    nest,
    outcome,
    small,
)
from oracle import SHARED_DATA
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from pyconquest_rt.dicom import part10
from pyconquest_rt.dicom.header import Field, Header, HeaderReader
from pyconquest_rt.dicom.walk import MAX_SEQUENCES
from pyconquest_rt.errors import UnreadableError

WANTED = fields(0x00080018, 0x00080060, 0x00100010, 0x00100020, 0x0020000D, 0x30060002)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"Some text that is no DICOM. " * 20, "not a DICOM file"),
        (bytes(1000), "not a DICOM file"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(300), "not a DICOM file"),
        (b"PK\3\4" + bytes(300), "not a DICOM file"),
        (b"\x08\0\5\0", "not a DICOM file"),
        (b"\x08\0\5\0CS\xff\xff", "not a DICOM file"),
        (bytes(128) + b"DICM", "no data set"),
        (bytes(128) + b"DICM" + b"\2\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0", "no data set"),
        (bytes(128) + b"DICM\2\0\0\0UL\xff\xff", "claims 65535 bytes"),
        (bytes(128) + b"DICM\2\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99rubbish" * 3, "no data set|inflated"),
    ],
)
def test_what_is_not_dicom_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    reader = HeaderReader(WANTED)
    for _ in range(2):
        with pytest.raises(UnreadableError, match=reason):
            reader.read_file(path)
        with pytest.raises(UnreadableError, match=reason):
            reader.read_bytes(content)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    reader = HeaderReader(WANTED)
    with pytest.raises(UnreadableError, match="No such file"):
        reader.read_file(tmp_path / "absent")
    with pytest.raises(UnreadableError, match=r"regular file|directory|denied"):
        reader.read_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(UnreadableError, match="not a regular file"):
            reader.read_file(tmp_path / "fifo")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    dataset = small()
    dataset.add_new(0x00091010, "OB", bytes(50_000))
    path.write_bytes(file_of(dataset, EXPLICIT))
    prefix = part10.read_prefix(path)
    path.write_bytes(b"")
    with pytest.raises(UnreadableError, match="changed"):
        HeaderReader(fields(0x00280010)).parse(prefix)


def test_cut_short_objects_are_read_as_far_as_they_go() -> None:
    data = file_of(small(), EXPLICIT)
    reader = HeaderReader(WANTED)
    whole = reader.read_bytes(data)
    assert whole.fault is None
    for _ in range(3):
        reader.read_bytes(data)
    cut = reader.read_bytes(data[:-10])
    assert cut.values == whole.values and cut.fault and "pixel data" in cut.fault
    for end in range(132, len(data) - 32):
        try:
            header = reader.read_bytes(data[:end])
        except UnreadableError:
            continue
        assert all(ours in (None, value) for ours, value in zip(header.values, whole.values, strict=True))


def test_lying_length_is_told() -> None:
    data = bytearray(file_of(small(), EXPLICIT))
    place = data.index(b"\x10\0\x20\0LO")
    data[place + 6 : place + 8] = b"\xf0\xff"
    header = HeaderReader(WANTED).read_bytes(bytes(data))
    assert header.values[:2] == ("1.2.3", "CT") and header.values[3] is None
    assert header.fault and "(0010,0020)" in header.fault and "65520 bytes" in header.fault


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _outcome_of_file(reader: HeaderReader, path: Path) -> object:
    try:
        return reader.read_file(path)
    except UnreadableError as error:
        return str(error)


def head(syntax: UID) -> bytes:
    """A bare data set without pixel data, for more to be added."""
    dataset = small()
    del dataset.PixelData
    return bare(dataset, syntax)


def many_items() -> bytes:
    """A wanted sequence of 500,000 empty items."""
    body = b"\xfe\xff\0\xe0\0\0\0\0" * 500_000
    return head(IMPLICIT) + b"\6\x30\x20\0" + len(body).to_bytes(4, "little") + body


def many_elements() -> bytes:
    """Empty elements without an end before the last wanted one."""
    return head(EXPLICIT) + b"\x29\0\x10\x10LO\0\0" * 200_000


def large_sequence() -> bytes:
    """A wanted sequence with a value of 40 MB."""
    body = bytes(40 << 20)
    item = b"\x06\x30\x26\0" + len(body).to_bytes(4, "little") + body
    item = b"\xfe\xff\0\xe0" + len(item).to_bytes(4, "little") + item
    return head(IMPLICIT) + b"\6\x30\x20\0" + len(item).to_bytes(4, "little") + item


def deep_items() -> bytes:
    return head(IMPLICIT) + nest(20_000, defined=False)


def deep_items_of_known_length() -> bytes:
    return head(IMPLICIT) + nest(20_000, defined=True)


def long_texts() -> bytes:
    """Wanted texts of 20 MB each."""
    text = b"\x10\0\x10\0" + (20 << 20).to_bytes(4, "little") + b"x" * (20 << 20)
    return head(IMPLICIT) + text + text.replace(b"\x10\0\x10\0", b"\x20\0\x0d\0", 1)


@pytest.mark.parametrize(
    "make",
    [
        bomb,
        many_items,
        many_elements,
        large_sequence,
        deep_items,
        deep_items_of_known_length,
        long_texts,
    ],
)
def test_hostile_files_cost_less_than_32_mb(
    make: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part10, "MAX_ELEMENTS", 100_000)
    path = tmp_path / "hostile.dcm"
    path.write_bytes(make())
    reader = HeaderReader([*WANTED, Field((0x300A00B0,))], [0x30060020, 0x300A0040])
    for _ in range(2):
        outcomes: list[object] = []
        assert peak(lambda: outcomes.append(_outcome_of_file(reader, path))) < 32 << 20  # noqa: B023
        assert isinstance(outcomes[0], Header) and outcomes[0].values[0] == "1.2.3"
        if make is many_elements:
            assert outcomes[0].fault and "too many" in outcomes[0].fault


def test_too_large_sequences_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    path.write_bytes(large_sequence())
    header = HeaderReader(WANTED, [0x30060020]).read_file(path)
    assert 0x30060020 not in header.sequences and header.fault and "left out" in header.fault
    assert MAX_SEQUENCES < 32 << 20


def test_objects_with_too_long_identifiers_are_refused() -> None:
    data = b"\x10\0\x20\0\2\0\0\0ID\x20\0\x0d\0\x01\0\x01\0" + b"1" * 65537
    reader = HeaderReader([Field((0x0020000D,), 64, "key"), Field((0x0020000D,), 64)])
    with pytest.raises(UnreadableError, match=r"identifier \(0020,000D\) has 65537 bytes"):
        reader.read_bytes(data, IMPLICIT)


@pytest.mark.parametrize("remember", [False, True])
def test_what_a_modality_does_not_need_is_not_read(remember: bool) -> None:
    """Of a structure set nothing beyond its ROIs, whatever stands there; of all others all that is asked for."""
    names, plan = 0x30060020, 0x300C0002
    contours = b"not looked at"
    closing = b"\x06\x30\x39\0" + len(contours).to_bytes(4, "little") + contours
    broken = b"\x06\x30\x39\0\xff\xff\xff\xff" + b"neither items nor an end"
    item = b"\xfe\xff\0\xe0\x0c\0\0\0" + b"\x06\x30\x26\0\4\0\0\0Lung"
    rois = b"\x06\x30\x20\0" + len(item).to_bytes(4, "little") + item
    reader = HeaderReader(WANTED, [names, plan], remember, {"RTSTRUCT": [names]})
    for modality in (b"RTSTRUCT", b"RTDOSE", b"RTSTRUCT", b"RTDOSE", b"RTSTRUCT") * 3:
        value = modality + b" " * (len(modality) % 2)
        start = b"\x08\0\x60\0" + len(value).to_bytes(4, "little") + value
        for end in (closing, broken):
            header = reader.read_bytes(start + rois + end, IMPLICIT)
            assert [roi.text(0x30060026) for roi in header.sequences[names]] == ["Lung"]
            assert bool(header.fault) == (end is broken)
        assert bool(reader.read_bytes(start + broken, IMPLICIT).fault)


def test_deep_items_can_be_descended_a_little() -> None:
    header = HeaderReader([], [0x300A0040]).read_bytes(deep_items(), IMPLICIT)
    (item,) = header.sequences[0x300A0040]
    assert len(item.items(0x300A0040)) == 1


@pytest.mark.skipif(not (SHARED_DATA / "broken").exists(), reason="no shared data")
def test_broken_files_are_read_or_refused_within_bounds() -> None:
    reader = HeaderReader(WANTED, [0x30060020, 0x300A00B0])
    for path in sorted((SHARED_DATA / "broken").rglob("*")):
        if path.is_file():
            assert peak(lambda: _outcome_of_file(reader, path)) < 32 << 20, path  # noqa: B023


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtstruct.dcm", "rtplan.dcm", "MR_small_implicit.dcm"])
@pytest.mark.filterwarnings("ignore")
def test_random_changes_raise_nothing_but_unreadable(name: str) -> None:
    """Bytes changed at random in good headers; read by layout and by a walk alike, in bounded memory."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    data = Path(path).read_bytes()[:9000]
    sequences = [0x00081140, 0x30060010, 0x30060020, 0x300A0070, 0x300A00B0]
    wanted = [
        *WANTED,
        *fields(0x00200032, 0x00281052, 0x01F11026, 0x00280106),
        Field((0x300A00B0, 0, 0x300A00C2)),
    ]
    walking, remembering = HeaderReader(wanted, sequences, remember=False), HeaderReader(wanted, sequences)
    rng = random.Random(name)

    def read_all() -> None:
        for _ in range(500):
            mutated = bytearray(data)
            for _ in range(rng.randrange(1, 6)):
                mutated[rng.randrange(132, len(mutated))] = rng.choice([0, 0xFF, 0x7F, rng.randrange(256)])
            first, second = outcome(walking, bytes(mutated)), outcome(remembering, bytes(mutated))
            assert _plain(first) == _plain(second)

    assert peak(read_all) < 32 << 20


def _plain(outcome: object) -> object:
    """An outcome whose items can be compared; descends into them, where nothing else may be raised either."""
    if not isinstance(outcome, Header):
        return outcome
    found = []
    for tag, items in outcome.sequences.items():
        for item in items:
            try:
                found.append([(tag, inner, item.text(inner)) for inner in item.tags()])
            except UnreadableError as error:
                found.append([(tag, 0, str(error))])
    return outcome._replace(sequences={}), found
