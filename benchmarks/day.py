"""A day of the service in some minutes: nothing lost, every forward delivered, no growth.

The service runs in a process of its own and receives associations as a clinic's day brings them: most store one
object, some only ask whether it is there, some connect and say nothing, some break off. A forwarding rule sends
everything on to a node that is down for the second and the fourth quarter of the day. Four times a day come the
jobs of the night (rebuild, backup, verify, upkeep), before which files are added, removed, renamed and left
half-written behind the archive's back. The pauses of the outgoing queue are shortened as the day is.

Afterwards must hold: every object that was acknowledged is a file, a row, and with the other node; index and disk
agree; the last backup opens; no job failed; each rebuild named the files that it was to find. Memory, threads and
descriptors of the service are read all along; their slope counts from the second quarter on, when everything has
been used once.

Run as ``python benchmarks/day.py [--minutes 10] [--associations 5000] [--json FILE]``. Linux.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from common import parser, report, verdict
from pydicom import dcmread
from pydicom.data import get_testdata_file

from pyconquest_rt import scu
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.files.staging import StagedFile
from pyconquest_rt.archive.files.storage import Storage
from pyconquest_rt.archive.outbox import Rule, add_rule
from pyconquest_rt.database.connection import Database
from pyconquest_rt.scp import Listener
from pyconquest_rt.service import forwarder as forward
from pyconquest_rt.service import jobs
from pyconquest_rt.service.backup import copies
from pyconquest_rt.settings.file import parse, render
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    BackupSettings,
    ListenerSettings,
    ScheduleSettings,
    Settings,
)

DAY_S = 86_400.0
QUARTERS = 4
JOBS = ("rebuild", "backup", "verify", "upkeep")
UID = "1.2.826.0.1.3680043.10.1543"
KINDS = ("store", "echo", "silent", "broken off")
SHARES = (85, 7, 4, 4)


def serve(seconds: float) -> None:
    """Run the service with pauses shortened as the day is; its settings come on the standard input."""
    from pyconquest_rt.service.serve import serve

    scale = seconds / DAY_S
    forward.FIRST_PAUSE_S, forward.LONGEST_PAUSE_S = (
        forward.FIRST_PAUSE_S * scale,
        forward.LONGEST_PAUSE_S * scale,
    )
    settings, problems = parse(sys.stdin.read())
    assert not problems, problems
    serve(settings, lambda line: print(line, flush=True))


class Objects:
    """Small CT images, each with a UID of its own."""

    def __init__(self, folder: Path, root: str) -> None:
        self._folder, self._root = folder, root
        self._data_set = dcmread(str(get_testdata_file("CT_small.dcm")))
        self._count = 0
        folder.mkdir()

    def make(self, patient: str, to: Path | None = None) -> tuple[Path, str]:
        """Write the next one; returns its path and SOPInstanceUID."""
        self._count += 1
        data_set, series = self._data_set, f"{self._root}.{sum(patient.encode())}.{self._count // 50}"
        data_set.PatientID = patient
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = series, f"{series}.1"
        data_set.SOPInstanceUID = f"{series}.1.{self._count}"
        data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
        path = to or self._folder / "object.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        data_set.save_as(path)
        return path, str(data_set.SOPInstanceUID)


class Elsewhere:
    """The node that objects are forwarded to; it knows what it has acknowledged."""

    def __init__(self, port: int) -> None:
        self.has: set[str] = set()
        self._port = port
        self._listener: Listener | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._storage = Storage(self._folder.name)

    def stage(self, sop_instance_uid: str, sender: str = "") -> AbstractContextManager[StagedFile]:
        return self._storage.stage()

    def accept(self, received: Any) -> None:
        self.has.add(received.sop_instance_uid)

    def is_up(self, wanted: bool) -> None:
        """Start or stop it."""
        if wanted and self._listener is None:
            self._listener = Listener(self, port=self._port, aet="ELSEWHERE").start()
        elif not wanted and self._listener is not None:
            self._listener.stop()
            self._listener = None


class Behind:
    """What happens in the data directory behind the archive's back, and what a rebuild has to say about it."""

    def __init__(self, data: Path, objects: Objects) -> None:
        self._data, self._objects, self._turn = data, objects, 0
        self._half: tuple[Path, bytes] | None = None

    def meddle(self) -> dict[str, set[str]]:
        """Add a folder, rename one, remove one, and leave a file half-written; returns the names by what became."""
        self._turn += 1
        added = {self._put(f"LOCAL{self._turn}/{number}.dcm") for number in range(3)}
        renamed, removed = set(), set()
        if self._turn > 1:
            (self._data / f"LOCAL{self._turn - 1}").rename(self._data / f"LOCAL{self._turn - 1}x")
            renamed = {f"LOCAL{self._turn - 1}x/{number}.dcm" for number in range(3)}
        if self._turn > 2:
            folder = self._data / f"LOCAL{self._turn - 2}x"
            removed = {str(path.relative_to(self._data)) for path in folder.iterdir()}
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        if self._half:
            path, whole = self._half
            path.write_bytes(whole)  # the copy that was under way has ended
            added.add(str(path.relative_to(self._data)))
        path, _ = self._objects.make("HALF", self._data / f"HALF/{self._turn}.dcm")
        self._half = path, path.read_bytes()
        path.write_bytes(self._half[1][:300])
        return {
            "indexed": added,
            "moved": renamed,
            "removed": removed,
            "rejected": {f"HALF/{self._turn}.dcm"},
        }

    def _put(self, name: str) -> str:
        self._objects.make(name.split("/")[0], self._data / name)
        return name


