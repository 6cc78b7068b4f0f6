import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.service.doctor import Diagnosis, examine
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    BackupSettings,
    ListenerSettings,
    ReceiveSettings,
    ScheduleSettings,
    Settings,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "acrnema.map").touch()
    return Settings(
        archive=ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "dicom.sql")),
        listener=ListenerSettings(port=0),
        receive=ReceiveSettings(peers=str(tmp_path / "acrnema.map")),
        backup=BackupSettings(folder=str(tmp_path / "backups")),
    )


def bad(settings: Settings) -> list[Diagnosis]:
    """Findings that are not well; whether the disk of this machine is nearly full is not the test's matter."""
    return [one for one in examine(settings) if one.state != "ok" and one.check != "disk"]


def test_a_machine_that_is_fit_gives_no_bad_finding(settings: Settings) -> None:
    assert bad(settings) == []
    Archive.open(settings.archive).close()
    assert bad(settings) == []
    assert {one.check for one in examine(settings)} >= {"versions", "disk", "database", "port", "clock"}


def test_a_port_that_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (found,) = bad(replace(settings, listener=ListenerSettings(port=port)))
    assert (found.check, found.state, str(port) in found.detail) == ("port", "error", True)


def test_a_certificate_that_cannot_be_used(settings: Settings) -> None:
    (found,) = bad(replace(settings, listener=ListenerSettings(port=0, tls_certificate="none.pem")))
    assert (found.check, found.state, "none.pem" in found.detail) == ("certificate", "error", True)


def test_a_damaged_database(settings: Settings) -> None:
    Path(settings.archive.database).write_bytes(b"no database " * 1000)
    (found,) = bad(settings)
    assert (found.check, found.state) == ("database", "error")
    assert "restore" in found.remedy


def test_pages_that_are_damaged(settings: Settings) -> None:
    Archive.open(settings.archive).close()
    raw = bytearray(Path(settings.archive.database).read_bytes())
    raw[4096 * 3 : 4096 * 12] = b"\xff" * 4096 * 9
    Path(settings.archive.database).write_bytes(raw)
    assert [(found.check, found.state) for found in bad(settings)] == [("database", "error")]


def test_a_definition_that_cannot_be_used(settings: Settings) -> None:
    Path(settings.archive.sql).write_text("*Patient* { { 0x0010 } }")
    (found,) = bad(settings)
    assert (found.check, "line 1" in found.detail) == ("definition", True)


def test_folders_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (found,) = bad(replace(settings, backup=BackupSettings(folder=str(tmp_path / "file" / "backups"))))
    assert (found.check, found.state) == ("backup folder", "error")


def test_a_time_that_does_not_exist(settings: Settings) -> None:
    (found,) = bad(replace(settings, schedule=ScheduleSettings(verify="0 25 * * *")))
    assert (found.check, "verify" in found.detail) == ("schedule", True)


def test_a_clock_that_is_behind_the_database(settings: Settings) -> None:
    Archive.open(settings.archive).close()
    later = time.time() + 7200
    os.utime(settings.archive.database, (later, later))
    (found,) = bad(settings)
    assert found.check == "clock"


def test_peers_that_do_not_answer_or_cannot_be_read(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    Path(settings.receive.peers).write_text(f"AWAY 127.0.0.1 {port} un\n")
    (found,) = bad(settings)
    assert (found.check, found.state, "AWAY" in found.detail) == ("peers", "warning", True)
    Path(settings.receive.peers).write_text("AWAY nowhere\n")
    (found,) = bad(settings)
    assert (found.state, "line 1" in found.detail) == ("error", True)
