"""From arrival to DVH rows: how soon after the last object, what it costs the sender, how long a whole archive takes.

Targets: the rows of 20 ROIs at most 2 s after the last object; C-STORE at most 1.1 x its time with the derivation
off; 1,800 plans of 20 ROIs in less than 2 h on two cores (extrapolated from the plans measured).
"""

import copy
import statistics
import tempfile
import time
from pathlib import Path

import pydicom
from common import parser, report

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.store import Options, Storer
from pyconquest_rt.demo import make_patient
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.node import Node, derive_in_processes
from pyconquest_rt.settings.sections import ArchiveSettings, DeriveSettings, ListenerSettings, Settings

ROIS = 20
SENT = 24  # patients; sending them lasts long enough for derivations to begin meanwhile


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--plans", type=int, default=50)
    options.add_argument("--repeats", type=int, default=5)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        files = [_patient(folder / "export", number) for number in range(arguments.plans)]
        delays = [_delay(folder / f"delay{n}", files[0]) for n in range(arguments.repeats)]
        times: dict[int, list[float]] = {0: [], 1: []}
        for number in range(arguments.repeats):
            for workers in (0, 1) if number % 2 else (1, 0):
                found = _sending(folder / f"send{number}-{workers}", files[:SENT], workers)
                times[workers].append(found)
        ratio = statistics.median(times[1]) / statistics.median(times[0])
        hours = _all(folder / "all", files) / arguments.plans * 1800 / 3600
    rows = [
        {"what": f"last object to {ROIS} DVH rows, s", "value": statistics.median(delays), "target": "<= 2"},
        {"what": "C-STORE with derivation / without", "value": ratio, "target": "<= 1.1"},
        {"what": f"1800 plans of {ROIS} ROIs, h (from {arguments.plans})", "value": hours, "target": "< 2"},
    ]
    report("From arrival to DVH rows", rows, arguments.json)


def _patient(folder: Path, number: int) -> list[Path]:
    """The files of one patient whose structure set has 20 ROIs; the dose comes last."""
    files = make_patient(folder, f"ARRIVAL{number:04d}")
    by_modality = {path: pydicom.dcmread(path, specific_tags=["Modality"]).Modality for path in files}
    path = next(path for path, modality in by_modality.items() if modality == "RTSTRUCT")
    data_set = pydicom.dcmread(path)
    names, contours = data_set.StructureSetROISequence, data_set.ROIContourSequence
    filled = [item for item in contours if "ContourSequence" in item]
    for roi in range(len(names) + 1, ROIS + 1):
        name, contour = copy.deepcopy(names[0]), copy.deepcopy(filled[roi % len(filled)])
        name.ROINumber = contour.ReferencedROINumber = roi
        name.ROIName = f"Copy {roi}"
        names.append(name)
        contours.append(contour)
    data_set.save_as(path)
    return sorted(files, key=lambda file: by_modality[file] == "RTDOSE")


def _settings(folder: Path) -> ArchiveSettings:
    folder.mkdir()
    return ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))


def _delay(folder: Path, files: list[Path]) -> float:
    """Seconds from the last acknowledgement to the last DVH row."""
    settings = _settings(folder)
    with Node(Settings(settings, ListenerSettings(port=0))) as node:
        ingest = Archive.open(settings)
        time.sleep(2.0)  # the worker has started
        assert send_files(files, "127.0.0.1", node.port, "PYCONQUEST").sent == len(files)
        start = time.monotonic()
        while time.monotonic() - start < 60:
            if ingest.database.has("dvh") and len(ingest.database.query("SELECT 1 FROM dvh")) >= ROIS:
                break
            time.sleep(0.01)
        seconds = time.monotonic() - start
        ingest.close()
    return seconds


def _sending(folder: Path, patients: list[list[Path]], workers: int) -> float:
    """Seconds to send some patients, with so many workers that derive meanwhile."""
    with Node(Settings(_settings(folder), ListenerSettings(port=0), derive=DeriveSettings(workers))) as node:
        time.sleep(2.0)
        files = [file for patient in patients for file in patient]
        start = time.monotonic()
        assert send_files(files, "127.0.0.1", node.port, "PYCONQUEST").sent == len(files)
        return time.monotonic() - start


def _all(folder: Path, patients: list[list[Path]]) -> float:
    """Seconds to derive everything of an archive, in two processes."""
    settings = _settings(folder)
    ingest = Archive.open(settings)
    storer = Storer(ingest, Options())
    for patient in patients:
        for file in patient:
            storer.store(file, name=f"{file.parent.name}-{file.name}")
    start = time.monotonic()
    derive_in_processes(settings, 2)
    seconds = time.monotonic() - start
    (row,) = ingest.database.query("SELECT count(*) AS n FROM dvh")
    assert row["n"] == ROIS * len(patients), row
    ingest.close()
    return seconds


if __name__ == "__main__":
    main()
