import configparser
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pyconquest_rt.errors import SettingsError, StorageError
from pyconquest_rt.service import unit
from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, Settings, WatchSettings


def read(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_service_may_write_its_folders_and_no_others() -> None:
    settings = Settings(
        archive=ArchiveSettings(
            data="/archive/my data", database="/fast/db/a.db", devices={"MAG1": "../mag1"}
        ),
        watch=WatchSettings(folder="in"),
    )
    service = read(unit.render(settings, Path("/srv/lab"), "dicom"))["Service"]
    assert shlex.split(service["ReadWritePaths"]) == ["/srv/lab", "/archive/my data", "/fast/db", "/srv/mag1"]
    assert (service["User"], service["WorkingDirectory"]) == ("dicom", "/srv/lab")
    assert service["CapabilityBoundingSet"] == ""


def test_a_privileged_port_needs_one_capability() -> None:
    text = unit.render(replace(Settings(), listener=ListenerSettings(port=104)), Path("/srv"), "dicom")
    assert read(text)["Service"]["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"


def test_names_cannot_break_out_of_their_line() -> None:
    with pytest.raises(SettingsError, match="control characters"):
        unit.render(Settings(), Path("/srv"), "dicom\nExecStart=/bin/sh")
    archive = ArchiveSettings(data='/odd/100%h "x"')
    service = read(unit.render(Settings(archive=archive), Path("/srv"), "dicom"))["Service"]
    assert '"/odd/100%%h \\"x\\""' in service["ReadWritePaths"]


def test_the_unit_is_written_or_the_reason_named(tmp_path: Path) -> None:
    path = unit.install("[Unit]\n", tmp_path)
    assert (path.name, path.read_text()) == ("pyconquest-rt.service", "[Unit]\n")
    with pytest.raises(StorageError, match="--print"):
        unit.install("", tmp_path / "none")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_it(tmp_path: Path) -> None:
    path = unit.install(unit.render(Settings(), tmp_path, "root"), tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, path.name in done.stderr) == (0, False), done.stderr
    exposure = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", path], capture_output=True, text=True, check=False
    )
    assert "Overall exposure level" in exposure.stdout, exposure.stderr
    level = float(exposure.stdout.rsplit(": ", 1)[1].split()[0])
    assert level < 3.0, exposure.stdout
