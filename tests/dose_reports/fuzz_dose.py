"""Change real and made dose objects at random and extract them: a status row or none, never an exception.

    python tests/dose_reports/fuzz_dose.py FOLDER --seconds 300 [--seed N]

FOLDER holds the objects to begin with. Memory is limited to 2 GB; an object that takes longer than ten seconds of
CPU, or whose result breaks a rule of `test_dose_damage.check`, stops the run and is written to fuzz-failure.dcm.
"""

import argparse
import random
import resource
import struct
import time
import warnings
from pathlib import Path

from dose_objects import encode, radiograph
from test_dose_damage import WHOLE, check

from pyconquest_rt.dose_reports import extract

MAX_SECONDS = 10.0
_LIES = (0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0)


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _take_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 64)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    piece = bytes(data[start : start + chance.randint(1, 2000)])
    data[start:start] = piece * chance.randint(1, 5)


def _lie(data: bytearray, chance: random.Random) -> None:
    """Overwrite the length of a sequence, of an item or of anything."""
    mark = chance.choice((b"SQ\0\0", b"\xfe\xff\x00\xe0", b"UI", b"DS", b"\x40\x00\x30\xa7"))
    at = data.find(mark, chance.randrange(len(data)))
    if at < 0 or at + len(mark) + 4 > len(data):
        return _flip(data, chance)
    lie = chance.choice((*_LIES, chance.randrange(1 << 32)))
    data[at + len(mark) : at + len(mark) + 4] = struct.pack("<I", lie)
    return None


_CHANGES = (_flip, _cut, _take_out, _repeat, _lie, _lie)


def changed(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        if data:
            chance.choice(_CHANGES)(data, chance)
    return bytes(data)


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
