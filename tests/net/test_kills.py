"""A listener killed while it receives: what it has acknowledged is on disk and in the index, which agree again.

Half of the senders send new objects, half send changed ones again. After each kill the next start alone has to bring
rows and files into line.

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
from samples import wait_until

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.dicom import system
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.services.stored import read_stored_object
from pyconquest_rt.scu import echo, send_files
from pyconquest_rt.settings.sections import ArchiveSettings

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
    for _ in range(1200):
        try:
            echo("127.0.0.1", port, "ANY")
            return server
        except NetworkError:
            time.sleep(0.05)
    raise AssertionError("the listener did not come up")


def change(paths: list[Path], number: int, new_uids: random.Random | None) -> None:
    """Give each object the round's number as its slice thickness and, from a source of chance, a new UID."""
    for path in paths:
        data_set = dcmread(path)
        if new_uids:
            uid = f"1.2.{new_uids.getrandbits(64)}"
            data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid
        data_set.SliceThickness = number
        data_set.save_as(path)


def test_acknowledged_objects_survive_kills(
    make_ct: Callable[..., list[Path]], tmp_path: Path, free_port: int
) -> None:
    groups = [make_ct(40, 128) for _ in range(SENDERS)]
    acknowledged: set[str] = set()

    def note(path: Path, reason: str | None) -> None:
        if reason is None:
            acknowledged.add(read_stored_object(path).sop_instance_uid)

    def send(paths: list[Path]) -> None:
        send_files(paths, "127.0.0.1", free_port, "ANY", progress=note)

    chance = random.Random(1)
    for number in range(KILLS):
        for place, group in enumerate(groups):
            change(group, number, chance if place < SENDERS // 2 else None)
        server = start(tmp_path, free_port)
        known = len(acknowledged)
        senders = [threading.Thread(target=send, args=(group,)) for group in groups]
        for sender in senders:
            sender.start()
        if number % 2:  # a slow machine may not have acknowledged any by itself
            wait_until(lambda known=known: len(acknowledged) > known)
        time.sleep(chance.uniform(0.01, 0.3))
        server.send_signal(signal.SIGKILL)
        server.wait()
        for sender in senders:
            sender.join()
        check(tmp_path, acknowledged)
    assert len(acknowledged) >= KILLS // 2


def check(folder: Path, acknowledged: set[str]) -> None:
    """Every acknowledged instance has its row and its whole file; after a start all rows and files agree."""
    with closing(sqlite3.connect(folder / "index.db")) as connection:
        assert acknowledged <= {uid for (uid,) in connection.execute("SELECT SOPInstanc FROM DICOMImages")}
    settings = ArchiveSettings(f"{folder}/data", f"{folder}/index.db", "")
    Reception(settings).close()
    with closing(Archive.open(settings)) as archive:
        assert list(verify(archive)) == []
        sql = "SELECT ObjectFile, SOPInstanc, SliceThick FROM DICOMImages"
        rows = {
            folder / "data" / name: (uid, text)
            for name, uid, text in archive.database.connection.execute(sql)
        }
    if system._NAMELESS:
        assert not list((folder / "data" / ".incoming").glob("*"))  # nor the folder, if nothing was under way
    assert set((folder / "data").glob("*/*.dcm")) == set(rows)
    for path in rows:
        data_set = dcmread(path)
        assert len(data_set.PixelData) == 128 * 128 * 2
        assert (data_set.SOPInstanceUID, str(data_set.SliceThickness)) == rows[path], path
        assert path.name == f"{data_set.SOPInstanceUID}.dcm"
