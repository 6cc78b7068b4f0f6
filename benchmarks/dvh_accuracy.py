"""Spheres, cylinders and cones in linear doses: errors against what the contours encode and against the
solids.

The design is that of Nelms et al., Med. Phys. 42 (2015) 4435: gradients along SI and AP, rising and falling;
test 1 has slices of 0.2 mm and dose grids of 0.4 to 3 mm, test 2 slices as wide as the grid, 1 to 3 mm. Run:
``python benchmarks/dvh_accuracy.py [--engine dicompyler] [--json FILE]``.

``--steep`` is of hot voxels and brachytherapy sources instead (tests/rt/dvh/sampled.py): errors against the trilinear
dose of the stored grid at ``--points`` points of the prisms.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests" / "rt" / "dvh")]

from phantoms import SOLIDS, Case, measured, written
from sampled import brachytherapy, differences, hot_voxels
from sampled import errors as steep_errors

from pyconquest_rt.dvh import calculate_dvhs

SIZES = {1: [(grid, 0.2) for grid in (0.4, 1.0, 2.0, 3.0)], 2: [(grid, grid) for grid in (1.0, 2.0, 3.0)]}


def errors(engine: str) -> tuple[dict[str, list[float]], dict[int, dict[str, list[float]]]]:
    """Errors in % by metric against the contours, and by test and metric against the ideal solids."""
    encoded: dict[str, list[float]] = {}
    ideal: dict[int, dict[str, list[float]]] = {1: {}, 2: {}}
    for test, sizes in SIZES.items():
        for solid in SOLIDS:
            for axis in ("SI", "AP"):
                for rising in (True, False):
                    for grid, slices in sizes:
                        case = Case(solid, axis, rising, grid, slices)
                        rs, rd = (written(ds) for ds in case.objects())
                        dvh = calculate_dvhs(rs, rd, engine=engine)[1]
                        for truth, found in (
                            (case.stack_truth().values(), encoded),
                            (case.ideal_truth().values(), ideal[test]),
                        ):
                            for name, value in measured(dvh, truth).items():
                                found.setdefault(name, []).append(100 * (value / truth[name] - 1))
    return encoded, ideal


def steep(points: int, engine: str) -> dict[str, dict[str, list[float]]]:
    """Errors in % of the steep phantoms by kind and metric."""
    found: dict[str, dict[str, list[float]]] = {}
    for case in [*hot_voxels(), *brachytherapy()]:
        rs, rd = case.objects()
        dvh = calculate_dvhs(rs, rd, engine=engine)[1]
        for name, off in steep_errors(dvh, case.truth(rd, points)).items():
            found.setdefault(case.name.split(",")[0].split(" of ")[0], {}).setdefault(name, []).append(off)
            if abs(off) > 1:
                print(f"{case.name}: {name} {off:+.2f} %", file=sys.stderr)
    return found


def main_steep(options: argparse.Namespace) -> None:
    result = steep(options.points, options.engine)
    print("| phantoms | metric | values | median error % | greatest error % | over 1 % |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, metrics in result.items():
        for name, values in metrics.items():
            off = np.abs(values)
            numbers = f"{off.size} | {np.median(off):.3f} | {off.max():.3f} | {(off > 1).sum()}"
            print(f"| {kind} | {name} | {numbers} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def main_grid(options: argparse.Namespace) -> None:
    """Print by how much the stored grids of brachytherapy differ from the dose itself, and how many rows say so."""
    names = ("D90%", "D2.0cc", "D0.1cc", "V100%", "V150%", "V200%")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    said: dict[tuple[str, str], int] = {}
    for case in brachytherapy():
        kind, roi, grid, _ = case.name.split(", ")
        rs, rd = case.objects()
        off = differences(case.truth(rd, options.points), case.truth(None, options.points))
        key = (f"{kind}, {roi}", grid.split()[1])
        found.setdefault(key, []).append({name: off.get(name, 0.0) for name in names})
        said[key] = said.get(key, 0) + ("steep for its grid" in calculate_dvhs(rs, rd)[1].reason)
    print(f"| phantom | grid mm | {' | '.join(names)} | remark |")
    print("| --- | --- |" + " --- |" * (len(names) + 1))
    for (phantom, grid), rows in found.items():
        most = [max((row[name] for row in rows), key=abs) for name in names]
        numbers = " | ".join(f"{value:+.1f}" for value in most)
        print(f"| {phantom} | {grid} | {numbers} | {said[phantom, grid]} of {len(rows)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default="pyconquest")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--steep", action="store_true")
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--points", type=lambda text: int(float(text)), default=10_000_000)
    options = parser.parse_args()
    if options.steep or options.grid:
        (main_steep if options.steep else main_grid)(options)
        return
    encoded, ideal = errors(options.engine)
    result: dict[str, object] = {"engine": options.engine}
    print(
        "| metric | values | median error % | greatest error % | over 1 % |\n| --- | --- | --- | --- | --- |"
    )
    rows = {}
    for name, values in encoded.items():
        off = np.abs(values)
        rows[name] = (len(off), float(np.median(off)), float(off.max()), int((off > 1).sum()))
        print(f"| {name} | {rows[name][0]} | {rows[name][1]:.4f} | {rows[name][2]:.4f} | {rows[name][3]} |")
    result["encoded"] = rows
    print("\n| against the ideal solids | values | over 3 % | without Dmin and Dmax |")
    print("| --- | --- | --- | --- |")
    for test, found in ideal.items():
        whole = np.abs(np.concatenate(list(found.values())))
        inner = np.abs(np.concatenate([v for name, v in found.items() if name not in ("min", "max")]))
        counts = [(int((v > 3).sum()), v.size) for v in (whole, inner)]
        result[f"ideal, test {test}"] = counts
        shares = [f"{over} of {size} ({100 * over / size:.1f} %)" for over, size in counts]
        print(f"| test {test} | {whole.size} | {shares[0]} | {shares[1]} |")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
