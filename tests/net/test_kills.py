"""A listener killed while it receives: what it has acknowledged is on disk and in the index.

Few kills by default; as many as the environment variable PYCONQUEST_RT_KILLS says for the long form.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pydicom import dcmread

from pyconquest_rt.dicom import system
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.services.stored import read_stored_object
from pyconquest_rt.scu import echo, send_files

KILLS = int(os.environ.get("PYCONQUEST_RT_KILLS", "5"))
SENDERS = 4
SERVER = """
import sys
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.scp import Listener
folder, port = sys.argv[1], int(sys.argv[2])
with Listener(Reception(ArchiveSettings(folder + "/data", folder + "/index.db", "")), port=port) as listener:
    listener.wait()
"""


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), str(port)], stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        try:
            echo("127.0.0.1", port, "ANY")
            return server
        except NetworkError:
            time.sleep(0.05)
    raise AssertionError("the listener did not come up")


def test_acknowledged_objects_survive_kills(
    make_ct: Callable[..., list[Path]], tmp_path: Path, free_port: int
) -> None:
    groups = [make_ct(40, 128) for _ in range(SENDERS)]
    acknowledged: set[str] = set()
    checked: set[Path] = set()

    def note(path: Path, reason: str | None) -> None:
        if reason is None:
            acknowledged.add(read_stored_object(path).sop_instance_uid)

    def send(paths: list[Path]) -> None:
        send_files(paths, "127.0.0.1", free_port, "ANY", progress=note)

    chance = random.Random(1)
    for _ in range(KILLS):
        for group in groups:
            for path in group:  # new instances for every round
                data_set = dcmread(path)
                data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = (
                    f"1.2.{chance.getrandbits(64)}"
                )
                data_set.save_as(path)
        server = start(tmp_path, free_port)
        senders = [threading.Thread(target=send, args=(group,)) for group in groups]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.01, 0.3))
        server.send_signal(signal.SIGKILL)
        server.wait()
        for sender in senders:
            sender.join()
        check(tmp_path, acknowledged, checked)
    assert len(acknowledged) > KILLS


def check(folder: Path, acknowledged: set[str], checked: set[Path]) -> None:
    """Every acknowledged instance has its row and its whole file; no file under a final name is cut short."""
    with closing(sqlite3.connect(folder / "index.db")) as connection:
        rows = dict(connection.execute("SELECT SOPInstanc, ObjectFile FROM DICOMImages"))
    assert acknowledged <= rows.keys()
    assert all((folder / "data" / rows[uid]).name == f"{uid}.dcm" for uid in acknowledged)
    if system._NAMELESS:
        assert os.listdir(folder / "data" / ".incoming") == []
    files = set((folder / "data").glob("*/*.dcm"))
    assert {folder / "data" / rows[uid] for uid in acknowledged} <= files
    for path in files - checked:
        data_set = dcmread(path)
        assert len(data_set.PixelData) == 128 * 128 * 2
        assert f"{data_set.SOPInstanceUID}.dcm" == path.name
    checked |= files
