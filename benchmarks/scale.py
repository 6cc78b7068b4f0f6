"""A million image rows through the write path that a rebuild uses: insertion rate, query times, memory.

Targets: the last tenth is inserted at 0.8 x the rate of the first or better; series of a patient, study list and
per-patient summary take at most 20 ms each; resident memory stays below 300 MB.
"""

import random
import resource
import tempfile
import time
from pathlib import Path

from common import parser, report

from pyconquest_rt.config import ArchiveSettings
from pyconquest_rt.header import Header
from pyconquest_rt.ingest import Found, Ingest

BATCH = 500
PER_SERIES = 150


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=1_000_000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        settings = ArchiveSettings(folder, str(Path(folder) / "scale.db"), "none.sql")
        ingest = Ingest.open(settings)
        rates = _fill(ingest, arguments.images)
        rows = [
            {"what": "rows/s, first tenth", "value": rates[0]},
            {"what": "rows/s, last tenth", "value": rates[-1]},
            {"what": "last / first", "value": rates[-1] / rates[0], "target": ">= 0.8"},
            {
                "what": "resident memory, MB",
                "value": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "target": "<= 300",
            },
        ]
        rows += [
            {"what": f"{name}, ms", "value": value, "target": "<= 20"} for name, value in _queries(ingest)
        ]
        report(f"{arguments.images} image rows", rows, arguments.json)
        ingest.close()


def _fill(ingest: Ingest, images: int) -> list[float]:
    """Write the rows; returns the rate of each tenth in rows per second of CPU time."""
    rates: list[float] = []
    start = time.process_time()
    for first in range(0, images, BATCH):
        ingest.add([_image(ingest, number) for number in range(first, min(first + BATCH, images))])
        if (first + BATCH) * 10 // images > len(rates):
            rates.append(images / 10 / (time.process_time() - start))
            start = time.process_time()
    return rates


def _image(ingest: Ingest, number: int) -> Found:
    series = number // PER_SERIES
    study, patient = series // 3, series // 6
    generator = random.Random(number)
    known = {
        0x00100020: f"PAT{patient:06d}",
        0x00100010: f"Family{patient}^Given",
        0x0020000D: f"1.2.826.0.1.{study * 7919 % 1000003}.{study}",
        0x0020000E: f"1.2.826.0.2.{series * 7919 % 1000003}.{series}",
        0x00080018: f"1.2.826.0.3.{generator.getrandbits(48)}.{number}",
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


def _queries(ingest: Ingest) -> list[tuple[str, float]]:
    patient = "PAT000100"
    queries = {
        "series of a patient": ("SELECT * FROM DICOMSeries WHERE SeriesPat = ?", (patient,)),
        "list of all studies": ("SELECT * FROM DICOMStudies ORDER BY StudyDate, PatientID", ()),
        "summary of a patient": (
            "SELECT s.Modality, count(*) FROM DICOMSeries s JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
            "WHERE s.SeriesPat = ? GROUP BY s.Modality",
            (patient,),
        ),
    }
    results = []
    for name, (sql, parameters) in queries.items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            assert ingest.database.query(sql, parameters)
            times.append((time.perf_counter() - start) * 1000)
        results.append((name, sorted(times)[2]))
    return results


if __name__ == "__main__":
    main()
