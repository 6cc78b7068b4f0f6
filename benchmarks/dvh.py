"""Time and memory of calculate_dvhs against dicompyler-core: 30 ROIs, and 200 small ones, on a dose grid of
200 x 150 x 120 voxels.

Both engines work end to end from the bytes of the same two files, alternated in one process; the least CPU time of
each is compared. Run: ``python benchmarks/dvh.py [--rounds 5] [--case thirty|small] [--json FILE]``.
"""

import argparse
import json
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests" / "rt" / "dvh")]

from phantoms import dose_object, structure_set, written

from pyconquest_rt.dvh import calculate_dvhs

SHAPE, SPACING = (120, 150, 200), (2.5, 2.5, 2.5)
SLICE_MM = 3.0


def contours(
    rng: np.random.Generator, centre: np.ndarray, radii: np.ndarray, points: int
) -> list[np.ndarray]:
    """Slices of a lumpy ellipsoid, ``points`` to a contour."""
    angle = 2 * np.pi * np.arange(points) / points
    waves = rng.uniform(-0.08, 0.08, 4)
    shape = 1 + sum(w * np.cos((k + 2) * angle + rng.uniform(0, 6)) for k, w in enumerate(waves))
    first, last = np.ceil((centre[2] - radii[2]) / SLICE_MM), np.floor((centre[2] + radii[2]) / SLICE_MM)
    found = []
    for z in SLICE_MM * np.arange(first, last + 1):
        part = np.sqrt(max(1 - ((z - centre[2]) / radii[2]) ** 2, 0.0))
        if part > 0.1:
            x = centre[0] + part * radii[0] * shape * np.cos(angle)
            y = centre[1] + part * radii[1] * shape * np.sin(angle)
            found.append(np.column_stack((x, y, np.full(points, z))))
    return found


def thirty(rng: np.random.Generator) -> dict[int, list[np.ndarray]]:
    """A body and 29 organs."""
    rois = {1: contours(rng, np.array([0.0, 0.0, 0.0]), np.array([190.0, 130.0, 120.0]), 220)}
    for number in range(2, 31):
        centre = rng.uniform(-1, 1, 3) * (100, 60, 70)
        rois[number] = contours(rng, centre, rng.uniform(8, 45, 3) * (1, 1, 0.9), int(rng.integers(40, 160)))
    return rois


def small(rng: np.random.Generator) -> dict[int, list[np.ndarray]]:
    """200 spheres with radii of 5 to 15 mm."""
    rois = {}
    for number in range(1, 201):
        centre = rng.uniform(-1, 1, 3) * (100, 60, 70)
        rois[number] = contours(rng, centre, np.full(3, rng.uniform(5, 15)), int(rng.integers(40, 100)))
    return rois


CASES = {"thirty": thirty, "small": small}


def dose(points: np.ndarray) -> np.ndarray:
    x, y, z = points.T
    target = 60 / (1 + np.exp((np.sqrt((x / 1.2) ** 2 + y**2 + z**2) - 45) / 6))
    return np.asarray(target + 12 * np.exp(-((y / 40) ** 2)) * np.exp(-((z / 60) ** 2)) + 0.5)


def case(name: str = "thirty", seed: int = 4) -> tuple[bytes, bytes, int, int]:
    """RTSTRUCT, RTDOSE, number of contours and of contour points."""
    rois = CASES[name](np.random.default_rng(seed))
    points = [len(c) for found in rois.values() for c in found]
    rd = written(dose_object(dose, SHAPE, SPACING, (-248.3, -185.9, -148.4)))
    return written(structure_set(rois)), rd, len(points), sum(points)


def peak_memory(rs: bytes, rd: bytes) -> float:
    """Greatest memory in MiB that one call takes beyond its two arguments."""
    tracemalloc.start()
    calculate_dvhs(rs, rd)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def compared(name: str, rounds: int) -> dict[str, Any]:
    """Times of both engines in turn, and the memory of ours."""
    rs, rd, contour_count, points = case(name)
    for engine in ("pyconquest", "dicompyler"):
        calculate_dvhs(rs, rd, rois=[2], engine=engine)
    times: dict[str, list[float]] = {"pyconquest": [], "dicompyler": []}
    for _ in range(rounds):
        for engine, found in times.items():
            start = time.process_time()
            calculate_dvhs(rs, rd, engine=engine)
            found.append(time.process_time() - start)
    return {
        "contours": contour_count,
        "points": points,
        "pyconquest_s": times["pyconquest"],
        "dicompyler_s": times["dicompyler"],
        "ratio": min(times["dicompyler"]) / min(times["pyconquest"]),
        "peak_extra_mib": peak_memory(rs, rd),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {name: compared(name, options.rounds) for name in options.case or CASES}
    print("| case | contours | points | dicompyler-core, CPU s | pyconquest_rt, CPU s | ratio | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, found in results.items():
        least = [min(found[f"{engine}_s"]) for engine in ("dicompyler", "pyconquest")]
        numbers = f"{found['contours']} | {found['points']} | {least[0]:.2f} | {least[1]:.3f}"
        print(f"| {name} | {numbers} | {found['ratio']:.1f} | {found['peak_extra_mib']:.1f} |")
    print(f"least of {options.rounds} rounds; dose {' x '.join(map(str, SHAPE[::-1]))}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
