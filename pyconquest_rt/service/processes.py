"""Python processes that run a module of this package beside the one that starts them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def start(module: str, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start ``python -m pyconquest_rt.MODULE``; the options are those of :class:`subprocess.Popen`.

    The process finds this package where this one did, also when a script reached it through ``sys.path``.
    """
    here = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, known] if known else [here])}
    command = [sys.executable, "-m", f"pyconquest_rt.{module}", *arguments]
    return subprocess.Popen(command, env=environment, **options)
