"""What the benchmarks share: clocks, and a table of results that is printed and, on request, written as JSON."""

import argparse
import gc
import json
import operator
import platform
import resource
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds: CPU (user and system, of this process and of children it waited for), and of the clock."""

    cpu: float
    wall: float

    def per(self, files: int) -> "Times":
        """The share of one file, in microseconds."""
        return Times(self.cpu / files * 1e6, self.wall / files * 1e6)


Contender = Callable[[], Times]
"""One run of what is measured; it prepares itself and times its work with :func:`timed`."""


def parser(description: str) -> argparse.ArgumentParser:
    """An argument parser with the option that every benchmark has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", metavar="FILE", help="also write the results to this file")
    return made


def timed(work: Callable[[], Any]) -> Times:
    """Run some work; the rubbish of what ran before is collected first."""
    gc.collect()
    wall, cpu = perf_counter(), _cpu_seconds()
    work()
    return Times(_cpu_seconds() - cpu, perf_counter() - wall)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def alternate(
    contenders: dict[str, Contender], repeats: int, warm_up: Iterable[str] = ()
) -> dict[str, Times]:
    """Run all contenders in turn, several times over; returns the medians of each.

    Those named in ``warm_up`` run once before, which does not count.
    """
    for name in warm_up:
        contenders[name]()
    runs: dict[str, list[Times]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            runs[name].append(contender())
    return {name: Times(*map(statistics.median, zip(*times, strict=True))) for name, times in runs.items()}


_BOUNDS = {"<=": operator.le, ">=": operator.ge}


def verdict(value: float | None, target: str) -> dict[str, Any]:
    """The cells of a figure that has a target such as ``<= 3``: the figure, the target, whether it holds."""
    if value is None:
        return {"figure": "not installed", "target": target}
    bound, limit = target.split()[:2]
    return {
        "figure": value,
        "target": target,
        "holds": "yes" if _BOUNDS[bound](value, float(limit)) else "NO",
    }


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
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
