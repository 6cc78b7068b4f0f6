"""Receiving CT slices from dcmsend: this package, DCMTK's storescp, Orthanc and PyConquest.

Every server starts anew for every run, in turn, and is sent the same slices by one dcmsend or by four at a
time; the table holds medians. Only this package and Orthanc make an object durable and index it before they
answer; storescp does neither, PyConquest only indexes. CPU is the server's, user and system, from the first
connection to the last answer, children included. Every run counts what is stored and indexed against what
was sent. The last table sends one large object and shows by how much the server's memory rises.

Two rows are limits. ``sender alone`` is dcmsend into this package's listener with everything thrown away, ``disk
alone`` a loop, one for each sender, that writes as many bytes to a file, flushes it,
renames it, flushes its folder, and writes and flushes 32 KB of a journal, with nothing received and nothing read.
With one sender these two cannot overlap, so no server that flushes before it answers is faster than both together
(``sender + disk``).
What one run writes is flushed before the next, and the memory that holds its files is given back, so that all runs
use the same memory; a first run of the disk, which does not count, uses it first. On a virtual machine the first use
of a page can cost ten times as much as a later one, here 1.3 ms for each object that goes through the system's cache.
``--new-memory`` shows that case: every run's files stay in memory, so that the next one needs pages not used yet, as
long as there are any. No file is removed before the end (0.5 GB for each 1,000 objects).

Run as ``python benchmarks/receive.py [--count 1000] [--repeats 3] [--new-memory] [--json FILE]``.
Linux; DCMTK must be installed. Orthanc is measured if it is installed, PyConquest if ``--pyconquest`` names a Python
that has it.
TCP_NODELAY=1 is set for dcmsend and storescp.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from send import ENVIRONMENT, free_port, make_slices

if TYPE_CHECKING:
    from pyconquest_rt.archive.files.staging import StagedFile

ROOT = Path(__file__).resolve().parent.parent
LIMIT = "disk alone"
NOTHING = "sender alone"
WORKERS = "pyconquest_rt, workers"
SERVERS = (
    NOTHING,
    "pyconquest_rt",
    WORKERS,
    "pyconquest_rt 2 processes",
    "storescp",
    "Orthanc",
    "PyConquest",
)
PYCONQUEST = """
import sys
from pyconquest import pyconquest
pyconquest(data_directory=sys.argv[1] + "/data").start_dicom_listener(port=int(sys.argv[2]))
"""


class Nowhere:
    """Throws away what is received."""

    @contextmanager
    def stage(self, sop_instance_uid: str, sender: str = "") -> "Iterator[StagedFile]":
        """Give a file that keeps nothing."""
        with open(os.devnull, "wb") as file:
            yield cast("StagedFile", file)

    def accept(self, received: object) -> None:
        """Say that it is kept."""


def serve(folder: Path, port: int, how: str) -> None:
    """Serve with this package until SIGTERM: keep objects, keep them beside workers that derive, or drop them."""
    sys.path.insert(0, str(ROOT))
    from pyconquest_rt.archive.arrival import Reception
    from pyconquest_rt.scp import Listener
    from pyconquest_rt.service.node import Node
    from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, Settings

    archive = ArchiveSettings(str(folder / "data"), str(folder / "index.db"), "")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if how == "workers":
        with Node(Settings(archive=archive, listener=ListenerSettings(port=port))) as node:
            node.wait()
    sink = Reception(archive) if how == "keep" else Nowhere()
    with Listener(sink, port=port, reuse_port=True) as listener:
        listener.wait()


def commands(server: str, folder: Path, port: int, pyconquest: str) -> list[list[str]]:
    """Return the commands that start a server on a port, with its files below a folder."""
    ours = [sys.executable, __file__, "--serve", str(folder), str(port), "keep"]
    if server == "Orthanc":
        settings = {
            "StorageDirectory": str(folder / "data"),
            "IndexDirectory": str(folder / "data"),
            "DicomPort": port,
            "HttpPort": port + 1,
        }
        (folder / "orthanc.json").write_text(json.dumps(settings))
    return {
        NOTHING: [[*ours[:-1], ""]],
        WORKERS: [[*ours[:-1], "workers"]],
        "pyconquest_rt": [ours],
        "pyconquest_rt 2 processes": [ours, ours],
        "storescp": [["storescp", "--fork", "-od", str(folder / "data"), str(port)]],
        "Orthanc": [["Orthanc", str(folder / "orthanc.json")]],
        "PyConquest": [[pyconquest, "-c", PYCONQUEST, str(folder), str(port)]],
    }[server]


@contextmanager
def running(server: str, folder: Path, port: int, pyconquest: str) -> Iterator[list[int]]:
    """Start a server, wait until it accepts connections, and yield its process IDs."""
    (folder / "data").mkdir()
    with (folder / "log").open("wb") as log:
        processes = [
            subprocess.Popen(command, env=ENVIRONMENT, cwd=folder, stdout=log, stderr=log)
            for command in commands(server, folder, port, pyconquest)
        ]
        try:
            wait_for(port)
            time.sleep(1.0 if len(processes) > 1 else 0.3)
            yield [process.pid for process in processes]
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def wait_for(port: int) -> None:
    """Wait until something listens on a port."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing came up on port {port}")


