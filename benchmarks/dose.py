"""CPU time of importing dose objects, as a ratio to pydicom reading the same file in the same run.

An import is: open, extract, write into the six tables and commit. The peer is pydicom's ``dcmread`` and a
walk over all elements with their values (pydicom decodes a value when it is asked for). The two alternate;
the medians of the CPU time (user and system) are compared, so the load of the machine matters little.

OpenREM 1.0.0b3 was measured once beside a prototype that read with pydicom, took the values it needed (of
reports all), and wrote the same six tables: OpenREM took so many times the CPU of the prototype (column
``OpenREM/prototype``). That factor times our own ratio to the peer says how far we are below OpenREM. For
images, of which the prototype did not take all values, the ratio to the bare ``dcmread`` gives the least that
it can be (``at least``).

Usage: python benchmarks/dose.py FOLDER [--repeats N] [--json FILE]; FOLDER holds OpenREM's test files.
"""

import argparse
import json
import sqlite3
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pydicom

from pyconquest_rt import dose_reports
from pyconquest_rt.dose_reports.tables import TABLES

# File → CPU of OpenREM's import over that of the prototype, and what is aimed at.
FILES = {
    "CT-RDSR-Siemens_Flash-TAP-SS.dcm": (0.289 / 0.057, 5),
    "CT-ESR-GE_VCT.dcm": (0.953 / 0.226, 5),
    "DX-RDSR-Carestream_DRXEvolution.dcm": (0.663 / 0.090, 5),
    "MG-RDSR-Hologic_mix.dcm": (0.889 / 0.176, 5),
    "RF-RDSR-Philips_Allura.dcm": (0.683 / 0.172, 5),
    "RF-RDSR-Canon-Alphenix-rotational.dcm": (5.64 / 0.92, 5),
    "MG-Im-GE_Seno_1_ForProcessing.dcm": (0.155 / 0.0033, 30),
    "DX-Im-Carestream_DRX.dcm": (0.150 / 0.0030, 30),
    "CT-SC-Philips_Brilliance16P.dcm": (0.132 / 0.0046, 30),
}


def read(path: Path) -> None:
    pydicom.dcmread(path, stop_before_pixels=True)


def read_values(path: Path) -> None:
    for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
        _ = element.value


def by_import(path: Path, connection: sqlite3.Connection) -> None:
    rows = dose_reports.extract(path)
    assert rows is not None
    with connection:
        dose_reports.write(connection, rows)


def cpu(work: Callable[[], None], before: Callable[[], None], times: int) -> float:
    """Mean CPU seconds of some work that is done several times in a row."""
    spent = 0.0
    for _ in range(times):
        before()
        start = time.process_time()
        work()
        spent += time.process_time() - start
    return spent / times


def empty(connection: sqlite3.Connection) -> None:
    """Delete all rows: the object is new each time."""
    with connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")


def measure(path: Path, repeats: int) -> tuple[float, float, float]:
    """Median CPU seconds of pydicom's bare read, of its read with all values and of our import.

    The three take turns; of a small object each turn is ten of them, so that no one meets only what the
    others have left in the processor's caches.
    """
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    works = (partial(read, path), partial(read_values, path), partial(by_import, path, connection))
    times = 10 if path.stat().st_size < 100_000 else 1
    turns = [[cpu(work, partial(empty, connection), times) for work in works] for _ in range(repeats + 1)]
    bare, peer, own = (statistics.median(column) for column in zip(*turns[1:], strict=True))
    return bare, peer, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    results = []
    heads = (
        "file",
        "read ms",
        "values ms",
        "import ms",
        "ratio",
        "OpenREM/prototype",
        "below OpenREM",
        "at least",
    )
    print("{:38}{:>9}{:>11}{:>11}{:>7}{:>19}{:>15}{:>10}  aim".format(*heads))
    for name, (factor, aim) in FILES.items():
        bare, peer, own = measure(arguments.folder / name, arguments.repeats)
        least = factor * (peer if "-Im-" not in name and "-SC-" not in name else bare) / own
        below = factor * peer / own
        figures = (bare * 1e3, peer * 1e3, own * 1e3, peer / own, factor, below, least)
        print(
            f"{name:38}"
            + "{:9.2f}{:11.2f}{:11.2f}{:7.1f}{:19.1f}{:15.0f}{:10.0f}".format(*figures)
            + f"  {aim}"
        )
        results.append({"file": name, "aim": aim, **dict(zip(heads[1:], figures, strict=True))})
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
