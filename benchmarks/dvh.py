"""Time and memory of calculate_dvhs against dicompyler-core: 30 ROIs on a dose grid of 200 x 150 x 120
voxels.

Both engines work end to end from the bytes of the same two files, alternated in one process; CPU times are
compared. Run: ``python benchmarks/dvh.py [--rounds 3] [--json FILE]``.
"""

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

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


def case(seed: int = 4) -> tuple[bytes, bytes, int, int]:
    """RTSTRUCT, RTDOSE, number of contours and of contour points."""
    rng = np.random.default_rng(seed)
    rois = {1: contours(rng, np.array([0.0, 0.0, 0.0]), np.array([190.0, 130.0, 120.0]), 220)}
    for number in range(2, 31):
        centre = rng.uniform(-1, 1, 3) * (100, 60, 70)
        rois[number] = contours(rng, centre, rng.uniform(8, 45, 3) * (1, 1, 0.9), int(rng.integers(40, 160)))

    def dose(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        target = 60 / (1 + np.exp((np.sqrt((x / 1.2) ** 2 + y**2 + z**2) - 45) / 6))
        return np.asarray(target + 12 * np.exp(-((y / 40) ** 2)) * np.exp(-((z / 60) ** 2)) + 0.5)

    origin = (-248.3, -185.9, -148.4)
    points = [len(c) for found in rois.values() for c in found]
    return (
        written(structure_set(rois)),
        written(dose_object(dose, SHAPE, SPACING, origin)),
        len(points),
        sum(points),
    )


def peak_memory(rs: bytes, rd: bytes) -> float:
    """Greatest memory in MiB that one call takes beyond its two arguments."""
    tracemalloc.start()
    calculate_dvhs(rs, rd)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rs, rd, contour_count, points = case()
    calculate_dvhs(rs, rd, rois=[2])
    calculate_dvhs(rs, rd, rois=[2], engine="dicompyler")
    times: dict[str, list[float]] = {"pyconquest": [], "dicompyler": []}
    for _ in range(options.rounds):
        for engine, found in times.items():
            start = time.process_time()
            calculate_dvhs(rs, rd, engine=engine)
            found.append(time.process_time() - start)
    ratios = [peer / ours for ours, peer in zip(times["pyconquest"], times["dicompyler"], strict=True)]
    memory = peak_memory(rs, rd)
    result = {
        "rois": 30,
        "contours": contour_count,
        "points": points,
        "pyconquest_s": times["pyconquest"],
        "dicompyler_s": times["dicompyler"],
        "ratios": ratios,
        "median_ratio": statistics.median(ratios),
        "peak_extra_mib": memory,
    }
    print(f"30 ROIs, {contour_count} contours, {points} points; dose {' x '.join(map(str, SHAPE[::-1]))}")
    print("| round | dicompyler-core, CPU s | pyconquest_rt, CPU s | ratio |")
    print("| --- | --- | --- | --- |")
    for i, ratio in enumerate(ratios):
        print(f"| {i + 1} | {times['dicompyler'][i]:.2f} | {times['pyconquest'][i]:.3f} | {ratio:.1f} |")
    print(f"median ratio {result['median_ratio']:.1f}; peak memory of one call {memory:.1f} MiB")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
