"""Rebuilding the index: CPU time per file against the limit and against other programs.

The tree: CT series of 0.5 MB a slice, in turn explicit, implicit, RLE and JPEG 2000, with text lengths that vary
from slice to slice as those of scanners do, or the same in all (regular); and RT objects and enhanced multi-frame
images. Databases lie on disk, files in the page cache (but for "cold"). All are measured in turn in one process,
after one run that does not count; figures are medians. Peers work on a part of the files.

The limit is to open, read 16 KB of and close each file, and to write the same rows by one executemany per table
into tables with the same indices. PyConquest and python-gdcm take part where they can be imported:
--pyconquest DIR names the folder that holds the package pyconquest.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import peers
from common import Contender, Times, alternate, parser, report, timed, verdict
from rt_trees import KINDS, make_rt_tree
from trees import make_ct_tree

import pyconquest_rt

Row = dict[str, Any]
PyConquest = Callable[[Path, int], Contender] | None


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--files", type=int, default=2000, help="CT slices (default %(default)s)")
    options.add_argument("--rounds", type=int, default=9, help="of ours and the limit (default %(default)s)")
    options.add_argument("--sample", type=int, default=100, help="files for the peers (default %(default)s)")
    options.add_argument("--pyconquest", metavar="DIR", help="folder that holds the package pyconquest")
    options.add_argument("--trees", metavar="DIR", help="keep the files here, for the next run")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as name:
        work = Path(name).resolve()
        trees = Path(arguments.trees or work / "trees").resolve()
        pyconquest = peers.pyconquest(arguments.pyconquest, work)
        files, rounds = arguments.files, arguments.rounds

        def show(title: str, rows: list[Row]) -> None:
            report(title, rows, arguments.json)

        varying = make_ct_tree(trees / "varying", files)
        show(f"{files} CT slices, varying", _ct(varying, files, rounds, work, "<= 3"))
        regular = make_ct_tree(trees / "regular", files, varying=False)
        show(f"{files} CT slices, regular", _ct(regular, files, rounds, work, "<= 1.5"))
        show("CT slices, varying, against peers", _ct_peers(varying, arguments.sample, work, pyconquest))
        show("RT objects and multi-frame images", _rt(trees, work, pyconquest))
        show(f"{files} CT slices, cold", _cold(varying, files, work))
        show("Start", _start(work))


def _row(what: str, times: Times | None) -> Row:
    if times is None:
        return {"what": what, "CPU us": "not installed"}
    return {"what": what, "CPU us": times.cpu, "wall us": times.wall}


def _ct(tree: Path, files: int, rounds: int, work: Path, target: str) -> list[Row]:
    """A rebuild, one when nothing has changed, and the limit."""
    database, names = work / "index.db", peers.files_of(tree)
    rebuild = peers.ours(tree, database, files)
    rebuild()
    contenders: dict[str, Contender] = {
        "rebuild": rebuild,
        "nothing changed": peers.again(tree, database, files),
        "nothing changed, sizes and times compared": peers.again(tree, database, files, "changed"),
        "scandir and stat alone": lambda: timed(lambda: peers.scandir_and_stat(tree)),
        "limit": peers.limit(names, database, work / "limit.db"),
        "limit, reading alone": lambda: timed(lambda: peers.read_each(names)),
    }
    medians = {name: times.per(files) for name, times in alternate(contenders, rounds).items()}
    ratio = medians["rebuild"].cpu / medians["limit"].cpu
    share = medians["nothing changed"].cpu / medians["rebuild"].cpu * 100
    compared = "nothing changed, sizes and times compared"
    times_bare = medians[compared].cpu / medians["scandir and stat alone"].cpu
    verdicts = {
        "rebuild": verdict(ratio, f"{target} x limit"),
        "nothing changed": verdict(share, "<= 5 % of rebuild"),
        compared: verdict(times_bare, "<= 2 x scandir and stat"),
    }
    return [_row(name, times) | verdicts.get(name, {}) for name, times in medians.items()]


def _ct_peers(tree: Path, sample: int, work: Path, pyconquest: PyConquest) -> list[Row]:
    """A rebuild of some files of each series, against other programs on the same files."""
    part, names = _sample(tree, work / "sample", sample)
    contenders: dict[str, Contender | None] = {
        "rebuild": peers.ours(part, work / "index.db", len(names)),
        "PyConquest": pyconquest and pyconquest(part, len(names)),
        "pydicom specific_tags + one insert": peers.pydicom_loop(names, work / "pydicom.db"),
        "gdcm.Scanner alone": peers.gdcm_scanner(names),
    }
    present = {name: contender for name, contender in contenders.items() if contender}
    medians = {name: t.per(len(names)) for name, t in alternate(present, 3, warm_up=present).items()}
    mine = medians["rebuild"]

    def times_mine(name: str, clock: str = "cpu") -> float | None:
        return getattr(medians[name], clock) / getattr(mine, clock) if name in medians else None

    rows = [_row(f"rebuild of {len(names)}", mine)]
    targets = {
        "PyConquest": ">= 20",
        "pydicom specific_tags + one insert": ">= 10",
        "gdcm.Scanner alone": ">= 3",
    }
    for name, target in targets.items():
        rows.append(_row(name, medians.get(name)) | verdict(times_mine(name), f"{target} x rebuild"))
    wall = verdict(times_mine("PyConquest", "wall"), ">= 40 x rebuild")
    rows.append({"what": "PyConquest, wall time"} | wall)
    return rows


def _sample(tree: Path, part: Path, count: int) -> tuple[Path, list[str]]:
    """Links to ``count`` files, evenly chosen over a tree, in the same folders."""
    names = peers.files_of(tree)
    for name in names[:: max(1, len(names) // count)][:count]:
        link = part / Path(name).relative_to(tree)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(name)
    return part, peers.files_of(part)


_RT_FILES = {"RTPLAN": 60, "RTDOSE": 60}  # of the others, whose files take longer to read, 12


def _rt(trees: Path, work: Path, pyconquest: PyConquest) -> list[Row]:
    """Each kind of object by itself, with its nested columns, and all together, against PyConquest."""
    measured: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        files = _RT_FILES.get(kind, 12)
        tree = make_rt_tree(trees / kind.replace(" ", "-"), kind, files)
        contenders = {"rebuild": peers.ours(tree, work / "index.db", files)}
        if pyconquest:
            contenders["PyConquest"] = pyconquest(tree, files)
        medians = alternate(contenders, 5, warm_up=contenders)
        size = statistics.mean(os.path.getsize(name) for name in peers.files_of(tree)) / 1e6
        measured[f"{files} {kind}, {size:.1f} MB"] = {
            name: times.per(files).cpu for name, times in medians.items()
        }
    rows = [_rt_row(what, times) for what, times in measured.items()]
    together = {name: statistics.mean(times[name] for times in measured.values()) for name in contenders}
    return [*rows, _rt_row("the four together", together) | _rt_verdict(together)]


def _rt_row(what: str, times: dict[str, float]) -> Row:
    peer = times.get("PyConquest")
    figure = peer / times["rebuild"] if peer else None
    return {"what": what, "CPU us": times["rebuild"], "PyConquest CPU us": peer, "figure": figure}


def _rt_verdict(times: dict[str, float]) -> Row:
    peer = times.get("PyConquest")
    return verdict(peer / times["rebuild"] if peer else None, ">= 50 x rebuild")


def _cold(tree: Path, files: int, work: Path) -> list[Row]:
    """Files that are not in the page cache, against reading 16 KB of each in eight threads."""
    names = peers.files_of(tree)
    rebuild = peers.ours(tree, work / "index.db", files)

    def cold(contender: Contender) -> Contender:
        def run() -> Times:
            _drop_from_cache(names)
            return contender()

        return run

    contenders = {
        "rebuild": cold(rebuild),
        "16 KB of each, 8 threads": cold(lambda: timed(lambda: _read_in_threads(names))),
    }
    medians = {name: times.per(files) for name, times in alternate(contenders, 3).items()}
    ratio = medians["rebuild"].wall / medians["16 KB of each, 8 threads"].wall
    rows = [_row(name, times) for name, times in medians.items()]
    rows[0] |= verdict(ratio, "<= 1.3 x in wall time")
    return rows


def _drop_from_cache(names: Sequence[str]) -> None:
    for name in names:
        descriptor = os.open(name, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _read_in_threads(names: Sequence[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(peers.read_each, [names[start : start + 50] for start in range(0, len(names), 50)]))


_PROGRAMS = {
    "bare interpreter": "pass",
    "import pyconquest_rt": "import pyconquest_rt",
    "pyconquest-rt --help": "from pyconquest_rt.cli.main import main; main(['--help'])",
}


def _start(work: Path) -> list[Row]:
    """Starting an interpreter that does nothing, and one that does what is asked; nothing may be written."""
    folder = work / "empty"
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(pyconquest_rt.__file__ or "").parents[1])}

    def start(program: str) -> None:
        command = [sys.executable, "-c", program]
        subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)

    def contender(program: str) -> Contender:
        return lambda: timed(lambda: start(program))

    contenders = {name: contender(program) for name, program in _PROGRAMS.items()}
    medians = alternate(contenders, 7, warm_up=contenders)
    bare = medians["bare interpreter"]
    rows: list[Row] = []
    for name, times in medians.items():
        cells: Row = {"what": name, "CPU s": times.cpu, "wall s": times.wall}
        rows.append(cells if times is bare else cells | verdict(times.wall - bare.wall, "<= 0.2 s over bare"))
    written = list(folder.iterdir())
    rows.append({"what": "files written"} | verdict(len(written), "<= 0"))
    return rows


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
