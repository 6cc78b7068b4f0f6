"""Time and memory of all pairs of 30 ROIs and 3 targets, against brute force (scipy's cdist) in the same run.

Also the time of similar and achievable over 1,000 plans.

Brute force takes the centres of 2 mm voxels of the organ and the target's contour points at 1 mm on every slab face: of
each organ some voxels, and their time times how many they stand for. It gives unsigned distances only.
Run: ``python benchmarks/relations.py [--plans 1000]`` (scipy must be installed).
"""

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.exports.relations import achievable, similar
from pyconquest_rt.rt.dvh.contours import Roi
from pyconquest_rt.rt.relations.directions import volume_samples
from pyconquest_rt.rt.relations.extremes import Organ
from pyconquest_rt.rt.relations.pairs import Pairs, RoiSet
from pyconquest_rt.rt.relations.region import regions_of
from pyconquest_rt.settings.sections import ArchiveSettings

SLICE_MM, VOXEL_CC, SAMPLED = 3.0, 0.008, 200
TARGETS = (31, 32, 33)


def ellipsoid(number: int, centre: np.ndarray, radii: np.ndarray, points: int = 100) -> Roi:
    """A lumpy ellipsoid on slices of 3 mm."""
    contours = []
    angle = 2 * np.pi * np.arange(points) / points
    for z in np.arange(-radii[2], radii[2], SLICE_MM):
        part = np.sqrt(max(1 - (z / radii[2]) ** 2, 0.0)) * (1 + 0.05 * np.sin(5 * angle + z / 10))
        if part.min() > 0.1:
            x, y = centre[0] + radii[0] * part * np.cos(angle), centre[1] + radii[1] * part * np.sin(angle)
            contours.append(np.column_stack((x, y, np.full(points, centre[2] + z))))
    return Roi(number, f"ROI {number}", contours=tuple(contours))


def rois() -> dict[int, Roi]:
    """A body, 29 organs and three targets."""
    rng = np.random.default_rng(3)
    found = {1: ellipsoid(1, np.zeros(3), np.array([190.0, 120.0, 120.0]), 220)}
    for number in range(2, 31):
        found[number] = ellipsoid(number, rng.uniform(-1, 1, 3) * (100, 60, 70), rng.uniform(8, 45, 3))
    for number in TARGETS:
        found[number] = ellipsoid(number, rng.uniform(-40, 40, 3), np.array([30.0, 25.0, 35.0]))
    return found


def ours(of: dict[int, Roi]) -> float:
    """CPU seconds of all pairs."""
    start = time.process_time()
    pairs = Pairs(RoiSet.of(of))
    organs = [(number,) for number in range(1, 31)]
    for target in TARGETS:
        pairs.prepare((target,), organs)
        for organ in organs:
            assert pairs.relate(organ, (target,)).min_mm is not None
    return time.process_time() - start


def brute(of: dict[int, Roi]) -> float:
    """CPU seconds of all pairs by brute force, as sampled."""
    from scipy.spatial.distance import cdist

    planes = RoiSet.of(of).planes
    surfaces = []
    for number in TARGETS:
        (region,) = regions_of([planes[number]], "half")
        surfaces.append(region.outward(Organ.of(region).surface.points))
    total = 0.0
    for number in range(1, 31):
        regions = regions_of([planes[number]], "half")
        points, weight = volume_samples(regions)
        voxels = weight.sum() / 1e3 / VOXEL_CC
        some = points[:: max(len(points) // SAMPLED, 1)]
        start = time.process_time()
        for surface in surfaces:
            cdist(some, surface).min(axis=1)
        total += (time.process_time() - start) * voxels / len(some)
    return total


def plans(count: int) -> dict[str, float]:
    """CPU seconds of similar and achievable over so many plans."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        archive = Archive.open(ArchiveSettings(f"{folder}/data", f"{folder}/x.db", "none.sql"))
        derive(archive)
        rng = np.random.default_rng(1)
        with archive.database.transaction() as connection:
            for number in range(count + 1):
                key, shift = f"1.2.{number}", float(rng.integers(-10, 30))
                ovh = json.dumps([round(k / 60, 5) for k in range(61)])
                dose = np.linspace(0.0, 60.0, 50)
                volume = 10.0 * np.linspace(1.0, 0.0, 50) ** rng.uniform(0.5, 3)
                sts = json.dumps([round(1 / 18, 5)] * 18)
                for table, row in (
                    (
                        "rt_structure_set",
                        {"SOPInstanceUID": f"{key}.1", "patient_id": f"P{number}", "status": "ok"},
                    ),
                    ("rt_dose", {"SOPInstanceUID": f"{key}.3", "patient_id": f"P{number}", "status": "ok"}),
                    (
                        "rt_relation",
                        {"SOPInstanceUID": f"{key}.1", "organ_number": 1, "targets": "2", "end_cap": "half"}
                        | {"organ_name": "Rectum", "target_name": "PTV", "is_union": 1, "target_rule": "name"}
                        | {"status": "ok", "ovh_first_mm": shift, "ovh_width_mm": 1.0, "ovh": ovh},
                    ),
                    (
                        "rt_sts",
                        {"SOPInstanceUID": f"{key}.1", "organ_number": 1, "targets": "2", "end_cap": "half"}
                        | {"distance_width_mm": 10.0, "azimuth_width_deg": 20.0, "elevation_width_deg": 10.0}
                        | {"distance": sts, "azimuth": sts, "elevation": sts},
                    ),
                    (
                        "dvh",
                        {"SOPInstanceUID": f"{key}.3", "structure_set_uid": f"{key}.1", "roi_number": 1}
                        | {
                            "source": "pyconquest",
                            "end_cap": "half",
                            "summation_type": "PLAN",
                            "status": "ok",
                        }
                        | {"prescription_gy": 60.0, "volume_cc": 10.0, "mean_gy": 20.0}
                        | {
                            "curve_gy": dose.astype("<f4").tobytes(),
                            "curve_cc": volume.astype("<f4").tobytes(),
                        },
                    ),
                ):
                    marks = ", ".join("?" * len(row))
                    sql = f"INSERT INTO {table}({', '.join(row)}) VALUES ({marks})"
                    connection.execute(sql, tuple(row.values()))
        found = {}
        for name, work in (("similar", similar), ("achievable", achievable)):
            start = time.process_time()
            work(archive.database, "P0", "Rectum")
            found[name] = time.process_time() - start
        archive.close()
        return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=1000)
    given = parser.parse_args()
    of = rois()
    seconds = min(ours(of) for _ in range(2))
    print(f"30 ROIs x 3 targets: {seconds:.2f} s CPU")
    print(f"ratio to brute force: {brute(of) / seconds:.0f}")
    for name, took in plans(given.plans).items():
        print(f"{name} over {given.plans} plans: {took:.3f} s CPU")
    tracemalloc.start()
    ours(of)
    print(f"memory above base: {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
