"""Volumes: CPU time of examine + load against pydicom's bare decoding of the same files, memory, and verdicts.

A CT series of 200 x 512 x 512 (noise of CT, positions of its own in each slice), native, in RLE and in JPEG 2000. Bare
decoding is `dcmread(path).pixel_array` of each file, which is then dropped: no order, no geometry, no rescale, no
volume. Both run in turn in this process; figures are medians. Memory is the growth of a new process that loads the
series, as a multiple of its array. Verdicts: a rebuild of an index over many series of small images, then the table
`volume_verdict` of all of them, which reads each header once more.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from common import Contender, alternate, parser, report, timed, verdict
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.derive.engine import derive, extractors
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings, Settings
from pyconquest_rt.volumes import examine, load

SYNTAXES = {"native": ExplicitVRLittleEndian, "RLE": RLELossless, "J2K": JPEG2000Lossless}
CPU_TARGETS = {"native": "<= 1.2", "RLE": "<= 1.4", "J2K": "<= 1.1"}
_GROWTH = """
import sys
from pyconquest_rt.volumes import examine, load
import pyconquest_rt.volumes.pixels, pydicom
def peak():  # of this program; ru_maxrss counts what its parent held too
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
(small,) = examine(sys.argv[2])
load(small)
before = peak()
volume = load(examine(sys.argv[1])[0])
print((peak() - before) / volume.array.nbytes)
"""


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--slices", type=int, default=200, help="of a series (default %(default)s)")
    options.add_argument("--rounds", type=int, default=5, help="of each reader (default %(default)s)")
    options.add_argument("--series", type=int, default=1000, help="with verdicts (default %(default)s)")
    options.add_argument("--images", type=int, default=20, help="of each of these (default %(default)s)")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as name:
        work = Path(name).resolve()
        rows = [row for kind in SYNTAXES for row in _loading(work, kind, arguments.slices, arguments.rounds)]
        report(f"examine + load, {arguments.slices} x 512 x 512", rows, arguments.json)
        rows = _verdicts(work, arguments.series, arguments.images)
        report(f"verdicts, {arguments.series} series of {arguments.images}", rows, arguments.json)


def make_series(folder: Path, kind: str, slices: int, size: int = 512, series: int = 0) -> list[Path]:
    """Write one series; its pixels are encoded once."""
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    image.Rows = image.Columns = size
    image.PixelData = (
        np.random.default_rng(1).normal(1000, 200, (size, size)).clip(0, 4000).astype("<i2").tobytes()
    )
    image["PixelData"].VR = "OW"
    image.PixelRepresentation, image.RescaleIntercept = 1, -1024
    del image[0x00280120:0x00280122]
    if kind == "native":
        image.file_meta.TransferSyntaxUID = SYNTAXES[kind]
    else:
        image.compress(SYNTAXES[kind], generate_instance_uid=False)
    folder.mkdir(parents=True)
    image.StudyInstanceUID = f"1.2.826.0.1.3680043.10.{series}"
    image.SeriesInstanceUID, image.PatientID = f"{image.StudyInstanceUID}.1", f"BENCH{series:05d}"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    paths = []
    for number in range(slices):
        image.SOPInstanceUID = f"{image.SeriesInstanceUID}.{number}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.InstanceNumber, image.ImagePositionPatient = number + 1, [-250, -250, 2.5 * number]
        paths.append(folder / f"{number:04d}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _loading(work: Path, kind: str, slices: int, rounds: int) -> list[dict[str, Any]]:
    paths = make_series(work / kind, kind, slices)
    make_series(work / f"{kind}-small", kind, 2)

    def volume() -> None:
        load(examine(paths)[0])

    def bare() -> None:
        for path in paths:
            pydicom.dcmread(path).pixel_array  # noqa: B018 - a property that decodes

    contenders: dict[str, Contender] = {"ours": lambda: timed(volume), "bare": lambda: timed(bare)}
    times = alternate(contenders, rounds, warm_up=contenders)
    row = {"": kind, "ours CPU s": times["ours"].cpu, "bare CPU s": times["bare"].cpu}
    rows = [row | verdict(times["ours"].cpu / times["bare"].cpu, CPU_TARGETS[kind])]
    if kind == "J2K":
        wall = {
            "": f"{kind}, by the clock",
            "ours CPU s": times["ours"].wall,
            "bare CPU s": times["bare"].wall,
        }
        target = "<= 0.7" if (os.cpu_count() or 1) > 1 else "<= 1.1"
        rows.append(wall | verdict(times["ours"].wall / times["bare"].wall, target))
    growth = _printed(_GROWTH, [str(work / kind), str(work / f"{kind}-small")])
    return [*rows, {"": f"{kind}, memory / array"} | verdict(growth, "<= 1.3")]


def _printed(program: str, arguments: Sequence[str]) -> float:
    found = subprocess.run(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return float(found.stdout)


def _verdicts(work: Path, series: int, images: int) -> list[dict[str, Any]]:
    data = work / "data"
    for number in range(series):
        make_series(data / str(number), "native", images, 32, number + 1)
    extractors(Settings())  # their modules
    archive = Archive.open(ArchiveSettings(str(data), str(work / "x.db"), str(work / "none.sql")))
    built = timed(lambda: rebuild(archive))
    derived = timed(lambda: derive(archive, only=["volume_verdict"]))
    (found,) = archive.database.query("SELECT count(*) AS rows, sum(images) AS images FROM volume_verdict")
    archive.close()
    assert found == {"rows": series, "images": series * images}, found
    row = {"": "verdicts / rebuild", "ours CPU s": derived.cpu, "rebuild CPU s": built.cpu}
    clock = {"": "by the clock", "ours CPU s": derived.wall, "rebuild CPU s": built.wall}
    return [
        row | verdict(derived.cpu / built.cpu, "<= 3"),
        clock | verdict(derived.wall / built.wall, "<= 3"),
    ]


if __name__ == "__main__":
    main()
