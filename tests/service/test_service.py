import json
import logging
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from samples import make_object, save, wait_until

from pyconquest_rt import scu
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.rebuild import rebuild
from pyconquest_rt.cli.main import main
from pyconquest_rt.errors import BusyError, DatabaseError, SettingsError, StorageError
from pyconquest_rt.service import logs
from pyconquest_rt.service.metrics import MetricsServer
from pyconquest_rt.service.serve import Service
from pyconquest_rt.service.status import published, status
from pyconquest_rt.settings import file as config
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    ListenerSettings,
    LogSettings,
    Settings,
    WatchSettings,
)

COMMAND = [sys.executable, "-m", "pyconquest_rt", "serve"]


@pytest.fixture(autouse=True)
def this_package_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        archive=ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql")),
        listener=ListenerSettings(port=0),
        derive=DeriveSettings(workers=0),
    )


@contextmanager
def running(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The service as a user runs it, in a folder of its own; killed at the end if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, *more],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def screen(process: subprocess.Popen[str]) -> dict[str, str]:
    """The first lines of the screen, by their first word."""
    assert process.stdout is not None
    lines: dict[str, str] = {}
    while "derives" not in lines:
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        name, _, text = line.strip().partition(" ")
        lines[name] = text.strip()
    return lines


def port_of(lines: dict[str, str]) -> int:
    return int(lines["DICOM"].rpartition(":")[2])


def test_from_an_empty_folder_to_a_clean_stop(tmp_path: Path) -> None:
    (tmp_path / "pyconquest.toml").write_text("[listener]\nport = 0\nae_title = 'LAB'\n")
    files = [save(make_object(instance=number), tmp_path / f"export/{number}.dcm") for number in range(1, 6)]
    with running(tmp_path) as process:
        lines = screen(process)
        port = port_of(lines)
        assert lines["DICOM"] == f"LAB@127.0.0.1:{port}"
        assert lines["data"] == str(tmp_path / "data")
        assert lines["holds"].startswith("0 patients")
        assert scu.echo("127.0.0.1", port, "LAB").ok
        assert scu.send_files(files, "127.0.0.1", port, "LAB").sent == 5
        second = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"process {process.pid}" in second.stderr
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "stopped" in said
    assert "Name^P1" not in said
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), "none.sql")
    found = status(archive)
    assert (found["images"], found["service"]) == (5, None)


