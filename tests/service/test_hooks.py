import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from samples import make_object, save, wait_until

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import Derived, derive
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.doctor import examine
from pyconquest_rt.service.hooks import Caller, Stored, load
from pyconquest_rt.service.node import Node
from pyconquest_rt.service.serve import Service
from pyconquest_rt.settings import file as config
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    HooksSettings,
    ListenerSettings,
    Settings,
    WatchSettings,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        archive=ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql")),
        listener=ListenerSettings(port=0),
        derive=DeriveSettings(workers=0),
    )


# -- the thread ---------------------------------------------------------------------------------------------


def test_every_function_gets_every_event_in_order() -> None:
    one: list[int] = []
    other: list[int] = []
    threads: set[int] = set()
    caller: Caller[int] = Caller([one.append, other.append, lambda _: threads.add(threading.get_ident())])
    for number in range(1000):
        caller.tell(number)
    caller.close()
    assert one == other == list(range(1000)) and caller.lost == 0
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_one_that_fails_is_logged_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    got: list[int] = []

    def fails(number: int) -> None:
        raise RuntimeError(f"no {number}")

    caller: Caller[int] = Caller([fails, got.append])
    caller.tell(1)
    caller.tell(2)
    caller.close()
    assert got == [1, 2]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "fails" in caplog.text and "no 2" in caplog.text


def test_a_slow_one_delays_nobody_and_what_is_left_out_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    began, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def slow(number: int) -> None:
        began.set()
        go_on.wait(30)
        done.append(number)

    caller: Caller[int] = Caller([slow], longest=3)
    caller.tell(0)
    assert began.wait(30)
    for number in range(1, 10):
        caller.tell(number)  # this would block for ever if it waited for the function
    assert caller.lost == 6
    assert [r.getMessage().split(":")[1] for r in caplog.records] == [
        f" {n} calls were left out so far" for n in (1, 2, 4)
    ]
    caller.close(grace_s=0.05)
    go_on.set()
    assert "did not end in time" in caplog.text
    wait_until(lambda: done == [0, 1, 2, 3])


def test_without_functions_there_is_no_thread() -> None:
    before = threading.active_count()
    caller: Caller[int] = Caller([])
    caller.tell(1)
    assert threading.active_count() == before
    caller.close()


# -- what is stored -----------------------------------------------------------------------------------------


def send(node: Node | Service, folder: Path, count: int) -> None:
    files = [save(make_object(instance=number), folder / f"{number}.dcm") for number in range(1, count + 1)]
    assert send_files(files, "127.0.0.1", node.port, "ANY").sent == count


def test_a_listener_calls_after_the_commit(settings: Settings, tmp_path: Path) -> None:
    got: list[tuple[Stored, bool, int]] = []

    def stored(event: Stored) -> None:
        ingest = Archive.open(settings.archive)
        rows = ingest.database.query(
            "SELECT 1 FROM DICOMImages WHERE SOPInstanc = ?", [event.sop_instance_uid]
        )
        ingest.close()
        got.append((event, event.path.is_file(), len(rows)))

    with Node(settings, on_stored=[stored]) as node:
        send(node, tmp_path / "export", 5)
    assert len(got) == 5 and all(is_file and rows == 1 for _, is_file, rows in got)
    root = "1.2.826.0.1.3680043.10.1"
    event = min(event for event, _, _ in got)
    assert event[1:] == ("P1", f"{root}.1", f"{root}.1.1", f"{root}.1.1.1", "1.2.840.10008.5.1.4.1.1.2")


def test_hooks_that_hang_or_fail_never_reach_a_peer(settings: Settings, tmp_path: Path) -> None:
    free = threading.Event()

    def fails(event: Stored) -> None:
        raise RuntimeError("of the user's")

    with Node(settings, on_stored=[fails, lambda event: free.wait(30)]) as node:
        send(node, tmp_path / "export", 50)
        assert node.counters.stored == 50
        free.set()


def test_the_service_calls_what_the_settings_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hooks_of_the_site.py").write_text("got = []\ndef stored(event):\n    got.append(event.path.name)\n")
    watched = replace(
        settings,
        watch=WatchSettings(folder=str(tmp_path / "in"), seconds=0.05, rejects=str(tmp_path / "rejects")),
        hooks=HooksSettings(stored=("hooks_of_the_site:stored",)),
    )
    with Service(watched) as service:
        send(service, tmp_path / "export", 2)
        save(make_object(instance=7), tmp_path / "in/seven.dcm")
        got = sys.modules["hooks_of_the_site"].got
        wait_until(lambda: len(got) == 3)
    assert "seven.dcm" in got


def test_names_that_lead_nowhere(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken_hooks.py").write_text("1 / 0\n")
    for name in ("no_such_module:f", "os:no_such_function", "os:sep", "broken_hooks:f"):
        with pytest.raises(SettingsError, match=name):
            load([name])
        for hooks in (HooksSettings(stored=(name,)), HooksSettings(derived=(name,))):
            with pytest.raises(SettingsError, match=name):
                Node(replace(settings, hooks=hooks))
    unfit = replace(settings, hooks=HooksSettings(derived=("os:sep",)))
    assert [finding.state for finding in examine(unfit) if finding.check == "hooks"] == ["error"]
    (problem,) = config.parse("[hooks]\nstored = ['a b']\n")[1]
    assert "module:function" in problem.text and problem.line == 2


# -- what is derived ----------------------------------------------------------------------------------------


def test_derived_results_are_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_patient(tmp_path / "data", slices=3, pixels=16)
    ingest = Archive.open(settings.archive)
    rebuild(ingest)
    got: list[Derived] = []
    counts = derive(ingest, on_derived=got.append).counts
    assert {(event.extractor, event.state) for event in got} >= {("dvh", "done"), ("structure_set", "done")}
    assert len(got) == counts["done"]
    ingest.database.connection.execute("DELETE FROM derivations")
    ingest.close()

    (tmp_path / "worker_hooks.py").write_text(
        "def derived(event):\n    print(event.extractor, event.state, file=open('told.txt', 'a'))\n"
    )
    (tmp_path / "pyconquest.toml").write_text("[hooks]\nderived = ['worker_hooks:derived']\n")
    command = [sys.executable, "-m", "pyconquest_rt.worker", "--once", "--database", "a.db"]
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    told = (tmp_path / "told.txt").read_text().splitlines()
    assert sorted(told) == sorted(f"{event.extractor} {event.state}" for event in got)
