"""Compressed objects: RLE and JPEG 2000, alone and mixed with native ones in a series."""

import numpy as np
import pytest
from made import error, save, stack
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from pyconquest_rt.volumes import VolumeError, examine, load

SHAPE = (64, 70)  # the encoder of JPEG 2000 wants so many


def compressed(objects, syntax):
    for one in objects:
        if syntax in (RLELossless, JPEG2000Lossless):
            one.compress(syntax, generate_instance_uid=False)
        elif syntax == ExplicitVRBigEndian:
            one.PixelData = np.frombuffer(one.PixelData, "<i2").astype(">i2").tobytes()
            one.file_meta.TransferSyntaxUID = syntax
        else:
            one.file_meta.TransferSyntaxUID = syntax
    return objects


@pytest.mark.parametrize(
    "syntax",
    [
        RLELossless,
        JPEG2000Lossless,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    ],
)
def test_transfer_syntaxes(tmp_path, syntax):
    (candidate,) = examine(save(tmp_path, compressed(stack(5, shape=SHAPE), syntax)))
    volume = load(candidate)
    assert volume.codes == []
    assert volume.array.dtype == np.int16
    assert error(volume.array, volume.affine) <= 0.51


def test_mixed_in_one_series(tmp_path):
    made = stack(6, shape=SHAPE)
    compressed(made[:2], RLELossless)
    compressed(made[2:4], JPEG2000Lossless)
    (candidate,) = examine(save(tmp_path, made))
    volume = load(candidate)
    assert error(volume.array, volume.affine) <= 0.51


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_twelve_bits(tmp_path, syntax, signed):
    made = stack(
        5,
        intercept=0 if signed else -1024,
        dtype=np.int16 if signed else np.uint16,
        start=(-20, -10, -16),
        shape=SHAPE,
    )
    for one in made:
        raw = np.frombuffer(one.PixelData, np.uint16) & (0xFFFF if signed else 0x0FFF)
        one.PixelData = raw.tobytes()
        one.BitsStored, one.HighBit = 12, 11
    (candidate,) = examine(save(tmp_path, compressed(made, syntax)))
    volume = load(candidate)
    assert error(volume.array, volume.affine) <= 0.51


def test_missing_decoder_is_named(tmp_path, monkeypatch):
    from pyconquest_rt.volumes import pixels

    class Nothing:
        is_available = False
        UID = RLELossless

    made = compressed(stack(3, shape=SHAPE), RLELossless)
    (candidate,) = examine(save(tmp_path, made))
    monkeypatch.setattr(pixels, "_decoder", lambda syntax: Nothing)
    with pytest.raises(VolumeError, match=r"pyconquest_rt\[pixels\]") as caught:
        load(candidate)
    assert caught.value.code == "no_decoder"


def test_other_size_within_the_codestream(tmp_path):
    made = compressed(stack(3, shape=SHAPE), JPEG2000Lossless)
    made[1].Rows, made[1].Columns = SHAPE[0] * 2, SHAPE[1]
    for one in made:
        one.Rows = SHAPE[0] * 2
    (candidate,) = examine(save(tmp_path, made))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"


def test_a_frame_that_is_not_of_its_syntax(tmp_path):
    from pydicom.encaps import encapsulate

    made = compressed(stack(3, shape=SHAPE), JPEG2000Lossless)
    made[1].PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(100)])
    made[1]["PixelData"].is_undefined_length = True
    (candidate,) = examine(save(tmp_path, made))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"


@pytest.fixture
def helped(monkeypatch):
    """A second process that decodes, however small the series is."""
    from pyconquest_rt.volumes import helper

    monkeypatch.setattr(helper, "WORTH", 0)


def test_second_process(tmp_path, helped):
    (candidate,) = examine(save(tmp_path, compressed(stack(12, shape=SHAPE), JPEG2000Lossless)))
    volume = load(candidate)
    assert error(volume.array, volume.affine) <= 0.51


def test_second_process_says_what_is_wrong(tmp_path, helped):
    from pydicom.encaps import encapsulate

    made = compressed(stack(6, shape=SHAPE), JPEG2000Lossless)
    for one in made[3:]:
        one.PixelData = encapsulate([bytes(100)])
        one["PixelData"].is_undefined_length = True
    (candidate,) = examine(save(tmp_path, made))
    with pytest.raises(VolumeError) as caught:
        load(candidate)
    assert caught.value.code == "unreadable"
