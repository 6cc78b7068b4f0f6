"""What the benchmarks share: a table of results that is printed and, on request, written as JSON."""

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any


def parser(description: str) -> argparse.ArgumentParser:
    """An argument parser with the option that every benchmark has."""
    made = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    made.add_argument("--json", metavar="FILE", help="also write the results to this file")
    return made


def cpu_of(work: Callable[[], Any]) -> float:
    """CPU seconds (user and system) of one call in this process."""
    start = process_time()
    work()
    return process_time() - start


def alternate(contenders: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Run all contenders in turn, several times over; returns the median CPU seconds of each."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, work in contenders.items():
            times[name].append(cpu_of(work))
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, rows: Sequence[dict[str, Any]], json_file: str | None = None) -> None:
    """Print rows as a table, and write them as JSON where asked for."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = [names, *([_text(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    print(f"\n{title}  (Python {platform.python_version()}, {platform.machine()})")
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    sys.stdout.flush()
    if json_file:
        path = Path(json_file)
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | {title: list(rows)}, indent=1) + "\n")


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
