"""What stored values mean: rescale, tables, real-world maps, bits, floats, padding, compression."""

import numpy as np
import pytest
from judge import Case, check
from made import MR, image, item, places_of, save, stack, truth
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from test_multiframe_cases import world_map

from pyconquest_rt.volumes import examine, load

NEGATIVE = {"intercept": 0, "start": (-90, -90, -90)}
ABOVE_0 = {"intercept": 0, "start": (0, 10, 0), "dtype": np.uint16}


def each(change, count=5, **more):
    """Slices, each handed to a function with its number."""
    found = stack(count, **more)
    for number, one in enumerate(found):
        change(number, one)
    return found


def giving(**values):
    def give(_, one):
        for name, value in values.items():
            setattr(one, name, value)

    return give


def without(*names):
    def take(_, one):
        for name in names:
            delattr(one, name)

    return take


def left_aligned(_, one):
    raw = np.frombuffer(one.PixelData, np.uint16) << 4
    one.PixelData, one.BitsStored, one.HighBit = raw.tobytes(), 12, 15


def signed_below_an_overlay(_, one):
    raw = np.frombuffer(one.PixelData, np.uint16) & 0x0FFF | 0xA000
    one.PixelData, one.BitsStored, one.HighBit = raw.tobytes(), 12, 11


def of_floats(name, kind, add):
    def change(number, one):
        values = truth(places_of((-20, 10, -6 + 3 * number))).astype(kind) + kind(add)
        without(
            "PixelData", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept"
        )(number, one)
        setattr(one, name, values.tobytes())
        one.BitsAllocated = values.dtype.itemsize * 8

    return change


def float_rescaled_and_padded(number, one):
    of_floats("FloatPixelData", np.float32, 0)(number, one)
    one.RescaleSlope, one.RescaleIntercept = 2, 1
    one.add_new(0x00280122, "FL", -9999.0)


def looks(_, one):
    """Everything that is for looking at alone."""
    one.WindowCenter, one.WindowWidth, one.PresentationLUTShape = 40, 400, "INVERSE"
    table = item(LUTDescriptor=[256, 0, 8])
    table.add_new(0x00283006, "OW", bytes(512))
    one.VOILUTSequence = [table]


def table_of(entries, first, bits, vr="US", kind="US"):
    def change(_, one):
        without("RescaleSlope", "RescaleIntercept")(_, one)
        table = item(ModalityLUTType=kind)
        table.add_new(0x00283002, vr, [len(entries), first, bits])
        table.add_new(0x00283006, "OW", entries.tobytes())
        one.ModalityLUTSequence = [table]

    return change


def maps(*some):
    return giving(RealWorldValueMappingSequence=list(some))


def real_range():
    found = world_map(0, 4095, 0.5, 10.0)
    del found.RealWorldValueFirstValueMapped, found.RealWorldValueLastValueMapped
    found.add_new(0x00409214, "FD", -100.0)
    found.add_new(0x00409213, "FD", 4000.0)
    return found


def in_two_ranges(places):
    return np.where(truth(places) < 49.5, 2 * truth(places), 3 * truth(places) + 1)


def compressed(syntax, bits=None, **more):
    found = stack(5, shape=(64, 64), **more)
    for one in found:
        if bits:
            one.BitsStored, one.HighBit = bits, bits - 1
        one.compress(syntax, generate_instance_uid=False)
    return found


