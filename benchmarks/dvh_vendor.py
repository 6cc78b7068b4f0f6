"""DVHs of real cases against those of the treatment planning systems: a breast, an Eclipse prostate and an
ENT case.

Run: ``python benchmarks/dvh_vendor.py [--data DIR] [--json FILE]``; DIR holds ``dicompyler-core`` and
``slicerrt`` (default: rt in PYCONQUEST_RT_SHARED_DATA). Doses are compared in % of the ROI's greatest dose,
volumes in % of the vendor's.
"""

import argparse
import csv
import json
import os
import re
import sys
from pathlib import Path

import numpy as np

from pyconquest_rt.dvh import DVH, calculate_dvhs, read_vendor_dvhs

SMALLEST_CC = 0.75
UNRELIABLE = {("EclipseEnt", "OrbitRight"), ("EclipseEnt", "OpticNerveRt")}
"""Rows of the exported table that both engines find 90 to 99 % off."""


def eclipse_tables(path: Path) -> dict[str, tuple[float, np.ndarray, np.ndarray]]:
    """Volume (cc), doses (Gy) and shares by ROI name from a SlicerRT table of Eclipse's DVHs."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    found = {}
    for column in range(0, len(rows[0]) - 1, 2):
        title, volume = rows[0][column], re.search(r"% of ([\d.]+) cc", rows[0][column + 1])
        if volume is None:
            continue
        pairs = [(row[column], row[column + 1]) for row in rows[1:] if len(row) > column + 1 and row[column]]
        dose, share = np.array(pairs, float).T
        found[title.split("_DvhArray")[0]] = (float(volume[1]), dose, np.minimum.accumulate(share / 100))
    return found


def dose_at(dose: np.ndarray, share: np.ndarray, part: float) -> float:
    return float(np.interp(part, share[::-1], dose[::-1]))


def compared(ours: DVH, volume: float, dose: np.ndarray, share: np.ndarray) -> dict[str, float]:
    """Differences ours - vendor: volume in %, mean, D95 and D50 in % of our greatest dose."""
    mean = float((0.5 * (dose[1:] + dose[:-1]) * -np.diff(share)).sum() + dose[-1] * share[-1])
    return {
        "vendor_cc": volume,
        "volume": 100 * (ours.volume_cc / volume - 1),
        "mean": 100 * (ours.mean_gy - mean) / ours.max_gy,
        "D95": 100 * (ours.dose_at_volume(95) - dose_at(dose, share, 0.95)) / ours.max_gy,
        "D50": 100 * (ours.dose_at_volume(50) - dose_at(dose, share, 0.50)) / ours.max_gy,
    }


def same(name: str) -> str:
    return re.sub(r"\W|_", "", name).lower()


def cases(data: Path, end_cap: str, engine: str) -> dict[tuple[str, str], dict[str, float]]:
    found = {}
    for case in ("EclipseProstate", "EclipseEnt"):
        folder = data / "slicerrt"
        ours = calculate_dvhs(
            folder / f"{case}_rtss.dcm", folder / f"{case}_rtdose.dcm", end_cap=end_cap, engine=engine
        )
        tables = {
            same(name): (name, t)
            for name, t in eclipse_tables(folder / f"{case}_DvhTable_Eclipse.csv").items()
        }
        for dvh in ours.values():
            if same(dvh.roi_name) in tables and dvh.status != "failed":
                name, table = tables[same(dvh.roi_name)]
                if (case, name) not in UNRELIABLE:
                    found[case, name] = compared(dvh, *table)
    folder = data / "dicompyler-core"
    ours = calculate_dvhs(folder / "rtss.dcm", folder / "rtdose.dcm", end_cap=end_cap, engine=engine)
    vendor = read_vendor_dvhs(folder / "rtdose.dcm")
    for number, dvh in vendor.items():
        if dvh.status != "failed" and number in ours and ours[number].status != "failed":
            name = ours[number].roi_name
            found["breast", name] = compared(ours[number], dvh.volume_cc, dvh.dose, dvh.share)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(shared) / "rt")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (options.data / "slicerrt").is_dir():
        sys.exit(f"skipped: there is no {options.data / 'slicerrt'}")
    runs = [("pyconquest", cap) for cap in ("half", "none", "taper")] + [("dicompyler", "half")]
    results = {run: cases(options.data, run[1], run[0]) for run in runs}
    print(
        "| case | ROI | vendor cc | " + " | ".join(f"volume {c} %" for c in ("half", "none", "taper")),
        end=" | ",
    )
    print("mean % | D95 % | D50 % |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    half = results["pyconquest", "half"]
    for key, values in half.items():
        volumes = " | ".join(
            f"{results['pyconquest', cap][key]['volume']:+.2f}" for cap in ("half", "none", "taper")
        )
        doses = " | ".join(f"{values[name]:+.3f}" for name in ("mean", "D95", "D50"))
        print(f"| {key[0]} | {key[1]} | {values['vendor_cc']:.2f} | {volumes} | {doses} |")
    print(
        "\nMedian of absolute differences:\n\n| engine, end cap | ROIs | volume % | mean % | D95 % | D50 % |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    summary = {}
    for (engine, cap), found in results.items():
        large = [v["volume"] for v in found.values() if v["vendor_cc"] >= SMALLEST_CC]
        medians = {"volume": float(np.median(np.abs(large)))}
        for name in ("mean", "D95", "D50"):
            medians[name] = float(np.median([abs(v[name]) for v in found.values()]))
        summary[f"{engine}, {cap}"] = medians
        cells = " | ".join(f"{value:.3f}" for value in medians.values())
        print(f"| {engine}, {cap} | {len(found)} (volume: {len(large)}) | {cells} |")
    if options.json:
        rois = {" / ".join(key): value for key, value in half.items()}
        options.json.write_text(json.dumps({"medians": summary, "rois": rois}, indent=1))


if __name__ == "__main__":
    main()
