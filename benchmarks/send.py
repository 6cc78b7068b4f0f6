"""Sending CT slices into DCMTK's storescp: this package, dcmsend, and a plain pynetdicom loop.

Every sender runs as a process of its own against the same server, in turn, several times; the table holds
medians. The transfer's seconds run from the request of the association to its release (for dcmsend: the
whole process, whose start takes some milliseconds). CPU is the sender's, user and system; the second figure
leaves out the start of the interpreter and its imports.

Run as ``python benchmarks/send.py [--count 1000] [--repeats 3] [--json FILE]``. DCMTK must be installed;
TCP_NODELAY=1 is set for its tools, since Nagle's algorithm in the server hides every difference.
"""

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# pynetdicom has programs of the same names as DCMTK's; in an activated environment they would come first.
os.environ["PATH"] = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != Path(sys.executable).parent
)
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
LOST_ANSWER = "no answer came"
SENDERS = ("pyconquest_rt", "pyconquest_rt x2", "dcmsend", "pynetdicom loop")


def make_slices(folder: Path, count: int) -> list[Path]:
    """Write CT slices of 512 x 512 pixels (0.5 MB)."""
    from pydicom import dcmread
    from pydicom.data import get_testdata_file
    from pydicom.uid import generate_uid

    data_set = dcmread(str(get_testdata_file("CT_small.dcm")))
    data_set.Rows = data_set.Columns = 512
    data_set.PixelData = os.urandom(512 * 512 * 2)
    paths = []
    for number in range(count):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.InstanceNumber = number + 1
        paths.append(folder / f"{number:05d}.dcm")
        data_set.save_as(paths[-1])
    return paths


def send_ours(port: int, paths: list[Path], parallel: int) -> int:
    """Send with this package."""
    from pyconquest_rt.scu import send_files

    return send_files(paths, "127.0.0.1", port, "STORESCP", "BENCHMARK", parallel=parallel).sent


def send_plain(port: int, paths: list[Path]) -> int:
    """Send as pynetdicom's documentation shows it, with only the presentation context that is needed.

    Now and then pynetdicom 3.0.4's own thread takes an answer away from the caller ("Received unexpected
    C-STORE service message" in its log) and the association ends 30 s later; such a run is repeated.
    """
    from pydicom import dcmread
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
    from pynetdicom import AE

    ae = AE("BENCHMARK")
    ae.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    association = ae.associate("127.0.0.1", port)
    sent = 0
    for path in paths:
        status = association.send_c_store(dcmread(path))
        if "Status" not in status:
            raise SystemExit(LOST_ANSWER)
        sent += status.Status == 0
    association.release()
    return sent


def run_inside(sender: str, port: int, folder: Path) -> None:
    """Send in this process and print what came of it as JSON."""
    import pynetdicom  # noqa: F401 - imports are not part of the transfer

    import pyconquest_rt.scu  # noqa: F401

    paths = sorted(folder.iterdir())
    started, cpu = time.monotonic(), time.process_time()
    sent = (
        send_plain(port, paths)
        if sender == "pynetdicom loop"
        else send_ours(port, paths, 1 + ("x2" in sender))
    )
    print(json.dumps({"sent": sent, "seconds": time.monotonic() - started, "cpu": time.process_time() - cpu}))


def measure(sender: str, port: int, folder: Path, count: int) -> dict[str, float] | None:
    """Run one sender as a process; return objects per second and CPU ms per object, None if it broke off."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    if sender == "dcmsend":
        command = ["dcmsend", "+sd", "127.0.0.1", str(port), str(folder)]
        subprocess.run(command, check=True, env=ENVIRONMENT, capture_output=True)
        inside = {"sent": count, "seconds": time.monotonic() - started}
    else:
        command = [sys.executable, __file__, "--inside", sender, str(port), str(folder)]
        ended = subprocess.run(command, capture_output=True, text=True)
        if LOST_ANSWER in ended.stderr:
            print(f"{sender} lost an answer; its run is repeated", file=sys.stderr)
            return None
        if ended.returncode:
            raise SystemExit(f"{sender} failed: {ended.stderr[-500:]}")
        inside = json.loads(ended.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if inside["sent"] != count:
        raise SystemExit(f"{sender} sent {inside['sent']} of {count}")
    return {
        "objects_per_second": count / inside["seconds"],
        "cpu_ms": 1000 * cpu / count,
        "cpu_ms_transfer": 1000 * inside.get("cpu", cpu) / count,
    }


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def measure_fresh(sender: str, slices: Path, received: Path, count: int) -> dict[str, float] | None:
    """Measure one sender against a server that starts anew, with an empty folder."""
    received.mkdir()
    port = free_port()
    server = subprocess.Popen(["storescp", "-od", str(received), str(port)], env=ENVIRONMENT)
    time.sleep(0.5)
    try:
        result = measure(sender, port, slices, count)
    finally:
        server.terminate()
        server.wait()
    stored = len(list(received.iterdir()))
    shutil.rmtree(received)
    if result is not None and stored != count:
        raise SystemExit(f"storescp stored {stored} objects, {sender} sent {count}")
    return result


def run(count: int, repeats: int) -> dict[str, dict[str, float]]:
    """Measure all senders in turn; return the medians."""
    runs: dict[str, list[dict[str, float]]] = {sender: [] for sender in SENDERS}
    with tempfile.TemporaryDirectory() as top:
        slices, received = Path(top) / "slices", Path(top) / "received"
        slices.mkdir()
        make_slices(slices, count)
        for _ in range(repeats):
            for sender in SENDERS:
                result = None
                while result is None:
                    result = measure_fresh(sender, slices, received, count)
                runs[sender].append(result)
    return {
        sender: {name: statistics.median(one[name] for one in results) for name in results[0]}
        for sender, results in runs.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run_inside(arguments.inside[0], int(arguments.inside[1]), Path(arguments.inside[2]))
        return
    results = run(arguments.count, arguments.repeats)
    reference = results["dcmsend"]["objects_per_second"]
    print(f"{'sender':18} {'objects/s':>10} {'x dcmsend':>10} {'CPU ms':>8} {'of it transfer':>15}")
    for sender, row in results.items():
        speed, cpu, transfer = row.values()
        print(f"{sender:18} {speed:10.0f} {speed / reference:10.2f} {cpu:8.2f} {transfer:15.2f}")
    ours, plain = results["pyconquest_rt"], results["pynetdicom loop"]
    print(f"pyconquest_rt : pynetdicom loop = {ours['objects_per_second'] / plain['objects_per_second']:.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"count": arguments.count, "senders": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