def cpu_seconds(pids: list[int]) -> float:
    """Return user and system time of processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def settle(folder: Path, give_back: bool) -> None:
    """Have what a run has written on the disk, and not in memory any more if that is to be given back."""
    os.sync()
    if not give_back:
        return
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def disk_alone(folder: Path, loops: int, count: int) -> dict[str, float]:
    """Do only what makes objects durable, in several threads at a time; returns the figures of a server."""
    folder.mkdir()
    pixels, page = os.urandom(530_000), os.urandom(32768)

    def loop(own: Path) -> None:
        (own / "final").mkdir(parents=True)
        directory = os.open(own / "final", os.O_RDONLY)
        journal = os.open(own / "journal", os.O_RDWR | os.O_CREAT)
        for number in range(count // loops):
            file = os.open(own / "staged", os.O_RDWR | os.O_CREAT)
            os.write(file, pixels)
            os.fsync(file)
            os.close(file)
            (own / "staged").rename(own / "final" / str(number))
            os.fsync(directory)
            os.pwrite(journal, page, number % 128 * len(page))
            os.fdatasync(journal)
        os.close(directory)
        os.close(journal)

    threads = [threading.Thread(target=loop, args=(folder / str(number),)) for number in range(loops)]
    before, started = time.process_time(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu = time.monotonic() - started, time.process_time() - before
    return {"objects_per_second": count / seconds, "cpu_ms": 1000 * cpu / count, "lost": 0}


def memory_peak(pid: int) -> int:
    """Return the highest resident memory of a process since it started, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def stored(server: str, folder: Path, port: int) -> int:
    """Return the number of objects that a server has stored and, if it indexes, indexed."""
    if server == NOTHING:
        return 0
    if server == "Orthanc":
        with urllib.request.urlopen(f"http://127.0.0.1:{port + 1}/statistics") as answer:
            return int(json.load(answer)["CountInstances"])
    files = sum(path.is_file() and path.stat().st_size > 1 << 18 for path in (folder / "data").rglob("*"))
    database = next(folder.rglob("*.db"), None)
    if database is None:
        return files
    with sqlite3.connect(database) as connection:
        (rows,) = connection.execute("SELECT count(DISTINCT SOPInstanc) FROM DICOMimages").fetchone()
    return min(files, int(rows))


