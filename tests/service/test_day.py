"""A day of the service, compressed: see benchmarks/day.py. PYCONQUEST_RT_DAY_MINUTES=10 makes it the long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DAY = Path(__file__).parents[2] / "benchmarks/day.py"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and descriptors are read from /proc")
def test_a_day_of_the_service() -> None:
    minutes = float(os.environ.get("PYCONQUEST_RT_DAY_MINUTES", "0.4"))
    associations = str(round(500 * minutes))
    command = [sys.executable, str(DAY), "--minutes", str(minutes), "--associations", associations]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * minutes + 300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
