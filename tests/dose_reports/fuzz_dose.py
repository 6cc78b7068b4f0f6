"""Change real and made dose objects at random and extract them: a status row or none, never an exception.

    python tests/dose_reports/fuzz_dose.py FOLDER --seconds 300 [--seed N]

FOLDER holds the objects to begin with. Memory is limited to 2 GB; an object that takes longer than ten seconds of
CPU, or whose result breaks a rule of `test_dose_damage.check`, stops the run and is written to fuzz-failure.dcm.
"""

import argparse
import random
import resource
import time
import warnings
from pathlib import Path

from dose_changes import changed
from dose_objects import encode, radiograph
from test_dose_damage import WHOLE, check

from pyconquest_rt.dose_reports import extract

MAX_SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--objects", type=int, default=0, help="stop after so many; 0: by the time alone")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    warnings.simplefilter("ignore")
    chance, end = random.Random(arguments.seed), time.monotonic() + arguments.seconds
    seeds = [path.read_bytes() for path in sorted(arguments.folder.rglob("*.dcm"))]
    seeds = [*(seed for seed in seeds if len(seed) < 500_000), *WHOLE.values(), encode(radiograph())]
    counts: dict[str, int] = {}
    slowest = 0.0
    while time.monotonic() < end and not 0 < arguments.objects <= sum(counts.values()):
        data = changed(chance.choice(seeds), chance)
        start = time.process_time()
        try:
            rows = extract(data)
            check(rows)
            slowest = max(slowest, time.process_time() - start)
            assert time.process_time() - start < MAX_SECONDS, "too slow"
        except BaseException:
            Path("fuzz-failure.dcm").write_bytes(data)
            raise
        state = "no dose" if rows is None else str(rows.object["status"])
        counts[state] = counts.get(state, 0) + 1
    print(
        f"{sum(counts.values())} objects: {counts}; slowest {slowest:.2f} s of CPU, "
        f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB"
    )


if __name__ == "__main__":
    main()