CASES = {
    "no rescale": Case(lambda: each(without("RescaleSlope", "RescaleIntercept"), intercept=0)),
    "slope alone": Case(lambda: each(without("RescaleIntercept"), intercept=0, slope=0.5), tol=0.26),
    "intercept alone": Case(lambda: each(without("RescaleSlope"))),
    "slope below 0": Case(lambda: stack(5, slope=-1, intercept=500)),
    "slope of each slice": Case(
        lambda: [
            image((-20, 10, 3 * k), slope=0.1 * (k + 1), intercept=-3 * k, sop_class=MR, modality="MR")
            for k in range(6)
        ],
        codes=["rescale_varies"],
    ),
    "signed bytes": Case(lambda: stack(5, dtype=np.int8, intercept=0, start=(-20, -10, -6))),
    "bytes": Case(lambda: stack(5, dtype=np.uint8, intercept=-60)),
    "signed 32 bits": Case(lambda: stack(5, dtype=np.int32, slope=0.001, intercept=0), tol=0.001),
    "32 bits": Case(lambda: stack(5, dtype=np.uint32, slope=0.001, intercept=-1000), tol=0.001),
    "left-aligned": Case(lambda: each(left_aligned, dtype=np.uint16)),
    "signed below an overlay": Case(
        lambda: each(signed_below_an_overlay, intercept=0, start=(-20, -10, -16))
    ),
    "double": Case(
        lambda: each(of_floats("DoubleFloatPixelData", np.float64, 1 / 3)),
        value=lambda p: truth(p) + 1 / 3,
        tol=1e-9,
    ),
    "float, rescaled and padded": Case(
        lambda: each(float_rescaled_and_padded), codes=["padding"], value=lambda p: 2 * truth(p) + 1
    ),
    "MONOCHROME1": Case(lambda: each(giving(PhotometricInterpretation="MONOCHROME1"))),
    "windows and presentation": Case(lambda: each(looks)),
    "table from below 0": Case(
        lambda: each(table_of((np.arange(700) * 2 + 5).astype("<u2"), -100, 16, "SS", "HU"), intercept=0),
        value=lambda p: (truth(p) + 100) * 2 + 5,
    ),
    "table of bytes": Case(lambda: each(table_of(np.arange(250).astype(np.uint8), 0, 8), **ABOVE_0)),
    "table of bytes in words": Case(lambda: each(table_of(np.arange(251).astype("<u2"), 0, 8), **ABOVE_0)),
    "map of two ranges": Case(
        lambda: each(maps(world_map(0, 49, 2.0), world_map(50, 4095, 3.0, 1.0)), **ABOVE_0),
        value=in_two_ranges,
    ),
    "map by a table": Case(
        lambda: each(maps(world_map(0, 199, table=[k * 0.25 for k in range(200)])), **ABOVE_0),
        value=lambda p: truth(p) * 0.25,
    ),
    "map before rescale": Case(
        lambda: each(maps(world_map(0, 4095, 0.5, 10.0)), dtype=np.uint16, intercept=-100),
        value=lambda p: (truth(p) + 100) * 0.5 + 10,
    ),
    "map with a range of real numbers": Case(
        lambda: each(maps(real_range()), intercept=0), value=lambda p: truth(p) * 0.5 + 10
    ),
}
for syntax in (RLELossless, JPEG2000Lossless, JPEGLSLossless):
    CASES |= {
        f"{syntax.name}, signed": Case(lambda syntax=syntax: compressed(syntax, **NEGATIVE)),
        f"{syntax.name}, signed 12 bits": Case(lambda syntax=syntax: compressed(syntax, 12, **NEGATIVE)),
        f"{syntax.name}, 12 bits": Case(lambda syntax=syntax: compressed(syntax, 12, dtype=np.uint16)),
        f"{syntax.name}, bytes": Case(
            lambda syntax=syntax: compressed(
                syntax, dtype=np.uint8, intercept=-80, start=(-50, 0, -6), spacing=(0.5, 0.5)
            )
        ),
    }


@pytest.mark.parametrize("name", CASES)
def test_values(name, tmp_path):
    if "JPEG-LS" in name:
        pytest.importorskip("gdcm")
    check(CASES[name], tmp_path / "series")


def test_padding_is_kept(tmp_path):
    def pad(_, one):
        raw = np.frombuffer(one.PixelData, np.int16).copy()
        raw[0] = -2000
        one.PixelData = raw.tobytes()
        one.add_new(0x00280120, "SS", -2000)

    volume = load(examine(save(tmp_path, each(pad)))[0])
    assert volume.codes == ["padding"]
    assert (volume.array[:, 0, 0] == -3024).all()
