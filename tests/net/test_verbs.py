"""The verbs of the network, at the command line, against a listener of this package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from network_helpers import FolderSink
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.cli.main import main
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.services.find import FindService
from pyconquest_rt.net.services.index import Index
from pyconquest_rt.net.services.peers import Peers
from pyconquest_rt.net.services.retrieve import RetrieveService
from pyconquest_rt.scp import Listener

Listen = Callable[..., Listener]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder of its own."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return call


@pytest.fixture
def port(listen: Listen, index: Index) -> int:
    """The port of a listener that answers queries and C-GET about the index."""
    services = {
        **FindService(index, "ARCHIVE").handlers(),
        **RetrieveService(index, "ARCHIVE", Peers()).handlers(),
    }
    return listen(services=services).port


def test_answers_with_different_attributes_make_one_table(
    run: Run, port: int, ingest: Archive, put: Callable[..., Path]
) -> None:
    put("P3.dcm", patient="P3", study=9)
    rebuild(ingest)
    keys = ("PatientName", "PatientID=P2\\P3")  # the first has letters for which it names a character set
    shown = run("find", "127.0.0.1", port, "--root", "PATIENT", "--level", "PATIENT", *keys).output
    assert [line.split()[-2:] for line in shown.splitlines()] == [
        ["PatientName", "PatientID"],
        ["Müller^Jörg", "P2"],
        ["Name^P3", "P3"],
    ]


def test_values_are_shown_as_they_stand_in_dicom(run: Run, port: int) -> None:
    ask = ("find", "127.0.0.1", port, "--json", "StudyInstanceUID=1.2.826.0.1.3680043.10.1.3")
    (row,) = json.loads(run(*ask, "ModalitiesInStudy", "StudyID", "ProcedureCodeSequence").output)
    assert (row["ModalitiesInStudy"], row["StudyID"], row["ProcedureCodeSequence"]) == ("CT\\MR", "", "")


@pytest.mark.parametrize("given", ["../elsewhere", "../.hidden"])
def test_a_folder_is_sent_wherever_it_is(
    run: Run, listen: Listen, sink: FolderSink, tmp_path: Path, given: str
) -> None:
    folder = tmp_path / Path(given).name
    save(make_object(), folder / "P1" / "1.dcm")
    save(make_object(instance=2), folder / ".trash" / "2.dcm")
    assert "1 objects sent" in run("send", "127.0.0.1", listen().port, given).output
    assert sink.count() == 1


def test_failures_are_told_in_full_but_not_without_end(run: Run, free_port: int, tmp_path: Path) -> None:
    for number in range(30):
        save(make_object(instance=number), tmp_path / "in" / f"{number:02d}.dcm")
    said = run("send", "-aec", "PACS", "127.0.0.1", free_port, tmp_path / "in", code=1).output
    assert said.count(f"PACS at 127.0.0.1:{free_port} cannot be reached: ") == 20
    assert "... and 10 more" in said


def test_what_is_fetched_is_kept_as_the_settings_say(run: Run, port: int) -> None:
    Path("pyconquest.toml").write_text('[receive]\nfile_names = "10"\n')
    run("get", "127.0.0.1", port, "StudyInstanceUID=1.2.826.0.1.3680043.10.1.1")
    assert len(list(Path("data/Images").iterdir())) == 3


@pytest.mark.parametrize("keys", [(), ("--output", "there")])
def test_nothing_is_made_where_nothing_comes(run: Run, free_port: int, keys: Any) -> None:
    run("get", "127.0.0.1", free_port, "StudyInstanceUID=1.2.3", *keys, code=1)
    assert list(Path().iterdir()) == []