class Day:
    """One day: the service, the other node, and what must hold at the end."""

    def __init__(self, folder: Path, seconds: float, associations: int) -> None:
        self.seconds, self.associations = seconds, associations
        self.port, there = free_port(), free_port()
        self.settings = Settings(
            archive=ArchiveSettings(str(folder / "data"), str(folder / "a.db"), str(folder / "dicom.sql")),
            listener=ListenerSettings(port=self.port),
            schedule=ScheduleSettings("", "", "", "", "", forward_minutes=1 / 60, sweep_minutes=1 / 12),
            backup=BackupSettings(folder=str(folder / "backups"), count=3),
        )
        self.objects, self.elsewhere = Objects(folder / "outbox", f"{UID}.1"), Elsewhere(there)
        self.behind = Behind(folder / "data", Objects(folder / "behind", f"{UID}.2"))
        self.acknowledged: set[str] = set()
        self.refused = 0
        self.runs: list[tuple[str, str]] = []
        self.unnamed: list[str] = []
        self.samples: list[tuple[int, float, int, int]] = []
        database = Database(
            self.settings.archive.database, Archive.open(self.settings.archive).database.definition
        )
        rule = Rule("everything", "ELSEWHERE", "127.0.0.1", there, "PYCONQUEST", "p.PatientID LIKE 'P%'")
        add_rule(database, rule)
        database.close()

    def run(self) -> None:
        """Live through the day."""
        with ExitStack() as stack:
            service = stack.enter_context(running(self.settings, self.seconds))
            stack.callback(self.elsewhere.is_up, False)
            self.elsewhere.is_up(True)
            self._pass(service)
            self.elsewhere.is_up(True)
            self.delivered_after = self._wait_for_forwards()
            service.send_signal(signal.SIGTERM)
            self.ended_well = service.wait(60) == 0
        self._last_night()

    def _pass(self, service: "subprocess.Popen[str]") -> None:
        chance, start = random.Random(0), time.monotonic()
        night: threading.Thread | None = None
        for number in range(self.associations):
            time.sleep(max(0.0, start + number * self.seconds / self.associations - time.monotonic()))
            quarter, first = divmod(number * QUARTERS, self.associations)
            if first < QUARTERS:
                self.elsewhere.is_up(quarter % 2 == 0)
                if night:
                    night.join()
                night = threading.Thread(target=self._night)
                night.start()
            self._associate(chance.choices(KINDS, SHARES)[0], f"P{number // 100:03d}")
            if number % max(1, self.associations // 200) == 0:
                self.samples.append((number, *measure(service.pid)))
        if night:
            night.join()

    def _associate(self, kind: str, patient: str) -> None:
        if kind == "store":
            path, uid = self.objects.make(patient)
            sent = scu.send_files([path], "127.0.0.1", self.port, "PYCONQUEST")
            if sent.sent:
                self.acknowledged.add(uid)
            self.refused += len(sent.failed)
        elif kind == "echo":
            self.refused += not scu.echo("127.0.0.1", self.port, "PYCONQUEST").ok
        else:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                if kind == "broken off":
                    connection.sendall(b"\1\0\0\0\1\0half a request")

    def _night(self) -> None:
        expected = self.behind.meddle()
        for name in JOBS:
            run = jobs.run(self.settings, name)
            self.runs.append((name, run.state))
            if name == "rebuild":
                self.unnamed += missing_names(run.result, expected)

    def _wait_for_forwards(self) -> float | None:
        """Return after how many seconds the other node has everything; None if it never has."""
        start = time.monotonic()
        while time.monotonic() - start < max(60.0, self.seconds):
            if self.acknowledged <= self.elsewhere.has:
                return time.monotonic() - start
            time.sleep(0.1)
        return None

    def _last_night(self) -> None:
        for name in ("rebuild", "verify", "backup"):
            self.runs.append((name, jobs.run(self.settings, name).state))

    def lost(self) -> int:
        """How many acknowledged objects have no row, no file, or did not arrive at the other node."""
        ingest = Archive.open(self.settings.archive)
        rows = {
            row["SOPInstanc"]: row["ObjectFile"] for row in ingest.database.query("SELECT * FROM DICOMImages")
        }
        ingest.close()
        data = Path(self.settings.archive.data)
        safe = {uid for uid, name in rows.items() if (data / name).is_file()}
        return len(self.acknowledged - (safe & self.elsewhere.has))

    def findings(self) -> list[Any]:
        """What verify finds, and what is not well with the newest backup."""
        findings: list[Any] = jobs.run(self.settings, "verify").result["findings"]
        findings = [one for one in findings if "HALF/" not in str(one)]
        newest = copies(self.settings.archive.database, self.settings.backup.folder)[0]
        ingest = Archive.open(
            ArchiveSettings(self.settings.archive.data, str(newest), self.settings.archive.sql)
        )
        held = {row["SOPInstanc"] for row in ingest.database.query("SELECT SOPInstanc FROM DICOMImages")}
        ingest.close()
        return findings + sorted(self.acknowledged - held)

    def slope(self, column: int) -> float:
        """By how much a sample grew per 1,000 associations from the second quarter on, by least squares."""
        late = [sample for sample in self.samples if sample[0] >= self.associations / QUARTERS]
        mean_x = sum(sample[0] for sample in late) / len(late)
        mean_y = sum(sample[column] for sample in late) / len(late)
        above = sum((sample[0] - mean_x) * (sample[column] - mean_y) for sample in late)
        return 1000.0 * above / sum((sample[0] - mean_x) ** 2 for sample in late)

    def highest_rise(self, column: int) -> int:
        """By how much the last tenth's median exceeds that of the second quarter's first tenth."""
        late = [sample[column] for sample in self.samples if sample[0] >= self.associations / QUARTERS]
        tenth = max(1, len(late) // 10)
        return int(median(late[-tenth:]) - median(late[:tenth]))


def median(values: list[Any]) -> Any:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def missing_names(result: Any, expected: dict[str, set[str]]) -> list[str]:
    """What a rebuild should have named and did not."""
    named = {what: set(changes["files"]) for what, changes in result["changes"].items()}
    named["rejected"] = {path for path, _ in result["rejected"]}
    return [
        f"{what} {name}"
        for what, names in expected.items()
        for name in sorted(names - named.get(what, set()))
    ]


@contextmanager
def running(settings: Settings, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """The service, until the end; its log goes to stderr if it ends badly."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(render(settings))
        process.stdin.close()
        try:
            while not (line := process.stdout.readline()).startswith("derives"):
                if not line:
                    log.seek(0)
                    raise SystemExit(f"the service did not start:\n{log.read()}")
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            log.seek(0)
            told = Counter(line[24:120] for line in log if " ERROR " in line or "Traceback" in line)
            for line, count in told.most_common(10):
                print(f"{count} x {line}", file=sys.stderr)


def measure(pid: int) -> tuple[float, int, int]:
    """Memory in MB, threads and descriptors of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    figures = dict(line.split(":", 1) for line in status.splitlines())
    return (
        int(figures["VmRSS"].split()[0]) / 1000,
        int(figures["Threads"]),
        len(os.listdir(f"/proc/{pid}/fd")),
    )


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def rows_of(day: Day) -> list[dict[str, Any]]:
    """The table of results."""
    failed = [name for name, state in day.runs if state != "done"]
    figures: list[tuple[str, float | None, str]] = [
        ("acknowledged objects lost", day.lost(), "<= 0"),
        ("operations refused", day.refused, "<= 0"),
        ("objects that never reached the other node", len(day.acknowledged - day.elsewhere.has), "<= 0"),
        ("s from the node's return to the last delivery", day.delivered_after, "<= 60"),
        ("jobs that failed", len(failed), "<= 0"),
        ("files that a rebuild did not name", len(day.unnamed), "<= 0"),
        ("findings of verify, objects missing in the backup", len(day.findings()), "<= 0"),
        ("memory, MB per 1,000 associations", round(day.slope(1), 3), "<= 1"),
        ("threads more at the end", day.highest_rise(2), "<= 1"),
        ("descriptors more at the end", day.highest_rise(3), "<= 2"),
    ]
    if day.associations < 2000:  # the memory of a short day says nothing
        figures = [figure for figure in figures if not figure[0].startswith("memory")]
    return [{"what": what} | verdict(figure, target) for what, figure, target in figures]


def main() -> None:
    """Live through a day, print what came of it, and end with status 1 if something does not hold."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--associations", type=int, default=5000)
    arguments.add_argument("--serve", type=float, help="(the service's own process)")
    given = arguments.parse_args()
    if given.serve:
        serve(given.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder), given.minutes * 60, given.associations)
        day.run()
        rows = rows_of(day)
    print(
        f"{given.associations} associations, {len(day.acknowledged)} objects, {len(day.runs)} jobs; "
        f"memory {day.samples[0][1]:.0f} to {day.samples[-1][1]:.0f} MB"
    )
    for line in day.unnamed:
        print(f"not named: {line}")
    report("a day of the service", rows, given.json)
    if not day.ended_well or not all(row.get("holds") == "yes" for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