def measure(server: str, parts: list[Path], folder: Path, count: int, pyconquest: str) -> dict[str, float]:
    """Send all slices to a fresh server, one dcmsend for each part, and return its figures."""
    port = free_port()
    folder.mkdir()
    with running(server, folder, port, pyconquest) as pids:
        before, started = cpu_seconds(pids), time.monotonic()
        senders = [
            subprocess.Popen(
                ["dcmsend", "+sd", "127.0.0.1", str(port), str(part)],
                env=ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for part in parts
        ]
        codes = [sender.wait() for sender in senders]
        seconds = time.monotonic() - started
        time.sleep(0.2)
        cpu = cpu_seconds(pids) - before
        kept = stored(server, folder, port)
    expected = 0 if server == NOTHING else count
    if any(codes) or kept != expected:
        print(f"  {server}: stored {kept} of {count}, dcmsend ended with {codes}", file=sys.stderr)
    return {"objects_per_second": count / seconds, "cpu_ms": 1000 * cpu / count, "lost": expected - kept}


def large_object(server: str, megabytes: int, pyconquest: str) -> float:
    """Send one object and return by how many megabytes the server's memory peak rose."""
    from pydicom import dcmread

    with tempfile.TemporaryDirectory() as top:
        folder, port = Path(top), free_port()
        (path,) = make_slices(folder, 1)
        data_set = dcmread(path)
        data_set.Rows, data_set.Columns, data_set.NumberOfFrames = 1024, 1024, megabytes // 2
        data_set.PixelData = bytes(megabytes << 20)
        data_set.save_as(path)
        del data_set
        with running(server, folder, port, pyconquest) as pids:
            before = memory_peak(pids[0])
            command = ["dcmsend", "127.0.0.1", str(port), str(path)]
            subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
            return (memory_peak(pids[0]) - before) / (1 << 20)


def available(pyconquest: str) -> list[str]:
    """Return the servers that can be measured here."""
    return [
        server
        for server in SERVERS
        if (server != "Orthanc" or shutil.which("Orthanc")) and (server != "PyConquest" or pyconquest)
    ]


def run(count: int, repeats: int, pyconquest: str, give_back: bool) -> dict[str, dict[str, dict[str, float]]]:
    """Measure the disk and all servers in turn with one and with four senders; return the medians."""
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        for senders in (1, 4):
            parts = [top / f"{senders}-{number}" for number in range(senders)]
            for part in parts:
                part.mkdir()
                make_slices(part, count // senders)
            sent = count // senders * senders
            runs: dict[str, list[dict[str, float]]] = {}
            disk_alone(top / f"{senders} warm-up", senders, sent)
            settle(top, give_back)
            for turn in range(repeats):
                for server in (LIMIT, *available(pyconquest)):
                    folder = top / f"{senders} {server} {turn}"
                    figures = (
                        disk_alone(folder, senders, sent)
                        if server == LIMIT
                        else measure(server, parts, folder, sent, pyconquest)
                    )
                    settle(folder, give_back)
                    runs.setdefault(server, []).append(figures)
            results[f"{senders} sender{'s' * (senders > 1)}"] = {
                server: {name: statistics.median(one[name] for one in many) for name in many[0]}
                for server, many in runs.items()
            }
    rates = {name: row["objects_per_second"] for name, row in results["1 sender"].items()}
    together = 1 / (1 / rates[NOTHING] + 1 / rates[LIMIT])
    results["1 sender"]["sender + disk"] = {"objects_per_second": together, "cpu_ms": 0, "lost": 0}
    return results


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--large", type=int, default=1000, help="megabytes of the large object; 0 leaves it out"
    )
    parser.add_argument("--pyconquest", default="", help="a Python interpreter that has PyConquest 0.1.12")
    parser.add_argument("--new-memory", action="store_true", help="no run uses the memory of one before it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        folder, port, how = arguments.serve
        serve(Path(folder), int(port), how)
        return
    results = run(arguments.count, arguments.repeats, arguments.pyconquest, not arguments.new_memory)
    for senders, rows in results.items():
        print(f"\n{senders:26} {'objects/s':>10} {'x storescp':>11} {'CPU ms':>8} {'lost':>5}")
        for server, row in rows.items():
            ratio = row["objects_per_second"] / rows["storescp"]["objects_per_second"]
            print(
                f"{server:26} {row['objects_per_second']:10.0f} {ratio:11.2f} {row['cpu_ms']:8.2f} {row['lost']:5.0f}"
            )
    growth = {}
    if arguments.large:
        print(f"\n{'one object of ' + str(arguments.large) + ' MB':26} {'memory +MB':>10}")
        for server in ("pyconquest_rt", *(("Orthanc",) if shutil.which("Orthanc") else ())):
            growth[server] = large_object(server, arguments.large, arguments.pyconquest)
            print(f"{server:26} {growth[server]:10.1f}")
    if arguments.json:
        summary = {
            "count": arguments.count,
            "runs": results,
            "large_mb": growth,
        }
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
