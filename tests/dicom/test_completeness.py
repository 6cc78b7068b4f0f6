"""completeness.py: objects that are cut off, at every byte and in every form, walked over and by layout."""

from pathlib import Path

import pytest
from encoded import EXPLICIT, IMPLICIT, SYNTAXES, file_of, small
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from pyconquest_rt.dicom import header as header_module
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import DirectoryError, TruncatedError, UnreadableError

KEYS = [Field((tag,), 64, "key") for tag in (0x00080018, 0x00100020)]


def structure_set(contours: int) -> Dataset:
    dataset, roi, contour, image = small(Modality="RTSTRUCT"), Dataset(), Dataset(), Dataset()
    del dataset.PixelData
    image.ReferencedSOPInstanceUID = "1.2"
    contour.ContourImageSequence, contour.ContourData = [image], ["1.5"] * 300
    roi.ContourSequence = [contour] * contours
    dataset.ROIContourSequence = [roi]
    dataset.ApprovalStatus = "UNAPPROVED"
    for sequence in (
        dataset["ROIContourSequence"],
        roi["ContourSequence"],
        contour["ContourImageSequence"],
    ):
        sequence.is_undefined_length = True
    return dataset


def overlay() -> Dataset:
    dataset = small()
    dataset.add_new(0x60003000, "OW", bytes(16))
    return dataset


def compressed(frames: int) -> Dataset:
    dataset = small()
    dataset.PixelData = encapsulate([bytes([n]) * 40 for n in range(frames)])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    return dataset


@pytest.mark.parametrize(
    ("dataset", "syntax"),
    [
        *((dataset, syntax) for dataset in (small(), overlay(), structure_set(2)) for syntax in SYNTAXES[:3]),
        (compressed(1), EXPLICIT),
        (compressed(3), EXPLICIT),
    ],
)
def test_every_cut_is_told_or_refused(dataset: Dataset, syntax: UID) -> None:
    data = file_of(dataset, syntax)
    reader = HeaderReader(KEYS, remember=False)
    assert reader.read_bytes(data).fault is None
    whole = 0
    for end in range(140, len(data)):
        try:
            header = reader.read_bytes(data[:end])
        except UnreadableError:
            continue
        assert header.values == ("1.2.3", "1234")
        whole += not header.is_truncated
    # nobody sees that elements are missing where it is cut between two of them, as before the pixel data;
    # less than an element's header that is left over counts as junk
    assert whole < 80


def test_cut_objects_are_told_by_layout_too() -> None:
    for dataset in (small(), overlay(), compressed(1), compressed(3)):
        data, reader = file_of(dataset, EXPLICIT), HeaderReader(KEYS)
        for _ in range(4):
            assert not reader.read_bytes(data).fault
        for end in (len(data) - 1, len(data) - 9, len(data) - 30):
            cut = reader.read_bytes(data[:end])
            assert cut.is_truncated and cut.fault and "cut off" in cut.fault


def test_what_follows_the_pixel_data_is_looked_at_once_for_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    look = header_module.check_complete
    monkeypatch.setattr(header_module, "check_complete", lambda *args: (looks.append(1), look(*args))[1])
    padding = b"\xfc\xff\xfc\xffOB\0\0\x10\0\0\0" + bytes(16)
    for dataset in (small(), compressed(1)):
        data, reader = file_of(dataset, EXPLICIT) + padding, HeaderReader(KEYS)
        for _ in range(4):
            assert not reader.read_bytes(data).fault
        looks.clear()
        assert not reader.read_bytes(data).fault and not looks
        for fewer in range(1, 16):
            assert reader.read_bytes(data[:-fewer]).is_truncated
        assert reader.read_bytes(data + bytes(4)).fault is None and looks


def test_the_end_of_long_contours_is_found_without_reading_them(tmp_path: Path) -> None:
    path, data = tmp_path / "rs.dcm", file_of(structure_set(300), IMPLICIT)
    reader = HeaderReader(KEYS)
    path.write_bytes(data)
    assert reader.read_file(path).fault is None
    for end in (len(data) - 3, len(data) - 400, 100_000):
        path.write_bytes(data[:end])
        assert reader.read_file(path).is_truncated


def test_junk_after_the_pixel_data_is_none_of_the_object() -> None:
    data = file_of(small(), EXPLICIT)
    padding = b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0" + bytes(4)
    for junk in (b"\0", b"\r\n", bytes(100), b"made by nobody, for nothing at all", padding):
        assert HeaderReader(KEYS).read_bytes(data + junk).fault is None


def test_a_header_that_breaks_before_its_identifiers_is_refused() -> None:
    data = file_of(small(), EXPLICIT)
    place = data.index(b"\x10\0\x20\0LO")
    with pytest.raises(TruncatedError, match=r"breaks before \(0010,0020\)"):
        HeaderReader(KEYS).read_bytes(data[: place + 10])
    lying = data[: place + 6] + b"\xf0\xff" + data[place + 8 :]
    with pytest.raises(UnreadableError, match=r"breaks before \(0010,0020\).*claims 65520 bytes"):
        HeaderReader(KEYS).read_bytes(lying)
    short = b"\x08\0\x40\x11SQ\0\0\x04\0\0\0\xfe\xff\0\xe0\x08\0\0\0\x08\0\x50\x11UI\0\0"
    with pytest.raises(UnreadableError, match="breaks before"):
        HeaderReader(KEYS).read_bytes(data[:place] + short + data[place:])


def test_identifiers_behind_the_pixel_data_are_found() -> None:
    data = file_of(small(), EXPLICIT)
    place = data.index(b"\x10\0\x20\0LO")
    moved = data[:place] + data[place + 12 :] + data[place : place + 12]
    for _ in range(3):
        assert HeaderReader(KEYS).read_bytes(moved).values == ("1.2.3", "1234")


def test_a_dicomdir_is_known() -> None:
    name = b"1.2.840.10008.1.3.10"
    data = bytes(128) + b"DICM\2\0\2\0UI\x14\0" + name + file_of(small(), EXPLICIT)[132:]
    with pytest.raises(DirectoryError, match="DICOMDIR"):
        HeaderReader(KEYS).read_bytes(data)
