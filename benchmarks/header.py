"""CPU time per file of reading headers, against reading the same files' first 16 KB.

Synthetic CT series made from pydicom's CT_small.dcm (about 270 elements) widened to 512 x 512: "regular" ones
with the same lengths in all images, "varying" ones with text lengths that differ from image to image, as in
real scans, and one with 150 KB of private data within the header, as some MR scanners write.
Run ``python benchmarks/header.py [--files N] [--rounds N] [--json FILE]``.

The columns: reading 16 KB of each file; `walk` and `parse` of what was read, without and with the memory of
layouts; `read_file`, that is reading and parsing; and pydicom with ``specific_tags``, values not looked at.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.dicom.part10 import read_prefix

#: The tags of PyConquest's default columns; some stand in several tables, so 83 columns have 57 tags.
TAGS = [
    *(0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00080030),
    *(0x00080031, 0x00080032, 0x00080033, 0x00080050, 0x00080060, 0x00080061, 0x00080070, 0x00080080),
    *(0x00080090, 0x00081010, 0x00081030, 0x0008103E, 0x00081070, 0x00081090, 0x00081155, 0x00100010),
    *(0x00100020, 0x00100030, 0x00100040, 0x00101010, 0x00101030, 0x00180010, 0x00180015, 0x00180050),
    *(0x00180060, 0x00180086, 0x00181030, 0x00181150, 0x00181151, 0x00181152, 0x00181250, 0x00185100),
    *(0x00189345, 0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200012, 0x00200013, 0x00200032),
    *(0x00200037, 0x00200052, 0x00201041, 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011),
    *(0x00280030, 0x00280101, 0x00281052, 0x00281053, 0x00540400, 0x01F11026, 0x01F11027, 0x01F1104A),
    *(0x01F1104B, 0x3004000A, 0x30060002),
]
FIELDS = [Field((tag,), 64) for tag in TAGS] + [Field((tag,), 64) for tag in TAGS[:16]]
SEQUENCES = [0x30060010, 0x30060020, 0x300A0070, 0x300A00B0, 0x300A03A2, 0x300C0002, 0x300C0060]


def make_series(folder: Path, files: int, kind: str, varying: bool) -> list[Path]:
    """Write one series; the pixel data is a hole in the file, since nobody reads it here."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))  # type: ignore[arg-type]
    dataset.Rows = dataset.Columns = 512
    rng = random.Random(5)
    syntax = {"implicit": ImplicitVRLittleEndian, "RLE": RLELossless, "J2K": JPEG2000Lossless}.get(kind)
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
    if kind == "private":
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", bytes(60_000))
        block.add_new(0x20, "OB", bytes(90_000))
    compressed = kind in ("RLE", "J2K")
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(1000)]) if compressed else bytes(2 * 512 * 512)
    if compressed:
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    series = pydicom.uid.generate_uid(entropy_srcs=[kind])[:50]
    paths = []
    for number in range(1, files + 1):
        dataset.SeriesInstanceUID = series
        digits = number if varying else number + 1000
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{series}.{digits}")
        dataset.InstanceNumber = digits
        z = rng.uniform(-900, 900)
        dataset.SliceLocation = f"{z:.{number % 4}f}" if varying else f"{number + 100:.1f}"
        dataset.ImagePositionPatient = (
            [f"{rng.uniform(-300, 300):.{number % 5}f}", "-180.5", dataset.SliceLocation]
            if varying
            else ["-200.0", "-180.5", dataset.SliceLocation]
        )
        if varying:
            vary(dataset, number, rng)
        path = folder / f"{kind}{number}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def vary(dataset: pydicom.Dataset, number: int, rng: random.Random) -> None:
    """Give texts other lengths in each image: times, tube current, exposure, and a few more."""
    fraction = f"{rng.random():.6f}"[1 : 3 + number % 6]
    for keyword in ("ContentTime", "AcquisitionTime", "InstanceCreationTime"):
        setattr(dataset, keyword, f"1012{number % 60:02d}{fraction}")
    dataset.XRayTubeCurrent = str(rng.choice([80, 120, 1200, 99, 100, 10000]))
    dataset.Exposure = str(rng.choice([8, 12, 120, 999, 1000]))
    dataset.ExposureTime = str(rng.choice([500, 1000, 75, 10000]))
    dataset.AcquisitionNumber = str(number)
    dataset.WindowCenter = str(rng.choice([40, 400, -600, 1000]))
    dataset.WindowWidth = str(rng.choice([80, 400, 1600, 10000]))
    dataset.TableHeight = f"{rng.uniform(90, 1100):.{number % 3}f}"
    dataset.ReconstructionDiameter = f"{rng.uniform(90, 1100):.{number % 3}f}"
    dataset.ImageComments = "x" * (number % 7)


def measure(paths: list[Path], rounds: int) -> dict[str, float]:
    """Medians over the rounds, the ways of reading alternated within each.

    The layouts are learnt from the first thirty files by a new reader in each round; what is measured are the
    others, none of which the reader has seen.
    """
    names = [os.fspath(path) for path in paths]
    first, names = names[:30], names[30:]
    prefixes = [read_prefix(name) for name in names]
    some = names[:: len(names) // 20]
    results: dict[str, list[float]] = {}

    def reader(remember: bool) -> HeaderReader:
        made = HeaderReader(FIELDS, SEQUENCES, remember)
        for name in first:
            made.read_file(name)
        return made

    def note(way: str, read: Callable[[Any], object], arguments: Sequence[object]) -> None:
        before = time.process_time()
        for argument in arguments:
            read(argument)
        microseconds = (time.process_time() - before) / len(arguments) * 1e6
        results.setdefault(way, []).append(microseconds)

    for _ in range(rounds):
        walking, remembering = reader(False), reader(True)
        note("read 16 KB", read_16k, names)
        note("walk", walking.parse, prefixes)
        note("parse", remembering.parse, prefixes)
        note("read_file", reader(True).read_file, names)
        note("pydicom", pydicom_specific, some)
    return {way: statistics.median(times) for way, times in results.items()}


def read_16k(name: str) -> None:
    descriptor = os.open(name, os.O_RDONLY)
    os.read(descriptor, 16384)
    os.close(descriptor)


def pydicom_specific(name: str) -> None:
    pydicom.dcmread(name, stop_before_pixels=True, specific_tags=TAGS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = {}
    with tempfile.TemporaryDirectory() as name:
        for kind in ("explicit", "implicit", "RLE", "J2K", "private"):
            for varying in (False, True):
                title = f"{kind}, {'varying' if varying else 'regular'}"
                folder = Path(name) / title
                folder.mkdir()
                table[title] = measure(make_series(folder, options.files, kind, varying), options.rounds)
    ways = ("walk", "parse", "read_file", "pydicom")
    print(f"{'CPU us per file':19} read 16 KB" + "".join(f"{way:>18}" for way in ways))
    for title, row in table.items():
        limit = row["read 16 KB"]
        print(
            f"{title:19}{limit:11.1f}" + "".join(f"{row[way]:9.1f} {row[way] / limit:6.1f} x" for way in ways)
        )
    if options.json:
        options.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