def test_a_service_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    (tmp_path / "pyconquest.toml").write_text("[listener]\nport = 0\n[derive]\nworkers = 1\n")
    with running(tmp_path) as process:
        screen(process)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with running(tmp_path) as process:
        screen(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_second_service_is_refused_and_the_first_goes_on(settings: Settings) -> None:
    with Service(settings) as service:
        with pytest.raises(BusyError, match=f"process {os.getpid()}"):
            Service(settings)
        assert scu.echo("127.0.0.1", service.port, "ANY").ok
    with Service(settings):
        pass


def test_what_cannot_start_stops_what_has_started(settings: Settings) -> None:
    wrong = replace(settings, watch=WatchSettings(folder=settings.archive.data))
    with pytest.raises(SettingsError, match="side by side"):
        Service(wrong)
    with Service(settings) as service:
        assert scu.echo("127.0.0.1", service.port, "ANY").ok


def test_a_data_directory_that_cannot_be_made(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    archive = replace(settings.archive, data=str(tmp_path / "file" / "data"))
    with pytest.raises(StorageError, match="cannot make the folder"):
        Service(replace(settings, archive=archive))


def test_what_the_service_publishes(settings: Settings, tmp_path: Path) -> None:
    file = save(make_object(), tmp_path / "a.dcm")
    with Service(settings) as service:
        assert scu.send_files([file], "127.0.0.1", service.port, "ANY").sent == 1
        wait_until(lambda: service.figures()["associations"] == 1)
        service.refresh()
        figures = status(settings.archive)["service"]
        assert (figures["stored"], figures["pid"]) == (1, os.getpid())
        assert figures["addresses"] == [f"PYCONQUEST@127.0.0.1:{service.port}"]
        assert [line.split()[1] for line in service.screen() if line.startswith("DICOM")] == figures[
            "addresses"
        ]
        assert set(figures["next_jobs"]) == {"sweep", "rebuild", "backup", "verify", "upkeep", "sources"}
    assert published(settings.archive) is None


def test_every_listener_is_shown(settings: Settings) -> None:
    second = replace(settings.listener, ae_title="SECOND")
    settings = replace(settings, listeners={"second": second})
    with Service(settings) as service:
        addresses = status(settings.archive)["service"]["addresses"]
        assert [address.partition("@")[0] for address in addresses] == ["PYCONQUEST", "SECOND"]
        assert [line.split()[1] for line in service.screen() if line.startswith("DICOM")] == addresses
        assert all(scu.echo("127.0.0.1", int(each.rpartition(":")[2]), "ANY").ok for each in addresses)
        archive = settings.archive
        names = ["--data", archive.data, "--database", archive.database, "--sql", archive.sql]
        shown = CliRunner().invoke(main, ["status", *names]).output
        assert ", ".join(addresses) in shown


def test_the_watch_folder_of_a_service(settings: Settings, tmp_path: Path) -> None:
    watch = WatchSettings(folder=str(tmp_path / "in"), seconds=0.05, rejects=str(tmp_path / "rejects"))
    with Service(replace(settings, watch=watch)) as service:
        path = save(make_object(), tmp_path / "in" / "a.dcm")
        wait_until(lambda: not path.exists())
        wait_until(lambda: service.figures()["watch"] == {"stored": 1, "refused": 0})
    assert status(settings.archive)["images"] == 1


def test_metrics_are_what_prometheus_reads(settings: Settings) -> None:
    with Service(settings):
        server = MetricsServer(0, lambda: status(settings.archive))
        server.start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
                kind, text = answer.headers["Content-Type"], answer.read().decode()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=10)
        finally:
            server.stop()
    assert kind.startswith("text/plain; version=0.0.4")
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert float(samples['pyconquest_rt_objects{level="images"}']) == 0
    assert float(samples["pyconquest_rt_stored_total"]) == 0
    assert all(float(value) >= 0 for value in samples.values())


def test_status_names_files_that_are_cut_off(settings: Settings) -> None:
    path = save(
        make_object(Rows=2, PixelData=b"\0" * 64, BitsAllocated=8), Path(settings.archive.data, "P1/1.dcm")
    )
    path.write_bytes(path.read_bytes()[:-10])
    archive = Archive.open(settings)
    rebuild(archive)
    archive.close()
    assert status(settings.archive)["truncated"] == ["P1/1.dcm"]
    where = settings.archive
    names = ["--data", where.data, "--database", where.database, "--sql", where.sql]
    assert "cut off     P1/1.dcm" in CliRunner().invoke(main, ["status", *names]).output


def test_status_makes_no_database(settings: Settings) -> None:
    with pytest.raises(DatabaseError, match="no such database"):
        status(settings.archive)
    assert not Path(settings.archive.database).exists()


# -- logs ---------------------------------------------------------------------------------------------------


def test_lines_of_json_and_a_rotating_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "service.log"
    handlers = logs.configure(LogSettings(form="json", file=str(file), megabytes=0.001, count=2))
    try:
        log = logging.getLogger("pyconquest_rt.tests")
        log.debug("not written")
        for number in range(40):
            log.info("line %d", number)
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("it failed")
    finally:
        logs.release(handlers)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == [*(f"line {n}" for n in range(40)), "it failed"]
    assert "ValueError: x" in lines[-1]["traceback"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "service.log",
        "service.log.1",
        "service.log.2",
    ]
    with pytest.raises(SettingsError, match="cannot be written"):
        logs.configure(LogSettings(file=str(tmp_path)))


# -- the command line ---------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, arguments, catch_exceptions=False)
        return done.exit_code, done.output

    return invoke


def test_settings_at_the_command_line(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    assert run("config", "init") == (0, "pyconquest.toml written\n")
    assert (tmp_path / "pyconquest.toml").read_text() == config.commented()
    assert run("config", "init")[0] == 1
    assert run("config", "check") == (0, "pyconquest.toml: no errors\n")
    (tmp_path / "pyconquest.toml").write_text("[listener]\nprot = 1\n")
    code, said = run("config", "check")
    assert (code, said.startswith("pyconquest.toml:2: [listener] unknown key 'prot'")) == (1, True)
    assert run("status")[0] == 1
    (tmp_path / "pyconquest.toml").write_text("[listener]\nport = 104\n")
    assert json.loads(run("config", "show", "--json")[1])["listener"]["port"] == 104
    assert config.parse(run("config", "show")[1])[0].listener.port == 104


def test_jobs_backup_and_restore_at_the_command_line(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    save(make_object(), tmp_path / "data/P1/1.dcm")
    code, said = run("jobs", "run", "rebuild")
    assert (code, "indexed: 1" in said) == (0, True)
    assert run("jobs", "run", "rebuilt")[0] == 1
    listed = {row["name"]: row for row in json.loads(run("jobs", "list", "--json")[1])}
    assert (listed["rebuild"]["state"], listed["verify"]["state"]) == ("done", None)
    assert (listed["retention"]["when"], listed["sweep"]["when"]) == ("never", "every 5 min")
    code, said = run("backup")
    assert code == 0
    copy = said.strip()
    (tmp_path / "conquest.db").write_bytes(b"damaged")
    code, said = run("restore", copy)
    assert code == 0 and said.splitlines()[-1].startswith("index and files agree")
    code, said = run("status")
    assert (code, "1 image," in said, "does not run" in said) == (0, True, True)


def test_doctor_at_the_command_line(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "pyconquest.toml").write_text("[listener]\nport = 0\n")
    assert run("doctor")[0] == 0
    (tmp_path / "conquest.db").write_bytes(b"no database " * 1000)
    code, said = run("doctor", "--json")
    assert code == 1
    assert [found["check"] for found in json.loads(said) if found["state"] == "error"] == ["database"]
