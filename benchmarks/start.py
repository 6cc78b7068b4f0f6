"""From the command to the first answered C-ECHO: ``listen`` and ``serve``, against bare imports.

The limit is an interpreter that imports the libraries that the command has loaded when it answers, and ends.
Each command starts anew in an empty folder, in turn with its limit; medians of the clock. The target is at most
one second over the limit.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import parser, report, verdict
from send import free_port

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = "from pyconquest_rt.cli.main import main; main()"
LIBRARIES = "import click, numpy, pydicom, pynetdicom, sqlite3"
VERBS = ("listen", "serve")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=7)
    arguments = options.parse_args()
    limits: list[float] = []
    answered: dict[str, list[float]] = {verb: [] for verb in VERBS}
    for turn in range(arguments.repeats + 1):
        limits.append(bare_imports())
        for verb in VERBS:
            answered[verb].append(until_echo(verb))
        if not turn:  # the first turn fills the page cache
            limits.clear()
            for taken in answered.values():
                taken.clear()
    bare = statistics.median(limits)
    rows: list[dict[str, object]] = [{"what": "bare imports, s", "seconds": bare}]
    for verb in VERBS:
        seconds = statistics.median(answered[verb])
        rows.append({"what": verb, "seconds": seconds, **verdict(seconds - bare, "<= 1 s over bare imports")})
    report("C-ECHO answered after the command", rows, arguments.json)


def bare_imports() -> float:
    """Seconds of an interpreter that only imports the libraries."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", LIBRARIES], check=True)
    return time.monotonic() - started


def until_echo(verb: str) -> float:
    """Seconds from the start of a command to its answer to a C-ECHO."""
    from pyconquest_rt.errors import NetworkError
    from pyconquest_rt.scu import echo

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        command = [sys.executable, "-c", COMMAND, verb, "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    echo("127.0.0.1", port, "ANY")
                    return time.monotonic() - started
                except NetworkError:
                    if process.poll() is not None or time.monotonic() - started > 60:
                        raise SystemExit(f"{verb} does not answer") from None
                    time.sleep(0.005)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
