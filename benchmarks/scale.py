"""A million image rows through the write path that a rebuild uses: insertion rate, query times, memory.

Targets: the last tenth is inserted at 0.8 x the rate of the first or better; series of a patient, study list and
per-patient summary take at most 20 ms each; resident memory stays below 300 MB.

Objects come patient by patient and series by series, in the batches of a rebuild; a series has 150 images, a study
3 series, a patient 2 studies. UIDs are of the length that scanners' have. Where a series lies among the others by its
UID is random. Two archives are made:

scanner
    A series' SOPInstanceUIDs share a prefix and count up, as those of GE, Siemens and Varian do.
random
    Each SOPInstanceUID lies anywhere among the others, as after de-identification by a hash. Files come in the
    order of their InstanceNumber, so that the names within a patient's folder are in no order either.

Only the writing is timed, not the making of the objects; a rebuild adds the constant time of reading each file. So
that both ends see the same load of the machine, the first tenth is written once more, into a second database, batch
by batch in turn with the last tenth; "last / first" compares these two. Memory is that of both.
"""

import gc
import hashlib
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from common import Times, parser, report, verdict

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.ingest import Found
from pyconquest_rt.archive.rebuild import CHUNK
from pyconquest_rt.dicom.header import Header
from pyconquest_rt.settings.sections import ArchiveSettings

BATCH = CHUNK
PER_SERIES = 150

Row = dict[str, Any]
UIDs = Callable[[int], str]
"""The SOPInstanceUID of an image by its number."""


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--images", type=int, default=1_000_000, help="rows (default %(default)s)")
    options.add_argument("--uids", choices=_UIDS, nargs="+", default=list(_UIDS), help="default: both")
    arguments = options.parse_args()
    gc.disable()  # as a rebuild does
    for name in arguments.uids:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            title = f"{arguments.images} image rows, {name} UIDs"
            report(title, _measure(Path(folder), arguments.images, _UIDS[name]), arguments.json)


def _measure(folder: Path, images: int, sop_uid: UIDs) -> list[Row]:
    ingest, second = (
        Archive.open(ArchiveSettings(str(folder), str(folder / name), "none.sql"))
        for name in ("scale.db", "second.db")
    )
    tenth = images // 10
    tenths = [_fill([(ingest, tenth * number)], tenth, sop_uid)[0] for number in range(9)]
    last, first = _fill([(ingest, tenth * 9), (second, 0)], tenth, sop_uid)
    rows: list[Row] = [
        {"what": f"rows/s, tenth {number}", "CPU": tenth / times.cpu, "wall": tenth / times.wall}
        for number, times in enumerate([*tenths, last], 1)
    ]
    rows.append({"what": "rows/s, first again", "CPU": tenth / first.cpu, "wall": tenth / first.wall})
    rows.append(
        {"what": "last / first", "CPU": first.cpu / last.cpu, "wall": first.wall / last.wall}
        | verdict(first.cpu / last.cpu, ">= 0.8 in CPU")
    )
    rows += [_memory(), *_queries(ingest)]
    ingest.close()
    second.close()
    return rows


def _scanner_uid(number: int) -> str:
    series, image = divmod(number, PER_SERIES)
    return f"1.2.826.0.1.3680043.10.9.{_digits(series, 18)}.{series:08d}.{image + 1}"


def _random_uid(number: int) -> str:
    return f"1.2.826.0.1.3680043.10.9.{_digits(number, 30)}"


def _digits(seed: int, count: int) -> int:
    """A number of that many digits, drawn by a hash, which is quicker than seeding a generator."""
    drawn = int.from_bytes(hashlib.blake2b(b"%d" % seed, digest_size=16).digest())
    least: int = 10 ** (count - 1)
    return least + drawn % (9 * least)


_UIDS: dict[str, UIDs] = {"scanner": _scanner_uid, "random": _random_uid}


def _fill(places: list[tuple[Archive, int]], count: int, sop_uid: UIDs) -> list[Times]:
    """Write ``count`` rows to each place, from the image with the given number on; returns what each took."""
    spent = [Times(0, 0) for _ in places]
    for done in range(0, count, BATCH):
        for place, (archive, first) in enumerate(places):
            numbers = range(first + done, first + min(done + BATCH, count))
            batch = [_image(archive, number, sop_uid) for number in numbers]
            writer = archive.writer()
            cpu, wall = process_time(), perf_counter()
            writer.add(batch)
            cpu, wall = process_time() - cpu, perf_counter() - wall
            spent[place] = Times(spent[place].cpu + cpu, spent[place].wall + wall)
    return spent


def _image(ingest: Archive, number: int, sop_uid: UIDs) -> Found:
    series = number // PER_SERIES
    study, patient = series // 3, series // 6
    known = {
        0x00100020: f"PAT{patient:06d}",
        0x00100010: f"Family{patient}^Given",
        0x0020000D: f"1.2.826.0.1.3680043.10.7.{_digits(study, 18)}.{study:08d}",
        0x0020000E: f"1.2.826.0.1.3680043.10.8.{_digits(series, 18)}.{series:08d}",
        0x00080018: sop_uid(number),
        0x00080016: "1.2.840.10008.5.1.4.1.1.2",
        0x00080060: ("CT", "MR", "RTSTRUCT")[series % 3],
        0x00080020: f"20{10 + patient % 15}0{1 + patient % 9}15",
        0x00200013: str(number % PER_SERIES + 1),
        0x00201041: f"{number % PER_SERIES * 2.5:g}",
        0x00200032: f"-250\\-250\\{number % PER_SERIES * 2.5:g}",
        0x00280010: "512",
        0x00280011: "512",
    }
    values = tuple(known.get(field.path[0]) for field in ingest.layout.fields)
    path = f"{known[0x00100020]}/{known[0x00080018]}.dcm"
    return Found(path, 526336, 1_700_000_000_000_000_000 + number, Header(values, {}, 526336, 0, "", ""))


def _memory() -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"what": "resident memory"} | verdict(peak, "<= 300 MB")


def _queries(ingest: Archive) -> list[Row]:
    """The median times of each query in ms; by the clock it is longer where others use the processors."""
    patient = ingest.database.query("SELECT max(PatientID) AS last FROM DICOMPatients")[0]["last"]
    queries: dict[str, tuple[str, tuple[str, ...]]] = {
        "series of a patient": ("SELECT * FROM DICOMSeries WHERE SeriesPat = ?", (patient,)),
        "list of all studies": ("SELECT * FROM DICOMStudies ORDER BY StudyDate, PatientID", ()),
        "summary of a patient": (
            "SELECT s.Modality, count(*) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
            "WHERE s.SeriesPat = ? GROUP BY s.Modality",
            (patient,),
        ),
    }
    rows = []
    for name, (sql, parameters) in queries.items():
        times = []
        for _ in range(9):
            cpu, wall = process_time(), perf_counter()
            assert ingest.database.query(sql, parameters)
            times.append(((process_time() - cpu) * 1000, (perf_counter() - wall) * 1000))
        cpu, wall = map(median, zip(*times, strict=True))
        rows.append({"what": f"{name}, ms", "CPU": cpu, "wall": wall} | verdict(cpu, "<= 20 ms of CPU"))
    return rows


if __name__ == "__main__":
    main()
