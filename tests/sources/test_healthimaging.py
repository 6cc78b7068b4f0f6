"""AWS HealthImaging: listed, synchronised by version and fetched, against a stand-in that boto3 talks to."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from healthimaging_server import STORE, Store, serving
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import RLELossless
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.sources.fetch import fetch
from pyconquest_rt.sources.known import add
from pyconquest_rt.sources.sigv4 import SignatureV4
from pyconquest_rt.sources.source import SourceError
from pyconquest_rt.sources.sync import sync

HTJ2K, NATIVE = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.1"
needs_encoder = pytest.mark.skipif(shutil.which("ojph_compress") is None, reason="openjph-tools are not here")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in (("ACCESS_KEY_ID", "AKIDEXAMPLE"), ("SECRET_ACCESS_KEY", "very-secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with serving() as made:
        yield made


@pytest.fixture
def cloud(here: Archive, store: Store) -> Archive:
    """An archive that knows a data store of two studies, four image sets."""
    for study in (1, 2):
        for series in (1, 2):
            store.put(*(pictured(study, series, number, np.uint16) for number in (1, 2)))
    add(here, "cloud", f"ahi://eu-west-1/{STORE}?endpoint={store.url}")
    store.asked.clear()
    return here


def picture(dtype: type, frames: int = 1) -> NDArray[np.generic]:
    """Frames of 24 by 17 pixels over the whole range of their type."""
    values = np.random.default_rng(18)
    limits = np.iinfo(dtype)
    return values.integers(limits.min, limits.max, (frames, 17, 24), dtype=dtype, endpoint=True)


def described(pixels: NDArray[np.generic], **tags: object) -> Dataset:
    bits = pixels.dtype.itemsize * 8
    return make_object(
        Rows=pixels.shape[1],
        Columns=pixels.shape[2],
        NumberOfFrames=str(pixels.shape[0]) if pixels.shape[0] > 1 else None,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=int(pixels.dtype.kind == "i"),
        ImagePositionPatient=[-10.5, 20, 5],
        SmallestImagePixelValue=None,
        **tags,
    )


def pictured(study: int, series: int, number: int, dtype: type) -> tuple[Dataset, str, Sequence[bytes]]:
    pixels = picture(dtype)
    made = described(pixels, study=study, series=series, instance=number, patient=f"P{study}")
    return made, NATIVE, [frame.tobytes() for frame in pixels]


def encoded(pixels: NDArray[np.generic], folder: Path) -> list[bytes]:
    """Each frame as a reversible HTJ2K codestream.

    The encoder reads unsigned numbers alone. Signed ones are those less half their range, which is what a codestream
    holds of unsigned ones too; that they are signed stands in its SIZ marker (ISO/IEC 15444-1 A.5.1, G.1).
    """
    found = []
    bits, is_signed = pixels.dtype.itemsize * 8, pixels.dtype.kind == "i"
    for frame in pixels:
        shifted = frame.astype(np.int32) + (1 << bits - 1 if is_signed else 0)
        (folder / "in.raw").write_bytes(shifted.astype(f"u{bits // 8}").tobytes())
        shape = f"{{{frame.shape[1]},{frame.shape[0]}}}"
        subprocess.run(
            ["ojph_compress", "-i", "in.raw", "-o", "out.j2c", "-reversible", "true", "-num_comps", "1"]
            + ["-dims", shape, "-signed", "false", "-bit_depth", str(bits), "-downsamp", "{1,1}"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        stream = bytearray((folder / "out.j2c").read_bytes())
        stream[stream.index(b"\xff\x51") + 40] |= 0x80 if is_signed else 0
        found.append(bytes(stream))
    return found


def rows(archive: Archive, table: str) -> list[dict[str, object]]:
    return archive.database.query(f"SELECT * FROM source_{table} WHERE source = 'cloud' ORDER BY 2")


def stored(archive: Archive, uid: str) -> Dataset:
    return next(
        made for path in archive.storage.root.rglob("*.dcm") if (made := dcmread(path)).SOPInstanceUID == uid
    )


def test_all_is_listed_once_and_then_only_what_has_another_version(cloud: Archive, store: Store) -> None:
    done = sync(cloud, "cloud")
    assert (done.studies, done.added, done.problems) == (2, 8, [])
    assert store.asked == ["searchImageSets"] * 2 + ["getImageSetMetadata"] * 4
    assert [row["PatientID"] for row in rows(cloud, "patient")] == ["P1", "P2"]
    assert rows(cloud, "object")[0]["Rows"] == "17"
    assert store.is_signed
    store.asked.clear()
    assert sync(cloud, "cloud").added == 0
    assert store.asked == ["searchImageSets"] * 2
    changed = next(iter(store.image_sets.values()))
    changed.version += 1
    del changed.instances[1]
    store.asked.clear()
    done = sync(cloud, "cloud")
    assert (done.changed, done.gone) == (1, 1)
    assert store.asked == ["searchImageSets"] * 2 + ["getImageSetMetadata"]


@pytest.mark.parametrize("fault", ["429", "500", "cut"])
def test_what_may_pass_is_asked_again(cloud: Archive, store: Store, fault: str) -> None:
    store.faults = ["", "", fault]
    done = sync(cloud, "cloud")
    assert (done.added, done.problems) == (8, [])
    assert len(store.asked) == 7


def test_a_series_that_is_denied_is_all_that_is_asked_for_again(cloud: Archive, store: Store) -> None:
    store.faults = ["", "", "403"]
    done = sync(cloud, "cloud")
    assert (done.added, done.failed, done.status) == (6, 1, 3)
    assert "may not read" in done.problems[0]
    store.asked.clear()
    assert sync(cloud, "cloud").added == 2
    assert store.asked.count("getImageSetMetadata") == 1


def test_one_study_and_a_filter(cloud: Archive, store: Store) -> None:
    add(cloud, "one", f"ahi://eu-west-1/{STORE}?endpoint={store.url}", filter={"PatientID": "P2"})
    assert sync(cloud, "one").studies == 1
    study = str(next(iter(store.image_sets.values())).instances[0][0].StudyInstanceUID)
    assert sync(cloud, "cloud", study=study).added == 4
    with pytest.raises(SourceError, match="looks for one of"):
        add(cloud, "other", f"ahi://eu-west-1/{STORE}", filter={"Modality": "CT"})


def test_no_secret_is_kept(cloud: Archive, store: Store) -> None:
    sync(cloud, "cloud")
    kept = "\n".join(cloud.database.connection.iterdump())
    assert "very-secret" not in kept and "AKIDEXAMPLE" not in kept


def test_a_store_that_denies_is_not_added(here: Archive, store: Store) -> None:
    store.faults = ["403"]
    with pytest.raises(SourceError, match="may not read"):
        add(here, "cloud", f"ahi://eu-west-1/{STORE}?endpoint={store.url}")
    assert here.database.query("SELECT * FROM source") == []


@pytest.mark.parametrize(
    ("dtype", "frames"), [(np.uint8, 1), (np.uint16, 3), (np.int16, 1), (np.uint32, 1), (np.int32, 2)]
)
def test_native_frames_are_the_same(cloud: Archive, store: Store, dtype: type, frames: int) -> None:
    pixels = picture(dtype, frames)
    store.put((described(pixels, study=5), NATIVE, [frame.tobytes() for frame in pixels]))
    assert_fetched(cloud, store, pixels)


@needs_encoder
@pytest.mark.parametrize(
    ("dtype", "frames"), [(np.uint8, 1), (np.uint16, 1), (np.uint16, 3), (np.int16, 1), (np.int16, 2)]
)
def test_frames_of_htj2k_are_the_same(
    cloud: Archive, store: Store, tmp_path: Path, dtype: type, frames: int
) -> None:
    pixels = picture(dtype, frames)
    store.put((described(pixels, study=5), HTJ2K, encoded(pixels, tmp_path)))
    assert_fetched(cloud, store, pixels)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_RLE.dcm"])
def test_frames_in_other_transfer_syntaxes_are_the_same(cloud: Archive, store: Store, name: str) -> None:
    made = dcmread(str(get_testdata_file(name)))
    frames = list(generate_frames(made.PixelData, number_of_frames=1))
    pixels, syntax = made.pixel_array, made.file_meta.TransferSyntaxUID
    assert syntax == RLELossless or "2000" in name
    del made.PixelData
    store.put((made, str(syntax), frames))
    assert_fetched(cloud, store, pixels[None])


def assert_fetched(archive: Archive, store: Store, pixels: NDArray[np.generic]) -> None:
    """The last image set's study is synchronised and fetched: its pixels and its values are those of the store."""
    made = list(store.image_sets.values())[-1].instances[0][0]
    sync(archive, "cloud")
    done = fetch(archive, "cloud", str(made.StudyInstanceUID))
    assert (done.stored, done.problems) == (1, [])
    found = stored(archive, made.SOPInstanceUID)
    assert np.array_equal(found.pixel_array.reshape(pixels.shape), pixels)
    for keyword in ("PatientName", "StudyDate", "SeriesNumber", "Rows", "ImagePositionPatient"):
        assert found.get(keyword) == made.get(keyword)
    assert fetch(archive, "cloud", str(made.StudyInstanceUID)).identical == 1


def test_video_and_what_is_gone_are_told(cloud: Archive, store: Store) -> None:
    made, _, frames = pictured(7, 1, 1, np.uint8)
    video = store.put((made, "1.2.840.10008.1.2.4.102", frames))
    sync(cloud, "cloud")
    done = fetch(cloud, "cloud", str(made.StudyInstanceUID))
    assert done.stored == 0 and "is a video" in done.problems[0]
    store.faults = ["", "404"]
    other = fetch(cloud, "cloud", str(next(iter(store.image_sets.values())).instances[0][0].StudyInstanceUID))
    assert len(other.problems) == 1 and "nothing of this name" in other.problems[0] and other.stored == 2
    del store.image_sets[video.identifier]
    assert sync(cloud, "cloud").gone == 1


def test_requests_to_its_dicomweb_interface_are_signed(store: Store) -> None:
    import requests

    url = f"https://dicom-medical-imaging.eu-west-1.amazonaws.com/datastore/{STORE}/studies"
    signed = requests.Request("GET", url, params={"limit": "1"}, auth=SignatureV4()).prepare()
    authorization = signed.headers["Authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/medical-imaging/aws4_request" in authorization and "very-secret" not in authorization
